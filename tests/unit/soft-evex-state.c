/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-evex-state - AVX-512 in the software processor where the host's cannot be asked: prefixes,
 * modes, segments, and what a fault leaves.
 */
#include "soft-host.h"
#include "vec.h"

struct fixture {
    struct soft_host *host;
    struct cpu *cpu;
};

static void setup(struct fixture *f, const void *data)
{
    f->host = soft_host_create(64);
    f->cpu = f->host->cpu;
}

static void teardown(struct fixture *f, const void *data)
{
    soft_host_destroy(f->host);
}

static int run(struct fixture *f, const uint8_t *code, unsigned bytes)
{
    soft_host_code(f->host, SOFT_CODE, code, bytes);
    return soft_host_run(f->host, 1);
}
#define RUN(f, ...) run(f, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

/* VMOVDQU32 ZMM0 {k1}, [RDI]; and the store; the same of a whole register, aligned. */
#define LOAD    0x62, 0xf1, 0x7e, 0x49, 0x6f, 0x07
#define STORE   0x62, 0xf1, 0x7e, 0x49, 0x7f, 0x07
#define ALIGNED 0x62, 0xf1, 0x7d, 0x48, 0x6f, 0x07
/* VMOVDQU32 ZMM0, [RDI + 1 * 64] */
#define NEXT 0x62, 0xf1, 0x7e, 0x48, 0x6f, 0x47, 0x01

static void put(struct fixture *f, uint64_t at, uint32_t first)
{
    for (uint32_t i = 0; i < 16; i++)
        mem_write(f->cpu, at + 4 * i, first + i, 4);
}

/* None of LOCK, 66, F2, F3 and REX may stand before it; others may. */
static void test_prefixes(struct fixture *f, const void *data)
{
    static const uint8_t bad[] = { 0xf0, 0x66, 0xf2, 0xf3, 0x40, 0x48 };
    static const uint8_t good[] = { 0x26, 0x2e, 0x64, 0x65, 0x67 };

    f->cpu->r[RDI] = SOFT_DATA;
    for (unsigned i = 0; i < sizeof(bad); i++)
        g_assert_cmpint(RUN(f, bad[i], NEXT), ==, EXC_UD);
    for (unsigned i = 0; i < sizeof(good); i++)
        g_assert_cmpint(RUN(f, good[i], NEXT), ==, -1);
    g_assert_cmpint(RUN(f, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, NEXT), ==, EXC_GP);
}

/* A displacement of one byte counts in operands, with any address size; one of four does not. */
static void test_displacement(struct fixture *f, const void *data)
{
    put(f, SOFT_DATA + 64, 100);
    f->cpu->r[RDI] = SOFT_DATA;
    g_assert_cmpint(RUN(f, NEXT), ==, -1);
    g_assert_cmpuint(f->cpu->v[0].u32[15], ==, 115);
    f->cpu->r[RDI] |= 1ull << 32;
    g_assert_cmpint(RUN(f, 0x67, NEXT), ==, -1);
    g_assert_cmpuint(f->cpu->v[0].u32[0], ==, 100);
    f->cpu->r[RDI] = SOFT_DATA + 128;
    g_assert_cmpint(RUN(f, 0x62, 0xf1, 0x7e, 0x48, 0x6f, 0x47, 0xff), ==, -1);
    g_assert_cmpuint(f->cpu->v[0].u32[1], ==, 101);
    /* VPADDD ZMM0, ZMM0, [RDI - 4] {1to16}; [RDI - 64], a displacement of four bytes */
    g_assert_cmpint(RUN(f, 0x62, 0xf1, 0x7d, 0x58, 0xfe, 0x47, 0xff), ==, -1);
    g_assert_cmpuint(f->cpu->v[0].u32[3], ==, 103 + 115);
    g_assert_cmpint(RUN(f, 0x62, 0xf1, 0x7e, 0x48, 0x6f, 0x87, 0xc0, 0xff, 0xff, 0xff), ==, -1);
    g_assert_cmpuint(f->cpu->v[0].u32[2], ==, 102);
}

/* What is masked out is beyond no limit; the rest faults, and nothing has changed then. */
static void test_limit(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->cpu;

    soft_host_mode(f->host, 32);
    for (unsigned i = 0; i < 16; i++)
        cpu->v[0].u32[i] = 50 + i;
    put(f, SOFT_DATA, 0);
    cpu->seg[SEG_DS].limit = SOFT_DATA + 19;
    mode_update(cpu);
    cpu->r[RDI] = SOFT_DATA;
    cpu->k[1] = 0x1f;
    g_assert_cmpint(RUN(f, STORE), ==, -1);
    g_assert_cmpuint(mem_read(cpu, SOFT_DATA + 16, 4), ==, 54);
    g_assert_cmpuint(mem_read(cpu, SOFT_DATA + 20, 4), ==, 5);
    put(f, SOFT_DATA, 0);
    cpu->k[1] = 0x21;
    g_assert_cmpint(RUN(f, STORE), ==, EXC_GP);
    g_assert_cmpuint(mem_read(cpu, SOFT_DATA, 4), ==, 0);
    g_assert_cmpint(RUN(f, LOAD), ==, EXC_GP);
    g_assert_cmpuint(cpu->v[0].u32[0], ==, 50);
    cpu->k[1] = 0x1f;
    g_assert_cmpint(RUN(f, LOAD), ==, -1);
    g_assert_cmpuint(cpu->v[0].u32[4], ==, 4);
    g_assert_cmpuint(cpu->v[0].u32[5], ==, 55);
    g_assert_cmpint(RUN(f, NEXT), ==, EXC_GP);
}

/* The stack's segment has its own exception, in 64-bit code for addresses that are none. */
static void test_canonical(struct fixture *f, const void *data)
{
    struct cpu *cpu = f->cpu;

    cpu->k[1] = 0x8001;
    cpu->r[RDI] = cpu->r[RBP] = 1ull << 47;
    g_assert_cmpint(RUN(f, LOAD), ==, EXC_GP);
    g_assert_cmpint(RUN(f, 0x62, 0xf1, 0x7e, 0x49, 0x6f, 0x45, 0x00), ==, EXC_SS); /* [RBP] */
    cpu->r[RDI] = (1ull << 47) - 4;
    cpu->k[1] = 2;
    g_assert_cmpint(RUN(f, STORE), ==, EXC_GP);
    cpu->k[1] = 0;
    g_assert_cmpint(RUN(f, STORE), ==, -1);
}

/* Alignment counts where something is accessed. */
static void test_alignment(struct fixture *f, const void *data)
{
    f->cpu->r[RDI] = SOFT_DATA;
    g_assert_cmpint(RUN(f, ALIGNED), ==, -1);
    f->cpu->r[RDI] = SOFT_DATA + 32;
    g_assert_cmpint(RUN(f, ALIGNED), ==, EXC_GP);
    f->cpu->k[1] = 0;
    g_assert_cmpint(RUN(f, 0x62, 0xf1, 0x7d, 0x49, 0x6f, 0x07), ==, -1);
    f->cpu->k[1] = 0x8000;
    g_assert_cmpint(RUN(f, 0x62, 0xf1, 0x7d, 0x49, 0x6f, 0x07), ==, EXC_GP);
}

/* A store that ends with RAM: what is behind it is masked out, or the first page stays as it is. */
static void test_store(struct fixture *f, const void *data)
{
    uint64_t end = SOFT_RAM - 16;
    struct cpu *cpu = f->cpu;

    for (unsigned i = 0; i < 16; i++)
        cpu->v[0].u32[i] = 50 + i;
    memset(f->host->ram + end, 0, 16);
    cpu->r[RDI] = end;
    cpu->k[1] = 0x15;
    g_assert_cmpint(RUN(f, STORE), ==, EXC_PF);
    g_assert_cmphex(cpu->fault.address, ==, SOFT_RAM);
    g_assert_cmpuint(mem_read(cpu, end, 4), ==, 0);
    cpu->k[1] = 5;
    g_assert_cmpint(RUN(f, STORE), ==, -1);
    g_assert_cmpuint(mem_read(cpu, end, 4), ==, 50);
    g_assert_cmpuint(mem_read(cpu, end + 4, 4), ==, 0);
    g_assert_cmpuint(mem_read(cpu, end + 8, 4), ==, 52);
}

/* Real mode has no such instruction, whatever XCR0 says. */
static void test_real(struct fixture *f, const void *data)
{
    soft_host_mode(f->host, 16);
    f->cpu->seg[SEG_CS].base = SOFT_CODE;
    soft_host_code(f->host, SOFT_CODE, (const uint8_t[]){ 0x62, 0xf1, 0x7d, 0x48, 0xfe, 0xc1 }, 6);
    f->cpu->rip = 0;
    g_assert_cmpint(soft_host_run(f->host, 1), ==, EXC_UD);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!vec_host_has_avx512()) {
        g_print("1..0 # SKIP the host has no AVX-512\n");
        return 0;
    }
#define TEST(name)                                                                                 \
    g_test_add("/soft/evex-state/" #name, struct fixture, NULL, setup, test_##name, teardown)
    TEST(prefixes);
    TEST(displacement);
    TEST(limit);
    TEST(canonical);
    TEST(alignment);
    TEST(store);
    TEST(real);
    return g_test_run();
}
