/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-system - templates of the functions that a kernel in 64-bit mode calls most: CLI, STI, STAC,
 * CLAC, SWAPGS, PUSHF, RDPKRU, MOV from CR, and those of FS's and GS's bases; SYSCALL and SYSRET;
 * RDTSC.
 *
 * They do the common case at CPL 0, RDTSC at any; all else is the functions' own affair.
 */
#include "integer.h"
#include "jit-make.h"
#include "mmu.h"
#include "sys.h"
#include "tsc.h"

#define IN_TLB(member) host_mem(HOST_AX, offsetof(struct tlb, member))

/* AX and the host's flags are destroyed. */
static void unless_cpl_0(struct maker *m)
{
    flags_clobber(m);
    host_imm(&m->c, H_CMP_I, 1, CPU(cpl), 0);
    unless(m, CC_NZ);
}

static void make_cli(struct maker *m, const struct uop *u)
{
    (void)u;
    unless_cpl_0(m);
    host_imm(&m->c, H_AND_I, 4, CPU(flags), ~F_IF);
}

/* IF was clear, and nothing has waited for it. */
static void make_sti(struct maker *m, const struct uop *u)
{
    struct host_code *c = &m->c;

    (void)u;
    unless_cpl_0(m);
    host_imm(c, H_CMP_I, 4, CPU(held), 0);
    unless(m, CC_NZ);
    host_imm(c, H_TEST_I, 4, CPU(flags), F_IF);
    unless(m, CC_NZ);
    host_imm(c, H_OR_I, 4, CPU(flags), F_IF);
    host_imm(c, H_OR_I, 1, CPU(inhibit), INHIBIT_STI);
}

static void make_in_shadow(struct maker *m, const struct uop *u)
{
    (void)u;
    flags_clobber(m);
    host_imm(&m->c, H_AND_I, 1, CPU(inhibit), ~INHIBIT_STI);
}

/* As mmu_update() does; STRICT is what there is with SMAP. */
static void make_ac(struct maker *m, const struct uop *u)
{
    struct host_code *c = &m->c;
    enum tlb_index as = u->imm ? TLB_KERNEL : TLB_STRICT;

    unless_cpl_0(m);
    host(c, H_LOAD, 8, HOST_AX, CPU(tlb));
    host_imm(c, H_CMP_I, 4, IN_TLB(system), TLB_STRICT);
    unless(m, CC_NZ);
    if (u->imm)
        host_imm(c, H_OR_I, 4, CPU(flags), F_AC);
    else
        host_imm(c, H_AND_I, 4, CPU(flags), ~F_AC);
    host_imm(c, H_STORE_I, 4, IN_TLB(data), as);
    host(c, H_LEA, 8, HOST_AX, IN_TLB(table[as].entry));
    host(c, H_STORE, 8, HOST_AX, CPU(fast));
}

static void make_swapgs(struct maker *m, const struct uop *u)
{
    struct host_code *c = &m->c;

    (void)u;
    unless_cpl_0(m);
    host(c, H_LOAD, 8, HOST_AX, CPU(seg[SEG_GS].base));
    host(c, H_LOAD, 8, HOST_CX, CPU(msr.kernel_gs_base));
    host(c, H_STORE, 8, HOST_CX, CPU(seg[SEG_GS].base));
    host(c, H_STORE, 8, HOST_AX, CPU(msr.kernel_gs_base));
}

static void unless_cr4(struct maker *m, uint32_t bit)
{
    flags_clobber(m);
    host_imm(&m->c, H_TEST_I, 4, CPU(cr4), bit);
    unless(m, CC_Z);
}

static struct operand base_of(const struct uop *u)
{
    return CPU_AT(offsetof(struct cpu, seg[u->d].base));
}

static void make_read_base(struct maker *m, const struct uop *u)
{
    unless_cr4(m, CR4_FSGSBASE);
    host(&m->c, H_LOAD, u->imm, HOST_AX, base_of(u));
    put(m, REG(u->a), 8, HOST_AX);
}

static void make_write_base(struct maker *m, const struct uop *u)
{
    unless_cr4(m, CR4_FSGSBASE);
    host(&m->c, H_LOAD, u->imm, HOST_AX, source(m, REG(u->a)));
    check_canonical(m);
    host(&m->c, H_LOAD, u->imm, HOST_AX, source(m, REG(u->a)));
    host(&m->c, H_STORE, 8, HOST_AX, base_of(u));
}

static void make_rdpkru(struct maker *m, const struct uop *u)
{
    struct host_code *c = &m->c;

    (void)u;
    unless_cr4(m, CR4_PKE);
    host(c, H_TEST, 4, home_of(REG(RCX)), host_reg(home_of(REG(RCX))));
    unless(m, CC_NZ);
    host(c, H_LOAD, 4, HOST_AX, CPU(pkru));
    put(m, REG(RAX), 8, HOST_AX);
    host_move_imm(c, HOST_DX, 0);
}

static void make_read_cr(struct maker *m, const struct uop *u)
{
    const struct operand cr[] = { [0] = CPU(cr0), [2] = CPU(cr2), [3] = CPU(cr3), [4] = CPU(cr4) };

    unless_cpl_0(m);
    host(&m->c, H_LOAD, 8, HOST_AX, cr[u->imm]);
    put(m, REG(u->a), 8, HOST_AX);
}

/* CX is struct tsc. */
#define IN_TSC(member) host_mem(HOST_CX, offsetof(struct tsc, member))

/* As tsc_on_line(): RDX:RAX, which the function would make too, are scratch until it is known. */
static bool make_rdtsc(struct maker *m, const struct uop *u)
{
    struct host_code *c = &m->c;

    if (u->call != run_rdtsc || !m->jit->cpu->tsc || m->block->mode & MODE_GUEST)
        return false;
    settle_address(m);
    flags_settle(m);
    host_imm(c, H_TEST_I, 4, CPU(cr4), CR4_TSD);
    unless(m, CC_NZ);
    if (u->imm)
        host_fence(c, 5);
    host(c, H_LOAD, 8, HOST_CX, CPU(tsc));
    host(c, H_LOAD, 4, home_of(REG(RAX)), IN_TSC(turn));
    host_rdtsc(c);
    host_imm(c, H_SHL_I, 8, host_reg(HOST_DX), 32);
    host(c, H_OR, 8, HOST_AX, host_reg(HOST_DX));
    host(c, H_LOAD, 8, HOST_DX, IN_TSC(limit));
    host(c, H_SUB, 8, HOST_AX, IN_TSC(from));
    host(c, H_CMP, 8, HOST_AX, host_reg(HOST_DX));
    unless(m, CC_NB);
    host_imm(c, H_SHL_I, 8, host_reg(HOST_AX), 32);
    host(c, H_MUL, 8, 0, IN_TSC(rate));
    host(c, H_ADD, 8, HOST_DX, IN_TSC(at));
    host(c, H_CMP, 4, home_of(REG(RAX)), IN_TSC(turn));
    unless(m, CC_NZ);
    host(c, H_ADD, 8, HOST_DX, CPU(msr.tsc_offset));
    host(c, H_LOAD, 4, home_of(REG(RAX)), host_reg(HOST_DX));
    host_imm(c, H_SHR_I, 8, host_reg(HOST_DX), 32);
    if (u->imm)
        host(c, H_LOAD, 8, home_of(REG(RCX)), CPU(msr.tsc_aux));
    return true;
}

static void make_pushf(struct maker *m, const struct uop *u)
{
    struct operand at;

    (void)u;
    flags_clobber(m);
    at = reach(m, REG(RSP), -8, 8, true);
    flags_join(&m->c);
    host_imm(&m->c, H_AND_I, 4, host_reg(HOST_AX), ~(F_RF | F_VM));
    host(&m->c, H_STORE, 8, HOST_AX, at);
    host(&m->c, H_LEA, 8, home_of(REG(RSP)), host_mem(home_of(REG(RSP)), -8));
}

/* ---- SYSCALL and SYSRET between 64-bit code ---- */

/* T0 = the entry of the rip in AX, which is known for code of that mode; or the function looks.
 * What salt becomes is in T1. */
static void find_target(struct maker *m, struct operand salt)
{
    struct host_code *c = &m->c;
    uint8_t *own;

    host(c, H_LOAD, 8, HOST_CX, salt);
    host(c, H_STORE, 8, HOST_CX, CPU_AT(REG(REG_T1)));
    find_jump(m);
    host(c, H_CMP, 8, HOST_AX, host_mem(HOST_CX, offsetof(struct jit_jump, rip)));
    own = host_jcc(c, CC_Z, NULL);
    host_imm(c, H_XOR_I, 8, host_reg(HOST_CX), sizeof(struct jit_jump));
    host(c, H_CMP, 8, HOST_AX, host_mem(HOST_CX, offsetof(struct jit_jump, rip)));
    unless(m, CC_NZ);
    host_land(c, own);
    host(c, H_LOAD, 8, HOST_AX, CPU_AT(REG(REG_T1)));
    host(c, H_CMP, 8, HOST_AX, host_mem(HOST_CX, offsetof(struct jit_jump, salt)));
    unless(m, CC_NZ);
    host(c, H_STORE, 8, HOST_CX, CPU_AT(REG(REG_T0)));
    host(c, H_STORE, 8, HOST_AX, CPU(salt));
}

static void go_to_target(struct maker *m)
{
    host(&m->c, H_LOAD, 8, HOST_CX, CPU_AT(REG(REG_T0)));
    host(&m->c, H_JMP, 8, 0, host_mem(HOST_CX, offsetof(struct jit_jump, code)));
}

/* RFLAGS = AX. */
static void set_flags(struct maker *m)
{
    host_imm(&m->c, H_OR_I, 4, host_reg(HOST_AX), 2);
    host(&m->c, H_STORE, 8, HOST_AX, CPU(flags));
    flags_part(&m->c, HOST_AX);
}

/* A flat segment whose selector is 16 bits of STAR, from byte on, plus more. */
static void set_flat(struct maker *m, enum seg seg, unsigned byte, unsigned more, unsigned cpl,
                     unsigned attr)
{
    struct host_code *c = &m->c;

    host(c, H_ZX16, 4, HOST_AX, CPU_AT(offsetof(struct cpu, msr.star) + byte));
    host_imm(c, H_ADD_I, 4, host_reg(HOST_AX), more);
    host_imm(c, H_AND_I, 4, host_reg(HOST_AX), ~3);
    host_imm(c, H_OR_I, 4, host_reg(HOST_AX), cpl);
    host(c, H_STORE, 2, HOST_AX, CPU_AT(offsetof(struct cpu, seg[seg].selector)));
    host_imm(c, H_STORE_I, 8, CPU_AT(offsetof(struct cpu, seg[seg].base)), 0);
    host_imm(c, H_STORE_I, 4, CPU_AT(offsetof(struct cpu, seg[seg].limit)), -1);
    host_imm(c, H_STORE_I, 2, CPU_AT(offsetof(struct cpu, seg[seg].attr)), attr | cpl << 5);
}

/* tlb->data = CX, and what follows; CX is destroyed. */
static void set_table(struct maker *m)
{
    struct host_code *c = &m->c;

    host(c, H_LOAD, 8, HOST_AX, CPU(tlb));
    host(c, H_STORE, 4, HOST_CX, IN_TLB(data));
    host_move_imm(c, HOST_CX, sizeof(struct tlb_table));
    host(c, H_IMUL, 4, HOST_CX, IN_TLB(data));
    host(c, H_LEA, 8, HOST_AX, host_sum(HOST_AX, HOST_CX, 0, offsetof(struct tlb, table[0].entry)));
    host(c, H_STORE, 8, HOST_AX, CPU(fast));
}

static void unless_sce(struct maker *m)
{
    flags_clobber(m);
    host_imm(&m->c, H_TEST_I, 4, CPU(efer), EFER_SCE);
    unless(m, CC_Z);
}

/* FMASK clears AC, as it does in all kernels with SMAP. */
static void make_syscall(struct maker *m, const struct uop *u)
{
    uint32_t mode = m->block->mode & ~(uint32_t)MODE_USER;
    struct host_code *c = &m->c;

    unless_sce(m);
    host_imm(c, H_TEST_I, 4, CPU(msr.fmask), F_AC);
    unless(m, CC_Z);
    host_imm(c, H_CMP_I, 4, CPU(other[0].mode), mode);
    unless(m, CC_NZ);
    host(c, H_LOAD, 8, HOST_AX, CPU(msr.lstar));
    find_target(m, CPU(other[0].salt));
    host_move_imm(c, home_of(REG(RCX)), m->block->rip + u->off + u->len);
    flags_join(&m->c);
    host(c, H_STORE, 8, HOST_AX, CPU_AT(REG(R11)));
    host(c, H_LOAD, 8, HOST_CX, CPU(msr.fmask));
    host(c, H_NOT, 8, 0, host_reg(HOST_CX));
    host(c, H_AND, 8, HOST_AX, host_reg(HOST_CX));
    set_flags(m);
    set_flat(m, SEG_CS, 4, 0, 0, ATTR_CODE_64);
    set_flat(m, SEG_SS, 4, 8, 0, ATTR_FLAT_DATA);
    host_imm(c, H_STORE_I, 1, CPU(cpl), 0);
    host_imm(c, H_STORE_I, 1, CPU(debug.rf), 0);
    host_imm(c, H_STORE_I, 1, CPU(debug.tf), 0);
    host_imm(c, H_STORE_I, 4, CPU(mode), mode);
    host_imm(c, H_STORE_I, 8, CPU(space), 0);
    host(c, H_LOAD, 8, HOST_AX, CPU(epochs[0]));
    host(c, H_STORE, 8, HOST_AX, CPU(epoch));
    host(c, H_LOAD, 8, HOST_AX, CPU(tlb));
    host(c, H_LOAD, 4, HOST_CX, IN_TLB(system));
    set_table(m);
    go_to_target(m);
}

/* CX = a user's space, less 1. */
static void load_user(struct maker *m)
{
    host(&m->c, H_LOAD, 8, HOST_AX, CPU(tlb));
    host(&m->c, H_LOAD, 4, HOST_CX, IN_TLB(user));
}

/* To where nothing is stepped or checked, and nothing waits for IF. */
static void make_sysret(struct maker *m, const struct uop *u)
{
    enum { LOG2_OTHER = 4 };
    uint32_t mode = m->block->mode | MODE_USER;
    struct host_code *c = &m->c;

    _Static_assert(sizeof(((struct cpu *)0)->other[0]) == 1 << LOG2_OTHER, "");
    (void)u;
    unless_sce(m);
    unless_cpl_0(m);
    host_imm(c, H_TEST_I, 4, CPU_AT(REG(R11)), F_TF | F_AC);
    unless(m, CC_NZ);
    host_imm(c, H_CMP_I, 4, CPU(held), 0);
    unless(m, CC_NZ);
    host(c, H_LOAD, 8, HOST_AX, source(m, REG(RCX)));
    check_canonical(m);
    load_user(m);
    host_imm(c, H_SHL_I, 4, host_reg(HOST_CX), LOG2_OTHER);
    host(c, H_ADD, 8, HOST_CX, host_reg(HOST_BP));
    host_imm(c, H_CMP_I, 4,
             host_mem(HOST_CX, (int32_t)offsetof(struct cpu, other[1].mode) - CPU_BIAS), mode);
    unless(m, CC_NZ);
    host(c, H_LOAD, 8, HOST_AX, source(m, REG(RCX)));
    find_target(m, host_mem(HOST_CX, (int32_t)offsetof(struct cpu, other[1].salt) - CPU_BIAS));
    host(c, H_LOAD, 8, HOST_AX, CPU_AT(REG(R11)));
    host_imm(c, H_AND_I, 4, host_reg(HOST_AX), SYSRET_FLAGS);
    set_flags(m);
    set_flat(m, SEG_CS, 6, 16, 3, ATTR_CODE_64);
    set_flat(m, SEG_SS, 6, 8, 3, ATTR_FLAT_DATA);
    host_imm(c, H_STORE_I, 1, CPU(cpl), 3);
    host_imm(c, H_STORE_I, 4, CPU(mode), mode);
    load_user(m);
    host(c, H_LOAD, 8, HOST_AX,
         host_sum(HOST_BP, HOST_CX, 3, (int32_t)offsetof(struct cpu, epochs[1]) - CPU_BIAS));
    host(c, H_STORE, 8, HOST_AX, CPU(epoch));
    host(c, H_LEA, 4, HOST_AX, host_mem(HOST_CX, 1));
    host(c, H_STORE, 8, HOST_AX, CPU(space));
    host_imm(c, H_ADD_I, 4, host_reg(HOST_CX), TLB_USER);
    set_table(m);
    go_to_target(m);
}

bool make_system_jump(struct maker *m, const struct uop *u)
{
    bool user = m->block->mode & MODE_USER;

    if (!is_code64(m) || m->block->mode & MODE_GUEST)
        return false;
    if (user && u->call == run_syscall)
        make_syscall(m, u);
    else if (!user && u->call == run_sysret && u->imm == 8)
        make_sysret(m, u);
    else
        return false;
    return true;
}

bool make_system_call(struct maker *m, const struct uop *u)
{
    static const struct {
        uop_call *call;
        void (*make)(struct maker *m, const struct uop *u);
    } makers[] = {
        { call_cli, make_cli },
        { call_sti, make_sti },
        { call_in_shadow, make_in_shadow },
        { run_ac, make_ac },
        { run_swapgs, make_swapgs },
        { call_pushf, make_pushf },
        { run_rdpkru, make_rdpkru },
        { run_read_cr, make_read_cr },
        { run_read_base, make_read_base },
        { run_write_base, make_write_base },
    };

    if (make_rdtsc(m, u))
        return true;
    if (!is_code64(m) || m->block->mode & (MODE_USER | MODE_GUEST) ||
        (u->call == call_pushf && u->imm != 8) || (u->call == run_read_cr && u->imm == 8))
        return false;
    for (unsigned i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
        if (makers[i].call == u->call) {
            settle_address(m);
            makers[i].make(m, u);
            return true;
        }
    }
    return false;
}
