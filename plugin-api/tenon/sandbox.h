/* SPDX-License-Identifier: MIT-0 */
/* tenon/sandbox.h - what takes system calls away from the process (-sandbox). */
/* clang-format off */
#ifndef TENON_SANDBOX_H
#define TENON_SANDBOX_H

#include <tenon/plugin.h>

/* "tenon.sandbox/1" - the ops of a sandbox; its properties are the keys of -sandbox. */
struct tenon_sandbox_ops {
    uint32_t size;
    /* All threads of the process give up what the properties say, for good; called once, when the
     * machine is complete.  0, or tenon_error()'s value. [main] */
    int (*enter)(void *self);
};

#define TENON_SANDBOX(id, names, help, ...)                                                        \
    TENON_TYPE(id, "sandbox", names, "", "", help, "tenon.sandbox/1", __VA_ARGS__)

#endif
