/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit - the translator's memory, and when blocks are translated.
 *
 * Code is only ever added, on the processor's own thread, and never changed: jumps between blocks
 * go through the micro-ops' links.  What is full is emptied as a whole together with the blocks,
 * where none runs.
 */
#include "jit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blocks.h"
#include "exec.h"
#include "vec.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

bool jit_possible(void)
{
#ifdef __x86_64__
    return true;
#else
    return false;
#endif
}

static void *map(int fd, size_t bytes, int prot)
{
    void *p = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* A file that nobody can execute by itself; kernels before 6.3 do not know the flag. */
static int anonymous_file(void)
{
    int fd = memfd_create("tenon-code", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

    return fd < 0 && errno == EINVAL ? memfd_create("tenon-code", MFD_CLOEXEC) : fd;
}

/* One file, mapped twice.  After a fork only one side may run guest code: the memory is shared. */
static int map_code(struct jit *jit)
{
    int fd = anonymous_file(), err = 0;

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, jit->bytes) || !(jit->write = map(fd, jit->bytes, PROT_READ | PROT_WRITE)) ||
        !(jit->execute = map(fd, jit->bytes, PROT_READ | PROT_EXEC)))
        err = -errno;
    close(fd);
    return err;
}

int jit_create(struct cpu *cpu, size_t bytes, uint32_t heat)
{
    struct jit *jit = calloc(1, sizeof(*jit));
    int err;

    if (!jit)
        return -ENOMEM;
    jit->bytes = bytes;
    jit->heat = heat;
    jit->cpu = cpu;
    jit->isas = vec_host_isas();
    cpu->blocks->jit = jit;
    err = map_code(jit);
    if (!err)
        err = jit_share(jit);
    if (err)
        jit_destroy(cpu);
    return err;
}

size_t jit_share_of(size_t bytes, unsigned n)
{
    size_t share = (n ? bytes / n : bytes) & ~(size_t)0xffff;

    return share > JIT_LEAST ? share : JIT_LEAST;
}

void jit_destroy(struct cpu *cpu)
{
    struct jit *jit = cpu->blocks->jit;

    if (!jit)
        return;
    if (jit->write)
        munmap(jit->write, jit->bytes);
    if (jit->execute)
        munmap((void *)jit->execute, jit->bytes);
    free(jit->maker);
    free(jit);
    cpu->blocks->jit = NULL;
}

void jit_flush(struct cpu *cpu)
{
    struct jit *jit = cpu->blocks->jit;

    jit->used = jit->shared;
    jit->full = false;
    jit->count.flushes++;
}

static void translate_block(struct jit *jit, struct block *block)
{
    if (jit->full || jit->bytes - jit->used < JIT_ROOM) {
        jit->full = true;
        block->heat = jit->heat;
    } else if (!jit_translate(jit, block)) {
        block->uop[0].run = block->first;
    }
}

/* In the first handler's place: counts. */
static HANDLER(counted)
{
    struct block *block = (struct block *)cpu->block;

    if (UNLIKELY(--block->heat == 0)) {
        translate_block(cpu->blocks->jit, block);
        if (block->heat == 0)
            GO(u);
    }
    return block->first(cpu, u);
}

void jit_watch(struct cpu *cpu, struct block *block, bool may)
{
    block->entry = cpu->blocks->jit->outside;
    if (!may)
        return;
    block->first = block->uop[0].run;
    block->heat = cpu->blocks->jit->heat;
    block->uop[0].run = run_counted;
}
