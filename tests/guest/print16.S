/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* print16 - for 16-bit programs to include: prints the text at DS:SI, ended by a zero, on COM1. */
print:  lodsb
        testb   %al, %al
        jz      2f
        movb    %al, %ah
        movw    $0x3fd, %dx
1:      inb     %dx, %al
        testb   $0x20, %al
        jz      1b
        movw    $0x3f8, %dx
        movb    %ah, %al
        outb    %al, %dx
        jmp     print
2:      ret
