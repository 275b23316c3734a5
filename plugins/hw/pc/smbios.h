/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* smbios - the System Management BIOS structures of a virtual PC. */
#ifndef TENON_PC_SMBIOS_H
#define TENON_PC_SMBIOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smbios_config {
    uint64_t ram_bytes, below_4g;
    unsigned sockets, cores, threads;     /* cores of a socket, threads of a core */
    uint32_t cpu_signature, cpu_features; /* CPUID leaf 1: EAX, EDX */
    const uint8_t *uuid;                  /* 16 bytes as written, or NULL */
    const char *machine;                  /* "pc-i440fx-7.2" */
    bool v3;                              /* the 64-bit entry point */
    bool bios;                            /* we are the firmware: give a type 0 in any case */
    /* What the index-th -smbios says of key, or NULL; key NULL: not NULL if there is such a one. */
    const char *(*option)(void *arg, unsigned index, const char *key);
    /* The n-th thing it says of a key that it repeats, or NULL. */
    const char *(*option_n)(void *arg, unsigned index, const char *key, unsigned n);
    void *arg;
};

struct smbios {
    uint8_t *tables;
    size_t len;
    uint8_t anchor[32];
    size_t anchor_len;
    char why[160];
};

/* Makes the structures, and an entry point whose table address is 0; -errno and why if it cannot.
 */
int smbios_init(struct smbios *s, const struct smbios_config *config);
void smbios_finish(struct smbios *s);
/* Says in the entry point that the tables are at addr. */
void smbios_place(struct smbios *s, uint64_t addr);

#endif
