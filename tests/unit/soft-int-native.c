/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-int-native - random integer instructions, on the host's processor and on the software one.
 *
 * Both see the same code and data at the same addresses.  What is undefined has to come out the
 * same, too.  16-bit code runs in segments of the process's own, which begin where code and data
 * do, and end with them.
 */
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include "soft-host.h"
#include "uop.h"

enum {
    CODE_BYTES = 0x1000,
    DATA_PAGES = 3,
    DATA_BYTES = DATA_PAGES << 12,
    MAX_INSNS = 4,
    FLAGS = F_ARITH | F_DF
};
enum { NOT_COMPARABLE = -2 }; /* a fault at an address that the guest has */

struct state {
    uint64_t r[16], flags, rip;
    int vector;
    uint8_t data[DATA_BYTES] __attribute__((aligned(8)));
};

/* ---- The host ---- */

/* What the assembly below reaches. */
#define USED __attribute__((used))
static uint64_t native_regs[16] USED, native_flags USED, native_saved USED;
static sigjmp_buf native_left;
static struct state *native_state;

/* 32-bit code runs in Linux's segments for it, 16-bit code in the LDT's. */
enum { CODE16 = 7, DATA16 = 0xf };
static struct {
    uint32_t offset;
    uint16_t selector;
} native_far USED = { SOFT_CODE, 0x23 }, native_far16 USED = { 0, CODE16 };

void native_enter(void);
void native_enter32(void);
void native_enter16(void);
__asm__(
    ".text\n"
    ".macro each op\n"
    "\\op 0, rax; \\op 1, rcx; \\op 2, rdx; \\op 3, rbx; \\op 5, rbp; \\op 6, rsi; \\op 7, rdi\n"
    "\\op 8, r8; \\op 9, r9; \\op 10, r10; \\op 11, r11; \\op 12, r12; \\op 13, r13; \\op 14, r14; "
    "\\op 15, r15\n"
    ".endm\n"
    ".macro load n, reg\n mov native_regs+8*\\n(%rip), %\\reg\n .endm\n"
    "native_enter:\n"
    "push native_flags(%rip); popfq\n"
    "mov native_regs+8*4(%rip), %rsp\n"
    "each load\n"
    "mov $0x10000, %eax; mov %rax, native_saved(%rip); mov native_regs(%rip), %rax\n"
    "jmp *native_saved(%rip)\n"
    "native_enter32:\n"
    "mov $0x2b, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss\n"
    "push native_flags(%rip); popfq\n"
    "mov native_regs+8*4(%rip), %rsp\n"
    "each load\n"
    "ljmpl *native_far(%rip)\n"
    "native_enter16:\n"
    "push native_flags(%rip); popfq\n"
    "mov $0xf, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss\n"
    "mov native_regs+8*4(%rip), %rsp\n"
    "each load\n"
    "ljmpl *native_far16(%rip)\n");

static void native_signal(int number, siginfo_t *info, void *context)
{
    static const uint8_t from[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                      REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                      REG_R12, REG_R13, REG_R14, REG_R15 };
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;

    for (unsigned i = 0; i < 16; i++)
        native_state->r[i] = g[from[i]];
    native_state->flags = g[REG_EFL];
    native_state->rip = g[REG_RIP];
    native_state->vector = number == SIGFPE ? EXC_DE : number == SIGILL ? EXC_UD : EXC_GP;
    if (number == SIGSEGV && info->si_code <= SEGV_ACCERR && (uintptr_t)info->si_addr < SOFT_RAM)
        native_state->vector = NOT_COMPARABLE;
    siglongjmp(native_left, 1);
}

static void native_run(struct state *s, const uint8_t *code, unsigned bytes, unsigned bits)
{
    uint8_t *at = (uint8_t *)(uintptr_t)SOFT_CODE, *data = (uint8_t *)(uintptr_t)SOFT_DATA;

    memcpy(at, code, bytes);
    memcpy(data, s->data, DATA_BYTES);
    memcpy(native_regs, s->r, sizeof(native_regs));
    native_flags = s->flags;
    native_state = s;
    if (sigsetjmp(native_left, 1) == 0) {
        if (bits == 64)
            native_enter();
        if (bits == 32)
            native_enter32();
        native_enter16();
    }
    memcpy(s->data, data, DATA_BYTES);
}

static void map(uint64_t at, unsigned bytes, int protection)
{
    void *p = mmap((void *)(uintptr_t)at, bytes, protection,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (p != (void *)(uintptr_t)at) {
        g_print("1..0 # SKIP no memory at %#lx\n", (unsigned long)at);
        exit(0);
    }
}

static void native_setup(void)
{
    static uint8_t stack[65536];
    stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
    struct sigaction action = { .sa_sigaction = native_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK };

    map(SOFT_CODE, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(SOFT_DATA, DATA_BYTES, PROT_READ | PROT_WRITE);
    sigaltstack(&alternative, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static bool native_segment(unsigned entry, uint32_t base, uint32_t bytes, unsigned contents)
{
    struct user_desc d = { .entry_number = entry,
                           .base_addr = base,
                           .limit = bytes - 1,
                           .contents = contents,
                           .useable = 1 };

    return syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)) == 0;
}

/* ---- The software processor ---- */

static void soft_segments16(struct cpu *cpu)
{
    static const struct segment data = { .base = SOFT_DATA,
                                         .limit = DATA_BYTES - 1,
                                         .selector = DATA16,
                                         .attr = ATTR_S | ATTR_P | ATTR_RW | ATTR_A };

    cpu->seg[SEG_CS] = (struct segment){ .base = SOFT_CODE,
                                         .limit = CODE_BYTES - 1,
                                         .selector = CODE16,
                                         .attr = ATTR_CODE | ATTR_S | ATTR_P | ATTR_RW | ATTR_A };
    cpu->seg[SEG_DS] = cpu->seg[SEG_ES] = cpu->seg[SEG_SS] = data;
    mode_update(cpu);
}

static void soft_run(struct soft_host *h, struct state *s, const uint8_t *code, unsigned bytes)
{
    struct cpu *cpu = h->cpu;

    soft_host_code(h, SOFT_CODE, code, bytes);
    memcpy(h->ram + SOFT_DATA, s->data, DATA_BYTES);
    memcpy(cpu->r, s->r, sizeof(s->r));
    cpu->flags = s->flags;
    cpu->rip -= cpu->seg[SEG_CS].base;
    s->vector = soft_host_run(h, 1000);
    memcpy(s->r, cpu->r, sizeof(s->r));
    s->flags = cpu->flags;
    s->rip = cpu->rip;
    if (s->vector == EXC_PF || s->vector == EXC_SS)
        s->vector = EXC_GP;
    memcpy(s->data, h->ram + SOFT_DATA, DATA_BYTES);
}

/* ---- Random instructions ---- */

/* Opcodes: first and last; the map; the prefix that has to be there (or, without one, may); which
 * ModRM.reg. */
struct form {
    uint8_t first, last, map, pp, regs;
    bool vex, memory_only, jump, string, lockable, feature;
    unsigned only; /* 32: not in 64-bit mode */
};
enum { ALL = 0xff };
// clang-format off
#define FORM(from, to, of, prefix, reg, ...)                                                       \
    { .first = from, .last = to, .map = of, .pp = prefix, .regs = reg, __VA_ARGS__ }
static const struct form forms[] = {
    FORM(0x00, 0x05, MAP_ONE, 0, ALL), FORM(0x08, 0x0d, MAP_ONE, 0, ALL), FORM(0x10, 0x15, MAP_ONE, 0, ALL),
    FORM(0x18, 0x1d, MAP_ONE, 0, ALL), FORM(0x20, 0x25, MAP_ONE, 0, ALL), FORM(0x28, 0x2d, MAP_ONE, 0, ALL),
    FORM(0x30, 0x35, MAP_ONE, 0, ALL), FORM(0x38, 0x3d, MAP_ONE, 0, ALL), FORM(0x38, 0x3d, MAP_ONE, 0, ALL),
    FORM(0x50, 0x5f, MAP_ONE, 0, ALL), FORM(0x63, 0x63, MAP_ONE, 0, ALL), FORM(0x68, 0x6b, MAP_ONE, 0, ALL),
    FORM(0x70, 0x7f, MAP_ONE, 0, ALL, .jump = true), FORM(0x70, 0x7f, MAP_ONE, 0, ALL, .jump = true),
    FORM(0xe0, 0xe3, MAP_ONE, 0, ALL, .jump = true), FORM(0xeb, 0xeb, MAP_ONE, 0, ALL, .jump = true),
    FORM(0x80, 0x81, MAP_ONE, 0, ALL), FORM(0x83, 0x83, MAP_ONE, 0, ALL), FORM(0x84, 0x8b, MAP_ONE, 0, ALL),
    FORM(0x80, 0x81, MAP_ONE, 0, 0x7f, .lockable = true, .memory_only = true),
    FORM(0x8d, 0x8d, MAP_ONE, 0, ALL), FORM(0x8f, 0x8f, MAP_ONE, 0, 1), FORM(0x90, 0x99, MAP_ONE, 0, ALL),
    FORM(0x9e, 0x9f, MAP_ONE, 0, ALL), FORM(0xa4, 0xa7, MAP_ONE, 0, ALL, .string = true),
    FORM(0xa8, 0xa9, MAP_ONE, 0, ALL), FORM(0xaa, 0xaf, MAP_ONE, 0, ALL, .string = true),
    FORM(0xb0, 0xbf, MAP_ONE, 0, ALL), FORM(0xc0, 0xc1, MAP_ONE, 0, ALL), FORM(0xc6, 0xc7, MAP_ONE, 0, 0x7f),
    FORM(0xd0, 0xd3, MAP_ONE, 0, ALL), FORM(0xd0, 0xd3, MAP_ONE, 0, ALL), FORM(0xf5, 0xf5, MAP_ONE, 0, ALL),
    FORM(0xf8, 0xf9, MAP_ONE, 0, ALL), FORM(0xfc, 0xfd, MAP_ONE, 0, ALL), FORM(0xf6, 0xf7, MAP_ONE, 0, ALL),
    FORM(0xf6, 0xf7, MAP_ONE, 0, ALL), FORM(0xfe, 0xfe, MAP_ONE, 0, ALL), FORM(0xff, 0xff, MAP_ONE, 0, 0xc3),
    FORM(0xfe, 0xff, MAP_ONE, 0, 3, .lockable = true, .memory_only = true), FORM(0xc9, 0xc9, MAP_ONE, 0, ALL),
    FORM(0x40, 0x4f, MAP_ONE, 0, ALL, .only = 32), FORM(0x27, 0x27, MAP_ONE, 0, ALL, .only = 32),
    FORM(0x2f, 0x2f, MAP_ONE, 0, ALL, .only = 32), FORM(0x37, 0x37, MAP_ONE, 0, ALL, .only = 32),
    FORM(0x3f, 0x3f, MAP_ONE, 0, ALL, .only = 32), FORM(0x60, 0x61, MAP_ONE, 0, ALL, .only = 32),
    FORM(0xd4, 0xd6, MAP_ONE, 0, ALL, .only = 32), FORM(0xc8, 0xc8, MAP_ONE, 0, ALL, .only = 32),
    FORM(0x40, 0x4f, MAP_0F, 0, ALL), FORM(0x90, 0x9f, MAP_0F, 0, ALL), FORM(0xa4, 0xa5, MAP_0F, 0, ALL),
    FORM(0xac, 0xad, MAP_0F, 0, ALL), FORM(0xaf, 0xb1, MAP_0F, 0, ALL), FORM(0xb6, 0xb7, MAP_0F, 0, ALL),
    FORM(0xb0, 0xb1, MAP_0F, 0, ALL, .lockable = true, .memory_only = true),
    FORM(0xc0, 0xc1, MAP_0F, 0, ALL, .lockable = true, .memory_only = true),
    FORM(0xb8, 0xb8, MAP_0F, 0xf3, ALL), FORM(0xba, 0xba, MAP_0F, 0, ALL), FORM(0xbc, 0xbd, MAP_0F, 0, ALL),
    FORM(0xbc, 0xbd, MAP_0F, 0xf3, ALL, .feature = true), FORM(0xbe, 0xc1, MAP_0F, 0, ALL),
    FORM(0xc3, 0xc3, MAP_0F, 0, ALL), FORM(0xc7, 0xc7, MAP_0F, 0, 2, .memory_only = true), FORM(0xc8, 0xcf, MAP_0F, 0, ALL),
    FORM(0x1f, 0x1f, MAP_0F, 0, ALL), FORM(0x0b, 0x0b, MAP_0F, 0, ALL),
    FORM(0xf0, 0xf1, MAP_0F38, 0, ALL, .feature = true), FORM(0xf0, 0xf1, MAP_0F38, 0xf2, ALL, .feature = true),
    FORM(0xf6, 0xf6, MAP_0F38, 0x66, ALL, .feature = true), FORM(0xf6, 0xf6, MAP_0F38, 0xf3, ALL, .feature = true),
    FORM(0xf2, 0xf2, MAP_0F38, 0, ALL, .vex = true, .feature = true),
    FORM(0xf3, 0xf3, MAP_0F38, 0, ALL, .vex = true, .feature = true),
    FORM(0xf5, 0xf5, MAP_0F38, 0, ALL, .vex = true, .feature = true),
    FORM(0xf7, 0xf7, MAP_0F38, 0, ALL, .vex = true, .feature = true),
    FORM(0xf5, 0xf7, MAP_0F38, 0xf2, ALL, .vex = true, .feature = true),
    FORM(0xf5, 0xf5, MAP_0F38, 0xf3, ALL, .vex = true, .feature = true),
    FORM(0xf7, 0xf7, MAP_0F38, 0xf3, ALL, .vex = true, .feature = true),
    FORM(0xf7, 0xf7, MAP_0F38, 0x66, ALL, .vex = true, .feature = true),
    FORM(0xf0, 0xf0, MAP_0F3A, 0xf2, ALL, .vex = true, .feature = true),
};
// clang-format on

/* RSI, RDI, RBP and RSP point into the data and R9 is small: what memory operands are made of.  Of
 * 16-bit ones the first of SI, DI and BP. */
static unsigned put_modrm(GRand *rand, const struct form *f, uint8_t *p, unsigned *rex,
                          unsigned bits)
{
    unsigned reg = g_rand_int(rand) & 7;

    while (!(f->regs >> reg & 1))
        reg = g_rand_int(rand) & 7;
    if (!f->memory_only && g_rand_int(rand) % 3) {
        p[0] = 0xc0 | reg << 3 | (g_rand_int(rand) & 7);
        return 1;
    }
    *rex &= ~3u;
    if (bits != 64 || g_rand_boolean(rand)) {
        p[0] = 0x40 | reg << 3 | ((bits == 16 ? 4 : 5) + g_rand_int(rand) % 3);
        p[1] = g_rand_int(rand) & ~7u;
        return 2;
    }
    *rex |= 0x42;
    p[0] = 0x44 | reg << 3;
    p[1] = (g_rand_int(rand) & 3) << 6 | 1 << 3 | (4 + g_rand_int(rand) % 4);
    p[2] = g_rand_int(rand) & ~7u;
    return 3;
}

static unsigned put_vex(const struct form *f, GRand *rand, uint8_t opcode, unsigned rex, uint8_t *p)
{
    unsigned pp = f->pp == 0x66 ? 1 : f->pp == 0xf3 ? 2 : f->pp == 0xf2 ? 3 : 0;
    unsigned vvvv = f->map == MAP_0F3A ? 15 : g_rand_int(rand) & 15;

    p[0] = 0xc4;
    p[1] = (~rex & 4) << 5 | (~rex & 2) << 5 | (~rex & 1) << 5 | (f->map == MAP_0F3A ? 3 : 2);
    p[2] = (rex & 8) << 4 | vvvv << 3 | pp;
    p[3] = opcode;
    return 4;
}

/* One instruction; skip is what jumps jump over. */
static unsigned put_insn(GRand *rand, const struct form *f, uint8_t *p, unsigned skip,
                         unsigned bits)
{
    uint8_t opcode = f->first + g_rand_int(rand) % (f->last - f->first + 1), modrm[3], *start = p;
    unsigned rex = bits == 64 && g_rand_int(rand) % 4 ? 0x40 | (g_rand_int(rand) & 15) : 0;
    unsigned n = put_modrm(rand, f, modrm, &rex, bits);
    struct insn in;

    if (f->vex) {
        p += put_vex(f, rand, opcode, rex, p);
    } else {
        if (!f->jump && !f->pp && g_rand_int(rand) % 4 == 0)
            *p++ = 0x66;
        if (f->lockable)
            *p++ = 0xf0;
        if (f->pp)
            *p++ = f->pp;
        if (f->string && g_rand_boolean(rand))
            *p++ = 0xf2 | (g_rand_int(rand) & 1);
        if (rex)
            *p++ = rex;
        if (f->map != MAP_ONE)
            *p++ = 0x0f;
        if (f->map == MAP_0F38)
            *p++ = 0x38;
        *p++ = opcode;
    }
    if (f->jump) {
        *p++ = skip;
        return p - start;
    }
    memcpy(p, modrm, n);
    for (unsigned i = 0; i < 8; i++)
        p[n + i] = g_rand_int(rand);
    return decode(&in, start, 20, 0,
                  bits == 64   ? MODE_CODE64
                  : bits == 32 ? MODE_CODE32
                               : MODE_CODE16);
}

static uint64_t value(GRand *rand)
{
    uint64_t v = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

    switch (g_rand_int(rand) % 8) {
    case 0: return 0;
    case 1: return ~0ull;
    case 2: return 1ull << (v & 63);
    case 3: return (1ull << (v & 63)) - 1;
    case 4: return v & 0xff;
    case 5: return (int64_t)(int32_t)v;
    case 6: return 0x8000000080008080ull;
    default: return v;
    }
}

static void fill(GRand *rand, struct state *s, unsigned bits)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 16; i++)
        s->r[i] = value(rand);
    s->r[RCX] = g_rand_boolean(rand) ? g_rand_int(rand) & 63 : s->r[RCX];
    s->r[R9] = g_rand_int(rand) & 15;
    s->r[RSI] = SOFT_DATA + 0x800 + (g_rand_int(rand) & 0x8f8);
    s->r[RDI] = SOFT_DATA + 0x1800 - (g_rand_int(rand) & 0x8f8);
    s->r[RBP] = SOFT_DATA + 0x1200;
    s->r[RSP] = SOFT_DATA + 0x1a00;
    for (unsigned i = RSP; i <= RDI && bits == 16; i++)
        s->r[i] = (s->r[i] - SOFT_DATA) | (uint64_t)g_rand_int(rand) << 16;
    for (unsigned i = 0; i < 16 && bits != 64; i++)
        s->r[i] = i < 8 ? (uint32_t)s->r[i] : 0;
    s->flags = 0x202 | (g_rand_int(rand) & F_ARITH);
    for (unsigned i = 0; i < DATA_BYTES; i += 8)
        *(uint64_t *)(s->data + i) = value(rand);
}

static void explain(const char *who, const struct state *s)
{
    GString *line = g_string_new(NULL);

    for (unsigned i = 0; i < 16; i++)
        g_string_append_printf(line, " %lx", (unsigned long)s->r[i]);
    g_test_message("%s: vector %d rip %lx flags %lx:%s", who, s->vector, (unsigned long)s->rip,
                   (unsigned long)s->flags & FLAGS, line->str);
    g_string_free(line, TRUE);
}

static bool same(const struct state *a, const struct state *b)
{
    return a->vector == b->vector && a->rip == b->rip && !((a->flags ^ b->flags) & FLAGS) &&
           !memcmp(a->r, b->r, sizeof(a->r)) && !memcmp(a->data, b->data, DATA_BYTES);
}

static bool host_has_all(void)
{
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("sse4.2");
}

/* A few instructions, of which the last may use what the first made. */
static unsigned generate(GRand *rand, uint8_t *code, bool all, unsigned bits)
{
    unsigned count = 1 + g_rand_int(rand) % MAX_INSNS, bytes = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct form *f = &forms[g_rand_int(rand) % G_N_ELEMENTS(forms)];
        uint8_t next[32];
        unsigned skip = 0;

        if ((f->feature && !all) || (f->only == 32 && bits == 64))
            continue;
        if (f->string) {
            if (i)
                break;
            count = 1;
        }
        if (f->jump) {
            static const struct form skipped = FORM(0xb0, 0xbf, MAP_ONE, 0, ALL);

            skip = put_insn(rand, &skipped, next, 0, bits);
        }
        bytes += put_insn(rand, f, code + bytes, skip, bits);
        memcpy(code + bytes, next, skip);
        bytes += skip;
        if (bytes > 40)
            break;
    }
    memset(code + bytes, 0, CODE_BYTES - bytes);
    memcpy(code + bytes, "\x0f\x0b", 2); /* UD2 ends it */
    return bytes;
}

static void test_native(gconstpointer data)
{
    /* All of what instructions ask for. */
    static const struct tenon_cpuid cpuid[] = {
        { .leaf = 1, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
        { .leaf = 7, .indexed = 1, .ebx = ~0u },
        { .leaf = 0x80000001, .ecx = ~0u, .edx = ~0u },
    };
    unsigned bits = GPOINTER_TO_UINT(data);
    struct soft_host *h = soft_host_create(bits == 64 ? 64 : 32);
    const char *given = g_getenv("SOFT_INT_CASES");
    unsigned cases = given ? strtoul(given, NULL, 0) : 30000, failures = 0;
    GRand *rand = g_rand_new_with_seed(
        given && g_getenv("SOFT_INT_SEED") ? strtoul(g_getenv("SOFT_INT_SEED"), NULL, 0) : 1);
    bool all = host_has_all();

    if (bits == 16 && !(native_segment(0, SOFT_CODE, CODE_BYTES, MODIFY_LDT_CONTENTS_CODE) &&
                        native_segment(1, SOFT_DATA, DATA_BYTES, MODIFY_LDT_CONTENTS_DATA))) {
        g_test_skip("this kernel has no 16-bit segments");
        return;
    }
    if (bits == 16)
        soft_segments16(h->cpu);
    h->info.cpuid = cpuid;
    h->info.n_cpuid = G_N_ELEMENTS(cpuid);
    for (unsigned i = 0; i < cases && failures < 10; i++) {
        static struct state start, native, soft;
        static uint8_t code[CODE_BYTES];
        unsigned bytes = generate(rand, code, all, bits);

        fill(rand, &start, bits);
        if ((code[0] & 0xfc) == 0xf0 || (code[0] >= 0xa4 && code[0] <= 0xaf) || code[0] == 0x66)
            start.r[RCX] &= 63;
        native = soft = start;
        native_run(&native, code, sizeof(code), bits);
        /* There is no paging in 32 bits, so nothing faults. */
        if (bits == 32 && native.vector == EXC_GP)
            continue;
        if (bits != 64)
            memset(&native.r[8], 0, 8 * sizeof(native.r[0]));
        if (native.vector == NOT_COMPARABLE)
            continue;
        soft_run(h, &soft, code, sizeof(code));
        /* A PUSHA beyond a segment's limit may have stored some of it. */
        if (bits == 16 && native.vector == EXC_GP)
            memcpy(soft.data, native.data, DATA_BYTES);
        if (same(&native, &soft))
            continue;
        failures++;
        for (unsigned k = 0; k < bytes; k++)
            g_print("# %02x%s", code[k], k + 1 == bytes ? "\n" : "");
        explain("start", &start);
        explain("host", &native);
        explain("soft", &soft);
    }
    g_assert_cmpuint(failures, ==, 0);
    g_rand_free(rand);
    soft_host_destroy(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#ifdef __SANITIZE_ADDRESS__
    g_print("1..0 # SKIP the sanitizer maps what has to fault\n");
    return 0;
#endif
    native_setup();
    g_test_add_data_func("/soft/int/native/64", GUINT_TO_POINTER(64), test_native);
    g_test_add_data_func("/soft/int/native/32", GUINT_TO_POINTER(32), test_native);
    g_test_add_data_func("/soft/int/native/16", GUINT_TO_POINTER(16), test_native);
    return g_test_run();
}
