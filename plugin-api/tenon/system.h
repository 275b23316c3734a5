/* SPDX-License-Identifier: MIT-0 */
/* tenon/system.h - services of the host beyond the base table: file descriptors, power, doorbells.
 */
/* clang-format off */
#ifndef TENON_SYSTEM_H
#define TENON_SYSTEM_H

#include <tenon/plugin.h>

/* "tenon.loop/1" - the event loop. */
enum {                              /* poll(2)'s values */
    TENON_READABLE = 1,
    TENON_WRITABLE = 4,
    TENON_FAILED = 8,               /* told without being asked for */
    TENON_HANGUP = 16,              /* told without being asked for */
    TENON_PEER_DONE = 0x2000,       /* a socket's other end sends no more */
};
struct tenon_loop {
    uint32_t size;
    /* Calls fn when fd is ready for one of events; a second call for the same fd replaces the
     * first, events 0 ends it.  It ends by itself when the instance is destroyed. [vcpu] */
    int (*watch)(struct tenon_dev *, int fd, unsigned events,
                 void (*fn)(void *self, int fd, unsigned events));
};

/* An object of -object: others find it by its id, and use its ifaces. */
#define TENON_OBJECT(id, names, help, ...)                                                         \
    TENON_TYPE(id, "object", names, "", "", help, "", __VA_ARGS__)

/* "tenon.objects/1" - objects of the command line (-object), by id. */
struct tenon_objects {
    uint32_t size;
    /* Its interface called iface; self is NULL if there is no such object, table if it does not
     * have the interface.  An object stays until those that were made after it are gone. [main] */
    struct tenon_peer (*find)(struct tenon_dev *, const char *id, const char *iface);
};

/* "tenon.files/1" - files that the user named. */
struct tenon_files {
    uint32_t size;
    /* As open(2) with O_CLOEXEC, or -errno; "/dev/fdset/N" is one of the descriptors that have been
     * handed over as set N. [main] */
    int (*open)(struct tenon_dev *, const char *path, int flags, unsigned mode);
};

/* "tenon.events/1" - what QMP monitors are told. */
struct tenon_events {
    uint32_t size;
    /* Emits an event that the host knows, of this device: its member "id" is the device's id, and
     * without an id nothing is told.  fmt is "{s:b, s:i}" with a name and a value for each member: b is
     * an int that is true or false, i an int, I a long long, s a string. [main] */
    void (*emit)(struct tenon_dev *, const char *event, const char *fmt, ...);
};

/* "tenon.power/1" - what a device can do to the whole machine.  What is asked for happens soon
 * after the guest's access, before the processor's next instruction. */
enum {
    TENON_POWER_RESET = 100,        /* the machine starts again (ends, with -no-reboot) */
    TENON_POWER_OFF = 200,          /* the program ends (stays, with -no-shutdown) */
    TENON_POWER_EXIT = 300,         /* the program ends with status code, whatever the options */
    TENON_POWER_PANIC = 400,        /* the guest says it has crashed (-action panic=) */
    TENON_POWER_CRASH_LOADED = 500, /* ... and handles it itself */
    TENON_POWER_SUSPEND = 600,      /* sleeps until something wakes it, then resets the CPUs */
};
struct tenon_power {
    uint32_t size;
    void (*request)(struct tenon_dev *, uint32_t what, int code);                       /* [vcpu] */
    /* Asks to be told when the power button is pressed (system_powerdown). [main] */
    void (*on_button)(struct tenon_dev *, void (*pressed)(void *self));
    /* Wakes a machine that sleeps; nothing if it does not. [main] */
    void (*wake)(struct tenon_dev *);
};

/*
 * "tenon.eventfd/1" - doorbells and interrupts as event file descriptors, carried by the kernel
 * where it can.  The fds stay the caller's.
 */
struct tenon_eventfd {
    uint32_t size;
    /* A write of bytes bytes to reg of the window signals fd instead of calling write(); with
     * match, only if value is written.  fd -1 ends it. [main] */
    int (*doorbell)(struct tenon_dev *, uint32_t window, uint64_t reg, unsigned bytes, bool match,
                    uint64_t value, int fd);
    /* Each signal of fd gives one edge on the device's interrupt line.  fd -1 ends it. [main] */
    int (*interrupt)(struct tenon_dev *, uint32_t line, int fd);
};

#endif
