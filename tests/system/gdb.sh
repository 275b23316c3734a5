#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# gdb.sh - the real gdb debugs guests of ours under KVM where that is the real thing: watchpoints, steps and
# breakpoints are the processor's own.
set -eu -o pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_packages gdb
enter_guest_country -t 600
guests=$(dirname "$tenon")/tests/guest
[ -f "$guests/debuggee" ] || ninja -C "$(dirname "$tenon")" tests/guest/debuggee tests/guest/soft-debug \
    tests/guest/multiboot tests/guest/bios16 >&2
exec python3 "$root/tests/debug/gdb.py" "$tenon" "$guests" kvm registers break many watch step memory \
    interrupt threads masked own end bits32 bits16
