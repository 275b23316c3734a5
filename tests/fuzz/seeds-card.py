#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""seeds-card - first inputs for fuzz-card: small shared objects with a card in a segment or a section."""

import pathlib
import struct
import sys

out = pathlib.Path(sys.argv[2])
text = b"need=0\tkind=device\tname=edu e\tbus=PCI\ttags=misc\thelp=Educational device\0"


def note(owner, body, kind=0):
    pad = lambda b: b + bytes(-len(b) % 4)
    return struct.pack("<III", len(owner), len(body), kind) + pad(owner) + pad(body)


def elf(notes, segments, sections):
    """The header, then program headers, section headers and the notes."""
    start = 64 + 56 * segments + 64 * sections
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 64 + 56 * segments, 0, 64, 56, segments, 64, sections, 0)
    segment = struct.pack("<IIQQQQQQ", 4, 4, start, start, start, len(notes), len(notes), 4)
    section = struct.pack("<IIQQQQIIQQ", 0, 7, 2, start, start, len(notes), 0, 0, 4, 0)
    return header + segment * segments + section * sections + notes


ours = note(b"TENON\0", text)
foreign = note(b"GNU\0", bytes(20), 3)
(out / "segment").write_bytes(elf(foreign + ours + ours, 1, 0))
(out / "section").write_bytes(elf(ours, 0, 1))
(out / "later").write_bytes(elf(note(b"TENON\0", b"v=2\0", 1), 1, 1))
