/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gdb-link - packets of gdb's remote serial protocol, in a stream of bytes.
 *
 * "Debugging with GDB", appendix E.1: $packet#sum, escapes, acknowledgements.
 */

#include "debug/gdb-impl.h"

#include <string.h>

enum { ESCAPE = '}', ESCAPED_BY = 0x20, CTRL_C = 3 };

static void begin(struct gdb_link *l)
{
    l->state = LINK_BODY;
    l->n = l->sum = 0;
    l->bad = false;
}

static void add(struct gdb_link *l, uint8_t byte)
{
    if (l->n < GDB_PACKET)
        l->packet[l->n++] = byte;
    else
        l->bad = true;
}

static enum gdb_item idle(struct gdb_link *l, uint8_t byte)
{
    switch (byte) {
    case '$': begin(l); return GDB_NOTHING;
    case '+': return GDB_ACK;
    case '-': return GDB_NAK;
    case CTRL_C: return GDB_INTERRUPT;
    default: return GDB_NOTHING;
    }
}

static void body(struct gdb_link *l, uint8_t byte)
{
    if (byte == '$') { /* the end of the one before has been lost */
        begin(l);
        return;
    }
    if (byte == '#') {
        l->state = LINK_SUM;
        return;
    }
    l->sum += byte;
    if (l->state == LINK_ESCAPE)
        add(l, byte ^ ESCAPED_BY);
    else if (byte != ESCAPE)
        add(l, byte);
    l->state = l->state == LINK_BODY && byte == ESCAPE ? LINK_ESCAPE : LINK_BODY;
}

static void sum_digit(struct gdb_link *l, uint8_t byte)
{
    int value = g_ascii_xdigit_value(byte);

    l->bad |= value < 0;
    l->said = l->said << 4 | (value & 15);
}

enum gdb_item gdb_link_byte(struct gdb_link *l, uint8_t byte)
{
    switch (l->state) {
    case LINK_IDLE: return idle(l, byte);
    case LINK_BODY:
    case LINK_ESCAPE: body(l, byte); return GDB_NOTHING;
    case LINK_SUM:
        sum_digit(l, byte);
        l->state = LINK_SUM_END;
        return GDB_NOTHING;
    default:
        sum_digit(l, byte);
        l->state = LINK_IDLE;
        l->packet[l->n] = 0;
        return l->bad || l->said != l->sum ? GDB_GARBLED : GDB_COMMAND;
    }
}

void gdb_link_wrap(GString *to, const void *packet, size_t n)
{
    const uint8_t *bytes = packet;
    size_t from = to->len + 1;
    uint8_t sum = 0;

    g_string_append_c(to, '$');
    for (size_t i = 0; i < n; i++) {
        bool escape = strchr("}#$*", bytes[i]) && bytes[i];

        if (escape)
            g_string_append_c(to, ESCAPE);
        g_string_append_c(to, escape ? bytes[i] ^ ESCAPED_BY : bytes[i]);
    }
    for (size_t i = from; i < to->len; i++)
        sum += to->str[i];
    g_string_append_printf(to, "#%02x", sum);
}
