/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* s3 - sleeps in ACPI S3 until the clock's alarm, and is woken in real mode at its waking vector.
 */
#include "state.h"

enum {
    RTC_SECONDS_ALARM = 1,
    RTC_MINUTES_ALARM = 3,
    RTC_HOURS_ALARM = 5,
    RTC_B = 0x0b,
    RTC_C = 0x0c
};
enum { ANY = 0xc0, AIE = 0x20 };
enum { RTC_EN = 1 << 10, SLP_EN = 1 << 13, S3 = 1 << 10 };
enum { VECTOR = 0x7000, MARK = 0x6000 };

/* In real mode: "woke" and the mark on COM1, then the end with status 33. */
extern const char wake_start[], wake_end[];
__asm__(".pushsection .text\n"
        ".code16\n"
        "wake_start:\n"
        "       xorw %ax, %ax\n"
        "       movw %ax, %ds\n"
        "       movw $0x3f8, %dx\n"
        "       movb $'w', %al; outb %al, %dx\n"
        "       movb $'o', %al; outb %al, %dx\n"
        "       movb $'k', %al; outb %al, %dx\n"
        "       movb $'e', %al; outb %al, %dx\n"
        "       movb $' ', %al; outb %al, %dx\n"
        "       movb 0x6000, %al; outb %al, %dx\n"
        "       movb $10, %al; outb %al, %dx\n"
        "       movb $16, %al; outb %al, $0xf4\n"
        "1:     hlt; jmp 1b\n"
        "wake_end:\n"
        ".code32\n"
        ".popsection\n");

static void *pointer(uint32_t addr)
{
    void *p;

    __asm__("" : "=r"(p) : "0"(addr));
    return p;
}

static void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static void cmos(uint8_t index, uint8_t value)
{
    outb(0x70, index);
    outb(0x71, value);
}

static const uint32_t *find_fadt(void)
{
    for (uint32_t at = 0xe0000; at < 0x100000; at += 16) {
        const uint32_t *rsdp = pointer(at);
        const uint32_t *rsdt;

        if (rsdp[0] != 0x20445352 || rsdp[1] != 0x20525450)
            continue;
        rsdt = pointer(rsdp[4]);
        for (uint32_t i = 0; i < (rsdt[1] - 36) / 4; i++)
            if (*(uint32_t *)pointer(rsdt[9 + i]) == 0x50434146)
                return pointer(rsdt[9 + i]);
    }
    return NULL;
}

void guest_main(const struct entry_state *s)
{
    const uint32_t *fadt = find_fadt();
    char *to = pointer(VECTOR);
    uint32_t *facs;

    if (!fadt)
        quit(1);
    for (const char *from = wake_start; from < wake_end; from++)
        *to++ = *from;
    *(char *)pointer(MARK) = '!';
    facs = pointer(fadt[36 / 4]);
    facs[3] = VECTOR;
    cmos(RTC_SECONDS_ALARM, ANY);
    cmos(RTC_MINUTES_ALARM, ANY);
    cmos(RTC_HOURS_ALARM, ANY);
    outb(0x70, RTC_C);
    inb(0x71);
    cmos(RTC_B, 0x02 | AIE);
    outw(fadt[56 / 4] + 2, RTC_EN);
    put_text("sleeping\n");
    *(char *)pointer(MARK) = '1';
    outw(fadt[64 / 4], S3 | SLP_EN);
    *(char *)pointer(MARK) = '2'; /* the sleep ends before this */
    for (;;)
        __asm__ volatile("hlt");
}
