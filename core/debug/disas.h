/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disas - guest code as text: the machine's disassembler, a plugin that is loaded when it is first
 * asked for. */
#ifndef TENON_CORE_DISAS_H
#define TENON_CORE_DISAS_H

#include <stdbool.h>
#include <stdint.h>

#include <tenon/disas.h>

struct disas;
struct machine;

/* Loads it, unless that has been done.  False: it cannot be had, and why has been reported, with
 * where before it.  [main, locked] */
bool disas_open(struct machine *m, const char *where);

/*
 * Writes the text of the first instruction of n bytes at address pc, code of 16, 32 or 64 bits,
 * into text, which has TENON_DISAS_TEXT bytes; returns its length in bytes.  Of what is no
 * instruction, ".byte 0x.." and 1; 0 if n is 0.  disas_open() has succeeded.  [any]
 */
unsigned disassemble(struct machine *m, const uint8_t *bytes, unsigned n, uint64_t pc,
                     unsigned bits, char *text);

/* Forgets it; the instance goes with the machine's others.  [main, locked] */
void disas_close(struct machine *m);

/* The service "tenon.disassembler/1". */
extern const struct tenon_disassembler disas_service;

#endif
