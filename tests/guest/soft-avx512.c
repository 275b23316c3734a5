/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-avx512 - AVX-512 as a system has it: what enables it, masked accesses at the end of what is
 * mapped, gathers that go on after a page fault, state that is kept, and a loop that becomes hot.
 *
 * Intel SDM volume 1, chapters 13 and 15; volume 2, sections 2.7 and 2.8.
 */
#include "long.h"

static char memory[4096] __attribute__((aligned(4096)));
static uint8_t image[4096] __attribute__((aligned(4096)));
static uint32_t vector[16] __attribute__((aligned(64)));

static void set_xcr0(uint32_t value)
{
    __asm__ volatile("xsetbv" : : "a"(value), "c"(0), "d"(0));
}

static void set_mask(uint64_t k1)
{
    __asm__ volatile("kmovq %0, %%k1" : : "r"(k1));
}

static uint64_t mask(void)
{
    uint64_t k1;

    __asm__ volatile("kmovq %%k1, %0" : "=r"(k1));
    return k1;
}

/* zmm1's elements are n, n + 1... */
static void count_from(uint32_t n)
{
    for (int i = 0; i < 16; i++)
        vector[i] = n + i;
    __asm__ volatile("vmovdqa32 %0, %%zmm1" : : "m"(vector));
}

static uint32_t element(unsigned n)
{
    __asm__ volatile("vmovdqa32 %%zmm1, %0" : "=m"(vector));
    return vector[n];
}

static void attempt_both(const char *name, int fault)
{
    ATTEMPT("vpaddd %%zmm0, %%zmm0, %%zmm0", :);
    expect(name, fault, 0);
    ATTEMPT("kxorw %%k1, %%k1, %%k1", :);
    expect("    KXORW", fault, 0);
}

static void enabling(void)
{
    attempt_both("#UD without CR4.OSXSAVE", UD);
    WRITE_CR(4, READ_CR(4) | 1 << 18 | 0x600);
    set_xcr0(7);
    attempt_both("#UD without XCR0", UD);
    ATTEMPT("xsetbv", : : "a"(0x27), "c"(0), "d"(0));
    expect("#GP XCR0 with the masks alone", GP, 0);
    ATTEMPT("xsetbv", : : "a"(0xe3), "c"(0), "d"(0));
    expect("#GP XCR0 without AVX", GP, 0);
    set_xcr0(0xe7);
    attempt_both("all is enabled", NONE);
    WRITE_CR(0, READ_CR(0) | 8);
    attempt_both("#NM by CR0.TS", NM);
    __asm__ volatile("clts");
}

/* The first page is mapped, the second one not. */
static void masked_loads(void)
{
    char *end = at_window(1);

    for (int i = 0; i < 4096; i++)
        memory[i] = i;
    map(0, (uint64_t)memory | P | W);
    map(1, 0);
    count_from(100);
    set_mask(0xff);
    ATTEMPT("vmovdqu32 -32(%0), %%zmm1 %{%%k1%}", : : "r"(end) : "memory");
    expect("masked load up to the end", NONE, 0);
    check_value("    loaded", element(7), 0xfffefdfc);
    check_value("    kept", element(8), 108);
    set_mask(0x101);
    ATTEMPT("vmovdqu32 -32(%0), %%zmm1 %{%%k1%}", : : "r"(end) : "memory");
    expect_pf("#PF beyond it", 0, (uint64_t)end);
    check_value("    nothing is loaded", element(0), 0xe3e2e1e0);
    ATTEMPT("vpaddd (%0)%{1to16%}, %%zmm1, %%zmm1", : : "r"(end - 4) : "memory");
    expect("broadcast", NONE, 0);
    check_value("    added", element(8), 108 + 0xfffefdfc);
    ATTEMPT("vmovdqu32 -60(%0), %%zmm1", : : "r"(end) : "memory");
    expect_pf("#PF across, without a mask", 0, (uint64_t)end);
}

/* The second page is read-only. */
static void masked_stores(void)
{
    char *end = at_window(1);

    map(1, (uint64_t)image | P);
    image[0] = 0x77;
    count_from(0x01010101);
    set_mask(0x0a);
    ATTEMPT("vmovdqu32 %%zmm1, -16(%0) %{%%k1%}", : : "r"(end) : "memory");
    expect("masked store up to the end", NONE, 0);
    check_value("    stored", *(uint32_t *)(memory + 4084), 0x01010102);
    check_value("    not stored", *(uint32_t *)(memory + 4088), 0xfbfaf9f8);
    set_mask(0x11);
    ATTEMPT("vmovdqu32 %%zmm1, -16(%0) %{%%k1%}", : : "r"(end) : "memory");
    expect_pf("#PF beyond it", 3, (uint64_t)end);
    check_value("    nothing is stored", *(uint32_t *)(memory + 4080), 0xf3f2f1f0);
    set_mask(0x0f);
    ATTEMPT("vpcompressd %%zmm1, -16(%0) %{%%k1%}", : : "r"(end) : "memory");
    expect("compressed as far as there is room", NONE, 0);
    check_value("    stored", *(uint32_t *)(memory + 4092), 0x01010104);
    check_value("the other page is as it was", image[0], 0x77);
}

/* Elements from both pages; the second one is mapped when the first fault has been. */
static void gathers(void)
{
    char *end = at_window(1);

    map(1, 0);
    for (int i = 0; i < 16; i++)
        vector[i] = i < 4 ? -4 - 4 * i : 4 * i;
    __asm__ volatile("vmovdqa32 %0, %%zmm2\n\tvpxord %%zmm1, %%zmm1, %%zmm1" : : "m"(vector));
    set_mask(0xffff);
    ATTEMPT("vpgatherdd (%0, %%zmm2, 1), %%zmm1 %{%%k1%}", : : "r"(end) : "memory");
    expect_pf("#PF amid a gather", 0, (uint64_t)end + 16);
    check_value("    what is done is not wanted any longer", mask(), 0xfff0);
    check_value("    and is there", element(0), 0x01010104);
    ((uint32_t *)image)[15] = 0x12345678;
    map(1, (uint64_t)image | P | W);
    ATTEMPT("vpgatherdd (%0, %%zmm2, 1), %%zmm1 %{%%k1%}", : : "r"(end) : "memory");
    expect("it goes on", NONE, 0);
    check_value("    to its end", mask(), 0);
    check_value("    with the rest", element(15), 0x12345678);
    set_mask(0x8001);
    ATTEMPT("vpscatterdd %%zmm2, (%0, %%zmm2, 1) %{%%k1%}", : : "r"(end) : "memory");
    expect("scatter", NONE, 0);
    check_value("    in the second page", ((uint32_t *)image)[15], 60);
}

/* XSAVE has all of it, XRSTOR brings it back, and SSE leaves what is above. */
static void state(void)
{
    uint32_t at = cpuid(13, 7).b;

    count_from(500);
    set_mask(0x123456789);
    __asm__ volatile("vmovdqa32 %zmm1, %zmm31");
    __asm__ volatile("xsave64 (%0)" : : "r"(image), "a"(~0u), "d"(~0u) : "memory");
    check_value("XSAVE: zmm31", *(uint32_t *)(image + at + 15 * 64 + 4), 501);
    check_value("    in use", image[512] & 0xe0, 0xe0);
    __asm__ volatile("vpxord %zmm31, %zmm31, %zmm31\n\tkxorq %k1, %k1, %k1\n\tvzeroall");
    __asm__ volatile("xrstor64 (%0)" : : "r"(image), "a"(~0u), "d"(~0u) : "memory");
    check_value("XRSTOR: k1", mask(), 0x123456789);
    check_value("    zmm1", element(15), 515);
    __asm__ volatile("paddd %xmm1, %xmm1");
    check_value("SSE leaves what is above", element(4), 504);
    check_value("    and adds", element(3), 1006);
    __asm__ volatile("vmovdqa32 %zmm31, %zmm1\n\tvpaddd %ymm1, %ymm1, %ymm1");
    check_value("AVX adds", element(7), 1014);
    check_value("    and clears", element(8), 0);
    __asm__ volatile("vmovdqa32 %zmm31, %zmm1");
    check_value("zmm31", element(8), 508);
}

/* The sum of those of i to i + 15 that are multiples of 3. */
static uint32_t sum_of_thirds(uint32_t i)
{
    uint32_t sum;

    count_from(i);
    __asm__ volatile("vpbroadcastd %1, %%zmm16\n\t"
                     "vpbroadcastd %2, %%zmm20\n\t"
                     "vpmulld %%zmm16, %%zmm1, %%zmm17\n\t" /* by the inverse of 3 */
                     "vpcmpud $1, %%zmm20, %%zmm17, %%k2\n\t"
                     "vmovdqa32 %%zmm1, %%zmm18 %{%%k2%} %{z%}\n\t"
                     "vextracti64x4 $1, %%zmm18, %%ymm19\n\t"
                     "vpaddd %%ymm19, %%ymm18, %%ymm18\n\t"
                     "vextracti32x4 $1, %%ymm18, %%xmm19\n\t"
                     "vpaddd %%xmm19, %%xmm18, %%xmm18\n\t"
                     "vpshufd $0x4e, %%xmm18, %%xmm19\n\t"
                     "vpaddd %%xmm19, %%xmm18, %%xmm18\n\t"
                     "vpshufd $0xb1, %%xmm18, %%xmm19\n\t"
                     "vpaddd %%xmm19, %%xmm18, %%xmm18\n\t"
                     "vmovd %%xmm18, %0"
                     : "=r"(sum)
                     : "r"(0xaaaaaaab), "r"(0x55555556));
    return sum;
}

static void hot_loop(void)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < 2000; i++)
        sum += sum_of_thirds(i);
    check_value("a loop that becomes hot", sum, 0xa3e65a);
}

void guest_main(void)
{
    const uint32_t wanted = 1u << 16 | 1u << 30 | 1u << 31; /* AVX512F, BW, VL */

    long_init();
    if ((cpuid(7, 0).b & wanted) == wanted) {
        enabling();
        masked_loads();
        masked_stores();
        gathers();
        state();
        hot_loop();
    } else {
        verdict("no AVX-512 here", true);
    }
    finish();
}
