/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * groups - what a configuration consists of: each kind of group with its keys and their types.
 *
 * The names are those of QEMU's manual (2.7 and 7.2) and of its configuration files.  A group with
 * FREE leaves further keys to the plugin that it names; the listed ones are still checked here.
 */
#include "table.h"

#include <stddef.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows say what is not zero */

// clang-format off
static const struct opt_key machine_keys[] = {
    { "type",              KEY_NAME,   0,     "", later_machines },
    { "accel",             KEY_ACCEL,  0,     "kvm|qtest", "tcg|soft|xen|hax|hvf|nvmm|whpx" },
    { "kernel",            KEY_STRING, 0,     "FILE" },
    { "initrd",            KEY_STRING, 0,     "FILE" },
    { "append",            KEY_STRING, 0,     "TEXT" },
    { "dtb",               KEY_STRING, 0,     "FILE" },
    { "firmware",          KEY_STRING, 0,     "FILE" },
    { "memory-backend",    KEY_STRING, 0,     "ID" },
    { "mem-merge",         KEY_BOOL,   0 },
    { "dump-guest-core",   KEY_BOOL,   0 },
    { "kernel-irqchip",    KEY_ENUM,   0,     "on|off|split" },
    { "kernel_irqchip",    KEY_STRING, ALIAS, "kernel-irqchip" },
    { "acpi",              KEY_ENUM,   0,     "on|off|auto" },
    { "hpet",              KEY_BOOL,   0 },
    { "usb",               KEY_BOOL,   LATER },
    { "fd-bootchk",        KEY_BOOL,   0 },
    { "graphics",          KEY_BOOL,   0 },
    { "sata",              KEY_BOOL,   LATER },
    { "default-bus-bypass-iommu", KEY_BOOL, LATER },
    { "suppress-vmdesc",   KEY_BOOL,   LATER },
    { "nvdimm",            KEY_BOOL,   LATER },
    { "hmat",              KEY_BOOL,   LATER },
    { "igd-passthru",      KEY_BOOL,   LATER },
    { "pflash0",           KEY_STRING, LATER, "ID" },
    { "pflash1",           KEY_STRING, LATER, "ID" },
    { "memory-encryption", KEY_STRING, LATER, "ID" },
    { "confidential-guest-support", KEY_STRING, LATER, "ID" },
    { "kvm-shadow-mem",    KEY_SIZE,   LATER },
    { "kvm_shadow_mem",    KEY_STRING, ALIAS, "kvm-shadow-mem" },
    { "smp.",              KEY_STRING, PART,  "smp-opts" },
    { "boot.",             KEY_STRING, PART,  "boot-opts" },
    { "memory.",           KEY_STRING, PART,  "memory" },
};

static const struct opt_key accel_keys[] = {
    { "accel",           KEY_ACCEL,  0,     "kvm|qtest", "tcg|soft|xen|hax|hvf|nvmm|whpx" },
    { "kernel-irqchip",  KEY_ENUM,   0,     "on|off|split" },
    { "fallback",        KEY_BOOL },
    { "igd-passthru",    KEY_BOOL,   LATER },
    { "kvm-shadow-mem",  KEY_SIZE,   LATER },
    { "dirty-ring-size", KEY_NUMBER, LATER },
    { "notify-vmexit",   KEY_ENUM,   0,     NULL, "run|internal-error|disable" },
    { "notify-window",   KEY_NUMBER, LATER },
    { "split-wx",        KEY_BOOL,   LATER },
    { "thread",          KEY_ENUM,   0,     NULL, "single|multi" },
};

static const struct opt_key cpu_keys[] = {
    { "model", KEY_STRING, 0, "MODEL[,+FEATURE][,-FEATURE][,FEATURE=on|off]" },
};

static const struct opt_key smp_keys[] = {
    { "cpus",     KEY_NUMBER }, { "maxcpus", KEY_NUMBER }, { "sockets", KEY_NUMBER },
    { "dies",     KEY_NUMBER }, { "clusters", KEY_NUMBER }, { "cores",  KEY_NUMBER },
    { "threads",  KEY_NUMBER },
};

static const struct opt_key memory_keys[] = {
    { "size",     KEY_MEGS },
    { "slots",    KEY_NUMBER, LATER },
    { "maxmem",   KEY_SIZE,   LATER },
    { "max-size", KEY_STRING, ALIAS, "maxmem" },
};

static const struct opt_key numa_keys[] = {
    { "type",      KEY_ENUM,   0,    "node|dist|cpu|hmat-lb|hmat-cache" },
    { "nodeid",    KEY_NUMBER }, { "mem", KEY_SIZE }, { "memdev", KEY_STRING, 0, "ID" },
    { "cpus",      KEY_STRING, LIST, "FIRST[-LAST]" },
    { "initiator", KEY_NUMBER }, { "src", KEY_NUMBER }, { "dst", KEY_NUMBER },
    { "val",       KEY_NUMBER }, { "node-id", KEY_NUMBER }, { "socket-id", KEY_NUMBER },
    { "die-id",    KEY_NUMBER }, { "cluster-id", KEY_NUMBER }, { "core-id", KEY_NUMBER },
    { "thread-id", KEY_NUMBER }, { "target", KEY_NUMBER },
    { "hierarchy", KEY_ENUM, 0, "memory|first-level|second-level|third-level" },
    { "data-type", KEY_ENUM, 0, "access-latency|read-latency|write-latency|access-bandwidth|"
                                "read-bandwidth|write-bandwidth" },
    { "latency",   KEY_NUMBER }, { "bandwidth", KEY_SIZE }, { "size", KEY_SIZE },
    { "level",     KEY_NUMBER },
    { "associativity", KEY_ENUM, 0, "none|direct|complex" },
    { "policy",    KEY_ENUM, 0, "none|write-back|write-through" },
    { "line",      KEY_NUMBER },
};

static const struct opt_key name_keys[] = {
    { "guest",         KEY_STRING, 0, "NAME" },
    { "process",       KEY_STRING, 0, "NAME" },
    { "debug-threads", KEY_BOOL },
};

static const struct opt_key rtc_keys[] = {
    { "base",     KEY_DATE },
    { "clock",    KEY_ENUM, 0, "host|rt|vm" },
    { "driftfix", KEY_ENUM, 0, "none|slew" },
};

static const struct opt_key boot_keys[] = {
    { "order",          KEY_DRIVES }, { "once", KEY_DRIVES }, { "menu", KEY_BOOL },
    { "splash",         KEY_STRING, 0, "FILE" }, { "splash-time", KEY_NUMBER },
    { "reboot-timeout", KEY_NUMBER }, { "strict", KEY_BOOL },
};

static const struct opt_key action_keys[] = {
    { "reboot",   KEY_ENUM, 0, "reset|shutdown" },
    { "shutdown", KEY_ENUM, 0, "poweroff|pause" },
    { "panic",    KEY_ENUM, 0, "pause|shutdown|exit-failure|none" },
    { "watchdog", KEY_ENUM, 0, NULL, "reset|shutdown|poweroff|inject-nmi|pause|debug|none" },
};

static const struct opt_key global_keys[] = {
    { "driver",   KEY_STRING, 0, "DRIVER" },
    { "property", KEY_STRING, 0, "PROPERTY" },
    { "value",    KEY_STRING, 0, "VALUE" },
};

static const struct opt_key device_keys[] = {
    { "driver", KEY_NAME, 0, "", later_devices },
};

static const struct opt_key object_keys[] = {
    { "qom-type",    KEY_NAME,   0, "memory-backend-ram|memory-backend-memfd|memory-backend-file",
      "authz-list|authz-listfile|authz-pam|authz-simple|can-bus|can-host-socketcan|colo-compare|"
      "cryptodev-backend-builtin|cryptodev-backend-lkcf|cryptodev-vhost-user|dbus-vmstate|"
      "filter-buffer|filter-dump|filter-mirror|filter-redirector|filter-replay|filter-rewriter|"
      "input-barrier|input-linux|iothread|main-loop|memory-backend-epc|pr-manager-helper|rng-builtin|"
      "rng-egd|rng-random|secret|secret_keyring|sev-guest|thread-context|throttle-group|"
      "tls-cipher-suites|tls-creds-anon|tls-creds-psk|tls-creds-x509|x-remote-object" },
    { "size",        KEY_SIZE },
    { "mem-path",    KEY_STRING, 0, "PATH" },
    { "readonly",    KEY_BOOL },   { "share", KEY_BOOL },
    { "prealloc",    KEY_BOOL },   { "prealloc-threads", KEY_NUMBER },
    { "merge",       KEY_BOOL },   { "dump", KEY_BOOL },
    { "host-nodes",  KEY_STRING, LIST | LATER, "NODE[-NODE]" },
    { "policy",      KEY_ENUM,   0, "default|allow|deny", "preferred|bind|interleave" },
    { "reserve",     KEY_ENUM,   0, "on", "off" },
    { "hugetlb",     KEY_BOOL,   LATER }, { "hugetlbsize", KEY_SIZE, LATER },
    { "seal",        KEY_ENUM,   0, "on", "off" },
    { "align",       KEY_SIZE,   LATER }, { "pmem", KEY_BOOL, LATER },
    { "discard-data", KEY_BOOL,  LATER }, { "prealloc-context", KEY_STRING, LATER, "ID" },
    { "x-use-canonical-path-for-ramblock-id", KEY_BOOL, LATER },
    { "cpu-affinity", KEY_STRING, LIST | LATER, "CPU[-CPU]" },
    { "node-affinity", KEY_STRING, LIST | LATER, "NODE[-NODE]" },
};

static const struct opt_key fw_cfg_keys[] = {
    { "name",   KEY_STRING, 0, "NAME" }, { "file", KEY_STRING, 0, "FILE" },
    { "string", KEY_STRING, 0, "TEXT" }, { "gen_id", KEY_STRING, LATER, "ID" },
};

static const struct opt_key smbios_keys[] = {
    { "type",                KEY_NUMBER }, { "file", KEY_STRING, 0, "FILE" },
    { "vendor",              KEY_STRING }, { "version", KEY_STRING }, { "date", KEY_STRING },
    { "release",             KEY_STRING, 0, "N.N" }, { "uefi", KEY_BOOL },
    { "manufacturer",        KEY_STRING }, { "product", KEY_STRING }, { "serial", KEY_STRING },
    { "uuid",                KEY_UUID }, { "sku", KEY_STRING }, { "family", KEY_STRING },
    { "asset",               KEY_STRING }, { "location", KEY_STRING },
    { "sock_pfx",            KEY_STRING }, { "part", KEY_STRING }, { "max-speed", KEY_NUMBER },
    { "current-speed",       KEY_NUMBER }, { "processor-id", KEY_NUMBER },
    { "internal_reference",  KEY_STRING }, { "external_reference", KEY_STRING },
    { "connector_type",      KEY_NUMBER }, { "port_type", KEY_NUMBER },
    { "value",               KEY_STRING, LIST }, { "path", KEY_STRING, LIST, "FILE" },
    { "loc_pfx",             KEY_STRING }, { "bank", KEY_STRING }, { "speed", KEY_NUMBER },
    { "designation",         KEY_STRING }, { "kind", KEY_STRING }, { "instance", KEY_NUMBER },
    { "pcidev",              KEY_STRING, 0, "ID" },
};

static const struct opt_key acpi_keys[] = {
    { "sig",             KEY_STRING }, { "rev", KEY_NUMBER }, { "oem_id", KEY_STRING },
    { "oem_table_id",    KEY_STRING }, { "oem_rev", KEY_NUMBER },
    { "asl_compiler_id", KEY_STRING }, { "asl_compiler_rev", KEY_NUMBER },
    { "file",            KEY_STRING, 0, "FILE[:FILE]" }, { "data", KEY_STRING, 0, "FILE[:FILE]" },
};

static const struct opt_key option_rom_keys[] = {
    { "romfile",   KEY_STRING, 0, "FILE" },
    { "bootindex", KEY_NUMBER },
};

static const struct opt_key chardev_keys[] = {
    { "backend",   KEY_NAME,   0, "",
      "socket|udp|msmouse|vc|braille|spicevmc|spiceport|dbus|mux|testdev|wctablet|qemu-vdagent|"
      "hub" },
    { "mux",       KEY_BOOL },               { "logfile",   KEY_STRING, 0, "FILE" },
    { "logappend", KEY_BOOL },               { "path",      KEY_STRING, 0, "PATH" },
    { "append",    KEY_BOOL },               { "input-path", KEY_STRING, 0, "PATH" },
    { "signal",    KEY_BOOL },               { "host",      KEY_STRING, 0, "HOST" },
    { "port",      KEY_STRING, 0, "PORT" },  { "fd",        KEY_STRING, 0, "FD" },
    { "to",        KEY_NUMBER },             { "ipv4",      KEY_BOOL },
    { "ipv6",      KEY_BOOL },               { "nodelay",   KEY_BOOL },
    { "delay",     KEY_BOOL },               { "server",    KEY_BOOL },
    { "wait",      KEY_BOOL },               { "telnet",    KEY_BOOL },
    { "tn3270",    KEY_BOOL },               { "websocket", KEY_BOOL },
    { "reconnect", KEY_NUMBER },             { "tls-creds", KEY_STRING, 0, "ID" },
    { "tls-authz", KEY_STRING, 0, "ID" },    { "localaddr", KEY_STRING, 0, "HOST" },
    { "localport", KEY_STRING, 0, "PORT" },  { "abstract",  KEY_BOOL },
    { "tight",     KEY_BOOL },               { "width",     KEY_NUMBER },
    { "height",    KEY_NUMBER },             { "cols",      KEY_NUMBER },
    { "rows",      KEY_NUMBER },             { "size",      KEY_SIZE },
    { "name",      KEY_STRING, 0, "NAME" },  { "debug",     KEY_NUMBER },
    { "chardev",   KEY_STRING, 0, "ID" },    { "mouse",     KEY_BOOL },
    { "clipboard", KEY_BOOL },               { "encoding",  KEY_STRING, 0, "utf8|cp437" },
};

static const struct opt_key serial_keys[]   = { { "dev", KEY_DEV } };
static const struct opt_key mon_keys[] = {
    { "chardev", KEY_STRING, 0, "ID" },
    { "mode",    KEY_ENUM, 0, "readline|control" },
    { "pretty",  KEY_BOOL },
};

static const struct opt_key drive_keys[] = {
    { "file",     KEY_STRING, 0, "FILE" },
    { "if",       KEY_ENUM, 0, "none|ide|scsi|floppy|pflash|virtio|mtd|sd|xen" },
    { "bus",      KEY_NUMBER }, { "unit", KEY_NUMBER }, { "index", KEY_NUMBER },
    { "media",    KEY_ENUM, 0, "disk|cdrom" },
    { "cache",    KEY_ENUM, 0, "none|writeback|writethrough|directsync|unsafe|off" },
    { "format",   KEY_STRING, 0, "FORMAT" },
    { "aio",      KEY_ENUM, 0, "threads|native|io_uring" },
    { "snapshot", KEY_BOOL }, { "readonly", KEY_BOOL }, { "read-only", KEY_BOOL },
    { "rerror",   KEY_ENUM, 0, "report|ignore|stop" },
    { "werror",   KEY_ENUM, 0, "report|ignore|stop|enospc" },
    { "discard",  KEY_ENUM, 0, "ignore|off|unmap|on" },
    { "detect-zeroes", KEY_ENUM, 0, "on|off|unmap" },
    { "copy-on-read", KEY_BOOL }, { "serial", KEY_STRING }, { "addr", KEY_STRING },
    { "boot",     KEY_BOOL }, { "cyls", KEY_NUMBER }, { "heads", KEY_NUMBER },
    { "secs",     KEY_NUMBER }, { "trans", KEY_ENUM, 0, "none|lba|auto" },
    { "bps",      KEY_SIZE }, { "bps_rd", KEY_SIZE }, { "bps_wr", KEY_SIZE },
    { "iops",     KEY_NUMBER }, { "iops_rd", KEY_NUMBER }, { "iops_wr", KEY_NUMBER },
    { "bps_max",  KEY_SIZE }, { "bps_rd_max", KEY_SIZE }, { "bps_wr_max", KEY_SIZE },
    { "iops_max", KEY_NUMBER }, { "iops_rd_max", KEY_NUMBER }, { "iops_wr_max", KEY_NUMBER },
    { "iops_size", KEY_NUMBER }, { "group", KEY_STRING, 0, "NAME" },
};

static const struct opt_key blockdev_keys[] = {
    { "driver",         KEY_STRING, 0, "DRIVER" }, { "node-name", KEY_STRING, 0, "NAME" },
    { "discard",        KEY_ENUM, 0, "ignore|unmap|off|on" },
    { "cache.direct",   KEY_BOOL }, { "cache.no-flush", KEY_BOOL }, { "read-only", KEY_BOOL },
    { "auto-read-only", KEY_BOOL }, { "force-share", KEY_BOOL },
    { "detect-zeroes",  KEY_ENUM, 0, "on|off|unmap" },
};

static const struct opt_key iscsi_keys[] = {
    { "user", KEY_STRING }, { "password", KEY_STRING }, { "password-secret", KEY_STRING, 0, "ID" },
    { "header-digest",  KEY_ENUM, 0, "CRC32C|CR32C-NONE|CRC32C-NONE|NONE-CRC32C|NONE" },
    { "initiator-name", KEY_STRING, 0, "IQN" }, { "timeout", KEY_NUMBER },
};

#define FS_THROTTLE                                                                               \
    { "throttling.bps-total", KEY_SIZE }, { "throttling.bps-read", KEY_SIZE },                    \
    { "throttling.bps-write", KEY_SIZE }, { "throttling.iops-total", KEY_NUMBER },                \
    { "throttling.iops-read", KEY_NUMBER }, { "throttling.iops-write", KEY_NUMBER },              \
    { "throttling.bps-total-max", KEY_SIZE }, { "throttling.bps-read-max", KEY_SIZE },            \
    { "throttling.bps-write-max", KEY_SIZE }, { "throttling.iops-total-max", KEY_NUMBER },        \
    { "throttling.iops-read-max", KEY_NUMBER }, { "throttling.iops-write-max", KEY_NUMBER },      \
    { "throttling.bps-total-max-length", KEY_NUMBER },                                            \
    { "throttling.bps-read-max-length", KEY_NUMBER },                                             \
    { "throttling.bps-write-max-length", KEY_NUMBER },                                            \
    { "throttling.iops-total-max-length", KEY_NUMBER },                                           \
    { "throttling.iops-read-max-length", KEY_NUMBER },                                            \
    { "throttling.iops-write-max-length", KEY_NUMBER }, { "throttling.iops-size", KEY_NUMBER }

#define FS_COMMON                                                                                 \
    { "fsdriver",       KEY_ENUM, 0, "local|proxy|synth|handle" },                                \
    { "path",           KEY_STRING, 0, "DIR" },                                                   \
    { "security_model", KEY_ENUM, 0, "none|passthrough|mapped|mapped-xattr|mapped-file" },        \
    { "writeout",       KEY_ENUM, 0, "immediate" }, { "readonly", KEY_BOOL },                     \
    { "socket",         KEY_STRING, 0, "PATH" }, { "sock_fd", KEY_NUMBER },                       \
    { "fmode",          KEY_NUMBER }, { "dmode", KEY_NUMBER },                                    \
    { "multidevs",      KEY_ENUM, 0, "remap|forbid|warn" }

static const struct opt_key fsdev_keys[]  = { FS_COMMON, FS_THROTTLE };
static const struct opt_key virtfs_keys[] = { FS_COMMON, { "mount_tag", KEY_STRING, 0, "TAG" } };

#define NET_COMMON                                                                                \
    { "ifname",      KEY_STRING, 0, "NAME" }, { "script", KEY_STRING, 0, "FILE" },                \
    { "downscript",  KEY_STRING, 0, "FILE" }, { "br", KEY_STRING, 0, "BRIDGE" },                  \
    { "helper",      KEY_STRING, 0, "FILE" }, { "fd", KEY_STRING, 0, "FD" },                      \
    { "vhost",       KEY_BOOL }, { "queues", KEY_NUMBER }, { "restrict", KEY_BOOL },              \
    { "net",         KEY_STRING, 0, "ADDR[/MASK]" }, { "host", KEY_STRING, 0, "ADDR" },           \
    { "dns",         KEY_STRING, 0, "ADDR" }, { "dhcpstart", KEY_STRING, 0, "ADDR" },             \
    { "hostname",    KEY_STRING, 0, "NAME" }, { "tftp", KEY_STRING, 0, "DIR" },                   \
    { "bootfile",    KEY_STRING, 0, "FILE" }, { "smb", KEY_STRING, 0, "DIR" },                    \
    { "hostfwd",     KEY_STRING, LIST, "RULE" }, { "guestfwd", KEY_STRING, LIST, "RULE" },        \
    { "dnssearch",   KEY_STRING, LIST, "DOMAIN" }

#define NET_TYPES "user|tap|bridge|l2tpv3|socket|stream|dgram|vde|vhost-user|vhost-vdpa|hubport|"  \
                  "netmap|dump|channel|nic"

static const struct opt_key netdev_keys[] = {
    { "type", KEY_NAME, 0, NULL, NET_TYPES }, NET_COMMON,
};
static const struct opt_key net_keys[] = {
    { "type", KEY_NAME, 0, "none", NET_TYPES }, { "model", KEY_STRING, 0, "MODEL" },
    { "macaddr", KEY_STRING, 0, "MAC" }, { "name", KEY_STRING, 0, "NAME" },
    { "netdev", KEY_STRING, 0, "ID" }, { "vlan", KEY_NUMBER }, { "vectors", KEY_NUMBER },
    { "file", KEY_STRING, 0, "FILE" }, { "len", KEY_SIZE }, NET_COMMON,
};
static const struct opt_key nic_keys[] = {
    { "type", KEY_NAME, 0, "none", NET_TYPES }, { "model", KEY_STRING, 0, "MODEL" },
    { "mac", KEY_STRING, 0, "MAC" }, { "macaddr", KEY_STRING, 0, "MAC" }, NET_COMMON,
};

static const struct opt_key display_keys[] = {
    { "type",          KEY_NAME,   0, "none",
      "sdl|gtk|vnc|curses|egl-headless|dbus|spice-app|default" },
    { "gl",            KEY_ENUM,   0, NULL, "on|off|core|es" },
    { "full-screen",   KEY_BOOL,   LATER },
    { "show-cursor",   KEY_BOOL,   LATER },
    { "window-close",  KEY_ENUM,   0, NULL, "on|off" },
    { "grab-on-hover", KEY_BOOL,   LATER },
    { "show-tabs",     KEY_BOOL,   LATER },
    { "show-menubar",  KEY_ENUM,   0, NULL, "on|off" },
    { "zoom-to-fit",   KEY_ENUM,   0, NULL, "on|off" },
    { "grab-mod",      KEY_STRING, LATER, "KEYS" },
    { "charset",       KEY_STRING, LATER, "CHARSET" },
    { "rendernode",    KEY_STRING, LATER, "FILE" },
    { "addr",          KEY_STRING, LATER, "ADDR" },
    { "p2p",           KEY_BOOL,   LATER },
    { "audiodev",      KEY_STRING, LATER, "ID" },
    { "frame",         KEY_ENUM,   0, NULL, "on|off" },
    { "alt_grab",      KEY_BOOL,   LATER },
    { "ctrl_grab",     KEY_BOOL,   LATER },
};

static const struct opt_key vnc_keys[] = {
    { "vnc",         KEY_STRING, LATER, "HOST:N|unix:PATH|none" }, { "to", KEY_NUMBER },
    { "password",    KEY_BOOL }, { "password-secret", KEY_STRING, 0, "ID" },
    { "reverse",     KEY_BOOL }, { "websocket", KEY_STRING, 0, "on|PORT" },
    { "share",       KEY_ENUM, 0, "ignore|allow-exclusive|force-shared" },
    { "display",     KEY_STRING, 0, "ID" }, { "head", KEY_NUMBER }, { "connections", KEY_NUMBER },
    { "ipv4",        KEY_BOOL }, { "ipv6", KEY_BOOL }, { "lock-key-sync", KEY_BOOL },
    { "key-delay-ms", KEY_NUMBER }, { "sasl", KEY_BOOL }, { "acl", KEY_BOOL }, { "tls", KEY_BOOL },
    { "x509",        KEY_STRING, 0, "DIR" }, { "x509verify", KEY_STRING, 0, "DIR" },
    { "tls-creds",   KEY_STRING, 0, "ID" }, { "tls-authz", KEY_STRING, 0, "ID" },
    { "sasl-authz",  KEY_STRING, 0, "ID" }, { "lossy", KEY_BOOL }, { "non-adaptive", KEY_BOOL },
    { "audiodev",    KEY_STRING, 0, "ID" }, { "power-control", KEY_BOOL },
};

static const struct opt_key spice_keys[] = {
    { "port", KEY_NUMBER }, { "tls-port", KEY_NUMBER }, { "addr", KEY_STRING, 0, "ADDR" },
    { "ipv4", KEY_BOOL }, { "ipv6", KEY_BOOL }, { "unix", KEY_BOOL },
    { "password", KEY_STRING }, { "password-secret", KEY_STRING, 0, "ID" },
    { "disable-ticketing", KEY_BOOL }, { "disable-copy-paste", KEY_BOOL },
    { "disable-agent-file-xfer", KEY_BOOL }, { "sasl", KEY_BOOL, LATER },
    { "x509-dir", KEY_STRING, 0, "DIR" }, { "x509-key-file", KEY_STRING, 0, "FILE" },
    { "x509-key-password", KEY_STRING }, { "x509-cert-file", KEY_STRING, 0, "FILE" },
    { "x509-cacert-file", KEY_STRING, 0, "FILE" }, { "x509-dh-key-file", KEY_STRING, 0, "FILE" },
    { "tls-ciphers", KEY_STRING }, { "tls-channel", KEY_STRING, LIST, "CHANNEL" },
    { "plaintext-channel", KEY_STRING, LIST, "CHANNEL" },
    { "image-compression", KEY_ENUM, 0, "off", "auto_glz|auto_lz|quic|glz|lz" },
    { "jpeg-wan-compression", KEY_ENUM, 0, "never", "auto|always" },
    { "zlib-glz-wan-compression", KEY_ENUM, 0, "never", "auto|always" },
    { "streaming-video", KEY_ENUM, 0, "off", "all|filter" }, { "agent-mouse", KEY_BOOL, LATER },
    { "playback-compression", KEY_BOOL, LATER }, { "seamless-migration", KEY_BOOL, LATER },
    { "display", KEY_STRING, LATER, "ID" }, { "head", KEY_NUMBER, LATER },
    { "gl", KEY_BOOL, LATER }, { "rendernode", KEY_STRING, LATER, "FILE" },
};

static const struct opt_key audiodev_keys[] = {
    { "driver", KEY_NAME, 0, "none", "alsa|oss|pa|pipewire|jack|sdl|sndio|spice|dbus|wav" },
    { "timer-period", KEY_NUMBER },
};
static const struct opt_key audio_keys[] = {
    { "driver", KEY_NAME, 0, "none", "alsa|oss|pa|pipewire|jack|sdl|sndio|spice|dbus|wav" },
    { "model", KEY_STRING, 0, "MODEL" },
};

static const struct opt_key tpmdev_keys[] = {
    { "type", KEY_NAME, 0, NULL, "passthrough|emulator" }, { "chardev", KEY_STRING, 0, "ID" },
    { "path", KEY_STRING, 0, "PATH" }, { "cancel-path", KEY_STRING, 0, "PATH" },
};

static const struct opt_key add_fd_keys[] = {
    { "fd", KEY_NUMBER }, { "set", KEY_NUMBER }, { "opaque", KEY_STRING, 0, "TEXT" },
};
static const struct opt_key overcommit_keys[] = {
    { "mem-lock", KEY_BOOL }, { "cpu-pm", KEY_BOOL }, { "mlock", KEY_STRING, ALIAS, "mem-lock" },
};
static const struct opt_key msg_keys[] = {
    { "timestamp", KEY_BOOL }, { "guest-name", KEY_BOOL, LATER },
};
static const struct opt_key sandbox_keys[] = {
    { "enable", KEY_BOOL }, { "obsolete", KEY_ENUM, 0, "allow|deny" },
    { "elevateprivileges", KEY_ENUM, 0, "allow|deny|children" },
    { "spawn", KEY_ENUM, 0, "allow|deny" }, { "resourcecontrol", KEY_ENUM, 0, "allow|deny" },
};
static const struct opt_key icount_keys[] = {
    { "shift", KEY_STRING, 0, "N|auto" }, { "align", KEY_BOOL }, { "sleep", KEY_BOOL },
    { "rr", KEY_ENUM, LATER, "record|replay" }, { "rrfile", KEY_STRING, LATER, "FILE" },
    { "rrsnapshot", KEY_STRING, LATER, "TAG" },
};
static const struct opt_key trace_keys[] = {
    { "enable", KEY_STRING, LIST, "PATTERN" }, { "events", KEY_STRING, 0, "FILE" },
    { "event", KEY_STRING, ALIAS, "events" }, { "file", KEY_STRING, 0, "FILE" },
    { "backend", KEY_ENUM, 0, "log|simple|ftrace" },
};
static const struct opt_key compat_keys[] = {
    { "deprecated-input",  KEY_ENUM, 0, "accept|reject|crash" },
    { "deprecated-output", KEY_ENUM, 0, "accept|hide" },
    { "unstable-input",    KEY_ENUM, 0, "accept|reject|crash" },
    { "unstable-output",   KEY_ENUM, 0, "accept|hide" },
};
static const struct opt_key run_with_keys[] = {
    { "async-teardown", KEY_BOOL, LATER }, { "chroot", KEY_STRING, 0, "DIR" },
    { "user", KEY_STRING, 0, "NAME|UID:GID" }, { "exit-with-parent", KEY_BOOL },
};
static const struct opt_key plugin_keys[] = { { "file", KEY_STRING, 0, "FILE" } };

static const struct opt_key vga_keys[] = {
    { "type", KEY_ENUM, 0, "none", "std|cirrus|vmware|qxl|virtio|xenfb|tcx|cg3" },
};
static const struct opt_key soundhw_keys[] = { { "names", KEY_STRING, 0, "CARD[,CARD]|all" } };
static const struct opt_key watchdog_keys[] = { { "model", KEY_ENUM, 0, "ib700|i6300esb" } };
static const struct opt_key balloon_keys[] = {
    { "type", KEY_ENUM, 0, "none", "virtio" }, { "addr", KEY_STRING }, { "id", KEY_STRING },
};
static const struct opt_key uuid_keys[] = { { "uuid", KEY_UUID } };
static const struct opt_key file_keys[] = { { "file", KEY_STRING, 0, "FILE" } };
static const struct opt_key path_keys[] = { { "path", KEY_STRING, 0, "PATH" } };
static const struct opt_key dir_keys[]  = { { "path", KEY_STRING, 0, "DIR" } };
static const struct opt_key name1_keys[] = { { "name", KEY_STRING, 0, "NAME" } };
static const struct opt_key text_keys[] = { { "value", KEY_STRING, 0, "VALUE" } };
static const struct opt_key number_keys[] = { { "value", KEY_NUMBER } };

#define PARAM(k) .keys = k, .n_keys = N_OF(k)

const struct opt_group groups[] = {
    { "machine",       MERGE | FREE | IMPLIED | HELP,                PARAM(machine_keys) },
    { "accel",         FREE | IMPLIED | NEED | HELP,                 PARAM(accel_keys) },
    { "cpu",           MERGE | IMPLIED | NEED | HELP,                PARAM(cpu_keys) },
    { "smp-opts",      MERGE | IMPLIED,                              PARAM(smp_keys) },
    { "memory",        MERGE | IMPLIED,                              PARAM(memory_keys) },
    { "mem-path",      MERGE,                                        PARAM(path_keys) },
    { "mem-prealloc",  MERGE },
    { "numa",          IMPLIED | NEED | LATER,                       PARAM(numa_keys) },
    { "name",          MERGE | IMPLIED,                              PARAM(name_keys) },
    { "uuid",          MERGE,                                        PARAM(uuid_keys) },
    { "rtc",           MERGE,                                        PARAM(rtc_keys) },
    { "boot-opts",     MERGE | IMPLIED,                              PARAM(boot_keys) },
    { "action",        MERGE,                                        PARAM(action_keys) },
    { "global",        NEED,                                         PARAM(global_keys) },
    { "device",        FREE | IDS | IMPLIED | NEED | HELP,           PARAM(device_keys) },
    { "object",        FREE | IDS | NEED_ID | IMPLIED | NEED | HELP, PARAM(object_keys) },
    { "fw_cfg",        IMPLIED | NEED,                               PARAM(fw_cfg_keys) },
    { "smbios",        0,                                            PARAM(smbios_keys) },
    { "acpi",          0,                                            PARAM(acpi_keys) },
    { "option-rom",    IMPLIED | NEED,                               PARAM(option_rom_keys) },
    { "L",             HELP,                                         PARAM(dir_keys) },

    { "chardev",       FREE | IDS | NEED_ID | IMPLIED | NEED | HELP, PARAM(chardev_keys) },
    { "serial",        NEED,                                         PARAM(serial_keys), .max = 4 },
    { "parallel",      NEED,                                         PARAM(serial_keys), .max = 3 },
    { "debugcon",      NEED,                                         PARAM(serial_keys), .max = 1 },
    { "monitor",       NEED,                                         PARAM(serial_keys) },
    { "qmp",           NEED,                                         PARAM(serial_keys) },
    { "qmp-pretty",    NEED,                                         PARAM(serial_keys) },
    { "mon",           IDS | IMPLIED | NEED,                         PARAM(mon_keys) },
    { "gdb",           NEED,                                         PARAM(serial_keys) },
    { "echr",          MERGE,                                        PARAM(number_keys) },

    { "drive",         FREE | IDS | HELP | LATER,                    PARAM(drive_keys) },
    { "blockdev",      FREE | IMPLIED | NEED | LATER,                PARAM(blockdev_keys) },
    { "iscsi",         IDS | LATER,                                  PARAM(iscsi_keys) },
    { "fsdev",         IDS | NEED_ID | IMPLIED | NEED | LATER,       PARAM(fsdev_keys) },
    { "virtfs",        IDS | IMPLIED | NEED | LATER,                 PARAM(virtfs_keys) },
    { "snapshot",      MERGE | LATER },
    { "hdachs",        MERGE | LATER,                                PARAM(text_keys) },
    { "usbdevice",     LATER,                                        PARAM(name1_keys) },

    { "display",       MERGE | FREE | IMPLIED | HELP,                PARAM(display_keys) },
    { "vnc",           IDS | IMPLIED | NEED,                         PARAM(vnc_keys) },
    { "spice",         MERGE,                                        PARAM(spice_keys) },
    { "vga",           MERGE | HELP,                                 PARAM(vga_keys) },
    { "k",             MERGE | LATER,                                PARAM(name1_keys) },
    { "nographic",     MERGE },
    { "portrait",      MERGE | LATER },
    { "rotate",        MERGE | LATER,                                PARAM(number_keys) },
    { "full-screen",   MERGE | LATER },
    { "g",             MERGE | LATER,                                PARAM(text_keys) },

    { "netdev",        FREE | IDS | NEED_ID | IMPLIED | NEED | HELP, PARAM(netdev_keys) },
    { "nic",           FREE | IDS | IMPLIED | NEED | HELP,           PARAM(nic_keys) },
    { "net",           FREE | IDS | IMPLIED | NEED | HELP,           PARAM(net_keys) },
    { "tftp",          MERGE | LATER,                                PARAM(dir_keys) },
    { "bootp",         MERGE | LATER,                                PARAM(file_keys) },
    { "smb",           MERGE | LATER,                                PARAM(dir_keys) },
    { "redir",         LATER,                                        PARAM(text_keys) },

    { "audiodev",      FREE | IDS | NEED_ID | IMPLIED | NEED | HELP, PARAM(audiodev_keys) },
    { "audio",         FREE | IDS | MERGE | IMPLIED | HELP,          PARAM(audio_keys) },
    { "audio-help",    MERGE | LATER },
    { "soundhw",       HELP | LATER,                                 PARAM(soundhw_keys) },
    { "watchdog",      MERGE | HELP | LATER,                         PARAM(watchdog_keys) },
    { "balloon",       MERGE | IMPLIED | NEED,                       PARAM(balloon_keys) },
    { "bt",            LATER,                                        PARAM(text_keys) },
    { "tpmdev",        IDS | NEED_ID | IMPLIED | NEED | HELP,        PARAM(tpmdev_keys) },

    { "add-fd",        0,                                            PARAM(add_fd_keys) },
    { "overcommit",    MERGE,                                        PARAM(overcommit_keys) },
    { "msg",           MERGE,                                        PARAM(msg_keys) },
    { "sandbox",       MERGE | IMPLIED,                              PARAM(sandbox_keys) },
    { "run-with",      MERGE,                                        PARAM(run_with_keys) },
    { "icount",        MERGE | IMPLIED,                              PARAM(icount_keys) },
    { "trace",         IMPLIED | HELP,                               PARAM(trace_keys) },
    { "compat",        MERGE | LATER,                                PARAM(compat_keys) },
    { "plugin",        FREE | IMPLIED | NEED | LATER,                PARAM(plugin_keys) },

    { "S",             MERGE },
    { "daemonize",     MERGE },
    { "nodefaults",    MERGE },
    { "no-user-config", MERGE },
    { "nodefconfig",   MERGE },
    { "pidfile",       MERGE,                                        PARAM(file_keys) },
    { "preconfig",     MERGE },
    { "singlestep",    MERGE },
    { "d",             MERGE | HELP,                                 PARAM(text_keys) },
    { "D",             MERGE,                                        PARAM(file_keys) },
    { "dfilter",       MERGE,                                        PARAM(text_keys) },
    { "seed",          MERGE | LATER,                                PARAM(number_keys) },
    { "trace-unassigned", MERGE },
    { "incoming",      MERGE | LATER,                                PARAM(text_keys) },
    { "loadvm",        MERGE | LATER,                                PARAM(name1_keys) },
    { "only-migratable", MERGE | LATER },
    { "dump-vmstate",  MERGE | LATER,                                PARAM(file_keys) },
    { "chroot",        MERGE,                                        PARAM(dir_keys) },
    { "runas",         MERGE,                                        PARAM(text_keys) },
    { "async-teardown", MERGE | LATER },
    { "enable-sync-profile", MERGE | LATER },
    { "enable-fips",   MERGE | LATER },
    { "xen-domid",     MERGE | LATER,                                PARAM(number_keys) },
    { "xen-attach",    MERGE | LATER },
    { "xen-create",    MERGE | LATER },
    { "xen-domid-restrict", MERGE | LATER },
    { "qtest",         MERGE,                                        PARAM(text_keys) },
    { "qtest-log",     MERGE,                                        PARAM(text_keys) },
    { "perfmap",       MERGE },
    { "jitdump",       MERGE },
    { "prom-env",      LATER,                                        PARAM(text_keys) },
    { "semihosting",   MERGE | LATER },
    { "semihosting-config", MERGE | LATER,                           PARAM(text_keys) },
    { "old-param",     MERGE | LATER },
    { "win2k-hack",    MERGE | LATER },
    { "tb-size",       MERGE | LATER,                                PARAM(number_keys) },
    { "tdf",           MERGE | LATER },
    { "no-kvm-pit",    MERGE | LATER },
    { "clock",         MERGE | LATER,                                PARAM(text_keys) },
};

const unsigned n_groups = N_OF(groups);
// clang-format on
