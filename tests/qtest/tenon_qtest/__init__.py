# SPDX-License-Identifier: LGPL-2.1-or-later
"""tenon_qtest - a machine whose devices a test drives: ports, memory, interrupt lines, the clock, QMP.

    with Machine() as m:
        m.outb(0x70, 0x0a)
        assert m.inb(0x71) == 0x26

The program is $TENON. It runs no guest code; its clock moves by clock_step() and clock_set().
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

SECOND = 10**9
PATIENCE = 60  # seconds that nothing takes, unless something is wrong
PR_SET_PDEATHSIG = 1


class Refused(Exception):
    """The program has answered a command with something else than OK."""


class QMPError(Exception):
    def __init__(self, error):
        super().__init__(error["desc"])
        self.kind = error["class"]


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(0.1)
    listener.bind(path)
    listener.listen(1)
    return listener


def _accept(listener, process):
    """The program's connection; a program that ends instead is not waited for."""
    for _ in range(10 * PATIENCE):
        try:
            return listener.accept()[0]
        except TimeoutError:
            if process.poll() is not None:
                raise EOFError(f"the program has ended with status {process.returncode}") from None
    raise TimeoutError("the program does not connect")


class Link:
    """One of the two connections: lines out, lines in."""

    def __init__(self, listener, process):
        self.sock = _accept(listener, process)
        self.sock.settimeout(PATIENCE)
        self.lines = self.sock.makefile("rb")
        listener.close()

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        line = self.lines.readline()
        if not line.endswith(b"\n"):
            raise EOFError(f"the program has gone after {line!r}")
        return line.decode(errors="replace").rstrip("\r\n")

    def close(self):
        self.lines.close()
        self.sock.close()


class Machine:
    def __init__(self, *options, accel=("qtest",), log="none", errors=None):
        self.folder = tempfile.mkdtemp(prefix="tenon-qtest-")
        self.levels = {}
        self.events = []
        self.irqs = []
        qtest, qmp = self.path("qtest.sock"), self.path("qmp.sock")
        listeners = _listen(qtest), _listen(qmp)
        line = [os.environ.get("TENON", "tenon"), "-qtest", f"unix:{qtest}",
                *(("-qtest-log", log) if log else ()),
                "-chardev", f"socket,path={qmp},id=char0", "-mon", "chardev=char0,mode=control",
                "-display", "none", *options]
        for name in accel:
            line += ["-accel", name]
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent,
                                        stderr=errors or subprocess.DEVNULL)
        try:
            self.qtest, self.monitor = (Link(one, self.process) for one in listeners)
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        self.greeting = json.loads(self.monitor.line())
        self.qmp("qmp_capabilities")

    def path(self, name):
        """A path in a folder of this machine's own."""
        return os.path.join(self.folder, name)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        status = self.stop()
        assert status == 0 or kind, f"exit status {status}"

    def wait(self):
        return self.process.wait(PATIENCE)

    def stop(self):
        """Ends the program as a test harness does; its exit status."""
        try:
            self.process.terminate()
            return self.wait()
        finally:
            self.process.kill()
            self.qtest.close()
            self.monitor.close()
            shutil.rmtree(self.folder)

    # ---- The wire ----

    def reply(self):
        """The next answer; messages of interrupt lines before it are taken in."""
        while True:
            line = self.qtest.line()
            words = line.split()
            if not words or words[0] != "IRQ":
                return line
            self.irqs.append((words[1], int(words[2])))
            self.levels[int(words[2])] = words[1] == "raise"

    def ask(self, line):
        """Sends a line; the answer, whatever it is."""
        self.qtest.send(line + "\n")
        return self.reply()

    def do(self, line):
        """Sends a line; what follows OK in the answer."""
        answer = self.ask(line)
        if answer.split(" ")[0] != "OK":
            raise Refused(answer)
        return answer[3:]

    # ---- Ports and memory ----

    def inb(self, port): return int(self.do(f"inb {port:#x}"), 16)
    def inw(self, port): return int(self.do(f"inw {port:#x}"), 16)
    def inl(self, port): return int(self.do(f"inl {port:#x}"), 16)
    def outb(self, port, value): self.do(f"outb {port:#x} {value:#x}")
    def outw(self, port, value): self.do(f"outw {port:#x} {value:#x}")
    def outl(self, port, value): self.do(f"outl {port:#x} {value:#x}")
    def readb(self, addr): return int(self.do(f"readb {addr:#x}"), 16)
    def readw(self, addr): return int(self.do(f"readw {addr:#x}"), 16)
    def readl(self, addr): return int(self.do(f"readl {addr:#x}"), 16)
    def readq(self, addr): return int(self.do(f"readq {addr:#x}"), 16)
    def writeb(self, addr, value): self.do(f"writeb {addr:#x} {value:#x}")
    def writew(self, addr, value): self.do(f"writew {addr:#x} {value:#x}")
    def writel(self, addr, value): self.do(f"writel {addr:#x} {value:#x}")
    def writeq(self, addr, value): self.do(f"writeq {addr:#x} {value:#x}")

    def read(self, addr, size):
        return bytes.fromhex(self.do(f"read {addr:#x} {size:#x}")[2:])

    def write(self, addr, data):
        self.do(f"write {addr:#x} {len(data):#x} 0x{data.hex()}")

    # ---- The clock and interrupts ----

    def clock_step(self, ns=None):
        """Guest time goes on by ns, or to the next deadline; the time it is then."""
        return int(self.do("clock_step" if ns is None else f"clock_step {ns}"))

    def clock_set(self, ns):
        return int(self.do(f"clock_set {ns}"))

    def intercept(self, path="ioapic", lines="in"):
        self.do(f"irq_intercept_{lines} {path}")

    def irq(self, n):
        """Whether interrupt line n of what is intercepted is high."""
        self.inb(0)
        return self.levels.get(n, False)

    # ---- PCI ----

    def pci(self, slot, function=0):
        return PCIFunction(self, slot, function)

    def find_pci(self, vendor, device):
        for slot in range(32):
            for function in range(8):
                at = self.pci(slot, function)
                if at.readl(0) == device << 16 | vendor:
                    return at
        raise LookupError(f"{vendor:04x}:{device:04x}")

    # ---- QMP ----

    def message(self):
        return json.loads(self.monitor.line())

    def qmp(self, command, **arguments):
        """Does a command; what it returns. Arguments are named with _ for -."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.monitor.send(json.dumps(request) + "\n")
        while True:
            message = self.message()
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QMPError(message["error"])
            else:
                return message["return"]

    def event(self, name):
        """The next event of that name; others before it are dropped."""
        while True:
            message = self.events.pop(0) if self.events else self.message()
            if message.get("event") == name:
                return message


class PCIFunction:
    """A function on bus 0, by way of ports CF8h and CFCh."""

    IO, MEMORY, MASTER = 1, 2, 4

    def __init__(self, machine, slot, function):
        self.machine = machine
        self.address = 0x80000000 | slot << 11 | function << 8

    def _select(self, register):
        self.machine.outl(0xcf8, self.address | register & 0xfc)
        return 0xcfc + (register & 3)

    def readb(self, register): return self.machine.inb(self._select(register))
    def readw(self, register): return self.machine.inw(self._select(register))
    def readl(self, register): return self.machine.inl(self._select(register))
    def writeb(self, register, value): self.machine.outb(self._select(register), value)
    def writew(self, register, value): self.machine.outw(self._select(register), value)
    def writel(self, register, value): self.machine.outl(self._select(register), value)

    def enable(self):
        self.writew(4, self.IO | self.MEMORY | self.MASTER)

    def bar_size(self, n):
        self.writel(0x10 + 4 * n, 0xffffffff)
        value = self.readl(0x10 + 4 * n)
        return -(value & (~3 if value & 1 else ~15)) & 0xffffffff

    def map_bar(self, n, base):
        """Puts BAR n (of 32 bits) at base."""
        self.writel(0x10 + 4 * n, base)
        return base
