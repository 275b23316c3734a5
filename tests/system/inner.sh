#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# inner.sh - a guest of the software CPU that runs tenon under its own KVM: what those tests share. Sourced, never run.

# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Where the small guest programs are.
programs=$build/tests/guest

# enter_outer_guest NAME PROGRAM: as enter_guest_country; ends where the test NAME cannot be: with another program in
# tenon's place, or without PROGRAM. Sets $tree, what the guest will have besides its own, tenon with its plugins and
# libraries below /t, and keeps the demo guest's own initial file system in $demo_initrd.
enter_outer_guest() {
    local file

    # shellcheck disable=SC2119 # no options for the lab: it is not entered
    enter_guest_country
    case ${tenon##*/} in
    qemu-*) plan 1; skip "$1" 'of tenon only'; exit ;;
    esac
    if [ ! -e "$programs/$2" ]; then
        plan 1
        skip "$1" 'the guest programs are not built (scripts/test builds them)'
        exit
    fi
    # shellcheck disable=SC2034 # for those who source this
    demo_initrd=$initrd
    tree=$scratch/tree
    mkdir -p "$tree"/{t,lib64,lib/x86_64-linux-gnu}
    cp -L "$build/tenon" "$tree/t/"
    cp -rL "$build/plugins-all" "$tree/t/"
    strip -g "$tree/t/tenon" "$tree/t/plugins-all/"*.so
    while read -r file; do
        cp -L "$file" "$tree/lib/x86_64-linux-gnu/"
    done < <(ldd "$build/tenon" | grep -o '=> /[^ ]*' | cut -c4- | sort -u)
    cp -L /lib64/ld-linux-x86-64.so.2 "$tree/lib64/"
    fetch_kernel linux-image-cloud-amd64 button kvm-amd
    kernel=$kernel_dir/vmlinuz
}

# pack_outer_guest: $tree is complete. The kernel unpacks one archive after the other.
pack_outer_guest() {
    (cd "$tree" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$scratch/inner.cpio"
    make_initramfs "$root/scripts/guest/demo-init" "$kernel_dir" "$kernel_dir"
    cat "$initramfs" "$scratch/inner.cpio" >"$scratch/initrd"
    initrd=$scratch/initrd
}
