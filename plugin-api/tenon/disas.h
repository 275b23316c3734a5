/* SPDX-License-Identifier: MIT-0 */
/* tenon/disas.h - machine code as text: disassemblers as plugins, and how others ask for them. */
/* clang-format off */
#ifndef TENON_DISAS_H
#define TENON_DISAS_H

#include <tenon/plugin.h>

/* No instruction's text is longer, its zero included; what would be is cut. */
enum { TENON_DISAS_TEXT = 160 };

/* "tenon.disas/1" - the ops of a disassembler. */
struct tenon_disas_ops {
    uint32_t size;
    /*
     * Writes the text of the first instruction of n bytes, which lie at address pc and are code of
     * 16, 32 or 64 bits; returns its length in bytes, 0 if they are none, or not a whole one.  Calls
     * come one at a time. [any]
     */
    uint32_t (*one)(void *self, const uint8_t *bytes, uint32_t n, uint64_t pc, uint32_t bits,
                    char *text, uint32_t room);
};

#define TENON_DISAS(id, names, help, ...)                                                          \
    TENON_TYPE(id, "disas", names, "", "", help, "tenon.disas/1", __VA_ARGS__)

/* "tenon.disassembler/1" - the host's, made of the plugin disas-capstone. */
struct tenon_disassembler {
    uint32_t size;
    /* As above; 0 also where there is no disassembler. [any, the board not locked] */
    uint32_t (*one)(struct tenon_dev *, const uint8_t *bytes, uint32_t n, uint64_t pc, uint32_t bits,
                    char *text, uint32_t room);
    /* Whether there is a disassembler from now on: one that nobody has wanted so far is loaded.
     * Nothing is said about one that is missing. [main] */
    bool (*open)(struct tenon_dev *);
};

#endif
