/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gdb-impl - what the parts of gdb's stub share: gdb-link.c takes packets out of a stream, gdb.c
 * talks to the far end and the machine, gdb-commands.c does what packets ask, gdb-registers.c knows
 * what gdb is told of registers.
 */
#ifndef TENON_CORE_GDB_IMPL_H
#define TENON_CORE_GDB_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include <tenon/accel.h>

#include "machine/runstate.h"

struct gdb_hop;
struct gdb_question;
struct machine;
struct tenon_chardev;
struct vcpu;

/* ---- gdb-link.c ---- */

enum { GDB_PACKET = 0x4000 };

/* What a byte has completed. */
enum gdb_item { GDB_NOTHING, GDB_COMMAND, GDB_GARBLED, GDB_ACK, GDB_NAK, GDB_INTERRUPT };

struct gdb_link {
    enum { LINK_IDLE, LINK_BODY, LINK_ESCAPE, LINK_SUM, LINK_SUM_END } state;
    uint8_t sum, said;
    bool bad;                    /* too long, or its sum is no number */
    size_t n;                    /* of the packet, unescaped; a 0 follows */
    char packet[GDB_PACKET + 1]; /* until the next byte */
};

enum gdb_item gdb_link_byte(struct gdb_link *l, uint8_t byte);
/* Appends "$...#xx". */
void gdb_link_wrap(GString *to, const void *packet, size_t n);

/* ---- gdb-registers.c ---- */

struct gdb_register {
    char name[12];
    const char *type, *group; /* of gdb's target descriptions; group may be NULL */
    uint16_t bits;            /* 16 to 256 */
    uint8_t kind, n;
    uint16_t at; /* in the XSAVE area, of AVX-512's */
};
enum { GDB_REGISTER_BYTES = 32 };

struct gdb_registers {
    unsigned n;
    struct gdb_register list[176];
    GString *xml;
};

struct gdb_registers *gdb_registers_create(const struct vcpu *cpu);
void gdb_registers_destroy(struct gdb_registers *regs);
/* The value, as many bytes as it has: buf has room for GDB_REGISTER_BYTES. */
unsigned gdb_register_get(const struct gdb_register *reg, struct tenon_x86_state *s, uint8_t *buf);
/* -EINVAL: no processor can have it. */
int gdb_register_set(const struct gdb_register *reg, struct vcpu *cpu, struct tenon_x86_state *s,
                     const uint8_t *buf);

/* ---- gdb.c ---- */

/* How a step is made, by QEMU's numbers. */
enum { GDB_STEP = 1, GDB_STEP_NO_IRQ = 2, GDB_STEP_NO_TIMER = 4 };

struct gdb {
    struct machine *m;
    struct tenon_chardev *chr;
    bool own_chr; /* made for it */
    struct run_listener listener;
    struct gdb_link link;
    GString *out;  /* what the far end has not taken yet */
    GString *last; /* the last packet, until it is acknowledged; empty: none */
    bool attached; /* a debugger has spoken */
    bool no_ack, multiprocess, swbreak, hwbreak;
    bool waits;          /* it has let the guest run, and waits to be told why that stops */
    struct vcpu *cpu;    /* of g, m and the like */
    struct vcpu *go;     /* of c and s; NULL: all */
    struct vcpu *told;   /* the last stop was told of it */
    struct gdb_hop *hop; /* over a breakpoint that gdb does not know it is at; NULL: none */
    unsigned step;       /* GDB_STEP* */
    bool physical;       /* addresses are */
    bool receiving;      /* what comes in is being looked at */
    struct gdb_question *question; /* a command of the monitor that is going on */
    struct gdb_registers *regs;
};

void gdb_reply(struct gdb *g, const char *text);
void gdb_reply_bytes(struct gdb *g, const void *bytes, size_t n);
void gdb_error(struct gdb *g, int err);
/* Sends what there is, unless receive() is going to. */
void gdb_flush(struct gdb *g);
/* Lets processors run: for each of the machine's, 'c', 's' or 0. */
void gdb_resume(struct gdb *g, const char *actions);
/* Why the guest stands. */
void gdb_tell_stop(struct gdb *g);
/* Takes points away and lets the guest go on. */
void gdb_detach(struct gdb *g);

/* ---- gdb-commands.c ---- */

void gdb_command(struct gdb *g, const char *packet, size_t n);
/* Nobody waits for its answer any more; accepts NULL. */
void gdb_question_drop(struct gdb_question *q);
/* Appends the processor's name. */
void gdb_thread(const struct gdb *g, GString *to, const struct vcpu *cpu);

#endif
