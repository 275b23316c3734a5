#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hmp.py BUILD - the monitor for people: on a terminal, over pipes and sockets."""

import os
import pty
import re
import select
import socket
import subprocess
import tempfile
import time

from qmp import PC, PROGRAM, run_all

PROMPT = "(qemu) "


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(PROGRAM, [PROGRAM, *arguments])
        self.seen = ""

    def expect(self, text):
        """Reads until text comes; what came before it."""
        end = time.monotonic() + 20
        while text not in self.seen:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            self.seen += os.read(self.fd, 4096).decode().replace("\r\r\n", "\r\n")
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def ask(self, keys):
        """What is said after a line; the echo of it is the last of what comes before."""
        self.type(keys + "\r")
        self.expect("\r\n")
        return self.expect(PROMPT)

    def close(self):
        self.type("quit\r")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        assert status == 0, status


def piped(lines, *arguments):
    """What a script sees: the program's output, line ends as they are."""
    done = subprocess.run([PROGRAM, *PC, "-monitor", "stdio", *arguments], check=True, timeout=60,
                          input="".join(line + "\n" for line in [*lines, "quit"]).encode(),
                          stdout=subprocess.PIPE)
    return done.stdout.decode()


def transcript():
    """over a pipe: banner, prompt, the line, its answer, nothing else"""
    said = piped(["info status", "", "stop", "info status"])
    banner, rest = said.split("\r\n", 1)
    assert re.fullmatch(r"Tenon \S+ monitor - type 'help' for more information", banner), banner
    assert rest == (PROMPT + "info status\r\nVM status: running\r\n" + PROMPT + "\r\n" + PROMPT +
                    "stop\r\n" + PROMPT + "info status\r\nVM status: paused\r\n" + PROMPT +
                    "quit\r\n" + PROMPT), rest


def editing():
    """history, completion, and keys of a line that is wrong at first"""
    t = Terminal(*PC, "-monitor", "stdio", "-S", "-device", "isa-debug-exit,id=exit0")
    t.expect(PROMPT)
    assert t.ask("info statsu\x7f\x7fus") == "VM status: paused (prelaunch)\r\n"
    assert t.ask("\x1b[A") == "VM status: paused (prelaunch)\r\n"
    assert t.ask("\x12stat") == "VM status: paused (prelaunch)\r\n"
    assert t.ask("in\tuu\t") == "00000000-0000-0000-0000-000000000000\r\n"
    t.type("system_\t")
    assert {"system_powerdown", "system_reset", "system_wakeup"} <= set(t.expect(PROMPT).split())
    assert t.ask("\x15info history").startswith("0: 'info status'\r\n")
    t.close()


def files():
    """completion of file names"""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "a folder"[2:]))
        path = os.path.join(folder, "folder", "memory")
        open(path, "w", encoding="ascii").close()
        t = Terminal(*PC, "-monitor", "stdio", "-S")
        t.expect(PROMPT)
        assert t.ask(f"pmemsave 0xffff0 16 {folder}/fo\tme\t") == ""
        with open(path, "rb") as memory:
            assert memory.read(1) == b"\xea"  # the jump that a PC starts with
        t.close()


def several():
    """two monitors at once, each with a processor and a history of its own"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s")
        t = Terminal(*PC, "-smp", "2", "-monitor", "stdio", "-monitor",
                     f"unix:{path},server=on,wait=off")
        t.expect(PROMPT)
        other = socket.socket(socket.AF_UNIX)
        other.connect(path)
        lines = other.makefile("rwb", buffering=0)
        assert lines.readline().startswith(b"Tenon")
        lines.write(b"cpu 1\ninfo cpus\n")
        assert lines.readline() == b"(qemu) cpu 1\r\n"
        assert lines.readline() == b"(qemu) info cpus\r\n"
        assert lines.readline().startswith(b"  CPU #0") and lines.readline().startswith(b"* CPU #1")
        assert t.ask("info cpus").startswith("* CPU #0")
        other.close()
        t.close()


def shared():
    """-nographic: Ctrl-a c shows the monitor, with its banner then, and the line typed so far"""
    t = Terminal("-machine", "pc,accel=qtest", "-nographic", "-S")
    time.sleep(0.2)
    t.type("\x01c")
    assert "Tenon" in t.expect(PROMPT)
    t.type("info sta\x01c\x01c")
    t.expect(PROMPT + "info sta")
    assert t.ask("tus") == "VM status: paused (prelaunch)\r\n"
    t.close()


ANSWERS = [
    ("help quit", "quit|q -- end the program"),
    ("? stop", "stop|s -- stop the guest"),
    ("help nix", "Error: there is no command 'nix'"),
    ("nix", "unknown command: 'nix'; 'help' lists what there is"),
    ("info nix", "Error: there is no 'info nix'; 'help info' lists what there is"),
    ("stop now", "'now' is too much"),
    ("print 0x10 + 2*(3 - 1)", "0x14"),
    ("p /d -1", "-1"),
    ("p /c 65", "'A'"),
    ("p $nix", "val: there is no register 'nix'"),
    ("xp /4xb 0xffff0", "00000000000ffff0: 0xea 0x5b 0xe0 0x00"),
    ("xp /2xh 0xffff1", "00000000000ffff1: 0xe05b 0xf000"),
    ("xp /1dw 0xffff0", "00000000000ffff0: 14703594"),
    ("xp /1xg 0xfe00000000", "000000fe00000000: Cannot access memory"),
    ("gpa2hva 0xfe00000000", "Error: Memory at address 0xfe00000000 is not RAM"),
    ("cpu 7", "Error: Parameter 'index' does not accept value '7': processors are 0 to 0"),
    ("info name", "guest"),
    ("info kvm", "kvm support: disabled"),
    ("o /b 0x70 0x0f", None),
    ("i /b 0x71", "portb[0x0071] = 0x00"),
    ("i /g 0x71", "Error: ports are 0 to 0xffff, and /b, /h or /w wide"),
    ("trace-event nix on", 'Error: unknown event "nix"'),
    ("gdbserver none", "Disabled gdbserver"),
    ("dfilter nix", 'Error: "nix" is no range of addresses: A+LENGTH, A-LENGTH or A..B'),
    ("logfile /%x", "Error: the name can have one %d, and no other %"),
    ("log nix", True),
]


def answers():
    """what commands say, in HMP and by way of QMP the same"""
    said = piped([line for line, _ in ANSWERS], "-name", "guest")
    parts = said.split(PROMPT)[1:]
    for (line, wanted), part in zip(ANSWERS, parts):
        echo, _, text = part.partition("\r\n")
        assert echo == line, (echo, line)
        if wanted is not True:
            assert text == (wanted + "\r\n" if wanted else ""), (line, text)
    assert "Error: " in parts[len(ANSWERS) - 1]


def memory_and_code():
    """registers, code and the map of a machine that has not begun"""
    said = piped(["info registers", "info mtree", "info mtree -f", "info pci", "info tlb",
                  "info registers -a"], "-S", "-smp", "2", "-accel", "tcg")
    assert "EIP=0000fff0" in said and "CS =f000 ffff0000" in said
    assert "address-space: memory\r\n" in said and 'AS "I/O"\r\n' in said
    assert "Host bridge: PCI device 8086:1237" in said
    assert "PG disabled" in said
    assert "CPU#1\r\n" in said


def hostile():
    """bytes of no meaning, long lines and nesting end in errors, and the monitor goes on"""
    lines = ["p " + "(" * 100000, "p " + "-" * 100000, "x" * 100000, "\x1b[999999999~\x1b[;;;;A",
             "\xff\xfe".encode("latin-1").decode("utf-8", "ignore"), "help " + "a " * 1000]
    said = piped([*lines, "info status"])
    assert said.endswith(PROMPT + "info status\r\nVM status: running\r\n" + PROMPT + "quit\r\n" +
                         PROMPT)
    assert "nested too deep" in said


run_all([transcript, editing, files, several, shared, answers, memory_and_code, hostile])
