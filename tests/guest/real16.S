/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * real16 - a multiboot kernel at 8000h, over where the information block may lie, that goes to real
 * mode and relies on what firmware leaves there: interrupts halted for end by the timer, by way of the
 * interrupt table at 0.
 *
 * Intel SDM volume 3, section 9.9.2 (back to real mode).
 */
        .section .text, "ax"
        .code32
        .long   0x1badb002, 0, -0x1badb002
        .org    0x18
        .globl start
start:  cli
        lgdtl   gdt_pointer
        ljmpl   $8, $1f
        .code16
1:      movw    $16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    %cr0, %eax
        andb    $0xfe, %al
        movl    %eax, %cr0
        ljmpl   $0, $2f
2:      xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7f00, %sp
        lidtl   idt_pointer
        movw    $greeting, %si
        call    print
        movw    $3, %cx
3:      sti                             /* who waits for nothing else is woken by the timer */
        hlt
        cli
        loop    3b
        movw    $ticks, %si
        call    print
        cmpl    $0x12345678, last       /* its end, and so all of it */
        jne     4f
        movw    $whole, %si
        call    print
4:      movb    $16, %al
        outb    %al, $0xf4
5:      hlt
        jmp     5b

#include "print16.S"

greeting:
        .asciz  "real mode\n"
ticks:  .asciz  "the timer ends HLT\n"
whole:  .asciz  "the image is whole\n"
        .balign 8
gdt:    .quad   0, 0x00009b000000ffff, 0x000093000000ffff
gdt_pointer:
        .word   23
        .long   gdt
idt_pointer:
        .word   0x3ff
        .long   0
        .org    0x5800                  /* QEMU's block is at 9000h to 9557h */
last:   .long   0x12345678
        .section .note.GNU-stack, "", @progbits
