/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* services - the tables that a plugin asks for by name: tenon_query(). */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <tenon/bus.h>
#include <tenon/cmos.h>
#include <tenon/isa.h>
#include <tenon/machine.h>
#include <tenon/memory.h>
#include <tenon/system.h>

#include "bus/bus.h"
#include "bus/function.h"
#include "bus/pci.h"
#include "bus/virtio.h"
#include "chardev/chardev.h"
#include "cpu/accel-plugin.h"
#include "cpu/accel.h"
#include "debug/disas.h"
#include "debug/log.h"
#include "machine/board.h"
#include "machine/fds.h"
#include "machine/inst.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "machine/tree.h"
#include "monitor/event.h"
#include "plugin/plugin.h"
#include "report.h"

static struct machine *machine_of(struct tenon_dev *dev)
{
    return inst_of(dev)->machine;
}

/* ---- tenon.isa/1 ---- */

int board_wire_gsi(struct tenon_dev *dev, uint32_t line, unsigned gsi)
{
    struct inst *inst = inst_of(dev);

    if (gsi >= N_GSIS || line >= inst->type->t.lines)
        return -EINVAL;
    inst->lines[line] = (struct line){ .gsi = gsi };
    return 0;
}

static int isa_connect(struct tenon_dev *dev, uint32_t line, unsigned irq)
{
    return irq < 16 ? board_wire_gsi(dev, line, irq) : -EINVAL;
}

static const struct tenon_isa isa_service = { .size = sizeof(isa_service), .connect = isa_connect };

/* ---- tenon.pci/1, tenon.pci-bus/1 ---- */

static uint8_t *config(struct tenon_dev *dev)
{
    return pci_config(inst_of(dev));
}

static uint32_t config_read(struct tenon_dev *dev, unsigned bus, unsigned devfn, unsigned reg,
                            unsigned bytes)
{
    return pci_config_read(machine_of(dev), bus, devfn, reg, bytes);
}

static void config_write(struct tenon_dev *dev, unsigned bus, unsigned devfn, unsigned reg,
                         uint32_t value, unsigned bytes)
{
    pci_config_write(machine_of(dev), bus, devfn, reg, value, bytes);
}

static int capability(struct tenon_dev *dev, uint8_t id, unsigned bytes, const uint8_t *initial,
                      const uint8_t *writable)
{
    return pci_capability(function_of(inst_of(dev)), id, bytes, initial, writable);
}

static int msi(struct tenon_dev *dev, unsigned vectors)
{
    return pci_msi_init(function_of(inst_of(dev)), vectors);
}

static int msix(struct tenon_dev *dev, const struct tenon_msix *is)
{
    return pci_msix_init(function_of(inst_of(dev)), is);
}

static bool notify(struct tenon_dev *dev, unsigned n)
{
    return pci_notify(function_of(inst_of(dev)), n);
}

static const struct tenon_pci pci_service = {
    .size = sizeof(pci_service),
    .config = config,
    .capability = capability,
    .msi = msi,
    .msix = msix,
    .notify = notify,
};

static const struct tenon_pci_bus pci_bus_service = {
    .size = sizeof(pci_bus_service),
    .read = config_read,
    .write = config_write,
};

/* ---- tenon.loop/1 ---- */

struct inst_watch {
    struct watch *watch;
    struct inst *inst;
    int fd;
    void (*fn)(void *self, int fd, unsigned events);
};

static void watch_ready(void *arg, int fd, unsigned events)
{
    struct inst_watch *w = arg;

    w->fn(w->inst->state, fd, events);
}

static void watch_free(void *arg)
{
    struct inst_watch *w = arg;

    loop_unwatch(w->watch);
    g_free(w);
}

static GPtrArray *list(GPtrArray **at, GDestroyNotify free_one)
{
    if (!*at)
        *at = g_ptr_array_new_with_free_func(free_one);
    return *at;
}

static int loop_service_watch(struct tenon_dev *dev, int fd, unsigned events,
                              void (*fn)(void *self, int fd, unsigned events))
{
    struct inst *inst = inst_of(dev);
    GPtrArray *watches = list(&inst->watches, watch_free);
    struct inst_watch *w;

    for (unsigned i = 0; i < watches->len; i++)
        if (((struct inst_watch *)watches->pdata[i])->fd == fd) {
            g_ptr_array_remove_index(watches, i);
            break;
        }
    if (!events)
        return 0;
    w = g_new(struct inst_watch, 1);
    *w = (struct inst_watch){ .inst = inst, .fd = fd, .fn = fn };
    w->watch = loop_watch(inst->machine->loop, fd, events, watch_ready, w);
    g_ptr_array_add(watches, w);
    return 0;
}

static const struct tenon_loop loop_service = {
    .size = sizeof(loop_service),
    .watch = loop_service_watch,
};

/* ---- tenon.files/1 ---- */

static int files_open(struct tenon_dev *dev, const char *path, int flags, unsigned mode)
{
    int fd = fds_open(machine_of(dev), path, flags, mode);

    return fd < 0 ? -errno : fd;
}

static const struct tenon_files files_service = { .size = sizeof(files_service),
                                                  .open = files_open };

/* ---- tenon.objects/1 ---- */

static struct tenon_peer objects_find(struct tenon_dev *dev, const char *id, const char *iface)
{
    struct inst *inst = inst_find(machine_of(dev), "object", id);

    if (!inst)
        return (struct tenon_peer){ 0 };
    if (!inst_of(dev)->objects)
        inst_of(dev)->objects = g_ptr_array_new();
    if (!g_ptr_array_find(inst_of(dev)->objects, inst, NULL))
        g_ptr_array_add(inst_of(dev)->objects, inst);
    return (struct tenon_peer){ .self = inst->state, .table = inst_iface(inst, iface) };
}

static const struct tenon_objects objects_service = {
    .size = sizeof(objects_service),
    .find = objects_find,
};

/* ---- tenon.events/1 ---- */

static void events_emit(struct tenon_dev *dev, const char *event, const char *fmt, ...)
{
    struct inst *inst = inst_of(dev);
    json_t *data;
    va_list ap;

    if (!inst->has_id || !inst->machine->monitors)
        return;
    va_start(ap, fmt);
    data = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    json_object_set_new(data, "id", json_string(dev->id));
    event_emit_data(inst->machine, event, data);
}

static const struct tenon_events events_service = { .size = sizeof(events_service),
                                                    .emit = events_emit };

/* ---- tenon.power/1 ---- */

static void power_request(struct tenon_dev *dev, uint32_t what, int code)
{
    machine_request(machine_of(dev), what, code);
}

static void power_on_button(struct tenon_dev *dev, void (*pressed)(void *self))
{
    inst_of(dev)->button = pressed;
}

static void power_wake(struct tenon_dev *dev)
{
    machine_wake(machine_of(dev));
}

static const struct tenon_power power_service = {
    .size = sizeof(power_service),
    .request = power_request,
    .on_button = power_on_button,
    .wake = power_wake,
};

/* ---- tenon.rtc/1 ---- */

static void rtc_changed(struct tenon_dev *dev, int64_t ahead)
{
    struct machine *m = machine_of(dev);
    struct node node = tree_node(inst_of(dev));
    char *path = tree_path(m, &node);

    event_emit(m, "RTC_CHANGE", "{s:I, s:s}", "offset", (json_int_t)ahead, "qom-path", path);
    g_free(path);
}

static const struct tenon_rtc rtc_service = {
    .size = sizeof(rtc_service),
    .changed = rtc_changed,
};

/* ---- tenon.eventfd/1 ---- */

/* An interrupt by event fd that the accelerator does not take: the loop does. */
struct edge {
    struct watch *watch;
    struct inst *inst;
    uint32_t line;
    int fd;
    bool irqfd; /* the accelerator has it */
};

static void edge_free(void *arg)
{
    struct edge *e = arg;
    struct accel *accel = e->inst->machine->accel;

    if (e->irqfd)
        accel->ops->irqfd(accel, e->inst->lines[e->line].gsi, e->fd, false);
    if (e->watch)
        loop_unwatch(e->watch);
    g_free(e);
}

static void edge_ready(void *arg, int fd, unsigned events)
{
    struct edge *e = arg;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) == sizeof(count)) {
        inst_irq(e->inst, e->line, true);
        inst_irq(e->inst, e->line, false);
    }
}

static int eventfd_interrupt(struct tenon_dev *dev, uint32_t line, int fd)
{
    struct inst *inst = inst_of(dev);
    struct accel *accel = inst->machine->accel;
    GPtrArray *edges = list(&inst->bells, edge_free);
    struct edge *e;

    if (line >= inst->type->t.lines)
        return -EINVAL;
    for (unsigned i = 0; i < edges->len; i++)
        if (((struct edge *)edges->pdata[i])->line == line) {
            g_ptr_array_remove_index(edges, i);
            break;
        }
    if (fd < 0)
        return 0;
    e = g_new0(struct edge, 1);
    *e = (struct edge){ .inst = inst, .line = line, .fd = fd };
    e->irqfd = inst->lines[line].gsi >= 0 && accel->irqchip == IRQCHIP_ON && accel->ops->irqfd &&
               !accel->ops->irqfd(accel, inst->lines[line].gsi, fd, true);
    if (!e->irqfd)
        e->watch = loop_watch(inst->machine->loop, fd, POLLIN, edge_ready, e);
    g_ptr_array_add(edges, e);
    return 0;
}

static int eventfd_doorbell(struct tenon_dev *dev, uint32_t window, uint64_t reg, unsigned bytes,
                            bool match, uint64_t value, int fd)
{
    struct inst *inst = inst_of(dev);
    struct doorbell bell = { .reg = reg, .bytes = bytes, .match = match, .value = value, .fd = fd };

    if (window >= inst->type->n_windows || reg >= inst->type->windows[window].bytes)
        return -EINVAL;
    return space_doorbell(&inst->windows[window], &bell);
}

static const struct tenon_eventfd eventfd_service = {
    .size = sizeof(eventfd_service),
    .doorbell = eventfd_doorbell,
    .interrupt = eventfd_interrupt,
};

/* ---- tenon.memory/1 ---- */

static void map_free(void *arg)
{
    struct mapping *map = arg;

    mapping_remove(map);
    g_free(map);
}

static void block_free(void *arg)
{
    block_destroy(arg);
}

static struct block *block_at(struct inst *inst, int n)
{
    if (n == 0)
        return inst->machine->ram;
    return inst->blocks && n > 0 && (unsigned)n <= inst->blocks->len ? inst->blocks->pdata[n - 1]
                                                                     : NULL;
}

static int memory_block(struct tenon_dev *dev, const char *name, uint64_t bytes)
{
    struct inst *inst = inst_of(dev);
    struct block *block =
        block_create(&(struct block_spec){ .name = name, .bytes = bytes, .where = inst->where });

    if (!block)
        return -ENOMEM;
    g_ptr_array_add(list(&inst->blocks, block_free), block);
    return inst->blocks->len;
}

static void *memory_pointer(struct tenon_dev *dev, int n, uint64_t offset, uint64_t bytes)
{
    struct block *block = block_at(inst_of(dev), n);

    if (!block || offset > block->bytes || bytes > block->bytes - offset)
        return NULL;
    return block->host + offset;
}

static int memory_map(struct tenon_dev *dev, const struct tenon_mapping *asked)
{
    struct inst *inst = inst_of(dev);
    struct tenon_mapping want = { 0 };
    struct mapping *map;

    memcpy(&want, asked, MIN(asked->size, sizeof(want)));
    if (!memory_pointer(dev, want.block, want.offset, want.bytes) || !want.bytes ||
        ((want.base | want.offset | want.bytes) & 4095) || want.base + want.bytes - 1 < want.base)
        return -EINVAL;
    map = g_new0(struct mapping, 1);
    *map = (struct mapping){
        .base = want.base,
        .bytes = want.bytes,
        .priority = want.priority,
        .offset = want.offset,
        .block = block_at(inst, want.block),
        .flags = want.flags,
    };
    mapping_add(inst->machine->mem, map);
    g_ptr_array_add(list(&inst->maps, map_free), map);
    return inst->maps->len - 1;
}

static void memory_set_flags(struct tenon_dev *dev, const int *mappings, const uint32_t *flags,
                             unsigned n)
{
    struct inst *inst = inst_of(dev);

    space_begin(inst->machine->mem);
    for (unsigned i = 0; i < n; i++)
        if (inst->maps && mappings[i] >= 0 && (unsigned)mappings[i] < inst->maps->len)
            mapping_set_flags(inst->maps->pdata[mappings[i]], flags[i]);
    space_end(inst->machine->mem);
}

static const struct tenon_memory memory_service = {
    .size = sizeof(memory_service),
    .block = memory_block,
    .pointer = memory_pointer,
    .map = memory_map,
    .set_flags = memory_set_flags,
};

/* ---- tenon.x86/1 ---- */

static void x86_start(struct tenon_dev *dev, const struct tenon_x86_start *start)
{
    struct machine *m = machine_of(dev);

    m->start = (struct tenon_x86_start){ 0 };
    memcpy(&m->start, start, MIN(start->size, sizeof(m->start)));
    m->has_start = true;
}

/* KVM knows no A20 gate; the state is kept for who reads it back. */
static void x86_a20(struct tenon_dev *dev, bool on)
{
    machine_of(dev)->a20 = on;
}

static void x86_smi(struct tenon_dev *dev)
{
    struct accel *accel = machine_of(dev)->accel;

    if (accel->ops->smi)
        accel->ops->smi(accel, 0);
}

static void x86_smram(struct tenon_dev *dev, uint64_t base, uint64_t bytes)
{
    struct machine *m = machine_of(dev);

    m->smram.base = base;
    __atomic_store_n(&m->smram.bytes, bytes, __ATOMIC_RELEASE);
    if (m->accel->ops->smram)
        m->accel->ops->smram(m->accel);
}

static const struct tenon_x86 x86_service = {
    .size = sizeof(x86_service),
    .start = x86_start,
    .a20 = x86_a20,
    .smi = x86_smi,
    .smram = x86_smram,
};

/* ---- The list ---- */

const void *service_find(const char *id)
{
    static const struct {
        const char *id;
        const void *table;
    } services[] = {
        // clang-format off
        { "tenon.isa/1", &isa_service },
        { "tenon.pci/1", &pci_service },
        { "tenon.pci-bus/1", &pci_bus_service },
        { "tenon.bus/1", &bus_service },
        { "tenon.virtio/1", &virtio_service },
        { "tenon.chardev/1", &chardev_host_service },
        { "tenon.chr/1", &chr_service },
        { "tenon.loop/1", &loop_service },
        { "tenon.files/1", &files_service },
        { "tenon.objects/1", &objects_service },
        { "tenon.events/1", &events_service },
        { "tenon.power/1", &power_service },
        { "tenon.rtc/1", &rtc_service },
        { "tenon.eventfd/1", &eventfd_service },
        { "tenon.memory/1", &memory_service },
        { "tenon.board/1", &board_service },
        { "tenon.x86/1", &x86_service },
        { TENON_MSI, &msi_service },
        { "tenon.log/1", &log_service },
        { "tenon.disassembler/1", &disas_service },
        { "tenon.accel-host/1", &accel_host_service },
        // clang-format on
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(services); i++)
        if (!strcmp(services[i].id, id))
            return services[i].table;
    return NULL;
}

void service_release(struct inst *inst)
{
    g_clear_pointer(&inst->bells, g_ptr_array_unref);
    g_clear_pointer(&inst->watches, g_ptr_array_unref);
    g_clear_pointer(&inst->maps, g_ptr_array_unref);
    g_clear_pointer(&inst->blocks, g_ptr_array_unref);
    g_clear_pointer(&inst->chardev, chardev_release);
}
