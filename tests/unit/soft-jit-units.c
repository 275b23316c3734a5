/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-jit-units - random programs of vector, x87 and MMX instructions end alike in the interpreter
 * and in translated code: all registers, control and status words, memory, the exception and where
 * it was.  A seed as argument makes them others.
 *
 * vec_host_isas() is wrapped by the linker: the translator's host may have no AVX-512.
 */
#include "blocks.h"
#include "evex.h"
#include "soft-encode.h"
#include "soft-host.h"
#include "soft-native.h"
#include "x87.h"

enum { XCR0_ALL = 1 | XCR0_AVX512 };
enum { PROGRAMS = 2000, LENGTH = 16, ROUNDS = 4, DATA = 96, CONTROL = 0x7c };

struct program {
    uint8_t code[1024];
    unsigned n;
    bool wide;   /* 64-bit code */
    bool avx512; /* the processor has it */
    bool alone;  /* and nothing else */
};

static void byte(struct program *p, uint8_t b)
{
    p->code[p->n++] = b;
}

static uint64_t bits(GRand *r)
{
    return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
}

static bool one_in(GRand *r, unsigned n)
{
    return g_rand_int(r) % n == 0;
}

/* ---- Instructions ---- */

/* Of either kind, but RSP, RSI and R14, which programs need. */
static unsigned number(const struct program *p, GRand *r)
{
    static const uint8_t numbers[] = { 0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 15 };

    return numbers[g_rand_int(r) % (p->wide ? G_N_ELEMENTS(numbers) : 6)];
}

static const struct vec_op *row(GRand *r)
{
    static const struct vec_table *const tables[] = { &vec_move_table, &vec_int_table,
                                                      &vec_float_table, &vec_special_table,
                                                      &vec_mask_table };

    for (;;) {
        const struct vec_table *t = tables[g_rand_int(r) % G_N_ELEMENTS(tables)];
        const struct vec_op *op = &t->op[g_rand_int(r) % t->n];

        if (!(op->flags & V_ALONE) || one_in(r, 20))
            return op;
    }
}

static void put_vex(struct program *p, GRand *r, const struct vec_op *op, unsigned reg, unsigned rm)
{
    bool w = op->flags & (V_W1 | V_WIDE), l = op->isa[2] && (!op->isa[1] || g_rand_boolean(r));
    unsigned vvvv = op->flags & (V_NDS | V_NDD) ? number(p, r) : 0;

    byte(p, 0xc4);
    byte(p, (reg > 7 ? 0 : 0x80) | 0x40 | (rm > 7 ? 0 : 0x20) | op->map);
    byte(p, w << 7 | (~vvvv & 15) << 3 | l << 2 | op->pp);
}

static void put_legacy(struct program *p, const struct vec_op *op, unsigned reg, unsigned rm)
{
    static const uint8_t prefix[] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned rex = (op->flags & V_WIDE ? 8 : 0) | (reg > 7) << 2 | (rm > 7);

    if (op->pp)
        byte(p, prefix[op->pp]);
    if (p->wide && rex)
        byte(p, 0x40 | rex);
    byte(p, 0x0f);
    if (op->map != MAP_0F)
        byte(p, op->map == MAP_0F38 ? 0x38 : 0x3a);
}

/* A register, or memory near RSI: aligned or not, sometimes beyond the page. */
static void put_modrm(struct program *p, GRand *r, unsigned reg, unsigned rm, bool memory)
{
    if (!memory) {
        byte(p, 0xc0 | (reg & 7) << 3 | (rm & 7));
        return;
    }
    byte(p, 0x40 | (reg & 7) << 3 | RSI);
    byte(p, g_rand_int(r) % DATA & (one_in(r, 3) ? 0xff : 0xe0));
}

/* LDMXCSR, STMXCSR [RSI + CONTROL] */
static void mxcsr(struct program *p, GRand *r)
{
    byte(p, 0x0f);
    byte(p, 0xae);
    byte(p, 0x40 | (g_rand_boolean(r) ? 2 : 3) << 3 | RSI);
    byte(p, CONTROL);
}

static void vector(struct program *p, GRand *r)
{
    const struct vec_op *op = row(r);
    unsigned at = p->n, reg = number(p, r), rm = number(p, r);
    bool memory = op->flags & V_MEM || (!(op->flags & V_REG) && g_rand_boolean(r));
    bool vex = !op->isa[0] || ((op->isa[1] || op->isa[2]) && g_rand_boolean(r));
    struct insn in;

    if (op->ext)
        reg = op->ext & 7;
    if (memory)
        rm = 0;
    if (vex)
        put_vex(p, r, op, reg, rm);
    else
        put_legacy(p, op, reg, rm);
    byte(p, op->opcode);
    if (op->opcode != 0x77 || op->map != MAP_0F)
        put_modrm(p, r, reg, rm, memory);
    byte(p, g_rand_int(r)); /* imm8, if there is one */
    p->n = at + decode(&in, p->code + at, p->n - at, 0, p->wide ? MODE_CODE64 : MODE_CODE32);
}

/* A row's opcode with any operands, that exists(). */
static void evex(struct program *p, GRand *r)
{
    static const struct evex_table *const tables[] = {
        &evex_move_table,    &evex_int_table,  &evex_int_shuffle_table, &evex_float_table,
        &evex_convert_table, &evex_half_table, &evex_special_table,
    };
    const struct evex_table *t = tables[g_rand_int(r) % G_N_ELEMENTS(tables)];
    const struct evex_op *op = &t->op[g_rand_int(r) % t->n];
    struct choice h = choose(r, op->map, op->pp, op->opcode, RSI, 1 << RSP | 1 << RSI | 1 << R14);
    struct code c;

    if (op->flags & E_ALONE && !one_in(r, 20))
        h.opcode ^= 0xff;
    if (op->ext)
        h.reg = op->ext & 7;
    if (!p->wide)
        h.reg &= 7, h.rm &= 7, h.vvvv &= 7, h.index &= 7;
    h.vvvv = op->flags & (E_NDS | E_NDD) ? h.vvvv : 0;
    h.b = one_in(r, 4);
    h.disp = g_rand_int(r) % 3;
    if (h.disp_bytes && one_in(r, 2))
        h.disp = g_rand_int(r) % DATA;
    encode(&c, &h);
    memcpy(p->code + p->n, c.bytes, c.n);
    p->n += c.n;
}

/* The environment is seldom loaded, or it is all that happens. */
static void x87(struct program *p, GRand *r)
{
    unsigned opcode = 0xd8 + g_rand_int(r) % 8, reg = g_rand_int(r) % 8;
    bool memory = one_in(r, 3), environment = (opcode == 0xd9 || opcode == 0xdd) && reg >= 4;

    if (memory && environment && !one_in(r, 6))
        reg &= 3;
    byte(p, opcode);
    put_modrm(p, r, reg, g_rand_int(r) % (one_in(r, 4) ? 8 : 3), memory);
}

/* ADD, XOR, CMP, SETcc, CMOVcc: flags that live across the others. */
static void integer(struct program *p, GRand *r)
{
    static const uint8_t plain[] = { 0x01, 0x31, 0x39, 0x85, 0x11 };
    unsigned reg = number(p, r) & 3, rm = number(p, r) & 3;

    if (one_in(r, 3)) {
        byte(p, 0x0f);
        byte(p, (g_rand_boolean(r) ? 0x40 : 0x90) | g_rand_int(r) % 16);
    } else {
        byte(p, plain[g_rand_int(r) % G_N_ELEMENTS(plain)]);
    }
    byte(p, 0xc0 | reg << 3 | rm);
}

/* Whether there is such an instruction. */
static bool exists(struct program *p, struct cpu *cpu, unsigned at)
{
    struct block_builder *b = &cpu->blocks->builder;
    struct insn in;

    b->cpu = cpu;
    b->mode = cpu->mode;
    b->in = &in;
    b->n = 0;
    decode(&in, p->code + at, p->n - at, 0, cpu->mode & MODE_CODE_MASK);
    return vec_translate(b, &in) || fpu_translate(b, &in) || integer_translate(b, &in);
}

/* What programs are of; MIXED: of vectors and x87. */
enum { VECTOR, X87, EVEX, MIXED, THEMES, INTEGER = THEMES };

static void instruction(struct program *p, GRand *r, unsigned theme, struct cpu *cpu)
{
    unsigned what = one_in(r, 5) ? INTEGER : theme < MIXED ? theme : g_rand_int(r) % 2;
    unsigned at = p->n;

    if (what == EVEX && one_in(r, 3) && !p->alone)
        what = VECTOR;
    do {
        p->n = at;
        switch (what) {
        case VECTOR: one_in(r, 16) ? mxcsr(p, r) : vector(p, r); break;
        case X87: x87(p, r); break;
        case EVEX: evex(p, r); break;
        default: integer(p, r); break;
        }
    } while (!exists(p, cpu, at));
}

/* A loop of as many rounds as R14 says (none in 32-bit code), with branches forward; HLT ends it.
 */
static void generate(struct program *p, GRand *r, struct cpu *cpu)
{
    unsigned theme = g_rand_int(r) % THEMES;

    p->n = 0;
    if (theme == EVEX && !p->avx512)
        theme = VECTOR;
    if (p->alone)
        theme = EVEX;
    p->wide = (cpu->mode & MODE_CODE_MASK) == MODE_CODE64;
    for (unsigned i = 0; i < LENGTH; i++) {
        unsigned at = p->n;
        bool skip = one_in(r, 8);

        if (skip) {
            byte(p, 0x70 | g_rand_int(r) % 16);
            byte(p, 0);
        }
        instruction(p, r, theme, cpu);
        if (skip)
            p->code[at + 1] = p->n - at - 2;
    }
    if (p->wide) {
        byte(p, 0x49), byte(p, 0xff), byte(p, 0xce); /* dec r14; jnz to the beginning */
        byte(p, 0x0f), byte(p, 0x85);
        for (unsigned i = 0, back = -(p->n + 4); i < 4; i++)
            byte(p, back >> 8 * i);
    }
    byte(p, 0xf4);
}

/* ---- States ---- */

static void draw_vectors(struct cpu *cpu, GRand *r)
{
    bool avx512 = cpu->xcr0 == XCR0_ALL && one_in(r, 2);
    unsigned bytes = avx512 && one_in(r, 2) ? 64 : one_in(r, 2) ? 32 : 16;

    memset(cpu->v, 0, sizeof(cpu->v));
    memset(cpu->k, 0, sizeof(cpu->k));
    for (unsigned i = 0; i < (avx512 ? N_VECS : 16); i++)
        for (unsigned k = 0; k < (i < 16 ? bytes : 64) / 8; k++)
            cpu->v[i].u64[k] =
                one_in(r, 3) ? bits(r) : (bits(r) & 0x800fffff00ffffff) | 0x3f1ull << 52;
    for (unsigned i = 0; i < (avx512 ? N_MASKS : 0); i++)
        cpu->k[i] = bits(r) | bits(r);
    cpu->wide = avx512;
    cpu->mxcsr = 0x1f80 | (one_in(r, 3) ? g_rand_int(r) & 0xe07f : 0);
    if (one_in(r, 12))
        cpu->mxcsr &= g_rand_int(r);
}

static void draw_x87(struct cpu *cpu, GRand *r)
{
    struct x87 *x = &cpu->x87;
    uint16_t control = one_in(r, 3) ? (g_rand_int(r) & 0xf00) | 0x7f : 0x37f;

    memset(x, 0, sizeof(*x));
    for (unsigned i = 0; i < 8; i++) {
        x->r[i].mantissa = bits(r) | 1ull << 63;
        x->r[i].sign_exponent = one_in(r, 4) ? g_rand_int(r) : 0x3fff + g_rand_int(r) % 4;
    }
    x->tag_valid = one_in(r, 3) ? g_rand_int(r) : g_rand_int(r) & 0x0f;
    if (one_in(r, 12))
        control &= g_rand_int(r) | 0x40;
    x87_load(cpu, control, g_rand_int(r) & 0x7f40 & (one_in(r, 2) ? ~0u : ~0x3800u));
    x->ip = 0x1111;
    x->dp = 0x2222;
    x->cs = x->ds = 3;
}

/* Now and then a unit is not there. */
static void draw_controls(struct cpu *cpu, GRand *r, bool avx512)
{
    cpu->cr0 &= ~(uint64_t)(CR0_TS | CR0_EM | CR0_MP);
    cpu->cr4 |= CR4_OSFXSR | CR4_OSXSAVE | CR4_OSXMMEXCPT;
    cpu->cr0 |= CR0_NE;
    cpu->xcr0 = avx512 ? XCR0_ALL : 7;
    switch (g_rand_int(r) % 40) {
    case 0: cpu->cr0 |= CR0_TS; break;
    case 1: cpu->cr0 |= CR0_TS | CR0_MP; break;
    case 2: cpu->cr0 |= CR0_EM; break;
    case 3: cpu->cr4 &= ~(uint64_t)CR4_OSFXSR; break;
    case 4: cpu->cr4 &= ~(uint64_t)CR4_OSXSAVE; break;
    case 5: cpu->xcr0 = 3; break;
    case 6: cpu->xcr0 = 7; break;
    }
}

static int run_in(struct soft_host *h, const struct program *p, unsigned seed)
{
    struct cpu *cpu = h->cpu;
    GRand *r = g_rand_new_with_seed(seed);
    uint32_t *control;

    if (p->wide)
        soft_host_scatter(h);
    soft_host_code(h, SOFT_CODE, p->code, p->n);
    for (unsigned i = 0; i < 0x2000; i += 4)
        *(uint32_t *)&h->ram[SOFT_DATA + i] = one_in(r, 2) ? g_rand_int(r) : 0x3ff00000 + i;
    for (unsigned i = 0; i < 16; i++)
        cpu->r[i] = g_rand_boolean(r) ? g_rand_int(r) : 0x80 - (uint64_t)(g_rand_int(r) % 300);
    /* Data that ends at a page, crosses into the next, or faults. */
    cpu->r[RSI] = SOFT_DATA + 0x800;
    if (one_in(r, 4))
        cpu->r[RSI] = SOFT_DATA + 0x1000 - (g_rand_int(r) % DATA & ~15);
    else if (one_in(r, 12))
        cpu->r[RSI] = SOFT_RAM - DATA / 2;
    control = (uint32_t *)&h->ram[(cpu->r[RSI] + CONTROL) ^ (p->wide ? 0x1000 : 0)];
    if (cpu->r[RSI] < SOFT_RAM - DATA)
        *control = (0x1f80 & (one_in(r, 8) ? g_rand_int(r) : -1u)) |
                   (g_rand_int(r) & (one_in(r, 8) ? 0x1ffff : 0xe07f));
    cpu->r[RSP] = SOFT_STACK;
    cpu->r[R14] = ROUNDS;
    draw_controls(cpu, r, p->avx512);
    draw_vectors(cpu, r);
    draw_x87(cpu, r);
    cpu->flags = 2 | (g_rand_int(r) & F_ARITH);
    cpu->halted = false;
    cpu->wanted = 0;
    cpu->cr2 = 0;
    g_rand_free(r);
    return soft_host_run(h, LENGTH * ROUNDS * 2 + 2);
}

static void compare_x87(const struct x87 *a, const struct x87 *b)
{
    g_assert_cmphex(a->control, ==, b->control);
    g_assert_cmphex(a->status, ==, b->status);
    g_assert_cmphex(a->tag_valid, ==, b->tag_valid);
    g_assert_cmphex(a->ip, ==, b->ip);
    g_assert_cmphex(a->dp, ==, b->dp);
    g_assert_cmphex(a->cs, ==, b->cs);
    g_assert_cmphex(a->ds, ==, b->ds);
    g_assert_cmphex(a->opcode, ==, b->opcode);
    for (unsigned i = 0; i < 8; i++)
        g_assert_cmpmem(&a->r[i], 10, &b->r[i], 10);
}

static void compare(struct soft_host *a, struct soft_host *b)
{
    for (unsigned i = 0; i < 16; i++)
        g_assert_cmphex(a->cpu->r[i], ==, b->cpu->r[i]);
    g_assert_cmphex(a->cpu->rip, ==, b->cpu->rip);
    g_assert_cmphex(a->cpu->flags, ==, b->cpu->flags);
    g_assert_cmphex(a->cpu->cr2, ==, b->cpu->cr2);
    g_assert_cmphex(a->cpu->mxcsr, ==, b->cpu->mxcsr);
    for (unsigned i = 0; i < N_VECS; i++)
        g_assert_cmpmem(&a->cpu->v[i], 64, &b->cpu->v[i], 64);
    for (unsigned i = 0; i < N_MASKS; i++)
        g_assert_cmphex(a->cpu->k[i], ==, b->cpu->k[i]);
    compare_x87(&a->cpu->x87, &b->cpu->x87);
    g_assert_cmpuint(a->cpu->instructions, ==, b->cpu->instructions);
    g_assert_cmpmem(a->ram + SOFT_DATA, 0x4000, b->ram + SOFT_DATA, 0x4000);
    g_assert_cmphex(a->cpu->loaded | b->cpu->loaded, ==, 0);
}

/* ---- Tests ---- */

struct machines {
    struct soft_host *plain, *translated;
    struct tenon_cpuid *cpuid;
    uint32_t n_cpuid;
};

/* The last x87 instruction's pointers are kept as on processors before they were deprecated; the
 * guest has no AVX-512; it has, but the translator's host has not. */
enum { OLD_POINTERS = 1, NO_AVX512 = 2, ALONE = 4 };
#define AVX512_EBX (1u << 16 | 1u << 17 | 1u << 21 | 1u << 28 | 1u << 30 | 1u << 31) /* leaf 7 */

static uint64_t hidden; /* of the host's */

uint64_t __real_vec_host_isas(void);
uint64_t __wrap_vec_host_isas(void);

uint64_t __wrap_vec_host_isas(void)
{
    return __real_vec_host_isas() & ~hidden;
}

/* What the host can execute. */
static void create(struct machines *m, unsigned how)
{
    hidden = how & (NO_AVX512 | ALONE) ? ~0ull << ISA_AVX512F : 0;
    m->cpuid = native_cpuid(&m->n_cpuid);
    for (unsigned i = 0; i < m->n_cpuid; i++) {
        if (m->cpuid[i].leaf == 7 && !m->cpuid[i].subleaf && how & OLD_POINTERS)
            m->cpuid[i].ebx &= ~(1u << 6 | 1u << 13);
        if (m->cpuid[i].leaf == 7 && !m->cpuid[i].subleaf && how & NO_AVX512)
            m->cpuid[i].ebx &= ~AVX512_EBX;
    }
    m->plain = soft_host_create(64);
    m->translated = soft_host_create(64);
    jit_destroy(m->plain->cpu);
    if (!m->translated->cpu->blocks->jit)
        g_assert_cmpint(jit_create(m->translated->cpu, JIT_LEAST, 1), ==, 0);
    m->plain->info.cpuid = m->translated->info.cpuid = m->cpuid;
    m->plain->info.n_cpuid = m->translated->info.n_cpuid = m->n_cpuid;
}

static void destroy(struct machines *m)
{
    soft_host_destroy(m->translated);
    soft_host_destroy(m->plain);
    g_free(m->cpuid);
}

static bool has_avx512(const struct cpu *cpu)
{
    return vec_host_has_avx512() && vec_offers(cpu, ISA_AVX512F);
}

static void alike(guint32 seed, unsigned how)
{
    GRand *r = g_rand_new_with_seed(seed);
    unsigned ended[33] = { 0 };
    struct machines m;
    struct program p;

    create(&m, how);
    p.avx512 = has_avx512(m.plain->cpu);
    p.alone = p.avx512 && how & ALONE;
    if (how & (NO_AVX512 | ALONE))
        g_assert_null(m.translated->cpu->blocks->jit->load_evex);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        unsigned state = g_rand_int(r), mode = one_in(r, 4) ? 32 : 64;
        int vector;

        soft_host_mode(m.plain, mode);
        soft_host_mode(m.translated, mode);
        generate(&p, r, m.plain->cpu);
        vector = run_in(m.plain, &p, state);
        g_assert_cmpint(run_in(m.translated, &p, state), ==, vector);
        compare(m.plain, m.translated);
        ended[vector + 1]++;
    }
    for (int i = 0; i < 33; i++)
        if (ended[i])
            g_test_message("%u ended with %d", ended[i], i - 1);
    g_assert_cmpuint(ended[0], >, PROGRAMS / 4);
    g_assert_cmpuint(m.translated->cpu->blocks->jit->count.blocks, >, PROGRAMS);
    g_rand_free(r);
    destroy(&m);
}

static void test_alike(gconstpointer seed)
{
    alike(GPOINTER_TO_UINT(seed), 0);
}

static void test_old_pointers(gconstpointer seed)
{
    alike(GPOINTER_TO_UINT(seed) + 1, OLD_POINTERS);
}

static void test_no_avx512(gconstpointer seed)
{
    alike(GPOINTER_TO_UINT(seed) + 2, NO_AVX512);
}

/* Then its functions do it. */
static void test_avx512_alone(gconstpointer seed)
{
    alike(GPOINTER_TO_UINT(seed) + 3, ALONE);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    gpointer seed = GUINT_TO_POINTER(argc > 1 ? strtoul(argv[1], NULL, 0) : 1);

    g_test_add_data_func("/soft-jit-units/alike", seed, test_alike);
    g_test_add_data_func("/soft-jit-units/old-pointers", seed, test_old_pointers);
    g_test_add_data_func("/soft-jit-units/no-avx512", seed, test_no_avx512);
    g_test_add_data_func("/soft-jit-units/avx512-alone", seed, test_avx512_alone);
    return g_test_run();
}
