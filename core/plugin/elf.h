/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* elf - reading an ELF image that may be anything: every access is checked, headers are copied out.
 */
#ifndef TENON_CORE_ELF_H
#define TENON_CORE_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

/* Copies size bytes from offset out of s, if s has them. */
static inline bool span_take(struct span s, size_t offset, void *out, size_t size)
{
    if (offset > s.len || size > s.len - offset)
        return false;
    memcpy(out, s.at + offset, size);
    return true;
}

/* A part of s; empty if s does not have all of it. */
static inline struct span span_part(struct span s, size_t offset, size_t len)
{
    if (offset > s.len || len > s.len - offset)
        return (struct span){ 0 };
    return (struct span){ s.at + offset, len };
}

/* The string at offset, if it ends within s; NULL if not. */
static inline const char *span_string(struct span s, size_t offset)
{
    if (offset >= s.len || !memchr(s.at + offset, '\0', s.len - offset))
        return NULL;
    return s.at + offset;
}

#endif
