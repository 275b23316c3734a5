/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * insn - an x86 instruction taken apart: prefixes, opcode, ModRM, displacement, immediate.
 *
 * The front end (decode.c) makes one of the bytes; then whoever owns the opcode turns it into
 * micro-ops.  Intel SDM volume 2, chapters 2 and appendix A.
 */
#ifndef TENON_SOFT_INSN_H
#define TENON_SOFT_INSN_H

#include <stdbool.h>
#include <stdint.h>

/* As VEX and EVEX number them. */
enum insn_map { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A, MAP_BAD /* #UD */, MAP_5, MAP_6 };
enum { PFX_NONE, PFX_66, PFX_F3, PFX_F2 }; /* the mandatory-prefix row, as VEX.pp */

struct insn {
    uint64_t rip;
    uint8_t len;
    uint8_t map, opcode;
    uint8_t pp; /* PFX_*: the last of F3/F2, else 66, else none; VEX.pp with VEX */
    bool vex, lock, rep, repne, osz, asz; /* as seen; osz and asz are the 66 and 67 prefixes */
    bool w, r, x, b;                      /* REX or VEX, already the right way up */
    bool rex;                             /* any REX: SPL, BPL, SIL, DIL instead of AH to BH */
    uint8_t l, vvvv; /* VEX.L (0: 128, 1: 256, 2: 512; 3, or rounding); the extra register */
    bool spare;      /* outside 64-bit code bit 3 of vvvv, which counts only where vvvv is unused */
    /* EVEX, and then not vex: reg, rm of a register, and vvvv have five bits. */
    bool evex, zeroing;         /* EVEX.z */
    bool broadcast;             /* EVEX.b: also static rounding, or exceptions suppressed */
    bool disp8;                 /* the displacement is a byte, to be multiplied as the row says */
    uint8_t mask;               /* EVEX.aaa */
    uint8_t code;               /* MODE_CODE16, 32 or 64 */
    uint8_t op_size, addr_size; /* bytes: 2, 4, 8 */
    bool has_modrm;
    uint8_t modrm;
    uint8_t mod, reg, rm; /* reg and rm with R and B */
    /* The memory operand, if mod != 3 */
    uint8_t seg;         /* overridden or by default */
    uint8_t base, index; /* register number, REG_ZERO for none, REG_NEXT */
    uint8_t scale;       /* a shift */
    int64_t disp;
    uint64_t imm;  /* as read, sign-extended from imm_size */
    uint64_t imm2; /* ENTER, far pointers: the second */
    uint8_t imm_size;
};

#endif
