/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mux - several users at one chardev: who gets what, the keys after Ctrl-a, and flow control. */

#include "board.h"

#include <string.h>

#include "chardev/chardev.h"
#include "machine/inst.h"
#include "machine/machine.h"

enum { COM1 = 0x3f8, COM2 = 0x2f8, LSR = 5, FCR = 2, MCR = 4 };

static struct board *start(const char *more)
{
    char *line = g_strconcat("-nodefaults -chardev test,id=far,mux=on ", more, NULL);
    struct board *b = board_start(line);

    g_free(line);
    return b;
}

#define TWO_PORTS "-device isa-serial,chardev=far -device isa-serial,chardev=far,id=second"

static void type(struct board *b, const char *text)
{
    board_receive(b, "far", text, strlen(text));
}

static void said(struct board *b, const char *text)
{
    g_assert_cmpstr(board_sent(b, "far")->str, ==, text);
    g_string_truncate(board_sent(b, "far"), 0);
}

static void send(struct board *b, uint16_t port, const char *text)
{
    for (; *text; text++)
        outb(b, port, *text);
}

/* Reads what the port has, and what comes as it is read. */
static void has(struct board *b, uint16_t port, const char *text)
{
    GString *got = g_string_new(NULL);

    while (inb(b, port + LSR) & 1)
        g_string_append_c(got, inb(b, port));
    g_assert_cmpstr(got->str, ==, text);
    g_string_free(got, TRUE);
}

/* ---- A user of the core's ---- */

struct user {
    size_t room;
    GString *got, *events;
};

static size_t user_room(void *self)
{
    return ((struct user *)self)->room;
}

static void user_receive(void *self, const void *buf, size_t len)
{
    struct user *u = self;

    g_assert_cmpuint(len, <=, u->room);
    g_string_append_len(u->got, buf, len);
    u->room -= len;
}

static void user_event(void *self, int event)
{
    static const char names[] = "?ocbio"; /* opened, closed, break, in, out */

    g_string_append_c(((struct user *)self)->events, names[event / 100]);
}

static const struct tenon_chr_user user_on = {
    .size = sizeof(user_on), .room = user_room, .receive = user_receive, .event = user_event
};

static struct user user_create(struct board *b)
{
    struct user u = { 1000, g_string_new(NULL), g_string_new(NULL) };

    return u;
}

static struct tenon_chardev *far_chr(struct board *b)
{
    return chardev_find(board_machine(b), "far");
}

static void user_finish(struct board *b, struct user *u)
{
    chardev_disuse(far_chr(b), u);
    g_string_free(u->got, TRUE);
    g_string_free(u->events, TRUE);
}

static void events_are(struct user *u, const char *events)
{
    g_assert_cmpstr(u->events->str, ==, events);
    g_string_truncate(u->events, 0);
}

/* ---- Who gets what ---- */

static void what_all_send_goes_out(void)
{
    struct board *b = start(TWO_PORTS);

    send(b, COM1, "one");
    send(b, COM2, "two");
    said(b, "onetwo");
    board_finish(b);
}

static void input_goes_to_one(void)
{
    struct board *b = start(TWO_PORTS);

    type(b, "a");
    has(b, COM1, "");
    has(b, COM2, "a");
    type(b, "b\001cc\001cd");
    has(b, COM1, "c");
    has(b, COM2, "bd");
    board_finish(b);
}

static void the_core_is_told_whose_turn_it_is(void)
{
    struct board *b = start("-device isa-serial,chardev=far");
    struct user u = user_create(b);

    g_assert_cmpint(chardev_use(far_chr(b), "test", "here", &user_on, &u), ==, 0);
    events_are(&u, "oo"); /* opened, another's turn */
    type(b, "x\001c");
    events_are(&u, "i");
    type(b, "yz\001cx");
    events_are(&u, "o");
    g_assert_cmpstr(u.got->str, ==, "yz");
    has(b, COM1, "xx");
    type(b, "\001c");
    events_are(&u, "i");
    user_finish(b, &u);
    type(b, "w"); /* who is left is listened to */
    has(b, COM1, "w");
    board_finish(b);
}

static void events_go_to_whom_they_belong(void)
{
    struct board *b = start("-device isa-serial,chardev=far");
    struct user u = user_create(b);

    g_assert_cmpint(chardev_use(far_chr(b), "test", "here", &user_on, &u), ==, 0);
    g_string_truncate(u.events, 0);
    board_chr_event(b, "far", TENON_CHR_BREAK);
    g_assert_cmphex(inb(b, COM1 + LSR), ==, 0x71); /* a character, with a break */
    has(b, COM1, (char[]){ 0 });
    board_chr_event(b, "far", TENON_CHR_CLOSED);
    board_chr_event(b, "far", TENON_CHR_OPENED);
    events_are(&u, "co");
    type(b, "\001c\001b");
    events_are(&u, "ib");
    g_assert_cmphex(inb(b, COM1 + LSR), ==, 0x60);
    user_finish(b, &u);
    board_finish(b);
}

static void a_device_that_goes_lets_go(void)
{
    struct board *b = start(TWO_PORTS);
    struct inst *second = inst_find(board_machine(b), "device", "second");

    type(b, "lost");
    inst_destroy(second);
    type(b, "x");
    has(b, COM1, "x");
    board_chr_event(b, "far", TENON_CHR_BREAK);
    g_assert_cmphex(inb(b, COM1 + LSR), ==, 0x71);
    board_finish(b);
}

static void without_mux_there_is_one(void)
{
    char *errors;
    struct board *b = board_try("-nodefaults -chardev test,id=far " TWO_PORTS, &errors);

    g_assert_null(b);
    g_assert_nonnull(strstr(errors, "second: chardev 'far' is in use by isa-serial#0\n"));
    g_free(errors);

    b = board_start("-nodefaults -chardev test,id=far -device isa-serial,chardev=far,id=s");
    inst_destroy(inst_find(board_machine(b), "device", "s"));
    g_assert_false(chardev_in_use(far_chr(b)));
    type(b, "x");
    g_assert_cmpuint(board_waiting(b, "far"), ==, 1);
    board_finish(b);
}

/* ---- Nothing is lost ---- */

static char *pattern(size_t len)
{
    char *text = g_malloc(len + 1);

    for (size_t i = 0; i < len; i++)
        text[i] = 'a' + i * 7 % 26;
    text[len] = '\0';
    return text;
}

static void a_slow_user_gets_all(void)
{
    struct board *b = start(TWO_PORTS);
    char *text = pattern(10000);

    type(b, text);
    g_assert_cmpuint(board_waiting(b, "far"), >, 5000); /* some is kept, the rest waits */
    has(b, COM2, text);
    g_assert_cmpuint(board_waiting(b, "far"), ==, 0);
    g_free(text);
    board_finish(b);
}

/* What is typed for one who does not read holds nobody else up, and is still there later. */
static void a_full_queue_is_its_owners(void)
{
    struct board *b = start(TWO_PORTS);
    char *text = pattern(4096 + 1); /* the queue, and the port's one character */

    type(b, text);
    g_assert_cmpuint(board_waiting(b, "far"), ==, 0);
    type(b, "\001c");
    g_assert_cmpuint(board_waiting(b, "far"), ==, 2);
    g_assert_cmpint(inb(b, COM2), ==, text[0]);
    g_assert_cmpuint(board_waiting(b, "far"), <, 2);
    g_assert_cmpint(inb(b, COM2), ==, text[1]);
    type(b, "for the other");
    has(b, COM1, "for the other");
    has(b, COM2, text + 2);
    g_free(text);
    board_finish(b);
}

static void a_slow_far_end_gets_all(void)
{
    struct board *b = start(TWO_PORTS);

    outb(b, COM1 + FCR, 1);
    outb(b, COM2 + FCR, 1);
    board_chr_limit(b, "far", 2);
    send(b, COM1, "one");
    send(b, COM2, "two");
    type(b, "\001t\001h"); /* the help is the mux's own */
    board_chr_limit(b, "far", SIZE_MAX);
    g_assert_true(g_str_has_prefix(board_sent(b, "far")->str, "on\r\nC-a h "));
    g_assert_true(g_str_has_suffix(board_sent(b, "far")->str, "sends C-a\r\netwo"));
    board_finish(b);
}

/* ---- Keys ---- */

static const char help[] = "\r\n"
                           "C-a h    print this help\r\n"
                           "C-a x    exit emulator\r\n"
                           "C-a s    save disk data back to file (if -snapshot)\r\n"
                           "C-a t    toggle console timestamps\r\n"
                           "C-a b    send break (magic sysrq)\r\n"
                           "C-a c    switch between console and monitor\r\n"
                           "C-a C-a  sends C-a\r\n";

static void keys(void)
{
    struct board *b = start("-device isa-serial,chardev=far");
    int code = -1;

    type(b, "\001h");
    said(b, help);
    type(b, "\001?");
    said(b, help);
    type(b, "\001");
    type(b, "\001");
    has(b, COM1, "\001");
    type(b, "\001z\001ca");
    has(b, COM1, "a");
    type(b, "\001s");
    said(b, "\r\nThere are no disks to save\r\n");
    g_assert_cmpuint(board_power(b, &code), ==, 0);
    type(b, "\001x");
    said(b, "\r\nTenon: terminated\r\n");
    g_assert_cmpuint(board_power(b, &code), ==, TENON_POWER_EXIT);
    g_assert_cmpint(code, ==, 0);
    board_finish(b);
}

static void another_escape_character(void)
{
    struct board *b = start("-echr 0x14 -device isa-serial,chardev=far");

    type(b, "\001x\024\024");
    has(b, COM1, "\001x\024");
    type(b, "\024h");
    g_assert_true(g_str_has_prefix(board_sent(b, "far")->str, "\r\nC-t h "));
    g_assert_true(g_str_has_suffix(board_sent(b, "far")->str, "C-t C-t  sends C-t\r\n"));
    board_finish(b);

    b = start("-echr 126 -device isa-serial,chardev=far");
    type(b, "~~~h");
    has(b, COM1, "~");
    g_assert_true(g_str_has_prefix(board_sent(b, "far")->str, "\r\n~ h "));
    board_finish(b);
}

static void an_escape_that_is_no_character(void)
{
    char *errors;

    g_assert_null(board_try("-nodefaults -echr 256 -chardev test,id=far,mux=on", &errors));
    g_assert_cmpstr(errors, ==,
                    "tenon: -echr 256: value must be a number from 0 to 255, not \"256\"\n");
    g_free(errors);
}

/* Without listener the keys are there, and the rest is nobody's. */
static void nobody_listens(void)
{
    struct board *b = start("");

    type(b, "lost\001h");
    said(b, help);
    board_finish(b);
}

static void stamps(void)
{
    struct board *b = start("-device isa-serial,chardev=far");

    send(b, COM1, "one\r\n");
    type(b, "\001t");
    send(b, COM1, "two\r\nthree");
    g_assert_true(g_regex_match_simple("^one\r\ntwo\r\n\\[00:00:00\\.000\\] three$",
                                       board_sent(b, "far")->str, 0, 0));
    send(b, COM1, "\nfour");
    g_assert_true(g_regex_match_simple("three\n\\[00:\\d\\d:\\d\\d\\.\\d\\d\\d\\] four$",
                                       board_sent(b, "far")->str, 0, 0));
    g_string_truncate(board_sent(b, "far"), 0);
    type(b, "\001t");
    send(b, COM1, "\nfive");
    said(b, "\nfive");
    board_finish(b);
}

/* A stamp that the far end takes in pieces stays in one piece among the rest. */
static void a_stamp_in_pieces(void)
{
    struct board *b = start("-device isa-serial,chardev=far");

    outb(b, COM1 + FCR, 1);
    type(b, "\001t");
    send(b, COM1, "\n");
    board_chr_limit(b, "far", 3);
    send(b, COM1, "ab\ncd");
    said(b, "\n[00");
    for (int i = 0; i < 20; i++)
        board_chr_limit(b, "far", 3);
    g_assert_true(
        g_regex_match_simple("^:00:00\\.000\\] ab\n\\[00:\\d\\d:\\d\\d\\.\\d\\d\\d\\] cd$",
                             board_sent(b, "far")->str, 0, 0));
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/mux/" #name, name)
    TEST(what_all_send_goes_out);
    TEST(input_goes_to_one);
    TEST(the_core_is_told_whose_turn_it_is);
    TEST(events_go_to_whom_they_belong);
    TEST(a_device_that_goes_lets_go);
    TEST(without_mux_there_is_one);
    TEST(a_slow_user_gets_all);
    TEST(a_full_queue_is_its_owners);
    TEST(a_slow_far_end_gets_all);
    TEST(keys);
    TEST(another_escape_character);
    TEST(an_escape_that_is_no_character);
    TEST(nobody_listens);
    TEST(stamps);
    TEST(a_stamp_in_pieces);
    return g_test_run();
}
