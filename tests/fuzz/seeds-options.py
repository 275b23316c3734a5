#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""seeds-options - first inputs for fuzz-options: recorded command lines, and a configuration file."""

import pathlib
import shlex
import sys

root, out = map(pathlib.Path, sys.argv[1:])
lines = (root / "tests/data/command-lines.txt").read_text().splitlines()
words = [shlex.split(line)[1:] for line in lines if line and not line.startswith("#")]
words += [["-machine", "pc,smp.cpus=2"], ["-set", "device.a.b=c"], ["-global", "a.b=c"],
          ["-device", "x,id=a", "-set", "device.a.b=c"], ["-device", "{'driver':'x','a':[1,{'b':null}]}"],
          ["-boot", "dc,menu,,=on"], ["-rtc", "base=2024-02-29T23:59:59"], ["-m", "1.5G,maxmem=0x1k"]]
for number, line in enumerate(words):
    (out / f"line-{number}").write_bytes(b"L" + "\0".join(line).encode())

files = ['[machine]\n  type = "pc"\n# x\n[device "a"]\n  driver = "edu"\n  b = \'\\x01\\n\\\'\'\n[S]\n',
         '[netdev "n"]\n  type = "user"\n  hostfwd = "a"\n  hostfwd = "b"\n']
for number, text in enumerate(files):
    (out / f"file-{number}").write_bytes(b"F" + text.encode())
