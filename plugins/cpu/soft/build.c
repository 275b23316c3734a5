/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * build - puts micro-ops into a block: operands, addresses, calls; then which flags live.
 */
#include "uop.h"

struct uop *emit(struct block_builder *b, enum uop_op op, uint8_t d, uint8_t a, uint8_t s,
                 int64_t imm)
{
    struct uop *u = &b->uop[b->n++];

    *u = (struct uop){ .op = op, .d = d, .a = a, .b = s, .imm = imm };
    u->off = b->in->rip - b->rip;
    u->len = b->in->len;
    b->ended |= !!(uop_info[op].props & P_END);
    return u;
}

struct uop *emit_call(struct block_builder *b, uop_call *call, uint8_t d, uint8_t a, uint8_t s,
                      int64_t imm)
{
    struct uop *u = emit(b, UOP_CALL, d, a, s, imm);

    u->call = call;
    return u;
}

void emit_call_as(struct block_builder *b, enum uop_op op, uop_call *call, uint8_t d, uint8_t a,
                  uint8_t s, int64_t imm)
{
    emit(b, op, d, a, s, imm)->call = call;
}

void emit_call_last(struct block_builder *b, uop_call *call, uint8_t d, uint8_t a, uint8_t s,
                    int64_t imm)
{
    emit(b, UOP_CALL_LAST, d, a, s, imm)->call = call;
}

void emit_call_jump(struct block_builder *b, uop_call *call, uint8_t d, uint8_t a, uint8_t s,
                    int64_t imm)
{
    emit(b, UOP_CALL_JUMP, d, a, s, imm)->call = call;
}

void emit_continue(struct block_builder *b)
{
    emit(b, UOP_JMP, (b->mode & MODE_CODE_MASK) == MODE_CODE64 ? 8 : 4, 0, 0, 0);
}

static void run_fault(struct cpu *cpu, const struct uop *u)
{
    if (u->d == EXC_GP || u->d == EXC_SS)
        cpu_fault_error(cpu, u->d, 0);
    cpu_fault(cpu, u->d);
}

void emit_fault(struct block_builder *b, int vector)
{
    emit_call_jump(b, run_fault, vector, 0, 0, 0);
}

uint8_t insn_reg(const struct insn *in, unsigned number, unsigned size)
{
    if (size == 1 && !in->rex && !in->vex && number >= 4 && number < 8)
        return REG(number - 4) + 1;
    return REG(number);
}

/* The address as it is used for most: one of 64 bits without a segment's base. */
static bool is_plain(const struct block_builder *b, enum seg seg, unsigned addr_size)
{
    return (b->mode & MODE_CODE_MASK) == MODE_CODE64 && addr_size == 8 && seg < SEG_FS;
}

static struct uop *emit_address_full(struct block_builder *b, enum uop_op op, enum seg seg,
                                     unsigned base, unsigned index, unsigned scale, int64_t disp,
                                     unsigned addr_size)
{
    struct uop *u;

    if (base == REG_NEXT) {
        base = REG_ZERO;
        disp += b->in->rip + b->in->len;
    }
    u = emit(b, op, REG(REG_T0), REG(base), REG(index), disp);
    u->seg = seg;
    u->scale = scale;
    u->addr_size = addr_size;
    return u;
}

void emit_address(struct block_builder *b, unsigned size, bool write)
{
    const struct insn *in = b->in;
    struct uop *u = emit_address_full(b, UOP_ADDRSEG, in->seg, in->base, in->index, in->scale,
                                      in->disp, in->addr_size);

    u->size = size;
    u->write = write;
}

void emit_address_at(struct block_builder *b, enum seg seg, unsigned base, int64_t disp,
                     unsigned addr_size, unsigned size, bool write)
{
    struct uop *u = emit_address_full(b, UOP_ADDRSEG, seg, base, REG_ZERO, 0, disp, addr_size);

    u->size = size;
    u->write = write;
}

/* The flat segments of 32-bit code: no check, a sum of 32 bits. */
static bool is_flat32(const struct block_builder *b, enum seg seg, unsigned addr_size)
{
    return (b->mode & MODE_CODE_MASK) == MODE_CODE32 && b->mode & MODE_FLAT && addr_size == 4 &&
           (seg == SEG_DS || seg == SEG_ES || seg == SEG_SS);
}

/* T0 = the memory operand's linear address, if it needs no more than a sum. */
static bool emit_sum(struct block_builder *b)
{
    const struct insn *in = b->in;

    if (is_plain(b, in->seg, in->addr_size))
        emit_address_full(b, UOP_LEA64, in->seg, in->base, in->index, in->scale, in->disp, 8);
    else if ((b->mode & MODE_CODE_MASK) == MODE_CODE64 && in->addr_size == 8)
        emit_address_full(b, UOP_LEASEG, in->seg, in->base, in->index, in->scale, in->disp, 8);
    else if (is_flat32(b, in->seg, in->addr_size))
        emit_address_full(b, UOP_LEA32, in->seg, in->base, in->index, in->scale, in->disp, 4);
    else
        return false;
    return true;
}

void emit_linear(struct block_builder *b, unsigned size, bool write)
{
    if (!emit_sum(b))
        emit_address(b, size, write);
}

bool emit_unchecked(struct block_builder *b)
{
    const struct insn *in = b->in;

    if (emit_sum(b))
        return true;
    emit_address_full(b, UOP_LEA64, in->seg, in->base, in->index, in->scale, in->disp, 8);
    return false;
}

struct uop *emit_memory(struct block_builder *b, enum uop_op op, uint8_t d, uint8_t s,
                        unsigned size)
{
    const struct insn *in = b->in;
    bool write = uop_info[op].props & P_STORE || (op >= UOP_LOADW8 && op <= UOP_LOADW64);
    struct uop *u;

    if (is_plain(b, in->seg, in->addr_size) && in->index == REG_ZERO && in->base != REG_NEXT) {
        u = emit(b, op, d, REG(in->base), s, in->disp);
        u->seg = in->seg;
        return u;
    }
    emit_linear(b, size, write);
    u = emit(b, op, d, REG(REG_T0), s, 0);
    u->seg = in->seg;
    return u;
}

static unsigned log2_size(unsigned size)
{
    return __builtin_ctz(size);
}

void emit_load_rm(struct block_builder *b, unsigned t, unsigned size)
{
    static const uint16_t load[] = { UOP_LOADZ8, UOP_LOADZ16, UOP_LOAD32, UOP_LOAD64 };
    static const uint16_t move[] = { UOP_ZX8, UOP_ZX16, UOP_MOV32, UOP_MOV64 };

    if (b->in->mod == 3)
        emit(b, move[log2_size(size)], REG(t), insn_reg(b->in, b->in->rm, size), 0, 0);
    else
        emit_memory(b, load[log2_size(size)], REG(t), 0, size);
}

void emit_store_rm(struct block_builder *b, unsigned t, unsigned size)
{
    if (b->in->mod == 3)
        emit(b, UOP_MOV8 + log2_size(size), insn_reg(b->in, b->in->rm, size), REG(t), 0, 0);
    else
        emit_memory(b, UOP_STORE8 + log2_size(size), 0, REG(t), size);
}

void uops_choose(struct uop *uop, unsigned n)
{
    uint16_t live = F_ARITH;

    for (unsigned i = n; i-- > 0;) {
        struct uop *u = &uop[i];
        const struct uop_info *info = &uop_info[u->op];

        if (info->props & P_PRECISE)
            live = F_ARITH;
        u->run = info->sets & live ? info->run : info->quiet;
        live = (live & ~info->kills) | info->reads;
        if (info->props & P_PRECISE)
            live = F_ARITH;
    }
}

void build_finish(struct block_builder *b)
{
    uops_choose(b->uop, b->n);
}
