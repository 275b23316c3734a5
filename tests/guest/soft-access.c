/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-access - every kind of access, through every combination of what a page directory entry, a
 * page table entry, CR0, CR4 and EFER can say of it, beside a model of the manual's rules: whether
 * it faults, with which error code, and which A and D bits it leaves.
 *
 * Intel SDM volume 3, sections 4.5 to 4.8.
 */
#include "long.h"

enum { WP = 1, SMEP = 2, SMAP = 4, NXE = 8, PKE = 16, MODES = 32 }; /* of a mode */
enum kind { READ, WRITE, FETCH, READ_AC, USER_READ, USER_WRITE, USER_FETCH, KINDS };
#define RSV          (1ull << 51)
#define KEY          (1ull << 59) /* protection key 1 */
#define KEYS_OF_1_AD 4u           /* PKRU */
#define KEYS_OF_1_WD 8u

static char memory[4096] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096))), pd[512] __attribute__((aligned(4096)));
static volatile uint64_t pt[512] __attribute__((aligned(4096)));
static char *target; /* memory, by tables of our own */
static volatile uint64_t *pte, *pde;
static uint32_t offered; /* modes that the processor has */

struct trial {
    uint64_t pde, pte;
    unsigned mode, pkru;
    enum kind kind;
};

/* ---- The model ---- */

static bool is_user(const struct trial *t)
{
    return t->kind >= USER_READ;
}
static bool is_write(const struct trial *t)
{
    return t->kind == WRITE || t->kind == USER_WRITE;
}
static bool is_fetch(const struct trial *t)
{
    return t->kind == FETCH || t->kind == USER_FETCH;
}

static bool reserved(const struct trial *t, uint64_t entry)
{
    return entry & RSV || (entry & NX && !(t->mode & NXE));
}

static bool key_forbids(const struct trial *t, uint64_t leaf, bool user_page)
{
    unsigned rights = leaf & KEY ? t->pkru >> 2 & 3 : 0;

    if (!(t->mode & PKE) || !user_page || is_fetch(t))
        return false;
    return rights & 1 || (rights & 2 && is_write(t) && (is_user(t) || t->mode & WP));
}

static bool rights_forbid(const struct trial *t, uint64_t all, bool nx)
{
    bool user_page = all & U, written = all & W;

    if (is_fetch(t))
        return nx || (is_user(t) ? !user_page : user_page && t->mode & SMEP);
    if (is_user(t))
        return !user_page || (is_write(t) && !written);
    return (user_page && t->mode & SMAP && t->kind != READ_AC) ||
           (is_write(t) && !written && t->mode & WP);
}

/* True: the access faults, with *error. */
static bool faults(const struct trial *t, uint64_t *error)
{
    bool large = t->pde & PS;
    uint64_t leaf = large ? t->pde : t->pte, all = large ? t->pde : t->pde & t->pte;
    bool nx = t->pde & NX || leaf & NX, keyed;

    *error = (is_write(t) ? 2 : 0) | (is_user(t) ? 4 : 0) |
             (is_fetch(t) && t->mode & (NXE | SMEP) ? 0x10 : 0);
    if (!(t->pde & P))
        return true;
    if (reserved(t, t->pde) || (leaf & P && reserved(t, leaf))) {
        *error |= 9;
        return true;
    }
    if (!(leaf & P))
        return true;
    keyed = key_forbids(t, leaf, all & U);
    if (!keyed && !rights_forbid(t, all, nx))
        return false;
    *error |= 1 | (keyed ? 0x20 : 0);
    return true;
}

/* ---- The processor ---- */

static char *const user_page = (char *)WINDOW;

static void put_user(unsigned at, const char *code, unsigned n)
{
    volatile char *to = user_page + at;

    while (n--)
        *to++ = *code++;
}

static void prepare_user(void)
{
    static char page[4096] __attribute__((aligned(4096)));

    map(0, (uint64_t)page | P | W);
    put_user(USER_READ * 16, "\x8a\x07\xf4", 3);      /* mov (%rdi), %al; hlt */
    put_user(USER_WRITE * 16, "\xc6\x07\xc3\xf4", 4); /* movb $0xc3, (%rdi); hlt */
    put_user(USER_FETCH * 16, "\xff\xd7\xf4", 3);     /* call *%rdi; hlt */
    map(0, (uint64_t)page | P | W | U);
}

static void attempt(enum kind kind)
{
    switch (kind) {
    case READ: ATTEMPT("movb (%0), %%al", : : "D"(target) : "rax", "memory"); break;
    case WRITE: ATTEMPT("movb $0xc3, (%0)", : : "D"(target) : "memory"); break;
    case FETCH: ATTEMPT("call *%0", : : "D"(target) : "memory"); break;
    case READ_AC:
        ATTEMPT("stac\n\tmovb (%0), %%al\n\tclac", : : "D"(target) : "rax", "memory");
        break;
    default:
        ATTEMPT("pushq $0x23\n\tpushq $0x40000ff0\n\tpushfq\n\tpushq $0x2b\n\tpushq %0\n\tiretq",
                :
                : "r"(user_page + kind * 16), "D"(target)
                : "rax", "memory");
        if (trap.vector == GP && trap.rip >> 12 == WINDOW >> 12) /* it has come to the HLT */
            trap.vector = NONE;
        break;
    }
}

static void show_trial(const struct trial *t)
{
    show("    access", t->kind);
    show("    mode", t->mode);
    show("    PKRU", t->pkru);
    show("    PDE", t->pde);
    show("    PTE", t->pte);
    show("    PDE left", *pde);
    show("    PTE left", *pte);
    show("    vector", (uint8_t)trap.vector);
    show("    error", trap.error);
}

static bool run(const struct trial *t)
{
    uint64_t error, set = A | (is_write(t) ? D : 0), want_pde = t->pde, want_pte = t->pte;
    bool fault = faults(t, &error), right;

    *pde = t->pde | (t->pde & PS ? (uint64_t)memory & ~0x1fffffull : (uint64_t)pt);
    *pte = t->pte | (uint64_t)memory;
    invlpg(target);
    attempt(t->kind);
    if (!fault) {
        want_pde |= t->pde & PS ? set : A;
        want_pte |= t->pde & PS ? 0 : set;
    }
    right = fault ? trap.vector == PF && trap.error == error && trap.cr2 == (uint64_t)target
                  : trap.vector == NONE;
    right &= ((*pde ^ want_pde) & (PS | 0xfff) & ~(fault ? A : 0)) == 0;
    right &= ((*pte ^ want_pte) & 0xfff) == 0;
    if (!right)
        show_trial(t);
    return right;
}

/* ---- All of them ---- */

/* Bits of n, each in its place. */
static uint64_t spread(unsigned n, const uint64_t *bits)
{
    uint64_t v = 0;

    for (; n; n >>= 1, bits++)
        v |= n & 1 ? *bits : 0;
    return v;
}

static void enter_mode(unsigned mode)
{
    uint64_t cr4 = READ_CR(4) & ~(1ull << 20 | 1 << 21 | 1 << 22);

    WRITE_CR(0, (READ_CR(0) & ~0x10000ull) | (mode & WP ? 0x10000 : 0));
    WRITE_CR(4, cr4 | (mode & SMEP ? 1 << 20 : 0) | (mode & SMAP ? 1 << 21 : 0) |
                    (mode & PKE ? 1 << 22 : 0));
    wrmsr(0xc0000080, (rdmsr(0xc0000080) & ~0x800ull) | (mode & NXE ? 0x800 : 0));
}

static unsigned entries(struct trial *t)
{
    static const uint64_t pde_bits[] = { P, W, U, NX, RSV, PS },
                          pte_bits[] = { P, W, U, NX, RSV, A, D };
    unsigned wrong = 0;

    for (unsigned i = 0; i < 64; i++)
        for (unsigned j = 0; j < 128; j++) {
            t->pde = spread(i, pde_bits) | (t->pkru ? KEY : 0);
            t->pte = spread(j, pte_bits) | (t->pkru ? KEY : 0);
            if ((t->pde & PS && j > 1) || (j >> 5 && t->pkru))
                continue; /* nothing new */
            for (t->kind = READ; t->kind < KINDS; t->kind++)
                if (t->kind != READ_AC || offered & SMAP)
                    wrong += !run(t);
            if (wrong > 8)
                return wrong;
        }
    return wrong;
}

static uint32_t find_offered(void)
{
    struct cpuid r = cpuid(7, 0);

    return WP | NXE | (r.b >> 7 & 1 ? SMEP : 0) | (r.b >> 20 & 1 ? SMAP : 0) |
           (r.c >> 3 & 1 ? PKE : 0);
}

void guest_main(void)
{
    struct trial t = { 0 };

    long_init();
    memory[0] = 0xc3;
    prepare_user();
    pdpt[0] = (uint64_t)pd | P | W | U;
    tables64[1] = (uint64_t)pdpt | P | W | U;
    target = (char *)(1ull << 39) + ((uint64_t)memory & 0x1fffff);
    pde = (volatile uint64_t *)pd;
    pte = &pt[(uint64_t)memory >> 12 & 511];
    offered = find_offered();
    for (t.mode = 0; t.mode < MODES; t.mode++) {
        if (t.mode & ~offered)
            continue;
        enter_mode(t.mode);
        for (t.pkru = 0; t.pkru <= (t.mode & PKE ? KEYS_OF_1_WD : 0); t.pkru += KEYS_OF_1_AD) {
            if (t.mode & PKE)
                __asm__ volatile("wrpkru" : : "a"(t.pkru), "c"(0), "d"(0) : "memory");
            check_value("accesses that differ", entries(&t), 0);
        }
    }
    finish();
}
