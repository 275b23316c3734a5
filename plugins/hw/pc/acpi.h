/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acpi - the ACPI tables of an i440FX/PIIX4 board, and the script by which firmware, or we
 * ourselves, put them into guest memory (ACPI specification 6.4; PIIX4 datasheet, Intel 290562).
 */
#ifndef TENON_PC_ACPI_H
#define TENON_PC_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the tables say of the board, and the board has to keep:
 *
 * - function 0 of slot 1 routes PIRQA-D by its registers 60h-63h; pin p (0 to 3) of slot s is
 *   PIRQ (p + s - 1) % 4, but pin 0 of slot 1 is the power management's and always the SCI;
 * - ISA interrupt 0 arrives at I/O APIC input 2, the others at the input of their number; 5, 9, 10
 *   and 11 are level-triggered and active high there;
 * - the values of enum acpi_ports, and what a sleep type in PM1a_CNT does; the power management
 *   ports and the SMBus are where SeaBIOS puts them.
 */
// clang-format off
enum acpi_ports {
    ACPI_SMI_CMD     = 0xb2,    /* the value written to it: */
    ACPI_CMD_ENABLE  = 0xf1,    /*     sets SCI_EN          */
    ACPI_CMD_DISABLE = 0xf0,    /*     clears it            */
    ACPI_PM1A_EVT    = 0x600,   /* 4 bytes: PM1_STS, PM1_EN */
    ACPI_PM1A_CNT    = 0x604,   /* 2 bytes                  */
    ACPI_PM_TMR      = 0x608,   /* 4 bytes, 24 bits count   */
    ACPI_PM_BYTES    = 0x40,    /* of the block at 600h     */
    ACPI_SMBUS       = 0x700,   /* 16 bytes                 */
    ACPI_GPE0        = 0xafe0,  /* 4 bytes: GPE0_STS, _EN   */
    ACPI_RESET       = 0xcf9,
    ACPI_RESET_VALUE = 0x06,
    ACPI_SCI         = 9,
    ACPI_SLP_TYP_S5  = 0,       /* SUS_TYP of PMCNTRL       */
    ACPI_SLP_TYP_S3  = 1,
};
// clang-format on

struct acpi_window {
    uint64_t base, bytes; /* bytes 0: there is none */
};

/* A whole table of the user's (-acpitable), header and all. */
struct acpi_blob {
    void *data;
    size_t len;
};

struct acpi_config {
    uint32_t cpus;
    const uint32_t *apic_ids; /* of cpus processors */
    struct acpi_window pci32; /* where PCI memory goes below 4 GiB; not empty */
    struct acpi_window pci64; /* and above */
    uint32_t com_ports;       /* bit 0: COM1 at 3F8h is there, ... bit 3: COM4 at 2E8h */
    uint16_t pvpanic;         /* port, 0: none */
    bool hpet;                /* at FED00000h */
    bool no_s3, no_s4;        /* PIIX4_PM's disable_s3, disable_s4 */
    uint8_t s4_type;          /* and s4_val */
    const struct acpi_blob *user;
    unsigned n_user;
};

/* The three files of fw_cfg. */
#define ACPI_TABLES_FILE "etc/acpi/tables"
#define ACPI_RSDP_FILE   "etc/acpi/rsdp"
#define ACPI_LOADER_FILE "etc/table-loader"

struct acpi_tables {
    struct acpi_blob tables, rsdp, loader;
};

/* Makes the tables; 0 or -ENOMEM.  [any] */
int acpi_build(const struct acpi_config *config, struct acpi_tables *out);
void acpi_tables_finish(struct acpi_tables *t);

/* Guest memory that acpi_place() may fill: bytes bytes at guest-physical base, here at mem. */
struct acpi_arena {
    uint64_t base;
    uint8_t *mem;
    size_t bytes, used;
};

/*
 * Does what firmware does with the script: copies the tables into high and the RSDP into fseg
 * (which lies in E0000h-FFFFFh), sets pointers and checksums.  *rsdp is where the RSDP came to lie.
 * 0, -ENOSPC if an arena is too small, -EINVAL for a bad script.  [any]
 */
int acpi_place(const struct acpi_tables *t, struct acpi_arena *high, struct acpi_arena *fseg,
               uint64_t *rsdp);

/* The keys of one -acpitable; NULL where not given. */
struct acpi_user_keys {
    const char *sig, *rev, *oem_id, *oem_table_id, *oem_rev;
    const char *asl_compiler_id, *asl_compiler_rev;
    const char *data,
        *file; /* one of the two: files, separated by colons, read one after another */
};

/*
 * Reads a table: with data, its body, which gets a header of the keys (sig is needed); with file,
 * the whole table, whose header the keys change.  Sets its length and checksum.  0 or -errno, and
 * why (room bytes) says what is wrong.  out->data is to be freed with free().  [any]
 */
int acpi_user_table(const struct acpi_user_keys *keys, struct acpi_blob *out, char *why,
                    size_t room);

#endif
