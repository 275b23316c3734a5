/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/trace.h - trace events: what a plugin can tell of its work, each by a name of its own.
 *
 * The events of a type stand in one list, each with a name and a printf format, which gives the
 * types of what goes with it:
 *
 *     #define HELLO_EVENTS(E)                                                       \
 *         E(hello_read,  "register 0x%x, value 0x%02x")                             \
 *         E(hello_tired, "after %u words to %s")
 *     TENON_EVENTS(hello, HELLO_EVENTS);
 *
 *     tenon_trace(hello->dev, hello_read, reg, value);
 *
 *     TENON_ISA_DEVICE(hello, ..., .events = TENON_ARRAY(tenon_events_hello));
 *
 * An event that is off costs one branch that is predicted.  Arguments are evaluated any number of
 * times, or not at all.  A format has %d %i %u %x %X %o %c %s %p with lengths h, hh, l, ll, z, j,
 * t, flags, a width and a precision in digits.
 *
 * Where <sys/sdt.h> is (systemtap-sdt-dev), each call is a USDT probe as well, of the provider
 * "tenon" and the event's name; TENON_NO_SDT before the include makes it none.
 */
/* clang-format off */
#ifndef TENON_TRACE_H
#define TENON_TRACE_H

#include <tenon/plugin.h>

#if !defined(TENON_NO_SDT) && defined(__has_include)
#if __has_include(<sys/sdt.h>)
#ifndef SDT_USE_VARIADIC
#define SDT_USE_VARIADIC
#endif
#include <sys/sdt.h>
#ifdef STAP_PROBEV
#define TENON_PROBE_(event, ...) STAP_PROBEV(tenon, event, __VA_ARGS__)
#define TENON_PROBE0_(event) STAP_PROBE(tenon, event)
#endif
#endif
#endif
#ifndef TENON_PROBE_
#define TENON_PROBE_(event, ...) (void)0
#define TENON_PROBE0_(event) (void)0
#endif

#define TENON_EVENT_ID_(name, format) TENON_EVENT_##name,
#define TENON_EVENT_FORMAT_(name, format) static const char tenon_format_##name[] = format;
#define TENON_EVENT_ROW_(name, format) { #name, tenon_format_##name },
#define TENON_EVENT_WORD_(name, format) #name " "

/* The names in an ELF note, so that they can be listed without running the plugin. */
#define TENON_EVENT_NOTE_(id, text)                                                                \
    static const struct {                                                                          \
        uint32_t namesz, descsz, type;                                                             \
        char name[8], desc[(sizeof(text) + 3) / 4 * 4];                                            \
    } tenon_event_note_##id __attribute__((TENON_NOTE_ATTRIBUTES_)) =                              \
        { 8, sizeof(text), TENON_ABI_MAJOR, "TENONEV", text }

/* Defines tenon_events_ID, a table for the type's .events. */
#define TENON_EVENTS(id, LIST)                                                                     \
    enum { LIST(TENON_EVENT_ID_) TENON_N_EVENTS_##id };                                            \
    LIST(TENON_EVENT_FORMAT_)                                                                      \
    TENON_EVENT_NOTE_(id, LIST(TENON_EVENT_WORD_));                                                \
    static const struct tenon_event tenon_events_##id[] = { LIST(TENON_EVENT_ROW_) }

/* Tells of an event of dev's type with one or more arguments, or with none. [any] */
#define tenon_trace(dev, event, ...)                                                               \
    do {                                                                                           \
        TENON_PROBE_(event, __VA_ARGS__);                                                          \
        if (__builtin_expect((dev)->traced[TENON_EVENT_##event], 0))                               \
            (dev)->host->trace((dev), TENON_EVENT_##event, tenon_format_##event, __VA_ARGS__);     \
    } while (0)
#define tenon_trace0(dev, event)                                                                   \
    do {                                                                                           \
        TENON_PROBE0_(event);                                                                      \
        if (__builtin_expect((dev)->traced[TENON_EVENT_##event], 0))                               \
            (dev)->host->trace((dev), TENON_EVENT_##event, tenon_format_##event);                  \
    } while (0)

#endif
