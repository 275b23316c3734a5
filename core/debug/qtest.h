/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qtest - the device-test protocol: a test drives devices, interrupt lines and the clock over a
 * character device. */
#ifndef TENON_CORE_DEBUG_QTEST_H
#define TENON_CORE_DEBUG_QTEST_H

struct machine;

/* Begins as -qtest and -qtest-log say, if there is a -qtest.  -errno: reported.  [main, locked] */
int qtest_start(struct machine *m);
void qtest_stop(struct machine *m);

#endif
