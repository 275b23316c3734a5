/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin-card - the reader of cards: what it finds, and that no file can lead it astray. */

#include <sys/mman.h>

#include "plugin-test.h"

struct seen {
    unsigned cards;
    size_t length;
    char *names, *kind, *bus, *help;
    unsigned major, need;
};

static void see(void *arg, const struct card *card)
{
    struct seen *seen = arg;

    if (!seen->cards++) {
        seen->names = g_strdup(card->names);
        seen->kind = g_strdup(card->kind);
        seen->bus = g_strdup(card->bus);
        seen->help = g_strdup(card->help);
        seen->major = card->major;
        seen->need = card->need;
    }
    seen->length += strlen(card->kind) + strlen(card->names) + strlen(card->bus) +
                    strlen(card->tags) + strlen(card->help);
}

static void forget(struct seen *seen)
{
    g_free(seen->names);
    g_free(seen->kind);
    g_free(seen->bus);
    g_free(seen->help);
    *seen = (struct seen){ 0 };
}

static const char *read_from(const GString *file, struct seen *seen, bool *in_sections)
{
    return cards_read((struct span){ file->str, file->len }, see, seen, in_sections);
}

static void test_edu(void)
{
    GString *file = contents("device-edu.so");
    struct seen seen = { 0 };
    bool in_sections = true;

    g_assert_null(read_from(file, &seen, &in_sections));
    g_assert_false(in_sections);
    g_assert_cmpuint(seen.cards, ==, 1);
    g_assert_cmpstr(seen.kind, ==, "device");
    g_assert_cmpstr(seen.names, ==, "edu");
    g_assert_cmpstr(seen.bus, ==, "PCI");
    g_assert_cmpstr(seen.help, ==, "Educational device");
    g_assert_cmpuint(seen.major, ==, TENON_ABI_MAJOR);
    g_assert_cmpuint(seen.need, ==, 0);
    forget(&seen);
    g_string_free(file, true);
}

/* A tool has moved the notes out of every segment: they are found through the section table. */
static void test_sections(void)
{
    GString *file = contents("device-edu.so");
    struct seen seen = { 0 };
    bool in_sections = false;
    Elf64_Ehdr eh;
    Elf64_Phdr ph;

    memcpy(&eh, file->str, sizeof(eh));
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        char *at = file->str + eh.e_phoff + i * sizeof(ph);

        memcpy(&ph, at, sizeof(ph));
        ph.p_type = ph.p_type == PT_NOTE ? PT_NULL : ph.p_type;
        memcpy(at, &ph, sizeof(ph));
    }
    g_assert_null(read_from(file, &seen, &in_sections));
    g_assert_true(in_sections);
    g_assert_cmpuint(seen.cards, ==, 1);
    forget(&seen);
    g_string_free(file, true);
}

/* Each way to be wrong has its own words. */
static void test_reasons(void)
{
    static const struct {
        size_t at;
        char value;
        const char *why;
    } cases[] = {
        { 0, 'X', "is not an ELF file" },
        { EI_CLASS, ELFCLASS32, "is not a 64-bit file" },
        { EI_DATA, ELFDATA2MSB, "is built for another processor" },
        { offsetof(Elf64_Ehdr, e_machine), (char)EM_AARCH64, "is built for another processor" },
        { offsetof(Elf64_Ehdr, e_type), ET_EXEC, "is not a shared object" },
        { offsetof(Elf64_Ehdr, e_phentsize), 1, "is damaged" },
        { offsetof(Elf64_Ehdr, e_phnum) + 1, 0x7f, "is damaged" },
        { offsetof(Elf64_Ehdr, e_phoff) + 7, 0x7f, "is truncated" },
    };
    GString *good = contents("device-edu.so");
    struct seen seen = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GString *file = g_string_new_len(good->str, good->len);

        file->str[cases[i].at] = cases[i].value;
        g_assert_cmpstr(read_from(file, &seen, NULL), ==, cases[i].why);
        g_string_free(file, true);
    }
    for (size_t len = SELFMAG; len < good->len; len += 1 + len / 16) {
        GString part = { .str = good->str, .len = len };

        g_assert_cmpstr(read_from(&part, &seen, NULL), ==, "is truncated");
    }
    g_assert_cmpuint(seen.cards, ==, 0);
    g_string_free(good, true);
    good = contents("foreign.so");
    g_assert_cmpstr(read_from(good, &seen, NULL), ==, "is no plugin: it has no card");
    g_string_free(good, true);
}

/* The card's own text: its length in the note is overwritten. */
static void test_damaged(void)
{
    GString *file = contents("device-edu.so");
    char *owner = memmem(file->str, file->len, "TENON\0", 6);
    struct seen seen = { 0 };
    uint32_t descsz = 7;

    g_assert_nonnull(owner);
    memcpy(owner - 8, &descsz, sizeof(descsz));
    g_assert_cmpstr(read_from(file, &seen, NULL), ==, "has a damaged card");
    g_assert_cmpuint(seen.cards, ==, 0);
    g_string_free(file, true);
}

/* ---- Corrupted files ---- */

/* Where a file ends with the last byte that can be read at all. */
struct arena {
    char *base;
    size_t room;
};

static struct arena arena_init(size_t most)
{
    size_t page = sysconf(_SC_PAGESIZE), room = (most + page - 1) / page * page;
    char *base =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(base != MAP_FAILED);
    g_assert_cmpint(mprotect(base + room, page, PROT_NONE), ==, 0);
    return (struct arena){ base, room };
}

/* Changes a few bytes, mostly where headers and notes are, to values that are likely to hurt. */
static void mutate(GRand *rand, char *file, size_t len)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x04, 0x40 };
    unsigned n = g_rand_int_range(rand, 1, 12);

    for (unsigned i = 0; i < n; i++) {
        size_t most = g_rand_boolean(rand) ? MIN(len, 1024) : len;
        size_t at = g_rand_int_range(rand, 0, most);

        file[at] = g_rand_boolean(rand) ? (char)values[g_rand_int_range(rand, 0, sizeof(values))]
                                        : (char)g_rand_int(rand);
    }
}

static void test_corrupt(void)
{
    GString *files[] = { contents("device-edu.so"), contents("chardev-stamp.so"),
                         contents("foreign.so") };
    GRand *rand = g_rand_new_with_seed(20260101);
    unsigned refused = 0;

    for (size_t f = 0; f < G_N_ELEMENTS(files); f++) {
        struct arena arena = arena_init(files[f]->len);

        for (unsigned i = 0; i < 7000; i++) {
            size_t len = files[f]->len;
            struct seen seen = { 0 };
            struct span span;
            char *at;

            if (i % 4 == 0)
                len = g_rand_int_range(rand, 0, len);
            at = arena.base + arena.room - len;
            memcpy(at, files[f]->str, len);
            if (len && i % 8)
                mutate(rand, at, len);
            span = (struct span){ at, len };
            refused += cards_read(span, see, &seen, NULL) != NULL;
            g_assert_cmpuint(seen.cards, <=, 256);
            forget(&seen);
        }
        munmap(arena.base, arena.room + sysconf(_SC_PAGESIZE));
        g_string_free(files[f], true);
    }
    g_test_message("%u of 21000 were refused", refused);
    g_assert_cmpuint(refused, >, 7000);
    g_rand_free(rand);
}

/* ---- Names ---- */

static void test_names(void)
{
    g_assert_true(names_have("e1000 e1000-82540em", "e1000"));
    g_assert_true(names_have("e1000e e1000", "e1000"));
    g_assert_true(names_have("a", "a"));
    g_assert_false(names_have("e1000e e1000-82540em", "e1000"));
    g_assert_false(names_have("edu", ""));
    g_assert_false(names_have("", "edu"));
    g_assert_false(names_have("edu", "edu2"));
    g_assert_true(name_valid("pc-i440fx-7.2"));
    g_assert_true(name_valid("486"));
    g_assert_false(name_valid(""));
    g_assert_false(name_valid(".hidden"));
    g_assert_false(name_valid("../edu"));
    g_assert_false(name_valid("edu x"));
    g_assert_true(file_is("device-edu.so", "device", "edu"));
    g_assert_false(file_is("device-edu.so.1", "device", "edu"));
    g_assert_false(file_is("device-edu2.so", "device", "edu"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/card/edu", test_edu);
    g_test_add_func("/card/sections", test_sections);
    g_test_add_func("/card/reasons", test_reasons);
    g_test_add_func("/card/damaged", test_damaged);
    g_test_add_func("/card/corrupt", test_corrupt);
    g_test_add_func("/card/names", test_names);
    return g_test_run();
}
