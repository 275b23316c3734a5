/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * line - a guest at the other end of a line: it says what it receives.  With "flood" at the end of
 * its command line it sends 10 MiB instead, and ends.  At "P" it switches the machine off, at "Q"
 * it ends by isa-debug-exit.
 */

#include "guest.h"
#include "state.h"

enum { DATA = 0x3f8, FCR = 0x3fa, LSR = 0x3fd, READY = 0x01, BREAK = 0x10, EMPTY = 0x20 };
/* Where SeaBIOS puts the PIIX4's PM1 control register. */
enum { PM_CONTROL = 0x604, SLEEP_S5 = 0x2000 };
enum { FIFO = 16, MUCH = 10 << 20 };

static void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

/* MUCH bytes, a FIFO's fill at a time: lines of 64. */
static void flood(void)
{
    for (unsigned sent = 0; sent < MUCH;) {
        while (!(inb(LSR) & EMPTY))
            ;
        for (unsigned i = 0; i < FIFO; i++, sent++)
            outb(DATA, sent % 64 == 63 ? '\n' : 'a' + sent / 64 % 26);
    }
}

/* Multiboot's information has flags first, and the command line's address at 16. */
static bool asked_for_flood(const struct entry_state *s)
{
    const uint32_t *info = (const uint32_t *)s->ebx;
    const char *text = (const char *)info[4], *last = text;

    while (*text)
        if (*text++ == ' ')
            last = text;
    return last[0] == 'f' && last[1] == 'l';
}

void guest_main(const struct entry_state *s)
{
    outb(FCR, 1);
    if (asked_for_flood(s)) {
        flood();
        quit(16);
    }
    put_text("ready\n");
    for (;;) {
        uint8_t status = inb(LSR), c;

        if (!(status & READY))
            continue;
        c = inb(DATA);
        if (status & BREAK)
            put_text("break\n");
        else if (c == 'Q')
            quit(16);
        else if (c == 'P')
            outw(PM_CONTROL, SLEEP_S5);
        else
            show("got", c);
    }
}
