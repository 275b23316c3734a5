#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# guest-ends.sh BUILD - what a guest's end does to the program, and its exit status.
#
# The guests are firmware whose few instructions stand at the reset vector, FFFFh:0000h (Intel SDM
# volume 3, "Processor State After Reset").
. "$(dirname "$0")/lib.sh"

# firmware FILE BYTE...: in hexadecimal
firmware() {
    local file=$1

    shift
    truncate -s 64K "$file"
    printf '%b' "$(printf '\\x%s' "$@")" | dd of="$file" bs=1 seek=$((0xfff0)) conv=notrunc status=none
}
# lidt [0] takes a limit of 0 from empty memory; CR0.PE is set; a division by 0 then is a fault in a
# fault in a fault.
firmware triple-fault 0f 01 1e 00 00 0f 20 c0 40 0f 22 c0 31 c0 f7 f0
# mov dx, 505h; mov al, 1; out dx, al: the guest has panicked.  mov dl, 1; mov al, 3; out dx, al; hlt
firmware panic ba 05 05 b0 01 ee b2 01 b0 03 ee f4
# mov al, 1; out 92h, al; hlt
firmware reset b0 01 e6 92 f4
# cli; hlt
firmware halt fa f4
# jmp A000h:0000h, where KVM can execute nothing
firmware lost ea 00 00 00 a0

# run_guest FIRMWARE ARGUMENT...
run_guest() {
    local file=$1

    shift
    run tenon "${machine[@]}" -bios "$PWD/$file" -device pvpanic -device isa-debug-exit "$@"
}
# stays NAME FIRMWARE ARGUMENT...: it is still there, in its last state, and ends when told to.
stays() {
    local name=$1 file=$2

    shift 2
    name="$accel: $name"
    if starts "$name" "${machine[@]}" -bios "$PWD/$file" -device pvpanic -device isa-debug-exit "$@"; then
        sleep 0.3
        ends "$name"
    fi
}

# all ACCELERATOR
all() {
    accel=$1 machine=(-accel "$1" -cpu qemu64 -nodefaults -m 2)

    run_guest panic -action panic=none
    expect "$accel: isa-debug-exit ends it with the guest's status; panic=none lets the guest go on" 7
    run_guest panic
    expect "$accel: a panic ends it with status 0, before the next instruction" 0
    run_guest panic -action panic=exit-failure
    expect "$accel: panic=exit-failure" 1
    stays "panic=pause" panic -action panic=pause
    stays "a panic with -no-shutdown" panic -no-shutdown
    run_guest triple-fault -no-reboot
    expect "$accel: -no-reboot and a triple fault" 0
    run_guest reset -no-reboot
    expect "$accel: -no-reboot and a reset by port 92h" 0
    run_guest reset -action reboot=shutdown
    expect "$accel: -action reboot=shutdown" 0
    stays "-no-reboot with -no-shutdown" reset -no-reboot -no-shutdown
    stays "a guest that resets itself for ever" triple-fault
    stays "a guest that halts for ever" halt
    stays "-S keeps the guest from its first instruction" panic -S
}

all soft
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    all kvm
    run_guest lost
    if [ "$status" = 1 ] && [ -s err ]; then
        ok "kvm: a guest that runs away: status 1"
    else
        not_ok "kvm: a guest that runs away: status 1 ($status)" err
    fi
    stays "a guest that runs away, with -no-shutdown" lost -no-shutdown
else
    skip "the same under KVM" "/dev/kvm cannot be used here"
fi
plan
