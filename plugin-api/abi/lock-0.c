/* SPDX-License-Identifier: MIT-0 */
/*
 * lock-0 - where every member of the interface is and what it is, so that no change goes unseen.
 *
 * While the interface is a draft, a line changes when the header does.  From interface 1 on, lines
 * are only added at the end of a struct.
 */

#include <tenon/plugin.h>
#include <tenon/isa.h>
#include <tenon/pci.h>
#include <tenon/chardev.h>
#include <tenon/system.h>
#include <tenon/memory.h>
#include <tenon/machine.h>
#include <tenon/fwcfg.h>
#include <tenon/cmos.h>
#include <tenon/info.h>
#include <tenon/irq.h>
#include <tenon/cpu.h>
#include <tenon/spice.h>
#include <tenon/tls.h>
#include <tenon/log.h>
#include <tenon/disas.h>
#include <tenon/trace.h>
#include <tenon/accel.h>
#include <tenon/bus.h>
#include <tenon/virtio.h>
#include <tenon/console.h>
#include <tenon/input.h>

#define AT(type, member, offset, ...)                                                              \
    _Static_assert(offsetof(struct type, member) == offset, #type "." #member " has moved");       \
    _Static_assert(_Generic(&((struct type *)0)->member, __VA_ARGS__ : 1, default : 0),            \
                   #type "." #member " is of another type")

// clang-format off

/* ---- tenon/plugin.h ---- */

AT(tenon_array, items,    0, const void **);
AT(tenon_array, count,    8, uint32_t *);
AT(tenon_array, stride,  12, uint32_t *);

AT(tenon_prop, name,          0, const char **);
AT(tenon_prop, type,          8, uint32_t *);
AT(tenon_prop, offset,       12, uint32_t *);
AT(tenon_prop, bytes,        16, uint32_t *);
AT(tenon_prop, flags,        20, uint32_t *);
AT(tenon_prop, initial,      24, uint64_t *);
AT(tenon_prop, initial_str,  32, const char **);
AT(tenon_prop, min,          40, uint64_t *);
AT(tenon_prop, max,          48, uint64_t *);
AT(tenon_prop, names,        56, const char *const **);
AT(tenon_prop, help,         64, const char **);

AT(tenon_reg, name,     0, const char **);
AT(tenon_reg, offset,   8, uint32_t *);
AT(tenon_reg, bytes,   12, uint32_t *);
AT(tenon_reg, count,   16, uint32_t *);
AT(tenon_reg, flags,   20, uint32_t *);
AT(tenon_reg, reset,   24, uint64_t *);

AT(tenon_timer, name,    0, const char **);
AT(tenon_timer, fire,    8, void (**)(void *self));
AT(tenon_timer, clock,  16, uint32_t *);

AT(tenon_window, name,        0, const char **);
AT(tenon_window, space,       8, uint32_t *);
AT(tenon_window, width_min,  12, uint32_t *);
AT(tenon_window, width_max,  16, uint32_t *);
AT(tenon_window, flags,      20, uint32_t *);
AT(tenon_window, base,       24, uint64_t *);
AT(tenon_window, bytes,      32, uint64_t *);
AT(tenon_window, read,       40, uint64_t (**)(void *self, uint64_t reg, unsigned size));
AT(tenon_window, write,      48, void (**)(void *self, uint64_t reg, uint64_t value, unsigned size));
AT(tenon_window, priority,   56, int32_t *);

AT(tenon_pin, name,    0, const char **);
AT(tenon_pin, count,   8, uint32_t *);
AT(tenon_pin, set,    16, void (**)(void *self, unsigned n, bool level));

AT(tenon_event, name,     0, const char **);
AT(tenon_event, format,   8, const char **);

AT(tenon_peer, self,    0, void **);
AT(tenon_peer, table,   8, const void **);

AT(tenon_host, size,    0, uint32_t *);
AT(tenon_host, minor,   4, uint32_t *);
AT(tenon_host, error,   8, int (**)(struct tenon_dev *, int err, const char *fmt, ...));
AT(tenon_host, log,    16, void (**)(struct tenon_dev *, int level, const char *fmt, ...));
AT(tenon_host, now,    24, uint64_t (**)(struct tenon_dev *, uint32_t clock));
AT(tenon_host, arm,    32, void (**)(struct tenon_dev *, uint32_t timer, uint64_t when));
AT(tenon_host, irq,    40, void (**)(struct tenon_dev *, uint32_t line, bool level));
AT(tenon_host, dma,    48, int (**)(struct tenon_dev *, uint64_t addr, void *buf, size_t len, bool to_guest));
AT(tenon_host, map,    56, int (**)(struct tenon_dev *, uint32_t window, uint64_t base, uint64_t bytes));
AT(tenon_host, query,  64, const void *(**)(struct tenon_dev *, const char *id));
AT(tenon_host, peer,   72, struct tenon_peer (**)(struct tenon_dev *, const char *id));
AT(tenon_host, trace,  80, void (**)(struct tenon_dev *, uint32_t event, const char *fmt, ...));

AT(tenon_dev, host,   0, const struct tenon_host **);
AT(tenon_dev, id,     8, const char **);
AT(tenon_dev, traced, 16, const uint8_t **);

AT(tenon_iface, id,      0, const char **);
AT(tenon_iface, table,   8, const void **);

AT(tenon_type, size,         0, uint32_t *);
AT(tenon_type, state_size,   4, uint32_t *);
AT(tenon_type, kind,         8, const char **);
AT(tenon_type, name,        16, const char **);
AT(tenon_type, help,        24, const char **);
AT(tenon_type, ops_id,      32, const char **);
AT(tenon_type, ops,         40, const void **);
AT(tenon_type, props,       48, struct tenon_array *);
AT(tenon_type, regs,        64, struct tenon_array *);
AT(tenon_type, timers,      80, struct tenon_array *);
AT(tenon_type, windows,     96, struct tenon_array *);
AT(tenon_type, pins,       112, struct tenon_array *);
AT(tenon_type, ifaces,     128, struct tenon_array *);
AT(tenon_type, lines,      144, uint32_t *);
AT(tenon_type, create,     152, int (**)(void *self));
AT(tenon_type, destroy,    160, void (**)(void *self));
AT(tenon_type, reset,      168, void (**)(void *self));
AT(tenon_type, loaded,     176, void (**)(void *self));
AT(tenon_type, events,     184, struct tenon_array *);

AT(tenon_plugin, size,      0, uint32_t *);
AT(tenon_plugin, major,     4, uint16_t *);
AT(tenon_plugin, need,      6, uint16_t *);
AT(tenon_plugin, types,     8, const struct tenon_type *const **);
AT(tenon_plugin, n_types,  16, uint32_t *);

/* ---- tenon/isa.h ---- */

AT(tenon_isa_bus, size,       0, uint32_t *);
AT(tenon_isa_bus, bus_name,   8, const char **);

AT(tenon_isa, size,      0, uint32_t *);
AT(tenon_isa, connect,   8, int (**)(struct tenon_dev *, uint32_t line, unsigned irq));

AT(tenon_isa_serial, size,    0, uint32_t *);
AT(tenon_isa_serial, ports,   8, uint32_t (**)(void *first));
AT(tenon_isa_serial, claim,  16, int (**)(void *first, uint32_t n));

/* ---- tenon/pci.h ---- */

AT(tenon_bar, index,    0, uint32_t *);
AT(tenon_bar, window,   4, uint32_t *);
AT(tenon_bar, flags,    8, uint32_t *);

AT(tenon_pci_field, offset,     0, uint16_t *);
AT(tenon_pci_field, bytes,      2, uint16_t *);
AT(tenon_pci_field, reset,      4, uint32_t *);
AT(tenon_pci_field, writable,   8, uint32_t *);
AT(tenon_pci_field, clear,     12, uint32_t *);
AT(tenon_pci_field, keep,      16, uint32_t *);

AT(tenon_pci_ops, size,               0, uint32_t *);
AT(tenon_pci_ops, vendor,             4, uint16_t *);
AT(tenon_pci_ops, device,             6, uint16_t *);
AT(tenon_pci_ops, class_rev,          8, uint32_t *);
AT(tenon_pci_ops, subsystem_vendor,  12, uint16_t *);
AT(tenon_pci_ops, subsystem,         14, uint16_t *);
AT(tenon_pci_ops, int_pin,           16, uint32_t *);
AT(tenon_pci_ops, bars,              24, struct tenon_array *);
AT(tenon_pci_ops, fields,            40, struct tenon_array *);
AT(tenon_pci_ops, config_written,    56, void (**)(void *self, unsigned reg, unsigned bytes));

AT(tenon_pci, size,     0, uint32_t *);
AT(tenon_pci, config,   8, uint8_t *(**)(struct tenon_dev *));
AT(tenon_pci, capability, 16, int (**)(struct tenon_dev *, uint8_t id, unsigned bytes, const uint8_t *initial, const uint8_t *writable));
AT(tenon_pci, msi,     24, int (**)(struct tenon_dev *, unsigned vectors));
AT(tenon_pci, msix,    32, int (**)(struct tenon_dev *, const struct tenon_msix *));
AT(tenon_pci, notify,  40, bool (**)(struct tenon_dev *, unsigned n));

AT(tenon_msix, size,     0, uint32_t *);
AT(tenon_msix, vectors,  4, uint32_t *);
AT(tenon_msix, window,   8, uint32_t *);
AT(tenon_msix, table,   12, uint32_t *);
AT(tenon_msix, pending, 16, uint32_t *);

AT(tenon_pci_host, size,       0, uint32_t *);
AT(tenon_pci_host, bus_name,   8, const char **);
AT(tenon_pci_host, swizzle,   16, int32_t *);

AT(tenon_pci_bus, size,    0, uint32_t *);
AT(tenon_pci_bus, read,    8, uint32_t (**)(struct tenon_dev *, unsigned bus, unsigned devfn, unsigned reg, unsigned bytes));
AT(tenon_pci_bus, write,  16, void (**)(struct tenon_dev *, unsigned bus, unsigned devfn, unsigned reg, uint32_t value, unsigned bytes));

AT(tenon_pci_router, size,   0, uint32_t *);
AT(tenon_pci_router, pirq,   8, void (**)(void *self, unsigned n, bool level));

/* ---- tenon/bus.h ---- */

AT(tenon_bus, size,     0, uint32_t *);
AT(tenon_bus, parent,   8, struct tenon_peer (**)(struct tenon_dev *));

/* ---- tenon/virtio.h ---- */

AT(tenon_virtio_ops, size,              0, uint32_t *);
AT(tenon_virtio_ops, device_id,         4, uint16_t *);
AT(tenon_virtio_ops, transitional_id,   6, uint16_t *);
AT(tenon_virtio_ops, pci_class,         8, uint32_t *);
AT(tenon_virtio_ops, vectors,          12, uint32_t *);
AT(tenon_virtio_ops, config_bytes,     16, uint32_t *);
AT(tenon_virtio_ops, features,         24, uint64_t *);
AT(tenon_virtio_ops, notified,         32, void (**)(void *self, unsigned queue));
AT(tenon_virtio_ops, config_written,   40, void (**)(void *self, unsigned reg, uint32_t value, unsigned bytes));
AT(tenon_virtio_ops, started,          48, void (**)(void *self));
AT(tenon_virtio_ops, reset,            56, void (**)(void *self));
AT(tenon_virtio_ops, queue,            64, void (**)(void *self, unsigned queue, bool enabled));

AT(tenon_virtio_piece, addr,    0, uint64_t *);
AT(tenon_virtio_piece, bytes,   8, uint32_t *);

AT(tenon_virtio_chain, size,        0, uint32_t *);
AT(tenon_virtio_chain, queue,       4, uint32_t *);
AT(tenon_virtio_chain, out_bytes,   8, uint64_t *);
AT(tenon_virtio_chain, in_bytes,   16, uint64_t *);
AT(tenon_virtio_chain, out,        24, const struct tenon_virtio_piece **);
AT(tenon_virtio_chain, in,         32, const struct tenon_virtio_piece **);
AT(tenon_virtio_chain, n_out,      40, uint32_t *);
AT(tenon_virtio_chain, n_in,       44, uint32_t *);

AT(tenon_virtio, size,          0, uint32_t *);
AT(tenon_virtio, add_queue,     8, int (**)(struct tenon_dev *, unsigned entries));
AT(tenon_virtio, offer,        16, void (**)(struct tenon_dev *, uint64_t features));
AT(tenon_virtio, config,       24, uint8_t *(**)(struct tenon_dev *));
AT(tenon_virtio, changed,      32, void (**)(struct tenon_dev *));
AT(tenon_virtio, features,     40, uint64_t (**)(struct tenon_dev *));
AT(tenon_virtio, ready,        48, bool (**)(struct tenon_dev *, unsigned queue));
AT(tenon_virtio, take,         56, struct tenon_virtio_chain *(**)(struct tenon_dev *, unsigned queue));
AT(tenon_virtio, give_back,    64, void (**)(struct tenon_dev *, struct tenon_virtio_chain *));
AT(tenon_virtio, put,          72, void (**)(struct tenon_dev *, struct tenon_virtio_chain *, uint32_t written));
AT(tenon_virtio, notify,       80, void (**)(struct tenon_dev *, unsigned queue));
AT(tenon_virtio, listen,       88, void (**)(struct tenon_dev *, unsigned queue, bool on));
AT(tenon_virtio, read,         96, size_t (**)(struct tenon_dev *, const struct tenon_virtio_chain *, uint64_t at, void *buf, size_t len));
AT(tenon_virtio, write,       104, size_t (**)(struct tenon_dev *, struct tenon_virtio_chain *, uint64_t at, const void *buf, size_t len));
AT(tenon_virtio, out_pointer, 112, const void *(**)(struct tenon_dev *, const struct tenon_virtio_chain *, unsigned part));
AT(tenon_virtio, in_pointer,  120, void *(**)(struct tenon_dev *, struct tenon_virtio_chain *, unsigned part));
AT(tenon_virtio, broken,      128, void (**)(struct tenon_dev *, const char *fmt, ...));

/* ---- tenon/chardev.h ---- */

AT(tenon_chr_line, speed,       0, uint32_t *);
AT(tenon_chr_line, data_bits,   4, uint32_t *);
AT(tenon_chr_line, stop_bits,   8, uint32_t *);
AT(tenon_chr_line, parity,     12, char *);

AT(tenon_chardev_ops, size,    0, uint32_t *);
AT(tenon_chardev_ops, write,   8, size_t (**)(void *self, const void *buf, size_t len));
AT(tenon_chardev_ops, ready,  16, void (**)(void *self));
AT(tenon_chardev_ops, event,  24, void (**)(void *self, int event));
AT(tenon_chardev_ops, line,   32, void (**)(void *self, const struct tenon_chr_line *line));
AT(tenon_chardev_ops, describe,  40, void (**)(void *self, char *buf, size_t len));
AT(tenon_chardev_ops, set_lines, 48, void (**)(void *self, uint32_t lines));
AT(tenon_chardev_ops, lines,     56, uint32_t (**)(void *self));
AT(tenon_chardev_ops, parallel,  64, int (**)(void *self, uint32_t op, uint8_t *bytes, size_t n));
AT(tenon_chardev_ops, yank,      72, void (**)(void *self));
AT(tenon_chardev_ops, add_client, 80, int (**)(void *self, int fd));

AT(tenon_chardev_host, size,    0, uint32_t *);
AT(tenon_chardev_host, room,    8, size_t (**)(struct tenon_dev *));
AT(tenon_chardev_host, input,  16, size_t (**)(struct tenon_dev *, const void *buf, size_t len));
AT(tenon_chardev_host, sent,   24, void (**)(struct tenon_dev *));
AT(tenon_chardev_host, event,  32, void (**)(struct tenon_dev *, int event));
AT(tenon_chardev_host, fds,    40, void (**)(struct tenon_dev *, const int *fds, unsigned n));
AT(tenon_chardev_host, waits,  48, int (**)(struct tenon_dev *));
AT(tenon_chardev_host, settled, 56, void (**)(struct tenon_dev *, const char *why));

AT(tenon_chr_user, size,       0, uint32_t *);
AT(tenon_chr_user, room,       8, size_t (**)(void *self));
AT(tenon_chr_user, receive,   16, void (**)(void *self, const void *buf, size_t len));
AT(tenon_chr_user, writable,  24, void (**)(void *self));
AT(tenon_chr_user, event,     32, void (**)(void *self, int event));
AT(tenon_chr_user, fds,       40, void (**)(void *self, const int *fds, unsigned n));

AT(tenon_chr, size,     0, uint32_t *);
AT(tenon_chr, attach,   8, int (**)(struct tenon_dev *, struct tenon_chardev *chr, const struct tenon_chr_user *user));
AT(tenon_chr, write,   16, size_t (**)(struct tenon_chardev *chr, const void *buf, size_t len));
AT(tenon_chr, accept,  24, void (**)(struct tenon_chardev *chr));
AT(tenon_chr, event,   32, void (**)(struct tenon_chardev *chr, int event));
AT(tenon_chr, line,    40, void (**)(struct tenon_chardev *chr, const struct tenon_chr_line *line));
AT(tenon_chr, set_lines, 48, int (**)(struct tenon_chardev *chr, uint32_t lines));
AT(tenon_chr, lines,     56, int (**)(struct tenon_chardev *chr));
AT(tenon_chr, parallel,  64, int (**)(struct tenon_chardev *chr, uint32_t op, uint8_t *bytes, size_t n));
AT(tenon_chr, attach_part, 72, int (**)(struct tenon_dev *, struct tenon_chardev *chr, const struct tenon_chr_user *user, void *part));

AT(tenon_ringbuf, size,  0, uint32_t *);
AT(tenon_ringbuf, read,  8, size_t (**)(void *self, void *buf, size_t len));

/* ---- tenon/tls.h ---- */

AT(tenon_secret, size,  0, uint32_t *);
AT(tenon_secret, get,   8, const uint8_t *(**)(void *self, size_t *len));

AT(tenon_tls_via, size,   0, uint32_t *);
AT(tenon_tls_via, send,   8, ssize_t (**)(void *arg, const void *buf, size_t len));
AT(tenon_tls_via, recv,  16, ssize_t (**)(void *arg, void *buf, size_t len));

AT(tenon_tls, size,        0, uint32_t *);
AT(tenon_tls, server,      8, bool (**)(void *self));
AT(tenon_tls, start,      16, struct tenon_tls_session *(**)(void *self, const char *host, const struct tenon_tls_via *via, void *arg));
AT(tenon_tls, end,        24, void (**)(struct tenon_tls_session *));
AT(tenon_tls, handshake,  32, int (**)(struct tenon_tls_session *));
AT(tenon_tls, recv,       40, ssize_t (**)(struct tenon_tls_session *, void *buf, size_t len));
AT(tenon_tls, pending,    48, size_t (**)(struct tenon_tls_session *));
AT(tenon_tls, send,       56, ssize_t (**)(struct tenon_tls_session *, const void *buf, size_t len));
AT(tenon_tls, flush,      64, int (**)(struct tenon_tls_session *));
AT(tenon_tls, events,     72, unsigned (**)(struct tenon_tls_session *));
AT(tenon_tls, bye,        80, void (**)(struct tenon_tls_session *));
AT(tenon_tls, error,      88, const char *(**)(struct tenon_tls_session *));
AT(tenon_tls, peer,       96, const char *(**)(struct tenon_tls_session *));

AT(tenon_authz, size,   0, uint32_t *);
AT(tenon_authz, allows, 8, bool (**)(void *self, const char *identity));

/* ---- tenon/spice.h ---- */

AT(tenon_spice, size,        0, uint32_t *);
AT(tenon_spice, add,         8, int (**)(void *self, struct SpiceBaseInstance *instance));
AT(tenon_spice, remove,     16, void (**)(void *self, struct SpiceBaseInstance *instance));
AT(tenon_spice, wakeup,     24, void (**)(void *self, struct SpiceCharDeviceInstance *device));
AT(tenon_spice, port_event, 32, void (**)(void *self, struct SpiceCharDeviceInstance *port, uint8_t event));

/* ---- tenon/system.h ---- */

AT(tenon_loop, size,    0, uint32_t *);
AT(tenon_loop, watch,   8, int (**)(struct tenon_dev *, int fd, unsigned events, void (*fn)(void *self, int fd, unsigned events)));

AT(tenon_objects, size,   0, uint32_t *);
AT(tenon_objects, find,   8, struct tenon_peer (**)(struct tenon_dev *, const char *id, const char *iface));

AT(tenon_events, size,   0, uint32_t *);
AT(tenon_events, emit,   8, void (**)(struct tenon_dev *, const char *event, const char *fmt, ...));

AT(tenon_power, size,        0, uint32_t *);
AT(tenon_power, request,     8, void (**)(struct tenon_dev *, uint32_t what, int code));
AT(tenon_power, on_button,  16, void (**)(struct tenon_dev *, void (*pressed)(void *self)));
AT(tenon_power, wake,       24, void (**)(struct tenon_dev *));

AT(tenon_files, size,   0, uint32_t *);
AT(tenon_files, open,   8, int (**)(struct tenon_dev *, const char *path, int flags, unsigned mode));

AT(tenon_eventfd, size,        0, uint32_t *);
AT(tenon_eventfd, doorbell,    8, int (**)(struct tenon_dev *, uint32_t window, uint64_t reg, unsigned bytes, bool match, uint64_t value, int fd));
AT(tenon_eventfd, interrupt,  16, int (**)(struct tenon_dev *, uint32_t line, int fd));

/* ---- tenon/memory.h ---- */

AT(tenon_mapping, size,       0, uint32_t *);
AT(tenon_mapping, block,      4, int32_t *);
AT(tenon_mapping, base,       8, uint64_t *);
AT(tenon_mapping, offset,    16, uint64_t *);
AT(tenon_mapping, bytes,     24, uint64_t *);
AT(tenon_mapping, priority,  32, int32_t *);
AT(tenon_mapping, flags,     36, uint32_t *);

AT(tenon_memory, size,        0, uint32_t *);
AT(tenon_memory, block,       8, int (**)(struct tenon_dev *, const char *name, uint64_t bytes));
AT(tenon_memory, pointer,    16, void *(**)(struct tenon_dev *, int block, uint64_t offset, uint64_t bytes));
AT(tenon_memory, map,        24, int (**)(struct tenon_dev *, const struct tenon_mapping *mapping));
AT(tenon_memory, set_flags,  32, void (**)(struct tenon_dev *, const int *mappings, const uint32_t *flags, unsigned n));

/* ---- tenon/machine.h ---- */

AT(tenon_machine_ops, size,          0, uint32_t *);
AT(tenon_machine_ops, max_cpus,      4, uint32_t *);
AT(tenon_machine_ops, default_cpu,   8, const char **);
AT(tenon_machine_ops, default_ram,  16, uint64_t *);
AT(tenon_machine_ops, below_4g,     24, uint64_t *);
AT(tenon_machine_ops, build,        32, int (**)(void *self));
AT(tenon_machine_ops, complete,     40, int (**)(void *self));

AT(tenon_board_info, size,             0, uint32_t *);
AT(tenon_board_info, cpus,             4, uint32_t *);
AT(tenon_board_info, max_cpus,         8, uint32_t *);
AT(tenon_board_info, sockets,         12, uint32_t *);
AT(tenon_board_info, dies,            16, uint32_t *);
AT(tenon_board_info, cores,           20, uint32_t *);
AT(tenon_board_info, threads,         24, uint32_t *);
AT(tenon_board_info, ram_bytes,       32, uint64_t *);
AT(tenon_board_info, name,            40, const char **);
AT(tenon_board_info, has_uuid,        48, bool *);
AT(tenon_board_info, uuid,            49, uint8_t (*)[16]);
AT(tenon_board_info, nodefaults,      65, bool *);
AT(tenon_board_info, acpi,            66, bool *);
AT(tenon_board_info, hpet,            67, bool *);
AT(tenon_board_info, kernel_irqchip,  68, bool *);
AT(tenon_board_info, accel,           72, const char **);
AT(tenon_board_info, apic_ids,        80, const uint32_t **);
AT(tenon_board_info, cpuid_1,         88, const uint32_t **);
AT(tenon_board_info, phys_bits,       96, uint32_t *);
AT(tenon_board_info, smm,            100, bool *);

AT(tenon_board, size,        0, uint32_t *);
AT(tenon_board, info,        8, const struct tenon_board_info *(**)(struct tenon_dev *));
AT(tenon_board, add,        16, struct tenon_dev *(**)(struct tenon_dev *, const char *driver, const char *props));
AT(tenon_board, option,     24, const char *(**)(struct tenon_dev *, const char *group, unsigned index, const char *key));
AT(tenon_board, chardev,    32, const char *(**)(struct tenon_dev *, const char *use, unsigned n));
AT(tenon_board, find_file,  40, const char *(**)(struct tenon_dev *, const char *name));
AT(tenon_board, wire,       48, int (**)(struct tenon_dev *from, uint32_t line, struct tenon_dev *to, const char *pin, unsigned n));
AT(tenon_board, wire_gsi,   56, int (**)(struct tenon_dev *from, uint32_t line, unsigned gsi));
AT(tenon_board, wire_intr,  64, int (**)(struct tenon_dev *from, uint32_t line));
AT(tenon_board, option_n,   72, const char *(**)(struct tenon_dev *, const char *group, unsigned index, const char *key, unsigned n));
AT(tenon_board, wire_ignne, 80, int (**)(struct tenon_dev *from, uint32_t line));

AT(tenon_x86_segment, base,         0, uint64_t *);
AT(tenon_x86_segment, limit,        8, uint32_t *);
AT(tenon_x86_segment, selector,    12, uint16_t *);
AT(tenon_x86_segment, attributes,  14, uint16_t *);

AT(tenon_x86_start, size,     0, uint32_t *);
AT(tenon_x86_start, rip,      8, uint64_t *);
AT(tenon_x86_start, rflags,  16, uint64_t *);
AT(tenon_x86_start, rax,     24, uint64_t *);
AT(tenon_x86_start, rbx,     32, uint64_t *);
AT(tenon_x86_start, rcx,     40, uint64_t *);
AT(tenon_x86_start, rdx,     48, uint64_t *);
AT(tenon_x86_start, rsi,     56, uint64_t *);
AT(tenon_x86_start, rdi,     64, uint64_t *);
AT(tenon_x86_start, rbp,     72, uint64_t *);
AT(tenon_x86_start, rsp,     80, uint64_t *);
AT(tenon_x86_start, cr0,     88, uint64_t *);
AT(tenon_x86_start, cr3,     96, uint64_t *);
AT(tenon_x86_start, cr4,    104, uint64_t *);
AT(tenon_x86_start, efer,   112, uint64_t *);
AT(tenon_x86_start, cs,     120, struct tenon_x86_segment *);
AT(tenon_x86_start, ds,     136, struct tenon_x86_segment *);
AT(tenon_x86_start, es,     152, struct tenon_x86_segment *);
AT(tenon_x86_start, fs,     168, struct tenon_x86_segment *);
AT(tenon_x86_start, gs,     184, struct tenon_x86_segment *);
AT(tenon_x86_start, ss,     200, struct tenon_x86_segment *);
AT(tenon_x86_start, tr,     216, struct tenon_x86_segment *);
AT(tenon_x86_start, ldt,    232, struct tenon_x86_segment *);
AT(tenon_x86_start, gdt,    248, struct tenon_x86_segment *);
AT(tenon_x86_start, idt,    264, struct tenon_x86_segment *);

AT(tenon_x86, size,    0, uint32_t *);
AT(tenon_x86, start,   8, void (**)(struct tenon_dev *, const struct tenon_x86_start *start));
AT(tenon_x86, a20,    16, void (**)(struct tenon_dev *, bool on));
AT(tenon_x86, smi,    24, void (**)(struct tenon_dev *));
AT(tenon_x86, smram,  32, void (**)(struct tenon_dev *, uint64_t base, uint64_t bytes));

/* ---- tenon/fwcfg.h ---- */

AT(tenon_fwcfg, size,           0, uint32_t *);
AT(tenon_fwcfg, set,            8, int (**)(void *fwcfg, uint16_t key, const void *data, size_t len));
AT(tenon_fwcfg, set_file,      16, int (**)(void *fwcfg, const char *name, const void *data, size_t len));
AT(tenon_fwcfg, set_ref,       24, int (**)(void *fwcfg, uint16_t key, const void *data, size_t len));
AT(tenon_fwcfg, set_file_ref,  32, int (**)(void *fwcfg, const char *name, const void *data, size_t len));
AT(tenon_fwcfg, set_file_rw,   40, int (**)(void *fwcfg, const char *name, void *data, size_t len, void (*written)(void *arg), void *arg));
AT(tenon_fwcfg, file,          48, const void *(**)(void *fwcfg, const char *name, size_t *len));

/* ---- tenon/cmos.h ---- */

AT(tenon_cmos, size,   0, uint32_t *);
AT(tenon_cmos, set,    8, void (**)(void *cmos, unsigned index, uint8_t value));
AT(tenon_cmos, get,   16, uint8_t (**)(void *cmos, unsigned index));
AT(tenon_cmos, forget_ticks, 24, void (**)(void *cmos));

AT(tenon_rtc, size,    0, uint32_t *);
AT(tenon_rtc, changed, 8, void (**)(struct tenon_dev *, int64_t ahead));

/* ---- tenon/info.h ---- */

AT(tenon_text, size,   0, uint32_t *);
AT(tenon_text, print,  8, void (**)(const struct tenon_text *to, const char *fmt, ...));

AT(tenon_info, size,      0, uint32_t *);
AT(tenon_info, describe,  8, void (**)(void *self, const char *topic, const struct tenon_text *to));

/* ---- tenon/irq.h ---- */

AT(tenon_gsi_input, size,  0, uint32_t *);
AT(tenon_gsi_input, set,   8, void (**)(void *self, unsigned gsi, bool level));

AT(tenon_pic, size,         0, uint32_t *);
AT(tenon_pic, acknowledge,  8, int (**)(void *self));

AT(tenon_ferr, size, 0, uint32_t *);
AT(tenon_ferr, set,  8, void (**)(void *self, bool level));

AT(tenon_ioapic, size,  0, uint32_t *);
AT(tenon_ioapic, eoi,   8, void (**)(void *self, uint8_t vector));

AT(tenon_pit, size,   0, uint32_t *);
AT(tenon_pit, gate,   8, void (**)(void *self, unsigned channel, bool level));
AT(tenon_pit, out,   16, bool (**)(void *self, unsigned channel));

AT(tenon_msi, size,    0, uint32_t *);
AT(tenon_msi, send,    8, bool (**)(struct tenon_dev *, uint64_t addr, uint32_t data));
AT(tenon_msi, route,  16, void (**)(struct tenon_dev *, unsigned pin, uint64_t addr, uint32_t data));

/* ---- tenon/cpu.h ---- */

AT(tenon_cpu_cache, kib,    0, uint32_t *);
AT(tenon_cpu_cache, ways,   4, uint32_t *);

AT(tenon_cpu_model, size,       0, uint32_t *);
AT(tenon_cpu_model, level,      4, uint32_t *);
AT(tenon_cpu_model, xlevel,     8, uint32_t *);
AT(tenon_cpu_model, family,    12, uint32_t *);
AT(tenon_cpu_model, model,     16, uint32_t *);
AT(tenon_cpu_model, stepping,  20, uint32_t *);
AT(tenon_cpu_model, vendor,    24, const char **);
AT(tenon_cpu_model, model_id,  32, const char **);
AT(tenon_cpu_model, features,  40, const char **);
AT(tenon_cpu_model, l1d,       48, struct tenon_cpu_cache *);
AT(tenon_cpu_model, l1i,       56, struct tenon_cpu_cache *);
AT(tenon_cpu_model, l2,        64, struct tenon_cpu_cache *);
AT(tenon_cpu_model, l3,        72, struct tenon_cpu_cache *);

/* ---- tenon/log.h ---- */

AT(tenon_logger, size,       0, uint32_t *);
AT(tenon_logger, reserved,   4, uint32_t *);
AT(tenon_logger, items,      8, const uint32_t **);
AT(tenon_logger, print,     16, void (**)(struct tenon_dev *, const char *fmt, ...));
AT(tenon_logger, covers,    24, bool (**)(struct tenon_dev *, uint64_t addr));
AT(tenon_logger, registers, 32, void (**)(struct tenon_dev *, const char *lines, const struct tenon_x86_state *));

/* ---- tenon/disas.h ---- */

AT(tenon_disas_ops, size,   0, uint32_t *);
AT(tenon_disas_ops, one,    8, uint32_t (**)(void *self, const uint8_t *bytes, uint32_t n, uint64_t pc, uint32_t bits, char *text, uint32_t room));

AT(tenon_disassembler, size,   0, uint32_t *);
AT(tenon_disassembler, one,    8, uint32_t (**)(struct tenon_dev *, const uint8_t *bytes, uint32_t n, uint64_t pc, uint32_t bits, char *text, uint32_t room));

/* ---- tenon/accel.h ---- */

AT(tenon_cpuid, leaf,       0, uint32_t *);
AT(tenon_cpuid, subleaf,    4, uint32_t *);
AT(tenon_cpuid, indexed,    8, uint32_t *);
AT(tenon_cpuid, eax,       12, uint32_t *);
AT(tenon_cpuid, ebx,       16, uint32_t *);
AT(tenon_cpuid, ecx,       20, uint32_t *);
AT(tenon_cpuid, edx,       24, uint32_t *);
AT(tenon_cpuid, reserved,  28, uint32_t *);

AT(tenon_cpu_info, size,        0, uint32_t *);
AT(tenon_cpu_info, index,       4, uint32_t *);
AT(tenon_cpu_info, apic_id,     8, uint32_t *);
AT(tenon_cpu_info, cpuid,      16, const struct tenon_cpuid **);
AT(tenon_cpu_info, n_cpuid,    24, uint32_t *);
AT(tenon_cpu_info, phys_bits,  28, uint32_t *);
AT(tenon_cpu_info, tsc_hz,     32, uint64_t *);
AT(tenon_cpu_info, host,       40, void **);
AT(tenon_cpu_info, counted,    48, uint32_t *);
AT(tenon_cpu_info, msrs,       56, const struct tenon_feature_msr **);
AT(tenon_cpu_info, n_msrs,     64, uint32_t *);

AT(tenon_feature_msr, value, 0, uint64_t *);
AT(tenon_feature_msr, index, 8, uint32_t *);

AT(tenon_x86_state, size,               0, uint32_t *);
AT(tenon_x86_state, blocked,            4, uint32_t *);
AT(tenon_x86_state, r,                  8, uint64_t (*)[16]);
AT(tenon_x86_state, rip,              136, uint64_t *);
AT(tenon_x86_state, rflags,           144, uint64_t *);
AT(tenon_x86_state, seg,              152, struct tenon_x86_segment (*)[6]);
AT(tenon_x86_state, ldt,              248, struct tenon_x86_segment *);
AT(tenon_x86_state, tr,               264, struct tenon_x86_segment *);
AT(tenon_x86_state, gdt,              280, struct tenon_x86_segment *);
AT(tenon_x86_state, idt,              296, struct tenon_x86_segment *);
AT(tenon_x86_state, cr0,              312, uint64_t *);
AT(tenon_x86_state, cr2,              320, uint64_t *);
AT(tenon_x86_state, cr3,              328, uint64_t *);
AT(tenon_x86_state, cr4,              336, uint64_t *);
AT(tenon_x86_state, efer,             344, uint64_t *);
AT(tenon_x86_state, xcr0,             352, uint64_t *);
AT(tenon_x86_state, apic_base,        360, uint64_t *);
AT(tenon_x86_state, dr,               368, uint64_t (*)[8]);
AT(tenon_x86_state, star,             432, uint64_t *);
AT(tenon_x86_state, lstar,            440, uint64_t *);
AT(tenon_x86_state, cstar,            448, uint64_t *);
AT(tenon_x86_state, fmask,            456, uint64_t *);
AT(tenon_x86_state, kernel_gs_base,   464, uint64_t *);
AT(tenon_x86_state, sysenter_cs,      472, uint64_t *);
AT(tenon_x86_state, sysenter_esp,     480, uint64_t *);
AT(tenon_x86_state, sysenter_eip,     488, uint64_t *);
AT(tenon_x86_state, tsc_aux,          496, uint64_t *);
AT(tenon_x86_state, xsave,            512, uint8_t (*)[4096]);
AT(tenon_x86_state, cr8,             4608, uint64_t *);
AT(tenon_x86_state, activity,        4616, uint32_t *);
AT(tenon_x86_state, smm,             4620, uint32_t *);
AT(tenon_x86_state, executed,        4624, uint64_t *);

AT(tenon_debug_point, address,    0, uint64_t *);
AT(tenon_debug_point, bytes,      8, uint64_t *);
AT(tenon_debug_point, kind,      16, uint32_t *);
AT(tenon_debug_point, reserved,  20, uint32_t *);

AT(tenon_accel_ops, size,              0, uint32_t *);
AT(tenon_accel_ops, cpu_size,          4, uint32_t *);
AT(tenon_accel_ops, cpuid,             8, const struct tenon_cpuid *(**)(void *self, uint32_t *n));
AT(tenon_accel_ops, cpu_create,       16, int (**)(void *self, void *cpu, const struct tenon_cpu_info *info));
AT(tenon_accel_ops, cpu_destroy,      24, void (**)(void *self, void *cpu));
AT(tenon_accel_ops, cpu_run,          32, int (**)(void *self, void *cpu));
AT(tenon_accel_ops, cpu_kick,         40, void (**)(void *self, void *cpu));
AT(tenon_accel_ops, cpu_reset,        48, void (**)(void *self, void *cpu, const struct tenon_x86_start *start));
AT(tenon_accel_ops, cpu_notes,        56, char *(**)(void *self, void *cpu));
AT(tenon_accel_ops, intr,             64, void (**)(void *self, bool level));
AT(tenon_accel_ops, msi,              72, bool (**)(void *self, uint64_t addr, uint32_t data));
AT(tenon_accel_ops, memory_changed,   80, void (**)(void *self));
AT(tenon_accel_ops, code_written,     88, void (**)(void *self, uint32_t block, uint64_t offset, uint64_t bytes));
AT(tenon_accel_ops, assist,           96, int (**)(void *self, void *cpu, struct tenon_x86_state *state));
AT(tenon_accel_ops, cpu_get,         104, void (**)(void *self, void *cpu, struct tenon_x86_state *state));
AT(tenon_accel_ops, cpu_set,         112, int (**)(void *self, void *cpu, const struct tenon_x86_state *state));
AT(tenon_accel_ops, debug,           120, void (**)(void *self, const struct tenon_debug_point *points, uint32_t n));
AT(tenon_accel_ops, cpu_step,        128, void (**)(void *self, void *cpu, uint32_t flags));
AT(tenon_accel_ops, executed,        136, uint64_t (**)(void *self, void *cpu));
AT(tenon_accel_ops, cpu_budget,      144, void (**)(void *self, void *cpu));
AT(tenon_accel_ops, ignne,           152, void (**)(void *self, bool level));
AT(tenon_accel_ops, stand_in,        160, int (**)(void *self, void *cpu, struct tenon_x86_state *state));
AT(tenon_accel_ops, cpu_nmi,         168, void (**)(void *self, void *cpu));
AT(tenon_accel_ops, smi,             176, void (**)(void *self, uint32_t index));
AT(tenon_accel_ops, cpu_lapic,       184, void (**)(void *self, void *cpu, uint32_t regs[64]));
AT(tenon_accel_ops, feature_msr,     192, bool (**)(void *self, uint32_t index, uint64_t *value));

AT(tenon_ram, host,       0, uint8_t **);
AT(tenon_ram, bytes,      8, uint64_t *);
AT(tenon_ram, block,     16, uint32_t *);
AT(tenon_ram, writable,  20, uint32_t *);
AT(tenon_ram, offset,    24, uint64_t *);

AT(tenon_accel_host, size,           0, uint32_t *);
AT(tenon_accel_host, must_stop,      8, bool (**)(void *host));
AT(tenon_accel_host, wait,          16, void (**)(void *host, uint64_t deadline));
AT(tenon_accel_host, read,          24, uint64_t (**)(void *host, uint32_t space, uint64_t addr, unsigned size));
AT(tenon_accel_host, write,         32, void (**)(void *host, uint32_t space, uint64_t addr, uint64_t value, unsigned size));
AT(tenon_accel_host, lookup,        40, void (**)(void *host, uint64_t addr, struct tenon_ram *ram));
AT(tenon_accel_host, mark,          48, void (**)(void *host, uint32_t block, uint64_t offset, uint64_t bytes));
AT(tenon_accel_host, watch,         56, void (**)(void *host, uint32_t block, uint64_t offset));
AT(tenon_accel_host, now,           64, uint64_t (**)(void *host));
AT(tenon_accel_host, acknowledge,   72, int (**)(void *host));
AT(tenon_accel_host, eoi,           80, void (**)(void *host, unsigned vector));
AT(tenon_accel_host, shutdown,      88, void (**)(void *host));
AT(tenon_accel_host, quiescent,     96, void (**)(void *host));
AT(tenon_accel_host, wake,         104, void (**)(void *host));
AT(tenon_accel_host, stopped,      112, void (**)(void *host, uint32_t why, uint64_t address));
AT(tenon_accel_host, turn,         120, bool (**)(void *host));
AT(tenon_accel_host, budget,       128, uint64_t (**)(void *host, uint64_t deadline));
AT(tenon_accel_host, yield,        136, void (**)(void *host));
AT(tenon_accel_host, ferr,         144, void (**)(void *host, bool level));
AT(tenon_accel_host, other_msr,    152, bool (**)(void *host, bool write, uint32_t index, uint64_t *value));
AT(tenon_accel_host, other_tsc,    160, uint64_t (**)(void *host));
AT(tenon_accel_host, other_interrupt, 168, int (**)(void *host, uint32_t how));
AT(tenon_accel_host, smm,             176, void (**)(void *host, bool on));

/* ---- tenon/input.h ---- */

AT(tenon_mouse, size,     0, uint32_t *);
AT(tenon_mouse, name,     8, const char **);
AT(tenon_mouse, move,    16, void (**)(void *self, int32_t right, int32_t down));
AT(tenon_mouse, button,  24, void (**)(void *self, uint32_t button, bool down));
AT(tenon_mouse, sync,    32, void (**)(void *self));

/* ---- tenon/console.h ---- */

AT(tenon_cell, character,    0, uint32_t *);
AT(tenon_cell, fg,           4, uint32_t *);
AT(tenon_cell, bg,           8, uint32_t *);
AT(tenon_cell, attributes,  12, uint32_t *);

AT(tenon_console_state, size,            0, uint32_t *);
AT(tenon_console_state, cols,            4, uint32_t *);
AT(tenon_console_state, rows,            8, uint32_t *);
AT(tenon_console_state, past,           12, uint32_t *);
AT(tenon_console_state, cursor_col,     16, uint32_t *);
AT(tenon_console_state, cursor_row,     20, uint32_t *);
AT(tenon_console_state, cursor_visible, 24, bool *);
AT(tenon_console_state, inverse,        25, bool *);

AT(tenon_text_console, size,            0, uint32_t *);
AT(tenon_text_console, state,           8, void (**)(void *self, struct tenon_console_state *));
AT(tenon_text_console, row,            16, const struct tenon_cell *(**)(void *self, int32_t row));
AT(tenon_text_console, take_changed,   24, bool (**)(void *self, uint32_t *first, uint32_t *end));
AT(tenon_text_console, watch,          32, void (**)(void *self, void (*changed)(void *arg), void *arg));
AT(tenon_text_console, key,            40, bool (**)(void *self, uint32_t keysym, uint32_t modifiers));
AT(tenon_text_console, paste,          48, size_t (**)(void *self, const void *text, size_t len));
