#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# table.sh BUILD TABLE - runs the command lines of a table.
#
#     A sentence that says what is shown
#     $ tenon -version            a line for the shell; the folder is empty but for what "$" lines made
#     > Tenon                     standard output has this in a line
#     ! -x: no such option        exactly these lines come on standard error, after "tenon: "
#     = 1                         the exit status
#
# Empty lines and those that begin with # mean nothing.
. "$(dirname "$0")/lib.sh"

name='' command='' missing=''
messages=()

has_lines() {
    local line

    for line in ${lines[@]+"${lines[@]}"}; do
        grep -qF -- "$line" out && continue
        missing=$line
        return 1
    done
}

finish() {
    run eval "$command"
    if [ "$status" = "$1" ] && ! has_lines; then
        echo "# this is not in the output: $missing"
        not_ok "$name" out
    else
        expect "$name" "$1" ${messages[@]+"${messages[@]}"}
    fi
    command='' messages=() lines=()
}

lines=()
while IFS= read -r line; do
    case $line in
    '$ '*) command+=${line#??}$'\n' ;;
    '> '*) lines+=("${line#??}") ;;
    '! '*) messages+=("${line#??}") ;;
    '= '*) finish "${line#??}" ;;
    '#'* | '') ;;
    *) name=$line ;;
    esac
done <"$here/$2"
[ -z "$command" ] || not_ok "$name (has no status)"
plan
