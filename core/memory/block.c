/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block - host memory for a guest: a memfd, or a file under -mem-path; touched beforehand if asked.
 */

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include <glib.h>

#include "report.h"
#include "dirty.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8 /* Linux 6.3 */
#endif

#define HUGE_PAGE (UINT64_C(2) << 20)

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* The bytes that are mapped; the last page may be used in part. */
static uint64_t mapped_bytes(const struct block *block)
{
    return round_up(block->bytes, block->page);
}

/* Reports that what, as errno says, could not be done. */
static bool fail(const struct block_spec *spec, const char *what)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    const char *error = strerror(errno);
    double size = spec->bytes;
    unsigned unit = 0;

    while (size >= 1024 && unit + 1 < G_N_ELEMENTS(units)) {
        size /= 1024;
        unit++;
    }
    report(spec->where, "cannot %s %.4g %s of guest memory%s%s: %s", what, size, units[unit],
           spec->path ? " in " : "", spec->path ? spec->path : "", error);
    return false;
}

/* ---- What is behind the memory ---- */

/* Later kernels want to hear that it is no program; those before Linux 6.3 do not know the flag. */
static int open_memfd(const struct block_spec *spec)
{
    g_autofree char *name = g_strdup_printf("tenon-%s", spec->name);
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

    return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC) : fd;
}

static int open_temporary(const struct block_spec *spec)
{
    g_autofree char *name = g_strdup_printf("%s/tenon-%s.XXXXXX", spec->path, spec->name);
    char *base = name + strlen(spec->path) + 1;
    int fd;

    g_strdelimit(base, "/", '_');
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

static int open_backing(const struct block_spec *spec, bool *temporary)
{
    if (!spec->path)
        return open_memfd(spec);
    if (!spec->readonly && g_file_test(spec->path, G_FILE_TEST_IS_DIR))
        return open_temporary(spec);
    *temporary = false;
    if (spec->readonly)
        return open(spec->path,
                    O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe keeps nobody waiting */
    return open(spec->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* Is there room for the bytes the file does not have yet?  A disk sets them aside at once; a file
 * system in memory only says so, since its pages are not to be touched. */
static bool reserve(const struct block_spec *spec, struct block *block, const struct statfs *fs,
                    const struct stat *st)
{
    uint64_t bytes = mapped_bytes(block), have = (uint64_t)st->st_blocks * 512;
    bool in_memory =
        fs->f_type == TMPFS_MAGIC || fs->f_type == HUGETLBFS_MAGIC || fs->f_type == RAMFS_MAGIC;

    if (!in_memory) {
        if (fallocate(block->fd, 0, 0, bytes) == 0)
            return true;
        if (errno != EOPNOTSUPP)
            return fail(spec, "set aside");
    }
    if (fs->f_blocks && bytes > have && (bytes - have) / fs->f_bsize > fs->f_bavail) {
        errno = ENOSPC;
        return fail(spec, "set aside");
    }
    return true;
}

static bool size_file(const struct block_spec *spec, struct block *block)
{
    struct stat st;
    struct statfs fs;
    uint64_t bytes;

    if (fstat(block->fd, &st) < 0 || fstatfs(block->fd, &fs) < 0)
        return fail(spec, "look up");
    if (fs.f_type == HUGETLBFS_MAGIC)
        block->page = fs.f_bsize;
    bytes = mapped_bytes(block);
    if ((uint64_t)st.st_size < bytes) {
        if (spec->readonly) {
            report(spec->where, "%s has %" PRIu64 " bytes, and %" PRIu64 " are needed", spec->path,
                   (uint64_t)st.st_size, block->bytes);
            return false;
        }
        if (ftruncate(block->fd, bytes) < 0)
            return fail(spec, "make a file for");
    }
    return spec->readonly || reserve(spec, block, &fs, &st);
}

/*
 * Memory that nobody else is to see has no file behind it: the kernel gives it huge pages, which a
 * memfd has to be asked for on most hosts, and can merge equal pages of it.
 */
static bool is_private(const struct block_spec *spec)
{
    return !spec->path && (spec->merge || !spec->share);
}

static bool open_block(const struct block_spec *spec, struct block *block, bool *temporary)
{
    block->page = sysconf(_SC_PAGESIZE);
    if (mapped_bytes(block) < spec->bytes || mapped_bytes(block) > INT64_MAX ||
        mapped_bytes(block) > SIZE_MAX - HUGE_PAGE) {
        errno = ENOMEM;
        return fail(spec, "map");
    }
    if (is_private(spec))
        return true;
    block->fd = open_backing(spec, temporary);
    if (block->fd < 0)
        return fail(spec, "make");
    if (spec->path)
        return size_file(spec, block);
    return ftruncate(block->fd, mapped_bytes(block)) == 0 || fail(spec, "make");
}

/* ---- Mapping ---- */

/*
 * Finds a place aligned to huge pages.  For memory without a file the place is made as if it were
 * to be used, so that the kernel's policy (vm.overcommit_memory) says whether there is so much.
 */
static uint8_t *find_place(const struct block *block, bool account)
{
    uint64_t bytes = mapped_bytes(block);
    uint64_t align = MAX(block->page, bytes >= HUGE_PAGE ? HUGE_PAGE : 1);
    uint64_t extra = align > block->page ? align : 0;
    uint8_t *place = mmap(NULL, bytes + extra, account ? PROT_READ | PROT_WRITE : PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | (account ? 0 : MAP_NORESERVE), -1, 0);
    uint64_t skip;

    if (place == MAP_FAILED || !extra)
        return place;
    skip = -(uintptr_t)place & (align - 1);
    if (skip)
        munmap(place, skip);
    if (extra > skip)
        munmap(place + skip + bytes, extra - skip);
    return place + skip;
}

static bool map_block(const struct block_spec *spec, struct block *block, bool temporary)
{
    uint64_t bytes = mapped_bytes(block);
    int prot = PROT_READ | (spec->readonly ? 0 : PROT_WRITE);
    int flags = is_private(spec)           ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
                : temporary || spec->share ? MAP_SHARED
                                           : MAP_PRIVATE | MAP_NORESERVE;
    uint8_t *place = find_place(block, !spec->path);

    if (place == MAP_FAILED)
        return fail(spec, "map");
    block->host = place;
    if (mmap(place, bytes, prot, flags | MAP_FIXED, block->fd, 0) == MAP_FAILED)
        return fail(spec, "map");
    /* Each is advice: what the kernel does not know, it does without. */
    madvise(place, bytes, MADV_DONTFORK);
    if (spec->merge)
        madvise(place, bytes, MADV_MERGEABLE);
    if (!spec->dump)
        madvise(place, bytes, MADV_DONTDUMP);
    if (bytes >= HUGE_PAGE)
        madvise(place, bytes, MADV_HUGEPAGE);
    return true;
}

/* ---- Touching every page beforehand ---- */

struct prealloc {
    struct block *block;
    uint64_t bytes, chunk;
    uint64_t next; /* atomic: the first byte nobody has taken on */
    int error;     /* atomic */
    GMutex lock;
    GCond finished;
    uint64_t done; /* bytes; under the lock, as is running */
    unsigned running;
};

static void touch(volatile uint8_t *host, uint64_t bytes, size_t page)
{
    for (uint64_t i = 0; i < bytes; i += page)
        host[i] = host[i];
}

/* Without the kernel's help, the file gets its room first: a page that cannot be had is an error
 * then, and no signal when it is touched. */
static int populate(struct block *block, uint64_t offset, uint64_t bytes)
{
    if (madvise(block->host + offset, bytes, MADV_POPULATE_WRITE) == 0)
        return 0;
    if (errno != EINVAL)
        return errno == EFAULT ? ENOSPC : errno;
    if (block->fd >= 0 && fallocate(block->fd, 0, offset, bytes) < 0)
        return errno;
    touch(block->host + offset, bytes, block->page);
    return 0;
}

static gpointer prealloc_thread(gpointer arg)
{
    struct prealloc *p = arg;
    uint64_t at;

    while (!__atomic_load_n(&p->error, __ATOMIC_RELAXED) &&
           (at = __atomic_fetch_add(&p->next, p->chunk, __ATOMIC_RELAXED)) < p->bytes) {
        uint64_t n = MIN(p->chunk, p->bytes - at);
        int error = populate(p->block, at, n);

        if (error)
            __atomic_store_n(&p->error, error, __ATOMIC_RELAXED);
        g_mutex_lock(&p->lock);
        p->done += n;
        g_mutex_unlock(&p->lock);
    }
    g_mutex_lock(&p->lock);
    if (--p->running == 0)
        g_cond_signal(&p->finished);
    g_mutex_unlock(&p->lock);
    return NULL;
}

/* Signals that end the program are blocked while its machine is made; this is where it takes long.
 */
static bool told_to_end(void)
{
    sigset_t pending;

    return !sigpending(&pending) &&
           (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
            sigismember(&pending, SIGHUP));
}

/* Says every second how far it is. */
static void watch_progress(struct prealloc *p, const char *where)
{
    bool tty = isatty(STDERR_FILENO), said = false;

    g_mutex_lock(&p->lock);
    for (int64_t until = g_get_monotonic_time(); p->running;) {
        until += G_TIME_SPAN_SECOND;
        while (p->running && g_cond_wait_until(&p->finished, &p->lock, until))
            ;
        if (!p->running)
            break;
        if (told_to_end())
            __atomic_store_n(&p->error, EINTR, __ATOMIC_RELAXED);
        fprintf(stderr, "tenon: %s%sguest memory: %d%% ready%c", where ? where : "",
                where ? ": " : "", (int)(p->done * 100.0 / p->bytes), tty ? '\r' : '\n');
        said = true;
    }
    g_mutex_unlock(&p->lock);
    if (said && tty)
        fputc('\n', stderr);
}

static bool prealloc(const struct block_spec *spec, struct block *block)
{
    struct prealloc p = {
        .block = block,
        .bytes = mapped_bytes(block),
        .chunk = MAX(block->page, UINT64_C(64) << 20),
    };
    unsigned n = spec->threads ? spec->threads : g_get_num_processors();
    g_autofree GThread **threads = NULL;

    n = MIN(n, (p.bytes + p.chunk - 1) / p.chunk);
    threads = g_new(GThread *, n);
    p.running = n;
    for (unsigned i = 0; i < n; i++)
        threads[i] = g_thread_new("prealloc", prealloc_thread, &p);
    watch_progress(&p, spec->where);
    for (unsigned i = 0; i < n; i++)
        g_thread_join(threads[i]);
    errno = p.error;
    return !p.error || fail(spec, "allocate");
}

/* ---- A block ---- */

struct block *block_create(const struct block_spec *spec)
{
    struct block *block = g_new0(struct block, 1);
    bool temporary = true;

    block->name = g_strdup(spec->name);
    block->bytes = spec->bytes;
    block->readonly = spec->readonly;
    block->fd = -1;
    if (!open_block(spec, block, &temporary) || !map_block(spec, block, temporary) ||
        (spec->prealloc && !spec->readonly && !prealloc(spec, block))) {
        block_destroy(block);
        return NULL;
    }
    return block;
}

void block_destroy(struct block *block)
{
    if (!block)
        return;
    if (block->host)
        munmap(block->host, mapped_bytes(block));
    if (block->fd >= 0)
        close(block->fd);
    dirty_destroy(block->dirty);
    g_free(block->name);
    g_free(block);
}
