/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-evex - AVX-512 in the software processor, each instruction beside the host's own processor.
 *
 * Every row of the tables is encoded in all its forms: lengths, masks, zeroing, broadcast,
 * rounding, registers up to 31, displacements, memory that ends with its page.  What has no row
 * must be #UD where the host says so.  TENON_EVEX_SEED draws other cases, TENON_EVEX_ROUNDS says
 * how many.
 */
#include <inttypes.h>

#include "blocks.h"
#include "check.h"
#include "evex.h"
#include "soft-encode.h"
#include "soft-host.h"
#include "soft-native.h"
#include "soft-native-evex.h"
#include "soft-operands.h"
#include "vec.h"

/* Memory operands lie around TARGET, or about the end of the area, behind which nothing is. */
enum { BASE = R14, AVOID = 1 << RSP | 1 << BASE }; /* what a native program needs */
enum { AREA = NATIVE_AREA, TARGET = 0x2000, SOFT_AREA = SOFT_RAM - AREA };

/* ---- The software processor ---- */

static bool is_wide(const struct state *s)
{
    for (unsigned i = 0; i < 8; i++)
        if (s->k[i])
            return true;
    for (unsigned i = 0; i < 32; i++)
        for (unsigned k = i < 16 ? 32 : 0; k < 64; k++)
            if (s->v[i][k])
                return true;
    return false;
}

static void put_state(struct cpu *cpu, const struct state *s)
{
    cpu->mxcsr = s->mxcsr;
    memcpy(cpu->v, s->v, sizeof(s->v));
    memcpy(cpu->k, s->k, sizeof(s->k));
    memcpy(cpu->r, s->r, sizeof(s->r));
    cpu->wide = is_wide(s);
    cpu->flags = s->flags;
}

static void get_state(const struct cpu *cpu, struct state *s)
{
    s->mxcsr = cpu->mxcsr;
    memcpy(s->v, cpu->v, sizeof(s->v));
    memcpy(s->k, cpu->k, sizeof(s->k));
    memcpy(s->r, cpu->r, sizeof(s->r));
    s->flags = cpu->flags;
    g_assert_true(cpu->wide || !is_wide(s));
}

/* The instruction and HLT, a block; -1 or the vector. */
static int soft_step(struct soft_host *h, const uint8_t *bytes, unsigned n)
{
    uint8_t code[INSN_MAX + 1];
    int vector;

    memcpy(code, bytes, n);
    code[n] = 0xf4;
    soft_host_code(h, SOFT_CODE, code, n + 1);
    h->cpu->halted = false;
    h->cpu->wanted = 0;
    vector = soft_host_run(h, 2);
    if (h->cpu->blocks->check && h->cpu->blocks->check->report)
        g_error("%s", h->cpu->blocks->check->report);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + (vector < 0 ? n + 1 : 0));
    return vector;
}

/* ---- Operands ---- */

struct fixture {
    struct soft_host *host;
    GRand *rand;
    unsigned rounds;
    uint64_t cases, faults, wrong;
    struct state state; /* what registers have that an instruction does not name */
};

static bool one_in(GRand *r, unsigned n)
{
    return g_rand_int(r) % n == 0;
}

static uint64_t draw_mask(GRand *r)
{
    switch (g_rand_int(r) % 6) {
    case 0: return UINT64_MAX;
    case 1: return 0;
    case 2: return 1ull << (g_rand_int(r) & 15);
    case 3: return draw_bits(r) | draw_bits(r);
    default: return draw_bits(r);
    }
}

static uint64_t draw_general(GRand *r)
{
    return g_rand_boolean(r) ? draw_double(r) : draw_bits(r) >> (g_rand_int(r) & 63);
}

static void draw_state(GRand *r, struct state *s)
{
    bool narrow = one_in(r, 8);

    memset(s, 0, sizeof(*s));
    s->mxcsr = draw_mxcsr(r);
    s->flags = 0x202 | (g_rand_int(r) & F_ARITH);
    for (unsigned i = 0; i < 16; i++)
        s->r[i] = draw_general(r);
    for (unsigned i = 0; i < (narrow ? 16 : 32); i++)
        draw(r, s->v[i], narrow ? 32 : 64);
    for (unsigned i = 0; i < (narrow ? 0 : 8); i++)
        s->k[i] = draw_mask(r);
    s->r[RSP] = 0;
}

/* ---- One case ---- */

static char *text(const struct code *c)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < c->n; i++)
        g_string_append_printf(s, "%02x ", c->bytes[i]);
    return g_string_free(s, FALSE);
}

static void put_hex(const uint8_t *p, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        g_printerr("%02x%s", p[i], i && i % 8 == 0 ? "_" : "");
}

static void show(const char *what, unsigned i, const void *before, const void *host,
                 const void *soft, unsigned bytes)
{
    if (!memcmp(host, soft, bytes))
        return;
    g_printerr("#   %s%u\n#     before ", what, i);
    put_hex(before, bytes);
    g_printerr("\n#     host   ");
    put_hex(host, bytes);
    g_printerr("\n#     soft   ");
    put_hex(soft, bytes);
    g_printerr("\n");
}

static void show_states(const struct state *before, const struct state *host,
                        const struct state *soft)
{
    for (unsigned i = 0; i < 32; i++)
        show("zmm", i, before->v[i], host->v[i], soft->v[i], 64);
    for (unsigned i = 0; i < 8; i++)
        show("k", i, &before->k[i], &host->k[i], &soft->k[i], 8);
    for (unsigned i = 0; i < 16; i++)
        show("r", i, &before->r[i], &host->r[i], &soft->r[i], 8);
    show("flags", 0, &before->flags, &host->flags, &soft->flags, 8);
    show("mxcsr", 0, &before->mxcsr, &host->mxcsr, &soft->mxcsr, 4);
}

/* Unmasked overflow or underflow is inexact, too, only if it were with an exponent without bounds;
 * the software processor always says so. */
static uint32_t unsure(uint32_t before, uint32_t host, uint32_t soft)
{
    enum { OE = 8, UE = 0x10, PE = 0x20 };

    return host & ~(before >> 7) & (OE | UE) ? soft & PE : 0;
}

static bool same_state(const struct state *a, const struct state *b)
{
    return !memcmp(a->v, b->v, sizeof(a->v)) && !memcmp(a->k, b->k, sizeof(a->k)) &&
           !memcmp(a->r, b->r, sizeof(a->r)) && a->mxcsr == b->mxcsr &&
           !((a->flags ^ b->flags) & F_ARITH);
}

/* Both processors from the same state, with the operand at that place of the area; everything must
 * be the same after. */
static bool same(struct fixture *f, const struct code *c, const struct state *before, unsigned at)
{
    struct state host = *before, soft = *before;
    uint8_t *area = f->host->ram + SOFT_AREA;
    int expected, got;
    bool alike;

    host.r[BASE] = (uintptr_t)native.area + at;
    soft.r[BASE] = SOFT_AREA + at;
    put_state(f->host->cpu, &soft);
    got = soft_step(f->host, c->bytes, c->n);
    get_state(f->host->cpu, &soft);
    expected = native_step(&host, c->bytes, c->n);
    host.r[BASE] -= (uintptr_t)native.area - SOFT_AREA;
    if (expected == EXC_XM)
        host.mxcsr |= unsure(before->mxcsr, host.mxcsr, soft.mxcsr);
    f->cases++;
    f->faults += expected >= 0;
    alike = got == expected && same_state(&host, &soft) && !memcmp(area, native.area, AREA);
    if (!alike && f->wrong < 20) {
        g_printerr("# %s: host %d, soft %d%s, mxcsr %x\n", text(c), expected, got,
                   memcmp(area, native.area, AREA) ? ", memory differs" : "", before->mxcsr);
        show_states(before, &host, &soft);
    }
    if (!alike)
        memcpy(area, native.area, AREA);
    return alike;
}

/* Addresses of a gather or scatter stay near. */
static void tame_index(uint8_t *v, unsigned size)
{
    for (unsigned i = 0; i < 64; i += size) {
        int64_t wide = (int8_t)v[i];

        memcpy(v + i, &wide, size);
    }
}

static void draw_memory(struct fixture *f, unsigned at)
{
    unsigned from = at - 64, to = MIN(at + 64, AREA);

    draw(f->rand, native.area + from, (to - from) & ~7u);
    memcpy(f->host->ram + SOFT_AREA + from, native.area + from, to - from);
}

/* Amid the area, aligned or not; or so that it reaches the end and beyond. */
static unsigned draw_place(GRand *r)
{
    unsigned align = one_in(r, 3) ? 1 : one_in(r, 3) ? 4 : 64;

    return (one_in(r, 3) ? AREA - g_rand_int(r) % 80 : TARGET + g_rand_int(r) % 256) & -align;
}

/* False: the processors differ. */
static bool try(struct fixture *f, const struct choice *h)
{
    unsigned at = draw_place(f->rand);
    const uint8_t named[] = { h->reg, h->rm, h->vvvv };
    struct state s;
    struct code c;

    if (one_in(f->rand, 64))
        draw_state(f->rand, &f->state);
    s = f->state;
    for (unsigned i = 0; i < sizeof(named); i++) {
        draw(f->rand, s.v[named[i]], 64);
        s.k[named[i] & 7] = draw_mask(f->rand);
        s.r[named[i] & 15] = draw_general(f->rand);
    }
    s.k[h->mask] = draw_mask(f->rand);
    s.mxcsr = draw_mxcsr(f->rand);
    s.r[RSP] = 0;
    if (h->mem)
        draw_memory(f, at);
    if (h->vsib)
        tame_index(s.v[h->index], h->opcode & 1 ? 8 : 4);
    encode(&c, h);
    return same(f, &c, &s, at);
}

/* Of each kind of case the first one that differs is told. */
static void fail(struct fixture *f, const struct choice *h)
{
    f->wrong++;
    g_printerr("# that was map %u pp %u opcode %02x W%u L%u reg %u %s mask %u%s%s\n", h->map, h->pp,
               h->opcode, h->w, h->l, h->reg, h->mem ? "memory" : "registers", h->mask,
               h->z ? " zeroing" : "", h->b ? " b" : "");
    g_test_fail();
}

/* ---- All rows ---- */

static bool is_broadcast(const struct evex_op *op)
{
    return op->tuple == TUPLE_FULL || op->tuple == TUPLE_HALF || op->tuple == TUPLE_QUARTER;
}

/* A form of the row. */
static struct choice choose_row(GRand *r, const struct evex_op *op)
{
    struct choice h = choose(r, op->map, op->pp, op->opcode, BASE, AVOID);
    bool to_memory, vector;

    h.addr32 = one_in(r, 16);
    if (op->ext)
        h.reg = op->ext & 7;
    if (op->flags & (E_REG | E_MEM))
        h.mem = op->flags & E_MEM;
    if (op->w != W_ANY)
        h.w = op->w == W_1 || op->w == W_64;
    if (!(op->flags & (E_NDS | E_NDD)))
        h.vvvv = 0;
    while (!(op->flags & E_SCALAR) && !(op->lengths >> h.l & 1))
        h.l = g_rand_int(r) % 3;
    if (h.mem)
        h.b = is_broadcast(op) && one_in(r, 3);
    else if (op->flags & (E_ER | E_SAE))
        h.b = one_in(r, 3);
    if (h.b && !h.mem && op->flags & E_ER)
        h.l = g_rand_int(r) & 3;
    if (op->dst == KIND_K && !(op->flags & E_TO_RM))
        h.reg &= 7;
    if (op->flags & E_NO_MASK)
        h.mask = 0;
    if (op->flags & E_MASKED && !h.mask)
        h.mask = 1 + g_rand_int(r) % 7;
    to_memory = h.mem && op->flags & E_TO_RM;
    vector = op->dst == KIND_V;
    if (!h.mask || op->flags & E_NO_ZERO || to_memory || !vector)
        h.z = false;
    return h;
}

/* Something is otherwise than the row says. */
static void spoil(GRand *r, struct choice *h)
{
    switch (g_rand_int(r) % 9) {
    case 0: h->w ^= true; break;
    case 1: h->l = g_rand_int(r) & 3; break;
    case 2: h->b ^= true; break;
    case 3: h->z ^= true; break;
    case 4: h->mask = g_rand_int(r) & 7; break;
    case 5: h->vvvv = g_rand_int(r) & 31; break;
    case 6: h->mem ^= true; break;
    case 7: h->reg ^= 8 << (g_rand_int(r) & 1); break;
    case 8: h->pp = g_rand_int(r) & 3; break;
    }
    if (AVOID >> (h->reg & 15) & 1)
        h->reg = RBX;
}

/* Of a row, the first case that differs is told. */
static void compare_row(struct fixture *f, const struct evex_op *op, bool spoilt)
{
    unsigned rounds = spoilt ? f->rounds : f->rounds * 3;

    if (op->isa && !(vec_host_isas() >> op->isa & 1))
        return;
    for (unsigned n = 0; n < rounds; n++) {
        struct choice h = choose_row(f->rand, op);

        if (spoilt)
            spoil(f->rand, &h);
        if (try(f, &h))
            continue;
        fail(f, &h);
        break;
    }
}

static void compare_table(struct fixture *f, const struct evex_table *table, bool spoilt)
{
    for (unsigned i = 0; i < table->n; i++)
        compare_row(f, &table->op[i], spoilt);
}

static void test_rows(struct fixture *f, const void *data)
{
    compare_table(f, data, false);
    g_assert_cmpuint(f->faults, <, f->cases);
}

static void test_spoilt(struct fixture *f, const void *data)
{
    compare_table(f, &evex_move_table, true);
    compare_table(f, &evex_int_table, true);
    compare_table(f, &evex_int_shuffle_table, true);
    compare_table(f, &evex_float_table, true);
    compare_table(f, &evex_convert_table, true);
    compare_table(f, &evex_half_table, true);
    compare_table(f, &evex_special_table, true);
    g_assert_cmpuint(f->faults, >, 0);
}

/* ---- Instructions on masks, and whatever has no row ---- */

/* VEX.0F 41 to 4B, 90 to 93, 98 and 99, 0F3A 30 to 33, with all of W, L, pp and vvvv. */
static void test_masks(struct fixture *f, const void *data)
{
    static const uint8_t opcodes[] = { 0x41, 0x42, 0x44, 0x45, 0x46, 0x47, 0x4a, 0x4b, 0x90,
                                       0x91, 0x92, 0x93, 0x98, 0x99, 0x30, 0x31, 0x32, 0x33 };

    for (unsigned i = 0; i < G_N_ELEMENTS(opcodes); i++) {
        unsigned map = opcodes[i] < 0x40 ? MAP_0F3A : MAP_0F;
        bool differs = false;

        for (unsigned n = 0; n < f->rounds * 40 && !differs; n++) {
            struct choice h =
                choose(f->rand, map, g_rand_int(f->rand) & 3, opcodes[i], BASE, AVOID);

            h.vex = true;
            h.l &= 1;
            h.reg &= one_in(f->rand, 8) ? 15 : 7;
            h.rm &= 15;
            h.vvvv &= one_in(f->rand, 8) ? 15 : 7;
            if (one_in(f->rand, 2))
                h.vvvv = 0;
            if (h.reg == RSP || h.reg == (BASE & 15))
                h.reg = RBX;
            h.mask = 0;
            differs = !try(f, &h);
            if (differs)
                fail(f, &h);
        }
    }
    g_assert_cmpuint(f->faults, <, f->cases);
}

/* Other extensions have EVEX, too: those of Xeon Phi, VP2INTERSECT, AVX10.2 and APX. */
static bool host_has_more(void)
{
    uint32_t a = 0, b = 0, c = 0, d = 0, b10 = 0, d1 = 0;

    __get_cpuid_count(7, 1, &a, &b, &c, &d1);
    __get_cpuid_count(0x24, 0, &a, &b10, &c, &d);
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    return b & (1u << 26 | 1u << 27) || d & (1u << 2 | 1u << 3 | 1u << 8) || d1 & 1u << 21 ||
           (b10 & 0xff) > 1;
}

/* Any encoding at all, mostly of no instruction. */
static void test_other(struct fixture *f, const void *data)
{
    static const uint8_t maps[] = { 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 5, 6, 7 };
    uint64_t invalid = 0;

    if (host_has_more()) {
        g_test_skip("the host has EVEX instructions beyond the tables");
        return;
    }
    for (unsigned n = 0; n < f->rounds * 2000; n++) {
        unsigned map = maps[g_rand_int(f->rand) % G_N_ELEMENTS(maps)];
        struct choice h =
            choose(f->rand, map, g_rand_int(f->rand) & 3, g_rand_int(f->rand) & 0xff, BASE, AVOID);

        h.l = g_rand_int(f->rand) & 3;
        h.b = one_in(f->rand, 4);
        h.z = one_in(f->rand, 4);
        h.vvvv = one_in(f->rand, 2) ? 0 : h.vvvv;
        h.reserved0 = one_in(f->rand, 32);
        h.reserved1 = one_in(f->rand, 32);
        if (!try(f, &h))
            fail(f, &h);
        invalid += native.vector == EXC_UD;
    }
    g_test_message("%" PRIu64 " of %" PRIu64 " are invalid", invalid, f->cases);
    g_assert_cmpuint(invalid, >, f->cases / 2);
    g_assert_cmpuint(invalid, <, f->cases);
}

/* ---- What the system allows ---- */

static const struct rule {
    const char *what;
    uint64_t cr0_set, cr4_clear, xcr0;
    int evex, mask; /* the exceptions of VPADDD ZMM and KMOVW */
} rules[] = {
    // clang-format off
    { "all is set up",         0,                  0,           0xe7, -1,     -1 },
    { "CR0.EM",                CR0_EM,             0,           0xe7, -1,     -1 },
    { "CR0.TS",                CR0_TS,             0,           0xe7, EXC_NM, EXC_NM },
    { "no CR4.OSFXSR",         0,                  CR4_OSFXSR,  0xe7, -1,     -1 },
    { "no CR4.OSXSAVE",        0,                  CR4_OSXSAVE, 0xe7, EXC_UD, EXC_UD },
    { "no CR4.OSXSAVE and TS", CR0_TS,             CR4_OSXSAVE, 0xe7, EXC_UD, EXC_UD },
    { "XCR0 with AVX only",    0,                  0,           7,    EXC_UD, EXC_UD },
    { "XCR0 with SSE only",    0,                  0,           3,    EXC_UD, EXC_UD },
    // clang-format on
};

#define STEP(f, ...)                                                                               \
    soft_step((f)->host, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))
#define VPADDD_ZMM  0x62, 0xf1, 0x7d, 0x48, 0xfe, 0xc1
#define VPADDD_XMM  0x62, 0xf1, 0x7d, 0x08, 0xfe, 0xc1
#define VPADDD_YMM  0xc5, 0xfd, 0xfe, 0xc1
#define PADDD_XMM   0x66, 0x0f, 0xfe, 0xc1
#define KMOVW_K0_K1 0xc5, 0xf8, 0x90, 0xc1

static void test_rules(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;
    uint64_t cr0 = cpu->cr0, cr4 = cpu->cr4;

    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        const struct rule *r = &rules[i];

        g_test_message("%s", r->what);
        cpu->cr0 = cr0 | r->cr0_set;
        cpu->cr4 = cr4 & ~r->cr4_clear;
        cpu->xcr0 = r->xcr0;
        g_assert_cmpint(STEP(f, VPADDD_ZMM), ==, r->evex);
        g_assert_cmpint(STEP(f, KMOVW_K0_K1), ==, r->mask);
    }
}

/* What lies above: EVEX and VEX clear it, others leave it. */
static void test_above(struct fixture *f, const void *data)
{
    struct state s, after;

    memset(&s, 0x55, sizeof(s));
    s.mxcsr = 0x1f80;
    s.flags = 2;
    put_state(f->host->cpu, &s);
    g_assert_cmpint(STEP(f, PADDD_XMM), ==, -1);
    get_state(f->host->cpu, &after);
    g_assert_cmphex(after.v[0][15], ==, 0xaa);
    g_assert_cmphex(after.v[0][16], ==, 0x55);
    g_assert_cmphex(after.v[0][63], ==, 0x55);
    put_state(f->host->cpu, &s);
    g_assert_cmpint(STEP(f, VPADDD_YMM), ==, -1);
    get_state(f->host->cpu, &after);
    g_assert_cmphex(after.v[0][31], ==, 0xaa);
    g_assert_cmphex(after.v[0][32], ==, 0);
    put_state(f->host->cpu, &s);
    g_assert_cmpint(STEP(f, VPADDD_XMM), ==, -1);
    get_state(f->host->cpu, &after);
    g_assert_cmphex(after.v[0][15], ==, 0xaa);
    g_assert_cmphex(after.v[0][16], ==, 0);
    g_assert_cmphex(after.v[1][63], ==, 0x55);
    g_assert_cmphex(after.v[31][63], ==, 0x55);
    put_state(f->host->cpu, &s);
    g_assert_cmpint(STEP(f, 0xc5, 0xf8, 0x77), ==, -1); /* VZEROUPPER */
    get_state(f->host->cpu, &after);
    g_assert_cmphex(after.v[15][15], ==, 0x55);
    g_assert_cmphex(after.v[15][16] | after.v[15][32], ==, 0);
    g_assert_cmphex(after.v[16][16], ==, 0x55);
    put_state(f->host->cpu, &s);
    g_assert_cmpint(STEP(f, 0xc5, 0xfc, 0x77), ==, -1); /* VZEROALL */
    get_state(f->host->cpu, &after);
    g_assert_cmphex(after.v[15][0] | after.v[15][63], ==, 0);
    g_assert_cmphex(after.v[31][0], ==, 0x55);
    g_assert_cmphex(after.k[1], ==, 0x5555555555555555);
}

/* Instructions that drawn operands seldom bring to what is special in them. */
static void test_unmasked(struct fixture *f, const void *data)
{
    enum { UNDERFLOW = 0x1780, FLUSHING = 0x9780, ALL = 0 }; /* what is not masked; MXCSR */
    static const struct {
        struct code code;
        uint64_t operand;
        uint32_t mxcsr;
    } cases[] = {
    // clang-format off
#define INSN(...) { { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }) }
        /* VRNDSCALEPH, VCVTSS2SH: exact, but tiny. */
        { INSN(0x62, 0xf3, 0x7c, 0x48, 0x08, 0xc1, 0xf0), 0x0200020002000200, UNDERFLOW },
        { INSN(0x62, 0xf5, 0x74, 0x08, 0x1d, 0xc2),       0x3580000035800000, UNDERFLOW },
        /* VRCP14PD, VREDUCEPS: flushed without an exception. */
        { INSN(0x62, 0xf2, 0xfd, 0x48, 0x4c, 0xc1),       0x7fe0000000000001, FLUSHING },
        { INSN(0x62, 0xf3, 0x7d, 0x48, 0x56, 0xc1, 0xc0), 0x0000000100000001, FLUSHING },
        /* VFMULCPH: only flags. */
        { INSN(0x62, 0xf6, 0x76, 0x48, 0xd6, 0xc2),       0x00007c0000007c00, ALL },
#undef INSN
        // clang-format on
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct state s = f->state;

        for (unsigned at = 0; at < sizeof(s.v); at += 8)
            memcpy((uint8_t *)s.v + at, &cases[i].operand, 8);
        s.mxcsr = cases[i].mxcsr;
        g_assert_true(same(f, &cases[i].code, &s, TARGET));
    }
}

/* A gather with VEX whose first, second or third element faults: what lies above is cleared. */
static void test_gather(struct fixture *f, const void *data)
{
    static const struct code codes[] = {
        { { 0xc4, 0xc2, 0x69, 0x92, 0x04, 0x0e }, 6 }, /* VGATHERDPS xmm0, [r14 + xmm1], xmm2 */
        { { 0xc4, 0xc2, 0x6d, 0x92, 0x04, 0x0e }, 6 }, /* of YMM registers */
        { { 0xc4, 0xc2, 0x69, 0x93, 0x04, 0x0e }, 6 }, /* VGATHERQPS */
        { { 0xc4, 0xc2, 0xed, 0x90, 0x04, 0x0e }, 6 }, /* VPGATHERDQ */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++)
        for (unsigned good = 0; good < 3; good++) {
            const uint32_t size = codes[i].bytes[2] & 0x80 ? 8 : 4;
            struct state s = f->state;

            memset(s.v[1], 0, sizeof(s.v[1]));
            memset(s.v[2], 0xff, sizeof(s.v[2]));
            for (unsigned at = 0; at < sizeof(s.v[1]); at += codes[i].bytes[3] & 1 ? 8 : 4)
                s.v[1][at] = at / 4 == good ? size : 0;
            g_assert_true(same(f, &codes[i], &s, AREA - size));
        }
}

/* A displacement from RIP counts bytes, and an immediate lies before where it counts from; segments
 * have bases, masks or not. */
static void test_addresses(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;
    uint8_t *p = f->host->ram + SOFT_CODE + 0x2000;

    for (unsigned i = 0; i < 64; i++)
        p[i] = 3 * i;
    cpu->k[2] = 0x8001;
    /* VMOVDQA32 ZMM0, [RIP + 1FF6h]; VPCMPEQD K1, ZMM0, [RIP + 1FF5h]; VPADDD XMM1 {K2} {z}, XMM0,
     * dword [RIP + 1FF6h] {1to4} */
    g_assert_cmpint(STEP(f, 0x62, 0xf1, 0x7d, 0x48, 0x6f, 0x05, 0xf6, 0x1f, 0, 0), ==, -1);
    g_assert_cmpmem(&cpu->v[0], 64, p, 64);
    g_assert_cmpint(STEP(f, 0x62, 0xf3, 0x7d, 0x48, 0x1f, 0x0d, 0xf5, 0x1f, 0, 0, 0), ==, -1);
    g_assert_cmphex(cpu->k[1], ==, 0xffff);
    g_assert_cmpint(STEP(f, 0x62, 0xf1, 0x7d, 0x9a, 0xfe, 0x0d, 0xf6, 0x1f, 0, 0), ==, -1);
    g_assert_cmphex(cpu->v[1].u32[0], ==, 2 * 0x09060300);
    g_assert_cmphex(cpu->v[1].u32[1] | cpu->v[1].u32[3] | cpu->v[1].u32[15], ==, 0);
    cpu->seg[SEG_FS].base = SOFT_CODE + 0x1000;
    cpu->r[RSI] = 0x1000 - 64;
    /* VMOVDQA32 ZMM3, FS:[RSI + 64]; VMOVDQA32 ZMM4 {K2}, FS:[RSI + 64] */
    g_assert_cmpint(STEP(f, 0x64, 0x62, 0xf1, 0x7d, 0x48, 0x6f, 0x5e, 0x01), ==, -1);
    g_assert_cmpmem(&cpu->v[3], 64, p, 64);
    g_assert_cmpint(STEP(f, 0x64, 0x62, 0xf1, 0x7d, 0x4a, 0x6f, 0x66, 0x01), ==, -1);
    g_assert_cmphex(cpu->v[4].u32[15], ==, cpu->v[3].u32[15]);
    g_assert_cmphex(cpu->v[4].u32[14], ==, 0);
}

/* Without its feature an instruction is none. */
static void test_features(struct fixture *f, const void *data)
{
    struct tenon_cpuid *cpuid = (struct tenon_cpuid *)f->host->info.cpuid;

    for (unsigned i = 0; i < f->host->info.n_cpuid; i++) {
        uint32_t ebx = cpuid[i].ebx;

        if (cpuid[i].leaf != 7 || cpuid[i].subleaf)
            continue;
        cpuid[i].ebx = ebx & ~(1u << 31); /* AVX512VL */
        g_assert_cmpint(STEP(f, VPADDD_ZMM), ==, -1);
        g_assert_cmpint(STEP(f, VPADDD_XMM), ==, EXC_UD);
        cpuid[i].ebx = ebx & ~(1u << 16); /* AVX512F */
        g_assert_cmpint(STEP(f, VPADDD_ZMM), ==, EXC_UD);
        cpuid[i].ebx = ebx;
    }
}

/* Outside 64-bit code: eight registers, what names others ignored, or BOUND, or no instruction. */
static void test_modes(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;

    soft_host_mode(f->host, 32);
    for (unsigned i = 0; i < 32; i++)
        cpu->v[i] = (union vec){ .u32 = { i } };
    cpu->wide = true;
    g_assert_cmpint(STEP(f, VPADDD_ZMM), ==, -1);
    g_assert_cmpuint(cpu->v[0].u32[0], ==, 1);
    g_assert_cmpint(STEP(f, 0x62, 0xc1, 0x3d, 0x48, 0xfe, 0xc1), ==, -1); /* R', B, vvvv 8 */
    g_assert_cmpuint(cpu->v[0].u32[0], ==, 2);
    g_assert_cmpint(STEP(f, 0x62, 0xf1, 0x7d, 0x40, 0xfe, 0xc1), ==, EXC_UD); /* V' */
    g_assert_cmpint(STEP(f, 0x62, 0xf2, 0x7d, 0x48, 0x1e, 0xc1), ==, -1);     /* VPABSD ZMM */
    g_assert_cmpint(STEP(f, 0x62, 0xf2, 0x3d, 0x48, 0x1e, 0xc1), ==, EXC_UD); /* unused vvvv */
    cpu->r[RAX] = 0x123456789;
    g_assert_cmpint(STEP(f, 0x62, 0xf3, 0xfd, 0x08, 0x22, 0xc0, 1), ==, -1); /* VPINSRD by W1 */
    g_assert_cmphex(cpu->v[0].u64[0], ==, 0x2345678900000001);
    cpu->r[RSI] = SOFT_DATA;
    mem_write(cpu, SOFT_DATA, 7ull << 32, 8);
    cpu->r[RAX] = 7;
    g_assert_cmpint(STEP(f, 0x62, 0x06), ==, -1); /* BOUND EAX, [ESI]: 0 to 7 */
    cpu->r[RAX] = 8;
    g_assert_cmpint(STEP(f, 0x62, 0x06), ==, EXC_BR);
}

/* ---- Frame ---- */

static unsigned number(const char *name, unsigned otherwise)
{
    const char *text = g_getenv(name);

    return text ? strtoul(text, NULL, 0) : otherwise;
}

static void setup(struct fixture *f, const void *data)
{
    native_open();
    f->host = soft_host_create(64);
    f->host->cpu->xcr0 = 0xe7;
    f->host->info.cpuid = native_cpuid(&f->host->info.n_cpuid);
    if (!g_strcmp0(g_getenv("SOFT_ENGINE"), "check")) {
        g_assert_cmpint(jit_create(f->host->cpu, JIT_LEAST, 1), ==, 0);
        g_assert_cmpint(check_create(f->host->cpu), ==, 0);
    }
    f->rand = g_rand_new_with_seed(number("TENON_EVEX_SEED", 1));
    f->rounds = number("TENON_EVEX_ROUNDS", 30);
    draw_state(f->rand, &f->state);
}

static void teardown(struct fixture *f, const void *data)
{
    g_test_message("%" PRIu64 " cases, %" PRIu64 " of them faults, %" PRIu64 " kinds differ",
                   f->cases, f->faults, f->wrong);
    native_close();
    g_free((void *)f->host->info.cpuid);
    soft_host_destroy(f->host);
    g_rand_free(f->rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl")) {
        g_print("1..0 # SKIP the host has no AVX-512\n");
        return 0;
    }
#define ADD(name)                                                                                  \
    g_test_add("/soft-evex/" #name, struct fixture, NULL, setup, test_##name, teardown)
#define ADD_ROWS(name)                                                                             \
    g_test_add("/soft-evex/" #name, struct fixture, &evex_##name##_table, setup, test_rows,        \
               teardown)
    ADD_ROWS(move);
    ADD_ROWS(int);
    ADD_ROWS(int_shuffle);
    ADD_ROWS(float);
    ADD_ROWS(convert);
    ADD_ROWS(half);
    ADD_ROWS(special);
    ADD(spoilt);
    ADD(masks);
    ADD(other);
    ADD(rules);
    ADD(above);
    ADD(unmasked);
    ADD(gather);
    ADD(addresses);
    ADD(features);
    ADD(modes);
    return g_test_run();
}
