/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon - going into the background, and the file that holds the process's id. */
#ifndef TENON_CORE_DAEMON_H
#define TENON_CORE_DAEMON_H

/*
 * Forks; returns in the child, which has a session of its own.  The parent waits until the child
 * calls daemon_ready() and then exits 0, or until the child ends, and exits with its status.
 * -errno: it could not fork, and that has been reported.
 */
int daemon_start(void);
/* All that can fail has not failed: lets the parent go, and the terminal. */
void daemon_ready(void);

/* Writes the id to path, and locks the file for as long as the process lives.  -errno: reported. */
int pidfile_write(const char *path, const char *where);

#endif
