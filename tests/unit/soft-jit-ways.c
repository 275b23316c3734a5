/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-jit-ways - what translated code does in place, with no way out of it; what else than bytes
 * makes code what it is.
 */
#include "blocks.h"
#include "soft-jit-host.h"

/* ---- What the same bytes or registers mean ---- */

/* The same address in other modes, and with other bases and limits of CS, is other code; nothing is
 * flushed in between. */
static void test_contexts(void)
{
    static const struct {
        uint16_t attr;
        uint32_t base, limit;
        int vector;
        uint32_t rbx, less; /* what becomes of 1; how much less EAX is */
    } contexts[] = {
        { ATTR_L, 0, -1u, -1, 2, 0 },
        { ATTR_DB, 0, -1u, -1, 2, 1 },
        { ATTR_DB, 0x1000, -1u, -1, 7, 0 },
        { ATTR_DB, 0, SOFT_CODE + 0xfff, -1, 2, 1 },
        { ATTR_DB, 0, SOFT_CODE + 0xff, EXC_GP, 1, 0 },
        { ATTR_DB, 0, SOFT_CODE + 0x101, EXC_GP, 1, 1 },
    };
    static const uint8_t jump[] = { 0xff, 0xe0 };               /* jmp rax, or eax */
    static const uint8_t target[] = { 0x48, 0xff, 0xc3, 0xf4 }; /* inc rbx, or dec eax; inc ebx */
    static const uint8_t other[] = { 0xb3, 7, 0xf4 };           /* mov bl, 7 */
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    soft_host_code(h, SOFT_CODE, jump, sizeof(jump));
    soft_host_code(h, SOFT_CODE + 0x100, target, sizeof(target));
    soft_host_code(h, SOFT_CODE + 0x1000, jump, sizeof(jump));
    soft_host_code(h, SOFT_CODE + 0x1100, other, sizeof(other));
    for (unsigned i = 0; i < 10 * G_N_ELEMENTS(contexts); i++) {
        unsigned n = i % G_N_ELEMENTS(contexts);
        struct segment *cs = &cpu->seg[SEG_CS];

        cs->attr = (cs->attr & ~(ATTR_L | ATTR_DB)) | contexts[n].attr;
        cs->base = contexts[n].base;
        cs->limit = contexts[n].limit;
        mode_update(cpu);
        begin_again(h, SOFT_CODE);
        cpu->r[RAX] = SOFT_CODE + 0x100;
        cpu->r[RBX] = 1;
        g_assert_cmpint(soft_host_run(h, 10), ==, contexts[n].vector);
        g_assert_cmpuint(cpu->r[RBX], ==, contexts[n].rbx);
        g_assert_cmpuint(SOFT_CODE + 0x100 - cpu->r[RAX], ==, contexts[n].less);
    }
    soft_host_destroy(h);
}

/* What is known to be aligned is no longer once its register has moved. */
static void test_aligned(void)
{
    /* movaps xmm0, [rsi]; add rsi, by; movaps xmm0, [rsi]; hlt */
    uint8_t code[] = { 0x0f, 0x28, 0x06, 0x48, 0x83, 0xc6, 0, 0x0f, 0x28, 0x06, 0xf4 };
    struct soft_host *h = translating();

    for (unsigned by = 0; by < 64; by += 4) {
        code[6] = by;
        soft_host_code(h, SOFT_CODE, code, sizeof(code));
        h->cpu->halted = false;
        h->cpu->wanted = 0;
        h->cpu->r[RSI] = SOFT_DATA;
        g_assert_cmpint(soft_host_run(h, 10), ==, by % 16 ? EXC_GP : -1);
        g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + (by % 16 ? 7 : sizeof(code)));
    }
    soft_host_destroy(h);
}

/* A call to where there cannot be code has pushed nothing. */
static void test_nowhere(void)
{
    static const uint8_t code[] = { 0xff, 0xd0 }; /* call rax */
    struct soft_host *h = translating();

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    mem_write(h->cpu, SOFT_STACK - 8, 0x55, 8);
    h->cpu->r[RAX] = 1ull << 47;
    g_assert_cmpint(soft_host_run(h, 10), ==, EXC_GP);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE);
    g_assert_cmphex(h->cpu->r[RSP], ==, SOFT_STACK);
    g_assert_cmphex(mem_read(h->cpu, SOFT_STACK - 8, 8), ==, 0x55);
    soft_host_destroy(h);
}

/* Vector instructions' bytes are read again, which somebody has changed who has not told yet: all
 * of the block is as old. */
static void test_changed_unseen(void)
{
    static const uint8_t code[] = { 0x66, 0x0f, 0xfe, 0xc1, 0xff, 0xc3, 0xf4 }; /* paddd xmm0, xmm1;
                                                                                inc ebx; hlt */
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    jit_destroy(cpu);
    g_assert_cmpint(jit_create(cpu, JIT_LEAST, 2), ==, 0);
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    cpu->v[0].u32[0] = 1;
    cpu->v[1].u32[0] = 100;
    for (unsigned i = 1; i < 5; i++) {
        begin_again(h, SOFT_CODE);
        g_assert_cmpint(soft_host_run(h, 10), ==, -1);
        g_assert_cmpuint(cpu->v[0].u32[0], ==, 1 + i * 100);
        h->ram[SOFT_CODE + 2] = 0xfa; /* psubd */
    }
    g_assert_cmpuint(cpu->blocks->jit->count.blocks, >, 0);
    soft_host_destroy(h);
}

/* So many elements that their last byte is of the first one's page again. */
static void test_around(void)
{
    static const uint8_t code[] = { 0xf3, 0x48, 0xab, 0xf4 }; /* rep stosq; hlt */
    struct soft_host *h = translating();

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    h->cpu->r[RDI] = SOFT_RAM - 64;
    mem_write(h->cpu, SOFT_RAM - 64, 0, 8);
    h->cpu->r[RCX] = (1ull << 61) + 3;
    g_assert_cmpint(soft_host_run(h, 1ull << 62), ==, EXC_PF);
    g_assert_cmphex(h->cpu->r[RDI], ==, SOFT_RAM);
    g_assert_cmphex(h->cpu->r[RCX], ==, (1ull << 61) - 5);
    soft_host_destroy(h);
}

/* ---- What is done in place ---- */

/* Each in a loop of R14 rounds at CPL 0 or 3, with RBP in data; there: in the next page. */
static const struct {
    const char *name, *code, *there;
    unsigned n, n_there, cpl;
} in_place[] = {
// clang-format off
#define IN_PLACE(name, code)             { name, code, "", sizeof(code) - 1, 0, 0 }
#define THERE(name, cpl, code, there)    { name, code, there, sizeof(code) - 1, sizeof(there) - 1, cpl }
    /* lea rdi, [rbp]; lea rsi, [rbp + 64]; push 8; pop rcx; it */
    IN_PLACE("rep-movsb", "\x48\x8d\x7d\x00\x48\x8d\x75\x40\x6a\x08\x59\xf3\xa4"),
    IN_PLACE("rep-movsq", "\x48\x8d\x7d\x00\x48\x8d\x75\x40\x6a\x08\x59\xf3\x48\xa5"),
    IN_PLACE("rep-stosd", "\x48\x8d\x7d\x00\x6a\x08\x59\xf3\xab"),
    IN_PLACE("movsq-lodsb", "\x48\x8d\x7d\x00\x48\x8d\x75\x40\x48\xa5\xac"),
    IN_PLACE("scasb-cmpsw", "\x48\x8d\x7d\x00\x48\x8d\x75\x40\xae\x66\xa7"),
    IN_PLACE("cmpxchg16b", "\x48\x0f\xc7\x4d\x00"),
    IN_PLACE("cmpxchg8b", "\xf0\x0f\xc7\x4d\x10"),
    IN_PLACE("lock-xadd", "\xf0\x48\x0f\xc1\x45\x08"),
    IN_PLACE("lock-cmpxchg", "\xf0\x0f\xb1\x5d\x08"),
    IN_PLACE("lock-or", "\xf0\x83\x4d\x08\x10"),
    IN_PLACE("xchg", "\x48\x87\x45\x08"),
    IN_PLACE("lock-bts", "\xf0\x0f\xba\x6d\x08\x05"),
    IN_PLACE("bts", "\x31\xc0\x0f\xab\x45\x08"), /* xor eax, eax; of a string */
    IN_PLACE("div", "\x31\xd2\x6a\x05\x59\x48\xf7\xf1"),
    IN_PLACE("shld", "\x0f\xa4\xd0\x05\x0f\xad\xd0"),
    IN_PLACE("flags", "\xf5\xf8\xf9\xfd\xfc\x9f\x9e"), /* cmc; clc; stc; std; cld; lahf; sahf */
    IN_PLACE("mfence", "\x0f\xae\xf0"),
    IN_PLACE("gs", "\x65\x48\x8b\x45\x08"),
    /* call f; jmp on; f: ret; the same through rax */
    IN_PLACE("call", "\xe8\x02\x00\x00\x00\xeb\x01\xc3"),
    IN_PLACE("call-rax", "\x48\x8d\x05\x04\x00\x00\x00\xff\xd0\xeb\x01\xc3"),
    THERE("call-page", 0, "\xe8\xfb\x0f\x00\x00", "\xc3"),
    THERE("call-page-user", 3, "\xe8\xfb\x0f\x00\x00", "\xc3"),
    IN_PLACE("cli-sti", "\xfa\xfb\x90"),
    IN_PLACE("stac-clac", "\x0f\x01\xcb\x0f\x01\xca"),
    IN_PLACE("swapgs", "\x0f\x01\xf8\x0f\x01\xf8"),
    IN_PLACE("fsbase", "\xf3\x48\x0f\xae\xc0\xf3\x48\x0f\xae\xd0"),
    IN_PLACE("rdpkru", "\x31\xc9\x0f\x01\xee"),
    IN_PLACE("mov-cr", "\x0f\x20\xc0\x0f\x20\xd0\x0f\x20\xd8\x0f\x20\xe0"),
    IN_PLACE("pushf", "\x9c\x58"),
    THERE("syscall-sysret", 3, "\x0f\x05", "\x48\x0f\x07"),
    /* movaps, addps, pxor, movaps; stmxcsr, ldmxcsr; fld1, fadd, fstp; fnstcw, fldcw */
    IN_PLACE("sse", "\x0f\x28\x45\x00\x0f\x58\xc1\x66\x0f\xef\xc0\x0f\x29\x45\x10"),
    IN_PLACE("mxcsr", "\x0f\xae\x5d\x20\x0f\xae\x55\x20"),
    IN_PLACE("x87", "\xd9\xe8\xdc\x45\x00\xdd\x5d\x08"),
    IN_PLACE("fldcw", "\xd9\x6d\x30"),
    // clang-format on
};

static unsigned ways; /* out of translated code */

static const struct uop *count_handler(struct cpu *cpu, const struct uop *u)
{
    ways++;
    return uop_info[u->op].run(cpu, u);
}

static const struct uop *count_call(struct cpu *cpu, const struct uop *u)
{
    ways++;
    return jit_call(cpu, u);
}

static const struct uop *count_link(struct cpu *cpu, const struct uop *u)
{
    ways++;
    return jit_link(cpu, u);
}

static const struct uop *count_miss(struct cpu *cpu, const struct uop *u)
{
    ways++;
    return jit_miss(cpu, u);
}

/* Code memory begins with the addresses by which translated code is left. */
static void count_ways(const struct jit *jit)
{
    uop_run **to = (uop_run **)jit->write;

    for (unsigned op = 0; op < N_UOPS; op++)
        to[op] = count_handler;
    for (; to[N_UOPS] == jit_link || to[N_UOPS] == jit_miss || to[N_UOPS] == jit_call; to++)
        to[N_UOPS] = to[N_UOPS] == jit_link   ? count_link
                     : to[N_UOPS] == jit_miss ? count_miss
                                              : count_call;
}

static void set_privilege(struct soft_host *h, unsigned cpl)
{
    struct cpu *cpu = h->cpu;

    *(uint64_t *)(h->ram + SOFT_TABLES + 0x2000) = cpl == 3 ? 0x87 : 0x83;
    cpu->cr4 |= CR4_FSGSBASE | CR4_PKE | (cpl == 3 ? 0 : CR4_SMAP);
    cpu->cpl = cpl;
    for (unsigned i = 0; i < N_SEGS; i++)
        cpu->seg[i].attr = (cpu->seg[i].attr & ~0x60) | cpl << 5;
    cpu->msr.star = 8ull << 32 | (0x18ull | 3) << 48;
    cpu->msr.lstar = SOFT_CODE + 0x1000;
    cpu->msr.fmask = F_AC;
    mode_update(cpu);
    tlb_flush(cpu, true);
}

/* What is done in place leaves translated code at the loop's end only, once all is known. */
static void test_in_place(gconstpointer which)
{
    enum { ROUNDS = 100 };
    static const uint8_t end[] = { 0x41, 0xff, 0xce, 0x75, 0, 0xf4 }; /* dec r14d; jnz; hlt */
    unsigned i = GPOINTER_TO_UINT(which), n = in_place[i].n;
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    uint8_t code[32];

    set_privilege(h, in_place[i].cpl);
    count_ways(cpu->blocks->jit);
    memcpy(code, in_place[i].code, n);
    memcpy(code + n, end, sizeof(end));
    code[n + 4] = -(n + 5);
    memcpy(h->ram + SOFT_DATA + 0x20, &(uint32_t){ 0x1f80 }, 4);
    memcpy(h->ram + SOFT_DATA + 0x30, &(uint32_t){ 0x37f }, 4);
    soft_host_code(h, SOFT_CODE + 0x1000, in_place[i].there, in_place[i].n_there);
    soft_host_code(h, SOFT_CODE, code, n + sizeof(end));
    for (unsigned run = 0; run < 2; run++) {
        begin_again(h, SOFT_CODE);
        cpu->r[RBP] = SOFT_DATA;
        cpu->r[R14] = ROUNDS;
        ways = 0;
        soft_host_run(h, 100000);
        g_assert_cmpuint((uint32_t)cpu->r[R14], ==, 0);
    }
    g_assert_cmpuint(ways, ==, 1); /* HLT's */
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/soft-jit-ways/contexts", test_contexts);
    g_test_add_func("/soft-jit-ways/aligned", test_aligned);
    g_test_add_func("/soft-jit-ways/nowhere", test_nowhere);
    g_test_add_func("/soft-jit-ways/changed-unseen", test_changed_unseen);
    g_test_add_func("/soft-jit-ways/around", test_around);
    for (unsigned i = 0; i < G_N_ELEMENTS(in_place); i++) {
        char *path = g_strdup_printf("/soft-jit-ways/in-place/%s", in_place[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_in_place);
        g_free(path);
    }
    return g_test_run();
}
