#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""workloads.py - for bench/workloads: the measuring, and the program that the guest compiles.

  workloads.py sources FOLDER       a C program in many files, with its Makefile
  workloads.py measure KERNEL INITRD SCALE MAKE N PART*N PLACE=COMMAND...
                                    prints the table; MAKE is "make" or "-"

Times are the processor seconds of the program that is measured, emulator and all, so that what else the
machine does matters little; for "make -j4" the wall clock's are told besides. A part's end is its line.
"""
import math
import os
import random
import re
import subprocess
import sys
import time

FILES, FUNCTIONS = 48, 300


# ---- The program that is compiled ----

def function(rng, name):
    """A function of no consequence: structures, a loop, a switch, an array."""
    a, b, c = (rng.randrange(3, 99) for _ in range(3))
    return f"""
struct {name}_s {{ int a, b; unsigned char bytes[{a}]; struct {name}_s *next; }};
static unsigned {name}(unsigned x, unsigned n)
{{
    struct {name}_s s, *p = &s;
    unsigned sum = {c};

    s.a = x, s.b = {b};
    for (unsigned i = 0; i < {a}; i++)
        s.bytes[i] = i;
    for (unsigned i = 0; i < n; i++) {{
        p->bytes[i % {a}] += (unsigned char)(sum >> i % 7);
        switch ((sum + i) % 5) {{
        case 0: sum += p->a ^ i * {a}; break;
        case 1: sum = sum * {b} + p->bytes[i % {a}]; break;
        case 2: if (sum > {c}u << 16) sum -= p->b; else sum ^= {a * b * c}u; break;
        default: sum = (sum << 3 | sum >> 29) + {c}; p->b += sum & {a};
        }}
    }}
    return sum;
}}
"""


def write_sources(folder):
    rng = random.Random(1)
    os.makedirs(folder)
    names = [f"part{i}" for i in range(FILES)]
    for name in names:
        calls = " ".join(f"sum = f{k}(sum, {k % 9 + 1});" for k in range(FUNCTIONS))
        with open(f"{folder}/{name}.c", "w", encoding="ascii") as file:
            file.write("".join(function(rng, f"f{k}") for k in range(FUNCTIONS)))
            file.write(f"unsigned {name}(unsigned sum)\n{{\n{calls}\nreturn sum;\n}}\n")
    with open(f"{folder}/main.c", "w", encoding="ascii") as file:
        file.write("".join(f"unsigned {name}(unsigned sum);\n" for name in names))
        file.write("""
static long call(long n, long a, const void *b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

void _start(void)
{
    unsigned sum = 1;
    char text[9];

""" + "".join(f"    sum = {name}(sum);\n" for name in names) + """
    for (int i = 0; i < 8; i++)
        text[i] = "0123456789abcdef"[sum >> (28 - 4 * i) & 15];
    text[8] = '\\n';
    call(1, 1, text, 9);
    call(60, 0, 0, 0);
}
""")
    objects = " ".join(f"{name}.o" for name in [*names, "main"])
    with open(f"{folder}/Makefile", "w", encoding="ascii") as file:
        file.write(f"program: {objects}\n\ttcc -nostdlib -static -o $@ $^\n%.o: %.c\n\ttcc -nostdinc -c -o $@ $<\n")


# ---- Measuring ----

def cpu_time(pid):
    """Processor seconds of a process so far, all its threads together."""
    return time.clock_gettime((~pid << 3) | 2)


def guest(command, kernel, initrd, what, processors):
    return [*command.split(), "-cpu", "max", "-smp", str(processors), "-m", "512", "-nodefaults", "-display", "none",
            "-serial", "stdio", "-no-reboot", "-kernel", kernel, "-initrd", initrd,
            "-append", f'console=ttyS0 quiet panic=-1 demo.run="{what}"']


def marks(command):
    """Runs it; for each line that it says: the line, its processor seconds until then, the wall clock."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            yield line.decode("ascii", "replace").strip(), cpu_time(process.pid), time.monotonic()
    if process.returncode:
        sys.exit(f"workloads: status {process.returncode}: {' '.join(command)}")


def measure_parts(command, is_native):
    """{part: (seconds, check)}; a guest's boot is one more."""
    parts, last = {}, 0
    for line, cpu, _ in marks(command):
        found = re.fullmatch(r"([a-z0-9]+) ([0-9.]+) ([0-9a-f]{16})", line)
        if found:
            parts[found[1]] = float(found[2]) if is_native else cpu - last, found[3]
        elif line == "workloads begin" and not is_native:
            parts["boot"] = cpu, ""
        last = cpu
    return parts


def measure_make(command):
    """Processor seconds and wall clock of make, and what the program said that it made."""
    began = result = None
    for line, cpu, wall in marks(command):
        if line == "make begins":
            began = cpu, wall
        elif began and re.fullmatch("[0-9a-f]{8}", line):
            result = cpu - began[0], wall - began[1], line
    if not result:
        sys.exit("workloads: make failed: " + " ".join(command))
    return result


def mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def show(results):
    places = list(results)
    pairs = [(a, b) for a in places if a != "native" for b in ("native", "qemu") if b in results and a != b]
    columns = places + [f"{a[:6]}/{b}" for a, b in pairs]
    names = list(dict.fromkeys(name for parts in results.values() for name in parts))
    ratios = {pair: [] for pair in pairs}

    def row(name, cells):
        print(f"{name:10}", *(f"{cell:>13}" for cell in cells))

    row("", columns)
    for name in names:
        seconds = {place: parts[name][0] for place, parts in results.items() if name in parts}
        cells = [f"{seconds[place]:.3f}" if place in seconds else "-" for place in places]
        for pair in pairs:
            both = all(place in seconds for place in pair)
            cells.append(f"{seconds[pair[0]] / seconds[pair[1]]:.2f}" if both else "-")
            if both and name != "boot":
                ratios[pair].append(seconds[pair[0]] / seconds[pair[1]])
        row(name, cells)
    row("mean", [""] * len(places) + [f"{mean(ratios[pair]):.2f}" for pair in pairs])
    for name in names:
        lacking = [place for place in places if name not in results[place]]
        if lacking and name != "boot":
            print(f"{name}: the processor of {' and '.join(lacking)} does not have it")
        checks = {place: parts[name][1] for place, parts in results.items() if name in parts}
        if len(set(checks.values())) > 1:
            print(f"{name} computed different things: {checks}")


def show_make(results):
    print("\nmake -j4, 4 processors: processor seconds, wall clock")
    base = results.get("qemu")
    for place, (cpu, wall, check) in results.items():
        beside = f" {cpu / base[0]:6.2f} {wall / base[1]:6.2f} of qemu's" if base and place != "qemu" else ""
        print(f"{place:12} {cpu:8.2f} {wall:8.2f}{beside}  ({check})")


def measure(kernel, initrd, scale, make, n, *rest):
    parts, places = rest[:int(n)], [place.split("=", 1) for place in rest[int(n):]]
    words = " ".join(["workloads", scale, *parts])
    results, made = {}, {}
    for place, command in places:
        native = place == "native"
        results[place] = measure_parts([command, scale, *parts] if native else
                                       guest(command, kernel, initrd, words, 1), native)
        if make == "make" and not native:
            what = "cd /src && echo make begins && make -s -j4 && ./program"
            made[place] = measure_make(guest(command, kernel, initrd, what, 4))
    show(results)
    if made:
        show_make(made)


if sys.argv[1] == "sources":
    write_sources(sys.argv[2])
else:
    measure(*sys.argv[2:])
