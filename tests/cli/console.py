#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""console.py VT-SHOW - the screen of -chardev vc beside tmux's, after the same bytes."""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

SHOW = os.path.realpath(sys.argv[1])
COLS, ROWS = 80, 24
CASES, STEPS = 12, 400


class Tmux:
    """A server of our own with one pane, which begins anew for each case."""

    def __init__(self, folder):
        self.folder, self.n = folder, 0
        self.run("-f", "/dev/null", "new-session", "-d", "-x", str(COLS), "-y", str(ROWS), "sleep 1000")
        self.run("set", "-g", "status", "off")

    def run(self, *command):
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "screen"}
        return subprocess.run(["tmux", "-u", "-S", f"{self.folder}/socket", *command], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, env=environment, timeout=20, check=True).stdout

    def feed(self, data):
        self.n += 1
        with open(f"{self.folder}/data", "wb") as file:
            file.write(data + f"\033]2;case {self.n}\007".encode())
        self.run("respawn-pane", "-k", f"stty raw -echo; cat '{self.folder}/data'; exec sleep 1000")
        end = time.monotonic() + 15
        while self.run("display", "-p", "#{pane_title}") != f"case {self.n}\n".encode():
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.02)

    def screen(self):
        rows = [row.rstrip() for row in self.run("capture-pane", "-p").decode().split("\n")]
        rows = (rows + [""] * ROWS)[:ROWS]
        col, row = self.run("display", "-p", "#{cursor_x},#{cursor_y}").decode().strip().split(",")
        return "\n".join(rows) + f"\n{min(int(col), COLS - 1)},{row}\n"

    def coloured(self):
        """The screen as text with the control functions that make it."""
        return b"\033[H" + b"\r\n".join(self.run("capture-pane", "-p", "-e").rstrip(b"\n").split(b"\n"))


def show(data, *more):
    return subprocess.run([SHOW, str(COLS), str(ROWS), *more], input=data, stdout=subprocess.PIPE, timeout=20,
                          check=True).stdout.decode()


class Steps:
    """Control functions at random.

    Where terminals differ by tradition is left out: what erasing does to a line whose last column has just been
    written, lines inserted outside of the scrolling region and where the cursor is then, lines that grow too long
    by inserting, and what leaving a second screen does to whom is not there.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.alternate = False

    def n(self, most):
        return self.random.choice(["", str(self.random.randrange(most))])

    def place(self):
        return f"\033[{self.random.randrange(ROWS + 2)};{self.random.randrange(1, COLS - 1)}H"

    def text(self):
        letters = "abcdefghijklmnopqrstuvwxyzäöü€λ─│0123456789   "
        return "".join(self.random.choices(letters, k=self.random.choice([1, 5, 20, 100])))

    def edit(self):
        return self.place() + self.random.choice([
            f"\033[{self.n(3)}J", f"\033[{self.n(3)}K", f"\033[{self.n(20)}@", f"\033[{self.n(20)}P",
            f"\033[{self.n(20)}X", f"\033[r{self.place()}\033[{self.n(9)}L\r", f"\033[r{self.place()}\033[{self.n(9)}M\r", f"x\033[{self.n(30)}b"])

    def move(self):
        final = self.random.choice("ABCDEFGd`")
        return self.place() + f"\033[{self.n(30)}{final}"

    def scroll(self):
        return self.random.choice(["\033D", "\033M", "\033E", "\n", "\n\n\n", "\033M\033M\033M", "\r\n",
                                   f"\033[{self.n(5)}S", f"\033[{self.n(5)}T"])

    def tabs(self):
        return self.place() + self.random.choice(["\t", "\t\tx", "\033H", "\033[g", f"\033[{self.n(4)}Zx", "\bx"])

    def modes(self):
        top = self.random.randrange(1, ROWS)
        if self.random.random() < 0.1:
            return self.place() + self.other_screen()
        return self.place() + self.random.choice([
            f"\033[{top};{self.random.randrange(1, ROWS + 1)}r", "\033[r", "\033[?6h", "\033[?6l", "\033[?7h", "\033[?7l",
            "\033[?7h", "\033[5G\033[4hins\033[4l", f"\0337{self.move()}x\0338"]) + self.place()

    def other_screen(self):
        self.alternate = not self.alternate
        return f"\033[?6l\033[?1049{'h' if self.alternate else 'l'}\033[?6l"

    def all(self):
        kinds = [self.text, self.text, self.text, self.edit, self.move, self.scroll, self.tabs, self.modes]
        return "".join(self.random.choice(kinds)() for _ in range(STEPS)).encode()


def renditions(seed):
    """Text in all colours and attributes."""
    r = random.Random(seed)
    data = ""
    for _ in range(300):
        sgr = r.choice([str(r.choice([0, 1, 2, 3, 4, 5, 7, 8, 9, 22, 23, 24, 25, 27, 28, 29, 39, 49])),
                        str(r.randrange(30, 38)), str(r.randrange(40, 48)), str(r.randrange(90, 98)),
                        str(r.randrange(100, 108)), f"38;5;{r.randrange(256)}", f"48;5;{r.randrange(256)}",
                        f"38;2;{r.randrange(256)};9;{r.randrange(256)}", f"48:2::7:{r.randrange(256)}:0"])
        data += f"\033[{sgr}m" + r.choice("xyz")
    return data.encode() + b"\033[0m"


def first_difference(mine, theirs):
    pairs = zip(mine.split("\n"), theirs.split("\n"))
    return next((f"# line {i}:\n#   {a!r}\n#   {b!r}" for i, (a, b) in enumerate(pairs) if a != b), "# length")


def main():
    if not shutil.which("tmux"):
        print("1..0 # SKIP tmux is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        tmux = Tmux(folder)
        try:
            for case in range(CASES):
                data = Steps(case).all()
                tmux.feed(data)
                report(f"the same screen, case {case}", show(data), tmux.screen())
            for case in range(3):
                data = renditions(case)
                tmux.feed(data)
                report(f"the same colours, case {case}", show(data, "cells"), show(tmux.coloured(), "cells"))
        finally:
            tmux.run("kill-server")
    print(f"1..{CASES + 3}")


def report(name, mine, theirs, count=[0]):
    count[0] += 1
    print(f"{'ok' if mine == theirs else 'not ok'} {count[0]} - {name}", flush=True)
    if mine != theirs:
        print(first_difference(mine, theirs), flush=True)


main()
