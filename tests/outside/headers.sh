#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2086  # flags are words
# headers.sh INCLUDE-DIR - is each header of the plugin interface complete, and clean in every language?
set -eu
include=$1
flags="-Wall -Wextra -Wpedantic -Werror -Wno-unused-parameter -fsyntax-only"

# check COMPILER LANGUAGE STANDARD...
check() {
    compiler=$1 language=$2
    shift 2
    if ! command -v "$compiler" >/dev/null; then
        echo "not checked with $compiler: it is not installed"
        return
    fi
    for standard; do
        for header in "$include"/tenon/*.h; do
            echo "#include <tenon/${header##*/}>" |
                "$compiler" -std="$standard" $flags "-I$include" -x "$language" - ||
                { echo "$compiler -std=$standard: ${header##*/} is not clean" >&2; exit 1; }
        done
        echo "$compiler -std=$standard: clean"
        checked=yes
    done
}

check gcc c c99 c11 c17
check clang c c99 c11 c17
check g++ c++ c++11 c++17 c++20
check clang++ c++ c++11 c++17 c++20

[ -n "${checked:-}" ] || { echo "no compiler is installed" >&2; exit 1; }
