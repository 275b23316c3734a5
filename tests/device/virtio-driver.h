/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-driver - a driver of virtio-serial's queues for tests: split and packed rings in the
 * board's memory, registers of the legacy and the modern kind.
 *
 * Reference: VIRTIO 1.2, chapters 2.7, 2.8, 4.1.
 */
#ifndef TENON_TEST_VIRTIO_DRIVER_H
#define TENON_TEST_VIRTIO_DRIVER_H

#include <string.h>

#include "board.h"

enum { SLOT = 5, IO = 0xc000, MSIX = 0xfd000000, MEM = 0xfe000000 };
enum { COMMON = MEM, ISR = MEM + 0x1000, CONFIG = MEM + 0x2000, NOTIFY = MEM + 0x3000 };
enum { STATUS = COMMON + 0x14, NEEDS_RESET = 0x40 };
enum { ENTRIES = 16, RINGS = 0x200000, RING_BYTES = 0x10000, BUFFERS = 0x400000 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4, AVAIL = 0x80, USED = 0x8000 };
enum { F_INDIRECT = 28, F_EVENT = 29, F_VERSION_1 = 32, F_PACKED = 34, F_RESET = 40 };
#define BIT(n) (1ull << (n))

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

struct ring {
    uint64_t desc, avail, used;
    uint16_t made, seen; /* indices: made available, seen used */
    bool made_wrap, seen_wrap;
};

struct driver {
    struct board *b;
    bool legacy, packed;
    struct ring rings[8];
};

/* ---- Registers ---- */

static inline unsigned status(struct driver *d)
{
    return d->legacy ? inb(d->b, IO + 0x12) : mem_read(d->b, STATUS, 1);
}

static inline void set_status(struct driver *d, uint8_t value)
{
    if (d->legacy)
        outb(d->b, IO + 0x12, value);
    else
        mem_write(d->b, STATUS, value, 1);
}

static inline uint64_t offered(struct driver *d)
{
    uint64_t low;

    if (d->legacy)
        return inl(d->b, IO);
    mem_write(d->b, COMMON, 0, 4);
    low = mem_read(d->b, COMMON + 4, 4);
    mem_write(d->b, COMMON, 1, 4);
    return low | mem_read(d->b, COMMON + 4, 4) << 32;
}

static inline void accept(struct driver *d, uint64_t features)
{
    if (d->legacy) {
        outl(d->b, IO + 4, features);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        mem_write(d->b, COMMON + 8, i, 4);
        mem_write(d->b, COMMON + 12, features >> 32 * i, 4);
    }
}

static inline void kick(struct driver *d, unsigned n)
{
    if (d->legacy)
        outw(d->b, IO + 0x10, n);
    else
        mem_write(d->b, NOTIFY + 4 * n, n, 2);
}

static inline void enable(struct driver *d, unsigned n)
{
    struct ring *r = &d->rings[n];
    uint64_t at = RINGS + n * RING_BYTES;

    for (unsigned i = 0; i < RING_BYTES; i += 8)
        mem_write(d->b, at + i, 0, 8);
    *r = (struct ring){ .desc = at, .made_wrap = true, .seen_wrap = true };
    if (d->legacy) {
        outw(d->b, IO + 0x0e, n);
        r->avail = at + 16 * inw(d->b, IO + 0x0c);
        r->used = (r->avail + 6 + 2 * inw(d->b, IO + 0x0c) + 4095) & ~4095ull;
        outl(d->b, IO + 8, at >> 12);
        return;
    }
    r->avail = at + 0x4000;
    r->used = at + 0x8000;
    mem_write(d->b, COMMON + 0x16, n, 2);
    mem_write(d->b, COMMON + 0x18, ENTRIES, 2);
    mem_write(d->b, COMMON + 0x20, r->desc, 8);
    mem_write(d->b, COMMON + 0x28, r->avail, 8);
    mem_write(d->b, COMMON + 0x30, r->used, 8);
    mem_write(d->b, COMMON + 0x1c, 1, 2);
}

/* How many entries a ring has. */
static inline unsigned entries(const struct driver *d)
{
    return d->legacy ? 128 : ENTRIES;
}

/* The first queues: of port 0, of control messages, of port 1. */
static inline void negotiate(struct driver *d, uint64_t features)
{
    set_status(d, 0);
    set_status(d, 3);
    accept(d, d->legacy ? features : features | BIT(F_VERSION_1));
    if (!d->legacy) {
        set_status(d, 11);
        g_assert_cmphex(status(d), ==, 11);
    }
    for (unsigned n = 0; n < 6; n++)
        enable(d, n);
    set_status(d, d->legacy ? 7 : 15);
}

static inline void place(struct board *b)
{
    pci_write(b, SLOT, 0, 0x10, IO, 4);
    pci_write(b, SLOT, 0, 0x14, MSIX, 4);
    pci_write(b, SLOT, 0, 0x20, MEM, 4);
    pci_write(b, SLOT, 0, 0x24, 0, 4);
    pci_write(b, SLOT, 0, 0x04, 7, 2);
}

/* A device of that type, ports "a" (a console) and "b" by chardevs of the same names. */
static inline struct driver driver_place(const char *device)
{
    char *line = g_strdup_printf("-nodefaults -chardev test,id=a -chardev test,id=b "
                                 "-device %s,addr=%d,id=vs -device virtconsole,chardev=a "
                                 "-device virtserialport,bus=vs.0,chardev=b,name=org.b,id=pb",
                                 device, SLOT);
    struct driver d = { .b = board_start(line) };

    g_free(line);
    place(d.b);
    return d;
}

/* ---- Rings ---- */

static inline void put_desc(struct driver *d, uint64_t table, unsigned i, struct desc desc)
{
    mem_copy_out(d->b, table + 16 * i, &desc, sizeof(desc));
}

/* Makes a chain that begins at descriptor head of a split ring available. */
static inline void publish(struct driver *d, unsigned n, uint16_t head)
{
    struct ring *r = &d->rings[n];

    mem_write(d->b, r->avail + 4 + 2 * (r->made % entries(d)), head, 2);
    mem_write(d->b, r->avail + 2, ++r->made, 2);
}

static inline uint16_t packed_flags(const struct ring *r)
{
    return r->made_wrap ? AVAIL : USED;
}

/* Makes n descriptors in a row available as one chain; flags NEXT is set here.  Its id is where it
 * begins. */
static inline void add(struct driver *d, unsigned queue, const struct desc *descs, unsigned n)
{
    struct ring *r = &d->rings[queue];
    uint16_t first = r->made;

    for (unsigned i = 0; i < n; i++) {
        struct desc one = descs[i];
        unsigned at = d->packed ? r->made : (first * 4 + i) % entries(d);

        if (i + 1 < n)
            one.flags |= NEXT;
        one.next = (at + 1) % entries(d);
        if (d->packed) {
            one.next = one.flags | packed_flags(r); /* id and flags */
            one.flags = first;
            if (++r->made == ENTRIES) {
                r->made = 0;
                r->made_wrap = !r->made_wrap;
            }
        }
        put_desc(d, r->desc, at, one);
    }
    if (!d->packed)
        publish(d, queue, first * 4 % entries(d));
}

static inline void add_one(struct driver *d, unsigned queue, uint64_t addr, uint32_t len,
                           bool write)
{
    const struct desc one = { addr, len, write ? WRITE : 0, 0 };

    add(d, queue, &one, 1);
    kick(d, queue);
}

/* How many bytes of the next used buffer have been written; -1: there is none.  chain is how many
 * descriptors it has. */
static inline int64_t used_chain(struct driver *d, unsigned queue, unsigned chain)
{
    struct ring *r = &d->rings[queue];
    int64_t len;

    if (d->packed) {
        uint16_t flags = mem_read(d->b, r->desc + 16 * r->seen + 14, 2);

        if (!!(flags & AVAIL) != r->seen_wrap || !!(flags & USED) != r->seen_wrap)
            return -1;
        len = mem_read(d->b, r->desc + 16 * r->seen + 8, 4);
        r->seen += chain;
        if (r->seen >= ENTRIES) {
            r->seen -= ENTRIES;
            r->seen_wrap = !r->seen_wrap;
        }
        return len;
    }
    if (mem_read(d->b, r->used + 2, 2) == r->seen)
        return -1;
    len = mem_read(d->b, r->used + 8 + 8 * (r->seen % entries(d)), 4);
    r->seen++;
    return len;
}

static inline int64_t used(struct driver *d, unsigned queue)
{
    return used_chain(d, queue, 1);
}

/* ---- Control messages ---- */

static inline void tell(struct driver *d, uint32_t port, uint16_t event, uint16_t value)
{
    mem_write(d->b, BUFFERS, port, 4);
    mem_write(d->b, BUFFERS + 4, event, 2);
    mem_write(d->b, BUFFERS + 6, value, 2);
    add_one(d, 3, BUFFERS, 8, false);
    g_assert_cmpint(used(d, 3), ==, 0);
}

/* The next message as text, "PORT EVENT VALUE NAME"; "" if there is none.  To be freed. */
static inline char *told(struct driver *d)
{
    char buf[72] = "";
    int64_t n;

    add_one(d, 2, BUFFERS + 0x1000, 64, true);
    n = used(d, 2);
    if (n < 8)
        return g_strdup("");
    mem_copy_in(d->b, BUFFERS + 0x1000, buf, n);
    return g_strdup_printf("%u %u %u%s%s", *(uint32_t *)buf, *(uint16_t *)(buf + 4),
                           *(uint16_t *)(buf + 6), n > 8 ? " " : "", buf + 8);
}

#define assert_told(d, text)                                                                       \
    do {                                                                                           \
        char *said_ = told(d);                                                                     \
        g_assert_cmpstr(said_, ==, text);                                                          \
        g_free(said_);                                                                             \
    } while (0)

/* Brings the driver of the console's and the other port up. */
static inline void begin_ports(struct driver *d)
{
    tell(d, 0, 0, 1);
    assert_told(d, "0 1 1");
    assert_told(d, "1 1 1");
    tell(d, 0, 3, 1);
    assert_told(d, "0 4 1");
    assert_told(d, "0 6 1");
    tell(d, 1, 3, 1);
    assert_told(d, "1 7 1 org.b");
    assert_told(d, "1 6 1");
    tell(d, 0, 6, 1);
    tell(d, 1, 6, 1);
}

static inline struct driver driver_start(const char *device, bool legacy, uint64_t features)
{
    struct driver d = driver_place(device);

    d.legacy = legacy;
    d.packed = features & BIT(F_PACKED);
    negotiate(&d, features | BIT(1));
    begin_ports(&d);
    return d;
}

#endif
