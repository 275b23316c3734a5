/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-jit - random programs end alike in the interpreter and in translated code: registers, flags,
 * memory, the exception and where it was.  A seed as argument makes them others.
 */
#include <cpuid.h>

#include "blocks.h"
#include "soft-host.h"

enum { PROGRAMS = 1500, LENGTH = 24, ROUNDS = 6, DATA = 64 };

struct program {
    uint8_t code[1024];
    unsigned n, bits, at; /* at: where it is put */
};

static void byte(struct program *p, uint8_t b)
{
    p->code[p->n++] = b;
}

static void bytes(struct program *p, const char *from, unsigned n)
{
    memcpy(p->code + p->n, from, n);
    p->n += n;
}

/* Not RSP, RSI, R12, R14; not R15 where it could be that, nor EBP, which counts outside 64-bit
 * code.
 */
static unsigned some_register(struct program *p, GRand *r, bool extended)
{
    static const uint8_t regs[] = { 0, 1, 2, 3, 7, 5 };

    return regs[g_rand_int_range(r, 0, p->bits == 64 ? 6 : 5)] & (extended ? 5 : 7);
}

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8, SHORT = 0x10 };

/*
 * Memory is near RSI, sometimes beyond the page; R15 is the same, and R12 a small number.  rex is
 * what precedes, of which REX_X says that R12 is the index; SHORT: addresses are of 16 bits.
 */
static void modrm(struct program *p, GRand *r, int reg, bool memory, unsigned rex)
{
    unsigned field = (reg >= 0 ? (unsigned)reg : some_register(p, r, rex & REX_R)) << 3;

    if (!memory) {
        byte(p, 0xc0 | field | some_register(p, r, rex & REX_B));
    } else if (rex & REX_X) {
        byte(p, 0x44 | field);
        byte(p, g_rand_int_range(r, 0, 4) << 6 | (R12 & 7) << 3 | (rex & REX_B ? 7 : RSI));
        byte(p, g_rand_int_range(r, 0, DATA));
    } else {
        byte(p, 0x40 | field | (rex & SHORT ? 4 : rex & REX_B ? 7 : RSI));
        byte(p, g_rand_int_range(r, 0, DATA));
    }
}

static void immediate(struct program *p, GRand *r, unsigned bytes)
{
    while (bytes--)
        byte(p, g_rand_boolean(r) ? g_rand_int(r) : 0xff);
}

/* Opcode, the register field (or -1: any), bytes of immediate (4: as the operand size says). */
struct form {
    uint8_t map, opcode;
    int8_t reg;
    uint8_t imm;
};
enum { LOCKS = 0x10 }; /* of a map: with memory, and may have LOCK */

static const struct form *form(GRand *r)
{
    // clang-format off
    static const struct form forms[] = {
        { 0, 0x00, -1, 0 }, { 0, 0x01, -1, 0 }, { 0, 0x03, -1, 0 }, { 0, 0x08, -1, 0 }, { 0, 0x0b, -1, 0 },
        { 0, 0x10, -1, 0 }, { 0, 0x11, -1, 0 }, { 0, 0x13, -1, 0 }, { 0, 0x18, -1, 0 }, { 0, 0x1b, -1, 0 },
        { 0, 0x21, -1, 0 }, { 0, 0x22, -1, 0 }, { 0, 0x29, -1, 0 }, { 0, 0x2a, -1, 0 }, { 0, 0x31, -1, 0 },
        { 0, 0x38, -1, 0 }, { 0, 0x39, -1, 0 }, { 0, 0x3b, -1, 0 }, { 0, 0x84, -1, 0 }, { 0, 0x85, -1, 0 },
        { 0, 0x86, -1, 0 }, { 0, 0x87, -1, 0 }, { 0, 0x88, -1, 0 }, { 0, 0x89, -1, 0 }, { 0, 0x8a, -1, 0 },
        { 0, 0x8b, -1, 0 }, { 0, 0x63, -1, 0 },
        { 0, 0x80, 0, 1 },  { 0, 0x80, 7, 1 },  { 0, 0x81, 0, 4 },  { 0, 0x81, 2, 4 },  { 0, 0x81, 5, 4 },
        { 0, 0x83, 1, 1 },  { 0, 0x83, 3, 1 },  { 0, 0x83, 4, 1 },  { 0, 0x83, 7, 1 },  { 0, 0xf6, 0, 1 },
        { 0, 0xf7, 0, 4 },  { 0, 0xf6, 2, 0 },  { 0, 0xf7, 2, 0 },  { 0, 0xf7, 3, 0 },  { 0, 0xfe, 0, 0 },
        { 0, 0xff, 0, 0 },  { 0, 0xff, 1, 0 },  { 0, 0xc6, 0, 1 },  { 0, 0xc7, 0, 4 },
        { 0, 0xc0, 0, 1 },  { 0, 0xc0, 4, 1 },  { 0, 0xc1, 1, 1 },  { 0, 0xc1, 4, 1 },  { 0, 0xc1, 5, 1 },
        { 0, 0xc1, 7, 1 },  { 0, 0xd1, 4, 0 },  { 0, 0xd3, 4, 0 },  { 0, 0xd3, 5, 0 },  { 0, 0xd2, 7, 0 },
        { 1, 0xb6, -1, 0 }, { 1, 0xb7, -1, 0 }, { 1, 0xbe, -1, 0 }, { 1, 0xbf, -1, 0 },
        { 1, 0x42, -1, 0 }, { 1, 0x44, -1, 0 }, { 1, 0x4c, -1, 0 }, { 1, 0x4f, -1, 0 },
        { 1, 0x90, 0, 0 },  { 1, 0x92, 0, 0 },  { 1, 0x95, 0, 0 },  { 1, 0x97, 0, 0 },  { 1, 0x9c, 0, 0 },
        { 1, 0x9f, 0, 0 },  { 1, 0xa3, -1, 0 }, { 1, 0xba, 4, 1 },
        { LOCKS | 1, 0xba, 5, 1 }, { LOCKS | 1, 0xba, 6, 1 }, { LOCKS | 1, 0xba, 7, 1 },
        { LOCKS | 0, 0x00, -1, 0 }, { LOCKS | 0, 0x01, -1, 0 }, { LOCKS | 0, 0x11, -1, 0 },
        { LOCKS | 0, 0x29, -1, 0 }, { LOCKS | 0, 0x31, -1, 0 }, { LOCKS | 0, 0x83, 1, 1 },
        { LOCKS | 0, 0x83, 2, 1 }, { LOCKS | 0, 0x80, 4, 1 }, { LOCKS | 0, 0xfe, 1, 0 },
        { LOCKS | 0, 0xff, 0, 0 }, { LOCKS | 0, 0xf7, 2, 0 }, { LOCKS | 0, 0xf7, 3, 0 },
        { LOCKS | 1, 0xb0, -1, 0 }, { LOCKS | 1, 0xb1, -1, 0 }, { LOCKS | 1, 0xc0, -1, 0 },
        { LOCKS | 1, 0xc1, -1, 0 }, { LOCKS | 0, 0x86, -1, 0 }, { LOCKS | 0, 0x87, -1, 0 },
        { 0, 0xf7, 4, 0 },  { 0, 0xf7, 5, 0 },  { 0, 0xf6, 4, 0 },  { 0, 0xf7, 6, 0 },  { 0, 0xf7, 7, 0 },
        { 0, 0xd3, 0, 0 },  { 0, 0xd2, 1, 0 },  { 0, 0xd3, 2, 0 },  { 0, 0xd3, 3, 0 },  { 0, 0xc1, 2, 1 },
        { 0, 0xc1, 3, 1 },  { 0, 0xd1, 0, 0 },  { 0, 0xd1, 1, 0 },  { 0, 0xd1, 3, 0 },  { 0, 0xc0, 0, 1 },
        { 1, 0xaf, -1, 0 }, { 0, 0x69, -1, 4 }, { 1, 0xab, -1, 0 }, { 1, 0xb3, -1, 0 }, { 1, 0xbb, -1, 0 },
        { 1, 0xa4, -1, 1 }, { 1, 0xbc, -1, 0 }, { 1, 0xbd, -1, 0 }, { 1, 0xa5, -1, 0 }, { 1, 0xac, -1, 1 },
        { 1, 0xad, -1, 0 }, { LOCKS | 1, 0xab, -1, 0 }, { LOCKS | 1, 0xb3, -1, 0 }, { LOCKS | 1, 0xbb, -1, 0 },
    };
    // clang-format on
    return &forms[g_rand_int_range(r, 0, G_N_ELEMENTS(forms))];
}

/* PUSH, POP, BSWAP, LEA, CALL and RET: what has no ModRM operand as above. */
static void special16(struct program *p, GRand *r)
{
#define TEXT(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    static const struct {
        const char *bytes;
        unsigned n;
    } texts[] = {
        TEXT("\x50\x5b"),                 /* push ax; pop bx */
        TEXT("\x66\x0f\xc8"),             /* bswap eax */
        TEXT("\x67\x66\x8d\x44\x8b\x7f"), /* lea eax, [ebx + ecx * 4 + 0x7f] */
        TEXT("\x8d\x40\x7f"),             /* lea ax, [bx + si + 0x7f] */
        TEXT("\xb5\x12"),                 /* mov ch, 0x12 */
        TEXT("\x67\xff\x34\x24"),         /* push word [esp] */
        TEXT("\x66\x60\x66\x61"),         /* pushad; popad */
        TEXT("\x9c\x58"),                 /* pushf; pop ax */
        TEXT("\x9f\x9e"),                 /* lahf; sahf */
        TEXT("\xf5\xf8\x13\xc1"),         /* cmc; clc; adc ax, cx */
        TEXT("\x65\x8b\x44\x08"),         /* mov ax, gs:[si + 8] */
        TEXT("\x65\x66\xff\x44\x10"),     /* inc dword gs:[si + 0x10] */
        TEXT("\x31\xd2\xb9\5\1\xf7\xf1"), /* xor dx, dx; mov cx, 0x105; div cx */
        TEXT("\x99\xf7\x7c\x08"),         /* cwd; idiv word [si + 8] */
        TEXT("\xaa"),                     /* stosb */
        TEXT("\xe8\0\0\x5a"),             /* call the next one: pop dx */
    };
    unsigned i = g_rand_int_range(r, 0, G_N_ELEMENTS(texts));

    for (unsigned k = 0; k < texts[i].n; k++)
        byte(p, texts[i].bytes[k]);
}

static void special(struct program *p, GRand *r)
{
    /* What both modes have; what only one of 64 bits has. */
    static const char *const texts[] = {
        "\x50\x5b",                                 /* push rax; pop rbx */
        "\x0f\xc8",                                 /* bswap eax */
        "\x8d\x44\x8b\x7f",                         /* lea eax, [rbx + rcx * 4 + 0x7f] */
        "\xb5\x12",                                 /* mov ch, 0x12 */
        "\xff\x34\x24\x8f\x04\x24",                 /* push [rsp]; pop [rsp] */
        "\x9c\x58",                                 /* pushf; pop rax */
        "\x9f\x9e",                                 /* lahf; sahf */
        "\xf5\xf8\x13\xc1",                         /* cmc; clc; adc eax, ecx */
        "\xf9\xf5",                                 /* stc; cmc */
        "\x66\x99",                                 /* cwd */
        "\x66\xf3\x0f\xbc\xc1",                     /* tzcnt ax, cx */
        "\xf3\x0f\xbd\x5e\x08",                     /* lzcnt ebx, [rsi + 8] */
        "\xf0\x0f\xc7\x4e\x08",                     /* lock cmpxchg8b [rsi + 8] */
        "\x8b\x46\x08\x8b\x56\x0c\x0f\xc7\x4e\x08", /* with what is there */
        "\x65\x8b\x46\x08",                         /* mov eax, gs:[rsi + 8] */
        "\x65\xff\x46\x10",                         /* inc dword gs:[rsi + 0x10] */
        "\x31\xd2\xb9\5\1\1\1\xf7\xf1",             /* xor edx, edx; mov ecx, 0x1010105; div ecx */
        "\x99\xf7\x7e\x08",                         /* cdq; idiv dword [rsi + 8] */
        "\xaa",                                     /* stosb: faults, mostly */
    };
    static const char *const texts64[] = {
        "\x41\x51\x59",               /* push r9; pop rcx */
        "\x49\x0f\xc9",               /* bswap r9 */
        "\x4a\x8d\x9c\x0a\x80\1\1\1", /* lea rbx, [rdx + r9 + 0x1010180] */
        "\x4f\x8d\x0c\x11",           /* lea r9, [r9 + r10] */
        "\x48\xb8\1\2\3\4\5\6\7\x88", /* mov rax, 0x8807060504030201 */
        "\x65\x49\x8b\x57\x08",       /* mov rdx, gs:[r15 + 8] */
        "\x48\x99\x49\xf7\xfa",       /* cqo; idiv r10 */
        "\x53\x52\x51\x59\x5a\x5b",   /* push rbx, rdx, rcx; pop them */
        "\xf3\x0f\xbc\xc1",           /* tzcnt eax, ecx */
        "\xf3\x4d\x0f\xbd\xca",       /* lzcnt r9, r10 */
        "\xf3\x0f\xb8\x46\x08",       /* popcnt eax, [rsi + 8] */
        "\x0f\xae\xe8\x0f\xae\xf0",   /* lfence; mfence */
        "\x4c\x0f\xa4\xca\x21",       /* shld rdx, r9, 33 */
        "\x49\x0f\xad\xd1",           /* shrd r9, rdx, cl */
        /* push rdi; lea rdi, [rsi + 16]; push 7; pop rcx; rep stosb; pop rdi */
        "\x57\x48\x8d\x7e\x10\x6a\x07\x59\xf3\xaa\x5f",
        "\x57\x48\x8d\x7e\x10\x6a\x07\x59\xf3\x48\xab\x5f",         /* the same, of 8 bytes */
        "\xfd\x57\x48\x8d\x7e\x10\x6a\x07\x59\xf3\x66\xab\x5f\xfc", /* std, of 2 bytes, cld */
        /* push rdi, rsi; lea rdi, [rsi + 16]; push 7; pop rcx; rep movsd; pop them */
        "\x57\x56\x48\x8d\x7e\x10\x6a\x07\x59\xf3\xa5\x5e\x5f",
        "\x57\x56\x48\x8d\x7e\x01\x6a\x21\x59\xf3\xa4\x5e\x5f", /* 33 bytes, one further */
        "\x57\x56\x48\x8d\x7e\x18\x31\xc9\xf3\x48\xa5\x5e\x5f", /* none */
        "\x57\x56\x48\x8d\x7e\x20\x6a\x07\x59\x65\xf3\xa4\x65\xa5\x5e\x5f", /* by gs, and movsd */
        /* lea rax, [rsp + 48]; push rax; pop rsp; push rbx; pop rbx; lea rsp, [rsp - 48] */
        "\x48\x8d\x44\x24\x30\x50\x5c\x53\x5b\x48\x8d\x64\x24\xd0",
        /* push rsi; and rsi, -16; cmpxchg16b [rsi]; pop rsi */
        "\x56\x48\x83\xe6\xf0\x48\x0f\xc7\x0e\x5e",
        /* and with what is there: mov rax, [rsi]; mov rdx, [rsi + 8], lock, by gs */
        "\x56\x48\x83\xe6\xf0\x48\x8b\x46\x20\x48\x8b\x56\x28\x65\xf0\x48\x0f\xc7\x4e\x08\x5e",
        "\x48\x0f\xc7\x4e\x04", /* cmpxchg16b [rsi + 4]: may fault */
        /* push rdi, rsi; lea rdi, [rsi + 16]; movsq; lodsb; scasw; cmpsd; stosd; pop them */
        "\x57\x56\x48\x8d\x7e\x10\x48\xa5\xac\x66\xaf\xa7\xab\x5e\x5f",
        "\xfd\x57\x56\x48\x8d\x7e\x10\x66\xad\x48\xa7\xae\xa4\xab\x5e\x5f\xfc", /* back */
        "\x57\x56\x48\x8d\x7e\x20\xa6\x75\x02\x48\xad\xa4\x5e\x5f", /* cmpsb; jnz; lodsq; movsb */
        /* add rsi, 8; mov eax, [rsi]; mov [rsi - 4], eax; sub rsi, 8 */
        "\x48\x83\xc6\x08\x8b\x06\x89\x46\xfc\x48\x83\xee\x08",
        /* lea rax, [rip - 1]; add rax, 7; call rax, which is the next one: pop rdx */
        "\x48\x8d\x05\xff\xff\xff\xff\x48\x83\xc0\x07\xff\xd0\x5a",
    };
    static const uint8_t call[] = { 0xe8, 0, 0, 0, 0, 0x5a }; /* call the next one: pop rdx */
    unsigned i = g_rand_int_range(r, 0, G_N_ELEMENTS(texts) + 1);
    const char *t = i < G_N_ELEMENTS(texts) ? texts[i] : (const char *)call;

    if (p->bits == 64 && g_rand_int_range(r, 0, 3) == 0)
        t = texts64[g_rand_int_range(r, 0, G_N_ELEMENTS(texts64))];
    for (unsigned n = t == (const char *)call ? sizeof(call) : strlen(t); n--;)
        byte(p, *t++);
}

/* The interpreter asks for no more than the guest's processor, which has everything. */
static bool host_has_bits(void)
{
    enum { BMI1 = 1 << 3, BMI2 = 1 << 8, ADX = 1 << 19 };
    unsigned a, b = 0, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && !(~b & (BMI1 | BMI2 | ADX));
}

/* BMI1, BMI2, MULX, ADX, CRC32: what has three registers or maps of its own. */
static void bits_instruction(struct program *p, GRand *r)
{
    // clang-format off
    static const struct { uint8_t map, opcode, pp; int8_t reg; } forms[] = { /* map 3 and pp as VEX has them */
        { 2, 0xf2, 0, -1 }, { 2, 0xf7, 0, -1 }, { 2, 0xf5, 0, -1 }, { 2, 0xf5, 3, -1 }, { 2, 0xf5, 2, -1 },
        { 2, 0xf7, 2, -1 }, { 2, 0xf7, 1, -1 }, { 2, 0xf7, 3, -1 }, { 2, 0xf6, 3, -1 }, { 3, 0xf0, 3, -1 },
        { 2, 0xf3, 0, 1 },  { 2, 0xf3, 0, 2 },  { 2, 0xf3, 0, 3 },
    };
    static const uint8_t legacy[][2] = { { 0x66, 0xf6 }, { 0xf3, 0xf6 }, { 0xf2, 0xf0 }, { 0xf2, 0xf1 } };
    // clang-format on
    unsigned rex = p->bits == 64 ? g_rand_int_range(r, 0, 16) : 0, i;
    unsigned vvvv =
        rex & REX_X ? R8 + (unsigned)g_rand_int_range(r, 0, 4) : some_register(p, r, false);
    bool memory = g_rand_int_range(r, 0, 3) == 0;

    if (!memory)
        rex &= ~(unsigned)REX_X;
    if (g_rand_int_range(r, 0, 3) == 0) {
        i = g_rand_int_range(r, 0, G_N_ELEMENTS(legacy));
        if (legacy[i][0] == 0xf2 && g_rand_int_range(r, 0, 4) == 0)
            byte(p, 0x66);
        byte(p, legacy[i][0]);
        if (rex)
            byte(p, 0x40 | rex);
        byte(p, 0x0f), byte(p, 0x38), byte(p, legacy[i][1]);
        modrm(p, r, -1, memory, rex);
        return;
    }
    i = g_rand_int_range(r, 0, G_N_ELEMENTS(forms));
    if (forms[i].reg >= 0)
        rex &= ~(unsigned)REX_R;
    byte(p, 0xc4);
    byte(p, (~rex & 7) << 5 | forms[i].map);
    byte(p, (rex & REX_W) << 4 | (forms[i].map == 3 ? 0x78 : (~vvvv & 15) << 3) | forms[i].pp);
    byte(p, forms[i].opcode);
    modrm(p, r, forms[i].reg, memory, rex);
    if (forms[i].map == 3)
        byte(p, g_rand_int(r));
}

static void instruction(struct program *p, GRand *r)
{
    const struct form *f = form(r);
    bool word = g_rand_int_range(r, 0, 8) == 0, memory = g_rand_int_range(r, 0, 3) == 0;
    unsigned rex = p->bits == 64 && g_rand_boolean(r) ? g_rand_int_range(r, 0, 16) : 0;

    if (g_rand_int_range(r, 0, 8) == 0) {
        if (p->bits == 16)
            special16(p, r);
        else
            special(p, r);
        return;
    }
    if (g_rand_int_range(r, 0, 10) == 0 && host_has_bits()) {
        bits_instruction(p, r);
        return;
    }
    memory |= !!(f->map & LOCKS);
    if (f->reg >= 0)
        rex &= ~(unsigned)REX_R;
    if (!memory)
        rex &= ~(unsigned)REX_X;
    if (f->map & LOCKS && g_rand_boolean(r))
        byte(p, 0xf0);
    if (word)
        byte(p, 0x66);
    if (p->bits == 16 && g_rand_boolean(r))
        byte(p, 0x67);
    else if (p->bits == 16)
        rex |= SHORT;
    if (rex & 0xf)
        byte(p, 0x40 | rex);
    if (f->map & 1)
        byte(p, 0x0f);
    byte(p, f->opcode);
    modrm(p, r, f->reg, memory, rex);
    immediate(p, r, f->imm == 4 && word == (p->bits != 16) && !(rex & REX_W) ? 2 : f->imm);
}

/* Jcc to the beginning; hlt */
static void jump_back(struct program *p, unsigned jcc)
{
    byte(p, 0x0f), byte(p, jcc);
    for (unsigned i = 0, size = p->bits == 16 ? 2 : 4, back = -(p->n + size); i < size; i++)
        byte(p, back >> 8 * i);
    byte(p, 0xf4);
}

/* dec r14, ebp; jnz to the beginning; hlt */
static void end_of_loop(struct program *p)
{
    if (p->bits == 64)
        byte(p, 0x49), byte(p, 0xff), byte(p, 0xce);
    else
        byte(p, 0xff), byte(p, 0xcd);
    jump_back(p, 0x85);
}

/* A loop of R14 or EBP rounds, with branches forward over one of rare instructions, perhaps across
 * pages; HLT ends it. */
static void generate(struct program *p, GRand *r, unsigned length, unsigned rare)
{
    p->n = 0;
    p->at = SOFT_CODE + (g_rand_boolean(r) ? 0 : 0x1000 - g_rand_int_range(r, 0, 100));
    for (unsigned i = 0; i < length; i++) {
        unsigned at = p->n;
        bool skip = g_rand_int_range(r, 0, rare) == 0;

        if (skip) {
            byte(p, 0x70 | g_rand_int_range(r, 0, 16));
            byte(p, 0);
        }
        instruction(p, r);
        if (skip)
            p->code[at + 1] = p->n - at - 2;
    }
    end_of_loop(p);
}

/* 16-bit segments, of which those of code and data are the same. */
static struct soft_host *create(unsigned bits)
{
    struct soft_host *h = soft_host_create(bits == 16 ? 32 : bits);

    for (unsigned i = 0; bits == 16 && i < N_SEGS; i++) {
        h->cpu->seg[i].base = i == SEG_SS ? 0 : SOFT_CODE;
        h->cpu->seg[i].limit = 0xffff;
        h->cpu->seg[i].attr &= ~(ATTR_DB | ATTR_G);
    }
    mode_update(h->cpu);
    return h;
}

static int run_in(struct soft_host *h, const struct program *p, unsigned seed)
{
    struct cpu *cpu = h->cpu;
    unsigned base = p->bits == 16 ? SOFT_CODE : 0, data = base ? SOFT_CODE + 0x3000 : SOFT_DATA;
    GRand *r = g_rand_new_with_seed(seed);

    if (p->bits == 64)
        soft_host_scatter(h);
    soft_host_code(h, p->at, p->code, p->n);
    cpu->rip -= base;
    for (unsigned i = 0; i < 0x2000; i++)
        h->ram[data + i] = g_rand_int(r);
    blocks_written(cpu, h->ram + data, 0x2000);
    for (unsigned i = 0; i < 16; i++)
        cpu->r[i] = g_rand_boolean(r) ? g_rand_int(r) : -(uint64_t)g_rand_int_range(r, 0, 300);
    /* Now and then data that faults, or lies in the code's page (HLT's behind it). */
    cpu->r[RSI] = data - base + 0x1000 - g_rand_int_range(r, 0, DATA);
    if (p->bits == 64 && g_rand_int_range(r, 0, 10) == 0) /* or is not canonical */
        cpu->r[RSI] =
            (1ull << 47) - g_rand_int_range(r, 0, DATA) - (g_rand_boolean(r) ? 1ull << 48 : 0);
    else if (g_rand_int_range(r, 0, 10) == 0)
        cpu->r[RSI] = g_rand_boolean(r) ? (base ? 0x10000 : SOFT_RAM) - DATA / 2
                                        : SOFT_CODE - base + sizeof(p->code);
    cpu->r[R15] = cpu->r[RSI];
    cpu->r[R12] = g_rand_int_range(r, 0, 5);
    cpu->r[RSP] = SOFT_STACK + g_rand_int_range(r, -32, 32);
    cpu->r[R14] = ROUNDS;
    if (p->bits != 64)
        cpu->r[RBP] = ROUNDS;
    cpu->seg[SEG_GS].base = base + 24;
    cpu->flags = 2 | (g_rand_int(r) & F_ARITH);
    cpu->halted = false;
    cpu->wanted = 0;
    cpu->cr2 = 0;
    g_rand_free(r);
    return soft_host_run(h, LENGTH * ROUNDS * 3);
}

static void compare(struct soft_host *a, struct soft_host *b, const struct program *p)
{
    for (unsigned i = 0; i < 16; i++)
        g_assert_cmphex(a->cpu->r[i], ==, b->cpu->r[i]);
    g_assert_cmphex(a->cpu->rip, ==, b->cpu->rip);
    g_assert_cmphex(a->cpu->flags, ==, b->cpu->flags);
    g_assert_cmpuint(a->cpu->instructions, ==, b->cpu->instructions);
    g_assert_cmpmem(a->ram, SOFT_DATA + 0x20000, b->ram, SOFT_DATA + 0x20000);
}

/* A program that has overwritten itself may have left a processor with which all later ones would
 * end at once, or, by breakpoints, nothing is translated. */
static void restore(struct cpu *cpu, const struct segment *segments)
{
    memmove(cpu->seg, segments, sizeof(cpu->seg));
    memset(cpu->dr, 0, sizeof(cpu->dr));
    memset(&cpu->debug, 0, sizeof(cpu->debug));
    cpu->cpl = 0;
    cpu->x87.status = 0;
    mode_update(cpu);
}

/* Both processors live through all programs: blocks die and code memory fills. */
static void alike(unsigned bits, unsigned seed, bool cramped)
{
    struct soft_host *plain = create(bits), *translated = create(bits);
    GRand *r = g_rand_new_with_seed(seed);
    struct program p = { .bits = bits };
    struct segment segments[N_SEGS];

    memcpy(segments, plain->cpu->seg, sizeof(segments));
    jit_destroy(plain->cpu);
    if (!translated->cpu->blocks->jit)
        g_assert_cmpint(jit_create(translated->cpu, JIT_LEAST, 2), ==, 0);
    if (cramped) {
        soft_host_cramp(plain);
        soft_host_cramp(translated);
    }
    for (unsigned i = 0; i < PROGRAMS; i++) {
        unsigned state = g_rand_int(r);

        generate(&p, r, LENGTH, 6);
        restore(plain->cpu, segments);
        restore(translated->cpu, segments);
        g_assert_cmpint(run_in(plain, &p, state), ==, run_in(translated, &p, state));
        compare(plain, translated, &p);
    }
    g_test_message("%" G_GUINT64_FORMAT " instructions, %" G_GUINT64_FORMAT
                   " blocks, %" G_GUINT64_FORMAT " rounds of code memory",
                   translated->cpu->instructions, translated->cpu->blocks->jit->count.blocks,
                   translated->cpu->blocks->jit->code.count.rounds);
    g_assert_cmpuint(translated->cpu->blocks->jit->count.blocks, >, PROGRAMS);
    g_assert_cmpuint(translated->cpu->blocks->jit->code.count.rounds, >, 0);
    g_assert_cmpuint(translated->cpu->blocks->jit->count.links, >, PROGRAMS);
    if (bits == 64)
        g_assert_cmpuint(translated->cpu->blocks->jit->count.splits, >, 0);
    g_rand_free(r);
    soft_host_destroy(translated);
    soft_host_destroy(plain);
}

static void test_alike64(gconstpointer seed)
{
    alike(64, GPOINTER_TO_UINT(seed), false);
}

static void test_alike32(gconstpointer seed)
{
    alike(32, GPOINTER_TO_UINT(seed), false);
}

static void test_alike16(gconstpointer seed)
{
    alike(16, GPOINTER_TO_UINT(seed), false);
}

static void test_cramped(gconstpointer seed)
{
    alike(64, GPOINTER_TO_UINT(seed), true);
    alike(16, GPOINTER_TO_UINT(seed), true);
}

/* ---- Loops as regions ---- */

/*
 * A random loop with more ways through it, in slices of random lengths, so that budgets end
 * anywhere.  Data may lie in the loop's own bytes, which it overwrites then.
 */
static void set_up(struct soft_host *h, const struct program *p, unsigned seed, unsigned rounds)
{
    soft_host_mode(h, p->bits);
    restore(h->cpu, h->cpu->seg);
    run_in(h, p, seed);
    h->cpu->rip = p->at;
    h->cpu->r[p->bits == 32 ? RBP : R14] = rounds;
    h->cpu->halted = false;
    h->cpu->wanted = 0;
}

/* That page's rights change; the others are read, so that only a look for writes will do for those.
 */
static void set_page(struct cpu *cpu, unsigned page, unsigned rights)
{
    struct soft_host *h = cpu->info->host;
    uint64_t *entry = (uint64_t *)(h->ram + SOFT_PAGES) + page;

    *entry = (*entry & ~7ull) | rights;
    tlb_flush(cpu, true);
    for (unsigned i = SOFT_DATA >> 12; i < (SOFT_DATA >> 12) + SOFT_SCATTERED; i++)
        if (i != page || rights)
            mem_read(cpu, i << 12, 1);
}

static const uint8_t pointers[] = { RSI, RDI, RBX, R8, R15 };

/* Pointers into different pages; a stream may end where there is no memory, or where it may not be
 * written. */
static void spread(struct cpu *plain, struct cpu *translated, GRand *r)
{
    unsigned page = (SOFT_DATA >> 12) + g_rand_int_range(r, 4, SOFT_SCATTERED);
    unsigned rights = g_rand_boolean(r) ? 5 : 0;

    plain->r[RDI] = SOFT_DATA + 0x8000 + g_rand_int_range(r, 0, 0x1000);
    plain->r[RBX] = g_rand_boolean(r) ? SOFT_DATA + 0x10000 + 16 * g_rand_int_range(r, 0, 256)
                                      : SOFT_RAM - 0x20000;
    plain->r[RSI] = SOFT_DATA + 0x4000 + 16 * g_rand_int_range(r, 0, 256);
    plain->r[R8] = plain->r[g_rand_boolean(r) ? RDI : RBX] + 8 * g_rand_int_range(r, 0, 32);
    plain->r[R15] = SOFT_DATA + 0x14000 + 16 * g_rand_int_range(r, 0, 256);
    for (unsigned i = 0; i < 16; i++)
        translated->r[i] = plain->r[i];
    set_page(plain, page, rights);
    set_page(translated, page, rights);
}

/* Pointers to where memory ends soon. */
static void near_the_end(struct cpu *plain, struct cpu *translated, GRand *r)
{
    plain->r[RSI] = translated->r[RSI] = SOFT_RAM - g_rand_int_range(r, 0, 0x400);
    plain->r[RDI] = translated->r[RDI] = SOFT_RAM - g_rand_int_range(r, 0, 0x400);
}

enum kind { BRANCHES, STREAMS, CALLS, FLAGS };

static void in_slices(struct soft_host *plain, struct soft_host *translated, struct program *p,
                      GRand *r, enum kind kind)
{
    unsigned state = g_rand_int(r), rounds = g_rand_int_range(r, 8, kind == STREAMS ? 700 : 80);

    set_up(plain, p, state, rounds);
    set_up(translated, p, state, rounds);
    if (kind == STREAMS)
        spread(plain->cpu, translated->cpu, r);
    else if (kind == FLAGS)
        near_the_end(plain->cpu, translated->cpu, r);
    else if (g_rand_int_range(r, 0, 4) == 0)
        plain->cpu->r[RSI] = translated->cpu->r[RSI] = p->at + g_rand_int_range(r, 0, p->n);
    for (unsigned i = 0; i < 40; i++) {
        unsigned n = g_rand_int_range(r, 1, 4) * g_rand_int_range(r, 1, 200);
        int ended = soft_host_run(plain, n);

        g_assert_cmpint(ended, ==, soft_host_run(translated, n));
        compare(plain, translated, p);
        if (ended >= 0 || plain->cpu->halted)
            return;
    }
}

/* mov to, from; lea to, [from + a few]; xchg; or add to, a few. */
static void move_pointer(struct program *p, GRand *r, unsigned kind, unsigned to, unsigned from)
{
    static const uint8_t opcodes[] = { 0x89, 0x8d, 0x87 };
    unsigned rm = kind == 1 ? from : to, reg = kind == 1 ? to : from;
    int by = g_rand_boolean(r) ? 16 : g_rand_int_range(r, -40, 40);

    if (kind == 3)
        rm = to, reg = 0;
    byte(p, 0x48 | rm >> 3 | reg >> 3 << 2);
    byte(p, kind == 3 ? 0x83 : opcodes[kind]);
    byte(p, (kind == 1 ? 0x40 : 0xc0) | (reg & 7) << 3 | (rm & 7));
    if (kind == 1 || kind == 3)
        byte(p, by);
}

/* A loop of R14 rounds that goes through memory by several pointers, which it copies, too, with few
 * or many ways through it. */
static void generate_stream(struct program *p, GRand *r, unsigned length)
{
    /* By [rsi + disp8]: mov eax; add eax; mov to; add to; mov cl, dl to; xmm0 as it is, aligned. */
    static const char *const accesses[] = { "\x8b\x46",     "\x48\x03\x46", "\x48\x89\x46",
                                            "\x01\x56",     "\x8a\x4e",     "\x88\x56",
                                            "\x0f\x10\x46", "\x0f\x11\x46", "\x0f\x28\x46",
                                            "\x0f\x29\x46" };
    unsigned kinds = g_rand_boolean(r) ? 12 : 6;
    unsigned n_pointers = g_rand_boolean(r) ? G_N_ELEMENTS(pointers) : 1;

    p->n = 0;
    p->at = SOFT_CODE;
    for (unsigned i = 0; i < length; i++) {
        unsigned pointer = pointers[g_rand_int_range(r, 0, n_pointers)];
        unsigned other = pointers[g_rand_int_range(r, 0, n_pointers)];
        const char *t = accesses[g_rand_int_range(r, 0, G_N_ELEMENTS(accesses))];
        unsigned kind = g_rand_int_range(r, 0, kinds), at = p->n;

        if (kind < 2) /* over the next one */
            byte(p, 0x70 | g_rand_int_range(r, 0, 16)), byte(p, 0);
        if (kind >= 1 && kind < 5) {
            move_pointer(p, r, kind - 1, pointer, other);
        } else {
            if (*t == 0x48 || pointer >= R8)
                byte(p, 0x40 | (*t == 0x48) << 3 | pointer >> 3);
            for (t += *t == 0x48; t[1]; t++)
                byte(p, *t);
            byte(p, (*t & ~7) | (pointer & 7));
            byte(p, g_rand_int_range(r, -4, 5) * (g_rand_boolean(r) ? 16 : 13));
        }
        if (kind < 2)
            p->code[at + 1] = p->n - at - 2;
    }
    end_of_loop(p);
}

/* A loop of R14 rounds that makes, takes and changes flags, among loads that fault sooner or later:
 * there they must be what they would be, though nothing has read them. */
static void generate_flags(struct program *p, GRand *r, unsigned length)
{
    /* CMP, TEST, ADD, SUB, AND, OR, XOR, ADC, SBB, MOV of registers. */
    static const uint8_t opcodes[] = { 0x39, 0x39, 0x39, 0x38, 0x85, 0x84, 0x01, 0x29,
                                       0x21, 0x09, 0x31, 0x11, 0x19, 0x89, 0x89 };

    p->n = 0;
    p->at = SOFT_CODE;
    bytes(p, "\x4d\x8d\x76\xff", 4); /* lea r14, [r14 - 1] */
    for (unsigned i = 0; i < length; i++) {
        unsigned kind = g_rand_int_range(r, 0, 16), over = 0;
        unsigned to = g_rand_int_range(r, 0, 4), from = g_rand_int_range(r, 0, 4) << 3;
        unsigned pointer = g_rand_boolean(r) ? RSI : RDI;

        if (kind == 0) /* over the next one */
            byte(p, 0x70 | g_rand_int_range(r, 0, 16)), byte(p, 0);
        if (kind == 1) /* setz cl; movzx ecx, cl; jrcxz, which takes none */
            bytes(p, "\x0f\x94\xc1\x0f\xb6\xc9\xe3", 8);
        if (kind < 2)
            over = p->n;
        if (kind == 2) { /* lea pointer, [pointer + a few] */
            bytes(p, "\x48\x8d", 2), byte(p, 0x40 | pointer << 3 | pointer);
            byte(p, g_rand_int_range(r, 0, 32));
        } else if (kind < 6) { /* mov, from [pointer + disp8], or [pointer + r14 + disp8] */
            bool indexed = g_rand_boolean(r);

            byte(p, indexed ? 0x42 : 0x40), byte(p, 0x8b);
            byte(p, 0x40 | from | (indexed ? 4 : pointer));
            if (indexed)
                byte(p, (R14 & 7) << 3 | pointer);
            byte(p, g_rand_int_range(r, 0, DATA));
        } else if (kind == 6) { /* cmp, add or the like, imm8 */
            byte(p, 0x83), byte(p, 0xc0 | g_rand_int_range(r, 0, 8) << 3 | to);
            byte(p, g_rand_int_range(r, 0, 3));
        } else if (kind == 7) { /* setcc, cmovcc */
            byte(p, 0x0f), byte(p, (g_rand_boolean(r) ? 0x40 : 0x90) | g_rand_int_range(r, 0, 16));
            byte(p, 0xc0 | from | to);
        } else if (kind == 8) { /* inc, dec, which leave CF */
            byte(p, 0xff), byte(p, 0xc0 | (from & 8) | to);
        } else if (kind == 9 && !over && p->n < 100) { /* to the beginning */
            byte(p, 0x70 | g_rand_int_range(r, 0, 16)), byte(p, -(p->n + 1));
        } else {
            byte(p, opcodes[g_rand_int_range(r, 0, G_N_ELEMENTS(opcodes))]);
            byte(p, 0xc0 | from | to);
        }
        if (over)
            p->code[over - 1] = p->n - over;
    }
    bytes(p, "\x4d\x85\xf6", 3); /* test r14, r14; jg */
    jump_back(p, 0x8f);
}

/* ---- Loops that call ---- */

enum { FUNCTIONS = 6, FUNCTION_AT = 560, FUNCTION_BYTES = 72 };

static void to_function(struct program *p, unsigned which)
{
    int32_t rel = FUNCTION_AT + which * FUNCTION_BYTES - (p->n + 4);

    bytes(p, (const char *)&rel, 4);
}

/* One of the functions from first on: directly, through RAX, or one of two by R14.  Behind it are
 * three bytes that a return may skip. */
static void call_some(struct program *p, GRand *r, unsigned first)
{
    unsigned which = g_rand_int_range(r, first, FUNCTIONS), kind = g_rand_int_range(r, 0, 4);

    if (kind < 2) {
        byte(p, 0xe8);
        to_function(p, which);
    } else {
        bytes(p, "\x48\x8d\x05", 3); /* lea rax, [f] */
        to_function(p, which);
        if (kind == 3) {
            bytes(p, "\x48\x8d\x0d", 3); /* lea rcx, [g]; test r14b, 3; cmovz rax, rcx */
            to_function(p, g_rand_int_range(r, first, FUNCTIONS));
            bytes(p, "\x41\xf6\xc6\x03\x48\x0f\x44\xc1", 8);
        }
        bytes(p, "\xff\xd0", 2); /* call rax */
    }
    bytes(p, "\x0f\x1f", 2);
    byte(p, 0);
}

/* It returns, sometimes elsewhere; calls others, or itself up to seven times. */
static void put_function(struct program *p, GRand *r, unsigned which)
{
    unsigned kind = g_rand_int_range(r, 0, 8);

    p->n = FUNCTION_AT + which * FUNCTION_BYTES;
    if (kind == 0) /* f: push r14; and r14d, 7; jz g; dec r14d; call f; g: pop r14 */
        bytes(p, "\x41\x56\x41\x83\xe6\x07\x74\x08\x41\xff\xce\xe8\xf0\xff\xff\xff\x41\x5e", 18);
    if (kind == 1) /* test r14b, 7; jnz f; add qword [rsp], 3; f: */
        bytes(p, "\x41\xf6\xc6\x07\x75\x05\x48\x83\x04\x24\x03", 11);
    if (g_rand_boolean(r))
        instruction(p, r);
    if (kind <= 3 && which + 1 < FUNCTIONS)
        call_some(p, r, which + 1);
    if (kind == 4) /* push rbx; pop rbx */
        bytes(p, "\x53\x5b", 2);
    if (kind == 5) /* pop rax; jmp rax */
        bytes(p, "\x58\xff\xe0", 3);
    if (kind == 6 && which + 1 < FUNCTIONS) {
        byte(p, 0xe9);
        to_function(p, which + 1);
    }
    if (kind == 7) /* ret 8 */
        bytes(p, "\xc2\x08", 2), byte(p, 0);
    byte(p, 0xc3);
}

static void generate_calls(struct program *p, GRand *r, unsigned length)
{
    p->n = 0;
    p->at = SOFT_CODE + 0x1000 - g_rand_int_range(r, 0, sizeof(p->code));
    for (unsigned i = 0; i < length; i++) {
        if (g_rand_boolean(r))
            instruction(p, r);
        call_some(p, r, 0);
    }
    end_of_loop(p);
    g_assert_cmpuint(p->n, <=, FUNCTION_AT);
    for (unsigned i = 0; i < FUNCTIONS; i++)
        put_function(p, r, i);
    p->n = sizeof(p->code);
}

static void compare_regions(unsigned bits, unsigned seed, enum kind kind, bool cramped)
{
    struct soft_host *plain = soft_host_create(bits), *translated = soft_host_create(bits);
    GRand *r = g_rand_new_with_seed(seed);
    struct program p = { .bits = bits };
    struct tenon_cpuid features[G_N_ELEMENTS(soft_host_cpuid)];

    memcpy(features, soft_host_cpuid, sizeof(features));
    features[1].ecx &= ~(1u << 30); /* RDRAND */
    features[2].ebx &= ~(1u << 18); /* RDSEED */
    plain->info.cpuid = translated->info.cpuid = features;
    plain->info.counted = translated->info.counted = 1; /* repeated instructions end in time, too */
    jit_destroy(plain->cpu);
    jit_destroy(translated->cpu);
    g_assert_cmpint(jit_create(translated->cpu, JIT_LEAST, 1), ==, 0);
    if (cramped)
        soft_host_cramp(translated);
    for (unsigned i = 0; i < (kind == FLAGS ? 6 : 1) * PROGRAMS; i++) {
        translated->cpu->blocks->jit->loops = g_rand_int_range(r, 1, 12);
        translated->cpu->blocks->jit->patience = g_rand_int_range(r, 1, 3);
        if (kind == STREAMS)
            generate_stream(&p, r, g_rand_int_range(r, 3, 32));
        else if (kind == CALLS)
            generate_calls(&p, r, g_rand_int_range(r, 1, 6));
        else if (kind == FLAGS)
            generate_flags(&p, r, g_rand_int_range(r, 3, 20));
        else
            generate(&p, r, g_rand_int_range(r, 2, 14), 2);
        in_slices(plain, translated, &p, r, kind);
    }
    g_test_message("%" G_GUINT64_FORMAT " regions", translated->cpu->blocks->jit->count.regions);
    g_assert_cmpuint(translated->cpu->blocks->jit->count.regions, >, PROGRAMS / 20);
    g_rand_free(r);
    soft_host_destroy(translated);
    soft_host_destroy(plain);
}

static void test_regions64(gconstpointer seed)
{
    compare_regions(64, GPOINTER_TO_UINT(seed), BRANCHES, false);
}

static void test_regions32(gconstpointer seed)
{
    compare_regions(32, GPOINTER_TO_UINT(seed), BRANCHES, false);
}

static void test_streams(gconstpointer seed)
{
    compare_regions(64, GPOINTER_TO_UINT(seed), STREAMS, false);
}

static void test_flags(gconstpointer seed)
{
    compare_regions(64, GPOINTER_TO_UINT(seed), FLAGS, false);
}

static void test_calls(gconstpointer seed)
{
    compare_regions(64, GPOINTER_TO_UINT(seed), CALLS, false);
}

static void test_calls_cramped(gconstpointer seed)
{
    compare_regions(64, GPOINTER_TO_UINT(seed), CALLS, true);
}

static void test_regions_cramped(gconstpointer seed)
{
    compare_regions(64, GPOINTER_TO_UINT(seed), BRANCHES, true);
}

int main(int argc, char *argv[])
{
    gpointer seed;

    g_test_init(&argc, &argv, NULL);
    seed = GUINT_TO_POINTER(argc > 1 ? strtoul(argv[1], NULL, 0) : 1);

    g_test_add_data_func("/soft-jit/alike64", seed, test_alike64);
    g_test_add_data_func("/soft-jit/alike32", seed, test_alike32);
    g_test_add_data_func("/soft-jit/alike16", seed, test_alike16);
    g_test_add_data_func("/soft-jit/cramped", seed, test_cramped);
    g_test_add_data_func("/soft-jit/regions64", seed, test_regions64);
    g_test_add_data_func("/soft-jit/regions32", seed, test_regions32);
    g_test_add_data_func("/soft-jit/regions-cramped", seed, test_regions_cramped);
    g_test_add_data_func("/soft-jit/streams", seed, test_streams);
    g_test_add_data_func("/soft-jit/flags", seed, test_flags);
    g_test_add_data_func("/soft-jit/calls", seed, test_calls);
    g_test_add_data_func("/soft-jit/calls-cramped", seed, test_calls_cramped);
    return g_test_run();
}
