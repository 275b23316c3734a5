/* SPDX-License-Identifier: MIT-0 */
/* tenon/memory.h - RAM and ROM, and where the guest sees them. */
/* clang-format off */
#ifndef TENON_MEMORY_H
#define TENON_MEMORY_H

#include <tenon/plugin.h>

enum {
    TENON_MAP_READ = 1,         /* the guest reads the block here */
    TENON_MAP_WRITE = 2,        /* and writes it; without, a write vanishes */
};

/* A part of a block, as the guest sees it; block 0 is the machine's RAM. */
struct tenon_mapping {
    uint32_t size;
    int32_t block;
    uint64_t base;              /* guest-physical; a multiple of 4096, like offset and bytes */
    uint64_t offset;            /* in the block */
    uint64_t bytes;
    int32_t priority;           /* the higher one is seen where two overlap; windows have 0 */
    uint32_t flags;             /* 0: not there */
};

/* "tenon.memory/1" */
struct tenon_memory {
    uint32_t size;
    /* Makes a block of zeroed memory, saved in snapshots; returns its number (1 and up) or -errno.
     * It lives as long as the instance. [main] */
    int (*block)(struct tenon_dev *, const char *name, uint64_t bytes);
    /* Where the block is in this process; NULL if the part is not in it. [any] */
    void *(*pointer)(struct tenon_dev *, int block, uint64_t offset, uint64_t bytes);
    /* Shows a part of a block to the guest; returns the mapping's number (0 and up) or -errno. [main] */
    int (*map)(struct tenon_dev *, const struct tenon_mapping *mapping);
    /* Changes the flags of n mappings, all at once. [vcpu] */
    void (*set_flags)(struct tenon_dev *, const int *mappings, const uint32_t *flags, unsigned n);
};

#endif
