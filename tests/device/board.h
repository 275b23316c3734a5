/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * board - a machine in the test's own process, with no processor running and time that moves when
 * the test says so; its devices are driven by port and memory accesses.
 */
#ifndef TENON_TEST_BOARD_H
#define TENON_TEST_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

struct board;

/* "-nodefaults -serial chardev:..." as after "tenon -accel qtest"; ends the test if it fails. */
struct board *board_start(const char *options);
/* The same, but returns NULL and what was reported in *errors (to be freed). */
struct board *board_try(const char *options, char **errors);
void board_finish(struct board *b);
/* For tests that are the core's part in it. */
struct machine *board_machine(struct board *b);

uint8_t inb(struct board *b, uint16_t port);
uint16_t inw(struct board *b, uint16_t port);
uint32_t inl(struct board *b, uint16_t port);
void outb(struct board *b, uint16_t port, uint8_t value);
void outw(struct board *b, uint16_t port, uint16_t value);
void outl(struct board *b, uint16_t port, uint32_t value);
uint64_t mem_read(struct board *b, uint64_t addr, unsigned size);
void mem_write(struct board *b, uint64_t addr, uint64_t value, unsigned size);
void mem_copy_in(struct board *b, uint64_t addr, void *buf, size_t len); /* from the guest */
void mem_copy_out(struct board *b, uint64_t addr, const void *buf, size_t len);

/* PCI configuration space of bus 0 through ports CF8h and CFCh. */
uint32_t pci_read(struct board *b, unsigned slot, unsigned function, unsigned reg, unsigned size);
void pci_write(struct board *b, unsigned slot, unsigned function, unsigned reg, uint32_t value,
               unsigned size);

void board_step(struct board *b, uint64_t ns);       /* guest time goes on */
bool board_irq(struct board *b, unsigned gsi);       /* level of an interrupt controllers' input */
unsigned board_edges(struct board *b, unsigned gsi); /* how often it has risen since the start */
/* Raises or lowers the input as one more device at it. */
void board_drive(struct board *b, unsigned gsi, bool level);
/* Moves guest time without firing timers, as when the program was kept from running. */
void board_stall(struct board *b, uint64_t ns);
/* Lets the event loop see what is ready now. */
void board_iterate(struct board *b);
void board_reset(struct board *b);

/*
 * With "-machine kernel-irqchip=off" the chips are devices.  INTR of the 8259A, the vector it gives
 * a processor that acknowledges, the end of a level-triggered interrupt of that vector in a local
 * APIC, and the messages sent: false if there is none (left), otherwise the oldest.
 */
bool board_intr(struct board *b);
int board_ack(struct board *b);
void board_eoi(struct board *b, uint8_t vector);
bool board_msi(struct board *b, uint64_t *addr, uint32_t *data);
void board_refuse_msis(struct board *b, bool refuse); /* no processor takes them */
/* What a device asked for last (TENON_POWER_*), 0 for nothing; and the code with it. */
unsigned board_power(struct board *b, int *code);

/*
 * The far end of "-chardev test,id=ID": what the device has sent, and what it is to receive.
 * Received bytes queue up until the device takes them.
 */
GString *board_sent(struct board *b, const char *id); /* the test may truncate it */
void board_receive(struct board *b, const char *id, const void *data, size_t len);
size_t board_waiting(struct board *b, const char *id); /* not yet taken by the device */
void board_chr_limit(struct board *b, const char *id,
                     size_t room); /* write() takes so much, then 0 */
void board_chr_event(struct board *b, const char *id, int event);
void board_chr_lines(struct board *b, const char *id, uint32_t lines); /* modem lines it has on */
uint32_t board_chr_driven(struct board *b, const char *id); /* ... and those the device has */
int board_chr_last_event(struct board *b, const char *id);  /* sent by the device */

#endif
