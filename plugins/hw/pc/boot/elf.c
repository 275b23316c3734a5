/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * elf - what of ELF executables a boot loader needs: program headers and where segments go.
 *
 * After the System V ABI, chapters 4 and 5 ("ELF header", "Program header").
 */
#include "boot.h"

#include <errno.h>
#include <string.h>

enum { MAX_SEGMENTS = 128 };

/* Offsets of the header's fields in the two classes, and their size where it differs. */
static const struct layout {
    unsigned header, word;
    unsigned entry, phoff, phentsize, phnum;
    unsigned p_bytes, p_offset, p_paddr, p_filesz, p_memsz, p_align;
} layouts[2] = {
    { 52, 4, 24, 28, 42, 44, 32, 4, 12, 16, 20, 28 },
    { 64, 8, 24, 32, 54, 56, 56, 8, 24, 32, 40, 48 },
};

const char *elf_open(struct elf *elf, const uint8_t *data, size_t len)
{
    const struct layout *l;

    if (len < 52 || memcmp(data, "\177ELF", 4))
        return "is not an ELF file";
    if ((data[4] != 1 && data[4] != 2) || data[5] != 1)
        return "is an ELF file of another kind of processor";
    l = &layouts[data[4] - 1];
    if (len < l->header)
        return "is a truncated ELF file";
    *elf = (struct elf){
        .data = data,
        .len = len,
        .is64 = data[4] == 2,
        .machine = get_le(data + 18, 2),
        .entry = get_le(data + l->entry, l->word),
        .segments = get_le(data + l->phoff, l->word),
        .segment_bytes = get_le(data + l->phentsize, 2),
        .n_segments = get_le(data + l->phnum, 2),
    };
    if (elf->machine != ELF_386 && elf->machine != ELF_X86_64)
        return "is an ELF file of another kind of processor";
    if (elf->n_segments == 0 || elf->n_segments > MAX_SEGMENTS)
        return "is an ELF file with no, or too many, program headers";
    if (elf->segment_bytes < l->p_bytes || elf->segments > len ||
        elf->n_segments * (uint64_t)elf->segment_bytes > len - elf->segments)
        return "is a truncated ELF file";
    return NULL;
}

bool elf_segment(const struct elf *elf, unsigned n, struct elf_segment *s)
{
    const struct layout *l = &layouts[elf->is64];
    const uint8_t *p = elf->data + elf->segments + (size_t)n * elf->segment_bytes;

    *s = (struct elf_segment){
        .type = get_le(p, 4),
        .offset = get_le(p + l->p_offset, l->word),
        .paddr = get_le(p + l->p_paddr, l->word),
        .filesz = get_le(p + l->p_filesz, l->word),
        .memsz = get_le(p + l->p_memsz, l->word),
        .align = get_le(p + l->p_align, l->word),
    };
    return s->offset <= elf->len && s->filesz <= elf->len - s->offset;
}

void elf_load(struct boot_plan *plan, const struct boot_request *req, const struct elf *elf,
              uint64_t *end)
{
    *end = 0;
    for (unsigned i = 0; i < elf->n_segments && !plan->err; i++) {
        struct elf_segment s;
        bool whole = elf_segment(elf, i, &s);

        if (s.type != ELF_LOAD || s.memsz == 0)
            continue;
        if (!whole) {
            plan_fail(plan, -EINVAL, "is a truncated ELF file");
            return;
        }
        if (s.filesz > s.memsz || s.paddr > UINT32_MAX || s.memsz > UINT32_MAX) {
            plan_fail(plan, -EINVAL, "has a segment that makes no sense");
            return;
        }
        plan_load(plan, req, PLAN_KERNEL, s.paddr, s.filesz, s.offset);
        plan_load(plan, req, PLAN_ZERO, s.paddr + s.filesz, s.memsz - s.filesz, 0);
        if (*end < s.paddr + s.memsz)
            *end = s.paddr + s.memsz;
    }
    if (!plan->err && !*end)
        plan_fail(plan, -EINVAL, "is an ELF file with nothing to load");
}
