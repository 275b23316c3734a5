/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm - the accelerator that runs a guest's processors on the host's, through Linux's KVM: opening
 * it, and what it can do.
 */

#include "cpu/kvm.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpu/accel.h"
#include "cpu/accel-plugin.h"
#include "cpu/model.h"
#include "machine/machine.h"
#include "options/options.h"
#include "report.h"

#define DEVICE "/dev/kvm"

/* What KVM on Intel processors needs for itself lies in the hole below the BIOS: a page for real
 * mode's page tables, and three for a task state segment. */
#define IDENTITY_MAP UINT64_C(0xfeffc000)
#define TSS          UINT64_C(0xfeffd000)

int kvm_ioctl(int fd, unsigned long request, void *arg)
{
    int ret;

    do
        ret = ioctl(fd, request, arg);
    while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : ret;
}

int kvm_has(const struct kvm *kvm, int capability)
{
    int ret = ioctl(kvm->vm, KVM_CHECK_EXTENSION, capability);

    return ret < 0 ? 0 : ret;
}

/* ---- Opening ---- */

static const char *module_name(void)
{
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) && c & 1u << 5)
        return "kvm_intel";
    if (__get_cpuid(0x80000001, &a, &b, &c, &d) && c & 1u << 2)
        return "kvm_amd";
    return NULL;
}

static void say_missing(const char *path, const char *where)
{
    const char *module = module_name();

    if (module)
        report(where, "%s is not there: load its module (sudo modprobe %s)", path, module);
    else
        report(
            where,
            "%s is not there: this host's processor offers no virtualization (VT-x or AMD-V), or "
            "its firmware has it turned off",
            path);
}

static void say_no_rights(const char *path, const char *where)
{
    struct stat st;
    const struct group *group = NULL;

    if (!stat(path, &st) && (st.st_mode & 060) == 060 && st.st_gid)
        group = getgrgid(st.st_gid);
    if (group)
        report(where,
               "no rights on %s: it is for group %s (sudo usermod -aG %s $USER, then log in again)",
               path, group->gr_name, group->gr_name);
    else
        report(where, "no rights on %s: only its owner may use it (sudo chmod 666 %s)", path, path);
}

static int open_failed(int err, const char *path, const char *where)
{
    switch (err) {
    case ENOENT:
    case ENXIO:
    case ENODEV: say_missing(path, where); break;
    case EACCES:
    case EPERM: say_no_rights(path, where); break;
    default: report(where, "cannot open %s: %s", path, strerror(err));
    }
    return -err;
}

int kvm_open_device(const char *path, const char *where, bool quiet)
{
    int fd = open(path, O_RDWR | O_CLOEXEC), version;

    if (fd < 0)
        return quiet ? -errno : open_failed(errno, path, where);
    version = kvm_ioctl(fd, KVM_GET_API_VERSION, NULL);
    if (version == KVM_API_VERSION)
        return fd;
    close(fd);
    if (!quiet && version < 0)
        report(where, "%s is not KVM: %s", path, strerror(-version));
    else if (!quiet)
        report(where, "%s speaks version %d of KVM's interface, not %d", path, version,
               KVM_API_VERSION);
    return -ENOTSUP;
}

static int make_vm(struct kvm *kvm, const char *where, bool quiet)
{
    kvm->vm = kvm_ioctl(kvm->dev, KVM_CREATE_VM, NULL);
    if (kvm->vm >= 0)
        return 0;
    if (!quiet && kvm->vm == -EBUSY)
        report(where, "the processor's virtualization is in use by another hypervisor (VirtualBox, "
                      "VMware?); end it first");
    else if (!quiet)
        report(where, "KVM does not make a virtual machine: %s", strerror(-kvm->vm));
    return kvm->vm;
}

// clang-format off
static const struct {
    int capability;
    const char *name;
} needed[] = {
    { KVM_CAP_USER_MEMORY,    "user memory" },
    { KVM_CAP_SET_TSS_ADDR,   "TSS address" },
    { KVM_CAP_EXT_CPUID,      "CPUID" },
    { KVM_CAP_MP_STATE,       "processor states" },
    { KVM_CAP_IRQCHIP,        "interrupt controllers" },
    { KVM_CAP_IRQ_ROUTING,    "interrupt routing" },
    { KVM_CAP_PIT2,           "8254 timer" },
    { KVM_CAP_IRQFD,          "irqfd" },
    { KVM_CAP_IOEVENTFD,      "ioeventfd" },
    { KVM_CAP_READONLY_MEM,   "read-only memory" },
    { KVM_CAP_SIGNAL_MSI,     "message-signalled interrupts" },
    { KVM_CAP_IMMEDIATE_EXIT, "immediate exit" },
};
// clang-format on

static int check_needs(const struct kvm *kvm, const char *where, bool quiet)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (kvm_has(kvm, needed[i].capability))
            continue;
        if (!quiet)
            report(where, "this host's KVM has no %s; Linux 4.13 or later does", needed[i].name);
        return -ENOTSUP;
    }
    return 0;
}

static int check_split(const struct kvm *kvm, enum irqchip irqchip, const char *where, bool quiet)
{
    if (irqchip != IRQCHIP_SPLIT || kvm_has(kvm, KVM_CAP_SPLIT_IRQCHIP))
        return 0;
    if (!quiet)
        report(where, "kernel-irqchip=split: this host's KVM has none; Linux 4.4 or later does");
    return -ENOTSUP;
}

static int check_cpus(const struct kvm *kvm, const char *where, bool quiet)
{
    unsigned max = kvm_has(kvm, KVM_CAP_MAX_VCPUS);

    if (!max)
        max = kvm_has(kvm, KVM_CAP_NR_VCPUS);
    if (kvm->machine->info.max_cpus <= max)
        return 0;
    if (!quiet)
        report(where, "KVM on this host runs at most %u processors", max);
    return -EINVAL;
}

static void read_sizes(struct kvm *kvm)
{
    struct kvm_msr_list none = { 0 };
    int bytes = kvm_has(kvm, KVM_CAP_XSAVE2);

    kvm->run_bytes = ioctl(kvm->dev, KVM_GET_VCPU_MMAP_SIZE, NULL);
    kvm->xsave_bytes = MAX(bytes, (int)sizeof(struct kvm_xsave));
    kvm->max_slots = kvm_has(kvm, KVM_CAP_NR_MEMSLOTS) - 1; /* one is kvm-serve.c's */
    kvm_ioctl(kvm->dev, KVM_GET_MSR_INDEX_LIST, &none);
    kvm->msrs = g_malloc0(sizeof(none) + none.nmsrs * sizeof(none.indices[0]));
    kvm->msrs->nmsrs = none.nmsrs;
    if (kvm_ioctl(kvm->dev, KVM_GET_MSR_INDEX_LIST, kvm->msrs) < 0)
        kvm->msrs->nmsrs = 0;
}

/* -overcommit cpu-pm=on: the guest's HLT and PAUSE stay in the guest. */
static int disable_exits(struct kvm *kvm)
{
    const struct config_group *group = config_find(kvm->machine->config, "overcommit", NULL);
    struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS };
    bool on = false;

    if (group_bool(group, "cpu-pm", &on) < 0)
        return -EINVAL;
    if (!on)
        return 0;
    cap.args[0] = kvm_has(kvm, KVM_CAP_X86_DISABLE_EXITS);
    if (!cap.args[0] || kvm_ioctl(kvm->vm, KVM_ENABLE_CAP, &cap) < 0)
        report_warning(group->from, "this host's KVM cannot leave cpu-pm to the guest");
    return 0;
}

/* Unless -accel kvm,fallback=off: what KVM cannot emulate in user code comes to us, too, instead of
 * #UD. */
static int choose_fallback(struct kvm *kvm, const struct config_group *options)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 } };

    kvm->fallback = true;
    if (group_bool(options, "fallback", &kvm->fallback) < 0)
        return -EINVAL;
    if (kvm->fallback && kvm_has(kvm, cap.cap))
        kvm_ioctl(kvm->vm, KVM_ENABLE_CAP, &cap);
    return 0;
}

static int try_open(struct kvm *kvm, enum irqchip irqchip, const struct config_group *options,
                    bool quiet)
{
    const char *where = options ? group_from(options, "accel") : NULL;
    int err;

    if (irqchip == IRQCHIP_OFF) {
        if (!quiet)
            report(where,
                   "kernel-irqchip=off: not under KVM; split leaves it the local APICs alone");
        return -ENOTSUP;
    }
    kvm->dev = kvm_open_device(DEVICE, where, quiet);
    if (kvm->dev < 0)
        return kvm->dev;
    err = make_vm(kvm, where, quiet);
    if (!err)
        err = check_needs(kvm, where, quiet);
    if (!err)
        err = check_split(kvm, irqchip, where, quiet);
    if (!err)
        err = check_cpus(kvm, where, quiet);
    if (!err)
        read_sizes(kvm);
    return err;
}

static void close_kvm(struct accel *accel)
{
    struct kvm *kvm = accel->state;

    timer_finish(&kvm->watch);
    kvm_assist_close(kvm);
    kvm_slots_finish(kvm);
    if (kvm->vm >= 0)
        close(kvm->vm);
    if (kvm->dev >= 0)
        close(kvm->dev);
    pthread_cond_destroy(&kvm->changed);
    pthread_mutex_destroy(&kvm->lock);
    g_free(kvm->msrs);
    g_free(kvm);
}

static int open_kvm(struct accel *accel, struct machine *m, const struct config_group *options,
                    bool quiet)
{
    struct kvm *kvm = g_new0(struct kvm, 1);
    int err;

    kvm->machine = m;
    kvm->dev = kvm->vm = -1;
    pthread_mutex_init(&kvm->lock, NULL);
    pthread_cond_init(&kvm->changed, NULL);
    kvm_slots_init(kvm);
    accel->state = kvm;
    err = try_open(kvm, accel->irqchip, options, quiet);
    if (!err)
        err = disable_exits(kvm);
    if (!err)
        err = choose_fallback(kvm, options);
    if (err)
        close_kvm(accel);
    return err;
}

/* ---- The board ---- */

static int place_pages(struct kvm *kvm)
{
    uint64_t identity = IDENTITY_MAP;
    int err = 0;

    if (kvm_has(kvm, KVM_CAP_SET_IDENTITY_MAP_ADDR))
        err = kvm_ioctl(kvm->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    if (!err)
        err = kvm_ioctl(kvm->vm, KVM_SET_TSS_ADDR, (void *)TSS);
    if (err)
        report(NULL, "KVM does not take its pages below the BIOS: %s", strerror(-err));
    return err;
}

static int board(struct accel *accel)
{
    struct kvm *kvm = accel->state;
    int err = place_pages(kvm);

    if (!err)
        err = kvm_chips_create(kvm);
    if (!err)
        kvm_slots_listen(kvm);
    return err;
}

/* ---- CPUID ---- */

_Static_assert(sizeof(struct cpuid_entry) == sizeof(struct kvm_cpuid_entry2),
               "struct cpuid_entry is laid out as KVM's");

/* The kernel does not say how many entries there will be. */
static struct kvm_cpuid2 *supported_cpuid(struct kvm *kvm)
{
    for (unsigned n = 64; n <= 4096; n *= 2) {
        struct kvm_cpuid2 *list = g_malloc0(sizeof(*list) + n * sizeof(list->entries[0]));

        list->nent = n;
        if (!kvm_ioctl(kvm->dev, KVM_GET_SUPPORTED_CPUID, list))
            return list;
        g_free(list);
    }
    return NULL;
}

static int cpuid(struct accel *accel, struct cpuid_entry **entries, unsigned *n)
{
    struct kvm *kvm = accel->state;
    struct kvm_cpuid2 *list = supported_cpuid(kvm);

    if (!list) {
        report(NULL, "KVM does not say what CPUID a guest can have");
        return -EIO;
    }
    *n = list->nent;
    *entries = g_memdup2(list->entries, *n * sizeof(**entries));
    g_free(list);
    /* The TSC deadline depends on who makes the local APIC, so it is asked for apart. */
    for (unsigned i = 0; i < *n; i++)
        if ((*entries)[i].leaf == 1 && kvm_has(kvm, KVM_CAP_TSC_DEADLINE_TIMER))
            (*entries)[i].ecx |= 1u << 24;
    return 0;
}

static bool feature_msr(void *accel, uint32_t index, uint64_t *value)
{
    struct kvm *kvm = ((struct accel *)accel)->state;
    union {
        struct kvm_msrs list;
        char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
    } u = { .list.nmsrs = 1 };

    u.list.entries[0].index = index;
    if (!kvm_has(kvm, KVM_CAP_GET_MSR_FEATURES) || kvm_ioctl(kvm->dev, KVM_GET_MSRS, &u) != 1)
        return false;
    *value = u.list.entries[0].data;
    return true;
}

const struct accel_ops accel_kvm = {
    .name = "kvm",
    .irqchip = true,
    .open = open_kvm,
    .close = close_kvm,
    .board = board,
    .cpuid = cpuid,
    .msr = feature_msr,
    .vcpu_create = kvm_vcpu_create,
    .vcpu_destroy = kvm_vcpu_destroy,
    .vcpu_run = kvm_vcpu_run,
    .vcpu_kick = kvm_vcpu_kick,
    .vcpu_reset = kvm_state_reset,
    .vcpu_get = kvm_vcpu_get,
    .vcpu_set = kvm_vcpu_set,
    .vcpu_notes = kvm_assist_notes,
    .int3 = true,
    .debug = kvm_debug,
    .vcpu_step = kvm_vcpu_step,
    .vcpu_nmi = kvm_vcpu_nmi,
    .vcpu_lapic = kvm_vcpu_lapic,
    .chips_describe = kvm_chips_describe,
    .chips_reset = kvm_chips_reset,
    .gsi = kvm_gsi,
    .irqfd = kvm_irqfd,
    .doorbells = true,
    .msi = kvm_msi,
    .intr = kvm_intr,
    .route = kvm_route,
    .dirty_sync = kvm_dirty_sync,
    .time = kvm_time,
};
