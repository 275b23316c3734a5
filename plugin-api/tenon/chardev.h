/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/chardev.h - character streams: back ends (files, terminals, sockets) and the devices that
 * use them.
 *
 * A back end is a plugin of kind chardev; a device has a property of type TENON_CHARDEV.  The host
 * joins the two.  Nothing is lost: each side takes what it has room for and says when it has more.
 */
/* clang-format off */
#ifndef TENON_CHARDEV_H
#define TENON_CHARDEV_H

#include <tenon/plugin.h>

enum {
    TENON_CHR_OPENED = 100,     /* the far end is there */
    TENON_CHR_CLOSED = 200,     /* the far end has gone */
    TENON_CHR_BREAK = 300,      /* a break condition came in, or is to be sent */
    TENON_CHR_MUX_IN = 400,     /* of several users, this one gets what comes in from now on */
    TENON_CHR_MUX_OUT = 500,    /* ... another one does */
};

/* What a serial port tells a back end that is a real line. */
struct tenon_chr_line {
    uint32_t speed, data_bits, stop_bits;
    char parity;                /* 'N', 'E', 'O' */
};

/* Modem lines: a port drives the first two, and sees the others. */
enum {
    TENON_CHR_DTR = 1, TENON_CHR_RTS = 2,
    TENON_CHR_CTS = 4, TENON_CHR_DSR = 8, TENON_CHR_RI = 16, TENON_CHR_DCD = 32,
};

/* What a parallel port asks of a back end that is a real one: bytes read or written, one of data,
 * status or control, up to four of the others (EPP cycles). */
enum {
    TENON_PP_READ_DATA = 100,
    TENON_PP_WRITE_DATA = 200,
    TENON_PP_READ_STATUS = 300,
    TENON_PP_READ_CONTROL = 400,
    TENON_PP_WRITE_CONTROL = 500,       /* bit 5 turns the data lines to inputs */
    TENON_PP_READ_EPP_ADDR = 600,
    TENON_PP_WRITE_EPP_ADDR = 700,
    TENON_PP_READ_EPP_DATA = 800,
    TENON_PP_WRITE_EPP_DATA = 900,
};

/* ---- Back ends ---- */

/* "tenon.chardev/1" - the ops of a back end; what is NULL is not done. */
struct tenon_chardev_ops {
    uint32_t size;
    /* Takes what the guest sends; returns how many bytes it took.  If fewer than len, it calls
     * sent() once it takes more. [vcpu] */
    size_t (*write)(void *self, const void *buf, size_t len);
    /* The device has room again for what is received. [vcpu] */
    void (*ready)(void *self);
    /* The device sends TENON_CHR_BREAK, or says by _OPENED or _CLOSED that its end is. [vcpu] */
    void (*event)(void *self, int event);
    void (*line)(void *self, const struct tenon_chr_line *line);                        /* [vcpu] */
    /* Puts into buf where the far end is, as query-chardev shows it: "pty:/dev/pts/3".  NULL: the
     * type's name says it. [main] */
    void (*describe)(void *self, char *buf, size_t len);
    /* Of a real serial line: drives DTR and RTS; says which of CTS, DSR, RI and DCD are on. [vcpu] */
    void (*set_lines)(void *self, uint32_t lines);
    uint32_t (*lines)(void *self);
    /* Of a real parallel port: TENON_PP_*; 0 or -errno (-ETIMEDOUT: nobody answers an EPP cycle).
     * [vcpu] */
    int (*parallel)(void *self, uint32_t op, uint8_t *bytes, size_t n);
    /* Of a connection that may hang: ends it at once, or the attempt at one (then settled()
     * follows).  NULL: it is none. [main] */
    void (*yank)(void *self);
    /* Of a socket that listens: a connection somebody else has made; the descriptor is its own if it
     * returns 0.  -ENOTSUP: it does not listen; -EBUSY: it has a client. [main] */
    int (*add_client)(void *self, int fd);
};

#define TENON_CHARDEV_BACKEND(id, names, help, ...)                                                \
    TENON_TYPE(id, "chardev", names, "", "", help, "tenon.chardev/1", __VA_ARGS__)

/* "tenon.chardev/1" - what the host offers a back end; asked for with tenon_query(). */
struct tenon_chardev_host {
    uint32_t size;
    /* How many bytes the device takes now. [main] */
    size_t (*room)(struct tenon_dev *);
    /* Hands the device what was received; returns what it took, all of it up to room(). [main] */
    size_t (*input)(struct tenon_dev *, const void *buf, size_t len);
    /* The back end takes more after a short write(). [main] */
    void (*sent)(struct tenon_dev *);
    /* TENON_CHR_OPENED, _CLOSED or _BREAK from the far end.  It counts as open from the start
     * unless create() says _CLOSED. [main] */
    void (*event)(struct tenon_dev *, int event);
    /* Hands over file descriptors that came with what is input() next; they are the host's now.
     * [main] */
    void (*fds)(struct tenon_dev *, const int *fds, unsigned n);
    /* Asked by a create() that has to wait for the far end.  0: do, for the machine is not there
     * yet.  -EINPROGRESS: never; create() returns 0 and settled() follows.  Else what tenon_error()
     * returned, for create() to return. [main] */
    int (*waits)(struct tenon_dev *);
    /* The end of what waits() has put off, which may come within create(): NULL if all is well, or
     * why it has failed; then the host soon destroys the back end. [main] */
    void (*settled)(struct tenon_dev *, const char *why);
};

/* ---- Devices ---- */

struct tenon_chardev;           /* a back end, as a device holds it */

/* What a device that uses a back end answers; what is NULL is not of interest. */
struct tenon_chr_user {
    uint32_t size;
    size_t (*room)(void *self);                                                         /* [main] */
    void (*receive)(void *self, const void *buf, size_t len);   /* len <= room()           [main] */
    void (*writable)(void *self);   /* more can be sent after a short write                [main] */
    void (*event)(void *self, int event);                                               /* [main] */
    /* Descriptors that came with what is received next; they are the user's now.  NULL: they are
     * closed. [main] */
    void (*fds)(void *self, const int *fds, unsigned n);
};

/* "tenon.chr/1" - what the host offers a device; asked for with tenon_query(). */
struct tenon_chr {
    uint32_t size;
    /* Makes the device the user of chr.  -EBUSY if it has one. [main] */
    int (*attach)(struct tenon_dev *, struct tenon_chardev *chr, const struct tenon_chr_user *user);
    /* Sends; returns how many bytes were taken, and writable() follows if not all. [vcpu] */
    size_t (*write)(struct tenon_chardev *chr, const void *buf, size_t len);
    /* room() has grown. [vcpu] */
    void (*accept)(struct tenon_chardev *chr);
    /* TENON_CHR_BREAK; and _OPENED and _CLOSED of a user whose own end is open or not: it counts as open
     * after attach(). [vcpu] */
    void (*event)(struct tenon_chardev *chr, int event);
    void (*line)(struct tenon_chardev *chr, const struct tenon_chr_line *line);         /* [vcpu] */
    /* What the back end's functions of these names do; -ENOTSUP if it is no real port. [vcpu] */
    int (*set_lines)(struct tenon_chardev *chr, uint32_t lines);
    int (*lines)(struct tenon_chardev *chr);
    int (*parallel)(struct tenon_chardev *chr, uint32_t op, uint8_t *bytes, size_t n);
    /* As attach(), for a device of several ports: the user's functions get part, and not the
     * device's state. [main] */
    int (*attach_part)(struct tenon_dev *, struct tenon_chardev *chr,
                       const struct tenon_chr_user *user, void *part);
};

/* "tenon.ringbuf/1" - an interface (ifaces) of a back end that keeps what the guest sends, for the
 * monitors to read. */
#define TENON_RINGBUF "tenon.ringbuf/1"
struct tenon_ringbuf {
    uint32_t size;
    size_t (*read)(void *self, void *buf, size_t len);          /* how much it was [main] */
};

#endif
