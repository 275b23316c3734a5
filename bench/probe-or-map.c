/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe-or-map - what a guest's memory access costs in two ways: looked up in a table by a few
 * instructions (the inline probe), or made as it is, the guest's pages being mapped at their linear
 * addresses in a window of the process, where a signal handler fills in what is missing.
 *
 *   cc -O2 -o probe-or-map bench/probe-or-map.c && ./probe-or-map
 *
 * Nothing of it is part of the program.  Guest RAM is a memfd; its pages are in no order, as a
 * kernel's are.  The probe's misses walk four levels of a page table.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, TLB = 1024, MIB = 1 << 20, RAM = 256 * MIB, PAGES = RAM / PAGE, LINE = 64 };

static uint8_t *ram, *window;
static int fd;
static uint32_t frame[PAGES]; /* of a linear page */
static uint64_t seed = 88172645463325252;

static struct entry {
    uint64_t read, write, exec;
    uintptr_t addend;
} tlb[TLB];
static uint32_t *level[4]; /* the page table, one array for each level */

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static void *need(void *at)
{
    if (at == MAP_FAILED || !at) {
        perror("probe-or-map");
        exit(1);
    }
    return at;
}

/* ---- The probe ---- */

static __attribute__((noinline)) uint8_t *miss(uint64_t lin)
{
    uint64_t page = lin / PAGE;
    uint32_t at = 0;

    for (int i = 0; i < 4; i++)
        at = level[i][(page >> 9 * (3 - i)) + at]; /* 0 but in the last one */
    tlb[page % TLB] =
        (struct entry){ .read = lin & -PAGE,
                        .write = lin & -PAGE,
                        .addend = (uintptr_t)ram + (uint64_t)at * PAGE - (lin & -(uint64_t)PAGE) };
    return (uint8_t *)(lin + tlb[page % TLB].addend);
}

static inline uint8_t *probe(uint64_t lin)
{
    struct entry *e = &tlb[lin / PAGE % TLB];

    if (__builtin_expect(e->read == ((lin + 7) & -(uint64_t)PAGE), 1))
        return (uint8_t *)(lin + e->addend);
    return miss(lin);
}

static inline uint8_t *mapped(uint64_t lin)
{
    return window + lin;
}

static inline uint8_t *either(bool probed, uint64_t lin)
{
    return probed ? probe(lin) : mapped(lin);
}

/* ---- The window ---- */

static void map_page(uint64_t page)
{
    need(mmap(window + page * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
              (off_t)frame[page] * PAGE));
}

static void fill_in(int signal, siginfo_t *info, void *context)
{
    uint64_t at = (uint8_t *)info->si_addr - window;

    (void)signal, (void)context;
    if (at >= RAM)
        abort();
    map_page(at / PAGE);
}

static void flush(void)
{
    need(mmap(window, RAM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
              0));
}

/* ---- Accesses ---- */

/* A ring through all cache lines of so many bytes, in no order. */
static void make_ring(uint64_t bytes)
{
    uint32_t n = bytes / LINE, *order = need(malloc(n * sizeof(*order)));

    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t k = next_random() % i, other = order[k];
        order[k] = order[i];
        order[i] = other;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t lin = (uint64_t)order[i] * LINE;
        *(uint64_t *)(ram + (uint64_t)frame[lin / PAGE] * PAGE + lin % PAGE) =
            (uint64_t)order[(i + 1) % n] * LINE;
    }
    free(order);
}

static uint64_t sink;

#define ACCESSES(name, body)                                                                       \
    static inline double name(bool probed, uint64_t bytes, uint64_t n)                             \
    {                                                                                              \
        uint64_t at = 0, sum = 0;                                                                  \
        double began = now_ns();                                                                   \
                                                                                                   \
        for (uint64_t i = 0; i < n; i++)                                                           \
            body;                                                                                  \
        sink += sum + at;                                                                          \
        (void)bytes;                                                                               \
        return (now_ns() - began) / n;                                                             \
    }
ACCESSES(chase, at = *(uint64_t *)either(probed, at))
ACCESSES(scattered, sum += *(uint64_t *)either(probed, next_random() & (bytes - 8)))
ACCESSES(copying, *(uint64_t *)either(probed, bytes / 2 + (i * 8 & (bytes / 2 - 8))) =
                      *(uint64_t *)either(probed, i * 8 & (bytes / 2 - 8)))

static void compare(const char *name, double (*probed)(uint64_t, uint64_t),
                    double (*direct)(uint64_t, uint64_t), uint64_t bytes)
{
    uint64_t n = bytes > 4 * MIB ? 4 << 20 : 16 << 20;
    double a = 1e9, b = 1e9;

    for (int i = 0; i < 4; i++) {
        double x = probed(bytes, n), y = direct(bytes, n);
        a = i && x < a ? x : a; /* the first one warms up */
        b = i && y < b ? y : b;
    }
    printf("%-10s %4d MiB   probe %7.2f ns   mapped %7.2f ns   more %6.2f ns\n", name,
           (int)(bytes / MIB), a, b, a - b);
}

#define BOTH(name)                                                                                 \
    static double name##_probed(uint64_t bytes, uint64_t n)                                        \
    {                                                                                              \
        return name(true, bytes, n);                                                               \
    }                                                                                              \
    static double name##_mapped(uint64_t bytes, uint64_t n)                                        \
    {                                                                                              \
        return name(false, bytes, n);                                                              \
    }
BOTH(chase)
BOTH(scattered)
BOTH(copying)

/* ---- Switches ---- */

/* A fault for each of so many pages, then all of them taken away: ns for each page. */
static void switches(unsigned pages)
{
    unsigned rounds = 40000 / pages;
    double filling = 0, flushing = 0, refill = 0;

    for (unsigned i = 0; i < rounds; i++) {
        double began = now_ns(), filled, flushed;

        for (unsigned k = 0; k < pages; k++)
            sink += window[(uint64_t)k * PAGE];
        filled = now_ns();
        flush();
        flushed = now_ns();
        filling += filled - began;
        flushing += flushed - filled;
        memset(tlb, 0xff, sizeof(tlb));
        began = now_ns();
        for (unsigned k = 0; k < pages; k++)
            sink += *probe((uint64_t)k * PAGE);
        refill += now_ns() - began;
    }
    printf("%5u pages   fill-in %6.0f ns, flush %5.0f ns a page   the probe's miss %4.0f ns\n",
           pages, filling / rounds / pages, flushing / rounds / pages, refill / rounds / pages);
}

static void prepare(void)
{
    struct sigaction action = { .sa_sigaction = fill_in, .sa_flags = SA_SIGINFO | SA_NODEFER };

    fd = memfd_create("ram", 0);
    if (fd < 0 || ftruncate(fd, RAM) || sigaction(SIGSEGV, &action, NULL)) {
        perror("probe-or-map");
        exit(1);
    }
    ram = need(mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0));
    window = need(mmap(NULL, RAM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    for (uint32_t i = 0; i < PAGES; i++)
        frame[i] = i ^ 1; /* no two of them can be one mapping */
    for (int i = 0; i < 4; i++) {
        level[i] = need(calloc(PAGES, sizeof(**level)));
        for (uint32_t k = 0; i == 3 && k < PAGES; k++)
            level[i][k] = frame[k];
    }
    memset(tlb, 0xff, sizeof(tlb));
}

int main(void)
{
    static const int sizes[] = { 1, 16, 256 };

    prepare();
    printf("Switches:\n");
    for (unsigned pages = 100; pages <= 10000; pages *= 10)
        switches(pages);
    printf("Accesses, all pages there:\n");
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t bytes = (uint64_t)sizes[i] * MIB;

        if (bytes / PAGE > 60000) { /* more mappings than a process may have: all of RAM in one */
            for (uint32_t k = 0; k < PAGES; k++)
                frame[k] = level[3][k] = k;
            memset(tlb, 0xff, sizeof(tlb));
            need(mmap(window, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
                      fd, 0));
        }
        make_ring(bytes);
        compare("chase", chase_probed, chase_mapped, bytes);
        compare("scattered", scattered_probed, scattered_mapped, bytes);
        compare("copying", copying_probed, copying_mapped, bytes);
    }
    return sink == 42;
}
