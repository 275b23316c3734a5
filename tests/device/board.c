/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* board - a machine in the test's own process: see board.h. */

#include "board.h"

#include <string.h>

#include "bus/bus.h"
#include "cpu/accel.h"
#include "cpu/qtest.h"
#include "loop/loop.h"
#include "machine/inst.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

#include "chardev-test.h"

struct far_end {
    const char *id;
    struct test *test;
    GString *sent, *waiting;
    size_t limit;
};

struct board {
    struct config *config;
    struct plugins *plugins;
    struct machine *m;
    GPtrArray *far_ends;
};

/* ---- Far ends of chardevs ---- */

static size_t far_sent(void *arg, const void *buf, size_t len)
{
    struct far_end *f = arg;
    size_t n = MIN(len, f->limit);

    g_string_append_len(f->sent, buf, n);
    f->limit -= f->limit == SIZE_MAX ? 0 : n;
    return n;
}

static const struct tenon_chardev_host *chr_host(const struct far_end *f)
{
    return tenon_query(f->test->dev, "tenon.chardev/1");
}

static void far_ready(void *arg)
{
    struct far_end *f = arg;
    size_t took;

    if (!f->waiting->len)
        return;
    took = chr_host(f)->input(f->test->dev, f->waiting->str, f->waiting->len);
    g_string_erase(f->waiting, 0, took);
}

static void adopt(struct board *b)
{
    for (struct inst *i = b->m->insts; i; i = i->next) {
        struct far_end *f;

        if (strcmp(i->type->t.kind, "chardev") || strcmp(i->type->t.name, "test"))
            continue;
        f = g_new0(struct far_end, 1);
        *f = (struct far_end){ .id = i->pub.id,
                               .test = i->state,
                               .sent = g_string_new(""),
                               .waiting = g_string_new(""),
                               .limit = SIZE_MAX };
        f->test->arg = f;
        f->test->sent = far_sent;
        f->test->ready = far_ready;
        g_ptr_array_add(b->far_ends, f);
    }
}

static struct far_end *far_end(struct board *b, const char *id)
{
    for (unsigned i = 0; i < b->far_ends->len; i++)
        if (!strcmp(((struct far_end *)b->far_ends->pdata[i])->id, id))
            return b->far_ends->pdata[i];
    g_error("there is no -chardev test of id %s", id);
}

/* ---- Life ---- */

static void collect(void *arg, const char *line)
{
    g_string_append(arg, line);
}

struct board *board_try(const char *options, char **errors)
{
    struct board *b = g_new0(struct board, 1);
    struct options_want want;
    GString *said = g_string_new("");
    char *line = g_strconcat("tenon -machine kernel-irqchip=on -accel qtest ", options, NULL);
    char **argv = NULL;
    int argc = 0;

    g_assert_true(g_shell_parse_argv(line, &argc, &argv, NULL));
    report_redirect(collect, said);
    b->config = config_create();
    b->plugins = plugins_create(NULL);
    bus_describe(b->plugins);
    b->far_ends = g_ptr_array_new();
    if (!options_parse(b->config, argc, argv, &want))
        b->m = machine_create(b->config, b->plugins);
    report_redirect(NULL, NULL);
    g_strfreev(argv);
    g_free(line);
    *errors = g_string_free(said, FALSE);
    if (b->m) {
        loop_lock(b->m->loop);
        adopt(b);
        machine_resume(b->m);
        return b;
    }
    board_finish(b);
    return NULL;
}

struct board *board_start(const char *options)
{
    char *errors;
    struct board *b = board_try(options, &errors);

    if (!b)
        g_error("%s: %s", options, errors);
    g_free(errors);
    return b;
}

void board_finish(struct board *b)
{
    for (unsigned i = 0; i < b->far_ends->len; i++) {
        struct far_end *f = b->far_ends->pdata[i];

        g_string_free(f->sent, TRUE);
        g_string_free(f->waiting, TRUE);
        f->test->sent = NULL;
        f->test->ready = NULL;
        g_free(f);
    }
    g_ptr_array_free(b->far_ends, TRUE);
    if (b->m) {
        machine_pause(b->m, STATE_PAUSED);
        loop_unlock(b->m->loop);
    }
    machine_destroy(b->m);
    plugins_destroy(b->plugins);
    config_destroy(b->config);
    g_free(b);
}

struct machine *board_machine(struct board *b)
{
    return b->m;
}

void board_iterate(struct board *b)
{
    loop_unlock(b->m->loop);
    loop_iterate(b->m->loop, false);
    loop_lock(b->m->loop);
}

void board_reset(struct board *b)
{
    machine_reset(b->m);
}

unsigned board_power(struct board *b, int *code)
{
    unsigned what = b->m->request;

    if (code)
        *code = b->m->request_code;
    b->m->request = 0;
    return what;
}

/* ---- Accesses ---- */

uint8_t inb(struct board *b, uint16_t port)
{
    return space_read(b->m->io, port, 1, true);
}

uint16_t inw(struct board *b, uint16_t port)
{
    return space_read(b->m->io, port, 2, true);
}

uint32_t inl(struct board *b, uint16_t port)
{
    return space_read(b->m->io, port, 4, true);
}

void outb(struct board *b, uint16_t port, uint8_t value)
{
    space_write(b->m->io, port, value, 1, true);
}

void outw(struct board *b, uint16_t port, uint16_t value)
{
    space_write(b->m->io, port, value, 2, true);
}

void outl(struct board *b, uint16_t port, uint32_t value)
{
    space_write(b->m->io, port, value, 4, true);
}

uint64_t mem_read(struct board *b, uint64_t addr, unsigned size)
{
    return space_read(b->m->mem, addr, size, true);
}

void mem_write(struct board *b, uint64_t addr, uint64_t value, unsigned size)
{
    space_write(b->m->mem, addr, value, size, true);
}

void mem_copy_in(struct board *b, uint64_t addr, void *buf, size_t len)
{
    space_copy_in(b->m->mem, addr, buf, len, false, true);
}

void mem_copy_out(struct board *b, uint64_t addr, const void *buf, size_t len)
{
    space_copy_out(b->m->mem, addr, buf, len, false, true);
}

static uint16_t select_config(struct board *b, unsigned slot, unsigned function, unsigned reg)
{
    outl(b, 0xcf8, 0x80000000 | slot << 11 | function << 8 | (reg & ~3u));
    return 0xcfc + (reg & 3);
}

uint32_t pci_read(struct board *b, unsigned slot, unsigned function, unsigned reg, unsigned size)
{
    return space_read(b->m->io, select_config(b, slot, function, reg), size, true);
}

void pci_write(struct board *b, unsigned slot, unsigned function, unsigned reg, uint32_t value,
               unsigned size)
{
    space_write(b->m->io, select_config(b, slot, function, reg), value, size, true);
}

/* ---- Time and interrupts ---- */

void board_step(struct board *b, uint64_t ns)
{
    loop_step_to(b->m->loop, loop_now(b->m->loop, CLOCK_GUEST) + ns);
}

bool board_irq(struct board *b, unsigned gsi)
{
    return b->m->gsi_high[gsi];
}

unsigned board_edges(struct board *b, unsigned gsi)
{
    return qtest_edges(b->m->accel, gsi);
}

void board_drive(struct board *b, unsigned gsi, bool level)
{
    machine_gsi(b->m, gsi, level);
}

void board_stall(struct board *b, uint64_t ns)
{
    loop_set_guest_time(b->m->loop, loop_now(b->m->loop, CLOCK_GUEST) + ns);
}

bool board_intr(struct board *b)
{
    return qtest_intr(b->m->accel);
}

int board_ack(struct board *b)
{
    return machine_acknowledge(b->m);
}

void board_eoi(struct board *b, uint8_t vector)
{
    machine_eoi(b->m, vector);
}

bool board_msi(struct board *b, uint64_t *addr, uint32_t *data)
{
    struct qtest_msi msi;

    if (!qtest_take_msi(b->m->accel, &msi))
        return false;
    *addr = msi.addr;
    *data = msi.data;
    return true;
}

void board_refuse_msis(struct board *b, bool refuse)
{
    qtest_refuse_msis(b->m->accel, refuse);
}

/* ---- Character devices ---- */

GString *board_sent(struct board *b, const char *id)
{
    return far_end(b, id)->sent;
}

void board_receive(struct board *b, const char *id, const void *data, size_t len)
{
    struct far_end *f = far_end(b, id);

    g_string_append_len(f->waiting, data, len);
    far_ready(f);
}

size_t board_waiting(struct board *b, const char *id)
{
    return far_end(b, id)->waiting->len;
}

void board_chr_limit(struct board *b, const char *id, size_t room)
{
    struct far_end *f = far_end(b, id);
    bool more = room > f->limit;

    f->limit = room;
    if (more)
        chr_host(f)->sent(f->test->dev);
}

void board_chr_event(struct board *b, const char *id, int event)
{
    struct far_end *f = far_end(b, id);

    chr_host(f)->event(f->test->dev, event);
}

void board_chr_lines(struct board *b, const char *id, uint32_t lines)
{
    far_end(b, id)->test->lines = lines;
}

uint32_t board_chr_driven(struct board *b, const char *id)
{
    return far_end(b, id)->test->driven;
}

int board_chr_last_event(struct board *b, const char *id)
{
    return far_end(b, id)->test->last_event;
}
