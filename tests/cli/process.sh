#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# process.sh BUILD - how the program starts, goes into the background, and ends.
. "$(dirname "$0")/lib.sh"
none=(-machine none)

# gone PID: has the process ended?
gone() { ! kill -0 "$1" 2>/dev/null; }

# --- ends ---

for signal in TERM INT HUP; do
    # A shell starts background jobs with SIGINT ignored; what ends the program does not depend on that.
    if starts "SIG$signal" "${none[@]}"; then
        kill -"$signal" "$started"
        wait "$started"
        status=$?
        sed -i "s/ from pid .*//" err
        echo "tenon: terminating on signal $(kill -l $signal)" >wanted
        if [ "$status" = 0 ] && cmp -s wanted err && [ ! -s out ] && [ ! -e ready ]; then
            ok "SIG$signal ends it in order, with status 0"
        else
            echo "# status $status"
            not_ok "SIG$signal ends it in order, with status 0" err out
        fi
    fi
done

if starts "a machine without processors" -S -no-user-config -nodefaults -nographic -machine none,accel=kvm:qtest \
    -name guest=g,process=cli-test -msg timestamp=on; then
    if [ "$(cat "/proc/$started/comm")" = cli-test ]; then ok "-name process="; else not_ok "-name process="; fi
    ends "what libvirt asks first starts"
fi

name="nohup is heeded"
rm -f ready
nohup "$build/tenon" "${none[@]}" -pidfile ready >out 2>err &
pids+=($!)
if until_true test -s ready; then
    kill -HUP $!
    sleep 0.1
    if kill -0 $!; then ok "$name"; else not_ok "$name" err; fi
    started=$!
    ends "and the next signal ends it"
else
    not_ok "$name" err
fi

# --- standard streams ---

run tenon -machine nosuchthing <&-
expect "standard input closed" 1 '-machine nosuchthing: there is no machine "nosuchthing"'
# A message must not land in a file of ours that took the number of standard error.
if starts "standard error closed" "${none[@]}"; then
    kill "$started"; wait "$started"
fi
rm -f ready
"$build/tenon" -machine pc,accel=qtest -nodefaults -pidfile ready <&- >&- 2>&- &
started=$!
pids+=("$started")
if until_true test -s ready && [ "$(readlink "/proc/$started/fd/0" "/proc/$started/fd/1" "/proc/$started/fd/2" | sort -u)" = /dev/null ]; then
    ends "all three closed: /dev/null takes their place"
else
    not_ok "all three closed: /dev/null takes their place"
fi
for _ in 1 2 3 4 5 6 7 8 9; do tenon -h; done 2>err | head -1 >out
if [ -s err ]; then not_ok "a reader of -h that goes away" err; else ok "a reader of -h that goes away"; fi

# --- -daemonize and -pidfile ---

run tenon "${none[@]}" -daemonize -pidfile d.pid
pid=$(cat d.pid)
pids+=("$pid")
expect "-daemonize: the parent's status" 0
if [ "$(cat "/proc/$pid/comm")" = tenon ] && [ "$(wc -l <d.pid)" = 1 ]; then
    ok "-pidfile has the daemon's process id in a line"
else
    not_ok "-pidfile has the daemon's process id in a line" d.pid
fi
if [ "$(readlink "/proc/$pid/cwd")" = / ] && [ "$(readlink "/proc/$pid/fd/0")" = /dev/null ] &&
    [ "$(readlink "/proc/$pid/fd/1")" = /dev/null ] && [ "$(readlink "/proc/$pid/fd/2")" = /dev/null ] &&
    [ "$(ps -o sid= -p "$pid" | tr -d ' ')" = "$pid" ]; then
    ok "the daemon has left terminal, folder and session"
else
    not_ok "the daemon has left terminal, folder and session"
fi

run tenon "${none[@]}" -pidfile d.pid
expect "a second one with that pid file" 1 "-pidfile d.pid: is held by another process"
run tenon "${none[@]}" -daemonize -pidfile d.pid
expect "a second daemon with that pid file" 1 "-pidfile d.pid: is held by another process"
if [ "$(cat d.pid)" = "$pid" ]; then ok "which stays as it is"; else not_ok "which stays as it is" d.pid; fi

kill "$pid"
if until_true gone "$pid" && [ ! -e d.pid ]; then ok "the daemon ends and takes its pid file along"; else not_ok "the daemon ends and takes its pid file along"; fi

run tenon -daemonize -pidfile d.pid -machine pc,accel=qtest -device isa-serial,irq=77
expect "-daemonize: the parent has the daemon's fault" 1 \
    "-device isa-serial,irq=77: irq takes a number from 0 to 15, not '77'"
run tenon "${none[@]}" -daemonize -nographic -pidfile d.pid
expect "-daemonize and -nographic" 1 "-nographic: cannot use standard input and output with -daemonize"
run tenon "${none[@]}" -daemonize -serial stdio -pidfile d.pid
expect "-daemonize and -serial stdio" 1 \
    "-serial stdio: cannot use standard input and output with -daemonize"
run tenon "${none[@]}" -daemonize -chardev stdio,id=c -pidfile d.pid
expect "-daemonize and -chardev stdio" 1 \
    "-chardev stdio,id=c: cannot use standard input and output with -daemonize"
if [ ! -e d.pid ] && ! pgrep -f "$work" >left; then ok "none is left"; else not_ok "none is left" left; fi

run tenon "${none[@]}" -daemonize -nographic -nodefaults -pidfile d.pid
expect "-daemonize and -nographic with -nodefaults, as libvirt does" 0
pid=$(cat d.pid)
pids+=("$pid")
kill "$pid"
until_true gone "$pid"

# --- rights ---

# as COMMAND...: as a user of no rights.
as() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }
name="no rights on /dev/kvm"
why=
if [ "$(id -u)" != 0 ]; then
    as() { "$@"; }
elif ! chmod 755 "$work" || ! as test -x "$build/tenon"; then
    why="another user cannot reach the build tree"
fi
if [ "$why" ] || [ ! -e /dev/kvm ]; then
    skip "$name" "${why:-there is no /dev/kvm}"
elif as test -w /dev/kvm; then
    skip "$name" "everybody has them here"
else
    run as timeout 20 "$build/tenon" "${none[@]}" -enable-kvm
    sed -i 's/\(no rights on .dev.kvm\):.*/\1/' err
    expect "$name" 1 "-enable-kvm: no rights on /dev/kvm"
fi
name="locked memory that the host does not grant"
if [ "$why" ]; then
    skip "$name" "$why"
else
    ulimit -Sl 64
    run as timeout 20 "$build/tenon" "${none[@]}" -overcommit mem-lock=on
    expect "$name" 1 "-overcommit mem-lock=on: cannot lock memory: Cannot allocate memory"
fi
plan
