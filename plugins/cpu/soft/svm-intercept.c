/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * svm-intercept - what a guest's hypervisor wants to know of: instructions, ports, MSRs,
 * exceptions, task switches.
 *
 * AMD APM volume 2, sections 15.7 (EXITINTINFO), 15.9 (instruction intercepts, and which exceptions
 * come before them, table 15-7), 15.10 (I/O), 15.11 (MSRs), 15.12 (exceptions), 15.14 (others).
 */
#include "mmu.h"
#include "soft.h"
#include "svm.h"

/* ---- Instructions ---- */

/* Which exceptions go before the intercept: the instruction itself raises them. */
enum rule {
    RULE_NONE,
    RULE_CPL,
    RULE_TSD,
    RULE_PCE,
    RULE_UMIP,
    RULE_MONITOR,
    RULE_MWAIT,
    RULE_XSETBV
};

static const struct intercept {
    uint8_t map, opcode;
    int8_t reg;    /* of ModRM with a memory operand, or with any; -1: does not matter */
    uint8_t modrm; /* of register form; 0: not */
    uint8_t code, rule;
} intercepts[] = {
    // clang-format off
    { MAP_ONE, 0x90, -1, 0,    SVM_PAUSE,      RULE_NONE }, /* with F3 */
    { MAP_ONE, 0x9c, -1, 0,    SVM_PUSHF,      RULE_NONE },
    { MAP_ONE, 0x9d, -1, 0,    SVM_POPF,       RULE_NONE },
    { MAP_ONE, 0xcd, -1, 0,    SVM_SWINT,      RULE_NONE },
    { MAP_ONE, 0xcf, -1, 0,    SVM_IRET,       RULE_NONE },
    { MAP_ONE, 0xf1, -1, 0,    SVM_ICEBP,      RULE_NONE },
    { MAP_ONE, 0xf4, -1, 0,    SVM_HLT,        RULE_CPL },
    { MAP_0F,  0x00, 0,  0,    SVM_LDTR_READ,  RULE_UMIP },
    { MAP_0F,  0x00, 1,  0,    SVM_TR_READ,    RULE_UMIP },
    { MAP_0F,  0x00, 2,  0,    SVM_LDTR_WRITE, RULE_CPL },
    { MAP_0F,  0x00, 3,  0,    SVM_TR_WRITE,   RULE_CPL },
    { MAP_0F,  0x01, -1, 0xc8, SVM_MONITOR,    RULE_MONITOR },
    { MAP_0F,  0x01, -1, 0xc9, SVM_MWAIT,      RULE_MWAIT },
    { MAP_0F,  0x01, -1, 0xd1, SVM_XSETBV,     RULE_XSETBV },
    { MAP_0F,  0x01, -1, 0xf9, SVM_RDTSCP,     RULE_TSD },
    { MAP_0F,  0x01, 0,  0,    SVM_GDTR_READ,  RULE_UMIP },
    { MAP_0F,  0x01, 1,  0,    SVM_IDTR_READ,  RULE_UMIP },
    { MAP_0F,  0x01, 2,  0,    SVM_GDTR_WRITE, RULE_CPL },
    { MAP_0F,  0x01, 3,  0,    SVM_IDTR_WRITE, RULE_CPL },
    { MAP_0F,  0x08, -1, 0,    SVM_INVD,       RULE_CPL },
    { MAP_0F,  0x09, -1, 0,    SVM_WBINVD,     RULE_CPL },
    { MAP_0F,  0x31, -1, 0,    SVM_RDTSC,      RULE_TSD },
    { MAP_0F,  0x33, -1, 0,    SVM_RDPMC,      RULE_PCE },
    { MAP_0F,  0xa2, -1, 0,    SVM_CPUID,      RULE_NONE },
    { MAP_0F,  0xaa, -1, 0,    SVM_RSM,        RULE_NONE },
    // clang-format on
};

static bool faults_before(const struct cpu *cpu, enum rule rule)
{
    switch (rule) {
    case RULE_CPL: return cpu->cpl;
    case RULE_TSD: return cpu->cpl && cpu->cr4 & CR4_TSD;
    case RULE_PCE: return cpu->cpl && !(cpu->cr4 & CR4_PCE);
    case RULE_UMIP: return cpu->cpl && cpu->cr4 & CR4_UMIP;
    case RULE_MONITOR: return cpu->cpl || (uint32_t)cpu->r[RCX];
    case RULE_MWAIT: return cpu->cpl || cpu->r[RCX] & ~1ull;
    case RULE_XSETBV: return cpu->cpl || !(cpu->cr4 & CR4_OSXSAVE);
    default: return false;
    }
}

/* PAUSE_FILTER_COUNT PAUSEs go by, or so many in a row with no more than the threshold's ticks
 * between them. */
static bool pause_passes(struct cpu *cpu)
{
    struct svm *s = &cpu->svm;

    if (s->pause_threshold) {
        uint64_t now = cpu_tsc(cpu);

        if (now - s->last_pause > s->pause_threshold)
            s->pauses = s->pause_count;
        s->last_pause = now;
    }
    if (!s->pauses)
        return false;
    s->pauses--;
    return true;
}

/* u->d: which of them; u->imm: the immediate of INT n. */
static void run_intercept(struct cpu *cpu, const struct uop *u)
{
    const struct intercept *i = &intercepts[u->d];

    if (!cpu->svm.guest || faults_before(cpu, i->rule))
        return;
    if (i->code == SVM_PAUSE && svm_wants(cpu, SVM_PAUSE) && pause_passes(cpu))
        return;
    svm_intercept(cpu, i->code, i->code == SVM_SWINT ? u->imm : 0, 0);
    if (i->code == SVM_MWAIT && cpu->monitored)
        svm_intercept(cpu, SVM_MWAIT_ARMED, 0, 0);
}

static bool is_meant(const struct intercept *i, const struct insn *in)
{
    if (i->map != in->map || i->opcode != in->opcode)
        return false;
    if (i->code == SVM_PAUSE)
        return in->rep && !in->b;
    if (i->modrm)
        return in->mod == 3 && in->modrm == i->modrm;
    return i->reg < 0 || ((in->reg & 7) == i->reg && (in->mod != 3 || in->opcode == 0x00));
}

void svm_intercept_translate(struct block_builder *b, const struct insn *in)
{
    for (unsigned i = 0; i < sizeof(intercepts) / sizeof(intercepts[0]); i++)
        if (is_meant(&intercepts[i], in))
            emit_call(b, run_intercept, i, 0, 0, in->imm & 0xff);
}

void svm_cr0_write(struct cpu *cpu, uint64_t value, uint64_t info1)
{
    svm_intercept(cpu, SVM_CR_WRITE, info1, 0);
    if ((value ^ cpu->cr0) & ~(uint64_t)(CR0_TS | CR0_MP | CR0_ET))
        svm_intercept(cpu, SVM_CR0_SELECTIVE, info1, 0);
}

/* ---- Ports and MSRs ---- */

/* Two bytes of a permission map, from the one that has bit n. */
static uint32_t map_bits(struct cpu *cpu, uint64_t map, uint32_t n)
{
    uint64_t at = map + n / 8;

    return (phys_read(cpu, at, 1) | phys_read(cpu, at + 1, 1) << 8) >> n % 8;
}

void svm_io(struct cpu *cpu, uint16_t port, unsigned size, unsigned addr_size, unsigned seg,
            unsigned how)
{
    uint64_t info = (uint32_t)port << 16 | seg << 10 | addr_size / 2 << 7 | size << 4 | how;

    if (!svm_wants(cpu, SVM_IOIO) || !(map_bits(cpu, cpu->svm.iopm, port) & ((1u << size) - 1)))
        return;
    svm_intercept(cpu, SVM_IOIO, info, cpu->r[REG_NEXT]);
}

/* Where the map has the MSR's two bits; false: it does not, and is intercepted. */
static bool msr_bit(uint32_t msr, uint32_t *bit)
{
    static const uint32_t ranges[] = { 0, 0xc0000000, 0xc0010000 };

    for (unsigned i = 0; i < 3; i++) {
        *bit = (i * 0x2000 + (msr & 0x1fff)) * 2;
        if ((msr & ~0x1fffu) == ranges[i])
            return true;
    }
    return false;
}

void svm_msr(struct cpu *cpu, bool write)
{
    uint32_t bit;

    if (!svm_wants(cpu, SVM_MSR) ||
        (msr_bit(cpu->r[RCX], &bit) && !(map_bits(cpu, cpu->svm.msrpm, bit + write) & 1)))
        return;
    svm_intercept(cpu, SVM_MSR, write, 0);
}

/* ---- Events ---- */

void svm_delivers(struct cpu *cpu, const struct event *e)
{
    cpu->svm.delivering = (uint64_t)e->error << 32 | SVM_EVENT_VALID |
                          (e->has_error ? SVM_EVENT_ERROR : 0) | e->type << 8 | e->vector;
}

/* The second exception's intercept comes before the two become a double fault.  DR6 and DR7 are
 * what a handler would see; CR2 is not written. */
void svm_exception(struct cpu *cpu)
{
    int vector = cpu->fault.vector;

    if (vector < 0 || !svm_wants(cpu, SVM_EXCEPTION + vector))
        return;
    if (vector == EXC_DB)
        cpu->dr[7] &= ~(uint64_t)DR7_GD;
    svm_exit(cpu, SVM_EXCEPTION + vector, cpu->fault.has_error ? cpu->fault.error : 0,
             vector == EXC_PF ? cpu->fault.address : 0, 0);
}

#define TASK_BY_IRET   (1ull << 36)
#define TASK_BY_JUMP   (1ull << 38)
#define TASK_HAS_ERROR (1ull << 44)
#define TASK_RF        (1ull << 48)

/* Once the new TSS's descriptor has been checked, before anything changes. */
void svm_task_switch(struct cpu *cpu, uint16_t selector, enum task_why why)
{
    bool error = why == TASK_INT && cpu->svm.delivering & SVM_EVENT_ERROR;
    uint64_t info = (why == TASK_IRET ? TASK_BY_IRET : 0) | (why == TASK_JUMP ? TASK_BY_JUMP : 0) |
                    (error ? TASK_HAS_ERROR | cpu->svm.delivering >> 32 : 0) |
                    (cpu->flags & F_RF ? TASK_RF : 0);

    if (svm_wants(cpu, SVM_TASK_SWITCH))
        svm_exit(cpu, SVM_TASK_SWITCH, selector, info, why == TASK_INT ? 0 : cpu->r[REG_NEXT]);
}
