/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* line - a guest at the other end of a line: it says what it receives, and sends much if asked. */

#include "guest.h"
#include "state.h"

enum { DATA = 0x3f8, FCR = 0x3fa, LSR = 0x3fd, READY = 0x01, BREAK = 0x10, EMPTY = 0x20 };
enum { FIFO = 16, MUCH = 10 << 20 };

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

void guest_main(const struct entry_state *s)
{
    outb(FCR, 1);
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
        else if (c == 'F')
            flood();
        else
            show("got", c);
    }
}
