#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# nested-gdb.sh - the real gdb debugs a guest of KVM: Debian on the software CPU runs tenon under its own KVM, whose
# debug registers are the software CPU's. gdb is out here; a serial port joins the two.
set -eu -o pipefail
SYSTEM_ACCEL=tcg
# shellcheck source=inner.sh
. "$(dirname "$0")/inner.sh"

cases=(registers break many watch step memory interrupt threads masked own end bits32 bits16)

tidy() {
    [ -z "${guest-}" ] || pkill -P "$guest" || :
}

enter_outer_guest "gdb and KVM" debuggee.elf
if ! command -v gdb >/dev/null; then
    plan 1
    skip 'gdb and KVM' 'gdb is not installed'
    exit
fi
# In there they lie below the same folder as out here.
mkdir -p "$tree/$programs"
cp -L "$programs/debuggee" "$programs/multiboot" "$programs/bios16" "$tree/$programs/"
cat >"$tree/t/debuggees" <<'END'
#!/bin/sh
cd /t || exit
exec 3<>/dev/ttyS1 # what gdb says is kept until tenon is there
stty raw -echo <&3
stty -echo </dev/ttyS0
echo 'for debuggees, lines of options'
while read -r options; do
    ./tenon $options -gdb /dev/ttyS1
done </dev/ttyS0
END
chmod 755 "$tree/t/debuggees"
pack_outer_guest

mkfifo "$scratch/starter"
exec 4<>"$scratch/starter"
CASE_SECONDS=600 tenon_guest /t/debuggees -m 512 -cpu EPYC -serial mon:stdio \
    -serial "unix:$scratch/line,server=on,wait=off" <"$scratch/starter" &
guest=$!
if ! await "$guest" 'for debuggees, lines of options'; then
    plan 1
    result 'gdb and KVM' 'the outer guest does not start'
    exit
fi
STARTER=$scratch/starter DEVICE=$scratch/line \
    "$root/tests/debug/gdb.py" "$tenon" "$programs" kvm,fallback=off "${cases[@]}"
