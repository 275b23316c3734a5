/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-exceptions - each exception's vector, error code, RIP and CR2; who is checked before whom.
 *
 * Intel SDM volume 3, sections 4.7 (page faults), 5 (protection), 6.15 (exceptions).
 */
#include "long.h"

static char *const page = (char *)WINDOW;
static char memory[4096] __attribute__((aligned(4096)));
#define MEMORY ((uint64_t)memory)
#define BAD    0x800000000000ull /* the first address that is not canonical */

static void touch(const char *name, uint64_t entry, bool write, uint64_t error)
{
    map(0, entry);
    if (write)
        ATTEMPT("movb $1, (%0)", : : "r"(page) : "memory");
    else
        ATTEMPT("movb (%0), %%al", : : "r"(page) : "rax", "memory");
    if (error == ~0ull)
        expect(name, NONE, 0);
    else
        expect_pf(name, error, WINDOW);
}

static void fetch(const char *name, uint64_t entry, uint64_t error)
{
    memory[0] = 0xc3;
    map(0, entry);
    ATTEMPT("call *%0", : : "r"(page) : "memory");
    if (error == ~0ull)
        expect(name, NONE, 0);
    else
        expect_pf(name, error, WINDOW);
}

static void page_faults(void)
{
    const uint64_t reserved = 1ull << 51;

    touch("#PF read, not present", 0, false, 0);
    touch("#PF write, not present", 0, true, 2);
    touch("#PF write, read-only, CR0.WP", MEMORY | P, true, 3);
    touch("read-only page is read", MEMORY | P, false, ~0ull);
    touch("#PF read, reserved bit", MEMORY | P | W | reserved, false, 9);
    touch("#PF write, reserved bit", MEMORY | P | W | reserved, true, 0xb);
    touch("#PF not present hides a reserved bit", MEMORY | reserved, false, 0);
    fetch("#PF fetch, NX", MEMORY | P | W | NX, 0x11);
    fetch("#PF fetch, not present", 0, 0x10);
    fetch("#PF fetch, reserved bit", MEMORY | P | reserved, 0x19);
    fetch("fetch", MEMORY | P, ~0ull);
    wrmsr(0xc0000080, rdmsr(0xc0000080) & ~0x800ull);
    touch("#PF NX bit without EFER.NXE is reserved", MEMORY | P | W | NX, false, 9);
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x800);
    map(0, MEMORY | P | W);
    map(1, 0);
    ATTEMPT("movq (%0), %%rax", : : "r"(page + 4092) : "rax", "memory");
    expect_pf("#PF across pages names the second", 0, WINDOW + 4096);
    ATTEMPT("movq %%rax, (%0)", : : "r"(page + 4092) : "memory");
    expect_pf("#PF write across pages names the second", 2, WINDOW + 4096);
    WRITE_CR(0, READ_CR(0) & ~0x10000ull);
    touch("write, read-only, no CR0.WP", MEMORY | P, true, ~0ull);
    WRITE_CR(0, READ_CR(0) | 0x10000);
}

/* SMEP, SMAP and protection keys: the supervisor and the user's pages. */
static void user_pages(void)
{
    uint32_t has = cpuid(7, 0).b;
    uint64_t cr4 = READ_CR(4);

    if (has >> 7 & 1) {
        fetch("a user's page is fetched from without SMEP", MEMORY | P | U, ~0ull);
        WRITE_CR(4, cr4 | 1 << 20);
        fetch("#PF SMEP", MEMORY | P | U, 0x11);
        WRITE_CR(4, cr4);
    }
    if (has >> 20 & 1) {
        WRITE_CR(4, cr4 | 1 << 21);
        touch("#PF SMAP read", MEMORY | P | W | U, false, 1);
        touch("#PF SMAP write", MEMORY | P | W | U, true, 3);
        ATTEMPT("stac\n\tmovb (%0), %%al\n\tclac", : : "D"(page) : "rax", "memory");
        expect("SMAP with AC set", NONE, 0);
        WRITE_CR(4, cr4);
    }
    if (cpuid(7, 0).c >> 3 & 1) {
        WRITE_CR(4, cr4 | 1 << 22);
        __asm__ volatile("wrpkru" : : "a"(1 << 6 | 2 << 8), "c"(0), "d"(0)); /* 3: AD, 4: WD */
        touch("#PF key 3, read", MEMORY | P | W | U | 3ull << 59, false, 0x21);
        touch("#PF key 3, write", MEMORY | P | W | U | 3ull << 59, true, 0x23);
        touch("key 4, read", MEMORY | P | W | U | 4ull << 59, false, ~0ull);
        touch("#PF key 4, write", MEMORY | P | W | U | 4ull << 59, true, 0x23);
        touch("a supervisor's page has no key", MEMORY | P | W | 3ull << 59, true, ~0ull);
        fetch("nor has a fetch", MEMORY | P | U | 3ull << 59, ~0ull);
        WRITE_CR(4, cr4);
    }
}

static void accessed_dirty(void)
{
    map(0, MEMORY | P | W);
    (void)*(volatile char *)page;
    check_value("A set by a read", window[0], MEMORY | P | W | A);
    *(volatile char *)page = 1;
    check_value("D set by a write", window[0], MEMORY | P | W | A | D);
}

/* ---- CPL 3 ---- */

static void put_user_code(const char *code, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        memory[16 + i] = code[i];
}

/* Runs n bytes of code at CPL 3, at WINDOW + 16. */
static void user(const char *code, unsigned n)
{
    put_user_code(code, n);
    map(0, MEMORY | P | W | U);
    ATTEMPT("pushq $0x23\n\tpushq $0x40000ff0\n\tpushfq\n\tpushq $0x2b\n\tpushq %0\n\tiretq",
            :
            : "r"(page + 16), "b"(page + 8192)
            : "rax", "rcx", "rdx", "memory");
    attempt_rip = WINDOW + 16;
}
#define USER(s) user(s, sizeof(s) - 1)

static void user_mode(void)
{
    map(2, MEMORY | P | W);
    USER("\x8a\x03"); /* mov (%rbx), %al */
    expect_pf("#PF CPL 3 reads a supervisor page", 5, WINDOW + 8192);
    USER("\x88\x03");
    expect_pf("#PF CPL 3 writes a supervisor page", 7, WINDOW + 8192);
    map(2, MEMORY | P | U);
    USER("\x88\x03");
    expect_pf("#PF CPL 3 writes a read-only page", 7, WINDOW + 8192);
    map(2, 0);
    USER("\x8a\x03");
    expect_pf("#PF CPL 3 reads, not present", 4, WINDOW + 8192);
    map(2, MEMORY | P | U | 1ull << 50);
    USER("\x8a\x03");
    expect_pf("#PF CPL 3 reads, reserved bit", 0xd, WINDOW + 8192);
    map(2, MEMORY | P | U | NX);
    USER("\xff\xe3");
    expect_pf("#PF CPL 3 fetches, NX", 0x15, WINDOW + 8192);
    USER("\xf4");
    expect("#GP HLT at CPL 3", GP, 0);
    USER("\x0f\x20\xc0");
    expect("#GP MOV from CR0 at CPL 3", GP, 0);
    USER("\x0f\x32");
    expect("#GP RDMSR at CPL 3", GP, 0);
    USER("\xfa");
    expect("#GP CLI at CPL 3, IOPL 0", GP, 0);
    USER("\xe4\x60");
    expect("#GP IN at CPL 3, no bitmap", GP, 0);
    USER("\xcd\x40");
    expect("#GP INT 40h, gate's DPL", GP, 0x40 * 8 + 2);
    USER("\xcc");
    expect("#GP INT3, gate's DPL", GP, BP * 8 + 2);
    USER("\x0f\x0b");
    expect("#UD at CPL 3", UD, 0);
    USER("\x31\xc0\x8e\xd0"); /* xor %eax, %eax; mov %eax, %ss */
    expect_at("#GP SS = null at CPL 3", GP, 0, 2);
    USER("\xf1"); /* INT1 ignores the gate's DPL */
    expect_at("#DB INT1 at CPL 3", DB, 0, 1);
}

/* ---- Addresses that are not canonical ---- */

static void not_canonical(void)
{
    ATTEMPT("movb (%0), %%al", : : "D"(BAD) : "rax");
    expect("#GP non-canonical read", GP, 0);
    ATTEMPT("movb %%al, (%0)", : : "D"(BAD));
    expect("#GP non-canonical write", GP, 0);
    ATTEMPT("movq -1(%0), %%rax", : : "D"(BAD) : "rax");
    expect("#GP read into the gap", GP, 0);
    ATTEMPT("movq %0, %%rsp\n\tnop\n\tmovb (%%rsp), %%al", : : "D"(BAD) : "rax");
    expect_at("#SS by RSP", SS, 0, 4);
    ATTEMPT("movq %0, %%rsp\n\tpushq %%rax", : : "r"(BAD + 16) : "memory");
    expect_at("#SS PUSH", SS, 0, 3);
    ATTEMPT("movq %0, %%rsp\n\tpopq %%rax", : : "D"(BAD) : "rax");
    expect_at("#SS POP", SS, 0, 3);
    ATTEMPT("movq %0, %%rsp\n\tcall 774f\n774:", : : "r"(BAD + 16) : "memory");
    expect_at("#SS CALL", SS, 0, 3);
    ATTEMPT("movq %0, %%rsp\n\tret", : : "D"(BAD));
    expect_at("#SS RET", SS, 0, 3);
    ATTEMPT("movq %0, %%rbp\n\tmovb (%%rbp), %%al", : : "d"(BAD) : "rax");
    expect_at("#SS by RBP", SS, 0, 3);
    ATTEMPT("movb %%ds:(%%rsp, %0), %%al", : : "D"(BAD) : "rax");
    expect("#SS RSP base with index (DS prefix ignored)", SS, 0);
    ATTEMPT("jmp *%0", : : "D"(BAD));
    expect("#GP near JMP", GP, 0);
    ATTEMPT("call *%0", : : "D"(BAD));
    expect("#GP near CALL", GP, 0);
    ATTEMPT("pushq %0\n\tret", : : "D"(BAD) : "memory");
    expect_at("#GP RET", GP, 0, 1);
    ATTEMPT("pushq $0x10\n\tpushq %%rsp\n\tpushfq\n\tpushq $8\n\tpushq %0\n\tiretq",
            :
            : "r"(BAD)
            : "memory");
    expect_at("#GP IRETQ", GP, 0, 7);
    ATTEMPT("invlpg (%0)", : : "D"(BAD));
    expect("INVLPG takes any address", NONE, 0);
}

/* ---- Segments ---- */

static void set_descriptor(unsigned selector, uint64_t value)
{
    *(volatile uint64_t *)&gdt64[selector / 8] = value;
}

#define LOAD(reg, v) ATTEMPT("mov %w0, %%" reg, : : "r"(v) : "memory")

static void segments(void)
{
    LOAD("ss", 0);
    expect("SS = null at CPL 0", NONE, 0);
    LOAD("ss", 3);
    expect("#GP SS = null with RPL 3", GP, 0);
    LOAD("ss", DATA | 3);
    expect("#GP SS of DPL 0 with RPL 3", GP, DATA);
    LOAD("ss", DATA_DPL3 | 3);
    expect("#GP SS of DPL 3", GP, DATA_DPL3);
    LOAD("ss", DATA_DPL3);
    expect("#GP SS of DPL 3 with RPL 0", GP, DATA_DPL3);
    LOAD("ss", CS64);
    expect("#GP SS of code", GP, CS64);
    LOAD("ss", 0xfff8);
    expect("#GP SS beyond the table", GP, 0xfff8);
    set_descriptor(SPARE, 0x00cf13000000ffff);
    LOAD("ss", SPARE);
    expect("#SS SS not present", SS, SPARE);
    LOAD("ds", SPARE);
    expect("#NP DS not present", NP, SPARE);
    set_descriptor(SPARE, 0x00cf99000000ffff); /* execute only */
    LOAD("ds", SPARE);
    expect("#GP DS of code not readable", GP, SPARE);
    set_descriptor(SPARE, 0x00cf91000000ffff);
    LOAD("ss", SPARE);
    expect("#GP SS read-only", GP, SPARE);
    LOAD("ds", SPARE);
    expect("DS read-only", NONE, 0);
    LOAD("ds", TSS0);
    expect("#GP DS of a TSS", GP, TSS0);
    LOAD("ss", DATA);
    LOAD("ds", DATA);
    ATTEMPT("pushq $0x18\n\tpushq $775f\n\tlretq\n775:\t.byte 0x8e, 0xd0\n\tud2", : : "a"(0));
    expect_at("#GP SS = null in compatibility mode", GP, 0, 9);
}

/* LJMP with REX.W through (RDI), which not all assemblers have a word for. */
#define FAR_JUMP ".byte 0x48, 0xff, 0x2f"

static void far(void)
{
    struct {
        uint64_t offset;
        uint16_t selector;
    } __attribute__((packed)) to = { MEMORY, 0 };

    ATTEMPT(FAR_JUMP, : : "D"(&to), "m"(to));
    expect("#GP far JMP null", GP, 0);
    to.selector = DATA;
    ATTEMPT(FAR_JUMP, : : "D"(&to), "m"(to));
    expect("#GP far JMP to data", GP, DATA);
    to.selector = CS64 | 3;
    ATTEMPT(FAR_JUMP, : : "D"(&to), "m"(to));
    expect("#GP far JMP RPL 3", GP, CS64);
    to.selector = USER_CS;
    ATTEMPT(FAR_JUMP, : : "D"(&to), "m"(to));
    expect("#GP far JMP DPL 3", GP, USER_CS & ~3);
    set_descriptor(SPARE, 0x00af1b000000ffff);
    to.selector = SPARE;
    ATTEMPT(FAR_JUMP, : : "D"(&to), "m"(to));
    expect("#NP far JMP not present", NP, SPARE);
    set_descriptor(SPARE, 0x00ef9b000000ffff);
    ATTEMPT(FAR_JUMP, : : "D"(&to), "m"(to));
    expect("#GP far JMP L and D", GP, SPARE);
    to.selector = CS64;
    to.offset = BAD;
    ATTEMPT(FAR_JUMP, : : "D"(&to), "m"(to));
    expect("#GP far JMP non-canonical", GP, 0);
}

/* ---- The others ---- */

static void others(void)
{
    ATTEMPT("divl %0", : : "r"(0), "a"(1), "d"(0));
    expect("#DE", DE, 0);
    ATTEMPT("divl %0", : : "r"(1), "a"(0), "d"(1));
    expect("#DE quotient", DE, 0);
    ATTEMPT("int3", :);
    expect_at("#BP", BP, 0, 1);
    ATTEMPT("ud2", :);
    expect("#UD UD2", UD, 0);
    ATTEMPT(".byte 0x06", :);
    expect("#UD PUSH ES", UD, 0);
    ATTEMPT(".byte 0xf0, 0x90", :);
    expect("#UD LOCK NOP", UD, 0);
    ATTEMPT("ud2\n\t.ascii \"kvm\"", :);
    expect("#UD UD2 kvm", UD, 0);
    ATTEMPT("vmcall", :);
    expect("#UD VMCALL", UD, 0);
    ATTEMPT("int $0x40", :);
    verdict("INT 40h", trap.vector == NONE && interrupts[0x40] == 1);
    ATTEMPT(".rept 15\n\t.byte 0x66\n\t.endr\n\tnop", :);
    expect("#GP 16 bytes", GP, 0);
    ATTEMPT("leaq 774f, %%rax\n\t.byte 0xf3, 0x0f, 0x1e, 0xfa, 0x3e, 0xff, 0xe0\n774:",
            :
            :
            : "rax");
    expect("ENDBR64, NOTRACK", NONE, 0);
    WRITE_CR(0, READ_CR(0) | 8);
    ATTEMPT("fninit", :);
    expect("#NM x87, CR0.TS", NM, 0);
    WRITE_CR(0, (READ_CR(0) & ~8ull) | 4);
    ATTEMPT("fninit", :);
    expect("#NM x87, CR0.EM", NM, 0);
    ATTEMPT("movaps %%xmm0, %%xmm1", :);
    expect("#UD SSE, CR0.EM", UD, 0);
    WRITE_CR(0, READ_CR(0) & ~4ull);
    ATTEMPT("movaps %%xmm0, %%xmm1", :);
    expect("#UD SSE, no CR4.OSFXSR", UD, 0);
    WRITE_CR(4, READ_CR(4) | 0x200);
    ATTEMPT("movaps (%0), %%xmm1", : : "r"(memory + 8));
    expect("#GP MOVAPS not aligned", GP, 0);
    if (cpuid(1, 0).c >> 13 & 1) {
        ATTEMPT("cmpxchg16b (%0)", : : "r"(memory + 8) : "memory");
        expect("#GP CMPXCHG16B not aligned", GP, 0);
    }
}

/* A handler that cannot be entered, and what becomes of that. */
static void double_faults(void)
{
    uint64_t saved = *idt_gate(UD), *volatile gate = idt_gate(UD);

    *gate = saved & ~(1ull << 47);
    ATTEMPT("ud2", :);
    expect("#NP gate not present, EXT", NP, UD * 8 + 3);
    *gate = saved;
    gate = idt_gate(GP);
    saved = *gate;
    *gate = saved & ~(1ull << 47);
    ATTEMPT("movb (%0), %%al", : : "D"(BAD) : "rax");
    expect("#DF", DF, 0);
    *gate = saved;
}

void guest_main(void)
{
    long_init();
    page_faults();
    user_pages();
    accessed_dirty();
    user_mode();
    not_canonical();
    segments();
    far();
    others();
    double_faults();
    finish();
}
