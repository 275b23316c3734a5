/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pages - the host's memory for tables that are large.
 */
#include "pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* The last one of them may be huge, too. */
static size_t whole(size_t bytes)
{
    return (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

static void *map(size_t bytes, int prot)
{
    void *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

void *pages_create(size_t bytes)
{
    return map(whole(bytes), PROT_READ | PROT_WRITE);
}

/* What is mapped is a huge page longer, so that there is room to align it; then it is cut. */
void *pages_align(size_t bytes, int prot)
{
    char *p = map(bytes + HUGE_PAGE, prot);
    size_t before = -(uintptr_t)p & (HUGE_PAGE - 1);

    if (!p)
        return NULL;
    if (before)
        munmap(p, before);
    munmap(p + before + bytes, HUGE_PAGE - before);
    return p + before;
}

void *pages_create_huge(size_t bytes)
{
    void *p = pages_align(whole(bytes), PROT_READ | PROT_WRITE);

    if (p)
        madvise(p, whole(bytes), MADV_HUGEPAGE);
    return p;
}

void pages_destroy(void *p, size_t bytes)
{
    if (p)
        munmap(p, whole(bytes));
}
