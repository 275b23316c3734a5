/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qtest-impl - what the parts of the device-test protocol share: qtest.c has the connection, the
 * clock and the interrupt messages, qtest-commands.c does what a line asks.
 */
#ifndef TENON_CORE_QTEST_IMPL_H
#define TENON_CORE_QTEST_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <glib.h>

struct inst;
struct machine;
struct tenon_chardev;

struct qtest_port {
    struct machine *m;
    struct tenon_chardev *chr;
    FILE *log;       /* NULL: none */
    bool open;       /* a test is at the far end */
    uint64_t opened; /* when, by CLOCK_REAL */

    GString *in;     /* up to and beyond the end of a line */
    size_t scanned;  /* no line ends in so much of it */
    bool too_long;   /* what comes up to the end of the line is dropped */
    bool pumping;    /* lines are being taken */
    GString *out;    /* lines for the test */
    size_t sent;     /* how much of that the chardev has taken */
    GString *answer; /* to the command that is being done */

    bool busy;       /* a command has been taken and not been answered */
    bool queued;     /* the loop will go on with it */
    bool steps;      /* it is one of the clock's, which is to reach target */
    uint64_t target; /* guest time, ns */

    uint64_t level, told, missed; /* lines 0 to 63; missed: not told of for want of room */
};

/* Does a line: sets q->answer, or q->steps and q->target.  The line is taken apart.  [main, locked]
 */
void qtest_command(struct qtest_port *q, char *line);

/* Reports the inputs of a device, or its outputs, from now on.  -EBUSY: another one's are. */
int qtest_intercept(struct qtest_port *q, const struct inst *inst, bool inputs);

#endif
