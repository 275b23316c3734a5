/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-x87 - x87 instructions in the software processor, each beside the host's own processor.
 *
 * States, operands and control words are drawn with a fixed seed; TENON_X87_ROUNDS repeats it
 * longer.
 */
#include <inttypes.h>

#include "soft-host.h"
#include "soft-native.h"
#include "x87.h"

enum { IP_BEFORE = 0x123456, DP_BEFORE = 0x654321, OPERAND_BYTES = 128 };
enum { N_FORMS = 8 * 72 };

struct fixture {
    struct native native;
    struct soft_host *host;
    GRand *rand;
};

static void setup(struct fixture *f, const void *data)
{
    native_create(&f->native);
    f->host = soft_host_create(64);
    f->host->info.cpuid = native_cpuid(&f->host->info.n_cpuid);
    f->rand = g_rand_new_with_seed(87);
}

static void teardown(struct fixture *f, const void *data)
{
    g_free((void *)f->host->info.cpuid);
    soft_host_destroy(f->host);
    native_destroy(&f->native);
    g_rand_free(f->rand);
}

/* ---- Values ---- */

static uint64_t bits(GRand *r)
{
    return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
}

/* Fractions and exponents that matter, of so many bits. */
static uint64_t fraction(GRand *r, unsigned width)
{
    uint64_t all = width == 64 ? ~0ull : (1ull << width) - 1;

    switch (g_rand_int(r) % 8) {
    case 0: return 0;
    case 1: return 1ull << (width - 1);
    case 2: return all;
    case 3: return 1;
    case 4: return 3ull << (width - 2);
    case 5: return 1ull << g_rand_int(r) % width;
    default: return bits(r) & all;
    }
}

static unsigned exponent(GRand *r, unsigned width)
{
    unsigned all = (1 << width) - 1, bias = all >> 1;

    switch (g_rand_int(r) % 12) {
    case 0: return 0;
    case 1: return 1;
    case 2: return all;
    case 3: return all - 1;
    case 4:
    case 5:
    case 6: return bias + g_rand_int(r) % 70 - 5;
    case 7: return bias + g_rand_int(r) % 3 - 1;
    case 8: return bias - g_rand_int(r) % 80 % bias;
    case 9: return g_rand_int(r) % 70 % all;
    default: return g_rand_int(r) & all;
    }
}

static void put_m32(GRand *r, uint8_t *to)
{
    uint32_t v = g_rand_int(r) << 31 | exponent(r, 8) << 23 | fraction(r, 23);

    memcpy(to, &v, 4);
}

static void put_m64(GRand *r, uint8_t *to)
{
    uint64_t v = bits(r) << 63 | (uint64_t)exponent(r, 11) << 52 | fraction(r, 52);

    memcpy(to, &v, 8);
}

/* Every kind of 80 bits: normal mostly, but the integer bit as it comes in one of four. */
static void put_m80(GRand *r, uint8_t *to)
{
    unsigned e = exponent(r, 15);
    uint64_t m = fraction(r, 64);
    uint16_t se = e | g_rand_int(r) << 15;

    if (g_rand_int(r) % 4)
        m = e ? m | 1ull << 63 : m & ~(1ull << 63);
    memcpy(to, &m, 8);
    memcpy(to + 8, &se, 2);
}

static void put_bcd(GRand *r, uint8_t *to)
{
    bool any = g_rand_int(r) % 4 == 0;

    for (unsigned i = 0; i < 10; i++) {
        uint8_t b = g_rand_int(r);

        to[i] = any ? b : (b >> 4) % 10 << 4 | (b & 15) % 10;
    }
    if (!any)
        to[9] = g_rand_int(r) & 0x80;
}

static void put_integer(GRand *r, uint8_t *to)
{
    uint64_t v = fraction(r, 16 << g_rand_int(r) % 3);

    memcpy(to, &v, 8);
}

static void draw_operand(GRand *r, unsigned opcode, unsigned reg, uint8_t *to)
{
    for (unsigned i = 0; i < OPERAND_BYTES; i++)
        to[i] = g_rand_int(r);
    if (opcode == 0xd8 || (opcode == 0xd9 && reg == 0))
        put_m32(r, to);
    else if (opcode == 0xdc || (opcode == 0xdd && reg == 0))
        put_m64(r, to);
    else if (opcode == 0xdb && reg == 5)
        put_m80(r, to);
    else if (opcode == 0xdf && reg == 4)
        put_bcd(r, to);
    else if (opcode != 0xd9 && opcode != 0xdd)
        put_integer(r, to);
}

/* A state in which nothing is pending. */
static void draw_state(GRand *r, struct fx *fx)
{
    uint32_t kind = g_rand_int(r);

    memset(fx, 0, sizeof(*fx));
    fx->mxcsr = 0x1f80;
    fx->control = 0x40 | (g_rand_int(r) & 0x1f00);
    if (kind % 4)
        fx->control = (fx->control & 0xfc00) | 0x340;
    fx->control |= kind & 0x100 ? 0x3f : g_rand_int(r) & 0x3f;
    fx->status = (g_rand_int(r) & 0x7f40) | (g_rand_int(r) & fx->control & 0x3f);
    fx->tags = kind & 0x200 ? 0xff : g_rand_int(r);
    fx->ip = IP_BEFORE;
    fx->dp = DP_BEFORE;
    fx->opcode = g_rand_int(r) & 0x7ff;
    for (unsigned i = 0; i < 8; i++)
        put_m80(r, fx->st[i]);
    if (kind & 0x400) /* comparable ones, for FPREM, FCOM */
        memcpy(fx->st[1], fx->st[0], 9);
}

/* ---- The software processor in that state ---- */

static void give(struct cpu *cpu, const struct fx *fx)
{
    struct x87 *x = &cpu->x87;

    memset(x, 0, sizeof(*x));
    x->tag_valid = fx->tags;
    x->opcode = fx->opcode;
    x->ip = fx->ip;
    x->dp = fx->dp;
    x87_load(cpu, fx->control, fx->status);
    for (unsigned i = 0; i < 8; i++)
        memcpy(&x->r[(x87_top(x) + i) & 7], fx->st[i], 10);
}

static void take(const struct cpu *cpu, struct fx *fx)
{
    const struct x87 *x = &cpu->x87;

    memset(fx, 0, sizeof(*fx));
    fx->control = x->control;
    fx->status = x->status;
    fx->tags = x->tag_valid;
    fx->opcode = x->opcode;
    fx->ip = x->ip;
    fx->dp = x->dp;
    for (unsigned i = 0; i < 8; i++)
        memcpy(fx->st[i], &x->r[(x87_top(x) + i) & 7], 10);
}

static int soft_run(struct fixture *f, const uint8_t *code, unsigned bytes)
{
    uint8_t block[32]; /* and HLT, so that the translator makes code of it */

    memcpy(block, code, bytes);
    block[bytes] = 0xf4;
    soft_host_code(f->host, SOFT_CODE, block, bytes + 1);
    f->host->cpu->halted = false;
    f->host->cpu->wanted = 0;
    return soft_host_run(f->host, 2);
}

/* ---- The comparison ---- */

static void form_bytes(unsigned form, uint8_t code[2])
{
    unsigned n = form % 72;

    code[0] = 0xd8 + form / 72;
    code[1] = n < 8 ? n << 3 | 7 : 0xc0 + n - 8;
}

static char *dump(const struct fx *fx)
{
    GString *s = g_string_new(NULL);

    g_string_append_printf(s, "CW %04x SW %04x TW %02x OP %03x IP %" PRIx64 " DP %" PRIx64,
                           fx->control, fx->status, fx->tags, fx->opcode, fx->ip, fx->dp);
    for (unsigned i = 0; i < 8; i++)
        g_string_append_printf(s, "\n#   ST%u %04x %016" PRIx64, i, *(uint16_t *)(fx->st[i] + 8),
                               *(uint64_t *)fx->st[i]);
    return g_string_free(s, FALSE);
}

/* Native addresses as the guest's. */
static void translate_pointers(const struct native *n, struct fx *fx)
{
    if (fx->ip == (uintptr_t)n->code)
        fx->ip = SOFT_CODE;
    if (fx->dp == (uintptr_t)n->data)
        fx->dp = SOFT_DATA;
}

static bool same_pointers(const struct fx *a, const struct fx *b)
{
    return a->opcode == b->opcode && a->ip == b->ip && a->dp == b->dp;
}

static bool same(const struct fx *a, const struct fx *b)
{
    return a->control == b->control && a->status == b->status && a->tags == b->tags &&
           (!native_keeps_pointers() || same_pointers(a, b)) &&
           !memcmp(a->st, b->st, sizeof(a->st));
}

/* One instruction from one state on both; false (and said) if they differ. */
static bool compare(struct fixture *f, const uint8_t *code, unsigned bytes, const struct fx *before,
                    const uint8_t *operand)
{
    struct cpu *cpu = f->host->cpu;
    uint64_t flags = 0x202 | (g_rand_int(f->rand) & F_ARITH), rax = 0x1122334455667788;
    uint64_t guest_flags = flags;
    struct fx native, soft;
    uint8_t *guest = f->host->ram + SOFT_DATA;

    memcpy(f->native.data, operand, OPERAND_BYTES);
    memcpy(guest, operand, OPERAND_BYTES);
    give(cpu, before);
    cpu->r[RAX] = rax;
    cpu->r[RDI] = SOFT_DATA;
    cpu->flags = 2 | (guest_flags & F_ARITH);
    g_assert_cmpint(native_run(&f->native, code, bytes, before, &native, &flags, &rax), ==, -1);
    native_leave_flags(g_rand_int(f->rand));
    g_assert_cmpint(soft_run(f, code, bytes), ==, -1);
    take(cpu, &soft);
    translate_pointers(&f->native, &native);
    if (same(&native, &soft) && !memcmp(f->native.data, guest, OPERAND_BYTES) &&
        cpu->r[RAX] == rax && !((flags ^ cpu->flags) & F_ARITH))
        return true;
    g_test_message("%02x %02x, operand %016" PRIx64 " %016" PRIx64 "\nbefore %s\nnative %s %" PRIx64
                   " %016" PRIx64 "\nsoft   %s %" PRIx64 " %016" PRIx64,
                   code[0], code[1], *(uint64_t *)operand, *(uint64_t *)(operand + 8), dump(before),
                   dump(&native), flags & F_ARITH, *(uint64_t *)f->native.data, dump(&soft),
                   cpu->flags & F_ARITH, *(uint64_t *)guest);
    return false;
}

static bool is_instruction(struct fixture *f, const uint8_t code[2])
{
    struct block_builder *b = g_new0(struct block_builder, 1);
    struct insn in;
    bool is;

    g_assert_cmpint(decode(&in, code, 2, 0, MODE_CODE64), ==, 2);
    b->cpu = f->host->cpu;
    b->mode = f->host->cpu->mode;
    b->in = &in;
    is = fpu_translate(b, &in);
    g_free(b);
    return is;
}

static unsigned rounds(void)
{
    const char *s = g_getenv("TENON_X87_ROUNDS");

    return s ? atoi(s) : 300;
}

static void test_differential(struct fixture *f, const void *data)
{
    uint8_t code[2], operand[OPERAND_BYTES];
    unsigned wrong = 0;

    for (unsigned form = 0; form < N_FORMS; form++) {
        unsigned before = wrong;

        form_bytes(form, code);
        if (!is_instruction(f, code))
            continue;
        for (unsigned i = rounds(); i && wrong < before + 2; i--) {
            struct fx fx;

            draw_state(f->rand, &fx);
            draw_operand(f->rand, code[0], code[1] >> 3 & 7, operand);
            wrong += !compare(f, code, 2, &fx, operand);
        }
    }
    g_assert_cmpuint(wrong, ==, 0);
}

/* FLDENV, FNSTENV, FRSTOR, FNSAVE with prefixes: 66 takes the layout of 16 bits, REX.W none. */
static void test_operand_sizes(struct fixture *f, const void *data)
{
    static const uint8_t insn[][2] = {
        { 0xd9, 0x27 }, { 0xd9, 0x37 }, { 0xdd, 0x27 }, { 0xdd, 0x37 }
    };
    static const uint8_t prefix[] = { 0x66, 0x48, 0xf3 };

    for (unsigned i = 0; i < G_N_ELEMENTS(insn) * G_N_ELEMENTS(prefix); i++)
        for (unsigned n = rounds(); n; n--) {
            uint8_t code[3] = { prefix[i / 4], insn[i % 4][0], insn[i % 4][1] },
                    operand[OPERAND_BYTES];
            struct fx fx;

            draw_state(f->rand, &fx);
            draw_operand(f->rand, code[1], code[2] >> 3 & 7, operand);
            g_assert_true(compare(f, code, 3, &fx, operand));
        }
}

/* What is an instruction, and which of them wait for a pending exception. */
static void test_faults(struct fixture *f, const void *data)
{
    struct fx clean = { .control = 0x37f, .mxcsr = 0x1f80 }, pending = clean, out;
    uint8_t code[2];

    pending.control = 0x37e;
    pending.status = 0x8081;
    for (unsigned form = 0; form < N_FORMS; form++) {
        form_bytes(form, code);
        for (unsigned i = 0; i < 2; i++) {
            const struct fx *fx = i ? &pending : &clean;
            uint64_t flags = 0x202, rax = 0;
            int want = native_run(&f->native, code, 2, fx, &out, &flags, &rax), got;

            give(f->host->cpu, fx);
            f->host->cpu->r[RDI] = SOFT_DATA;
            got = soft_run(f, code, 2);
            if (got != want)
                g_test_message("%02x %02x, %s", code[0], code[1], i ? "pending" : "clean");
            g_assert_cmpint(got, ==, want);
        }
    }
}

/* ---- Without a host's counterpart ---- */

/* CR0.EM and TS forbid everything; FWAIT minds TS with MP alone. */
static void test_unavailable(struct fixture *f, const void *data)
{
    static const uint8_t fwait = 0x9b;
    struct cpu *cpu = f->host->cpu;
    uint64_t cr0 = cpu->cr0 & ~(uint64_t)CR0_MP;
    uint8_t code[2];

    for (unsigned form = 0; form < N_FORMS; form++) {
        form_bytes(form, code);
        if (!is_instruction(f, code))
            continue;
        cpu->cr0 = cr0 | CR0_TS;
        g_assert_cmpint(soft_run(f, code, 2), ==, EXC_NM);
        cpu->cr0 = cr0 | CR0_EM;
        g_assert_cmpint(soft_run(f, code, 2), ==, EXC_NM);
    }
    g_assert_cmpint(soft_run(f, &fwait, 1), ==, -1);
    cpu->cr0 = cr0 | CR0_TS;
    g_assert_cmpint(soft_run(f, &fwait, 1), ==, -1);
    cpu->cr0 = cr0 | CR0_TS | CR0_MP;
    g_assert_cmpint(soft_run(f, &fwait, 1), ==, EXC_NM);
}

/* An operand that is not there leaves everything as it was. */
static void test_page_fault(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->host->cpu;
    uint8_t code[2];

    for (unsigned form = 0; form < N_FORMS; form++) {
        struct fx before, after;

        form_bytes(form, code);
        if (!is_instruction(f, code) || code[1] >= 0xc0)
            continue;
        for (unsigned i = 0; i < 32; i++) {
            draw_state(f->rand, &before);
            before.control |= 0x3f;
            give(cpu, &before);
            take(cpu, &before);
            cpu->r[RDI] = SOFT_RAM - 1;
            f->host->ram[SOFT_RAM - 1] = 0x5a;
            g_assert_cmpint(soft_run(f, code, 2), ==, EXC_PF);
            take(cpu, &after);
            g_assert_true(same(&before, &after) && same_pointers(&before, &after));
            g_assert_cmpint(f->host->ram[SOFT_RAM - 1], ==, 0x5a);
        }
    }
}

static unsigned ferr_raised, ferr_asked;
static void note_raised(struct cpu *cpu, bool level)
{
    ferr_raised += level;
}

static bool freeze_once(struct cpu *cpu)
{
    return ferr_asked++ == 0;
}

/* Without CR0.NE an exception goes out by FERR#, and the next instruction waits for an interrupt.
 */
static void test_ferr(struct fixture *f, const void *data)
{
    static const uint8_t fdiv[] = { 0xd8, 0xf1 }, fld1[] = { 0xd9, 0xe8 },
                         fnclex[] = { 0xdb, 0xe2 };
    struct fx zero = { .control = 0x37b, .tags = 0xff, .mxcsr = 0x1f80 };
    struct cpu *cpu = f->host->cpu;

    zero.st[0][9] = 0x3f;
    zero.st[0][8] = 0xff;
    zero.st[0][7] = 0x80;
    cpu->cr0 &= ~(uint64_t)CR0_NE;
    give(cpu, &zero);
    g_assert_cmpint(soft_run(f, fdiv, 2), ==, -1);
    g_assert_cmphex(cpu->x87.status, ==, 0x8084);
    g_assert_true(cpu->x87.ferr);
    cpu->x87.tag_valid = 0;
    g_assert_cmpint(soft_run(f, fld1, 2), ==, -1);
    g_assert_cmpuint(x87_top(&cpu->x87), ==, 7);
    g_assert_cmpint(soft_run(f, fnclex, 2), ==, -1);
    g_assert_false(cpu->x87.ferr);

    give(cpu, &zero);
    cpu->ferr_changed = note_raised;
    cpu->ferr_frozen = freeze_once;
    ferr_raised = ferr_asked = 0;
    g_assert_cmpint(soft_run(f, fdiv, 2), ==, -1);
    g_assert_cmpuint(ferr_raised, ==, 1);
    cpu->x87.tag_valid = 0;
    g_assert_cmpint(soft_run(f, fld1, 2), ==, -1);
    g_assert_cmpuint(x87_top(&cpu->x87), ==, 0);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE);
    g_assert_cmpint(soft_host_run(f->host, 1), ==, -1);
    g_assert_cmpuint(x87_top(&cpu->x87), ==, 7);
    g_assert_cmpuint(ferr_raised, ==, 1);
}

/* Segments and a division by zero whose pointers the environment shows. */
static void divide_by_zero(struct fixture *f, unsigned bits)
{
    static const uint8_t fdiv[] = { 0xd8, 0x37 }; /* [bx] or [edi] */
    struct cpu *cpu = f->host->cpu;

    soft_host_mode(f->host, bits);
    cpu->seg[SEG_CS].selector = bits == 16 ? 0x100 : 0x18;
    cpu->seg[SEG_CS].base = 0x1000;
    cpu->seg[SEG_DS].selector = bits == 16 ? 0x1eee : 0x2b;
    cpu->seg[SEG_DS].base = 0x1eee0;
    mode_update(cpu);
    cpu->r[RBX] = cpu->r[RDI] = 0x2345;
    memset(f->host->ram + 0x1eee0 + 0x2345, 0, 4);
    memset(&cpu->x87, 0, sizeof(cpu->x87));
    cpu->x87.control = 0x37b;
    cpu->x87.tag_valid = 0x81;
    cpu->x87.r[0].ld = 1;
    soft_host_code(f->host, SOFT_CODE, fdiv, 2);
    cpu->rip -= 0x1000;
    g_assert_cmpint(soft_host_run(f->host, 1), ==, -1);
    g_assert_cmphex(cpu->x87.status, ==, 0x8084);
}

static void step_at_cs(struct fixture *f, const uint8_t *code, unsigned bytes)
{
    soft_host_code(f->host, SOFT_CODE + 64, code, bytes);
    f->host->cpu->rip -= 0x1000;
    g_assert_cmpint(soft_host_run(f->host, 1), ==, -1);
}

/* The four layouts, stored and loaded again. */
static void test_environment(struct fixture *f, const void *data)
{
    static const struct tenon_cpuid cpuid[] = { { .leaf = 1, .edx = 1 } };
    static const uint16_t real16[] = { 0x37b, 0x8084, 0x7ffc, 0, 0x1037, 0x1225, 0x2000 };
    static const uint16_t protected16[] = { 0x37b, 0x8084, 0x7ffc, 0xf000, 0x18, 0x2345, 0x2b };
    static const uint32_t real32[] = { 0xffff037b, 0xffff8084, 0xffff7ffc, 0xffff0000,
                                       0x1037,     0xffff1225, 0x2000 };
    static const uint32_t protected32[] = { 0xffff037b, 0xffff8084, 0xffff7ffc, 0xf000,
                                            0x370018,   0x2345,     0xffff002b };
    static const struct {
        unsigned mode, prefix, bytes;
        const void *want;
    } c[] = { { 16, 0, 14, real16 },
              { 16, 1, 28, real32 },
              { 32, 1, 14, protected16 },
              { 32, 0, 28, protected32 } };
    static const uint8_t fnstenv[] = { 0x66, 0xd9, 0x37 }, fldenv[] = { 0x66, 0xd9, 0x27 };
    const struct tenon_cpuid *was = f->host->info.cpuid;
    struct cpu *cpu = f->host->cpu;
    const uint8_t *env = f->host->ram + 0x1eee0 + 0x2345;

    f->host->info.cpuid = cpuid;
    f->host->info.n_cpuid = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(c); i++) {
        const uint8_t *store = fnstenv + !c[i].prefix, *load = fldenv + !c[i].prefix;
        uint8_t first[28];

        divide_by_zero(f, c[i].mode);
        cpu->x87.r[7] = (union x87_reg){ 0 };
        step_at_cs(f, store, 2 + c[i].prefix);
        g_assert_cmpmem(env, c[i].bytes, c[i].want, c[i].bytes);
        g_assert_cmphex(cpu->x87.control, ==, 0x37f);
        g_assert_cmphex(cpu->x87.status, ==, 4);
        memcpy(first, env, 28);
        x87_init(cpu);
        step_at_cs(f, load, 2 + c[i].prefix);
        step_at_cs(f, store, 2 + c[i].prefix);
        g_assert_cmpmem(env, c[i].bytes, first, c[i].bytes);
    }
    f->host->info.cpuid = was;
}

/* Where CPUID does not say otherwise, each memory operand is noted, and selectors are. */
static void test_pointers(struct fixture *f, const void *data)
{
    static const struct tenon_cpuid old[] = { { .leaf = 1, .edx = 1 } };
    static const struct tenon_cpuid new[] = {
        { .leaf = 1, .edx = 1 }, { .leaf = 7, .indexed = 1, .ebx = 1 << 6 | 1 << 13 }
    };
    static const uint8_t fld_edi[] = { 0xd9, 0x47, 4 };
    const struct tenon_cpuid *was = f->host->info.cpuid;
    struct cpu *cpu = f->host->cpu;

    for (unsigned i = 0; i < 2; i++) {
        f->host->info.cpuid = i ? new : old;
        f->host->info.n_cpuid = i + 1;
        soft_host_mode(f->host, 32);
        x87_init(cpu);
        cpu->r[RDI] = SOFT_DATA;
        blocks_flush(cpu);
        g_assert_cmpint(soft_run(f, fld_edi, 3), ==, -1);
        g_assert_cmphex(cpu->x87.ip, ==, SOFT_CODE);
        g_assert_cmphex(cpu->x87.cs, ==, i ? 0 : 8);
        g_assert_cmphex(cpu->x87.dp, ==, i ? 0 : SOFT_DATA + 4);
        g_assert_cmphex(cpu->x87.ds, ==, i ? 0 : 16);
    }
    f->host->info.cpuid = was;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name)                                                                                 \
    g_test_add("/soft/x87/" #name, struct fixture, NULL, setup, test_##name, teardown)
    TEST(faults);
    TEST(differential);
    TEST(operand_sizes);
    TEST(unavailable);
    TEST(page_fault);
    TEST(ferr);
    TEST(environment);
    TEST(pointers);
    return g_test_run();
}
