/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory - guest RAM, and the two address spaces (memory and ports) through which everything in a
 * guest is reached.
 *
 * Blocks are host memory.  A space is a set of overlapping mappings: parts of blocks, and windows
 * with callbacks; the highest priority (then the youngest) is seen.  The set is flattened into a
 * sorted array, published at once; readers look it up without a lock.
 */
#ifndef TENON_CORE_MEMORY_H
#define TENON_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* ---- Blocks ---- */

struct block {
    char *name;
    int fd; /* memfd or file */
    uint64_t bytes;
    uint8_t *host;
    size_t page; /* of the host memory behind it */
    bool readonly;
    struct dirty *dirty; /* NULL while nobody has tracked; atomic */
};

struct block_spec {
    const char *name;
    uint64_t bytes;
    const char *path;  /* -mem-path: a directory or file; NULL: none */
    bool prealloc;     /* touch every page, by threads, with progress after a second */
    bool share;        /* others may map it: writes reach the file of that path, or a memfd */
    bool readonly;     /* the file is there already, and is never written */
    bool merge;        /* for the host to share equal pages (KSM); with a path it does nothing */
    bool dump;         /* is part of the process's core dumps */
    unsigned threads;  /* 0: one per processor of the host */
    const char *where; /* option as typed, for messages */
};

/* NULL if it fails, and why has been reported (a full disk under -mem-path among it).  [main] */
struct block *block_create(const struct block_spec *spec);
/* Nobody may see it any more: see space_defer().  [any] */
void block_destroy(struct block *block);

/* Dirty pages (of 4096 bytes), per client.  Marking is lock-free and costs one test while nobody
 * tracks; it comes after the write. */
enum dirty_client { DIRTY_MIGRATION = 1, DIRTY_DISPLAY = 2, DIRTY_CODE = 4 };
void block_dirty_start(struct block *block,
                       enum dirty_client client); /* all pages dirty first [locked] */
void block_dirty_stop(struct block *block, enum dirty_client client);          /* [locked] */
void block_mark_tracked(struct block *block, uint64_t offset, uint64_t bytes); /* [any] */
static inline void block_mark(struct block *block, uint64_t offset, uint64_t bytes)
{
    if (__atomic_load_n(&block->dirty, __ATOMIC_RELAXED))
        block_mark_tracked(block, offset, bytes);
}
/* Takes and clears the client's bits of pages [first, first + pages) into bitmap (bit 0 is first;
 * a multiple of 64); returns how many were set.  [any] */
uint64_t block_dirty_take(struct block *block, enum dirty_client client, uint64_t first,
                          uint64_t pages, uint64_t *bitmap);

/*
 * Watches pages for code that has been taken from them.  fn is told of writes to watched pages, by
 * whoever marks them, and a page that has been told of is no longer watched.
 */
typedef void block_written_fn(void *arg, struct block *block, uint64_t offset, uint64_t bytes);
void block_watch(struct block *block, block_written_fn *fn, void *arg); /* [main, locked] */
void block_watch_page(struct block *block, uint64_t offset);            /* [any] */

/* ---- Spaces ---- */

enum { MAP_READ = 1, MAP_WRITE = 2 };

struct window_ops {
    uint64_t (*read)(void *arg, uint64_t reg, unsigned size);
    void (*write)(void *arg, uint64_t reg, uint64_t value, unsigned size);
    unsigned width_min, width_max; /* 1, 2, 4, 8; 0 is 1 and 8 */
    bool wide_only;                /* narrower accesses are not for it: ones, and writes vanish */
};

/* Part of a block (block set) or a window.  The caller keeps it while it is in a space. */
struct mapping {
    struct space *space;  /* set while it is in one */
    uint64_t base, bytes; /* the end may be 2^64 */
    int priority;
    uint64_t age;
    struct block *block;
    uint64_t offset;
    unsigned flags;        /* of blocks: MAP_READ, MAP_WRITE.  READ alone: a write vanishes;
                              WRITE alone: what lies below is read; 0: not seen at all */
    struct window_ops ops; /* read NULL: reads as nothing; write NULL: a write vanishes */
    void *arg;
    const char *name;
    bool busy;                  /* its callback runs */
    struct doorbell *doorbells; /* see space_doorbell() */
};

/* One entry of the flattened space; entries are sorted and do not overlap.  Pieces of one block
 * that follow each other there and here are one entry. */
struct range {
    uint64_t base, bytes;
    struct mapping *mapping; /* valid with the board locked, in the newest array */
    struct block *block;     /* NULL: a window */
    uint64_t offset;         /* in the block, or the window */
    unsigned flags;          /* copied, for blocks */
    struct mapping *below;   /* what is read where flags is MAP_WRITE alone; or NULL */
    struct block *shown;     /* ... and its block, or NULL */
    uint64_t shown_offset;
};

/* RAM or ROM as it is read, which for RAM behind a ROM is not what is written; block is NULL where
 * it takes an access. */
static inline struct range range_as_read(struct range r)
{
    if (r.block && !(r.flags & MAP_READ)) {
        r.block = r.shown;
        r.offset = r.shown_offset;
        r.flags = MAP_READ;
    }
    return r;
}

struct space;

/* bits is the width of an address; 16 is ports, where an access is never split at a border.
 * unassigned reads give all ones if ones is set, else 0.  loop's lock is taken around callbacks. */
struct space *space_create(const char *name, struct loop *loop, unsigned bits, bool ones);
/* All mappings have been removed or are forgotten.  [main] */
void space_destroy(struct space *space);

/* Changes between begin and end are seen at once, at the end; they nest.  In between the lock is
 * kept and the space not accessed.  [any, locked] */
void space_begin(struct space *space);
void space_end(struct space *space);
/* base + bytes lies within the space: checked before.  [any, locked] */
void mapping_add(struct space *space, struct mapping *mapping);
/* Takes it away, if it is in a space; its doorbells stay with it.  The caller may free it after
 * space_end().  [any, locked] */
void mapping_remove(struct mapping *mapping);
void mapping_set_flags(struct mapping *mapping, unsigned flags);
/* Removes it and its doorbells.  Also right for a zeroed one.  [any, locked] */
void mapping_finish(struct mapping *mapping);

/* Told of the old and the new flattened space at each change, before readers see the new one; what
 * KVM's slots follow.  [locked] */
struct space_listener {
    void (*changed)(void *arg, const struct range *old, size_t n_old, const struct range *now,
                    size_t n_now);
    void (*doorbell)(void *arg, const struct doorbell *bell, uint64_t addr, bool add);
    void (*published)(void *arg); /* readers see the new one; may be NULL */
    void *arg;
};
/* The caller keeps the listener.  Adding one calls it for what is there already, taking it off for
 * what is still there.  [main, locked] */
void space_listen(struct space *space, const struct space_listener *listener);
void space_unlisten(struct space *space, const struct space_listener *listener);
/* What is at addr, from there on; block and mapping are NULL where there is nothing.  What it
 * refers to holds until the reader's next quiescent state.  [any] */
struct range space_at(struct space *space, uint64_t addr);
/* The i-th of its mappings by base, hidden ones too; NULL behind the last.  [locked] */
const struct mapping *space_mapping(const struct space *space, size_t i);
/* The flattened space as of now.  [locked] */
const struct range *space_ranges(struct space *space, size_t *n);

/*
 * An access by a processor or the like, in one instruction: 1 to 8 bytes, little-endian, any
 * alignment.  Takes the board lock around a callback unless the caller says it has it; then a
 * window's borders and widths apply as tenon/plugin.h says.  A window that is reached again from
 * within its own callback (by DMA) is not there.  Lock-free for RAM if the calling thread has a
 * struct reader of the space; while a space has none at all, the lock is taken for all.  [any]
 */
uint64_t space_read(struct space *space, uint64_t addr, unsigned size, bool locked);
void space_write(struct space *space, uint64_t addr, uint64_t value, unsigned size, bool locked);

/* Copies any length; windows are reached by accesses of up to 8 bytes, naturally aligned.  Returns
 * 0, or -EFAULT if a part is neither RAM nor a window (it reads as zero; ROM is not written).
 * ram_only leaves windows out (DMA).  [any] */
int space_copy_in(struct space *space, uint64_t addr, void *buf, size_t len, bool ram_only,
                  bool locked);
int space_copy_out(struct space *space, uint64_t addr, const void *buf, size_t len, bool ram_only,
                   bool locked);

/* Host address of guest memory if all of it is one piece of RAM, else NULL.  The pointer holds
 * until the reader's next quiescent state, or while the lock is held and nothing is removed.
 * Writers mark pages themselves.  [any] */
void *space_pointer(struct space *space, uint64_t addr, uint64_t bytes, bool write);

/* Is called by the thread of each reader between accesses (a processor leaving its run loop, say),
 * so that old flattened spaces can be freed. */
struct reader;
struct reader *space_reader_create(struct space *space);
void space_reader_quiescent(struct reader *reader);
void space_reader_offline(struct reader *reader,
                          bool offline); /* while it waits or runs guest code */
void space_reader_destroy(struct reader *reader);
/* Calls fn(arg) once no reader sees what has been removed up to now (at once, at a later change, or
 * when the space is destroyed): to free a block.  [any, locked] */
void space_defer(struct space *space, void (*fn)(void *arg), void *arg);

/* ---- Doorbells: writes that signal an event file descriptor ---- */

struct doorbell {
    struct doorbell *next;
    uint64_t reg;
    unsigned bytes;
    bool match;
    uint64_t value;
    int fd;
    bool live; /* the guest reaches it, at addr: listeners know it */
    uint64_t addr;
};
/* Copies bell; fd -1 removes.  space_write() signals it when the accelerator does not.  0, -EINVAL
 * if it is not within the window, -EEXIST or -ENOENT.  [main, locked] */
int space_doorbell(struct mapping *mapping, const struct doorbell *bell);

#endif
