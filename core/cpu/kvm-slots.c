/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-slots - guest memory as KVM sees it: slots that follow the memory space's flattened ranges,
 * the log of the pages that guest code writes, and doorbells.
 */

#include "cpu/kvm.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/accel.h"
#include "debug/events.h"
#include "machine/machine.h"
#include "report.h"

#define PAGE      UINT64_C(4096)
#define PAGE_MASK (~(PAGE - 1))

/* No slot crosses this border: firmware changes what is below it (PAM, SMRAM), and KVM drops all it
 * has translated of a slot that changes. */
#define LOW_END UINT64_C(0x100000)

static int set_slot(struct kvm *kvm, unsigned number, const struct kvm_slot *slot, uint64_t bytes)
{
    struct kvm_userspace_memory_region region = {
        .slot = number,
        .flags = slot->flags,
        .guest_phys_addr = slot->base,
        .memory_size = bytes,
        .userspace_addr = (uintptr_t)slot->host,
    };

    int ret = kvm_ioctl(kvm->vm, KVM_SET_USER_MEMORY_REGION, &region);

    trace(kvm_set_user_memory, number, slot->flags, (uint64_t)slot->base, bytes, ret);
    return ret;
}

/* ---- Dirty pages ---- */

static void mark_pages(const struct kvm_slot *slot, const uint64_t *bitmap)
{
    uint64_t words = (slot->bytes / PAGE + 63) / 64;

    for (uint64_t w = 0; w < words; w++)
        for (uint64_t bits = bitmap[w]; bits; bits &= bits - 1)
            block_mark(slot->block, slot->offset + (w * 64 + __builtin_ctzll(bits)) * PAGE, PAGE);
}

/* Takes the log of a slot over into its block. */
static void take_log(struct kvm *kvm, unsigned number, const struct kvm_slot *slot)
{
    uint64_t words = (slot->bytes / PAGE + 63) / 64;
    uint64_t *bitmap = g_new0(uint64_t, words);
    struct kvm_dirty_log log = { .slot = number, .dirty_bitmap = bitmap };

    if (!kvm_ioctl(kvm->vm, KVM_GET_DIRTY_LOG, &log))
        mark_pages(slot, bitmap);
    g_free(bitmap);
}

static uint32_t log_flag(const struct block *block)
{
    return block->dirty ? KVM_MEM_LOG_DIRTY_PAGES : 0;
}

void kvm_dirty_sync(struct accel *accel, struct block *block)
{
    struct kvm *kvm = accel->state;

    for (unsigned i = 0; i < kvm->slots->len; i++) {
        struct kvm_slot *slot = &g_array_index(kvm->slots, struct kvm_slot, i);
        uint32_t was = slot->flags & KVM_MEM_LOG_DIRTY_PAGES;

        if (!slot->bytes || slot->block != block || slot->flags & KVM_MEM_READONLY)
            continue;
        if (was)
            take_log(kvm, i, slot);
        slot->flags = (slot->flags & ~was) | log_flag(block);
        if (was != log_flag(block))
            set_slot(kvm, i, slot, slot->bytes);
    }
}

/* ---- Slots ---- */

/* The whole pages of a range from base to end; the rest comes as exits. */
static void want(GArray *slots, const struct range *range, uint64_t base, uint64_t end)
{
    struct block *block = range->block;
    uint64_t offset;
    struct kvm_slot slot;

    base = (base + PAGE - 1) & PAGE_MASK;
    end &= PAGE_MASK;
    offset = range->offset + (base - range->base);
    if (end <= base || offset & ~PAGE_MASK)
        return;
    slot = (struct kvm_slot){
        .base = base,
        .bytes = end - base,
        .host = block->host + offset,
        .block = block,
        .offset = offset,
        .flags = range->flags & MAP_WRITE ? log_flag(block) : KVM_MEM_READONLY,
    };
    g_array_append_val(slots, slot);
}

static GArray *wanted_slots(const struct range *ranges, size_t n)
{
    GArray *slots = g_array_new(FALSE, FALSE, sizeof(struct kvm_slot));

    for (size_t i = 0; i < n; i++) {
        const struct range r = range_as_read(ranges[i]);
        uint64_t end = r.base + r.bytes, border = CLAMP(LOW_END, r.base, end);

        if (!r.block)
            continue;
        want(slots, &r, r.base, border);
        want(slots, &r, border, end);
    }
    return slots;
}

static bool same(const struct kvm_slot *a, const struct kvm_slot *b)
{
    return a->base == b->base && a->bytes == b->bytes && a->host == b->host &&
           !((a->flags ^ b->flags) & KVM_MEM_READONLY);
}

static bool overlap(const struct kvm_slot *a, const struct kvm_slot *b)
{
    return a->base < b->base + b->bytes && b->base < a->base + a->bytes;
}

static const struct kvm_slot *find(const GArray *slots, const struct kvm_slot *like,
                                   bool (*match)(const struct kvm_slot *, const struct kvm_slot *))
{
    for (unsigned i = 0; i < slots->len; i++) {
        const struct kvm_slot *slot = &g_array_index(slots, struct kvm_slot, i);

        if (slot->bytes && match(slot, like))
            return slot;
    }
    return NULL;
}

static void remove_slot(struct kvm *kvm, unsigned number, struct kvm_slot *slot)
{
    if (slot->flags & KVM_MEM_LOG_DIRTY_PAGES)
        take_log(kvm, number, slot);
    set_slot(kvm, number, slot, 0);
    slot->bytes = 0;
}

static void add_slot(struct kvm *kvm, const struct kvm_slot *slot)
{
    unsigned number = 0;
    int err;

    while (number < kvm->slots->len && g_array_index(kvm->slots, struct kvm_slot, number).bytes)
        number++;
    err = number < kvm->max_slots ? set_slot(kvm, number, slot, slot->bytes) : -ENOSPC;
    if (err < 0) {
        report(NULL, "KVM does not take guest memory at 0x%" PRIx64 ": %s", slot->base,
               strerror(-err));
        return;
    }
    if (number == kvm->slots->len)
        g_array_set_size(kvm->slots, number + 1);
    g_array_index(kvm->slots, struct kvm_slot, number) = *slot;
}

/* Whether guest code that runs meanwhile could miss memory that was there and will be again. */
static bool leaves_gap(const struct kvm *kvm, const GArray *wanted)
{
    for (unsigned i = 0; i < kvm->slots->len; i++) {
        const struct kvm_slot *slot = &g_array_index(kvm->slots, struct kvm_slot, i);

        if (slot->bytes && !find(wanted, slot, same) && find(wanted, slot, overlap))
            return true;
    }
    return false;
}

static void apply(struct kvm *kvm, const GArray *wanted)
{
    for (unsigned i = 0; i < kvm->slots->len; i++) {
        struct kvm_slot *slot = &g_array_index(kvm->slots, struct kvm_slot, i);

        if (slot->bytes && !find(wanted, slot, same))
            remove_slot(kvm, i, slot);
    }
    for (unsigned i = 0; i < wanted->len; i++) {
        const struct kvm_slot *slot = &g_array_index(wanted, struct kvm_slot, i);

        if (!find(kvm->slots, slot, same))
            add_slot(kvm, slot);
    }
}

static void memory_changed(void *arg, const struct range *old, size_t n_old,
                           const struct range *now, size_t n_now)
{
    struct kvm *kvm = ((struct kvm_space *)arg)->kvm;
    GArray *wanted = wanted_slots(now, n_now);
    bool gap = leaves_gap(kvm, wanted);

    if (gap)
        kvm_hold(kvm);
    apply(kvm, wanted);
    if (gap)
        kvm_release(kvm);
    g_array_free(wanted, TRUE);
}

/* KVM has no part in ports but their doorbells. */
static void ports_changed(void *arg, const struct range *old, size_t n_old, const struct range *now,
                          size_t n_now)
{
}

/* ---- Doorbells ---- */

static void doorbell(void *arg, const struct doorbell *bell, uint64_t addr, bool add)
{
    struct kvm_space *space = arg;
    struct kvm_ioeventfd event = {
        .addr = addr,
        .len = bell->bytes,
        .fd = bell->fd,
        .datamatch = bell->value,
        .flags = space->flags | (bell->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
                 (add ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
    };

    /* If KVM cannot have it, space_write() signals it. */
    kvm_ioctl(space->kvm->vm, KVM_IOEVENTFD, &event);
}

/* ---- Life ---- */

void kvm_slots_init(struct kvm *kvm)
{
    kvm->slots = g_array_new(FALSE, TRUE, sizeof(struct kvm_slot));
}

static void follow(struct kvm *kvm, struct kvm_space *k, struct space *space, uint32_t flags)
{
    *k = (struct kvm_space){
        .kvm = kvm,
        .space = space,
        .flags = flags,
        .listener = { .changed = flags ? ports_changed : memory_changed,
                      .doorbell = doorbell,
                      .arg = k },
    };
    space_listen(space, &k->listener);
}

void kvm_slots_listen(struct kvm *kvm)
{
    follow(kvm, &kvm->mem, kvm->machine->mem, 0);
    follow(kvm, &kvm->io, kvm->machine->io, KVM_IOEVENTFD_FLAG_PIO);
}

void kvm_slots_finish(struct kvm *kvm)
{
    if (kvm->mem.space) {
        space_unlisten(kvm->mem.space, &kvm->mem.listener);
        space_unlisten(kvm->io.space, &kvm->io.listener);
    }
    g_array_free(kvm->slots, TRUE);
}
