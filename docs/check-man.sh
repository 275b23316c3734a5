#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-man.sh PAGE... - has man(1) anything to complain of?
set -eu
command -v man >/dev/null || { echo "man is not installed" >&2; exit 77; }
status=0
for page; do
    said=$(MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -E UTF-8 -Tutf8 -Z -l "$page" 2>&1 >/dev/null)
    [ -z "$said" ] || { echo "$said" >&2; status=1; }
done
exit $status
