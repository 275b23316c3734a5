/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-emit - the translator's encoder writes what an assembler does.
 */
#include <glib.h>
#include <string.h>

#include "jit-emit.h"
#include "uop.h"

static void expect(struct host_code *c, uint8_t *begin, const char *text, const char *bytes,
                   size_t n)
{
    g_test_message("%s", text);
    g_assert_false(c->full);
    g_assert_cmpmem(begin, c->at - begin, bytes, n);
    c->at = begin;
}

/* What assembles to these bytes; the call; the bytes. */
#define EXPECT(text, call, bytes)                                                                  \
    do {                                                                                           \
        call;                                                                                      \
        expect(&c, buffer, text, bytes, sizeof(bytes) - 1);                                        \
    } while (0)

static void test_forms(void)
{
    uint8_t buffer[64];
    struct host_code c = { .at = buffer, .end = buffer + sizeof(buffer) };

    // clang-format off
    EXPECT("add rax, rbx", host(&c, H_ADD, 8, HOST_AX, host_reg(HOST_BX)), "\x48\x03\xc3");
    EXPECT("add sil, [rdi]", host(&c, H_ADD, 1, HOST_SI, host_mem(HOST_DI, 0)), "\x40\x02\x37");
    EXPECT("xor r9w, [r13]", host(&c, H_XOR, 2, HOST_R9, host_mem(HOST_R13, 0)),
           "\x66\x45\x33\x4d\x00");
    EXPECT("mov r8d, [r12 + 8]", host(&c, H_LOAD, 4, HOST_R8, host_mem(HOST_R12, 8)),
           "\x45\x8b\x44\x24\x08");
    EXPECT("mov [rdi + 0x1234], rbp", host(&c, H_STORE, 8, HOST_BP, host_mem(HOST_DI, 0x1234)),
           "\x48\x89\xaf\x34\x12\x00\x00");
    EXPECT("mov [rdi - 56], ah", host(&c, H_STORE_AH, 1, 0, host_mem(HOST_DI, -56)),
           "\x88\x67\xc8");
    EXPECT("lea rax, [rbx + r10 * 4 - 200]",
           host(&c, H_LEA, 8, HOST_AX, host_sum(HOST_BX, HOST_R10, 2, -200)),
           "\x4a\x8d\x84\x93\x38\xff\xff\xff");
    EXPECT("lea rax, [rbp + r12]", host(&c, H_LEA, 8, HOST_AX, host_sum(HOST_BP, HOST_R12, 0, 0)),
           "\x4a\x8d\x44\x25\x00");
    EXPECT("movzx rdx, bpl", host(&c, H_ZX8, 8, HOST_DX, host_reg(HOST_BP)), "\x48\x0f\xb6\xd5");
    EXPECT("movsxd r8, eax", host(&c, H_SX32, 8, HOST_R8, host_reg(HOST_AX)), "\x4c\x63\xc0");
    EXPECT("imul cx, r9w", host(&c, H_IMUL, 2, HOST_CX, host_reg(HOST_R9)), "\x66\x41\x0f\xaf\xc9");
    EXPECT("neg r11", host(&c, H_NEG, 8, 0, host_reg(HOST_R11)), "\x49\xf7\xdb");
    EXPECT("sar bl, cl", host(&c, H_SAR_CL, 1, 0, host_reg(HOST_BX)), "\x40\xd2\xfb");
    EXPECT("jmp [rsi + 32]", host(&c, H_JMP, 8, 0, host_mem(HOST_SI, 32)), "\xff\x66\x20");

    EXPECT("add r10, 5", host_imm(&c, H_ADD_I, 8, host_reg(HOST_R10), 5), "\x49\x83\xc2\x05");
    EXPECT("cmp ecx, 0x12345", host_imm(&c, H_CMP_I, 4, host_reg(HOST_CX), 0x12345),
           "\x81\xf9\x45\x23\x01\x00");
    EXPECT("and byte [rdi + 9], 0xf7", host_imm(&c, H_AND_I, 1, host_mem(HOST_DI, 9), -9),
           "\x40\x80\x67\x09\xf7");
    EXPECT("test r8w, 0x102", host_imm(&c, H_TEST_I, 2, host_reg(HOST_R8), 0x102),
           "\x66\x41\xf7\xc0\x02\x01");
    EXPECT("shl rax, 3", host_imm(&c, H_SHL_I, 8, host_reg(HOST_AX), 3), "\x48\xc1\xe0\x03");
    EXPECT("bt dword [rdi + 8], 0", host_imm(&c, H_BT_I, 4, host_mem(HOST_DI, 8), 0),
           "\x0f\xba\x67\x08\x00");

    EXPECT("add [rcx + r9 + 8], rdx",
           host(&c, H_ADD_M, 8, HOST_DX, host_sum(HOST_CX, HOST_R9, 0, 8)), "\x4a\x01\x54\x09\x08");
    EXPECT("cmp [rcx], sil", host(&c, H_CMP_M, 1, HOST_SI, host_mem(HOST_CX, 0)), "\x40\x38\x31");
    EXPECT("lea eax, [r12 * 8 + 0x1234]",
           host(&c, H_LEA, 4, HOST_AX, host_scaled(HOST_R12, 3, 0x1234)),
           "\x42\x8d\x04\xe5\x34\x12\x00\x00");
    EXPECT("bts r11, rcx", host(&c, H_BTS, 8, HOST_CX, host_reg(HOST_R11)), "\x49\x0f\xab\xcb");
    EXPECT("btc ax, 3", host_imm(&c, H_BTC_I, 2, host_reg(HOST_AX), 3), "\x66\x0f\xba\xf8\x03");
    EXPECT("rcr edx, cl", host(&c, H_RCR_CL, 4, 0, host_reg(HOST_DX)), "\xd3\xda");
    EXPECT("div qword [rbp - 8]", host(&c, H_DIV, 8, 0, host_mem(HOST_BP, -8)), "\x48\xf7\x75\xf8");
    EXPECT("idiv r9d", host(&c, H_IDIV, 4, 0, host_reg(HOST_R9)), "\x41\xf7\xf9");
    EXPECT("lock", host_lock(&c), "\xf0");
    EXPECT("cmpxchg [rcx], r8b", host(&c, H_CMPXCHG, 1, HOST_R8, host_mem(HOST_CX, 0)),
           "\x44\x0f\xb0\x01");
    EXPECT("xadd [rcx], ebx", host(&c, H_XADD, 4, HOST_BX, host_mem(HOST_CX, 0)), "\x0f\xc1\x19");
    EXPECT("xchg [rcx], r14", host(&c, H_XCHG, 8, HOST_R14, host_mem(HOST_CX, 0)), "\x4c\x87\x31");
    EXPECT("mov rax, [0x1122334455667788]", host_load_abs(&c, (void *)0x1122334455667788),
           "\x48\xa1\x88\x77\x66\x55\x44\x33\x22\x11");
    EXPECT("sahf", host_sahf(&c), "\x9e");
    EXPECT("lea r10, [rip]", host_land(&c, host_lea_code(&c, HOST_R10)), "\x4c\x8d\x15\x00\x00\x00\x00");
    EXPECT("call $", host_call(&c, buffer), "\xe8\xfb\xff\xff\xff");
    EXPECT("setnz al", host_cc(&c, H_SETCC, CC_NZ, 0, host_reg(HOST_AX)), "\x40\x0f\x95\xc0");
    EXPECT("cmovz r9, rbx", host_cc(&c, H_CMOVCC, CC_Z, HOST_R9, host_reg(HOST_BX)),
           "\x4c\x0f\x44\xcb");
    EXPECT("mov r9d, 1", host_move_imm(&c, HOST_R9, 1), "\x41\xb9\x01\x00\x00\x00");
    EXPECT("mov rdx, -2", host_move_imm(&c, HOST_DX, -2), "\x48\xc7\xc2\xfe\xff\xff\xff");
    EXPECT("mov r14, 0x123456789a", host_move_imm(&c, HOST_R14, 0x123456789a),
           "\x49\xbe\x9a\x78\x56\x34\x12\x00\x00\x00");
    EXPECT("rdtsc", host_rdtsc(&c), "\x0f\x31");
    EXPECT("bswap r9", host_bswap(&c, 8, HOST_R9), "\x49\x0f\xc9");
    EXPECT("cwd", host_sign(&c, 2), "\x66\x99");
    EXPECT("cdq", host_sign(&c, 4), "\x99");
    EXPECT("cqo", host_sign(&c, 8), "\x48\x99");
    EXPECT("stc", host_carry(&c, 1), "\xf9");
    EXPECT("clc", host_carry(&c, -1), "\xf8");
    EXPECT("cmc", host_carry(&c, 0), "\xf5");
    EXPECT("crc32 r9d, cl", host_crc32(&c, 1, HOST_R9, HOST_CX), "\xf2\x44\x0f\x38\xf0\xc9");
    EXPECT("crc32 eax, cx", host_crc32(&c, 2, HOST_AX, HOST_CX), "\x66\xf2\x0f\x38\xf1\xc1");
    EXPECT("crc32 rdx, rcx", host_crc32(&c, 8, HOST_DX, HOST_CX), "\xf2\x48\x0f\x38\xf1\xd1");
    EXPECT("tzcnt r9w, [rcx]", host(&c, H_TZCNT, 2, HOST_R9, host_mem(HOST_CX, 0)),
           "\x66\xf3\x44\x0f\xbc\x09");
    EXPECT("push r12", host_push(&c, HOST_R12), "\x41\x54");
    EXPECT("pop rbx", host_pop(&c, HOST_BX), "\x5b");
    EXPECT("lahf", host_lahf(&c), "\x9f");
    EXPECT("ret", host_ret(&c), "\xc3");
    EXPECT("jmp $", host_jmp(&c, buffer), "\xe9\xfb\xff\xff\xff");
    // clang-format on
}

/* The guest's vector instructions with other operands: memory at AX, another general register. */
static void test_vector(void)
{
    enum { FROM_INSN = N_HOST_REGS, AT_AX };
    // clang-format off
    static const struct {
        const char *text, *guest;
        unsigned n_guest;
        const char *host;
        unsigned n_host;
        uint8_t reg, rm;
    } rows[] = {
        { "addps xmm1, [rbx + rcx * 8 + 0x12345678]", "\x0f\x58\x8c\xcb\x78\x56\x34\x12", 8, "\x0f\x58\x08", 3, FROM_INSN, AT_AX },
        { "movsd xmm9, [r13]", "\xf2\x45\x0f\x10\x4d\x00", 6, "\xf2\x44\x0f\x10\x08", 5, FROM_INSN, AT_AX },
        { "movdqa [rip + 0x100], xmm15", "\x66\x44\x0f\x7f\x3d\x00\x01\x00\x00", 9, "\x66\x44\x0f\x7f\x38", 5, FROM_INSN, AT_AX },
        { "pshufd xmm8, [rsp + 8], 0x1b", "\x66\x44\x0f\x70\x44\x24\x08\x1b", 8, "\x66\x44\x0f\x70\x00\x1b", 6, FROM_INSN, AT_AX },
        { "pshufb xmm2, fs:[rdx]", "\x64\x66\x0f\x38\x00\x12", 6, "\x66\x0f\x38\x00\x10", 5, FROM_INSN, AT_AX },
        { "pcmpistri xmm3, [r9], 0x1a", "\x66\x41\x0f\x3a\x63\x19\x1a", 7, "\x66\x0f\x3a\x63\x18\x1a", 6, FROM_INSN, AT_AX },
        { "palignr mm1, [r8], 3", "\x41\x0f\x3a\x0f\x08\x03", 6, "\x0f\x3a\x0f\x08\x03", 5, FROM_INSN, AT_AX },
        { "vaddpd ymm1, ymm14, [r9 + r10 * 2]", "\xc4\x81\x0d\x58\x0c\x51", 6, "\xc5\x8d\x58\x08", 4, FROM_INSN, AT_AX },
        { "vmovups ymm12, [rbp - 1]", "\xc5\x7c\x10\x65\xff", 5, "\xc5\x7c\x10\x20", 4, FROM_INSN, AT_AX },
        { "vpermq ymm5, [rcx], 0x4e", "\xc4\xe3\xfd\x00\x29\x4e", 6, "\xc4\xe3\xfd\x00\x28\x4e", 6, FROM_INSN, AT_AX },
        { "vpblendvb xmm1, xmm2, [rdi], xmm13", "\xc4\xe3\x69\x4c\x0f\xd0", 6, "\xc4\xe3\x69\x4c\x08\xd0", 6, FROM_INSN, AT_AX },
        { "vfmadd231sd xmm11, xmm7, [r15]", "\xc4\x42\xc1\xb9\x1f", 5, "\xc4\x62\xc1\xb9\x18", 5, FROM_INSN, AT_AX },
        { "vextracti128 [r11], ymm3, 1", "\xc4\xc3\x7d\x39\x1b\x01", 6, "\xc4\xe3\x7d\x39\x18\x01", 6, FROM_INSN, AT_AX },
        { "cvtsi2sd xmm2, qword ptr [rsi]", "\xf2\x48\x0f\x2a\x16", 5, "\xf2\x48\x0f\x2a\x10", 5, FROM_INSN, AT_AX },
        { "addsd xmm3, xmm12", "\xf2\x41\x0f\x58\xdc", 5, "\xf2\x41\x0f\x58\xdc", 5, FROM_INSN, FROM_INSN },
        { "psllq xmm9, 7", "\x66\x41\x0f\x73\xf1\x07", 6, "\x66\x41\x0f\x73\xf1\x07", 6, FROM_INSN, FROM_INSN },
        { "movd xmm4, eax", "\x66\x0f\x6e\xe0", 4, "\x66\x41\x0f\x6e\xe1", 5, FROM_INSN, HOST_R9 },
        { "movq r15, xmm10", "\x66\x4d\x0f\x7e\xd7", 5, "\x66\x4c\x0f\x7e\xd1", 5, FROM_INSN, HOST_CX },
        { "cvttsd2si r12, xmm1", "\xf2\x4c\x0f\x2c\xe1", 5, "\xf2\x48\x0f\x2c\xc1", 5, HOST_AX, FROM_INSN },
        { "pextrb r9d, xmm1, 5", "\x66\x41\x0f\x3a\x14\xc9\x05", 7, "\x66\x0f\x3a\x14\xce\x05", 6, FROM_INSN, HOST_SI },
        { "vmovd ecx, xmm6", "\xc5\xf9\x7e\xf1", 4, "\xc4\xc1\x79\x7e\xf3", 5, FROM_INSN, HOST_R11 },
        { "vcvtsi2ss xmm1, xmm2, r10", "\xc4\xc1\xea\x2a\xca", 5, "\xc4\xe1\xea\x2a\xca", 5, FROM_INSN, HOST_DX },
        { "vpmovmskb r8d, ymm9", "\xc4\x41\x7d\xd7\xc1", 5, "\xc4\xc1\x7d\xd7\xc9", 5, HOST_CX, FROM_INSN },
        { "vpslldq ymm4, ymm13, 3", "\xc4\xc1\x5d\x73\xfd\x03", 6, "\xc4\xc1\x5d\x73\xfd\x03", 6, FROM_INSN, FROM_INSN },
    };
    // clang-format on
    uint8_t buffer[64];
    struct host_code c = { .at = buffer, .end = buffer + sizeof(buffer) };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct insn in;
        int len = decode(&in, (const uint8_t *)rows[i].guest, rows[i].n_guest, 0, MODE_CODE64);
        unsigned reg = rows[i].reg == FROM_INSN ? in.reg : rows[i].reg;
        unsigned rm = rows[i].rm == FROM_INSN ? in.rm : rows[i].rm;

        g_assert_cmpint(len, ==, rows[i].n_guest);
        host_vector(&c, &in, in.w, reg, rm == AT_AX ? host_mem(HOST_AX, 0) : host_reg(rm), in.imm);
        expect(&c, buffer, rows[i].text, rows[i].host, rows[i].n_host);
    }
}

/* With EVEX, a short displacement counts units. */
static void test_evex(void)
{
#define VADDPS                                                                                     \
    "\x62\xe1\x0c\xc3\x58\x4c\xcb\x01"         /* zmm17 {k3} {z}, zmm30, [rbx + rcx * 8 + 0x40] */
#define VADDPS4 "\x62\xd1\x6c\x18\x58\x4d\x02" /* xmm1, xmm2, dword [r13 + 8] {1to4} */
#define STORE   "\x62\x81\xfe\x29\x7f\x64\x51\x04" /* vmovdqu64 [r9 + r10 * 2 + 0x80] {k1}, ymm20 */
    // clang-format off
    static const struct {
        const char *text, *guest;
        unsigned unit, n_host;
        const char *host;
        struct operand rm;
    } rows[] = {
        { "vaddps zmm17 {k3} {z}, zmm30, [rax + 0x1000]", VADDPS, 64, 7, "\x62\xe1\x0c\xc3\x58\x48\x40", { .memory = true, .reg = HOST_AX, .disp = 0x1000 } },
        { "vaddps zmm17 {k3} {z}, zmm30, [rax + 0x44]", VADDPS, 64, 10, "\x62\xe1\x0c\xc3\x58\x88\x44\x00\x00\x00", { .memory = true, .reg = HOST_AX, .disp = 0x44 } },
        { "vaddps zmm17 {k3} {z}, zmm30, [rax]", VADDPS, 64, 6, "\x62\xe1\x0c\xc3\x58\x08", { .memory = true, .reg = HOST_AX } },
        { "vaddps xmm1, xmm2, dword [rbp - 4] {1to4}", VADDPS4, 4, 7, "\x62\xf1\x6c\x18\x58\x4d\xff", { .memory = true, .reg = HOST_BP, .disp = -4 } },
        { "vaddps xmm1, xmm2, dword [rbp - 0x200] {1to4}", VADDPS4, 4, 7, "\x62\xf1\x6c\x18\x58\x4d\x80", { .memory = true, .reg = HOST_BP, .disp = -0x200 } },
        { "vaddps xmm1, xmm2, dword [rbp - 0x204] {1to4}", VADDPS4, 4, 10, "\x62\xf1\x6c\x18\x58\x8d\xfc\xfd\xff\xff", { .memory = true, .reg = HOST_BP, .disp = -0x204 } },
        { "vmovdqu64 [r9 + r10 * 2 + 0x20] {k1}, ymm20", STORE, 32, 8, "\x62\x81\xfe\x29\x7f\x64\x51\x01", { .memory = true, .indexed = true, .reg = HOST_R9, .index = HOST_R10, .scale = 1, .disp = 0x20 } },
        { "vaddps zmm31, zmm16, zmm25 {rz-sae}", "\x62\x01\x7c\x70\x58\xf9", 64, 6, "\x62\x01\x7c\x70\x58\xf9", { .reg = 25 } },
        { "vpcmpled k5 {k2}, zmm9, zmm23", "\x62\xb3\x35\x4a\x1f\xef\x02", 64, 7, "\x62\xb3\x35\x4a\x1f\xef\x02", { .reg = 23 } },
        { "vpbroadcastq zmm19 {k7}, rcx", "\x62\xc2\xfd\x4f\x7c\xde", 8, 6, "\x62\xe2\xfd\x4f\x7c\xd9", { .reg = HOST_CX } },
    };
    // clang-format on
    uint8_t buffer[64];
    struct host_code c = { .at = buffer, .end = buffer + sizeof(buffer) };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct insn in;

        g_assert_cmpint(decode(&in, (const uint8_t *)rows[i].guest, strlen(rows[i].guest), 0,
                               MODE_CODE64),
                        >, 0);
        host_evex(&c, &in, in.w, in.reg, rows[i].rm, rows[i].unit, in.imm);
        expect(&c, buffer, rows[i].text, rows[i].host, rows[i].n_host);
    }
}

static void test_units(void)
{
    uint8_t buffer[64];
    struct host_code c = { .at = buffer, .end = buffer + sizeof(buffer) };

    // clang-format off
    EXPECT("vmovups ymm9, [rbp + 0x200]", host_load_y(&c, 9, host_mem(HOST_BP, 0x200)),
           "\xc5\x7c\x10\x8d\x00\x02\x00\x00");
    EXPECT("vmovups [rdi + 32], ymm1", host_store_y(&c, 1, host_mem(HOST_DI, 32)),
           "\xc5\xfc\x11\x4f\x20");
    EXPECT("vmovups zmm9, [rbp + 0x200]", host_load_z(&c, 9, host_mem(HOST_BP, 0x200)),
           "\x62\x71\x7c\x48\x10\x4d\x08");
    EXPECT("vmovups [rdi + 0x1001], zmm31", host_store_z(&c, 31, host_mem(HOST_DI, 0x1001)),
           "\x62\x61\x7c\x48\x11\xbf\x01\x10\x00\x00");
    EXPECT("kmovq k3, [rbp + 8]", host_load_k(&c, 3, host_mem(HOST_BP, 8)), "\xc4\xe1\xf8\x90\x5d\x08");
    EXPECT("kmovq [rdi + 0x80], k7", host_store_k(&c, 7, host_mem(HOST_DI, 0x80)),
           "\xc4\xe1\xf8\x91\xbf\x80\x00\x00\x00");
    EXPECT("movups xmm12, [rbp + 16]", host(&c, H_LOAD_X, 4, 12, host_mem(HOST_BP, 16)),
           "\x44\x0f\x10\x65\x10");
    EXPECT("stmxcsr [rbp + 4]", host(&c, H_STMXCSR, 4, 0, host_mem(HOST_BP, 4)), "\x0f\xae\x5d\x04");
    EXPECT("fld tbyte [rbp + 16]", host(&c, H_FLD80, 4, 0, host_mem(HOST_BP, 16)), "\xdb\x6d\x10");
    EXPECT("fnstenv [rbp]", host(&c, H_FNSTENV, 4, 0, host_mem(HOST_BP, 0)), "\xd9\x75\x00");
    EXPECT("emms", host_empty(&c, &(struct insn){ .map = MAP_0F }), "\x0f\x77");
    EXPECT("vzeroupper", host_empty(&c, &(struct insn){ .vex = true, .map = MAP_0F }),
           "\xc5\xf8\x77");
    EXPECT("vzeroall", host_empty(&c, &(struct insn){ .vex = true, .l = 1, .map = MAP_0F }),
           "\xc5\xfc\x77");
    EXPECT("fadd qword [rax]", host_x87_memory(&c, 0xdc, 0, host_mem(HOST_AX, 0)), "\xdc\x00");
    EXPECT("fistp word [rax + r9]", host_x87_memory(&c, 0xdf, 3, host_sum(HOST_AX, HOST_R9, 0, 0)),
           "\x42\xdf\x1c\x08");
    EXPECT("fxch st(3)", host_x87(&c, 0xd9, 0xcb), "\xd9\xcb");
    // clang-format on
}

static void test_jumps(void)
{
    uint8_t buffer[64] = { 0 };
    struct host_code c = { .at = buffer, .end = buffer + sizeof(buffer) };
    uint8_t *jump = host_jcc(&c, CC_NZ, NULL);

    host_lahf(&c);
    host_land(&c, jump);
    expect(&c, buffer, "jnz over one", "\x0f\x85\x01\x00\x00\x00\x9f", 7);
    c.at = buffer + 16;
    host_jmp_via(&c, (uint64_t *)buffer);
    expect(&c, buffer + 16, "jmp [rip - 22]", "\xff\x25\xea\xff\xff\xff", 6);
}

/* Nothing is written behind the end, and it is said. */
static void test_full(void)
{
    uint8_t buffer[16];
    struct host_code c = { .at = buffer, .end = buffer + 4 };

    memset(buffer, 0x5a, sizeof(buffer));
    host_land(&c, host_jmp(&c, NULL));
    host_move_imm(&c, HOST_AX, UINT64_MAX / 3);
    g_assert_true(c.full);
    for (unsigned i = 4; i < sizeof(buffer); i++)
        g_assert_cmphex(buffer[i], ==, 0x5a);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/soft-emit/forms", test_forms);
    g_test_add_func("/soft-emit/vector", test_vector);
    g_test_add_func("/soft-emit/evex", test_evex);
    g_test_add_func("/soft-emit/units", test_units);
    g_test_add_func("/soft-emit/jumps", test_jumps);
    g_test_add_func("/soft-emit/full", test_full);
    return g_test_run();
}
