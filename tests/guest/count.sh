#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# count.sh EMULATOR PROGRAM - the guest program soft-count says the same in each run, whatever else the host
# does, and in each engine; it takes no time to sleep where it need not.
set -u
emulator=$(realpath "$1") program=$(realpath "$2")
# shellcheck source=tests/guest/tap.sh
. "$(dirname "$0")/tap.sh"

# run NAME OPTION...: what the guest says in the file NAME; it ends with status 33.
run() {
    local name=$1

    shift
    timeout 60 "$emulator" -accel "soft,engine=${engine:-auto}" -cpu max -machine firmware=none -nodefaults -display none -no-reboot -m 64 \
        -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$program" "$@" \
        </dev/null >"$name" 2>&1
    [ $? = 33 ]
}

# same NAME OPTION...: a run by itself, and two at once, which leave one another half the host, one of them interpreted.
same() {
    local name=$1 status=0 a b

    shift
    rm -f -- *
    run first "$@" || status=1
    run second "$@" &
    a=$!
    engine=interpreter run third "$@" &
    b=$!
    wait $a || status=1
    wait $b || status=1
    cmp first second >&2 && cmp first third >&2 || status=1
    result "$name" $status ./*
}

echo 1..5
same 'one processor' -icount shift=3,sleep=off
same 'two processors' -icount shift=3,sleep=off -smp 2
same 'sleep in real time' -icount 3
same 'one instruction a block' -icount 3,sleep=off -singlestep
# The guest's clock beside the host's: 200 ms of sleep are as long as that.
before=$(date +%s%N)
run aligned -icount shift=3,align=on
status=$?
[ $((($(date +%s%N) - before) / 1000000)) -ge 200 ] || status=1
result 'beside the host'"'"'s clock' $status aligned
