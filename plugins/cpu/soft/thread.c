/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread - see thread.h.  A file of its own: <signal.h> has names that cpu.h has, too. */
#include "thread.h"

#include <signal.h>

enum { STACK_BYTES = 128 << 10 };

int thread_create(pthread_t *thread, void *(*entry)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t all, old;
    int err;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(thread, &attr, entry, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return err;
}
