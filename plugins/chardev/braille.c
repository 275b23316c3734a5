/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * braille - a back end that is a braille display for the guest, and shows what the guest shows
 * there on the user's own, by BrlAPI: BRLTTY's manual of it names the functions and commands.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <brlapi.h>
#include <brlapi_constants.h>

#include <tenon/chardev.h>
#include <tenon/system.h>

#include "baum.h"
#include "bell.h"

struct braille {
    struct tenon_dev *dev;
    const struct tenon_chardev_host *host;
    const struct tenon_loop *loop;
    brlapi_handle_t *brlapi; /* NULL: there is no connection */
    int fd;                  /* ... and its socket */
    struct bell bell;
    struct baum baum;
    struct pending out; /* for the guest */
};

/* ---- Commands of BRLTTY as keys of the display ---- */

/* By the key table of BRLTTY's driver bm for six display keys, so that a BRLTTY in the guest gets
 * the command that was given. */
// clang-format off
static const struct { uint32_t command; uint8_t keys; } commands[] = {
    { BRLAPI_KEY_CMD_FWINLT,   BAUM_L2 },
    { BRLAPI_KEY_CMD_FWINRT,   BAUM_R2 },
    { BRLAPI_KEY_CMD_CHRLT,    BAUM_L1 | BAUM_L3 },
    { BRLAPI_KEY_CMD_CHRRT,    BAUM_R1 | BAUM_R3 },
    { BRLAPI_KEY_CMD_LNBEG,    BAUM_L1 | BAUM_L2 | BAUM_L3 },
    { BRLAPI_KEY_CMD_LNEND,    BAUM_R1 | BAUM_R2 | BAUM_R3 },
    { BRLAPI_KEY_CMD_LNUP,     BAUM_R1 },
    { BRLAPI_KEY_CMD_LNDN,     BAUM_R3 },
    { BRLAPI_KEY_CMD_TOP,      BAUM_L1 | BAUM_R1 },
    { BRLAPI_KEY_CMD_BOT,      BAUM_L3 | BAUM_R3 },
    { BRLAPI_KEY_CMD_TOP_LEFT, BAUM_L2 | BAUM_R1 },
    { BRLAPI_KEY_CMD_BOT_LEFT, BAUM_L2 | BAUM_R3 },
    { BRLAPI_KEY_CMD_PRDIFLN,  BAUM_R2 | BAUM_R1 },
    { BRLAPI_KEY_CMD_NXDIFLN,  BAUM_R2 | BAUM_R3 },
    { BRLAPI_KEY_CMD_ATTRUP,   BAUM_L2 | BAUM_L1 },
    { BRLAPI_KEY_CMD_ATTRDN,   BAUM_L2 | BAUM_L3 },
    { BRLAPI_KEY_CMD_HOME,     BAUM_L2 | BAUM_R1 | BAUM_R3 },
    { BRLAPI_KEY_CMD_CSRTRK,   BAUM_L1 },
    { BRLAPI_KEY_CMD_BACK,     BAUM_L1 | BAUM_R3 },
    { BRLAPI_KEY_CMD_INFO,     BAUM_L2 | BAUM_R2 },
    { BRLAPI_KEY_CMD_DISPMD,   BAUM_L1 | BAUM_R1 | BAUM_R2 },
    { BRLAPI_KEY_CMD_FREEZE,   BAUM_L1 | BAUM_L2 | BAUM_R1 },
    { BRLAPI_KEY_CMD_HELP,     BAUM_L1 | BAUM_L2 | BAUM_R2 },
    { BRLAPI_KEY_CMD_PREFMENU, BAUM_L1 | BAUM_L3 | BAUM_R1 },
    { BRLAPI_KEY_CMD_PASTE,    BAUM_L1 | BAUM_L2 | BAUM_L3 | BAUM_R1 },
    { BRLAPI_KEY_CMD_LEARN,    BAUM_L1 | BAUM_R1 | BAUM_R2 | BAUM_R3 },
};
// clang-format on

static void press(struct braille *b, brlapi_keyCode_t code)
{
    uint32_t command = code & (BRLAPI_KEY_TYPE_MASK | BRLAPI_KEY_CODE_MASK);

    if ((command & (BRLAPI_KEY_TYPE_MASK | BRLAPI_KEY_CMD_BLK_MASK)) ==
        (BRLAPI_KEY_TYPE_CMD | BRLAPI_KEY_CMD_ROUTE)) {
        baum_route(&b->baum, command & BRLAPI_KEY_CMD_ARG_MASK, &b->out);
        return;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if ((BRLAPI_KEY_TYPE_CMD | commands[i].command) == command)
            baum_press(&b->baum, commands[i].keys, &b->out);
}

/* ---- The event loop's part ---- */

static void hang_up(struct braille *b)
{
    if (!b->brlapi)
        return;
    b->loop->watch(b->dev, b->fd, 0, NULL);
    brlapi__closeConnection(b->brlapi);
    free(b->brlapi);
    b->brlapi = NULL;
}

static void lost(struct braille *b)
{
    tenon_log(b->dev, TENON_LOG_NOTE, "the connection to BRLTTY is lost: %s",
              brlapi_strerror(&brlapi_error));
    hang_up(b);
    b->host->event(b->dev, TENON_CHR_CLOSED);
}

static void work(struct braille *b)
{
    size_t n = b->host->room(b->dev);

    if (b->baum.changed && b->brlapi) {
        b->baum.changed = false;
        if (brlapi__writeDots(b->brlapi, b->baum.dots) < 0)
            lost(b);
    }
    n = n < b->out.n - b->out.at ? n : b->out.n - b->out.at;
    if (n)
        b->out.at += b->host->input(b->dev, b->out.data + b->out.at, n);
}

static void rung(void *self, int fd, unsigned events)
{
    struct braille *b = self;

    bell_heard(&b->bell);
    work(b);
}

static void readable(void *self, int fd, unsigned events)
{
    struct braille *b = self;
    brlapi_keyCode_t code;
    int n;

    while ((n = brlapi__readKey(b->brlapi, 0, &code)) > 0)
        press(b, code);
    if (n < 0)
        lost(b);
    work(b);
}

/* ---- The guest's end ---- */

static size_t braille_write(void *self, const void *buf, size_t len)
{
    struct braille *b = self;

    baum_write(&b->baum, buf, len, &b->out);
    bell_ring(&b->bell);
    return len;
}

static void braille_ready(void *self)
{
    struct braille *b = self;

    if (b->out.at < b->out.n)
        bell_ring(&b->bell);
}

/* ---- Start and end ---- */

/* Without one of its own BrlAPI ends the program. */
static void BRLAPI_STDCALL ignore(brlapi_handle_t *handle, int error, brlapi_packetType_t type,
                                  const void *packet, size_t size)
{
}

static int cannot(struct braille *b, const char *what)
{
    return tenon_error(b->dev, -ENOTCONN, "%s: %s", what, brlapi_strerror(&brlapi_error));
}

/* The terminal that the program was started on, or, without one, wherever nobody else shows
 * anything. */
static int enter(struct braille *b)
{
    if (brlapi__enterTtyMode(b->brlapi, BRLAPI_TTY_DEFAULT, NULL) >= 0)
        return 0;
    return brlapi__enterTtyModeWithPath(b->brlapi, NULL, 0, NULL);
}

static int connect_display(struct braille *b)
{
    unsigned cols, rows;

    b->brlapi = calloc(1, brlapi_getHandleSize());
    if (!b->brlapi)
        return tenon_error(b->dev, -ENOMEM, "no memory");
    b->fd = brlapi__openConnection(b->brlapi, NULL, NULL);
    if (b->fd < 0) {
        free(b->brlapi);
        b->brlapi = NULL;
        return cannot(b, "cannot reach BRLTTY");
    }
    brlapi__setExceptionHandler(b->brlapi, ignore);
    if (brlapi__getDisplaySize(b->brlapi, &cols, &rows) < 0)
        return cannot(b, "BRLTTY does not say how many cells the display has");
    if (!cols || cols * rows > BAUM_CELLS_MAX || !rows)
        return tenon_error(b->dev, -ENODEV, "a display of %u times %u cells cannot be used", cols,
                           rows);
    if (enter(b) < 0)
        return cannot(b, "BRLTTY does not give the display away");
    baum_init(&b->baum, cols * rows);
    return 0;
}

static int braille_create(void *self)
{
    struct braille *b = self;
    int error;

    b->host = tenon_query(b->dev, "tenon.chardev/1");
    b->loop = tenon_query(b->dev, "tenon.loop/1");
    if (!b->host || !b->loop)
        return tenon_error(b->dev, -ENOTSUP, "this emulator has no event loop for back ends");
    error = connect_display(b);
    if (!error)
        error = bell_init(&b->bell, b->dev, rung);
    return error ? error : b->loop->watch(b->dev, b->fd, TENON_READABLE, readable);
}

static void braille_destroy(void *self)
{
    struct braille *b = self;

    hang_up(b);
    bell_finish(&b->bell, b->dev);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = braille_write,
    .ready = braille_ready,
};

TENON_CHARDEV_BACKEND(braille, "braille", "a braille display, shown on one of BRLTTY's",
                      .ops = &ops, .create = braille_create, .destroy = braille_destroy);
TENON_PLUGIN(&tenon_type_braille);
