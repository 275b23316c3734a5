/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table - every option of the command line: the group it fills, and its help. */

#include "table.h"

#include <stddef.h>
#include <string.h>

// clang-format off
#define ROW(opt, sec, grp, k, set, text, ...)  { .name = opt, .section = sec, .group = grp, .key = k, \
                                                 .preset = set, .help = text, __VA_ARGS__ }
#define PARAMS(name, section, group, help)         ROW(name, section, group, NULL, NULL, help)
#define VALUE(name, section, group, key, help)     ROW(name, section, group, key, NULL, help)
#define OWN(name, section, key, help)              ROW(name, section, name, key, NULL, help)
#define IMAGE(name, preset, help)                  ROW(name, SEC_BLOCK, "drive", "file", preset, help)
#define SHORT(name, section, group, preset, help)  ROW(name, section, group, NULL, preset, help)
#define SWITCH(name, section, help)                ROW(name, section, name, NULL, "", help)
#define DO(name, section, group, key, act, help)   ROW(name, section, group, key, NULL, help, .action = act)

const struct opt opts[] = {
    DO("h", SEC_STANDARD, NULL, NULL, ACT_HELP, "print this text and exit"),
    DO("help", SEC_STANDARD, NULL, NULL, ACT_HELP, "the same as -h"),
    DO("version", SEC_STANDARD, NULL, NULL, ACT_VERSION, "print the version and exit"),
    PARAMS("machine", SEC_STANDARD, "machine",
        "the kind of computer ('help' lists them) and its properties; accel= names accelerators to try in turn"),
    PARAMS("M", SEC_STANDARD, "machine", "the same as -machine"),
    PARAMS("accel", SEC_STANDARD, "accel", "what runs the processors ('help' lists them); several: the first that works"),
    VALUE("cpu", SEC_STANDARD, "cpu", "model", "the processor model ('help' lists them), with features added and taken away"),
    PARAMS("smp", SEC_STANDARD, "smp-opts",
        "the number of processors at start, and how they are arranged: maxcpus is the product of the others"),
    PARAMS("numa", SEC_STANDARD, "numa", "a node of non-uniform memory, a distance, a processor's place or a latency table"),
    PARAMS("add-fd", SEC_STANDARD, "add-fd", "put an inherited file descriptor into a set, which /dev/fdset/SET then names"),
    DO("set", SEC_STANDARD, NULL, "GROUP.ID.KEY=VALUE", ACT_SET, "change a key of a group given earlier"),
    DO("global", SEC_STANDARD, "global", NULL, ACT_GLOBAL,
        "the default of a property for all devices of a driver; also DRIVER.PROPERTY=VALUE"),
    PARAMS("boot", SEC_STANDARD, "boot-opts",
        "where to boot from: drives are a (floppy), c (disk), d (CD-ROM), n (network); once: only the first time; times in ms"),
    PARAMS("m", SEC_STANDARD, "memory", "the size of RAM, in MiB if there is no unit [128]; slots and maxmem for memory added later"),
    OWN("mem-path", SEC_STANDARD, "path", "keep guest RAM in a temporary file in this directory, as for huge pages"),
    SWITCH("mem-prealloc", SEC_STANDARD, "take all RAM from the host at start"),
    VALUE("k", SEC_STANDARD, "k", "name", "the keyboard layout, such as fr [en-us]"),
    PARAMS("audiodev", SEC_STANDARD, "audiodev", "where sound goes: a backend with an id and properties"),
    PARAMS("audio", SEC_STANDARD, "audio", "a sound backend and a sound card in one"),
    SWITCH("audio-help", SEC_STANDARD, "print the -audiodev form of the sound settings in the environment"),
    PARAMS("device", SEC_STANDARD, "device",
        "add a device; '-device help' lists the drivers, '-device DRIVER,help' the properties of one"),
    PARAMS("name", SEC_STANDARD, "name", "the guest's name, the name of the process, and names for its threads"),
    OWN("uuid", SEC_STANDARD, "uuid", "the machine's UUID"),

    IMAGE("fda", "if=floppy,index=0", "floppy disk A"),
    IMAGE("fdb", "if=floppy,index=1", "floppy disk B"),
    IMAGE("hda", "index=0,media=disk", "IDE disk 0, as the bare disk_image"),
    IMAGE("hdb", "index=1,media=disk", "IDE disk 1"),
    IMAGE("hdc", "index=2,media=disk", "IDE disk 2, in the place of -cdrom"),
    IMAGE("hdd", "index=3,media=disk", "IDE disk 3"),
    IMAGE("cdrom", "index=2,media=cdrom", "IDE CD-ROM"),
    PARAMS("drive", SEC_BLOCK, "drive", "a drive: image, format, caching, limits, and the interface it appears on"),
    PARAMS("blockdev", SEC_BLOCK, "blockdev", "a block node, by driver and node-name, for devices and other nodes to use"),
    IMAGE("mtdblock", "if=mtd", "on-board flash memory"),
    IMAGE("sd", "if=sd", "SD card"),
    IMAGE("pflash", "if=pflash", "parallel flash memory, as for UEFI firmware"),
    SWITCH("snapshot", SEC_BLOCK, "keep what is written to images in temporary files"),
    PARAMS("fsdev", SEC_BLOCK, "fsdev", "a host directory for a 9p device to share"),
    PARAMS("virtfs", SEC_BLOCK, "virtfs", "share a host directory by 9p: -fsdev and device in one"),
    PARAMS("iscsi", SEC_BLOCK, "iscsi", "how to log in to iSCSI targets"),

    SHORT("usb", SEC_USB, "machine", "usb=on", "a USB controller on the board"),
    OWN("usbdevice", SEC_USB, "name", "plug in a USB device: tablet, mouse, keyboard, disk:FILE, serial:DEV, host:..."),

    DO("display", SEC_DISPLAY, "display", NULL, ACT_DISPLAY, "where the screen is shown; vnc=HOST:N is -vnc HOST:N"),
    SWITCH("nographic", SEC_DISPLAY, "no screen; the first serial port is this terminal"),
    SHORT("sdl", SEC_DISPLAY, "display", "type=sdl", "the same as -display sdl"),
    SHORT("curses", SEC_DISPLAY, "display", "type=curses", "the same as -display curses"),
    PARAMS("spice", SEC_DISPLAY, "spice", "show the screen to SPICE viewers"),
    PARAMS("vnc", SEC_DISPLAY, "vnc", "show the screen to VNC viewers"),
    VALUE("vga", SEC_DISPLAY, "vga", "type", "the graphics card ('help' lists them)"),
    SWITCH("full-screen", SEC_DISPLAY, "start full screen"),
    SWITCH("portrait", SEC_DISPLAY, "turn the screen left by 90 degrees"),
    OWN("rotate", SEC_DISPLAY, "value", "turn the screen left by so many degrees"),
    OWN("g", SEC_DISPLAY, "value", "size and depth of the screen: WIDTHxHEIGHT[xDEPTH]"),

    SWITCH("win2k-hack", SEC_PC, "let Windows 2000 be installed in spite of its disk-full fault"),
    SHORT("no-fd-bootchk", SEC_PC, "machine", "fd-bootchk=off", "boot floppies that lack the boot signature"),
    SHORT("no-acpi", SEC_PC, "machine", "acpi=off", "no ACPI"),
    SHORT("no-hpet", SEC_PC, "machine", "hpet=off", "no HPET"),
    PARAMS("acpitable", SEC_PC, "acpi", "add an ACPI table: whole from file=, or a body from data= under this header"),
    PARAMS("smbios", SEC_PC, "smbios", "set fields of a SMBIOS structure by its type, or add structures from a file"),

    PARAMS("netdev", SEC_NETWORK, "netdev", "a network backend, for the device that names its id"),
    PARAMS("nic", SEC_NETWORK, "nic", "a network card and its backend in one; none: no default card"),
    PARAMS("net", SEC_NETWORK, "net", "a card or a backend on the common hub, as in old times; none: no default card"),
    VALUE("tftp", SEC_NETWORK, "tftp", "path", "the TFTP directory of -net user"),
    VALUE("bootp", SEC_NETWORK, "bootp", "file", "the boot file that -net user's DHCP names"),
    VALUE("smb", SEC_NETWORK, "smb", "path", "the SMB share of -net user"),
    VALUE("redir", SEC_NETWORK, "redir", "value", "forward a host port with -net user: [tcp|udp]:PORT:[GUEST]:PORT"),

    PARAMS("chardev", SEC_CHARDEV, "chardev", "a character backend, for the device that names its id ('help' lists them)"),

    PARAMS("tpmdev", SEC_TPM, "tpmdev", "a TPM: the host's, or an emulator behind a chardev"),

    VALUE("bios", SEC_BOOT, "machine", "firmware", "the firmware"),
    VALUE("kernel", SEC_BOOT, "machine", "kernel", "boot this kernel: bzImage, ELF with a PVH note, or multiboot"),
    VALUE("append", SEC_BOOT, "machine", "append", "the kernel's command line"),
    VALUE("initrd", SEC_BOOT, "machine", "initrd", "the initial RAM disk; for multiboot the modules: \"FILE ARGS,FILE\""),
    VALUE("dtb", SEC_BOOT, "machine", "dtb", "a device tree to hand to the kernel"),

    PARAMS("compat", SEC_DEBUG, "compat", "what becomes of deprecated and unstable monitor commands"),
    PARAMS("fw_cfg", SEC_DEBUG, "fw_cfg", "add a named item, from a file or a string, to what firmware and guest can read"),
    OWN("serial", SEC_DEBUG, "dev", "where the next serial port leads; up to four times"),
    OWN("parallel", SEC_DEBUG, "dev", "where the next parallel port leads; up to three times"),
    OWN("monitor", SEC_DEBUG, "dev", "where the monitor is reached"),
    OWN("qmp", SEC_DEBUG, "dev", "where programs reach the monitor, in QMP"),
    OWN("qmp-pretty", SEC_DEBUG, "dev", "the same, with JSON indented"),
    PARAMS("mon", SEC_DEBUG, "mon", "a monitor on a chardev"),
    OWN("debugcon", SEC_DEBUG, "dev", "where the debug console (port 0xe9) leads"),
    OWN("pidfile", SEC_DEBUG, "file", "write the process id to a file"),
    SWITCH("singlestep", SEC_DEBUG, "run one guest instruction at a time"),
    SWITCH("preconfig", SEC_DEBUG, "wait for QMP before the machine is made"),
    SWITCH("S", SEC_DEBUG, "do not start the processors until told ('c' in the monitor)"),
    PARAMS("overcommit", SEC_DEBUG, "overcommit", "keep all memory locked; let the guest put the host's processor to sleep"),
    OWN("gdb", SEC_DEBUG, "dev", "wait for gdb there"),
    SHORT("s", SEC_DEBUG, "gdb", "dev=tcp::1234", "the same as -gdb tcp::1234"),
    OWN("d", SEC_DEBUG, "value", "log these items, separated by commas ('help' lists them)"),
    OWN("D", SEC_DEBUG, "file", "where the log goes"),
    OWN("dfilter", SEC_DEBUG, "value", "log only for these ranges of addresses"),
    OWN("seed", SEC_DEBUG, "value", "start the guest's random numbers from this"),
    OWN("L", SEC_DEBUG, "path", "look for firmware and keymaps here first"),
    SHORT("enable-kvm", SEC_DEBUG, "machine", "accel=kvm", "the same as -machine accel=kvm"),
    OWN("xen-domid", SEC_DEBUG, "value", "the Xen domain to serve"),
    SWITCH("xen-attach", SEC_DEBUG, "attach to a Xen domain"),
    SWITCH("xen-domid-restrict", SEC_DEBUG, "give up Xen operations on other domains"),
    SHORT("no-reboot", SEC_DEBUG, "action", "reboot=shutdown", "exit when the guest reboots"),
    SHORT("no-shutdown", SEC_DEBUG, "action", "shutdown=pause", "stop, but do not exit, when the guest powers off"),
    PARAMS("action", SEC_DEBUG, "action", "what to do when the guest reboots, powers off, panics or lets its watchdog fire"),
    VALUE("watchdog-action", SEC_DEBUG, "action", "watchdog", "the same as -action watchdog="),
    OWN("loadvm", SEC_DEBUG, "name", "start from a saved state"),
    SWITCH("daemonize", SEC_DEBUG, "go into the background once everything has come up"),
    PARAMS("option-rom", SEC_DEBUG, "option-rom", "add an option ROM"),
    PARAMS("rtc", SEC_DEBUG, "rtc", "the clock's time at start, what drives it, and whether lost ticks are made up for"),
    PARAMS("icount", SEC_DEBUG, "icount", "let guest time follow the instructions executed"),
    OWN("echr", SEC_DEBUG, "value", "the code of the terminal's escape character [1, Ctrl-a]"),
    OWN("incoming", SEC_DEBUG, "value", "wait for a migrating guest at tcp:HOST:PORT, unix:PATH, fd:N, exec:COMMAND or defer"),
    SWITCH("only-migratable", SEC_DEBUG, "refuse devices that cannot migrate"),
    SWITCH("nodefaults", SEC_DEBUG, "only the devices given: no default serial port, monitor, screen, network card, drives"),
    OWN("chroot", SEC_DEBUG, "path", "change the root directory before the guest starts"),
    OWN("runas", SEC_DEBUG, "value", "change to this user before the guest starts: NAME or UID:GID"),
    PARAMS("run-with", SEC_DEBUG, "run-with", "how the process runs: root directory, user, how it ends"),
    PARAMS("sandbox", SEC_DEBUG, "sandbox", "filter the system calls that the process may make"),
    DO("readconfig", SEC_DEBUG, NULL, "FILE", ACT_READCONFIG, "read options from a file"),
    DO("writeconfig", SEC_DEBUG, NULL, "FILE", ACT_WRITECONFIG, "write the options of this command line to a file ('-': standard output)"),
    SWITCH("no-user-config", SEC_DEBUG, "read no configuration of the user's; there is none to read"),
    SWITCH("nodefconfig", SEC_DEBUG, "read no default configuration; there is none to read"),
    PARAMS("trace", SEC_DEBUG, "trace", "trace events ('help' lists them)"),
    SWITCH("trace-unassigned", SEC_DEBUG, "report accesses to addresses where nothing is"),
    PARAMS("plugin", SEC_DEBUG, "plugin", "load an instrumentation plugin"),
    SWITCH("async-teardown", SEC_DEBUG, "give memory back in a process of its own at the end"),
    PARAMS("msg", SEC_DEBUG, "msg", "what messages begin with: the time, the guest's name"),
    OWN("dump-vmstate", SEC_DEBUG, "file", "write the layout of the devices' saved state and exit"),
    SWITCH("enable-sync-profile", SEC_DEBUG, "measure waits for locks"),
    SWITCH("perfmap", SEC_DEBUG, "write a map of translated code for perf"),
    SWITCH("jitdump", SEC_DEBUG, "write translated code for perf"),
    OWN("qtest", SEC_DEBUG, "value", "take commands of a device test there"),
    OWN("qtest-log", SEC_DEBUG, "value", "where to log them"),

    OWN("prom-env", SEC_DEBUG, "value", "set a variable of OpenBIOS (PowerPC and SPARC machines)"),
    SWITCH("semihosting", SEC_DEBUG, "let the guest call the host (Arm and others)"),
    OWN("semihosting-config", SEC_DEBUG, "value", "how it may"),
    SWITCH("old-param", SEC_DEBUG, "hand over kernel parameters in the old way (Arm machines)"),

    PARAMS("object", SEC_OBJECT, "object", "make an object, such as memory for -machine memory-backend="),

    OWN("soundhw", SEC_OLD, "names", "add sound cards ('help' lists them)"),
    OWN("watchdog", SEC_OLD, "model", "add a watchdog: ib700 or i6300esb"),
    PARAMS("balloon", SEC_OLD, "balloon", "virtio: -device virtio-balloon-pci"),
    PARAMS("realtime", SEC_OLD, "overcommit", "[mlock=on|off]: the same as -overcommit mem-lock="),
    SHORT("no-kvm", SEC_OLD, "machine", "accel=tcg", "the same as -machine accel=tcg"),
    SHORT("no-kvm-irqchip", SEC_OLD, "machine", "kernel-irqchip=off", "the same as -machine kernel-irqchip=off"),
    SHORT("no-kvm-pit-reinjection", SEC_OLD, "global", "driver=kvm-pit,property=lost_tick_policy,value=discard",
        "the same as -global kvm-pit.lost_tick_policy=discard"),
    SWITCH("no-kvm-pit", SEC_OLD, "no timer chip in KVM"),
    SWITCH("tdf", SEC_OLD, "make up for lost timer ticks"),
    SHORT("rtc-td-hack", SEC_OLD, "rtc", "driftfix=slew", "the same as -rtc driftfix=slew"),
    SHORT("localtime", SEC_OLD, "rtc", "base=localtime", "the same as -rtc base=localtime"),
    VALUE("startdate", SEC_OLD, "rtc", "base", "the same as -rtc base="),
    OWN("clock", SEC_OLD, "value", "which host timer to use"),
    OWN("hdachs", SEC_OLD, "value", "the geometry of IDE disk 0: CYLINDERS,HEADS,SECTORS[,none|lba|auto]"),
    SHORT("alt-grab", SEC_OLD, "display", "alt_grab=on", "Ctrl-Alt-Shift takes and frees the mouse"),
    SHORT("ctrl-grab", SEC_OLD, "display", "ctrl_grab=on", "right Ctrl takes and frees the mouse"),
    SHORT("no-frame", SEC_OLD, "display", "frame=off", "a window without a frame"),
    SHORT("no-quit", SEC_OLD, "display", "window-close=off", "a window that cannot be closed"),
    SHORT("show-cursor", SEC_OLD, "display", "show-cursor=on", "show the host's mouse pointer"),
    OWN("bt", SEC_OLD, "value", "Bluetooth"),
    OWN("tb-size", SEC_OLD, "value", "the size of the translation cache"),
    SWITCH("enable-fips", SEC_OLD, "FIPS 140-2"),
    SWITCH("xen-create", SEC_OLD, "make the Xen domain"),
};
// clang-format on

const unsigned n_opts = N_OF(opts);

const struct opt *opt_find(const char *name)
{
    for (unsigned i = 0; i < n_opts; i++)
        if (strcmp(opts[i].name, name) == 0)
            return &opts[i];
    return NULL;
}

const struct opt_group *opt_group_find(const char *kind)
{
    for (unsigned i = 0; i < n_groups; i++)
        if (strcmp(groups[i].kind, kind) == 0)
            return &groups[i];
    return NULL;
}

const struct opt_key *opt_key_find(const struct opt_group *group, const char *name)
{
    for (unsigned i = 0; i < group->n_keys; i++) {
        const struct opt_key *key = &group->keys[i];

        if (strcmp(key->name, name) == 0)
            return key->flags & ALIAS ? opt_key_find(group, key->values) : key;
    }
    return NULL;
}

bool opt_has_arg(const struct opt *opt)
{
    switch (opt->action) {
    case ACT_HELP:
    case ACT_VERSION: return false;
    default: return opt->key || !opt->preset;
    }
}

bool key_is_later(const struct opt_key *key)
{
    return (key->flags & LATER) || (!key->values && key->later);
}

/* "KEY=VALUE,...": the first pair says it all. */
static bool preset_is_later(const struct opt_group *group, const char *preset)
{
    size_t len = strcspn(preset, "=");

    for (unsigned i = 0; i < group->n_keys; i++) {
        const struct opt_key *key = &group->keys[i];

        if (strlen(key->name) == len && memcmp(key->name, preset, len) == 0)
            return key_is_later(key) || values_have(key->later, preset + len + 1);
    }
    return false;
}

bool opt_is_later(const struct opt *opt)
{
    const struct opt_group *group = opt->group ? opt_group_find(opt->group) : NULL;

    if (!group || (group->flags & LATER))
        return group != NULL;
    if (opt->key)
        return key_is_later(opt_key_find(group, opt->key));
    if (opt->preset)
        return preset_is_later(group, opt->preset);
    return group->n_keys && key_is_later(&group->keys[0]);
}

bool values_have(const char *values, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = values; at && *at;) {
        size_t n = strcspn(at, "|");

        if (n == len && memcmp(at, word, n) == 0)
            return true;
        at += n + (at[n] == '|');
    }
    return false;
}

const char *opt_name_at(const void *unused, unsigned i)
{
    return opts[i].name;
}

const char *group_name_at(const void *unused, unsigned i)
{
    return groups[i].kind;
}

const char *key_name_at(const void *keys, unsigned i)
{
    return ((const struct opt_key *)keys)[i].name;
}
