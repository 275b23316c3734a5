/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtio - the PCI transport, rings of every kind, and rings that make no sense, by way of
 * virtio-serial. */

#include "virtio-driver.h"

/* ---- What the functions are ---- */

static void is(const char *device, uint32_t id, unsigned revision, uint32_t subsystem)
{
    struct driver d = driver_place(device);

    g_assert_cmphex(pci_read(d.b, SLOT, 0, 0x00, 4), ==, id << 16 | 0x1af4);
    g_assert_cmphex(pci_read(d.b, SLOT, 0, 0x08, 4), ==, 0x07800000 | revision);
    g_assert_cmphex(pci_read(d.b, SLOT, 0, 0x2c, 4), ==, subsystem << 16 | 0x1af4);
    g_assert_cmphex(pci_read(d.b, SLOT, 0, 0x3d, 1), ==, 1);
    board_finish(d.b);
}

static void numbers(void)
{
    is("virtio-serial-pci", 0x1003, 0, 3);
    is("virtio-serial", 0x1003, 0, 3);
    is("virtio-serial-pci-transitional", 0x1003, 0, 3);
    is("virtio-serial-pci-non-transitional", 0x1043, 1, 0x1100);
    is("virtio-serial-pci,disable-legacy=on", 0x1043, 1, 0x1100);
    is("virtio-serial-pci,disable-modern=on", 0x1003, 0, 3);
}

static uint32_t bar_mask(struct board *b, unsigned reg)
{
    pci_write(b, SLOT, 0, reg, 0xffffffff, 4);
    return pci_read(b, SLOT, 0, reg, 4);
}

static void bars(void)
{
    struct driver d = driver_place("virtio-serial-pci");

    g_assert_cmphex(bar_mask(d.b, 0x10), ==, 0xffffffc1);
    g_assert_cmphex(bar_mask(d.b, 0x14), ==, 0xfffff000);
    g_assert_cmphex(bar_mask(d.b, 0x20), ==, 0xffffc00c);
    g_assert_cmphex(bar_mask(d.b, 0x24), ==, 0xffffffff);
    board_finish(d.b);
    d = driver_place("virtio-serial-pci-non-transitional,vectors=0,page-per-vq=on");
    g_assert_cmphex(bar_mask(d.b, 0x10), ==, 0);
    g_assert_cmphex(bar_mask(d.b, 0x14), ==, 0);
    g_assert_cmphex(bar_mask(d.b, 0x20), ==, 0xff80000c);
    board_finish(d.b);
    d = driver_place("virtio-serial-pci,disable-modern=on,vectors=300");
    g_assert_cmphex(bar_mask(d.b, 0x14), ==, 0xffffc000);
    g_assert_cmphex(bar_mask(d.b, 0x20), ==, 0);
    board_finish(d.b);
}

/* Where the virtio capability of that type is; of MSI-X with type 0. */
static unsigned capability(struct board *b, unsigned type)
{
    unsigned at = pci_read(b, SLOT, 0, 0x34, 1);

    for (; at; at = pci_read(b, SLOT, 0, at + 1, 1)) {
        unsigned id = pci_read(b, SLOT, 0, at, 1);

        if (type ? id == 9 && pci_read(b, SLOT, 0, at + 3, 1) == type : id == 0x11)
            return at;
    }
    return 0;
}

static void capabilities(void)
{
    static const struct {
        unsigned type, bytes, offset, length;
    } caps[] = { { 1, 16, 0, 0x1000 },
                 { 2, 20, 0x3000, 0x1000 },
                 { 3, 16, 0x1000, 0x1000 },
                 { 4, 16, 0x2000, 0x1000 } };
    struct driver d = driver_place("virtio-serial-pci");
    unsigned at;

    for (unsigned i = 0; i < G_N_ELEMENTS(caps); i++) {
        at = capability(d.b, caps[i].type);
        g_assert_cmpuint(pci_read(d.b, SLOT, 0, at + 2, 1), ==, caps[i].bytes);
        g_assert_cmpuint(pci_read(d.b, SLOT, 0, at + 4, 1), ==, 4);
        g_assert_cmphex(pci_read(d.b, SLOT, 0, at + 8, 4), ==, caps[i].offset);
        g_assert_cmphex(pci_read(d.b, SLOT, 0, at + 12, 4), ==, caps[i].length);
    }
    g_assert_cmpuint(pci_read(d.b, SLOT, 0, capability(d.b, 2) + 16, 4), ==, 4);
    at = capability(d.b, 0);
    g_assert_cmphex(pci_read(d.b, SLOT, 0, at + 2, 2), ==, 1);
    g_assert_cmphex(pci_read(d.b, SLOT, 0, at + 4, 4), ==, 1);
    g_assert_cmphex(pci_read(d.b, SLOT, 0, at + 8, 4), ==, 0x801);

    /* The window in configuration space. */
    at = capability(d.b, 5);
    pci_write(d.b, SLOT, 0, at + 4, 4, 1);
    pci_write(d.b, SLOT, 0, at + 8, 0x16, 4);
    pci_write(d.b, SLOT, 0, at + 12, 2, 4);
    pci_write(d.b, SLOT, 0, at + 16, 5, 2);
    g_assert_cmphex(mem_read(d.b, COMMON + 0x16, 2), ==, 5);
    mem_write(d.b, COMMON + 0x16, 3, 2);
    g_assert_cmphex(pci_read(d.b, SLOT, 0, at + 16, 2), ==, 3);
    pci_write(d.b, SLOT, 0, at + 8, 0xfffffff0, 4); /* nowhere */
    pci_write(d.b, SLOT, 0, at + 12, 4, 4);
    pci_write(d.b, SLOT, 0, at + 16, 5, 4);
    pci_read(d.b, SLOT, 0, at + 16, 4);
    board_finish(d.b);
}

static void refused(void)
{
    static const char *const lines[][2] = {
        { "virtio-serial-pci,iommu_platform=on", "has no IOMMU" },
        { "virtio-serial-pci,disable-legacy=on,disable-modern=on", "nothing is left" },
        { "virtio-serial-pci,vectors=2049", "vectors takes a number from 0 to 2048" },
        { "virtio-serial-pci,max_ports=512", "max_ports takes a number from 1 to 511" },
        { "virtio-serial-pci-transitional,disable-legacy=on", "no property 'disable-legacy'" },
        { "virtio-serial-device", "no such device" },
        { "virtconsole", "needs a bus of kind virtio-serial-bus" },
        { "virtio-serial-pci,id=a -device virtconsole,bus=b.0", "no bus 'b.0' of kind" },
        { "virtio-serial-pci -device virtserialport,nr=0", "nr=0 is for a virtconsole" },
        { "virtio-serial-pci -device virtserialport,nr=31", "numbered up to 30" },
        { "virtio-serial-pci -device virtserialport,nr=1 -device virtserialport,nr=1",
          "nr=1 is in use" },
        { "virtio-serial-pci -device virtserialport,name=x -device virtserialport,name=x",
          "name=x is in use" },
        { "virtio-serial-pci,max_ports=2 -device virtserialport -device virtserialport",
          "all 2 ports" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        char *line = g_strdup_printf("-nodefaults -device %s", lines[i][0]), *errors;

        g_assert_null(board_try(line, &errors));
        if (!strstr(errors, lines[i][1]))
            g_error("%s: %s", line, errors);
        g_free(errors);
        g_free(line);
    }
}

/* Without ids buses are counted, and -global reaches what is the transport's. */
static void buses(void)
{
    struct board *b = board_start("-nodefaults -global virtio-serial-pci.vectors=0 "
                                  "-device virtio-serial-pci,addr=5 "
                                  "-device virtio-serial-pci,addr=6,vectors=4 "
                                  "-device virtconsole,bus=virtio-serial-bus.1");

    g_assert_cmpuint(capability(b, 0), ==, 0);
    g_assert_cmpuint(pci_read(b, 6, 0, 6, 2) & 16, ==, 16);
    board_finish(b);
}

/* ---- Features and status ---- */

static void features(void)
{
    struct driver d = driver_place("virtio-serial-pci,packed=on");

    g_assert_cmphex(offered(&d), ==,
                    6 | BIT(F_INDIRECT) | BIT(F_EVENT) | BIT(F_VERSION_1) | BIT(F_PACKED) |
                        BIT(F_RESET));
    set_status(&d, 3);
    accept(&d, 2); /* without VERSION_1 */
    set_status(&d, 11);
    g_assert_cmphex(status(&d), ==, 3);
    accept(&d, BIT(F_VERSION_1) | BIT(35)); /* not offered */
    set_status(&d, 11);
    g_assert_cmphex(status(&d), ==, 3);
    accept(&d, BIT(F_VERSION_1) | 2);
    set_status(&d, 11);
    g_assert_cmphex(status(&d), ==, 11);
    accept(&d, BIT(F_VERSION_1)); /* too late */
    mem_write(d.b, COMMON + 8, 0, 4);
    g_assert_cmphex(mem_read(d.b, COMMON + 12, 4), ==, 2);
    set_status(&d, 0);
    g_assert_cmphex(mem_read(d.b, COMMON + 12, 4), ==, 0);
    board_finish(d.b);

    d = driver_place("virtio-serial-pci,event_idx=off,indirect_desc=off,queue_reset=off,"
                     "emergency-write=off,max_ports=2");
    g_assert_cmphex(offered(&d), ==, 2 | BIT(F_VERSION_1));
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x12, 2), ==, 6);
    d.legacy = true;
    g_assert_cmphex(offered(&d), ==, 2 | BIT(24) | BIT(27));
    board_finish(d.b);
}

static void registers(void)
{
    struct driver d = driver_place("virtio-serial-pci,max_ports=7");

    g_assert_cmpuint(mem_read(d.b, COMMON + 0x12, 2), ==, 16);
    g_assert_cmpuint(mem_read(d.b, CONFIG + 4, 4), ==, 7);
    g_assert_cmpuint(inl(d.b, IO + 0x14 + 4), ==, 7);
    mem_write(d.b, COMMON + 0x16, 2, 2);
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x18, 2), ==, 32);
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x1e, 2), ==, 2);
    mem_write(d.b, COMMON + 0x18, 33, 2); /* more than it has, no power of two, none at all */
    mem_write(d.b, COMMON + 0x18, 12, 2);
    mem_write(d.b, COMMON + 0x18, 0, 2);
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x18, 2), ==, 32);
    mem_write(d.b, COMMON + 0x20, 0x123456789abcdef0, 8);
    g_assert_cmphex(mem_read(d.b, COMMON + 0x20, 8), ==, 0x123456789abcdef0);
    mem_write(d.b, COMMON + 0x1a, 1, 2);
    g_assert_cmphex(mem_read(d.b, COMMON + 0x1a, 2), ==, 1);
    mem_write(d.b, COMMON + 0x1a, 2, 2); /* a vector that is not there */
    g_assert_cmphex(mem_read(d.b, COMMON + 0x1a, 2), ==, 0xffff);
    mem_write(d.b, COMMON + 0x16, 16, 2); /* a queue that is not there */
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x18, 2), ==, 0);
    mem_write(d.b, COMMON + 0x1c, 1, 2);
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x1c, 2), ==, 0);
    mem_write(d.b, NOTIFY + 4 * 1000, 0, 2);
    g_assert_cmphex(mem_read(d.b, CONFIG + 12, 4), ==, 0xffffffff);
    board_reset(d.b);
    place(d.b);
    g_assert_cmphex(mem_read(d.b, COMMON + 0x20, 8), ==, 0);
    board_finish(d.b);
}

/* ---- Rings of every kind ---- */

struct kind {
    const char *name, *device;
    bool legacy;
    uint64_t features;
};

static const struct kind kinds[] = {
    { "legacy", "virtio-serial-pci,disable-modern=on", true, 0 },
    { "legacy-event", "virtio-serial-pci-transitional", true, BIT(F_EVENT) | BIT(F_INDIRECT) },
    { "split", "virtio-serial-pci", false, 0 },
    { "split-event", "virtio-serial-pci-non-transitional", false, BIT(F_EVENT) | BIT(F_INDIRECT) },
    { "packed", "virtio-serial-pci,packed=on", false, BIT(F_PACKED) },
    { "packed-event", "virtio-serial-pci-non-transitional,packed=on", false,
      BIT(F_PACKED) | BIT(F_EVENT) | BIT(F_INDIRECT) },
};

/* Often enough for rings and their indices to wrap. */
static void streams(const void *arg)
{
    const struct kind *k = arg;
    struct driver d = driver_start(k->device, k->legacy, k->features);
    char out[24], in[40];

    for (unsigned i = 0; i < 300; i++) {
        const struct desc two[] = { { BUFFERS + 0x100, 10, 0, 0 }, { BUFFERS + 0x200, 10, 0, 0 } };

        g_snprintf(out, sizeof(out), "%010u%010u", i, ~i);
        mem_copy_out(d.b, BUFFERS + 0x100, out, 10);
        mem_copy_out(d.b, BUFFERS + 0x200, out + 10, 10);
        add(&d, 5, two, 2);
        kick(&d, 5);
        g_assert_cmpint(used_chain(&d, 5, 2), ==, 0);
        g_assert_cmpstr(board_sent(d.b, "b")->str, ==, out);
        g_string_truncate(board_sent(d.b, "b"), 0);

        board_receive(d.b, "b", out, 20);
        g_assert_cmpint(board_waiting(d.b, "b"), ==, 20);
        add_one(&d, 4, BUFFERS + 0x300, sizeof(in), true);
        g_assert_cmpint(used(&d, 4), ==, 20);
        mem_copy_in(d.b, BUFFERS + 0x300, in, 20);
        g_assert_cmpint(memcmp(in, out, 20), ==, 0);
    }
    board_finish(d.b);
}

static void indirect(const void *arg)
{
    const struct kind *k = arg;
    struct driver d = driver_start(k->device, k->legacy, k->features);
    uint64_t table = BUFFERS + 0x2000;
    const struct desc one = { table, 48, INDIRECT, 0 };

    if (!(k->features & BIT(F_INDIRECT))) {
        add(&d, 5, &one, 1);
        kick(&d, 5);
        g_assert_cmpint(used(&d, 5), ==, -1);
        if (!k->legacy)
            g_assert_cmphex(status(&d) & NEEDS_RESET, ==, NEEDS_RESET);
        board_finish(d.b);
        return;
    }
    mem_copy_out(d.b, BUFFERS + 0x100, "abcdef", 6);
    for (unsigned i = 0; i < 3; i++)
        put_desc(&d, table, i,
                 d.packed ? (struct desc){ BUFFERS + 0x100 + 2 * i, 2, 0, 0 }
                          : (struct desc){ BUFFERS + 0x100 + 2 * i, 2, i < 2 ? NEXT : 0, i + 1 });
    add(&d, 5, &one, 1);
    kick(&d, 5);
    g_assert_cmpint(used(&d, 5), ==, 0);
    g_assert_cmpstr(board_sent(d.b, "b")->str, ==, "abcdef");
    board_finish(d.b);
}

/* ---- Interrupts ---- */

static bool pin(struct board *b)
{
    return pci_read(b, SLOT, 0, 6, 2) & 8;
}

static unsigned isr(struct driver *d)
{
    return d->legacy ? inb(d->b, IO + 0x13) : mem_read(d->b, ISR, 1);
}

/* Whether a buffer more makes the device interrupt. */
static bool tells(struct driver *d)
{
    bool told;

    add_one(d, 5, BUFFERS, 4, false);
    told = pin(d->b);
    g_assert_cmphex(isr(d), ==, told);
    g_assert_false(pin(d->b));
    return told;
}

static void pin_and_isr(const void *arg)
{
    const struct kind *k = arg;
    struct driver d = driver_start(k->device, k->legacy, k->features);
    struct ring *r = &d.rings[5];

    g_assert_cmphex(isr(&d), ==, 1);
    g_assert_false(pin(d.b));
    g_assert_true(tells(&d));
    if (k->features & BIT(F_EVENT) && !d.packed) {
        g_assert_false(tells(&d)); /* the driver has not said that it wants to hear of a second */
        mem_write(d.b, r->avail + 4 + 2 * entries(&d), 2, 2);
        g_assert_true(tells(&d));
    } else {
        mem_write(d.b, r->avail + (d.packed ? 2 : 0), 1, 2); /* it wants to hear of none */
        g_assert_false(tells(&d));
        mem_write(d.b, r->avail + (d.packed ? 2 : 0), 0, 2);
        g_assert_true(tells(&d));
    }
    add_one(&d, 5, BUFFERS, 4, false);
    set_status(&d, 0);
    g_assert_false(pin(d.b));
    board_finish(d.b);
}

/* A packed ring's driver asks for an interrupt at one place. */
static void packed_event(void)
{
    struct driver d =
        driver_start("virtio-serial-pci,packed=on", false, BIT(F_PACKED) | BIT(F_EVENT));

    mem_read(d.b, ISR, 1);
    mem_write(d.b, d.rings[5].avail, 2 | 0x8000, 2);
    mem_write(d.b, d.rings[5].avail + 2, 2, 2);
    for (unsigned i = 0; i < ENTRIES; i++) {
        add_one(&d, 5, BUFFERS, 4, false);
        g_assert_cmpint(mem_read(d.b, ISR, 1), ==, i == 2);
    }
    mem_write(d.b, d.rings[5].avail, 1, 2); /* in the next round */
    for (unsigned i = 0; i < ENTRIES; i++) {
        add_one(&d, 5, BUFFERS, 4, false);
        g_assert_cmpint(mem_read(d.b, ISR, 1), ==, i == 1);
    }
    board_finish(d.b);
}

static void messages(void)
{
    struct driver d = driver_start("virtio-serial-pci,vectors=3", false, 0);
    unsigned cap = capability(d.b, 0);
    uint64_t addr;
    uint32_t data;

    mem_read(d.b, ISR, 1);
    for (unsigned i = 0; i < 3; i++) {
        mem_write(d.b, MSIX + 16 * i, 0xfee00000, 8);
        mem_write(d.b, MSIX + 16 * i + 8, 0x40 + i, 8);
    }
    pci_write(d.b, SLOT, 0, cap + 2, 0x8000, 2);
    mem_write(d.b, COMMON + 0x10, 0, 2);
    mem_write(d.b, COMMON + 0x16, 5, 2);
    mem_write(d.b, COMMON + 0x1a, 2, 2);
    add_one(&d, 5, BUFFERS, 4, false);
    g_assert_true(board_msi(d.b, &addr, &data));
    g_assert_cmphex(addr, ==, 0xfee00000);
    g_assert_cmphex(data, ==, 0x42);
    g_assert_false(board_msi(d.b, &addr, &data));
    g_assert_false(pin(d.b));
    add_one(&d, 1, BUFFERS, 4, false); /* a queue without a vector */
    g_assert_false(board_msi(d.b, &addr, &data));
    add_one(&d, 5, 0xfffffffffffff000, 16, false); /* breaks: that is a change of configuration */
    g_assert_true(board_msi(d.b, &addr, &data));
    g_assert_cmphex(data, ==, 0x40);
    board_finish(d.b);

    /* Legacy registers move while MSI-X is on. */
    d = driver_place("virtio-serial-pci");
    pci_write(d.b, SLOT, 0, capability(d.b, 0) + 2, 0x8000, 2);
    g_assert_cmphex(inw(d.b, IO + 0x14), ==, 0xffff);
    outw(d.b, IO + 0x14, 1);
    g_assert_cmphex(inw(d.b, IO + 0x14), ==, 1);
    g_assert_cmpuint(inl(d.b, IO + 0x18 + 4), ==, 31);
    board_finish(d.b);
}

/* ---- Rings that make no sense ---- */

enum { TABLE = BUFFERS + 0x2000, NOWHERE = 0x40000000 };

static void split_add(struct driver *d, struct desc desc)
{
    put_desc(d, d->rings[5].desc, 0, desc);
    publish(d, 5, 0);
}

static void a_loop(struct driver *d)
{
    put_desc(d, d->rings[5].desc, 1, (struct desc){ BUFFERS, 4, NEXT, 0 });
    split_add(d, (struct desc){ BUFFERS, 4, NEXT, 1 });
}

static void next_outside(struct driver *d)
{
    split_add(d, (struct desc){ BUFFERS, 4, NEXT, ENTRIES });
}

static void head_outside(struct driver *d)
{
    publish(d, 5, ENTRIES);
}

static void index_jumps(struct driver *d)
{
    d->rings[5].made += ENTRIES;
    publish(d, 5, 0);
}

static void index_goes_back(struct driver *d)
{
    mem_write(d->b, d->rings[5].avail + 2, 0xffff, 2);
}

static void data_nowhere(struct driver *d)
{
    split_add(d, (struct desc){ NOWHERE, 4, 0, 0 });
}

static void data_wraps(struct driver *d)
{
    split_add(d, (struct desc){ ~15ull, 64, 0, 0 });
}

static void data_in_registers(struct driver *d)
{
    split_add(d, (struct desc){ COMMON, 64, 0, 0 });
}

static void too_long(struct driver *d)
{
    put_desc(d, d->rings[5].desc, 1, (struct desc){ BUFFERS, UINT32_MAX, 0, 0 });
    split_add(d, (struct desc){ BUFFERS, UINT32_MAX, NEXT, 1 });
}

static void wrong_order(struct driver *d)
{
    put_desc(d, d->rings[5].desc, 1, (struct desc){ BUFFERS, 4, 0, 0 });
    split_add(d, (struct desc){ BUFFERS, 4, WRITE | NEXT, 1 });
}

static void indirect_loop(struct driver *d)
{
    put_desc(d, TABLE, 0, (struct desc){ BUFFERS, 4, NEXT, 0 });
    split_add(d, (struct desc){ TABLE, 32, INDIRECT, 0 });
}

static void indirect_in_indirect(struct driver *d)
{
    put_desc(d, TABLE, 0, (struct desc){ TABLE, 16, INDIRECT, 0 });
    split_add(d, (struct desc){ TABLE, 16, INDIRECT, 0 });
}

/* The ring's own table, whose first descriptor leads there again. */
static void indirect_in_itself(struct driver *d)
{
    split_add(d, (struct desc){ d->rings[5].desc, 16 * ENTRIES, INDIRECT, 0 });
}

static void indirect_size(struct driver *d)
{
    split_add(d, (struct desc){ TABLE, 17, INDIRECT, 0 });
}

static void indirect_empty(struct driver *d)
{
    split_add(d, (struct desc){ TABLE, 0, INDIRECT, 0 });
}

static void indirect_huge(struct driver *d)
{
    split_add(d, (struct desc){ TABLE, 0xfffffff0, INDIRECT, 0 });
}

static void indirect_and_next(struct driver *d)
{
    split_add(d, (struct desc){ TABLE, 16, INDIRECT | NEXT, 1 });
}

static void indirect_nowhere(struct driver *d)
{
    split_add(d, (struct desc){ NOWHERE, 16, INDIRECT, 0 });
}

static void indirect_at_the_end(struct driver *d)
{
    split_add(d, (struct desc){ ~31ull, 48, INDIRECT, 0 });
}

/* Long enough to be refused for its length, and not for its end. */
static void indirect_long(struct driver *d)
{
    for (unsigned i = 0; i < 2048; i++)
        put_desc(d, TABLE, i, (struct desc){ BUFFERS, 4, NEXT, i + 1 });
    split_add(d, (struct desc){ TABLE, 2048 * 16, INDIRECT, 0 });
}

/* Moves a part of queue 5's ring elsewhere. */
static void ring_at(struct driver *d, unsigned reg, uint64_t addr)
{
    set_status(d, 0);
    set_status(d, 3);
    accept(d, BIT(F_VERSION_1) | BIT(F_INDIRECT) | BIT(F_EVENT) | 2);
    set_status(d, 11);
    for (unsigned n = 0; n < 5; n++)
        enable(d, n);
    d->rings[5] = (struct ring){ .desc = RINGS, .avail = RINGS + 0x1000, .used = RINGS + 0x2000 };
    mem_write(d->b, COMMON + 0x16, 5, 2);
    mem_write(d->b, COMMON + 0x18, ENTRIES, 2);
    mem_write(d->b, COMMON + 0x20, d->rings[5].desc, 8);
    mem_write(d->b, COMMON + 0x28, d->rings[5].avail, 8);
    mem_write(d->b, COMMON + 0x30, d->rings[5].used, 8);
    mem_write(d->b, COMMON + reg, addr, 8);
    mem_write(d->b, COMMON + 0x1c, 1, 2);
    set_status(d, 15);
    if (status(d) & NEEDS_RESET) /* it has looked already */
        return;
    begin_ports(d);
    split_add(d, (struct desc){ BUFFERS, 4, 0, 0 });
}

static void table_in_registers(struct driver *d)
{
    ring_at(d, 0x20, COMMON);
}

static void avail_in_registers(struct driver *d)
{
    ring_at(d, 0x28, COMMON);
}

static void used_in_registers(struct driver *d)
{
    ring_at(d, 0x30, COMMON);
}

static void used_nowhere(struct driver *d)
{
    ring_at(d, 0x30, ~0xfull);
}

static void used_in_rom(struct driver *d)
{
    ring_at(d, 0x30, 0xffff0000);
}

static void avail_misaligned(struct driver *d)
{
    ring_at(d, 0x28, RINGS + 0x1001);
}

static void table_at_the_end(struct driver *d)
{
    ring_at(d, 0x20, ~0ull);
}

// clang-format off
#define WRONG(fn) { #fn, fn }
static const struct {
    const char *name;
    void (*spoil)(struct driver *d);
} wrongs[] = {
    WRONG(a_loop), WRONG(next_outside), WRONG(head_outside), WRONG(index_jumps),
    WRONG(index_goes_back), WRONG(data_nowhere), WRONG(data_wraps), WRONG(data_in_registers),
    WRONG(too_long), WRONG(wrong_order), WRONG(indirect_loop), WRONG(indirect_in_indirect), WRONG(indirect_in_itself),
    WRONG(indirect_size), WRONG(indirect_empty), WRONG(indirect_huge), WRONG(indirect_and_next),
    WRONG(indirect_nowhere), WRONG(indirect_at_the_end), WRONG(indirect_long),
    WRONG(table_in_registers), WRONG(avail_in_registers), WRONG(used_in_registers),
    WRONG(used_nowhere), WRONG(used_in_rom), WRONG(avail_misaligned), WRONG(table_at_the_end),
};
// clang-format on

/* The device says that it needs a reset, touches nothing more, and works after it. */
static void wrong(const void *arg)
{
    void (*const *spoil)(struct driver * d) = arg;
    struct driver d = driver_start("virtio-serial-pci", false, BIT(F_INDIRECT) | BIT(F_EVENT));

    (*spoil)(&d);
    kick(&d, 5);
    g_assert_cmphex(status(&d), ==, 15 | NEEDS_RESET);
    g_assert_cmphex(mem_read(d.b, ISR, 1) & 2, ==, 2);
    kick(&d, 5);
    set_status(&d, 15);
    g_assert_cmphex(status(&d), ==, 15 | NEEDS_RESET);
    negotiate(&d, BIT(F_INDIRECT) | BIT(1));
    begin_ports(&d);
    g_string_truncate(board_sent(d.b, "b"), 0);
    mem_copy_out(d.b, BUFFERS + 0x100, "fine", 4);
    add_one(&d, 5, BUFFERS + 0x100, 4, false);
    g_assert_cmpint(used(&d, 5), ==, 0);
    g_assert_cmpstr(board_sent(d.b, "b")->str, ==, "fine");
    board_finish(d.b);
}

static void wrong_packed(void)
{
    const uint64_t features = BIT(F_PACKED) | BIT(F_INDIRECT);
    struct driver d = driver_start("virtio-serial-pci,packed=on", false, features);

    for (unsigned i = 0; i < ENTRIES; i++) /* every descriptor leads to the next one */
        put_desc(&d, d.rings[5].desc, i, (struct desc){ BUFFERS, 4, 0, AVAIL | NEXT });
    kick(&d, 5);
    g_assert_cmphex(status(&d), ==, 15 | NEEDS_RESET);

    for (unsigned i = 0; i < 3; i++) {
        static const struct desc descs[] = {
            { TABLE, 40, 0, AVAIL | INDIRECT },
            { TABLE, 32, 0, AVAIL | INDIRECT | NEXT },
            { NOWHERE, 32, 0, AVAIL | INDIRECT },
        };

        negotiate(&d, features | BIT(1));
        begin_ports(&d);
        put_desc(&d, d.rings[5].desc, 0, descs[i]);
        kick(&d, 5);
        g_assert_cmphex(status(&d), ==, 15 | NEEDS_RESET);
    }
    board_finish(d.b);
}

/* ---- A device of somebody else's ---- */

static struct driver echo_start(uint64_t features)
{
    struct driver d = { .b =
                            board_start("-nodefaults -device virtio-echo-pci,addr=5,packed=on,id=e "
                                        "-device echo-tap -device echo-tap,bus=e.0"),
                        .packed = features & BIT(F_PACKED) };

    place(d.b);
    set_status(&d, 3);
    accept(&d, features | BIT(F_VERSION_1));
    set_status(&d, 11);
    enable(&d, 0);
    set_status(&d, 15);
    return d;
}

/* What an echo in so many parts each way gives back. */
static char *echo(struct driver *d, const char *text, unsigned parts)
{
    struct desc descs[8];
    unsigned n = strlen(text);
    char back[64] = "";

    mem_copy_out(d->b, BUFFERS, text, n);
    for (unsigned i = 0; i < parts; i++) {
        unsigned from = n * i / parts, to = n * (i + 1) / parts;

        descs[i] = (struct desc){ BUFFERS + from, to - from, 0, 0 };
        descs[parts + i] = (struct desc){ BUFFERS + 0x800 + from, to - from, WRITE, 0 };
    }
    add(d, 0, descs, 2 * parts);
    kick(d, 0);
    if (used_chain(d, 0, 2 * parts) != n)
        return NULL;
    mem_copy_in(d->b, BUFFERS + 0x800, back, n);
    return g_strdup(back);
}

#define assert_echo(d, text, parts)                                                                \
    do {                                                                                           \
        char *back_ = echo(d, text, parts);                                                        \
        g_assert_cmpstr(back_, ==, text);                                                          \
        g_free(back_);                                                                             \
    } while (0)

static void echoes(uint64_t features)
{
    struct driver d = echo_start(features);

    g_assert_cmphex(pci_read(d.b, SLOT, 0, 0, 4), ==, 0x107f1af4);
    g_assert_cmphex(offered(&d) & 0xffffff, ==, 1 << 5);
    g_assert_cmpuint(mem_read(d.b, CONFIG + 5, 1), ==, 2); /* taps */
    for (unsigned i = 0; i < 20; i++) {
        assert_echo(&d, "by pointers", 1);
        assert_echo(&d, "in some parts", 3);
    }
    g_assert_cmpuint(mem_read(d.b, CONFIG, 1), ==, 40);
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x15, 1), ==, 0);
    mem_read(d.b, ISR, 1);
    mem_write(d.b, CONFIG + 4, 1, 1);
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x15, 1), ==, 1);
    g_assert_cmphex(mem_read(d.b, ISR, 1) & 2, ==, 2);
    g_assert_null(echo(&d, "held", 2));
    mem_write(d.b, CONFIG + 4, 0, 1);
    g_assert_cmpint(used_chain(&d, 0, 4), ==, 4);
    assert_echo(&d, "goes on", 2);
    board_finish(d.b);
}

static void echo_of_every_kind(void)
{
    echoes(0);
    echoes(BIT(F_EVENT));
    echoes(BIT(F_PACKED));
    echoes(BIT(F_PACKED) | BIT(F_EVENT));
}

/* While the device does not listen the driver is told so; a reset forgets it. */
static void suppression(void)
{
    struct driver d = echo_start(0);

    assert_echo(&d, "x", 1);
    g_assert_cmphex(mem_read(d.b, d.rings[0].used, 2), ==, 0);
    board_finish(d.b);
    d = echo_start(BIT(F_EVENT));
    assert_echo(&d, "x", 1);
    assert_echo(&d, "x", 1);
    g_assert_cmphex(mem_read(d.b, d.rings[0].used + 4 + 8 * ENTRIES, 2), ==, 2);
    board_finish(d.b);
}

/* ---- Resets ---- */

static void queue_reset(void)
{
    struct driver d = driver_start("virtio-serial-pci", false, BIT(F_RESET));

    board_chr_limit(d.b, "b", 2);
    mem_copy_out(d.b, BUFFERS + 0x100, "abcd", 4);
    add_one(&d, 5, BUFFERS + 0x100, 4, false);
    g_assert_cmpint(used(&d, 5), ==, -1);
    mem_write(d.b, COMMON + 0x16, 5, 2);
    mem_write(d.b, COMMON + 0x3a, 1, 2);
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x3a, 2), ==, 0);
    g_assert_cmpuint(mem_read(d.b, COMMON + 0x1c, 2), ==, 0);
    board_chr_limit(d.b, "b", SIZE_MAX); /* the chain it was about has gone */
    g_assert_cmpstr(board_sent(d.b, "b")->str, ==, "ab");
    enable(&d, 5);
    add_one(&d, 5, BUFFERS + 0x100, 4, false);
    g_assert_cmpint(used(&d, 5), ==, 0);
    g_assert_cmpstr(board_sent(d.b, "b")->str, ==, "ababcd");
    board_finish(d.b);
}

static void reset_with_chains_out(void)
{
    struct driver d = driver_start("virtio-serial-pci", false, 0);

    board_chr_limit(d.b, "b", 0);
    add_one(&d, 5, BUFFERS, 4, false);
    add_one(&d, 4, BUFFERS, 4, true);
    board_receive(d.b, "b", "x", 1);
    board_reset(d.b);
    board_chr_limit(d.b, "b", SIZE_MAX);
    place(d.b);
    negotiate(&d, BIT(1));
    begin_ports(&d);
    g_assert_cmpuint(board_sent(d.b, "b")->len, ==, 0);
    g_assert_cmpint(used(&d, 5), ==, -1);
    board_finish(d.b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/virtio/" #name, name)
    TEST(numbers);
    TEST(bars);
    TEST(capabilities);
    TEST(refused);
    TEST(buses);
    TEST(features);
    TEST(registers);
#define KIND(test)                                                                                 \
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {                                           \
        char *path_ = g_strdup_printf("/virtio/" #test "/%s", kinds[i].name);                      \
        g_test_add_data_func(path_, &kinds[i], test);                                              \
        g_free(path_);                                                                             \
    }
    KIND(streams);
    KIND(indirect);
    KIND(pin_and_isr);
    TEST(packed_event);
    TEST(messages);
    for (unsigned i = 0; i < G_N_ELEMENTS(wrongs); i++) {
        char *path = g_strdup_printf("/virtio/wrong/%s", wrongs[i].name);

        g_test_add_data_func(path, &wrongs[i].spoil, wrong);
        g_free(path);
    }
    TEST(wrong_packed);
    TEST(echo_of_every_kind);
    TEST(suppression);
    TEST(queue_reset);
    TEST(reset_with_chains_out);
    return g_test_run();
}
