/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-check - engine=check finds what a translator that makes mistakes does, says where, and finds
 * nothing otherwise.
 *
 * The mistakes are made here: jit_translate() is wrapped by the linker, and WRONG in the code that
 * it has made becomes WRONG + 1.
 */
#include "blocks.h"
#include "check.h"
#include "soft-host.h"

#define WRONG 0x12345678u

static bool spoils;

size_t __real_jit_translate(struct jit *jit, struct block *block, uint8_t *at);
size_t __wrap_jit_translate(struct jit *jit, struct block *block, uint8_t *at);

size_t __wrap_jit_translate(struct jit *jit, struct block *block, uint8_t *at)
{
    const uint32_t right = WRONG, wrong = WRONG + 1;
    size_t bytes = __real_jit_translate(jit, block, at);

    for (size_t i = 0; spoils && i + sizeof(right) <= bytes; i++)
        if (!memcmp(at + i, &right, sizeof(right)))
            memcpy(at + i, &wrong, sizeof(wrong));
    return bytes;
}

static struct soft_host *create(void)
{
    struct soft_host *h = soft_host_create(64);

    if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    g_assert_cmpint(check_create(h->cpu), ==, 0);
    return h;
}

/* Runs code to its HLT, or to a difference: then what is said about it. */
static const char *run(struct soft_host *h, const char *code, unsigned bytes)
{
    struct cpu *cpu = h->cpu;

    cpu->halted = false;
    cpu->wanted = 0;
    cpu->r[RSI] = SOFT_DATA;
    soft_host_code(h, SOFT_CODE, code, bytes);
    g_assert_cmpint(soft_host_run(h, 1000), ==, -1);
    return cpu->blocks->check->report;
}
#define RUN(h, code) run(h, code, sizeof(code) - 1)

/* inc ebx; then it; inc edi; hlt */
#define PROGRAM(insn) "\xff\xc3" insn "\xff\xc7\xf4"

static const struct {
    const char *name, *code, *says;
    unsigned bytes;
} mistakes[] = {
#define MISTAKE(name, insn, says)                                                                  \
    {                                                                                              \
        name, PROGRAM(insn), says, sizeof(PROGRAM(insn)) - 1                                       \
    }
    // clang-format off
    MISTAKE("register", "\xb8\x78\x56\x34\x12",
            "  rax: interpreter 0000000012345678, translator 0000000012345679\n"),
    MISTAKE("memory", "\xb8\x78\x56\x34\x12\x89\x46\x07",
            "  rax: interpreter 0000000012345678, translator 0000000012345679\n"),
    MISTAKE("address", "\x89\xaa\x78\x56\x34\x12",
            "  memory at 0000000000020000: interpreter "),
    MISTAKE("flags", "\x3d\x78\x56\x34\x12", "  rflags: interpreter 0000000000000046, "),
    // clang-format on
};

static void test_mistake(gconstpointer data)
{
    unsigned i = GPOINTER_TO_UINT(data);
    struct soft_host *h = create();
    const char *report;

    h->cpu->r[RAX] = h->cpu->r[RBP] = WRONG;
    h->cpu->r[RDX] = (uint64_t)SOFT_DATA - WRONG;
    spoils = true;
    report = run(h, mistakes[i].code, mistakes[i].bytes);
    spoils = false;
    g_assert_nonnull(report);
    g_test_message("%s", report);
    g_assert_nonnull(strstr(report, mistakes[i].says));
    g_assert_nonnull(strstr(report, "at rip 0000000000010002, instruction 2 of its block:"));
    g_assert_null(strstr(report, "rbx: interpreter"));
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE); /* nothing of the block has happened */
    g_assert_cmphex(h->cpu->r[RAX], ==, WRONG);
    soft_host_destroy(h);
}

/* What is stored goes to memory once, and is compared. */
static void test_memory(void)
{
    static const char code[] =
        "\xc7\x46\x3e\x78\x56\x34\x12\xf4"; /* mov dword [rsi + 3eh], WRONG */
    struct soft_host *h = create();
    const char *report;

    memset(h->ram + SOFT_DATA, 0xaa, 0x80);
    spoils = true;
    report = RUN(h, code);
    spoils = false;
    g_assert_nonnull(report);
    g_test_message("%s", report);
    g_assert_nonnull(
        strstr(report, "  memory at 000000000002003e: interpreter 78, translator 79\n"));
    for (unsigned i = 0; i < 0x80; i++)
        g_assert_cmphex(h->ram[SOFT_DATA + i], ==, 0xaa);
    soft_host_destroy(h);
}

/* Reads, changes and writes its own memory: once, though it runs twice. */
static void test_once(void)
{
    struct soft_host *h = create();
    uint64_t *data = (uint64_t *)(h->ram + SOFT_DATA);

    data[0] = 5;
    data[1] = 0x100000000;
    /* add qword [rsi], 3; lock inc qword [rsi + 8]; push rsi; pop rdx; out 1, al; hlt */
    g_assert_null(RUN(h, "\x48\x83\x06\x03\xf0\x48\xff\x46\x08\x56\x5a\xe6\x01\xf4"));
    g_assert_cmphex(data[0], ==, 8);
    g_assert_cmphex(data[1], ==, 0x100000001);
    g_assert_cmphex(h->cpu->r[RDX], ==, SOFT_DATA);
    g_assert_cmpuint(h->port_writes, ==, 1);
    g_assert_cmpuint(h->cpu->instructions, ==, 6);
    g_assert_cmpuint(h->cpu->blocks->check->count.checked, >, 0);
    g_assert_cmpuint(h->cpu->blocks->check->count.once, >, 0);
    soft_host_destroy(h);
}

/* What reaches a device, or may not be repeated, is not run twice. */
static void test_not_twice(gconstpointer which)
{
    static const struct {
        const char *code;
        unsigned n, writes;
    } programs[] = {
        { PROGRAM("\x90"), sizeof(PROGRAM("\x90")) - 1, 0 },                 /* may be */
        { PROGRAM("\x6e"), sizeof(PROGRAM("\x6e")) - 1, 1 },                 /* outsb */
        { PROGRAM("\x88\x03"), sizeof(PROGRAM("\x88\x03")) - 1, 1 },         /* mov [rbx], al */
        { PROGRAM("\x0f\x31"), sizeof(PROGRAM("\x0f\x31")) - 1, 0 },         /* rdtsc */
        { PROGRAM("\x0f\x20\xd8"), sizeof(PROGRAM("\x0f\x20\xd8")) - 1, 0 }, /* mov rax, cr3 */
        { PROGRAM("\xf3\xaa"), sizeof(PROGRAM("\xf3\xaa")) - 1, 0 },         /* rep stosb */
    };
    unsigned i = GPOINTER_TO_UINT(which);
    struct soft_host *h = create();
    struct cpu *cpu = h->cpu;

    /* What is no RAM, and where the loop of REP ends. */
    ((uint64_t *)(h->ram + SOFT_TABLES + 0x2000))[SOFT_RAM >> 21] = SOFT_RAM | 0x87;
    cpu->r[RBX] = SOFT_RAM + 0x10;
    cpu->r[RCX] = 3;
    cpu->r[RDI] = SOFT_DATA + 8;
    g_assert_null(run(h, programs[i].code, programs[i].n));
    g_assert_cmpuint(h->port_writes, ==, programs[i].writes);
    g_assert_cmpuint(cpu->blocks->check->count.once, ==, i ? 2 : 1); /* and HLT */
    soft_host_destroy(h);
}

/* A store to the code behind it takes effect, in both. */
static void test_own_code(void)
{
    struct soft_host *h = create();

    /* mov byte [rip + 1], 99h; mov al, 11h (its operand becomes 99h); hlt */
    g_assert_null(RUN(h, "\xc6\x05\x01\x00\x00\x00\x99\xb0\x11\xf4"));
    g_assert_cmphex(h->cpu->r[RAX] & 0xff, ==, 0x99);
    /* lock inc byte [rip + 1]; mov al, 11h; hlt: it is told of later */
    g_assert_null(RUN(h, "\xf0\xfe\x05\x01\x00\x00\x00\xb0\x11\xf4"));
    g_assert_cmphex(h->cpu->r[RAX] & 0xff, ==, 0x12);
    soft_host_destroy(h);
}

/* The same in so little memory that each block is made again whenever it is met. */
static void test_cramped(void)
{
    struct soft_host *h = soft_host_create(64);
    GString *code = g_string_new(NULL);

    soft_host_cramp(h);
    if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_ROOM + (20 << 10), 1), ==, 0);
    g_assert_cmpint(check_create(h->cpu), ==, 0);
    for (unsigned i = 0; i < 200; i++) /* inc ebx; jmp to the next one */
        g_string_append_len(code, "\xff\xc3\xeb\x00", 4);
    /* dec ecx; jnz first; hlt */
    g_string_append_len(code, "\xff\xc9\x0f\x85\xd8\xfc\xff\xff\xf4", 9);
    h->cpu->r[RCX] = 2;
    h->cpu->r[RBX] = 0;
    g_assert_null(run(h, code->str, code->len));
    g_assert_cmpuint(h->cpu->r[RBX], ==, 400);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + code->len);
    g_assert_cmpuint(h->cpu->blocks->arena.count.dropped, >, 400);
    g_assert_cmpuint(h->cpu->blocks->jit->code.count.dropped, >, 300);
    g_assert_cmpuint(h->cpu->blocks->check->count.checked, >=, 400);
    g_string_free(code, true);
    soft_host_destroy(h);
}

/* A fault is one, with the state of its instruction. */
static void test_fault(void)
{
    static const char code[] = "\x31\xc9\xff\xc3\xf7\xf1\xf4"; /* xor ecx, ecx; inc ebx; div ecx */
    struct soft_host *h = create();

    soft_host_code(h, SOFT_CODE, code, sizeof(code) - 1);
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_DE);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + 4);
    g_assert_cmphex(h->cpu->r[RBX], ==, 1);
    g_assert_cmpuint(h->cpu->instructions, ==, 2);
    g_assert_null(h->cpu->blocks->check->report);
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        char *path = g_strdup_printf("/soft-check/mistake/%s", mistakes[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_mistake);
        g_free(path);
    }
    g_test_add_func("/soft-check/memory", test_memory);
    g_test_add_func("/soft-check/once", test_once);
    for (unsigned i = 0; i < 6; i++) {
        char *path = g_strdup_printf("/soft-check/not-twice/%u", i);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_not_twice);
        g_free(path);
    }
    g_test_add_func("/soft-check/own-code", test_own_code);
    g_test_add_func("/soft-check/cramped", test_cramped);
    g_test_add_func("/soft-check/fault", test_fault);
    return g_test_run();
}
