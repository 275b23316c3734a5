/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest - what our own guest programs print and end with: COM1, and port F4h of isa-debug-exit. */
#ifndef TENON_GUEST_H
#define TENON_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void put_char(char c)
{
    while (!(inb(0x3fd) & 0x20))
        ;
    outb(0x3f8, c);
}

static void put_text(const char *s)
{
    while (*s)
        put_char(*s++);
}

static inline void put_bytes(const void *p, unsigned n)
{
    for (const char *s = p; n--; s++)
        put_char(*s);
}

static inline void put_hex(uint64_t n)
{
    int digits = 1;

    while (digits < 16 && n >> (digits * 4))
        digits++;
    while (digits--)
        put_char("0123456789abcdef"[n >> (digits * 4) & 15]);
}

static inline void show(const char *name, uint64_t n)
{
    put_text(name);
    put_text(" ");
    put_hex(n);
    put_text("\n");
}

static inline void show_text(const char *name, const char *s)
{
    put_text(name);
    put_text(" [");
    put_text(s);
    put_text("]\n");
}

static inline void check(const char *what, bool ok)
{
    put_text(what);
    put_text(ok ? " ok\n" : " WRONG\n");
}

/* Ends the emulator with status 2 * code + 1. */
static inline void quit(uint8_t code)
{
    outb(0xf4, code);
    for (;;)
        __asm__ volatile("hlt");
}

#endif
