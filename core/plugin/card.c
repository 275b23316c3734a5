/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* card - what a plugin says of itself in ELF notes, read without running it. */

#include "plugin/card.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#else
#error "add this processor's ELF machine number"
#endif

/* A plugin has a few of each; what has more is made to waste our time. */
enum { MAX_HEADERS = 1024, MAX_NOTES = 256, MAX_CARD = 4096, MAX_EVENTS = 65536 };

/* What goes along while the notes are read. */
struct reading {
    card_fn *fn;                                  /* NULL: cards are not wanted */
    void (*events)(void *arg, const char *names); /* NULL: nor are names of events */
    void *arg;
    unsigned cards, notes;
    bool damaged;
};

/* ---- The text of a card ---- */

/* Takes the next "key=value" off *text, whose fields end in tabs. */
static char *next_field(char **text, char **value)
{
    char *key = strsep(text, "\t");

    *value = key ? strchr(key, '=') : NULL;
    if (*value)
        *(*value)++ = '\0';
    return key;
}

static void set_field(struct card *card, const char *key, const char *value)
{
    const struct {
        const char *key, **to;
    } fields[] = {
        { "kind", &card->kind }, { "name", &card->names }, { "bus", &card->bus },
        { "tags", &card->tags }, { "help", &card->help },
    };

    if (!strcmp(key, "need"))
        card->need = strtoul(value, NULL, 10);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (!strcmp(key, fields[i].key))
            *fields[i].to = value;
}

static void read_card(struct reading *r, uint32_t major, struct span text)
{
    char copy[MAX_CARD], *rest = copy, *key, *value;
    struct card card = {
        .major = major, .kind = "", .names = "", .bus = "", .tags = "", .help = ""
    };

    if (!text.len || text.len > sizeof(copy) || text.at[text.len - 1]) {
        r->damaged = true;
        return;
    }
    memcpy(copy, text.at, text.len);
    while ((key = next_field(&rest, &value)))
        if (value)
            set_field(&card, key, value);
    if (major == TENON_ABI_MAJOR && (!*card.kind || !*card.names || *card.names == ' ')) {
        r->damaged = true;
        return;
    }
    r->cards++;
    r->fn(r->arg, &card);
}

static void read_events(struct reading *r, struct span text)
{
    if (!text.len || text.len > MAX_EVENTS || text.at[text.len - 1])
        return;
    r->cards++;
    r->events(r->arg, (const char *)text.at);
}

/* ---- Notes ---- */

static size_t padded(size_t n)
{
    return (n + 3) / 4 * 4;
}

static void read_notes(struct reading *r, struct span notes)
{
    Elf64_Nhdr n;

    for (size_t at = 0; span_take(notes, at, &n, sizeof(n)) && r->notes < MAX_NOTES; r->notes++) {
        size_t name_at = at + sizeof(n), text_at = name_at + padded(n.n_namesz);
        struct span name = span_part(notes, name_at, n.n_namesz);

        if (r->fn && name.len == sizeof("TENON") && !memcmp(name.at, "TENON", name.len))
            read_card(r, n.n_type, span_part(notes, text_at, n.n_descsz));
        if (r->events && name.len == sizeof("TENONEV") && !memcmp(name.at, "TENONEV", name.len) &&
            n.n_type == TENON_ABI_MAJOR)
            read_events(r, span_part(notes, text_at, n.n_descsz));
        at = text_at + padded(n.n_descsz);
    }
}

static void read_segments(struct reading *r, struct span file, const Elf64_Ehdr *eh)
{
    Elf64_Phdr ph;

    for (size_t i = 0; i < eh->e_phnum; i++)
        if (span_take(file, eh->e_phoff + i * sizeof(ph), &ph, sizeof(ph)) && ph.p_type == PT_NOTE)
            read_notes(r, span_part(file, ph.p_offset, ph.p_filesz));
}

/* Some tools that rewrite ELF files move a note to where no segment covers it. */
static void read_sections(struct reading *r, struct span file, const Elf64_Ehdr *eh)
{
    Elf64_Shdr sh;

    for (size_t i = 0; i < eh->e_shnum; i++)
        if (span_take(file, eh->e_shoff + i * sizeof(sh), &sh, sizeof(sh)) &&
            sh.sh_type == SHT_NOTE)
            read_notes(r, span_part(file, sh.sh_offset, sh.sh_size));
}

/* ---- Files ---- */

static bool has(struct span file, size_t offset, size_t len)
{
    return offset <= file.len && len <= file.len - offset;
}

static const char *check_header(struct span file, Elf64_Ehdr *eh)
{
    if (file.len < SELFMAG || memcmp(file.at, ELFMAG, SELFMAG))
        return "is not an ELF file";
    if (!span_take(file, 0, eh, sizeof(*eh)))
        return "is truncated";
    if (eh->e_ident[EI_CLASS] != ELFCLASS64)
        return "is not a 64-bit file";
    if (eh->e_ident[EI_DATA] != ELFDATA2LSB || eh->e_machine != OUR_MACHINE)
        return "is built for another processor";
    if (eh->e_type != ET_DYN)
        return "is not a shared object";
    if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum > MAX_HEADERS ||
        (eh->e_shnum && eh->e_shentsize != sizeof(Elf64_Shdr)) || eh->e_shnum > MAX_HEADERS)
        return "is damaged";
    return NULL;
}

/* The dynamic linker maps segments without asking whether the file has them. */
static const char *check_length(struct span file, const Elf64_Ehdr *eh)
{
    Elf64_Phdr ph;

    if (!has(file, eh->e_phoff, eh->e_phnum * sizeof(ph)) ||
        !has(file, eh->e_shoff, eh->e_shnum * sizeof(Elf64_Shdr)))
        return "is truncated";
    for (size_t i = 0; i < eh->e_phnum; i++) {
        span_take(file, eh->e_phoff + i * sizeof(ph), &ph, sizeof(ph));
        if (ph.p_type != PT_NULL && !has(file, ph.p_offset, ph.p_filesz))
            return "is truncated";
    }
    return NULL;
}

const char *cards_read(struct span file, card_fn *fn, void *arg, bool *in_sections)
{
    struct reading r = { .fn = fn, .arg = arg };
    Elf64_Ehdr eh;
    const char *why = check_header(file, &eh);

    if (in_sections)
        *in_sections = false;
    if (!why)
        why = check_length(file, &eh);
    if (why)
        return why;
    read_segments(&r, file, &eh);
    if (!r.cards && !r.damaged) {
        r.notes = 0;
        read_sections(&r, file, &eh);
        if (in_sections)
            *in_sections = r.cards > 0;
    }
    if (r.damaged)
        return "has a damaged card";
    return r.cards ? NULL : "is no plugin: it has no card";
}

void events_read(struct span file, void (*fn)(void *arg, const char *names), void *arg)
{
    struct reading r = { .events = fn, .arg = arg };
    Elf64_Ehdr eh;

    if (check_header(file, &eh) || check_length(file, &eh))
        return;
    read_segments(&r, file, &eh);
    r.notes = 0;
    if (!r.cards)
        read_sections(&r, file, &eh);
}

bool image_open(struct image *image, const char *path, const char **why)
{
    /* Non-blocking: a FIFO in a plugin's place is not to hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    void *map = MAP_FAILED;

    if (fd < 0 || fstat(fd, &st)) {
        *why = strerror(errno);
    } else if (!S_ISREG(st.st_mode)) {
        *why = "is not a regular file";
        errno = EINVAL;
    } else if (st.st_size == 0) {
        *why = "is empty";
        errno = EINVAL;
    } else {
        map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        *why = map == MAP_FAILED ? strerror(errno) : NULL;
    }
    if (fd >= 0) {
        int err = errno;

        close(fd);
        errno = err;
    }
    if (*why)
        return false;
    *image = (struct image){ .bytes = { map, st.st_size }, .uid = st.st_uid, .mode = st.st_mode };
    return true;
}

void image_close(struct image *image)
{
    if (image->bytes.at)
        munmap((void *)image->bytes.at, image->bytes.len);
    *image = (struct image){ 0 };
}

const char *image_untrusted(const struct image *image)
{
    struct stat self;

    if (image->mode & (S_IWGRP | S_IWOTH))
        return "is writable by others: refused";
    if (image->uid == 0 || image->uid == geteuid())
        return NULL;
    /* Whoever owns the program itself needs no plugin to make it do as they like. */
    if (!stat("/proc/self/exe", &self) && self.st_uid == image->uid)
        return NULL;
    return "belongs to another user: refused";
}

/* ---- Names ---- */

bool names_have(const char *names, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = names; len && (at = strstr(at, name)); at += len)
        if ((at == names || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
            return true;
    return false;
}

void names_each(const char *names, void (*fn)(void *arg, const char *name), void *arg)
{
    char *copy = strdup(names), *rest = copy, *name;

    while ((name = strsep(&rest, " ")))
        if (*name)
            fn(arg, name);
    free(copy);
}
