# SPDX-License-Identifier: LGPL-2.1-or-later
# lib.sh - what the tests of the command line share: a folder of their own, and results as TAP.
#
#     . "$(dirname "$0")/lib.sh"          with the build tree's root as the first argument
#
# shellcheck shell=bash
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # for the tests
source_root=${here%/tests/cli}
build=$(realpath "$1")
work=$(mktemp -d)
tests=0
umask 022
unset TENON_PLUGIN_PATH
exec </dev/null

# What a test leaves running or mounted, it names here.
pids=()
mounts=()
tidy() {
    local each

    for each in ${pids[@]+"${pids[@]}"}; do kill -KILL "$each" 2>/dev/null; done
    cd /
    for each in ${mounts[@]+"${mounts[@]}"}; do umount "$each"; done
    rm -rf "$work"
}
trap tidy EXIT
cd "$work" || exit 1

# The program; not for ever.
tenon() { timeout --kill-after=5 20 "$build/tenon" "$@"; }

ok() { echo "ok $((++tests)) - $1"; }
skip() { echo "ok $((++tests)) - $1 # SKIP $2"; }
# not_ok NAME [FILE]...: and what the files say.
not_ok() {
    echo "not ok $((++tests)) - $1"
    shift
    for file; do
        echo "# $file:"
        sed 's/^/#   /' "$file"
    done
}
plan() { echo "1..$tests"; }

# run COMMAND...: its output in ./out, its messages in ./err without what depends on the host's
# processor, its status in $status.
run() {
    "$@" >out 2>all-err
    status=$?
    grep -Ev '^tenon: warning: (host doesn.t support requested feature|this host.s KVM emulates)' all-err >err
}

# tries ARGUMENT...: as run tenon, of a line that may work: then the machine is ended once it is made.
tries() {
    rm -f ready
    "$build/tenon" "$@" -pidfile ready >out 2>all-err &
    pids+=($!)
    until_true made_or_gone $!
    kill $! 2>/dev/null
    wait $!
    status=$?
    grep -Ev '^tenon: (warning: host doesn.t support requested feature|warning: this host.s KVM emulates|terminating on signal)' all-err >err
}
made_or_gone() { [ -s ready ] || ! kill -0 "$1" 2>/dev/null; }

# expect NAME STATUS [MESSAGE]...: of what has been run; messages come without "tenon: ".
expect() {
    local name=$1 wanted=$2

    shift 2
    : >wanted-err
    [ $# -eq 0 ] || printf 'tenon: %s\n' "$@" >wanted-err
    if [ "$status" != "$wanted" ]; then
        echo "# the status is $status, and not $wanted"
        not_ok "$name" err
    elif ! cmp -s wanted-err err; then
        not_ok "$name" wanted-err err
    else
        ok "$name"
    fi
}

# Waits up to five seconds until the command succeeds.
until_true() {
    local left=100

    until "$@"; do
        [ $((left--)) -gt 0 ] || return 1
        sleep 0.05
    done
}

# starts NAME ARGUMENT...: the program in the background, its id in $started, once its machine is
# made; ends NAME: ends that, which must succeed.
starts() {
    local name=$1

    shift
    rm -f ready
    "$build/tenon" -pidfile ready "$@" >out 2>err &
    started=$!
    pids+=("$started")
    until_true test -s ready && return
    not_ok "$name" err
    return 1
}
ends() {
    kill "$started"
    wait "$started"
    status=$?
    if [ "$status" = 0 ]; then ok "$1"; else not_ok "$1 ($status)" err; fi
}
