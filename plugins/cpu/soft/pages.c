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

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

void *pages_create(size_t bytes)
{
    return map(whole(bytes));
}

/* What is mapped is a huge page longer, so that there is room to align it; then it is cut. */
void *pages_create_huge(size_t bytes)
{
    size_t all = whole(bytes), before;
    char *p = map(all + HUGE_PAGE);

    if (!p)
        return NULL;
    before = -(uintptr_t)p & (HUGE_PAGE - 1);
    if (before)
        munmap(p, before);
    munmap(p + before + all, HUGE_PAGE - before);
    madvise(p + before, all, MADV_HUGEPAGE);
    return p + before;
}

void pages_destroy(void *p, size_t bytes)
{
    if (p)
        munmap(p, whole(bytes));
}
