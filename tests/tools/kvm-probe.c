/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-probe - can the KVM of this host run an ordinary operating system?
 *
 * Some hosts (nested ones above all) offer a /dev/kvm that runs a guest's kernel-mode code in an
 * instruction emulator that knows a part of the instruction set: small guests work, a stock kernel
 * stops at its first SSE instruction. The probe enters 64-bit kernel mode and runs one instruction
 * of each class that every x86-64 processor has and that such an emulator lacks.
 *
 * Prints one line, which the exit status repeats:
 *   0  usable
 *   1  emulates only: stopped at INSTRUCTION
 *   2  none: REASON
 *
 * Control registers, descriptors and page tables: Intel SDM volume 3, chapters 2 to 4. The
 * interface to the kernel: Linux Documentation/virt/kvm/api.rst.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

enum { USABLE, EMULATES, NONE };
enum { PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, CODE = 0x4000, STACK = 0x6000, RAM = 0x8000 };
enum { PORT = 0xf4, SECONDS = 10 };

// clang-format off
static const struct probe {
    const char *name;
    uint8_t     code[4];
    uint8_t     length;
} probes[] = {
    { "nop",              { 0x90 },                   1 },
    { "paddd (SSE2)",     { 0x66, 0x0f, 0xfe, 0xc1 }, 4 },
    { "cvtsi2sd (SSE2)",  { 0xf2, 0x0f, 0x2a, 0xc0 }, 4 },
    { "fld1 (x87)",       { 0xd9, 0xe8 },             2 },
    { "emms (MMX)",       { 0x0f, 0x77 },             2 },
    { "lsl (descriptor)", { 0x0f, 0x03, 0xc3 },       3 },
};
// clang-format on

enum { PROBES = sizeof(probes) / sizeof(probes[0]) };

static _Noreturn void none(const char *what)
{
    printf("none: %s: %s\n", what, strerror(errno));
    exit(NONE);
}

static int need(int result, const char *what)
{
    if (result < 0)
        none(what);
    return result;
}

static void *map(size_t size, int flags, int fd, const char *what)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (at == MAP_FAILED)
        none(what);
    return at;
}

static void put64(uint8_t *ram, unsigned at, uint64_t value)
{
    memcpy(ram + at, &value, sizeof(value));
}

/* The first 2 MiB mapped one to one; each instruction followed by OUT PORT, AL. */
static void fill(uint8_t *ram)
{
    const uint64_t present_writable = 3, large = 0x80;
    uint8_t *code = ram + CODE;

    put64(ram, PML4, PDPT | present_writable);
    put64(ram, PDPT, PD | present_writable);
    put64(ram, PD, 0 | present_writable | large);
    for (const struct probe *p = probes; p < probes + PROBES; p++) {
        memcpy(code, p->code, p->length);
        code += p->length;
        *code++ = 0xe6;
        *code++ = PORT;
    }
}

static void enter_long_mode(int vcpu)
{
    struct kvm_segment code = {
        .limit = ~0u, .selector = 8, .type = 11, .present = 1, .s = 1, .g = 1, .l = 1
    };
    struct kvm_segment data = {
        .limit = ~0u, .selector = 16, .type = 3, .present = 1, .s = 1, .g = 1, .db = 1
    };
    struct kvm_regs regs = { .rip = CODE, .rsp = STACK, .rflags = 2 };
    struct kvm_sregs sregs;

    need(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr0 = 0x80000033; /* PG, NE, ET, MP, PE */
    sregs.cr3 = PML4;
    sregs.cr4 = 0x620;  /* OSXMMEXCPT, OSFXSR, PAE */
    sregs.efer = 0x500; /* LMA, LME */
    need(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    need(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void ignore(int number)
{
}

/* A processor that neither runs nor stops is interrupted, and counted as one that cannot. */
static void limit_time(void)
{
    struct sigaction action = { .sa_handler = ignore };

    sigaction(SIGALRM, &action, NULL);
    alarm(SECONDS);
}

int main(void)
{
    int kvm = need(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    int vm = need(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    uint8_t *ram = map(RAM, MAP_PRIVATE | MAP_ANONYMOUS, -1, "guest memory");
    struct kvm_userspace_memory_region region = { .memory_size = RAM,
                                                  .userspace_addr = (uintptr_t)ram };

    fill(ram);
    need(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
    need(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");

    int vcpu = need(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    int size = need(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    const struct kvm_run *run = map((size_t)size, MAP_SHARED, vcpu, "the processor's page");

    enter_long_mode(vcpu);
    limit_time();
    for (const struct probe *p = probes; p < probes + PROBES; p++) {
        if (ioctl(vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_IO && run->io.port == PORT)
            continue;
        printf("emulates only: stopped at %s\n", p->name);
        return EMULATES;
    }
    puts("usable");
    return USABLE;
}
