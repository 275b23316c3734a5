/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * baum - the display's end of the protocol of Baum's Vario braille displays: packets begin with ESC
 * and a code, and an ESC within is there twice.
 *
 * What is asked and answered is what BRLTTY's driver bm does with a display on a serial port.  Dots
 * are in the order of ISO 11548-1: bit 0 is dot 1.
 */
#ifndef TENON_CHARDEV_BAUM_H
#define TENON_CHARDEV_BAUM_H

#include <stdbool.h>

#include "pending.h"

enum { BAUM_CELLS_MAX = 84 };

/* The keys at both ends of the cells: left from top to bottom, and right. */
enum {
    BAUM_L1 = 0x01,
    BAUM_L2 = 0x02,
    BAUM_L3 = 0x04,
    BAUM_R1 = 0x08,
    BAUM_R2 = 0x10,
    BAUM_R3 = 0x20,
};

struct baum {
    unsigned cells;
    bool escape;  /* the byte before was an ESC */
    bool reading; /* what is to be shown is being received: */
    unsigned n;   /* its bytes so far */
    uint8_t bytes[BAUM_CELLS_MAX];
    uint8_t dots[BAUM_CELLS_MAX]; /* what is shown */
    bool changed;                 /* since the owner last set it to false */
};

/* cells is from 1 to BAUM_CELLS_MAX. */
void baum_init(struct baum *b, unsigned cells);
/* What the computer sends; the answers go to out, those that find no room are lost. */
void baum_write(struct baum *b, const uint8_t *bytes, size_t n, struct pending *out);
/* Keys are pressed and let go together; or the routing key of a cell. */
void baum_press(const struct baum *b, uint8_t keys, struct pending *out);
void baum_route(const struct baum *b, unsigned cell, struct pending *out);

#endif
