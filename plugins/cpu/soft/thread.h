/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread - a thread that does not disturb: it takes no signals, and needs little stack. */
#ifndef TENON_SOFT_THREAD_H
#define TENON_SOFT_THREAD_H

#include <pthread.h>

/* 0 or an errno. */
int thread_create(pthread_t *thread, void *(*entry)(void *), void *arg);

#endif
