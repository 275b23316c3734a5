#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""terminal.py BUILD - the user's terminal is as it was, however the program ends."""

import os
import pty
import signal
import sys
import tempfile
import termios
import time

PROGRAM = os.path.join(sys.argv[1], "tenon")
LINE = ["-machine", "pc,accel=qtest", "-nodefaults"]


def take_without_control(terminal):
    """As a program's subprocess.Popen(stdin=terminal, start_new_session=True) does."""
    os.setsid()
    for fd in range(3):
        os.dup2(terminal, fd)


def start(arguments, terminal, folder, take):
    """Runs the program on the terminal, until its machine is there; its process id."""
    ready = os.path.join(folder, "ready")
    pid = os.fork()
    if pid == 0:
        take(terminal)
        os.execv(PROGRAM, [PROGRAM, *LINE, "-pidfile", ready, *arguments])
    for _ in range(100):
        if os.path.exists(ready):
            break
        time.sleep(0.05)
    return pid


def ends(name, number, arguments, sig, take=os.login_tty):
    master, slave = pty.openpty()  # the slave stays open: its settings are looked at afterwards
    usual = termios.tcgetattr(slave)
    with tempfile.TemporaryDirectory() as folder:
        pid = start(arguments, slave, folder, take)
        raw = not termios.tcgetattr(slave)[3] & termios.ICANON
        os.kill(pid, sig)
        _, status = os.waitpid(pid, 0)
    restored = termios.tcgetattr(slave) == usual
    os.close(master)
    os.close(slave)
    wanted = 0 if sig == signal.SIGTERM else sig
    good = raw and restored and status & 0x7F == wanted and os.WEXITSTATUS(status) == 0
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    if not good:
        print(f"# raw: {raw}, restored: {restored}, status: {status}", flush=True)


def main():
    cases = [
        ("-nographic, SIGTERM", ["-serial", "stdio", "-nographic"], signal.SIGTERM),
        ("-serial stdio, SIGTERM", ["-serial", "stdio"], signal.SIGTERM),
        ("-chardev stdio, a crash", ["-chardev", "stdio,id=c,signal=off"], signal.SIGSEGV),
        ("-serial stdio, an abort", ["-serial", "stdio"], signal.SIGABRT),
        ("a terminal that controls nobody", ["-serial", "stdio"], signal.SIGTERM, take_without_control),
    ]
    os.environ.setdefault("ASAN_OPTIONS", "handle_segv=0:handle_abort=0")
    print(f"1..{len(cases)}", flush=True)
    for number, case in enumerate(cases, 1):
        ends(case[0], number, *case[1:])


main()
