/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvm - small guests under KVM, without a board: what runs, what exits, and what stops them. */

#include "cpu/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <x86intrin.h>

#include <glib.h>

#include "cpu/accel.h"
#include "cpu/model.h"
#include "cpu/state.h"
#include "loop/loop.h"
#include "machine/inst.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

#define RAM_BYTES 0x100000
#define CODE      0x1000 /* where guests are put and start */
#define ROM       0x200000
#define MMIO      0x300000
#define LOG_PORT                                                                                   \
    0x10            /* what is written here is kept; 0xff says that the guest has come to its end */
#define POWER  0x30 /* a write asks for a reset */
#define N_CPUS 2

/* A guest between its two labels, in 16-bit real mode unless it says otherwise. */
#define GUEST(name, bits, text)                                                                    \
    extern const uint8_t name[], name##_end[];                                                     \
    asm(".pushsection .rodata\n.code" #bits "\n" #name ":\n" text "\n" #name                       \
        "_end:\n.code64\n.popsection\n")
#define SAY(value) "mov $" #value ", %al\n out %al, $0x10\n"
#define END        "1: " SAY(0xff) " cli\n hlt\n jmp 1b\n"

struct vm {
    struct machine m;
    struct accel *accel;
    struct vcpu cpus[N_CPUS];
    struct block *rom;
    struct mapping ram_map, rom_map, mmio, port_map;
    GString *log; /* bytes written to LOG_PORT */
    GString *errors;
    uint64_t mmio_value;
    unsigned mmio_size;
    bool done; /* the guest has said 0xff */
};

static void wake(void *arg)
{
}

/* ---- Devices ---- */

static void keep_error(void *arg, const char *line)
{
    g_string_append(arg, line);
}

static void port_write(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct vm *vm = arg;

    report_redirect(keep_error, vm->errors); /* of the processor's thread */
    if (reg == POWER)
        machine_request(&vm->m, TENON_POWER_RESET, 0);
    if (reg != LOG_PORT)
        return;
    if (size == 1 && value == 0xff)
        vm->done = true;
    else
        g_string_append_len(vm->log, (char *)&value, size);
    loop_call(vm->m.loop, wake, NULL);
}

static uint64_t port_read(void *arg, uint64_t reg, unsigned size)
{
    return UINT64_C(0x1122334455667788) & (size == 4 ? UINT32_MAX : (1u << size * 8) - 1);
}

static void mmio_write(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct vm *vm = arg;

    vm->mmio_value = value;
    vm->mmio_size = size;
}

static uint64_t mmio_read(void *arg, uint64_t reg, unsigned size)
{
    return reg == 8 ? 'm' : 0;
}

/* ---- Making and running ---- */

static struct config *configure(const char *options)
{
    struct config *config = config_create();
    struct options_want want;
    char **argv;

    g_assert_true(g_shell_parse_argv(options, NULL, &argv, NULL));
    g_assert_cmpint(options_parse(config, g_strv_length(argv), argv, &want), ==, 0);
    g_strfreev(argv);
    return config;
}

static void map_all(struct vm *vm)
{
    struct machine *m = &vm->m;
    const struct block_spec ram = { .name = "ram", .bytes = RAM_BYTES };
    const struct block_spec rom = { .name = "rom", .bytes = 0x1000 };

    m->ram = block_create(&ram);
    vm->rom = block_create(&rom);
    memcpy(vm->rom->host, "rom", 4);
    vm->ram_map = (struct mapping){
        .bytes = RAM_BYTES, .block = m->ram, .flags = MAP_READ | MAP_WRITE, .name = "ram"
    };
    vm->rom_map = (struct mapping){
        .base = ROM, .bytes = 0x1000, .block = vm->rom, .flags = MAP_READ, .name = "rom"
    };
    vm->mmio = (struct mapping){ .base = MMIO,
                                 .bytes = 0x1000,
                                 .ops = { .read = mmio_read, .write = mmio_write },
                                 .arg = vm,
                                 .name = "mmio" };
    vm->port_map = (struct mapping){
        .bytes = 0x40, .ops = { .read = port_read, .write = port_write }, .arg = vm, .name = "ports"
    };
    mapping_add(m->mem, &vm->ram_map);
    mapping_add(m->mem, &vm->rom_map);
    mapping_add(m->mem, &vm->mmio);
    mapping_add(m->io, &vm->port_map);
}

static struct vm *vm_start_with(const char *options, const struct vcpu_msr *msrs, unsigned n_msrs)
{
    struct vm *vm = g_new0(struct vm, 1);
    struct machine *m = &vm->m;
    unsigned n;

    vm->log = g_string_new(NULL);
    vm->errors = g_string_new(NULL);
    m->config = configure(options);
    m->loop = loop_create();
    m->mem = space_create("memory", m->loop, 64, false);
    m->io = space_create("ports", m->loop, 16, true);
    m->cpus = vm->cpus;
    m->info.cpus = m->info.max_cpus = N_CPUS;
    m->no_reboot = m->no_shutdown = true;
    loop_lock(m->loop);
    g_assert_cmpint(accel_open(m), ==, 0);
    g_assert_cmpint(m->accel->ops->board(m->accel), ==, 0);
    map_all(vm);
    for (unsigned i = 0; i < N_CPUS; i++) {
        vm->cpus[i].machine = m;
        vm->cpus[i].index = vm->cpus[i].apic_id = i;
        m->accel->ops->cpuid(m->accel, &vm->cpus[i].cpuid, &n);
        vm->cpus[i].n_cpuid = n;
        vm->cpus[i].msrs = msrs;
        vm->cpus[i].n_msrs = n_msrs;
    }
    g_assert_cmpint(vcpus_create(m), ==, 0);
    return vm;
}

static struct vm *vm_start(const char *options)
{
    return vm_start_with(options, NULL, 0);
}

static void vm_finish(struct vm *vm)
{
    struct machine *m = &vm->m;

    machine_pause(m, STATE_PAUSED);
    vcpus_destroy(m);
    mapping_finish(&vm->ram_map);
    mapping_finish(&vm->rom_map);
    mapping_finish(&vm->mmio);
    mapping_finish(&vm->port_map);
    accel_close(m);
    loop_unlock(m->loop);
    space_destroy(m->mem);
    space_destroy(m->io);
    block_destroy(m->ram);
    block_destroy(vm->rom);
    loop_destroy(m->loop);
    config_destroy(m->config);
    for (unsigned i = 0; i < N_CPUS; i++)
        g_free(vm->cpus[i].cpuid);
    g_string_free(vm->log, TRUE);
    g_string_free(vm->errors, TRUE);
    g_free(vm);
}

/* Unreal mode is real mode that reaches 4 GiB. */
enum mode { REAL, UNREAL, PROTECTED, LONG };

static struct tenon_x86_start entry(enum mode mode)
{
    // clang-format off
    static const struct tenon_x86_segment code[] = {
        { 0, 0xffff, 0, 0x9b },       { 0, 0xffff, 0, 0x9b },
        { 0, UINT32_MAX, 8, 0xc09b }, { 0, UINT32_MAX, 8, 0xa09b },
    }, data[] = {
        { 0, 0xffff, 0, 0x93 },        { 0, UINT32_MAX, 0, 0x8093 },
        { 0, UINT32_MAX, 16, 0xc093 }, { 0, UINT32_MAX, 16, 0xc093 },
    };
    static const uint32_t cr0[] = { 0x10, 0x10, 0x11, 0x80000011 };
    // clang-format on

    return (struct tenon_x86_start){
        .size = sizeof(struct tenon_x86_start),
        .rip = CODE,
        .rsp = 0x8000,
        .cr0 = cr0[mode],
        .cr3 = 0x10000,
        .cr4 = mode == LONG ? 0x220 : 0x200,
        .efer = mode == LONG ? 0x500 : 0,
        .cs = code[mode],
        .ds = data[mode],
        .es = data[mode],
        .fs = data[mode],
        .gs = data[mode],
        .ss = data[mode],
        .idt = { .limit = 0x3ff },
    };
}

static void load(struct vm *vm, const uint8_t *from, const uint8_t *end, enum mode mode)
{
    struct tenon_x86_start start = entry(mode);

    memcpy(vm->m.ram->host + CODE, from, end - from);
    vcpus_reset(&vm->m, &start);
}

#define LOAD(vm, name, mode) load(vm, name, name##_end, mode)

/* Lets the guest run until it has come to its end, or the machine stops. */
static void run(struct vm *vm)
{
    struct machine *m = &vm->m;

    machine_resume(m);
    while (!vm->done && m->state == STATE_RUNNING) {
        loop_unlock(m->loop);
        loop_iterate(m->loop, true);
        loop_lock(m->loop);
    }
}

static void wait_for_log(struct vm *vm, size_t len)
{
    while (vm->log->len < len) {
        loop_unlock(vm->m.loop);
        loop_iterate(vm->m.loop, true);
        loop_lock(vm->m.loop);
    }
}

static void assert_log(const struct vm *vm, const char *bytes, size_t len)
{
    g_assert_cmpmem(vm->log->str, vm->log->len, bytes, len);
}

/* ---- Accesses ---- */

GUEST(ports, 16,
      SAY('a') "mov $0x6362, %ax\n out %ax, $0x10\n"
               "mov $0x67666564, %eax\n out %eax, $0x10\n"
               "in $0x11, %ax\n out %ax, $0x10\n"
               "mov $text - ports + 0x1000, %si\n mov $5, %cx\n mov $0x10, %dx\n"
               "cld\n rep outsb\n" END "text: .ascii \"hello\"");

static void test_ports(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");

    LOAD(vm, ports, REAL);
    run(vm);
    assert_log(vm, "abcdefg\x88\x77hello", 14);
    vm_finish(vm);
}

GUEST(memory, 16,
      "mov $0x2000, %di\n movl $0x64636261, (%di)\n" /* ram */
      "mov (%di), %eax\n out %eax, $0x10\n"
      "mov $0x200000, %ebx\n movb $0x78, (%ebx)\n" /* rom */
      "mov (%ebx), %ax\n out %ax, $0x10\n"
      "mov $0x300000, %ebx\n movl $0x12345678, 4(%ebx)\n" /* a device */
      "mov 8(%ebx), %al\n out %al, $0x10\n"
      "mov $0x400000, %ebx\n mov (%ebx), %al\n out %al, $0x10\n" /* nothing */
      END);

static void test_memory(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");

    LOAD(vm, memory, UNREAL);
    run(vm);
    assert_log(vm, "abcdrom\0", 8);
    g_assert_cmphex(vm->mmio_value, ==, 0x12345678);
    g_assert_cmpuint(vm->mmio_size, ==, 4);
    g_assert_cmpstr((char *)vm->rom->host, ==, "rom");
    vm_finish(vm);
}

/* Four levels of page tables at 0x10000 that map the first 2 MiB onto themselves. */
static void map_low(struct vm *vm)
{
    uint64_t *tables = (uint64_t *)(vm->m.ram->host + 0x10000);

    tables[0] = 0x11003;
    tables[0x1000 / 8] = 0x12003;
    tables[0x2000 / 8] = 0x83;
}

GUEST(wide, 64,
      "mov $0x1122334455667788, %rbx\n mov %rbx, 0x2000\n mov 0x2004, %eax\n out %eax, $0x10\n"
      "mov %cs, %eax\n out %al, $0x10\n" END);

static void test_long_mode(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");

    map_low(vm);
    LOAD(vm, wide, LONG);
    run(vm);
    assert_log(vm, "\x44\x33\x22\x11\x08", 5);
    vm_finish(vm);
}

/* The reset vector, and what a processor says of itself there. */
GUEST(vector, 16, "mov %cs, %ax\n out %ax, $0x10\n mov %dx, %ax\n out %ax, $0x10\n" END);

static void test_reset_vector(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");
    const struct cpuid_entry *leaf = cpuid_find(vm->cpus[0].cpuid, vm->cpus[0].n_cpuid, 1, 0);
    uint8_t want[4] = { 0, 0xf0, leaf->eax, leaf->eax >> 8 };
    static const uint8_t jump[] = { 0xe9, 0x0d, 0xf0 }; /* to f000:f000 */

    memcpy(vm->rom->host, vector, vector_end - vector);
    memcpy(vm->rom->host + 0xff0, jump, sizeof(jump));
    space_begin(vm->m.mem);
    mapping_remove(&vm->rom_map);
    vm->rom_map.base = 0xfffff000;
    mapping_add(vm->m.mem, &vm->rom_map);
    space_end(vm->m.mem);
    machine_reset(&vm->m);
    run(vm);
    assert_log(vm, (char *)want, 4);
    vm_finish(vm);
}

/* ---- Interrupts ---- */

/* The first 8259A at vector 8, with all but input 1 masked: it says "i", then goes on. */
GUEST(interrupts, 16,
      "movw $handler - interrupts + 0x1000, 9 * 4\n movw $0, 9 * 4 + 2\n"
      "mov $0x11, %al\n out %al, $0x20\n mov $8, %al\n out %al, $0x21\n mov $4, %al\n"
      "out %al, $0x21\n mov $1, %al\n out %al, $0x21\n mov $0xfd, %al\n out %al, $0x21\n" SAY(
          'r') "sti\n 1: hlt\n jmp 1b\n"
               "handler:\n" SAY('i') "mov $0x20, %al\n out %al, $0x20\n iret");

static void test_interrupts(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");
    struct accel *accel = vm->m.accel;
    int fd = eventfd(0, 0);

    LOAD(vm, interrupts, REAL);
    machine_resume(&vm->m);
    wait_for_log(vm, 1);
    for (unsigned i = 0; i < 2; i++) {
        accel->ops->gsi(accel, 1, true);
        wait_for_log(vm, 2 + i);
        accel->ops->gsi(accel, 1, false);
    }
    g_assert_cmpint(accel->ops->irqfd(accel, 1, fd, true), ==, 0);
    g_assert_cmpint(eventfd_write(fd, 1), ==, 0);
    wait_for_log(vm, 4);
    g_assert_cmpint(accel->ops->irqfd(accel, 1, fd, false), ==, 0);
    assert_log(vm, "riii", 4);
    close(fd);
    vm_finish(vm);
}

/* With the local APIC alone: it says "p" for the 8259A's vector 21h, and "l" for messages 41h and
 * 42h, which it ends. */
GUEST(split, 16,
      "movl $pic - split + 0x1000, 0x21 * 4\n"
      "movl $lapic - split + 0x1000, 0x41 * 4\n movl $lapic - split + 0x1000, 0x42 * 4\n"
      "mov $0xfee00000, %ebx\n movl $0x1ff, 0xf0(%ebx)\n movl $0x700, 0x350(%ebx)\n" SAY(
          'r') "sti\n 1: hlt\n jmp 1b\n"
               "pic:\n" SAY('p') "iret\n"
                                 "lapic:\n" SAY('l') "movl $0, 0xb0(%ebx)\n iret");

/* Stands for the 8259A: its output falls with the acknowledge. */
static int acknowledge(void *self)
{
    struct vm *vm = self;

    vm->accel->ops->intr(vm->accel, false);
    return 0x21;
}

static void end_of_interrupt(void *self, uint8_t of)
{
    struct vm *vm = self;

    g_string_append_c(vm->log, of);
    loop_call(vm->m.loop, wake, NULL);
}

static void test_split(void)
{
    static const struct tenon_pic pic = { .size = sizeof(pic), .acknowledge = acknowledge };
    static const struct tenon_ioapic ioapic = { .size = sizeof(ioapic), .eoi = end_of_interrupt };
    struct tenon_iface ifaces[] = { { TENON_PIC, &pic }, { TENON_IOAPIC, &ioapic } };
    struct vm *vm = vm_start("tenon -accel kvm,kernel-irqchip=split");
    struct type type = { .ifaces = ifaces, .n_ifaces = 2 };
    struct inst chips = { .machine = &vm->m, .type = &type, .state = vm, .created = true };
    struct accel *accel = vm->accel = vm->m.accel;

    vm->m.insts = &chips;
    LOAD(vm, split, UNREAL);
    machine_resume(&vm->m);
    wait_for_log(vm, 1);
    accel->ops->intr(accel, true);
    wait_for_log(vm, 2);
    accel->ops->route(accel, 9, 0xfee00000, 0xc041);
    g_assert_true(accel->ops->msi(accel, 0xfee00000, 0xc041));
    wait_for_log(vm, 4);
    g_assert_true(accel->ops->msi(accel, 0xfee00000, 0x42)); /* nobody asked for its end */
    wait_for_log(vm, 5);
    accel->ops->intr(accel, true);
    wait_for_log(vm, 6);
    assert_log(vm, "rplAlp", 6);
    machine_pause(&vm->m, STATE_PAUSED);
    machine_irq_forget(&vm->m);
    vm->m.insts = NULL;
    vm_finish(vm);
}

/* The boot processor sends INIT and SIPI for page 2 to the other, which takes an MSI then. */
GUEST(two, 32,
      "mov $0xfee00300, %ebx\n movl $0x000c4500, (%ebx)\n movl $0x000c4602, (%ebx)\n"
      "1: cmpb $1, 0x3000\n jne 1b\n" SAY('b') "movb $2, 0x3000\n"
                                               "2: pause\n jmp 2b");
GUEST(other, 16,
      "xor %ax, %ax\n mov %ax, %ds\n" SAY('a') "movb $1, 0x3000\n"
                                               "1: cmpb $2, 0x3000\n jne 1b\n" END);

static void test_two_processors(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");

    memcpy(vm->m.ram->host + 0x2000, other, other_end - other);
    LOAD(vm, two, PROTECTED);
    run(vm);
    assert_log(vm, "ab", 2);
    vm_finish(vm);
}

/* ---- Doorbells ---- */

GUEST(doorbells, 16,
      "mov $0x300000, %ebx\n movl $7, %eax\n"
      "movl $6, 0x10(%ebx)\n movl $7, 0x10(%ebx)\n out %ax, $0x18\n" END);

static void test_doorbells(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");
    int matched = eventfd(0, EFD_NONBLOCK), port = eventfd(0, EFD_NONBLOCK);
    struct doorbell a = { .reg = 0x10, .bytes = 4, .match = true, .value = 7, .fd = matched };
    struct doorbell b = { .reg = 0x18, .bytes = 2, .fd = port };
    eventfd_t count;

    g_assert_cmpint(space_doorbell(&vm->mmio, &a), ==, 0);
    g_assert_cmpint(space_doorbell(&vm->port_map, &b), ==, 0);
    LOAD(vm, doorbells, UNREAL);
    run(vm);
    g_assert_cmpint(eventfd_read(matched, &count), ==, 0);
    g_assert_cmpuint(count, ==, 1);
    g_assert_cmpint(eventfd_read(port, &count), ==, 0);
    g_assert_cmpuint(count, ==, 1);
    g_assert_cmpuint(vm->mmio_value, ==, 6); /* what did not match is the device's */
    vm_finish(vm);
    close(matched);
    close(port);
}

/* ---- Stopping ---- */

GUEST(triple_fault, 32, "lidt none - triple_fault + 0x1000\n ud2\n" END "none: .word 0\n .long 0");

static void test_triple_fault(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");

    LOAD(vm, triple_fault, PROTECTED);
    run(vm);
    g_assert_cmpint(vm->m.state, ==, STATE_SHUTDOWN);
    g_assert_false(vm->done);
    vm_finish(vm);
}

GUEST(power, 16, SAY('p') "out %al, $0x30\n movb $1, 0x3000\n" END);

static void test_power_request(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");
    char *dump;

    LOAD(vm, power, REAL);
    run(vm);
    g_assert_cmpint(vm->m.state, ==, STATE_SHUTDOWN);
    g_assert_cmpuint(vm->m.ram->host[0x3000], ==, 0);
    /* The access is complete: the next instruction is the one after it. */
    dump = vcpu_dump(&vm->cpus[0], true);
    g_assert_nonnull(strstr(dump, "EIP=00001006"));
    g_free(dump);
    vm_finish(vm);
}

/* KVM has to carry out an access to a device itself, and no KVM does this one. */
GUEST(unknown_insn, 32, SAY('u') "mov $0x300000, %ebx\n addps (%ebx), %xmm0\n" END);

static void test_unknown_instruction(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");

    LOAD(vm, unknown_insn, PROTECTED);
    run(vm);
    g_assert_cmpint(vm->m.state, ==, STATE_ERROR);
    g_assert_nonnull(strstr(vm->errors->str, "CPU 0: this host's KVM cannot execute"));
    g_assert_nonnull(strstr(vm->errors->str, "at 0x1009 (0f 58 03"));
    vm_finish(vm);
}

GUEST(count, 16, "1: incl 0x3000\n jmp 1b");

static uint32_t counter(const struct vm *vm)
{
    return __atomic_load_n((uint32_t *)(vm->m.ram->host + 0x3000), __ATOMIC_RELAXED);
}

static void wait_for_count(struct vm *vm)
{
    uint32_t before = counter(vm);

    loop_unlock(vm->m.loop);
    while (counter(vm) == before) {
        g_assert_cmpint(vm->cpus[0].error, ==, 0);
        g_usleep(10);
    }
    loop_lock(vm->m.loop);
}

static void test_pause(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");

    LOAD(vm, count, REAL);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t before;

        machine_resume(&vm->m);
        wait_for_count(vm);
        machine_pause(&vm->m, STATE_PAUSED);
        before = counter(vm);
        g_usleep(1000);
        g_assert_cmpuint(counter(vm), ==, before);
    }
    vm_finish(vm);
}

/* ---- Memory that changes under a guest ---- */

static void test_remap(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");

    LOAD(vm, count, REAL);
    machine_resume(&vm->m);
    for (unsigned i = 0; i < 200; i++) {
        /* A smaller piece of the same memory: the slot goes, and another one comes. */
        space_begin(vm->m.mem);
        mapping_remove(&vm->ram_map);
        vm->ram_map.bytes = i % 2 ? RAM_BYTES : RAM_BYTES / 2;
        mapping_add(vm->m.mem, &vm->ram_map);
        space_end(vm->m.mem);
        wait_for_count(vm);
    }
    machine_pause(&vm->m, STATE_PAUSED);
    g_assert_cmpint(vm->cpus[0].error, ==, 0);
    vm_finish(vm);
}

GUEST(writes, 16, "movb $1, 0x5000\n" END);

static void test_dirty(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");
    struct block *ram = vm->m.ram;
    struct accel *accel = vm->m.accel;
    uint64_t bitmap[RAM_BYTES / 4096 / 64];

    LOAD(vm, writes, REAL);
    block_dirty_start(ram, DIRTY_MIGRATION);
    accel->ops->dirty_sync(accel, ram);
    block_dirty_take(ram, DIRTY_MIGRATION, 0, RAM_BYTES / 4096, bitmap);
    run(vm);
    machine_pause(&vm->m, STATE_PAUSED);
    accel->ops->dirty_sync(accel, ram);
    /* What has only been read may be marked as well: not what nobody has touched. */
    block_dirty_take(ram, DIRTY_MIGRATION, 0, RAM_BYTES / 4096, bitmap);
    g_assert_cmphex(bitmap[0] & 0xf0, ==, 0x20);
    vm_finish(vm);
}

/* ---- The timer ---- */

static bool has_pit(const char *options)
{
    struct vm *vm = vm_start(options);
    struct kvm *kvm = vm->m.accel->state;
    struct kvm_pit_state2 state;
    bool has = !kvm_ioctl(kvm->vm, KVM_GET_PIT2, &state);

    machine_reset(&vm->m);
    vm_finish(vm);
    return has;
}

static void test_pit(void)
{
    g_assert_true(has_pit("tenon -accel kvm -global kvm-pit.lost_tick_policy=discard"));
    g_assert_false(has_pit("tenon -machine pc,accel=kvm,pit=off"));
}

/* ---- Clocks ---- */

static int tsc_offset(struct vm *vm, unsigned request, uint64_t *offset)
{
    struct kvm_vcpu *v = vm->cpus[0].state;
    struct kvm_device_attr attr = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)offset,
    };

    return kvm_ioctl(v->fd, request, &attr);
}

/* Older kernels have no offset, and a KVM without hardware help only seems to.  Where the host's
 * TSC is unstable KVM corrects it a little, by itself. */
static bool shifts_tsc(struct vm *vm)
{
    uint64_t offset = -1000, got = 0;

    return !tsc_offset(vm, KVM_SET_DEVICE_ATTR, &offset) &&
           !tsc_offset(vm, KVM_GET_DEVICE_ATTR, &got) && got != 0;
}

static uint64_t guest_clock(struct vm *vm)
{
    struct kvm_clock_data data = { 0 };
    struct kvm *kvm = vm->m.accel->state;

    g_assert_cmpint(kvm_ioctl(kvm->vm, KVM_GET_CLOCK, &data), ==, 0);
    return data.clock;
}

/* The guest's clocks stand while it is paused. */
static void test_clocks(void)
{
    struct vm *vm = vm_start("tenon -accel kvm");
    uint64_t before = 0, after = 0, clock, slept, resumed;
    bool shifts;

    LOAD(vm, count, REAL);
    machine_resume(&vm->m);
    wait_for_count(vm);
    machine_pause(&vm->m, STATE_PAUSED);
    clock = guest_clock(vm);
    shifts = shifts_tsc(vm);
    tsc_offset(vm, KVM_GET_DEVICE_ATTR, &before);
    slept = __rdtsc();
    g_usleep(300000);
    slept = __rdtsc() - slept;

    resumed = g_get_monotonic_time();
    machine_resume(&vm->m);
    machine_pause(&vm->m, STATE_PAUSED);
    g_assert_cmpuint(guest_clock(vm) - clock, <,
                     (g_get_monotonic_time() - resumed + 200000) * UINT64_C(1000));
    tsc_offset(vm, KVM_GET_DEVICE_ATTR, &after);
    if (shifts)
        g_assert_cmpint(before - after, >=, slept / 2);
    else
        g_test_message("this KVM does not move a guest's TSC");
    vm_finish(vm);
}

/* ---- MSRs ---- */

/* A feature MSR that the host refuses costs a warning, and those after it are set. */
static void test_refused_msr(void)
{
    static const struct vcpu_msr msrs[] = { { 0x12345678, 1 }, { 0x277, 0x0606060606060606 } };
    union {
        struct kvm_msrs list;
        char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
    } msr = { 0 };
    struct kvm_vcpu *v;
    struct vm *vm;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr(
            "tenon: warning: this host's KVM refuses MSR 0x12345678 of 0x1; it "
            "is left out\n");
        return;
    }
    vm = vm_start_with("tenon -accel kvm", msrs, G_N_ELEMENTS(msrs));
    v = vm->cpus[0].state;
    msr.list.nmsrs = 1;
    msr.list.entries[0].index = 0x277;
    g_assert_cmpint(kvm_ioctl(v->fd, KVM_GET_MSRS, &msr), ==, 1);
    g_assert_cmphex(msr.list.entries[0].data, ==, msrs[1].value);
    vm_finish(vm);
}

/* ---- Tests that need KVM ---- */

// clang-format off
static const struct test {
    const char *path;
    void (*run)(void);
} tests[] = {
    { "/kvm/ports",               test_ports },
    { "/kvm/memory",              test_memory },
    { "/kvm/long-mode",           test_long_mode },
    { "/kvm/reset-vector",        test_reset_vector },
    { "/kvm/interrupts",          test_interrupts },
    { "/kvm/split",               test_split },
    { "/kvm/two-processors",      test_two_processors },
    { "/kvm/doorbells",           test_doorbells },
    { "/kvm/triple-fault",        test_triple_fault },
    { "/kvm/power-request",       test_power_request },
    { "/kvm/unknown-instruction", test_unknown_instruction },
    { "/kvm/pause",               test_pause },
    { "/kvm/remap",               test_remap },
    { "/kvm/dirty",               test_dirty },
    { "/kvm/pit",                 test_pit },
    { "/kvm/clocks",              test_clocks },
    { "/kvm/refused-msr",         test_refused_msr },
};
// clang-format on

static void run_or_skip(const void *arg)
{
    const struct test *test = arg;
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    char *why = fd < 0 ? g_strdup_printf("no usable /dev/kvm: %s", g_strerror(errno)) : NULL;

    if (fd < 0) {
        g_test_skip(why);
        g_free(why);
        return;
    }
    close(fd);
    test->run();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_data_func(tests[i].path, &tests[i], run_or_skip);
    return g_test_run();
}
