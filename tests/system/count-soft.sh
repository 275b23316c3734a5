#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# count-soft.sh - under -icount Debian's cloud kernel boots to a shell in the same way each time: every byte
# that it says, times of its messages and counts of interrupts included.
SYSTEM_ACCEL=tcg
set -eu -o pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

enter_guest_country -m 1024
plan 3

# boot FILE OPTION...: what the guest says, with the kernel's messages.
boot() {
    local file=$1 status=0

    shift
    timeout -k 5 "${CASE_SECONDS:-150}" "$tenon" -accel tcg -m 256 -nographic -no-reboot \
        -rtc base=2020-01-01,clock=vm -kernel "$kernel" -initrd "$initrd" \
        -append 'console=ttyS0 panic=-1 demo.run="cat /proc/interrupts /proc/uptime"' "$@" \
        </dev/null >"$file" 2>&1 || status=$?
    [ $status = 0 ] && tr -d '\r' <"$file" | grep -aqx 'demo guest: status 0'
}

# same NAME OPTION...: two boots, the second one beside another program that computes.
same() {
    local name=$1 problem='' load

    shift
    boot "$scratch/first" "$@" || problem="no shell"
    (while :; do :; done) &
    load=$!
    boot "$scratch/output" "$@" || problem="no shell the second time"
    kill "$load"
    wait "$load" 2>/dev/null || true
    [ -n "$problem" ] || cmp -s "$scratch/first" "$scratch/output" ||
        problem=$(diff -a "$scratch/first" "$scratch/output" | head -n 4 | tr '\n' ' ')
    result "$name" "$problem"
}

same 'one processor, no sleep' -icount shift=3,sleep=off
same 'two processors' -icount shift=4 -smp 2
same 'four processors, all features' -icount shift=3,sleep=off -smp 4 -cpu max
