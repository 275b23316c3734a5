/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-pci - virtio devices as PCI functions: modern, legacy (drivers of before 1.0), or both.
 *
 * After VIRTIO 1.2, chapter 4.1.  BAR 0 has the legacy registers, BAR 1 MSI-X, BAR 4 the modern
 * ones:
 *
 *   0000h  common configuration      2000h  the device's configuration
 *   1000h  ISR status                3000h  doorbells, one for each queue
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus/bus.h"
#include "bus/function.h"
#include "bus/virtio.h"
#include "cpu/accel.h"
#include "machine/machine.h"
#include "plugin/plugin.h"
#include "report.h"

enum { COMMON = 0x0000, ISR = 0x1000, CONFIG = 0x2000, NOTIFY = 0x3000, AREA = 0x1000 };
enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };

/* Common configuration (4.1.4.3). */
enum {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_VECTOR = 0x10,
    NUM_QUEUES = 0x12,
    STATUS = 0x14,
    GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFF = 0x1e,
    QUEUE_DESC = 0x20,
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
    QUEUE_RESET = 0x3a,
    COMMON_BYTES = 0x3c,
};

/* Legacy registers (4.1.4.10); the device's configuration follows. */
enum {
    LEGACY_OFFERED = 0x00,
    LEGACY_ACCEPTED = 0x04,
    LEGACY_PAGE = 0x08,
    LEGACY_SIZE = 0x0c,
    LEGACY_SELECT = 0x0e,
    LEGACY_NOTIFY = 0x10,
    LEGACY_STATUS = 0x12,
    LEGACY_ISR = 0x13,
    LEGACY_CONFIG = 0x14, /* while MSI-X is off */
    LEGACY_CONFIG_VECTOR = 0x14,
    LEGACY_QUEUE_VECTOR = 0x16,
    LEGACY_CONFIG_MSIX = 0x18,
};
enum { LEGACY_BAR = 0, MSIX_BAR = 1, MODERN_BAR = 4 };

/* Capabilities (4.1.4): what comes behind the two bytes of header. */
enum { CAP_VENDOR = 9, CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_CONFIG = 4, CAP_PCI = 5 };
enum { CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_DATA = 16, CAP_BYTES = 16, CAP_LONG = 20 };

struct settings {
    uint32_t disable_legacy; /* OFF, ON, AUTO */
    bool disable_modern, ioeventfd, page_per_vq;
    bool indirect_desc, event_idx, packed, queue_reset, iommu_platform;
    uint32_t vectors;
};
enum { OFF, ON, AUTO, UNSAID = UINT32_MAX, MAX_VECTORS = 2048 };

/* A doorbell that the accelerator rings. */
struct bell {
    struct virtio_pci *p;
    unsigned queue;
    int fd;
    struct watch *watch;
};

struct virtio_pci {
    struct pci_function f; /* first: the PCI bus frees it */
    struct virtio v;
    struct settings set;
    bool legacy, modern;
    struct mapping io, msix, mem;
    uint8_t isr;
    uint32_t device_select, driver_select;
    uint16_t queue_select;
    unsigned pci_cap; /* of CAP_PCI */
    struct bell *bells;
    unsigned n_bells;
};

static struct virtio_pci *pci_of(struct virtio *v)
{
    return (struct virtio_pci *)v->inst->bus_state;
}

/* ---- Interrupts ---- */

static void interrupt(struct virtio *v, uint16_t vector, bool config)
{
    struct virtio_pci *p = pci_of(v);

    if (!pci_msix_enabled(&p->f)) {
        p->isr |= config ? ISR_CONFIG : ISR_QUEUE;
        pci_pin(&p->f, true);
    } else if (vector != VIRTIO_NO_VECTOR) {
        pci_notify(&p->f, vector);
    }
}

static uint8_t isr_read(struct virtio_pci *p)
{
    uint8_t isr = p->isr;

    p->isr = 0;
    pci_pin(&p->f, false);
    return isr;
}

/* A vector that there is not reads as none. */
static uint16_t vector_ok(const struct virtio_pci *p, uint32_t value)
{
    return value < p->set.vectors ? value : VIRTIO_NO_VECTOR;
}

/* ---- Doorbells ---- */

static unsigned notify_step(const struct virtio_pci *p)
{
    return p->set.page_per_vq ? 4096 : 4;
}

static void rung(void *arg, int fd, unsigned events)
{
    struct bell *bell = arg;
    eventfd_t count;

    if (!eventfd_read(fd, &count))
        virtio_notified(&bell->p->v, bell->queue);
}

static void hang(struct bell *bell, int fd)
{
    struct virtio_pci *p = bell->p;
    struct doorbell modern = { .reg = NOTIFY + notify_step(p) * bell->queue, .bytes = 2, .fd = fd };
    struct doorbell legacy = {
        .reg = LEGACY_NOTIFY, .bytes = 2, .match = true, .value = bell->queue, .fd = fd
    };

    if (p->modern)
        space_doorbell(&p->mem, &modern);
    if (p->legacy)
        space_doorbell(&p->io, &legacy);
}

static void bells_off(struct virtio_pci *p)
{
    for (unsigned i = 0; i < p->n_bells; i++) {
        hang(&p->bells[i], -1);
        loop_unwatch(p->bells[i].watch);
        close(p->bells[i].fd);
    }
    g_clear_pointer(&p->bells, g_free);
    p->n_bells = 0;
}

/* Where there are no more descriptors the guest's writes come here by themselves. */
static void bells_on(struct virtio_pci *p)
{
    struct loop *loop = p->v.inst->machine->loop;

    p->bells = g_new0(struct bell, p->v.n_queues);
    for (unsigned i = 0; i < p->v.n_queues; i++) {
        struct bell *bell = &p->bells[p->n_bells];
        int fd = p->v.queues[i].enabled ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;

        if (fd < 0)
            continue;
        *bell = (struct bell){ .p = p, .queue = i, .fd = fd };
        bell->watch = loop_watch(loop, fd, POLLIN, rung, bell);
        hang(bell, fd);
        p->n_bells++;
    }
}

static void status_changed(struct virtio *v)
{
    struct virtio_pci *p = pci_of(v);
    bool want = p->set.ioeventfd && v->inst->machine->accel->ops->doorbells &&
                v->status & TENON_VIRTIO_DRIVER_OK;

    if (!v->status) {
        isr_read(p);
        p->device_select = p->driver_select = p->queue_select = 0;
    }
    if (want && !p->bells)
        bells_on(p);
    else if (!want)
        bells_off(p);
}

static const struct virtio_transport transport = { .interrupt = interrupt,
                                                   .status = status_changed };

/* ---- Both register sets ---- */

/* The selected queue, or NULL. */
static struct virtio_queue *selected(struct virtio_pci *p)
{
    return p->queue_select < p->v.n_queues ? &p->v.queues[p->queue_select] : NULL;
}

static void guest_error(struct virtio_pci *p, const char *what, uint64_t reg, unsigned size)
{
    tenon_log(&p->v.inst->pub, TENON_LOG_GUEST_ERROR, "%s of %u bytes at register 0x%x", what, size,
              (unsigned)reg);
}

/* ---- Modern registers ---- */

static uint32_t queue_read(const struct virtio_queue *q, unsigned reg)
{
    switch (reg) {
    case QUEUE_SIZE: return q->entries;
    case QUEUE_VECTOR: return q->vector;
    case QUEUE_ENABLE: return q->enabled;
    case QUEUE_NOTIFY_OFF: return q - q->v->queues;
    case QUEUE_DESC: return q->desc;
    case QUEUE_DESC + 4: return q->desc >> 32;
    case QUEUE_DRIVER: return q->avail;
    case QUEUE_DRIVER + 4: return q->avail >> 32;
    case QUEUE_DEVICE: return q->used;
    case QUEUE_DEVICE + 4: return q->used >> 32;
    default: return 0;
    }
}

static uint32_t half(uint64_t features, uint32_t select)
{
    return select < 2 ? features >> 32 * select : 0;
}

static uint32_t common_read(struct virtio_pci *p, unsigned reg)
{
    const struct virtio_queue *q = selected(p);

    switch (reg) {
    case DEVICE_FEATURE_SELECT: return p->device_select;
    case DEVICE_FEATURE: return half(p->v.offered, p->device_select);
    case DRIVER_FEATURE_SELECT: return p->driver_select;
    case DRIVER_FEATURE: return half(p->v.accepted, p->driver_select);
    case CONFIG_VECTOR: return p->v.config_vector;
    case NUM_QUEUES: return p->v.n_queues;
    case STATUS: return p->v.status;
    case GENERATION: return p->v.generation;
    case QUEUE_SELECT: return p->queue_select;
    default: return q ? queue_read(q, reg) : 0;
    }
}

static bool size_ok(const struct virtio_queue *q, uint32_t entries)
{
    return entries && entries <= q->most &&
           (!(entries & (entries - 1)) || virtio_has(q->v, VIRTIO_F_RING_PACKED));
}

static void set_low(uint64_t *at, uint32_t value)
{
    *at = (*at & ~0xffffffffull) | value;
}

static void set_high(uint64_t *at, uint32_t value)
{
    *at = (uint32_t)*at | (uint64_t)value << 32;
}

/* What a queue that is in use does not take. */
static void queue_place(struct virtio_queue *q, unsigned reg, uint32_t value)
{
    switch (reg) {
    case QUEUE_SIZE:
        if (size_ok(q, value))
            q->entries = value;
        break;
    case QUEUE_DESC: set_low(&q->desc, value); break;
    case QUEUE_DESC + 4: set_high(&q->desc, value); break;
    case QUEUE_DRIVER: set_low(&q->avail, value); break;
    case QUEUE_DRIVER + 4: set_high(&q->avail, value); break;
    case QUEUE_DEVICE: set_low(&q->used, value); break;
    case QUEUE_DEVICE + 4: set_high(&q->used, value); break;
    case QUEUE_ENABLE:
        if (value == 1)
            virtio_enable(q);
        break;
    }
}

static void queue_write(struct virtio_pci *p, struct virtio_queue *q, unsigned reg, uint32_t value)
{
    if (reg == QUEUE_VECTOR)
        q->vector = vector_ok(p, value);
    else if (reg == QUEUE_RESET && value == 1 && virtio_has(&p->v, VIRTIO_F_RING_RESET))
        virtio_queue_reset(q);
    else if (!q->enabled)
        queue_place(q, reg, value);
}

static void driver_feature(struct virtio_pci *p, uint32_t value)
{
    uint64_t features = p->v.accepted;

    if (p->driver_select > 1)
        return;
    if (p->driver_select)
        set_high(&features, value);
    else
        set_low(&features, value);
    virtio_accept(&p->v, features);
}

static void common_write(struct virtio_pci *p, unsigned reg, uint32_t value)
{
    struct virtio_queue *q = selected(p);

    switch (reg) {
    case DEVICE_FEATURE_SELECT: p->device_select = value; break;
    case DRIVER_FEATURE_SELECT: p->driver_select = value; break;
    case DRIVER_FEATURE: driver_feature(p, value); break;
    case CONFIG_VECTOR: p->v.config_vector = vector_ok(p, value); break;
    case STATUS: virtio_set_status(&p->v, value); break;
    case QUEUE_SELECT: p->queue_select = value; break;
    default:
        if (q)
            queue_write(p, q, reg, value);
    }
}

/* How wide the register is that begins there (4.1.3.1); 0: none does. */
static unsigned common_width(unsigned reg)
{
    if (reg < CONFIG_VECTOR || (reg >= QUEUE_DESC && reg < QUEUE_DEVICE + 8))
        return reg % 4 ? 0 : 4;
    if (reg == STATUS || reg == GENERATION)
        return 1;
    return reg % 2 || reg >= COMMON_BYTES ? 0 : 2;
}

static uint64_t modern_read(void *arg, uint64_t reg, unsigned size)
{
    struct virtio_pci *p = arg;

    if (reg >= NOTIFY)
        return 0;
    if (reg >= CONFIG)
        return virtio_config_read(&p->v, reg - CONFIG, size);
    if (reg >= ISR)
        return reg == ISR ? isr_read(p) : 0;
    if (common_width(reg) == size)
        return common_read(p, reg);
    guest_error(p, "a read", reg, size);
    return 0;
}

static void modern_write(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct virtio_pci *p = arg;

    if (reg >= NOTIFY)
        virtio_notified(&p->v, (reg - NOTIFY) / notify_step(p));
    else if (reg >= CONFIG)
        virtio_config_write(&p->v, reg - CONFIG, value, size);
    else if (reg < ISR && common_width(reg) == size)
        common_write(p, reg, value);
    else
        guest_error(p, "a write", reg, size);
}

/* ---- Legacy registers ---- */

/* Bits that only drivers of before 1.0 know. */
static uint32_t legacy_offered(const struct virtio_pci *p)
{
    return p->v.offered | VIRTIO_F_NOTIFY_ON_EMPTY | VIRTIO_F_ANY_LAYOUT;
}

static unsigned legacy_config(const struct virtio_pci *p)
{
    return pci_msix_enabled(&p->f) ? LEGACY_CONFIG_MSIX : LEGACY_CONFIG;
}

static uint64_t legacy_read(void *arg, uint64_t reg, unsigned size)
{
    struct virtio_pci *p = arg;
    const struct virtio_queue *q = selected(p);

    if (reg >= legacy_config(p))
        return virtio_config_read(&p->v, reg - legacy_config(p), size);
    switch (reg) {
    case LEGACY_OFFERED: return legacy_offered(p);
    case LEGACY_ACCEPTED: return p->v.accepted;
    case LEGACY_PAGE: return q && q->enabled ? q->desc >> 12 : 0;
    case LEGACY_SIZE: return q ? q->most : 0;
    case LEGACY_SELECT: return p->queue_select;
    case LEGACY_STATUS: return p->v.status & ~TENON_VIRTIO_NEEDS_RESET;
    case LEGACY_ISR: return isr_read(p);
    case LEGACY_CONFIG_VECTOR: return p->v.config_vector;
    case LEGACY_QUEUE_VECTOR: return q ? q->vector : VIRTIO_NO_VECTOR;
    default: guest_error(p, "a read", reg, size); return 0;
    }
}

/* One address says where all of a queue is (2.7.2); 0 takes it away. */
static void legacy_place(struct virtio_queue *q, uint32_t page)
{
    uint16_t vector = q->vector;

    virtio_queue_reset(q);
    q->vector = vector;
    if (!page)
        return;
    q->desc = (uint64_t)page << 12;
    q->avail = q->desc + 16 * q->entries;
    q->used = (q->avail + 6 + 2 * q->entries + 4095) & ~4095ull;
    virtio_enable(q);
}

static void legacy_write(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct virtio_pci *p = arg;
    struct virtio_queue *q = selected(p);

    if (reg >= legacy_config(p)) {
        virtio_config_write(&p->v, reg - legacy_config(p), value, size);
        return;
    }
    switch (reg) {
    case LEGACY_ACCEPTED: virtio_accept(&p->v, value & legacy_offered(p)); break;
    case LEGACY_SELECT: p->queue_select = value; break;
    case LEGACY_NOTIFY: virtio_notified(&p->v, value); break;
    case LEGACY_STATUS: virtio_set_status(&p->v, value); break;
    case LEGACY_CONFIG_VECTOR: p->v.config_vector = vector_ok(p, value); break;
    case LEGACY_PAGE:
        if (q)
            legacy_place(q, value);
        break;
    case LEGACY_QUEUE_VECTOR:
        if (q)
            q->vector = vector_ok(p, value);
        break;
    default: guest_error(p, "a write", reg, size);
    }
}

/* ---- The modern registers by way of configuration space (4.1.4.9) ---- */

/* Where the driver wants to, and how wide; false: nowhere. */
static bool cfg_access(const struct virtio_pci *p, unsigned reg, unsigned bytes, uint32_t *at,
                       unsigned *size)
{
    const uint8_t *cap = p->f.config + p->pci_cap;

    if (!p->modern || !pci_touches(reg, bytes, p->pci_cap + CAP_DATA, 4))
        return false;
    *at = get(cap + CAP_OFFSET, 4);
    *size = get(cap + CAP_LENGTH, 4);
    return cap[CAP_BAR] == MODERN_BAR && (*size == 1 || *size == 2 || *size == 4) &&
           *at % *size == 0 && *at < p->mem.bytes;
}

static void cfg_reading(struct pci_function *f, unsigned reg, unsigned bytes)
{
    struct virtio_pci *p = (struct virtio_pci *)f;
    unsigned size;
    uint32_t at;

    if (cfg_access(p, reg, bytes, &at, &size))
        put(f->config + p->pci_cap + CAP_DATA, modern_read(p, at, size), size);
}

static void cfg_written(struct pci_function *f, unsigned reg, unsigned bytes)
{
    struct virtio_pci *p = (struct virtio_pci *)f;
    unsigned size;
    uint32_t at;

    if (cfg_access(p, reg, bytes, &at, &size))
        modern_write(p, at, get(f->config + p->pci_cap + CAP_DATA, size), size);
}

static const struct pci_hooks hooks = { .reading = cfg_reading, .written = cfg_written };

/* ---- BARs and capabilities ---- */

static int add_cap(struct virtio_pci *p, uint8_t type, uint32_t offset, uint32_t length)
{
    uint8_t cap[CAP_LONG] = { [2] = CAP_BYTES, [3] = type, [CAP_BAR] = MODERN_BAR };
    uint8_t writable[CAP_LONG] = { 0 };

    put(cap + CAP_OFFSET, offset, 4);
    put(cap + CAP_LENGTH, length, 4);
    if (type == CAP_NOTIFY)
        put(cap + CAP_DATA, notify_step(p), 4);
    if (type == CAP_PCI) {
        cap[CAP_BAR] = 0;
        writable[CAP_BAR] = 0xff;
        memset(writable + CAP_OFFSET, 0xff, CAP_LONG - CAP_OFFSET);
    }
    if (type == CAP_NOTIFY || type == CAP_PCI)
        cap[2] = CAP_LONG;
    return pci_capability(&p->f, CAP_VENDOR, cap[2], cap + 2, writable + 2);
}

static void add_modern(struct virtio_pci *p)
{
    uint32_t doorbells = notify_step(p) * VIRTIO_QUEUES;

    p->mem = (struct mapping){ .bytes = p->set.page_per_vq ? 2 * doorbells : NOTIFY + doorbells,
                               .priority = -1,
                               .ops = { modern_read, modern_write, 1, 4, false },
                               .arg = p,
                               .name = "virtio-pci" };
    pci_add_bar(&p->f, &(struct pci_bar){ .index = MODERN_BAR,
                                          .flags = TENON_BAR_64 | TENON_BAR_PREFETCH,
                                          .map = &p->mem });
    add_cap(p, CAP_COMMON, COMMON, AREA);
    add_cap(p, CAP_ISR, ISR, AREA);
    add_cap(p, CAP_CONFIG, CONFIG, AREA);
    add_cap(p, CAP_NOTIFY, NOTIFY, doorbells);
    p->pci_cap = add_cap(p, CAP_PCI, 0, 0);
}

/* The smallest power of two that holds bytes. */
static uint64_t round_up(uint64_t bytes)
{
    return 1ull << (64 - __builtin_clzll(bytes - 1));
}

static void add_legacy(struct virtio_pci *p)
{
    unsigned registers = p->set.vectors ? LEGACY_CONFIG_MSIX : LEGACY_CONFIG;

    p->io = (struct mapping){ .bytes = round_up(registers + p->v.ops.config_bytes),
                              .priority = -1,
                              .ops = { legacy_read, legacy_write, 1, 4, false },
                              .arg = p,
                              .name = "virtio-pci-legacy" };
    pci_add_bar(&p->f, &(struct pci_bar){ .index = LEGACY_BAR, .io = true, .map = &p->io });
}

/* The table, and in the BAR's second half the pending bits. */
static void add_msix(struct virtio_pci *p)
{
    uint64_t bytes = MAX(4096, 2 * round_up(16 * p->set.vectors));

    p->msix = (struct mapping){ .bytes = bytes, .priority = -1, .arg = p, .name = "virtio-msix" };
    pci_add_bar(&p->f, &(struct pci_bar){ .index = MSIX_BAR, .map = &p->msix });
    pci_msix_at(&p->f, &p->msix, p->set.vectors, 0, bytes / 2);
}

/* ---- Settings ---- */

#define PROP(key, type, field, ...) TENON_PROP(struct settings, key, type, field, __VA_ARGS__)
static const char *const on_off_auto[] = { "off", "on", "auto", NULL };

// clang-format off
#define PROPS_ANY                                                                                  \
    PCI_PROPS,                                                                                     \
    PROP("event_idx", TENON_BOOL, event_idx, .initial = true,                                      \
         .help = "offers to say when an interrupt or a notification is wanted"),                   \
    PROP("indirect_desc", TENON_BOOL, indirect_desc, .initial = true,                              \
         .help = "offers tables of descriptors outside the ring"),                                 \
    PROP("ioeventfd", TENON_BOOL, ioeventfd, .initial = true,                                      \
         .help = "doorbells that do not stop the processor, where the accelerator has them"),      \
    PROP("iommu_platform", TENON_BOOL, iommu_platform,                                             \
         .help = "memory accesses go through an IOMMU"),                                           \
    PROP("packed", TENON_BOOL, packed, .help = "offers packed rings"),                             \
    PROP("page-per-vq", TENON_BOOL, page_per_vq, .help = "a page for each queue's doorbell"),      \
    PROP("queue_reset", TENON_BOOL, queue_reset, .initial = true,                                  \
         .help = "offers to reset single queues"),                                                 \
    PROP("vectors", TENON_U32, vectors, .initial = UNSAID, .max = MAX_VECTORS,                     \
         .help = "MSI-X vectors; 0: none")

static const struct tenon_prop props[] = {
    PROPS_ANY,
    PROP("disable-legacy", TENON_ENUM, disable_legacy, .initial = AUTO, .names = on_off_auto,
         .help = "on if it is not for drivers of before virtio 1.0"),
    PROP("disable-modern", TENON_BOOL, disable_modern,
         .help = "on if it is for drivers of before virtio 1.0 only"),
};
static const struct tenon_prop props_of_form[] = { PROPS_ANY };
// clang-format on

/* Which forms of registers it has; false: reported. */
static bool choose_forms(struct virtio_pci *p, const struct inst *inst)
{
    bool has_legacy = p->v.ops.transitional_id;

    if (inst->bus == &virtio_pci_non_transitional_bus_ops)
        p->set.disable_legacy = ON;
    if (p->set.disable_legacy == AUTO)
        p->set.disable_legacy = has_legacy ? OFF : ON;
    p->legacy = p->set.disable_legacy == OFF;
    p->modern = !p->set.disable_modern;
    if (p->legacy && !has_legacy)
        report(inst->where, "disable-legacy=off: the device is not one of before virtio 1.0");
    else if (!p->legacy && !p->modern)
        report(inst->where, "with disable-legacy=on and disable-modern=on nothing is left");
    else
        return true;
    return false;
}

static bool read_settings(struct virtio_pci *p, struct inst *inst, const struct setting *settings,
                          unsigned n)
{
    const struct bus_ops *bus = inst->bus;
    bool ok = true;

    for (unsigned i = 0; i < bus->n_props; i++) {
        const struct tenon_prop *prop = &bus->props[i];

        if (!prop->bytes) /* PCI's */
            continue;
        prop_init(prop, &p->set);
        for (unsigned k = 0; k < n; k++)
            if (!strcmp(settings[k].key, prop->name))
                ok &= prop_set(inst->type, prop, &p->set, settings[k].value, inst->where);
    }
    if (p->set.iommu_platform) {
        report(inst->where, "iommu_platform=on: this machine has no IOMMU");
        return false;
    }
    return ok && choose_forms(p, inst);
}

static uint64_t features_of(const struct virtio_pci *p)
{
    const struct settings *s = &p->set;

    return (s->indirect_desc ? VIRTIO_F_INDIRECT_DESC : 0) |
           (s->event_idx ? VIRTIO_F_EVENT_IDX : 0) | (p->modern ? VIRTIO_F_VERSION_1 : 0) |
           (p->modern && s->packed ? VIRTIO_F_RING_PACKED : 0) |
           (p->modern && s->queue_reset ? VIRTIO_F_RING_RESET : 0);
}

/* ---- Life ---- */

static int attach(struct inst *inst, const struct setting *settings, unsigned n)
{
    struct virtio_pci *p = g_new0(struct virtio_pci, 1);
    struct tenon_pci_ops ops = { .size = sizeof(ops), .vendor = 0x1af4, .int_pin = 1 };

    virtio_init(&p->v, inst, &transport);
    p->f.hooks = &hooks;
    if (read_settings(p, inst, settings, n)) {
        ops.device = p->legacy ? p->v.ops.transitional_id : 0x1040 + p->v.ops.device_id;
        ops.class_rev = p->v.ops.pci_class << 8 | !p->legacy;
        ops.subsystem_vendor = 0x1af4;
        ops.subsystem = p->legacy ? p->v.ops.device_id : 0x1100;
        p->v.offered |= features_of(p);
        if (!pci_join(&p->f, inst, &ops, settings, n))
            return 0;
    }
    virtio_finish(&p->v);
    g_free(p);
    return -EINVAL;
}

/* The device has said how many queues it has. */
static void created(struct inst *inst)
{
    struct virtio_pci *p = inst->bus_state;

    if (p->set.vectors == UNSAID)
        p->set.vectors = p->v.ops.vectors ? p->v.ops.vectors : p->v.n_queues + 1;
    if (p->legacy)
        add_legacy(p);
    if (p->set.vectors)
        add_msix(p);
    if (p->modern)
        add_modern(p);
    memcpy(p->f.config, p->f.reset, sizeof(p->f.config));
}

static void detach(struct inst *inst)
{
    struct virtio_pci *p = inst->bus_state;

    if (!p)
        return;
    bells_off(p);
    virtio_finish(&p->v);
    mapping_finish(&p->io);
    mapping_finish(&p->mem);
    mapping_finish(&p->msix);
    pci_leave(inst);
}

static void reset(struct inst *inst)
{
    struct virtio_pci *p = inst->bus_state;

    virtio_reset(&p->v);
    pci_reset(inst);
}

static const struct tenon_prop *find_prop(const struct bus_ops *bus, const char *key)
{
    for (unsigned i = 0; i < bus->n_props; i++)
        if (!strcmp(bus->props[i].name, key))
            return &bus->props[i];
    return NULL;
}

static char *setting(const struct inst *inst, const char *key)
{
    const struct virtio_pci *p = inst->bus_state;
    const struct tenon_prop *prop = find_prop(inst->bus, key);
    uint64_t value;

    if (!prop->bytes)
        return pci_setting(inst, key);
    value = prop_number(prop, &p->set);
    if (prop->type == TENON_BOOL)
        return g_strdup(value ? "on" : "off");
    if (prop->type == TENON_ENUM)
        return g_strdup(prop->names[value]);
    return g_strdup_printf("%" G_GUINT64_FORMAT, value);
}

// clang-format off
#define FORM(id, props_)                                                                           \
    { .ops_id = id, .kind = "PCI", .props = props_, .n_props = G_N_ELEMENTS(props_),               \
      .attach = attach, .detach = detach, .reset = reset, .created = created,                      \
      .setting = setting, .hotplug = true }
// clang-format on

const struct bus_ops virtio_pci_bus_ops = FORM("tenon.virtio-pci/1", props);
const struct bus_ops virtio_pci_transitional_bus_ops =
    FORM("tenon.virtio-pci-transitional/1", props_of_form);
const struct bus_ops virtio_pci_non_transitional_bus_ops =
    FORM("tenon.virtio-pci-non-transitional/1", props_of_form);
