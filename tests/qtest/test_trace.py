# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where trace events go: the log, a file, the kernel's trace buffer, probes; and what -d tells of devices."""

import os
import re
import shutil
import subprocess

import pytest

from tenon_qtest import Machine

PLUGIN = os.path.join(os.path.dirname(os.environ.get("TENON", "")), "plugins", "device-isa-serial.so")
READER = os.path.join(os.path.dirname(__file__), "..", "..", "scripts", "simpletrace.py")
SCRATCH = 0x3ff
EVENT = r"serial_write .*0x41"


def poke(m):
    m.outb(SCRATCH, 0x41)


def test_log(tmp_path):
    log = tmp_path / "log"
    with Machine("-trace", "serial_write", "-D", str(log)) as m:
        poke(m)
        m.qmp("trace-event-set-state", name="serial_write", enable=False)
        m.outb(SCRATCH, 0x42)
        m.qmp("human-monitor-command", command_line="trace-event serial_* on")
        poke(m)
    lines = log.read_text().splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(rf"\d+@\d+\.\d{{6}}:{EVENT}", line) for line in lines), lines


def test_simple(tmp_path):
    with Machine("-trace", f"enable=serial_*,file={tmp_path}/trace") as m:
        poke(m)
        m.inb(SCRATCH)
    shown = subprocess.run([READER, f"{tmp_path}/trace"], check=True, capture_output=True,
                           text=True).stdout
    assert re.search(EVENT, shown) and re.search("serial_read .*0x41", shown), shown
    some = subprocess.run([READER, f"{tmp_path}/trace", "serial_read"], check=True,
                          capture_output=True, text=True).stdout
    assert "serial_read" in some and "serial_write" not in some


def test_ftrace(tmp_path):
    """A file in the place of the kernel's trace_marker."""
    marker = tmp_path / "trace_marker"
    marker.touch()
    with Machine("-trace", f"serial_write,backend=ftrace,file={marker}") as m:
        poke(m)
    assert re.search(EVENT, marker.read_text())


def probes():
    if not shutil.which("readelf"):
        pytest.skip("readelf is not installed")
    notes = subprocess.run(["readelf", "-n", PLUGIN], check=True, capture_output=True,
                           text=True).stdout
    names = set(re.findall(r"Provider: tenon\s+Name: (\w+)", notes))
    if not names:
        pytest.skip("built without sys/sdt.h")
    return names


def test_each_event_is_a_probe():
    names = probes()
    with Machine() as m:
        events = {event["name"] for event in m.qmp("trace-event-get-state", name="serial_*")}
    assert events and events == {name for name in names if name.startswith("serial_")}


def test_a_probe_fires():
    probes()
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed")
    with Machine() as m:
        gdb = subprocess.Popen(
            ["gdb", "-nx", "-q", "-batch", "-p", str(m.process.pid), "-ex", "set pagination off",
             "-ex", "break -probe-stap tenon:serial_write", "-ex", "echo ready\\n", "-ex", "continue",
             "-ex", "print $_probe_arg3", "-ex", "detach"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = ""
        for line in gdb.stdout:
            said += line
            if "ready" in line:
                break
        if "ready" not in said or "No probe" in said or "ptrace" in said:
            gdb.wait()
            pytest.skip("gdb cannot attach here: " + said[-200:])
        m.qtest.send(f"outb {SCRATCH:#x} 0x41\n")
        said += gdb.stdout.read()
        gdb.wait()
        assert m.reply() == "OK"
        assert re.search(r"Breakpoint 1", said) and re.search(r"\$1 = 65", said), said


def test_what_guests_do_wrong(tmp_path):
    log = tmp_path / "log"
    with Machine("-d", "guest_errors,unimp", "-D", str(log), "-device", "pvpanic,id=p") as m:
        m.outb(0x505, 0xf0)
        m.outb(0x64, 0x15)
        m.inb(0x1234)
        m.readl(0xd0000000)
    text = log.read_text()
    for line in ("p: unknown event 0xf0", "i8042#0: unknown command 0x15",
                 "unassigned ports: read of size 1 at 0x1234",
                 "unassigned memory: read of size 4 at 0xd0000000"):
        assert re.search(rf"^\S*{re.escape(line)}$", text, re.M), text


def test_unassigned(tmp_path):
    with open(tmp_path / "errors", "w") as errors, \
            Machine("-trace-unassigned", errors=errors) as m:
        m.outw(0x1234, 0)
        m.writeb(0xd0000000, 0)
    text = (tmp_path / "errors").read_text()
    assert "unassigned ports: write of size 2 at 0x1234\n" in text
    assert "unassigned memory: write of size 1 at 0xd0000000\n" in text
