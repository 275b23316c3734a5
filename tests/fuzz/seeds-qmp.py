#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""seeds-qmp - first inputs for fuzz-qmp: commands good and bad, and lines with keys."""

import pathlib
import sys

out = pathlib.Path(sys.argv[2])
qmp = [b'{"execute": "query-status", "id": [1, {"a": null}]}\r\n', b"{'execute': 'query-name'}{]",
       b'{"exec-oob": "query-status"}{"execute": "qmp_capabilities"}', b"null 12 tru[]\xff\x01{}",
       b'{"execute": "human-monitor-command", "arguments": {"command-line": "print 1+2*(3-$pc)"}}',
       b'{"arguments": {"panic": "pause", "reboot": "x"}, "execute": "set-action"}', b"[" * 1030]
hmp = [b"info status\nhelp info\nstop\n", b"print /x (1+2)*3/0 | 'a'\n", b"xp /8xb 0x1000\nx/2i 0\n",
       b"abc\x01\x1b[Cd\x17\x1b[A\x1b[3~\x0b\n", b"i /w 0x10\no /b 0x10 1\nsum 0 16\ngva2gpa 1\n",
       b"info mtree -f\ninfo history\n\x10\x10\x0e\n"]
for number, text in enumerate(qmp):
    (out / f"qmp-{number}").write_bytes(b"Q" + text)
    (out / f"raw-{number}").write_bytes(b"q" + text)
for number, text in enumerate(hmp):
    (out / f"hmp-{number}").write_bytes(b"H" + text)
