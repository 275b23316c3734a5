#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# log.sh BUILD NOISY EXCEPTIONS - what -d and -trace tell of two guests: noisy16, which ends in a triple fault,
# and soft-exceptions, which takes every exception there is.
set -u
build=$(realpath "$1") noisy=$(realpath "$2") exceptions=$(realpath "$3")
reader=$(realpath "$(dirname "$0")")/../../scripts/simpletrace.py
# shellcheck source=tests/guest/tap.sh
. "$(dirname "$0")/tap.sh"
shown=(why err log)

# tenon OPTION...: runs noisy; its status in $status.
tenon() {
    timeout 60 "$build/tenon" -accel "${accel:-soft}" -machine pc -nodefaults -display none -m 16 -no-reboot \
        -bios "$noisy" "$@" </dev/null >out 2>err
    status=$?
}

# has FILE PATTERN...: each is in a line of the file, in this order.
has() {
    local file=$1 at=0 line

    shift
    for pattern; do
        line=$(tail -n +$((at + 1)) "$file" | grep -nm 1 -E -- "$pattern") || { echo "missing: $pattern"; return 1; }
        at=$((at + ${line%%:*}))
    done
}
lacks() { ! grep -E -- "$2" "$1"; }
is() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }

# ---- -d ----

tenon
check "the guest ends with its triple fault" is "$status" 0
if [ -e "$build/plugins-all/disas-capstone.so" ]; then
    tenon -d in_asm -D log
    # shellcheck disable=SC2016 # a dollar of AT&T's
    check "in_asm: the reset vector, the first code, the last" has log \
        '^IN:' '^0xfffffff0:  ea 00 00 00 f0 .*ljmpw +\$0xf000:\$0' '^0x000f0000:  fa .*cli' \
        '^0x000f[0-9a-f]+:  cd 21 .*int +\$0x21' '^0x000f[0-9a-f]+:  cf .*iret' '^0x000f[0-9a-f]+:  0f 0b .*ud2'
    check "in_asm: and nothing else" lacks log '^Trace|^E?RAX|v='

    tenon -d in_asm -dfilter 0xfffffff0+16 -D log
    check "-dfilter: what is in the range" has log 'ljmpw'
    check "-dfilter: and nothing else" lacks log 'cli|ud2'
else
    skip "in_asm" "built without Capstone"
fi

tenon -d exec,cpu,nochain -D log
check "exec: a line for each block; cpu: registers before it" has log \
    '^Trace 0: 0x[0-9a-f]+ \[00000000ffff0000/000000000000fff0/' '^EAX=00000000 EBX=' '^EIP=0000fff0 EFL=00000002' \
    '^Trace 0: .*\[00000000000f0000/0000000000000000/' '^CS =f000 000f0000 0000ffff'
tenon -d cpu,fpu -D log
check "fpu: x87 and vector registers besides" has log '^EIP=0000fff0' '^FCW=0040 FSW=0000 .*MXCSR=00001f80' 'XMM07='

tenon -d int -D log
check "int: a software interrupt, then the exceptions that end in the triple fault" has log \
    'v=21 e=0000 i=1 cpl=0 IP=f000:' '^EAX=' 'v=06 e=0000 i=0 cpl=0 IP=f000:' 'v=0d e=' 'v=08 e=0000' '^Triple fault'

tenon -d cpu_reset -D log
check "cpu_reset: registers at power-on, and at the triple fault" has log \
    '^CPU Reset \(CPU 0\)' '^EIP=0000fff0' '^Triple fault \(CPU 0\)' '^EIP=000000[0-9a-f]{2} .*CPL=0' '^CS =f000 000f0000'

tenon -d cpu_reset
check "without -D the log goes to standard error" has err '^CPU Reset' '^Triple fault'

tenon -d guest_errors,unimp -D log
check "guest_errors and unimp: what the guest should not have done" has log \
    '^unassigned ports: write of size 1 at 0x1234' '^unassigned memory: read of size 1 at 0xa0010' \
    '^i8042.*: unknown command 0x00'
tenon -d unimp -D log
check "unimp alone says nothing of errors" lacks log 'memory|i8042'

tenon -trace-unassigned
check "-trace-unassigned: all accesses to nothing" has err '0x1234' 'ports: read of size 1 at 0x1234' \
    'memory: read of size 1 at 0xa0010' 'memory: write of size 1 at 0xa0011'

tenon -d exec,cpu_reset,tid -D thread-%d
threads=(thread-*)
check "tid: a file for each thread" is "$(grep -l '^Trace' "${threads[@]}" | wc -l) $(grep -l '^CPU Reset' "${threads[@]}" | wc -l)" '1 1'

timeout 60 "$build/tenon" -accel soft -machine firmware=none -nodefaults -display none -no-reboot -m 64 -serial null \
    -device isa-debug-exit,iobase=0xf4,iosize=4 -cpu max -kernel "$exceptions" -d int,pcall,mmu -D log </dev/null >out 2>err
status=$?
check "a guest in long mode goes on undisturbed" is "$status" 33
check "its exceptions" has log 'v=00 e=0000 i=0 cpl=0 IP=0008:[0-9a-f]{16} pc=' '^RAX=[0-9a-f]{16} RBX='
check "page faults with their address" has log 'v=0e e=[0-9a-f]{4} i=0 .* CR2=[0-9a-f]{16}'
check "mmu: control registers" has log '^CR4 update: CR4=' '^CR0 update: CR0='
check "pcall: far returns" has log '^iret s=8'

if [ -e "$build/plugins-all/disas-capstone.so" ]; then
    timeout 60 "$build/tenon" -accel soft -machine firmware=none -nodefaults -display none -no-reboot -m 64 -serial null \
        -device isa-debug-exit,iobase=0xf4,iosize=4 -cpu max -kernel "$exceptions" -d in_asm -D log </dev/null >out 2>err
    check "in_asm: code of 64 bits" has log '^0x[0-9a-f]+:  48 cf .*iretq'
else
    skip "in_asm: code of 64 bits" "built without Capstone"
fi

if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    accel=kvm tenon -d cpu_reset,in_asm -D log
    check "under KVM: registers at power-on" has log '^CPU Reset \(CPU 0\)' 'EIP=0000fff0'
    check "under KVM: what cannot be told of" has err 'warning: -d cpu_reset,in_asm: only the software CPU tells of in_asm'
else
    skip "under KVM" "no access to /dev/kvm"
fi

# ---- -trace ----

text() { sed 's/^[0-9]*@[0-9]*\.[0-9]*://' "$1"; }
events='pckbd_kbd_write_command,enable=cpu_*,enable=runstate_set,enable=nothing*'
tenon -trace "$events" -D log
check "events in the log" has log '^[0-9]+@[0-9]+\.[0-9]{6}:runstate_set from prelaunch to running' \
    ':cpu_out addr 0x1234 size 1 value 0x0$' ':pckbd_kbd_write_command 0x00$'
text log >wanted
tenon -trace "$events,file=events"
python3 "$reader" events >shown && text shown >got
check "the same in a binary file, by its reader" diff wanted got
check "the reader shows one event alone" is "$(python3 "$reader" events runstate_set | grep -vc runstate_set)" 0
head -c $(($(wc -c <events) - 5)) events >short
check "a file that was cut off" is "$(python3 "$reader" short | wc -l)" $(($(wc -l <shown) - 1))

printf '# those of the file\npckbd_*\n-pckbd_kbd_read_*\n' >list
tenon -trace events=list -D log
check "a file of patterns" has log 'pckbd_kbd_write_command'
check "and what it takes away" lacks log 'cpu_out|read'
tenon -d trace:runstate_set -D log
check "events by -d" has log 'runstate_set'

: >marker
tenon -trace "$events,backend=ftrace,file=marker"
check "the kernel's trace buffer gets lines" diff wanted marker

if echo '#include <sys/sdt.h>' | cc -E - >/dev/null 2>&1; then
    readelf -n "$build/tenon" >notes
    check "USDT probes of the core" has notes 'Provider: tenon' 'Name: runstate_set'
    readelf -n "$build/plugins-all/device-i8042.so" >notes
    check "USDT probes of a plugin" has notes 'Provider: tenon' 'Name: pckbd_kbd_write_command'
else
    skip "USDT probes" "no sys/sdt.h (systemtap-sdt-dev)"
fi
echo "1..$count"
