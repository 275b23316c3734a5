#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # what is quoted is for the guest's shell
# virtio-serial.sh - Debian's kernel drives virtio-serial of every form, under KVM or, with SYSTEM_ACCEL=tcg, on the
# software CPU: a megabyte to a port and back, programs that write before anybody listens, a shell on hvc0.
set -eu -o pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2154 # of lib.sh
[ -n "${DEMO_GUEST-}" ] || DEMO_GUEST=$("$root/scripts/demo-guest" virtio_pci virtio_console) || die "no demo guest"
enter_guest_country -m 1024
plan 4

# The guest: two lines to ports whose far ends are not there yet, the first port's bytes back to it, a shell. A port
# without a far end would read as ended, hence the first line.
guest='cat /proc/interrupts; exec 3<>/dev/vport0p1; echo there $((40+1)) >&3; head -c 1048576 <&3 >/tmp/x;'
guest+=' (echo late $((40+2)) >/dev/vport0p2) & cat /tmp/x >&3; exec sh </dev/hvc0 >/dev/hvc0 2>&1'

# peer FOLDER: what is at the far ends. Its last line says how far it has come, or what is wrong.
peer() {
    timeout "${CASE_SECONDS:-150}" python3 - "$1" <<'PEER'
import json, random, socket, sys, time

def wait_for(what):
    print("waits for", what, flush=True)

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

wait_for("the monitor")
monitor = join("qmp").makefile("rw")
for command in "qmp_capabilities", "cont":
    print(json.dumps({"execute": command}), file=monitor, flush=True)
wait_for("the event that tells that the guest has opened the port")
for line in monitor:
    said = json.loads(line)
    if said.get("event") == "VSERPORT_CHANGE" and said["data"] == {"id": "first", "open": True}:
        break
else:
    sys.exit("no event tells that the port is open")
wait_for("the first line")
port, data, back = join("port"), random.Random(1).randbytes(1 << 20), b""
expect(port, b"there 41\n")
port.sendall(data)
wait_for("all to come back")
while len(back) < len(data):
    more = port.recv(1 << random.randrange(4, 17))
    if not more:
        sys.exit(f"end after {len(back)} bytes")
    back += more
    if random.randrange(50) == 0:
        time.sleep(0.05)
if back != data:
    sys.exit("what comes back is not what was sent")
wait_for("the line that is late")
expect(join("late"), b"late 42\n")
wait_for("the shell's answer")
console = join("console")
console.sendall(b"echo answer $((6*7))\n")
expect(console, b"answer 42")
console.sendall(b"exit\n")
PEER
}

# case_of NAME DEVICE INTERRUPT: INTERRUPT is what the guest calls the kind of it.
case_of() {
    local problem='' status=0 folder said

    folder=$(mktemp -d "$scratch/XXXXXX")
    tenon_guest "$guest" -S -no-reboot -device "$2" \
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
