/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loader - the script "etc/table-loader" by which firmware links tables that it has placed itself:
 * entries of 128 bytes, as QEMU's documentation of the fw_cfg files and EDK II describe them.
 */
#ifndef TENON_PC_ACPI_LOADER_H
#define TENON_PC_ACPI_LOADER_H

#include "buf.h"

// clang-format off
enum {
    LOADER_ENTRY = 128, LOADER_NAME = 56,

    LOADER_ALLOCATE      = 1,   /* file[56], alignment (4), zone (1) */
    LOADER_ADD_POINTER   = 2,   /* file[56], to[56], offset (4), bytes (1) */
    LOADER_ADD_CHECKSUM  = 3,   /* file[56], offset (4), start (4), length (4) */
    LOADER_WRITE_POINTER = 4,   /* not for tables */

    LOADER_HIGH = 1, LOADER_FSEG = 2,
};
// clang-format on

/* Puts the file into memory. */
void loader_allocate(struct buf *script, const char *file, uint32_t align, uint8_t zone);
/* Adds the place of file to, to the number at offset in file. */
void loader_pointer(struct buf *script, const char *file, const char *to, uint32_t offset,
                    uint8_t bytes);
/* Sets the byte at offset so that the sum of length bytes from start is 0. */
void loader_checksum(struct buf *script, const char *file, uint32_t offset, uint32_t start,
                     uint32_t length);

#endif
