/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-mips - how many instructions a second the software processor executes, in small loops; of
 * vector and floating-point instructions, how long a round takes beside the host's own processor.
 */
#include <stdio.h>
#include <time.h>

#include "soft-host.h"
#include "vec.h"

#define AVX512 "avx512"

struct loop {
    const char *name;
    unsigned bytes;
    const char *code;
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void measure(const struct loop *loop)
{
    struct soft_host *h = soft_host_create(64);
    double begin, end;
    int vector;

    soft_host_code(h, SOFT_CODE, loop->code, loop->bytes);
    h->cpu->r[RSI] = SOFT_DATA;
    h->cpu->r[RDI] = SOFT_DATA + 0x1000;
    begin = seconds();
    vector = soft_host_run(h, 200000000);
    end = seconds();
    printf("%-10s %6.0f MIPS%s\n", loop->name, h->cpu->instructions / (end - begin) / 1e6,
           vector < 0 ? "" : " (faulted)");
    soft_host_destroy(h);
}

/* ---- Beside the host ---- */

enum { ROUNDS = 20000000, LOOP_BYTES = 128 };

/* Code that runs the loop RCX times, RSI and RDI being the data, and ends so. */
static unsigned counted(uint8_t *code, const struct loop *loop, uint8_t end)
{
    static const uint8_t begin[] = {
        0xdb, 0xe3, 0xd9, 0xe8,                         /* fninit; fld1 */
        0x66, 0x0f, 0xef, 0xc0, 0x66, 0x0f, 0xef, 0xc9, /* pxor xmm0, xmm0; to xmm5 */
        0x66, 0x0f, 0xef, 0xd2, 0x66, 0x0f, 0xef, 0xdb, /* */
        0x66, 0x0f, 0xef, 0xe4, 0x66, 0x0f, 0xef, 0xed,
    };
    static const uint8_t again[] = { 0x48, 0x83, 0xe9, 1, 0x0f, 0x85 };    /* sub rcx, 1; jnz */
    int32_t back = -(int32_t)(loop->bytes + sizeof(again) + sizeof(back)); /* to the loop */
    unsigned n = 0;

    memcpy(code, begin, sizeof(begin));
    n += sizeof(begin);
    memcpy(code + n, loop->code, loop->bytes);
    n += loop->bytes;
    memcpy(code + n, again, sizeof(again));
    n += sizeof(again);
    memcpy(code + n, &back, sizeof(back));
    n += sizeof(back);
    code[n++] = 0xdb, code[n++] = 0xe3; /* fninit */
    code[n++] = end;
    return n;
}

static void fill(double *data)
{
    for (unsigned i = 0; i < 16; i++)
        data[i] = 1.0 + i / 16.0;
}

static double native(const struct loop *loop)
{
    uint8_t *code =
        mmap(NULL, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    double data[1024] __attribute__((aligned(64))), begin;
    uint64_t rounds = ROUNDS;
    void *from = data, *to = data + 512;

    g_assert_true(code != MAP_FAILED);
    counted(code, loop, 0xc3);
    fill(data);
    begin = seconds();
    __asm__ volatile("call *%[code]"
                     : "+c"(rounds), "+S"(from), "+D"(to)
                     : [code] "r"(code)
                     : "rax", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "memory", "cc");
    munmap(code, 0x1000);
    return seconds() - begin;
}

static double software(const struct loop *loop, int *vector)
{
    struct soft_host *h = soft_host_create(64);
    uint8_t code[LOOP_BYTES];
    double begin;

    soft_host_code(h, SOFT_CODE, code, counted(code, loop, 0xf4));
    fill((double *)(h->ram + SOFT_DATA));
    h->cpu->r[RCX] = ROUNDS;
    h->cpu->r[RSI] = SOFT_DATA;
    h->cpu->r[RDI] = SOFT_DATA + 0x1000;
    begin = seconds();
    *vector = soft_host_run(h, UINT32_MAX);
    begin = seconds() - begin;
    soft_host_destroy(h);
    return begin;
}

static void measure_beside(const struct loop *loop)
{
    int vector;
    double own = native(loop), soft = software(loop, &vector);

    printf("%-10s %6.2f ns a round, %.2f of the host's %.2f%s\n", loop->name, soft * 1e9 / ROUNDS,
           soft / own, own * 1e9 / ROUNDS, vector < 0 ? "" : " (faulted)");
}

int main(void)
{
    // clang-format off
    static const struct loop units[] = {
        /* mulsd xmm0, xmm1; addsd xmm0, xmm2; mulsd xmm3, xmm1; subsd xmm3, xmm2; divsd xmm4, xmm1; addsd xmm4, xmm2 */
        { "double", 24,
          "\xf2\x0f\x59\xc1\xf2\x0f\x58\xc2\xf2\x0f\x59\xd9\xf2\x0f\x5c\xda\xf2\x0f\x5e\xe1\xf2\x0f\x58\xe2" },
        /* movsd xmm0, [rsi]; mulsd xmm0, [rsi + 8]; addsd xmm0, [rsi + 16]; movsd [rdi], xmm0; sqrtsd xmm1, xmm0; movapd xmm2, xmm1; cvttsd2si eax, xmm2; cvtsi2sd xmm3, eax */
        { "nbody", 34,
          "\xf2\x0f\x10\x06\xf2\x0f\x59\x46\x08\xf2\x0f\x58\x46\x10\xf2\x0f\x11\x07\xf2\x0f\x51\xc8\x66\x0f\x28\xd1\xf2\x0f\x2c\xc2\xf2\x0f\x2a\xd8" },
        /* movdqa xmm0, [rsi]; paddd xmm0, xmm1; pmulld xmm0, xmm2; pxor xmm1, xmm0; pshufd xmm2, xmm1, 0x1b; movdqa [rdi], xmm0 */
        { "sse", 26,
          "\x66\x0f\x6f\x06\x66\x0f\xfe\xc1\x66\x0f\x38\x40\xc2\x66\x0f\xef\xc8\x66\x0f\x70\xd1\x1b\x66\x0f\x7f\x07" },
        /* vmovdqu ymm0, [rsi]; vpaddd ymm0, ymm0, ymm1; vpmulld ymm0, ymm0, ymm2; vpxor ymm1, ymm1, ymm0; vfmadd231pd ymm3, ymm4, ymm5; vmovdqu [rdi], ymm0 */
        { "avx2", 26,
          "\xc5\xfe\x6f\x06\xc5\xfd\xfe\xc1\xc4\xe2\x7d\x40\xc2\xc5\xf5\xef\xc8\xc4\xe2\xdd\xb8\xdd\xc5\xfe\x7f\x07" },
        /* kxnorw k1, k1, k1; vmovdqu32 zmm0, [rsi]; vpaddd zmm0 {k1}, zmm0, zmm1; vpmulld zmm0, zmm0, zmm2; vpxord zmm1, zmm1, zmm0; vfmadd231pd zmm3, zmm4, zmm5; vpcmpd k2, zmm0, zmm1, 1; vmovdqu32 [rdi] {k1}, zmm0 */
        { AVX512, 47,
          "\xc5\xf4\x46\xc9\x62\xf1\x7e\x48\x6f\x06\x62\xf1\x7d\x49\xfe\xc1\x62\xf2\x7d\x48\x40\xc2\x62\xf1\x75\x48\xef\xc8\x62\xf2\xdd\x48\xb8\xdd\x62\xf3\x7d\x48\x1f\xd1\x01\x62\xf1\x7e\x49\x7f\x07" },
        /* fld qword ptr [rsi]; fmul qword ptr [rsi + 8]; fadd qword ptr [rsi + 16]; fxch st(0); fsqrt; fstp qword ptr [rdi] */
        { "x87", 14,
          "\xdd\x06\xdc\x4e\x08\xdc\x46\x10\xd9\xc8\xd9\xfa\xdd\x1f" },
        /* fld st(0); fmul st(0), st(1); fdivp st(1), st(0); fabs */
        { "x87 chain", 8,
          "\xd9\xc0\xd8\xc9\xde\xf9\xd9\xe1" },
    };
    // clang-format on
    static const struct loop loops[] = {
        /* add rax, rbx; xor rcx, rax; shl rdx, 3; sub rdx, rcx; lea rbx, [rax + rdx * 4 + 5]; inc
         * r8; cmp r8, -1; jnz */
        { "integer", 29,
          "\x48\x01\xd8\x48\x31\xc1\x48\xc1\xe2\x03\x48\x29\xca\x48\x8d\x5c\x90\x05"
          "\x49\xff\xc0\x49\x83\xf8\xff\x75\xe5\x90\x90" },
        /* mov eax, [rsi + 8]; add [rsi], eax; mov [rdi], rax; inc ecx; cmp ecx, -1; jnz */
        { "memory", 15, "\x8b\x46\x08\x01\x06\x48\x89\x07\xff\xc1\x83\xf9\xff\x75\xf1" },
        /* call f; dec ecx; jnz; jmp; f: ret */
        { "call", 12, "\xe8\x06\x00\x00\x00\xff\xc9\x75\xf7\xeb\xf5\xc3" },
    };

    for (unsigned i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
        measure(&loops[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(units); i++)
        if (strcmp(units[i].name, AVX512) || vec_host_has_avx512())
            measure_beside(&units[i]);
    return 0;
}
