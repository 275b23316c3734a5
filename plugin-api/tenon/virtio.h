/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/virtio.h - virtio devices: what they are and have, and the queues that their drivers fill.
 *
 * Reference: Virtual I/O Device (VIRTIO) Version 1.2 (OASIS).  A plugin says what its device is and
 * does what is asked in the queues; the host is the transport (registers, interrupts, doorbells),
 * negotiates features and reads and writes the rings, split or packed.
 */
/* clang-format off */
#ifndef TENON_VIRTIO_H
#define TENON_VIRTIO_H

#include <tenon/plugin.h>

enum {                              /* of the device status (chapter 2.1) */
    TENON_VIRTIO_ACKNOWLEDGE = 1,
    TENON_VIRTIO_DRIVER = 2,
    TENON_VIRTIO_DRIVER_OK = 4,
    TENON_VIRTIO_FEATURES_OK = 8,
    TENON_VIRTIO_NEEDS_RESET = 64,
    TENON_VIRTIO_FAILED = 128,
};

#define TENON_VIRTIO_F_VERSION_1 (1ull << 32)   /* not accepted: the driver is one of before 1.0 */

/* "tenon.virtio/1" - what a device is; the ops of all its types. */
struct tenon_virtio_ops {
    uint32_t size;
    uint16_t device_id;             /* chapter 5: 3 is a console */
    uint16_t transitional_id;       /* PCI's device id for drivers of before 1.0; 0: those have no
                                       such device */
    uint32_t pci_class;             /* PCI's class code, 24 bits */
    uint32_t vectors;               /* MSI-X vectors, unless vectors= is given; 0: one for each queue
                                       and one more */
    uint32_t config_bytes;          /* of its configuration space, up to 256 */
    uint64_t features;              /* bits 0 to 23 and 50 to 63 that it always offers */
    /* The driver has made buffers available in the queue, or started the device with some in it.
     * [vcpu] */
    void (*notified)(void *self, unsigned queue);
    /* The driver has written to configuration space: value, of bytes bytes (1, 2 or 4), from reg on,
     * all inside.  What is to be read there from now on, the device stores itself. [vcpu] */
    void (*config_written)(void *self, unsigned reg, uint32_t value, unsigned bytes);
    /* The driver has set DRIVER_OK: features are settled, queues are ready.  notified() follows for
     * each. [vcpu] */
    void (*started)(void *self);
    /* The device starts afresh, by the driver's wish or a reset of the machine; also before its
     * first use.  Chains that have been taken mean nothing more: they are put() now, or when the work
     * with them is over. [vcpu] */
    void (*reset)(void *self);
    /* The driver has enabled one queue, or reset it (VIRTIO_F_RING_RESET): then the same holds for
     * chains of it. [vcpu] */
    void (*queue)(void *self, unsigned queue, bool enabled);
};

/*
 * Defines the types of a virtio device whose state is struct ID: virtio-NAME-pci, which is also called
 * virtio-NAME, virtio-NAME-pci-transitional and virtio-NAME-pci-non-transitional.  They are listed by
 * TENON_VIRTIO_TYPES(ID) in TENON_PLUGIN().  The host gives them properties of the transport (vectors=,
 * packed=, disable-legacy= ...).
 */
#define TENON_VIRTIO_TYPE_(id, form, names_, ops_id_, tags_, help_, ...)                           \
    TENON_NOTE_(id##form, "need=" TENON_STR1_(TENON_ABI_NEED) "\tkind=device\tname=" names_        \
                "\tbus=PCI\ttags=" tags_ "\thelp=" help_);                                         \
    static const struct tenon_type tenon_type_##id##form = {                                       \
        .size = sizeof(struct tenon_type), .state_size = sizeof(struct id), .kind = "device",      \
        .name = names_, .help = help_, .ops_id = ops_id_, __VA_ARGS__ }
#define TENON_VIRTIO_DEVICE(id, name_, tags_, help_, ...)                                          \
    TENON_ASSERT_(offsetof(struct id, dev) == 0 &&                                                 \
                  sizeof(((struct id *)0)->dev) == sizeof(struct tenon_dev *),                     \
                  "struct tenon_dev *dev comes first");                                            \
    TENON_VIRTIO_TYPE_(id, _pci, "virtio-" name_ "-pci virtio-" name_, "tenon.virtio-pci/1",       \
                       tags_, help_, __VA_ARGS__);                                                 \
    TENON_VIRTIO_TYPE_(id, _pci_transitional, "virtio-" name_ "-pci-transitional",                 \
                       "tenon.virtio-pci-transitional/1", tags_, help_, __VA_ARGS__);              \
    TENON_VIRTIO_TYPE_(id, _pci_non_transitional, "virtio-" name_ "-pci-non-transitional",         \
                       "tenon.virtio-pci-non-transitional/1", tags_, help_, __VA_ARGS__)
#define TENON_VIRTIO_TYPES(id)                                                                     \
    &tenon_type_##id##_pci, &tenon_type_##id##_pci_transitional,                                   \
    &tenon_type_##id##_pci_non_transitional

/* A part of a buffer in guest memory; it may be anywhere, or nowhere. */
struct tenon_virtio_piece {
    uint64_t addr;
    uint32_t bytes;
};

/*
 * A request: what the driver has put into a queue at once.  Its descriptors have been checked and
 * copied; they do not change.  The memory they point to may change at any time: read() what counts
 * once.
 */
struct tenon_virtio_chain {
    uint32_t size;
    uint32_t queue;
    uint64_t out_bytes, in_bytes;   /* for the device to read; to write.  Each below 4 GiB */
    const struct tenon_virtio_piece *out, *in;
    uint32_t n_out, n_in;
};

/* "tenon.virtio/1" - what the host offers a device; asked for with tenon_query(). */
struct tenon_virtio {
    uint32_t size;
    /* In create(): adds a queue of up to entries (a power of two) entries; its number, or -errno.
     * [main] */
    int (*add_queue)(struct tenon_dev *, unsigned entries);
    /* In create(): offers further feature bits. [main] */
    void (*offer)(struct tenon_dev *, uint64_t features);
    /* Configuration space as the driver reads it, config_bytes long, little-endian; the device stores
     * there what it likes, and says changed() if the driver is to look. [vcpu] */
    uint8_t *(*config)(struct tenon_dev *);
    void (*changed)(struct tenon_dev *);                                                /* [vcpu] */
    /* The features that the driver has accepted. [vcpu] */
    uint64_t (*features)(struct tenon_dev *);
    /* Whether take() and put() have any effect: the driver runs, and has enabled the queue. [vcpu] */
    bool (*ready)(struct tenon_dev *, unsigned queue);

    /*
     * Takes the next chain of a queue; NULL if there is none.  It is the device's until put() or
     * give_back().  No more are out at a time than the queue has entries, and after a thousand others get
     * their turn: there is none then, and notified() comes again.  A ring that makes no sense
     * sets NEEDS_RESET, and is not looked at before the driver has reset the device. [vcpu]
     */
    struct tenon_virtio_chain *(*take)(struct tenon_dev *, unsigned queue);
    /* Returns the chain that was taken last as if it had not been. [vcpu] */
    void (*give_back)(struct tenon_dev *, struct tenon_virtio_chain *);
    /* Returns a chain to the driver: written bytes of it, from the first, have been written.  If it
     * has been reset meanwhile the chain is just freed. [vcpu] */
    void (*put)(struct tenon_dev *, struct tenon_virtio_chain *, uint32_t written);
    /* After one put() or several: interrupts, if the driver wants to hear of them. [vcpu] */
    void (*notify)(struct tenon_dev *, unsigned queue);
    /*
     * Whether the driver is to notify the device of what it makes available; it is from the start.  A
     * device that empties a queue needs none meanwhile: it says false, takes until there is nothing
     * more, says true and looks once more.  A driver may notify nevertheless. [vcpu]
     */
    void (*listen)(struct tenon_dev *, unsigned queue, bool on);

    /* Copies from the parts to be read, or to the parts to be written, from byte at on; how much was
     * copied: less if the chain is shorter, or leads to what is no RAM (NEEDS_RESET is set).
     * [vcpu] */
    size_t (*read)(struct tenon_dev *, const struct tenon_virtio_chain *, uint64_t at, void *buf,
                   size_t len);
    size_t (*write)(struct tenon_dev *, struct tenon_virtio_chain *, uint64_t at, const void *buf,
                    size_t len);
    /* Where the part is in this process, if all of it is one piece of RAM, else NULL: then use read()
     * and write().  Holds until the callback returns.  put() marks what was written. [vcpu] */
    const void *(*out_pointer)(struct tenon_dev *, const struct tenon_virtio_chain *, unsigned part);
    void *(*in_pointer)(struct tenon_dev *, struct tenon_virtio_chain *, unsigned part);

    /* The driver has done what makes no sense: sets NEEDS_RESET, and says why, as tenon_log() does.
     * [vcpu] */
    void (*broken)(struct tenon_dev *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
};

#endif
