/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* noisy16 - a BIOS image of 64 KiB that does what the log tells of: it touches what is not there, asks
 * the keyboard controller for nonsense, takes an interrupt, and ends in a triple fault. */
        .section .text, "ax"
        .code16
        .globl start
start:  cli
        xorw    %ax, %ax
        movw    %ax, %ss
        movw    $0x1000, %sp
        movw    $0x1234, %dx            /* no port */
        outb    %al, (%dx)
        inb     (%dx), %al
        movw    $0xa000, %bx            /* no memory, without a display */
        movw    %bx, %ds
        movb    0x10, %bl
        movb    %bl, 0x11
        xorw    %ax, %ax
        movw    %ax, %ds
        outb    %al, $0x64              /* no command of an 8042 */
        movw    $handler, 4*0x21        /* INT 21h */
        movw    $0xf000, 4*0x21+2
        int     $0x21
        movw    $0, 0x800               /* an IDT without a gate */
        lidt    0x800
fault:  ud2
handler:
        iret

        .section .reset, "ax"
        ljmp    $0xf000, $start
        .org    16
        .section .note.GNU-stack, "", @progbits
