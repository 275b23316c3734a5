/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-native-evex - instructions of AVX-512 executed by the host's processor.
 *
 * A signal ends the instruction: the code goes on with a RET, so that all it has changed is seen.
 */
#include "soft-native-evex.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <glib.h>

enum { RETURN = 0x800, INT3 = 0xcc }; /* a RET in the page of native code, and what else is there */
enum { LONGEST = 15 };

struct native_evex native;

/* native_evex() knows where they are. */
_Static_assert(offsetof(struct state, r) == 2112 && offsetof(struct state, mxcsr) == 2248, "");

void native_evex(struct state *s, void *code);
/* All registers but RSP from s, the code, and back. */
__asm__(".text\n"
        "native_evex:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "push %rdi; push %rsi\n"
        ".irp n, "
        "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "vmovdqu64 \\n*64(%rdi), %zmm\\n\n"
        ".endr\n"
        ".irp n, 0,1,2,3,4,5,6,7\n"
        "kmovq 2048+\\n*8(%rdi), %k\\n\n"
        ".endr\n"
        "ldmxcsr 2248(%rdi)\n"
        "mov 2112(%rdi), %rax; mov 2120(%rdi), %rcx; mov 2128(%rdi), %rdx; mov 2136(%rdi), %rbx\n"
        "mov 2152(%rdi), %rbp; mov 2160(%rdi), %rsi; mov 2176(%rdi), %r8; mov 2184(%rdi), %r9\n"
        "mov 2192(%rdi), %r10; mov 2200(%rdi), %r11; mov 2208(%rdi), %r12; mov 2216(%rdi), %r13\n"
        "mov 2224(%rdi), %r14; mov 2232(%rdi), %r15; push 2240(%rdi); mov 2168(%rdi), %rdi\n"
        "popfq\n"
        "call *(%rsp)\n"
        "pushfq; push %rdi; mov 24(%rsp), %rdi\n"
        "mov %rax, 2112(%rdi); mov %rcx, 2120(%rdi); mov %rdx, 2128(%rdi); mov %rbx, 2136(%rdi)\n"
        "mov %rbp, 2152(%rdi); mov %rsi, 2160(%rdi); mov %r8, 2176(%rdi); mov %r9, 2184(%rdi)\n"
        "mov %r10, 2192(%rdi); mov %r11, 2200(%rdi); mov %r12, 2208(%rdi); mov %r13, 2216(%rdi)\n"
        "mov %r14, 2224(%rdi); mov %r15, 2232(%rdi); pop 2168(%rdi); pop 2240(%rdi)\n"
        ".irp n, "
        "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "vmovdqu64 %zmm\\n, \\n*64(%rdi)\n"
        ".endr\n"
        ".irp n, 0,1,2,3,4,5,6,7\n"
        "kmovq %k\\n, 2048+\\n*8(%rdi)\n"
        ".endr\n"
        "stmxcsr 2248(%rdi)\n"
        "vzeroupper; movl $0x1f80, -8(%rsp); ldmxcsr -8(%rsp)\n"
        "pop %rsi; pop %rdi\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

/* The instruction is over: it has changed what it has. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

    if ((uint8_t *)r[REG_RIP] < native.code || (uint8_t *)r[REG_RIP] >= native.code + 0x1000) {
        signal(number, SIG_DFL);
        return;
    }
    native.vector = r[REG_TRAPNO];
    r[REG_RIP] = (greg_t)(native.code + RETURN);
}

static const int signals[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP };

/* Where addresses of 32 bits reach. */
static void *pages(unsigned bytes, int protection)
{
    void *p = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    g_assert_true(p != MAP_FAILED);
    return p;
}

void native_open(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_NODEFER | SA_SIGINFO };

    native.code = pages(0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
    memset(native.code, INT3, 0x1000);
    native.code[RETURN] = 0xc3;
    native.area = pages(2 * NATIVE_AREA, PROT_READ | PROT_WRITE);
    g_assert_cmpint(mprotect(native.area + NATIVE_AREA, NATIVE_AREA, PROT_NONE), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
}

void native_close(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        signal(signals[i], SIG_DFL);
    munmap(native.code, 0x1000);
    munmap(native.area, 2 * NATIVE_AREA);
}

int native_step(struct state *s, const uint8_t *bytes, unsigned n)
{
    memcpy(native.code, bytes, n);
    native.code[n] = 0xc3;
    memset(native.code + n + 1, INT3, LONGEST);
    native.vector = -1;
    native_evex(s, native.code);
    return native.vector;
}
