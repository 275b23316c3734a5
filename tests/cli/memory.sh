#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# memory.sh BUILD - guest RAM where there is not enough room for it.
. "$(dirname "$0")/lib.sh"
name="RAM beyond what this host can map"
if [ "$(cat /proc/sys/vm/overcommit_memory)" = 1 ]; then
    skip "$name" "vm.overcommit_memory is 1: the host grants whatever is asked for"
else
    run tenon -machine pc,accel=qtest -nodefaults -S -m 60T
    expect "$name" 1 "-m 60T: cannot map 60 TiB of guest memory: Cannot allocate memory"
fi

pc=(-machine pc,accel=qtest -nodefaults -S)

# Where no root may make a small file system, a limit on the size of files does for a full disk.
mkdir disk
if mount -t tmpfs -o size=16m tmpfs disk 2>mount-err; then
    mounts+=("$work/disk")
    run tenon "${pc[@]}" -m 64 -mem-path disk
    expect "a full disk under -mem-path" 1 \
        "-mem-path disk: cannot set aside 64 MiB of guest memory in disk: No space left on device"
    run tenon "${pc[@]}" -m 64 -mem-path disk -mem-prealloc
    expect "a full disk under -mem-path, with -mem-prealloc" 1 \
        "-mem-path disk: cannot set aside 64 MiB of guest memory in disk: No space left on device"
    run tenon "${pc[@]}" -m 64 -machine memory-backend=m \
        -object memory-backend-file,id=m,size=64M,mem-path=disk/ram,share=on
    expect "a full disk under a memory object" 1 "-object memory-backend-file,id=m,size=64M,mem-path=disk/ram,share=on: cannot set aside 64 MiB of guest memory in disk/ram: No space left on device"
    rm -f disk/ram
    if [ -z "$(ls -A disk)" ]; then ok "nothing is left on the disk"; else not_ok "nothing is left on the disk"; fi
else
    for name in "a full disk under -mem-path" "a full disk under -mem-path, with -mem-prealloc" \
        "a full disk under a memory object" "nothing is left on the disk"; do
        skip "$name" "cannot mount a small tmpfs: $(tail -n 1 mount-err)"
    done
fi

run tenon "${pc[@]}" -mem-path nowhere/at/all
expect "a -mem-path that is not there" 1 \
    "-mem-path nowhere/at/all: cannot make 128 MiB of guest memory in nowhere/at/all: No such file or directory"

# field PID KB FIELD: of the mapping of so many kB, in /proc/PID/smaps
field() {
    awk -v size="$2" -v field="$3:" '
        $1 == "Size:" { on = $2 == size }
        on && $1 == field { $1 = ""; print substr($0, 2); exit }' "/proc/$1/smaps"
}

name="-mem-prealloc takes all of the memory"
if starts "$name" "${pc[@]}" -m 16 -mem-prealloc; then
    rss=$(field "$started" 16384 Rss)
    echo "# $rss of 16384 kB"
    if [ "${rss% kB}" = 16384 ]; then ends "$name"; else not_ok "$name"; ends "and it ends"; fi
fi

name="guest memory is part of core dumps, unless dump-guest-core=off"
if starts "$name" "${pc[@]}" -m 16; then
    with=$(field "$started" 16384 VmFlags)
    ends "it ends in order"
    starts "$name" "${pc[@]}" -m 16 -machine dump-guest-core=off
    without=$(field "$started" 16384 VmFlags)
    if [[ " $with " != *" dd "* && " $without " = *" dd "* ]]; then ends "$name"; else not_ok "$name"; fi
fi

name="mem-merge=on lets the host merge pages"
if starts "$name" "${pc[@]}" -m 16 -machine mem-merge=on; then
    flags=$(awk '$1 == "VmFlags:" && / mg / { print "mergeable" }' "/proc/$started/smaps" | head -1)
    if [ "$flags" ] || [ ! -e /sys/kernel/mm/ksm ]; then ends "$name"; else not_ok "$name"; fi
fi
run tenon "${pc[@]}" -m 16 -machine mem-merge=on -mem-path .
expect "mem-merge=on with a path" 1 \
    "-mem-path .: memory in a file cannot be merged: mem-merge=on and a path exclude each other"
plan
