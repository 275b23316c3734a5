#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# round-trip.sh BUILD - what -writeconfig writes, -readconfig reads back to the same machine.
. "$(dirname "$0")/lib.sh"

# same NAME: are the files a and b one configuration?
same() {
    if cmp -s a b; then ok "$1"; else diff a b >difference; not_ok "$1" difference err; fi
}

number=0
while IFS= read -r line; do
    ((number++))
    case $line in '' | '#'* | *help) continue ;; esac
    eval "set -- $line"
    shift
    rm -f a b
    tries "$@" -writeconfig a
    tries -readconfig a -writeconfig b
    same "line $number: ${line:19:60}"
done <"$source_root/tests/data/command-lines.txt"

# Takes away what the test itself has put there.
without_pidfile() { awk -v RS= '!/^\[pidfile\]/' "$1" >tmp && mv tmp "$1"; }

# machine ARGUMENT...: of a machine that this build has, and that starts from its file as well.
machine() {
    rm -f a b
    starts "$*" -S -machine accel=qtest "$@" -writeconfig a || return
    ends "$*: starts"
    without_pidfile a
    starts "$* from its file" -readconfig a -writeconfig b || return
    ends "$*: starts from its file"
    without_pidfile b
    same "$*: comes back"
}
machine -machine none
machine -nodefaults -m 32 -smp 2,cores=2 -cpu Haswell,-avx,level=11 -rtc base=2020-02-29,clock=vm
machine -machine pc-i440fx-4.2,usb=off,acpi=off -name 'a,,b "c"' -uuid 01234567-89ab-cdef-0123-456789abcdef \
    -serial null -boot order=dc,menu=on -fw_cfg name=opt/x,string="it's" -global isa-debugcon.readback=1
machine -M pc -chardev file,id=log,path=log -device '{"driver":"isa-debugcon","chardev":"log","iobase":1026}' \
    -object memory-backend-ram,id=m,size=64M -machine memory-backend=m
printf '[device "d"]\n driver = "isa-serial"\n' >d.conf
machine -M pc -readconfig d.conf -set device.d.irq=7
run tenon -machine none -name 'x,process=p' -writeconfig - -readconfig nowhere
expect "a line with a fault is not written" 1 "-readconfig: cannot open nowhere: No such file or directory"
plan
