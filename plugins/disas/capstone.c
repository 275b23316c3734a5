/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* capstone - x86 code as text, by the library Capstone, in AT&T's syntax. */
#include <errno.h>
#include <stdio.h>

#include <capstone/capstone.h>

#include <tenon/disas.h>

static const struct {
    uint32_t bits;
    cs_mode mode;
} modes[] = { { 16, CS_MODE_16 }, { 32, CS_MODE_32 }, { 64, CS_MODE_64 } };

enum { N_MODES = sizeof(modes) / sizeof(modes[0]) };

struct capstone {
    struct tenon_dev *dev;
    csh handle[N_MODES]; /* 0: not open */
};

static int create(void *self)
{
    struct capstone *c = self;

    for (unsigned i = 0; i < N_MODES; i++) {
        cs_err err = cs_open(CS_ARCH_X86, modes[i].mode, &c->handle[i]);

        if (err == CS_ERR_OK)
            err = cs_option(c->handle[i], CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
        if (err != CS_ERR_OK)
            return tenon_error(c->dev, -ENOTSUP, "capstone: %s", cs_strerror(err));
    }
    return 0;
}

static void destroy(void *self)
{
    struct capstone *c = self;

    for (unsigned i = 0; i < N_MODES; i++)
        if (c->handle[i])
            cs_close(&c->handle[i]);
}

static csh handle_of(const struct capstone *c, uint32_t bits)
{
    for (unsigned i = 0; i < N_MODES; i++)
        if (modes[i].bits == bits)
            return c->handle[i];
    return 0;
}

static uint32_t one(void *self, const uint8_t *bytes, uint32_t n, uint64_t pc, uint32_t bits,
                    char *text, uint32_t room)
{
    csh handle = handle_of(self, bits);
    cs_insn *insn = NULL;
    uint32_t length;

    if (!handle || !cs_disasm(handle, bytes, n, pc, 1, &insn))
        return 0;
    snprintf(text, room, *insn->op_str ? "%-8s %s" : "%s", insn->mnemonic, insn->op_str);
    length = insn->size;
    cs_free(insn, 1);
    return length;
}

static const struct tenon_disas_ops ops = { .size = sizeof(ops), .one = one };

TENON_DISAS(capstone, "capstone", "Disassembler for x86, by the library Capstone", .ops = &ops,
            .create = create, .destroy = destroy);
TENON_PLUGIN(&tenon_type_capstone);
