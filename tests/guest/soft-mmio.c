/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-mmio - every kind of instruction with an operand that is a device's: pc-testdev's 64 KiB of
 * bytes at FF000000h, at page borders half in RAM.
 *
 * QEMU's pc-testdev; Intel SDM volume 2.
 */
#include "long.h"

static char *const at = (char *)0xff000000ull;
static char ram[4096] __attribute__((aligned(4096)));

static volatile uint64_t *word(char *p)
{
    return (volatile uint64_t *)p;
}

static void integers(void)
{
    uint64_t r = 5;
    bool carry;

    *word(at) = 0x1122334455667788;
    check_value("MOV", *word(at), 0x1122334455667788);
    check_value("MOV not aligned", *word(at + 3) & 0xffffffffff, 0x1122334455);
    __asm__ volatile("addl $1, (%0)" : : "D"(at) : "memory", "cc");
    __asm__ volatile("lock xaddq %0, (%1)" : "+a"(r) : "D"(at) : "memory", "cc");
    check_value("ADD, LOCK XADD", r, 0x1122334455667789);
    check_value("    stored", *word(at), 0x112233445566778e);
    __asm__ volatile("lock cmpxchgq %1, (%2)" : "+a"(r) : "b"(7ull), "D"(at) : "memory", "cc");
    check_value("LOCK CMPXCHG fails", r, 0x112233445566778e);
    __asm__ volatile("lock cmpxchgq %1, (%2)" : "+a"(r) : "b"(7ull), "D"(at) : "memory", "cc");
    check_value("    and works", *word(at), 7);
    __asm__ volatile("lock btsq $8, (%1)\n\tsetc %0" : "=a"(carry) : "D"(at) : "memory", "cc");
    check_value("LOCK BTS", *word(at) | (uint64_t)carry << 63, 0x107);
    __asm__ volatile("xchgq %0, (%1)" : "+a"(r) : "D"(at) : "memory");
    check_value("XCHG", r, 0x107);
    __asm__ volatile("lock decb (%0)\n\tnotb 1(%0)\n\tshll $4, (%0)" : : "D"(at) : "memory", "cc");
    check_value("DEC, NOT, SHL", *word(at), 0x11223344566888d0);
    __asm__ volatile("movzbl 1(%1), %%eax" : "=a"(r) : "D"(at));
    check_value("MOVZX", r, 0x88);
}

static void stack_and_far(void)
{
    static char *to;
    uint64_t r;

    *word(at + 0x20) = 0x1234;
    __asm__ volatile("pushq 0x20(%1)\n\tpopq %0" : "=a"(r) : "D"(at) : "memory");
    check_value("PUSH", r, 0x1234);
    __asm__ volatile("pushq $0x55\n\tpopq 0x20(%0)" : : "D"(at) : "memory");
    check_value("POP", *word(at + 0x20), 0x55);
    __asm__ volatile("movq $1f, 0x20(%0)\n\tjmp *0x20(%0)\n\tud2\n1:" : : "D"(at) : "memory");
    /* LJMP with REX.W through 0x20(RDI) */
    __asm__ volatile(
        "movq $1f, 0x20(%0)\n\tmovw $8, 0x28(%0)\n\t.byte 0x48, 0xff, 0x6f, 0x20\n\tud2\n1:"
        :
        : "D"(at)
        : "memory");
    verdict("JMP, far JMP", true);
    *word(at + 0x20) = DATA;
    __asm__ volatile("movw 0x20(%0), %%ss" : : "D"(at) : "memory");
    __asm__ volatile("lldt 0x28(%0)" : : "D"(at + 0x10) : "memory");
    verdict("MOV SS", true);
    to = at + 0x1000 - 8;
    __asm__ volatile("xchgq %%rsp, %0\n\tpushq $0x77\n\tpopq %%rax\n\txchgq %%rsp, %0"
                     : "+m"(to)
                     :
                     : "rax", "memory");
    check_value("a stack there", *word(at + 0x1000 - 16), 0x77);
}

/* Arithmetic of several operands, and double-width exchanges. */
static void wide(void)
{
    uint64_t low, high;
    bool equal;

    *word(at + 0x40) = 0x100000003;
    __asm__ volatile("mulq (%2)" : "=a"(low), "=&d"(high) : "D"(at + 0x40), "0"(1ull << 63) : "cc");
    check_value("MUL", high, 0x80000001);
    __asm__ volatile("divq (%2)" : "+a"(low), "+d"(high) : "D"(at + 0x40) : "cc");
    check_value("DIV", low, 1ull << 63);
    __asm__ volatile("imulq $-2, (%1), %0" : "=a"(low) : "D"(at + 0x40) : "cc");
    check_value("IMUL", low, -0x200000006);
    __asm__ volatile("bsfq (%2), %0\n\tbsrq (%2), %1"
                     : "=a"(low), "=&d"(high)
                     : "D"(at + 0x40)
                     : "cc");
    check_value("BSF, BSR", high << 8 | low, 0x2000);
    __asm__ volatile("shldq $8, %0, (%1)" : : "a"(0xabull << 56), "D"(at + 0x40) : "memory", "cc");
    check_value("SHLD", *word(at + 0x40), 0x100000003ab);
    *word(at + 0x48) = 5;
    low = 0x100000003ab;
    high = 5;
    __asm__ volatile("lock cmpxchg16b (%3)\n\tsete %2"
                     : "+a"(low), "+d"(high), "=r"(equal)
                     : "D"(at + 0x40), "b"(7ull), "c"(8ull)
                     : "memory", "cc");
    verdict("CMPXCHG16B", equal && *word(at + 0x40) == 7 && *word(at + 0x48) == 8);
    low = high = 0;
    __asm__ volatile("lock cmpxchg8b (%3)\n\tsete %2"
                     : "+a"(low), "+d"(high), "=r"(equal)
                     : "D"(at + 0x40), "b"(1), "c"(1)
                     : "memory", "cc");
    check_value("CMPXCHG8B that fails", low | (uint64_t)equal << 63, 7);
}

/* What the processor itself is loaded from. */
static void system_operands(void)
{
    uint64_t *tss = &gdt64[TSS0 / 8];

    __asm__ volatile("smsww 0x50(%0)" : : "D"(at) : "memory");
    check_value("SMSW", *word(at + 0x50) & 0xffff, READ_CR(0) & 0xffff);
    __asm__ volatile("lmsww 0x50(%0)" : : "D"(at) : "memory");
    *(volatile uint64_t *)tss &= ~(2ull << 40); /* no longer busy */
    *word(at + 0x58) = TSS0;
    __asm__ volatile("ltr 0x58(%0)" : : "D"(at) : "memory");
    verdict("LTR", *(volatile uint64_t *)tss >> 41 & 1);
    __asm__ volatile("sgdt 0x60(%0)\n\tlgdt 0x60(%0)" : : "D"(at) : "memory");
    check_value("SGDT, LGDT", *word(at + 0x62), (uint64_t)gdt64);
    *word(at + 0x60) = 0x600000001;
    ATTEMPT(".byte 0x0f, 0x1f, 0x07", : : "D"(at)); /* NOP r/m */
    expect("NOP of an operand", NONE, 0);
}

static void string_ports(void)
{
    char *from = at + 0x100, *to = at + 0x180;
    uint64_t n = 4;

    *(volatile uint32_t *)from = 0x44332211;
    __asm__ volatile("outsl" : "+S"(from) : "d"(0xe0) : "memory");
    check_value("OUTS", inl(0xe0), 0x44332211);
    __asm__ volatile("rep insb" : "+D"(to), "+c"(n) : "d"(0xe2) : "memory");
    check_value("REP INS", *(volatile uint32_t *)(at + 0x180), 0x33333333);
}

static void strings(void)
{
    char *from = at + 0x100, *to = ram;
    uint64_t n = 64, r;

    for (int i = 0; i < 64; i++)
        from[i] = i;
    __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
    check_value("REP MOVS from", *word(ram + 56), 0x3f3e3d3c3b3a3938);
    from = ram;
    to = at + 0x200;
    n = 8;
    __asm__ volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
    check_value("REP MOVS to", *word(at + 0x200 + 8), 0x0f0e0d0c0b0a0908);
    to = at + 0x200;
    n = 64;
    __asm__ volatile("repne scasb" : "+D"(to), "+c"(n) : "a"(0x21) : "memory", "cc");
    check_value("REPNE SCAS", to - at, 0x222);
    from = at + 0x100;
    to = at + 0x200;
    n = 64;
    __asm__ volatile("repe cmpsb\n\tsete %b3"
                     : "+S"(from), "+D"(to), "+c"(n), "=a"(r)
                     :
                     : "memory", "cc");
    check_value("REPE CMPS", r & 0xff, 1);
    to = at + 0x300;
    n = 4;
    __asm__ volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(0xaabbccdd) : "memory");
    check_value("REP STOS", *word(at + 0x308), 0xaabbccddaabbccdd);
}

static void vectors(void)
{
    WRITE_CR(4, READ_CR(4) | 0x600);
    *word(at + 0x400) = 0x0123456789abcdef;
    *word(at + 0x408) = 0xfedcba9876543210;
    __asm__ volatile(
        "movdqu 0x400(%0), %%xmm1\n\tmovdqa %%xmm1, 0x410(%0)\n\tmovups %%xmm1, 0x428(%0)"
        :
        : "D"(at)
        : "memory");
    check_value("MOVDQA", *word(at + 0x418), 0xfedcba9876543210);
    check_value("MOVUPS", *word(at + 0x428), 0x0123456789abcdef);
    __asm__ volatile("movq 0x400(%0), %%mm1\n\tpaddb %%mm1, %%mm1\n\tmovq %%mm1, 0x438(%0)\n\temms"
                     :
                     : "D"(at)
                     : "memory");
    check_value("MMX", *word(at + 0x438), 0x02468ace12569ade);
    __asm__ volatile("fninit\n\tfildll 0x400(%0)\n\tfistpll 0x440(%0)" : : "D"(at) : "memory");
    check_value("FILD, FISTP", *word(at + 0x440), 0x0123456789abcdef);
    ATTEMPT("movdqa %%xmm1, 0x408(%0)", : : "D"(at) : "memory");
    expect("#GP MOVDQA not aligned", GP, 0);
}

/* A page of RAM before one of the device's. */
static void half(void)
{
    char *p = at_window(1);

    map(0, (uint64_t)ram | P | W);
    map(1, (uint64_t)at | P | W);
    *word(ram + 4088) = 0x1111111111111111;
    *word(at) = 0x2222222222222222;
    check_value("read across", *word(p - 4), 0x2222222211111111);
    *word(p - 4) = 0x3333333344444444;
    check_value("written across: RAM", *word(ram + 4088), 0x4444444411111111);
    check_value("    the device", *word(at), 0x2222222233333333);
    __asm__ volatile("lock addq %1, (%0)" : : "D"(p - 4), "a"(0x100000001ull) : "memory", "cc");
    check_value("LOCK ADD across", *word(p - 4), 0x3333333444444445);
    __asm__ volatile("movdqu -8(%0), %%xmm0\n\tmovdqu %%xmm0, 0x10(%1)"
                     :
                     : "D"(p), "S"(ram)
                     : "memory");
    check_value("MOVDQU across", *word(ram + 0x18), 0x2222222233333334);
    map(1, 0);
    ATTEMPT("movq %0, -4(%1)", : : "a"(0ull), "D"(p) : "memory");
    expect_pf("#PF across", 2, (uint64_t)p);
    check_value("    nothing is stored", *word(ram + 4088), 0x4444444511111111);
}

void guest_main(void)
{
    long_init();
    integers();
    stack_and_far();
    wide();
    system_operands();
    string_ports();
    strings();
    vectors();
    half();
    finish();
}
