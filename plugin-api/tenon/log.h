/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/log.h - the log of -d, for who has more to say than tenon_log(): accelerators above all.
 *
 *     if (tenon_logs(log, TENON_ITEM_INT))
 *         log->print(dev, "%u: interrupt %02x\n", index, vector);
 */
/* clang-format off */
#ifndef TENON_LOG_H
#define TENON_LOG_H

#include <tenon/plugin.h>

/* What -d can turn on; the words are those of its list. */
enum {
    TENON_ITEM_IN_ASM       = 1 << 0,   /* guest code, when it is decoded */
    TENON_ITEM_INT          = 1 << 1,   /* exceptions and interrupts, as they are delivered */
    TENON_ITEM_EXEC         = 1 << 2,   /* each block of guest code, as it begins */
    TENON_ITEM_CPU          = 1 << 3,   /* the registers before each block */
    TENON_ITEM_FPU          = 1 << 4,   /* x87 and vector registers in every dump of registers */
    TENON_ITEM_MMU          = 1 << 5,   /* control registers and translations that change */
    TENON_ITEM_PCALL        = 1 << 6,   /* far transfers */
    TENON_ITEM_CPU_RESET    = 1 << 7,   /* the registers before a reset, and at a triple fault */
    TENON_ITEM_UNIMP        = 1 << 8,   /* what the guest asks for and is not there */
    TENON_ITEM_GUEST_ERRORS = 1 << 9,   /* what the guest does wrong */
    TENON_ITEM_NOCHAIN      = 1 << 10,  /* blocks do not lead to each other directly */
    TENON_ITEM_OP           = 1 << 11,  /* micro-operations of guest code, when it is decoded */
    TENON_ITEM_OUT_ASM      = 1 << 12,  /* code of the host, when guest code is translated to it */
};

struct tenon_x86_state;

/* "tenon.log/1" */
struct tenon_logger {
    uint32_t size;
    uint32_t reserved;
    const uint32_t *items;              /* what is on at the moment: TENON_ITEM_* */
    /* Adds whole lines, in one piece. [any] */
    void (*print)(struct tenon_dev *, const char *fmt, ...);
    /* Whether -dfilter wants to hear of code at that address. [any] */
    bool (*covers)(struct tenon_dev *, uint64_t addr);
    /* Adds lines (NULL: none), and behind them a processor's registers as text. [any] */
    void (*registers)(struct tenon_dev *, const char *lines, const struct tenon_x86_state *);
};

/* Whether one of the items is on. [any] */
static inline bool tenon_logs(const struct tenon_logger *log, uint32_t items)
{
    return __builtin_expect((__atomic_load_n(log->items, __ATOMIC_RELAXED) & items) != 0, 0);
}

#endif
