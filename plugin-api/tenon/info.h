/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/info.h - what a plugin's instance tells who looks at the machine: `info pic` and the like
 * of the monitors.
 */
/* clang-format off */
#ifndef TENON_INFO_H
#define TENON_INFO_H

#include <tenon/plugin.h>

/* Where text goes; lines end with "\n". */
struct tenon_text {
    uint32_t size;
    void (*print)(const struct tenon_text *to, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
};
#define tenon_say(to, ...) ((to)->print((to), __VA_ARGS__))

/*
 * "tenon.info/1" - an interface of any type that has something to tell.  All instances that offer it
 * are asked, in the order in which they were made; who knows nothing of a topic says nothing.
 * Topics that the monitors ask for:
 *
 *     "pic"    the state of interrupt controllers: `info pic`
 *     "roms"   what firmware is given besides memory: `info roms`
 *
 * Nothing changes by being asked.  The processors stand meanwhile. [main]
 */
#define TENON_INFO "tenon.info/1"
struct tenon_info {
    uint32_t size;
    void (*describe)(void *self, const char *topic, const struct tenon_text *to);
};

/* The line of an I/O APIC's redirection table entry (82093AA datasheet), which all of them share. */
static inline void tenon_say_redirection(const struct tenon_text *to, unsigned pin, uint64_t entry)
{
    static const char *const modes[8] = {
        "fixed", "lowest", "SMI", "reserved", "NMI", "INIT", "reserved", "ExtINT",
    };

    tenon_say(to, "  pin %-2u 0x%016llx dest=%x vec=%-3u %s %-5s %-6s %-6s %s%s%s\n", pin,
              (unsigned long long)entry, (unsigned)(entry >> 56), (unsigned)(entry & 0xff),
              entry & 0x2000 ? "active-lo" : "active-hi", entry & 0x8000 ? "level" : "edge",
              entry & 0x10000 ? "masked" : "", modes[entry >> 8 & 7],
              entry & 0x800 ? "logical" : "physical", entry & 0x1000 ? " pending" : "",
              entry & 0x4000 ? " in-service" : "");
}

#endif
