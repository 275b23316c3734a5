/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-emit - the translator's encoder writes what an assembler does.
 */
#include <glib.h>
#include <string.h>

#include "jit-emit.h"

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
    EXPECT("bswap r9", host_bswap(&c, 8, HOST_R9), "\x49\x0f\xc9");
    EXPECT("push r12", host_push(&c, HOST_R12), "\x41\x54");
    EXPECT("pop rbx", host_pop(&c, HOST_BX), "\x5b");
    EXPECT("lahf", host_lahf(&c), "\x9f");
    EXPECT("ret", host_ret(&c), "\xc3");
    EXPECT("jmp $", host_jmp(&c, buffer), "\xe9\xfb\xff\xff\xff");
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
    g_test_add_func("/soft-emit/jumps", test_jumps);
    g_test_add_func("/soft-emit/full", test_full);
    return g_test_run();
}
