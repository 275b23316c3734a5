/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory-block - tests of the host memory behind a guest's: memfd, files, what does not fit. */

#include "memory/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "report.h"

#define MIB (UINT64_C(1) << 20)

static void keep_line(void *arg, const char *line)
{
    g_string_append(arg, line);
}

/* Asserts that it fails with one line that has the text, and leaves nothing open. */
static void refused(struct block_spec spec, const char *text)
{
    GString *lines = g_string_new("");

    spec.name = "ram";
    spec.where = "-m 1";
    report_redirect(keep_line, lines);
    g_assert_null(block_create(&spec));
    report_redirect(NULL, NULL);
    g_assert_true(g_str_has_prefix(lines->str, "tenon: -m 1: "));
    g_assert_nonnull(strstr(lines->str, text));
    g_assert_true(strchr(lines->str, '\n') == lines->str + lines->len - 1);
    g_string_free(lines, TRUE);
}

/* Pages that are there. */
static size_t resident(const struct block *b)
{
    size_t n = b->bytes / b->page, count = 0;
    g_autofree unsigned char *pages = g_malloc(n);

    g_assert_cmpint(mincore(b->host, b->bytes, pages), ==, 0);
    for (size_t i = 0; i < n; i++)
        count += pages[i] & 1;
    return count;
}

static void test_plain(void)
{
    struct block *b = block_create(&(struct block_spec){ .name = "pc.ram", .bytes = 64 * MIB });

    g_assert_cmpint(b->fd, ==, -1);
    g_assert_cmpuint((uintptr_t)b->host % (2 * MIB), ==, 0);
    g_assert_cmpuint(resident(b), ==, 0);
    g_assert_cmpuint(b->host[0], ==, 0);
    b->host[b->bytes - 1] = 1;
    block_destroy(b);
    block_destroy(NULL);
}

static void test_shared(void)
{
    struct block *b =
        block_create(&(struct block_spec){ .name = "pc.ram", .bytes = 4 * MIB, .share = true });
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", b->fd);
    g_autofree char *target = g_file_read_link(link, NULL);
    char byte = 0;

    g_assert_cmpstr(target, ==, "/memfd:tenon-pc.ram (deleted)");
    g_assert_cmpint(fcntl(b->fd, F_GETFD) & FD_CLOEXEC, !=, 0);
    b->host[4097] = 7;
    g_assert_cmpint(pread(b->fd, &byte, 1, 4097), ==, 1);
    g_assert_cmpint(byte, ==, 7);
    block_destroy(b);
}

static void test_prealloc(void)
{
    struct block *b;

    b = block_create(
        &(struct block_spec){ .name = "ram", .bytes = 8 * MIB, .prealloc = true, .threads = 2 });
    g_assert_cmpuint(resident(b), ==, 8 * MIB / b->page);
    block_destroy(b);
}

static void test_odd_size(void)
{
    struct block *b = block_create(&(struct block_spec){ .name = "rom", .bytes = 5000 });

    g_assert_cmpuint(b->bytes, ==, 5000);
    b->host[4999] = 1;
    block_destroy(b);
}

static void test_too_large(void)
{
    refused((struct block_spec){ .bytes = UINT64_MAX }, "16 EiB of guest memory: ");
    refused((struct block_spec){ .bytes = UINT64_C(1) << 62 }, "4 EiB of guest memory: ");
    refused((struct block_spec){ .bytes = UINT64_C(1) << 47 }, "128 TiB of guest memory: ");
}

/* ---- Files ---- */

static char *folder(void)
{
    return g_dir_make_tmp("tenon-XXXXXX", NULL);
}

/* A disk's blocks are there from the start, where the file system can do that. */
static void assert_set_aside(const struct block *b)
{
    struct statfs fs;
    struct stat st;

    g_assert_cmpint(fstatfs(b->fd, &fs) | fstat(b->fd, &st), ==, 0);
    if (fs.f_type != TMPFS_MAGIC && fallocate(b->fd, FALLOC_FL_KEEP_SIZE, 0, 1) == 0)
        g_assert_cmpuint(st.st_blocks * 512, >=, b->bytes);
}

static void test_directory(void)
{
    g_autofree char *dir = folder();
    struct block *b;

    b = block_create(&(struct block_spec){ .name = "a/b", .bytes = 100000, .path = dir });
    g_assert_nonnull(b);
    b->host[99999] = 7;
    assert_set_aside(b);
    /* Nothing is left, even if the program is killed. */
    g_assert_cmpint(g_rmdir(dir), ==, 0);
    block_destroy(b);
}

static uint8_t byte_of(const char *path)
{
    g_autofree char *text = NULL;
    gsize n;

    g_assert_true(g_file_get_contents(path, &text, &n, NULL));
    g_assert_cmpuint(n, ==, MIB);
    return text[0];
}

static void test_file(void)
{
    g_autofree char *dir = folder(), *path = g_build_filename(dir, "ram", NULL);
    struct block_spec spec = { .name = "ram", .bytes = MIB, .path = path, .share = true };
    struct block *b = block_create(&spec);

    b->host[0] = 1;
    block_destroy(b);
    g_assert_cmpuint(byte_of(path), ==, 1);

    spec.share = false;
    spec.prealloc = true;
    b = block_create(&spec);
    g_assert_cmpuint(b->host[0], ==, 1);
    b->host[0] = 2;
    block_destroy(b);
    g_assert_cmpuint(byte_of(path), ==, 1);

    spec.readonly = true;
    b = block_create(&spec);
    g_assert_cmpuint(b->host[0], ==, 1);
    block_destroy(b);
    spec.bytes = 2 * MIB;
    spec.where = "-m 1";
    refused(spec, "has 1048576 bytes, and 2097152 are needed");

    g_assert_cmpint(g_unlink(path) | g_rmdir(dir), ==, 0);
    refused((struct block_spec){ .bytes = MIB, .path = path }, "No such file or directory");
}

/* ---- Full disks, on file systems of our own ---- */

/* Mounts one in a name space of this process; false, and the test is skipped, if that may not be.
 */
static bool mount_own(const char *dir, const char *type, const char *options)
{
    g_autofree char *why = NULL;

    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("tenon", dir, type, 0, options) == 0)
        return true;
    why = g_strdup_printf("cannot mount a %s: %s", type, strerror(errno));
    g_test_skip(why);
    g_rmdir(dir);
    return false;
}

static void unmount(const char *dir)
{
    g_assert_cmpint(umount2(dir, MNT_DETACH), ==, 0);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void test_full(void)
{
    g_autofree char *dir = folder(), *path = g_build_filename(dir, "ram", NULL);
    struct block_spec spec = { .name = "ram", .bytes = 2 * MIB, .path = dir, .prealloc = true };
    struct block *b;

    if (!mount_own(dir, "tmpfs", "size=3m"))
        return;
    b = block_create(&spec);
    g_assert_nonnull(b);
    g_assert_cmpuint(resident(b), ==, 2 * MIB / b->page);
    refused(spec, "cannot set aside 2 MiB of guest memory in ");
    spec.prealloc = false;
    refused(spec, "No space left on device");
    spec.path = path;
    refused(spec, "No space left on device");
    block_destroy(b);
    g_unlink(path);
    unmount(dir);
}

/* Memory is not touched before the guest does, even if a file is behind it. */
static void test_untouched(void)
{
    g_autofree char *dir = folder();
    struct block *b;
    struct stat st;

    if (!mount_own(dir, "tmpfs", NULL))
        return;
    b = block_create(&(struct block_spec){ .name = "ram", .bytes = MIB, .path = dir });
    g_assert_cmpint(fstat(b->fd, &st), ==, 0);
    g_assert_cmpint(st.st_blocks, ==, 0);
    block_destroy(b);
    unmount(dir);
}

static void test_huge_pages(void)
{
    g_autofree char *dir = folder();
    struct block *b;
    GString *lines = g_string_new("");

    if (!mount_own(dir, "hugetlbfs", "pagesize=2M")) {
        g_string_free(lines, TRUE);
        return;
    }
    report_redirect(keep_line, lines);
    b = block_create(
        &(struct block_spec){ .name = "ram", .bytes = 3 * MIB, .path = dir, .prealloc = true });
    report_redirect(NULL, NULL);
    if (b) {
        g_assert_cmpuint(b->page, ==, 2 * MIB);
        g_assert_cmpuint((uintptr_t)b->host % (2 * MIB), ==, 0);
        b->host[3 * MIB - 1] = 1;
    } else { /* a host with no huge pages says so, in one line */
        g_assert_cmpuint(lines->len, >, 0);
        g_assert_true(strchr(lines->str, '\n') == lines->str + lines->len - 1);
    }
    block_destroy(b);
    g_string_free(lines, TRUE);
    unmount(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/block/plain", test_plain);
    g_test_add_func("/block/shared", test_shared);
    g_test_add_func("/block/prealloc", test_prealloc);
    g_test_add_func("/block/odd-size", test_odd_size);
    g_test_add_func("/block/too-large", test_too_large);
    g_test_add_func("/block/directory", test_directory);
    g_test_add_func("/block/file", test_file);
    g_test_add_func("/block/full-disk", test_full);
    g_test_add_func("/block/memory-file-system", test_untouched);
    g_test_add_func("/block/huge-pages", test_huge_pages);
    return g_test_run();
}
