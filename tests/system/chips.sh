#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # what is quoted is for the guest's shell
# chips.sh - Debian's cloud kernel runs on the board's own interrupt controllers and timers
# (kernel-irqchip=split; the software CPU has no others) in each way it can use them.
set -eu -o pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

enter_guest_country -t 1000
plan 5

# runs NAME WORDS OPTIONS PATTERN: with WORDS for the kernel, what is behind interrupt 0 matches PATTERN, and
# a sleep of a second ends.
runs() {
    local name=$1 words=$2 options status=0 command='grep -w 0: /proc/interrupts'

    command+='; cat /sys/devices/system/clocksource/*/available_clocksource; sleep 1; echo $((6 * 7)).'
    read -ra options <<<"$3"
    timeout -k 5 "${CASE_SECONDS:-150}" "$tenon" -accel "$on" -m 256 -nographic -no-reboot -kernel "$kernel" \
        -initrd "$initrd" -append "console=ttyS0 quiet panic=-1 $words demo.run=\"$command\"" \
        "${options[@]}" >"$scratch/output" 2>&1 </dev/null || status=$?
    if [ $status != 0 ]; then
        result "$name" "status $status"
    elif ! said 42. || ! said 'demo guest: status 0'; then
        result "$name" "the command did not run to its end"
    elif ! tr -d '\r' <"$scratch/output" | grep -aqE -- "$4"; then
        result "$name" "the guest did not say: $4"
    else
        result "$name" ''
    fi
}

runs 'the I/O APIC and the HPET' '' '-machine kernel-irqchip=split' '^[a-z_ -]*hpet'
runs 'the HPET ticks' 'nolapic_timer' '-machine kernel-irqchip=split' '^ +0: +[0-9]{3,} +IO-APIC +2-edge'
runs 'the 8254 ticks, two processors' 'nolapic_timer' '-machine kernel-irqchip=split,hpet=off -smp 2' \
    '^ +0: +[0-9]{3,} .*IO-APIC +2-edge'
runs 'the 8259A beside a local APIC' 'noapic nolapic_timer' '-machine kernel-irqchip=split,hpet=off' \
    '^ +0: +[0-9]{3,} +XT-PIC'
runs 'the 8259A alone' 'noapic nolapic' '-machine kernel-irqchip=split' '^ +0: +[0-9]{3,} +XT-PIC'
