/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * workloads - fourteen kinds of work, each about as long as the others on the machine itself.
 *
 *   workloads [SCALE [PART...]]
 *
 * A line for each part: its name, the processor's seconds it took, and a number that depends on all
 * that it computed and on SCALE alone; or that the processor does not have the instructions.  At
 * SCALE 100 a part takes about a tenth of a second there where its rounds were chosen.  Linux,
 * x86-64; built statically.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AVX2   __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,prefer-vector-width=512")))

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

static void *memory(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED) {
        perror("workloads: mmap");
        exit(1);
    }
    return at;
}

static uint64_t bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

/* ---- Integers ---- */

static uint64_t integer(uint64_t rounds)
{
    uint64_t a = 1, b = 2, c = 3, d = 4;

    for (uint64_t i = 0; i < rounds; i++) {
        a += b ^ i;
        b = (b << 7 | b >> 57) + c;
        c ^= a * 0x9e3779b97f4a7c15;
        d += (c >> 11) - (a & b);
        a ^= d + 5 * i;
    }
    return a ^ b ^ c ^ d;
}

/* Words, numbers and blanks of a text that no predictor knows by heart. */
static uint64_t branches(uint64_t rounds)
{
    enum { BLANK, WORD, NUMBER } state = BLANK;
    uint64_t seed = 88172645463325252, words = 0, numbers = 0, value = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        unsigned c = next_random(&seed) >> 56;

        if (c < 48) {
            if (state == WORD)
                words++;
            else if (state == NUMBER)
                numbers += value;
            state = BLANK;
        } else if (c < 58) {
            if (state == BLANK)
                value = 0, state = NUMBER;
            value = value * 10 + c;
        } else if (c & 1 || state == BLANK) {
            if (state == NUMBER)
                words += 3;
            state = WORD;
        } else {
            value -= c;
        }
    }
    return words * 31 + numbers;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t sort(uint64_t rounds)
{
    enum { N = 1 << 14 };
    uint32_t *v = memory(N * sizeof(*v));
    uint64_t seed = 1181783497276652981, sum = 0;

    while (rounds--) {
        for (int i = 0; i < N; i++)
            v[i] = next_random(&seed);
        qsort(v, N, sizeof(*v), compare);
        for (int i = 0; i < N; i += 97)
            sum = sum * 31 + v[i];
    }
    munmap(v, N * sizeof(*v));
    return sum;
}

/* One ring through all cache lines of a MiB. */
static uint64_t chase(uint64_t rounds)
{
    enum { N = 1 << 14 };
    struct node {
        struct node *next;
        uint64_t value, room[6];
    } *node = memory(N * sizeof(*node)), *at = node;
    uint64_t seed = 2463534242, sum = 0;
    uint32_t order[N];

    for (int i = 0; i < N; i++)
        order[i] = i;
    for (int i = N - 1; i > 0; i--) {
        int k = next_random(&seed) % i;
        uint32_t other = order[k];
        order[k] = order[i];
        order[i] = other;
    }
    for (int i = 0; i < N; i++)
        node[order[i]] = (struct node){ .next = &node[order[(i + 1) % N]], .value = order[i] };
    while (rounds--) {
        sum += at->value;
        at = at->next;
    }
    sum ^= at->value;
    munmap(node, N * sizeof(*node));
    return sum;
}

/* ---- Floating point ---- */

/* Bodies on a line, pulling at each other. */
#define BODIES(name, type)                                                                         \
    static uint64_t name(uint64_t rounds)                                                          \
    {                                                                                              \
        type x[4] = { 0, 1, 2.5, 4.25 }, v[4] = { 0 }, dt = (type)1 / 1024;                        \
                                                                                                   \
        while (rounds--) {                                                                         \
            for (int i = 0; i < 4; i++)                                                            \
                for (int k = 0; k < i; k++) {                                                      \
                    type d = x[i] - x[k], pull = dt / (d * d + (type)0.01);                        \
                    v[i] -= d * pull;                                                              \
                    v[k] += d * pull;                                                              \
                }                                                                                  \
            for (int i = 0; i < 4; i++)                                                            \
                x[i] += v[i] * dt;                                                                 \
        }                                                                                          \
        return bits_of(x[0]) ^ bits_of(x[1]) ^ bits_of(v[2]) ^ bits_of(v[3]);                      \
    }
BODIES(doubles, double)
BODIES(x87, long double)

enum { FLOATS = 4096 };

static void fill(float *v)
{
    for (int i = 0; i < FLOATS; i++)
        v[i] = (i % 251 + 1) / 256.0f;
}

static uint64_t fold(const float *v)
{
    uint64_t sum = 0;

    for (int i = 0; i < FLOATS; i++) {
        uint32_t bits;

        memcpy(&bits, v + i, sizeof(bits));
        sum = sum * 31 + bits;
    }
    return sum;
}

/* A chaotic map, 3.3 x (1 - x), with some of a neighbour and of its own digits: between 0 and 1. */
static uint64_t sse(uint64_t rounds)
{
    static _Alignas(32) float v[FLOATS];
    const __m128 one = _mm_set1_ps(1), r = _mm_set1_ps(3.3f), tenth = _mm_set1_ps(0.1f),
                 little = _mm_set1_ps(0x1p-22f);
    const __m128i digits = _mm_set1_epi32(0xffff);

    fill(v);
    while (rounds--)
        for (int i = 0; i < FLOATS; i += 4) {
            __m128 x = _mm_load_ps(v + i), y = _mm_shuffle_ps(x, x, 0x39);
            __m128i k = _mm_and_si128(_mm_srli_epi32(_mm_castps_si128(x), 3), digits);

            x = _mm_mul_ps(_mm_mul_ps(r, x), _mm_sub_ps(one, x));
            y = _mm_add_ps(_mm_mul_ps(y, tenth), _mm_mul_ps(_mm_cvtepi32_ps(k), little));
            _mm_store_ps(v + i, _mm_min_ps(_mm_add_ps(x, y), one));
        }
    return fold(v);
}

AVX2 static void avx2_round(float *v)
{
    const __m256 r = _mm256_set1_ps(3.3f), tenth = _mm256_set1_ps(0.1f),
                 little = _mm256_set1_ps(0x1p-22f), one = _mm256_set1_ps(1);
    const __m256i digits = _mm256_set1_epi32(0xffff),
                  turn = _mm256_setr_epi32(5, 0, 7, 2, 1, 4, 3, 6);

    for (int i = 0; i < FLOATS; i += 8) {
        __m256 x = _mm256_load_ps(v + i), y = _mm256_permutevar8x32_ps(x, turn);
        __m256i k = _mm256_and_si256(_mm256_srli_epi32(_mm256_castps_si256(x), 3), digits);

        x = _mm256_mul_ps(r, _mm256_fnmadd_ps(x, x, x));
        y = _mm256_fmadd_ps(y, tenth, _mm256_mul_ps(_mm256_cvtepi32_ps(k), little));
        _mm256_store_ps(v + i, _mm256_min_ps(_mm256_add_ps(x, y), one));
    }
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static uint64_t avx2(uint64_t rounds)
{
    static _Alignas(32) float v[FLOATS];

    fill(v);
    while (rounds--)
        avx2_round(v);
    return fold(v);
}

/* The same with masks: what is below its neighbour takes more of that, else its digits count. */
AVX512 static void avx512_round(float *v)
{
    const __m512 r = _mm512_set1_ps(3.3f), tenth = _mm512_set1_ps(0.1f),
                 little = _mm512_set1_ps(0x1p-22f), one = _mm512_set1_ps(1);
    const __m512i digits = _mm512_set1_epi32(0xffff),
                  turn = _mm512_setr_epi32(5, 0, 7, 2, 9, 4, 11, 6, 13, 8, 15, 10, 1, 12, 3, 14);

    for (int i = 0; i < FLOATS; i += 16) {
        __m512 x = _mm512_load_ps(v + i), y = _mm512_permutexvar_ps(turn, x);
        __m512i k = _mm512_srli_epi32(_mm512_castps_si512(x), 3);
        __mmask16 below = _mm512_cmp_ps_mask(x, y, _CMP_LT_OQ);

        k = _mm512_maskz_and_epi32(_knot_mask16(below), k, digits);
        k = _mm512_ternarylogic_epi32(k, digits, _mm512_castps_si512(x), 0x48);
        x = _mm512_mul_ps(r, _mm512_fnmadd_ps(x, x, x));
        y = _mm512_mask_fmadd_ps(y, below, tenth, _mm512_mul_ps(_mm512_cvtepi32_ps(k), little));
        x = _mm512_add_ps(x, _mm512_mul_ps(y, tenth));
        _mm512_store_ps(v + i, _mm512_min_ps(x, one));
    }
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

static uint64_t avx512(uint64_t rounds)
{
    static _Alignas(64) float v[FLOATS];

    fill(v);
    while (rounds--)
        avx512_round(v);
    return fold(v);
}

/* ---- Memory and the kernel ---- */

static uint64_t copies(uint64_t rounds)
{
    enum { N = 256 << 10, GAP = 64 };
    uint8_t *a = memory(2 * (N + GAP)), *b = a + N + GAP;
    uint64_t sum = 0;

    for (int i = 0; i < N; i++)
        a[i] = i * 7;
    for (uint64_t i = 0; i < rounds; i++) {
        memcpy(b + i % GAP, a, N);
        memcpy(a, b + 3 * i % GAP, N - 5);
        sum = sum * 31 + a[i * 977 % N];
    }
    munmap(a, 2 * (N + GAP));
    return sum;
}

static uint64_t faults(uint64_t rounds)
{
    enum { N = 1 << 20 };
    uint64_t sum = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        uint8_t *at = memory(N);

        for (int k = 0; k < N; k += 4096)
            sum += at[k] + (at[k + 1] = i);
        sum = sum * 31 + at[4097];
        munmap(at, N);
    }
    return sum;
}

static uint64_t forks(uint64_t rounds)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        pid_t child = fork();
        int status;

        if (!child)
            _exit(i & 63);
        if (child < 0 || waitpid(child, &status, 0) != child) {
            perror("workloads: fork");
            exit(1);
        }
        sum = sum * 31 + (WIFEXITED(status) ? WEXITSTATUS(status) : 99);
    }
    return sum;
}

/* Another process adds one to each byte and sends it back. */
static uint64_t pipes(uint64_t rounds)
{
    int there[2], back[2];
    uint64_t sum = 0;
    uint8_t byte = 0;
    pid_t child;

    if (pipe(there) || pipe(back) || (child = fork()) < 0) {
        perror("workloads: pipe");
        exit(1);
    }
    if (!child) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1 && (byte++, write(back[1], &byte, 1)) == 1)
            ;
        _exit(0);
    }
    while (rounds-- && write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1)
        sum = sum * 31 + byte;
    close(there[1]);
    waitpid(child, NULL, 0);
    close(there[0]);
    close(back[0]);
    close(back[1]);
    return sum;
}

static uint64_t system_calls(uint64_t rounds)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < rounds; i++)
        sum = sum * 31 + syscall(SYS_umask, i & 0777);
    return sum;
}

/* ---- All of them ---- */

// clang-format off
static const struct part {
    const char *name;
    uint64_t (*run)(uint64_t rounds);
    double rounds;     /* at SCALE 1 */
    bool (*can)(void); /* NULL: everywhere */
} parts[] = {
    { "integer",   integer,      400000, NULL },
    { "branches",  branches,     190000, NULL },
    { "sort",      sort,         0.8, NULL },
    { "chase",     chase,        75000, NULL },
    { "double",    doubles,      60000, NULL },
    { "x87",       x87,          23000, NULL },
    { "sse",       sse,          800, NULL },
    { "avx2",      avx2,         1600, has_avx2 },
    { "avx512",    avx512,       1600, has_avx512 },
    { "memcpy",    copies,       90, NULL },
    { "faults",    faults,       2, NULL },
    { "fork",      forks,        20, NULL },
    { "pipe",      pipes,        400, NULL },
    { "syscalls",  system_calls, 13000, NULL },
};
// clang-format on

static double seconds(void)
{
    struct rusage self, children;

    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    return self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
           children.ru_stime.tv_sec +
           (self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec +
            children.ru_stime.tv_usec) /
               1e6;
}

static bool is_chosen(const struct part *part, int n, char **names)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(part->name, names[i]))
            return true;
    return n == 0;
}

int main(int argc, char **argv)
{
    double scale = argc > 1 ? atof(argv[1]) : 100;
    cpu_set_t first;

    CPU_ZERO(&first);
    CPU_SET(sched_getcpu(), &first);
    sched_setaffinity(0, sizeof(first), &first); /* a pipe's two ends take turns on one */
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("workloads begin\n");
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        double began = seconds();
        uint64_t check;

        if (!is_chosen(&parts[i], argc - 2, argv + 2))
            continue;
        if (parts[i].can && !parts[i].can()) {
            printf("%s: the processor does not have it\n", parts[i].name);
            continue;
        }
        check = parts[i].run(parts[i].rounds * scale + 1);
        printf("%s %.6f %016llx\n", parts[i].name, seconds() - began, (unsigned long long)check);
    }
    printf("workloads end\n");
    return 0;
}
