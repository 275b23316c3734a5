/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-pci - query-pci, info pci: the functions of the PCI bus as the guest sees them.
 *
 * Reference: PCI Local Bus Specification 3.0, chapter 6 and appendix D (class codes).
 */

#include <inttypes.h>

#include "bus/pci.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands.h"

// clang-format off
static const struct {
    uint16_t class;
    const char *name;
} classes[] = {
    { 0x0100, "SCSI controller" },    { 0x0101, "IDE controller" },
    { 0x0106, "SATA controller" },    { 0x0108, "NVMe controller" },
    { 0x0180, "Storage controller" }, { 0x0200, "Ethernet controller" },
    { 0x0280, "Network controller" }, { 0x0300, "VGA controller" },
    { 0x0380, "Display controller" }, { 0x0401, "Audio controller" },
    { 0x0403, "Audio controller" },   { 0x0500, "RAM controller" },
    { 0x0600, "Host bridge" },        { 0x0601, "ISA bridge" },
    { 0x0604, "PCI bridge" },         { 0x0680, "Bridge" },
    { 0x0700, "Serial port" },        { 0x0780, "Communication controller" },
    { 0x0c03, "USB controller" },     { 0x0c05, "SMBus" },
};
// clang-format on

static const char *class_name(unsigned class)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++)
        if (classes[i].class == class)
            return classes[i].name;
    return NULL;
}

static unsigned get(struct machine *m, unsigned devfn, unsigned reg, unsigned bytes)
{
    return pci_config_read(m, 0, devfn, reg, bytes);
}

/* The base in a BAR; -1: the guest has not set it, or does not let it be seen. */
static int64_t bar_base(struct machine *m, unsigned devfn, unsigned bar, bool io, bool wide)
{
    unsigned command = get(m, devfn, 4, 2), reg = 0x10 + 4 * bar;
    uint64_t base = get(m, devfn, reg, 4) & (io ? ~3u : ~15u);

    if (wide)
        base |= (uint64_t)get(m, devfn, reg + 4, 4) << 32;
    return base && command & (io ? 1 : 2) ? (int64_t)base : -1;
}

static json_t *describe_bars(struct machine *m, unsigned devfn)
{
    json_t *list = json_array();

    for (unsigned bar = 0; bar < 6; bar++) {
        uint64_t bytes = pci_bar_bytes(m, devfn, bar);
        unsigned low = get(m, devfn, 0x10 + 4 * bar, 4);
        bool io = low & 1, wide = !io && low & 4;
        json_t *one;

        if (!bytes)
            continue;
        one = json_pack("{s:i, s:s, s:I, s:I}", "bar", (int)bar, "type", io ? "io" : "memory",
                        "address", (json_int_t)bar_base(m, devfn, bar, io, wide), "size",
                        (json_int_t)bytes);
        if (!io) {
            json_object_set_new(one, "prefetch", json_boolean(low & 8));
            json_object_set_new(one, "mem_type_64", json_boolean(wide));
        }
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *describe_class(unsigned class)
{
    json_t *info = json_pack("{s:i}", "class", (int)class);

    if (class_name(class))
        json_object_set_new(info, "desc", json_string(class_name(class)));
    return info;
}

static json_t *describe_function(struct machine *m, const struct inst *inst, unsigned devfn)
{
    unsigned pin = get(m, devfn, 0x3d, 1);
    json_t *id = json_pack("{s:i, s:i, s:i, s:i}", "device", (int)get(m, devfn, 2, 2), "vendor",
                           (int)get(m, devfn, 0, 2), "subsystem", (int)get(m, devfn, 0x2e, 2),
                           "subsystem-vendor", (int)get(m, devfn, 0x2c, 2));
    json_t *info =
        json_pack("{s:i, s:i, s:i, s:o, s:o, s:i, s:s, s:o}", "bus", 0, "slot", (int)devfn / 8,
                  "function", (int)devfn % 8, "class_info", describe_class(get(m, devfn, 10, 2)),
                  "id", id, "irq_pin", (int)pin, "qdev_id", inst->has_id ? inst->pub.id : "",
                  "regions", describe_bars(m, devfn));

    if (pin)
        json_object_set_new(info, "irq", json_integer(get(m, devfn, 0x3c, 1)));
    return info;
}

static int do_pci(struct call *call)
{
    struct machine *m = call->machine;
    json_t *devices = json_array();

    for (unsigned devfn = 0; devfn < 256; devfn++) {
        const struct inst *inst = pci_function_at(m, devfn);

        if (inst)
            json_array_append_new(devices, describe_function(m, inst, devfn));
    }
    call->result = m->pci ? json_pack("[{s:i, s:o}]", "bus", 0, "devices", devices) : json_array();
    if (!m->pci)
        json_decref(devices);
    return 0;
}

/* ---- As text ---- */

static int64_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_region(struct call *call, const json_t *r)
{
    int64_t address = number(r, "address"), last = address + number(r, "size") - 1;
    bool io = *text_of(r, "type") == 'i';

    call_print(call, "      BAR%" PRId64 ": ", number(r, "bar"));
    if (io)
        call_print(call, "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", address & 0xffff,
                   last & 0xffff);
    else
        call_print(call, "%d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
                   json_is_true(json_object_get(r, "mem_type_64")) ? 64 : 32,
                   json_is_true(json_object_get(r, "prefetch")) ? " prefetchable" : "", address,
                   last);
}

static void print_function(struct call *call, const json_t *dev)
{
    const json_t *class = json_object_get(dev, "class_info"), *id = json_object_get(dev, "id");
    const char *desc = text_of(class, "desc");
    json_t *region;
    size_t i;

    call_print(call, "  Bus %2" PRId64 ", device %3" PRId64 ", function %" PRId64 ":\n    ",
               number(dev, "bus"), number(dev, "slot"), number(dev, "function"));
    if (desc)
        call_print(call, "%s", desc);
    else
        call_print(call, "Class %04" PRIx64, number(class, "class"));
    call_print(call, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n", number(id, "vendor"),
               number(id, "device"));
    call_print(call, "      PCI subsystem %04" PRIx64 ":%04" PRIx64 "\n",
               number(id, "subsystem-vendor"), number(id, "subsystem"));
    if (number(dev, "irq_pin"))
        call_print(call, "      IRQ %" PRId64 ", pin %c\n", number(dev, "irq"),
                   (char)('A' + number(dev, "irq_pin") - 1));
    json_array_foreach(json_object_get(dev, "regions"), i, region) print_region(call, region);
    call_print(call, "      id \"%s\"\n", text_of(dev, "qdev_id"));
}

static void print_pci(struct call *call)
{
    json_t *bus = json_array_get(call->result, 0), *dev;
    size_t i;

    if (!bus)
        call_print(call, "PCI not supported\n");
    json_array_foreach(json_object_get(bus, "devices"), i, dev) print_function(call, dev);
}

// clang-format off
static const struct command commands[] = {
    { "query-pci", NULL, "[PciInfo]", .run = do_pci,
      .hmp = "info pci", .print = print_pci, .help = "the functions of the PCI bus" },
};

static const struct shape shapes[] = {
    OBJECT("PciMemoryRegion", "bar:int type:str address:int size:int ?prefetch:bool "
                              "?mem_type_64:bool"),
    OBJECT("PciDeviceClass", "?desc:str class:int"),
    OBJECT("PciDeviceId", "device:int vendor:int ?subsystem:int ?subsystem-vendor:int"),
    OBJECT("PciDeviceInfo", "bus:int slot:int function:int class_info:PciDeviceClass id:PciDeviceId "
                            "?irq:int irq_pin:int qdev_id:str regions:[PciMemoryRegion]"),
    OBJECT("PciInfo", "bus:int devices:[PciDeviceInfo]"),
};
// clang-format on

const struct command_table pci_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
