/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-stress - random code in random modes, in the interpreter and in translated code, with events
 * at random instruction counts; the two are compared all the time.
 *
 * Modes: real, VM86, protected, compatibility and 64-bit, at CPL 0 and 3, with paging and without.
 * Events: CR3 changes, a page is mapped elsewhere, interrupts through tables in memory, another
 * mode, DMA into code.  The code stores into itself, also through other linear addresses.
 *
 *   unit-soft-stress [SEED]   SOFT_STRESS=N in the environment: so many lives (60)
 *
 * A life is a pair of fresh processors; what fails says its life's seed, with which it comes first.
 * In every other one there is room for so few blocks that old ones are written over all the time.
 * What engine=check cannot compare, as it runs block by block, is compared here: jumps between
 * translated blocks, linked or through the table.
 * SOFT_ENGINE=check: the second processor checks itself, and names the instruction.
 */
#include "blocks.h"
#include "check.h"
#include "soft-host.h"
#include "soft.h"

enum { LIVES = 60, ROUNDS = 12, EVENTS = 24, MOST_INSTRUCTIONS = 300 };
/* Memory: code, data and stack in the first pages, also seen from ALIAS on; tables out of reach. */
enum {
    CODE = 0x10000,
    CODE_BYTES = 0x2000,
    DATA = 0x20000,
    DATA_BYTES = 0x3000,
    ALIAS = 0x400000,
    ALIAS_PAGES = 16,
    TABLES = 0x300000,
    TABLES_STEP = 0x8000,
    DESCRIPTORS = 0x380000,
    VECTORS = 0x381000,
};

struct pair {
    struct soft_host *h[2]; /* interpreter, translator */
    GRand *r;
    unsigned bits; /* of the code: 16, 32, 64 */
    bool paging, vm86;
    uint32_t seed;
    unsigned round, event;
};

/* Without what is random by itself, and SVM. */
static const struct tenon_cpuid features[] = {
    { .leaf = 0, .eax = 0xd },
    { .leaf = 1, .ecx = ~(1u << 30), .edx = 0xffffffff },
    { .leaf = 7, .indexed = 1, .ebx = ~(1u << 18), .ecx = 0xffffffff },
    { .leaf = 0xd, .indexed = 1, .eax = 7, .ebx = 832, .ecx = 832 },
    { .leaf = 0xd, .indexed = 1, .subleaf = 2, .eax = 256, .ebx = 576 },
    { .leaf = 0x80000000, .eax = 0x80000008 },
    { .leaf = 0x80000001, .ecx = ~4u, .edx = 0xffffffff },
};

/* Exact in the midst of a block, in either engine. */
uint64_t cpu_tsc(const struct cpu *cpu)
{
    return blocks_executed(cpu);
}

static unsigned below(struct pair *p, unsigned n)
{
    return g_rand_int_range(p->r, 0, n);
}

static bool chance(struct pair *p, unsigned in)
{
    return below(p, in) == 0;
}

#define BOTH(cpu)                                                                                  \
    for (struct cpu *cpu = p->h[0]->cpu; cpu; cpu = cpu == p->h[0]->cpu ? p->h[1]->cpu : NULL)

/* From outside the processor: as DMA does it. */
static void put(struct pair *p, uint64_t at, const void *bytes, unsigned n)
{
    for (unsigned i = 0; i < 2; i++) {
        memcpy(p->h[i]->ram + at, bytes, n);
        mmu_code_written(p->h[i]->cpu, 0, at, n);
    }
}

static void put64(struct pair *p, uint64_t at, uint64_t value)
{
    put(p, at, &value, 8);
}

static void put32(struct pair *p, uint64_t at, uint32_t value)
{
    put(p, at, &value, 4);
}

/* ---- Page tables: two address spaces, each for 64-bit mode and for 32 bits ---- */

static uint64_t table(unsigned space, bool wide, unsigned n)
{
    return TABLES + (space * 2 + wide) * TABLES_STEP + n * 0x1000;
}

static void map(struct pair *p, unsigned space, unsigned page, uint64_t to, unsigned flags)
{
    put64(p, table(space, true, 3) + page * 8, to | flags);
    put32(p, table(space, false, 1) + page * 4, to | flags);
}

/* One of the pages that see code and data from elsewhere. */
static void map_alias(struct pair *p, unsigned space, unsigned n)
{
    unsigned page = below(p, 5), flags = chance(p, 8)    ? 5
                                         : chance(p, 8)  ? 3
                                         : chance(p, 12) ? 0
                                                         : 7;

    map(p, space, ALIAS / 0x1000 + n, page < 2 ? CODE + page * 0x1000 : DATA + (page - 2) * 0x1000,
        flags);
}

static void make_tables(struct pair *p, unsigned space)
{
    put64(p, table(space, true, 0), table(space, true, 1) | 7);
    put64(p, table(space, true, 1), table(space, true, 2) | 7);
    for (unsigned i = 0; i < 3; i++)
        put64(p, table(space, true, 2) + i * 8, table(space, true, 3 + i) | 7);
    for (unsigned i = 0; i < 2; i++)
        put32(p, table(space, false, 0) + i * 4, table(space, false, 1 + i) | 7);
    for (unsigned page = 0; page < SOFT_RAM / 0x1000; page++)
        map(p, space, page, page * 0x1000, page < TABLES / 0x1000 ? 7 : 5);
    for (unsigned n = 0; n < ALIAS_PAGES; n++)
        map_alias(p, space, n);
}

/* ---- Descriptors, vectors ---- */

static uint64_t code_address(struct pair *p)
{
    return CODE + below(p, CODE_BYTES - 64);
}

static void make_descriptors(struct pair *p)
{
    uint64_t code = p->bits == 64 ? 0x00af9b000000ffff : 0x00cf9b000000ffff;

    put64(p, DESCRIPTORS + 8, code);
    put64(p, DESCRIPTORS + 16, 0x00cf93000000ffff);
    for (unsigned v = 0; v < 32; v++) {
        uint64_t at = code_address(p),
                 gate = (at & 0xffff) | 8 << 16 | (at >> 16) << 48 | UINT64_C(0x8e00) << 32;

        if (p->bits == 64) {
            put64(p, VECTORS + v * 16, gate);
            put64(p, VECTORS + v * 16 + 8, 0);
        } else if (p->bits == 32) {
            put64(p, VECTORS + v * 8, gate);
        } else {
            put32(p, v * 4, (CODE >> 4) << 16 | (at - CODE));
        }
    }
}

/* ---- Code ---- */

static void random_instruction(struct pair *p, GByteArray *code)
{
    static const uint8_t plain[] = {
        0x00, 0x01, 0x03, 0x09, 0x0b, 0x11, 0x13, 0x19, 0x21, 0x23, 0x29, 0x2b, 0x31,
        0x33, 0x38, 0x39, 0x3b, 0x50, 0x53, 0x58, 0x5b, 0x63, 0x69, 0x6b, 0x72, 0x74,
        0x75, 0x78, 0x7c, 0x7f, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
        0x89, 0x8a, 0x8b, 0x8b, 0x8d, 0x98, 0x99, 0x9c, 0xa4, 0xa8, 0xaa, 0xab, 0xac,
        0xb0, 0xb8, 0xc0, 0xc1, 0xc6, 0xc7, 0xd1, 0xd3, 0xd8, 0xd9, 0xdc, 0xdd, 0xe2,
        0xe8, 0xeb, 0xf6, 0xf7, 0xf8, 0xf9, 0xfc, 0xfd, 0xfe, 0xff, 0xff,
    };
    static const uint8_t second[] = {
        0x10, 0x11, 0x28, 0x29, 0x40, 0x44, 0x4c, 0x51, 0x54, 0x58, 0x59, 0x5c, 0x6f, 0x7f,
        0x84, 0x8f, 0x90, 0x94, 0x9c, 0xa2, 0xa3, 0xa4, 0xab, 0xac, 0xaf, 0xb0, 0xb1, 0xb3,
        0xb6, 0xb7, 0xba, 0xbb, 0xbc, 0xbe, 0xbf, 0xc0, 0xc1, 0xc8, 0xd4, 0xef, 0xfe,
    };
    static const uint8_t prefixes[] = { 0x66, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x64, 0x2e };
    static const uint8_t mods[] = { 3, 3, 3, 3, 3, 3, 1, 1, 1, 1, 0, 2 };
    uint8_t bytes[16];
    unsigned n = 0;

    if (chance(p, 12))
        bytes[n++] = prefixes[below(p, sizeof(prefixes))];
    if (p->bits == 64 && chance(p, 2))
        bytes[n++] = 0x40 | below(p, 16);
    if (chance(p, 40)) {
        bytes[n++] = g_rand_int(p->r);
    } else if (chance(p, 4)) {
        bytes[n++] = 0x0f;
        bytes[n++] = second[below(p, sizeof(second))];
    } else {
        bytes[n++] = plain[below(p, sizeof(plain))];
    }
    bytes[n++] = mods[below(p, sizeof(mods))] << 6 | below(p, 64);
    for (unsigned left = below(p, 6); left; left--)
        bytes[n++] = chance(p, 3) ? g_rand_int(p->r) : below(p, 48);
    g_byte_array_append(code, bytes, n);
}

/* Does not fault, nor change CL, RBX or RSP. */
static void harmless_instruction(struct pair *p, GByteArray *code)
{
    static const uint8_t opcodes[] = { 0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85, 0x89 };
    static const uint8_t to[] = { RAX, RDX, RBP, RSI, RDI };
    uint8_t bytes[] = { opcodes[below(p, sizeof(opcodes))],
                        0xc0 | below(p, 8) << 3 | to[below(p, sizeof(to))] };

    g_byte_array_append(code, bytes, sizeof(bytes));
}

/* Goes round some times, by a conditional jump or by RET; the same in all modes, but that a CALL of
 * 16 bits has an ADD behind it. */
static void loop(struct pair *p, GByteArray *code)
{
    /* mov cl, 6; call the next one: pop bx ... dec cl; jz + 3; push bx; push bx; ret */
    static const uint8_t begin[] = { 0xb1, 6, 0xe8, 0, 0, 0, 0, 0x5b };
    static const uint8_t end[] = { 0xfe, 0xc9, 0x74, 3, 0x53, 0x53, 0xc3 };
    uint8_t again[] = { 0xfe, 0xc9, 0x75, 0 }; /* dec cl; jnz */
    bool returns = chance(p, 2);
    unsigned from;

    g_byte_array_append(code, begin, returns ? sizeof(begin) : 2);
    from = code->len;
    for (unsigned n = below(p, 5); n; n--)
        harmless_instruction(p, code);
    if (chance(p, 4))
        random_instruction(p, code);
    again[3] = from - (code->len + sizeof(again));
    g_byte_array_append(code, returns ? end : again, returns ? sizeof(end) : sizeof(again));
}

static void make_code(struct pair *p)
{
    GByteArray *code = g_byte_array_new();

    while (code->len < CODE_BYTES)
        (chance(p, 4) ? loop : random_instruction)(p, code);
    put(p, CODE, code->data, CODE_BYTES);
    g_byte_array_unref(code);
}

/* ---- The processors' state ---- */

static uint64_t random_value(struct pair *p)
{
    unsigned kind = below(p, 8);

    switch (kind) {
    case 0: return (uint64_t)g_rand_int(p->r) << 32 | g_rand_int(p->r);
    case 1: return below(p, 64);
    case 2: return CODE + below(p, CODE_BYTES);
    case 3: return ALIAS + below(p, ALIAS_PAGES * 0x1000);
    default: return DATA + below(p, DATA_BYTES);
    }
}

static void random_registers(struct pair *p)
{
    for (unsigned i = 0; i < 16; i++) {
        uint64_t value =
            i == RSP ? DATA + 0x800 + below(p, DATA_BYTES - 0x1000) / 8 * 8 : random_value(p);

        BOTH(cpu)
        cpu->r[i] = p->bits == 16 ? (uint16_t)value : p->bits == 32 ? (uint32_t)value : value;
    }
}

static void random_place(struct pair *p)
{
    uint64_t rip = code_address(p);

    if (p->paging && p->bits > 16 && chance(p, 4))
        rip = ALIAS + below(p, ALIAS_PAGES * 0x1000);
    if (p->bits == 16)
        rip -= CODE;
    BOTH(cpu)
    {
        cpu->rip = rip;
        cpu->flags &= ~(uint64_t)(F_TF | F_NT | F_RF);
    }
}

/* Segments of 16-bit code, of VM86 too: code at CODE, data at DATA. */
static void segments16(struct cpu *cpu, bool vm86)
{
    for (unsigned i = 0; i < N_SEGS; i++) {
        uint16_t selector = (i == SEG_CS ? CODE : DATA) >> 4;

        cpu->seg[i] =
            (struct segment){ .base = selector << 4,
                              .limit = 0xffff,
                              .selector = selector,
                              .attr = ATTR_P | ATTR_S | ATTR_RW | ATTR_A | (vm86 ? 0x60 : 0) |
                                      (i == SEG_CS && !vm86 ? ATTR_CODE : 0) };
    }
}

static void set_cpl(struct cpu *cpu, unsigned cpl)
{
    cpu->cpl = cpl;
    for (unsigned i = 0; i < N_SEGS; i++) {
        cpu->seg[i].selector = (cpu->seg[i].selector & ~3) | cpl;
        cpu->seg[i].attr = (cpu->seg[i].attr & ~0x60) | cpl << 5;
    }
}

static void enter_mode(struct pair *p, struct cpu *cpu, unsigned cpl, bool compatible)
{
    soft_host_mode(cpu->info->host, p->bits == 16 && p->vm86 ? 32 : p->bits);
    memset(cpu->dr, 0, sizeof(cpu->dr));
    memset(&cpu->debug, 0, sizeof(cpu->debug));
    cpu->inhibit = cpu->shadow = 0;
    cpu->pkru = 0;
    cpu->x87.status &= 0x3f00;    /* soft_host_mode() has masked all exceptions: none is pending */
    cpu->watch.step = TENON_STEP; /* REP MOVS and STOS by elements: how far a run of them goes in
                                     one round is up to the TLB, and rounds count */
    cpu->gdt = (struct segment){ .base = DESCRIPTORS, .limit = 23 };
    cpu->idt = (struct segment){ .base = p->bits == 16 ? 0 : VECTORS, .limit = 0xfff };
    if (p->bits == 16)
        segments16(cpu, p->vm86);
    if (p->vm86)
        cpu->flags |= F_VM | F_IOPL;
    if (compatible) { /* 32-bit code of long mode */
        cpu->efer = EFER_LME | EFER_LMA | EFER_NXE;
        cpu->cr4 |= CR4_PAE;
    }
    if (p->paging) {
        cpu->cr0 |= CR0_PG | CR0_WP;
        cpu->cr3 = table(0, p->bits == 64 || compatible, 0);
    }
    if (p->vm86)
        cpu->cpl = 3;
    else if (p->bits > 16)
        set_cpl(cpu, cpl);
    mode_update(cpu);
    tlb_flush(cpu, true);
}

static void random_mode(struct pair *p)
{
    unsigned cpl = chance(p, 2) ? 3 : 0;
    bool compatible;

    p->bits = 16u << below(p, 3);
    if (chance(p, 3))
        p->bits = 64;
    p->vm86 = p->bits == 16 && chance(p, 2);
    compatible = p->bits == 32 && chance(p, 3);
    p->paging = p->bits == 64 || compatible || ((p->bits == 32 || p->vm86) && chance(p, 2));
    BOTH(cpu)
    enter_mode(p, cpu, cpl, compatible);
    make_tables(p, 0);
    make_tables(p, 1);
    make_descriptors(p);
    random_registers(p);
    random_place(p);
}

/* ---- Comparing ---- */

static void say_where(struct pair *p, const char *what)
{
    g_test_message("%s: life %u, round %u, event %u, %u bits, mode %x, rip %" G_GINT64_MODIFIER
                   "x and %" G_GINT64_MODIFIER "x",
                   what, p->seed, p->round, p->event, p->bits, p->h[0]->cpu->mode,
                   p->h[0]->cpu->rip, p->h[1]->cpu->rip);
}

#define SAME(member) (!memcmp(&a->member, &b->member, sizeof(a->member)))
#define CHECK(member)                                                                              \
    do {                                                                                           \
        if (!SAME(member)) {                                                                       \
            say_where(p, #member);                                                                 \
            g_test_fail();                                                                         \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

static bool compare(struct pair *p, bool memory)
{
    const struct cpu *a = p->h[0]->cpu, *b = p->h[1]->cpu;

    for (unsigned i = 0; i < 16; i++)
        CHECK(r[i]);
    for (unsigned i = 0; i < 8; i++)
        CHECK(x87.r[i].mantissa);
    CHECK(rip);
    CHECK(flags);
    CHECK(seg);
    CHECK(v);
    CHECK(cr0);
    CHECK(cr4);
    CHECK(efer);
    CHECK(mxcsr);
    CHECK(x87.status);
    CHECK(x87.tag_valid);
    CHECK(mode);
    CHECK(inhibit);
    CHECK(halted);
    CHECK(fault.vector);
    CHECK(instructions);
    if (memory && memcmp(p->h[0]->ram, p->h[1]->ram, SOFT_RAM)) {
        say_where(p, "memory");
        g_test_fail();
        return false;
    }
    return true;
}

/* ---- Events ---- */

static void interrupt(struct pair *p)
{
    unsigned vector = below(p, 32);

    BOTH(cpu)
    {
        cpu->fault.vector = -1;
        if (sigsetjmp(cpu->fault_exit, 0) == 0)
            cpu_interrupt(cpu, vector);
        else
            blocks_faulted(cpu);
    }
}

static void happen(struct pair *p)
{
    uint64_t at = CODE + below(p, CODE_BYTES - 8), bytes = g_rand_int(p->r);
    unsigned space = below(p, 2), page = below(p, ALIAS_PAGES), what = below(p, 16);

    switch (what) {
    case 0:
        if (p->bits == 64)
            BOTH(cpu)
            {
                cpu->cr3 = table(space, true, 0);
                tlb_flush(cpu, false);
            }
        break;
    case 1:
        map_alias(p, 0, page);
        map_alias(p, 1, page);
        BOTH(cpu)
        tlb_flush_page(cpu, ALIAS + page * 0x1000);
        break;
    case 2: put(p, at, &bytes, 4); break;
    case 3:
        if (!p->vm86 && p->h[0]->cpu->cpl == 0)
            interrupt(p);
        break;
    case 4: random_mode(p); break;
    case 5: random_registers(p); break;
    case 6: random_place(p); break;
    }
}

/* The same number of instructions in both; then they are compared. */
static bool step(struct pair *p)
{
    unsigned n = 1 + below(p, MOST_INSTRUCTIONS);
    const struct check *check;

    BOTH(cpu)
    {
        cpu->halted = false;
        cpu->wanted = 0;
        soft_host_run(cpu->info->host, n);
    }
    check = p->h[1]->cpu->blocks->check;
    if (check && check->report)
        g_test_message("%s", check->report);
    if (!compare(p, p->event % 8 == 0))
        return false;
    if (p->h[0]->cpu->fault.vector >= 0) {
        if (chance(p, 2))
            random_registers(p);
        random_place(p);
    }
    return true;
}

/* ---- Lives ---- */

static struct soft_host *processor(bool translates, bool cramped)
{
    struct soft_host *h = soft_host_create(64);

    jit_destroy(h->cpu);
    if (translates)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    if (cramped)
        soft_host_cramp(h);
    if (translates && !g_strcmp0(g_getenv("SOFT_ENGINE"), "check"))
        g_assert_cmpint(check_create(h->cpu), ==, 0);
    h->info.cpuid = features;
    h->info.n_cpuid = G_N_ELEMENTS(features);
    return h;
}

/* What the translating processors have done. */
static struct {
    uint64_t instructions, translated, links, known, written_over;
} did;

static void note(const struct cpu *cpu)
{
    const struct jit *jit = cpu->blocks->jit;

    did.instructions += cpu->instructions;
    did.translated += jit->count.blocks;
    did.links += jit->count.links;
    did.written_over += jit->code.count.dropped;
    for (unsigned i = 0; i < JIT_JUMPS; i++)
        did.known += !!jit->jump[i].salt;
}

static bool live(uint32_t seed)
{
    bool cramped = seed & 1;
    struct pair pair = { .h = { processor(false, cramped), processor(true, cramped) },
                         .r = g_rand_new_with_seed(seed),
                         .seed = seed },
                *p = &pair;
    bool alike = true;

    for (p->round = 0; alike && p->round < ROUNDS; p->round++) {
        make_code(p);
        random_mode(p);
        for (p->event = 0; alike && p->event < EVENTS; p->event++) {
            happen(p);
            alike = step(p);
        }
    }
    note(p->h[1]->cpu);
    g_rand_free(p->r);
    soft_host_destroy(p->h[0]);
    soft_host_destroy(p->h[1]);
    return alike;
}

static void test_stress(gconstpointer data)
{
    const char *lives = g_getenv("SOFT_STRESS");
    uint32_t seed = GPOINTER_TO_UINT(data);
    uint64_t n = lives ? g_ascii_strtoull(lives, NULL, 0) : LIVES;
    bool checks = !g_strcmp0(g_getenv("SOFT_ENGINE"), "check");

    for (uint64_t i = 0; i < n; i++)
        if (!live(seed + i))
            return;
    g_test_message("%" G_GUINT64_FORMAT " instructions, %" G_GUINT64_FORMAT
                   " blocks translated, %" G_GUINT64_FORMAT " written over; %" G_GUINT64_FORMAT
                   " links, %" G_GUINT64_FORMAT " jumps in tables at the end",
                   did.instructions, did.translated, did.written_over, did.links, did.known);
    g_assert_cmpuint(did.translated, >, n);
    if (n > 1)
        g_assert_cmpuint(did.written_over, >, n);
    if (!checks)
        g_assert_cmpuint(did.links, >, n);
    if (!checks)
        g_assert_cmpuint(did.known, >, n);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/soft-stress/alike",
                         GUINT_TO_POINTER(argc > 1 ? strtoul(argv[1], NULL, 0) : 1), test_stress);
    return g_test_run();
}
