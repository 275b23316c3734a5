/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* accel - which accelerator is opened, what is said when none can be, and the one of device tests.
 */

#include "cpu/accel.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "cpu/kvm.h"
#include "cpu/qtest.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "options/options.h"
#include "report.h"

static void keep_error(void *arg, const char *line)
{
    g_string_append(arg, line);
}

static struct config *configure(const char *options)
{
    struct config *config = config_create();
    struct options_want want;
    char **argv;

    g_assert_true(g_shell_parse_argv(options, NULL, &argv, NULL));
    g_assert_cmpint(options_parse(config, g_strv_length(argv), argv, &want), ==, 0);
    g_strfreev(argv);
    return config;
}

/* ---- Choosing ---- */

static void assert_refused(const char *options, const char *why)
{
    struct machine m = { .config = configure(options), .info.max_cpus = 1 };
    GString *errors = g_string_new(NULL);

    report_redirect(keep_error, errors);
    g_assert_cmpint(accel_open(&m), <, 0);
    report_redirect(NULL, NULL);
    g_assert_cmpstr(errors->str, ==, why);
    g_assert_null(m.accel);
    g_string_free(errors, TRUE);
    config_destroy(m.config);
}

static void test_refusals(void)
{
    assert_refused("tenon", "tenon: the accelerator soft is not in this build; use -accel kvm\n");
    assert_refused("tenon -accel tcg",
                   "tenon: -accel tcg: the accelerator tcg is not in this build; use -accel kvm\n");
    assert_refused("tenon -machine pc,accel=xen:hvf",
                   "tenon: -machine pc,accel=xen:hvf: the accelerator xen is not in this build; "
                   "use -accel kvm\n");
    assert_refused(
        "tenon -accel kvm -machine pc,kernel_irqchip=off",
        "tenon: -accel kvm: kernel-irqchip=off: not under KVM; split leaves it the local "
        "APICs alone\n");
}

static void assert_opens(const char *options, unsigned cpus)
{
    struct machine m = { .config = configure(options), .info.max_cpus = cpus };

    g_assert_cmpint(accel_open(&m), ==, 0);
    g_assert_true(m.accel->ops == &accel_qtest);
    accel_close(&m);
    config_destroy(m.config);
}

static void test_order(void)
{
    assert_opens("tenon -accel tcg -accel qtest", 1);
    assert_opens("tenon -accel hvf:qtest", 1);
    assert_opens("tenon -machine pc,accel=tcg:qtest", 1);
    assert_opens("tenon -accel kvm,kernel-irqchip=off -accel qtest", 1);
    assert_opens("tenon -machine none", 0);
}

/* ---- /dev/kvm ---- */

static void assert_no_device(const char *path, int err, const char *why)
{
    GString *errors = g_string_new(NULL);

    report_redirect(keep_error, errors);
    g_assert_cmpint(kvm_open_device(path, "-enable-kvm", false), ==, err);
    g_assert_true(g_pattern_match_simple(why, errors->str));
    g_string_truncate(errors, 0);
    g_assert_cmpint(kvm_open_device(path, "-enable-kvm", true), ==, err);
    report_redirect(NULL, NULL);
    g_assert_cmpstr(errors->str, ==, "");
    g_string_free(errors, TRUE);
}

static void test_device(void)
{
    assert_no_device("/nonexistent/kvm", -ENOENT,
                     "tenon: -enable-kvm: /nonexistent/kvm is not there: *");
    assert_no_device("/dev/null", -ENOTSUP, "tenon: -enable-kvm: /dev/null is not KVM: *");
}

/* Root may open anything, so another user tries. */
static void test_rights(void)
{
    const char *path = g_getenv("TENON_TEST_DEVICE");
    bool root = !geteuid();
    int fd;

    if (g_test_subprocess()) {
        if (root)
            g_assert_cmpint(setresuid(65534, 65534, 65534), ==, 0);
        assert_no_device(path, -EACCES,
                         root ? "tenon: -enable-kvm: no rights on *: it is for group tty (sudo "
                                "usermod -aG tty $USER, then log in again)\n"
                              : "tenon: -enable-kvm: no rights on *: only its owner may use it*");
        return;
    }
    fd = g_file_open_tmp("tenon-device-XXXXXX", (char **)&path, NULL);
    g_assert_cmpint(fchmod(fd, root ? 0660 : 0), ==, 0);
    if (root)
        g_assert_cmpint(fchown(fd, 0, 5), ==, 0);
    g_setenv("TENON_TEST_DEVICE", path, TRUE);
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    unlink(path);
    close(fd);
    g_free((char *)path);
    g_test_trap_assert_passed();
}

/* ---- qtest ---- */

static void test_qtest(void)
{
    struct vcpu cpus[2] = { { .index = 0 }, { .index = 1 } };
    struct machine m = { .config = configure("tenon -accel qtest"), .cpus = cpus };
    const struct accel_ops *ops;

    m.info.cpus = m.info.max_cpus = 2;
    m.loop = loop_create();
    m.mem = space_create("memory", m.loop, 64, false);
    m.io = space_create("ports", m.loop, 16, true);
    cpus[0].machine = cpus[1].machine = &m;
    loop_lock(m.loop);
    g_assert_cmpint(accel_open(&m), ==, 0);
    ops = m.accel->ops;
    g_assert_cmpint(ops->board(m.accel), ==, 0);
    g_assert_cmpint(vcpus_create(&m), ==, 0);
    g_assert_true(cpus[0].stopped && cpus[1].stopped);

    machine_resume(&m);
    ops->gsi(m.accel, 4, true);
    ops->gsi(m.accel, 4, true);
    ops->gsi(m.accel, 4, false);
    ops->gsi(m.accel, 4, true);
    g_assert_true(qtest_level(m.accel, 4));
    g_assert_cmpuint(qtest_edges(m.accel, 4), ==, 2);
    g_assert_false(qtest_level(m.accel, 5));
    g_assert_cmpint(ops->irqfd(m.accel, 4, 0, true), ==, -ENOTSUP);
    g_assert_cmpuint(loop_now(m.loop, CLOCK_GUEST), ==, 0); /* it moves by hand */
    loop_step_to(m.loop, 1000);
    g_assert_cmpuint(loop_now(m.loop, CLOCK_GUEST), ==, 1000);
    machine_pause(&m, STATE_PAUSED);
    g_assert_true(cpus[0].stopped && cpus[1].stopped);

    vcpus_destroy(&m);
    accel_close(&m);
    loop_unlock(m.loop);
    space_destroy(m.mem);
    space_destroy(m.io);
    loop_destroy(m.loop);
    config_destroy(m.config);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/accel/refusals", test_refusals);
    g_test_add_func("/accel/order", test_order);
    g_test_add_func("/accel/device", test_device);
    g_test_add_func("/accel/rights", test_rights);
    g_test_add_func("/accel/qtest", test_qtest);
    return g_test_run();
}
