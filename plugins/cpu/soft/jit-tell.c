/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-tell - who is told of translated code: -d out_asm, and perf, by -perfmap and -jitdump.
 *
 * The formats are those of Linux's tools/perf/Documentation: jit-interface.txt (a line for each
 * piece of code: address, size, name) and jitdump-specification.txt (records with the code itself;
 * that a page of the file is mapped executable tells perf where it is).
 */
#include "jit-tell.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "soft.h"
#include "uop.h"

enum { DUMP_VERSION = 1, DUMP_LOAD = 0, DUMP_CLOSE = 3, EM_X86_64 = 62, MARKER_BYTES = 4096 };
#define DUMP_MAGIC 0x4a695444u

struct dump_header {
    uint32_t magic, version, size, machine, pad, pid;
    uint64_t time, flags;
};
struct dump_record {
    uint32_t id, size;
    uint64_t time;
};
/* Behind a record: then the name with its zero, and the code. */
struct dump_load {
    uint32_t pid, tid;
    uint64_t vma, address, bytes, index;
};
_Static_assert(sizeof(struct dump_header) == 40 && sizeof(struct dump_load) == 40, "");

/* perf's clock with "perf record -k 1". */
static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* A file of this process's: one that a process of the same number has left is no more. */
static FILE *create(struct soft *soft, const char *path)
{
    int fd;
    FILE *f;

    unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        tenon_error(soft->dev, -errno, "%s: %s", path, strerror(errno));
    return f;
}

static int open_map(struct soft *soft)
{
    char path[64];

    snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
    soft->told.map = create(soft, path);
    if (!soft->told.map)
        return -EIO;
    setvbuf(soft->told.map, NULL, _IOLBF, 0);
    return 0;
}

static int open_dump(struct soft *soft)
{
    struct dump_header header = { .magic = DUMP_MAGIC,
                                  .version = DUMP_VERSION,
                                  .size = sizeof(header),
                                  .machine = EM_X86_64,
                                  .pid = getpid(),
                                  .time = now() };
    char path[64];

    snprintf(path, sizeof(path), "jit-%d.dump", (int)getpid());
    soft->told.dump = create(soft, path);
    if (!soft->told.dump)
        return -EIO;
    fwrite(&header, sizeof(header), 1, soft->told.dump);
    fflush(soft->told.dump);
    soft->told.marker =
        mmap(NULL, MARKER_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(soft->told.dump), 0);
    if (soft->told.marker != MAP_FAILED)
        return 0;
    soft->told.marker = NULL;
    return tenon_error(soft->dev, -errno, "%s: it cannot be mapped to execute: %s", path,
                       strerror(errno));
}

int jit_tell_open(struct soft *soft)
{
    int err = 0;

    pthread_mutex_lock(&soft->told.lock);
    if (soft->perfmap && !soft->told.map)
        err = open_map(soft);
    if (!err && soft->jitdump && !soft->told.dump)
        err = open_dump(soft);
    pthread_mutex_unlock(&soft->told.lock);
    return err;
}

void jit_tell_close(struct soft *soft)
{
    struct dump_record end = { .id = DUMP_CLOSE, .size = sizeof(end), .time = now() };

    if (soft->told.marker)
        munmap(soft->told.marker, MARKER_BYTES);
    if (soft->told.map)
        fclose(soft->told.map);
    if (!soft->told.dump)
        return;
    fwrite(&end, sizeof(end), 1, soft->told.dump);
    fclose(soft->told.dump);
}

static void add_to_dump(struct soft *soft, const char *name, const uint8_t *code,
                        const uint8_t *address, size_t n)
{
    size_t length = strlen(name) + 1;
    struct dump_load load = { .pid = getpid(),
                              .tid = gettid(),
                              .vma = (uintptr_t)address,
                              .address = (uintptr_t)address,
                              .bytes = n,
                              .index = soft->told.index++ };
    struct dump_record record = { .id = DUMP_LOAD,
                                  .size = sizeof(record) + sizeof(load) + length + n,
                                  .time = now() };

    fwrite(&record, sizeof(record), 1, soft->told.dump);
    fwrite(&load, sizeof(load), 1, soft->told.dump);
    fwrite(name, length, 1, soft->told.dump);
    fwrite(code, n, 1, soft->told.dump);
    fflush(soft->told.dump);
}

static void tell_perf(struct cpu *cpu, const struct block *block, const uint8_t *code,
                      const uint8_t *address, size_t n)
{
    struct soft *soft = cpu->soft;
    char name[64];

    snprintf(name, sizeof(name), "guest:%016" PRIx64, block->rip);
    pthread_mutex_lock(&soft->told.lock);
    if (soft->told.map)
        fprintf(soft->told.map, "%" PRIxPTR " %zx %s\n", (uintptr_t)address, n, name);
    if (soft->told.dump)
        add_to_dump(soft, name, code, address, n);
    pthread_mutex_unlock(&soft->told.lock);
}

void jit_tell(struct cpu *cpu, const struct block *block, const uint8_t *code,
              const uint8_t *address, size_t n)
{
    if (cpu_logs(cpu, TENON_ITEM_OUT_ASM))
        log_host_code(cpu, block, code, address, n);
    if (cpu->soft && (cpu->soft->told.map || cpu->soft->told.dump))
        tell_perf(cpu, block, code, address, n);
}
