/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decode - the front end: bytes to struct insn.
 *
 * Intel SDM volume 2: chapter 2 (formats), appendix A (opcode maps).  It knows which opcodes have a
 * ModRM byte and an immediate; what is no instruction at all is said by the translation.
 */
#include "cpu.h"
#include "insn.h"
#include "uop.h"

/*
 * What follows an opcode: '.' nothing, m ModRM, c ModRM that always names registers; b, w, z, v: an
 * immediate of 1, 2, 2 or 4, 2 to 8 bytes; B, Z: ModRM and b or z; g, G: group 3 (immediate with
 * reg 0 and 1); R: near branch; p: far pointer; o: an offset of address size; e: ENTER's.
 */
// clang-format off
static const char one_byte[16][17] = {
    "mmmmbz..mmmmbz..", "mmmmbz..mmmmbz..", "mmmmbz..mmmmbz..", "mmmmbz..mmmmbz..",
    "................", "................", "..mm....zZbB....", "bbbbbbbbbbbbbbbb",
    "BZBBmmmmmmmmmmmm", "..........p.....", "oooo....bz......", "bbbbbbbbvvvvvvvv",
    "BBw.mmBZe.w..b..", "mmmmbb..mmmmmmmm", "bbbbbbbbRRpb....", "......gG......mm",
};
static const char two_byte[16][17] = {
    "mmmm.........m.m", "mmmmmmmmmmmmmmmm", "cccc....mmmmmmmm", "................",
    "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "BBBBmmm.mm..mmmm",
    "RRRRRRRRRRRRRRRR", "mmmmmmmmmmmmmmmm", "...mBm.....mBmmm", "mmmmmmmmmmBmmmmm",
    "mmBmBBBm........", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
};
// clang-format on

struct reader {
    const uint8_t *bytes;
    unsigned n, at; /* at goes on counting beyond n, where zeroes are read */
};

static uint64_t take(struct reader *r, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++, r->at++)
        if (r->at < r->n)
            v |= (uint64_t)r->bytes[r->at] << 8 * i;
    return v;
}

static int64_t take_signed(struct reader *r, unsigned size)
{
    unsigned shift = 64 - 8 * size;

    return (int64_t)(take(r, size) << shift) >> shift;
}

/* The byte at hand, not taken yet. */
static uint8_t peek(const struct reader *r)
{
    return r->at < r->n ? r->bytes[r->at] : 0;
}

/* Notes a prefix; false: the byte is none. */
static bool prefix(struct insn *in, uint8_t byte)
{
    switch (byte) {
    case 0x66: in->osz = true; break;
    case 0x67: in->asz = true; break;
    case 0xf0: in->lock = true; break;
    case 0xf2:
        in->repne = true;
        in->rep = false;
        break;
    case 0xf3:
        in->rep = true;
        in->repne = false;
        break;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        if (in->code != MODE_CODE64)
            in->seg = SEG_ES + (byte >> 3 & 3);
        break;
    case 0x64:
    case 0x65: in->seg = SEG_FS + (byte & 1); break;
    default: return false;
    }
    return true;
}

static void prefixes(struct insn *in, struct reader *r)
{
    uint8_t rex = 0;

    for (; r->at < r->n && r->at <= INSN_MAX; r->at++) {
        uint8_t byte = peek(r);

        if (prefix(in, byte))
            rex = 0;
        else if (in->code == MODE_CODE64 && (byte & 0xf0) == 0x40)
            rex = byte;
        else
            break;
    }
    in->rex = rex;
    in->w = rex & 8;
    in->r = rex & 4;
    in->x = rex & 2;
    in->b = rex & 1;
    in->pp = in->repne ? PFX_F2 : in->rep ? PFX_F3 : in->osz ? PFX_66 : PFX_NONE;
}

/* C4, C5 and 62 are LES, LDS and BOUND outside 64-bit mode, unless what would be their ModRM names
 * a register. */
static bool is_vector_prefix(const struct insn *in, const struct reader *r)
{
    return in->code == MODE_CODE64 || (r->at < r->n && peek(r) >= 0xc0);
}

/* Prefixes that VEX and EVEX must not follow. */
static bool is_prefixed(const struct insn *in)
{
    return in->lock || in->rex || in->osz || in->rep || in->repne;
}

/* Outside 64-bit code. */
static void eight_registers(struct insn *in)
{
    in->r = in->x = in->b = false;
    in->spare = in->vvvv & 8;
    in->vvvv &= 7;
}

static void vex(struct insn *in, struct reader *r, uint8_t opcode)
{
    uint8_t p0 = take(r, 1), p1 = p0;

    in->vex = true;
    in->map = MAP_0F;
    if (opcode == 0xc4) {
        p1 = take(r, 1);
        in->map = p0 & 31;
        in->x = !(p0 & 0x40);
        in->b = !(p0 & 0x20);
        in->w = p1 & 0x80;
    }
    in->r = !(p0 & 0x80);
    in->vvvv = ~p1 >> 3 & 15;
    in->l = p1 >> 2 & 1;
    in->pp = p1 & 3;
    if (in->code != MODE_CODE64)
        eight_registers(in);
    if (is_prefixed(in) || in->map < MAP_0F || in->map > MAP_0F3A)
        in->map = MAP_BAD;
    in->opcode = take(r, 1);
}

/* The upper bits of register numbers go where their fields are read; X has two uses, see modrm().
 */
static void evex(struct insn *in, struct reader *r)
{
    uint8_t p0 = take(r, 1), p1 = take(r, 1), p2 = take(r, 1);
    bool bad = is_prefixed(in) || p0 & 8 || !(p1 & 4);

    in->evex = true;
    in->map = p0 & 7;
    in->r = !(p0 & 0x80);
    in->x = !(p0 & 0x40);
    in->b = !(p0 & 0x20);
    in->reg = p0 & 0x10 ? 0 : 16;
    in->w = p1 & 0x80;
    in->vvvv = (~p1 >> 3 & 15) | (p2 & 8 ? 0 : 16);
    in->pp = p1 & 3;
    in->zeroing = p2 & 0x80;
    in->l = p2 >> 5 & 3;
    in->broadcast = p2 & 0x10;
    in->mask = p2 & 7;
    if (in->code != MODE_CODE64) {
        bad |= in->vvvv & 16;
        in->reg = 0;
        eight_registers(in);
    }
    if (bad || in->map == MAP_ONE || in->map > MAP_6)
        in->map = MAP_BAD;
    in->opcode = take(r, 1);
}

static void opcode(struct insn *in, struct reader *r)
{
    in->opcode = take(r, 1);
    if (in->opcode == 0x62 && is_vector_prefix(in, r)) {
        evex(in, r);
        return;
    }
    if ((in->opcode == 0xc4 || in->opcode == 0xc5) && is_vector_prefix(in, r)) {
        vex(in, r, in->opcode);
        return;
    }
    if (in->opcode != 0x0f)
        return;
    in->map = MAP_0F;
    in->opcode = take(r, 1);
    if (in->opcode == 0x38 || in->opcode == 0x3a) {
        in->map = in->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
        in->opcode = take(r, 1);
    }
}

/* The eight forms of 16-bit addresses. */
static void memory16(struct insn *in, struct reader *r)
{
    static const uint8_t base[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
    static const uint8_t index[8] = { RSI, RDI, RSI, RDI, REG_ZERO, REG_ZERO, REG_ZERO, REG_ZERO };
    unsigned rm = in->modrm & 7;

    in->base = base[rm];
    in->index = index[rm];
    if (in->mod == 0 && rm == 6) {
        in->base = REG_ZERO;
        in->disp = take_signed(r, 2);
    } else if (in->mod) {
        in->disp = take_signed(r, in->mod);
    }
}

static void sib(struct insn *in, struct reader *r)
{
    uint8_t byte = take(r, 1);

    in->scale = byte >> 6;
    in->index = (byte >> 3 & 7) | in->x << 3;
    if (in->index == RSP)
        in->index = REG_ZERO;
    in->base = (byte & 7) | in->b << 3;
    if ((byte & 7) == RBP && in->mod == 0) {
        in->base = REG_ZERO;
        in->disp = take_signed(r, 4);
    }
}

static void memory(struct insn *in, struct reader *r)
{
    unsigned rm = in->modrm & 7;

    in->index = REG_ZERO;
    if (in->addr_size == 2) {
        memory16(in, r);
    } else {
        in->base = rm | in->b << 3;
        if (rm == 4) {
            sib(in, r);
        } else if (rm == 5 && in->mod == 0) {
            in->base = in->code == MODE_CODE64 ? REG_NEXT : REG_ZERO;
            in->disp = take_signed(r, 4);
        }
        if (in->mod)
            in->disp = take_signed(r, in->mod == 1 ? 1 : 4);
    }
    in->disp8 = in->evex && in->mod == 1;
    if (in->seg == N_SEGS)
        in->seg = in->base == RSP || in->base == RBP ? SEG_SS : SEG_DS;
}

static void modrm(struct insn *in, struct reader *r, bool registers)
{
    in->has_modrm = true;
    in->modrm = take(r, 1);
    in->mod = registers ? 3 : in->modrm >> 6;
    in->reg |= (in->modrm >> 3 & 7) | in->r << 3;
    in->rm = (in->modrm & 7) | in->b << 3 | (in->evex ? in->x << 4 : 0);
    if (in->mod != 3)
        memory(in, r);
}

static void immediate(struct insn *in, struct reader *r, unsigned size)
{
    in->imm_size = size;
    in->imm = take_signed(r, size);
}

/* With EVEX there is always a ModRM byte. */
static char form_of(const struct insn *in)
{
    char form;

    switch (in->map) {
    case MAP_ONE: return one_byte[in->opcode >> 4][in->opcode & 15];
    case MAP_0F:
        form = two_byte[in->opcode >> 4][in->opcode & 15];
        return in->evex && form != 'B' ? 'm' : form;
    case MAP_0F3A: return 'B';
    case MAP_BAD: return '.';
    default: return 'm';
    }
}

static void operands(struct insn *in, struct reader *r)
{
    unsigned z = in->op_size == 2 ? 2 : 4;
    char form = form_of(in);

    if (form == 'm' || form == 'B' || form == 'Z' || form == 'g' || form == 'G' || form == 'c')
        modrm(in, r, form == 'c');
    switch (form) {
    case 'B':
    case 'b': immediate(in, r, 1); break;
    case 'Z':
    case 'z': immediate(in, r, z); break;
    case 'v': immediate(in, r, in->op_size); break;
    case 'R': immediate(in, r, in->code == MODE_CODE64 ? 4 : z); break;
    case 'g':
    case 'G':
        if ((in->modrm >> 3 & 7) < 2)
            immediate(in, r, form == 'g' ? 1 : z);
        break;
    case 'w':
        in->imm = take(r, 2);
        in->imm_size = 2;
        break;
    case 'o':
        in->imm = take(r, in->addr_size);
        in->imm_size = in->addr_size;
        break;
    case 'p':
        in->imm = take(r, z);
        in->imm2 = take(r, 2);
        break;
    case 'e':
        in->imm = take(r, 2);
        in->imm2 = take(r, 1);
        break;
    }
}

int decode(struct insn *in, const uint8_t *bytes, unsigned n, uint64_t rip, unsigned code)
{
    struct reader r = { .bytes = bytes, .n = n };

    *in = (struct insn){
        .rip = rip, .code = code, .seg = N_SEGS, .base = REG_ZERO, .index = REG_ZERO
    };
    prefixes(in, &r);
    if (r.at >= INSN_MAX)
        return DECODE_LONG;
    opcode(in, &r);
    in->op_size = code == MODE_CODE64 && in->w ? 8 : (code == MODE_CODE16) != in->osz ? 2 : 4;
    in->addr_size = code == MODE_CODE64                ? (in->asz ? 4 : 8)
                    : (code == MODE_CODE16) != in->asz ? 2
                                                       : 4;
    operands(in, &r);
    if (in->seg == N_SEGS)
        in->seg = SEG_DS;
    if (r.at > INSN_MAX)
        return DECODE_LONG;
    if (r.at > n)
        return DECODE_SHORT;
    return in->len = r.at;
}
