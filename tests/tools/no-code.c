/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * no-code PROGRAM ARGUMENT... - runs a program that may map nothing shared to execute, as hardened
 * hosts forbid it: such a mmap() fails with EACCES, by a filter of seccomp(2).  Shared libraries
 * are private mappings.  Status 77: there are no such filters here.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
/* Unless what was loaded is that, or has such a bit: skips so many of what follows. */
#define IS(value, skip)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define HAS(value, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, 0, skip)
#define ANSWER(value)    BPF_STMT(BPF_RET | BPF_K, value)

int main(int argc, char *argv[])
{
    // clang-format off
    struct sock_filter filter[] = {
        LOAD(arch),    IS(AUDIT_ARCH_X86_64, 7),
        LOAD(nr),      IS(SYS_mmap, 5),
        LOAD(args[2]), HAS(PROT_EXEC, 3),
        LOAD(args[3]), HAS(MAP_SHARED, 1),
        ANSWER(SECCOMP_RET_ERRNO | EACCES),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    // clang-format on
    struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

    if (argc < 2) {
        fprintf(stderr, "usage: no-code PROGRAM ARGUMENT...\n");
        return 2;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("no-code: seccomp");
        return 77;
    }
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
