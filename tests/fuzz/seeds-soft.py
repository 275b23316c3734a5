#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""seeds-soft.py SOURCE-ROOT FOLDER - code for each of fuzz-soft's modes: any bytes, with system instructions."""

import os
import random
import sys

MODES = 9
SYSTEM = ("0f00", "0f01", "0f02", "0f03", "0f05", "0f07", "0f20", "0f22", "0f23", "0f30", "0f32", "0f34", "0f35",
          "0fa1", "0fa9", "0faa", "0fae", "0fb2", "0fc7", "cd", "cf", "9a", "ea", "ca", "8ed8", "9d", "fb", "f3a5",
          "c5f8", "c4e2", "660f38", "660f3a", "d9", "df", "f0")


def code(rng, length):
    out = b""
    while len(out) < length:
        out += bytes.fromhex(rng.choice(SYSTEM)) if rng.random() < 0.3 else b""
        out += rng.randbytes(rng.randint(1, 4))
    return out


def main():
    rng = random.Random(1)
    for mode in range(MODES):
        for i in range(6):
            header = bytes([mode, 0, rng.choice((0, 64))]) + rng.randbytes(64 + 3 + 30)
            with open(os.path.join(sys.argv[2], f"{mode}-{i}"), "wb") as file:
                file.write(header + code(rng, rng.randint(30, 600)))


main()
