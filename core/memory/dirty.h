/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dirty - what a block keeps of its dirty pages; see memory.h. */
#ifndef TENON_CORE_DIRTY_H
#define TENON_CORE_DIRTY_H

struct dirty;

/* NULL does nothing. */
void dirty_destroy(struct dirty *dirty);

#endif
