#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# flood.sh BUILD - the 10 MiB that a guest sends by its serial port arrive, whatever the far end is and
# however slowly it reads.
. "$(dirname "$0")/lib.sh"

guest=(-accel soft -machine firmware=none -m 64 -display none -nodefaults -kernel "$build/tests/guest/line"
    -append flood -device isa-debug-exit,iobase=0xf4,iosize=4)
# Lines of 63 letters, each line of the next one.
awk 'BEGIN { for (i = 0; i < 163840; i++) { c = sprintf("%c", 97 + i % 26); l = sprintf("%63s", "")
             gsub(" ", c, l); print l } }' >wanted
program() { timeout --kill-after=5 60 "$build/tenon" "$@"; }
# slowly: standard input, at first not at all and then in pieces.
slowly() {
    sleep 1
    head -c 1000000
    sleep 0.5
    cat
}
# arrives NAME: got is what was sent, and the guest has come to its end.
arrives() {
    if [ "$status" = 33 ] && cmp wanted got >differ 2>&1; then
        ok "$1"
    else
        echo "# its status is $status"
        not_ok "$1" differ err
    fi
}

program "${guest[@]}" -serial file:got 2>err
status=$?
arrives "-serial file:"
program "${guest[@]}" -serial stdio 2>err | slowly >got
status=${PIPESTATUS[0]}
arrives "-serial stdio to a pipe that is read slowly"
mkfifo p.in p.out
slowly <p.out >got &
program "${guest[@]}" -serial pipe:p 2>err
status=$?
wait
arrives "-serial pipe: that is read slowly"
plan
