/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * firmware - where a processor starts without a BIOS, and the few interrupt handlers it may need.
 *
 * The image is 64 KiB, seen at F0000h and below 4 GiB.
 */
#include "program.h"

#define BDA_TICKS 0x46c
#define PIC1 0x20
#define PIC2 0xa0
#define EOI  0x20

        .section .text.start, "ax"
        .globl int_none, int_tick, int_irq_low, int_irq_high
        .code16
start:
        cli
        xorl    %edi, %edi              /* the map comes from fw_cfg */
        jmp     to_program

int_tick:                               /* IRQ0: another 55 ms since midnight */
        pushw   %ax
        pushw   %ds
        xorw    %ax, %ax
        movw    %ax, %ds
        incl    BDA_TICKS
        movb    $EOI, %al
        outb    %al, $PIC1
        popw    %ds
        popw    %ax
        iretw

int_irq_high:
        pushw   %ax
        movb    $EOI, %al
        outb    %al, $PIC2
        outb    %al, $PIC1
        popw    %ax
        iretw

int_irq_low:
        pushw   %ax
        movb    $EOI, %al
        outb    %al, $PIC1
        popw    %ax
int_none:
        iretw

        .section .reset, "ax"
        .code16
        ljmp    $0xf000, $start
        .org    16
