# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices as a guest meets them, and what tests of other suites take for granted of a PC."""

import pytest

from tenon_qtest import SECOND, Machine

options = pytest.mark.options
MS = SECOND // 1000


# ---- Timers and clocks ----

def rtc(m, register, value=None):
    m.outb(0x70, register)
    return m.inb(0x71) if value is None else m.outb(0x71, value)


@options("-rtc", "base=2020-02-28T23:59:58,clock=vm")
def test_rtc_counts_guest_time(m):
    assert [rtc(m, r) for r in (9, 8, 7, 4, 2, 0)] == [0x20, 0x02, 0x28, 0x23, 0x59, 0x58]
    m.clock_step(2 * SECOND)
    assert [rtc(m, r) for r in (9, 8, 7, 4, 2, 0)] == [0x20, 0x02, 0x29, 0x00, 0x00, 0x00]
    m.clock_step(86400 * SECOND)
    assert [rtc(m, r) for r in (8, 7)] == [0x03, 0x01]


@options("-rtc", "base=2020-01-01T12:00:00,clock=vm")
def test_rtc_alarm(m):
    m.intercept()
    for register, value in ((1, 0x05), (3, 0xc0), (5, 0xc0)):  # at second 5 of any minute
        rtc(m, register, value)
    rtc(m, 0x0b, 0x22)
    m.clock_step(4 * SECOND)
    assert not m.irq(8)
    m.clock_step(2 * SECOND)
    assert m.irq(8)
    assert rtc(m, 0x0c) & 0xa0 == 0xa0
    assert not m.irq(8)


def test_rtc_periodic_interrupt(m):
    rtc(m, 0x0a, 0x26)  # 1024 Hz
    rtc(m, 0x0b, 0x42)
    m.intercept()
    for _ in range(16):
        m.clock_step(SECOND // 1024 + 1)
        assert m.irq(8)
        rtc(m, 0x0c)


def test_pit_channel_0(m):
    m.intercept()
    m.outb(0x43, 0x34)  # a rate of 100 Hz
    for byte in divmod(11932, 256)[::-1]:
        m.outb(0x40, byte)
    m.irqs.clear()
    m.clock_step(SECOND // 2)
    assert m.irqs.count(("raise", 0)) in (49, 50)


def test_pm_timer(m):
    pm = m.pci(1, 3)
    assert pm.readl(0) == 0x71138086
    pm.writel(0x40, 0xb001)
    pm.writeb(0x80, 1)
    before = m.inl(0xb008)
    m.clock_step(SECOND)
    assert (m.inl(0xb008) - before) & 0xffffff == 3579545
    assert m.inw(0xb000) & 1 == 0
    m.outw(0xb004, 1)  # SCI_EN
    m.outw(0xb002, 1)  # when bit 23 changes
    m.intercept()
    m.clock_step(2 * SECOND)
    assert m.inw(0xb000) & 1 and m.irq(9)
    m.outw(0xb000, 1)
    assert m.inw(0xb000) & 1 == 0 and not m.irq(9)


def test_hpet(m):
    base = 0xfed00000
    assert m.readl(base + 4) == 10_000_000  # fs
    m.writel(base + 0x10, 1)
    m.clock_step(1000)
    assert m.readq(base + 0xf0) == 100


def test_hpet_in_place_of_the_pit(m):
    base = 0xfed00000
    m.writeq(base + 0x100, 0x4c)  # timer 0: periodic, interrupts, sets its accumulator
    m.writeq(base + 0x108, 100_000)
    m.writeq(base + 0x10, 3)
    m.intercept()
    m.clock_step(10 * MS + 5)
    assert m.irqs.count(("raise", 0)) == 10


# ---- Serial and parallel ports, keyboard ----

def test_serial_interrupt(m):
    m.intercept()
    m.outb(0x3fc, 0x08)  # OUT2
    m.outb(0x3f9, 0x02)  # when the transmitter is empty
    assert m.irq(4)
    assert m.inb(0x3fa) & 0x0f == 0x02
    assert not m.irq(4)
    assert m.inb(0x3fa) & 0x0f == 0x01


@options("-chardev", "ringbuf,id=far", "-serial", "chardev:far")
def test_serial_both_ways(m):
    for byte in b"to the far end":
        m.outb(0x3f8, byte)
        m.clock_step(MS)
    assert m.qmp("ringbuf-read", device="far", size=64) == "to the far end"
    m.outb(0x3fc, 0x10)  # loopback
    m.outb(0x3f8, 0x5a)
    m.clock_step(10 * MS)
    assert m.inb(0x3f8) == 0x5a


@options("-chardev", "ringbuf,id=printer", "-parallel", "chardev:printer")
def test_parallel_port(m):
    for byte in b"paper":
        m.outb(0x378, byte)
        m.outb(0x37a, 0x0d)
        m.outb(0x37a, 0x0c)
    assert m.qmp("ringbuf-read", device="printer", size=64) == "paper"
    assert m.inb(0x379) & 0xd8 == 0x98  # the acknowledge, a pulse
    assert m.inb(0x379) & 0xd8 == 0xd8


@options("-chardev", "ringbuf,id=far", "-device", "pci-serial,addr=4,chardev=far")
def test_pci_serial(m):
    card = m.find_pci(0x1b36, 0x0002)
    assert card.bar_size(0) == 8
    port = card.map_bar(0, 0xc000)
    card.enable()
    m.outb(port, ord("x"))
    m.clock_step(MS)
    assert m.qmp("ringbuf-read", device="far", size=8) == "x"


@options("-chardev", "null,id=far", "-device", "pci-serial,addr=4,chardev=far")
def test_pci_interrupt_by_way_of_the_bridge(m):
    for router in range(0x60, 0x64):
        m.pci(1).writeb(router, 11)
    port = m.pci(4).map_bar(0, 0xc000)
    m.pci(4).enable()
    m.intercept()
    m.outb(port + 1, 0x02)
    assert m.irq(11)
    m.outb(port + 1, 0)
    assert not m.irq(11)


def test_i8042(m):
    m.outb(0x64, 0xaa)
    assert m.inb(0x60) == 0x55
    m.outb(0x64, 0x60)
    m.outb(0x60, 0x01)  # interrupts of the keyboard
    m.intercept()
    m.outb(0x60, 0xee)  # echo
    m.clock_step(10 * MS)
    assert m.irq(1)
    assert m.inb(0x60) == 0xee
    assert not m.irq(1)


# ---- What a PC is ----

def test_pci_functions(m):
    assert m.pci(0, 0).readl(0) == 0x12378086
    assert m.pci(1, 0).readl(0) == 0x70008086
    for slot in range(4, 32):
        assert m.pci(slot).readl(0) == 0xffffffff
    assert m.pci(1, 7).readl(0) == 0xffffffff


def test_low_bits_of_the_pci_address(m):
    m.outl(0xcf8, 0x80000002)
    assert m.inl(0xcf8) == 0x80000002
    assert m.inw(0xcfc) == 0x1237
    m.outb(0xcf8, 0)
    m.outw(0xcf8, 0)
    assert m.inl(0xcf8) == 0x80000002


@options("-device", "pci-serial,addr=4")
def test_pci_commands_can_be_set_and_bars_are_unassigned(m):
    for slot, function in ((0, 0), (1, 0), (1, 3), (4, 0)):
        at = m.pci(slot, function)
        at.writew(4, 7)
        assert at.readw(4) & 7 == 7
        assert [at.readl(0x10 + 4 * n) & ~15 for n in range(6)] == [0] * 6


@pytest.mark.parametrize("words, megabytes", [((), 128), (("-m", "300"), 300)])
def test_fw_cfg_says_how_much_ram_there_is(words, megabytes):
    with Machine(*words) as m:
        m.outw(0x510, 3)
        assert int.from_bytes(bytes(m.inb(0x511) for _ in range(8)), "little") == megabytes << 20


def test_reset_restores_registers(m):
    m.pci(1, 3).writel(0x40, 0xb001)
    m.outb(0x3fb, 0x1b)
    m.qmp("system_reset")
    assert m.pci(1, 3).readl(0x40) == 1
    assert m.inb(0x3fb) == 0
