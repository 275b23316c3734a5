/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * optionrom - an expansion ROM with a bootstrap entry vector, so that a BIOS boots a kernel from it.
 *
 * After the "Plug and Play BIOS Specification" 1.0A, section 3 (expansion header), and the "BIOS Boot
 * Specification" 1.01.  The tool that makes the image fills in its length and the checksums.
 */
#include "program.h"

        .section .text.start, "ax"
        .code16
        .byte   0x55, 0xaa, 0           /* length in units of 512 bytes */
        movw    $0x0020, %ax            /* initialize: there is a bootable device */
        lretw

        .org    0x1a
        .word   pnp

        .balign 16
pnp:    .ascii  "$PnP"
        .byte   1, 2                    /* revision, length in units of 16 bytes */
        .word   0                       /* no next header */
        .byte   0, 0                    /* reserved, checksum */
        .long   0                       /* device id */
        .word   manufacturer, product
        .byte   2, 0, 0                 /* device type */
        .byte   0x04                    /* an initial program load device */
        .word   0, 0                    /* boot connection, disconnection */
        .word   bootstrap
        .word   0, 0                    /* reserved, static resources */

manufacturer:
        .asciz  "Tenon"
product:
        .asciz  "Kernel given by -kernel"

bootstrap:
        cld
        movw    $ROOM_SEGMENT, %ax
        movw    %ax, %ss
        movl    $ROOM_STACK, %esp
        movw    %ax, %es
        movl    $ROOM_MAP, %edi
        xorl    %ebx, %ebx
1:      movl    $0xe820, %eax
        movl    $0x534d4150, %edx       /* "SMAP" */
        movl    $20, %ecx
        int     $0x15
        jc      2f
        addw    $20, %di
        testl   %ebx, %ebx
        jz      2f
        cmpw    $ROOM_MAP + 20 * MAP_ENTRIES, %di
        jb      1b
2:      cli
        subl    $ROOM_MAP, %edi
        jmp     to_program
