#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# lib.sh - what the system tests share: where guests run, booting the demo guest, TAP. Sourced, never run.

# shellcheck source=../../scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

count=0

plan() {
    echo "1..$1"
}

# result NAME PROBLEM: one line of TAP; a problem's text and the output go below it.
result() {
    count=$((count + 1))
    if [ -z "$2" ]; then
        echo "ok $count $1"
        return
    fi
    echo "not ok $count $1"
    echo "# $2"
    [ ! -s "$scratch/output" ] || tr -d '\r\033' <"$scratch/output" | tail -n 40 | sed 's/^/# | /'
}

skip() {
    count=$((count + 1))
    echo "ok $count $1 # SKIP $2"
}

# The accelerator under test, "kvm" or "tcg": the software CPU.
on=${SYSTEM_ACCEL:-kvm}

# enter_guest_country LAB_OPTION...: from here on the script runs where $on is the real thing: where this host's
# KVM is not, it is started once more in the lab, and all its cases share that one start. Sets $kernel and
# $initrd.
enter_guest_country() {
    demo_guest
    if [ "$on" = kvm ] && [ -z "${IN_LAB-}" ]; then
        choose_processor
        echo "# $processor_why"
        if [ "$processor" = soft ]; then
            export DEMO_GUEST IN_LAB=1 TENON="$tenon"
            need_packages "${lab_packages[@]}"
            run_in_lab "$@" -- bash "$0"
        fi
    fi
    make_scratch
}

# run_in_lab LAB_ARGUMENT...: a lab that fails itself (125: it gets stuck once in a while) is started once
# more, so what it said is shown when it has ended.
run_in_lab() {
    local status=0 try

    make_scratch
    for try in 1 2; do
        status=0
        "$root/scripts/lab" "$@" >"$scratch/said" || status=$?
        [ $status = 125 ] || break
        echo "# the lab failed (try $try)"
    done
    cat "$scratch/said"
    exit $status
}

# tenon_guest COMMAND OPTION...: runs the demo guest for COMMAND ("": its shell), output in $scratch/output.
tenon_guest() {
    local command=$1

    shift
    timeout -k 5 "${CASE_SECONDS:-150}" "$tenon" -accel "$on" -m 256 -nographic -kernel "$kernel" -initrd "$initrd" \
        -append "console=ttyS0 quiet panic=-1${command:+ demo.run=\"$command\"}" "$@" >"$scratch/output" 2>&1
}

# said TEXT: is there a line of the guest that is TEXT?
said() {
    tr -d '\r' <"$scratch/output" | grep -aqxF -e "$1"
}

# await PID TEXT [TIMES]: waits until the output holds TEXT so often; fails when the process has ended.
await() {
    local pid=$1

    shift
    until [ "$(grep -aoF -e "$1" "$scratch/output" 2>/dev/null | grep -c .)" -ge "${2:-1}" ]; do
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.2
    done
}
