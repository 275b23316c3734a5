/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state - what start32.S saw at entry. */
#ifndef TENON_GUEST_STATE_H
#define TENON_GUEST_STATE_H

#include "guest.h"

struct entry_state {
    uint32_t eax, ebx, cr0, cr4;
    uint16_t cs, ds, es, ss;
    uint16_t idt_limit;
    uint32_t idt_base;
    uint16_t reserved;
    uint32_t eflags, reserved2;
} __attribute__((packed));

void guest_main(const struct entry_state *s);

static inline void show_state(const struct entry_state *s)
{
    show("eax", s->eax);
    show("cr0", s->cr0);
    show("cr4", s->cr4);
    show("cs", s->cs);
    show("ds", s->ds);
    show("es", s->es);
    show("ss", s->ss);
    show("idt", s->idt_base);
    show("interrupts", s->eflags >> 9 & 1);
}

#endif
