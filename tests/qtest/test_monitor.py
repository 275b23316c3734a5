# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands of the monitors that show interrupt controllers and ROMs."""

import re

import pytest

from tenon_qtest import SECOND, Machine, QMPError


def hmp(m, line):
    return m.qmp("human-monitor-command", command_line=line)


def ioapic(m, register, value):
    m.writel(0xfec00000, register)
    m.writel(0xfec00010, value)


def test_info_pic(m):
    for port, value in (0x20, 0x11), (0x21, 0x08), (0x21, 4), (0x21, 1), (0x21, 0xfe):
        m.outb(port, value)
    ioapic(m, 0x10 + 2 * 9, 0xa931)  # vector 31h, lowest priority, logical, active low, level
    ioapic(m, 0x11 + 2 * 9, 0x0f000000)
    m.do("set_irq_in isa-i8259 unnamed-gpio-in 3 1")
    text = hmp(m, "info pic").replace("\r", "")
    assert "pic0: irr=08 imr=fe isr=00 hprio=0 irq_base=08 rr_sel=0 elcr=00 fnm=0\n" in text
    assert re.search(r"pin 9  0x0f0000000000a931 dest=f vec=49  active-lo level\s+lowest\s+logical\n",
                     text)
    assert re.search(r"pin 23 0x0000000000010000 dest=0 vec=0   active-hi edge\s+masked fixed", text)


def test_info_irq_counts_rises(m):
    pit = "IRQ statistics for isa-i8259:\n 0: %u\nIRQ statistics for ioapic:\n 0: %u\n"
    assert m.qmp("x-query-irq")["human-readable-text"] == pit % (1, 1)  # its output is high at first
    m.clock_step(SECOND)
    assert hmp(m, "info irq").replace("\r", "") == pit % (19, 19)


def test_info_roms(m):
    text = m.qmp("x-query-roms")["human-readable-text"]
    assert re.search(r"^addr=00000000fff[ce]0000 size=0x0[24]0000 mem=rom name=\"\S*bios\S*\"$", text,
                     re.M), text
    assert re.search(r'^fw_cfg size=0x\w+ name="etc/acpi/tables"$', text, re.M), text
    assert hmp(m, "info roms").replace("\r", "") == text


@pytest.mark.options("-smp", "2")
def test_info_lapic_needs_an_accelerator_with_local_apics(m):
    assert hmp(m, "info lapic") == "Error: accelerator qtest does not show local APICs\r\n"
    assert hmp(m, "info lapic 7") == "Error: no processor has APIC id 7\r\n"


def test_info_lapic_of_the_software_cpu():
    with Machine("-S", "-smp", "2", accel=("soft",)) as m:
        text = hmp(m, "info lapic 1").replace("\r", "")
    assert text.startswith("dumping local APIC state for CPU 1\n")
    for line in (r"LVT0     0x00010000 active-hi edge  masked\s+Fixed \(vec 0\)",
                 r"SPIV     0x000000ff APIC disabled, focus=on, spurious vec 255",
                 r"Timer    DCR=0x0 \(divide by 2\) initial_count = 0 current_count = 0",
                 r"IRR      \(none\)", r"ID 0x01000000 VER 0x000\w+ .*"):
        assert re.search(f"^{line}$", text, re.M), (line, text)


@pytest.mark.options("-machine", "none")
def test_a_machine_of_nothing_shows_nothing(m):
    assert hmp(m, "info pic") == hmp(m, "info irq") == hmp(m, "info roms") == ""
    assert hmp(m, "info lapic") == "Error: this machine has no processors\r\n"
