#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# confine.sh BUILD - -sandbox, -chroot, -runas and -run-with: what the running process has given up.
. "$(dirname "$0")/lib.sh"
none=(-machine none)

# status KEY: of the process that runs.
status_of() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$started/status" | tr '\t' ' '; }
# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then ok "$1"; else echo "# $3, and not $2"; not_ok "$1" err; fi
}
# once WANTED COMMAND...: does it come to say that?
once() { [ "$("${@:2}")" = "$1" ]; }

if starts "-sandbox on" "${none[@]}" -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny; then
    if until_true once 2 status_of Seccomp; then ok "-sandbox on filters"; else not_ok "-sandbox on filters" err; fi
    ends "and the program ends in order"
fi
if starts "-sandbox with processors" -machine pc -nodefaults -smp 2 -sandbox on; then
    until_true once 2 status_of Seccomp
    is "-sandbox is over every thread" 2 "$(sed -n 's/^Seccomp:\t//p' "/proc/$started/task/"*/status | sort -u)"
    ends "and the program ends in order"
fi
if starts "-sandbox off" "${none[@]}" -sandbox off; then
    sleep 0.2
    is "-sandbox off does not" 0 "$(status_of Seccomp)"
    ends "and the program ends in order"
fi
if starts "with parent" "${none[@]}" -run-with exit-with-parent=on; then ends "-run-with exit-with-parent=on"; fi
rm -f ready
bash -c '"$0" -machine none -run-with exit-with-parent=on -pidfile ready & until test -s ready; do sleep 0.05; done' "$build/tenon"
started=$(cat ready 2>/dev/null)
gone() { ! kill -0 "$started" 2>/dev/null; }
if until_true gone; then ok "it ends with its parent"; else pids+=("$started"); not_ok "it ends with its parent"; fi

run tenon "${none[@]}" -runas nosuchuser
expect "-runas of nobody" 1 '-runas nosuchuser: there is no user "nosuchuser"; must be NAME or UID:GID'
run tenon "${none[@]}" -runas 12:x
expect "-runas without a group" 1 '-runas 12:x: there is no user "12:x"; must be NAME or UID:GID'
run tenon "${none[@]}" -daemonize -run-with exit-with-parent=on
expect "-run-with exit-with-parent with -daemonize" 1 \
    '-run-with exit-with-parent=on: cannot be used with -daemonize, which leaves its parent'
run tenon "${none[@]}" -sandbox on,spawn=maybe
expect "-sandbox spawn=maybe" 1 '-sandbox on,spawn=maybe: spawn must be allow or deny, not "maybe"'

if [ "$(id -u)" != 0 ]; then
    skip "-chroot and -runas" "needs to be root"
    plan
    exit
fi
run tenon "${none[@]}" -chroot nowhere
expect "-chroot of nothing" 1 '-chroot nowhere: cannot make it the root directory: No such file or directory'
mkdir root
if starts "-chroot -runas" "${none[@]}" -chroot root -runas 1234:5678 -sandbox on; then
    if until_true once "1234 1234 1234 1234" status_of Uid; then ok "-runas changes the user"; else not_ok "-runas changes the user" err; fi
    is "and the group" "5678 5678 5678 5678" "$(status_of Gid)"
    is "and takes the other groups" "5678" "$(status_of Groups | tr -d ' ')"
    is "-chroot changes the root" "$work/root" "$(readlink "/proc/$started/root")"
    ends "and the program ends in order"
fi
if starts "-run-with" "${none[@]}" -run-with chroot=root,user=nobody; then
    if until_true once "$(id -u nobody)" eval 'status_of Uid | cut -d" " -f1'; then ok "-run-with user="; else not_ok "-run-with user=" err; fi
    is "-run-with chroot=" "$work/root" "$(readlink "/proc/$started/root")"
    ends "and the program ends in order"
fi
rm -f ready
tenon "${none[@]}" -daemonize -chroot root -runas 1234:5678 -pidfile ready
started=$(cat ready)
pids+=("$started")
is "-daemonize with -chroot lets go of the terminal" "/dev/null" "$(readlink "/proc/$started/fd/2")"
kill "$started"
if until_true gone; then ok "and ends"; else not_ok "and ends"; fi
plan
