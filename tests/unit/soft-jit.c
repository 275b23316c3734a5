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

/* dec r14, ebp; jnz to the beginning; hlt */
static void end_of_loop(struct program *p)
{
    if (p->bits == 64)
        byte(p, 0x49), byte(p, 0xff), byte(p, 0xce);
    else
        byte(p, 0xff), byte(p, 0xcd);
    byte(p, 0x0f), byte(p, 0x85);
    for (unsigned i = 0, size = p->bits == 16 ? 2 : 4, back = -(p->n + size); i < size; i++)
        byte(p, back >> 8 * i);
    byte(p, 0xf4);
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

    soft_host_code(h, p->at, p->code, p->n);
    cpu->rip -= base;
    for (unsigned i = 0; i < 0x2000; i++)
        h->ram[data + i] = g_rand_int(r);
    blocks_written(cpu, h->ram + data, 0x2000);
    for (unsigned i = 0; i < 16; i++)
        cpu->r[i] = g_rand_boolean(r) ? g_rand_int(r) : -(uint64_t)g_rand_int_range(r, 0, 300);
    /* Now and then data that faults, or lies in the code's page (HLT's behind it). */
    cpu->r[RSI] = data - base + 0x1000 - g_rand_int_range(r, 0, DATA);
    if (g_rand_int_range(r, 0, 10) == 0)
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

/* Both processors live through all programs: blocks die and code memory fills. */
static void alike(unsigned bits, unsigned seed, bool cramped)
{
    struct soft_host *plain = create(bits), *translated = create(bits);
    GRand *r = g_rand_new_with_seed(seed);
    struct program p = { .bits = bits };

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
    soft_host_mode(h, p->bits); /* what has overwritten itself may have changed that */
    h->cpu->x87.status = 0;
    run_in(h, p, seed);
    h->cpu->rip = p->at;
    h->cpu->r[p->bits == 32 ? RBP : R14] = rounds;
    h->cpu->halted = false;
    h->cpu->wanted = 0;
}

/* Pointers into different pages; a stream may end where there is no memory. */
static void spread(struct cpu *plain, struct cpu *translated, GRand *r)
{
    plain->r[RDI] = SOFT_DATA + 0x8000 + g_rand_int_range(r, 0, 0x1000);
    plain->r[RBX] = g_rand_boolean(r) ? SOFT_DATA + 0x10000 + 16 * g_rand_int_range(r, 0, 256)
                                      : SOFT_RAM - 0x20000;
    plain->r[RSI] = SOFT_DATA + 0x4000 + 16 * g_rand_int_range(r, 0, 256);
    for (unsigned i = 0; i < 16; i++)
        translated->r[i] = plain->r[i];
}

static void in_slices(struct soft_host *plain, struct soft_host *translated, struct program *p,
                      GRand *r, bool streams)
{
    unsigned state = g_rand_int(r), rounds = g_rand_int_range(r, 8, streams ? 700 : 80);

    set_up(plain, p, state, rounds);
    set_up(translated, p, state, rounds);
    if (streams)
        spread(plain->cpu, translated->cpu, r);
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

/* A loop of R14 rounds that goes through memory by RSI, RDI and RBX, with a way or two through it.
 */
static void generate_stream(struct program *p, GRand *r, unsigned length)
{
    /* By [rsi + disp8]: mov eax; add eax; mov to; add to; mov cl, dl to; xmm0 as it is, aligned. */
    static const char *const accesses[] = { "\x8b\x46",     "\x48\x03\x46", "\x48\x89\x46",
                                            "\x01\x56",     "\x8a\x4e",     "\x88\x56",
                                            "\x0f\x10\x46", "\x0f\x11\x46", "\x0f\x28\x46" };
    static const uint8_t pointers[] = { RSI, RDI, RBX };

    p->n = 0;
    p->at = SOFT_CODE;
    for (unsigned i = 0; i < length; i++) {
        unsigned pointer = pointers[g_rand_int_range(r, 0, 3)];
        const char *t = accesses[g_rand_int_range(r, 0, G_N_ELEMENTS(accesses))];
        unsigned kind = g_rand_int_range(r, 0, 8), at = p->n;

        if (kind == 0) /* over the next one */
            byte(p, 0x70 | g_rand_int_range(r, 0, 16)), byte(p, 0);
        if (kind == 1) { /* add pointer, a few */
            byte(p, 0x48), byte(p, 0x83), byte(p, 0xc0 | pointer);
            byte(p, g_rand_boolean(r) ? 16 : g_rand_int_range(r, -40, 40));
            continue;
        }
        for (; t[1]; t++)
            byte(p, *t);
        byte(p, (*t & ~7) | pointer);
        byte(p, g_rand_int_range(r, -4, 5) * (g_rand_boolean(r) ? 16 : 13));
        if (kind == 0)
            p->code[at + 1] = p->n - at - 2;
    }
    end_of_loop(p);
}

/* ---- Loops that call ---- */

enum { FUNCTIONS = 6, FUNCTION_AT = 560, FUNCTION_BYTES = 72 };

static void bytes(struct program *p, const char *from, unsigned n)
{
    memcpy(p->code + p->n, from, n);
    p->n += n;
}

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

enum kind { BRANCHES, STREAMS, CALLS };

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
    for (unsigned i = 0; i < PROGRAMS; i++) {
        translated->cpu->blocks->jit->loops = g_rand_int_range(r, 1, 12);
        translated->cpu->blocks->jit->patience = g_rand_int_range(r, 1, 3);
        if (kind == STREAMS)
            generate_stream(&p, r, g_rand_int_range(r, 3, 16));
        else if (kind == CALLS)
            generate_calls(&p, r, g_rand_int_range(r, 1, 6));
        else
            generate(&p, r, g_rand_int_range(r, 2, 14), 2);
        in_slices(plain, translated, &p, r, kind == STREAMS);
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

/* ---- Code that is elsewhere, or other code, than it was ---- */

static struct soft_host *translating(void)
{
    struct soft_host *h = soft_host_create(64);

    if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    h->cpu->blocks->jit->patience = 4;
    return h;
}

/* Pages of 4 KiB from 4 MiB on. */
enum { PAGED = 4 << 20, PAGED_TABLE = SOFT_TABLES + 0x3000, PAGE_GLOBAL = 0x100 };

static void map_page(struct soft_host *h, unsigned n, uint64_t phys, unsigned bits)
{
    ((uint64_t *)(h->ram + SOFT_TABLES + 0x2000))[PAGED >> 21] = PAGED_TABLE | 7;
    ((uint64_t *)(h->ram + PAGED_TABLE))[n] = phys | 3 | bits;
}

/* Calls a function in the next page, and another one through RBX, often enough to be linked. */
static uint64_t sum_of_calls(struct soft_host *h, uint64_t other)
{
    struct cpu *cpu = h->cpu;

    cpu->rip = PAGED;
    cpu->r[RBX] = other;
    cpu->r[RCX] = 40;
    cpu->r[RDX] = 0;
    cpu->halted = false;
    cpu->wanted = 0;
    g_assert_cmpint(soft_host_run(h, 2000), ==, -1);
    g_assert_cmphex(cpu->rip, ==, PAGED + 17);
    return cpu->r[RDX];
}

/* Two functions each in three pages, which give the page's number, and who calls them. */
static void put_calls(struct soft_host *h)
{
    /* call $ + 0x1000; add edx, eax; call rbx; add edx, eax; dec ecx; jnz; hlt */
    static const uint8_t caller[] = { 0xe8, 0xfb, 0x0f, 0,    0,    1,    0xc2, 0xff, 0xd3,
                                      1,    0xc2, 0xff, 0xc9, 0x75, 0xf1, 0x90, 0xf4 };
    uint8_t function[] = { 0xb8, 1, 0, 0, 0, 0xc3 }; /* mov eax, 1; ret */

    memcpy(h->ram + 0x30000, caller, sizeof(caller));
    for (unsigned i = 1; i < 4; i++, function[1]++) {
        memcpy(h->ram + 0x30000 + i * 0x1000, function, sizeof(function));
        memcpy(h->ram + 0x30100 + i * 0x1000, function, sizeof(function));
    }
}

static void test_remapped(gconstpointer bits)
{
    const uint64_t other = PAGED + 0x1100;
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    unsigned global = GPOINTER_TO_UINT(bits);

    cpu->cr4 |= CR4_PGE;
    put_calls(h);
    map_page(h, 0, 0x30000, global);
    map_page(h, 1, 0x31000, global);
    tlb_flush(cpu, true);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 80);
    map_page(h, 1, 0x32000, global);
    tlb_flush_page(cpu, PAGED + 0x1000);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 160);
    map_page(h, 1, 0x33000, global);
    tlb_flush(cpu, global);
    g_assert_cmpuint(sum_of_calls(h, other), ==, 240);
    map_page(h, 1, 0x31000, global); /* those blocks are good again */
    tlb_flush(cpu, global);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 80);
    mem_write(cpu, PAGED + 0x1001, 7, 1); /* and now they are not */
    g_assert_cmpuint(sum_of_calls(h, other), ==, 320);
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

/* One page at two addresses, of which one comes to lead elsewhere. */
static void test_aliased(void)
{
    const uint64_t other = PAGED + 0x2100;
    struct soft_host *h = translating();

    put_calls(h);
    map_page(h, 0, 0x30000, 0);
    map_page(h, 1, 0x31000, 0);
    map_page(h, 2, 0x31000, 0);
    tlb_flush(h->cpu, true);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 80);
    map_page(h, 2, 0x32000, 0);
    tlb_flush_page(h->cpu, other);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 120);
    map_page(h, 1, 0x33000, 0);
    tlb_flush(h->cpu, false);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 200);
    soft_host_destroy(h);
}

/* A loop with an instruction that crosses into a page, which comes to be another. */
static void test_crossing(void)
{
    /* nop; sub ecx, 1; mov eax, N << 16, of which N is in the next page */
    static const uint8_t first[] = { 0x90, 0x83, 0xe9, 1, 0xb8, 0, 0 };
    uint8_t second[] = { 1,    0,    0x01, 0xc2, 0x85, 0xc9, /* add edx, eax; test ecx, ecx */
                         0x75, 0xf1, 0xf4 };                 /* jnz to the first; hlt */
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    memcpy(h->ram + 0x31000 - sizeof(first), first, sizeof(first));
    for (unsigned i = 1; i < 4; i++, second[0]++)
        memcpy(h->ram + 0x30000 + i * 0x1000, second, sizeof(second));
    map_page(h, 0, 0x30000, 0);
    for (unsigned n = 0; n < 9; n++) {
        map_page(h, 1, 0x31000 + n / 3 * 0x1000, 0);
        tlb_flush_page(cpu, PAGED + 0x1000);
        cpu->rip = PAGED + 0x1000 - sizeof(first);
        cpu->r[RCX] = 1500;
        cpu->r[RDX] = 0;
        cpu->halted = false;
        cpu->wanted = 0;
        g_assert_cmpint(soft_host_run(h, 20000), ==, -1);
        g_assert_cmphex(cpu->r[RDX], ==, (n / 3 + 1) * 1500 << 16);
    }
    soft_host_destroy(h);
}

/* Each round changes the function that it calls, to which it is linked. */
static void test_overwritten(void)
{
    /* mov [rip + 10], cl; call f; add ebx, eax; dec ecx; jnz; hlt; f: mov eax, 0; ret */
    static const uint8_t code[] = { 0x88, 0x0d, 0x0d, 0,    0,    0,    0xe8, 0x07, 0, 0, 0, 1,
                                    0xc3, 0xff, 0xc9, 0x75, 0xef, 0xf4, 0xb8, 0,    0, 0, 0, 0xc3 };
    struct soft_host *h = translating();

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    h->cpu->r[RCX] = 100;
    h->cpu->r[RBX] = 0;
    g_assert_cmpint(soft_host_run(h, 10000), ==, -1);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + 18);
    g_assert_cmpuint(h->cpu->r[RBX], ==, 5050);
    soft_host_destroy(h);
}

/* Each eighth round of a region changes what another of its blocks adds. */
static void test_region_overwritten(void)
{
    /* inc ebx; test bl, 7; jnz f; mov [rip + 1], cl; f: mov eax, 0; add rdx, rax; sub ecx, 1; jnz;
     * hlt */
    static const uint8_t code[] = { 0xff, 0xc3, 0xf6, 0xc3, 7,    0x75, 6,    0x88, 0x0d,
                                    1,    0,    0,    0,    0xb8, 0,    0,    0,    0,
                                    0x48, 0x01, 0xc2, 0x83, 0xe9, 1,    0x75, 0xe6, 0xf4 };
    struct soft_host *h = translating();
    uint64_t sum = 0;

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    h->cpu->r[RCX] = 2000;
    h->cpu->r[RBX] = h->cpu->r[RDX] = 0;
    for (unsigned i = 1, adds = 0; i <= 2000; i++) {
        adds = i % 8 ? adds : (2001 - i) & 0xff;
        sum += adds;
    }
    g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + sizeof(code));
    g_assert_cmpuint(h->cpu->r[RDX], ==, sum);
    g_assert_cmpuint(h->cpu->blocks->jit->count.regions, >, 10);
    soft_host_destroy(h);
}

/* A call within a region pushes to one page, what it calls to the one before, which is not beside
 * it in memory. */
static void test_region_stack(gconstpointer through_rbx)
{
    /* call f (or rbx); sub ecx, 1; jnz; hlt; f: push rcx; pop rax; add rdx, rax; ret */
    uint8_t code[] = { 0xe8, 6,    0,    0,    0,    0x83, 0xe9, 1,   0x75,
                       0xf6, 0xf4, 0x51, 0x58, 0x48, 0x01, 0xc2, 0xc3 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    uint64_t *below = (uint64_t *)(h->ram + 0x41ff8), pushed;

    if (through_rbx)
        memcpy(code, "\xff\xd3\x0f\x1f", 5);
    cpu->r[RBX] = SOFT_CODE + 11;
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    map_page(h, 1, 0x45000, 0);
    map_page(h, 2, 0x42000, 0);
    tlb_flush(cpu, true);
    *below = 0x1234;
    cpu->r[RCX] = 200;
    cpu->r[RDX] = 0;
    cpu->r[RSP] = PAGED + 0x2008;
    g_assert_cmpint(soft_host_run(h, 10000), ==, -1);
    g_assert_cmpuint(cpu->r[RDX], ==, 200 * 201 / 2);
    memcpy(&pushed, h->ram + 0x45ff8, 8);
    g_assert_cmpuint(pushed, ==, 1);
    g_assert_cmphex(*below, ==, 0x1234);
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

/* A loop that calls into another page, through RBX: what is there is overwritten, and what comes
 * there instead, while it is a region. */
static void test_region_callee(void)
{
    /* call rbx; add edx, eax; sub ecx, 1; jnz; hlt */
    static const uint8_t caller[] = { 0xff, 0xd3, 1, 0xc2, 0x83, 0xe9, 1, 0x75, 0xf7, 0xf4 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    uint64_t regions = 0;

    put_calls(h);
    memcpy(h->ram + 0x30000, caller, sizeof(caller));
    for (unsigned i = 0; i < 4; i++)
        map_page(h, i, 0x30000 + i * 0x1000, 0);
    tlb_flush(cpu, true);
    for (unsigned i = 0; i < 60; i++) {
        unsigned page = 1 + i / 20, gives = page;

        if (i % 20 == 10) /* that page leads to where the next one does */
            map_page(h, page, 0x30000 + (page % 3 + 1) * 0x1000, 0),
                tlb_flush_page(cpu, PAGED + page * 0x1000);
        if (i % 20 >= 10)
            gives = page % 3 + 1;
        if (i % 20 == 15)
            mem_write(cpu, PAGED + page * 0x1000 + 1, gives, 1);
        cpu->rip = PAGED;
        cpu->r[RBX] = PAGED + page * 0x1000;
        cpu->r[RCX] = 50;
        cpu->r[RDX] = 0;
        cpu->r[RSP] = SOFT_STACK;
        cpu->halted = false;
        cpu->wanted = 0;
        cpu->instructions = 0;
        g_assert_cmpint(soft_host_run(h, 2000), ==, -1);
        g_assert_cmpuint(cpu->r[RDX], ==, 50 * gives);
        g_assert_cmphex(cpu->r[RSP], ==, SOFT_STACK);
        g_assert_cmpuint(cpu->instructions, ==, 50 * 6 + 1);
        regions = cpu->blocks->jit->count.regions;
    }
    g_assert_cmpuint(regions, >, 0);
    soft_host_destroy(h);
}

static gpointer want_later(gpointer cpu)
{
    g_usleep(20000);
    __atomic_fetch_or(&((struct cpu *)cpu)->wanted, WANT_INTR, __ATOMIC_SEQ_CST);
    return NULL;
}

/* A region is left within a round when something is wanted, with its flags and count exact. */
static void test_region_wanted(void)
{
    /* inc eax; inc eax; test al, 2; jnz f; inc ebx; f: cmp eax, ebx; jmp */
    static const uint8_t code[] = { 0xff, 0xc0, 0xff, 0xc0, 0xa8, 2,    0x75,
                                    2,    0xff, 0xc3, 0x39, 0xd8, 0xeb, 0xf2 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    for (unsigned i = 0; i < 5; i++) {
        GThread *thread;
        uint64_t rounds;

        cpu->r[RAX] = cpu->r[RBX] = cpu->instructions = cpu->wanted = 0;
        cpu->rip = SOFT_CODE;
        thread = g_thread_new("wants", want_later, cpu);
        g_assert_cmpint(soft_host_run(h, 1ull << 60), ==, -1);
        g_thread_join(thread);
        rounds = cpu->r[RAX] / 2;
        g_assert_cmphex(cpu->rip, ==, SOFT_CODE);
        g_assert_cmpuint(cpu->instructions, ==, 6 * rounds + (uint32_t)cpu->r[RBX]);
        g_assert_cmphex(cpu->flags & F_ZF, ==, 0);
    }
    g_assert_cmpuint(cpu->blocks->jit->count.regions, ==, 1);
    soft_host_destroy(h);
}

/* ---- More code than there is room for ---- */

/* Each adds its number to RBX and goes on to the next one, some by RET; the last one counts up what
 * the middle one adds, and begins again until RCX is 0. */
enum { PIECES = 300, PIECE = 16, MIDDLE = PIECES / 2, PIECE_ROUNDS = 10 };

static uint64_t piece_at(unsigned i)
{
    return SOFT_CODE + i * PIECE;
}

static void put_piece(uint8_t *code, unsigned i)
{
    static const uint8_t add[] = { 0x81, 0xc3 };
    uint32_t next = piece_at(i + 1), distance = PIECE - 11;

    memset(code, 0x90, PIECE);
    memcpy(code, add, 2); /* add ebx, i */
    memcpy(code + 2, &i, 4);
    code[6] = i % 3 ? 0xe9 : 0x68; /* jmp next, or push next; ret */
    memcpy(code + 7, i % 3 ? &distance : &next, 4);
    code[11] = 0xc3;
}

static struct soft_host *create_pieces(bool translates)
{
    /* inc dword [the middle one's immediate]; dec ecx; jnz first; hlt */
    static const uint8_t last[] = { 0xff, 0x04, 0x25, 0, 0, 0, 0, 0xff, 0xc9, 0x0f, 0x85 };
    struct soft_host *h = soft_host_create(64);
    uint8_t code[PIECES * PIECE + 32], *end = code + PIECES * PIECE;
    uint32_t middle = piece_at(MIDDLE) + 2, back = -(uint32_t)(PIECES * PIECE + sizeof(last) + 4);

    if (!translates)
        jit_destroy(h->cpu);
    else if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    soft_host_cramp(h);
    for (unsigned i = 0; i < PIECES; i++)
        put_piece(code + i * PIECE, i);
    memcpy(end, last, sizeof(last));
    memcpy(end + 3, &middle, 4);
    memcpy(end + sizeof(last), &back, 4);
    end[sizeof(last) + 4] = 0xf4;
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    h->cpu->r[RBX] = 0;
    h->cpu->r[RCX] = PIECE_ROUNDS;
    return h;
}

static void end_pieces(struct soft_host *h)
{
    const struct blocks *blocks = h->cpu->blocks;

    g_assert_cmpuint(h->cpu->r[RBX], ==,
                     PIECE_ROUNDS * (PIECES * (PIECES - 1) / 2) +
                         PIECE_ROUNDS * (PIECE_ROUNDS - 1) / 2);
    g_assert_cmpuint(blocks->arena.count.dropped, >, PIECES * (PIECE_ROUNDS / 2));
    g_assert_cmpuint(ring_used(&blocks->arena), <=, blocks->arena.bytes);
    if (blocks->jit)
        g_assert_cmpuint(blocks->jit->code.count.dropped, >, PIECES * (PIECE_ROUNDS / 2));
    soft_host_destroy(h);
}

static void test_written_over(gconstpointer translates)
{
    struct soft_host *h = create_pieces(translates);

    g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
    end_pieces(h);
}

/* As memory_changed() does it. */
static void set_breakpoint(struct cpu *cpu, unsigned n)
{
    static const struct tenon_debug_point point = { .address = SOFT_CODE + MIDDLE * PIECE,
                                                    .kind = TENON_DEBUG_EXECUTE };

    cpu->watch.points = &point;
    cpu->watch.n = n;
    cpu->watch.hit = 0;
    blocks_flush(cpu);
}

/* A debugger's breakpoint is met each time. */
static void test_breakpoint(gconstpointer translates)
{
    struct soft_host *h = create_pieces(translates);
    struct cpu *cpu = h->cpu;

    for (unsigned i = PIECE_ROUNDS; i; i--) {
        set_breakpoint(cpu, 1);
        g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
        g_assert_cmphex(cpu->watch.hit, ==, TENON_DEBUG_EXECUTE);
        g_assert_cmphex(cpu->rip, ==, piece_at(MIDDLE));
        g_assert_cmpuint(cpu->r[RCX], ==, i);
        set_breakpoint(cpu, 0);
        g_assert_cmpint(soft_host_run(h, 1), ==, -1);
    }
    g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
    end_pieces(h);
}

/* ---- Counting, mappings ---- */

/* A loop that is linked with itself ends at each count of instructions. */
static void test_counted(void)
{
    static const uint8_t code[] = { 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xfa }; /* inc eax twice; jmp */
    struct soft_host *h = translating();

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    for (unsigned n = 1; n < 200; n += 7) {
        h->cpu->r[RAX] = 0;
        h->cpu->rip = SOFT_CODE;
        h->cpu->instructions = 0;
        g_assert_cmpint(soft_host_run(h, n), ==, -1);
        g_assert_cmpuint(h->cpu->instructions, ==, n);
        g_assert_cmpuint(h->cpu->r[RAX], ==, n / 3 * 2 + n % 3);
    }
    soft_host_destroy(h);
}

/* The code is where it can be executed and not written, and the other way round. */
static void test_mappings(void)
{
    struct soft_host *h = soft_host_create(64);
    char *maps;

    if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    g_assert_nonnull(strstr(maps, " r-xs "));
    g_assert_nonnull(strstr(maps, " rw-s "));
    g_assert_null(strstr(maps, " rwx"));
    g_free(maps);
    soft_host_destroy(h);
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
    g_test_add_data_func("/soft-jit/calls", seed, test_calls);
    g_test_add_data_func("/soft-jit/calls-cramped", seed, test_calls_cramped);
    g_test_add_func("/soft-jit/region-overwritten", test_region_overwritten);
    g_test_add_data_func("/soft-jit/region-stack", NULL, test_region_stack);
    g_test_add_data_func("/soft-jit/region-stack-indirect", GINT_TO_POINTER(true),
                         test_region_stack);
    g_test_add_func("/soft-jit/region-callee", test_region_callee);
    g_test_add_func("/soft-jit/region-wanted", test_region_wanted);
    g_test_add_data_func("/soft-jit/remapped", GUINT_TO_POINTER(0), test_remapped);
    g_test_add_data_func("/soft-jit/remapped-global", GUINT_TO_POINTER(PAGE_GLOBAL), test_remapped);
    g_test_add_func("/soft-jit/aliased", test_aliased);
    g_test_add_func("/soft-jit/crossing", test_crossing);
    g_test_add_func("/soft-jit/overwritten", test_overwritten);
    g_test_add_data_func("/soft-jit/written-over", GINT_TO_POINTER(true), test_written_over);
    g_test_add_data_func("/soft-jit/written-over-interpreter", NULL, test_written_over);
    g_test_add_data_func("/soft-jit/breakpoint", GINT_TO_POINTER(true), test_breakpoint);
    g_test_add_data_func("/soft-jit/breakpoint-interpreter", NULL, test_breakpoint);
    g_test_add_func("/soft-jit/counted", test_counted);
    g_test_add_func("/soft-jit/mappings", test_mappings);
    return g_test_run();
}
