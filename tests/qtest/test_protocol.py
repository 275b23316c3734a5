# SPDX-License-Identifier: LGPL-2.1-or-later
"""The device-test protocol itself: every command and its answer, byte for byte."""

import os
import re
import signal

import pytest

from tenon_qtest import SECOND, Machine

TESTDEV = "-device", "pc-testdev"
LATCH, BYTES = 0xe0, 0xff000000
RAM = 0x100000
PIT_HALF = 27462701  # ns: half of 65536 periods of 1.193182 MHz


def exchange(m, lines):
    for line in lines.strip().splitlines():
        command, answer = line.split(" -> ")
        assert m.ask(command.strip()) == answer.strip(), command


@pytest.mark.options(*TESTDEV)
def test_ports(m):
    exchange(m, """
        endianness          -> OK little
        outl 0xe0 0x11223344 -> OK
        inl 0xe0            -> OK 0x11223344
        inw 0xe0            -> OK 0x3344
        inb 0xe0            -> OK 0x0044
        inb 224             -> OK 0x0044
        inb 0340            -> OK 0x0044
        outb 0xe0 0x1ff     -> OK
        outw 0xe2 0xabcd    -> OK
        inl 0xe0            -> OK 0xabcd33ff
        inb 0x9999          -> OK 0x00ff
        inw 0x9999          -> OK 0xffff
        inl 0x9999          -> OK 0xffffffff
        outl 0x9999 1       -> OK
        inb 0x10000         -> ERR there is no port 0x10000
    """)


@pytest.mark.options(*TESTDEV)
def test_memory(m):
    exchange(m, """
        writeq 0x100000 0x1122334455667788 -> OK
        readq 0x100000      -> OK 0x1122334455667788
        readl 0x100000      -> OK 0x0000000055667788
        readw 0x100001      -> OK 0x0000000000006677
        readb 0x100007      -> OK 0x0000000000000011
        writeb 0x100000 0xfff -> OK
        writew 0x100001 0xaabb -> OK
        writel 0x100004 0xccddeeff -> OK
        read 0x100000 8     -> OK 0xffbbaa55ffeeddcc
        write 0x100000 0x4 0xABcdef01 -> OK
        read 0x100000 0x4   -> OK 0xabcdef01
        write 0x100000 4 0x123 -> OK
        read 0x100000 4     -> OK 0x12300000
        write 0x100000 2 0x01020304 -> OK
        read 0x100000 4     -> OK 0x01020000
        write 0x100000 4 0x -> ERR invalid argument size
        write 0x100000 0 0x12 -> ERR invalid argument size
        read 0x100000 0     -> ERR invalid argument size
        b64write 0x100000 5 aGVsbG8= -> OK
        b64read 0x100000 5  -> OK aGVsbG8=
        b64read 0x100000 0x3 -> OK aGVs
        b64write 0x100000 4 aGVsbG8= -> ERR invalid argument size
        memset 0x100000 16 0xa5 -> OK
        read 0x100000 17    -> OK 0xa5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a500
        memset 0x100000 0 1 -> OK
        readb 0x100000      -> OK 0x00000000000000a5
        readl 0xd0000000    -> OK 0x0000000000000000
        writel 0xd0000000 1 -> OK
        read 0xd0000000 4   -> OK 0x00000000
        read 0xffffffffffffffff 1 -> OK 0x00
    """)


def test_rom_ignores_writes(m):
    before = m.read(0xfffffff0, 16)
    m.write(0xfffffff0, bytes(16))
    m.writeq(0xfffffff0, 0)
    assert m.read(0xfffffff0, 16) == before != bytes(16)


def test_one_access_of_the_size(tmp_path):
    trace = tmp_path / "trace"
    with Machine(*TESTDEV, "-trace", "memory_region_ops_*", "-D", str(trace)) as m:
        for size in (1, 2, 4, 8):
            m.do(f"read {BYTES:#x} {size}")
            m.do(f"write {BYTES:#x} {size} 0x{'11' * size}")
        m.do(f"read {BYTES + 1:#x} 7")
    sizes = re.findall(r"addr 0xff0000.* size (\d+)", trace.read_text())
    assert sizes == ["1", "1", "2", "2", "4", "4", "8", "8", "1", "2", "4"], trace.read_text()


def test_long_lines_in_pieces(m):
    data = os.urandom(256 << 10)
    line = f"write {RAM:#x} {len(data):#x} 0x{data.hex()}\n".encode()
    for at in range(0, len(line), 50000):
        m.qtest.send(line[at:at + 50000])
    assert m.reply() == "OK"
    assert m.ask(f"read {RAM:#x} {len(data):#x}") == "OK 0x" + data.hex()


def test_several_lines_at_once(m):
    m.qtest.send(b"inb 0\nclock_step 5\nendianness\n" * 3000)
    answers = [m.reply() for _ in range(9000)]
    assert answers[0::3] == ["OK 0x00ff"] * 3000
    assert answers[1::3] == [f"OK {5 * (i + 1)}" for i in range(3000)]
    assert answers[2::3] == ["OK little"] * 3000


def test_clock(m):
    exchange(m, f"""
        clock_step          -> OK {PIT_HALF}
        clock_step 100      -> OK {PIT_HALF + 100}
        clock_step 0        -> OK {PIT_HALF + 100}
        clock_set 5         -> OK {PIT_HALF + 100}
        clock_set 50000000  -> OK 50000000
        clock_step          -> OK {2 * PIT_HALF}
    """)


@pytest.mark.options("-machine", "none")
def test_clock_without_a_board(m):
    exchange(m, """
        clock_step          -> OK 0
        clock_step 77       -> OK 77
        readb 0             -> OK 0x0000000000000000
        irq_intercept_in ioapic -> FAIL Unknown device
    """)


def test_steps_go_from_deadline_to_deadline(m):
    m.intercept()
    m.clock_step(SECOND)
    # OUT is high at first, which nobody is told of, nor that it falls.
    assert m.irqs == ([("raise", 0), ("lower", 0)] * 18)[:-1]


def test_interception(m):
    exchange(m, """
        irq_intercept_in nosuch -> FAIL Unknown device
        irq_intercept_in ioapic -> OK
        irq_intercept_in ioapic -> OK
        irq_intercept_out ioapic -> FAIL IRQ intercept already enabled
        irq_intercept_in mc146818rtc -> FAIL IRQ intercept already enabled
        set_irq_in nosuch unnamed-gpio-in 1 1 -> FAIL Unknown device
        set_irq_in ioapic nosuch 1 1 -> FAIL Unknown input
        set_irq_in ioapic unnamed-gpio-in 24 1 -> FAIL Unknown input
        set_irq_in ioapic unnamed-gpio-in 1 1 -> OK
    """)


@pytest.mark.options(*TESTDEV)
def test_lines_come_before_the_answer(m):
    m.intercept()
    m.qtest.send("outb 0x2007 1\n")
    assert [m.qtest.line() for _ in range(2)] == ["IRQ raise 7", "OK"]
    m.outb(0x2007, 1)  # it is high already
    m.qtest.send("outb 0x2007 0\n")
    assert [m.qtest.line() for _ in range(2)] == ["IRQ lower 7", "OK"]
    assert m.irqs == []


def test_outputs(m):
    m.intercept("isa-pit", "out")
    m.clock_step(SECOND)
    assert m.irqs == ([("raise", 0), ("lower", 0)] * 18)[:-1]


def test_paths(m):
    named = [child["name"] for child in m.qmp("qom-list", path="/machine/unattached")
             if child["type"] == "child<ioapic>"]
    assert len(named) == 1
    m.intercept("/machine/unattached/" + named[0])
    m.intercept()
    m.do("set_irq_in ioapic unnamed-gpio-in 0 1")


@pytest.mark.options("-machine", "pc,kernel-irqchip=on")
def test_chips_that_are_no_devices(m):
    assert m.ask("irq_intercept_in ioapic") == "FAIL Unknown device"
    assert m.clock_step() == 0


def test_input_reaches_the_chip(m):
    m.do("set_irq_in isa-i8259 unnamed-gpio-in 3 1")
    m.outb(0x20, 0x0a)  # OCW3: read the IRR
    assert m.inb(0x20) & 8


def test_wrong_lines(m):
    exchange(m, """
        foo bar             -> FAIL Unknown command 'foo'
        INB 0               -> FAIL Unknown command 'INB'
        rtas x              -> FAIL Unknown command 'rtas'
        inb                 -> ERR an argument is missing
        inb 0 0             -> ERR too many arguments
        inb zero            -> ERR invalid number
        inb -1              -> ERR invalid number
        inb 0x              -> ERR invalid number
        inb 08              -> ERR invalid number
        inb 0x10000000000000000 -> ERR invalid number
        module_load block- nosuch -> FAIL
        module_load device- ../x -> FAIL
        module_load device- hpet -> OK
    """)
    assert m.ask("") == "FAIL Unknown command ''"
    assert m.ask(" inb  0 ") == "OK 0x00ff"


def test_it_works_while_stopped(m):
    m.qmp("stop")
    m.writel(RAM, 0x12345678)
    assert m.readl(RAM) == 0x12345678
    assert m.clock_step(10) == 10
    assert m.qmp("query-status")["status"] == "paused"
    m.qmp("cont")


def test_it_runs_from_the_start(m):
    assert m.qmp("query-status") == {"running": True, "singlestep": False, "status": "running"}


def test_reset_is_over_when_qmp_says_so(m):
    for _ in range(20):
        m.outb(0x70, 0x8f)
        m.outb(0x21, 0x55)
        m.pci(1, 3).writel(0x40, 0xb001)
        m.qmp("system_reset")
        assert m.pci(1, 3).readl(0x40) == 1
        assert m.event("RESET")["data"]["reason"] == "host-qmp-system-reset"


def test_reset_by_a_device_is_over_before_the_answer(m):
    m.pci(1, 3).writel(0x40, 0xb001)
    m.outb(0xcf9, 2)
    m.outb(0xcf9, 6)
    assert m.pci(1, 3).readl(0x40) == 1
    assert m.event("RESET")["data"]["reason"] == "guest-reset"


@pytest.mark.options("-no-reboot")
def test_the_answer_comes_even_if_the_program_ends(m):
    m.outb(0xcf9, 2)
    m.outb(0xcf9, 6)
    assert m.event("SHUTDOWN")["data"]["reason"] == "guest-reset"
    assert m.wait() == 0


def test_quit(m):
    m.qmp("quit")
    assert m.event("SHUTDOWN")["data"]["reason"] == "host-qmp-quit"
    assert m.wait() == 0


def test_sigterm_in_a_step_that_takes_for_ever(m):
    m.qtest.send("clock_set 0x7fffffffffffffff\n")
    assert m.qmp("query-status")["status"] == "running"
    m.process.send_signal(signal.SIGTERM)
    assert m.wait() == 0


def test_log(tmp_path):
    with Machine(log=str(tmp_path / "log")) as m:
        assert m.ask("inb 0x0") == "OK 0x00ff"
    assert re.fullmatch(r"\[I 0\.000000\] OPENED\n"
                        r"\[R \+\d+\.\d{6}\] inb 0x0\n"
                        r"\[S \+\d+\.\d{6}\] OK 0x00ff\n"
                        r"\[I \+\d+\.\d{6}\] CLOSED\n", (tmp_path / "log").read_text())


@pytest.mark.parametrize("log, there", [(None, True), ("none", False), ("/dev/fd/2", True)])
def test_where_the_log_goes(tmp_path, log, there):
    with open(tmp_path / "errors", "a") as errors, Machine(log=log, errors=errors):
        pass
    assert ("] OPENED\n" in (tmp_path / "errors").read_text()) == there


def test_another_accelerator():
    with Machine("-S", accel=("soft", "qtest")) as m:
        exchange(m, """
            clock_step  -> FAIL Unknown command 'clock_step'
            clock_set 1 -> FAIL Unknown command 'clock_set'
            writel 0x100000 0x1234 -> OK
            readl 0x100000 -> OK 0x0000000000001234
            irq_intercept_in ioapic -> OK
        """)
