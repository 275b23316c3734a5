/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-debug - single step and breakpoints: where each trap comes, what DR6 says, what holds it
 * back.
 *
 * Intel SDM volume 3, sections 6.8.3 (STI, MOV SS), 18.2 and 18.3 (debug registers, exceptions).
 */
#include "long.h"

enum { BS = 0x4000, BD = 0x2000, FIXED = 0xffff0ff0 };
static volatile uint64_t watched __attribute__((aligned(8)));
static uint16_t data_selector = DATA;

/* Runs code with TF set by POPF. */
#define STEP(code, ...)                                                                            \
    do {                                                                                           \
        n_steps = 0;                                                                               \
        stepping = true;                                                                           \
        __asm__ volatile("movq $801f, attempt_rip\n\tpushfq\n\tpushfq\n\torl $0x100, (%%rsp)\n\t"  \
                         "popfq\n801:\t" code "\n\tpopfq\n" __VA_ARGS__);                          \
        stepping = false;                                                                          \
    } while (0)

/* The steps taken: byte offsets from behind the POPF that set TF, and DR6 but for its fixed bits.
 */
static void expect_steps(const char *name, unsigned n, const struct step *wanted)
{
    bool ok = n_steps == n;

    for (unsigned i = 0; ok && i < n; i++)
        ok = steps[i].rip - attempt_rip == wanted[i].rip && (steps[i].dr6 ^ FIXED) == wanted[i].dr6;
    verdict(name, ok);
    for (unsigned i = 0; !ok && i < n_steps && i < 64; i++) {
        put_text("    at ");
        put_hex(steps[i].rip - attempt_rip);
        show(" DR6", steps[i].dr6);
    }
}
#define EXPECT_STEPS(name, ...)                                                                    \
    expect_steps(name, sizeof((struct step[]){ __VA_ARGS__ }) / sizeof(struct step),               \
                 (struct step[]){ __VA_ARGS__ })

static void single_step(void)
{
    STEP("nop\n\tnop", : : : "memory");
    EXPECT_STEPS("two NOPs", { 1, BS }, { 2, BS }, { 3, BS });
    STEP("cli\n\tnop\n\tsti\n\tnop\n\tcli", : : : "memory");
    EXPECT_STEPS("across STI", { 1, BS }, { 2, BS }, { 3, BS }, { 4, BS }, { 5, BS }, { 6, BS });
    STEP("movw %%ss, %%ax\n\tmovw %%ax, %%ss\n\tnop\n\tnop", : : : "rax", "memory");
    EXPECT_STEPS("across MOV SS", { 3, BS }, { 6, BS }, { 7, BS }, { 8, BS });
    STEP("movw %%ss, %%ax\n\tmovw %%ax, %%ss\n\t.byte 0xf1\n\tnop", : : : "rax", "memory");
    EXPECT_STEPS("MOV SS, then INT1", { 3, BS }, { 6, 0 }, { 7, BS }, { 8, BS });
    STEP(".byte 0xf1\n\tnop", : : : "memory");
    EXPECT_STEPS("INT1", { 1, 0 }, { 2, BS }, { 3, BS });
    STEP("movl $3, %%ecx\n\trep stosb", : : "D"(&watched) : "rcx", "memory");
    verdict("REP STOSB traps each time", n_steps == 5 && steps[1].rip - attempt_rip == 5 &&
                                             steps[2].rip - attempt_rip == 5 &&
                                             steps[3].rip - attempt_rip == 7);
    STEP("int $0x41\n\tnop", : : : "memory");
    EXPECT_STEPS("INT n is stepped over", { 3, BS }, { 4, BS });
    STEP("pushfq\n\tandl $~0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop", : : : "memory");
    EXPECT_STEPS("POPF that clears TF traps", { 1, BS }, { 8, BS }, { 9, BS });
    STEP("movl $0, %%eax\n\tcpuid", : : : "rax", "rbx", "rcx", "rdx", "memory");
    EXPECT_STEPS("CPUID", { 5, BS }, { 7, BS }, { 8, BS });
    STEP("inb $0x61, %%al\n\tmovl (%0), %%eax", : : "D"(0xfee00030ull) : "rax", "memory");
    EXPECT_STEPS("IN and MMIO", { 2, BS }, { 4, BS }, { 5, BS });
    STEP("movl $0xfee00030, %%edi\n\tmovl (%%rdi), %%eax", : : : "rax", "rdi", "memory");
    EXPECT_STEPS("MMIO", { 5, BS }, { 7, BS }, { 8, BS });
}

/* ---- Breakpoints ---- */

static void arm(int n, const volatile void *at, unsigned type, unsigned len)
{
    static const uint8_t code[] = { 0, 0, 1, 0, 3, 0, 0, 0, 2 };

    switch (n) {
    case 0: WRITE_DR(0, at); break;
    case 1: WRITE_DR(1, at); break;
    }
    WRITE_DR(6, FIXED);
    WRITE_DR(7, 0x400 | 2u << n * 2 | (type | code[len] << 2) << (16 + n * 4));
}

static void disarm(void)
{
    WRITE_DR(7, 0x400);
}

#define WITHOUT_TF(code, ...)                                                                      \
    do {                                                                                           \
        n_steps = 0;                                                                               \
        stepping = true;                                                                           \
        __asm__ volatile("movq $801f, attempt_rip\n801:\t" code "\n" __VA_ARGS__);                 \
        stepping = false;                                                                          \
    } while (0)

static uint64_t handler_of(int vector)
{
    const uint64_t *gate = idt_gate(vector);

    return (gate[0] & 0xffff) | (gate[0] >> 32 & 0xffff0000) | gate[1] << 32;
}

static void watchpoints(void)
{
    arm(0, &watched, 1, 4);
    WITHOUT_TF("movl $1, (%0)\n\tnop", : : "D"(&watched) : "memory");
    EXPECT_STEPS("write watchpoint", { 6, 1 });
    WITHOUT_TF("movl (%0), %%eax\n\tnop", : : "D"(&watched) : "rax", "memory");
    verdict("    not for a read", n_steps == 0);
    WITHOUT_TF("movb $1, 4(%0)\n\tnop", : : "D"(&watched) : "memory");
    verdict("    nor behind it", n_steps == 0);
    WITHOUT_TF("movq $1, -4(%0)\n\tnop", : : "D"(&watched) : "memory");
    EXPECT_STEPS("    overlapped", { 8, 1 });
    arm(1, &watched, 3, 8);
    WITHOUT_TF("movb 7(%0), %%al\n\tnop", : : "D"(&watched) : "rax", "memory");
    EXPECT_STEPS("read watchpoint of 8 bytes", { 3, 2 });
    WITHOUT_TF("movw (%0), %%ss\n\tnop\n\tnop", : : "D"(&data_selector) : "memory");
    verdict("MOV SS from elsewhere", n_steps == 0);
    disarm();
    watched = DATA;
    arm(1, &watched, 3, 8);
    WITHOUT_TF("movw (%0), %%ss\n\tnop\n\tnop", : : "D"(&watched) : "memory");
    EXPECT_STEPS("data breakpoint of MOV SS comes late", { 3, 2 });
    WITHOUT_TF("movw (%0), %%ss\n\t.byte 0xf1\n\tnop", : : "D"(&watched) : "memory");
    EXPECT_STEPS("data breakpoint of MOV SS, then INT1", { 3, 2 });
    WITHOUT_TF("movw (%0), %%ss\n\tint $0x42\n\tnop", : : "D"(&watched) : "memory");
    verdict("data breakpoint of MOV SS, then INT n: at its handler",
            n_steps == 1 && steps[0].rip == handler_of(0x42) && (steps[0].dr6 ^ FIXED) == 2);
    disarm();
}

static void code_breakpoints(void)
{
    extern char here[];

    arm(0, here, 0, 1);
    WITHOUT_TF("nop\nhere:\tnop\n\tnop", : : : "memory");
    verdict("code breakpoint comes before its instruction",
            n_steps == 1 && steps[0].rip - attempt_rip == 1 && (steps[0].dr6 ^ FIXED) == 1);
    disarm();
}

extern char bp_loop[];

static void resume_flag(void)
{
    arm(0, bp_loop, 0, 1);
    ATTEMPT("nop\nbp_loop:\tnop\n\tnop", : : : "memory");
    expect_at("code breakpoint", DB, 0, 1);
    verdict("    pushes RF", trap.rflags >> 16 & 1);
    check_value("    DR6", READ_DR(6), FIXED | 1);
    WRITE_DR(6, FIXED);
    disarm();
    ATTEMPT("ud2", :);
    verdict("#UD pushes RF", trap.rflags >> 16 & 1);
    ATTEMPT("int3", :);
    verdict("#BP pushes RF clear", !(trap.rflags >> 16 & 1));
}

static void io_breakpoint(void)
{
    WRITE_CR(4, READ_CR(4) | 8);
    arm(0, (void *)0xe0, 2, 1);
    WITHOUT_TF("inb $0xe0, %%al\n\tnop", : : : "rax");
    EXPECT_STEPS("I/O breakpoint", { 2, 1 });
    disarm();
    ATTEMPT("mov %%dr4, %%rax", : : : "rax");
    expect("#UD DR4 with CR4.DE", UD, 0);
    WRITE_CR(4, READ_CR(4) & ~8ull);
    ATTEMPT("mov %%dr4, %%rax", : : : "rax");
    expect("DR4 is DR6", NONE, 0);
}

static void general_detect(void)
{
    WRITE_DR(6, FIXED);
    WRITE_DR(7, 0x2400);
    ATTEMPT("mov %%dr0, %%rax", : : : "rax");
    expect("#DB DR7.GD", DB, 0);
    check_value("    DR6.BD", READ_DR(6), FIXED | BD);
    check_value("    clears GD", READ_DR(7), 0x400);
    WRITE_DR(6, FIXED);
    WRITE_DR(7, 0x2400);
    ATTEMPT("movw %%ss, %%ax\n\tmovw %%ax, %%ss\n\tmov %%dr0, %%rax", : : : "rax");
    expect_at("#DB DR7.GD behind MOV SS", DB, 0, 5);
    check_value("    DR6", READ_DR(6), FIXED | BD);
    WRITE_DR(6, FIXED);
    ATTEMPT("mov %0, %%dr7", : : "r"(1ull << 32));
    expect("#GP DR7 bit 32", GP, 0);
    ATTEMPT("mov %0, %%dr6", : : "r"(1ull << 32));
    expect("#GP DR6 bit 32", GP, 0);
    WRITE_DR(0, 0x123456789abcdef0);
    check_value("DR0 takes 64 bits", READ_DR(0), 0x123456789abcdef0);
    WRITE_DR(7, 0);
    check_value("DR7 bit 10 is set", READ_DR(7), 0x400);
}

/* STI; HLT under TF, an interrupt waiting: the step comes after HLT or the handler, none is lost.
 */
static void step_and_halt(void)
{
    interrupts[0x50] = 0;
    apic_set(0x310, 0);
    apic_set(0x300, 0x40050);
    STEP("sti\n\thlt\n\tcli", : : : "memory");
    verdict("STI; HLT under TF ends", interrupts[0x50] == 1 && n_steps >= 3);
}

/* What STI and MOV SS hold off. */
static void shadows(void)
{
    apic_set(0x300, 0x40051);
    WITHOUT_TF("sti\n\tnop\n\tnop\n\tcli", : : : "memory");
    check_value("an interrupt waits one instruction after STI", interrupt_rip - attempt_rip, 2);
    __asm__ volatile("cli");
    apic_set(0x300, 0x40052);
    WITHOUT_TF("sti\n\tcli\n\tnop", : : : "memory");
    verdict("STI; CLI lets none in", interrupts[0x52] == 0);
    WITHOUT_TF("movw %%ss, %%ax\n\tsti\n\tmovw %%ax, %%ss\n\tnop\n\tnop\n\tcli",
               :
               :
               : "rax", "memory");
    verdict("STI; MOV SS: one or the other holds",
            interrupt_rip - attempt_rip == 7 || interrupt_rip - attempt_rip == 8);
}

void guest_main(void)
{
    long_init();
    single_step();
    watchpoints();
    code_breakpoints();
    resume_flag();
    io_breakpoint();
    general_detect();
    shadows();
    step_and_halt();
    finish();
}
