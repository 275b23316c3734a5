/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fds - file descriptors that a management program hands over: by name (getfd), and in sets
 * (-add-fd, add-fd), which stand for files called /dev/fdset/N.
 */
#ifndef TENON_CORE_FDS_H
#define TENON_CORE_FDS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct machine;

/* Takes those of -add-fd.  False: a fault has been reported.  [main, locked] */
bool fds_create(struct machine *m);
void fds_destroy(struct machine *m);

/* Keeps fd, which is ours now, under a name; one that had the name is closed.  [main, locked] */
void fds_name(struct machine *m, const char *name, int fd);
/* The descriptor of that name, which is the caller's now; -1: there is none.  [main, locked] */
int fds_take(struct machine *m, const char *name);

/* Puts fd, which is ours now, into a set (-1: a new one); the set's number.  [main, locked] */
int64_t fds_add(struct machine *m, int64_t set, int fd, const char *opaque);
/* Takes fd (-1: all) out of a set; false: there is none such.  [main, locked] */
bool fds_remove(struct machine *m, int64_t set, int fd);
/* query-fdsets */
json_t *fds_describe(struct machine *m);

/* open(2), but of "/dev/fdset/N" a duplicate of one in the set that is open for the same.
 * [main, locked] */
int fds_open(struct machine *m, const char *path, int flags, unsigned mode);

#endif
