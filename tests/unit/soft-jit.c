/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-jit - random programs end alike in the interpreter and in translated code: registers, flags,
 * memory, the exception and where it was.  A seed as argument makes them others.
 */
#include "blocks.h"
#include "soft-host.h"

enum { PROGRAMS = 1500, LENGTH = 24, ROUNDS = 6, DATA = 64 };

struct program {
    uint8_t code[1024];
    unsigned n;
};

static void byte(struct program *p, uint8_t b)
{
    p->code[p->n++] = b;
}

/* Registers of ModRM forms: not RSP, RSI, R12; memory is near RSI, sometimes beyond the page. */
static void modrm(struct program *p, GRand *r, int reg)
{
    static const uint8_t regs[] = { 0, 1, 2, 3, 5, 7 };
    unsigned field = (reg >= 0 ? reg : regs[g_rand_int_range(r, 0, 6)]) << 3;

    if (g_rand_int_range(r, 0, 3)) {
        byte(p, 0xc0 | field | regs[g_rand_int_range(r, 0, 6)]);
    } else {
        byte(p, 0x40 | field | RSI);
        byte(p, g_rand_int_range(r, 0, DATA));
    }
}

static void immediate(struct program *p, GRand *r, unsigned bytes)
{
    while (bytes--)
        byte(p, g_rand_boolean(r) ? g_rand_int(r) : 0xff);
}

/* Opcode, the register field (or -1: any), bytes of immediate (4: as the operand size says). */
struct form {
    uint8_t map, opcode;
    int8_t reg;
    uint8_t imm;
};

static const struct form *form(GRand *r)
{
    // clang-format off
    static const struct form forms[] = {
        { 0, 0x00, -1, 0 }, { 0, 0x01, -1, 0 }, { 0, 0x03, -1, 0 }, { 0, 0x08, -1, 0 }, { 0, 0x0b, -1, 0 },
        { 0, 0x10, -1, 0 }, { 0, 0x11, -1, 0 }, { 0, 0x13, -1, 0 }, { 0, 0x18, -1, 0 }, { 0, 0x1b, -1, 0 },
        { 0, 0x21, -1, 0 }, { 0, 0x22, -1, 0 }, { 0, 0x29, -1, 0 }, { 0, 0x2a, -1, 0 }, { 0, 0x31, -1, 0 },
        { 0, 0x38, -1, 0 }, { 0, 0x39, -1, 0 }, { 0, 0x3b, -1, 0 }, { 0, 0x84, -1, 0 }, { 0, 0x85, -1, 0 },
        { 0, 0x86, -1, 0 }, { 0, 0x87, -1, 0 }, { 0, 0x88, -1, 0 }, { 0, 0x89, -1, 0 }, { 0, 0x8a, -1, 0 },
        { 0, 0x8b, -1, 0 }, { 0, 0x63, -1, 0 },
        { 0, 0x80, 0, 1 },  { 0, 0x80, 7, 1 },  { 0, 0x81, 0, 4 },  { 0, 0x81, 2, 4 },  { 0, 0x81, 5, 4 },
        { 0, 0x83, 1, 1 },  { 0, 0x83, 3, 1 },  { 0, 0x83, 4, 1 },  { 0, 0x83, 7, 1 },  { 0, 0xf6, 0, 1 },
        { 0, 0xf7, 0, 4 },  { 0, 0xf6, 2, 0 },  { 0, 0xf7, 2, 0 },  { 0, 0xf7, 3, 0 },  { 0, 0xfe, 0, 0 },
        { 0, 0xff, 0, 0 },  { 0, 0xff, 1, 0 },  { 0, 0xc6, 0, 1 },  { 0, 0xc7, 0, 4 },
        { 0, 0xc0, 0, 1 },  { 0, 0xc0, 4, 1 },  { 0, 0xc1, 1, 1 },  { 0, 0xc1, 4, 1 },  { 0, 0xc1, 5, 1 },
        { 0, 0xc1, 7, 1 },  { 0, 0xd1, 4, 0 },  { 0, 0xd3, 4, 0 },  { 0, 0xd3, 5, 0 },  { 0, 0xd2, 7, 0 },
        { 1, 0xb6, -1, 0 }, { 1, 0xb7, -1, 0 }, { 1, 0xbe, -1, 0 }, { 1, 0xbf, -1, 0 },
        { 1, 0x42, -1, 0 }, { 1, 0x44, -1, 0 }, { 1, 0x4c, -1, 0 }, { 1, 0x4f, -1, 0 },
        { 1, 0x90, 0, 0 },  { 1, 0x92, 0, 0 },  { 1, 0x95, 0, 0 },  { 1, 0x97, 0, 0 },  { 1, 0x9c, 0, 0 },
        { 1, 0x9f, 0, 0 },  { 1, 0xa3, -1, 0 }, { 1, 0xba, 5, 1 },
    };
    // clang-format on
    return &forms[g_rand_int_range(r, 0, G_N_ELEMENTS(forms))];
}

/* PUSH, POP, BSWAP, LEA, CALL and RET: what has no ModRM operand as above. */
static void special(struct program *p, GRand *r)
{
    static const char *const texts[] = {
        "\x50\x5b",                   /* push rax; pop rbx */
        "\x41\x51\x59",               /* push r9; pop rcx */
        "\x0f\xc8",                   /* bswap eax */
        "\x49\x0f\xc9",               /* bswap r9 */
        "\x8d\x44\x8b\x7f",           /* lea eax, [rbx + rcx * 4 + 0x7f] */
        "\x4a\x8d\x9c\x0a\x80\1\1\1", /* lea rbx, [rdx + r9 + 0x1010180] */
        "\x48\xb8\1\2\3\4\5\6\7\x88", /* mov rax, 0x8807060504030201 */
        "\xb5\x12",                   /* mov ch, 0x12 */
        "\xff\x34\x24\x8f\x04\x24",   /* push [rsp]; pop [rsp] */
        "\xe8\x01\x01\x01\x01",       /* call: see below */
    };
    unsigned i = g_rand_int_range(r, 0, G_N_ELEMENTS(texts));

    if (i == G_N_ELEMENTS(texts) - 1) { /* call over 5 bytes to pop rdx */
        const uint8_t call[] = { 0xe8, 0, 0, 0, 0, 0x5a };
        memcpy(p->code + p->n, call, sizeof(call));
        p->n += sizeof(call);
        return;
    }
    for (const char *t = texts[i]; *t; t++)
        byte(p, *t);
}

static void instruction(struct program *p, GRand *r)
{
    const struct form *f = form(r);
    bool word = g_rand_int_range(r, 0, 8) == 0, rex = g_rand_boolean(r);
    bool wide = rex && !word && g_rand_boolean(r);

    if (g_rand_int_range(r, 0, 8) == 0) {
        special(p, r);
        return;
    }
    if (word)
        byte(p, 0x66);
    if (rex) /* R selects R8 to R15, where the field is a register */
        byte(p, 0x40 | wide << 3 | (f->reg < 0 && g_rand_boolean(r)) << 2);
    if (f->map)
        byte(p, 0x0f);
    byte(p, f->opcode);
    modrm(p, r, f->reg);
    immediate(p, r, f->imm == 4 && word ? 2 : f->imm);
}

/* A loop of R14 rounds, with branches forward; HLT ends it. */
static void generate(struct program *p, GRand *r)
{
    p->n = 0;
    for (unsigned i = 0; i < LENGTH; i++) {
        unsigned at = p->n;
        bool skip = g_rand_int_range(r, 0, 6) == 0;

        if (skip) {
            byte(p, 0x70 | g_rand_int_range(r, 0, 16));
            byte(p, 0);
        }
        instruction(p, r);
        if (skip)
            p->code[at + 1] = p->n - at - 2;
    }
    byte(p, 0x49), byte(p, 0xff), byte(p, 0xce); /* dec r14; jnz to the beginning; hlt */
    byte(p, 0x0f), byte(p, 0x85);
    for (unsigned i = 0, back = -(p->n + 4); i < 4; i++)
        byte(p, back >> 8 * i);
    byte(p, 0xf4);
}

static int run_in(struct soft_host *h, const struct program *p, unsigned seed)
{
    struct cpu *cpu = h->cpu;
    GRand *r = g_rand_new_with_seed(seed);

    soft_host_code(h, SOFT_CODE, p->code, p->n);
    for (unsigned i = 0; i < 0x2000; i++)
        h->ram[SOFT_DATA + i] = g_rand_int(r);
    for (unsigned i = 0; i < 16; i++)
        cpu->r[i] = g_rand_boolean(r) ? g_rand_int(r) : -(uint64_t)g_rand_int_range(r, 0, 300);
    /* Now and then data that faults, or lies in the code's page (HLT's behind it). */
    cpu->r[RSI] = SOFT_DATA + 0x1000 - g_rand_int_range(r, 0, DATA);
    if (g_rand_int_range(r, 0, 10) == 0)
        cpu->r[RSI] = g_rand_boolean(r) ? SOFT_RAM - DATA / 2 : SOFT_CODE + sizeof(p->code);
    cpu->r[RSP] = SOFT_STACK;
    cpu->r[R14] = ROUNDS;
    cpu->flags = 2 | (g_rand_int(r) & F_ARITH);
    cpu->halted = false;
    cpu->wanted = 0;
    cpu->cr2 = 0;
    g_rand_free(r);
    return soft_host_run(h, LENGTH * ROUNDS * 3);
}

static void compare(struct soft_host *a, struct soft_host *b, const struct program *p)
{
    for (unsigned i = 0; i < 16; i++)
        g_assert_cmphex(a->cpu->r[i], ==, b->cpu->r[i]);
    g_assert_cmphex(a->cpu->rip, ==, b->cpu->rip);
    g_assert_cmphex(a->cpu->flags, ==, b->cpu->flags);
    g_assert_cmpuint(a->cpu->instructions, ==, b->cpu->instructions);
    g_assert_cmpmem(a->ram, SOFT_DATA + 0x3000, b->ram, SOFT_DATA + 0x3000);
}

/* Both processors live through all programs: blocks die and code memory fills. */
static void test_alike(gconstpointer seed)
{
    struct soft_host *plain = soft_host_create(64), *translated = soft_host_create(64);
    GRand *r = g_rand_new_with_seed(GPOINTER_TO_UINT(seed));
    struct program p;

    jit_destroy(plain->cpu);
    if (!translated->cpu->blocks->jit)
        g_assert_cmpint(jit_create(translated->cpu, JIT_LEAST, 2), ==, 0);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        unsigned state = g_rand_int(r);

        generate(&p, r);
        g_assert_cmpint(run_in(plain, &p, state), ==, run_in(translated, &p, state));
        compare(plain, translated, &p);
    }
    g_test_message("%" G_GUINT64_FORMAT " blocks, %" G_GUINT64_FORMAT " times emptied",
                   translated->cpu->blocks->jit->count.blocks,
                   translated->cpu->blocks->jit->count.flushes);
    g_assert_cmpuint(translated->cpu->blocks->jit->count.blocks, >, PROGRAMS);
    g_assert_cmpuint(translated->cpu->blocks->jit->count.flushes, >, 0);
    g_rand_free(r);
    soft_host_destroy(translated);
    soft_host_destroy(plain);
}

/* The code is where it can be executed and not written, and the other way round. */
static void test_mappings(void)
{
    struct soft_host *h = soft_host_create(64);
    char *maps;

    if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    g_assert_nonnull(strstr(maps, " r-xs "));
    g_assert_nonnull(strstr(maps, " rw-s "));
    g_assert_null(strstr(maps, " rwx"));
    g_free(maps);
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/soft-jit/alike",
                         GUINT_TO_POINTER(argc > 1 ? strtoul(argv[1], NULL, 0) : 1), test_alike);
    g_test_add_func("/soft-jit/mappings", test_mappings);
    return g_test_run();
}
