/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-vec - vector instructions in the software processor, each beside the host's own processor.
 *
 * Every row of the tables is encoded in all its forms, with operands drawn with a fixed seed;
 * TENON_VEC_ROUNDS repeats it longer.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include "blocks.h"
#include "soft-host.h"
#include "soft-native.h"
#include "soft-operands.h"
#include "vec.h"

enum { BASE = R14, AREA = 0x2000, OPERAND = 0x1000 }; /* the operand lies amid AREA bytes */
enum { SOFT_AREA = SOFT_DATA };

/* All that an instruction may see or change. */
struct state {
    struct fx fx;
    uint8_t high[16][16];
    uint64_t r[16];
    uint64_t flags;
};

/* ---- The host's processor ---- */

static struct {
    sigjmp_buf out;
    uint32_t mxcsr;
    uint8_t *code, *area;
} native;

void native_vector(struct state *s, void *code);
/* All registers but RSP from s, the code, and back. */
__asm__(".text\n"
        "native_vector:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "push %rdi; push %rsi\n"
        "fxrstor64 (%rdi)\n"
        ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vinsertf128 $1, 512+\\n*16(%rdi), %ymm\\n, %ymm\\n\n"
        ".endr\n"
        "mov 768(%rdi), %rax; mov 776(%rdi), %rcx; mov 784(%rdi), %rdx; mov 792(%rdi), %rbx\n"
        "mov 808(%rdi), %rbp; mov 816(%rdi), %rsi; mov 832(%rdi), %r8; mov 840(%rdi), %r9\n"
        "mov 848(%rdi), %r10; mov 856(%rdi), %r11; mov 864(%rdi), %r12; mov 872(%rdi), %r13\n"
        "mov 880(%rdi), %r14; mov 888(%rdi), %r15; push 896(%rdi); mov 824(%rdi), %rdi\n"
        "popfq\n"
        "call *(%rsp)\n"
        "pushfq; push %rdi; mov 24(%rsp), %rdi\n"
        "mov %rax, 768(%rdi); mov %rcx, 776(%rdi); mov %rdx, 784(%rdi); mov %rbx, 792(%rdi)\n"
        "mov %rbp, 808(%rdi); mov %rsi, 816(%rdi); mov %r8, 832(%rdi); mov %r9, 840(%rdi)\n"
        "mov %r10, 848(%rdi); mov %r11, 856(%rdi); mov %r12, 864(%rdi); mov %r13, 872(%rdi)\n"
        "mov %r14, 880(%rdi); mov %r15, 888(%rdi); pop 824(%rdi); pop 896(%rdi)\n"
        ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vextractf128 $1, %ymm\\n, 512+\\n*16(%rdi)\n"
        ".endr\n"
        "fxsave64 (%rdi)\n"
        "vzeroupper; fninit; movl $0x1f80, -8(%rsp); ldmxcsr -8(%rsp)\n"
        "pop %rsi; pop %rdi\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static void on_signal(int number, siginfo_t *info, void *context)
{
    native.mxcsr = ((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr;
    siglongjmp(native.out, number);
}

static void *pages(unsigned bytes, int protection)
{
    void *p = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(p != MAP_FAILED);
    return p;
}

static void native_open(void)
{
    static const int signals[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_NODEFER | SA_SIGINFO };

    native.code = pages(0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
    native.area = pages(AREA, PROT_READ | PROT_WRITE);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
}

/* -1, or the vector of the exception; then of s only MXCSR is as it was left. */
static int native_step(struct state *s, const uint8_t *bytes, unsigned n)
{
    int vector;

    switch (sigsetjmp(native.out, 0)) {
    case 0:
        memcpy(native.code, bytes, n);
        native.code[n] = 0xc3;
        native_vector(s, native.code);
        return -1;
    case SIGFPE: vector = EXC_XM; break;
    case SIGILL: vector = EXC_UD; break;
    default: vector = EXC_GP; break;
    }
    __asm__ volatile("vzeroupper; fninit");
    __builtin_ia32_ldmxcsr(0x1f80);
    s->fx.mxcsr = native.mxcsr;
    return vector;
}

/* ---- The software processor ---- */

static struct block_builder builder;
static struct block block;

static const struct uop *stop(struct cpu *cpu, const struct uop *u)
{
    return NULL;
}

static void put_state(struct cpu *cpu, const struct state *s)
{
    cpu->mxcsr = s->fx.mxcsr;
    cpu->x87.status = s->fx.status;
    cpu->x87.control = s->fx.control;
    cpu->x87.tag_valid = s->fx.tags;
    for (unsigned i = 0; i < 8; i++)
        memcpy(&cpu->x87.r[((s->fx.status >> 11) + i) & 7], s->fx.st[i], 10);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(&cpu->v[i], s->fx.xmm[i], 16);
        memcpy(&cpu->v[i].u8[16], s->high[i], 16);
        cpu->r[i] = s->r[i];
    }
    cpu->flags = s->flags;
}

static void get_state(const struct cpu *cpu, struct state *s)
{
    s->fx.mxcsr = cpu->mxcsr;
    s->fx.status = cpu->x87.status;
    s->fx.control = cpu->x87.control;
    s->fx.tags = cpu->x87.tag_valid;
    for (unsigned i = 0; i < 8; i++)
        memcpy(s->fx.st[i], &cpu->x87.r[((cpu->x87.status >> 11) + i) & 7], 10);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(s->fx.xmm[i], &cpu->v[i], 16);
        memcpy(s->high[i], &cpu->v[i].u8[16], 16);
        s->r[i] = cpu->r[i];
    }
    s->flags = cpu->flags;
}

/* A block of the instruction and HLT, which the translator makes code of. */
static int run_block(struct soft_host *h, const uint8_t *bytes, unsigned n)
{
    uint8_t code[INSN_MAX + 1];

    memcpy(code, bytes, n);
    code[n] = 0xf4;
    soft_host_code(h, SOFT_CODE, code, n + 1);
    if ((h->cpu->mode & MODE_CODE_MASK) == MODE_CODE16) {
        h->cpu->seg[SEG_CS].base = SOFT_CODE;
        h->cpu->rip = 0;
    }
    h->cpu->halted = false;
    h->cpu->wanted = 0;
    return soft_host_run(h, 2);
}

/* One instruction; -1 or the vector. */
static int soft_step(struct soft_host *h, const uint8_t *bytes, unsigned n)
{
    struct cpu *cpu = h->cpu;
    struct insn in;
    const struct uop *u;

    cpu->rip = SOFT_CODE;
    if (decode(&in, bytes, n, cpu->rip, cpu->mode & MODE_CODE_MASK) != (int)n)
        return -2;
    builder = (struct block_builder){ .cpu = cpu, .rip = cpu->rip, .mode = cpu->mode, .in = &in };
    block.rip = cpu->rip;
    cpu->block = &block;
    cpu->fault.vector = -1;
    if (in.map == MAP_BAD || !vec_translate(&builder, &in))
        return EXC_UD;
    if (cpu->blocks->jit)
        return run_block(h, bytes, n);
    build_finish(&builder);
    builder.uop[builder.n].run = stop;
    if (sigsetjmp(cpu->fault_exit, 0) == 0)
        for (u = builder.uop; u;)
            u = u->run(cpu, u);
    return cpu->fault.vector;
}

/* ---- Operands ---- */

struct fixture {
    struct soft_host *host;
    GRand *rand;
    unsigned rounds;
    uint64_t cases, faults;
};

static void draw_state(GRand *r, struct state *s)
{
    unsigned top = g_rand_int(r) & 7;

    memset(s, 0, sizeof(*s));
    s->fx.control = 0x37f;
    s->fx.status = top << 11 | (g_rand_int(r) & 0x4700);
    s->fx.tags = g_rand_int(r);
    s->fx.mxcsr = draw_mxcsr(r);
    for (unsigned i = 0; i < 8; i++) {
        draw(r, s->fx.st[i], 8);
        memset(s->fx.st[i] + 8, g_rand_int(r), 2);
    }
    for (unsigned i = 0; i < 16; i++) {
        draw(r, s->fx.xmm[i], 16);
        draw(r, s->high[i], 16);
        s->r[i] = g_rand_int(r) & 1 ? draw_double(r) : draw_bits(r) >> (g_rand_int(r) & 63);
    }
    if (g_rand_int(r) & 1) /* short strings */
        s->r[RAX] = g_rand_int(r) % 20, s->r[RDX] = g_rand_int(r) % 20 - 4;
    s->r[RSP] = 0;
    s->flags = 0x202 | (g_rand_int(r) & F_ARITH);
}

/* ---- Instructions ---- */

struct code {
    uint8_t bytes[16];
    unsigned n;
};

struct choice {
    bool vex, mem, w, l;
    uint8_t map, pp, opcode, reg, rm, vvvv;
    uint8_t index; /* of a gather: the vector */
    bool gather, no_modrm, imm;
    uint8_t imm8, disp;
};

static void byte(struct code *c, unsigned b)
{
    c->bytes[c->n++] = b;
}

static void encode_modrm(struct code *c, const struct choice *h)
{
    if (!h->mem) {
        byte(c, 0xc0 | (h->reg & 7) << 3 | (h->rm & 7));
    } else if (h->gather) {
        byte(c, 0x40 | (h->reg & 7) << 3 | 4);
        byte(c, (h->imm8 & 3) << 6 | (h->index & 7) << 3 | (BASE & 7));
        byte(c, h->disp);
    } else {
        byte(c, 0x40 | (h->reg & 7) << 3 | (BASE & 7));
        byte(c, h->disp);
    }
}

static void encode(struct code *c, const struct choice *h)
{
    static const uint8_t prefix[] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned b = (h->mem ? BASE : h->rm) >> 3 & 1, x = h->gather && h->index & 8;

    c->n = 0;
    if (h->vex) {
        byte(c, 0xc4);
        byte(c, (h->reg & 8 ? 0 : 0x80) | (x ? 0 : 0x40) | (b ? 0 : 0x20) | h->map);
        byte(c, h->w << 7 | (~h->vvvv & 15) << 3 | h->l << 2 | h->pp);
    } else {
        if (h->pp)
            byte(c, prefix[h->pp]);
        byte(c, 0x40 | h->w << 3 | (h->reg & 8) >> 1 | b);
        byte(c, 0x0f);
        if (h->map != MAP_0F)
            byte(c, h->map == MAP_0F38 ? 0x38 : 0x3a);
    }
    byte(c, h->opcode);
    if (!h->no_modrm)
        encode_modrm(c, h);
    if (h->imm)
        byte(c, h->imm8);
}

static bool has_imm(const struct vec_op *op)
{
    return op->map == MAP_0F3A ||
           (op->map == MAP_0F &&
            ((op->opcode >= 0x70 && op->opcode <= 0x73) || op->opcode == 0xc2 ||
             (op->opcode >= 0xc4 && op->opcode <= 0xc6)));
}

static bool is_gather(const struct vec_op *op)
{
    return op->map == MAP_0F38 && op->opcode >= 0x90 && op->opcode <= 0x93;
}

/* A register that may be named: not the stack's or the operand's address where it is a general one.
 */
static unsigned pick(GRand *r, bool general)
{
    unsigned n;

    do
        n = g_rand_int(r) & 15;
    while (general && (n == RSP || n == BASE || n == RDI));
    return n;
}

static struct choice choose(GRand *r, const struct vec_op *op, unsigned form)
{
    bool to_rm = op->flags & V_TO_RM;
    struct choice h = {
        .vex = form,
        .l = form == 2,
        .map = op->map,
        .pp = op->pp,
        .opcode = op->opcode,
        .mem = op->flags & V_MEM || (!(op->flags & V_REG) && g_rand_boolean(r)),
        .w = g_rand_boolean(r),
        .imm = has_imm(op),
        .imm8 = g_rand_int(r),
        .reg = pick(r, (to_rm ? op->src : op->dst) == KIND_G),
        .rm = pick(r, (to_rm ? op->dst : op->src) == KIND_G),
        .vvvv = op->flags & (V_NDS | V_NDD) ? pick(r, false) : 0,
        .gather = is_gather(op),
        .index = pick(r, false),
        .no_modrm = op->map == MAP_0F && op->opcode == 0x77,
        .disp = g_rand_int(r) % 4 ? g_rand_int(r) & 0x60 : g_rand_int(r) & 0x7f,
    };

    if (op->ext)
        h.reg = (h.reg & 8) | (op->ext & 7);
    if (op->flags & (V_W0 | V_NARROW))
        h.w = false;
    if (op->flags & (V_W1 | V_WIDE))
        h.w = true;
    return h;
}

/* ---- One case ---- */

static char *text(const struct code *c)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < c->n; i++)
        g_string_append_printf(s, "%02x ", c->bytes[i]);
    return g_string_free(s, FALSE);
}

static void show(const char *what, const void *a, const void *b, unsigned bytes)
{
    const uint8_t *p = a, *q = b;

    if (!memcmp(a, b, bytes))
        return;
    g_printerr("# %s host ", what);
    for (unsigned i = bytes; i-- > 0;)
        g_printerr("%02x", p[i]);
    g_printerr(" soft ");
    for (unsigned i = bytes; i-- > 0;)
        g_printerr("%02x", q[i]);
    g_printerr("\n");
}

static void show_states(const struct state *before, const struct state *host,
                        const struct state *soft)
{
    char name[16];

    for (unsigned i = 0; i < 16; i++) {
        g_snprintf(name, sizeof(name), "xmm%u", i);
        show(name, host->fx.xmm[i], soft->fx.xmm[i], 16);
        g_snprintf(name, sizeof(name), "ymm%u high", i);
        show(name, host->high[i], soft->high[i], 16);
        g_snprintf(name, sizeof(name), "r%u", i);
        show(name, &host->r[i], &soft->r[i], 8);
    }
    for (unsigned i = 0; i < 8; i++) {
        g_snprintf(name, sizeof(name), "st%u", i);
        show(name, host->fx.st[i], soft->fx.st[i], 10);
    }
    show("mxcsr", &host->fx.mxcsr, &soft->fx.mxcsr, 4);
    show("tags", &host->fx.tags, &soft->fx.tags, 1);
    show("status", &host->fx.status, &soft->fx.status, 2);
    show("flags", &host->flags, &soft->flags, 8);
    g_printerr("# mxcsr before %x\n", before->fx.mxcsr);
}

static bool same_state(const struct state *a, const struct state *b)
{
    bool same = !memcmp(a->fx.xmm, b->fx.xmm, sizeof(a->fx.xmm)) &&
                !memcmp(a->high, b->high, sizeof(a->high)) && !memcmp(a->r, b->r, sizeof(a->r)) &&
                a->fx.mxcsr == b->fx.mxcsr && a->fx.tags == b->fx.tags &&
                a->fx.status == b->fx.status && a->flags == b->flags;

    for (unsigned i = 0; i < 8; i++)
        same &= !memcmp(a->fx.st[i], b->fx.st[i], 10);
    return same;
}

/* Unmasked overflow or underflow is inexact, too, only if it were with an exponent without bounds;
 * the software processor always says so. */
static uint32_t unsure(uint32_t before, uint32_t host, uint32_t soft)
{
    enum { OE = 8, UE = 0x10, PE = 0x20 };

    return host & ~(before >> 7) & (OE | UE) ? soft & PE : 0;
}

/* Both processors from the same state; everything must be the same after. */
static void compare(struct fixture *f, const struct code *c, const struct state *before)
{
    struct state host = *before, soft = *before;
    struct cpu *cpu = f->host->cpu;
    uint8_t *area = f->host->ram + SOFT_AREA;
    int expected, got;

    memcpy(area, native.area, AREA);
    host.r[BASE] = host.r[RDI] = (uintptr_t)native.area + OPERAND;
    soft.r[BASE] = soft.r[RDI] = SOFT_AREA + OPERAND;
    put_state(cpu, &soft);
    got = soft_step(f->host, c->bytes, c->n);
    get_state(cpu, &soft);
    expected = native_step(&host, c->bytes, c->n);
    host.r[BASE] -= (uintptr_t)native.area - SOFT_AREA;
    host.r[RDI] -= (uintptr_t)native.area - SOFT_AREA;
    f->cases++;
    f->faults += expected >= 0;
    if (expected >= 0) { /* it has changed nothing but MXCSR */
        uint32_t mxcsr = host.fx.mxcsr;

        host = *before;
        host.r[BASE] = host.r[RDI] = SOFT_AREA + OPERAND;
        host.fx.mxcsr = mxcsr | unsure(before->fx.mxcsr, mxcsr, soft.fx.mxcsr);
    }
    if (got == expected && same_state(&host, &soft) && !memcmp(area, native.area, AREA))
        return;
    show_states(before, &host, &soft);
    g_printerr("# %s: host %d, soft %d%s\n", text(c), expected, got,
               memcmp(area, native.area, AREA) ? ", memory differs" : "");
    if (!g_getenv("TENON_VEC_GO_ON"))
        g_assert_not_reached();
    g_test_fail();
    memcpy(native.area, area, AREA);
}

/* ---- All rows ---- */

/* Addresses of a gather stay in the area. */
static void tame_index(struct state *s, const struct choice *h)
{
    uint8_t *parts[2] = { s->fx.xmm[h->index], s->high[h->index] };
    unsigned size = h->opcode & 1 ? 8 : 4;

    for (unsigned i = 0; i < 32; i += size) {
        int8_t v = parts[i / 16][i % 16];
        int64_t wide = v;

        memcpy(&parts[i / 16][i % 16], &wide, size);
    }
}

static void draw_memory(GRand *r, const struct vec_op *op)
{
    draw(r, native.area + OPERAND - 32, 256);
    if (op->emit && op->opcode == 0xae && g_rand_int(r) % 4) /* LDMXCSR: mostly what is allowed */
        for (unsigned i = 0; i < 256; i += 4)
            native.area[OPERAND - 32 + i + 2] = native.area[OPERAND - 32 + i + 3] = 0;
}

static void compare_row(struct fixture *f, const struct vec_op *op, unsigned form)
{
    struct choice h = choose(f->rand, op, form);
    struct state s;
    struct code c;

    draw_state(f->rand, &s);
    draw_memory(f->rand, op);
    if (h.gather)
        tame_index(&s, &h);
    encode(&c, &h);
    compare(f, &c, &s);
}

static void compare_table(struct fixture *f, const struct vec_table *table)
{
    for (unsigned i = 0; i < table->n; i++) {
        const struct vec_op *op = &table->op[i];

        for (unsigned form = 0; form < 3; form++)
            if (op->isa[form])
                for (unsigned n = 0; n < f->rounds; n++)
                    compare_row(f, op, form);
    }
}

/* What other instructions share the opcode's row. */
static bool is_foreign(const struct vec_op *op)
{
    return op->map == MAP_0F && op->opcode == 0xae;
}

/* Prefixes, VEX.L, W and vvvv, registers for memory: as they come, right or wrong. */
static void compare_spoilt(struct fixture *f, const struct vec_op *op)
{
    struct choice h = choose(f->rand, op, g_rand_int(f->rand) % 3);
    struct state s;
    struct code c;

    h.vex ^= g_rand_int(f->rand) % 8 == 0;
    h.w = g_rand_boolean(f->rand);
    h.l ^= g_rand_int(f->rand) % 4 == 0;
    if (g_rand_int(f->rand) % 4 == 0)
        h.vvvv = g_rand_int(f->rand) & 15;
    if (g_rand_int(f->rand) % 4 == 0)
        h.pp = g_rand_int(f->rand) & 3;
    if (g_rand_int(f->rand) % 4 == 0)
        h.mem ^= !op->ext;
    h.reg = op->ext ? h.reg : pick(f->rand, true);
    h.rm = pick(f->rand, true);
    if (is_foreign(op))
        return;
    draw_state(f->rand, &s);
    draw_memory(f->rand, op);
    if (h.gather)
        tame_index(&s, &h);
    encode(&c, &h);
    compare(f, &c, &s);
}

static void test_invalid(struct fixture *f, const void *data)
{
    static const struct vec_table *const tables[] = { &vec_int_table, &vec_move_table,
                                                      &vec_float_table, &vec_special_table };

    for (unsigned t = 0; t < G_N_ELEMENTS(tables); t++)
        for (unsigned i = 0; i < tables[t]->n; i++)
            for (unsigned n = 0; n < f->rounds; n++)
                compare_spoilt(f, &tables[t]->op[i]);
    g_test_message("%" PRIu64 " cases, %" PRIu64 " of them faults", f->cases, f->faults);
    g_assert_cmpuint(f->faults, >, 0);
}

#define COMPARE_TABLE(name)                                                                        \
    static void test_##name(struct fixture *f, const void *data)                                   \
    {                                                                                              \
        compare_table(f, &vec_##name##_table);                                                     \
        g_test_message("%" PRIu64 " cases, %" PRIu64 " of them faults", f->cases, f->faults);      \
        g_assert_cmpuint(f->cases, >, 0);                                                          \
    }
COMPARE_TABLE(int)
COMPARE_TABLE(float)
COMPARE_TABLE(move)
COMPARE_TABLE(special)

/* ---- What the system allows ---- */

static const struct rule {
    const char *what;
    uint64_t cr0_set, cr4_clear, xcr0;
    int sse, avx, mmx; /* the exceptions of ADDPS, VADDPS, PADDB MM */
} rules[] = {
    // clang-format off
    { "all is set up",   0,               0,              7, -1,     -1,     -1 },
    { "CR0.EM",          CR0_EM,          0,              7, EXC_UD, -1,     EXC_UD },
    { "CR0.TS",          CR0_TS,          0,              7, EXC_NM, EXC_NM, EXC_NM },
    { "CR0.EM and TS",   CR0_EM | CR0_TS, 0,              7, EXC_UD, EXC_NM, EXC_UD },
    { "no CR4.OSFXSR",   0,               CR4_OSFXSR,     7, EXC_UD, -1,     -1 },
    { "no CR4.OSXSAVE",  0,               CR4_OSXSAVE,    7, -1,     EXC_UD, -1 },
    { "XCR0 without AVX", 0,              0,              3, -1,     EXC_UD, -1 },
    { "OSXSAVE and TS",  CR0_TS,          CR4_OSXSAVE,    7, EXC_NM, EXC_UD, EXC_NM },
    // clang-format on
};

#define STEP(f, ...)                                                                               \
    soft_step((f)->host, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))
#define ADDPS     0x0f, 0x58, 0xc1
#define VADDPS    0xc5, 0xf8, 0x58, 0xc1
#define PADDB_MM  0x0f, 0xfc, 0xc1
#define PADDB_MEM 0x0f, 0xfc, 0x07
#define DIVPS     0x0f, 0x5e, 0xc1

static void test_rules(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;
    uint64_t cr0 = cpu->cr0, cr4 = cpu->cr4;

    cpu->r[RDI] = SOFT_DATA;
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        const struct rule *r = &rules[i];

        g_test_message("%s", r->what);
        cpu->cr0 = cr0 | r->cr0_set;
        cpu->cr4 = cr4 & ~r->cr4_clear;
        cpu->xcr0 = r->xcr0;
        g_assert_cmpint(STEP(f, ADDPS), ==, r->sse);
        g_assert_cmpint(STEP(f, VADDPS), ==, r->avx);
        g_assert_cmpint(STEP(f, PADDB_MM), ==, r->mmx);
    }
}

static void test_pending(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;

    cpu->r[RDI] = SOFT_DATA;
    cpu->x87.control = 0;
    cpu->x87.status = 0x8081 | 3 << 11;
    cpu->x87.tag_valid = 5;
    g_assert_cmpint(STEP(f, PADDB_MM), ==, EXC_MF);
    g_assert_cmpint(STEP(f, PADDB_MEM), ==, EXC_MF);
    g_assert_cmpint(STEP(f, 0x0f, 0x77), ==, EXC_MF); /* EMMS */
    g_assert_cmpint(STEP(f, ADDPS), ==, -1);
    g_assert_cmpint(cpu->x87.tag_valid, ==, 5);
    g_assert_cmpint(cpu->x87.status, ==, 0x8081 | 3 << 11);
}

/* An unmasked exception: #XM, or #UD where the system does not know of it; nothing but the flags
 * changes. */
static void test_simd_exception(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;

    for (unsigned known = 0; known < 2; known++) {
        cpu->cr4 = (cpu->cr4 & ~CR4_OSXMMEXCPT) | (known ? CR4_OSXMMEXCPT : 0);
        cpu->mxcsr = 0x1f80 & ~0x200; /* divide by zero */
        cpu->v[0] = (union vec){ .f32 = { 1, 2, 3, 4, 5 } };
        cpu->v[1] = (union vec){ .f32 = { 3, 0, 1, 1 } };
        g_assert_cmpint(STEP(f, DIVPS), ==, known ? EXC_XM : EXC_UD);
        g_assert_cmphex(cpu->mxcsr, ==, 0x1d80 | 4);
        g_assert_cmpfloat(cpu->v[0].f32[0], ==, 1);
        cpu->mxcsr = 0x1f80;
        g_assert_cmpint(STEP(f, DIVPS), ==, -1);
        g_assert_cmphex(cpu->mxcsr, ==, 0x1f80 | 0x24);
        g_assert_cmpfloat(cpu->v[0].f32[2], ==, 3);
        g_assert_cmpfloat(cpu->v[0].f32[4], ==, 5);
    }
}

/* The guest's MXCSR is not the emulator's. */
static void test_host_mxcsr(struct fixture *f, const void *data)
{
    f->host->cpu->mxcsr = 0xffc0;
    f->host->cpu->v[1] = (union vec){ .f32 = { 3, 3, 3, 3 } };
    __builtin_ia32_ldmxcsr(0x1f80);
    g_assert_cmpint(STEP(f, DIVPS), ==, -1);
    g_assert_cmphex(__builtin_ia32_stmxcsr(), ==, 0x1f80);
}

static void test_features(struct fixture *f, const void *data)
{
    static const struct tenon_cpuid sse2[] = { { .leaf = 1, .edx = 1 << 25 | 1 << 26 } };
    static const struct tenon_cpuid sse41_avx[] = {
        { .leaf = 1, .edx = 1 << 25 | 1 << 26, .ecx = 1 << 19 | 1 << 28 }
    };
    const struct tenon_cpuid *all = f->host->info.cpuid;
    uint32_t n = f->host->info.n_cpuid;

    f->host->info.n_cpuid = 1;
    f->host->info.cpuid = sse2;
    g_assert_cmpint(STEP(f, ADDPS), ==, -1);
    g_assert_cmpint(STEP(f, VADDPS), ==, EXC_UD);
    g_assert_cmpint(STEP(f, PADDB_MM), ==, EXC_UD);
    g_assert_cmpint(STEP(f, 0x66, 0x0f, 0x38, 0x40, 0xc1), ==, EXC_UD); /* PMULLD */
    f->host->info.cpuid = sse41_avx;
    g_assert_cmpint(STEP(f, VADDPS), ==, -1);
    g_assert_cmpint(STEP(f, 0x66, 0x0f, 0x38, 0x40, 0xc1), ==, -1);
    g_assert_cmpint(STEP(f, 0xc5, 0xfd, 0xfc, 0xc1), ==, EXC_UD);       /* VPADDB YMM */
    g_assert_cmpint(STEP(f, 0xc4, 0xe2, 0x79, 0xdc, 0xc1), ==, EXC_UD); /* VAESENC */
    f->host->info.cpuid = all;
    f->host->info.n_cpuid = n;
}

/* Other modes than 64 bits: eight registers, REX bits that mean nothing, no VEX in real mode. */
static void test_modes(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;

    soft_host_mode(f->host, 32);
    cpu->v[0] = cpu->v[1] = cpu->v[8] = (union vec){ .f32 = { 1, 2, 3, 4, 5, 6, 7, 8 } };
    g_assert_cmpint(STEP(f, 0xc4, 0xe1, 0x38, 0x58, 0xc1), ==, -1); /* vvvv 8 is 0 */
    g_assert_cmpfloat(cpu->v[0].f32[3], ==, 8);
    g_assert_cmpfloat(cpu->v[0].f32[4], ==, 0);
    g_assert_cmpint(STEP(f, 0xc4, 0xe1, 0x38, 0x28, 0xc1), ==, EXC_UD); /* unless it is unused */
    cpu->r[RAX] = 0x123456789;
    g_assert_cmpint(STEP(f, 0xc4, 0xe1, 0xf9, 0x6e, 0xc0), ==, -1); /* W does not make it MOVQ */
    g_assert_cmphex(cpu->v[0].u64[0], ==, 0x23456789);
    g_assert_cmpint(STEP(f, 0xc5, 0xfc, 0x77), ==, -1); /* VZEROALL */
    g_assert_cmphex(cpu->v[1].u64[0], ==, 0);
    g_assert_cmpfloat(cpu->v[8].f32[1], ==, 2);
    soft_host_mode(f->host, 16);
    cpu->v[0] = cpu->v[1] = (union vec){ .f32 = { 1 } };
    g_assert_cmpint(STEP(f, ADDPS), ==, -1);
    g_assert_cmpfloat(cpu->v[0].f32[0], ==, 2);
    g_assert_cmpint(STEP(f, VADDPS), ==, EXC_UD);
    cpu->cr0 |= CR0_PE;
    cpu->mode |= MODE_PE | MODE_VM86;
    g_assert_cmpint(STEP(f, VADDPS), ==, EXC_UD);
}

/* A gather that faults keeps what it has, and its mask says what is left. */
static void test_gather_fault(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;

    for (unsigned i = 0; i < 8; i++)
        mem_write(cpu, SOFT_DATA + i * 4, 100 + i, 4);
    cpu->r[R14] = SOFT_DATA;
    cpu->v[0] = (union vec){ .u32 = { 1, 2, 3, 4, 5, 6, 7, 8 } };
    cpu->v[1] = (union vec){ .s32 = { 0, 1, SOFT_RAM, 3, 4, 5, 6, SOFT_RAM } };
    cpu->v[2] = (union vec){ .s32 = { -1, 0, -1, -1, 0, 0, 0, 0x7fffffff } };
    /* VPGATHERDD YMM0, [R14 + YMM1 * 4], YMM2 */
    g_assert_cmpint(STEP(f, 0xc4, 0xc2, 0x6d, 0x90, 0x04, 0x8e), ==, EXC_PF);
    g_assert_cmpuint(cpu->v[0].u32[0], ==, 100);
    g_assert_cmpuint(cpu->v[0].u32[1], ==, 2);
    g_assert_cmpuint(cpu->v[0].u32[3], ==, 4);
    g_assert_cmpint(cpu->v[2].s32[0], ==, 0);
    g_assert_cmpint(cpu->v[2].s32[2], ==, -1);
    cpu->v[1].s32[2] = 2;
    g_assert_cmpint(STEP(f, 0xc4, 0xc2, 0x6d, 0x90, 0x04, 0x8e), ==, -1);
    g_assert_cmpuint(cpu->v[0].u32[2], ==, 102);
    g_assert_cmpuint(cpu->v[0].u32[3], ==, 103);
    g_assert_cmpuint(cpu->v[0].u32[7], ==, 8);
    g_assert_cmphex(cpu->v[2].u64[1], ==, 0);
}

/* Elements that the mask leaves out are not accessed; a store that faults stores nothing. */
static void test_masked_fault(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;
    uint64_t end = SOFT_RAM - 16;

    cpu->r[R14] = end;
    mem_write(cpu, end, 7, 4);
    cpu->v[1] = (union vec){ .s32 = { -1, 0, 0, -1 } };
    g_assert_cmpint(STEP(f, 0xc4, 0xc2, 0x75, 0x2c, 0x06), ==,
                    -1); /* VMASKMOVPS YMM0, YMM1, [R14] */
    g_assert_cmpuint(cpu->v[0].u32[0], ==, 7);
    cpu->v[0].u32[0] = 9;
    cpu->v[1].s32[4] = -1;
    g_assert_cmpint(STEP(f, 0xc4, 0xc2, 0x75, 0x2e, 0x06), ==, EXC_PF);
    g_assert_cmpuint(mem_read(cpu, end, 4), ==, 7);
    cpu->v[1].s32[4] = 0;
    g_assert_cmpint(STEP(f, 0xc4, 0xc2, 0x75, 0x2e, 0x06), ==, -1);
    g_assert_cmpuint(mem_read(cpu, end, 4), ==, 9);
}

/* In blocks: one check for all, and an exception at its instruction's address. */
static void test_blocks(struct fixture *f, const void *data)
{
    static const uint8_t code[] = {
        0x90,                         /* NOP */
        0xf3, 0x0f, 0x6f, 0x07,       /* MOVDQU XMM0, [RDI] */
        0x66, 0x0f, 0xfe, 0xc0,       /* PADDD XMM0, XMM0 */
        0xf3, 0x0f, 0x7f, 0x47, 0x21, /* MOVDQU [RDI + 33], XMM0 */
        0x0f, 0x29, 0x47, 0x08,       /* MOVAPS [RDI + 8], XMM0 */
    };
    struct cpu *cpu = f->host->cpu;

    cpu->r[RDI] = SOFT_DATA;
    mem_write(cpu, SOFT_DATA + 4, 21, 4);
    soft_host_code(f->host, SOFT_CODE, code, sizeof(code));
    g_assert_cmpint(soft_host_run(f->host, 4), ==, -1);
    g_assert_cmpuint(mem_read(cpu, SOFT_DATA + 37, 4), ==, 42);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE + 14);
    g_assert_cmpint(soft_host_run(f->host, 1), ==, EXC_GP);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE + 14);
    cpu->cr0 |= CR0_TS;
    cpu->rip = SOFT_CODE;
    g_assert_cmpint(soft_host_run(f->host, 4), ==, EXC_NM);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE + 1);
}

/* ---- Frame ---- */

static void setup(struct fixture *f, const void *data)
{
    const char *rounds = g_getenv("TENON_VEC_ROUNDS");

    native_open();
    f->host = soft_host_create(64);
    f->host->info.cpuid = native_cpuid(&f->host->info.n_cpuid);
    f->rand = g_rand_new_with_seed(20);
    f->rounds = rounds ? atoi(rounds) : 200;
}

static void teardown(struct fixture *f, const void *data)
{
    static const int signals[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS };

    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        signal(signals[i], SIG_DFL);
    munmap(native.code, 0x1000);
    munmap(native.area, AREA);
    g_free((void *)f->host->info.cpuid);
    soft_host_destroy(f->host);
    g_rand_free(f->rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        g_print("1..0 # SKIP the host has no AVX2\n");
        return 0;
    }
#define ADD(name) g_test_add("/soft-vec/" #name, struct fixture, NULL, setup, test_##name, teardown)
    ADD(int);
    ADD(float);
    ADD(move);
    ADD(special);
    ADD(invalid);
    ADD(rules);
    ADD(pending);
    ADD(simd_exception);
    ADD(host_mxcsr);
    ADD(features);
    ADD(modes);
    ADD(gather_fault);
    ADD(masked_fault);
    ADD(blocks);
    return g_test_run();
}
