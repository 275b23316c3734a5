/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/plugin.h - all there is between the emulator and a plugin.
 *
 * A plugin is one shared object.  It exports one constant, links against nothing of ours, and runs
 * no code before it is asked to create something.  What it may call arrives with the handle it is
 * given.  A plugin declares what it can (properties, registers, timers, windows, interrupt lines)
 * and codes only what it must; what is declared, the host allocates, parses, prints, maps, resets,
 * saves and frees.
 *
 * This is interface 0, a draft: it may change until interface 1.  From 1 on, old binaries keep
 * working, because a struct grows only at its end and carries the size it was built with, an array
 * carries the distance between its elements, and a meaning never changes: a new meaning gets a new
 * name.
 *
 * Licence: these headers are MIT-0.  Using them puts no condition on a plugin: a plugin under any
 * licence, open or not, may be built with them, shipped and loaded.
 *
 * Each function says where it runs:
 *   [main]  the event loop, the board locked
 *   [vcpu]  a guest access or the event loop, the board locked
 *   [any]   any thread, the board locked or not
 */
/* clang-format off */
#ifndef TENON_PLUGIN_H
#define TENON_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TENON_ABI_MAJOR 0
#define TENON_ABI_MINOR 0

/* The oldest minor version the plugin is content with.  Later functions are hidden from it, so the
 * claim cannot be wrong. */
#ifndef TENON_ABI_NEED
#define TENON_ABI_NEED 0
#endif

struct tenon_array {
    const void *items;
    uint32_t count;
    uint32_t stride;
};
#define TENON_ARRAY(a) { (a), sizeof(a) / sizeof((a)[0]), sizeof((a)[0]) }

/* ---- Properties: what -device NAME,? lists and -device NAME,key=value sets ---- */

enum {
    TENON_BOOL = 100,       /* bool */
    TENON_U8 = 200,         /* uint8_t; numbers are decimal, 0x or 0 */
    TENON_U16 = 300,        /* uint16_t */
    TENON_U32 = 400,        /* uint32_t */
    TENON_U64 = 500,        /* uint64_t */
    TENON_SIZE = 600,       /* uint64_t, with suffixes: 64K, 1.5G */
    TENON_STR = 700,        /* const char *, the host's; NULL when not given */
    TENON_ENUM = 800,       /* uint32_t, an index into names */
    TENON_CHARDEV = 900,    /* struct tenon_chardev *, by id; see tenon/chardev.h */
};

/* The host has stored the value in the state before create() runs. */
struct tenon_prop {
    const char *name;
    uint32_t type;
    uint32_t offset;            /* in the state */
    uint32_t bytes;             /* of the field; must fit the type */
    uint32_t flags;
    uint64_t initial;           /* numbers (outside min to max: not given), bools, enums */
    const char *initial_str;    /* strings */
    uint64_t min, max;          /* of what is typed; max 0 is no limit but the type's */
    const char *const *names;   /* enums, ended by NULL */
    const char *help;           /* one sentence, no full stop */
};
enum {
    TENON_PROP_LIVE = 1,        /* may be set while the machine runs, the board locked: its value
                                   counts from the device's next look at the field */
    TENON_PROP_MEMBERS = 2,     /* a string that gathers what is set below it: "NAME.REST=value" adds
                                   a line "REST=value" to it */
};
/* TENON_PROP(struct edu, "delay", TENON_U64, delay, .initial = 1000, .help = "...") */
#define TENON_PROP(state, name_, type_, field, ...)                                                \
    { .name = name_, .type = type_, .offset = offsetof(state, field),                              \
      .bytes = sizeof(((state *)0)->field), __VA_ARGS__ }

/* ---- Registers: set by reset, kept by a snapshot under their own names ---- */

struct tenon_reg {
    const char *name;
    uint32_t offset;
    uint32_t bytes;             /* of one element: 1, 2, 4 or 8 */
    uint32_t count;             /* elements; 1 for a scalar */
    uint32_t flags;
    uint64_t reset;             /* what each element is after a reset */
};
enum { TENON_REG_KEEP = 1 };    /* saved, but a reset leaves it alone */
#define TENON_REG(state, field, ...)                                                               \
    { .name = #field, .offset = offsetof(state, field), .bytes = sizeof(((state *)0)->field),      \
      .count = 1, __VA_ARGS__ }
#define TENON_REGS(state, field, ...)                                                              \
    { .name = #field, .offset = offsetof(state, field), .bytes = sizeof(((state *)0)->field[0]),   \
      .count = sizeof(((state *)0)->field) / sizeof(((state *)0)->field[0]), __VA_ARGS__ }

/* ---- Timers: stopped by reset, kept by a snapshot, used by their index ---- */

enum {
    TENON_CLOCK_GUEST = 100,    /* stops with the guest; starts at 0 */
    TENON_CLOCK_HOST = 200,     /* wall clock: ns since 1970 UTC; follows the host's corrections */
    TENON_CLOCK_REAL = 300,     /* never stops, never jumps */
};

struct tenon_timer {
    const char *name;
    void (*fire)(void *self);                                                           /* [main] */
    uint32_t clock;             /* 0 is TENON_CLOCK_GUEST */
};
#define TENON_NEVER UINT64_MAX

/* ---- Windows: ports and memory the device answers ---- */

enum { TENON_IO = 100, TENON_MEM = 200 };
#define TENON_UNMAPPED UINT64_MAX

/*
 * An access wider than width_max is split; one narrower than width_min reads its part of the
 * aligned register, and writes with the other bytes zero.  Only the address of its first byte
 * decides which window an access goes to.  reg is relative to the window; size is in bytes.  One of
 * read and write may be NULL: then it is as if nobody were there.
 */
struct tenon_window {
    const char *name;
    uint32_t space;
    uint32_t width_min, width_max;  /* 1, 2, 4 or 8; 0 is 1 and 8 */
    uint32_t flags;
    uint64_t base;                  /* where it is from the start; TENON_UNMAPPED: nowhere yet */
    uint64_t bytes;
    uint64_t (*read)(void *self, uint64_t reg, unsigned size);                          /* [vcpu] */
    void (*write)(void *self, uint64_t reg, uint64_t value, unsigned size);             /* [vcpu] */
    int32_t priority;               /* the higher one is seen where two overlap */
};
enum { TENON_WINDOW_WIDE = 1 };     /* an access narrower than width_min is not for this window at
                                       all: it reads ones and its write vanishes */

/* ---- Pins: inputs that a machine wires to other devices' interrupt lines ---- */

struct tenon_pin {
    const char *name;
    uint32_t count;
    void (*set)(void *self, unsigned n, bool level);                                    /* [vcpu] */
};

/* ---- Trace events: what the type can tell of its work; see tenon/trace.h ---- */

struct tenon_event {
    const char *name;
    const char *format;         /* printf's, of the arguments */
};

/* ---- The host ---- */

struct tenon_dev;

/* What another plugin's instance offers, found by the name of the interface. */
struct tenon_peer {
    void *self;
    const void *table;
};

enum {
    TENON_LOG_GUEST_ERROR = 100,
    TENON_LOG_UNIMPLEMENTED = 200,
    TENON_LOG_INFO = 300,       /* a warning to the user */
    TENON_LOG_NOTE = 400,       /* nothing is wrong, but the user is to know */
    TENON_LOG_ANSWER = 500,     /* what the user asked to be told: to standard output, as it is */
};

/* What the host offers.  Called through the inline functions below. */
struct tenon_host {
    uint32_t size, minor;
    int (*error)(struct tenon_dev *, int err, const char *fmt, ...);
    void (*log)(struct tenon_dev *, int level, const char *fmt, ...);
    uint64_t (*now)(struct tenon_dev *, uint32_t clock);
    void (*arm)(struct tenon_dev *, uint32_t timer, uint64_t when);
    void (*irq)(struct tenon_dev *, uint32_t line, bool level);
    int (*dma)(struct tenon_dev *, uint64_t addr, void *buf, size_t len, bool to_guest);
    int (*map)(struct tenon_dev *, uint32_t window, uint64_t base, uint64_t bytes);
    const void *(*query)(struct tenon_dev *, const char *id);
    struct tenon_peer (*peer)(struct tenon_dev *, const char *id);
    void (*trace)(struct tenon_dev *, uint32_t event, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
};

/* The handle: the first member of every state, filled in by the host. */
struct tenon_dev {
    const struct tenon_host *host;
    const char *id;             /* as given by id=, or made up */
    const uint8_t *traced;      /* of each of the type's events, whether it is on */
};

#define TENON_HAS(dev, function)                                                                   \
    ((dev)->host->size >= offsetof(struct tenon_host, function) + sizeof(void *))

/* Says why a create() fails: one line, prefixed by the option as the user typed it.  err is a
 * negative errno and is the value to return. [any] */
#define tenon_error(dev, ...) ((dev)->host->error((dev), __VA_ARGS__))

/* Notes what the guest did wrong, or asked for in vain; shown by -d. [any] */
#define tenon_log(dev, ...) ((dev)->host->log((dev), __VA_ARGS__))

/* Guest time, in nanoseconds. [any] */
static inline uint64_t tenon_now(struct tenon_dev *dev)
{
    return dev->host->now(dev, TENON_CLOCK_GUEST);
}

/* The time of any of the three clocks, in nanoseconds. [any] */
static inline uint64_t tenon_clock(struct tenon_dev *dev, uint32_t clock)
{
    return dev->host->now(dev, clock);
}

/* Fires the timer once, at that time of its clock; TENON_NEVER stops it. [vcpu] */
static inline void tenon_arm_at(struct tenon_dev *dev, uint32_t timer, uint64_t when)
{
    dev->host->arm(dev, timer, when);
}

/* Fires the timer (of guest time) once, that long from now. [vcpu] */
static inline void tenon_arm(struct tenon_dev *dev, uint32_t timer, uint64_t ns)
{
    dev->host->arm(dev, timer, dev->host->now(dev, TENON_CLOCK_GUEST) + ns);
}

/* Drives an interrupt line of the device. [vcpu] */
static inline void tenon_irq(struct tenon_dev *dev, uint32_t line, bool level)
{
    dev->host->irq(dev, line, level);
}

/* Copies between guest-physical memory and buf; 0, or -EFAULT if a part of it is no RAM (the rest
 * is copied, and what is read of the missing part is zero). [vcpu] */
static inline int tenon_dma_read(struct tenon_dev *dev, uint64_t addr, void *buf, size_t len)
{
    return dev->host->dma(dev, addr, buf, len, false);
}

static inline int tenon_dma_write(struct tenon_dev *dev, uint64_t addr, const void *buf, size_t len)
{
    return dev->host->dma(dev, addr, (void *)buf, len, true);
}

/* Moves a window to base, bytes long (0: as declared); TENON_UNMAPPED takes it away.  -ERANGE if it
 * does not fit its space. [vcpu] */
static inline int tenon_map(struct tenon_dev *dev, uint32_t window, uint64_t base, uint64_t bytes)
{
    return dev->host->map(dev, window, base, bytes);
}

/* A further table of host functions ("tenon.loop/1"), or NULL. [any] */
static inline const void *tenon_query(struct tenon_dev *dev, const char *id)
{
    return dev->host->query(dev, id);
}

/* The first instance of the machine that has id among its ifaces; self is NULL if there is none.
 * What it is told runs with the board locked. [vcpu] */
static inline struct tenon_peer tenon_find_peer(struct tenon_dev *dev, const char *id)
{
    return dev->host->peer(dev, id);
}

/* ---- Types ---- */

/* An interface the type offers to other plugins; its functions take the instance's state first. */
struct tenon_iface {
    const char *id;
    const void *table;
};

/* One thing a plugin can create. */
struct tenon_type {
    uint32_t size;
    uint32_t state_size;            /* allocated, and zeroed, by the host */
    const char *kind, *name, *help;
    const char *ops_id;             /* what ops points to */
    const void *ops;
    struct tenon_array props, regs, timers, windows, pins, ifaces;
    uint32_t lines;                 /* interrupt lines, used by index in tenon_irq() */
    int (*create)(void *self);                                                          /* [main] */
    void (*destroy)(void *self);    /* also after a failed create                          [main] */
    void (*reset)(void *self);      /* after the registers have been set                   [main] */
    void (*loaded)(void *self);     /* after a snapshot has set them                       [main] */
    struct tenon_array events;
};

struct tenon_plugin {
    uint32_t size;
    uint16_t major, need;
    const struct tenon_type *const *types;
    uint32_t n_types;
};

#ifdef __cplusplus
#define TENON_ASSERT_ static_assert
#else
#define TENON_ASSERT_ _Static_assert
#endif

/* Notes follow each other without gaps, which clang's address sanitizer would make. */
#ifdef __clang__
#define TENON_NOTE_ATTRIBUTES_ used, aligned(4), section(".note.tenon"), no_sanitize("address")
#else
#define TENON_NOTE_ATTRIBUTES_ used, aligned(4), section(".note.tenon")
#endif

/* Each type leaves its card in an ELF note, so that a plugin can be listed without being run. */
#define TENON_NOTE_(id, text)                                                                      \
    static const struct {                                                                          \
        uint32_t namesz, descsz, type;                                                             \
        char name[8], desc[(sizeof(text) + 3) / 4 * 4];                                            \
    } tenon_note_##id __attribute__((TENON_NOTE_ATTRIBUTES_)) =                                    \
        { 6, sizeof(text), TENON_ABI_MAJOR, "TENON", text }
#define TENON_STR2_(x) #x
#define TENON_STR1_(x) TENON_STR2_(x)

/*
 * Defines tenon_type_ID, whose state is struct ID.  names: the type's name, then further names it
 * goes by, separated by spaces (each has a link KIND-NAME.so to the file).  tags: words such as
 * "watchdog", "sound", "display", "input", "network", "storage", "bridge", "misc".
 */
#define TENON_TYPE(id, kind_, names_, bus_, tags_, help_, ops_id_, ...)                            \
    TENON_ASSERT_(offsetof(struct id, dev) == 0 &&                                                 \
                  sizeof(((struct id *)0)->dev) == sizeof(struct tenon_dev *),                     \
                  "struct tenon_dev *dev comes first");                                            \
    TENON_NOTE_(id, "need=" TENON_STR1_(TENON_ABI_NEED) "\tkind=" kind_ "\tname=" names_           \
                "\tbus=" bus_ "\ttags=" tags_ "\thelp=" help_);                                    \
    static const struct tenon_type tenon_type_##id = {                                             \
        .size = sizeof(struct tenon_type), .state_size = sizeof(struct id), .kind = kind_,         \
        .name = names_, .help = help_, .ops_id = ops_id_, __VA_ARGS__ }

#define TENON_PLUGIN(...)                                                                          \
    static const struct tenon_type *const tenon_types_[] = { __VA_ARGS__ };                        \
    extern const struct tenon_plugin tenon_plugin_0 __attribute__((visibility("default")));        \
    const struct tenon_plugin tenon_plugin_0 = {                                                   \
        .size = sizeof(struct tenon_plugin), .major = TENON_ABI_MAJOR, .need = TENON_ABI_NEED,     \
        .types = tenon_types_, .n_types = sizeof(tenon_types_) / sizeof(tenon_types_[0]) }

#ifdef __cplusplus
}
#endif
#endif
