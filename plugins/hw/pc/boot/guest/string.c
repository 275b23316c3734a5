/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* string - what compilers call of their own accord, for code that has no C library. */

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    void *at = to;

    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    char *end = (char *)to + n - 1;

    if ((size_t)((char *)to - (const char *)from) >= n)
        return memcpy(to, from, n);
    from = (const char *)from + n - 1;
    asm volatile("std; rep movsb; cld" : "+D"(end), "+S"(from), "+c"(n) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    void *at = to;

    asm volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
    return to;
}
