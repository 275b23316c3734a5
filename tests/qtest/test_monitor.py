# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands of the monitors: interrupt controllers and ROMs, chardevs, the clock."""

import json
import os
import re
import socket
import subprocess
import time

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


# ---- chardev-change, add_client ----

COM1 = 0x3f8
SERIAL = ("-nodefaults", "-chardev", "ringbuf,id=c0", "-device", "isa-serial,chardev=c0,id=s0")


def ring(**data):
    return {"type": "ringbuf", "data": data}


def send(m, text):
    for byte in text.encode():
        m.outb(COM1, byte)


def taken(m, device):
    return m.qmp("ringbuf-read", device=device, size=64)


@pytest.mark.options(*SERIAL)
def test_a_port_gets_another_back_end(m):
    send(m, "old")
    assert m.qmp("chardev-change", id="c0", backend=ring(size=16)) == {}
    send(m, "new")
    assert taken(m, "c0") == "new"
    assert [c["label"] for c in m.qmp("query-chardev") if c["label"] != "char0"] == [
        "c0", "qtest"]
    assert m.qmp("chardev-change", id="c0", backend={"type": "pty", "data": {}})["pty"]
    assert hmp(m, "chardev-change c0 ringbuf,size=8") == ""
    send(m, "hmp")
    assert taken(m, "c0") == "hmp"


@pytest.mark.options(*SERIAL)
def test_what_arrives_comes_from_the_new_back_end(m):
    path = m.path("serial.sock")
    address = {"type": "unix", "data": {"path": path}}
    m.qmp("chardev-change", id="c0", backend={"type": "socket", "data": {"addr": address}})
    with socket.socket(socket.AF_UNIX) as far:
        far.connect(path)
        far.sendall(b"Q")
        wait_for(lambda: m.inb(COM1 + 5) & 1)
        assert m.inb(COM1) == ord("Q")
        send(m, "a")
        assert far.recv(1) == b"a"
        m.qmp("chardev-change", id="c0", backend=ring())
        assert far.recv(1) == b""
    assert not os.path.exists(path)
    send(m, "b")
    assert taken(m, "c0") == "b"


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise TimeoutError


@pytest.mark.options(*SERIAL, "-chardev", "ringbuf,id=mx,mux=on", "-chardev", "ringbuf,id=free")
def test_what_cannot_change(m):
    nowhere = {"type": "socket", "data": {"server": False, "addr": {
        "type": "unix", "data": {"path": m.path("nowhere")}}}}
    for arguments, why in (
            ({"id": "no", "backend": ring()}, "Chardev 'no' not found"),
            ({"id": "mx", "backend": ring()}, "chardev 'mx' is a mux, which keeps its back end"),
            ({"id": "char0", "backend": ring()},
             "chardev 'char0' is in use by a monitor, which keeps it"),
            ({"id": "c0", "backend": ring(size=3)}, ".*power of two.*"),
            ({"id": "c0", "backend": nowhere}, "No such file or directory")):
        with pytest.raises(QMPError) as error:
            m.qmp("chardev-change", **arguments)
        assert re.fullmatch(why, str(error.value)), error.value
    send(m, "still")
    assert taken(m, "c0") == "still"
    assert m.qmp("chardev-change", id="free", backend=ring()) == {}
    m.qmp("chardev-remove", id="free")


@pytest.mark.options(*SERIAL)
def test_add_client(m):
    path = m.path("serial.sock")
    address = {"type": "unix", "data": {"path": path}}
    m.qmp("chardev-change", id="c0", backend={"type": "socket", "data": {"addr": address}})
    ours, theirs = socket.socketpair()
    send_fd(m, "client", theirs)
    m.qmp("add_client", protocol="c0", fdname="client")
    ours.sendall(b"Z")
    wait_for(lambda: m.inb(COM1 + 5) & 1)
    assert m.inb(COM1) == ord("Z")
    send(m, "z")
    assert ours.recv(1) == b"z"
    send_fd(m, "second", theirs)
    for arguments, why in (
            ({"protocol": "c0", "fdname": "second"}, "Chardev 'c0' has a client already"),
            ({"protocol": "c0", "fdname": "second"},
             "File descriptor named 'second' has not been found"),
            ({"protocol": "vnc", "fdname": "client"},
             "protocol 'vnc' is not there: this machine has no such display"),
            ({"protocol": "x", "fdname": "client"}, "protocol 'x' is invalid"),
            ({"protocol": "c0", "fdname": "client", "tls": True},
             "Parameter 'tls' is for displays: a chardev has its own tls-creds")):
        with pytest.raises(QMPError) as error:
            m.qmp("add_client", **arguments)
        assert str(error.value) == why


def send_fd(m, name, sock):
    request = json.dumps({"execute": "getfd", "arguments": {"fdname": name}}) + "\n"
    socket.send_fds(m.monitor.sock, [request.encode()], [sock.fileno()])
    assert m.message() == {"return": {}}


# ---- The clock ----


def cmos(m, register, value=None):
    m.outb(0x70, register)
    if value is None:
        return m.inb(0x71)
    return m.outb(0x71, value)


@pytest.mark.options("-rtc", "base=2020-01-01T12:00:00,clock=vm,driftfix=slew")
@pytest.mark.parametrize("forget", [False, True])
def test_ticks_that_are_owed(m, forget):
    cmos(m, 0x0a, 0x26)  # 1024 Hz
    cmos(m, 0x0b, 0x42)  # PIE
    m.clock_step(SECOND // 100)  # ten ticks
    if forget:
        m.qmp("rtc-reset-reinjection")
    seen = 0
    while cmos(m, 0x0c) & 0x40:
        seen += 1
    assert seen == (1 if forget else 10)


# ---- QMP on standard output ----


@pytest.mark.parametrize("words", [
    ("-qmp", "stdio"), ("-qmp-pretty", "stdio"), ("-qmp", "chardev:q", "-chardev", "stdio,id=q"),
    ("-chardev", "stdio,id=q", "-mon", "chardev=q,mode=control"),
])
def test_nothing_else_is_said_on_the_standard_output_of_qmp(words):
    requests = ({"execute": "qmp_capabilities"},
                {"execute": "chardev-add",
                 "arguments": {"id": "later", "backend": {"type": "pty", "data": {}}}},
                {"execute": "human-monitor-command",
                 "arguments": {"command-line": "chardev-add pty,id=more"}},
                {"execute": "quit"})
    done = subprocess.run(
        [os.environ.get("TENON", "tenon"), "-machine", "none", "-nodefaults", "-display", "none",
         "-chardev", "pty,id=first", *words], check=True, timeout=60, capture_output=True, text=True,
        input="".join(json.dumps(request) + "\n" for request in requests))
    reader, rest, replies = json.JSONDecoder(), done.stdout.strip(), []
    while rest:
        message, end = reader.raw_decode(rest)
        replies.append(message)
        rest = rest[end:].strip()
    assert "QMP" in replies[0] and len(replies) >= 5
    for label in "first", "later", "more":
        assert re.search(rf"^char device redirected to /dev/pts/\d+ \(label {label}\)$", done.stderr,
                         re.M), done.stderr


def test_a_pty_is_told_of_on_standard_output():
    done = subprocess.run(
        [os.environ.get("TENON", "tenon"), "-machine", "none", "-nodefaults", "-display", "none",
         "-chardev", "pty,id=first", "-monitor", "stdio"], check=True, timeout=60,
        capture_output=True, text=True, input="quit\n")
    assert done.stdout.startswith("char device redirected to /dev/pts/")


# ---- Names that take their time ----


@pytest.fixture
def names(monkeypatch):
    preloaded = os.environ.get("SLOW_NAMES")
    if not preloaded:
        pytest.skip("meson test sets SLOW_NAMES")
    monkeypatch.setenv("LD_PRELOAD", preloaded)
    monkeypatch.setenv("ASAN_OPTIONS", "verify_asan_link_order=0")


def inet(host, port="0"):
    return {"type": "inet", "data": {"host": host, "port": port}}


@pytest.mark.parametrize("backend", [
    {"type": "socket", "data": {"addr": inet("slow.example", "1")}},
    {"type": "socket", "data": {"addr": inet("slow.example", "1"), "server": False}},
    {"type": "socket", "data": {"addr": inet("slow.example", "1"), "server": True, "wait": True}},
    {"type": "udp", "data": {"remote": inet("slow.example", "1")}},
])
def test_a_name_server_holds_nothing_up(names, backend):
    with Machine("-nodefaults") as m:
        m.monitor.send(json.dumps({"execute": "chardev-add", "arguments": {
            "id": "c", "backend": backend}}) + "\n")
        began = time.monotonic()
        assert m.clock_step(1) == 1
        assert m.readl(0) == 0
        assert time.monotonic() - began < 15


def test_names_that_are_found_later(names):
    with Machine("-nodefaults") as m:
        m.qmp("chardev-add", id="s", backend={"type": "socket", "data": {"addr": inet("named")}})
        at = {c["label"]: c["filename"] for c in m.qmp("query-chardev")}["s"]
        port = re.search(r"127\.0\.0\.1:(\d+)|:(\d+)", at)
        assert port, at
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            far.bind(("127.0.0.1", 0))
            m.qmp("chardev-add", id="u", backend={"type": "udp", "data": {
                "remote": inet("named", str(far.getsockname()[1]))}})
            m.qmp("device_add", driver="pci-serial", chardev="u", id="p")
            card = next(m.pci(slot) for slot in range(2, 32)
                        if m.pci(slot).readl(0) & 0xffff == 0x1b36)
            card.map_bar(0, 0xc000)
            card.enable()
            m.outb(0xc000, ord("u"))
            far.settimeout(20)
            assert far.recv(9) == b"u"


def test_names_that_are_not_found(names):
    with Machine("-nodefaults") as m:
        with pytest.raises(QMPError):
            m.qmp("chardev-add", id="s", backend={"type": "udp", "data": {
                "remote": inet("nosuch.invalid", "1")}})
        assert all(c["label"] != "s" for c in m.qmp("query-chardev"))
