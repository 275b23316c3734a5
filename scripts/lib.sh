#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2034 # what is set here is for those who source it
# lib.sh - what the scripts share: messages, packages, places, the kernel cache. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=$root/build
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/tenon
tenon=$(command -v "${TENON:-$build/tenon}" || echo "${TENON:-$build/tenon}")
jobs=$(nproc)
me=${0##*/}
failure=1

build_packages=(
    acpica-tools
    binutils
    gcc
    libbrlapi-dev
    libcapstone-dev
    libglib2.0-dev
    libgnutls28-dev
    libjansson-dev
    libpam0g-dev
    libseccomp-dev
    libspice-server-dev
    meson
    nettle-dev
    ninja-build
    pkg-config
    seabios
    systemtap-sdt-dev
)
guest_packages=(busybox-static cpio kmod)
lab_packages=(qemu-system-x86 binutils busybox-static cpio kmod xz-utils)

say() {
    printf '%s: %s\n' "$me" "$*" >&2
}

die() {
    say "$@"
    exit "$failure"
}

# make_scratch: sets $scratch, a folder that goes away with the script, however it ends. A script that has
# more to tidy up defines tidy().
make_scratch() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/tenon-$me.XXXXXX")
    trap leave EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

leave() {
    local status=$?

    trap '' HUP INT TERM
    [ "$(type -t tidy)" != function ] || tidy || :
    rm -rf "$scratch"
    exit "$status"
}

# ---- packages -------------------------------------------------------------------------------------------

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# apt COMMAND...: as root; shows its output only if it fails.
apt() {
    local sudo=sudo

    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif ! command -v sudo >/dev/null; then
        die "neither root nor sudo here: as root, run: apt-get $*"
    fi
    quietly $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@"
}

update_once() {
    [ -z "${apt_updated-}" ] || return 0
    say "reading the package lists"
    apt update || die "the package lists cannot be read (no network?)"
    export apt_updated=1
}

# need_packages NAME...: installs those that are missing.
need_packages() {
    local name missing=()

    if ! command -v dpkg-query >/dev/null; then
        say "not a Debian system: taking for granted that $* are there"
        return
    fi
    for name; do
        installed "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    update_once
    say "installing ${missing[*]}"
    apt install --no-install-recommends "${missing[@]}" || die "cannot install ${missing[*]}"
}

# ---- building -------------------------------------------------------------------------------------------

# build_in FOLDER [MESON OPTION...]: configures once, then builds what changed. CC in the environment counts.
build_in() {
    local folder=$1

    shift
    if [ ! -f "$folder/build.ninja" ]; then
        say "configuring ${folder#"$root/"}"
        quietly meson setup "$@" "$folder" "$root"
    fi
    say "building in ${folder#"$root/"}"
    quietly ninja --quiet -C "$folder" -j"$jobs"
}

# quietly COMMAND...: shows its output only if it fails.
quietly() {
    local log status=0

    log=$(mktemp "${scratch:-${TMPDIR:-/tmp}}/log.XXXXXX")
    "$@" >"$log" 2>&1 </dev/null || status=$?
    [ $status = 0 ] || cat "$log" >&2
    rm -f "$log"
    [ $status = 0 ] || say "failed ($status): $*"
    return $status
}

# ---- kernels and initial file systems -------------------------------------------------------------------

# real_package META: the package that META stands for today, and its version; nothing if the package lists
# do not know.
real_package() {
    apt-cache show --no-all-versions "$1" 2>/dev/null |
        sed -n 's/^Depends: \(linux-image-[^ ]*\) (= \([^)]*\)).*/\1 \2/p'
}

# fetch_kernel META MODULE...: sets $kernel_dir, a folder of the cache holding META's vmlinuz, the modules
# named with all that they need under modules/, and modules/order, the order to load them in.
fetch_kernel() {
    local meta=$1 package version key

    shift
    read -r package version < <(real_package "$meta") || :
    if [ -z "${package-}" ] && ! kernel_dir=$(newest_kernel "$meta" "$@"); then
        update_once
        read -r package version < <(real_package "$meta") || die "no package $meta in the lists"
    fi
    [ -n "${package-}" ] || return 0
    key=${package}_${version}_$(cksum <<<"$*" | cut -d' ' -f1)
    kernel_dir=$cache/$key
    mkdir -p "$cache"
    (
        flock 9
        [ -d "$kernel_dir" ] || unpack_kernel "$package" "$key" "$@"
    ) 9>"$cache/.lock" || die "cannot have $package"
}

# Without package lists (no network ever) a kernel of an earlier run will do.
newest_kernel() {
    local meta=$1 found

    shift
    found=$(find "$cache" -maxdepth 1 -name "linux-image-[0-9]*${meta#linux-image}_*_$(cksum <<<"$*" | cut -d' ' -f1)" \
        2>/dev/null | sort -V | tail -n 1)
    [ -n "$found" ] && echo "$found"
}

# Runs under the cache's lock, and in a shell of its own.
unpack_kernel() {
    local package=$1 key=$2 work=$cache/.new.$$ release module

    shift 2
    rm -rf "$cache"/.new.*
    mkdir "$work"
    # shellcheck disable=SC2064 # expanded now: it is gone when the trap runs
    trap "rm -rf '$work'" EXIT
    say "fetching $package"
    if ! (cd "$work" && fetch_deb "$package"); then
        update_once
        (cd "$work" && fetch_deb "$package") || exit 1
    fi
    dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -xC "$work" ./boot ./lib || exit 1
    release=$(ls "$work/lib/modules")
    mkdir -p "$work/done/modules"
    mv "$work/boot/vmlinuz-$release" "$work/done/vmlinuz"
    PATH=$PATH:/usr/sbin:/sbin
    depmod -b "$work" "$release"
    for module; do
        modprobe -d "$work" -S "$release" --show-depends "$module" || exit 1
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$work/list"
    while read -r module; do
        mv "$module" "$work/done/modules/"
        echo "${module##*/}" >>"$work/done/modules/order"
    done <"$work/list"
    publish "$work/done" "$cache/$key"
}

fetch_deb() {
    local as=()

    [ "$(id -u)" != 0 ] || as=(-o APT::Sandbox::User=root)
    apt-get -qq "${as[@]}" download "$1" </dev/null
}

# publish FOLDER NAME: gives a finished folder its name in the cache, unless another run was faster.
publish() {
    local near=$2.new.$$

    mv "$1" "$near"
    mv -T "$near" "$2" 2>/dev/null || rm -rf "$near"
    [ -d "$2" ]
}

# make_initramfs INIT KERNEL_DIR FOLDER: sets $initramfs, an archive of busybox, INIT and the modules, kept
# in FOLDER under a name that says what went in.
make_initramfs() {
    local init=$1 from=$2 folder=$3 busybox tree

    busybox=$(command -v busybox) || die "no busybox"
    initramfs=$folder/$(cat "$init" "$busybox" "$from/modules/order" | cksum | cut -d' ' -f1).cpio
    [ ! -s "$initramfs" ] || return 0
    tree=$scratch/initramfs
    mkdir -p "$tree"/{bin,dev,etc,mnt,proc,root,run,sys,tmp}
    cp "$busybox" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    cp "$init" "$tree/init"
    cp -r "$from/modules" "$tree/modules"
    chmod 755 "$tree/init" "$tree"
    (cd "$tree" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$initramfs.$$"
    mv "$initramfs.$$" "$initramfs"
    rm -rf "$tree"
}

# add_to_initramfs TREE FILE: the demo guest's archive with TREE's files besides.
add_to_initramfs() {
    cp "$initrd" "$2"
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >>"$2"
}

# make_workloads FILE: the program of bench/workloads.c.
make_workloads() {
    gcc -O2 -fno-tree-vectorize -Wall -Wextra -static -o "$1" "$root/bench/workloads.c"
}

# make_compiler TREE: Debian's tcc and make, with the libraries they need, for a guest.
make_compiler() {
    local package file work=$scratch/compiler

    mkdir -p "$work" "$1/bin" "$1/lib64" "$1/lib/x86_64-linux-gnu"
    for package in libc6 make tcc; do
        (cd "$work" && fetch_deb "$package") || die "cannot have $package"
        dpkg-deb -x "$work/$package"_*.deb "$work"
    done
    cp "$work"/usr/bin/{make,tcc} "$1/bin/"
    cp -L "$work/lib64/ld-linux-x86-64.so.2" "$1/lib64/"
    for file in libc.so.6 libdl.so.2 libm.so.6 libpthread.so.0; do
        cp -L "$work/lib/x86_64-linux-gnu/$file" "$1/lib/x86_64-linux-gnu/"
    done
}

# demo_guest: sets $kernel and $initrd; $DEMO_GUEST may hold what scripts/demo-guest said before.
demo_guest() {
    [ -n "${DEMO_GUEST-}" ] || DEMO_GUEST=$("$root/scripts/demo-guest") || die "no demo guest"
    kernel=$(sed -n 's/^kernel=//p' <<<"$DEMO_GUEST")
    initrd=$(sed -n 's/^initrd=//p' <<<"$DEMO_GUEST")
}

# ---- the processor --------------------------------------------------------------------------------------

# kvm_state: the line of tests/tools/kvm-probe: "usable", "emulates only: ..." or "none: ...".
kvm_state() {
    local probe=$build/tests/tools/kvm-probe

    if [ ! -x "$probe" ]; then
        probe=$cache/kvm-probe-$(cksum <"$root/tests/tools/kvm-probe.c" | cut -d' ' -f1)
        if [ ! -x "$probe" ]; then
            mkdir -p "$cache"
            gcc -O1 -o "$probe.$$" "$root/tests/tools/kvm-probe.c"
            mv "$probe.$$" "$probe"
        fi
    fi
    "$probe" || :
}

# choose_processor: the one place where it is decided what runs guests on this host. Sets $processor to "kvm" or
# "soft", $accel to what -accel calls it, and $processor_why to the reason. TENON_PROCESSOR=kvm|soft overrides.
choose_processor() {
    local state

    state=$(kvm_state)
    processor=soft accel=tcg
    case ${TENON_PROCESSOR:-$state} in
    usable) processor=kvm accel=kvm processor_why="/dev/kvm can run an ordinary kernel" ;;
    kvm) processor=kvm accel=kvm processor_why="as asked" ;;
    soft) processor_why="as asked" ;;
    emulates*) processor_why="/dev/kvm only emulates kernel-mode code here (${state#*: })" ;;
    *) processor_why="no KVM here (${state#*: })" ;;
    esac
}
