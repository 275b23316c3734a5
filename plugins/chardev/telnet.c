/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* telnet - between a guest's bytes and the telnet protocol (RFC 854; options 855 to 858). */

#include "telnet.h"

enum { SE = 240, BRK = 243, AYT = 246, SB = 250, WILL = 251, WONT, DO, DONT, IAC = 255 };

#define BIT(option) (1u << (option))
enum { BINARY = BIT(0), ECHO = BIT(1), NO_GO_AHEAD = BIT(3) };

enum { OURS, THEIRS };

enum { DATA, COMMAND, OPTION, SUB, SUB_COMMAND };

/* ---- Options: agreed on for each side on its own ---- */

static uint8_t wanted(const struct telnet *t, int side)
{
    bool echoes = (side == OURS) == t->server;

    return BINARY | NO_GO_AHEAD | (echoes ? ECHO : 0);
}

static void say(struct pending *out, int side, bool on, uint8_t option)
{
    uint8_t verb = side == OURS ? (on ? WILL : WONT) : (on ? DO : DONT);

    pending_add(out, (uint8_t[]){ IAC, verb, option }, 3);
}

void telnet_init(struct telnet *t, bool server, struct pending *out)
{
    *t = (struct telnet){ .server = server };
    for (int side = OURS; side <= THEIRS; side++) {
        t->asked[side] = wanted(t, side);
        for (uint8_t option = 0; option < 8; option++)
            if (t->asked[side] & BIT(option))
                say(out, side, true, option);
    }
}

/* WILL and WONT speak of their side, DO and DONT of ours.  Only a change is answered, and not if we
 * have asked for it: else two ends might answer each other for ever. */
static void negotiate(struct telnet *t, uint8_t option, struct pending *out)
{
    int side = t->verb == WILL || t->verb == WONT ? THEIRS : OURS;
    bool on = t->verb == WILL || t->verb == DO;
    uint8_t bit = option < 8 ? BIT(option) : 0;
    bool asked = t->asked[side] & bit, is_on = t->on[side] & bit;

    t->asked[side] &= ~bit;
    if (on && !is_on && !asked)
        say(out, side, wanted(t, side) & bit, option);
    if (!on && is_on)
        say(out, side, false, option);
    if (on)
        t->on[side] |= bit & wanted(t, side);
    else
        t->on[side] &= ~bit;
}

/* ---- From the far end ---- */

/* The end of a line is CR LF or CR NUL there, and a key that sends CR here. */
static void decode_data(struct telnet *t, uint8_t byte, uint8_t *data, struct telnet_in *in)
{
    bool second = t->got_cr && (byte == '\n' || byte == 0);

    t->got_cr = byte == '\r' && !(t->on[THEIRS] & BINARY);
    if (!second)
        data[in->got++] = byte;
}

static void decode_command(struct telnet *t, uint8_t byte, uint8_t *data, struct telnet_in *in,
                           struct pending *out)
{
    t->state = DATA;
    if (byte == IAC) {
        decode_data(t, byte, data, in);
    } else if (byte >= WILL && byte <= DONT) {
        t->verb = byte;
        t->state = OPTION;
    } else if (byte == SB) {
        t->state = SUB;
    } else if (byte == AYT) {
        pending_add(out, "[Yes]", 5);
    } else if (byte == BRK) {
        in->brk = true;
    }
}

struct telnet_in telnet_decode(struct telnet *t, const uint8_t *raw, size_t n, uint8_t *data,
                               struct pending *out)
{
    struct telnet_in in = { 0 };

    while (in.used < n && !in.brk) {
        uint8_t byte = raw[in.used++];

        switch (t->state) {
        case DATA:
            if (byte == IAC)
                t->state = COMMAND;
            else
                decode_data(t, byte, data, &in);
            break;
        case COMMAND: decode_command(t, byte, data, &in, out); break;
        case OPTION:
            negotiate(t, byte, out);
            t->state = DATA;
            break;
        case SUB: t->state = byte == IAC ? SUB_COMMAND : SUB; break;
        default: t->state = byte == SE ? DATA : SUB; break;
        }
    }
    return in;
}

/* ---- To the far end ---- */

size_t telnet_encode(struct telnet *t, const uint8_t *data, size_t n, struct pending *out)
{
    bool text = !(t->on[OURS] & BINARY);
    size_t at = 0;

    for (; at < n && pending_room(out) >= 2; at++) {
        if (t->sent_cr && data[at] != '\n')
            pending_add(out, "", 1);
        pending_add(out, (uint8_t[]){ data[at], IAC }, data[at] == IAC ? 2 : 1);
        t->sent_cr = text && data[at] == '\r';
    }
    return at;
}

void telnet_send_break(struct pending *out)
{
    pending_add(out, (uint8_t[]){ IAC, BRK }, 2);
}
