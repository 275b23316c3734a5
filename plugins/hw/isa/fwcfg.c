/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fwcfg - the firmware configuration device: numbered items and named files that firmware reads.
 *
 * After the specification "QEMU Firmware Configuration (fw_cfg) Device" (docs/specs/fw_cfg).
 *
 *     510h      WO 16  selector: bits 13-0 item, bit 15 the second, architecture's table
 *     511h      RO 8   the next byte of the item; zero past its end
 *     514h-51Bh RW 64  big-endian: address of a DMA request {control, length, address}; writing the
 *                      low half starts it; reads give "QEMU CFG"
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/fwcfg.h>
#include <tenon/info.h>
#include <tenon/isa.h>
#include <tenon/trace.h>

enum {
    KEY_SIGNATURE = 0x00,
    KEY_ID = 0x01,
    KEY_DIRECTORY = 0x19,
    KEY_FIRST_FILE = 0x20,
    KEY_LOCAL = 0x8000,
    N_FIXED = 0x20, /* items in each of the two tables besides the files */
    N_FILES = 96,
    NAME_BYTES = 56,
};

enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };

struct item {
    const uint8_t *data;
    uint32_t len;
    void *owned; /* the copy data points to */
    bool writable;
    void (*written)(void *arg);
    void *arg;
};

struct file {
    char name[NAME_BYTES];
    struct item item;
};

/* The directory, as the guest reads it; all numbers are big-endian. */
struct directory {
    uint8_t count[4];
    struct {
        uint8_t bytes[4], key[2], reserved[2];
        char name[NAME_BYTES];
    } files[N_FILES];
};

struct fwcfg {
    struct tenon_dev *dev;
    struct item fixed[2][N_FIXED];
    struct file files[N_FILES]; /* sorted by name */
    unsigned n_files;
    struct directory directory;
    uint16_t key;
    uint32_t offset; /* in the item behind key */
    uint64_t dma;    /* address of the request, as far as it has been written */
};

// clang-format off
#define FWCFG_EVENTS(E) \
    E(fw_cfg_select,   "key 0x%04x") \
    E(fw_cfg_read,     "key 0x%04x offset %u value 0x%02x") \
    E(fw_cfg_dma,      "key 0x%04x control 0x%08x bytes %u addr 0x%llx result %d") \
    E(fw_cfg_add_file, "%s")
TENON_EVENTS(fwcfg, FWCFG_EVENTS);
// clang-format on

static void put_be(uint8_t *p, unsigned bytes, uint64_t value)
{
    while (bytes--) {
        p[bytes] = value;
        value >>= 8;
    }
}

static uint64_t get_be(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes--)
        value = value << 8 | *p++;
    return value;
}

/* ---- Items ---- */

/* NULL if there is no such item: it then reads as zeroes. */
static struct item *find_key(struct fwcfg *f, uint16_t key)
{
    unsigned n = key & 0x3fff;

    if (n < N_FIXED)
        return &f->fixed[key >> 15][n];
    if (key & KEY_LOCAL || n - KEY_FIRST_FILE >= f->n_files)
        return NULL;
    return &f->files[n - KEY_FIRST_FILE].item;
}

static struct file *find_name(struct fwcfg *f, const char *name)
{
    for (struct file *file = f->files; file < f->files + f->n_files; file++) {
        if (!strcmp(file->name, name))
            return file;
    }
    return NULL;
}

static void list_files(struct fwcfg *f)
{
    put_be(f->directory.count, 4, f->n_files);
    for (unsigned i = 0; i < f->n_files; i++) {
        put_be(f->directory.files[i].bytes, 4, f->files[i].item.len);
        put_be(f->directory.files[i].key, 2, KEY_FIRST_FILE + i);
        memcpy(f->directory.files[i].name, f->files[i].name, NAME_BYTES);
    }
    f->fixed[0][KEY_DIRECTORY].len = 4 + f->n_files * sizeof(f->directory.files[0]);
}

/* The file of that name, made if need be; keys of later ones move up. */
static int make_file(struct fwcfg *f, const char *name, struct item **item)
{
    struct file *file = find_name(f, name);
    unsigned at = 0;

    if (!*name || strlen(name) >= NAME_BYTES)
        return -EINVAL;
    if (!file) {
        if (f->n_files == N_FILES)
            return -ENOSPC;
        while (at < f->n_files && strcmp(f->files[at].name, name) < 0)
            at++;
        file = &f->files[at];
        memmove(file + 1, file, (f->n_files++ - at) * sizeof(*file));
        memset(file, 0, sizeof(*file));
        memcpy(file->name, name, strlen(name));
    }
    *item = &file->item;
    tenon_trace(f->dev, fw_cfg_add_file, name);
    return 0;
}

static int fill(struct fwcfg *f, struct item *item, const void *data, size_t len, bool copy)
{
    void *owned = NULL;

    if (len > UINT32_MAX)
        return -EFBIG;
    if (copy) {
        owned = malloc(len + 1);
        if (!owned)
            return -ENOMEM;
        memcpy(owned, data, len);
    }
    free(item->owned);
    *item = (struct item){ .data = copy ? owned : data, .len = len, .owned = owned };
    list_files(f);
    return 0;
}

static int fill_key(struct fwcfg *f, uint16_t key, const void *data, size_t len, bool copy)
{
    if ((key & ~KEY_LOCAL) >= N_FIXED)
        return -EINVAL;
    return fill(f, find_key(f, key), data, len, copy);
}

static int fill_file(struct fwcfg *f, const char *name, const void *data, size_t len, bool copy)
{
    struct item *item;
    int err = make_file(f, name, &item);

    return err ? err : fill(f, item, data, len, copy);
}

static int fwcfg_set(void *fwcfg, uint16_t key, const void *data, size_t len)
{
    return fill_key(fwcfg, key, data, len, true);
}

static int fwcfg_set_ref(void *fwcfg, uint16_t key, const void *data, size_t len)
{
    return fill_key(fwcfg, key, data, len, false);
}

static int fwcfg_set_file(void *fwcfg, const char *name, const void *data, size_t len)
{
    return fill_file(fwcfg, name, data, len, true);
}

static int fwcfg_set_file_ref(void *fwcfg, const char *name, const void *data, size_t len)
{
    return fill_file(fwcfg, name, data, len, false);
}

static int fwcfg_set_file_rw(void *fwcfg, const char *name, void *data, size_t len,
                             void (*written)(void *arg), void *arg)
{
    int err = fill_file(fwcfg, name, data, len, false);

    if (!err) {
        struct item *item = &find_name(fwcfg, name)->item;

        item->writable = true;
        item->written = written;
        item->arg = arg;
    }
    return err;
}

static const void *fwcfg_file(void *fwcfg, const char *name, size_t *len)
{
    struct file *file = find_name(fwcfg, name);

    if (!file)
        return NULL;
    *len = file->item.len;
    return file->item.data;
}

/* ---- Ports ---- */

static void select_item(struct fwcfg *f, uint16_t key)
{
    f->key = key & ~0x4000; /* bit 14 asked for writing through 511h, long gone */
    f->offset = 0;
    tenon_trace(f->dev, fw_cfg_select, f->key);
}

/* How much of the item is left, at most max. */
static uint32_t left(const struct fwcfg *f, const struct item *item, uint32_t max)
{
    uint32_t n = item && f->offset < item->len ? item->len - f->offset : 0;

    return n < max ? n : max;
}

static void skip(struct fwcfg *f, uint32_t len)
{
    f->offset = f->offset > UINT32_MAX - len ? UINT32_MAX : f->offset + len;
}

static uint64_t data_read(void *self, uint64_t reg, unsigned size)
{
    struct fwcfg *f = self;
    const struct item *item = find_key(f, f->key);

    if (!left(f, item, 1))
        return 0;
    tenon_trace(f->dev, fw_cfg_read, f->key, f->offset, item->data[f->offset]);
    return item->data[f->offset++];
}

static void selector_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    if (size == 2)
        select_item(self, value);
}

/* Both copy from or to guest memory piecewise, and stop at the first part that is no RAM. */
static int dma_out(struct fwcfg *f, uint64_t addr, uint32_t len)
{
    static const uint8_t zeroes[4096];
    const struct item *item = find_key(f, f->key);
    uint32_t have = left(f, item, len);
    int err = have ? tenon_dma_write(f->dev, addr, item->data + f->offset, have) : 0;

    skip(f, len);
    for (uint64_t done = have; !err && done < len; done += sizeof(zeroes)) {
        uint64_t n = len - done < sizeof(zeroes) ? len - done : sizeof(zeroes);

        err = tenon_dma_write(f->dev, addr + done, zeroes, n);
    }
    return err;
}

static int dma_in(struct fwcfg *f, uint64_t addr, uint32_t len)
{
    const struct item *item = find_key(f, f->key);
    int err;

    if (!item || !item->writable || left(f, item, len) < len)
        return -EINVAL;
    err = tenon_dma_read(f->dev, addr, (uint8_t *)item->data + f->offset, len);
    skip(f, len);
    if (item->written)
        item->written(item->arg);
    return err;
}

static void dma_start(struct fwcfg *f, uint64_t at)
{
    uint8_t request[16], status[4];
    uint32_t control, len;
    uint64_t addr;
    int err = 0;

    if (tenon_dma_read(f->dev, at, request, sizeof(request))) {
        tenon_log(f->dev, TENON_LOG_GUEST_ERROR, "DMA request at %#llx is not in RAM",
                  (unsigned long long)at);
        return;
    }
    control = get_be(request, 4);
    len = get_be(request + 4, 4);
    addr = get_be(request + 8, 8);
    if (control & DMA_SELECT)
        select_item(f, control >> 16);
    if (control & DMA_READ)
        err = dma_out(f, addr, len);
    else if (control & DMA_WRITE)
        err = dma_in(f, addr, len);
    else if (control & DMA_SKIP)
        skip(f, len);
    tenon_trace(f->dev, fw_cfg_dma, f->key, control, len, (unsigned long long)addr, err);
    put_be(status, 4, err ? DMA_ERROR : 0);
    tenon_dma_write(f->dev, at, status, sizeof(status));
}

static uint64_t dma_read(void *self, uint64_t reg, unsigned size)
{
    static const char signature[9] = "QEMU CFG";
    uint64_t value = 0;

    while (size-- && reg + size < 8)
        value = value << 8 | (uint8_t)signature[reg + size];
    return value;
}

static void dma_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct fwcfg *f = self;
    uint64_t at;

    if (size != 4 || reg % 4)
        return;
    value = __builtin_bswap32(value);
    if (reg == 0) {
        f->dma = value << 32;
        return;
    }
    at = f->dma | value;
    f->dma = 0;
    dma_start(f, at);
}

// clang-format off
static const struct tenon_window windows[] = {
    { "selector", TENON_IO, 1, 2, .base = 0x510, .bytes = 1, .write = selector_write },
    { "data",     TENON_IO, 1, 1, .base = 0x511, .bytes = 1, .read = data_read },
    { "dma",      TENON_IO, 1, 4, .base = 0x514, .bytes = 8, .read = dma_read, .write = dma_write },
};
// clang-format on

static const struct tenon_reg regs[] = {
    TENON_REG(struct fwcfg, key),
    TENON_REG(struct fwcfg, offset),
    TENON_REG(struct fwcfg, dma),
};

static int fwcfg_create(void *self)
{
    static const uint8_t id[4] = { 3 }; /* the selector and data ports; DMA */
    struct fwcfg *f = self;

    fill_key(f, KEY_SIGNATURE, "QEMU", 4, false);
    fill_key(f, KEY_ID, id, sizeof(id), false);
    return fill_key(f, KEY_DIRECTORY, &f->directory, 4, false);
}

static void fwcfg_destroy(void *self)
{
    struct fwcfg *f = self;

    for (unsigned i = 0; i < 2 * N_FIXED; i++)
        free(f->fixed[i / N_FIXED][i % N_FIXED].owned);
    for (unsigned i = 0; i < f->n_files; i++)
        free(f->files[i].item.owned);
}

static const struct tenon_fwcfg fwcfg_table = {
    .size = sizeof(fwcfg_table),
    .set = fwcfg_set,
    .set_file = fwcfg_set_file,
    .set_ref = fwcfg_set_ref,
    .set_file_ref = fwcfg_set_file_ref,
    .set_file_rw = fwcfg_set_file_rw,
    .file = fwcfg_file,
};

static void fwcfg_describe(void *self, const char *topic, const struct tenon_text *to)
{
    const struct fwcfg *f = self;

    for (unsigned i = 0; i < f->n_files && !strcmp(topic, "roms"); i++)
        tenon_say(to, "fw_cfg size=0x%06zx name=\"%s\"\n", (size_t)f->files[i].item.len,
                  f->files[i].name);
}

static const struct tenon_info fwcfg_info = { .size = sizeof(fwcfg_info),
                                              .describe = fwcfg_describe };

static const struct tenon_iface ifaces[] = {
    { TENON_FWCFG, &fwcfg_table },
    { TENON_INFO, &fwcfg_info },
};

TENON_SYSTEM_DEVICE(fwcfg, "fw_cfg_io fw_cfg", "misc", "Firmware configuration device",
                    .windows = TENON_ARRAY(windows), .regs = TENON_ARRAY(regs),
                    .ifaces = TENON_ARRAY(ifaces), .events = TENON_ARRAY(tenon_events_fwcfg),
                    .create = fwcfg_create, .destroy = fwcfg_destroy);
TENON_PLUGIN(&tenon_type_fwcfg);
