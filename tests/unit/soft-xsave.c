/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-xsave - FXSAVE, XSAVE and kin in the software processor, their images beside the host's own.
 */
#include <cpuid.h>

#include "soft-host.h"
#include "soft-native.h"
#include "x87.h"

enum {
    PAGE = 0x1000,
    DATA_BYTES = 3 * PAGE,
    SAVED = 0,
    IMAGE = PAGE,
    FIRST = 2 * PAGE,
    ROUNDS = 5000
};
enum {
    MXCSR_AT = 24,
    BV_AT = 512,
    COMPACT_AT = 520,
    AVX_AT = 576,
    OPMASK_AT = 1088,
    ZMM_HIGH_AT = 1152,
    HIGH_ZMM_AT = 1664,
    PKRU_AT = 2688,
    IMAGE_BYTES = 832
};
#define COMPACT (1ull << 63)
/* Components: up to AVX; AVX-512's. */
enum { AVX_ALL = 7, AVX512 = 0xe0, AVX512_ALL = 0xe7 };

struct fixture {
    struct native native;
    struct soft_host *host;
    GRand *rand;
    uint8_t *data; /* the guest's, as native.data */
};

static void setup(struct fixture *f, const void *data)
{
    native_create(&f->native);
    f->host = soft_host_create(64);
    f->host->info.cpuid = native_cpuid(&f->host->info.n_cpuid);
    f->rand = g_rand_new_with_seed(13);
    f->data = f->host->ram + SOFT_DATA;
    f->host->cpu->r[RDI] = SOFT_DATA;
}

static void teardown(struct fixture *f, const void *data)
{
    g_free((void *)f->host->info.cpuid);
    soft_host_destroy(f->host);
    native_destroy(&f->native);
    g_rand_free(f->rand);
}

static void fill(GRand *r, uint8_t *to, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = g_rand_int(r);
}

static void put64(uint8_t *to, uint64_t v)
{
    memcpy(to, &v, 8);
}

static uint64_t get64(const uint8_t *from)
{
    uint64_t v;

    memcpy(&v, from, 8);
    return v;
}

/* x87 and SSE state as FXSAVE leaves it, all of it random; nothing is pending. */
static void draw_legacy(GRand *r, uint8_t *to)
{
    struct fx *fx = (struct fx *)to;

    fill(r, to, 512);
    fx->control = (fx->control & 0x1f3f) | 0x40;
    fx->opcode &= 0x7ff;
    fx->ip &= 0x7fffffffffff;
    fx->dp &= 0x7fffffffffff;
    fx->mxcsr &= 0xffff;
}

/* What differs between the machines' data, at which byte; -1: nothing. */
static int differs(const struct fixture *f, unsigned from, unsigned bytes)
{
    bool pointers = native_keeps_pointers();

    for (unsigned i = from; i < from + bytes; i++)
        if (f->native.data[i] != f->data[i] && (pointers || i % PAGE < 6 || i % PAGE >= MXCSR_AT))
            return i;
    return -1;
}

static int soft_run(struct fixture *f, const uint8_t *code, unsigned bytes, uint64_t rax)
{
    f->host->cpu->r[RAX] = rax;
    f->host->cpu->r[RDX] = 0;
    soft_host_code(f->host, SOFT_CODE, code, bytes);
    return soft_host_run(f->host, 1);
}

static bool host_has_xsave(void)
{
    unsigned a, b, c, d;

    __cpuid_count(1, 0, a, b, c, d);
    if (!(c & 1 << 27))
        return false;
    __cpuid_count(13, 1, a, b, c, d);
    return (a & 3) == 3;
}

/* What the host's system has enabled in XCR0. */
static bool host_enables(unsigned components)
{
    unsigned low, high;

    if (!host_has_xsave())
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & components) == components;
}

/* ---- FXSAVE ---- */

/* FXRSTOR of something, then FXSAVE, each with or without REX.W. */
static void test_fx(struct fixture *f, const void *data)
{
    static const uint8_t code[] = { 0x48, 0x0f, 0xae, 0x8f, 0, 0x10, 0, 0, 0x48, 0x0f, 0xae, 0x07 };
    struct fx in = { .control = 0x37f, .mxcsr = 0x1f80 }, out;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t bytes[sizeof(code)];
        uint64_t flags = 0x202, rax = 0;

        memcpy(bytes, code, sizeof(code));
        bytes[0] = 0x40 | (i & 1) << 3;
        bytes[8] = 0x40 | (i >> 1 & 1) << 3;
        fill(f->rand, f->data, DATA_BYTES);
        draw_legacy(f->rand, f->data + IMAGE);
        if (i % 8 == 0)
            f->data[IMAGE + MXCSR_AT + 2] = 1 << g_rand_int(f->rand) % 8;
        memcpy(f->native.data, f->data, DATA_BYTES);
        if (native_run(&f->native, bytes, sizeof(bytes), &in, &out, &flags, &rax) == EXC_GP) {
            g_assert_cmpint(soft_run(f, bytes, 8, 0), ==, EXC_GP);
            continue;
        }
        g_assert_cmpint(soft_run(f, bytes, 8, 0), ==, -1);
        g_assert_cmpint(soft_run(f, bytes + 8, 4, 0), ==, -1);
        g_assert_cmpint(differs(f, 0, DATA_BYTES), ==, -1);
    }
}

/* ---- XSAVE ---- */

static void draw_image(GRand *r, uint8_t *to, unsigned components)
{
    draw_legacy(r, to);
    fill(r, to + 512, PAGE - 512);
    memset(to + 512, 0, 64);
    to[BV_AT] = g_rand_int(r) & components;
}

/* Makes an image compact, or spoils it (never by a bit that the host may know), or not. */
static void vary_image(GRand *r, uint8_t *to, unsigned components)
{
    if (g_rand_int(r) & 1) {
        put64(to + COMPACT_AT, COMPACT | (g_rand_int(r) & components));
        if (g_rand_int(r) % 8)
            to[BV_AT] &= to[COMPACT_AT];
    }
    switch (g_rand_int(r) % 32) {
    case 0: to[523 + g_rand_int(r) % 53] ^= 1 << g_rand_int(r) % 8; break;
    case 1: to[COMPACT_AT] ^= 1; break;
    case 2: to[MXCSR_AT + 2] = 1; break;
    case 3: to[COMPACT_AT + 7] ^= 0x40; break;
    case 4: to[BV_AT + 7] ^= 0x80; break;
    }
}

/* XRSTOR all of one image, some of another; then save some, in a form. */
struct sequence {
    uint8_t first[5], load_first[7], mask[5], load[7], save_mask[5], save[3];
};

static int native_sequence(struct fixture *f, struct sequence *s)
{
    struct fx in = { .control = 0x37f, .mxcsr = 0x1f80 }, out;
    uint64_t flags = 0x202, rax = 0;

    return native_run(&f->native, (uint8_t *)s, sizeof(*s), &in, &out, &flags, &rax);
}

static int soft_sequence(struct fixture *f, const struct sequence *s)
{
    int vector;

    g_assert_cmpint(soft_run(f, s->load_first, 7, s->first[1]), ==, -1);
    vector = soft_run(f, s->load, 7, s->mask[1]);
    return vector >= 0 ? vector : soft_run(f, s->save, 3, s->save_mask[1]);
}

/* A host that was interrupted may call a component in use that is not: it gets three attempts. */
static bool agree(struct fixture *f, struct sequence *s, const uint8_t *before, int got)
{
    for (unsigned i = 0; i < 3; i++) {
        memcpy(f->native.data, before, DATA_BYTES);
        if (native_sequence(f, s) == got && differs(f, 0, DATA_BYTES) < 0)
            return true;
    }
    g_test_message("%02x %02x: %d, byte %d: mask %u of %" G_GINT64_MODIFIER "x %" G_GINT64_MODIFIER
                   "x, saved %u",
                   s->save[1], s->save[2], got, differs(f, 0, DATA_BYTES), s->mask[1],
                   get64(f->data + IMAGE + BV_AT), get64(f->data + IMAGE + COMPACT_AT),
                   s->save_mask[1]);
    return false;
}

static void compare_xsave(struct fixture *f, unsigned components)
{
    static const uint8_t saves[][3] = { { 0x0f, 0xae, 0x27 },
                                        { 0x0f, 0xae, 0x37 },
                                        { 0x0f, 0xc7, 0x27 } };
    static uint8_t before[DATA_BYTES];
    unsigned faults = 0;

    f->host->cpu->xcr0 = components;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct sequence s = {
            .first = { 0xb8, components },
            .load_first = { 0x0f, 0xae, 0xaf, 0, 0x20 },
            .mask = { 0xb8, g_rand_int(f->rand) & components },
            .load = { 0x0f, 0xae, 0xaf, 0, 0x10 },
            .save_mask = { 0xb8, g_rand_int(f->rand) & components },
        };
        int got;

        memcpy(s.save, saves[g_rand_int(f->rand) % 3], 3);
        fill(f->rand, f->data, PAGE);
        draw_image(f->rand, f->data + FIRST, components);
        draw_image(f->rand, f->data + IMAGE, components);
        vary_image(f->rand, f->data + IMAGE, components);
        memcpy(before, f->data, DATA_BYTES);
        got = soft_sequence(f, &s);
        faults += got >= 0;
        g_assert_true(agree(f, &s, before, got));
    }
    g_assert_cmpuint(faults, >, ROUNDS / 50);
    g_assert_cmpuint(faults, <, ROUNDS / 5);
}

static void test_xsave(struct fixture *f, const void *data)
{
    if (host_has_xsave())
        compare_xsave(f, AVX_ALL);
    else
        g_test_skip("the host has no XSAVEC");
}

static void test_avx512(struct fixture *f, const void *data)
{
    if (host_enables(AVX512_ALL))
        compare_xsave(f, AVX512_ALL);
    else
        g_test_skip("the host has no AVX-512");
}

/* ---- Without a host's counterpart ---- */

/* As soft-host.h's processor, whatever the host has. */
static void has_all(struct fixture *f)
{
    const struct tenon_cpuid *was = f->host->info.cpuid;

    f->host->info.cpuid = g_memdup2(soft_host_cpuid, sizeof(soft_host_cpuid));
    g_free((void *)was);
    f->host->info.n_cpuid = G_N_ELEMENTS(soft_host_cpuid);
}

/* What says that some of AVX-512's state may not be 0; and that state in 32-bit code. */
static void test_wide(struct fixture *f, const void *data)
{
    static const uint8_t xsave[] = { 0x0f, 0xae, 0x27 }, xrstor[] = { 0x0f, 0xae, 0x2f };
    struct cpu *cpu = f->host->cpu;

    has_all(f);
    cpu->xcr0 = AVX512_ALL;
    memset(f->data, 0, PAGE);
    put64(f->data + BV_AT, AVX512);
    put64(f->data + OPMASK_AT + 8, 1);
    put64(f->data + ZMM_HIGH_AT + 32 * 9, 9);
    put64(f->data + HIGH_ZMM_AT, 16);
    g_assert_false(cpu->wide);
    g_assert_cmpint(soft_run(f, xrstor, 3, AVX512), ==, -1);
    g_assert_true(cpu->wide);
    g_assert_cmphex(cpu->k[1], ==, 1);
    g_assert_cmphex(cpu->v[9].u64[4], ==, 9);
    g_assert_cmphex(cpu->v[16].u64[0], ==, 16);
    g_assert_cmphex(xsave_in_use(cpu) & AVX512, ==, AVX512);
    cpu->k[1] = 0;
    g_assert_cmphex(xsave_in_use(cpu) & AVX512, ==, 0xc0);
    put64(f->data + BV_AT, 0);
    g_assert_cmpint(soft_run(f, xrstor, 3, 0x60), ==, -1);
    g_assert_true(cpu->wide);
    g_assert_cmphex(cpu->v[9].u64[4], ==, 0);
    g_assert_cmphex(cpu->v[16].u64[0], ==, 16);
    g_assert_cmpint(soft_run(f, xrstor, 3, AVX512), ==, -1);
    g_assert_false(cpu->wide);
    g_assert_cmphex(cpu->v[16].u64[0], ==, 0);

    /* 32-bit code sees eight registers of 64 bytes, and none beyond. */
    soft_host_mode(f->host, 32);
    cpu->wide = true;
    for (unsigned i = 0; i < N_VECS; i++)
        cpu->v[i].u64[4] = 100 + i;
    memset(f->data, 0xee, PAGE);
    memset(f->data + BV_AT, 0, 64);
    g_assert_cmpint(soft_run(f, xsave, 3, AVX512), ==, -1);
    g_assert_cmphex(get64(f->data + BV_AT), ==, 0xc0);
    g_assert_cmphex(get64(f->data + ZMM_HIGH_AT + 32 * 7), ==, 107);
    g_assert_cmphex(get64(f->data + ZMM_HIGH_AT + 32 * 8), ==, 0xeeeeeeeeeeeeeeee);
    g_assert_cmphex(get64(f->data + HIGH_ZMM_AT + 32), ==, 0xeeeeeeeeeeeeeeee);
    put64(f->data + BV_AT, 0);
    g_assert_cmpint(soft_run(f, xrstor, 3, AVX512), ==, -1);
    g_assert_cmphex(cpu->v[7].u64[4], ==, 0);
    g_assert_cmphex(cpu->v[8].u64[4], ==, 108);
    g_assert_cmphex(cpu->v[31].u64[4], ==, 131);
    g_assert_true(cpu->wide);
}

/* XSETBV: AVX-512's components come together, and with AVX; XGETBV 1 says what is in use. */
static void test_xcr0(struct fixture *f, const void *data)
{
    static const uint8_t xsetbv[] = { 0x0f, 0x01, 0xd1 }, xgetbv[] = { 0x0f, 0x01, 0xd0 };
    static const uint8_t bad[] = { 0x27, 0x67, 0xc7, 0xa7, 0xe3, 0xe1, 0xe6, 5 };
    struct cpu *cpu = f->host->cpu;

    has_all(f);
    cpu->r[RCX] = 0;
    for (unsigned i = 0; i < sizeof(bad); i++)
        g_assert_cmpint(soft_run(f, xsetbv, 3, bad[i]), ==, EXC_GP);
    g_assert_cmpint(soft_run(f, xsetbv, 3, AVX_ALL), ==, -1);
    g_assert_cmphex(cpu->xcr0, ==, AVX_ALL);
    g_assert_cmpint(soft_run(f, xsetbv, 3, AVX512_ALL), ==, -1);
    g_assert_cmphex(cpu->xcr0, ==, AVX512_ALL);
    memset(cpu->v, 0, sizeof(cpu->v));
    cpu->wide = true;
    cpu->v[20].u64[0] = cpu->v[2].u64[3] = 1;
    g_assert_cmpint(soft_run(f, xgetbv, 3, 0), ==, -1);
    g_assert_cmphex(cpu->r[RAX], ==, AVX512_ALL);
    cpu->r[RCX] = 1;
    g_assert_cmpint(soft_run(f, xgetbv, 3, 0), ==, -1);
    g_assert_cmphex(cpu->r[RAX] & ~1, ==, 0x84);
}

/* PKRU in both formats, where CPUID says. */
static void test_pkru(struct fixture *f, const void *data)
{
    static const uint8_t xsave[] = { 0x0f, 0xae, 0x27 }, xsavec[] = { 0x0f, 0xc7, 0x27 };
    static const uint8_t xrstor[] = { 0x0f, 0xae, 0x2f };
    static const struct tenon_cpuid cpuid[] = {
        { .leaf = 1, .ecx = 1 << 26 },
        { .leaf = 13, .subleaf = 1, .indexed = 1, .eax = 15 },
        { .leaf = 13, .subleaf = 2, .indexed = 1, .eax = 256, .ebx = AVX_AT },
        { .leaf = 13, .subleaf = 9, .indexed = 1, .eax = 8, .ebx = PKRU_AT },
    };
    const struct tenon_cpuid *was = f->host->info.cpuid;
    struct cpu *cpu = f->host->cpu;

    f->host->info.cpuid = cpuid;
    f->host->info.n_cpuid = G_N_ELEMENTS(cpuid);
    cpu->xcr0 = 0x207;
    cpu->pkru = 0x55555554;
    memset(f->data, 0xff, PAGE);
    memset(f->data + 512, 0, 64);
    g_assert_cmpint(soft_run(f, xsave, 3, 0x206), ==, -1);
    g_assert_cmphex(get64(f->data + PKRU_AT), ==, 0x55555554);
    g_assert_cmphex(get64(f->data + BV_AT), ==, 0x200);
    g_assert_cmphex(f->data[0], ==, 0xff);
    cpu->pkru = 1;
    g_assert_cmpint(soft_run(f, xrstor, 3, 0x200), ==, -1);
    g_assert_cmphex(cpu->pkru, ==, 0x55555554);
    cpu->v[3].u64[2] = 3;
    g_assert_cmpint(soft_run(f, xsavec, 3, 0x206), ==, -1);
    g_assert_cmphex(get64(f->data + COMPACT_AT), ==, COMPACT | 0x206);
    g_assert_cmphex(get64(f->data + BV_AT), ==, 0x204);
    g_assert_cmphex(get64(f->data + AVX_AT + 48), ==, 3);
    g_assert_cmphex(get64(f->data + AVX_AT + 256), ==, 0x55555554);
    g_assert_cmpint(soft_run(f, xsavec, 3, 0x200), ==, -1);
    g_assert_cmphex(get64(f->data + AVX_AT), ==, 0x55555554);
    put64(f->data + BV_AT, 0);
    g_assert_cmpint(soft_run(f, xrstor, 3, 0x200), ==, -1);
    g_assert_cmphex(cpu->pkru, ==, 0);
    f->host->info.cpuid = was;
}

/* XSAVES is XSAVEC to privileged code alone. */
static void test_supervisor(struct fixture *f, const void *data)
{
    static const uint8_t xsaves[] = { 0x0f, 0xc7, 0x2f }, xrstors[] = { 0x0f, 0xc7, 0x1f };
    struct cpu *cpu = f->host->cpu;

    if (!cpu_has(cpu, 13, 1, 0, 3)) {
        g_test_skip("the host has no XSAVES");
        return;
    }
    cpu->v[1].u64[1] = 77;
    memset(f->data, 0, PAGE);
    g_assert_cmpint(soft_run(f, xsaves, 3, 7), ==, -1);
    g_assert_cmphex(get64(f->data + COMPACT_AT), ==, COMPACT | 7);
    g_assert_cmphex(get64(f->data + BV_AT), ==, 2);
    cpu->v[1].u64[1] = 0;
    g_assert_cmpint(soft_run(f, xrstors, 3, 7), ==, -1);
    g_assert_cmphex(cpu->v[1].u64[1], ==, 77);
    put64(f->data + COMPACT_AT, 0);
    g_assert_cmpint(soft_run(f, xrstors, 3, 7), ==, EXC_GP);
    cpu->cpl = 3;
    mode_update(cpu);
    g_assert_cmpint(soft_run(f, xsaves, 3, 7), ==, EXC_GP);
    g_assert_cmpint(soft_run(f, xrstors, 3, 7), ==, EXC_GP);
}

/* What the processor's state and the operand forbid, each alone. */
static void test_checks(struct fixture *f, const void *data)
{
    static const uint8_t insn[][3] = {
        { 0x0f, 0xae, 0x07 }, { 0x0f, 0xae, 0x0f }, { 0x0f, 0xae, 0x27 }, { 0x0f, 0xae, 0x2f }
    };
    struct cpu *cpu = f->host->cpu;

    memset(f->data, 0, PAGE);
    for (unsigned i = 0; i < 4; i++) {
        bool xsave = i >= 2;
        uint64_t cr0 = cpu->cr0, cr4 = cpu->cr4;
        struct cpu was;

        g_assert_cmpint(soft_run(f, insn[i], 3, 7), ==, -1);
        cpu->cr0 = cr0 | CR0_TS;
        g_assert_cmpint(soft_run(f, insn[i], 3, 7), ==, EXC_NM);
        cpu->cr0 = cr0 | CR0_EM;
        g_assert_cmpint(soft_run(f, insn[i], 3, 7), ==, xsave ? -1 : EXC_NM);
        cpu->cr0 = cr0;
        cpu->cr4 = cr4 & ~CR4_OSXSAVE;
        g_assert_cmpint(soft_run(f, insn[i], 3, 7), ==, xsave ? EXC_UD : -1);
        cpu->cr4 = cr4;
        cpu->r[RDI] = SOFT_DATA + (xsave ? 16 : 8);
        g_assert_cmpint(soft_run(f, insn[i], 3, 7), ==, EXC_GP);
        cpu->r[RDI] = SOFT_RAM - 64;
        cpu->v[0].u64[0] = 5;
        memset(f->host->ram + SOFT_RAM - 64, 0, 64);
        was = *cpu;
        g_assert_cmpint(soft_run(f, insn[i], 3, 7), ==, EXC_PF);
        g_assert_cmpint(memcmp(&was.x87, &cpu->x87, sizeof(was.x87)), ==, 0);
        g_assert_cmpint(memcmp(was.v, cpu->v, sizeof(was.v)), ==, 0);
        for (unsigned j = 0; j < 64; j++)
            g_assert_cmpint(f->host->ram[SOFT_RAM - 64 + j], ==, 0);
        cpu->r[RDI] = SOFT_DATA;
    }
}

/* 32-bit code sees eight registers, and leaves the others alone. */
static void test_code32(struct fixture *f, const void *data)
{
    static const uint8_t save[] = { 0x0f, 0xae, 0x07 }, restore[] = { 0x0f, 0xae, 0x0f };
    struct cpu *cpu = f->host->cpu;

    soft_host_mode(f->host, 32);
    for (unsigned i = 0; i < 16; i++)
        cpu->v[i].u64[0] = 100 + i;
    memset(f->data, 0xee, 512);
    g_assert_cmpint(soft_run(f, save, 3, 0), ==, -1);
    g_assert_cmphex(get64(f->data + 160 + 7 * 16), ==, 107);
    g_assert_cmphex(get64(f->data + 160 + 8 * 16), ==, 0xeeeeeeeeeeeeeeee);
    for (unsigned i = 0; i < 16; i++)
        cpu->v[i].u64[0] = 0;
    g_assert_cmpint(soft_run(f, restore, 3, 0), ==, -1);
    g_assert_cmphex(cpu->v[7].u64[0], ==, 107);
    g_assert_cmphex(cpu->v[8].u64[0], ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name)                                                                                 \
    g_test_add("/soft/xsave/" #name, struct fixture, NULL, setup, test_##name, teardown)
    TEST(fx);
    TEST(xsave);
    TEST(avx512);
    TEST(wide);
    TEST(xcr0);
    TEST(pkru);
    TEST(supervisor);
    TEST(checks);
    TEST(code32);
    return g_test_run();
}
