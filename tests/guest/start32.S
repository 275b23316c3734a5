/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start32 - entry of the 32-bit programs: multiboot, by ELF's addresses or (AOUT) the header's, or
 * PVH.  Hands what it was entered with to guest_main(); LONG goes to 64-bit mode first.
 */
#define FLAGS_AOUT 0x10000

        .section .text.first, "ax"
        .code32
#ifdef AOUT
header: .long   0x1badb002, FLAGS_AOUT, -(0x1badb002 + FLAGS_AOUT)
        .long   header, header, load_end, bss_end, start
#elif !defined(PVH)
        .long   0x1badb002, 0, -0x1badb002
#endif

        .globl start
start:  movl    %eax, entry_state
        movl    %ebx, entry_state + 4
        movl    %cr0, %eax
        movl    %eax, entry_state + 8
        movl    %cr4, %eax
        movl    %eax, entry_state + 12
        movw    %cs, entry_state + 16
        movw    %ds, entry_state + 18
        movw    %es, entry_state + 20
        movw    %ss, entry_state + 22
        sidt    entry_state + 24
        movl    $stack_end, %esp
        pushfl
        popl    entry_state + 32
#ifdef LONG
        movl    $tables + 0x1003, tables
        movl    $tables + 0x2003, tables + 0x1000
        movl    $tables + 0x2000, %edi  /* 1 GiB in pages of 2 MiB */
        movl    $0x83, %eax
        movl    $512, %ecx
1:      movl    %eax, (%edi)
        addl    $0x200000, %eax
        addl    $8, %edi
        loop    1b
        movl    $tables, %eax
        movl    %eax, %cr3
        movl    $0x20, %eax
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    $0x80000011, %eax
        movl    %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $8, $in_long
        .code64
in_long:
        movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    $stack_end, %esp
        movl    $entry_state, %edi
        call    guest_main
#else
        pushl   $entry_state
        call    guest_main
#endif
1:      hlt
        jmp     1b

#ifdef PVH
        .section .note.pvh, "a", @note
        .long   4, 4, 18
        .asciz  "Xen"
        .long   start
#endif

        .section .data
        .balign 8
        .globl entry_state
entry_state:
        .fill   40
gdt:    .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
        .word   23
        .long   gdt

        .section .bss
        .balign 4096
tables: .fill   3 * 4096
        .fill   16384
stack_end:
        .section .note.GNU-stack, "", @progbits
