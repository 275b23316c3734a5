#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fallback.sh EMULATOR EXPECTED PROGRAM - the guest program units, one of whose instructions no KVM emulates
# (a vector operand that is a device's register), with the software CPU in KVM's place and without it.
set -u
emulator=$(realpath "$1") expected=$(realpath "$2") program=$(realpath "$3")

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
    echo '1..0 # SKIP no access to /dev/kvm'
    exit 0
fi
# shellcheck source=tests/guest/tap.sh
. "$(dirname "$0")/tap.sh"
echo 1..4

# run OPTIONS: what the guest says in output, what the emulator says in errors; its status.
run() {
    timeout 60 "$emulator" -accel "kvm$1" -machine firmware=none -nodefaults -display none -no-reboot -m 64 \
        -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$program" \
        </dev/null >output 2>errors
}

says_once() {
    [ "$(grep -c 'the software CPU does' errors)" = 1 ]
}

run ''
check 'the program runs to its end' [ $? = 33 ]
check 'its results are right' diff "$expected" output
check 'the user is told once' says_once
run ',fallback=off'
check 'with fallback=off KVM stops there' grep -q "^tenon: CPU 0: this host's KVM cannot execute the instruction at 0x.*, or no fallback=off" errors
