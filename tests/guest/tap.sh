# SPDX-License-Identifier: LGPL-2.1-or-later
# tap.sh - what the scripts that run guest programs share: a folder of their own, $scratch, and results as TAP.
#
#     . "$(dirname "$0")/tap.sh"          files named relatively have been looked up before
#
# shellcheck shell=bash
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
count=0
shown=(why output errors)

# result NAME STATUS [FILE]...: one line of TAP; if the status is not 0, what the files say.
result() {
    local name=$1 status=$2 file

    shift 2
    count=$((count + 1))
    if [ "$status" = 0 ]; then
        echo "ok $count $name"
        return
    fi
    echo "not ok $count $name"
    for file; do
        [ ! -s "$file" ] || tail -n 40 "$file" | sed "s|^|# $file: |"
    done
}

# check NAME COMMAND...: whether it does well; else what it says, and the files of shown.
check() {
    local name=$1 status

    shift
    "$@" >why 2>&1
    status=$?
    result "$name" $status "${shown[@]}"
}
skip() { echo "ok $((++count)) $1 # SKIP $2"; }
