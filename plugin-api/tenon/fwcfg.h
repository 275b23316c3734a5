/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/fwcfg.h - the firmware configuration device, as machines and devices fill it.
 *
 * "tenon.fwcfg/1" is an interface of the fw_cfg device: tenon_find_peer(dev, TENON_FWCFG).
 */
/* clang-format off */
#ifndef TENON_FWCFG_H
#define TENON_FWCFG_H

#include <tenon/plugin.h>

#define TENON_FWCFG "tenon.fwcfg/1"

struct tenon_fwcfg {
    uint32_t size;
    /* Sets the item behind a selector (0 to 0x1f, or 0x8000 to 0x801f), or the file called name; data
     * is copied.  Files are sorted by name, so a file's selector is final once all are there.
     * -ENOSPC if there are too many files, -EINVAL for a name that is too long or empty. [main] */
    int (*set)(void *fwcfg, uint16_t key, const void *data, size_t len);
    int (*set_file)(void *fwcfg, const char *name, const void *data, size_t len);
    /* The same without a copy: data must stay as long as the machine. */
    int (*set_ref)(void *fwcfg, uint16_t key, const void *data, size_t len);
    int (*set_file_ref)(void *fwcfg, const char *name, const void *data, size_t len);
    /* A file the guest may write (through DMA); written() is called after it did, or is NULL. */
    int (*set_file_rw)(void *fwcfg, const char *name, void *data, size_t len,
                       void (*written)(void *arg), void *arg);
    /* A file's contents, or NULL; *len is set. */
    const void *(*file)(void *fwcfg, const char *name, size_t *len);
};

#endif
