#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# lines.sh BUILD - command lines as programs ran them: each is understood, and what it asks for and this
# build does not have, or this host does not, is all that is said.
. "$(dirname "$0")/lib.sh"

# What may be missing here: parts of this build, and files of theirs.
allowed='not in this build yet$|No such file or directory$|warning: this host.s KVM emulates'

number=0
while IFS= read -r line; do
    ((number++))
    case $line in '' | '#'*) continue ;; esac
    eval "set -- $line"
    shift
    tries "$@"
    name="line $number: ${line:19:60}"
    if grep -Ev "$allowed" err >other; then
        not_ok "$name" other
    elif [ "$status" != 0 ] && [ "$status" != 1 ]; then
        echo "# its status is $status"
        not_ok "$name" err
    elif [ "$status" = 1 ] && [ ! -s err ]; then
        not_ok "$name (says nothing)"
    else
        ok "$name"
    fi
done <"$source_root/tests/data/command-lines.txt"
plan
