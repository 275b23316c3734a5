#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# count.sh EMULATOR PROGRAM - the guest program soft-count says the same in each run, whatever else the host
# does, and in each engine; it takes no time to sleep where it need not.
set -u
emulator=$(realpath "$1") program=$(realpath "$2")
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
count=0

# run NAME OPTION...: what the guest says in $scratch/NAME; it ends with status 33.
run() {
    local name=$1

    shift
    timeout 60 "$emulator" -accel "soft,engine=${engine:-auto}" -cpu max -machine firmware=none -nodefaults -display none -no-reboot -m 64 \
        -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$program" "$@" \
        </dev/null >"$scratch/$name" 2>&1
    [ $? = 33 ]
}

# result NAME STATUS: one line of TAP.
result() {
    count=$((count + 1))
    if [ "$2" = 0 ]; then
        echo "ok $count $1"
        return
    fi
    echo "not ok $count $1"
    for file in "$scratch"/*; do
        sed "s|^|# ${file##*/}: |" "$file"
    done
}

# same NAME OPTION...: a run by itself, and two at once, which leave one another half the host, one of them interpreted.
same() {
    local name=$1 status=0 a b

    shift
    rm -f "$scratch"/*
    run first "$@" || status=1
    run second "$@" &
    a=$!
    engine=interpreter run third "$@" &
    b=$!
    wait $a || status=1
    wait $b || status=1
    cmp "$scratch/first" "$scratch/second" >&2 && cmp "$scratch/first" "$scratch/third" >&2 || status=1
    result "$name" $status
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
result 'beside the host'"'"'s clock' $status
