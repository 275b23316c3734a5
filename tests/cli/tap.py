# SPDX-License-Identifier: LGPL-2.1-or-later
"""tap - what a program of checks says of them, in TAP; finish() says how many there were."""
import sys

number = 0


def check(name, good, why=""):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good:
        print("".join(f"# {line}\n" for line in str(why).splitlines()), end="")
    sys.stdout.flush()


def skip(name, why):
    global number
    number += 1
    print(f"ok {number} - {name} # SKIP {why}")


def finish():
    print(f"1..{number}")
