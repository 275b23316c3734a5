#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suite.sh EMULATOR EXCEPTIONS MULTIBOOT - the command lines by which suites of small kernels that test
# processors start an emulator: each must come to the guest program's own verdict.
set -u
emulator=$(realpath "$1") exceptions=$(realpath "$2") multiboot=$(realpath "$3")
# shellcheck source=tests/guest/tap.sh
. "$(dirname "$0")/tap.sh"
cp "$exceptions" kernel.flat
cp "$multiboot" multiboot.flat
printf 'NR_CPUS=1\nMEMSIZE=128\n' >environment

# run KERNEL OPTION...: what it says in output and errors; true if it ends with its own "all is well".
run() {
    local kernel=$1

    shift
    timeout 60 "$emulator" --no-reboot -nodefaults -display none -serial stdio -device pc-testdev \
        -device isa-debug-exit,iobase=0xf4,iosize=0x4 -machine accel=tcg -kernel "$kernel" \
        -initrd environment "$@" </dev/null >output 2>errors
    [ $? = 33 ]
}
line() { check "$*" run kernel.flat "$@"; }

line -smp 1
line -smp 4 -cpu max
line -vnc none -append 'one two' -cpu max
line -cpu qemu64,+x2apic,+umip,-pku
line -cpu max,-pku,-la57
line -cpu IvyBridge
line -cpu Opteron_G1,vendor=AuthenticAMD
line -cpu Skylake-Server
line -cpu max,vendor=GenuineIntel
line -cpu max,phys-bits=36,host-phys-bits=off
line -cpu max,host-phys-bits
line -cpu max,migratable=no,hv_passthrough
line -machine pit=off
line -M pc,kernel-irqchip=split
line -machine vmport=off
line -overcommit cpu-pm=on
line -m 2048
line -m 2560 -global kvm-pit.lost_tick_policy=discard
line -m 4g
check 'a feature that no processor has: a warning' run kernel.flat -cpu qemu64,+tsx-ldtrk
check '    that names it' grep -q "warning: .*tsx-ldtrk" errors

check 'default memory, multiboot' run multiboot.flat -append ''
check '    file name and a space' grep -qxF 'cmdline [multiboot.flat ]' output
check '    128 MiB' grep -qxF 'ram in MiB, about 80' output
check '    one module' grep -qxF 'modules 1' output
check '    its string' grep -qxF 'module [environment]' output
check '4 GiB, multiboot' run multiboot.flat -m 4g -append '1 2'
check '    some above 4 GiB' grep -qxF 'ram in MiB, about 1000' output
check '    arguments' grep -qxF 'cmdline [multiboot.flat 1 2]' output
echo "1..$count"
