/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process - what options say of the process itself: its name, its memory, its messages. */
#ifndef TENON_CORE_PROCESS_H
#define TENON_CORE_PROCESS_H

struct config;

/* Opens /dev/null as each of the three standard descriptors that is closed, so that no file of ours
 * takes its place.  [main] */
void process_standard_fds(void);

/* -msg, for everything said from here on.  [main] */
void process_messages(const struct config *config);

/* -name process=, -overcommit mem-lock=; to be called after a fork and before there is guest
 * memory. -errno: what failed has been reported.  [main] */
int process_prepare(const struct config *config);

#endif
