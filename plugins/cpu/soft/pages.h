/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pages - the host's memory for tables that are large.
 */
#ifndef TENON_SOFT_PAGES_H
#define TENON_SOFT_PAGES_H

#include <stddef.h>

/* Zeroes that take no memory before they are used: calloc() may clear what was used before.  NULL:
 * there is none. */
void *pages_create(size_t bytes);
/* The same for what is used all over and in no order: in huge pages, if the host has them. */
void *pages_create_huge(size_t bytes);
/* Private memory that begins where a huge page does, of whole pages, for munmap(); prot as
 * mmap()'s. NULL: there is none. */
void *pages_align(size_t bytes, int prot);
/* p may be NULL. */
void pages_destroy(void *p, size_t bytes);

#endif
