#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# virtio-serial-soft.sh - on the software CPU Debian's kernel drives virtio-serial of every form: a megabyte to a
# port and back, a program that writes before anybody listens, a shell on hvc0.
set -eu -o pipefail
export SYSTEM_ACCEL="${SYSTEM_ACCEL:-tcg}"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2154 # of lib.sh
[ -n "${DEMO_GUEST-}" ] || DEMO_GUEST=$("$root/scripts/demo-guest" virtio_pci virtio_console) || die "no demo guest"
enter_guest_country -m 1024
plan 4

# shellcheck disable=SC2016 # the guest's shell expands it
# The guest: a port's bytes back to it, a line to a port whose far end is not there yet, a shell.
guest='cat /proc/interrupts; exec 3<>/dev/vport0p1; head -c 1048576 <&3 >/tmp/x; (echo late $((40+2)) >/dev/vport0p2) &'
guest+=' cat /tmp/x >&3; exec sh </dev/hvc0 >/dev/hvc0 2>&1'

# peer FOLDER: what is at the far ends; says what is wrong.
peer() {
    timeout "${CASE_SECONDS:-150}" python3 - "$1" <<'PEER'
import json, random, socket, sys, time

def join(name):
    s = socket.socket(socket.AF_UNIX)
    while s.connect_ex(f"{sys.argv[1]}/{name}"):
        time.sleep(0.1)
    return s

def expect(s, text):
    got = b""
    while text not in got:
        more = s.recv(4096)
        if not more:
            sys.exit(f"end after {got!r}")
        got += more

events = join("qmp").makefile("rw")
print('{"execute": "qmp_capabilities"}', file=events, flush=True)
port, data, back = join("port"), random.Random(1).randbytes(1 << 20), b""
port.sendall(data)
while len(back) < len(data):
    more = port.recv(1 << random.randrange(4, 17))
    if not more:
        sys.exit(f"end after {len(back)} bytes")
    back += more
    if random.randrange(50) == 0:
        time.sleep(0.05)
if back != data:
    sys.exit("what comes back is not what was sent")
expect(join("late"), b"late 42\n")
console = join("console")
console.sendall(b"echo answer $((6*7))\n")
expect(console, b"answer 42")
for line in events:
    event = json.loads(line)
    if event.get("event") == "VSERPORT_CHANGE" and event["data"] == {"id": "first", "open": True}:
        break
else:
    sys.exit("no event tells that the port is open")
console.sendall(b"exit\n")
PEER
}

# case_of NAME DEVICE INTERRUPT: INTERRUPT is what the guest calls the kind of it.
case_of() {
    local problem='' status=0 folder said

    folder=$(mktemp -d "$scratch/XXXXXX")
    tenon_guest "$guest" -no-reboot -device "$2" \
        -chardev socket,id=console,path="$folder/console",server=on,wait=off -device virtconsole,chardev=console \
        -chardev socket,id=port,path="$folder/port",server=on,wait=off -device virtserialport,chardev=port,nr=1,id=first \
        -qmp "unix:$folder/qmp,server=on,wait=off" \
        -chardev socket,id=late,path="$folder/late",server=on,wait=off \
        -device virtserialport,chardev=late,name=org.tenon.late </dev/null &
    said=$(peer "$folder" 2>&1) || problem="the far end: ${said##*$'\n'}"
    wait $! || status=$?
    [ -n "$problem" ] || [ $status = 0 ] || problem="exit status $status"
    [ -n "$problem" ] || grep -a virtio "$scratch/output" | grep -aq -e "$3" || problem="no interrupts by $3"
    result "$1" "$problem"
}

case_of 'modern, messages' virtio-serial-pci-non-transitional PCI-MSI
case_of 'modern, interrupt line' virtio-serial-pci,vectors=0 IO-APIC
case_of 'legacy, interrupt line' virtio-serial-pci,vectors=0,disable-modern=on IO-APIC
case_of 'packed rings' virtio-serial-pci,packed=on PCI-MSI
