#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""running.py BUILD - monitors and a guest whose processor runs meanwhile, on the software CPU.

The guest is firmware: the reset vector, FFFFh:0000h (Intel SDM volume 3, "Processor State After
Reset"), leads to its first byte.
"""

import contextlib
import os
import tempfile
import time

from qmp import PC, run_all, running

# xor ax, ax; mov ds, ax; mov word [8], 100h; mov word [10], F000h: where vector 2 leads
VECTOR = bytes.fromhex("31 c0 8e d8 c7 06 08 00 00 01 c7 06 0a 00 00 f0")
# mov ecx, 1Bh; rdmsr; or eax, C00h; wrmsr; mov ecx, 80Fh; mov eax, 1FFh; xor edx, edx; wrmsr:
# an x2APIC, switched on; then mov ecx, 836h; mov eax, 400h; wrmsr: LINT1 is an NMI
APIC = bytes.fromhex("66 b9 1b 00 00 00 0f 32 66 0d 00 0c 00 00 0f 30 66 b9 0f 08 00 00"
                     "66 b8 ff 01 00 00 66 31 d2 0f 30")
LINT1 = bytes.fromhex("66 b9 36 08 00 00 66 b8 00 04 00 00 0f 30")
LOOP = bytes.fromhex("eb fe")  # jmp $
CAUGHT = 0x100
RESET = bytes.fromhex("ea 00 00 00 f0")  # jmp F000h:0000h
SOFT = ["-machine", "pc", "-nodefaults", "-display", "none"]


@contextlib.contextmanager
def guest(*arguments, code=VECTOR, loop=LOOP, accel="tcg"):
    """A client of a machine whose processor comes to the end of code and goes round and round."""
    with tempfile.NamedTemporaryFile() as firmware:
        firmware.write((code + loop).ljust(CAUGHT) + LOOP.ljust(0xfff0 - CAUGHT) + RESET.ljust(16))
        firmware.flush()
        with running("-accel", accel, "-bios", firmware.name, *arguments, machine=SOFT) as qmp:
            qmp.say = lambda line: qmp.do("human-monitor-command", **{"command-line": line})
            until(lambda: at(qmp) == len(code), "the end of the code")
            yield qmp


def until(condition, what):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


def at(qmp):
    return int(qmp.say("info registers").split("EIP=")[1][:8], 16)


def nmi():
    """inject-nmi reaches a processor that runs: it goes where vector 2 leads; LINT1 may be masked"""
    with guest("-cpu", "max", code=VECTOR + APIC + LINT1) as qmp:
        qmp.do("inject-nmi")
        until(lambda: at(qmp) == CAUGHT, "an NMI")
    with guest("-cpu", "max", code=VECTOR + APIC) as qmp:
        before = at(qmp)
        qmp.do("inject-nmi")
        assert qmp.say("nmi") == ""
        time.sleep(0.1)
        assert at(qmp) == before
    with running(machine=PC) as qmp:
        qmp.fails("inject-nmi", "does not provide NMIs")


def log():
    """a processor that runs sees the log's items come and go"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log")
        with guest("-D", path, "-cpu", "max", code=VECTOR + APIC + LINT1) as qmp:
            assert qmp.say("log exec,nochain") == ""
            until(lambda: os.path.exists(path) and os.path.getsize(path) > 1000, "blocks in the log")
            assert qmp.say("log none") == ""
            at(qmp)  # the processor has come out of the block that it was in
            size = os.path.getsize(path)
            time.sleep(0.2)
            assert os.path.getsize(path) == size
            assert qmp.say("log in_asm") == ""
            qmp.do("inject-nmi")  # to where it has not been yet
            until(lambda: b"jmp" in open(path, "rb").read()[size:], "code in the log")


def one_insn():
    """one-insn-per-tb comes and goes while the processor runs, and has its blocks decoded anew"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log")

        def places(qmp):
            """Where blocks begin that are executed from now on: EIPs."""
            open(path, "w").close()
            assert qmp.say("log exec,nochain") == ""
            until(lambda: os.path.getsize(path) > 10000, "blocks in the log")
            assert qmp.say("log none") == ""
            at(qmp)
            lines = [line for line in open(path) if line.endswith("]\n")]
            return {int(line.split("[")[1].split("/")[1], 16) & 0xffff for line in lines[len(lines) // 2:]}

        with guest("-D", path, loop=bytes.fromhex("90 90 eb fc")) as qmp:
            start = len(VECTOR)
            assert not qmp.do("query-status")["singlestep"]
            assert places(qmp) == {start}
            assert qmp.say("one-insn-per-tb") == ""
            assert qmp.do("query-status")["singlestep"]
            assert "(single step mode)" in qmp.say("info status")
            assert places(qmp) == {start, start + 1, start + 2}
            assert qmp.say("singlestep off") == ""
            assert places(qmp) == {start}
            assert qmp.say("one-insn-per-tb perhaps") == 'Error: it is "on" or "off", not "perhaps"\r\n'
    with running(machine=PC) as qmp:
        answer = qmp.do("human-monitor-command", **{"command-line": "one-insn-per-tb on"})
        assert answer.startswith("Error: qtest runs guest code as it is"), answer


def figures():
    """info jit counts what the software CPU executes; there is none without it"""
    def count(qmp):
        return int(qmp.say("info jit").split("instructions: ")[1].split()[0])
    with guest() as qmp:
        before = count(qmp)
        until(lambda: count(qmp) > before, "more instructions")
        assert "blocks decoded: " in qmp.do("x-query-jit")["human-readable-text"]
        assert "kvm support: disabled" in qmp.say("info kvm")
    with running(machine=PC) as qmp:
        answer = qmp.do("human-monitor-command", **{"command-line": "info jit"})
        assert answer.startswith("Error: JIT information"), answer


def engines():
    """info jit says what is translated and checked"""
    def figure(qmp, what):
        return int(qmp.say("info jit").split(what)[1].split()[0].rstrip(";"))
    with guest(accel="soft,engine=translator,tb-size=3") as qmp:
        until(lambda: figure(qmp, "blocks translated: ") > 0, "translated blocks")
        room = int(qmp.say("info jit").split("code memory: ")[1].split()[2])
        assert 3 << 20 > room > (3 << 20) - (64 << 10), room  # what blocks share lies there, too
        assert "checked" not in qmp.say("info jit")
    with guest(accel="soft,engine=check") as qmp:
        until(lambda: figure(qmp, "blocks checked: ") > 0, "checked blocks")


def clock():
    """RTC_CHANGE says how far ahead the guest has set its clock; one a second, the last one counts"""
    with running(machine=PC) as qmp:
        def write(index, value):
            for port, byte in ((0x70, index), (0x71, value)):
                qmp.do("human-monitor-command", **{"command-line": f"o {port:#x} {byte:#x}"})
        write(11, 0x82)  # SET: the time stands
        write(9, 0x30), write(0x32, 0x20), write(8, 1), write(7, 1)
        write(4, 0), write(2, 0), write(0, 0)
        write(11, 0x02)
        data = qmp.event("RTC_CHANGE")["data"]
        ahead = 1893456000 - time.time()  # 2030-01-01
        assert abs(data["offset"] - ahead) <= 2, (data, ahead)
        assert data["qom-path"].startswith("/machine/unattached/device["), data
        for hour in range(1, 6):
            write(4, hour)
        data = qmp.event("RTC_CHANGE")["data"]
        assert abs(data["offset"] - ahead - 5 * 3600) <= 30, (data, ahead)


run_all([nmi, log, one_insn, figures, engines, clock])
