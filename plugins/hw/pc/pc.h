/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pc - the parts of the PC board among themselves. */
#ifndef TENON_PC_H
#define TENON_PC_H

#include <tenon/fwcfg.h>
#include <tenon/machine.h>
#include <tenon/memory.h>

#include "acpi.h"
#include "boot/boot.h"
#include "smbios.h"

enum { MAX_MAP = 16 };

struct pc {
    struct tenon_dev *dev;
    /* properties */
    const char *firmware, *kernel, *initrd, *append, *dtb;
    uint64_t max_below_4g;
    bool pit, i8042;
    uint32_t vmport, smm, smbios_type;

    const struct tenon_board *board;
    const struct tenon_board_info *info;
    const struct tenon_memory *memory;
    struct tenon_dev *hpet; /* NULL: there is none */
    const struct tenon_fwcfg *fwcfg;
    void *fwcfg_self;

    uint64_t low_ram, high_ram; /* bytes below and above 4 GiB */
    bool direct;                /* firmware=none: ours, which enters the kernel at once */
    uint8_t *rom;               /* of 64 KiB at F0000h, then */
    struct e820 map[MAX_MAP];
    unsigned n_map;
    struct acpi_tables acpi;
    struct smbios smbios;
    uint8_t *kernel_data, *initrd_data, *dtb_data, *plan_data;
    unsigned resets;
};

/* Maps the firmware, -bios or the default; 0 or -errno. */
int pc_map_firmware(struct pc *pc);
/* Fills CMOS and fw_cfg with what firmware wants to know; 0 or -errno. */
int pc_describe(struct pc *pc);
/* Writes the boot devices of "adcn" into CMOS. */
void pc_boot_order(struct pc *pc, const char *order);
/* Loads -kernel and its company, if there is one; 0 or -errno. */
int pc_load_kernel(struct pc *pc);
void pc_unload(struct pc *pc);

/* A whole file of 1 to max bytes, and a zero byte behind it; to be freed.  NULL: it has been said
 * that what (the option) fails.  *len is set. */
uint8_t *pc_read_file(struct pc *pc, const char *what, const char *path, size_t max, size_t *len);

/* The value of key in the last group of that name. */
const char *pc_option(struct pc *pc, const char *group, const char *key);
/* The same of one that is on or off; otherwise if it is not given. */
bool pc_switch(struct pc *pc, const char *group, const char *key, bool otherwise);

#endif
