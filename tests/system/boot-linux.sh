#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # what is quoted is for the guest's shell
# boot-linux.sh - Debian's cloud kernel boots to a shell in every way there is to start it, under KVM or, with
# SYSTEM_ACCEL=tcg, on the software CPU.
set -eu -o pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

enter_guest_country -m 5120 -t 1000
plan "$([ "$on" = kvm ] && echo 12 || echo 14)"

# boots NAME OPTIONS COMMAND LINE: the guest runs COMMAND, says LINE, which its command line does not hold,
# and powers off through ACPI, on which the program must end with status 0.
boots() {
    local name=$1 options line=$4 status=0

    read -ra options <<<"$2"
    tenon_guest "$3" -no-reboot "${options[@]}" || status=$?
    if [ $status != 0 ]; then
        result "$name" "status $status"
    elif ! said 'demo guest: status 0'; then
        result "$name" "the command did not run to its end"
    elif ! said "$line"; then
        result "$name" "the guest did not say: $line"
    else
        result "$name" ''
    fi
}

# A guest of its own in the background, its keyboard on file descriptor 7.
start_guest() {
    mkfifo "$scratch/keys.$count"
    tenon_guest "$@" <"$scratch/keys.$count" &
    guest=$!
    exec 7>"$scratch/keys.$count"
}

# finish_guest: the status it ended with.
finish_guest() {
    local status=0

    wait "$guest" || status=$?
    exec 7>&-
    return $status
}

reboots_once() {
    local name='a reboot under -no-reboot ends with status 0' status=0

    tenon_guest 'echo $((6 * 7)).; reboot -f; sleep 60' -no-reboot || status=$?
    if [ $status != 0 ] || ! said 42.; then
        result "$name" "status $status"
    else
        result "$name" ''
    fi
}

reboots_again() {
    local name='a reboot boots again; SIGTERM ends in order with status 0' problem='' emulator

    start_guest 'reboot -f'
    await "$guest" 'shell after' 2 || problem="the guest did not come back"
    emulator=$(pgrep -P "$guest" | head -n 1)
    [ -z "$emulator" ] || kill "$emulator"
    finish_guest || problem=${problem:-"status $? after SIGTERM"}
    result "$name" "$problem"
}

answers_keys() {
    local name='a shell on the serial port answers what is typed' problem=''

    start_guest '' -no-reboot
    if await "$guest" 'guest:~#'; then
        echo 'echo $((6 * 7)).; tty' >&7
        await "$guest" '/dev/ttyS0' || problem="no answer"
        echo 'exit' >&7
    else
        problem="no prompt"
    fi
    finish_guest || problem=${problem:-"status $?"}
    said 42. || problem=${problem:-"a wrong answer"}
    result "$name" "$problem"
}

boots 'through the firmware' '' 'echo $((6 * 7)).' 42.
case ${tenon##*/} in
qemu-*) skip 'without firmware' "QEMU has no such way" ;;
*) boots 'without firmware' '-machine pc,firmware=none' 'echo $((6 * 7)).' 42. ;;
esac
boots 'two processors' '-smp 2' 'echo $(nproc) running.' '2 running.'
boots 'two sockets' '-smp 2,sockets=2,cores=1,threads=1' \
    'echo $(sort -u /sys/devices/system/cpu/cpu?/topology/physical_package_id | wc -l) packages.' '2 packages.'
boots 'two processors compute at once' '-smp 2' \
    'for i in 1 2; do seq 20000 | md5sum & done | sort -u; wait' "$(seq 20000 | md5sum)"
boots 'floating point' '' "awk 'BEGIN { print 2 / 3 + 7e-3 }'" 0.673667
boots 'RAM above 4 GiB' '-m 4000' "awk '/MemTotal/ { print (\$2 > 3800000), 1 + 1 }' /proc/meminfo" '1 2'
if [ "$on" = kvm ]; then
    boots 'the processor of the host' '-cpu host' 'echo $(grep -c ^processor /proc/cpuinfo) of host.' '1 of host.'
    boots 'the clock of KVM' '' 'echo by $(cat /sys/devices/system/clocksource/*/current_clocksource).' 'by kvm-clock.'
else
    boots 'all that the software CPU can' '-cpu max' 'grep -c -w smap /proc/cpuinfo | sed s/$/./' 1.
    if grep -q -w avx512vl /proc/cpuinfo; then
        boots "this host's AVX-512" '-cpu max' 'grep -c -w avx512vl /proc/cpuinfo | sed s/$/./' 1.
    else
        skip "this host's AVX-512" 'it has none'
    fi
    boots 'all of it, twice; the TSC is the clock' '-cpu max -smp 2' \
        'echo $(nproc) by $(cut -d- -f1 /sys/devices/system/clocksource/*/current_clocksource).' '2 by tsc.'
    on=tcg,engine=interpreter boots 'the interpreter' '' 'echo $((6 * 7)).' 42.
fi
reboots_once
reboots_again
answers_keys
