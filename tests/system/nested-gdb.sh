#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# nested-gdb.sh - the real gdb debugs a guest of KVM: Debian on the software CPU runs tenon under its own KVM, whose
# debug registers are the software CPU's. gdb is out here; a serial port joins the two.
set -eu -o pipefail
SYSTEM_ACCEL=tcg
# shellcheck source=inner.sh
. "$(dirname "$0")/inner.sh"

cases=(registers break many watch step memory interrupt threads masked own end)

tidy() {
    [ -z "${guest-}" ] || pkill -P "$guest" || :
}

enter_outer_guest "gdb and KVM" debuggee.elf
if ! command -v gdb >/dev/null; then
    plan 1
    skip 'gdb and KVM' 'gdb is not installed'
    exit
fi
cp -L "$programs/debuggee" "$tree/t/"
cat >"$tree/t/debuggees" <<'END'
#!/bin/sh
cd /t || exit
exec 3<>/dev/ttyS1 # bytes between two of them are kept
stty raw -echo <&3
while :; do
    echo 'a debuggee waits'
    ./tenon -accel kvm,fallback=off -cpu max -smp 2 -machine firmware=none -nodefaults -display none -m 64 \
        -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel debuggee -S -gdb /dev/ttyS1
done
END
chmod 755 "$tree/t/debuggees"
pack_outer_guest

CASE_SECONDS=600 tenon_guest /t/debuggees -m 512 -cpu EPYC -serial mon:stdio -serial "unix:$scratch/line,server=on,wait=off" &
guest=$!
if ! await "$guest" 'a debuggee waits'; then
    plan 1
    result 'gdb and KVM' 'the outer guest does not start'
    exit
fi
DEVICE=$scratch/line "$root/tests/debug/gdb.py" "$tenon" "$programs" kvm "${cases[@]}"
