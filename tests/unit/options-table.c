/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options-table - the tables agree with each other, hold every option, and make the help. */

#include "options.h"

#include <string.h>

#include "options/table.h"

/* The options of QEMU 7.2's manual for x86, then those that only 2.7 had, then later ones. */
static const char expected[] =
    "h help version machine M accel cpu smp numa add-fd set global boot m mem-path mem-prealloc k "
    "audio-help audio audiodev device name uuid fda fdb hda hdb hdc hdd cdrom blockdev drive "
    "mtdblock "
    "sd snapshot fsdev virtfs iscsi usb usbdevice display nographic spice portrait rotate vga "
    "full-screen vnc win2k-hack no-fd-bootchk no-acpi no-hpet acpitable smbios netdev nic net "
    "chardev "
    "tpmdev bios pflash kernel append initrd dtb compat fw_cfg serial parallel monitor qmp "
    "qmp-pretty "
    "mon debugcon pidfile singlestep preconfig S overcommit gdb s d D dfilter seed L enable-kvm "
    "xen-domid xen-attach xen-domid-restrict no-reboot no-shutdown action loadvm daemonize "
    "option-rom "
    "rtc icount watchdog-action echr incoming only-migratable nodefaults chroot runas sandbox "
    "readconfig "
    "no-user-config trace plugin async-teardown msg dump-vmstate enable-sync-profile object qtest "
    "qtest-log g prom-env semihosting semihosting-config old-param "
    "soundhw watchdog balloon sdl curses no-kvm no-kvm-irqchip no-kvm-pit no-kvm-pit-reinjection "
    "tdf "
    "rtc-td-hack localtime startdate clock hdachs alt-grab ctrl-grab no-frame no-quit show-cursor "
    "bt "
    "tb-size enable-fips xen-create realtime tftp bootp smb redir writeconfig nodefconfig "
    "trace-unassigned "
    "run-with perfmap jitdump";

static void test_every_option(void)
{
    char **names = g_strsplit(expected, " ", -1);

    for (unsigned i = 0; names[i]; i++) {
        g_test_message("-%s", names[i]);
        g_assert_nonnull(opt_find(names[i]));
    }
    g_assert_cmpuint(g_strv_length(names), ==, n_opts);
    g_strfreev(names);
}

static void test_options_agree(void)
{
    for (unsigned i = 0; i < n_opts; i++) {
        const struct opt *opt = &opts[i];
        const struct opt_group *kind = opt->group ? opt_group_find(opt->group) : NULL;

        g_test_message("-%s", opt->name);
        g_assert_true(opt_find(opt->name) == opt); /* no name twice */
        g_assert_true(opt->help && *opt->help);
        g_assert_true(!opt->group == !kind);
        if (!kind)
            g_assert_cmpint(opt->action, !=, ACT_FILL);
        else if (opt->key)
            g_assert_nonnull(opt_key_find(kind, opt->key));
        else if (!opt->preset)
            g_assert_cmpuint(kind->n_keys, >, 0); /* parameters of some kind */
        else if (!*opt->preset)
            g_assert_cmpuint(kind->n_keys, ==, 0); /* a switch */
    }
}

static void test_groups_agree(void)
{
    for (unsigned i = 0; i < n_groups; i++) {
        const struct opt_group *kind = &groups[i];
        bool used = false;

        g_test_message("[%s]", kind->kind);
        g_assert_true(opt_group_find(kind->kind) == kind);
        for (unsigned o = 0; o < n_opts; o++)
            used |= opts[o].group && strcmp(opts[o].group, kind->kind) == 0;
        g_assert_true(used);
        g_assert_true(kind->n_keys || !(kind->flags & (IMPLIED | NEED | HELP)));
        for (unsigned k = 0; k < kind->n_keys; k++) {
            const struct opt_key *key = &kind->keys[k];

            g_assert_true(!(key->flags & ALIAS) || opt_key_find(kind, key->values));
            g_assert_true(!(key->flags & PART) || opt_group_find(key->values));
            g_assert_true(key->type != KEY_ENUM || key->values || key->later);
            g_assert_true((key->flags & ALIAS) || opt_key_find(kind, key->name) == key);
        }
    }
}

/* Every option can be given: each makes a group that is written and read back. */
static void test_every_option_round_trip(void)
{
    for (unsigned i = 0; i < n_opts; i++) {
        const struct opt *opt = &opts[i];
        const struct opt_group *kind = opt->group ? opt_group_find(opt->group) : NULL;
        const struct opt_key *key = !kind || !kind->n_keys ? NULL
                                    : opt->key             ? opt_key_find(kind, opt->key)
                                                           : &kind->keys[0];
        static const char *const samples[] = {
            [KEY_STRING] = "x",
            [KEY_BOOL] = "on",
            [KEY_NUMBER] = "1",
            [KEY_SIZE] = "4k",
            [KEY_MEGS] = "4G",
            [KEY_NAME] = "x",
            [KEY_ACCEL] = "kvm",
            [KEY_DATE] = "utc",
            [KEY_UUID] = "00000000-0000-0000-0000-00000000000a",
            [KEY_DRIVES] = "c",
            [KEY_DEV] = "stdio",
        };
        char *name = g_strconcat("-", opt->name, NULL), *value = NULL;
        char *argv[] = { "tenon", name, NULL, NULL };
        struct run run;

        if (kind) {
            const char *text = !key                    ? ""
                               : key->type != KEY_ENUM ? samples[key->type]
                               : key->values           ? key->values
                                                       : key->later;

            value = g_strndup(text, strcspn(text, key && key->type == KEY_ENUM ? "|" : ""));
            if (!key || opt->key)
                argv[2] = g_strdup(value);
            else
                argv[2] = g_strdup_printf("%s=%s%s", key->name, value,
                                          kind->flags & NEED_ID ? ",id=i" : "");
            run_begin(&run);
            run.ret = options_parse(run.config, opt_has_arg(opt) ? 3 : 2, argv, &run.want);
            g_assert_cmpstr(run.said->str, ==, "");
            g_assert_cmpint(run.ret, ==, 0);
            g_assert_nonnull(config_next(run.config, NULL, NULL));
            assert_round_trip(run.config);
            run_end(&run);
            g_free(argv[2]);
        }
        g_free(value);
        g_free(name);
    }
}

static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    print(out);
    fclose(out);
    return text;
}

static void test_version(void)
{
    char *text = printed(options_version);
    int major, minor, micro;

    g_assert_cmpint(sscanf(text, "QEMU emulator version %d.%d.%d", &major, &minor, &micro), ==, 3);
    g_assert_cmpint(major * 100 + minor, ==, 702);
    g_assert_nonnull(strstr(text, "Tenon"));
    free(text);
}

/* -h begins as users know it, names each option at the start of a line, and stays within 80 columns
 * where words allow. */
static void test_help(void)
{
    char *text = printed(options_help), *version = printed(options_version);

    g_assert_true(g_str_has_prefix(text, version));
    g_assert_nonnull(strstr(text,
                            "\nusage: tenon [options] [disk_image]\n\n'disk_image' is a raw hard "
                            "disk image for IDE hard disk 0"));
    g_assert_nonnull(strstr(text, "\nStandard options:\n-h or -help     "));
    for (unsigned i = 0; i < n_opts; i++) {
        char *start = g_strdup_printf("\n-%s%s", opts[i].name, opt_has_arg(&opts[i]) ? " " : "");

        if (strcmp(opts[i].name, "help") != 0)
            g_assert_nonnull(strstr(text, start));
        g_free(start);
    }
    g_assert_nonnull(strstr(text,
                            "-soundhw CARD[,CARD]|all\n                add sound cards ('help' "
                            "lists them) (not in this build yet)\n"));
    g_assert_nonnull(strstr(text, "\n-gdb DEV        wait for gdb there\n"));
    free(version);
    free(text);
}

static void test_list(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    g_assert_cmpstr(options_names("vga"), ==, "none");
    g_assert_null(options_names("netdev"));
    g_assert_null(options_names("watchdog"));
    options_print_keys(out, "accel", NULL);
    options_print_keys(out, "smp-opts", "maxcpus|sockets|dies|clusters|cores");
    fclose(out);
    g_assert_cmpstr(text, ==,
                    "  kernel-irqchip=<on|off|split>\n  fallback=<on|off>\n  threads=<N>\n");
    free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options-table/every-option", test_every_option);
    g_test_add_func("/options-table/options-agree", test_options_agree);
    g_test_add_func("/options-table/groups-agree", test_groups_agree);
    g_test_add_func("/options-table/every-option-round-trip", test_every_option_round_trip);
    g_test_add_func("/options-table/version", test_version);
    g_test_add_func("/options-table/help", test_help);
    g_test_add_func("/options-table/list", test_list);
    return g_test_run();
}
