/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bios16 - a BIOS image of 64 KiB that says in real mode where it runs, moves to the RAM behind
 * itself (82441FX data sheet: PAM0), and ends. */
        .section .text, "ax"
        .code16
        .globl start
start:  cli
        cld
        movw    %cs, %ax
        movw    %ax, %ds
        movw    $0x9000, %ax            /* RAM is there, below 640 KiB */
        movw    %ax, %ss
        movw    $0x1000, %sp
        movw    $greeting, %si
        call    print
        pushw   $0x1234
        popw    %ax
        cmpw    $0x1234, %ax
        movw    $ram, %si
        jne     1f
        call    print
1:      movw    $0xcf8, %dx             /* PAM0, bits 5:4: what is written goes to the RAM */
        movl    $0x80000058, %eax
        outl    %eax, %dx
        movw    $0xcfd, %dx
        movb    $0x20, %al
        outb    %al, %dx
        movw    %cs, %ax
        movw    %ax, %es
        movw    $start, %si
        movw    %si, %di
        movw    $end - start, %cx
        rep movsb
        movw    $0x6e69, %es:shadow     /* "in": in the RAM alone */
        cmpw    $0x6f6e, shadow
        jne     2f
        movb    $0x10, %al              /* the RAM is read, and not written */
        outb    %al, %dx
        movb    $0, shadow
        movw    $shadow, %si
        call    print
        movb    $16, %al
        outb    %al, $0xf4
2:      hlt
        jmp     2b

#include "print16.S"

greeting:
        .asciz  "real mode at F000\n"
ram:    .asciz  "stack ok\n"
shadow: .asciz  "no shadow\n"
end:

        .section .reset, "ax"
        ljmp    $0xf000, $start
        .org    16
        .section .note.GNU-stack, "", @progbits
