/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bios16 - a BIOS image of 64 KiB that says in real mode where it runs, and ends. */
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
1:      movb    $16, %al
        outb    %al, $0xf4
2:      hlt
        jmp     2b

#include "print16.S"

greeting:
        .asciz  "real mode at F000\n"
ram:    .asciz  "stack ok\n"

        .section .reset, "ax"
        ljmp    $0xf000, $start
        .org    16
        .section .note.GNU-stack, "", @progbits
