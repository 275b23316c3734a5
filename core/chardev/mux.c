/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mux - several users at one back end: what all of them send goes out, what is typed goes to one of
 * them, and keys after Ctrl-a (-echr) say to which, among others.
 */
#include <string.h>

#include "chardev/front.h"
#include "machine/inst.h"
#include "machine/machine.h"

enum { MAX_SAID = 4096, CHUNK = 256 };

struct mux {
    struct tenon_chardev *chr;
    int focus; /* of the users; -1: nobody listens */
    uint8_t escape;
    bool escaped;    /* the escape character came last */
    bool stamping;   /* each line begins with the time */
    bool line_start; /* and the next one begins here */
    uint64_t start;  /* the time of the first stamp; 0: none yet */
    GString *said;   /* what the mux itself says and has not been taken yet */
};

/* ---- What the mux says itself ---- */

bool mux_flush(struct mux *mux)
{
    if (mux->said->len)
        g_string_erase(mux->said, 0, front_send(mux->chr, mux->said->str, mux->said->len));
    return !mux->said->len;
}

/* To a far end that takes nothing, no more is said after a while. */
static void say(struct mux *mux, const char *text)
{
    if (mux->said->len < MAX_SAID)
        g_string_append(mux->said, text);
    mux_flush(mux);
}

/* The key as it is written: "C-a", or the character of -echr. */
static const char *key_name(uint8_t key, char name[8])
{
    if (key < ' ')
        g_snprintf(name, 8, "C-%c", g_ascii_tolower(key + '@'));
    else
        g_snprintf(name, 8, g_ascii_isprint(key) ? "%c" : "\\x%02x", key);
    return name;
}

static void help(struct mux *mux)
{
    static const char *const lines[] = {
        "h    print this help",
        "x    exit emulator",
        "s    save disk data back to file (if -snapshot)",
        "t    toggle console timestamps",
        "b    send break (magic sysrq)",
        "c    switch between console and monitor",
    };
    GString *text = g_string_new("\r\n");
    char name[8];

    key_name(mux->escape, name);
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++)
        g_string_append_printf(text, "%s %s\r\n", name, lines[i]);
    g_string_append_printf(text, "%s %s  sends %s\r\n", name, name, name);
    say(mux, text->str);
    g_string_free(text, TRUE);
}

/* ---- Lines with the time before them ---- */

static void stamp(struct mux *mux)
{
    uint64_t now = loop_now(mux->chr->backend->machine->loop, CLOCK_REAL) / 1000000;
    uint64_t ms;
    char *text;

    if (!mux->start)
        mux->start = now;
    ms = now - mux->start;
    text = g_strdup_printf("[%02u:%02u:%02u.%03u] ", (unsigned)(ms / 3600000),
                           (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60),
                           (unsigned)(ms % 1000));
    say(mux, text);
    g_free(text);
}

static void toggle_stamps(struct mux *mux)
{
    mux->stamping = !mux->stamping;
    mux->line_start = false;
    mux->start = 0;
}

static size_t line_length(const char *buf, size_t len)
{
    const char *end = memchr(buf, '\n', len);

    return end ? (size_t)(end + 1 - buf) : len;
}

size_t mux_write(struct mux *mux, const char *buf, size_t len)
{
    size_t done = 0;

    while (done < len && mux_flush(mux)) {
        size_t n = mux->stamping ? line_length(buf + done, len - done) : len - done, took;

        if (mux->stamping && mux->line_start) {
            mux->line_start = false;
            stamp(mux);
            continue;
        }
        took = front_send(mux->chr, buf + done, n);
        done += took;
        if (took)
            mux->line_start = buf[done - 1] == '\n';
        if (took < n)
            break;
    }
    return done;
}

/* ---- Who listens ---- */

struct chr_user *mux_focus(struct mux *mux)
{
    return mux->focus >= 0 ? &mux->chr->users[mux->focus] : NULL;
}

static void set_focus(struct mux *mux, int user)
{
    struct chr_user *former = mux_focus(mux);

    if (user == mux->focus)
        return;
    mux->focus = user;
    if (former)
        front_tell(former, TENON_CHR_MUX_OUT);
    if (mux->focus >= 0)
        front_tell(&mux->chr->users[mux->focus], TENON_CHR_MUX_IN);
}

/* The next one who takes input at all, or who has it already. */
static int next_focus(const struct mux *mux)
{
    for (int i = 1; i <= MUX_USERS; i++) {
        int n = (mux->focus + i) % MUX_USERS;

        if (mux->chr->users[n].self && mux->chr->users[n].on.room)
            return n;
    }
    return -1;
}

/* The device that came last is listened to first, and the core (a monitor) when there is none. */
void mux_joined(struct mux *mux, unsigned user)
{
    struct chr_user *u = &mux->chr->users[user];

    u->queue = g_new0(struct chr_queue, 1);
    if (u->on.room && (u->inst || mux->focus < 0))
        set_focus(mux, user);
    else
        front_tell(u, TENON_CHR_MUX_OUT);
}

void mux_leaves(struct mux *mux, unsigned user)
{
    if ((int)user == mux->focus) {
        int next = next_focus(mux);

        mux->focus = -1;
        set_focus(mux, next == (int)user ? -1 : next);
    }
    g_clear_pointer(&mux->chr->users[user].queue, g_free);
}

/* ---- Input ---- */

static void push(struct chr_user *user, uint8_t c)
{
    struct chr_queue *q = user->queue;

    q->data[(q->first + q->count++) % MUX_QUEUE] = c;
}

/* The next bytes for a user who has room for so many. */
static size_t pop(struct chr_queue *q, uint8_t *chunk, size_t room)
{
    size_t n = MIN(MIN(room, q->count), CHUNK);

    for (size_t i = 0; i < n; i++)
        chunk[i] = q->data[(q->first + i) % MUX_QUEUE];
    q->first = (q->first + n) % MUX_QUEUE;
    q->count -= n;
    return n;
}

/* He may say that he has more room, or leave, while he is given something. */
static void deliver(struct chr_user *user)
{
    uint8_t chunk[CHUNK];

    if (user->delivering)
        return;
    user->delivering = true;
    while (user->queue && user->queue->count) {
        size_t room = user->on.room(user->self);

        if (!room)
            break;
        user->on.receive(user->self, chunk, pop(user->queue, chunk, room));
    }
    user->delivering = false;
}

void mux_deliver(struct mux *mux)
{
    for (unsigned i = 0; i < MUX_USERS; i++)
        if (mux->chr->users[i].queue)
            deliver(&mux->chr->users[i]);
}

/*
 * A key may move the focus in the middle of what comes, so more than a byte is taken only if it
 * fits whoever gets it.  Without listener there are still keys; the rest is for nobody.
 */
size_t mux_room(const struct mux *mux)
{
    size_t room = MUX_QUEUE;

    if (mux->focus < 0)
        return 1;
    if (mux->chr->users[mux->focus].queue->count == MUX_QUEUE)
        return 0;
    for (unsigned i = 0; i < MUX_USERS; i++)
        if (mux->chr->users[i].queue)
            room = MIN(room, MUX_QUEUE - mux->chr->users[i].queue->count);
    return MAX(room, 1);
}

static void key(struct mux *mux, uint8_t c)
{
    switch (c) {
    case 'h':
    case '?': help(mux); break;
    case 'x':
        say(mux, "\r\nTenon: terminated\r\n");
        machine_quit(mux->chr->backend->machine, 0, "host-qmp-quit");
        break;
    case 's': say(mux, "\r\nThere are no disks to save\r\n"); break;
    case 't': toggle_stamps(mux); break;
    case 'b':
        mux_deliver(mux);
        if (mux->focus >= 0)
            front_tell(mux_focus(mux), TENON_CHR_BREAK);
        break;
    case 'c': set_focus(mux, next_focus(mux)); break;
    }
}

void mux_input(struct mux *mux, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool escaped = mux->escaped;

        mux->escaped = !escaped && buf[i] == mux->escape;
        if (mux->escaped)
            continue;
        if (escaped && buf[i] != mux->escape)
            key(mux, buf[i]);
        else if (mux->focus >= 0)
            push(mux_focus(mux), buf[i]);
    }
    mux_deliver(mux);
}

/* ---- Start and end ---- */

struct mux *mux_create(struct tenon_chardev *chr, uint8_t escape)
{
    struct mux *mux = g_new(struct mux, 1);

    *mux = (struct mux){ .chr = chr, .focus = -1, .escape = escape, .said = g_string_new(NULL) };
    return mux;
}

void mux_destroy(struct mux *mux)
{
    if (!mux)
        return;
    g_string_free(mux->said, TRUE);
    g_free(mux);
}
