/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msi - interrupts of PCI functions as messages: the capabilities MSI and MSI-X.
 *
 * After the PCI Local Bus Specification 3.0, chapter 6.8.
 */

#include <errno.h>
#include <string.h>

#include "bus/function.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "plugin/plugin.h"

enum { CAP_MSI = 0x05, CAP_MSIX = 0x11 };

static bool bit_get(const uint64_t *bits, unsigned n)
{
    return bits[n / 64] >> n % 64 & 1;
}

static void bit_set(uint64_t *bits, unsigned n, bool value)
{
    bits[n / 64] = (bits[n / 64] & ~(1ull << n % 64)) | (uint64_t)value << n % 64;
}

/* A message is a write on the bus, which only a master makes. */
static void send(const struct pci_function *f, uint64_t addr, uint32_t data)
{
    if (get(f->config + PCI_COMMAND, 2) & COMMAND_MASTER)
        machine_message(f->inst->machine, addr, data);
}

/* ---- MSI: with 64-bit addresses and a mask bit for each vector ---- */

enum {
    MSI_CONTROL = 2,
    MSI_ADDRESS = 4,
    MSI_DATA = 12,
    MSI_MASK = 16,
    MSI_PENDING = 20,
    MSI_BYTES = 24,
};
enum { MSI_ENABLE = 1, MSI_64 = 0x80, MSI_MASKS = 0x100 };

struct pci_msi {
    unsigned at, vectors;
};

int pci_msi_init(struct pci_function *f, unsigned vectors)
{
    uint8_t initial[MSI_BYTES] = { 0 }, writable[MSI_BYTES] = { 0 };
    int at;

    if (f->msi || !vectors || vectors > 32 || (vectors & (vectors - 1)))
        return -EINVAL;
    put(initial + MSI_CONTROL, __builtin_ctz(vectors) << 1 | MSI_64 | MSI_MASKS, 2);
    put(writable + MSI_CONTROL, MSI_ENABLE | 7 << 4, 2);
    put(writable + MSI_ADDRESS, ~3u, 4);
    put(writable + MSI_ADDRESS + 4, ~0u, 4);
    put(writable + MSI_DATA, 0xffff, 2);
    put(writable + MSI_MASK, vectors == 32 ? ~0u : (1u << vectors) - 1, 4);
    at = pci_capability(f, CAP_MSI, MSI_BYTES, initial + 2, writable + 2);
    if (at < 0)
        return at;
    f->msi = g_new0(struct pci_msi, 1);
    *f->msi = (struct pci_msi){ .at = at, .vectors = vectors };
    return 0;
}

static bool msi_enabled(const struct pci_function *f)
{
    return f->msi && (f->config[f->msi->at + MSI_CONTROL] & MSI_ENABLE);
}

/* How many vectors the guest has enabled, of those it was offered. */
static unsigned msi_in_use(const struct pci_function *f)
{
    unsigned n = 1u << (f->config[f->msi->at + MSI_CONTROL] >> 4 & 7);

    return MIN(n, f->msi->vectors);
}

static void msi_send(struct pci_function *f, unsigned n)
{
    const uint8_t *cap = f->config + f->msi->at;
    uint64_t addr = get(cap + MSI_ADDRESS, 4) | (uint64_t)get(cap + MSI_ADDRESS + 4, 4) << 32;
    uint32_t data = get(cap + MSI_DATA, 2);

    n &= msi_in_use(f) - 1;
    send(f, addr, (data & ~(msi_in_use(f) - 1)) | n);
}

static void msi_notify(struct pci_function *f, unsigned n)
{
    uint8_t *cap = f->config + f->msi->at;
    uint32_t bit = 1u << (n & (msi_in_use(f) - 1));

    if (get(cap + MSI_MASK, 4) & bit)
        put(cap + MSI_PENDING, get(cap + MSI_PENDING, 4) | bit, 4);
    else
        msi_send(f, n);
}

/* What is pending and no longer masked goes out. */
static void msi_written(struct pci_function *f)
{
    uint8_t *cap = f->config + f->msi->at;
    uint32_t due = get(cap + MSI_PENDING, 4) & ~get(cap + MSI_MASK, 4);

    if (!due || !msi_enabled(f))
        return;
    put(cap + MSI_PENDING, get(cap + MSI_PENDING, 4) & ~due, 4);
    for (; due; due &= due - 1)
        msi_send(f, __builtin_ctz(due));
}

/* ---- MSI-X ---- */

enum { MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_PENDING = 8, MSIX_BYTES = 12 };
enum { MSIX_ENABLE = 0x8000, MSIX_MASK_ALL = 0x4000 };
enum { ENTRY_BYTES = 16, ENTRY_DATA = 8, ENTRY_CONTROL = 12, ENTRY_MASKED = 1 };

struct pci_msix {
    const struct mapping *window; /* a BAR's */
    unsigned vectors;
    uint32_t table_at, pending_at;
    unsigned at;
    bool live; /* enabled, and not masked as a whole */
    struct mapping table_map, pending_map;
    uint64_t *pending;
    uint8_t table[];
};

bool pci_msix_enabled(const struct pci_function *f)
{
    return f->msix && (get(f->config + f->msix->at + MSIX_CONTROL, 2) & MSIX_ENABLE);
}

static bool entry_masked(const struct pci_msix *x, unsigned n)
{
    return x->table[n * ENTRY_BYTES + ENTRY_CONTROL] & ENTRY_MASKED;
}

static void msix_send(struct pci_function *f, unsigned n)
{
    const uint8_t *entry = f->msix->table + n * ENTRY_BYTES;

    send(f, get(entry, 4) | (uint64_t)get(entry + 4, 4) << 32, get(entry + ENTRY_DATA, 4));
}

static void msix_notify(struct pci_function *f, unsigned n)
{
    struct pci_msix *x = f->msix;

    if (n >= x->vectors)
        return;
    if (x->live && !entry_masked(x, n))
        msix_send(f, n);
    else
        bit_set(x->pending, n, true);
}

static void msix_unmasked(struct pci_function *f, unsigned n)
{
    struct pci_msix *x = f->msix;

    if (!x->live || entry_masked(x, n) || !bit_get(x->pending, n))
        return;
    bit_set(x->pending, n, false);
    msix_send(f, n);
}

static uint64_t table_read(void *arg, uint64_t reg, unsigned size)
{
    const struct pci_function *f = arg;
    uint64_t v = get(f->msix->table + reg, MIN(size, 4u));

    return size == 8 ? v | (uint64_t)get(f->msix->table + reg + 4, 4) << 32 : v;
}

static void table_write(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct pci_function *f = arg;
    uint8_t *entry = f->msix->table + reg / ENTRY_BYTES * ENTRY_BYTES;

    put(f->msix->table + reg, value, MIN(size, 4u));
    if (size == 8)
        put(f->msix->table + reg + 4, value >> 32, 4);
    entry[0] &= ~3;
    put(entry + ENTRY_CONTROL, entry[ENTRY_CONTROL] & ENTRY_MASKED, 4);
    msix_unmasked(f, reg / ENTRY_BYTES);
}

static uint64_t pending_read(void *arg, uint64_t reg, unsigned size)
{
    const struct pci_function *f = arg;

    return f->msix->pending[reg / 8] >> reg % 8 * 8;
}

static void msix_written(struct pci_function *f)
{
    struct pci_msix *x = f->msix;
    unsigned control = get(f->config + x->at + MSIX_CONTROL, 2);

    x->live = (control & (MSIX_ENABLE | MSIX_MASK_ALL)) == MSIX_ENABLE;
    for (unsigned n = 0; n < x->vectors; n++)
        msix_unmasked(f, n);
}

static unsigned pending_bytes(unsigned vectors)
{
    return (vectors + 63) / 64 * 8;
}

static bool fits(uint64_t window, uint32_t at, uint64_t bytes)
{
    return at % 8 == 0 && at < window && bytes <= window - at;
}

static const struct pci_bar *bar_of(const struct pci_function *f, const struct mapping *window)
{
    for (unsigned i = 0; i < f->n_bars; i++)
        if (f->bars[i].map == window)
            return &f->bars[i];
    return NULL;
}

static bool possible(const struct pci_function *f, const struct mapping *window, unsigned vectors,
                     uint32_t at, uint32_t pending_at)
{
    uint64_t table = (uint64_t)vectors * ENTRY_BYTES, pending = pending_bytes(vectors);

    return !f->msix && vectors && vectors <= 2048 && bar_of(f, window) &&
           fits(window->bytes, at, table) && fits(window->bytes, pending_at, pending) &&
           (at + table <= pending_at || pending_at + pending <= at);
}

static void msix_reset(struct pci_msix *x)
{
    memset(x->table, 0, (size_t)x->vectors * ENTRY_BYTES);
    for (unsigned n = 0; n < x->vectors; n++)
        x->table[n * ENTRY_BYTES + ENTRY_CONTROL] = ENTRY_MASKED;
    memset(x->pending, 0, pending_bytes(x->vectors));
    x->live = false;
}

int pci_msix_at(struct pci_function *f, const struct mapping *window, unsigned vectors,
                uint32_t table, uint32_t pending)
{
    uint8_t initial[MSIX_BYTES] = { 0 }, writable[MSIX_BYTES] = { 0 };
    struct pci_msix *x;
    unsigned bar;
    int at;

    if (!possible(f, window, vectors, table, pending))
        return -EINVAL;
    bar = bar_of(f, window)->index;
    put(initial + MSIX_CONTROL, vectors - 1, 2);
    put(writable + MSIX_CONTROL, MSIX_ENABLE | MSIX_MASK_ALL, 2);
    put(initial + MSIX_TABLE, table | bar, 4);
    put(initial + MSIX_PENDING, pending | bar, 4);
    at = pci_capability(f, CAP_MSIX, MSIX_BYTES, initial + 2, writable + 2);
    if (at < 0)
        return at;
    x = g_malloc0(sizeof(*x) + (size_t)vectors * ENTRY_BYTES);
    *x = (struct pci_msix){ .window = window,
                            .vectors = vectors,
                            .table_at = table,
                            .pending_at = pending,
                            .at = at,
                            .pending = g_malloc(pending_bytes(vectors)) };
    x->table_map = (struct mapping){ .bytes = (uint64_t)vectors * ENTRY_BYTES,
                                     .ops = { table_read, table_write, 4, 8, false },
                                     .arg = f,
                                     .name = "msix-table" };
    x->pending_map = (struct mapping){ .bytes = pending_bytes(vectors),
                                       .ops = { pending_read, NULL, 4, 8, false },
                                       .arg = f,
                                       .name = "msix-pba" };
    msix_reset(x);
    f->msix = x;
    return 0;
}

int pci_msix_init(struct pci_function *f, const struct tenon_msix *given)
{
    struct tenon_msix is;

    table_copy(&is, sizeof(is), given);
    if (is.window >= f->inst->type->n_windows)
        return -EINVAL;
    return pci_msix_at(f, &f->inst->windows[is.window], is.vectors, is.table, is.pending);
}

/* Lies over that part of the function's window: it comes into the space behind it. */
static void place_over(const struct mapping *window, struct mapping *map, uint32_t offset)
{
    if (map->space)
        mapping_remove(map);
    if (!window->space)
        return;
    map->base = window->base + offset;
    map->priority = window->priority;
    mapping_add(window->space, map);
}

void pci_msix_moved(struct pci_function *f, const struct mapping *window)
{
    struct pci_msix *x = f->msix;

    if (!x || x->window != window)
        return;
    place_over(window, &x->table_map, x->table_at);
    place_over(window, &x->pending_map, x->pending_at);
}

/* ---- Both ---- */

void pci_msi_written(struct pci_function *f, unsigned reg, unsigned bytes)
{
    if (f->msi && pci_touches(reg, bytes, f->msi->at, MSI_BYTES))
        msi_written(f);
    if (f->msix && pci_touches(reg, bytes, f->msix->at, MSIX_BYTES))
        msix_written(f);
}

void pci_msi_reset(struct pci_function *f)
{
    if (f->msix)
        msix_reset(f->msix);
}

bool pci_msi_enabled(const struct pci_function *f)
{
    return msi_enabled(f) || pci_msix_enabled(f);
}

bool pci_notify(struct pci_function *f, unsigned n)
{
    if (pci_msix_enabled(f))
        msix_notify(f, n);
    else if (msi_enabled(f))
        msi_notify(f, n);
    else
        return false;
    return true;
}

void pci_msi_finish(struct pci_function *f)
{
    if (f->msix) {
        mapping_finish(&f->msix->table_map);
        mapping_finish(&f->msix->pending_map);
        g_free(f->msix->pending);
    }
    g_free(f->msix);
    g_free(f->msi);
}
