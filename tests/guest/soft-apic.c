/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-apic - the local APICs of several processors: start, IPIs, states, x2APIC's registers,
 * timers; the I/O APIC and the 8259 pair behind pc-testdev's lines.  Runs with four processors.
 *
 * Intel SDM volume 3, chapter 10; 82093AA data sheet.
 */
#include "long.h"

enum { BASE_MSR = 0x1b, EN = 0x800, EXTD = 0x400, BSP = 0x100 };
enum { CPUS = 4 };

static void let_in(void)
{
    __asm__ volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
}

/* ---- Others ---- */

static volatile uint64_t other_base[CPUS];
static volatile unsigned waiting;

static void note_base(void)
{
    other_base[cpuid(1, 0).b >> 24] = rdmsr(BASE_MSR);
}

/* Halts, interrupts on, until vector 60h has come. */
static void halt_for_60(void)
{
    unsigned before = interrupts[0x60];

    __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
    while (interrupts[0x60] == before)
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

static void set_logical(void)
{
    unsigned id = cpuid(1, 0).b >> 24;

    apic_set(0xe0, ~0u);
    apic_set(0xd0, 1u << (24 + id));
}

static void all(void (*f)(void))
{
    for (unsigned n = 1; n < CPUS; n++)
        run_on(n, f);
}

static void all_done(void)
{
    for (unsigned n = 1; n < CPUS; n++)
        wait_for(n);
}

static void smp(void)
{
    start_others();
    verdict("one INIT and one SIPI start all", reached(&cpus_online, CPUS));
    all(note_base);
    all_done();
    verdict("    they are no BSP",
            other_base[1] == (0xfee00000 | EN) && other_base[3] == (0xfee00000 | EN));
    check_value("the BSP", rdmsr(BASE_MSR), 0xfee00000 | EN | BSP);
}

/* An IPI to processors that halt; every one in mask takes it. */
static void ipi(const char *name, uint32_t icr, uint32_t destination, unsigned mask)
{
    unsigned n = 0;

    waiting = 0;
    for (unsigned i = 1; i < CPUS; i++)
        if (mask >> i & 1) {
            run_on(i, halt_for_60);
            n++;
        }
    reached(&waiting, n);
    apic_set(0x310, destination << 24);
    for (unsigned i = 1; i < CPUS; i++)
        if (mask >> i & 1) {
            uint64_t end = rdtsc() + 3000000000ull;
            if (i == (unsigned)__builtin_ctz(mask))
                apic_set(0x300, icr);
            while (ap_work[i] && rdtsc() < end)
                __asm__ volatile("pause");
            if (ap_work[i]) {
                verdict(name, false);
                finish();
            }
        }
    verdict(name, true);
}

static void ipis(void)
{
    for (unsigned n = 1; n < CPUS; n++)
        ipi("IPI, physical", 0x4060, n, 1 << n);
    ipi("IPI, all but self", 0xc4060, 0, 0xe);
    all(set_logical);
    set_logical();
    all_done();
    ipi("IPI, logical, one", 0x4860, 4, 1 << 2);
    ipi("IPI, logical, all", 0x4860, 0xff, 0xe);
    let_in();
    interrupts[0x61] = 0;
    apic_set(0x300, 0x44061);
    let_in();
    check_value("IPI to self", interrupts[0x61], 1);
    apic_set(0x310, 1 << 24);
    apic_set(0x300, 0x4861);
    let_in();
    check_value("IPI, logical, to the BSP", interrupts[0x61], 2);
    apic_set(0x80, 0x70);
    apic_set(0x300, 0x44061);
    let_in();
    check_value("TPR holds it off", interrupts[0x61], 2);
    check_value("    it waits", apic_get(0x230), 2);
    apic_set(0x80, 0);
    let_in();
    check_value("    and comes", interrupts[0x61], 3);
    apic_set(0x280, 0);
    apic_set(0x300, 0x44005);
    apic_set(0x280, 0);
    check_value("ESR: an illegal vector is sent", apic_get(0x280) & 0x20, 0x20);
}

/* ---- Lowest priority ---- */

static volatile unsigned taken_by[CPUS];
static unsigned priority[CPUS];

static volatile bool enough;

static void note_taker(void)
{
    taken_by[cpuid(1, 0).b >> 24]++;
}

static void wait_at_priority(void)
{
    apic_set(0x80, priority[cpuid(1, 0).b >> 24]);
    __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
    while (!enough)
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
    apic_set(0x80, 0);
}

static bool taken(unsigned n)
{
    uint64_t end = rdtsc() + 3000000000ull;

    while (taken_by[1] + taken_by[2] + taken_by[3] < n && rdtsc() < end)
        __asm__ volatile("pause");
    return taken_by[1] + taken_by[2] + taken_by[3] == n;
}

/* Sends n messages of vector 60h to all by logical address: each goes to one of the others, for the
 * BSP is busy with something of high priority. */
static void lowest(const char *name, unsigned n, const unsigned *want)
{
    waiting = 0;
    enough = false;
    for (unsigned i = 1; i < CPUS; i++)
        run_on(i, wait_at_priority);
    reached(&waiting, CPUS - 1);
    for (unsigned i = 1; i < CPUS; i++)
        taken_by[i] = 0;
    on_interrupt = note_taker;
    for (unsigned i = 1; i <= n; i++) {
        apic_set(0x310, 0xffu << 24);
        apic_set(0x300, 0x4960);
        verdict(name, taken(i));
    }
    for (unsigned i = 1; i < CPUS; i++)
        check_value("    taken", taken_by[i], want[i]);
    enough = true;
    apic_set(0x300, 0xc40f1);
    all_done();
}

static void lowest_priority(void)
{
    static const unsigned third[CPUS] = { 0, 0, 0, 2 }, each[CPUS] = { 0, 2, 2, 2 };

    apic_set(0x80, 0xe0);
    priority[1] = 0x50;
    priority[2] = 0x40;
    priority[3] = 0x20;
    lowest("lowest priority: the third", 2, third);
    priority[1] = priority[2] = priority[3] = 0x10;
    lowest("    all alike: in turn", 6, each);
    apic_set(0x80, 0);
    let_in();
}

static void nmi(void)
{
    apic_set(0x310, 0);
    ATTEMPT("movl $0x4400, %%eax\n\tmovl %%eax, (%0)\n\t.rept 100\n\tpause\n\t.endr",
            :
            : "D"(0xfee00300ull)
            : "rax", "memory");
    verdict("NMI to self", trap.vector == NMI);
}

/* ---- The states of MSR 1Bh ---- */

static bool apic_bit(void)
{
    return cpuid(1, 0).d >> 9 & 1;
}

static void base(const char *name, uint64_t v, bool ok)
{
    TRY_WRMSR(BASE_MSR, v);
    expect(name, ok ? NONE : GP, 0);
    if (ok)
        check_value("    reads back", rdmsr(BASE_MSR), v);
}

static void states(void)
{
    const uint64_t at = 0xfee00000 | BSP;

    apic_set(0x80, 0x20);
    base("disabled", at, true);
    verdict("    CPUID hides it", !apic_bit());
    check_value("    the page is nobody's", apic_get(0x30), ~0u);
    TRY_RDMSR(0x802);
    expect("    nor are there MSRs", GP, 0);
    WRITE_CR(8, 3);
    check_value("    CR8 works", READ_CR(8), 3);
    WRITE_CR(8, 0);
    base("#GP disabled to x2APIC", at | EN | EXTD, false);
    base("#GP EXTD without EN", at | EXTD, false);
    base("enabled again", at | EN, true);
    verdict("    CPUID shows it", apic_bit());
    check_value("    reset: SVR", apic_get(0xf0), 0xff);
    check_value("    reset: TPR", apic_get(0x80), 0);
    base("moved", 0xfed40000 | BSP | EN, true);
    verdict("    has a version", (*(volatile uint32_t *)0xfed40030ull & 0xf0) == 0x10);
    base("back", at | EN, true);
    base("#GP bit 9", at | EN | 1 << 9, false);
    base("#GP bit 0", at | EN | 1, false);
    base("#GP bit 51", at | EN | 1ull << 51, false);
    base("x2APIC", at | EN | EXTD, true);
    base("#GP x2APIC to xAPIC", at | EN, false);
    base("#GP x2APIC to EXTD alone", at | EXTD, false);
    check_value("x2APIC: the page is nobody's", apic_get(0x30), ~0u);
}

/* ---- x2APIC's registers ---- */

enum { R = 1, WR = 2 };

/* How register 800h + n may be accessed. */
static unsigned x2_access(unsigned n)
{
    switch (n) {
    case 2:
    case 3:
    case 0xa:
    case 0xd:
    case 0x39: return R;
    case 0x10 ... 0x27: return R;
    case 0xb:
    case 0x3f: return WR;
    case 8:
    case 0xf:
    case 0x28:
    case 0x30:
    case 0x32:
    case 0x33 ... 0x37:
    case 0x38:
    case 0x3e: return R | WR;
    default: return 0;
    }
}

static void x2_registers(void)
{
    unsigned wrong = 0;

    for (unsigned n = 0; n < 0x100; n++) {
        unsigned may = x2_access(n), can = 0;
        bool cmci = n == 0x2f;
        TRY_RDMSR(0x800 + n);
        can |= trap.vector == NONE ? R : 0;
        if (n != 0x30 && n != 0x3f && n != 0xb) {
            uint64_t v = n == 0xf ? 0x1ff : n >= 0x32 && n <= 0x37 ? 0x10000 : 0;
            TRY_WRMSR(0x800 + n, v);
            can |= trap.vector == NONE ? WR : 0;
        } else {
            can |= WR;
        }
        if (can != may && !cmci) {
            wrong++;
            show("    register", n);
            show("    can", can);
        }
    }
    check_value("x2APIC's registers are there, no other", wrong, 0);
    TRY_WRMSR(0x80b, 1);
    expect("#GP EOI not 0", GP, 0);
    TRY_WRMSR(0x80b, 0);
    expect("EOI", NONE, 0);
    TRY_WRMSR(0x808, 0x100);
    expect("#GP TPR bit 8", GP, 0);
    TRY_WRMSR(0x828, 1);
    expect("#GP ESR not 0", GP, 0);
    TRY_WRMSR(0x83f, 0x100);
    expect("#GP SELF IPI bit 8", GP, 0);
    TRY_WRMSR(0x80f, 1ull << 32);
    expect("#GP SVR bit 32", GP, 0);
    check_value("ID", rdmsr(0x802), 0);
    check_value("LDR", rdmsr(0x80d), 1);
    interrupts[0x62] = 0;
    wrmsr(0x83f, 0x62);
    let_in();
    check_value("SELF IPI", interrupts[0x62], 1);
    wrmsr(0x830, 0x4862 | 1ull << 32);
    let_in();
    check_value("IPI, logical, cluster 0", interrupts[0x62], 2);
    wrmsr(0x830, 0x4862 | 0xffffffffull << 32);
    let_in();
    check_value("IPI, broadcast", interrupts[0x62], 3);
}

/* ---- Timers ---- */

static void timers(void)
{
    interrupts[0x63] = 0;
    apic_set(0x3e0, 0xb);
    apic_set(0x320, 0x63);
    apic_set(0x380, 100000);
    __asm__ volatile("sti");
    verdict("APIC timer, one shot", reached(&interrupts[0x63], 1));
    check_value("    its count is 0", apic_get(0x390), 0);
    apic_set(0x320, 0x20063);
    apic_set(0x380, 100000);
    verdict("APIC timer, periodic", reached(&interrupts[0x63], 4));
    apic_set(0x380, 0);
    if (cpuid(1, 0).c >> 24 & 1) {
        interrupts[0x64] = 0;
        apic_set(0x320, 0x40064);
        wrmsr(0x6e0, rdtsc() + 1000000);
        verdict("TSC deadline armed", rdmsr(0x6e0) || interrupts[0x64]);
        verdict("TSC deadline", reached(&interrupts[0x64], 1));
        check_value("    is over", rdmsr(0x6e0), 0);
        wrmsr(0x6e0, 1);
        verdict("TSC deadline in the past", reached(&interrupts[0x64], 2));
        wrmsr(0x6e0, rdtsc() + 1000000);
        wrmsr(0x6e0, 0);
        for (uint64_t end = rdtsc() + 20000000; rdtsc() < end;)
            ;
        check_value("    disarmed", interrupts[0x64], 2);
        apic_set(0x320, 0x10000);
    }
    __asm__ volatile("cli");
}

/* Between one-shot and periodic the count goes on; only the initial count starts it. */
static void timer_modes(void)
{
    enum { ONE_SHOT = 0x10063, PERIODIC = 0x30063, COUNT = 0x10000000 };
    uint64_t end = rdtsc() + 20000000000ull;
    uint32_t before, after;

    apic_set(0x3e0, 0xb);
    apic_set(0x320, ONE_SHOT);
    apic_set(0x380, COUNT);
    check_value("APIC timer's initial count", apic_get(0x380), COUNT);
    while ((before = apic_get(0x390)) > COUNT / 2 && rdtsc() < end)
        ;
    apic_set(0x320, PERIODIC);
    after = apic_get(0x390);
    verdict("to periodic: it goes on", after && after <= before);
    while ((after = apic_get(0x390)) <= before && rdtsc() < end)
        before = after;
    verdict("    and starts over", after > before && after <= COUNT);
    while ((before = apic_get(0x390)) > COUNT / 2 && rdtsc() < end)
        ;
    apic_set(0x320, ONE_SHOT);
    after = apic_get(0x390);
    verdict("to one shot: it goes on", after && after <= before);
    while (apic_get(0x390) && rdtsc() < end)
        ;
    check_value("    to 0", apic_get(0x390), 0);
    apic_set(0x320, PERIODIC);
    check_value("to periodic at 0: it stays", apic_get(0x390), 0);
    apic_set(0x380, COUNT);
    apic_set(0x380, 0);
    check_value("an initial count of 0 stops it", apic_get(0x390), 0);
    apic_set(0x320, 0x10000);
}

static void tsc_adjust(void)
{
    uint64_t before;

    if (!(cpuid(7, 0).b >> 1 & 1))
        return;
    check_value("TSC_ADJUST at first", rdmsr(0x3b), 0);
    before = rdtsc();
    wrmsr(0x3b, 1ull << 50);
    verdict("TSC_ADJUST moves the TSC", rdtsc() - before > 1ull << 49);
    wrmsr(0x3b, 0);
    wrmsr(0x10, 0);
    verdict("writing the TSC moves TSC_ADJUST", (int64_t)rdmsr(0x3b) < 0);
}

/* ---- 8259, 8254 and CMOS clock ---- */

static void unmask_8259(uint16_t mask)
{
    static const uint8_t master[] = { 0x11, 0x20, 4, 1 }, slave[] = { 0x11, 0x28, 2, 1 };

    outb(0x20, master[0]);
    outb(0xa0, slave[0]);
    for (int i = 1; i < 4; i++) {
        outb(0x21, master[i]);
        outb(0xa1, slave[i]);
    }
    outb(0x21, mask);
    outb(0xa1, mask >> 8);
}

static void old_timers(void)
{
    apic_set(0x350, 0x700); /* LINT0: ExtINT */
    interrupts[0x20] = interrupts[0x28] = 0;
    unmask_8259(0xfffe);
    outb(0x43, 0x34);
    outb(0x40, 0);
    outb(0x40, 0x10);
    __asm__ volatile("sti");
    verdict("8254, by the 8259", reached(&interrupts[0x20], 3));
    for (unsigned n = interrupts[0x20]; n == interrupts[0x20];)
        __asm__ volatile("hlt");
    verdict("    ends HLT", true);
    unmask_8259(0xfefb);
    outb(0x70, 0xa);
    outb(0x71, 0x26);
    outb(0x70, 0xb);
    outb(0x71, inb(0x71) | 0x40);
    outb(0x70, 0xc);
    inb(0x71);
    verdict("CMOS clock, periodic", reached(&interrupts[0x28], 1));
    __asm__ volatile("cli");
    outb(0x70, 0xb);
    outb(0x71, inb(0x71) & ~0x40);
    unmask_8259(0xffff);
    apic_set(0x350, 0x10000);
}

/* ---- I/O APIC ---- */

static void io_write(unsigned reg, uint32_t v)
{
    *(volatile uint32_t *)0xfec00000ull = reg;
    *(volatile uint32_t *)0xfec00010ull = v;
}

static uint32_t io_read(unsigned reg)
{
    *(volatile uint32_t *)0xfec00000ull = reg;
    return *(volatile uint32_t *)0xfec00010ull;
}

static void route(unsigned pin, uint32_t low, uint32_t destination)
{
    io_write(0x11 + pin * 2, destination << 24);
    io_write(0x10 + pin * 2, low);
}

static void line(unsigned n, bool high)
{
    outb(0x2000 + n, high);
}

/* The device is content at the third interrupt. */
static void lower(void)
{
    if (interrupts[0x70] == 6)
        line(14, false);
}

static void ioapic(void)
{
    interrupts[0x70] = 0;
    check_value("I/O APIC, version", io_read(1) & 0xff00ff, 0x170020);
    route(14, 0x70, 0);
    line(14, true);
    line(14, false);
    let_in();
    check_value("edge", interrupts[0x70], 1);
    line(14, true);
    line(14, true);
    line(14, false);
    let_in();
    check_value("one edge, once", interrupts[0x70], 2);
    route(14, 0x10070, 0);
    line(14, true);
    let_in();
    check_value("masked", interrupts[0x70], 2);
    line(14, false);
    route(14, 0x870, 1);
    line(14, true);
    line(14, false);
    let_in();
    check_value("logical destination", interrupts[0x70], 3);
    route(14, 0x8070, 0);
    line(14, true);
    on_interrupt = lower;
    let_in();
    on_interrupt = NULL;
    check_value("level: again as long as it is high", interrupts[0x70], 6);
    check_value("    remote IRR is clear at last", io_read(0x10 + 28) & 0x4000, 0);
    route(14, 0x4060, 2); /* what it says of remote IRR and delivery status is not to be written */
    waiting = 0;
    run_on(2, halt_for_60);
    reached(&waiting, 1);
    line(14, true);
    line(14, false);
    wait_for(2);
    verdict("to another processor", true);
    route(14, 0x10000, 0);
}

/* ---- pc-testdev ---- */

static void testdev(void)
{
    outl(0xe0, 0x12345678);
    check_value("latch", inl(0xe0), 0x12345678);
    outb(0xe1, 0xab);
    check_value("    by bytes", inl(0xe8), 0x1234ab78);
    check_value("    one of them", inb(0xe3), 0x12);
    outl(0xe4, 0x400000);
    check_value("flushing a page", inl(0xe4), 0);
    *(volatile uint64_t *)0xff000ffcull = 0x1122334455667788;
    check_value("memory", *(volatile uint64_t *)0xff000ffcull, 0x1122334455667788);
    __asm__ volatile("lock addl $1, (%0)" : : "r"(0xff000ffcull) : "memory");
    check_value("    locked", *(volatile uint32_t *)0xff000ffcull, 0x55667789);
}

void guest_main(void)
{
    long_init();
    smp();
    ipis();
    lowest_priority();
    nmi();
    timers();
    timer_modes();
    tsc_adjust();
    old_timers();
    testdev();
    ioapic();
    states();
    x2_registers();
    finish();
}
