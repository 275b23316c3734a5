#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# no-code.sh EMULATOR NO-CODE PROGRAM - the software CPU's engines where the host lets nothing be mapped to execute:
# a guest program that judges itself (long.h), and what is said.
set -u
emulator=$(realpath "$1") forbid=$(realpath "$2") program=$(realpath "$3")

"$forbid" /bin/true
if [ $? = 77 ]; then
    echo '1..0 # SKIP no filters of seccomp here'
    exit 0
fi
# shellcheck source=tests/guest/tap.sh
. "$(dirname "$0")/tap.sh"
echo 1..6

# runs ENGINE LINES [PREFIX]: the program ends well; so many lines are said to the user.
runs() {
    timeout 60 ${3+"$3"} "$emulator" -accel "soft,engine=$1" -machine firmware=none -nodefaults -display none \
        -no-reboot -m 64 -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -cpu max -kernel "$program" \
        </dev/null >output 2>errors
    [ $? = 33 ] && grep -q '^checks [1-9a-f]' output && [ "$(wc -l <errors)" = "$2" ]
}

# refused ENGINE: an error of one line.
refused() {
    "$forbid" "$emulator" -accel "soft,engine=$1" -machine firmware=none -nodefaults -display none \
        >output 2>errors </dev/null
    [ $? = 1 ] && [ "$(wc -l <errors)" = 1 ] &&
        grep -q 'the translator needs an x86-64 host that lets it map memory to execute$' errors
}

check 'auto: nothing to say where it may' runs auto 0
check 'auto: interprets, and says so in one line' runs auto 1 "$forbid"
check 'which tells why' grep -q ': this host lets no memory be mapped to execute: guest code is interpreted, which is slower$' errors
check 'interpreter: nothing to say' runs interpreter 0 "$forbid"
check 'translator: an error' refused translator
check 'check: an error' refused check
