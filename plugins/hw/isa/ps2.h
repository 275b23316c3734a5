/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ps2 - a keyboard and a mouse that answer their commands; nobody types, nobody moves (IBM PS/2
 * Hardware Interface Technical Reference, keyboard and auxiliary device).
 */
#ifndef TENON_PS2_H
#define TENON_PS2_H

#include <stdbool.h>
#include <stdint.h>

enum { PS2_QUEUE = 16 };

/* What a device has to say. */
struct ps2_queue {
    uint8_t data[PS2_QUEUE];
    uint8_t first, count;
    uint8_t last; /* sent again on request */
};

struct ps2_keyboard {
    struct ps2_queue out;
    uint8_t command; /* waits for its argument; 0: none */
    uint8_t scan_set;
};

struct ps2_mouse {
    struct ps2_queue out;
    uint8_t command; /* waits for its argument; 0: none */
    uint8_t resolution, rate, scaling, streaming, remote, wrap;
};

/* Takes the next byte; false if there is none. */
bool ps2_take(struct ps2_queue *q, uint8_t *byte);
/* Makes a queue that came from elsewhere safe to use. */
void ps2_check(struct ps2_queue *q);

/* The byte that the controller sends. */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte);
void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte);

/* As after power-on, but for the self test's answer. */
void ps2_keyboard_init(struct ps2_keyboard *k);
void ps2_mouse_init(struct ps2_mouse *m);

#endif
