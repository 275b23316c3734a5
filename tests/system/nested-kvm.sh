#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # what is quoted is for the guest's shell
# nested-kvm.sh - Debian's cloud kernel on the software CPU runs KVM itself (AMD's, with nested paging and
# without): a probe of instructions, small guests, and the same kernel once more, under tenon.
set -eu -o pipefail
SYSTEM_ACCEL=tcg
# shellcheck source=inner.sh
. "$(dirname "$0")/inner.sh"

# For the guest, below /t: guest programs, the demo guest.
add_programs() {
    gcc -static -O1 -o "$tree/t/kvm-probe" "$root/tests/tools/kvm-probe.c"
    cp -L "$programs/multiboot" "$programs/multiboot-long" "$kernel" "$tree/t/"
    cp "$demo_initrd" "$tree/t/initrd"
    cat >"$tree/t/small" <<'END'
#!/bin/sh
cd /t || exit
./tenon -enable-kvm -machine firmware=none -nodefaults -display none -no-reboot -m 64 -serial stdio \
    -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$@" >/tmp/said 2>&1
echo "$1: $?, $(grep -c ' ok' /tmp/said) ok."
END
    cat >"$tree/t/linux" <<'END'
#!/bin/sh
cd /t || exit
./tenon -enable-kvm -machine firmware=none -nographic -no-reboot -m 128 -kernel vmlinuz -initrd initrd \
    -append 'console=ttyS0 quiet panic=-1 demo.run="echo inside: $((6 * 7))."'
END
    cat >"$tree/t/kvm" <<'END'
#!/bin/sh
rmmod kvm_amd && insmod /modules/kvm-amd.ko "$@" && dmesg | grep -o 'Nested Paging .*' | tail -n 1
END
    chmod 755 "$tree"/t/{small,linux,kvm}
}

# runs NAME OPTIONS COMMAND LINE...: the outer guest says all the lines, and ends well.
runs() {
    local name=$1 options command=$3 line status=0 problem=''

    read -ra options <<<"$2"
    shift 3
    tenon_guest "$command" -m 640 -no-reboot "${options[@]}" || status=$?
    [ $status = 0 ] || problem="status $status"
    for line; do
        tr -d '\r' <"$scratch/output" | grep -aqE -e "$line" || problem=${problem:-"nobody said: $line"}
    done
    result "$name" "$problem"
}

enter_outer_guest 'KVM on the software CPU' multiboot
add_programs
pack_outer_guest

small='/t/small multiboot; /t/small multiboot-long'
plan 7
runs 'nested paging: a processor of KVM' '-cpu EPYC' '/t/kvm; /t/kvm-probe' '^Nested Paging enabled$' '^usable$'
runs '    small guests' '-cpu EPYC' "$small" '^multiboot: 33, [1-9][0-9]* ok' '^multiboot-long: 33, [1-9][0-9]* ok'
runs '    Debian in Debian' '-cpu EPYC' /t/linux '^inside: 42\.$'
runs '    with two processors' '-cpu max -smp 2' /t/linux '^inside: 42\.$'
runs 'shadow paging: a processor of KVM' '' '/t/kvm; /t/kvm-probe' '^Nested Paging disabled$' '^usable$'
runs '    small guests' '' "$small" '^multiboot: 33, [1-9][0-9]* ok' '^multiboot-long: 33, [1-9][0-9]* ok'
runs '    Debian in Debian' '-cpu EPYC' '/t/kvm npt=0; /t/linux' '^Nested Paging disabled$' '^inside: 42\.$'
