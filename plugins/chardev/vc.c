/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vc - a back end that is a terminal: what the guest sends goes to a screen of characters, which a
 * display shows, and keys that are pressed there go to the guest.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/chardev.h>
#include <tenon/system.h>

#include "bell.h"
#include "vt.h"

enum { TYPED_MAX = 4096, GLYPH_WIDTH = 8, GLYPH_HEIGHT = 16, DEFAULT_COLS = 80, DEFAULT_ROWS = 24 };

struct vc {
    struct tenon_dev *dev;
    uint32_t width, height, cols, rows, encoding; /* 0: not given */
    struct vt *vt;                                /* NULL: create() has not run */
    const struct tenon_chardev_host *host;
    struct bell bell;
    size_t n_typed;
    char typed[TYPED_MAX]; /* for the guest */
    void (*changed)(void *arg);
    void *changed_arg;
    bool told; /* changed() has been called, and take_changed() has not */
};

/* ---- The event loop's part ---- */

static void send_typed(struct vc *c)
{
    size_t n = c->host->room(c->dev);

    n = n < c->n_typed ? n : c->n_typed;
    if (n)
        n = c->host->input(c->dev, c->typed, n);
    memmove(c->typed, c->typed + n, c->n_typed - n);
    c->n_typed -= n;
}

static void rung(void *self, int fd, unsigned events)
{
    struct vc *c = self;

    bell_heard(&c->bell);
    send_typed(c);
    if (c->changed && !c->told) {
        c->told = true;
        c->changed(c->changed_arg);
    }
}

/* ---- The guest's end ---- */

/* How many of the bytes there was room for. */
static size_t type(struct vc *c, const char *bytes, size_t n)
{
    size_t room = sizeof(c->typed) - c->n_typed;

    n = n < room ? n : room;
    memcpy(c->typed + c->n_typed, bytes, n);
    c->n_typed += n;
    bell_ring(&c->bell);
    return n;
}

static size_t vc_write(void *self, const void *buf, size_t len)
{
    struct vc *c = self;

    vt_write(c->vt, buf, len);
    type(c, c->vt->answers, c->vt->n_answers);
    c->vt->n_answers = 0;
    return len;
}

static void vc_ready(void *self)
{
    struct vc *c = self;

    if (c->n_typed)
        bell_ring(&c->bell);
}

/* ---- The display's end ---- */

static void console_state(void *self, struct tenon_console_state *to)
{
    const struct vt *v = ((struct vc *)self)->vt;
    struct tenon_console_state state = {
        .size = to->size,
        .cols = v->cols,
        .rows = v->rows,
        .past = v->n_past,
        .cursor_col = v->at.col,
        .cursor_row = v->at.row,
        .cursor_visible = !v->invisible,
        .inverse = v->inverse,
    };

    memcpy(to, &state, to->size < sizeof(state) ? to->size : sizeof(state));
}

static const struct tenon_cell *console_row(void *self, int32_t row)
{
    return vt_row(((struct vc *)self)->vt, row);
}

static bool console_take_changed(void *self, uint32_t *first, uint32_t *end)
{
    struct vc *c = self;

    *first = c->vt->changed;
    *end = c->vt->changed_end;
    c->vt->changed = c->vt->rows;
    c->vt->changed_end = 0;
    c->told = false;
    return *first < *end;
}

static void console_watch(void *self, void (*changed)(void *arg), void *arg)
{
    struct vc *c = self;

    c->changed = changed;
    c->changed_arg = arg;
    c->told = false;
    bell_ring(&c->bell);
}

static bool console_key(void *self, uint32_t keysym, uint32_t modifiers)
{
    struct vc *c = self;
    char bytes[VT_KEY_BYTES];
    size_t n = vt_key(c->vt, keysym, modifiers, bytes);

    if (!n || n > sizeof(c->typed) - c->n_typed)
        return false;
    type(c, bytes, n);
    return true;
}

static size_t console_paste(void *self, const void *text, size_t len)
{
    return type(self, text, len);
}

/* ---- Start and end ---- */

/* A measure in pixels or in characters, each with its name; 0, or what tenon_error() returned. */
static int measure(struct vc *c, const char *in_pixels, uint32_t pixels, unsigned glyph,
                   const char *in_cells, uint32_t *cells, unsigned usual, unsigned max)
{
    if (pixels && *cells)
        return tenon_error(c->dev, -EINVAL, "takes one of %s and %s", in_pixels, in_cells);
    if (!*cells)
        *cells = pixels ? pixels / glyph : usual;
    if (*cells < 1 || *cells > max)
        return tenon_error(c->dev, -ERANGE, "%s takes %u to %u", in_pixels, glyph,
                           glyph * (max + 1) - 1);
    return 0;
}

static int open_terminal(struct vc *c)
{
    c->vt = calloc(1, sizeof(*c->vt));
    if (!c->vt || vt_init(c->vt, c->cols, c->rows, c->encoding))
        return tenon_error(c->dev, -ENOMEM, "there is no memory for the screen");
    return bell_init(&c->bell, c->dev, rung);
}

static int vc_create(void *self)
{
    struct vc *c = self;
    int error;

    c->host = tenon_query(c->dev, "tenon.chardev/1");
    if (!c->host)
        return tenon_error(c->dev, -ENOTSUP, "this emulator has no devices for back ends");
    error = measure(c, "width", c->width, GLYPH_WIDTH, "cols", &c->cols, DEFAULT_COLS, VT_COLS_MAX);
    if (!error)
        error = measure(c, "height", c->height, GLYPH_HEIGHT, "rows", &c->rows, DEFAULT_ROWS,
                        VT_ROWS_MAX);
    return error ? error : open_terminal(c);
}

static void vc_destroy(void *self)
{
    struct vc *c = self;

    bell_finish(&c->bell, c->dev);
    if (c->vt)
        vt_finish(c->vt);
    free(c->vt);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = vc_write,
    .ready = vc_ready,
};

static const struct tenon_text_console console = {
    .size = sizeof(console),
    .state = console_state,
    .row = console_row,
    .take_changed = console_take_changed,
    .watch = console_watch,
    .key = console_key,
    .paste = console_paste,
};

static const struct tenon_iface ifaces[] = { { TENON_TEXT_CONSOLE, &console } };

static const char *const encodings[] = { [VT_UTF8] = "utf8", [VT_CP437] = "cp437", NULL };

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct vc, "width",    TENON_U32,  width,
               .help = "pixels of a row; a character has 8"),
    TENON_PROP(struct vc, "height",   TENON_U32,  height,
               .help = "pixels of a column; a character has 16"),
    TENON_PROP(struct vc, "cols",     TENON_U32,  cols, .min = 1, .max = VT_COLS_MAX,
               .help = "characters of a row (80 without width)"),
    TENON_PROP(struct vc, "rows",     TENON_U32,  rows, .min = 1, .max = VT_ROWS_MAX,
               .help = "rows of characters (24 without height)"),
    TENON_PROP(struct vc, "encoding", TENON_ENUM, encoding, .names = encodings,
               .help = "how characters beyond ASCII are written"),
};
// clang-format on

TENON_CHARDEV_BACKEND(vc, "vc", "a text console, for a display to show", .ops = &ops,
                      .props = TENON_ARRAY(props), .ifaces = TENON_ARRAY(ifaces),
                      .create = vc_create, .destroy = vc_destroy);
TENON_PLUGIN(&tenon_type_vc);
