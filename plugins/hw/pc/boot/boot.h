/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * boot - planning how a kernel given by the user gets into a PC's memory.
 *
 * Pure functions of hostile bytes: nothing here reads files or touches a guest.
 */
#ifndef TENON_BOOT_H
#define TENON_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"

enum boot_kind {
    BOOT_LINUX,     /* has a Linux setup header */
    BOOT_MULTIBOOT, /* a multiboot 1 header */
    BOOT_PVH,       /* an ELF note with a 32-bit entry */
    BOOT_UNKNOWN,
};

/* A module: what -initrd said of it, and where its contents are in the request's initrd. */
struct boot_module {
    const char *text;
    uint32_t offset, len;
};

struct boot_request {
    const uint8_t *kernel;
    size_t kernel_len;
    const char *kernel_name, *append;
    const uint8_t *initrd; /* all modules, each on a page border of its own */
    size_t initrd_len;
    const struct boot_module *modules; /* one at most, but for multiboot */
    unsigned n_modules;
    const uint8_t *dtb;
    size_t dtb_len;
    uint64_t ram_end; /* below 4 GiB, without what firmware takes at the end */
    bool direct;      /* no firmware: Linux cannot be entered in real mode */
};

struct boot_plan {
    struct plan_head head;
    struct plan_step *steps;
    unsigned n_steps;
    uint8_t *bytes; /* what PLAN_BYTES refers to */
    size_t n_bytes;
    const uint8_t *kernel; /* the kernel's item: a part of the request's */
    size_t kernel_len;
    int err; /* the first thing that went wrong: negative errno, and why */
    char why[160];
};

enum boot_kind boot_kind(const uint8_t *kernel, size_t len);

/* Makes the plan; 0, or -errno with plan->why.  The plan is to be finished in any case. */
int boot_plan_init(struct boot_plan *plan, const struct boot_request *req);
void boot_plan_finish(struct boot_plan *plan);

/* The plan as the file the boot program reads; to be freed.  NULL: no memory. */
uint8_t *boot_plan_encode(const struct boot_plan *plan, size_t *len);

/*
 * Takes the next module off "file arg=x,other": its text, with ",," made ",", into out (as long as
 * list); returns what follows, or NULL after the last one.
 */
const char *boot_module_next(const char *list, char *out);

/* ---- For the planners: after a failure they do nothing more ---- */

enum { BOOT_1M = 0x100000, BOOT_PAGE = 4096 };

void plan_fail(struct boot_plan *plan, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a step that writes guest memory; fails if that is no RAM, or the boot program's. */
void plan_load(struct boot_plan *plan, const struct boot_request *req, enum plan_op op,
               uint64_t addr, uint64_t len, size_t offset);
void plan_step(struct boot_plan *plan, struct plan_step step);
/* Stores bytes for PLAN_BYTES, zeroes if data is NULL; where they are.  The pointer to them holds
 * until the next call; NULL after a failure. */
size_t plan_bytes(struct boot_plan *plan, const void *data, size_t len);
/* Both at once. */
void plan_put(struct boot_plan *plan, const struct boot_request *req, uint64_t addr,
              const void *data, size_t len);
/* Puts the one initrd on a page below top, above bottom; its address. */
uint64_t plan_initrd(struct boot_plan *plan, const struct boot_request *req, uint64_t bottom,
                     uint64_t top);

void plan_linux(struct boot_plan *plan, const struct boot_request *req);
void plan_multiboot(struct boot_plan *plan, const struct boot_request *req);
void plan_pvh(struct boot_plan *plan, const struct boot_request *req);

bool linux_detect(const uint8_t *kernel, size_t len);
bool multiboot_detect(const uint8_t *kernel, size_t len);
bool pvh_detect(const uint8_t *kernel, size_t len);

/* ---- Little-endian numbers, at any alignment ---- */

static inline uint64_t get_le(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes--)
        value = value << 8 | p[bytes];
    return value;
}

static inline void put_le(uint8_t *p, unsigned bytes, uint64_t value)
{
    for (; bytes--; value >>= 8)
        *p++ = value;
}

static inline uint64_t page_up(uint64_t n)
{
    return (n + BOOT_PAGE - 1) & ~(uint64_t)(BOOT_PAGE - 1);
}

/* ---- ELF ---- */

struct elf {
    const uint8_t *data;
    size_t len;
    bool is64;
    unsigned machine, n_segments, segment_bytes;
    uint64_t entry, segments; /* offset of the program headers */
};

struct elf_segment {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz, align;
};
enum { ELF_LOAD = 1, ELF_NOTE = 4, ELF_386 = 3, ELF_X86_64 = 62 };

/* NULL if data is a sound little-endian ELF executable, else what is wrong with it. */
const char *elf_open(struct elf *elf, const uint8_t *data, size_t len);
/* Segment n; its bytes are in the file if this is true. */
bool elf_segment(const struct elf *elf, unsigned n, struct elf_segment *s);
/* Plans to load every segment to its physical address; *end is behind the last. */
void elf_load(struct boot_plan *plan, const struct boot_request *req, const struct elf *elf,
              uint64_t *end);

#endif
