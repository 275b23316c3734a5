#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # what is quoted is for the guest's shell
# fallback.sh - Debian's cloud kernel boots to a shell with -enable-kvm on whatever /dev/kvm this host has: where
# that only emulates kernel-mode code, the software CPU runs the guest for it.
set -eu -o pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
    echo '1..0 # SKIP no access to /dev/kvm'
    exit 0
fi
demo_guest
make_scratch
state=$(kvm_state)
case $state in
none*)
    echo "1..0 # SKIP $state"
    exit 0
    ;;
esac
echo "# /dev/kvm: $state"
export CASE_SECONDS=${CASE_SECONDS:-100}
plan 6

# boots NAME OPTIONS COMMAND LINE: the guest runs COMMAND, says LINE, and ends with status 0.
boots() {
    local name=$1 options line=$4 status=0

    read -ra options <<<"$2"
    tenon_guest "$3" -enable-kvm -no-reboot "${options[@]}" || status=$?
    if [ $status != 0 ]; then
        result "$name" "status $status"
    elif ! said "$line" || ! said 'demo guest: status 0'; then
        result "$name" "the guest did not say: $line"
    else
        result "$name" ''
    fi
}

# What the registers' dump at the guest's reset says of the software CPU.
counts() {
    local name='it is counted' counted guest emulator

    tenon_guest 'reboot -f; sleep 60' -enable-kvm -d cpu_reset -D "$scratch/log" </dev/null &
    guest=$!
    await "$guest" 'SeaBIOS' 2 || :
    emulator=$(pgrep -P "$guest" | head -n 1)
    [ -z "$emulator" ] || kill "$emulator"
    wait "$guest" || :
    counted=$(grep -a 'software CPU:' "$scratch/log" | tail -n 1 || :)
    echo "# ${counted:-the software CPU was not needed}"
    case $state,$counted in
    usable, | emulates*,*[1-9]' instructions' | emulates*,*[1-9]*0' instructions') result "$name" '' ;;
    *) result "$name" 'not so' ;;
    esac
}

said_once() {
    local said

    said=$(grep -ac 'the software CPU' "$scratch/output" || :)
    case $state,$said in
    usable,0 | emulates*,1) result 'the user is told once, where it is so' '' ;;
    *) result 'the user is told once, where it is so' "$said times" ;;
    esac
}

boots 'to a shell' '' 'echo $((6 * 7)).' 42.
said_once
boots 'two processors compute at once' '-smp 2' \
    'for i in 1 2; do seq 20000 | md5sum & done | sort -u; wait' "$(seq 20000 | md5sum)"
boots 'the processor of the host' '-cpu host' "awk 'BEGIN { print 2 / 3 + 7e-3 }'" 0.673667
boots 'chips of the board' '-machine kernel-irqchip=split' 'sleep 1; echo $((6 * 7)).' 42.
counts
