#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gdb.py TENON GUESTS ACCEL CASE... - has the real gdb debug guests: cases of inside.py."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

TENON, GUESTS = map(os.path.abspath, sys.argv[1:3])
ACCEL, *CASES = sys.argv[3:]


def why_skip():
    if not shutil.which("gdb"):
        return "gdb is not installed"
    if ACCEL.startswith("kvm") and "STARTER" not in os.environ and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "no access to /dev/kvm"
    return None


def children(process):
    """gdb gives each a process group of its own."""
    with open(f"/proc/{process}/task/{process}/children") as f:
        return [int(child) for child in f.read().split()]


def run(case, folder):
    here = os.path.dirname(os.path.abspath(__file__))
    env = os.environ | {"TENON": TENON, "GUESTS": GUESTS, "ACCEL": ACCEL, "CASE": case, "HOME": folder}
    gdb = subprocess.Popen(
        ["gdb", "-nx", "-q", "-batch", "-x", os.path.join(here, "inside.py")],
        env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    )
    try:
        return gdb.communicate(timeout=float(os.environ.get("CASE_SECONDS", "60")))[0]
    except subprocess.TimeoutExpired:
        for process in children(gdb.pid) + [gdb.pid]:
            os.kill(process, signal.SIGKILL)
        return gdb.communicate()[0] + "\n(time is up)"


def main():
    reason = why_skip()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return
    print(f"1..{len(CASES)}", flush=True)
    for number, case in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as folder:
            output = run(case, folder)
        good = "PASSED" in output.splitlines()
        skipped = re.search("^SKIPPED (.*)", output, re.M)
        print(f"{'ok' if good else 'not ok'} {number} - {case}{' # SKIP ' + skipped[1] if skipped else ''}", flush=True)
        if not good:
            print("".join(f"# {line}\n" for line in output.splitlines()), end="", flush=True)


main()
