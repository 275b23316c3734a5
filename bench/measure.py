#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""measure - takes one figure of two programs that read the same command line, in alternating runs.

  measure.py start RUNS OPTION OURS THEIRS        ms from start until a paused empty machine is ready, and to its end
  measure.py memory RUNS OPTION OURS THEIRS       resident MB of a paused pc, its RAM not counted
  measure.py list RUNS OPTION WORD OURS THEIRS    ms of OPTION WORD
  measure.py boot RUNS GUEST OURS THEIRS          ms to a guest's shell; GUEST as scripts/demo-guest prints it
  measure.py soft-boot RUNS GUEST OURS THEIRS     on the software CPU: seconds of processor time to a shell and off
  measure.py soft-idle RUNS GUEST OURS THEIRS     on the software CPU: % of a processor that an idle shell takes
  measure.py soft-loop RUNS OURS THEIRS           on the software CPU: million instructions a second in a loop
  measure.py serial RUNS ACCEL SECONDS GUEST OURS THEIRS
                                                  kB/s to -serial file:, within SECONDS; GUEST is tests/guest/line

Prints the medians, ours and theirs; "-" for a program that is missing ("-") or cannot do it.
"""
import os
import re
import select
import shutil
import socket
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
RAM_MB = 512
LOOP_ROUNDS = 100_000_000


class Failed(Exception):
    pass


def now():
    return time.monotonic() * 1000


def daemon(folder, command):
    """Starts command in the background: it is ready when -daemonize lets its parent go. Returns its pid."""
    pidfile = os.path.join(folder, "pid")
    if subprocess.run([*command, "-daemonize", "-pidfile", pidfile], **QUIET, check=False).returncode:
        raise Failed
    with open(pidfile, encoding="ascii") as text:
        return int(text.read())


def end(pid):
    """Ends a process that is not our child, and waits until it is gone."""
    fd = os.pidfd_open(pid)
    signal.pidfd_send_signal(fd, signal.SIGTERM)
    if not select.select([fd], [], [], 10)[0]:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        raise Failed
    os.close(fd)


def start(folder, program, option):
    began = now()
    end(daemon(folder, [program, "-nodefaults", "-display", "none", "-S", *option.split()]))
    return now() - began


def memory(folder, program, option):
    pid = daemon(folder, [program, "-display", "none", "-S", "-m", str(RAM_MB), *option.split()])
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as text:
        maps = text.read()
    end(pid)
    resident = 0
    for size, rss in re.findall(r"^Size: +(\d+) kB(?:\n(?!Size).*)*?\nRss: +(\d+) kB", maps, re.M):
        resident += int(rss) if int(size) < RAM_MB * 1024 // 2 else 0
    return resident / 1024


def listing(folder, program, *words):
    began = now()
    if subprocess.run([program, *words], **QUIET, check=False).returncode:
        raise Failed
    return now() - began


def linux(program, guest, accel, megabytes, words):
    files = dict(line.split("=", 1) for line in guest.splitlines())
    return [program, "-accel", accel, "-m", str(megabytes), "-nodefaults", "-display", "none", "-serial", "stdio",
            "-no-reboot", "-kernel", files["kernel"], "-initrd", files["initrd"],
            "-append", "console=ttyS0 quiet panic=-1 " + words]


def boot(folder, program, guest):
    """Wall time to the shell, and the guest's own count of it."""
    command = linux(program, guest, "kvm", 256, "demo.run=true")
    began = now()
    shell = None
    with subprocess.Popen(command, **{**QUIET, "stdout": subprocess.PIPE}) as process:
        for line in process.stdout:
            found = re.search(rb"shell after ([0-9.]+) s", line)
            if found:
                shell = now() - began, float(found[1]) * 1000
    if process.returncode or not shell:
        raise Failed
    return shell


def cpu_seconds(command, status):
    """Processor time of a command that ends with that status."""
    process = subprocess.Popen(command, **QUIET)
    _, ended, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(ended) != status:
        raise Failed
    return usage.ru_utime + usage.ru_stime


def soft_boot(folder, program, guest):
    return cpu_seconds(linux(program, guest, "tcg", RAM_MB, "demo.run=true"), 0)


def soft_idle(folder, program, guest):
    seconds = 10
    with subprocess.Popen(linux(program, guest, "tcg", RAM_MB, ""), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        said = b""
        while b"guest:~#" not in said:
            piece = process.stdout.read1(4096)
            if not piece:
                raise Failed
            said += piece
        time.sleep(1)
        taken = -ticks_of(process.pid)
        time.sleep(seconds)
        taken += ticks_of(process.pid)
        process.terminate()
    return 100 * taken / os.sysconf("SC_CLK_TCK") / seconds


def ticks_of(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as text:
        fields = text.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def loop_firmware(rounds):
    """64 KiB that go to flat 32-bit mode, run that many rounds of eight instructions, and write 0 to port 501h."""
    code = bytes.fromhex(
        "fa 2e660f01160001 0f20c0 0c01 0f22c0"  # cli; lgdt cs:[100h]; CR0.PE
        "66ea00020f000800"                      # jmp 08h:F0200h
    ).ljust(0x100, b"\0")
    code += struct.pack("<HI", 23, 0xf0108) + bytes(2)  # three descriptors: none, code, data
    code += struct.pack("<QQQ", 0, 0x00cf9b000000ffff, 0x00cf93000000ffff)
    code = code.ljust(0x200, b"\0") + b"\xb9" + struct.pack("<I", rounds)  # mov ecx, rounds
    code += bytes.fromhex(
        "01d8 31c2 c1e203 29ca 8d5c9005 46 49 75ef"  # add; xor; shl; sub; lea; inc; dec; jnz
        "66ba0105 b000 ee ebfe"                      # mov dx, 501h; mov al, 0; out dx, al
    )
    return code.ljust(0xfff0, b"\0") + bytes.fromhex("ea000000f0").ljust(16, b"\0")  # jmp F000h:0


def soft_loop(folder, program):
    taken = []
    for rounds in (1, LOOP_ROUNDS):
        image = os.path.join(folder, str(rounds))
        with open(image, "wb") as file:
            file.write(loop_firmware(rounds))
        taken.append(cpu_seconds([program, "-accel", "tcg", "-m", "16", "-nodefaults", "-display", "none",
                                  "-bios", image, "-device", "isa-debug-exit"], 1))
    return 8 * LOOP_ROUNDS / 1e6 / (taken[1] - taken[0])


SERIAL_BYTES = 10 << 20


def serial(folder, program, accel, seconds, guest):
    """Kilobytes a second from a guest to a file by its serial port: all it sends, or what comes in so many seconds."""
    out = os.path.join(folder, "out")
    command = [program, "-accel", accel, "-nodefaults", "-display", "none", "-m", "64", "-serial", f"file:{out}",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", guest, "-append", "flood"]
    with subprocess.Popen(command, **QUIET) as process:
        before = 0
        while not before and process.poll() is None:
            time.sleep(0.01)
            before = os.path.getsize(out) if os.path.exists(out) else 0
        began = now()
        try:
            process.wait(int(seconds))
        except subprocess.TimeoutExpired:
            pass
        came, took = os.path.getsize(out), now() - began
        if process.poll() is None:
            process.kill()
        elif came != SERIAL_BYTES:
            raise Failed
    return (came - before) / took


QMP_COMMANDS = 10000


def qmp(folder, program):
    """Answers a second of a paused machine to a client that waits for each."""
    path = os.path.join(folder, "qmp")
    pid = daemon(folder, [program, "-nodefaults", "-display", "none", "-S", "-qmp",
                          f"unix:{path},server=on,wait=off"])
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        answers = connection.makefile("rb")
        answers.readline()
        began = 0
        for command in ["qmp_capabilities"] + ["query-status"] * QMP_COMMANDS:
            connection.sendall(b'{"execute": "%s"}\n' % command.encode())
            answers.readline()
            began = began or now()
        taken = now() - began
    end(pid)
    return QMP_COMMANDS / taken * 1000


def medians(figure, runs, programs, *arguments):
    """One median a program, None where it cannot be had. The first run of each warms up and is not counted."""
    results = {program: [] for program in programs if shutil.which(program)}
    for run in range(runs + 1):
        for program in list(results):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    result = figure(folder, program, *arguments)
                except Failed:
                    del results[program]
                    continue
            if run:
                results[program].append(result)
    return [results.get(program) for program in programs]


def show(samples):
    return f"{statistics.median(samples):.1f}" if samples else "-"


def main():
    figure, runs, *arguments, ours, theirs = sys.argv[1:]
    take = {"start": start, "memory": memory, "list": listing, "boot": boot,
            "qmp": qmp, "soft-boot": soft_boot, "soft-idle": soft_idle, "soft-loop": soft_loop,
            "serial": serial}[figure]
    samples = medians(take, int(runs), [ours, theirs], *arguments)
    if figure != "boot":
        print(*map(show, samples))
        return
    for i, text in enumerate(("start to shell, wall clock", "kernel entry to shell, guest's clock")):
        print(text, *(show(s and [pair[i] for pair in s]) for s in samples), sep="|")


main()
