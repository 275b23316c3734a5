/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * icount - -icount: guest time is the number of instructions executed, shifted; processors take
 * turns.
 *
 * Nothing of the host's decides what a guest sees: time stands but for instructions, timers fire in
 * the thread of the processor whose turn it is, before its next instruction, and the turn goes
 * round after a fixed number of instructions, or when a processor sleeps.  When all sleep, the one
 * that had the last turn moves time on: by the host's clock (sleep=on), or at once (sleep=off).
 *
 * "executed" is always how many instructions the calling processor has executed since it was made.
 */
#ifndef TENON_CORE_ICOUNT_H
#define TENON_CORE_ICOUNT_H

#include <stdbool.h>
#include <stdint.h>

struct config_group;
struct icount;
struct machine;

/* NULL: what g, the group of -icount, wants is wrong, which has been reported.  sooner(arg, index)
 * is called when a timer has been armed that may cut short the budget of the processor whose turn
 * it is; own: in that processor's thread.  [main, locked] */
struct icount *icount_create(struct machine *m, const struct config_group *g,
                             void (*sooner)(void *arg, unsigned index, bool own), void *arg);
void icount_destroy(struct icount *ic); /* accepts NULL */

/* The processor's thread begins to run guest code.  [vcpu] */
void icount_enter(struct icount *ic, unsigned index);
/* Waits until it is the processor's turn, and fires the timers that are due; false: it is wanted
 * elsewhere, see vcpu_must_stop().  [vcpu] */
bool icount_turn(struct icount *ic, unsigned index, uint64_t executed);

/* The rest is for the processor whose turn it is.  [vcpu] */

/* How many instructions it may execute from here, at least 1: until guest time deadline, the next
 * timer, or the end of its turn. */
uint64_t icount_budget(struct icount *ic, uint64_t executed, uint64_t deadline);
/* Brings guest time to where the processor is. */
void icount_sync(struct icount *ic, uint64_t executed);
/* Its turn ends with this instruction. */
void icount_yield(struct icount *ic, uint64_t executed);
/* It sleeps until guest time deadline or icount_wake(); returns when it is its turn again, or when
 * it is wanted elsewhere. */
void icount_wait(struct icount *ic, unsigned index, uint64_t executed, uint64_t deadline);

/* Ends the processor's icount_wait(), or its next one.  [any] */
void icount_wake(struct icount *ic, unsigned index);

#endif
