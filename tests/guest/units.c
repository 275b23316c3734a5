/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * units - x87 and vector instructions in kernel mode, their faults, and one whose operand is a
 * device's register: what the instruction emulator of some hosts' KVM does not know.
 *
 * Intel SDM volume 1, chapters 8, 10 and 11.
 */
#include "state.h"

struct gate {
    uint16_t low, selector, kind, high;
    uint32_t top, reserved;
};

static struct gate idt[32];
static uint32_t source[4] __attribute__((aligned(16))) = { 1, 2, 3, 4 };
static uint32_t result[4] __attribute__((aligned(16)));
static uint8_t image[512] __attribute__((aligned(16)));
uint64_t vector; /* of the last exception */

/* Each says which it is, and returns behind the instruction: its length is in RAX. */
#define HANDLER(name, n, pop)                                                                      \
    void name(void);                                                                               \
    __asm__(#name ":\n" pop "movq $" #n ", vector(%rip)\n addq %rax, (%rsp)\n iretq\n")
HANDLER(on_ud, 6, "");
HANDLER(on_nm, 7, "");
HANDLER(on_gp, 13, "addq $8, %rsp\n");
HANDLER(on_pf, 14, "addq $8, %rsp\n");

static void set_gate(unsigned n, void (*handler)(void))
{
    uint64_t at = (uintptr_t)handler;
    uint16_t cs;

    __asm__("movw %%cs, %0" : "=r"(cs));
    idt[n] = (struct gate){ at, cs, 0x8e00, at >> 16, at >> 32, 0 };
}

static void set_up(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) table = { sizeof(idt) - 1, (uintptr_t)idt };
    uint64_t cr0, cr4;

    set_gate(6, on_ud);
    set_gate(7, on_nm);
    set_gate(13, on_gp);
    set_gate(14, on_pf);
    __asm__ volatile("lidt %0" : : "m"(table));
    __asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("movq %0, %%cr0" : : "r"((cr0 | 2) & ~12ull)); /* MP; no EM, no TS */
    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("movq %0, %%cr4" : : "r"(cr4 | 0x600)); /* OSFXSR, OSXMMEXCPT */
}

static void show_result(const char *name)
{
    put_text(name);
    for (unsigned i = 0; i < 4; i++) {
        put_text(" ");
        put_hex(result[i]);
    }
    put_text("\n");
}

static void vectors(void)
{
    __asm__ volatile("movdqa %1, %%xmm3\n paddd %%xmm3, %%xmm3\n movdqa %%xmm3, %%xmm12\n"
                     "pshufd $0x1b, %%xmm12, %%xmm0\n movdqa %%xmm0, %0"
                     : "=m"(result)
                     : "m"(source)
                     : "memory");
    show_result("paddd");
    __asm__ volatile("cvtdq2ps %1, %%xmm1\n divps %%xmm1, %%xmm1\n mulps %%xmm1, %%xmm1\n"
                     "movups %%xmm1, %0"
                     : "=m"(result)
                     : "m"(source)
                     : "memory");
    show_result("divps");
}

/* A loop's worth, all in registers: the sum of 1 to n by SSE2. */
static void loops(uint32_t n)
{
    __asm__ volatile("pxor %%xmm0, %%xmm0\n 1: movd %1, %%xmm1\n paddq %%xmm1, %%xmm0\n"
                     "decl %1\n jnz 1b\n movdqa %%xmm0, %0"
                     : "=m"(result), "+r"(n)
                     :
                     : "memory");
    show_result("sum");
}

static void x87(void)
{
    uint16_t control, status;
    uint64_t mantissa[2] = { 0 };

    __asm__ volatile("fninit\n fnstcw %0" : "=m"(control));
    __asm__ volatile("fldpi\n fld1\n faddp\n fstpt %0" : "=m"(mantissa));
    __asm__ volatile("fldz\n fld1\n fdivp\n fnstsw %0\n fnclex\n fninit" : "=m"(status));
    show("x87 control", control);
    show("pi + 1", mantissa[0]);
    show("exponent", mantissa[1] & 0xffff);
    show("status", status & 0x3f);
    __asm__ volatile("fxsave %0\n fxrstor %0\n emms" : "+m"(image));
    show("saved control", image[0] | image[1] << 8);
}

/* TS set: #NM; misaligned: #GP; not mapped: #PF; no instruction: #UD. */
static void faults(void)
{
    uint64_t cr0, cr2;

    __asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("movq %0, %%cr0" : : "r"(cr0 | 8));
    __asm__ volatile("movl $4, %%eax\n paddd %%xmm1, %%xmm0" : : : "eax", "memory");
    show("TS", vector);
    __asm__ volatile("clts");
    __asm__ volatile("movl $3, %%eax\n addps (%0), %%xmm0"
                     :
                     : "b"((char *)source + 1)
                     : "eax", "memory");
    show("misaligned", vector);
    __asm__ volatile("movl $3, %%eax\n addps (%1), %%xmm0\n movq %%cr2, %0"
                     : "=r"(cr2)
                     : "b"(0x700000000000)
                     : "eax", "memory");
    show("not mapped", vector);
    show("at", cr2);
    __asm__ volatile("movl $2, %%eax\n ud2" : : : "eax", "memory");
    show("ud2", vector);
}

/* No RAM is there, nor a device: it reads as 0. */
static void device(void)
{
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n pand (%1), %%xmm0\n movdqa %%xmm0, %0"
                     : "=m"(result)
                     : "b"(0x3ff00000ull)
                     : "memory");
    show_result("device");
}

void guest_main(const struct entry_state *s)
{
    set_up();
    vectors();
    loops(100000);
    x87();
    faults();
    device();
    quit(16);
}
