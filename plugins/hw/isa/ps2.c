/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ps2.h"

// clang-format off
enum {
    ACK = 0xfa, PASSED = 0xaa, RESEND = 0xfe,

    KBD_LEDS      = 0xed,       /* + which are on */
    KBD_ECHO      = 0xee,       /* answers the same */
    KBD_SCAN_SET  = 0xf0,       /* + 1 to 3; 0 asks for it */
    KBD_ID        = 0xf2,       /* answers AB 83 */
    KBD_RATE      = 0xf3,       /* + typematic rate and delay */
    KBD_DISABLE   = 0xf5,       /* and sets the defaults */
    KBD_DEFAULTS  = 0xf6,
    KBD_KEY_FIRST = 0xfb,       /* F4h enables, F7h-FAh are for all keys; */
    KBD_KEY_LAST  = 0xfd,       /* FBh-FDh + a key's code: how it reports */

    MOUSE_SCALE_1    = 0xe6,
    MOUSE_SCALE_2    = 0xe7,
    MOUSE_RESOLUTION = 0xe8,    /* + 0 to 3 */
    MOUSE_STATUS     = 0xe9,    /* answers three bytes */
    MOUSE_STREAM     = 0xea,
    MOUSE_READ       = 0xeb,    /* answers a packet */
    MOUSE_UNWRAP     = 0xec,
    MOUSE_WRAP       = 0xee,    /* echoes all but UNWRAP and RESET */
    MOUSE_REMOTE     = 0xf0,
    MOUSE_ID         = 0xf2,    /* answers 0 */
    MOUSE_RATE       = 0xf3,    /* + samples a second */
    MOUSE_ENABLE     = 0xf4,
    MOUSE_DISABLE    = 0xf5,
    MOUSE_DEFAULTS   = 0xf6,

    RESET = 0xff,
    MOUSE_STATUS_SCALED = 0x10, MOUSE_STATUS_STREAMING = 0x20, MOUSE_STATUS_REMOTE = 0x40,
    MOUSE_PACKET = 0x08,        /* bit 3 of a packet's first byte is always set */
};
// clang-format on

/* What a host never reads is lost. */
static void queue_put(struct ps2_queue *q, uint8_t byte)
{
    if (q->count < PS2_QUEUE)
        q->data[(q->first + q->count++) % PS2_QUEUE] = byte;
}

bool ps2_take(struct ps2_queue *q, uint8_t *byte)
{
    if (!q->count)
        return false;
    *byte = q->last = q->data[q->first];
    q->first = (q->first + 1) % PS2_QUEUE;
    q->count--;
    return true;
}

void ps2_check(struct ps2_queue *q)
{
    q->first %= PS2_QUEUE;
    if (q->count > PS2_QUEUE)
        q->count = PS2_QUEUE;
}

/* ---- Keyboard ---- */

static void keyboard_defaults(struct ps2_keyboard *k)
{
    k->scan_set = 2;
    k->command = 0;
}

void ps2_keyboard_init(struct ps2_keyboard *k)
{
    *k = (struct ps2_keyboard){ 0 };
    keyboard_defaults(k);
}

/* The second byte of a command; one that is itself a command ends the first. */
static bool keyboard_argument(struct ps2_keyboard *k, uint8_t byte)
{
    uint8_t command = k->command;

    k->command = 0;
    if (!command || byte >= KBD_LEDS)
        return false;
    if (command == KBD_SCAN_SET && byte > 3) {
        queue_put(&k->out, RESEND);
        return true;
    }
    queue_put(&k->out, ACK);
    if (command == KBD_SCAN_SET && byte)
        k->scan_set = byte;
    else if (command == KBD_SCAN_SET)
        queue_put(&k->out, k->scan_set);
    return true;
}

static void keyboard_command(struct ps2_keyboard *k, uint8_t byte)
{
    queue_put(&k->out, ACK);
    switch (byte) {
    case KBD_LEDS:
    case KBD_SCAN_SET:
    case KBD_RATE:
    case KBD_KEY_FIRST ... KBD_KEY_LAST: k->command = byte; break;
    case KBD_ID:
        queue_put(&k->out, 0xab);
        queue_put(&k->out, 0x83);
        break;
    case KBD_DISABLE:
    case KBD_DEFAULTS: keyboard_defaults(k); break;
    case RESET:
        keyboard_defaults(k);
        queue_put(&k->out, PASSED);
        break;
    }
}

void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte)
{
    k->out.count = 0; /* a command ends what was being said */
    if (keyboard_argument(k, byte))
        return;
    switch (byte) {
    case KBD_ECHO: queue_put(&k->out, KBD_ECHO); break;
    case RESEND: queue_put(&k->out, k->out.last); break;
    case KBD_LEDS:
    case KBD_SCAN_SET:
    case KBD_ID ... KBD_KEY_LAST:
    case RESET: keyboard_command(k, byte); break;
    default: queue_put(&k->out, RESEND); break;
    }
}

/* ---- Mouse ---- */

static void mouse_defaults(struct ps2_mouse *m)
{
    m->resolution = 2; /* 4 counts a millimetre */
    m->rate = 100;
    m->scaling = m->streaming = m->remote = m->wrap = false;
    m->command = 0;
}

void ps2_mouse_init(struct ps2_mouse *m)
{
    *m = (struct ps2_mouse){ 0 };
    mouse_defaults(m);
}

static bool mouse_argument(struct ps2_mouse *m, uint8_t byte)
{
    uint8_t command = m->command;

    m->command = 0;
    if (!command || byte == RESET)
        return false;
    if (command == MOUSE_RESOLUTION)
        m->resolution = byte & 3;
    else
        m->rate = byte;
    queue_put(&m->out, ACK);
    return true;
}

static void mouse_status(struct ps2_mouse *m)
{
    queue_put(&m->out, (m->scaling ? MOUSE_STATUS_SCALED : 0) |
                           (m->streaming ? MOUSE_STATUS_STREAMING : 0) |
                           (m->remote ? MOUSE_STATUS_REMOTE : 0));
    queue_put(&m->out, m->resolution);
    queue_put(&m->out, m->rate);
}

/* Where the mouse has gone since: nowhere. */
static void mouse_packet(struct ps2_mouse *m)
{
    queue_put(&m->out, MOUSE_PACKET);
    queue_put(&m->out, 0);
    queue_put(&m->out, 0);
}

static void mouse_command(struct ps2_mouse *m, uint8_t byte)
{
    queue_put(&m->out, ACK);
    switch (byte) {
    case MOUSE_SCALE_1:
    case MOUSE_SCALE_2: m->scaling = byte == MOUSE_SCALE_2; break;
    case MOUSE_RESOLUTION:
    case MOUSE_RATE: m->command = byte; break;
    case MOUSE_STATUS: mouse_status(m); break;
    case MOUSE_STREAM:
    case MOUSE_REMOTE: m->remote = byte == MOUSE_REMOTE; break;
    case MOUSE_READ: mouse_packet(m); break;
    case MOUSE_UNWRAP:
    case MOUSE_WRAP: m->wrap = byte == MOUSE_WRAP; break;
    case MOUSE_ID: queue_put(&m->out, 0); break;
    case MOUSE_ENABLE:
    case MOUSE_DISABLE: m->streaming = byte == MOUSE_ENABLE; break;
    case MOUSE_DEFAULTS: mouse_defaults(m); break;
    case RESET:
        mouse_defaults(m);
        queue_put(&m->out, PASSED);
        queue_put(&m->out, 0);
        break;
    }
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte)
{
    m->out.count = 0;
    if (mouse_argument(m, byte))
        return;
    if (m->wrap && byte != MOUSE_UNWRAP && byte != RESET) {
        queue_put(&m->out, byte);
        return;
    }
    switch (byte) {
    case RESEND: queue_put(&m->out, m->out.last); break;
    case MOUSE_SCALE_1 ... MOUSE_UNWRAP:
    case MOUSE_WRAP:
    case MOUSE_REMOTE:
    case MOUSE_ID ... MOUSE_DEFAULTS:
    case RESET: mouse_command(m, byte); break;
    default: queue_put(&m->out, RESEND); break;
    }
}
