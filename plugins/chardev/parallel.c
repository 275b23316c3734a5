/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parallel - a back end on a parallel port of the host, by Linux's ppdev (Documentation/driver-api/
 * parport-lowlevel.rst, <linux/ppdev.h>).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/parport.h>
#include <linux/ppdev.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <tenon/chardev.h>

enum { CONTROL_LINES = 0x0f, CONTROL_INPUT = 0x20 };

struct parallel {
    struct tenon_dev *dev;
    const char *path;
    int fd; /* one more than it; 0: none */
    bool input;
    uint32_t mode; /* IEEE1284_MODE_* of the last cycle */
};

/* ---- What a port asks for ---- */

static int command(struct parallel *p, unsigned long request, void *arg)
{
    return ioctl(p->fd - 1, request, arg) ? -errno : 0;
}

static int set_direction(struct parallel *p, bool input)
{
    int in = input;

    if (p->input == input)
        return 0;
    p->input = input;
    return command(p, PPDATADIR, &in);
}

static int write_control(struct parallel *p, uint8_t value)
{
    uint8_t lines = value & CONTROL_LINES;
    int err = set_direction(p, value & CONTROL_INPUT);

    return err ? err : command(p, PPWCONTROL, &lines);
}

static int read_control(struct parallel *p, uint8_t *value)
{
    int err = command(p, PPRCONTROL, value);

    *value = (*value & CONTROL_LINES) | (p->input ? CONTROL_INPUT : 0);
    return err;
}

/* Cycles of an enhanced parallel port. */
static int epp(struct parallel *p, bool address, bool input, uint8_t *bytes, size_t n)
{
    int mode = IEEE1284_MODE_EPP | (address ? IEEE1284_ADDR : IEEE1284_DATA);
    int err = set_direction(p, input);
    ssize_t done;

    if (!err && p->mode != (uint32_t)mode)
        err = command(p, PPSETMODE, &mode);
    if (err)
        return err;
    p->mode = mode;
    done = input ? read(p->fd - 1, bytes, n) : write(p->fd - 1, bytes, n);
    return done == (ssize_t)n ? 0 : -ETIMEDOUT;
}

static int parallel_op(void *self, uint32_t op, uint8_t *bytes, size_t n)
{
    struct parallel *p = self;

    switch (op) {
    case TENON_PP_READ_DATA: return command(p, PPRDATA, bytes);
    case TENON_PP_WRITE_DATA: return command(p, PPWDATA, bytes);
    case TENON_PP_READ_STATUS: return command(p, PPRSTATUS, bytes);
    case TENON_PP_READ_CONTROL: return read_control(p, bytes);
    case TENON_PP_WRITE_CONTROL: return write_control(p, *bytes);
    case TENON_PP_READ_EPP_ADDR: return epp(p, true, true, bytes, n);
    case TENON_PP_WRITE_EPP_ADDR: return epp(p, true, false, bytes, n);
    case TENON_PP_READ_EPP_DATA: return epp(p, false, true, bytes, n);
    case TENON_PP_WRITE_EPP_DATA: return epp(p, false, false, bytes, n);
    default: return -ENOTSUP;
    }
}

/* ---- Start and end ---- */

static int claim(struct parallel *p)
{
    int mode = IEEE1284_MODE_COMPAT;

    if (ioctl(p->fd - 1, PPCLAIM))
        return errno == ENOTTY || errno == EINVAL
                   ? tenon_error(p->dev, -errno, "path=%s: is no parallel port: %s", p->path,
                                 strerror(errno))
                   : tenon_error(p->dev, -errno, "path=%s: cannot have the port: %s", p->path,
                                 strerror(errno));
    p->mode = mode;
    command(p, PPSETMODE, &mode);
    return 0;
}

static int parallel_create(void *self)
{
    struct parallel *p = self;

    if (!p->path)
        return tenon_error(p->dev, -EINVAL, "path is missing");
    p->fd = open(p->path, O_RDWR | O_CLOEXEC | O_NOCTTY) + 1;
    if (!p->fd)
        return tenon_error(p->dev, -errno, "path=%s: %s", p->path, strerror(errno));
    return claim(p);
}

static void parallel_destroy(void *self)
{
    struct parallel *p = self;
    int mode = IEEE1284_MODE_COMPAT;

    if (!p->fd)
        return;
    command(p, PPSETMODE, &mode);
    ioctl(p->fd - 1, PPRELEASE);
    close(p->fd - 1);
}

static const struct tenon_chardev_ops ops = { .size = sizeof(ops), .parallel = parallel_op };

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct parallel, "path", TENON_STR, path, .help = "the port, such as /dev/parport0"),
};
// clang-format on

TENON_CHARDEV_BACKEND(parallel, "parallel parport", "a parallel port of the host", .ops = &ops,
                      .props = TENON_ARRAY(props), .create = parallel_create,
                      .destroy = parallel_destroy);
TENON_PLUGIN(&tenon_type_parallel);
