#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# perf.sh EMULATOR PROGRAM - what -perfmap and -jitdump write of a guest program's translated code, and what -d op
# and out_asm tell of it.
set -u
emulator=$(realpath "$1") program=$(realpath "$2")
# shellcheck source=tests/guest/tap.sh
. "$(dirname "$0")/tap.sh"
map=
trap 'rm -rf "$scratch" "$map"' EXIT

# run OPTION...: the program in translated code; $pid is its process's number.
run() {
    "$emulator" -accel soft,engine=translator -machine firmware=none -nodefaults -display none -no-reboot -m 64 \
        -serial null -device isa-debug-exit,iobase=0xf4,iosize=4 -cpu max -kernel "$program" "$@" </dev/null >/dev/null &
    pid=$!
    wait $pid
}

echo 1..5
run -perfmap -jitdump -d op,out_asm -D log
map=/tmp/perf-$pid.map
[ -s "$map" ] && ! grep -qvE '^[0-9a-f]+ [0-9a-f]+ guest:[0-9a-f]{16}$' "$map"
result 'the map has lines of address, size and name' $?
"$(command -v python3)" - "jit-$pid.dump" "$map" "$pid" <<'END'
import struct, sys
data, lines = open(sys.argv[1], "rb").read(), [line.split() for line in open(sys.argv[2])]
magic, version, size, machine, _, pid, _, _ = struct.unpack_from("<6I2Q", data)
assert (magic, version, size, machine, pid) == (0x4a695444, 1, 40, 62, int(sys.argv[3]))
at, loads = size, []
while at < len(data):
    kind, size, time = struct.unpack_from("<2IQ", data, at)
    if kind == 0:
        pid, tid, vma, address, length, index = struct.unpack_from("<2I4Q", data, at + 16)
        name = data[at + 56:data.index(b"\0", at + 56)].decode()
        assert size == 56 + len(name) + 1 + length and index == len(loads) and vma == address
        loads.append([f"{address:x}", f"{length:x}", name])
    at += size
assert kind == 3 and at == len(data)
assert loads == lines, (len(loads), len(lines))
END
result 'the dump has the same pieces, with their code' $?
grep -q '^OP:$' log && grep -qE '^  MOVI?64 +r' log && grep -qE '^ ---- [0-9a-f]{16}$' log
result 'op shows micro-operations' $?
[ "$(grep -cE '^OUT: \[size=[0-9]+\] of [0-9a-f]{16}$' log)" = "$(wc -l <"$map")" ]
result 'out_asm shows each block once' $?
run -d op,out_asm -D log -dfilter 0x1+1
[ -e log ] && ! grep -q . log
result 'only where -dfilter says' $?
