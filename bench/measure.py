#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""measure - takes one figure of two programs that read the same command line, in alternating runs.

  measure.py start RUNS OPTION OURS THEIRS        ms from start until a paused empty machine is ready, and to its end
  measure.py memory RUNS OPTION OURS THEIRS       resident MB of a paused pc, its RAM not counted
  measure.py list RUNS OPTION WORD OURS THEIRS    ms of OPTION WORD
  measure.py boot RUNS GUEST OURS THEIRS          ms to a guest's shell; GUEST as scripts/demo-guest prints it

Prints the medians, ours and theirs; "-" for a program that is missing ("-") or cannot do it.
"""
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
RAM_MB = 512


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


def boot(folder, program, guest):
    """Wall time to the shell, and the guest's own count of it."""
    files = dict(line.split("=", 1) for line in guest.splitlines())
    command = [program, "-enable-kvm", "-m", "256", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
               "-kernel", files["kernel"], "-initrd", files["initrd"],
               "-append", "console=ttyS0 quiet panic=-1 demo.run=true"]
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
    take = {"start": start, "memory": memory, "list": listing, "boot": boot}[figure]
    samples = medians(take, int(runs), [ours, theirs], *arguments)
    if figure != "boot":
        print(*map(show, samples))
        return
    for i, text in enumerate(("start to shell, wall clock", "kernel entry to shell, guest's clock")):
        print(text, *(show(s and [pair[i] for pair in s]) for s in samples), sep="|")


main()
