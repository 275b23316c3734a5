/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-random - random code in every mode, among random descriptors, gates and interrupts, neither
 * ends nor hangs the process.  A seed as argument makes it another run.
 */
#include "soft-host.h"
#include "sys.h"

enum { GDT = 0x3000, LDT = 0x3800, IDT = 0x5000, TSS = 0x7000, ROUNDS = 60, TURNS = 200 };

static void fill(GRand *r, struct soft_host *h)
{
    /* Opcodes of the system's, more than chance brings. */
    static const uint8_t one[] = { 0x0f, 0xcf, 0xcd, 0x9a, 0xea, 0xcb, 0xca, 0x8e,
                                   0x07, 0x1f, 0x17, 0xff, 0xf1, 0x9d, 0xfb };
    static const uint8_t two[] = { 0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x20, 0x21, 0x22, 0x23,
                                   0x30, 0x32, 0x34, 0x35, 0xa1, 0xa9, 0xaa, 0xae, 0xb2, 0xc7 };

    for (unsigned i = 0; i < 0x30000; i++)
        h->ram[i] = g_rand_int(r);
    for (unsigned i = 0; i < 0x4000; i++) {
        uint8_t *at = h->ram + 0x10000 + g_rand_int_range(r, 0, 0xff00);
        at[0] = one[g_rand_int_range(r, 0, G_N_ELEMENTS(one))];
        if (at[0] == 0x0f)
            at[1] = two[g_rand_int_range(r, 0, G_N_ELEMENTS(two))];
    }
    for (unsigned i = 0; i < 512; i++) {
        uint32_t x = g_rand_int(r), y = g_rand_int(r);
        uint8_t segment[] = { 0xff, 0xff, 0, x, x >> 8 & 3, x >> 16 | (y & 0x80), x >> 24, 0 };
        uint8_t gate[] = { y,     y >> 8 & 1, y >> 16 & 0xf8,
                           x & 3, x >> 8 & 7, 0x84 + (x >> 16) % 12 + (x >> 24 & 0x60),
                           1,     0 };
        memcpy(h->ram + GDT + i * 8, segment, 8);
        memcpy(h->ram + IDT + i * 8, gate, 8);
    }
}

static void prepare(GRand *r, struct soft_host *h)
{
    struct cpu *cpu = h->cpu;

    fill(r, h);
    cpu->gdt = (struct segment){ .base = GDT, .limit = 0xfff };
    cpu->idt = (struct segment){ .base = IDT, .limit = 0xfff };
    cpu->tr = (struct segment){ .base = TSS, .limit = 0x2ff, .selector = 0x30, .attr = 0x8b };
    cpu->ldt = (struct segment){ .base = LDT, .limit = 0x2ff, .selector = 0x38, .attr = 0x82 };
    for (int i = 0; i < 16; i++)
        cpu->r[i] = g_rand_int(r) >> g_rand_int_range(r, 0, 20);
    cpu->cr4 |= g_rand_boolean(r) ? CR4_VME | CR4_DE : 0;
    cpu->fault.vector = -1;
    mode_update(cpu);
}

/* Some instructions, and what comes between. */
static void turn(GRand *r, struct soft_host *h)
{
    struct cpu *cpu = h->cpu;

    cpu->wanted = 0;
    cpu->halted = false;
    cpu->stop_at = cpu->instructions + 50;
    if (sigsetjmp(cpu->fault_exit, 0)) {
        blocks_faulted(cpu);
        return;
    }
    if (cpu->fault.vector >= 0)
        cpu_deliver_fault(cpu);
    mmu_settle(cpu);
    blocks_run(cpu);
    if (g_rand_int_range(r, 0, 8) == 0) {
        cpu->rip = 0x10000 + g_rand_int_range(r, 0, 0x8000);
        cpu->r[RSP] = SOFT_STACK;
    }
    if (g_rand_int_range(r, 0, 40) == 0)
        smm_enter(cpu);
    if (g_rand_int_range(r, 0, 10) == 0)
        cpu_interrupt(cpu, g_rand_int_range(r, 0, 256));
}

static void test_random(gconstpointer seed)
{
    static const unsigned modes[] = { 16, 32, 64 };
    GRand *r = g_rand_new_with_seed(GPOINTER_TO_UINT(seed));
    uint64_t instructions = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct soft_host *h = soft_host_create(modes[round % 3]);
        prepare(r, h);
        for (unsigned i = 0; i < TURNS && !h->cpu->shut_down; i++)
            turn(r, h);
        instructions += h->cpu->instructions;
        soft_host_destroy(h);
    }
    g_test_message("%" G_GUINT64_FORMAT " instructions", instructions);
    g_assert_cmpuint(instructions, >, 1000);
    g_rand_free(r);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/soft-random/all-modes",
                         GUINT_TO_POINTER(argc > 1 ? strtoul(argv[1], NULL, 0) : 1), test_random);
    return g_test_run();
}
