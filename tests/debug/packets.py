#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""packets.py TENON GUESTS - what gdb's stub answers to packets, good ones and bad ones."""

import os
import select
import subprocess
import sys
import time
import traceback

TENON, GUESTS = sys.argv[1:]
SYMBOLS = dict(
    reversed(line.split()[::2])
    for line in subprocess.run(["nm", f"{GUESTS}/debuggee.elf"], stdout=subprocess.PIPE, text=True, check=True)
    .stdout.splitlines()
)


def at(symbol):
    return int(SYMBOLS[symbol], 16)


def wrap(packet):
    return b"$" + packet + b"#%02x" % (sum(packet) & 0xFF)


class Stub:
    """A guest, and its stub on a pair of pipes."""

    def __init__(self, *options):
        line = [TENON, "-gdb", "stdio", "-accel", "soft", "-machine", "firmware=none", "-nodefaults"]
        line += ["-display", "none", "-m", "64", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        line += ["-kernel", f"{GUESTS}/debuggee", *options]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.got, self.at = b"", 0

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.kill()
        self.process.wait()

    def byte(self):
        while self.at == len(self.got):
            if not select.select([self.process.stdout], [], [], 20)[0]:
                raise AssertionError("no answer")
            self.got, self.at = os.read(self.process.stdout.fileno(), 65536), 0
            if not self.got:
                raise EOFError
        self.at += 1
        return self.got[self.at - 1 : self.at]

    def send(self, data):
        self.process.stdin.write(data)

    def packet(self):
        """The next one; acknowledgements before it are not of interest."""
        while self.byte() != b"$":
            pass
        body = b""
        while (c := self.byte()) != b"#":
            body += c
        got = int(self.byte() + self.byte(), 16)
        if got != sum(body) & 0xFF:
            raise AssertionError(f"wrong sum of {body!r}")
        return body

    def ask(self, packet):
        self.send(wrap(packet))
        reply = self.packet()
        try:
            self.send(b"+")
        except BrokenPipeError:  # it was the last one
            pass
        return reply

    def ends(self, status):
        same(self.process.wait(20), status, "exit status")

    def start(self):
        """In guest_main()."""
        same(self.ask(b"Z1,%x,1" % at("guest_main")), b"OK", "a breakpoint")
        same(self.ask(b"c")[:3], b"T05", "stopped")
        same(self.ask(b"z1,%x,1" % at("guest_main")), b"OK", "no breakpoint")

    def ask_to_end(self):
        same(self.ask(b"M%x,8:0100000000000000" % at("over")), b"OK", "over")


def same(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r}, not {wanted!r}")


# ---- Cases ----


def framing():
    with Stub("-S") as s:
        s.send(b"$g#00")
        same(s.byte(), b"-", "a wrong sum")
        s.send(b"$g#zz")
        same(s.byte(), b"-", "a sum that is none")
        s.send(b"nonsense$qC$qC#b4")
        same(s.byte(), b"+", "the second begins anew")
        same(s.packet(), b"QC01", "qC")
        s.send(b"-")
        same(s.packet(), b"QC01", "once more")
        s.send(b"+-")
        s.send(wrap(b"x" * 20000))
        same(s.byte(), b"-", "too long")
        same(s.ask(b"X%x,3:" % 0x2000 + b"}\x03}\x04}]"), b"OK", "escapes")
        same(s.ask(b"m2000,3"), b"23247d", "what they stand for")
        same(s.ask(b"x2000,3"), b"b}\x03}\x04}]", "the same in binary")
        same((s.ask(b"m2000,0"), s.ask(b"x2000,0")), (b"", b"b"), "nothing")
        same(s.ask(b"QStartNoAckMode"), b"OK", "no acknowledgements")
        s.send(wrap(b"qC"))
        same(s.byte(), b"$", "none")


def unknown():
    with Stub("-S") as s:
        for packet in b"vMustReplyEmpty", b"qTStatus", b"vFile:open", b"Q", b"v", b"", b"\0", b"~", b"b", b"qSymbol::":
            same(s.ask(packet), b"", packet)


def nonsense():
    bad = b"""p p999 pzz P P0 P0= P0=1 P999=00 m m1 m,4 m1, m11111111111111111,1 x x1, M M1,2:00 M1,1:zz M0,ffffffff:00
        X1,5:a Z Z9,1,1 Z0,1 Z0,1,1;X Z2,0,0 Z2,ffffffffffffffff,2 z z7,0,1 H Hx1 Hg9 Hgp2.1 Hgpx T T99 Tp1.99
        vCont;x vCont;c:99 vCont;cc vCont;C vCont;s:p1.9 vContx C Szz vAttach;2 vAttach; Gzz
        qThreadExtraInfo,99 qXfer:features:read:target.xml:zz qXfer:features:read:target.xml:ffffff,10
        Qqemu.sstep=9 Qqemu.sstep=""".split()
    with Stub("-S") as s:
        registers = s.ask(b"g")
        for packet in bad:
            same(s.ask(packet)[:1], b"E", packet)
        same(s.ask(b"qXfer:features:read:other.xml:0,10"), b"", "another description")
        same(s.ask(b"g"), registers, "nothing has changed")
        same(s.ask(b"G" + registers), b"OK", "the same registers")
        same(s.ask(b"g"), registers, "the same")


def questions():
    with Stub("-S", "-smp", "3") as s:
        same(s.ask(b"?"), b"T05thread:01;", "before the start")
        if b"multiprocess+" in s.ask(b"qSupported:xmlRegisters=i386"):
            raise AssertionError("multiprocess+ is offered to who does not know it")
        same(b"multiprocess+" in s.ask(b"qSupported:multiprocess+;swbreak+"), True, "multiprocess+")
        same(s.ask(b"qfThreadInfo"), b"mp01.01,p01.02,p01.03", "threads")
        same(s.ask(b"qsThreadInfo"), b"l", "no more")
        same(bytes.fromhex(s.ask(b"qThreadExtraInfo,p1.2").decode()), b"CPU#1 [waits for a start-up message]", "")
        same(s.ask(b"Hgp1.3"), b"OK", "Hg")
        same(s.ask(b"qC"), b"QCp01.03", "qC")
        same(s.ask(b"qAttached"), b"1", "qAttached")
        same(s.ask(b"vCont?"), b"vCont;c;C;s;S", "vCont?")
        whole, piece = b"", b"m"
        while piece[:1] == b"m":
            piece = s.ask(b"qXfer:features:read:target.xml:%x,64" % len(whole))
            whole += piece[1:]
        same((whole[:5], whole[-9:]), (b"<?xml", b"</target>"), "the description")
        same(len(s.ask(b"m0,100000")) < 0x4000, True, "as much as fits")
        same(b"binary-upload+" in s.ask(b"qSupported"), True, "binary-upload+")
        same(0x1000 < len(s.ask(b"x0,100000")) < 0x4000, True, "as much as fits in binary")
        same(s.ask(b"P11=ffffffff"), b"OK", "eflags")
        same(s.ask(b"p11"), b"d77f3f00", "without the bits that are none")


def points():
    with Stub("-S") as s:
        for i in range(1024):
            same(s.ask(b"Z1,%x,1" % (0x500000 + i)), b"OK", "a breakpoint")
        same(s.ask(b"Z1,600000,1"), b"E28", "too many")
        same(s.ask(b"Z1,500000,1"), b"OK", "twice")
        for i in range(1024):
            same(s.ask(b"z1,%x,1" % (0x500000 + i)), b"OK", "none")
        same(s.ask(b"z1,500000,1"), b"OK", "none is there")


def reset():
    with Stub("-S") as s:
        s.start()
        s.ask(b"M%x,8:0700000000000000" % at("counter"))
        s.send(wrap(b"R00"))
        time.sleep(0.2)
        same(s.ask(b"p10"), b"f0ff000000000000", "rip")
        s.start()
        same(s.ask(b"m%x,8" % at("counter")), b"0000000000000000", "counter")


def runs_and_ends():
    with Stub("-S") as s:
        s.start()
        s.send(wrap(b"c"))
        time.sleep(0.3)
        s.send(b"\x03")
        same(s.packet(), b"T02thread:01;", "Ctrl-C")
        s.send(b"+\x03")
        same(s.ask(b"qC"), b"QC01", "Ctrl-C while it stands")
        s.ask_to_end()
        same(s.ask(b"vCont;c"), b"W21", "the end")
        s.ends(33)


def leaves():
    for how in b"D", b"D;1", None:
        with Stub("-S") as s:
            s.start()
            same(s.ask(b"Z0,%x,1" % at("tick")), b"OK", "a breakpoint")
            same(s.ask(b"Z2,%x,8" % at("watched")), b"OK", "a watchpoint")
            same(s.ask(b"c")[:3], b"T05", "stopped")
            s.ask_to_end()
            if how:
                same(s.ask(how), b"OK", "detached")
            else:
                s.process.stdin.close()
            s.ends(33)


def leaves_while_running():
    with Stub("-S") as s:
        s.start()
        same(s.ask(b"Z1,%x,1" % at("look")), b"OK", "a breakpoint")
        same(s.ask(b"c")[:3], b"T05", "stopped")
        s.ask_to_end()
        same(s.ask(b"Z1,%x,1" % at("guest_main")), b"OK", "another")
        same(s.ask(b"z1,%x,1" % at("look")), b"OK", "not this one")
        s.send(wrap(b"c"))
        s.process.stdin.close()
        s.ends(33)


def comes_late():
    with Stub() as s:
        time.sleep(0.5)
        same(s.ask(b"?"), b"T02thread:01;", "it stops")
        counter = s.ask(b"m%x,8" % at("counter"))
        time.sleep(0.1)
        same(s.ask(b"m%x,8" % at("counter")), counter, "it stands")
        s.ask_to_end()
        same(s.ask(b"D"), b"OK", "detached")
        s.ends(33)


def kills():
    for packet in b"k", b"vKill;1":
        with Stub("-S") as s:
            s.start()
            s.send(wrap(packet))
            s.ends(0)


def resident(process):
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def never_reads():
    with Stub("-S") as s:
        s.start()
        same(s.ask(b"QStartNoAckMode"), b"OK", "no acknowledgements")
        before = resident(s.process)
        os.set_blocking(s.process.stdin.fileno(), False)
        sent, full = 0, 0
        while full < 20:  # a second without room
            n = s.process.stdin.write(wrap(b"g") * 100)
            sent += n or 0
            full = 0 if n else full + 1
            if not n:
                time.sleep(0.05)
        if resident(s.process) > before + 16384:
            raise AssertionError(f"{resident(s.process) - before} KiB more")
        for _ in range(sent // 5):
            s.packet()
        os.set_blocking(s.process.stdin.fileno(), True)
        if sent % 5:
            s.send(wrap(b"g")[sent % 5 :])
            s.packet()
        same(s.ask(b"qC"), b"QC01", "it goes on")


CASES = [framing, unknown, nonsense, questions, points, reset, runs_and_ends, leaves, leaves_while_running, comes_late,
         kills, never_reads]


def main():
    print(f"1..{len(CASES)}", flush=True)
    for number, case in enumerate(CASES, 1):
        try:
            case()
            print(f"ok {number} - {case.__name__}", flush=True)
        except Exception:
            print(f"not ok {number} - {case.__name__}", flush=True)
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)


main()
