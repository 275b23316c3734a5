/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* terminal - the settings of the user's terminal, put back however the program ends. */
#ifndef TENON_CORE_TERMINAL_H
#define TENON_CORE_TERMINAL_H

/*
 * Remembers the settings of the terminal on standard input, if it is one.  Whoever changes them
 * should put them back; for an end that lets nobody do so (exit(), a crash) this does.  [main]
 */
void terminal_guard(void);

#endif
