#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""simpletrace - shows what "tenon -trace file=FILE" has written, as lines like those of the log.

    simpletrace.py FILE [NAME...]       all events, or those of these names only

The form of the file is described in docs/logging.md.
"""

import re
import struct
import sys

MAGIC = b"TENONTRC"
VERSION = 1
DECLARED, HAPPENED = 0, 1
CONVERSION = re.compile(r"%([-+ #0-9.]*)(hh|h|ll|l|z|j|t)?([diuxXocsp%])")
LONGEST = 1 << 20


class Damaged(Exception):
    """The file is not what it should be."""


def take(record, at, form):
    """One number of the record, and where the next thing is."""
    size = struct.calcsize(form)
    if at + size > len(record):
        raise Damaged("a record is too short")
    return struct.unpack_from(form, record, at)[0], at + size


def take_string(record, at):
    length, at = take(record, at, "<I")
    if at + length > len(record):
        raise Damaged("a string is longer than its record")
    return record[at : at + length].decode(errors="replace"), at + length


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def text_of(form, record, at):
    """The printf format with the arguments that begin at `at`."""

    def convert(match):
        nonlocal at
        flags, _, kind = match.groups()
        if kind == "%":
            return "%"
        if kind == "s":
            value, at = take_string(record, at)
            return f"%{flags}s" % value
        value, at = take(record, at, "<Q")
        if kind == "p":
            return f"{value:#x}"
        if kind == "c":
            return f"%{flags}c" % (value & 0xFF)
        if kind in "di":
            return f"%{flags}d" % signed(value)
        if "#" in flags and not value:
            flags = flags.replace("#", "")
        return f"%{flags}{'d' if kind == 'u' else kind}" % value

    return CONVERSION.sub(convert, form)


def records(file):
    """Each record as its kind, its event's number, and the rest; what was cut off is left out."""
    while len(head := file.read(4)) == 4:
        (length,) = struct.unpack("<I", head)
        if not 12 <= length <= LONGEST:
            raise Damaged(f"a record of {length} bytes")
        record = file.read(length - 4)
        if len(record) < length - 4:
            return
        yield *struct.unpack_from("<II", record), record[8:]


def show(file, only):
    if file.read(8) != MAGIC:
        raise Damaged("is no trace file")
    head = file.read(8)
    if len(head) < 8:
        raise Damaged("is cut short")
    version, _ = struct.unpack("<II", head)
    if version != VERSION:
        raise Damaged(f"is of version {version}; this program reads {VERSION}")
    events = {}
    for kind, number, rest in records(file):
        if kind == DECLARED:
            name, at = take_string(rest, 0)
            events[number] = name, take_string(rest, at)[0]
        elif kind == HAPPENED:
            if number not in events:
                raise Damaged(f"event {number} has no name")
            thread, at = take(rest, 0, "<I")
            time, at = take(rest, at, "<Q")
            name, form = events[number]
            if not only or name in only:
                seconds, nanoseconds = divmod(time, 10**9)
                print(f"{thread}@{seconds}.{nanoseconds // 1000:06}:{name} {text_of(form, rest, at)}")
        # what later versions add is passed over


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if sys.argv[1:] and sys.argv[1] in ("-h", "--help") else 2
    try:
        with open(sys.argv[1], "rb") as file:
            show(file, set(sys.argv[2:]))
    except BrokenPipeError:
        return 0
    except (OSError, Damaged) as why:
        print(f"simpletrace.py: {sys.argv[1]}: {why}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
