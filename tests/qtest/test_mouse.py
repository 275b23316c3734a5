# SPDX-License-Identifier: LGPL-2.1-or-later
"""-serial msmouse: what a monitor does with the mouse arrives at the guest's serial port."""

import time

import pytest

from tenon_qtest import Machine, QMPError

COM1 = 0x3F8


def receive(m, n):
    got, end = b"", time.monotonic() + 20
    while len(got) < n:
        assert time.monotonic() < end, got
        m.clock_step(10**6)
        if m.inb(COM1 + 5) & 1:
            got += bytes([m.inb(COM1)])
    return got


def line(m, text):
    return m.qmp("human-monitor-command", **{"command-line": text})


def test_mouse():
    with Machine("-serial", "msmouse") as m:
        m.outb(COM1 + 4, 3)  # DTR and RTS are its power
        assert receive(m, 2) == b"M3"
        m.qmp("input-send-event", events=[
            {"type": "rel", "data": {"axis": "x", "value": 5}}, {"type": "rel", "data": {"axis": "y", "value": -1}},
            {"type": "btn", "data": {"button": "left", "down": True}}])
        assert receive(m, 3) == b"\x6c\x05\x3f"
        assert line(m, "mouse_move -3 2") == ""
        assert receive(m, 3) == b"\x63\x3d\x02"
        assert line(m, "mouse_button 4") == ""
        assert receive(m, 3) == b"\x50\x00\x00"
        assert line(m, "mouse_move 0 0 -1") == ""  # it has no wheel
        mice = m.qmp("query-mice")
        assert mice == [{"name": "Microsoft serial mouse", "index": 0, "current": True, "absolute": False}]
        assert line(m, "info mice").replace("\r", "") == "* Mouse #0: Microsoft serial mouse\n"
        with pytest.raises(QMPError):
            m.qmp("input-send-event", events=[{"type": "btn", "data": {"button": "fourth", "down": True}}])
        m.clock_step(10**9)
        assert not m.inb(COM1 + 5) & 1


def test_none():
    with Machine() as m:
        assert m.qmp("query-mice") == []
        with pytest.raises(QMPError):
            m.qmp("input-send-event", events=[])
