/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ringbuf - a back end that keeps the last of what the guest sends, for a monitor to read. */

#include <errno.h>
#include <stdlib.h>

#include <tenon/chardev.h>

struct ringbuf {
    struct tenon_dev *dev;
    uint64_t size; /* a power of two */
    uint8_t *data;
    uint64_t written, read; /* since the start; they differ by size at most */
};

static size_t ringbuf_write(void *self, const void *buf, size_t len)
{
    struct ringbuf *r = self;

    for (size_t i = 0; i < len; i++)
        r->data[r->written++ & (r->size - 1)] = ((const uint8_t *)buf)[i];
    if (r->written - r->read > r->size)
        r->read = r->written - r->size;
    return len;
}

static size_t ringbuf_read(void *self, void *buf, size_t len)
{
    struct ringbuf *r = self;
    size_t n = 0;

    while (n < len && r->read < r->written)
        ((uint8_t *)buf)[n++] = r->data[r->read++ & (r->size - 1)];
    return n;
}

static int ringbuf_create(void *self)
{
    struct ringbuf *r = self;

    if (r->size & (r->size - 1))
        return tenon_error(r->dev, -EINVAL, "size must be a power of two");
    r->data = malloc(r->size);
    return r->data ? 0 : tenon_error(r->dev, -ENOMEM, "there is no memory for size");
}

static void ringbuf_destroy(void *self)
{
    struct ringbuf *r = self;

    free(r->data);
}

static const struct tenon_chardev_ops ops = { .size = sizeof(ops), .write = ringbuf_write };

static const struct tenon_ringbuf ring = { .size = sizeof(ring), .read = ringbuf_read };

static const struct tenon_iface ifaces[] = { { TENON_RINGBUF, &ring } };

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct ringbuf, "size", TENON_SIZE, size, .initial = 65536, .min = 1,
               .max = 1ull << 30, .help = "how much is kept, a power of two"),
};
// clang-format on

TENON_CHARDEV_BACKEND(ringbuf, "ringbuf memory", "keeps what was sent last", .ops = &ops,
                      .props = TENON_ARRAY(props), .ifaces = TENON_ARRAY(ifaces),
                      .create = ringbuf_create, .destroy = ringbuf_destroy);
TENON_PLUGIN(&tenon_type_ringbuf);
