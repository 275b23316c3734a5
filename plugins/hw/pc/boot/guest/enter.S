/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * enter - from real mode to the boot program in C, and from there to the kernel.
 *
 * The image is linked at 0 and runs at any multiple of 16 below 1 MiB.
 */
#include "program.h"

#define HEAD_MODE  8
#define HEAD_ENTRY 12
#define HEAD_EAX   16
#define HEAD_EBX   20
#define HEAD_ESI   24
#define HEAD_CR3   28

#define MODE_REAL    0
#define MODE_LINUX32 2
#define MODE_LINUX64 3

#define CR0_PE 0x1
#define CR0_ET 0x10
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define EFER 0xc0000080
#define EFER_LME 0x100

#define CODE32 0x00cf9b000000ffff
#define CODE64 0x00af9b000000ffff
#define DATA32 0x00cf93000000ffff

        .section .text.enter, "ax"
        .globl to_program

/* Real mode; EDI is the number of bytes in the map.  Interrupts are off; does not return. */
        .code16
to_program:
        cld
        movw    $ROOM_SEGMENT, %ax
        movw    %ax, %ss
        movl    $ROOM_STACK, %esp
        movw    %ax, %es
        movl    %edi, %edx
        xorl    %ebp, %ebp              /* where the image is */
        movw    %cs, %bp
        shll    $4, %ebp

        inb     $0x92, %al              /* A20 on, no reset */
        orb     $2, %al
        andb    $0xfe, %al
        outb    %al, $0x92

        movw    $gdt_own, %si           /* a copy of the GDT that knows where the image is */
        movw    $ROOM_GDT, %di
        movw    $gdt_own_end - gdt_own, %cx
        rep movsb %cs:(%si), %es:(%di)
        movl    %ebp, %eax
        movw    %ax, %es:ROOM_GDT + 0x18 + 2
        shrl    $16, %eax
        movb    %al, %es:ROOM_GDT + 0x18 + 4
        lgdtl   %cs:gdt_own_pointer
        movl    $CR0_PE | CR0_ET, %eax  /* caches on, too */
        movl    %eax, %cr0
        leal    in_protected(%ebp), %eax
        pushl   $8
        pushl   %eax
        lretl

        .code32
in_protected:
        movl    $0x10, %eax
        movl    %eax, %ss
        movl    $ROOM(ROOM_STACK), %esp
        call    load_segments
        pushl   %edx
        call    boot_main
        movl    $ROOM(ROOM_HEAD), %edi
        movl    HEAD_MODE(%edi), %ecx
        testl   %ecx, %ecx
        jz      enter_real
        cmpl    $MODE_LINUX64, %ecx
        je      enter_long

        leal    gdt_flat(%ebp), %edx
        movl    $8, %eax
        cmpl    $MODE_LINUX32, %ecx
        jne     1f
        leal    gdt_linux32(%ebp), %edx
        movl    $0x10, %eax
1:      call    load_gdt
        pushl   %eax
        pushl   HEAD_ENTRY(%edi)
        addl    $8, %eax                /* data follows code */
        call    load_segments
        pushl   $2
        popfl
        movl    HEAD_EAX(%edi), %eax
        movl    HEAD_EBX(%edi), %ebx
        movl    HEAD_ESI(%edi), %esi
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        lretl

enter_long:
        leal    gdt_linux64(%ebp), %edx
        call    load_gdt
        movl    HEAD_CR3(%edi), %eax
        movl    %eax, %cr3
        movl    $CR4_PAE, %eax
        movl    %eax, %cr4
        movl    $EFER, %ecx
        movl    $EFER_LME, %eax
        xorl    %edx, %edx
        wrmsr
        movl    $CR0_PG | CR0_PE | CR0_ET, %eax
        movl    %eax, %cr0
        leal    in_long(%ebp), %eax
        pushl   $0x10
        pushl   %eax
        lretl

        .code64
in_long:
        movl    $0x18, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %eax, %ss
        movl    HEAD_ESI(%rdi), %esi
        movl    HEAD_ENTRY(%rdi), %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        jmp     *%rax

        .code32
/* The GDT at EDX, four descriptors. */
load_gdt:
        pushl   %edx
        pushw   $4 * 8 - 1
        lgdtl   (%esp)
        addl    $6, %esp
        ret

load_segments:
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %eax, %ss
        ret

enter_real:
        movl    HEAD_EAX(%edi), %eax
        movl    HEAD_EBX(%edi), %ebx
        movl    HEAD_ENTRY(%edi), %ecx
        ljmp    $0x18, $in_real_segment

        .code16
in_real_segment:
        movw    $0x20, %dx
        movw    %dx, %ds
        movw    %dx, %es
        movw    %dx, %fs
        movw    %dx, %gs
        movw    %dx, %ss
        movl    $CR0_ET, %edx
        movl    %edx, %cr0
        movw    $ROOM_SEGMENT, %dx
        movw    %dx, %ss
        movl    $ROOM_STACK, %esp
        shrl    $4, %ebp
        pushw   %bp
        pushw   $in_real
        lretw
in_real:
        movw    %bx, %ds
        movw    %bx, %es
        movw    %bx, %fs
        movw    %bx, %gs
        movw    %bx, %ss
        movzwl  %ax, %esp
        pushl   %ecx
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %esi, %esi
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        lretw

        .balign 8
gdt_own:
        .quad   0, CODE32, DATA32
        .quad   0x00009b000000ffff      /* 18h: 16-bit code, where the image is */
        .quad   0x000093000000ffff      /* 20h: 16-bit data */
gdt_own_end:
gdt_own_pointer:
        .word   gdt_own_end - gdt_own - 1
        .long   ROOM(ROOM_GDT)

        .balign 8
gdt_flat:
        .quad   0, CODE32, DATA32, 0
gdt_linux32:
        .quad   0, CODE32, CODE32, DATA32
gdt_linux64:
        .quad   0, CODE32, CODE64, DATA32
