#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# nographic.sh BUILD - a guest on a real terminal (tmux's): the keys after Ctrl-a, the monitor, the
# time stamps, and the terminal afterwards.
. "$(dirname "$0")/lib.sh"

guest=(-accel soft -machine firmware=none -m 64 -device isa-debug-exit,iobase=0xf4,iosize=4
    -kernel "$build/tests/guest/line")

if ! command -v tmux >/dev/null; then
    skip 'a guest on a terminal' 'no tmux here'
    plan
    exit
fi

terminals=0
mux() { tmux -S "terminal$terminals" -f /dev/null "$@" 2>/dev/null; }
keys() { mux send-keys -t 0 "$@"; }
screen() { mux capture-pane -p -t 0; }
# shows PATTERN: within five seconds.
on_screen() { screen >shown && grep -q -e "$1" shown; }
shows() {
    until_true on_screen "$2" && ok "$1" && return
    not_ok "$1 ($2)" shown
    mux kill-server
    plan
    exit
}
# on_terminal ARGUMENT...: the program on a new terminal, then its exit status, and whether keys echo.
on_terminal() {
    mux kill-server
    terminals=$((terminals + 1))
    printf '%q ' "$build/tenon" "$@" >line
    echo '; echo "status $?"; stty -a | grep -ow -e "-*icanon"; sleep 60' >>line
    mux new-session -d -x 80 -y 24 "bash line"
    pids+=("$(mux display-message -p '#{pid}')")
}

on_terminal "${guest[@]}" -nographic
shows 'the guest is on the terminal' '^ready'
keys a
shows 'a key is the guest'"'"'s' '^got 61'
keys C-c
shows 'so is Ctrl-C' '^got 3'
keys C-a h
shows 'Ctrl-a h shows the keys' '^C-a h    print this help$'
shows 'the last of them' '^C-a C-a  sends C-a$'
keys C-a C-a
shows 'Ctrl-a Ctrl-a is Ctrl-a' '^got 1$'
keys C-a b
shows 'Ctrl-a b sends a break' '^break'
keys C-a c
shows 'Ctrl-a c goes to the monitor' '^(qemu)'
keys 'info name' Enter
shows 'the monitor answers' '^(qemu) info name'
keys C-a t 'info status' Enter
shows 'Ctrl-a t puts the time before lines' '^\[00:00:0[0-9]\.[0-9][0-9][0-9]\] VM status: running'
keys C-a t C-a c z
shows 'and back to the guest' 'got 7a'
keys C-a s
shows 'Ctrl-a s says what there is to save' '^There are no disks to save'
keys C-a x
shows 'Ctrl-a x ends the program' '^status 0'
shows 'which says so' '^Tenon: terminated'
shows 'the terminal is as before' '^icanon'

on_terminal "${guest[@]}" -nographic -serial mon:stdio -echr 2
shows 'another guest' '^ready'
keys C-a C-b h
shows '-echr: Ctrl-a is a key like others' '^got 1'
shows '-echr: and the other shows the help' '^C-b x    exit emulator'
keys Q
shows 'a guest that ends leaves its status' '^status 33'

on_terminal "${guest[@]}" -nographic -monitor none
shows 'without monitor the guest has the terminal' '^ready'
keys C-a
shows 'all of it' '^got 1'
keys C-c
shows 'but for Ctrl-C' '^status 0'

on_terminal "${guest[@]}" -nographic -serial file:serial -monitor stdio
shows 'the monitor has the terminal' '^(qemu)'
if until_true grep -q '^ready' serial; then ok 'the guest has a file'; else not_ok 'the guest has a file' serial; fi
keys 'info chardev' Enter quit Enter
shows 'and ends the program' 'status 0'


# Without a terminal, on descriptors of the caller's, as libvirt has it.
printf QQQQQQQQ >keys
exec 8>out-8 9>>log-9
run tenon "${guest[@]}" -nodefaults -display none -add-fd fd=8,set=1 -add-fd fd=9,set=2 -serial chardev:c \
    -chardev file,id=c,path=/dev/fdset/1,input-path=keys,logfile=/dev/fdset/2,logappend=on
exec 8>&- 9>&-
expect 'a guest on handed descriptors' 33
if [ "$(cat out-8 log-9)" = $'ready\nready' ]; then ok 'file and log'; else not_ok 'file and log' out-8 log-9; fi

mux kill-server
plan
