/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program - carries out a plan, in the guest: 32-bit code without a library, at any address.
 *
 * fw_cfg after "QEMU Firmware Configuration (fw_cfg) Device"; the maps after the Linux zero page,
 * Multiboot 0.6.96 and Xen's hvm_start_info.
 */
#include "program.h"

/* What compilers call even in code without a library. */
void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);

void *memcpy(void *to, const void *from, size_t len)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(len) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *last = (uint8_t *)to + len - 1;
    const uint8_t *from_last = (const uint8_t *)from + len - 1;

    if ((uintptr_t)to <= (uintptr_t)from)
        return memcpy(to, from, len);
    __asm__ volatile("std; rep movsb; cld" : "+D"(last), "+S"(from_last), "+c"(len) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t len)
{
    void *at = to;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(len) : "a"(value) : "memory");
    return to;
}

enum { DMA_PORT_LOW = 0x518 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8 };
enum { DIRECTORY = 0x19, NOTHING = 0x3fff };

struct dma {
    uint32_t control, len, addr_high, addr_low;
};

struct file {
    uint32_t bytes;
    uint16_t key, reserved;
    char name[56];
};

static bool dma(uint32_t control, uint32_t addr, uint32_t len)
{
    volatile struct dma request = { __builtin_bswap32(control), __builtin_bswap32(len), 0,
                                    __builtin_bswap32(addr) };

    outl(DMA_PORT_LOW, __builtin_bswap32((uint32_t)&request));
    while (request.control & ~__builtin_bswap32(DMA_ERROR))
        ;
    return request.control == 0;
}

/* len bytes from offset of the item go to addr. */
static bool load(uint16_t key, uint32_t offset, uint32_t addr, uint32_t len)
{
    return dma(key << 16 | DMA_SELECT | DMA_SKIP, 0, offset) && dma(DMA_READ, addr, len);
}

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static bool find_file(const char *name, struct file *file)
{
    uint32_t n;

    if (!load(DIRECTORY, 0, (uint32_t)&n, sizeof(n)))
        return false;
    for (n = __builtin_bswap32(n); n; n--) {
        if (!dma(DMA_READ, (uint32_t)file, sizeof(*file)))
            return false;
        if (same(file->name, name)) {
            file->bytes = __builtin_bswap32(file->bytes);
            file->key = __builtin_bswap16(file->key);
            return true;
        }
    }
    return false;
}

uint32_t load_file(const char *name, void *to, uint32_t max)
{
    struct file file;
    uint32_t len;

    if (!find_file(name, &file))
        return 0;
    len = file.bytes < max ? file.bytes : max;
    return load(file.key, 0, (uint32_t)to, len) ? len : 0;
}

uint32_t find_rsdp(void)
{
    for (uint32_t at = 0xe0000; at < 0x100000; at += 16) {
        const uint32_t *words = memory(at);
        const uint8_t *bytes = memory(at);
        uint8_t sum = 0;

        if (words[0] != 0x20445352 || words[1] != 0x20525450) /* "RSD PTR " */
            continue;
        for (unsigned i = 0; i < 20; i++)
            sum += bytes[i];
        if (sum == 0)
            return at;
    }
    return 0;
}

static void map_linux(const struct plan_step *s, const struct e820 *map, unsigned n)
{
    struct e820 *to = memory(s->addr + 0x2d0);

    *(uint8_t *)memory(s->addr + 0x1e8) = n;
    while (n--)
        *to++ = *map++;
}

static void map_multiboot(const struct plan_step *s, const struct e820 *map, unsigned n)
{
    struct entry {
        uint32_t size;
        struct e820 e;
    } *to = memory(s->addr);
    uint32_t *info = memory(s->info);

    info[11] = n * sizeof(*to);
    for (; n--; map++) {
        *to++ = (struct entry){ sizeof(*map), *map };
        if (map->type == E820_RAM && map->base == 0)
            info[1] = map->bytes >> 10;
        if (map->type == E820_RAM && map->base == 0x100000)
            info[2] = map->bytes >> 10;
    }
}

static void map_pvh(const struct plan_step *s, const struct e820 *map, unsigned n)
{
    struct entry {
        struct e820 e;
        uint32_t reserved;
    } *to = memory(s->addr);
    uint32_t *info = memory(s->info);

    info[12] = n;
    while (n--)
        *to++ = (struct entry){ *map++, 0 };
}

static bool do_step(const struct plan_step *s, uint16_t plan, const struct e820 *map, unsigned n)
{
    if (n > s->len)
        n = s->len;
    switch (s->op) {
    case PLAN_ZERO: return load(NOTHING, 0, s->addr, s->len);
    case PLAN_BYTES: return load(plan, s->offset, s->addr, s->len);
    case PLAN_KERNEL: return load(PLAN_KERNEL_ITEM, s->offset, s->addr, s->len);
    case PLAN_INITRD: return load(PLAN_INITRD_ITEM, s->offset, s->addr, s->len);
    case PLAN_MAP_LINUX: map_linux(s, map, n); return true;
    case PLAN_MAP_MULTIBOOT: map_multiboot(s, map, n); return true;
    case PLAN_MAP_PVH: map_pvh(s, map, n); return true;
    case PLAN_RSDP: *(uint64_t *)memory(s->addr) = find_rsdp(); return true;
    default: return false;
    }
}

bool do_plan(const struct e820 *map, unsigned n_map)
{
    struct plan_head *head = memory(ROOM(ROOM_HEAD));
    struct plan_step step;
    struct file file;

    if (!find_file(PLAN_FILE, &file) || !load(file.key, 0, (uint32_t)head, sizeof(*head)) ||
        head->magic != PLAN_MAGIC)
        return false;
    for (uint32_t i = 0; i < head->n_steps; i++) {
        if (!load(file.key, sizeof(*head) + i * sizeof(step), (uint32_t)&step, sizeof(step)) ||
            !do_step(&step, file.key, map, n_map))
            return false;
    }
    return true;
}
