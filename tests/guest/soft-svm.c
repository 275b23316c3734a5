/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-svm - AMD's virtualisation: guests of a few instructions, and how each of them ends.
 *
 * AMD APM volume 2, chapter 15, appendices B (VMCB) and C (exit codes).  A guest shares this
 * program's tables of pages and segments, but for its IDT, whose every handler is a VMMCALL.
 */
#include "long.h"

#define EFER      0xc0000080u
#define SVME      0x1000ull
#define VM_CR     0xc0010114u
#define HOST_SAVE 0xc0010117u
#define SVM_KEY   0xc0010118u
#define PAT       0x277

enum {
    CR_READ = 0,
    CR_WRITE = 0x10,
    DR_READ = 0x20,
    DR_WRITE = 0x30,
    EXCEPTION = 0x40,
    INTR = 0x60,
    EXIT_NMI,
    VINTR = 0x64,
    CR0_SELECTIVE,
    HLT = 0x78,
    INVLPG,
    IOIO = 0x7b,
    EXIT_MSR,
    TASK_SWITCH,
    SHUTDOWN = 0x7f,
    VMRUN,
    VMMCALL,
    NPF = 0x400
};
enum {
    VALID = 1u << 31,
    HAS_ERROR = 1 << 11,
    TYPE_INTR = 0,
    TYPE_NMI = 2 << 8,
    TYPE_EXC = 3 << 8,
    TYPE_INT = 4 << 8
};
enum { V_IRQ = 1 << 8, V_IGN_TPR = 1 << 20, V_MASKING = 1 << 24 };
enum { IF = 0x200 };

struct seg {
    uint16_t selector, attr;
    uint32_t limit;
    uint64_t base;
};
struct vmcb {
    uint32_t intercept[6];
    uint8_t reserved0[0x3c - 0x18];
    uint16_t pause_threshold, pause_count;
    uint64_t iopm, msrpm, tsc_offset;
    uint32_t asid, tlb_control;
    uint32_t v_intr, v_vector;
    uint64_t shadow, code, info1, info2, int_info, np, reserved1[2], event, n_cr3, reserved2[2],
        next;
    uint8_t fetched, bytes[15];
    uint8_t reserved3[0x400 - 0xe0];
    struct seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved4[0x4cb - 0x4a0], cpl, reserved5[4];
    uint64_t efer;
    uint8_t reserved6[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved7[0x5d8 - 0x580];
    uint64_t rsp, reserved8[3], rax, star, lstar, cstar, sfmask, kernel_gs, sysenter[3], cr2;
    uint64_t reserved9[4], pat;
    uint8_t reserved10[0x1000 - 0x670];
} __attribute__((packed, aligned(4096)));
_Static_assert(offsetof(struct vmcb, next) == 0xc8 && offsetof(struct vmcb, efer) == 0x4d0 &&
                   offsetof(struct vmcb, rsp) == 0x5d8 && offsetof(struct vmcb, pat) == 0x668 &&
                   sizeof(struct vmcb) == 4096,
               "the VMCB's layout");

static struct vmcb vmcb, other;
static char host_save[4096] __attribute__((aligned(4096)));
static uint8_t iopm[0x3000] __attribute__((aligned(4096)));
static uint8_t msrpm[0x2000] __attribute__((aligned(4096)));
static char guest_stack[4096] __attribute__((aligned(16)));
static uint64_t guest_idt[512] __attribute__((aligned(4096)));
static uint64_t data[512] __attribute__((aligned(4096)));
static uint64_t more_data[512] __attribute__((aligned(4096)));
uint64_t guest_rip, guest_next, host_rflags;
static uint64_t guest_rcx, guest_rdx, guest_rbx;

/* Handlers of the guest's: 8 bytes each. */
__asm__(".balign 8\n"
        "guest_stubs:\n"
        ".rept 256\n"
        "  vmmcall\n"
        "  .balign 8\n"
        ".endr\n");
extern char guest_stubs[];

/* ---- Running a guest ---- */

static void intercept(unsigned code)
{
    vmcb.intercept[code / 32] |= 1u << code % 32;
}

static void fill(void *p, uint8_t value, unsigned bytes)
{
    for (volatile uint8_t *to = p; bytes--; to++)
        *to = value;
}

struct pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

/* A guest as this program is: 64 bits, CPL 0, interrupts off. */
static void fresh(void)
{
    struct pointer gdtr;

    __asm__ volatile("sgdt %0" : "=m"(gdtr));
    fill(&vmcb, 0, sizeof(vmcb));
    fill(iopm, 0, sizeof(iopm));
    fill(msrpm, 0, sizeof(msrpm));
    intercept(VMRUN);
    intercept(VMMCALL);
    intercept(SHUTDOWN);
    vmcb.iopm = (uint64_t)iopm;
    vmcb.msrpm = (uint64_t)msrpm;
    vmcb.asid = 1;
    vmcb.cs = (struct seg){ CS64, 0xa9b, 0xffffffff, 0 };
    vmcb.ds = vmcb.es = vmcb.ss = (struct seg){ DATA, 0xc93, 0xffffffff, 0 };
    vmcb.gdtr = (struct seg){ .limit = gdtr.limit, .base = gdtr.base };
    vmcb.idtr = (struct seg){ .limit = 4095, .base = (uint64_t)guest_idt };
    vmcb.efer = rdmsr(EFER);
    vmcb.cr0 = READ_CR(0);
    vmcb.cr3 = READ_CR(3);
    vmcb.cr4 = READ_CR(4);
    vmcb.dr6 = 0xffff0ff0;
    vmcb.dr7 = 0x400;
    vmcb.rflags = 2;
    vmcb.rsp = (uint64_t)guest_stack + sizeof(guest_stack) - 64;
    vmcb.pat = rdmsr(PAT);
    host_rflags = 2;
    guest_rcx = guest_rdx = guest_rbx = 0;
}

static void wanting(unsigned code)
{
    fresh();
    intercept(code);
}

/* With the host's RFLAGS as host_rflags at VMRUN.  What is pending comes behind STGI, if IF is set
 * there. */
static void run(void)
{
    vmcb.rip = vmcb.rip ? vmcb.rip : guest_rip;
    __asm__ volatile("pushq %%rbp\n\tpushfq\n\tclgi\n\tpushq host_rflags\n\tpopfq\n\t"
                     "vmrun %%rax\n\t"
                     "cli\n\tstgi\n\tpopfq\n\tpopq %%rbp"
                     : "+c"(guest_rcx), "+d"(guest_rdx), "+b"(guest_rbx)
                     : "a"(&vmcb)
                     : "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory",
                       "cc");
}

/* Runs code, behind which comes a VMMCALL. */
#define GUEST(code)                                                                                \
    do {                                                                                           \
        __asm__ volatile("movq $771f, guest_rip\n\tmovq $773f, guest_next\n\tjmp 772f\n"           \
                         "771:\t" code "\n773:\tvmmcall\n772:"                                     \
                         :                                                                         \
                         :                                                                         \
                         : "memory");                                                              \
        run();                                                                                     \
    } while (0)

static void show_exit(void)
{
    show("    code", vmcb.code);
    show("    info1", vmcb.info1);
    show("    info2", vmcb.info2);
    show("    int_info", vmcb.int_info);
    show("    rip from start", vmcb.rip - guest_rip);
    show("    next from start", vmcb.next - guest_rip);
    show("    cr2", vmcb.cr2);
}

static void judge(const char *name, bool ok)
{
    verdict(name, ok);
    if (!ok)
        show_exit();
}

/* It ended at its first instruction, which has been intercepted. */
static void expect_insn(const char *name, unsigned code, uint64_t info1)
{
    judge(name, vmcb.code == code && vmcb.info1 == info1 && vmcb.rip == guest_rip &&
                    vmcb.next == guest_next && vmcb.int_info == 0);
}

/* It went to its end. */
static void expect_end(const char *name)
{
    judge(name, vmcb.code == VMMCALL && vmcb.rip == guest_next && vmcb.next == guest_next + 3);
}

/* It was ended by something else than an instruction. */
static void expect_exit(const char *name, uint64_t code, uint64_t info1, uint64_t info2)
{
    judge(name, vmcb.code == code && vmcb.info1 == info1 && vmcb.info2 == info2 && vmcb.next == 0);
}

/* The guest's own handler of that vector has been reached. */
static void expect_handler(const char *name, unsigned vector)
{
    judge(name, vmcb.code == VMMCALL && vmcb.rip == (uint64_t)guest_stubs + vector * 8);
}

/* ---- Getting there ---- */

static void enabling(void)
{
    struct cpuid c = cpuid(0x8000000a, 0);

    verdict("SVM is there", cpuid(0x80000001, 0).c >> 2 & 1);
    verdict("with revision and address spaces", (c.a & 0xff) == 1 && c.b >= 2);
    ATTEMPT("vmrun %%rax", : : "a"(&vmcb) : "memory");
    expect("VMRUN without EFER.SVME", UD, 0);
    ATTEMPT("clgi", : : : "memory");
    expect("CLGI without EFER.SVME", UD, 0);
    wrmsr(SVM_KEY, 0x1234);
    wrmsr(VM_CR, 0x18);
    TRY_WRMSR(EFER, rdmsr(EFER) | SVME);
    expect("EFER.SVME with SVM disabled", GP, 0);
    wrmsr(VM_CR, 0);
    check_value("    which is locked", rdmsr(VM_CR), 0x18);
    wrmsr(SVM_KEY, 0x1235);
    check_value("    a wrong key", rdmsr(VM_CR), 0x18);
    wrmsr(SVM_KEY, 0x1234);
    check_value("    the right one", rdmsr(VM_CR), 0x10);
    wrmsr(VM_CR, 0);
    wrmsr(EFER, rdmsr(EFER) | SVME);
    TRY_WRMSR(VM_CR, 0x10);
    expect("SVMDIS while EFER.SVME is set", GP, 0);
    TRY_WRMSR(HOST_SAVE, 0x1001);
    expect("a host save area that is no page", GP, 0);
    TRY_WRMSR(HOST_SAVE, 1ull << 60);
    expect("or is beyond memory", GP, 0);
    wrmsr(HOST_SAVE, (uint64_t)host_save);
    check_value("VM_HSAVE_PA", rdmsr(HOST_SAVE), (uint64_t)host_save);
    ATTEMPT("vmrun %%rax", : : "a"(8) : "memory");
    expect("VMRUN of no page", GP, 0);
    ATTEMPT("vmload %%rax", : : "a"(1ull << 60) : "memory");
    expect("VMLOAD from beyond memory", GP, 0);
    ATTEMPT("vmmcall", : : : "memory");
    expect("VMMCALL outside a guest", UD, 0);
    ATTEMPT("skinit %%eax", : : "a"(0) : "memory");
    expect("SKINIT", UD, 0);
}

static void basics(void)
{
    uint64_t rsp, cr2 = READ_CR(2);

    fresh();
    vmcb.cr2 = 0x123;
    vmcb.dr6 = 0xffff0ff1;
    vmcb.rax = 0x55;
    rsp = vmcb.rsp;
    GUEST("pushq %%rax\n\tpopq %%rcx\n\taddq $1, %%rax\n\tstc\n\tmovq $0x77, %%rbx");
    expect_end("a guest runs to its VMMCALL");
    check_value("    its RAX", vmcb.rax, 0x56);
    check_value("    other registers are shared", guest_rcx, 0x55);
    check_value("    both ways", guest_rbx, 0x77);
    check_value("    its RSP", vmcb.rsp, rsp);
    verdict("    its flags", (vmcb.rflags & 0x8d5) == 5);
    verdict("    its CR2 and DR6", vmcb.cr2 == 0x123 && vmcb.dr6 == 0xffff0ff1);
    verdict("    CPL, no event", vmcb.cpl == 0 && vmcb.int_info == 0);
    check_value("    CR2 is not given back", READ_CR(2), 0x123);
    WRITE_CR(2, cr2);
    fresh();
    vmcb.tsc_offset = 1ull << 44;
    vmcb.efer |= 1;
    GUEST("rdtsc\n\tmovq %%rdx, %%rbx\n\tmovl $0x10, %%ecx\n\trdmsr");
    verdict("TSC_OFFSET", guest_rbx >= 1 << 12 && guest_rdx >= 1 << 12 && rdtsc() < 1ull << 44);
    fresh();
    host_rflags = 0x893;
    GUEST("nop");
    verdict("the host's flags", host_rflags == 0x893);
    fresh();
    vmcb.dr7 = 0x455;
    GUEST("nop");
    check_value("DR7 is disarmed", READ_DR(7), 0x400);
    check_value("    and the guest's kept", vmcb.dr7, 0x455);
}

/* ---- Intercepts ---- */

/* Intercepted, and not. */
#define INSN(name, code, exit, info1)                                                              \
    do {                                                                                           \
        wanting(exit);                                                                             \
        GUEST(code);                                                                               \
        expect_insn(name, exit, info1);                                                            \
        fresh();                                                                                   \
        GUEST(code);                                                                               \
        expect_end("    not intercepted");                                                         \
    } while (0)
/* One that would not go on. */
#define INSN_ONLY(name, code, exit, info1)                                                         \
    do {                                                                                           \
        wanting(exit);                                                                             \
        GUEST(code);                                                                               \
        expect_insn(name, exit, info1);                                                            \
    } while (0)
#define MOV_CR (1ull << 63)

static void control_registers(void)
{
    INSN("MOV from CR0", "movq %%cr0, %%rbx", CR_READ + 0, MOV_CR | 3);
    INSN("SMSW", "smsw %%ecx", CR_READ + 0, 0);
    INSN("MOV from CR3", "movq %%cr3, %%r10", CR_READ + 3, MOV_CR | 10);
    INSN("MOV from CR4", "movq %%cr4, %%rbx", CR_READ + 4, MOV_CR | 3);
    INSN("MOV from CR8", "movq %%cr8, %%rbx", CR_READ + 8, MOV_CR | 3);
    INSN("MOV to CR2", "movq %%rbx, %%cr2", CR_WRITE + 2, MOV_CR | 3);
    INSN("CLTS", "clts", CR_WRITE + 0, 0);
    fresh();
    guest_rbx = vmcb.cr0;
    intercept(CR_WRITE);
    GUEST("movq %%rbx, %%cr0");
    expect_insn("MOV to CR0", CR_WRITE, MOV_CR | 3);
    fresh();
    guest_rbx = vmcb.cr0 ^ 0xa;
    intercept(CR0_SELECTIVE);
    GUEST("movq %%rbx, %%cr0");
    expect_end("CR0 selectively: not for TS and MP");
    fresh();
    guest_rbx = vmcb.cr0 ^ 0x20;
    intercept(CR0_SELECTIVE);
    GUEST("movq %%rbx, %%cr0");
    judge("    but for NE", vmcb.code == CR0_SELECTIVE && vmcb.rip == guest_rip);
    fresh();
    guest_rbx = 1ull << 40;
    intercept(CR_WRITE);
    intercept(EXCEPTION + GP);
    GUEST("movq %%rbx, %%cr0");
    expect_exit("    what faults does so first", EXCEPTION + GP, 0, 0);
    INSN("MOV from DR0", "movq %%dr0, %%rbx", DR_READ + 0, 3);
    INSN("MOV from DR7", "movq %%dr7, %%rdx", DR_READ + 7, 2);
    INSN("MOV to DR3", "movq %%rbx, %%dr3", DR_WRITE + 3, 3);
    INSN("MOV from DR4, which is DR6", ".byte 0x0f, 0x21, 0xe3", DR_READ + 6, 3);
}

char table_at[16];

/* As bytes: assemblers do not agree on their operands. */
#define MONITOR ".byte 0x0f, 0x01, 0xc8"
#define MWAIT   ".byte 0x0f, 0x01, 0xc9"

static void instructions(void)
{
    INSN("SIDT", "sidt table_at", 0x66, 0);
    INSN("SGDT", "sgdt table_at", 0x67, 0);
    INSN("SLDT", "sldt %%eax", 0x68, 0);
    INSN("STR", "str %%eax", 0x69, 0);
    INSN_ONLY("LIDT", "lidt table_at", 0x6a, 0);
    INSN_ONLY("LGDT", "lgdt table_at", 0x6b, 0);
    INSN("LLDT", "lldt %%cx", 0x6c, 0);
    INSN_ONLY("LTR", "ltr %%cx", 0x6d, 0);
    INSN("RDTSC", "rdtsc", 0x6e, 0);
    INSN_ONLY("RDPMC", "rdpmc", 0x6f, 0);
    INSN("PUSHF", "pushfq", 0x70, 0);
    INSN_ONLY("POPF", "popfq", 0x71, 0);
    INSN("CPUID", "cpuid", 0x72, 0);
    INSN_ONLY("RSM", "rsm", 0x73, 0);
    INSN_ONLY("IRET", "iretq", 0x74, 0);
    INSN_ONLY("INT n", "int $0x41", 0x75, 0x41);
    INSN("INVD", "invd", 0x76, 0);
    INSN("PAUSE", "pause", 0x77, 0);
    INSN_ONLY("HLT", "hlt", HLT, 0);
    INSN("INVLPG", "invlpg 0x12345(%%rcx)", INVLPG, 0x12345);
    INSN("INVLPGA", "invlpga %%rax, %%ecx", 0x7a, 0);
    INSN_ONLY("VMRUN", "vmrun %%rax", VMRUN, 0);
    INSN("VMSAVE", "vmsave %%rax", 0x83, 0);
    INSN("VMLOAD", "vmload %%rax", 0x82, 0);
    INSN("STGI", "stgi", 0x84, 0);
    INSN("CLGI", "clgi", 0x85, 0);
    INSN("RDTSCP", "rdtscp", 0x87, 0);
    INSN_ONLY("ICEBP", ".byte 0xf1", 0x88, 0);
    INSN("WBINVD", "wbinvd", 0x89, 0);
    INSN("MONITOR", MONITOR, 0x8a, 0);
    INSN_ONLY("MWAIT", MWAIT, 0x8b, 0);
    __asm__ volatile(MONITOR : : "a"(data), "c"(0), "d"(0));
    INSN_ONLY("MWAIT, armed", MWAIT, 0x8c, 0);
    INSN_ONLY("INT3", "int3", EXCEPTION + BP, 0);
    fresh();
    vmcb.rax = (uint64_t)&vmcb;
    GUEST("nop\n\tud2");
    expect_handler("#UD in the guest", UD);
    wanting(EXCEPTION + UD);
    GUEST("nop\n\tud2");
    expect_exit("    intercepted", EXCEPTION + UD, 0, 0);
    check_value("    where it is", vmcb.rip - guest_rip, 1);
    wanting(0x8d);
    vmcb.cr4 |= 1 << 18;
    GUEST("xsetbv");
    expect_insn("XSETBV", 0x8d, 0);
    wanting(0x8d);
    intercept(EXCEPTION + UD);
    vmcb.cr4 &= ~(1ull << 18);
    GUEST("xsetbv");
    expect_exit("    what is #UD is so first", EXCEPTION + UD, 0, 0);
    wanting(0xa2);
    guest_rcx = (uint64_t)data;
    guest_rbx = 2;
    GUEST("invpcid (%%rcx), %%rbx");
    judge("INVPCID", vmcb.code == 0xa2 && vmcb.info1 == (uint64_t)data && vmcb.info2 == 2 &&
                         vmcb.next == guest_next);
}

static void pauses(void)
{
    wanting(0x77);
    vmcb.pause_count = 3;
    GUEST("pause\n\tpause\n\tpause\n\tpause\n\tpause");
    judge("PAUSE's filter lets three by", vmcb.code == 0x77 && vmcb.rip - guest_rip == 6);
    wanting(0x77);
    vmcb.pause_count = 3;
    vmcb.pause_threshold = 1;
    GUEST("movl $9, %%edi\n1:\tpause\n\txorl %%eax, %%eax\n\tcpuid\n\tdecl %%edi\n\tjnz 1b");
    judge("    those far apart do not count", vmcb.code == VMMCALL);
}

static void ports(void)
{
    static uint8_t byte;

    wanting(IOIO);
    GUEST("inb $0x61, %%al");
    expect_end("a port that the map lets by");
    wanting(IOIO);
    iopm[0x61 / 8] = 2;
    GUEST("inb $0x61, %%al");
    expect_insn("IN", IOIO, 0x610211);
    check_value("    and EXITINFO2", vmcb.info2, guest_next);
    wanting(IOIO);
    iopm[0x83 / 8] = 8;
    guest_rdx = 0x80;
    GUEST("outl %%eax, %%dx");
    expect_insn("OUT of which the last byte is not let by", IOIO, 0x800240);
    wanting(IOIO);
    iopm[0x2000] = 1;
    guest_rdx = 0xffff;
    GUEST("outw %%ax, %%dx");
    expect_insn("OUT beyond the last port", IOIO, 0xffff0220);
    wanting(IOIO);
    iopm[0x80 / 8] = 1;
    guest_rdx = 0x80;
    guest_rcx = 2;
    guest_rbx = (uint64_t)&byte;
    GUEST("rep outsb");
    expect_insn("REP OUTSB", IOIO, 0x80021c | 3 << 10);
    wanting(IOIO);
    iopm[0x80 / 8] = 1;
    guest_rdx = 0x80;
    GUEST("rep outsb");
    expect_end("    none at all");
    wanting(IOIO);
    iopm[0x80 / 8] = 1;
    guest_rdx = 0x80;
    GUEST("addr32 insw");
    expect_insn("INSW with 32-bit addresses", IOIO, 0x800125);
}

static void msrs(void)
{
    wanting(EXIT_MSR);
    guest_rcx = 0x174;
    GUEST("rdmsr");
    expect_end("an MSR that the map lets by");
    wanting(EXIT_MSR);
    msrpm[0x174 / 4] = 1;
    guest_rcx = 0x174;
    GUEST("rdmsr");
    expect_insn("RDMSR", EXIT_MSR, 0);
    wanting(EXIT_MSR);
    msrpm[0x800 + 0x82 / 4] = 0x20;
    guest_rcx = 0xc0000082;
    GUEST("rdmsr");
    expect_end("    not for a write's bit");
    wanting(EXIT_MSR);
    msrpm[0x800 + 0x82 / 4] = 0x20;
    guest_rcx = 0xc0000082;
    GUEST("wrmsr");
    expect_insn("WRMSR", EXIT_MSR, 1);
    wanting(EXIT_MSR);
    msrpm[0x1000 + 0x117 / 4] = 0x40;
    guest_rcx = 0xc0010117;
    GUEST("rdmsr");
    expect_insn("of the third range", EXIT_MSR, 0);
    wanting(EXIT_MSR);
    guest_rcx = 0x40000000;
    GUEST("rdmsr");
    expect_insn("of none", EXIT_MSR, 0);
}

/* ---- What cannot be run ---- */

#define INVALID_IF(name, change)                                                                   \
    do {                                                                                           \
        fresh();                                                                                   \
        change;                                                                                    \
        GUEST("nop");                                                                              \
        judge(name, vmcb.code == ~0ull && vmcb.rip == guest_rip);                                  \
    } while (0)

static void consistency(void)
{
    INVALID_IF("no VMRUN intercept", vmcb.intercept[4] &= ~1u);
    INVALID_IF("ASID 0", vmcb.asid = 0);
    INVALID_IF("EFER.SVME clear", vmcb.efer &= ~SVME);
    INVALID_IF("EFER reserved", vmcb.efer |= 1ull << 40);
    INVALID_IF("CR0.NW without CD", vmcb.cr0 |= 1 << 29);
    INVALID_IF("CR0 upper half", vmcb.cr0 |= 1ull << 32);
    INVALID_IF("CR3 reserved", vmcb.cr3 |= 1ull << 63);
    INVALID_IF("CR4 reserved", vmcb.cr4 |= 1ull << 31);
    INVALID_IF("DR6 upper half", vmcb.dr6 |= 1ull << 32);
    INVALID_IF("DR7 upper half", vmcb.dr7 |= 1ull << 32);
    INVALID_IF("long mode without PAE", vmcb.cr4 &= ~0x20ull);
    INVALID_IF("long mode without PE", vmcb.cr0 &= ~1ull);
    INVALID_IF("CS.L and CS.D", vmcb.cs.attr |= 0x400);
    INVALID_IF("I/O map beyond memory", vmcb.iopm = 1ull << 52);
    INVALID_IF("MSR map beyond memory", vmcb.msrpm = 1ull << 52);
    INVALID_IF("event of type 1", vmcb.event = VALID | 1 << 8);
    INVALID_IF("event of type 5", vmcb.event = VALID | 5 << 8);
    INVALID_IF("exception 2", vmcb.event = VALID | TYPE_EXC | 2);
    INVALID_IF("exception 32", vmcb.event = VALID | TYPE_EXC | 32);
    INVALID_IF("BOUND's exception in 64-bit mode", vmcb.event = VALID | TYPE_EXC | 5);
    INVALID_IF("nested: a bad G_PAT", (vmcb.np = 1, vmcb.pat = 2));
    fresh();
    GUEST("nop");
    expect_end("and after all that");
}

/* ---- Events ---- */

static uint64_t guest_slot(unsigned n)
{
    return ((uint64_t *)vmcb.rsp)[n];
}

static void injection(void)
{
    fresh();
    vmcb.event = VALID | TYPE_EXC | HAS_ERROR | GP | 0x1234ull << 32;
    GUEST("nop");
    expect_handler("an injected #GP", GP);
    verdict("    with error code and RIP", guest_slot(0) == 0x1234 && guest_slot(1) == guest_rip);
    verdict("    is done with", !(vmcb.event & VALID));
    fresh();
    vmcb.event = VALID | TYPE_INTR | 0x55;
    GUEST("nop");
    expect_handler("an injected interrupt, whatever IF", 0x55);
    verdict("    RIP", guest_slot(0) == guest_rip);
    fresh();
    vmcb.event = VALID | TYPE_NMI | 2;
    GUEST("nop");
    expect_handler("an injected NMI", NMI);
    fresh();
    vmcb.event = VALID | TYPE_INT | 0x56;
    vmcb.next = 0x3210;
    GUEST("nop");
    expect_handler("an injected INT n", 0x56);
    check_value("    returns to nRIP", guest_slot(0), 0x3210);
    fresh();
    vmcb.event = VALID | TYPE_INTR | 0x57;
    vmcb.idtr.limit = 16 * 32 - 1;
    intercept(EXCEPTION + GP);
    GUEST("nop");
    judge("one that cannot be delivered",
          vmcb.code == EXCEPTION + GP && vmcb.info1 == (0x57 << 3 | 3) && vmcb.rip == guest_rip &&
              vmcb.int_info == (VALID | TYPE_INTR | 0x57));
    fresh();
    vmcb.event = VALID | TYPE_EXC | HAS_ERROR | GP | 8ull << 32;
    vmcb.idtr.limit = 0;
    intercept(EXCEPTION + GP);
    GUEST("nop");
    judge("its intercept comes before a double fault",
          vmcb.code == EXCEPTION + GP &&
              vmcb.int_info == (VALID | TYPE_EXC | HAS_ERROR | GP | 8ull << 32));
    fresh();
    vmcb.idtr.limit = 0;
    intercept(EXCEPTION + DF);
    map(5, 0);
    guest_rcx = (uint64_t)at_window(5);
    GUEST("movq %%rax, (%%rcx)");
    expect_exit("a double fault", EXCEPTION + DF, 0, 0);
    fresh();
    vmcb.idtr.limit = 0;
    GUEST("ud2");
    judge("a triple fault", vmcb.code == SHUTDOWN);
}

static void exceptions(void)
{
    uint64_t gone = (uint64_t)at_window(5);

    map(5, 0);
    wanting(EXCEPTION + PF);
    vmcb.cr2 = 0x99;
    guest_rcx = gone + 0x123;
    GUEST("movb $1, (%%rcx)");
    expect_exit("#PF", EXCEPTION + PF, 2, gone + 0x123);
    verdict("    leaves CR2", vmcb.cr2 == 0x99);
    verdict("    and tells the instruction",
            vmcb.fetched >= 3 && vmcb.bytes[0] == 0xc6 && vmcb.bytes[1] == 1 && vmcb.bytes[2] == 1);
    fresh();
    guest_rcx = gone + 0x123;
    GUEST("movb $1, (%%rcx)");
    expect_handler("    not intercepted", PF);
    verdict("    sets CR2", vmcb.cr2 == gone + 0x123 && guest_slot(0) == 2);
    wanting(EXCEPTION + DB);
    vmcb.rflags |= 0x100;
    vmcb.dr7 |= 0x2000;
    GUEST("nop\n\tnop");
    judge("single step", vmcb.code == EXCEPTION + DB && vmcb.rip == guest_rip + 1 &&
                             vmcb.dr6 == 0xffff4ff0 && !(vmcb.dr7 & 0x2000));
    wanting(EXCEPTION + DE);
    GUEST("divl %%ecx");
    expect_exit("#DE", EXCEPTION + DE, 0, 0);
    wanting(EXCEPTION + GP);
    guest_rcx = 0x7f8;
    GUEST("movl %%ecx, %%ds");
    expect_exit("#GP with a selector", EXCEPTION + GP, 0x7f8, 0);
    fresh();
    GUEST("int3");
    expect_handler("INT3 that is not intercepted", BP);
    verdict("    returns behind it", guest_slot(0) == guest_next);
}

/* DR0 to DR3 are the host's and the guest's in common; DR6 and DR7 are the guest's own. */
static void breakpoints(void)
{
    uint64_t at;

    wanting(EXCEPTION + DB);
    vmcb.dr7 = 0x10402; /* one byte is written */
    __asm__ volatile("movq %0, %%dr0" : : "r"((char *)data + 3));
    GUEST("nop\n\tmovb $1, %%cl\n\tmovl %%eax, data\n\tmovb $2, %%cl");
    judge("a data breakpoint", vmcb.code == EXCEPTION + DB && vmcb.rip == guest_next - 2 &&
                                   vmcb.dr6 == 0xffff0ff1 && (uint8_t)guest_rcx == 1);
    check_value("    is none of the host's", READ_DR(7), 0x400);
    data[0] &= ~0xffffffffull;
    wanting(EXCEPTION + DB);
    vmcb.dr7 = 0x402;
    GUEST("movq $774f, %%rdx\n\tmovq %%rdx, %%dr0\n\tmovb $1, %%cl\n774:\tmovb $2, %%cl");
    at = guest_rdx;
    judge("an instruction breakpoint", vmcb.code == EXCEPTION + DB && vmcb.rip == at &&
                                           vmcb.dr6 == 0xffff0ff1 && (uint8_t)guest_rcx == 1);
    vmcb.rflags |= 0x10000;
    run();
    judge("    RF passes it", vmcb.code == VMMCALL && (uint8_t)guest_rcx == 2);
    fresh();
    vmcb.dr7 = 0x402;
    GUEST("movb $2, %%cl\n\tmovq $774f, %%rdx\n\tmovq %%rdx, %%dr0\n774:\tnop");
    expect_handler("    not intercepted", DB);
    verdict("    it tells the guest", guest_slot(0) == guest_rdx && vmcb.dr6 == 0xffff0ff1);
}

static void self_ipi(unsigned vector)
{
    apic_set(0x300, 0x44000 | vector);
    while (apic_get(0x300) & 0x1000)
        ;
}

static void take_pending(void)
{
    __asm__ volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
}

static void interrupts_physical(void)
{
    unsigned before = interrupts[0x61];

    __asm__ volatile("clgi\n\tsti" : : : "memory");
    self_ipi(0x61);
    verdict("no interrupt without GIF", interrupts[0x61] == before);
    __asm__ volatile("stgi\n\tnop\n\tcli" : : : "memory");
    verdict("    but with STGI", interrupts[0x61] == before + 1);

    self_ipi(0x61);
    wanting(INTR);
    vmcb.rflags |= IF;
    GUEST("nop\n\tnop");
    expect_exit("an interrupt, the guest's IF", INTR, 0, 0);
    verdict("    is still pending", interrupts[0x61] == before + 1);
    wanting(INTR);
    GUEST("nop\n\tnop");
    expect_end("    without it");
    wanting(INTR);
    vmcb.v_intr = V_MASKING;
    host_rflags |= IF;
    GUEST("nop\n\tnop");
    expect_exit("V_INTR_MASKING: the host's IF", INTR, 0, 0);
    wanting(INTR);
    vmcb.v_intr = V_MASKING;
    vmcb.rflags |= IF;
    GUEST("nop\n\tnop");
    expect_end("    without it");
    fresh();
    vmcb.rflags |= IF;
    GUEST("nop\n\tnop");
    expect_handler("not intercepted, it is the guest's", 0x61);
    apic_set(0xb0, 0);
    take_pending();
    verdict("    and gone", interrupts[0x61] == before + 1);
}

static void interrupts_virtual(void)
{
    fresh();
    vmcb.v_intr = V_IRQ | 5 << 16;
    vmcb.v_vector = 0x66;
    GUEST("nop\n\tnop");
    expect_end("a virtual interrupt without IF");
    verdict("    stays", vmcb.v_intr == (V_IRQ | 5 << 16));
    fresh();
    vmcb.v_intr = V_IRQ | 5 << 16;
    vmcb.v_vector = 0x66;
    vmcb.rflags |= IF;
    GUEST("nop\n\tnop");
    expect_handler("    with IF", 0x66);
    verdict("    is gone", vmcb.v_intr == 5 << 16 && guest_slot(0) == guest_rip);
    fresh();
    vmcb.v_intr = V_IRQ | 5 << 16;
    vmcb.v_vector = 0x66;
    GUEST("sti\n\tnop\n\tnop");
    expect_handler("    with STI", 0x66);
    check_value("    behind the next instruction", guest_slot(0) - guest_rip, 2);
    fresh();
    vmcb.v_intr = V_IRQ | 5 << 16 | V_MASKING | 5;
    vmcb.v_vector = 0x66;
    vmcb.rflags |= IF;
    GUEST("nop\n\tmovq %%cr8, %%rbx\n\tmovl $4, %%ecx\n\tmovq %%rcx, %%cr8\n\tnop");
    expect_handler("    held back by V_TPR", 0x66);
    verdict("    until CR8 is lower",
            guest_rbx == 5 && vmcb.v_intr == (5 << 16 | V_MASKING | 4) && READ_CR(8) == 0);
    fresh();
    vmcb.v_intr = V_IRQ | 5 << 16 | V_IGN_TPR | V_MASKING | 15;
    vmcb.v_vector = 0x66;
    vmcb.rflags |= IF;
    GUEST("nop");
    expect_handler("    V_IGN_TPR", 0x66);
    fresh();
    vmcb.v_intr = V_IRQ | 5 << 16;
    vmcb.rflags |= IF;
    intercept(VINTR);
    GUEST("nop");
    expect_exit("    intercepted", VINTR, 0, 0);
    verdict("    stays", vmcb.v_intr == (V_IRQ | 5 << 16) && vmcb.rip == guest_rip);
    fresh();
    vmcb.v_intr = V_IRQ | 5 << 16;
    vmcb.rflags |= IF;
    vmcb.shadow = 1;
    intercept(VINTR);
    GUEST("nop\n\tnop");
    judge("    in an interrupt's shadow",
          vmcb.code == VINTR && vmcb.rip == guest_rip + 1 && vmcb.shadow == 0);
    fresh();
    GUEST("sti");
    judge("a guest's shadow is told", vmcb.code == VMMCALL && vmcb.shadow == 1);
    fresh();
    GUEST("sti\n\tnop");
    judge("    and is over", vmcb.code == VMMCALL && vmcb.shadow == 0);
}

volatile unsigned n_nmis;
__asm__("count_nmi:\n\tincl n_nmis\n\tiretq");
extern char count_nmi[];

static void nmis(void)
{
    uint64_t gate = *idt_gate(NMI), at = (uint64_t)count_nmi;

    *idt_gate(NMI) = (gate & 0x0000ffffffff0000) | (at & 0xffff) | (at >> 16 & 0xffff) << 48;
    __asm__ volatile("clgi");
    apic_set(0x300, 0x44400);
    __asm__ volatile("nop\n\tnop" : : : "memory");
    check_value("no NMI without GIF", n_nmis, 0);
    __asm__ volatile("stgi\n\tnop" : : : "memory");
    check_value("    but with STGI", n_nmis, 1);
    wanting(EXIT_NMI);
    guest_rcx = 0xfee00300;
    GUEST("movl $0x44400, (%%rcx)\n\tjmp 1f\n1:\tnop");
    expect_exit("an NMI ends the guest", EXIT_NMI, 0, 0);
    check_value("    and comes then", n_nmis, 2);
    fresh();
    guest_rcx = 0xfee00300;
    GUEST("movl $0x44400, (%%rcx)\n\tjmp 1f\n1:\tnop");
    expect_handler("    or is the guest's", NMI);
    __asm__ volatile("pushq $0x10\n\tpushq %%rsp\n\taddq $8, (%%rsp)\n\tpushfq\n\tpushq "
                     "$8\n\tpushq $1f\n\tiretq\n1:"
                     :
                     :
                     : "memory");
    *idt_gate(NMI) = gate;
}

/* ---- SMM and INIT ---- */

static void nested_fresh(void);

static void smis(void)
{
    volatile uint8_t *handler = (uint8_t *)0x38000;
    volatile uint64_t *in_guest = (uint64_t *)0x3fed8, *of = (uint64_t *)0x3fee0;

    handler[0] = 0x0f; /* RSM */
    handler[1] = 0xaa;
    *in_guest = *of = 0;
    wanting(0x62);
    guest_rcx = 0xfee00300;
    GUEST("movl $0x44200, (%%rcx)\n\tjmp 1f\n1:\tnop");
    expect_exit("an SMI ends the guest", 0x62, 0, 0);
    verdict("    and comes then", *of == (uint64_t)&vmcb && !(*in_guest & 1));
    nested_fresh();
    guest_rcx = 0xfee00300;
    GUEST("movl $0x44200, (%%rcx)\n\tjmp 1f\n1:\tnop");
    expect_end("    or interrupts it");
    verdict("    which is told", *of == (uint64_t)&vmcb && *in_guest & 1);
}

volatile unsigned n_redirected;
__asm__("count_redirected:\n\tincl n_redirected\n\taddq $8, %rsp\n\tiretq");
extern char count_redirected[];

static void inits(void)
{
    uint64_t *gate = idt_gate(30), was = *gate, at = (uint64_t)count_redirected;

    *gate = (was & 0x0000ffffffff0000) | (at & 0xffff) | (at >> 16 & 0xffff) << 48;
    wrmsr(VM_CR, 2); /* R_INIT */
    wanting(0x63);
    guest_rcx = 0xfee00300;
    GUEST("movl $0, 0x10(%%rcx)\n\tmovl $0x4500, (%%rcx)\n\tjmp 1f\n1:\tnop");
    expect_exit("an INIT ends the guest", 0x63, 0, 0);
    check_value("    and is redirected to #SX", n_redirected, 1);
    wrmsr(VM_CR, 0);
    *gate = was;
}

/* ---- Nested paging ---- */

static uint64_t npml4[512] __attribute__((aligned(4096)));
static uint64_t npdpt[512] __attribute__((aligned(4096)));
static uint64_t npd[4][512] __attribute__((aligned(4096)));
static uint64_t npt[8][512] __attribute__((aligned(4096)));

/* 16 MiB by pages of 4 KiB, the rest of 4 GiB by larger ones. */
static void nested_init(void)
{
    for (unsigned i = 0; i < 8 * 512; i++)
        npt[i / 512][i % 512] = i * 4096ull | P | W | U;
    for (unsigned i = 0; i < 2048; i++)
        npd[i / 512][i % 512] = i * 0x200000ull | P | W | U | PS;
    for (unsigned i = 0; i < 8; i++)
        npd[0][i] = (uint64_t)npt[i] | P | W | U;
    for (unsigned i = 0; i < 4; i++)
        npdpt[i] = (uint64_t)npd[i] | P | W | U;
    npml4[0] = (uint64_t)npdpt | P | W | U;
}

static uint64_t *nested_entry(const volatile void *at)
{
    uint64_t n = (uint64_t)at >> 12;

    return &npt[n / 512][n % 512];
}

static void nested_fresh(void)
{
    fresh();
    vmcb.np = 1;
    vmcb.n_cr3 = (uint64_t)npml4;
}

/* Runs code with RCX at data's third word, whose nested entry's bits are changed; info1 is wanted.
 */
#define NESTED(name, insns, set, clear, info)                                                      \
    do {                                                                                           \
        uint64_t was_ = *nested_entry(data);                                                       \
        nested_fresh();                                                                            \
        *nested_entry(data) = (was_ | (set)) & ~(uint64_t)(clear);                                 \
        guest_rcx = (uint64_t)&data[3];                                                            \
        GUEST(insns);                                                                              \
        *nested_entry(data) = was_;                                                                \
        judge(name, vmcb.code == NPF && vmcb.info1 == (info) &&                                    \
                        vmcb.info2 == (uint64_t)&data[3] && vmcb.rip == guest_rip);                \
    } while (0)
#define FINAL (1ull << 32)
#define TABLE (1ull << 33)

static void nested_faults(void)
{
    uint64_t *entry, was;

    NESTED("nested: absent, read", "movq (%%rcx), %%rax", 0, P, FINAL | U);
    verdict("    the instruction", vmcb.fetched >= 3 && vmcb.bytes[0] == 0x48 &&
                                       vmcb.bytes[1] == 0x8b && vmcb.bytes[2] == 1);
    NESTED("    write", "movq %%rax, (%%rcx)", 0, P, FINAL | U | W);
    NESTED("    not writable", "movq %%rax, (%%rcx)", 0, W, FINAL | U | W | P);
    NESTED("    not a user's", "movq (%%rcx), %%rax", 0, U, FINAL | U | P);
    NESTED("    reserved", "movq (%%rcx), %%rax", 1ull << 51, 0, FINAL | U | P | 8);
    data[3] = 0xc3;
    nested_fresh();
    *nested_entry(data) |= NX;
    guest_rcx = (uint64_t)&data[3];
    GUEST("jmpq *%%rcx");
    *nested_entry(data) &= ~NX;
    expect_exit("    not to be fetched from", NPF, FINAL | U | P | 0x10, (uint64_t)&data[3]);
    check_value("    no instruction", vmcb.fetched, 0);

    map(7, (uint64_t)data | P | W);
    entry = nested_entry(window);
    was = *entry;
    nested_fresh();
    *entry = was & ~(uint64_t)W;
    guest_rcx = (uint64_t)at_window(7);
    GUEST("movq (%%rcx), %%rax");
    expect_exit("the guest's table not writable", NPF, TABLE | U | W | P, (uint64_t)&window[7]);
    nested_fresh();
    *entry = was & ~(uint64_t)P;
    guest_rcx = (uint64_t)at_window(7);
    GUEST("movq (%%rcx), %%rax");
    expect_exit("    absent", NPF, TABLE | U | W, (uint64_t)&window[7]);
    *entry = was;

    nested_fresh();
    *nested_entry(guest_idt) &= ~(uint64_t)P;
    vmcb.event = VALID | TYPE_INTR | 0x31;
    GUEST("nop");
    *nested_entry(guest_idt) |= P;
    judge("the guest's IDT absent", vmcb.code == NPF && vmcb.info1 == (FINAL | U) &&
                                        vmcb.info2 == (uint64_t)guest_idt + 0x310 &&
                                        vmcb.int_info == (VALID | 0x31));
}

static void nested_works(void)
{
    uint64_t pat = rdmsr(PAT);

    data[3] = 1;
    more_data[3] = 2;
    *nested_entry(data) &= ~(uint64_t)(A | D);
    nested_fresh();
    guest_rcx = (uint64_t)&data[3];
    GUEST("movq (%%rcx), %%rbx");
    expect_end("nested paging");
    verdict("    the value, A without D", guest_rbx == 1 && (*nested_entry(data) & (A | D)) == A);
    nested_fresh();
    guest_rcx = (uint64_t)&data[3];
    GUEST("movq (%%rcx), %%rbx\n\tincq (%%rcx)");
    verdict("    D", data[3] == 2 && (*nested_entry(data) & (A | D)) == (A | D));
    data[3] = 1;
    nested_fresh();
    *nested_entry(data) = (uint64_t)more_data | P | W | U;
    guest_rcx = (uint64_t)&data[3];
    GUEST("movq (%%rcx), %%rbx");
    check_value("    elsewhere", guest_rbx, 2);
    *nested_entry(data) = (uint64_t)data | P | W | U;
    nested_fresh();
    vmcb.tlb_control = 3;
    guest_rcx = (uint64_t)&data[3];
    GUEST("movq (%%rcx), %%rbx");
    check_value("    and back, flushed", guest_rbx, 1);
    npdpt[1] = (uint64_t)P | W | U | PS; /* 1 GiB at 40000000h */
    nested_fresh();
    vmcb.cr0 &= ~0x80000000ull;
    vmcb.efer &= ~0x500ull;
    vmcb.cs.attr = 0xc9b;
    guest_rcx = 0x40000000 + (uint64_t)&data[3];
    GUEST("movl (%%rcx), %%ebx"); /* the same in 32 bits */
    npdpt[1] = (uint64_t)npd[1] | P | W | U;
    check_value("1 GiB, and a guest without paging", guest_rbx, 1);
    nested_fresh();
    vmcb.pat = 0x0606060606060606;
    guest_rcx = PAT;
    GUEST("rdmsr\n\tmovq %%rax, %%rbx\n\tincl %%eax\n\tdecl %%eax\n\tmovb $0, %%al\n\twrmsr");
    verdict("G_PAT",
            guest_rbx == 0x06060606 && vmcb.pat == 0x0606060606060600 && rdmsr(PAT) == pat);
    nested_fresh();
    guest_rcx = (uint64_t)&data[3];
    intercept(EXCEPTION + PF);
    map(9, 0);
    guest_rcx = (uint64_t)at_window(9);
    GUEST("movq (%%rcx), %%rbx");
    expect_exit("the guest's own #PF", EXCEPTION + PF, 0, (uint64_t)at_window(9));
}

/* ---- Other modes ---- */

/* 32 bits, flat, no paging, at that CPL. */
static void flat32(unsigned cpl)
{
    fresh();
    vmcb.cr0 &= ~0x80000000ull;
    vmcb.efer &= ~0x500ull;
    vmcb.cs = (struct seg){ CS32 | cpl, 0xc9b | cpl << 5, 0xffffffff, 0 };
    vmcb.ss = vmcb.ds = vmcb.es = (struct seg){ DATA | cpl, 0xc93 | cpl << 5, 0xffffffff, 0 };
    vmcb.cpl = cpl;
}

static void privilege(void)
{
    flat32(3);
    intercept(HLT);
    intercept(EXCEPTION + GP);
    GUEST("hlt");
    expect_exit("HLT of a user", EXCEPTION + GP, 0, 0);
    flat32(3);
    intercept(EXIT_MSR);
    intercept(EXCEPTION + GP);
    guest_rcx = 0x40000000;
    GUEST("rdmsr");
    expect_exit("RDMSR of a user", EXCEPTION + GP, 0, 0);
    flat32(3);
    intercept(EXCEPTION + GP);
    intercept(IOIO);
    fill(iopm, 0xff, sizeof(iopm));
    GUEST("inb $0x61, %%al");
    expect_exit("IN of a user", EXCEPTION + GP, 0, 0);
    flat32(3);
    GUEST("nop");
    judge("VMMCALL of a user, intercepted", vmcb.code == VMMCALL && vmcb.cpl == 3);
    flat32(0);
    vmcb.cr0 &= ~1ull;
    vmcb.cs = (struct seg){ 0x1000, 0x9b, 0xffff, (uint64_t)guest_stubs };
    vmcb.rip = 8;
    GUEST("nop");
    judge("real mode",
          vmcb.code == VMMCALL && vmcb.rip == 8 && vmcb.cs.selector == 0x1000 && vmcb.cpl == 0);
}

static uint8_t tss_space[256] __attribute__((aligned(128)));

static void task_switches(void)
{
    uint64_t base = (uint64_t)tss_space;

    gdt64[SPARE / 8] = 0x890000000067ull | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    flat32(0);
    intercept(TASK_SWITCH);
    GUEST(".byte 0xea, 0, 0, 0, 0, 0x90, 0"); /* JMP */
    judge("a task switch by JMP", vmcb.code == TASK_SWITCH && vmcb.info1 == SPARE &&
                                      vmcb.info2 == 1ull << 38 && vmcb.rip == guest_rip);
    flat32(0);
    intercept(TASK_SWITCH);
    GUEST(".byte 0x9a, 0, 0, 0, 0, 0x90, 0"); /* CALL */
    judge("    by CALL", vmcb.code == TASK_SWITCH && vmcb.info1 == SPARE && vmcb.info2 == 0);
    flat32(0);
    intercept(TASK_SWITCH);
    data[GP] = 0x850000000000ull | (uint64_t)SPARE << 16; /* a task gate */
    vmcb.idtr = (struct seg){ .limit = 0x7ff, .base = (uint64_t)data };
    vmcb.event = VALID | TYPE_EXC | HAS_ERROR | GP | 0x28ull << 32;
    GUEST("nop");
    judge("    by an exception",
          vmcb.code == TASK_SWITCH && vmcb.info1 == SPARE && vmcb.info2 == (1ull << 44 | 0x28) &&
              vmcb.int_info == (VALID | TYPE_EXC | HAS_ERROR | GP | 0x28ull << 32));
    data[GP] = 0;
    gdt64[SPARE / 8] = 0;
}

/* ---- VMLOAD, VMSAVE ---- */

static void more_state(void)
{
    uint64_t lstar = rdmsr(0xc0000082), kernel_gs = rdmsr(0xc0000102);

    wrmsr(0xc0000082, 0x1234);
    fill(&other, 0, sizeof(other));
    __asm__ volatile("vmsave %%rax" : : "a"(&other) : "memory");
    verdict("VMSAVE", other.lstar == 0x1234 && other.tr.selector == TSS0 &&
                          (other.tr.attr & 0xf) == 11 && other.es.limit == 0);
    other.lstar = 0x4321;
    other.kernel_gs = 0x0000900000000000;
    __asm__ volatile("vmload %%rax" : : "a"(&other) : "memory");
    check_value("VMLOAD", rdmsr(0xc0000082), 0x4321);
    check_value("    makes bases canonical", rdmsr(0xc0000102),
                cpuid(7, 0).c >> 16 & 1 ? 0x0000900000000000 : 0xffff900000000000);
    wrmsr(0xc0000082, lstar);
    wrmsr(0xc0000102, kernel_gs);
}

/* ---- Whatever a VMCB holds ---- */

static uint64_t random_state = 88172645463325252ull;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static struct seg random_segment(void)
{
    return (struct seg){ random64(), random64() & 1 ? 0xc93 : random64(),
                         random64() & 1 ? ~0u : random64(), random64() & 1 ? 0 : random64() };
}

/* Nearly all of a guest's physical addresses lead to two pages. */
static void two_pages(uint64_t *pml4, uint64_t *pdpt, uint64_t *pd, uint64_t *pt)
{
    for (unsigned i = 0; i < 512; i++) {
        pml4[i] = (uint64_t)pdpt | P | W | U;
        pdpt[i] = (uint64_t)pd | P | W | U;
        pd[i] = (uint64_t)pt | P | W | U;
        pt[i] = (uint64_t)(i & 1 ? data : more_data) | P | W | U;
    }
    pt[5] = 0;
}

static void random_guest(void)
{
    fresh();
    fill(iopm, 0xff, sizeof(iopm));
    fill(msrpm, 0xff, sizeof(msrpm));
    for (unsigned i = 0; i < 6; i++)
        vmcb.intercept[i] = ~0u;
    for (unsigned i = 0; i < 512; i++) {
        data[i] = random64() | (random64() & 1 ? 7 : 0);
        more_data[i] = random64();
    }
    vmcb.np = 1;
    vmcb.n_cr3 = (uint64_t)npt[0];
    vmcb.v_intr = (random64() & (V_IRQ | V_IGN_TPR | 0xf000f)) | V_MASKING;
    vmcb.v_vector = random64() & 0xff;
    vmcb.event = random64() & random64() & 0xffffffff80000fff;
    vmcb.shadow = random64() & 1;
    vmcb.cr0 = random64() & 0x80050037;
    vmcb.cr3 = random64() & 0xffffffff;
    vmcb.cr4 = random64() & 0x3006bf;
    vmcb.efer = SVME | (random64() & 0x901);
    vmcb.rflags = random64();
    vmcb.dr7 = (uint32_t)random64();
    vmcb.cpl = random64();
    vmcb.rip = random64() & 1 ? random64() : random64() & 0xffff;
    vmcb.rsp = random64() & 0xffff;
    vmcb.es = random_segment();
    vmcb.cs = random_segment();
    vmcb.cs.attr |= 8;
    vmcb.ss = random_segment();
    vmcb.ds = random_segment();
    vmcb.idtr = vmcb.gdtr = random_segment();
}

/* The timer ends those that go on for ever. */
static void anything(void)
{
    unsigned ended[3] = { 0 };

    two_pages(npt[0], npt[1], npt[2], npt[3]);
    apic_set(0x320, 0x70);
    apic_set(0x3e0, 0xb);
    for (unsigned i = 0; i < 3000; i++) {
        random_guest();
        host_rflags |= IF;
        apic_set(0x380, 200000);
        run();
        apic_set(0x380, 0);
        take_pending();
        ended[vmcb.code == ~0ull ? 0 : vmcb.code < NPF ? 1 : 2]++;
    }
    verdict("guests of random state end, of all kinds", ended[0] && ended[1] && ended[2]);
    show("    impossible", ended[0]);
    show("    by an intercept", ended[1]);
    show("    by a nested page fault", ended[2]);
}

void guest_main(void)
{
    long_init();
    for (unsigned v = 0; v < 256; v++) {
        uint64_t at = (uint64_t)guest_stubs + v * 8;

        guest_idt[v * 2] =
            (at & 0xffff) | (uint64_t)CS64 << 16 | 0x8e0000000000ull | (at >> 16 & 0xffff) << 48;
    }
    nested_init();
    enabling();
    basics();
    control_registers();
    instructions();
    pauses();
    ports();
    msrs();
    consistency();
    injection();
    exceptions();
    breakpoints();
    interrupts_physical();
    interrupts_virtual();
    nmis();
    smis();
    inits();
    nested_faults();
    nested_works();
    privilege();
    task_switches();
    more_state();
    anything();
    finish();
}
