# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What data sheets promise of a PC's devices, as suites for them go through it: MC146818A (clock),
82441FX (host bridge), 82093AA (I/O APIC), 16550D (serial port), and fw_cfg's interface.
"""

import struct

import pytest

from tenon_qtest import SECOND, Machine, QMPError

options = pytest.mark.options
MS = SECOND // 1000

# ---- The clock ----

A, B, C, D = 0x0a, 0x0b, 0x0c, 0x0d
UIP = 0x80
SET, PIE, AIE, UIE, DM, H24 = 0x80, 0x40, 0x20, 0x10, 0x04, 0x02
IRQF, PF, AF, UF = 0x80, 0x40, 0x20, 0x10
NOON = options("-rtc", "base=2020-06-15T12:00:00,clock=vm")


def cmos(m, register, value=None):
    m.outb(0x70, register)
    return m.inb(0x71) if value is None else m.outb(0x71, value)


def set_time(m, mode, hour, minute, second):
    cmos(m, B, SET | mode)
    for register, value in ((4, hour), (2, minute), (0, second)):
        cmos(m, register, value)
    cmos(m, B, mode)


def time_of(m):
    return tuple(cmos(m, register) for register in (4, 2, 0))


@NOON
@pytest.mark.parametrize("mode, before, after", [
    (0, (0x91, 0x59, 0x59), (0x12, 0, 0)),      # 11 PM to 12 AM, BCD
    (0, (0x12, 0x59, 0x59), (0x01, 0, 0)),
    (0, (0x11, 0x59, 0x59), (0x92, 0, 0)),
    (0, (0x92, 0x59, 0x59), (0x81, 0, 0)),
    (DM, (0x8b, 59, 59), (0x0c, 0, 0)),         # the same in binary
    (DM, (0x0c, 59, 59), (0x01, 0, 0)),
    (DM, (0x0b, 59, 59), (0x8c, 0, 0)),
    (DM, (0x8c, 59, 59), (0x81, 0, 0)),
    (H24, (0x23, 0x59, 0x59), (0, 0, 0)),
    (H24 | DM, (23, 59, 59), (0, 0, 0)),
    (H24, (0x09, 0x59, 0x59), (0x10, 0, 0)),
    (H24 | DM, (9, 59, 59), (10, 0, 0)),
])
def test_hours_roll_over(m, mode, before, after):
    set_time(m, mode, *before)
    assert time_of(m) == before
    m.clock_step(SECOND)
    assert time_of(m) == after


@pytest.mark.parametrize("base, after", [
    ("1999-12-31T23:59:59", (0x20, 0x00, 0x01, 0x01)),
    ("2000-02-28T23:59:59", (0x20, 0x00, 0x02, 0x29)),
    ("2023-02-28T23:59:59", (0x20, 0x23, 0x03, 0x01)),
    ("2100-02-28T23:59:59", (0x21, 0x00, 0x03, 0x01)),
    ("2024-04-30T23:59:59", (0x20, 0x24, 0x05, 0x01)),
])
def test_days_and_centuries(base, after):
    with Machine("-rtc", f"base={base},clock=vm") as m:
        m.clock_step(SECOND)
        assert tuple(cmos(m, register) for register in (0x32, 9, 8, 7)) == after


@NOON
def test_years_that_are_set(m):
    for century, year in (0x20, 0x11), (0x19, 0x80), (0x20, 0x80):
        cmos(m, B, SET | H24)
        for register, value in ((0x32, century), (9, year), (8, 0x02), (7, 0x02), (4, 2), (2, 4),
                                (0, 0x58)):
            cmos(m, register, value)
        cmos(m, B, H24)
        m.clock_step(SECOND)
        assert [cmos(m, r) for r in (0x32, 9, 8, 7, 4, 2, 0)] == [
            century, year, 2, 2, 2, 4, 0x59]


@NOON
@pytest.mark.parametrize("alarm, at", [
    ((0xff, 0xff, 0xff), 1),           # every second
    ((0xc0, 0xc0, 0x10), 10),          # at second 10 of any minute
    ((0xc0, 0x01, 0x05), 65),
    ((0x12, 0x02, 0x00), 120),
])
def test_alarms(m, alarm, at):
    m.intercept()
    for register, value in zip((5, 3, 1), alarm):
        cmos(m, register, value)
    cmos(m, C)
    cmos(m, B, H24 | AIE)
    m.clock_step(at * SECOND - MS)
    assert not m.irq(8)
    m.clock_step(2 * MS)
    assert m.irq(8)
    assert cmos(m, C) & (IRQF | AF) == IRQF | AF
    assert not m.irq(8) and cmos(m, C) == 0


@NOON
def test_alarm_in_the_afternoon_by_the_12_hour_clock(m):
    set_time(m, 0, 0x92, 0x59, 0x58)
    for register, value in (5, 0x81), (3, 0), (1, 0):
        cmos(m, register, value)
    cmos(m, C)
    cmos(m, B, AIE)
    m.clock_step(SECOND)
    assert not cmos(m, C) & AF
    m.clock_step(SECOND)
    assert cmos(m, C) & AF


@NOON
def test_update_in_progress(m):
    """UIP rises 244 us before an update that takes 1984 us; nothing changes while it is clear."""
    m.clock_step(500 * MS)
    now = m.clock_step(0)
    seconds = cmos(m, 0)
    while not cmos(m, A) & UIP:
        assert cmos(m, 0) == seconds
        now = m.clock_step(50_000)
    assert SECOND - 2_228_000 <= now % SECOND < SECOND - 2_228_000 + 100_000
    m.clock_step(2_228_000)
    assert not cmos(m, A) & UIP and cmos(m, 0) == seconds + 1


@NOON
def test_flags_without_interrupts(m):
    m.intercept()
    cmos(m, A, 0x2f)  # 2 Hz
    cmos(m, B, H24)
    cmos(m, C)
    m.clock_step(SECOND)
    assert cmos(m, C) & (IRQF | PF | UF) == PF | UF
    assert cmos(m, C) == 0 and not m.irq(8)
    cmos(m, B, H24 | UIE)
    m.clock_step(SECOND)
    assert m.irq(8) and cmos(m, C) & (IRQF | UF) == IRQF | UF


@NOON
def test_what_is_enabled_late(m):
    """A flag that is set already asks as soon as its interrupt is enabled."""
    m.intercept()
    m.clock_step(SECOND)
    assert not m.irq(8)
    cmos(m, B, H24 | UIE)
    assert m.irq(8)
    cmos(m, C)
    assert not m.irq(8)


@NOON
def test_set_stops_the_clock(m):
    cmos(m, B, SET | H24 | UIE)
    assert cmos(m, B) == SET | H24  # SET clears UIE
    before = time_of(m)
    m.clock_step(5 * SECOND)
    assert time_of(m) == before and not cmos(m, A) & UIP
    cmos(m, B, H24)
    m.clock_step(3 * SECOND)
    assert time_of(m)[2] in (2, 3)


@NOON
def test_divider_reset(m):
    """The first update comes half a second after the divider is let go."""
    cmos(m, A, 0x76)
    set_time(m, H24, 2, 4, 0x58)
    m.clock_step(3 * SECOND)
    assert time_of(m) == (2, 4, 0x58)
    cmos(m, A, 0x26)
    m.clock_step(SECOND // 2 - MS)
    assert time_of(m) == (2, 4, 0x58)
    m.clock_step(2 * MS)
    assert time_of(m) == (2, 4, 0x59)


@NOON
def test_registers_that_cannot_be_written(m):
    assert cmos(m, D) == 0x80  # the battery is good
    cmos(m, D, 0)
    cmos(m, C, 0xff)
    cmos(m, A, 0xff)
    assert cmos(m, D) == 0x80 and cmos(m, C) & 0x0f == 0 and cmos(m, A) == 0x7f


@NOON
def test_memory_and_its_mirror(m):
    for register in range(0x0e, 0x80):
        if register != 0x32:
            cmos(m, register, register ^ 0x5a)
            assert cmos(m, register | 0x80) == register ^ 0x5a


@NOON
def test_a_reset_clears_enables_and_flags(m):
    cmos(m, B, H24 | PIE | AIE | UIE)
    m.clock_step(SECOND)
    m.qmp("system_reset")
    assert cmos(m, B) & (PIE | AIE | UIE) == 0 and cmos(m, C) == 0
    assert time_of(m)[0] == 0x12


def test_wild_registers_are_survived(m):
    state = 12345
    for _ in range(2000):
        state = state * 1103515245 + 12345 & 0xffffffff
        cmos(m, state >> 16 & 0x7f, state >> 24)
        if state & 0x700 == 0:
            m.clock_step(state)
    m.qmp("system_reset")


# ---- The host bridge ----

PAM = [("hi", 0x59, 0xf0000, 0x10000)] + [
    (half, 0x5a + n // 2, 0xc0000 + 0x4000 * n, 0x4000)
    for n in range(12) for half in [("lo", "hi")[n % 2]]]


@pytest.mark.parametrize("register, bits, value", [
    (0x00, 16, 0x8086), (0x02, 16, 0x1237), (0x04, 16, 0x0006), (0x06, 16, 0x0280), (0x08, 8, 0x02),
    (0x09, 8, 0), (0x0a, 16, 0x0600), (0x0d, 8, 0), (0x0e, 8, 0), (0x0f, 8, 0),
    (0x59, 8, 0), (0x5a, 32, 0), (0x5e, 16, 0), (0x72, 8, 0x02), (0x91, 8, 0),
])
def test_i440fx_after_power_on(m, register, bits, value):
    bridge = m.pci(0)
    assert {8: bridge.readb, 16: bridge.readw, 32: bridge.readl}[bits](register) == value


@pytest.mark.parametrize("half, register, base, size", PAM)
def test_pam(m, half, register, base, size):
    bridge = m.pci(0)
    shift = 4 if half == "hi" else 0

    def attributes(read, write):
        others = bridge.readb(register) & ~(3 << shift)
        bridge.writeb(register, others | (read | write << 1) << shift)

    def fill(value):
        m.do(f"memset {base:#x} {size:#x} {value:#x}")

    def all_is(value):
        return m.read(base, size) == bytes([value]) * size

    rom = m.read(base, size)
    fill(0x42)
    assert m.read(base, size) == rom  # nothing of it is written
    attributes(1, 1)
    fill(0x55)
    assert all_is(0x55)
    attributes(1, 0)
    fill(0x66)
    assert all_is(0x55)
    attributes(0, 1)
    fill(0x77)
    assert m.read(base, size) == rom  # what lies below is read
    attributes(0, 0)
    fill(0x88)
    attributes(1, 0)
    assert all_is(0x77)


# ---- Configuration space ----


def test_configuration_mechanism(m):
    m.outl(0xcf8, 0x80000000)
    assert m.inl(0xcf8) == 0x80000000 and m.inl(0xcfc) == 0x12378086
    assert m.inw(0xcfe) == 0x1237 and m.inb(0xcfd) == 0x80
    m.outl(0xcf8, 0)  # not enabled
    assert m.inl(0xcfc) == 0xffffffff
    m.outl(0xcf8, 0x80000000)
    m.outb(0xcf8, 0x55)  # neither bytes nor words get to it
    m.outw(0xcf8, 0x5555)
    assert m.inl(0xcf8) == 0x80000000


def test_functions_that_are_not_there(m):
    for bus, slot, function in ((0, 31, 0), (0, 1, 5), (1, 0, 0), (255, 31, 7)):
        m.outl(0xcf8, 0x80000000 | bus << 16 | slot << 11 | function << 8)
        m.outl(0xcfc, 0x12345678)
        assert m.inl(0xcfc) == 0xffffffff


@options("-device", "pci-serial,addr=4")
def test_bars(m):
    card = m.pci(4)
    assert card.bar_size(0) == 8
    card.map_bar(0, 0xc000)
    assert m.inb(0xc007) == 0xff  # not decoded yet
    card.enable()
    m.outb(0xc007, 0x5a)
    assert m.inb(0xc007) == 0x5a
    card.map_bar(0, 0xd000)
    assert m.inb(0xd007) == 0x5a and m.inb(0xc007) == 0xff
    m.qmp("system_reset")
    assert card.readl(0x10) & ~3 == 0 and card.readw(4) & 3 == 0 and m.inb(0xd007) == 0xff


# ---- The I/O APIC ----

SELECT, WINDOW = 0xfec00000, 0xfec00010


def ioapic(m, register, value=None):
    m.writel(SELECT, register)
    return m.readl(WINDOW) if value is None else m.writel(WINDOW, value)


def test_ioapic_registers(m):
    assert ioapic(m, 1) == 0x00170020
    assert [ioapic(m, register) for register in range(0x10, 0x40)] == [0x10000, 0] * 24
    ioapic(m, 0, 0xffffffff)
    assert ioapic(m, 0) == ioapic(m, 2) == 0x0f000000
    ioapic(m, 0x10, 0xffffffff)
    ioapic(m, 0x11, 0xffffffff)
    assert ioapic(m, 0x10) == 0x0001afff & ~0x5000 and ioapic(m, 0x11) == 0xff000000
    assert ioapic(m, 0x40) == ioapic(m, 0xff) == 0
    m.qmp("system_reset")
    assert ioapic(m, 0x10) == 0x10000 and ioapic(m, 0) == 0


@options("-device", "pc-testdev")
def test_all_inputs_are_seen(m):
    m.intercept()
    for line in range(1, 24):  # the timer holds 0
        if line == 2:  # the cascade
            continue
        m.outb(0x2000 + line, 1)
        assert m.irq(line)
        m.outb(0x2000 + line, 0)
        assert not m.irq(line)


# ---- The serial port ----

COM1 = 0x3f8


def test_serial_registers(m):
    m.outb(COM1 + 3, 0x80)  # DLAB
    m.outb(COM1, 0x34)
    m.outb(COM1 + 1, 0x12)
    assert (m.inb(COM1), m.inb(COM1 + 1)) == (0x34, 0x12)
    m.outb(COM1 + 3, 3)
    m.outb(COM1 + 1, 0xff)
    assert m.inb(COM1 + 1) == 0x0f
    m.outb(COM1 + 7, 0xa5)
    assert m.inb(COM1 + 7) == 0xa5
    assert m.inb(COM1 + 2) & 0xc0 == 0
    m.outb(COM1 + 2, 1)
    assert m.inb(COM1 + 2) & 0xc0 == 0xc0  # FIFOs, which a 16450 has not
    assert m.inb(COM1 + 5) == 0x60


def test_serial_loopback(m):
    m.outb(COM1 + 4, 0x10)
    for control, status in ((0x10, 0), (0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80)):
        m.outb(COM1 + 4, control)
        assert m.inb(COM1 + 6) & 0xf0 == status
    m.outb(COM1, 0x5a)
    for _ in range(100):
        if m.inb(COM1 + 5) & 1:
            break
        m.clock_step(MS)
    assert m.inb(COM1) == 0x5a


# ---- fw_cfg and the order of booting ----


def fw_cfg(m, key, size):
    m.outw(0x510, key)
    return bytes(m.inb(0x511) for _ in range(size))


def fw_cfg_file(m, name):
    count = struct.unpack(">I", fw_cfg(m, 0x19, 4))[0]
    directory = fw_cfg(m, 0x19, 4 + 64 * count)
    for n in range(count):
        size, key, _, found = struct.unpack_from(">IHH56s", directory, 4 + 64 * n)
        if found.rstrip(b"\0").decode() == name:
            return fw_cfg(m, key, size)
    return None


@options("-uuid", "4600cb32-38ec-4b2f-8acb-81c6ea54f2d8", "-smp", "2,maxcpus=4", "-boot",
         "menu=on,reboot-timeout=15,splash-time=12")
def test_fw_cfg_items(m):
    assert fw_cfg(m, 0, 4) == b"QEMU"
    assert struct.unpack("<I", fw_cfg(m, 1, 4))[0] & 1
    assert fw_cfg(m, 2, 16).hex() == "4600cb3238ec4b2f8acb81c6ea54f2d8"
    assert struct.unpack("<Q", fw_cfg(m, 3, 8))[0] == 128 << 20
    assert struct.unpack("<H", fw_cfg(m, 4, 2))[0] == 0
    assert struct.unpack("<H", fw_cfg(m, 5, 2))[0] == 2
    assert struct.unpack("<Q", fw_cfg(m, 0x0d, 8))[0] == 0  # no NUMA nodes
    assert struct.unpack("<H", fw_cfg(m, 0x0e, 2))[0] == 1
    assert struct.unpack("<H", fw_cfg(m, 0x0f, 2))[0] == 4
    assert fw_cfg_file(m, "etc/boot-fail-wait") == struct.pack("<I", 15)
    assert fw_cfg_file(m, "etc/boot-menu-wait") == struct.pack("<H", 12)
    assert fw_cfg(m, 0x7fff, 4) == bytes(4)  # no such item


@pytest.mark.parametrize("words, first, later", [
    ((), 0x1230, 0x1230),
    (("-no-fd-bootchk",), 0x1231, 0x1231),
    (("-boot", "c"), 0x0200, 0x0200),
    (("-boot", "nda"), 0x3410, 0x3410),
    (("-boot", "order="), 0, 0),
    (("-boot", "order=", "-boot", "order=c"), 0x0200, 0x0200),
    (("-boot", "once=a"), 0x0100, 0x1230),
    (("-boot", "once=a", "-no-fd-bootchk"), 0x0101, 0x1231),
    (("-boot", "once=a,order=c"), 0x0100, 0x0200),
    (("-boot", "once=a", "-boot", "order=c"), 0x0100, 0x0200),
    (("-boot", "once=a", "-boot", "c"), 0x0100, 0x0200),
])
def test_boot_order(words, first, later):
    with Machine("-nodefaults", *words) as m:
        assert cmos(m, 0x38) | cmos(m, 0x3d) << 8 == first
        m.qmp("system_reset")
        assert cmos(m, 0x38) | cmos(m, 0x3d) << 8 == later


# ---- What this machine has not ----


@pytest.mark.parametrize("words", [
    ("-machine", "q35"), ("-machine", "isapc"), ("-machine", "microvm"), ("-numa", "node"),
    ("-numa", "cpu,node-id=0"), ("-device", "qemu64-x86_64-cpu"), ("-smp", "9999"),
])
def test_it_is_refused(words):
    with pytest.raises(EOFError, match="status 1"):
        Machine(*words)


@options("-smp", "1,maxcpus=2")
def test_processors_cannot_come(m):
    for line in ("query-hotpluggable-cpus", "device_add"):
        with pytest.raises(QMPError):
            m.qmp(line, **({"driver": "qemu64-x86_64-cpu", "socket-id": 1, "core-id": 0,
                            "thread-id": 0} if line == "device_add" else {}))
