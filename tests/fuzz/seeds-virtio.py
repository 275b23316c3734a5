# SPDX-License-Identifier: LGPL-2.1-or-later
# seeds-virtio.py - rings that make sense, split and packed, and a device at work: SOURCE-ROOT OUTPUT-FOLDER.
import struct
import sys

ENTRIES = 8
TAKE, PUT, NOTIFY, LISTEN, GIVE_BACK = 5, 3, 1, 2, 4


def desc(addr, length, a, b):
    return struct.pack("<QIHH", addr, length, a, b)


def memory(table, avail=b""):
    return (table + bytes(0x800 - len(table)) + avail).ljust(4096, b"\0")


split = memory(
    desc(0x400, 16, 1, 1) + desc(0x500, 32, 2, 0) + desc(0x600, 64, 2, 0) + desc(0x700, 32, 4, 0)
    + bytes(64) + bytes(0x400 - 128) + bytes(0x300)
    + desc(0x400, 4, 1, 1) + desc(0x500, 4, 2, 0),
    struct.pack("<HHHHHH", 0, 3, 0, 2, 3, 0))
packed = memory(
    desc(0x400, 16, 0, 0x81) + desc(0x500, 32, 7, 0x82) + desc(0x600, 64, 2, 0x82)
    + desc(0x700, 32, 3, 0x84) + bytes(64 + 0x400 - 128 + 0x300)
    + desc(0x400, 4, 0, 0) + desc(0x500, 4, 0, 2))
steps = b"".join(struct.pack("<BBHI", what, 0, 0, 1) for what in (
    LISTEN, TAKE, GIVE_BACK, TAKE, PUT, NOTIFY, TAKE, TAKE, PUT, PUT, NOTIFY, TAKE))

for features in range(8):
    ring = packed if features & 1 else split
    entries = ENTRIES - 1 if features & 1 else 3
    setup = struct.pack("<BBHHH", features, entries, 0, 0x800, 0xa00)
    with open(f"{sys.argv[2]}/{features}", "wb") as f:
        f.write(setup + ring + steps)
