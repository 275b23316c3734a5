# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a peer may send that nobody means: the program goes on, and does not grow."""

import random
import socket

import pytest

MEGABYTE = 1 << 20
MOST_BYTES = 400 * MEGABYTE  # of the program, beside 128 MiB of RAM that nobody has touched


def resident(m):
    with open(f"/proc/{m.process.pid}/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    raise LookupError("VmHWM")


def test_a_line_without_end(m):
    piece = b"x" * MEGABYTE
    for _ in range(100):
        m.qtest.send(piece)
    m.qtest.send(b"\n")
    assert m.reply() == "ERR line too long"
    assert m.ask("endianness") == "OK little"
    assert resident(m) < MOST_BYTES


@pytest.mark.parametrize("line", [
    "read 0 0x8000000000000000", "read 0 0xffffffffffffffff", "read 0xffffffffffffffff 2",
    "b64read 0 0x8000000000000000", "write 0 0x8000000000000000 0x12",
    "write 0xffffffffffffffff 2 0x1234", "b64write 0 0x8000000000000000 AAAA",
    "memset 0 0x8000000000000000 1", "memset 0xffffffffffffffff 2 1",
])
def test_lengths(m, line):
    assert m.ask(line) == "ERR invalid argument size"
    assert m.ask("endianness") == "OK little"


def test_beyond_memory(m):
    m.memory = 128 * MEGABYTE
    assert m.ask(f"write {m.memory - 2:#x} 4 0x01020304") == "OK"
    assert m.ask(f"read {m.memory - 2:#x} 4") == "OK 0x01020000"
    assert m.ask("writeq 0xfffffffffffffffc 0x1122334455667788") == "OK"
    assert m.ask("readq 0xfffffffffffffffc").startswith("OK 0x")
    assert m.ask(f"memset {m.memory - 2:#x} 0x100000 0xff") == "OK"
    assert m.ask("inl 0xffff").startswith("OK 0x")
    assert m.ask("outl 0xffff 0xffffffff") == "OK"


def test_huge_numbers(m):
    assert m.ask("irq_intercept_in " + "/x" * 10000) == "FAIL Unknown device"
    assert m.ask("set_irq_in ioapic unnamed-gpio-in 0xffffffffffffffff 1") == "FAIL Unknown input"
    assert m.ask("y" * 10000) == "FAIL Unknown command '" + "y" * 64 + "'"
    assert m.ask("inb " + "9" * 10000) == "ERR invalid number"


def test_garbage(m):
    dice = random.Random(7)
    words = [b"inb", b"outl", b"read", b"write", b"clock_step", b"memset", b"set_irq_in", b"ioapic",
             b"unnamed-gpio-in", b"0", b"1", b"7", b"0x70", b"0xcf8", b"0x100000", b"-1", b"0x", b"AA=="]
    for _ in range(3000):
        line = b" ".join(dice.choices(words, k=dice.randrange(1, 6)))
        if dice.random() < 0.3:
            line += bytes(b for b in dice.randbytes(20) if b != 10)
        m.qtest.send(line + b"\n")
        assert m.reply().split(" ")[0] in ("OK", "ERR", "FAIL"), line
    assert m.ask("endianness") == "OK little"


def test_a_peer_that_never_reads(m):
    m.intercept()
    m.qtest.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    m.qtest.send("clock_set 0x7fffffffffffffff\n")  # interrupts for ever
    m.qtest.sock.settimeout(0.2)
    with pytest.raises(OSError):
        for _ in range(100):
            m.qtest.send(b"inb 0\n" * 10000)
    for _ in range(5):
        assert m.qmp("query-status")["status"] == "running"
    assert resident(m) < MOST_BYTES


def test_a_peer_that_goes(m):
    m.qtest.send("clock_set 0x7fffffffffffffff\n")
    m.qtest.close()
    assert m.qmp("query-status")["status"] == "running"
