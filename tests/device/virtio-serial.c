/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtio-serial - ports: what the driver is told, opening and closing, and that nothing is lost. */

#include "virtio-driver.h"

#include <tenon/chardev.h>

#include "bus/bus.h"
#include "chardev/chardev.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "plugin/plugin.h"

static struct driver start(void)
{
    return driver_start("virtio-serial-pci", false, BIT(F_EVENT));
}

static void put_text(struct driver *d, const char *text)
{
    mem_copy_out(d->b, BUFFERS + 0x100, text, strlen(text));
}

static bool user_open(struct driver *d, const char *chardev)
{
    return chardev_user_open(chardev_find(board_machine(d->b), chardev));
}

/* ---- Opening and closing ---- */

static void both_ends_open_and_close(void)
{
    struct driver d = start();

    g_assert_true(user_open(&d, "b"));
    g_assert_cmpint(board_chr_last_event(d.b, "b"), ==, TENON_CHR_OPENED);
    tell(&d, 1, 6, 0);
    g_assert_false(user_open(&d, "b"));
    g_assert_cmpint(board_chr_last_event(d.b, "b"), ==, TENON_CHR_CLOSED);
    board_chr_event(d.b, "b", TENON_CHR_CLOSED);
    assert_told(&d, "1 6 0");
    board_chr_event(d.b, "b", TENON_CHR_OPENED);
    assert_told(&d, "1 6 1");
    board_chr_event(d.b, "a", TENON_CHR_CLOSED); /* a console's end is always open */
    assert_told(&d, "");
    tell(&d, 1, 6, 1);
    board_reset(d.b);
    g_assert_false(user_open(&d, "b"));
    board_finish(d.b);
}

/* Messages wait for buffers: of what has come and gone, the driver hears how it is now. */
static void messages_wait(void)
{
    struct driver d = start();

    for (unsigned i = 0; i < 1001; i++)
        board_chr_event(d.b, "b", i % 2 ? TENON_CHR_OPENED : TENON_CHR_CLOSED);
    assert_told(&d, "1 6 0");
    assert_told(&d, "");
    for (unsigned i = 0; i < 1000; i++)
        tell(&d, 1, 3, 1);
    assert_told(&d, "1 7 1 org.b"); /* into the buffer that has waited since */
    board_finish(d.b);
}

static void strange_messages(void)
{
    struct driver d = start();

    tell(&d, 2, 3, 1); /* no such port */
    tell(&d, UINT32_MAX, 6, 1);
    tell(&d, 1, 99, 1);                /* no such event */
    tell(&d, 1, 3, 0);                 /* the driver could not */
    add_one(&d, 3, BUFFERS, 3, false); /* too short */
    g_assert_cmpint(used(&d, 3), ==, 0);
    add_one(&d, 2, BUFFERS, 3, true); /* room for half a message */
    tell(&d, 0, 0, 1);
    g_assert_cmpint(used(&d, 2), ==, 3);
    g_assert_cmphex(status(&d), ==, 15);
    board_finish(d.b);
}

/* ---- Flow control ---- */

static void slow_far_end(void)
{
    struct driver d = start();

    put_text(&d, "0123456789");
    board_chr_limit(d.b, "b", 3);
    add_one(&d, 5, BUFFERS + 0x100, 10, false);
    add_one(&d, 5, BUFFERS + 0x100, 5, false);
    g_assert_cmpint(used(&d, 5), ==, -1);
    board_chr_limit(d.b, "b", 7);
    g_assert_cmpint(used(&d, 5), ==, 0);
    g_assert_cmpint(used(&d, 5), ==, -1);
    board_step(d.b, 5000000000); /* a port's patience has no end */
    board_chr_limit(d.b, "b", SIZE_MAX);
    g_assert_cmpint(used(&d, 5), ==, 0);
    g_assert_cmpstr(board_sent(d.b, "b")->str, ==, "012345678901234");
    board_finish(d.b);
}

static void closed_far_end(void)
{
    struct driver d = start();

    put_text(&d, "0123456789");
    board_chr_limit(d.b, "b", 4);
    add_one(&d, 5, BUFFERS + 0x100, 10, false);
    board_chr_event(d.b, "b", TENON_CHR_CLOSED);
    add_one(&d, 5, BUFFERS + 0x100, 10, false);
    board_chr_limit(d.b, "b", SIZE_MAX);
    g_assert_cmpstr(board_sent(d.b, "b")->str, ==, "0123");
    board_chr_event(d.b, "b", TENON_CHR_OPENED);
    g_assert_cmpstr(board_sent(d.b, "b")->str, ==, "01234567890123456789");
    board_finish(d.b);
}

static void guest_without_buffers(void)
{
    struct driver d = start();
    char got[64];

    board_receive(d.b, "b", "0123456789", 10);
    g_assert_cmpuint(board_waiting(d.b, "b"), ==, 10);
    add_one(&d, 4, BUFFERS + 0x200, 4, true);
    g_assert_cmpint(used(&d, 4), ==, 4);
    g_assert_cmpuint(board_waiting(d.b, "b"), ==, 6);
    tell(&d, 1, 6, 0); /* nor while the port is closed */
    add_one(&d, 4, BUFFERS + 0x204, 4, true);
    g_assert_cmpint(used(&d, 4), ==, -1);
    tell(&d, 1, 6, 1);
    g_assert_cmpint(used(&d, 4), ==, 4);
    add_one(&d, 4, BUFFERS + 0x208, 4, true);
    g_assert_cmpint(used(&d, 4), ==, 2);
    mem_copy_in(d.b, BUFFERS + 0x200, got, 10);
    g_assert_cmpint(memcmp(got, "0123456789", 10), ==, 0);
    board_finish(d.b);
}

static void buffers_in_pieces(void)
{
    struct driver d = start();
    const struct desc in[] = { { BUFFERS + 0x200, 3, WRITE, 0 }, { BUFFERS + 0x300, 5, WRITE, 0 } };
    const struct desc both[] = { { BUFFERS + 0x100, 2, 0, 0 }, { BUFFERS + 0x300, 5, WRITE, 0 } };
    char got[8] = "";

    add(&d, 4, in, 2);
    kick(&d, 4);
    board_receive(d.b, "b", "abcdefg", 7);
    g_assert_cmpint(used(&d, 4), ==, 7);
    mem_copy_in(d.b, BUFFERS + 0x200, got, 3);
    mem_copy_in(d.b, BUFFERS + 0x300, got + 3, 4);
    g_assert_cmpstr(got, ==, "abcdefg");
    put_text(&d, "xy");
    add(&d, 5, both, 2); /* of what is sent, parts to write count for nothing */
    kick(&d, 5);
    g_assert_cmpint(used(&d, 5), ==, 0);
    g_assert_cmpstr(board_sent(d.b, "b")->str, ==, "xy");
    add_one(&d, 4, BUFFERS, 8, false); /* nothing can be received into that */
    board_receive(d.b, "b", "z", 1);
    g_assert_cmphex(status(&d), ==, 15 | NEEDS_RESET);
    board_finish(d.b);
}

/* Who makes buffers as fast as they are used does not keep the loop from other work. */
static void others_get_their_turn(void)
{
    const struct desc one = { BUFFERS + 0x200, 1, WRITE, 0 };
    struct driver d = start();
    unsigned waits = 0;

    for (unsigned i = 0; i < 3000; i++) {
        add(&d, 4, &one, 1); /* without telling the device */
        board_receive(d.b, "b", "x", 1);
        if (board_waiting(d.b, "b")) {
            waits++;
            board_step(d.b, 1);
        }
        g_assert_cmpint(used(&d, 4), ==, 1);
    }
    g_assert_cmpuint(waits, ==, 2);
    board_finish(d.b);
}

/* Drivers wait for a console's output; they are not kept for ever. */
static void a_consoles_patience(void)
{
    struct driver d = start();

    put_text(&d, "0123456789");
    board_chr_limit(d.b, "a", 3);
    add_one(&d, 1, BUFFERS + 0x100, 10, false);
    board_step(d.b, 900000000);
    g_assert_cmpint(used(&d, 1), ==, -1);
    board_step(d.b, 200000000);
    g_assert_cmpint(used(&d, 1), ==, 0);
    add_one(&d, 1, BUFFERS + 0x100, 10, false);
    g_assert_cmpint(used(&d, 1), ==, 0);
    g_assert_cmpstr(board_sent(d.b, "a")->str, ==, "012");
    board_chr_limit(d.b, "a", SIZE_MAX); /* it takes something again */
    add_one(&d, 1, BUFFERS + 0x100, 10, false);
    g_assert_cmpstr(board_sent(d.b, "a")->str, ==, "0120123456789");
    board_finish(d.b);
}

/* ---- Other drivers ---- */

static void one_port_without_messages(void)
{
    struct driver d = { .b = board_start("-nodefaults -chardev test,id=a -device "
                                         "virtio-serial-pci,max_ports=1,addr=5 -device "
                                         "virtconsole,chardev=a") };

    place(d.b);
    set_status(&d, 3);
    accept(&d, BIT(F_VERSION_1));
    set_status(&d, 11);
    enable(&d, 0);
    enable(&d, 1);
    set_status(&d, 15);
    put_text(&d, "login: ");
    add_one(&d, 1, BUFFERS + 0x100, 7, false);
    g_assert_cmpstr(board_sent(d.b, "a")->str, ==, "login: ");
    board_receive(d.b, "a", "root", 4);
    add_one(&d, 0, BUFFERS + 0x200, 16, true);
    g_assert_cmpint(used(&d, 0), ==, 4);
    board_finish(d.b);
}

static void emergency_write(void)
{
    struct driver d = driver_place("virtio-serial-pci");

    mem_write(d.b, CONFIG + 8, 'o', 4);
    outl(d.b, IO + 0x14 + 8, 'k');
    g_assert_cmpstr(board_sent(d.b, "a")->str, ==, "ok");
    mem_write(d.b, CONFIG + 4, 1, 4);
    g_assert_cmpuint(mem_read(d.b, CONFIG + 4, 4), ==, 31);
    board_finish(d.b);
}

/* ---- Ports that come and go ---- */

static struct inst *plug(struct driver *d, const char *id)
{
    struct machine *m = board_machine(d->b);
    const struct setting settings[] = { { "bus", "vs.0" }, { "nr", "7" }, { "name", id } };
    const struct type *type = plugins_load(m->plugins, "device", "virtserialport", "test");
    struct inst *inst = inst_create(m, type, id, "test", settings, G_N_ELEMENTS(settings));

    g_assert_nonnull(inst);
    inst_reset(inst);
    return inst;
}

static void hot_plug(void)
{
    struct driver d = start();
    struct inst *port = plug(&d, "late");

    assert_told(&d, "7 1 1");
    tell(&d, 7, 3, 1);
    assert_told(&d, "7 7 1 late");
    inst_destroy(port);
    assert_told(&d, "7 2 1");
    port = plug(&d, "other");
    assert_told(&d, "7 1 1");
    inst_destroy(port); /* before the driver has said READY */
    plug(&d, "third");
    assert_told(&d, "7 2 1");
    assert_told(&d, "7 1 1");
    board_finish(d.b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/virtio-serial/" #name, name)
    TEST(both_ends_open_and_close);
    TEST(messages_wait);
    TEST(strange_messages);
    TEST(slow_far_end);
    TEST(closed_far_end);
    TEST(guest_without_buffers);
    TEST(buffers_in_pieces);
    TEST(others_get_their_turn);
    TEST(a_consoles_patience);
    TEST(one_port_without_messages);
    TEST(emergency_write);
    TEST(hot_plug);
    return g_test_run();
}
