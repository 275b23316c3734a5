/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-bits - templates of functions of registers alone: bits counted, BMI1 and BMI2, ADX, CRC32,
 * CDQ and its kin; and MULX, which has two results.
 *
 * They are emitted as themselves, upon the guest's flags where they have any to do with flags: what
 * is undefined is as undefined as the function leaves it.  The guest has them only where the host
 * does (offer.c).
 */
#include "integer.h"
#include "jit-make.h"

/* An instruction of the host's table; of VEX, with a or b as rm and the other as vvvv; the same
 * with an immediate; the same where digit is the register, vvvv the result; ADCX and ADOX; CRC32;
 * CDQ. */
enum form { BY_INSN, RM_A, RM_B, ROTATE, TO_VVVV, ADX, CRC32, SIGN };

/* call: by the size's logarithm; from: the least that it has. */
struct pure {
    uop_call *const *call;
    uint8_t from, form, opcode, pp, digit;
};
// clang-format off
static const struct pure pures[] = {
    { call_count[COUNT_BSF],    1, BY_INSN, H_BSF,    0, 0 },
    { call_count[COUNT_BSR],    1, BY_INSN, H_BSR,    0, 0 },
    { call_count[COUNT_TZCNT],  1, BY_INSN, H_TZCNT,  0, 0 },
    { call_count[COUNT_LZCNT],  1, BY_INSN, H_LZCNT,  0, 0 },
    { call_count[COUNT_POPCNT], 1, BY_INSN, H_POPCNT, 0, 0 },
    { call_sign,            1, SIGN, 0, 0, 0 },
    { call_crc32,           0, CRC32, 0, 0, 0 },
    { call_adx,             2, ADX, 0xf6, 0, 0 },
    { call_rorx,            2, ROTATE, 0xf0, PFX_F2, 0 },
    { call_group17[0],      2, TO_VVVV, 0xf3, PFX_NONE, 1 },
    { call_group17[1],      2, TO_VVVV, 0xf3, PFX_NONE, 2 },
    { call_group17[2],      2, TO_VVVV, 0xf3, PFX_NONE, 3 },
    { call_bmi[BMI_ANDN],   2, RM_B, 0xf2, PFX_NONE, 0 },
    { call_bmi[BMI_BEXTR],  2, RM_A, 0xf7, PFX_NONE, 0 },
    { call_bmi[BMI_BZHI],   2, RM_A, 0xf5, PFX_NONE, 0 },
    { call_bmi[BMI_PDEP],   2, RM_B, 0xf5, PFX_F2, 0 },
    { call_bmi[BMI_PEXT],   2, RM_B, 0xf5, PFX_F3, 0 },
    { call_bmi[BMI_SARX],   2, RM_A, 0xf7, PFX_F3, 0 },
    { call_bmi[BMI_SHLX],   2, RM_A, 0xf7, PFX_66, 0 },
    { call_bmi[BMI_SHRX],   2, RM_A, 0xf7, PFX_F2, 0 },
};
// clang-format on

static const struct pure *pure_of(const struct uop *u, unsigned log2)
{
    for (const struct pure *p = pures; p < pures + sizeof(pures) / sizeof(*pures); p++)
        if (log2 >= p->from && p->call[p->from < 2 ? log2 : log2 - 2] == u->call)
            return p;
    return NULL;
}

/* With VEX, in a register: d, or vvvv. */
static void emit_vex(struct maker *m, const struct pure *p, unsigned size, unsigned reg,
                     unsigned vvvv, struct operand rm, unsigned imm)
{
    const struct insn in = { .vex = true,
                             .map = p->form == ROTATE ? MAP_0F3A : MAP_0F38,
                             .pp = p->pp,
                             .opcode = p->opcode,
                             .vvvv = vvvv,
                             .imm_size = p->form == ROTATE };

    host_vector(&m->c, &in, size == 8, reg, rm, imm);
}

/* All of d is written. */
static void overwrite(struct maker *m, const struct uop *u, const struct pure *p, unsigned size)
{
    unsigned d = target(m, u->d, HOST_AX), vvvv = 0;

    if (p->form == RM_A)
        vvvv = in_reg(m, u->b, size, HOST_AX);
    else if (p->form == RM_B)
        vvvv = in_reg(m, u->a, size, HOST_AX);
    if (p->form == TO_VVVV)
        emit_vex(m, p, size, p->digit, d, source(m, u->b), 0);
    else
        emit_vex(m, p, size, d, vvvv, source(m, p->form == RM_A ? u->a : u->b), u->imm);
    put(m, u->d, size, d);
}

/* What d was counts, or stays. */
static void change(struct maker *m, const struct uop *u, const struct pure *p, unsigned size)
{
    const struct insn adx = { .map = MAP_0F38,
                              .pp = u->imm == F_CF ? PFX_66 : PFX_F3,
                              .opcode = p->opcode };
    unsigned d = in_reg(m, u->d, 8, HOST_AX);

    if (p->form == BY_INSN) {
        host(&m->c, p->opcode, size, d, source(m, u->b));
    } else if (p->form == ADX) {
        host_vector(&m->c, &adx, size == 8, d, source(m, u->b), 0);
    } else {
        host(&m->c, size < 4 ? (size == 1 ? H_ZX8 : H_ZX16) : H_LOAD, size < 4 ? 4 : size, HOST_CX,
             source(m, u->b));
        host_crc32(&m->c, size, d, HOST_CX);
    }
    put(m, u->d, 8, d);
}

TEMPLATE(pure)
{
    unsigned log2 = nth & 3, size = 1u << log2;
    const struct pure *p = pure_of(u, log2);

    (void)t;
    if (p->form == SIGN) {
        host(&m->c, H_LOAD, size, HOST_AX, source(m, u->a));
        host_sign(&m->c, size);
        put(m, u->d, size < 4 ? 8 : size, HOST_DX);
    } else if (p->form == CRC32) {
        change(m, u, p, size);
    } else {
        overwrite(m, u, p, size);
    }
    return true;
}

TEMPLATE(pure_flags)
{
    unsigned log2 = nth & 3, size = 1u << log2;
    const struct pure *p = pure_of(u, log2);
    uint16_t takes = p->form == ADX ? u->imm : 0;

    (void)t;
    flags_need(m, m->behind ? F_ARITH : takes);
    if (p->form == BY_INSN || p->form == ADX)
        change(m, u, p, size);
    else
        overwrite(m, u, p, size);
    flags_set(m, takes ? takes : F_ARITH);
    return true;
}

/* d and a, which may be the same: the high half is written last. */
bool make_mulx(struct maker *m, const struct uop *u)
{
    unsigned size = u->call == call_mulx[0] ? 4 : 8;
    const struct pure mulx = { .opcode = 0xf6, .pp = PFX_F2 };
    unsigned high = target(m, u->d, HOST_AX), low = target(m, u->a, HOST_CX);

    if (u->call != call_mulx[0] && u->call != call_mulx[1])
        return false;
    settle_address(m);
    emit_vex(m, &mulx, size, high, low, source(m, u->b), 0);
    m->c.touched |= 1u << low | 1u << high;
    put(m, u->a, size, low);
    put(m, u->d, size, high);
    return true;
}

const struct template bits_templates[] = {
    { SIZED_OPS(PURE), make_pure, 0, 0, 0, FOLD_SIZED, NULL },
    { SIZED_OPS(PURE_FLAGS), make_pure_flags, 0, 0, 0, FOLD_SIZED, NULL },
    { 0 },
};
