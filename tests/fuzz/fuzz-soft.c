/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-soft - any bytes as code, in every mode of the software processor, neither end nor hang the
 * process.
 *
 * An input is a mode, a number of bytes for the system's tables, registers, and code.  Exceptions
 * are delivered through tables of those bytes, so that handlers, task switches and triple faults
 * happen.
 */
#include "../unit/soft-host.h"
#include "sys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { GDT = 0x3000, IDT = 0x5000, TSS = 0x7000, TABLE = 0x800, TURNS = 20, STEPS = 60 };

enum mode {
    REAL,
    PROTECTED_16,
    PROTECTED_32,
    USER_32,
    V86,
    LONG,
    COMPATIBLE,
    USER_64,
    SMM,
    N_MODES
};

struct input {
    const uint8_t *data;
    size_t left;
};

static uint64_t take(struct input *in, unsigned bytes)
{
    uint64_t v = 0;

    for (; bytes && in->left; bytes--, in->left--)
        v = v << 8 | *in->data++;
    return v;
}

/* Repeats what there is, so that a short input makes many entries. */
static void fill(struct soft_host *h, uint64_t at, unsigned bytes, struct input *from, size_t n)
{
    n = MIN(n, from->left);
    for (unsigned i = 0; i < bytes && n; i++)
        h->ram[at + i] = from->data[i % n];
    from->data += n;
    from->left -= n;
}

/* The descriptors that every mode needs, before what the input has. */
static void known_descriptors(struct soft_host *h)
{
    static const uint64_t known[] = {
        0,
        0x00cf9b000000ffff, /*  8: code, 32-bit */
        0x00cf93000000ffff, /* 10: data */
        0x00af9b000000ffff, /* 18: code, 64-bit */
        0x00cffb000000ffff, /* 20: code of the user's, 32-bit */
        0x00cff3000000ffff, /* 28: data of the user's */
        0x00affb000000ffff, /* 30: code of the user's, 64-bit */
        0x000f9b000000ffff, /* 38: code, 16-bit */
    };

    memcpy(h->ram + GDT, known, sizeof(known));
}

static void set_segments(struct cpu *cpu, unsigned cs, uint16_t cs_attr, unsigned data)
{
    for (unsigned i = 0; i < N_SEGS; i++) {
        cpu->seg[i].selector = i == SEG_CS ? cs : data;
        if (data & 3)
            cpu->seg[i].attr |= 3 << 5;
    }
    cpu->seg[SEG_CS].attr = cs_attr;
    cpu->cpl = cs & 3;
}

static void set_mode(struct soft_host *h, enum mode mode)
{
    enum { CODE = ATTR_P | ATTR_S | ATTR_CODE | ATTR_RW | ATTR_A, USER = 3 << 5 };
    struct cpu *cpu = h->cpu;

    switch (mode) {
    case PROTECTED_16: set_segments(cpu, 0x38, CODE, 0x10); break;
    case USER_32: set_segments(cpu, 0x23, CODE | USER | ATTR_DB | ATTR_G, 0x2b); break;
    case COMPATIBLE: set_segments(cpu, 0x08, CODE | ATTR_DB | ATTR_G, 0x10); break;
    case USER_64: set_segments(cpu, 0x33, CODE | USER | ATTR_L | ATTR_G, 0x2b); break;
    case V86:
        for (unsigned i = 0; i < N_SEGS; i++)
            cpu->seg[i] = (struct segment){ .limit = 0xffff, .attr = 0xf3 };
        cpu->flags |= F_VM | F_IOPL;
        cpu->cpl = 3;
        break;
    default: break;
    }
    cpu->rip = SOFT_CODE;
    if (mode == REAL || mode == V86) {
        cpu->rip = 0;
        cpu->seg[SEG_CS].base = SOFT_CODE;
        cpu->seg[SEG_CS].selector = SOFT_CODE >> 4;
    }
    mode_update(cpu);
    if (mode == SMM)
        smm_enter(cpu);
}

/* One processor for all inputs, which takes long to make; each finds it as the first did. */
static struct soft_host *the_host(void)
{
    static struct soft_host *h;
    static struct cpu *first;

    if (!h) {
        h = soft_host_create(16);
        first = g_memdup2(h->cpu, sizeof(*first));
    }
    *h->cpu = *first;
    madvise(h->ram, SOFT_RAM, MADV_DONTNEED); /* zeroes again */
    memset(h->watched, 0, sizeof(h->watched));
    memset(h->port, 0, sizeof(h->port));
    blocks_flush(h->cpu);
    return h;
}

static struct soft_host *prepare(struct input *in)
{
    static const uint8_t bits[N_MODES] = { 16, 32, 32, 32, 32, 64, 64, 64, 64 };
    enum mode mode = take(in, 1) % N_MODES;
    struct soft_host *h = the_host();
    struct cpu *cpu = h->cpu;

    soft_host_mode(h, bits[mode]);
    fill(h, 0, GDT, in, take(in, 1));
    fill(h, GDT, 3 * TABLE * 4, in, take(in, 1));
    known_descriptors(h);
    cpu->gdt = (struct segment){ .base = GDT, .limit = TABLE - 1 };
    cpu->idt = (struct segment){ .base = mode == REAL ? 0 : IDT, .limit = TABLE - 1 };
    cpu->ldt =
        (struct segment){ .base = GDT + TABLE, .limit = TABLE - 1, .selector = 0x40, .attr = 0x82 };
    cpu->tr = (struct segment){ .base = TSS, .limit = 0x2ff, .selector = 0x48, .attr = 0x8b };
    cpu->cr4 |= take(in, 1) & (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE);
    cpu->flags |= take(in, 2) & 0xfff; /* TF and DF among them */
    for (unsigned i = 0; i < 16; i++)
        if (i != RSP)
            cpu->r[i] = (int64_t)(int16_t)take(in, 2) * (i & 1 ? 1 : 0x77);
    fill(h, SOFT_CODE, in->left, in, in->left);
    set_mode(h, mode);
    return h;
}

/* Some instructions; a fault is delivered at the start of the next turn. */
static void turn(struct cpu *cpu)
{
    cpu->wanted = 0;
    cpu->halted = false;
    cpu->stop_at = cpu->instructions + STEPS;
    if (sigsetjmp(cpu->fault_exit, 0)) {
        blocks_faulted(cpu);
        return;
    }
    if (cpu->fault.vector >= 0)
        cpu_deliver_fault(cpu);
    mmu_settle(cpu);
    blocks_run(cpu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in = { data, len };
    struct soft_host *h = prepare(&in);

    for (unsigned i = 0; i < TURNS && !h->cpu->shut_down; i++)
        turn(h->cpu);
    return 0;
}
