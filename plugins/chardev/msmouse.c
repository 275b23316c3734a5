/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msmouse - a back end that is a serial mouse: Microsoft's protocol of three bytes, with Logitech's
 * fourth for the middle button, at 1200 baud.
 *
 *     1 L R Y7 Y6 X7 X6    buttons, and the high bits of the steps right and down
 *     0 X5 ... X0
 *     0 Y5 ... Y0
 *     0 M 0 0 0 0 0        when the middle button changes, and as long as it is down
 */

#include <tenon/chardev.h>
#include <tenon/input.h>

#include "bell.h"

enum { LEFT = 1, MIDDLE = 2, RIGHT = 4 };
enum {
    STEP_MAX = 127,
    FAR = 10000
}; /* of a packet; of what waits for a guest that does not read */

static const uint8_t identity[] = { 'M', '3' }; /* a mouse of three buttons */

struct msmouse {
    struct tenon_dev *dev;
    const struct tenon_chardev_host *host;
    struct bell bell;
    uint32_t lines;        /* that the guest drives */
    int32_t right, down;   /* not sent yet */
    uint8_t buttons, told; /* which are down; and as the guest has been told */
    uint8_t packet[4];     /* what is being sent: from at to n */
    unsigned at, n;
};

/* ---- To the guest ---- */

static int32_t clamp(int32_t n, int32_t most)
{
    return n > most ? most : n < -most ? -most : n;
}

static bool is_on(const struct msmouse *m)
{
    return (m->lines & (TENON_CHR_DTR | TENON_CHR_RTS)) == (TENON_CHR_DTR | TENON_CHR_RTS);
}

static void make_packet(struct msmouse *m)
{
    int32_t x = clamp(m->right, STEP_MAX), y = clamp(m->down, STEP_MAX);

    m->packet[0] = 0x40 | (m->buttons & LEFT ? 0x20 : 0) | (m->buttons & RIGHT ? 0x10 : 0) |
                   (y >> 4 & 0x0c) | (x >> 6 & 0x03);
    m->packet[1] = x & 0x3f;
    m->packet[2] = y & 0x3f;
    m->packet[3] = m->buttons & MIDDLE ? 0x20 : 0;
    m->at = 0;
    m->n = (m->buttons | m->told) & MIDDLE ? 4 : 3;
    m->right -= x;
    m->down -= y;
    m->told = m->buttons;
}

/* Is there something to send?  What it is will be made when the guest has taken all before: steps
 * add up meanwhile. */
static bool next(struct msmouse *m)
{
    if (m->at < m->n)
        return true;
    if (!is_on(m) || (!m->right && !m->down && m->buttons == m->told))
        return false;
    make_packet(m);
    return true;
}

static void tell(struct msmouse *m)
{
    size_t room;

    while ((room = m->host->room(m->dev)) && next(m)) {
        size_t n = room < m->n - m->at ? room : m->n - m->at;

        m->at += m->host->input(m->dev, m->packet + m->at, n);
    }
}

static void rung(void *self, int fd, unsigned events)
{
    struct msmouse *m = self;

    bell_heard(&m->bell);
    tell(m);
}

/* ---- From the guest ---- */

static size_t msmouse_write(void *self, const void *buf, size_t len)
{
    return len; /* a mouse does not listen */
}

static void msmouse_ready(void *self)
{
    bell_ring(&((struct msmouse *)self)->bell);
}

/* It has its power from the lines. */
static void set_lines(void *self, uint32_t lines)
{
    struct msmouse *m = self;
    bool was_on = is_on(m);

    m->lines = lines;
    if (is_on(m) && !was_on) {
        memcpy(m->packet, identity, sizeof(identity));
        m->at = 0;
        m->n = sizeof(identity);
        m->right = m->down = 0;
        bell_ring(&m->bell);
    }
}

static uint32_t lines(void *self)
{
    return 0;
}

/* ---- From the user ---- */

static void move(void *self, int32_t right, int32_t down)
{
    struct msmouse *m = self;

    m->right = clamp(m->right + clamp(right, FAR), FAR);
    m->down = clamp(m->down + clamp(down, FAR), FAR);
}

static void button(void *self, uint32_t button, bool down)
{
    struct msmouse *m = self;

    if (button <= TENON_BUTTON_RIGHT)
        m->buttons = (m->buttons & ~(1 << button)) | down << button;
}

static void mouse_sync(void *self)
{
    tell(self);
}

/* ---- Start and end ---- */

static int msmouse_create(void *self)
{
    struct msmouse *m = self;

    m->host = tenon_query(m->dev, "tenon.chardev/1");
    if (!m->host)
        return tenon_error(m->dev, -ENOTSUP, "this emulator has no devices for back ends");
    return bell_init(&m->bell, m->dev, rung);
}

static void msmouse_destroy(void *self)
{
    struct msmouse *m = self;

    bell_finish(&m->bell, m->dev);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = msmouse_write,
    .ready = msmouse_ready,
    .set_lines = set_lines,
    .lines = lines,
};

static const struct tenon_mouse mouse = {
    .size = sizeof(mouse),
    .name = "Microsoft serial mouse",
    .move = move,
    .button = button,
    .sync = mouse_sync,
};

static const struct tenon_iface ifaces[] = { { TENON_MOUSE, &mouse } };

TENON_CHARDEV_BACKEND(msmouse, "msmouse", "a serial mouse", .ops = &ops,
                      .ifaces = TENON_ARRAY(ifaces), .create = msmouse_create,
                      .destroy = msmouse_destroy);
TENON_PLUGIN(&tenon_type_msmouse);
