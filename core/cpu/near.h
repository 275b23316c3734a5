/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* near - guesses which name was meant. */
#ifndef TENON_CORE_CPU_NEAR_H
#define TENON_CORE_CPU_NEAR_H

/* Among n names the one that text is probably a slip of the keyboard for, or NULL.  [any] */
typedef const char *cpu_name_at_fn(const void *names, unsigned i);
const char *cpu_nearest(const char *text, const void *names, unsigned n, cpu_name_at_fn *name_at);

#endif
