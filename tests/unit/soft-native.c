/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-native - the host's processor beside the software one, for tests that compare them.
 *
 * Instructions run from an executable page; a signal ends one that faults.
 */
#include "soft-native.h"

#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include <glib.h>

static sigjmp_buf native_out;
static const int signals[] = { SIGFPE, SIGILL, SIGSEGV };

static void native_signal(int number)
{
    siglongjmp(native_out, number);
}

static uint8_t *pages(unsigned n, int protection)
{
    void *p = mmap(NULL, n * 0x1000, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(p != MAP_FAILED);
    return p;
}

void native_create(struct native *n)
{
    struct sigaction action = { .sa_handler = native_signal, .sa_flags = SA_NODEFER };

    n->code = pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
    n->data = pages(3, PROT_READ | PROT_WRITE);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
}

void native_destroy(struct native *n)
{
    munmap(n->code, 0x1000);
    munmap(n->data, 0x3000);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        signal(signals[i], SIG_DFL);
}

/* in -> registers, RDI = data, EDX:EAX = ax, the code, -> out.  Returns the flags; *rax gets RAX.
 */
uint64_t native_call(const struct fx *in, struct fx *out, void *code, void *data, uint64_t flags,
                     uint64_t *rax);
__asm__(".text\n"
        "native_call:\n"
        "push %rbx; push %rbp; push %r12; push %r13\n"
        "mov %rsi, %rbx; mov %rdx, %rbp; mov %r9, %r12\n"
        "fxrstor64 (%rdi)\n"
        "mov %rcx, %rdi; mov (%r9), %rax; xor %edx, %edx\n"
        "push %r8; popfq\n"
        "call *%rbp\n"
        "pushfq; mov %rax, (%r12); pop %rax\n"
        "fxsave64 (%rbx)\n"
        "fninit; movl $0x1f80, -8(%rsp); ldmxcsr -8(%rsp)\n"
        "pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

int native_run(struct native *n, const uint8_t *bytes, unsigned count, const struct fx *in,
               struct fx *out, uint64_t *flags, uint64_t *rax)
{
    switch (sigsetjmp(native_out, 0)) {
    case 0: break;
    case SIGFPE: return 16;
    case SIGILL: return 6;
    default: return 13;
    }
    memcpy(n->code, bytes, count);
    n->code[count] = 0xc3;
    *flags = native_call(in, out, n->code, n->data, *flags, rax);
    return -1;
}

void native_leave_flags(unsigned flags)
{
    struct {
        uint32_t control, status, rest[5];
    } env;

    __asm__ volatile("fnstenv %0" : "=m"(env));
    env.control |= 0x3f;
    env.status = (env.status & ~0x3f) | (flags & 0x3f);
    __asm__ volatile("fldenv %0" : : "m"(env));
}

bool native_keeps_pointers(void)
{
    unsigned a, b, c, d;

    __cpuid(0, a, b, c, d);
    return b == signature_INTEL_ebx;
}

struct tenon_cpuid *native_cpuid(uint32_t *count)
{
    static const uint32_t wanted[][2] = { { 1, 0 },  { 7, 0 },  { 7, 1 },  { 13, 0 }, { 13, 1 },
                                          { 13, 2 }, { 13, 5 }, { 13, 6 }, { 13, 7 }, { 13, 9 } };
    struct tenon_cpuid *all = g_new0(struct tenon_cpuid, G_N_ELEMENTS(wanted));

    for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
        struct tenon_cpuid *c = &all[i];

        c->leaf = wanted[i][0];
        c->subleaf = wanted[i][1];
        c->indexed = c->leaf != 1;
        __cpuid_count(c->leaf, c->subleaf, c->eax, c->ebx, c->ecx, c->edx);
    }
    *count = G_N_ELEMENTS(wanted);
    return all;
}
