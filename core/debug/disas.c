/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disas - guest code as text: the machine's disassembler, a plugin. */

#include "debug/disas.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "machine/inst.h"
#include "machine/machine.h"
#include "plugin/plugin.h"

#define DISASSEMBLER "capstone"

struct disas {
    struct inst *inst;
    struct tenon_disas_ops ops;
    pthread_mutex_t lock;
};

bool disas_open(struct machine *m, const char *where)
{
    const struct type *type;
    struct disas *d;

    if (m->disas)
        return true;
    type = plugins_load(m->plugins, "disas", DISASSEMBLER, where);
    if (!type)
        return false;
    d = g_new0(struct disas, 1);
    d->inst = inst_create(m, type, NULL, where, NULL, 0);
    if (!d->inst) {
        g_free(d);
        return false;
    }
    table_copy(&d->ops, sizeof(d->ops), type->t.ops);
    pthread_mutex_init(&d->lock, NULL);
    __atomic_store_n(&m->disas, d, __ATOMIC_RELEASE);
    return true;
}

void disas_close(struct machine *m)
{
    if (!m->disas)
        return;
    pthread_mutex_destroy(&m->disas->lock);
    g_clear_pointer(&m->disas, g_free);
}

unsigned disassemble(struct machine *m, const uint8_t *bytes, unsigned n, uint64_t pc,
                     unsigned bits, char *text)
{
    struct disas *d = __atomic_load_n(&m->disas, __ATOMIC_ACQUIRE);
    unsigned length = 0;

    if (!n)
        return 0;
    if (d) {
        pthread_mutex_lock(&d->lock);
        length = d->ops.one(d->inst->state, bytes, n, pc, bits, text, TENON_DISAS_TEXT);
        pthread_mutex_unlock(&d->lock);
    }
    if (length && length <= n)
        return length;
    snprintf(text, TENON_DISAS_TEXT, "%-8s 0x%02x", ".byte", bytes[0]);
    return 1;
}

static uint32_t service_one(struct tenon_dev *dev, const uint8_t *bytes, uint32_t n, uint64_t pc,
                            uint32_t bits, char *text, uint32_t room)
{
    struct machine *m = inst_of(dev)->machine;
    char line[TENON_DISAS_TEXT];
    uint32_t length;

    if (!__atomic_load_n(&m->disas, __ATOMIC_ACQUIRE))
        return 0;
    length = disassemble(m, bytes, n, pc, bits, line);
    if (length && room)
        g_strlcpy(text, line, room);
    return length;
}

static bool service_open(struct tenon_dev *dev)
{
    struct machine *m = inst_of(dev)->machine;

    return m->disas || (plugins_have(m->plugins, "disas", DISASSEMBLER) && disas_open(m, NULL));
}

const struct tenon_disassembler disas_service = {
    .size = sizeof(disas_service),
    .one = service_one,
    .open = service_open,
};
