/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-make - what the files of templates share: the block being made, operands, memory, flags, ways
 * out.
 *
 * All translated code has the same registers: BP is the processor (plus CPU_BIAS), AX and CX are
 * scratch, twelve of the guest's are in the others (see home_of()), its R8, R10, R11, R15 and the
 * micro-ops' temporaries in memory.  A template writes the code of one micro-op.
 */
#ifndef TENON_SOFT_JIT_MAKE_H
#define TENON_SOFT_JIT_MAKE_H

#include "exec.h"
#include "jit.h"
#include "jit-unit.h"

enum { NO_HOST = N_HOST_REGS, LOG2_UOP = 5, NO_UOP = MAX_UOPS, CPU_BIAS = 128, PAGE_BITS = 12 };

/* A member of struct cpu, an operand of a micro-op in memory. */
#define CPU_AT(offset) host_mem(HOST_BP, (int32_t)(offset)-CPU_BIAS)
#define CPU(member)    CPU_AT(offsetof(struct cpu, member))

/*
 * The guest's memory from low to high, seen from some place: it is within one page, good for a read
 * (or a read and a write).  The place plus aligned is a multiple of align, if that is not 0.
 * cpu->kept has what is to be added; outside of regions there is one such page, for which only CX
 * has it, and no instruction has an entry as long as it is expected to be of use.
 */
struct known {
    bool any, write;
    uint8_t align;
    int64_t low, high, aligned;
    unsigned last;    /* the micro-op that is expected to be the last one to use it */
    unsigned reached; /* when: the n-th time that anything was */
};

/* A register of the guest's: it is so far from the place of that page, or NO_PAGE. */
struct pointer {
    uint8_t page;
    int64_t at;
};
enum { N_GENERAL = 16, NO_PAGE = 0xff, SPAN = 256, PAGE_BYTES = 1 << PAGE_BITS };

/* What is looked up at once: from low to high by a register of the guest's; several: for more than
 * one access. */
struct stretch {
    uint8_t reg, page;
    bool write, several;
    int64_t low, high;
    unsigned last;
};

/* What a round reaches first by a register that it begins with; by: in which block, NULL if not at
 * all.  An empty stretch: that cannot be told. */
struct want {
    const struct node *by;
    struct stretch s;
};

/* How flags are made again, of what is still in general registers; flags: those that are wanted. */
struct redo {
    const struct uop *of;
    uint16_t flags;
    uint8_t how, insn, undo, size, a, b; /* size 0: they cannot be */
    bool is_imm;
    int32_t imm;
};

/* A way out of the code, which lies behind it: to the micro-op's handler; to another block, of this
 * page or of another; to where indirect jumps are looked up; to a function and back; to the loading
 * of a unit and back.  COLD_SPLIT: to the handler, if the stretch is not of one page to
 * jit_split().  Of a region's loops: to the root's own code.  COLD_EXIT: out of a region;
 * COLD_STAY: out of all blocks, before the root; COLD_BUDGET: to the root's own code;
 * COLD_LAP: to the first round, which knows nothing; COLD_ELSEWHERE: an indirect jump does not go
 * on in the region. */
enum cold_kind {
    COLD_HANDLER,
    COLD_SPLIT,
    COLD_LINK,
    COLD_PAGE,
    COLD_MISS,
    COLD_CALL,
    COLD_UNIT,
    COLD_STEP,
    COLD_EXIT,
    COLD_STAY,
    COLD_BUDGET,
    COLD_LAP,
    COLD_ELSEWHERE
};
struct cold {
    enum cold_kind kind;
    uint8_t *jump;
    unsigned uop, site;
    uint32_t excess;  /* of cpu->left */
    uint16_t pending; /* flags */
    struct node *node;
    struct redo owed;
    struct x87_note note;
    uint8_t unit; /* COLD_UNIT: LOADED_*; and where it was wanted */
    const uint8_t *back;
    uint8_t *miss; /* COLD_LINK to another page: the jump if its epoch is another one; COLD_MISS: if
                      the salt is */
    struct stretch stretch;
};

/* Where an instruction begins that the interpreter may come to. */
struct entry {
    unsigned uop;
    uint8_t *at;    /* in the code */
    bool flags;     /* the host's are the guest's there */
    uint8_t loaded; /* LOADED_*: units that the code expects */
};

/* Where a linear address is: memory or a register, plus a register, plus disp. */
struct address {
    bool based, indexed; /* otherwise: none */
    struct operand base;
    uint8_t index, scale;
    uint8_t reg; /* the guest's register that base is, or REG(REG_ZERO) */
    int64_t disp;
};

/* What it is that a template reads from a temporary that has just been loaded. */
enum { FOLD_NONE, FOLD_BYTE, FOLD_WORD, FOLD_LONG, FOLD_SIZED, FOLD_WIDE, FOLD_FUSED };

/*
 * What is known where code goes on.  in_host: flags that the host's are; pending: of them, those
 * not in cpu->pair; redo: how these are made again; owed: those that have been left to that.
 * loaded: LOADED_*, units that are; note: see jit-x87.c; found: pages (maker's page) that are still
 * mapped as they were.
 */
#define FLOW                                                                                       \
    uint16_t in_host, pending;                                                                     \
    uint8_t loaded;                                                                                \
    struct x87_note note;                                                                          \
    uint64_t found;                                                                                \
    struct known known[N_KEPT];                                                                    \
    struct pointer pointer[N_GENERAL];                                                             \
    uint8_t in_cx; /* the page for which CX has what is to be added, or NO_PAGE */                 \
    struct redo redo, owed
struct flow {
    FLOW;
};

/* A block of a region; a jump back to the root's block is one to the root. */
struct node {
    struct block *block;
    struct node *taken, *next; /* by its last two micro-ops; NULL: out of the region */
    const struct node *caller; /* what has called and is to be returned to, or NULL */
    unsigned depth, back;      /* nodes from the root and, 0: there is no way, back to it */
    unsigned executed;         /* instructions at most, from the root's beginning to its end */
    bool joined;               /* several ways lead here */
    bool walked;               /* want_memory() has been here */
    bool has_wanted;           /* wanted is known: the flags that are where it begins */
    uint16_t wanted;
    const uint8_t *at; /* its code; what that takes for known */
    struct flow flow;
};
enum { MAX_NODES = 48, MAX_REGION_UOPS = 1024, MAX_COLD = MAX_REGION_UOPS * 2 };

struct maker {
    struct host_code c;
    struct jit *jit;
    struct block *block;
    unsigned i, skip; /* the micro-op under way; how many more it has done */
    uint16_t behind;  /* the flags wanted behind it */
    bool left;        /* this instruction may continue in the interpreter */
    union {
        struct flow flow;
        struct {
            FLOW;
        };
    };
    struct operand load; /* what the temporary load_temp holds for micro-op load_uop */
    uint8_t load_temp;
    unsigned load_uop;
    struct address address; /* what T0 would hold for micro-op address_uop + 1 */
    unsigned address_uop;
    uint32_t excess;               /* what has been taken of cpu->left for micro-ops yet to come */
    struct node *node;             /* of a region; or NULL */
    struct block *failed;          /* this one is not for regions */
    uint8_t *branch;               /* the conditional jump that the node ended with */
    bool swapped;                  /* that goes to next */
    struct block *near[MAX_NODES]; /* those of short rounds, to make more than once */
    unsigned n_near;
    bool inner; /* there is a loop in it that does not lead through the root */
    struct {
        const uint8_t *at;
        struct flow flow;
    } lap[2];                    /* the root: as from outside; as from its loop */
    struct want want[N_GENERAL]; /* of a round */
    uint8_t usual[N_GENERAL];    /* the page that a register had, or NO_PAGE */
    unsigned n_reached;
    unsigned n_nodes, most_nodes, n_uops, n_made, most, n_pages;
    uint8_t *gone, *stay, *over; /* jumps of the block's head */
    /* The block's ways to what is shared, if used. */
    uint8_t *leave, *link, *miss, *call, *split, *hot;
    unsigned n_cold, n_entries, n_sites;
    uint16_t wanted[MAX_UOPS]; /* the flags wanted behind each micro-op */
    struct cold cold[MAX_COLD];
    struct entry entry[MAX_UOPS];
    struct jit_site site[MAX_UOPS];
    struct node nodes[MAX_NODES];
    uint64_t page[MAX_NODES]; /* linear addresses of the nodes' pages: n_pages */
};

/* A family of micro-ops; make: false if it is for the handler, and nothing has been written. */
struct template
{
    uint16_t first, last;
    bool (*make)(struct maker * m, const struct uop *u, const struct template *t, unsigned nth);
    uint8_t insn, imm_insn;
    uint8_t kind;
    uint8_t fold; /* FOLD_*: it takes a loaded temporary by source(), and never leaves */
    /* Does it to memory; or NULL. */
    void (*change)(struct maker * m, const struct uop *u, const struct template *t, unsigned size,
                   struct operand at, bool lock);
};
#define TEMPLATE(name)                                                                             \
    static bool make_##name(struct maker *m, const struct uop *u, const struct template *t,        \
                            unsigned nth)
/* Each file's, ended by one without make. */
extern const struct template int_templates[], memory_templates[], flow_templates[],
    unit_templates[], vec_templates[], x87_templates[], bits_templates[];
// clang-format off
#define SIZED_OPS(name) UOP_##name##8, UOP_##name##64
#define BOTH_OPS(name)  UOP_##name##8, UOP_##name##I64
#define WIDE_OPS(name)  UOP_##name##16, UOP_##name##64
#define WIDE_BOTH_OPS(name)  UOP_##name##16, UOP_##name##I64
#define CC_OPS(name)    UOP_##name##O, UOP_##name##NLE
// clang-format on
/* Of a template's kind: OF is 0; takes CF; keeps it; writes nothing else; of UOP_WIDE, by b and by
 * imm. */
enum { LOGIC = 1, CARRY = 2, KEEP_CARRY = 4, COMPARE = 8, QUIET = 16, BITS = 32 };
const struct template *template_of(const struct uop *u);
/* Before that is asked. */
void templates_init(void);
/* Of UOP_CALL, by its function; false: it is called. */
bool make_int_call(struct maker *m, const struct uop *u);
bool make_system_call(struct maker *m, const struct uop *u);
bool make_system_jump(struct maker *m, const struct uop *u);   /* of UOP_CALL_JUMP */
bool make_function_call(struct maker *m, const struct uop *u); /* and of UOP_CALL_LOOP */
bool make_mulx(struct maker *m, const struct uop *u);

/* ---- Operands: byte offsets into the registers ---- */

/* AH to BH. */
static inline bool is_high(uint8_t operand)
{
    return operand & 7;
}

static inline bool fits(int64_t imm)
{
    return imm == (int32_t)imm;
}

/* The host's register that has a guest's throughout, or NO_HOST. */
unsigned home_of(uint8_t operand);
/* To be read: a register of the host's, or memory. */
struct operand source(struct maker *m, uint8_t operand);
/* The same in a register: its own, or scratch, into which it is read. */
unsigned in_reg(struct maker *m, uint8_t operand, unsigned size, unsigned scratch);
/* A register to make it in when all of it is overwritten: its own, or scratch.  put() follows. */
unsigned target(struct maker *m, uint8_t operand, unsigned scratch);
/* d = a host register, of that size; 32 bits have cleared its upper half.  Flags stay. */
void put(struct maker *m, uint8_t operand, unsigned size, unsigned reg);

static inline const struct uop *uop_of(const struct maker *m)
{
    return &m->block->uop[m->i];
}

static inline bool is_jump(const struct uop *u)
{
    return (u->op >= UOP_JO && u->op <= UOP_JZ_REG) || uop_info[u->op].props & P_END;
}

/* Whether the micro-op k after this one belongs to the same instruction; the jump that ends a block
 * looks as if it did. */
static inline bool is_same_insn(const struct maker *m, unsigned k)
{
    return m->i + k < m->block->n && uop_of(m)[k].off == uop_of(m)->off &&
           uop_of(m)[k].op != UOP_JMP;
}

/* ---- Memory ---- */

/*
 * The guest's memory at linear address base + disp, size bytes within a page, good for a read (or a
 * read and a write): else the micro-op's handler does it.  AX, CX and the host's flags are
 * destroyed, unless it is known already (then none of them is); CX holds a part of the address,
 * which is good until it or a register of the guest's changes.
 */
struct operand reach(struct maker *m, uint8_t base, int64_t disp, unsigned size, bool write);
/* CX, a linear address, becomes where the TLB's entry for its page is.  The host's flags are
 * destroyed, here and below. */
void find_entry(struct maker *m);
/* ZF: the linear address in AX is of the page of the entry at CX, which may be read or written
 * directly.  AX is destroyed. */
void compare_page(struct maker *m, bool write);
/* The code of COLD_STEP. */
void emit_step(struct maker *m, const struct cold *way);
/* reg = the guest's register plus disp, of that size. */
void load_sum(struct maker *m, unsigned size, unsigned to, uint8_t reg, int64_t disp);
/* The stretch goes further in one direction than what is known, in whose page it begins: a jump
 * where its end there has come into another page.  AX and the host's flags are destroyed. */
uint8_t *jump_unless_step(struct maker *m, const struct known *old, const struct stretch *s);
/* Whether at, which reach() gave, is known to be a multiple of bytes. */
bool is_aligned(struct maker *m, struct operand at, unsigned bytes);
/* It is, from now on. */
void note_aligned(struct maker *m, struct operand at, unsigned bytes);
/* jit-known.c: nothing is known; CX has been destroyed. */
void forget_pointers(struct maker *m);
void forget_cx(struct maker *m);
/* The micro-op under way has been made: what is known of memory moves with its register, or is
 * forgotten. */
void follow_known(struct maker *m);
/* Whether the micro-op changes a general register of the host's that has one of the guest's; what
 * it adds to one. */
bool changes(struct maker *m, const struct uop *u, unsigned reg);
/* Takes in what follows the micro-op under way, up to the next jump, and is reached by the same
 * register. */
void look_ahead(struct maker *m, struct stretch *s);
/* The page that the register points to, or from now on does. */
unsigned page_for(struct maker *m, uint8_t reg);
/* Whether that is known; or may be by one comparison. */
bool is_within(const struct known *k, int64_t low, int64_t high, bool write);
bool is_a_step(const struct known *k, int64_t low, int64_t high, bool write);
/* Whether code that was made for the one is good for the other.  What is only known of registers is
 * forgotten, so that more is. */
bool is_known_as(const struct flow *made, const struct flow *now);
void forget_places(struct maker *m);
/* Notes what m's block reaches by registers that point to where the round's first had them. */
void want_known(struct maker *m, struct pointer *pointer);
/* What later rounds of a loop begin with, of what is known now: what they want, each by a page of
 * its own; false: nothing.  Whether that is known now, or will be by steps; these, or COLD_LAP. */
bool begin_lap(const struct maker *m, struct flow *begin);
bool fits_lap(const struct maker *m, const struct flow *begin);
void step_to_lap(struct maker *m, const struct flow *begin, unsigned uop);
/* jit-vec.c: whether the instruction may change general registers. */
bool vec_changes_general(struct maker *m, const struct uop *u);
/* Whether the instruction reaches memory by its own template; size bytes, how. */
bool vec_reaches(struct maker *m, const struct uop *u, unsigned *size, bool *write);
/* RSP += by; flags stay. */
void move_stack(struct maker *m, int32_t by);
/* Whether T0 is for this micro-op to reach(), and not in memory. */
bool is_folded(const struct maker *m);
/* T0 goes to memory, for who is not content with that. */
void settle_address(struct maker *m);

/* AX, an address, is canonical, or the handler faults; flags_clobber() was called before.  AX is
 * destroyed. */
void check_canonical(struct maker *m);

static inline bool is_code64(const struct maker *m)
{
    return (m->block->mode & MODE_CODE_MASK) == MODE_CODE64;
}

/* ---- Ways out ---- */

/* Where cc holds, the micro-op's handler does all of it; nothing of the guest's has changed yet,
 * and flags_clobber() was called before. */
void unless(struct maker *m, enum host_cc cc);
/* A detour, where jump goes, that loads a unit; if it may not be, the micro-op's handler runs. */
void cold_unit(struct maker *m, uint8_t *jump, unsigned unit);
/* The micro-op it is from: while T0 is only an address, the one that makes that has not been done.
 */
unsigned leave_from(const struct maker *m);
/* A way out that begins there. */
void cold_way(struct maker *m, enum cold_kind kind, uint8_t *jump, unsigned uop);
/* To something shared, about micro-op i, by the block's own way there. */
void go_shared(struct maker *m, uint8_t **way, const uint8_t *to, unsigned i);

/* jit-block.c: what blocks and regions are made with.  To begin with; the code of its head and of
 * its micro-ops, whether that ends in the interpreter; what is cold. */
void jit_begin(struct jit *jit, struct block *block, uint8_t *at);
void emit_head(struct maker *m, unsigned instructions);
bool make_all(struct maker *m);
void emit_all_cold(struct maker *m);
/* What has been taken too much of cpu->left goes back; the host's flags are destroyed. */
void even_up(struct maker *m);

/* jit-region.c: the code of COLD_EXIT, COLD_STAY and COLD_BUDGET, where m's flow is theirs. */
void emit_region_cold(struct maker *m, const struct cold *way);

static inline jit_place place_of(const struct maker *m, const uint8_t *at)
{
    return at - m->jit->write;
}

/* To the block of the jump that is micro-op uop. */
void link_to(struct maker *m, unsigned uop);
/* jit-flow.c: CX = where the entry of the rip in AX is, among jumps. */
void find_jump(struct maker *m);
/* jit-flow.c: calls the micro-op's function, and goes on; true. */
bool call_function(struct maker *m);
/* The code of COLD_PAGE. */
void link_across(struct maker *m, unsigned uop);
/* AX = the processor's epoch at which what has those epochs was found; CX is destroyed.  Where that
 * address is. */
uint8_t *load_epoch(struct maker *m, const uint64_t *epochs);
/* The code of COLD_ELSEWHERE, but for flags and cpu->left. */
void go_elsewhere(struct maker *m);
/* An indirect call in place. */
bool is_near_call(const struct maker *m, const struct uop *u);
/* Where the jump of a block goes. */
uint64_t target_of(const struct block *block, const struct uop *u);
bool is_same_page(const struct block *block, uint64_t rip);

/* ---- Flags ---- */

/* Those that are only in the host's go to cpu->pair as well.  AX is destroyed. */
void flags_save(struct maker *m);
/* Before the host's flags are destroyed; AX is, too.  Those that will die unread are left to the
 * ways out to make again. */
void flags_clobber(struct maker *m);
/* The same, before a jump to a node of the region. */
void flags_clobber_to(struct maker *m, struct node *to);
/* Which are wanted behind each of the block's micro-ops; returns, where it begins. */
uint16_t find_wanted(struct maker *m);
/* All that are wanted are in cpu->pair, at the cost of the host's. */
void flags_settle(struct maker *m);
/* The micro-op under way has been made: what it kills need not be made again, nor can be what has
 * lost an operand. */
void flags_follow(struct maker *m);
/* Where flags are loaded from cpu->pair: OF is in AL, and what SAHF takes in AH. */
void flags_load(struct host_code *c);
/* AX = RFLAGS, whole, of cpu->pair and the rest in cpu->flags. */
void flags_join(struct host_code *c);
/* cpu->pair gets its part of RFLAGS in reg, which is destroyed. */
void flags_part(struct host_code *c, unsigned reg);
/* The host's flags become the guest's, at least those of set.  AX is destroyed. */
void flags_need(struct maker *m, uint16_t set);
/* The host's flags are the guest's now: those of set have been made by this micro-op, and what was
 * in the host's before still is. */
void flags_set(struct maker *m, uint16_t set);
/* The guest's condition: the host's that holds then.  AX is destroyed. */
enum host_cc condition(struct maker *m, unsigned cc);

#endif
