/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* confine - what the process gives up before the guest starts. */
#ifndef TENON_CORE_CONFINE_H
#define TENON_CORE_CONFINE_H

#include <sys/types.h>

struct config;
struct machine;

/*
 * -chroot, -runas, -run-with, -sandbox; to be called when all is open that the command line names:
 * plugins and files that a monitor asks for later are looked for in the new root, by the new user.
 * parent is the process that started this one.  -errno: reported.  [main]
 */
int confine(const struct config *config, struct machine *m, pid_t parent);

#endif
