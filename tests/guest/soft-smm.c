/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-smm - system management RAM at A0000h: who sees it and when, a handler in it that port B2h
 * enters, and the lock.  Firmware may have been there before.  Runs with two processors.
 *
 * Intel 82441FX data sheet (SMRAM), 82371AB data sheet (APMC, GLBCTL, GLBSTS, DEVACTB); Intel SDM
 * volume 3, chapter 31; AMD APM volume 2, section 10.2 (save area).
 */
#include "long.h"

enum { HOST = 0, PM = 0xb00, SMRAMC = 0x72, PMBASE = 0x40, DEVACTB = 0x58, PMREGMISC = 0x80 };
enum { D_OPEN = 0x40, D_LCK = 0x10, G_SMRAME = 8, AT_A0000 = 2 };
enum { GLBSTS = 0x18, GLBCTL = 0x28, APM_STS = 0x20 };
enum { SECRET = 0x5ec4e7 };

static volatile uint32_t *const smram = (volatile uint32_t *)0xa1000ull;

/* What handlers do. */
volatile uint32_t moved, handled, found, long_ones, inside, other_done;

/* The first, at 38000h: SMBASE becomes A0000h.  The second, in SMRAM: notes what it finds there,
 * and stays until the other processor has looked, if it is to. */
__asm__(".code16\n"
        "mover: movl $moved, %ebx\n\tincl (%ebx)\n\tmovl $0xff00, %edi\n\t"
        "movl $0xa0000, %cs:(%edi)\n\trsm\n"
        "mover_end:\n"
        "handler: movl $0xa1000, %esi\n\tmovl (%esi), %eax\n\tmovl $found, %edi\n\t"
        "movl %eax, (%edi)\n\tmovl $handled, %ebx\n\tincl (%ebx)\n\t"
        "movl $long_ones, %ebx\n\tcmpl $0, (%ebx)\n\tje 2f\n\t"
        "movl $inside, %ebx\n\tmovl $1, (%ebx)\n\tmovl $other_done, %ebx\n\t"
        "movl $50000000, %ecx\n1:\tcmpl $0, (%ebx)\n\tjne 2f\n\tdecl %ecx\n\tjnz 1b\n"
        "2:\tmovl $0x11111111, %ebp\n\trsm\n"
        "handler_end:\n"
        ".code64\n");
extern char mover[], mover_end[], handler[], handler_end[];

/* ---- PCI ---- */

static void config_at(unsigned devfn_reg)
{
    outl(0xcf8, 0x80000000 | devfn_reg);
}

static uint8_t smramc(void)
{
    config_at(HOST | (SMRAMC & ~3));
    return inb(0xcfc + (SMRAMC & 3));
}

static void set_smramc(uint8_t value)
{
    config_at(HOST | (SMRAMC & ~3));
    outb(0xcfc + (SMRAMC & 3), value);
}

static uint16_t pm_ports(void)
{
    config_at(PM | PMBASE);
    if (!(inl(0xcfc) & 0xffc0))
        outl(0xcfc, 0x600);
    config_at(PM | PMREGMISC);
    outb(0xcfc, 1);
    config_at(PM | PMBASE);
    return inl(0xcfc) & 0xffc0;
}

static void set_apmc_en(bool on)
{
    config_at(PM | DEVACTB);
    outl(0xcfc, (inl(0xcfc) & ~(1u << 25)) | (uint32_t)on << 25);
}

/* ---- Handlers ---- */

static void copy(uint64_t to, const char *from, const char *end)
{
    volatile char *p = (volatile char *)to;

    while (from < end)
        *p++ = *from++;
}

static bool visible(void)
{
    *smram = SECRET + 1;
    return *smram == SECRET + 1;
}

static void ask(void)
{
    uint64_t rbp = 0x123456789abcdef0, rax = 7;

    __asm__ volatile("xchgq %%rbp, %1\n\toutb %%al, $0xb2\n\tnop\n\txchgq %%rbp, %1"
                     : "+a"(rax), "+c"(rbp)
                     :
                     : "memory");
    check_value("    RBP is as before", rbp, 0x123456789abcdef0);
}

/* ---- Checks ---- */

static void opened(bool firmware)
{
    check_value("SMRAMC", smramc(), firmware ? G_SMRAME | AT_A0000 : AT_A0000);
    verdict("nothing is seen at A0000h", !visible());
    set_smramc(D_OPEN | AT_A0000);
    verdict("D_OPEN without G_SMRAME: nor then", !visible());
    set_smramc(D_OPEN | G_SMRAME | AT_A0000);
    verdict("D_OPEN: RAM", visible());
    *smram = SECRET;
    copy(0xa8000, handler, handler_end);
    copy(0x38000, mover, mover_end);
    set_smramc(G_SMRAME | AT_A0000);
    verdict("closed", !visible());
}

static void interrupts_of_management(bool firmware, uint16_t pm)
{
    set_apmc_en(false);
    outw(pm + GLBCTL, 1);
    ask();
    check_value("without APMC_EN: no SMI", moved + handled, 0);
    set_apmc_en(true);
    outw(pm + GLBCTL, 0);
    ask();
    check_value("without SMI_EN: no SMI", moved + handled, 0);
    outw(pm + GLBCTL, 1);
    outw(pm + GLBSTS, 0xffff);
    if (!firmware) {
        ask();
        check_value("an SMI at SMBASE 30000h", moved, 1);
    }
    ask();
    check_value("an SMI at SMBASE A0000h", handled, 1);
    check_value("    sees SMRAM", found, SECRET);
    check_value("    APM_STS", inb(pm + GLBSTS), APM_STS);
    outb(pm + GLBSTS, APM_STS);
    check_value("    cleared", inb(pm + GLBSTS), 0);
    verdict("    behind RSM it is not seen", !visible());
}

static volatile uint32_t other_saw;

static void look(void)
{
    while (!inside)
        __asm__ volatile("pause");
    *smram = SECRET + 2;
    other_saw = *smram;
    other_done = 1;
}

static void beside(void)
{
    start_others();
    reached(&cpus_online, 2);
    long_ones = 1;
    run_on(1, look);
    ask();
    check_value("the other processor was there meanwhile", inside + other_done, 2);
    wait_for(1);
    verdict("    and saw nothing", other_saw != SECRET && other_saw != SECRET + 2);
    long_ones = 0;
    ask();
    check_value("    nor wrote anything", found, SECRET);
}

static void locked(void)
{
    set_smramc(D_OPEN | D_LCK | G_SMRAME | AT_A0000);
    check_value("D_LCK closes", smramc(), D_LCK | G_SMRAME | AT_A0000);
    set_smramc(D_OPEN | G_SMRAME | AT_A0000);
    check_value("    stays", smramc(), D_LCK | G_SMRAME | AT_A0000);
    verdict("    nothing is seen", !visible());
    set_smramc(AT_A0000);
    handled = 0;
    ask();
    check_value("    SMIs go on", handled, 1);
    check_value("    with what there was", found, SECRET);
}

void guest_main(void)
{
    bool firmware = smramc() & G_SMRAME;

    long_init();
    show("firmware was there", firmware);
    opened(firmware);
    interrupts_of_management(firmware, pm_ports());
    beside();
    locked();
    finish();
}
