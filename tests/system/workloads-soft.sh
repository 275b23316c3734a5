#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# workloads-soft.sh - the parts of bench/workloads.c compute the same on this machine and in a guest on both engines of
# the software CPU, also on four processors with so little memory for code that old code is written over all the time.
SYSTEM_ACCEL=tcg
set -eu -o pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

enter_guest_country -m 1024
plan 3
mkdir -p "$scratch/tree/bin"
make_workloads "$scratch/tree/bin/workloads"
add_to_initramfs "$scratch/tree" "$scratch/initrd"

# checks FILE: "part check" of each part in it.
checks() {
    tr -d '\r' <"$1" | sed -n 's/^\([a-z0-9]*\) [0-9.]* \([0-9a-f]\{16\}\)$/\1 \2/p'
}

"$scratch/tree/bin/workloads" 2 >"$scratch/native"
for engine in interpreter translator translator,tb-size=1; do
    problem='' status=0 processors=1
    [ "$engine" != translator,tb-size=1 ] || processors=4
    timeout -k 5 "${CASE_SECONDS:-150}" "$tenon" -accel "soft,engine=$engine" -smp "$processors" -cpu max -m 256 \
        -nographic -no-reboot \
        -kernel "$kernel" -initrd "$scratch/initrd" -append 'console=ttyS0 quiet panic=-1 demo.run="workloads 2"' \
        </dev/null >"$scratch/output" 2>&1 || status=$?
    [ $status = 0 ] || problem="status $status"
    [ "$({ checks "$scratch/native"; grep 'does not have it' "$scratch/native"; } | wc -l)" = 14 ] ||
        problem="not all parts ran here"
    cmp -s <(checks "$scratch/native") <(checks "$scratch/output") ||
        problem=${problem:-$(diff <(checks "$scratch/native") <(checks "$scratch/output") | tr '\n' ' ')}
    result "$engine" "$problem"
done
