/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-share - the pieces of code that translated blocks share: between the guest's registers in the
 * host's and those in struct cpu.
 *
 * A block's way to one of them has put the address of its first micro-op in CX, and in AX how far
 * behind it the micro-op lies that it is about.  In C's world SI is the micro-op, DI the processor.
 */
#include <errno.h>
#include <stdlib.h>

#include "jit-make.h"

/* Behind the handlers, by their numbers, what else is called. */
enum { TO_LINK = N_UOPS, TO_MISS, TO_CALL, TO_SPLIT, TO_HOT, N_TARGETS };

static void each_register(struct host_code *c, enum host_insn insn)
{
    for (unsigned r = RAX; r <= R15; r++)
        if (home_of(REG(r)) != NO_HOST)
            host(c, insn, 8, home_of(REG(r)), CPU_AT(REG(r)));
}

/*
 * All that is the guest's goes to struct cpu; what is C's comes back.  AX and CX survive in SI and
 * CX.
 */
static void spill(struct jit *jit, struct host_code *c)
{
    each_register(c, H_STORE);
    host(c, H_LOAD, 8, HOST_SI, host_reg(HOST_AX));
    unit_unload(jit, c);
    flags_join(c);
    host(c, H_STORE, 8, HOST_AX, CPU(flags));
    host(c, H_LOAD, 8, HOST_AX, CPU(stop_at));
    host(c, H_SUB, 8, HOST_AX, CPU(left));
    host(c, H_STORE, 8, HOST_AX, CPU(instructions));
    host(c, H_LEA, 8, HOST_DI, host_mem(HOST_BP, -CPU_BIAS));
}

/* The other way; AX survives.  BP is the processor already. */
static void fill(struct host_code *c)
{
    host(c, H_LOAD, 4, HOST_DX, CPU(flags));
    flags_part(c, HOST_DX);
    host(c, H_LOAD, 8, HOST_DX, CPU(stop_at));
    host(c, H_SUB, 8, HOST_DX, CPU(instructions));
    host(c, H_STORE, 8, HOST_DX, CPU(left));
    each_register(c, H_LOAD);
}

/* From C's world to the code at AX. */
static const uint8_t *share_enter(struct host_code *c)
{
    const uint8_t *at = c->at;

    host(c, H_LEA, 8, HOST_BP, host_mem(HOST_DI, CPU_BIAS));
    fill(c);
    host(c, H_JMP, 8, 0, host_reg(HOST_AX));
    return at;
}

/* SI becomes the micro-op, cpu->block the block. */
static void name_block(struct jit *jit, struct host_code *c)
{
    spill(jit, c);
    host(c, H_ADD, 8, HOST_SI, host_reg(HOST_CX));
    host_imm(c, H_ADD_I, 8, host_reg(HOST_CX), -(int32_t)offsetof(struct block, uop));
    host(c, H_STORE, 8, HOST_CX, CPU(block));
}

/* To the micro-op's own handler, whatever its run is. */
static const uint8_t *share_leave(struct jit *jit, struct host_code *c)
{
    const uint8_t *at = c->at;
    uint8_t *table;

    name_block(jit, c);
    host(c, H_ZX16, 4, HOST_AX, host_mem(HOST_SI, offsetof(struct uop, op)));
    table = host_lea_code(c, HOST_CX);
    host_aim(c, table, jit->write);
    host(c, H_JMP, 8, 0, host_sum(HOST_CX, HOST_AX, 3, 0));
    return at;
}

/* To a handler that is not the micro-op's own. */
static const uint8_t *share_other(struct jit *jit, struct host_code *c, unsigned which)
{
    const uint8_t *at = c->at;

    name_block(jit, c);
    host_jmp_via(c, (uint64_t *)jit->write + which);
    return at;
}

/* Calls the micro-op's function, and returns; or goes on in C's world, where the block is dead. */
static const uint8_t *share_call(struct jit *jit, struct host_code *c)
{
    const uint8_t *at = c->at;
    uint8_t *on;

    name_block(jit, c);
    host_call_via(c, (uint64_t *)jit->write + TO_CALL);
    host(c, H_TEST, 8, HOST_AX, host_reg(HOST_AX));
    on = host_jcc(c, CC_Z, NULL);
    host_pop(c, HOST_CX);
    host(c, H_LOAD, 8, HOST_SI, host_reg(HOST_AX));
    host(c, H_LEA, 8, HOST_DI, host_mem(HOST_BP, -CPU_BIAS));
    host(c, H_JMP, 8, 0, host_mem(HOST_SI, offsetof(struct uop, run)));
    host_land(c, on);
    fill(c);
    host_ret(c);
    return at;
}

/* Out of all blocks, to the rip in AX. */
static const uint8_t *share_out(struct jit *jit, struct host_code *c)
{
    const uint8_t *at = c->at;

    host(c, H_STORE, 8, HOST_AX, CPU(rip));
    spill(jit, c);
    host(c, H_XOR, 4, HOST_AX, host_reg(HOST_AX));
    host_ret(c);
    return at;
}

#define IN_JUMP(member) host_mem(HOST_CX, offsetof(struct jit_jump, member))

/* CX, a jump's entry, has a block for this rip: whether it is what would be found now, as
 * block_fits() says.  Then it has the salt of now, and ZF is set. */
static void renew(struct host_code *c)
{
    uint8_t *fail[5];

    host_imm(c, H_CMP_I, 8, IN_JUMP(block), 1); /* ZF is clear if there is none, too */
    fail[0] = host_jcc(c, CC_B, NULL);
    host(c, H_LOAD, 8, HOST_AX, IN_JUMP(block));
    host(c, H_LOAD, 4, HOST_AX, host_mem(HOST_AX, offsetof(struct block, mode)));
    host(c, H_CMP, 4, HOST_AX, CPU(mode));
    fail[1] = host_jcc(c, CC_NZ, NULL);
    host(c, H_LOAD, 8, HOST_AX, IN_JUMP(block));
    host(c, H_LOAD, 8, HOST_AX, host_mem(HOST_AX, offsetof(struct block, cs_base)));
    host(c, H_CMP, 8, HOST_AX, CPU(seg[SEG_CS].base));
    fail[2] = host_jcc(c, CC_NZ, NULL);
    host(c, H_LOAD, 8, HOST_AX, IN_JUMP(block));
    host(c, H_LOAD, 4, HOST_AX, host_mem(HOST_AX, offsetof(struct block, cs_limit)));
    host(c, H_CMP, 4, HOST_AX, CPU(seg[SEG_CS].limit));
    fail[3] = host_jcc(c, CC_NZ, NULL);
    host_push(c, HOST_CX);
    host(c, H_LOAD, 8, HOST_AX, IN_JUMP(block));
    host(c, H_LOAD, 8, HOST_AX, host_mem(HOST_AX, offsetof(struct block, epoch)));
    host(c, H_LOAD, 8, HOST_CX, CPU(space));
    host(c, H_LOAD, 8, HOST_AX, host_sum(HOST_AX, HOST_CX, 3, 0));
    host_pop(c, HOST_CX);
    host(c, H_CMP, 8, HOST_AX, CPU(epoch));
    fail[4] = host_jcc(c, CC_NZ, NULL);
    host(c, H_LOAD, 8, HOST_AX, CPU(salt));
    host(c, H_STORE, 8, HOST_AX, IN_JUMP(salt));
    for (unsigned i = 0; i < 5; i++)
        host_land(c, fail[i]);
    host_ret(c);
}

/* CX is the entry of the rip in AX, and not for that; or is for it, and its salt is not that in AX,
 * which is of now.  ZF: CX is one that is. */
static const uint8_t *share_seek(struct host_code *c)
{
    const uint8_t *at = c->at;
    uint8_t *stale, *none, *other;

    host(c, H_CMP, 8, HOST_AX, CPU(salt));
    stale = host_jcc(c, CC_Z, NULL);
    host_imm(c, H_XOR_I, 8, host_reg(HOST_CX), sizeof(struct jit_jump));
    host(c, H_CMP, 8, HOST_AX, IN_JUMP(rip));
    none = host_jcc(c, CC_NZ, NULL);
    host(c, H_LOAD, 8, HOST_AX, CPU(salt));
    host(c, H_CMP, 8, HOST_AX, IN_JUMP(salt));
    other = host_jcc(c, CC_NZ, NULL);
    host_land(c, none);
    host_ret(c);
    host_land(c, stale);
    host_land(c, other);
    renew(c);
    return at;
}

/* Calls the handler of SI; translated code uses registers that C expects back. */
static uop_run *share_run(struct jit *jit, struct host_code *c)
{
    static const uint8_t kept[] = { HOST_BX, HOST_BP, HOST_R12, HOST_R13, HOST_R14, HOST_R15 };
    enum { N = sizeof(kept) };
    const uint8_t *at = c->at;

    for (unsigned i = 0; i < N; i++)
        host_push(c, kept[i]);
    host_push(c, HOST_AX); /* aligns the stack */
    host(c, H_CALL, 8, 0, host_mem(HOST_SI, offsetof(struct uop, run)));
    host_pop(c, HOST_CX);
    for (unsigned i = N; i-- > 0;)
        host_pop(c, kept[i]);
    host_ret(c);
    return (uop_run *)(uintptr_t)jit_executable(jit, at);
}

int jit_share(struct jit *jit)
{
    uint64_t *table = (uint64_t *)jit->write;
    struct host_code c = { .at = (uint8_t *)(table + N_TARGETS), .end = jit->write + jit->bytes };

    templates_init();
    jit->maker = malloc(sizeof(*jit->maker));
    if (!jit->maker)
        return -ENOMEM;
    for (unsigned op = 0; op < N_UOPS; op++)
        table[op] = (uintptr_t)uop_info[op].run;
    table[TO_LINK] = (uintptr_t)jit_link;
    table[TO_MISS] = (uintptr_t)jit_miss;
    table[TO_CALL] = (uintptr_t)jit_call;
    table[TO_SPLIT] = (uintptr_t)jit_split;
    table[TO_HOT] = (uintptr_t)jit_hot;
    unit_share(jit, &c);
    jit->enter = share_run(jit, &c);
    jit->to.enter = share_enter(&c);
    jit->to.leave = share_leave(jit, &c);
    jit->to.link = share_other(jit, &c, TO_LINK);
    jit->to.miss = share_other(jit, &c, TO_MISS);
    jit->to.split = share_other(jit, &c, TO_SPLIT);
    jit->to.hot = share_other(jit, &c, TO_HOT);
    jit->to.call = share_call(jit, &c);
    jit->to.out = share_out(jit, &c);
    jit->to.seek = share_seek(&c);
    jit->shared = c.at - jit->write;
    return 0;
}
