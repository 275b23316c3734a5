/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* judge - for 32-bit guests that judge themselves: verdicts, counted, and the end they lead to. */
#ifndef TENON_GUEST_JUDGE_H
#define TENON_GUEST_JUDGE_H

#include "guest.h"

static unsigned n_checks, n_wrong;

static void equals(const char *name, uint32_t got, uint32_t wanted)
{
    n_checks++;
    n_wrong += got != wanted;
    check(name, got == wanted);
    if (got != wanted) {
        show("    got", got);
        show("    wanted", wanted);
    }
}

/* Ends the program with status 16 for none wrong, 17 otherwise. */
static void judge(void)
{
    show("checks", n_checks);
    show("wrong", n_wrong);
    quit(n_wrong ? 17 : 16);
}

#endif
