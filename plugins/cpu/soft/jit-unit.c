/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-unit - the host's vector and floating-point units, while translated code has the guest's
 * state in them.
 *
 * Intel SDM volume 1, sections 8.1 and 10.2.  The first instruction that wants a unit has it loaded
 * (a detour of the block); then instructions run as themselves, until translated code is left: all
 * C code finds the state in struct cpu and the units as it left them.  Loading makes the checks
 * that such an instruction begins with: what would change their outcome is C code.  A unit is not
 * loaded while an exception of it is unmasked, so that the host's never raises one.
 *
 * The pieces here are called; they destroy AX, CX and the host's flags.
 */
#include "jit-unit.h"

#include "jit-make.h"
#include "vec.h"
#include "x87.h"

enum {
    MXCSR_FLAGS = 0x3f,
    MXCSR_ALL = 0xffff,
    MXCSR_MASKS = 0x1f80,
    N_LOW_VECS = 16,
    X87_TOP = 0x3800
};

#define V(n, byte) host_beyond(CPU(v), (n) * sizeof(union vec) + (byte))
#define K(n)       host_beyond(CPU(k), (n) * sizeof(uint64_t))
#define R80(n)     host_beyond(CPU(x87.r), (n) * sizeof(union x87_reg))
#define ENV(n)     host_beyond(CPU(unit.env), (n)*4)

static bool host_avx(const struct jit *jit)
{
    return jit->isas >> ISA_AVX & 1;
}

/* The host, and thus perhaps the guest, has 32 registers of 64 bytes, and masks of 64 bits. */
static bool host_avx512(const struct jit *jit)
{
    const uint64_t all = 1ull << ISA_AVX512F | 1ull << ISA_AVX512BW | 1ull << ISA_AVX512VL;

    return (jit->isas & all) == all;
}

static void set_loaded(struct host_code *c, unsigned unit)
{
    host_imm(c, H_OR_I, 1, CPU(loaded), unit);
}

/* Jumps that meet at one place. */
struct jumps {
    uint8_t *at[8];
    unsigned n;
};

static void jump(struct jumps *j, struct host_code *c, enum host_cc cc)
{
    j->at[j->n++] = host_jcc(c, cc, NULL);
}

static void land(const struct jumps *j, struct host_code *c)
{
    for (unsigned i = 0; i < j->n; i++)
        host_land(c, j->at[i]);
}

/* ---- Vectors ---- */

/* Whether AVX instructions may run, once SSE's may: CR4 and XCR0. */
static void load_avx_bit(struct host_code *c)
{
    struct jumps no = { 0 };

    host_imm(c, H_TEST_I, 4, CPU(cr4), CR4_OSXSAVE);
    jump(&no, c, CC_Z);
    host(c, H_LOAD, 4, HOST_AX, CPU(xcr0));
    host_imm(c, H_AND_I, 4, host_reg(HOST_AX), 6);
    host_imm(c, H_CMP_I, 4, host_reg(HOST_AX), 6);
    jump(&no, c, CC_NZ);
    set_loaded(c, LOADED_AVX);
    land(&no, c);
}

/* VZEROUPPER: C code expects it, and may have forgotten it. */
static void empty_upper(struct host_code *c)
{
    host_empty(c, &(struct insn){ .vex = true, .map = MAP_0F });
}

/* ZF: in all registers, 16 bytes from there on are 0; or 32. */
static void test_bytes(struct host_code *c, unsigned from, bool two)
{
    const struct insn vorps = { .vex = true, .l = two, .map = MAP_0F, .opcode = 0x56 };
    const struct insn vptest = {
        .vex = true, .l = two, .map = MAP_0F38, .pp = PFX_66, .opcode = 0x17
    };

    host_vector(c, &(struct insn){ .vex = true, .l = two, .map = MAP_0F, .opcode = 0x10 }, false, 0,
                V(0, from), 0);
    for (unsigned i = 1; i < N_LOW_VECS; i++)
        host_vector(c, &vorps, false, 0, V(i, from), 0);
    host_vector(c, &vptest, false, 0, host_reg(0), 0);
}

static void load_vectors(struct host_code *c, unsigned bytes)
{
    for (unsigned i = 0; i < N_LOW_VECS; i++) {
        if (bytes == 64)
            host_load_z(c, i, V(i, 0));
        else if (bytes == 32)
            host_load_y(c, i, V(i, 0));
        else
            host(c, H_LOAD_X, 4, i, V(i, 0));
    }
    host_ret(c);
}

/*
 * To load MXCSR takes long, the more so if the value has just been stored.  The host's does for the
 * guest's if it differs in flags alone, and no flag is up that the guest does not have.
 */
static void load_mxcsr(struct host_code *c)
{
    uint8_t *same;

    host(c, H_STMXCSR, 4, 0, CPU(unit.host_mxcsr));
    host(c, H_LOAD, 4, HOST_AX, CPU(unit.host_mxcsr));
    host(c, H_LOAD, 4, HOST_CX, host_reg(HOST_AX));
    host(c, H_XOR, 4, HOST_CX, CPU(mxcsr));
    host_imm(c, H_OR_I, 4, host_reg(HOST_AX), ~MXCSR_FLAGS);
    host(c, H_TEST, 4, HOST_AX, host_reg(HOST_CX));
    same = host_jcc(c, CC_Z, NULL);
    host(c, H_LDMXCSR, 4, 0, CPU(mxcsr));
    host_land(c, same);
}

/* The guest's has got flags, no more; the host's may keep them. */
static void unload_mxcsr(struct host_code *c)
{
    uint8_t *same;

    host(c, H_STMXCSR, 4, 0, CPU(unit.mxcsr));
    host(c, H_LOAD, 4, HOST_AX, CPU(unit.mxcsr));
    host(c, H_LOAD, 4, HOST_CX, host_reg(HOST_AX));
    host_imm(c, H_AND_I, 4, host_reg(HOST_CX), MXCSR_FLAGS);
    host(c, H_OR, 4, HOST_CX, CPU(mxcsr));
    host(c, H_STORE, 4, HOST_CX, CPU(mxcsr));
    host(c, H_XOR, 4, HOST_AX, CPU(unit.host_mxcsr));
    host_imm(c, H_TEST_I, 4, host_reg(HOST_AX), ~MXCSR_FLAGS);
    same = host_jcc(c, CC_Z, NULL);
    host(c, H_LDMXCSR, 4, 0, CPU(unit.host_mxcsr));
    host_land(c, same);
}

/* The word is read once. */
void unit_load_mxcsr(struct maker *m, struct operand at)
{
    struct host_code *c = &m->c;

    host(c, H_LOAD, 4, HOST_AX, at);
    host_imm(c, H_TEST_I, 4, host_reg(HOST_AX), ~MXCSR_ALL);
    unless(m, CC_NZ);
    host(c, H_LOAD, 4, HOST_CX, host_reg(HOST_AX));
    host(c, H_NOT, 4, 0, host_reg(HOST_CX));
    host_imm(c, H_TEST_I, 4, host_reg(HOST_CX), MXCSR_MASKS);
    unless(m, CC_NZ);
    host(c, H_STORE, 4, HOST_AX, CPU(mxcsr));
    host(c, H_LDMXCSR, 4, 0, CPU(mxcsr));
}

/* There may be flags that the host's does not have. */
void unit_store_mxcsr(struct maker *m, struct operand at)
{
    struct host_code *c = &m->c;

    host(c, H_STMXCSR, 4, 0, CPU(unit.mxcsr));
    host(c, H_LOAD, 4, HOST_AX, CPU(unit.mxcsr));
    host(c, H_OR, 4, HOST_AX, CPU(mxcsr));
    host(c, H_STORE, 4, HOST_AX, at);
}

/* 64 bytes of each register, unless all of them are as narrow as 32; then it goes on. */
static void load_wide(struct host_code *c)
{
    struct jumps narrow = { 0 };

    host_imm(c, H_CMP_I, 1, CPU(wide), 0);
    jump(&narrow, c, CC_Z);
    test_bytes(c, 32, true);
    empty_upper(c);
    jump(&narrow, c, CC_Z);
    load_vectors(c, 64);
    land(&narrow, c);
}

/* 32 bytes, unless 16 will do: a host whose upper halves are not in use is faster at instructions
 * without VEX. */
static void load_halves(struct host_code *c)
{
    struct jumps narrow = { 0 };

    test_bytes(c, 16, false);
    jump(&narrow, c, CC_Z);
    load_vectors(c, 32);
    land(&narrow, c);
}

static void share_load_vector(struct jit *jit, struct host_code *c)
{
    struct jumps no = { 0 };

    jit->load_vector = c->at;
    host_imm(c, H_TEST_I, 1, CPU(loaded), LOADED_SSE); /* and AVX may not be used */
    jump(&no, c, CC_NZ);
    host_imm(c, H_TEST_I, 1, CPU(cr0), CR0_EM | CR0_TS);
    jump(&no, c, CC_NZ);
    host_imm(c, H_TEST_I, 4, CPU(cr4), CR4_OSFXSR);
    jump(&no, c, CC_Z);
    host(c, H_LOAD, 4, HOST_AX, CPU(mxcsr));
    host(c, H_NOT, 4, 0, host_reg(HOST_AX));
    host_imm(c, H_TEST_I, 4, host_reg(HOST_AX), MXCSR_MASKS);
    jump(&no, c, CC_NZ);
    set_loaded(c, LOADED_SSE);
    load_mxcsr(c);
    if (host_avx(jit)) {
        load_avx_bit(c);
        empty_upper(c);
    }
    if (host_avx512(jit))
        load_wide(c);
    if (host_avx(jit))
        load_halves(c);
    load_vectors(c, 16);
    land(&no, c);
    host_ret(c);
}

/*
 * All registers and masks, for EVEX and what has masks as operands.  Whichever way 0 to 15 have
 * been loaded, above that they are as the guest's.
 */
static void share_load_evex(struct jit *jit, struct host_code *c)
{
    struct jumps no = { 0 }, loaded = { 0 };

    jit->load_evex = c->at;
    host_imm(c, H_TEST_I, 1, CPU(loaded), LOADED_SSE);
    jump(&loaded, c, CC_NZ);
    host_call(c, jit->load_vector);
    land(&loaded, c);
    host_imm(c, H_TEST_I, 1, CPU(loaded), LOADED_AVX);
    jump(&no, c, CC_Z);
    host(c, H_LOAD, 4, HOST_AX, CPU(xcr0));
    host_imm(c, H_AND_I, 4, host_reg(HOST_AX), XCR0_AVX512);
    host_imm(c, H_CMP_I, 4, host_reg(HOST_AX), XCR0_AVX512);
    jump(&no, c, CC_NZ);
    set_loaded(c, LOADED_EVEX);
    host_imm(c, H_STORE_I, 1, CPU(wide), true);
    for (unsigned i = N_LOW_VECS; i < N_VECS; i++)
        host_load_z(c, i, V(i, 0));
    for (unsigned i = 0; i < N_MASKS; i++)
        host_load_k(c, i, K(i));
    land(&no, c);
    host_ret(c);
}

static void unload_masks(struct host_code *c)
{
    for (unsigned i = N_LOW_VECS; i < N_VECS; i++)
        host_store_z(c, i, V(i, 0));
    for (unsigned i = 0; i < N_MASKS; i++)
        host_store_k(c, i, K(i));
}

static void store_vectors(struct host_code *c, unsigned bytes)
{
    for (unsigned i = 0; i < N_LOW_VECS; i++) {
        if (bytes == 64)
            host_store_z(c, i, V(i, 0));
        else if (bytes == 32)
            host_store_y(c, i, V(i, 0));
        else
            host(c, H_STORE_X, 4, i, V(i, 0));
    }
}

/* What is above 256 bits is there, or is 0 on both sides. */
static void unload_wide(struct host_code *c)
{
    struct jumps no_masks = { 0 }, narrow = { 0 };
    uint8_t *done;

    host_imm(c, H_CMP_I, 1, CPU(wide), 0);
    jump(&narrow, c, CC_Z);
    store_vectors(c, 64);
    host_imm(c, H_TEST_I, 1, CPU(loaded), LOADED_EVEX);
    jump(&no_masks, c, CC_Z);
    unload_masks(c);
    land(&no_masks, c);
    done = host_jmp(c, NULL);
    land(&narrow, c);
    store_vectors(c, 32);
    host_land(c, done);
}

static void unload_vectors(const struct jit *jit, struct host_code *c)
{
    if (host_avx512(jit))
        unload_wide(c);
    else
        store_vectors(c, host_avx(jit) ? 32 : 16);
    unload_mxcsr(c);
    if (host_avx(jit))
        empty_upper(c);
}

/* ---- x87 and MMX ---- */

/* AX |= AX shifted, and mask: bits are spread or gathered. */
static void fold(struct host_code *c, enum host_insn shift, unsigned by, unsigned mask)
{
    host(c, H_LOAD, 4, HOST_CX, host_reg(HOST_AX));
    host_imm(c, shift, 4, host_reg(HOST_CX), by);
    host(c, H_OR, 4, HOST_AX, host_reg(HOST_CX));
    host_imm(c, H_AND_I, 4, host_reg(HOST_AX), mask);
}

/* The environment's tags: two bits for each register, set if it is empty; only that counts. */
static void load_tags(struct host_code *c)
{
    host(c, H_ZX8, 4, HOST_AX, CPU(x87.tag_valid));
    host_imm(c, H_XOR_I, 4, host_reg(HOST_AX), 0xff);
    fold(c, H_SHL_I, 4, 0x0f0f);
    fold(c, H_SHL_I, 2, 0x3333);
    fold(c, H_SHL_I, 1, 0x5555);
    host(c, H_LEA, 4, HOST_AX, host_sum(HOST_AX, HOST_AX, 1, 0));
    host(c, H_STORE, 4, HOST_AX, ENV(2));
}

static void unload_tags(struct host_code *c)
{
    host(c, H_ZX16, 4, HOST_AX, ENV(2));
    host(c, H_LOAD, 4, HOST_CX, host_reg(HOST_AX));
    host_imm(c, H_SHR_I, 4, host_reg(HOST_CX), 1);
    host(c, H_AND, 4, HOST_AX, host_reg(HOST_CX));
    host_imm(c, H_AND_I, 4, host_reg(HOST_AX), 0x5555);
    fold(c, H_SHR_I, 1, 0x3333);
    fold(c, H_SHR_I, 2, 0x0f0f);
    fold(c, H_SHR_I, 4, 0x00ff);
    host_imm(c, H_XOR_I, 4, host_reg(HOST_AX), 0xff);
    host(c, H_STORE, 1, HOST_AX, CPU(x87.tag_valid));
}

static void store_word(struct host_code *c, unsigned n, unsigned value)
{
    host_imm(c, H_STORE_I, 4, ENV(n), value);
}

/* With TOP 0 a push goes to register 7 first; all are moved, empty ones have contents too. */
static void share_load_x87(struct jit *jit, struct host_code *c)
{
    struct jumps no = { 0 }, at_0 = { 0 };

    jit->load_x87 = c->at;
    host_imm(c, H_TEST_I, 1, CPU(cr0), CR0_EM | CR0_TS);
    jump(&no, c, CC_NZ);
    host(c, H_ZX16, 4, HOST_AX, CPU(x87.control));
    host(c, H_STORE, 4, HOST_AX, ENV(0));
    host(c, H_NOT, 4, 0, host_reg(HOST_AX));
    host_imm(c, H_TEST_I, 1, host_reg(HOST_AX), X87_EXCEPTIONS);
    jump(&no, c, CC_NZ);
    host(c, H_ZX16, 4, HOST_AX, CPU(x87.status));
    host(c, H_STORE, 4, HOST_AX, ENV(1));
    load_tags(c);
    for (unsigned n = 3; n < 7; n++)
        store_word(c, n, 0);
    host_x87(c, 0xdf, 0xe0); /* fnstsw ax */
    host_imm(c, H_TEST_I, 4, host_reg(HOST_AX), X87_TOP);
    jump(&at_0, c, CC_Z);
    host_x87(c, 0xdb, 0xe3); /* fninit */
    land(&at_0, c);
    for (unsigned i = 8; i-- > 0;)
        host(c, H_FLD80, 4, 0, R80(i));
    host(c, H_FLDENV, 4, 0, CPU(unit.env));
    set_loaded(c, LOADED_X87);
    land(&no, c);
    host_ret(c);
}

/* All registers are made valid, so that they can be popped; that leaves the unit empty. */
static void unload_x87(struct host_code *c)
{
    host(c, H_FNSTENV, 4, 0, CPU(unit.env));
    host(c, H_LOAD, 4, HOST_AX, ENV(1));
    host(c, H_STORE, 2, HOST_AX, CPU(x87.status));
    unload_tags(c);
    store_word(c, 0, X87_CONTROL_INIT);
    store_word(c, 1, 0);
    store_word(c, 2, 0);
    host(c, H_FLDENV, 4, 0, CPU(unit.env));
    for (unsigned i = 0; i < 8; i++)
        host(c, H_FSTP80, 4, 0, R80(i));
}

/* ---- Together ---- */

static void share_unload(struct jit *jit, struct host_code *c)
{
    struct jumps no_vectors = { 0 }, no_x87 = { 0 };

    jit->unload = c->at;
    host_imm(c, H_TEST_I, 1, CPU(loaded), LOADED_SSE);
    jump(&no_vectors, c, CC_Z);
    unload_vectors(jit, c);
    land(&no_vectors, c);
    host_imm(c, H_TEST_I, 1, CPU(loaded), LOADED_X87);
    jump(&no_x87, c, CC_Z);
    unload_x87(c);
    land(&no_x87, c);
    host_imm(c, H_STORE_I, 1, CPU(loaded), 0);
    host_ret(c);
}

void unit_share(struct jit *jit, struct host_code *c)
{
    share_load_vector(jit, c);
    if (host_avx512(jit))
        share_load_evex(jit, c);
    share_load_x87(jit, c);
    share_unload(jit, c);
}

void unit_unload(struct jit *jit, struct host_code *c)
{
    uint8_t *over;

    host_imm(c, H_CMP_I, 1, CPU(loaded), 0);
    over = host_jcc(c, CC_Z, NULL);
    host_push(c, HOST_CX);
    host_call(c, jit->unload);
    host_pop(c, HOST_CX);
    host_land(c, over);
}

void unit_load(struct jit *jit, struct host_code *c, unsigned unit)
{
    host_call(c, unit == LOADED_X87    ? jit->load_x87
                 : unit == LOADED_EVEX ? jit->load_evex
                                       : jit->load_vector);
    host_imm(c, H_TEST_I, 1, CPU(loaded), unit);
}

void unit_require(struct maker *m, unsigned unit)
{
    if (m->loaded & unit)
        return;
    flags_clobber(m);
    host_imm(&m->c, H_TEST_I, 1, CPU(loaded), unit);
    cold_unit(m, host_jcc(&m->c, CC_Z, NULL), unit);
    m->loaded |= unit == LOADED_EVEX ? LOADED_SSE | LOADED_AVX | LOADED_EVEX : unit;
}

/* Whether the instruction is a function's, which would have the unit put away at once. */
static bool is_called(const struct maker *m)
{
    for (unsigned k = 1; is_same_insn(m, k); k++)
        if (uop_of(m)[k].op == UOP_CALL)
            return true;
    return false;
}

TEMPLATE(check)
{
    if (is_called(m) || (u->d == LOADED_EVEX && !m->jit->load_evex))
        return call_function(m);
    unit_require(m, u->d);
    return true;
}

// clang-format off
const struct template unit_templates[] = {
    { UOP_CHECK, UOP_CHECK, make_check, 0, 0, 0, FOLD_NONE, NULL },
    { 0 },
};
// clang-format on
