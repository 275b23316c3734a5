# SPDX-License-Identifier: LGPL-2.1-or-later
"""-serial braille: the guest's braille display is shown on BRLTTY's, whose driver "vr" is one for programs."""

import os
import shutil
import socket
import subprocess
import time

import pytest

from tenon_qtest import Machine

COM1, CELLS = 0x3F8, 40
PATIENCE = 20

pytestmark = pytest.mark.skipif(not shutil.which("brltty"), reason="brltty is not installed")


def until(condition):
    end = time.monotonic() + PATIENCE
    while not (result := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return result


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Display:
    """What vr's far end sees: lines of text."""

    def __init__(self, folder):
        port, self.api = free_port(), f":{free_port() % 1000 + 1000}"
        command = ["brltty", "-n", "-e", "-b", "vr", "-d", f"server:127.0.0.1:{port}", "-x", "no", "-s", "no",
                   "-A", f"host={self.api},auth=none", "-P", f"{folder}/pid", "-W", folder, "-U", folder]
        self.brltty = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.sock = until(lambda: self.connect(port))
        self.sock.settimeout(PATIENCE)
        self.lines = self.sock.makefile("rb")
        self.sock.sendall(b"cells %d\r\n" % CELLS)

    @staticmethod
    def connect(port):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            return None

    def command(self, name):
        self.sock.sendall(name.encode() + b"\r\n")

    def shows(self, dots):
        """Waits until these cells are shown, and nothing right of them."""
        wanted = "|".join(dots + [" "] * (CELLS - len(dots)))
        for line in iter(self.lines.readline, b""):
            if line.decode().strip() == f'Braille "{wanted}"':
                return True
        return False

    def close(self):
        self.sock.close()
        self.brltty.terminate()
        self.brltty.wait(PATIENCE)


@pytest.fixture
def display(tmp_path, monkeypatch):
    display = Display(str(tmp_path))
    monkeypatch.setenv("BRLAPI_HOST", display.api)
    monkeypatch.setenv("BRLAPI_AUTH", "none")
    while not display.lines.readline().startswith(b"Braille "):
        pass
    yield display
    display.close()


class Line:
    """The guest's end of COM1."""

    def __init__(self, machine):
        self.m = machine

    def status(self, bit):
        self.m.clock_step(10**6)
        return self.m.inb(COM1 + 5) & bit

    def send(self, data):
        for byte in data:
            until(lambda: self.status(0x20))
            self.m.outb(COM1, byte)

    def receive(self, n):
        got = b""
        for _ in range(n):
            until(lambda: self.status(1))
            got += bytes([self.m.inb(COM1)])
        return got


def test_braille(display):
    with Machine("-serial", "braille") as m:
        line = Line(m)
        line.send(b"\x1b\x84")
        assert line.receive(21) == b"\x1b\x84Baum Vario      \x1b\x01" + bytes([CELLS])
        line.send(b"\x1b\x01" + bytes([0x01, 0x03, 0x1B, 0x1B, 0xFF]) + bytes(CELLS - 4))
        assert display.shows(["1", "12", "1245", "12345678"])
        display.command("LNUP")
        assert line.receive(6) == b"\x1b\x24\x08\x1b\x24\x00"
        display.command("ROUTE 9")  # cells count from 0
        assert line.receive(14) == b"\x1b\x22\x00\x02\x00\x00\x00\x1b\x22\x00\x00\x00\x00\x00"
        display.brltty.kill()
        line.send(b"\x1b\x84")  # the display is still there for the guest, and shows nothing
        assert line.receive(18)[:2] == b"\x1b\x84"
