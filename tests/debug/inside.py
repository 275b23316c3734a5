# SPDX-License-Identifier: LGPL-2.1-or-later
"""inside.py - what gdb.py has the real gdb do: run by gdb's own Python, one case a process."""

import contextlib
import math
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import gdb

TENON = os.environ["TENON"]
GUESTS = os.environ["GUESTS"]
ACCEL = os.environ["ACCEL"]
# Somewhere else tenon is started with the options that are written there, and gdb reaches it by this device.
STARTER, DEVICE = os.environ.get("STARTER"), os.environ.get("DEVICE")


def run(command):
    return gdb.execute(command, to_string=True)


def value(expression):
    return int(gdb.parse_and_eval(f"(unsigned long long)({expression})"))


def address(symbol):
    return value(f"(unsigned long)&{symbol}")


def same(got, wanted, what):
    if got != wanted:
        shown = [hex(x) if isinstance(x, int) else repr(x) for x in (got, wanted)]
        raise AssertionError(f"{what}: {shown[0]}, not {shown[1]}")


def has(text, wanted):
    if wanted not in text:
        raise AssertionError(f"no {wanted!r} in {text!r}")


def common():
    return f"-accel {ACCEL} -nodefaults -display none -m 64 -device isa-debug-exit,iobase=0xf4,iosize=4"


def options(kernel, *more):
    return " ".join([common(), "-machine firmware=none -kernel", f"{GUESTS}/{kernel}", *more])


def attach(line):
    """To a program with these options."""
    if STARTER:
        with open(STARTER, "w") as starter:
            starter.write(f"-S {line}\n")
        gdb.execute(f"target remote {DEVICE}")
    else:
        gdb.execute(f"target remote | exec {TENON} -gdb stdio -S {line}")


def connect(program="debuggee", *more):
    elf = f"{GUESTS}/{program}.elf"
    gdb.execute(f"file {elf if os.path.exists(elf) else GUESTS + '/' + program}", to_string=True)
    attach(options(program, *more))
    same(value("$pc"), 0xFFF0, "before the start")
    go_to("guest_main")  # before that its code is not in memory


LAST = []


def remember(event):
    if isinstance(event, gdb.ExitedEvent):
        LAST.append(f"exited with {getattr(event, 'exit_code', None)}")
    elif isinstance(event, gdb.BreakpointEvent):
        LAST.append(" ".join(b.expression or b.location for b in event.breakpoints))
    elif isinstance(event, gdb.SignalEvent):
        LAST.append(event.stop_signal)
    else:
        LAST.append("")


def go_on():
    """Lets the guest run; why it stopped: what a watchpoint watches, a signal, "exited with N"."""
    LAST.clear()
    run("continue")
    return LAST[-1] if LAST else ""


def go_to(symbol):
    """Stops at a function for the first time."""
    run(f"thbreak *{symbol}")
    run("continue")
    same(value("$pc"), address(symbol), symbol)


def interrupt_after(seconds):
    timer = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    return timer


# ---- Cases ----


def case_registers():
    connect("debuggee", "-cpu max")
    go_to("tick")
    same(value("$cs"), 8, "cs")
    same(value("$cr0") & 0x80000001, 0x80000001, "cr0")
    same(value("$efer") & 0x500, 0x500, "efer")
    has(run("info registers cr0"), "PG")
    has(run("info registers eflags"), "[")
    same(float(gdb.parse_and_eval("$st0")), 1.0, "st0")
    if abs(float(gdb.parse_and_eval("$st1")) - math.pi) > 1e-15:
        raise AssertionError("st1 is not pi")
    same(value("$fctrl"), 0x37F, "fctrl")
    same(value("$ftag"), 0x0FFF, "ftag")
    same(value("$xmm3.v16_int8[15]"), 16, "xmm3")
    for name, number in ("rax", 0x123456789ABCDEF0), ("r15", 7), ("rbp", 2**63), ("k_gs_base", 0x1000):
        run(f"set ${name} = {number}")
        run("flushregs")
        same(value(f"${name}"), number, name)
    run("set $xmm3.v2_int64[1] = 0x1122334455667788")
    run("set $st1 = 2.5")
    run("maintenance flush register-cache")
    same(value("$xmm3.v2_int64[1]"), 0x1122334455667788, "xmm3, set")
    same(float(gdb.parse_and_eval("$st1")), 2.5, "st1, set")
    if "ymm3" in run("info all-registers"):
        run("set $ymm3.v4_int64[3] = 0x42")
        run("maintenance flush register-cache")
        same(value("$ymm3.v4_int64[3]"), 0x42, "ymm3, set")
    if "zmm20" in run("info all-registers"):
        for name, field, number in (("k3", "", 0x1234567887654321), ("zmm2", ".v8_int64[7]", 0x77),
                                    ("zmm20", ".v8_int64[6]", 0x66), ("xmm31", ".v2_int64[1]", 0x31),
                                    ("ymm17", ".v4_int64[3]", 0x17)):
            run(f"set ${name}{field} = {number}")
            run("maintenance flush register-cache")
            same(value(f"${name}{field}"), number, f"{name}, set")
    has(run("info all-registers"), "mxcsr")
    run("set $pc = look")
    run("stepi")
    same(address("look") < value("$pc") <= address("look") + 16, True, "pc, set")


def case_break():
    connect()
    run("break *tick")
    run("hbreak *look")
    for turn in range(3):
        run("continue")
        same(value("$pc"), address("tick"), "software breakpoint")
        same(value("counter"), turn, "counter")
        run("continue")
        same(value("$pc"), address("look"), "hardware breakpoint")
    has(run("bt"), "guest_main")
    run("finish")
    has(run("info symbol $pc"), "guest_main")
    run("delete")
    go_to("change")
    same(value("counter"), 4, "counter")
    has(run("x/i $pc"), "mov")


def case_many():
    connect()
    for symbol in "tick", "change", "look", "walk", "step_1", "step_2", "step_3":
        run(f"break *&{symbol}")
    for _ in range(2):
        for symbol in "tick", "change", "look", "walk", "step_1", "step_2", "step_3":
            run("continue")
            same(value("$pc"), address(symbol), symbol)
    run("delete")
    go_to("tick")
    same(value("counter"), 2, "counter")


def case_watch():
    connect()
    go_to("tick")
    run("watch watched")
    for turn in range(1, 4):
        has(go_on(), "watched")
        same(value("watched"), turn, "watched")
        has(run("info symbol $pc"), "change")
    run("delete")
    run("rwatch looked_at")
    has(go_on(), "looked_at")
    has(run("info symbol $pc"), "look")
    run("delete")
    run("awatch counter")
    has(go_on(), "counter")
    has(run("info symbol $pc"), "tick")
    run("delete")
    run("watch *(int *)filled")
    run("set var *(char *)&filled = 9")
    has(go_on(), "filled")
    same(value("filled[0]"), 1, "filled")
    run("delete")
    go_to("tick")


def case_step():
    connect()
    go_to("walk")
    for symbol in "step_1", "step_2", "step_3":
        run("stepi")
        same(value("$pc"), address(symbol), symbol)
    same(value("$rcx"), 1, "popped")
    run("stepi 2")
    for left in 2, 1:
        same(value("$pc"), address("step_rep"), "rep stosb")
        run("stepi")
        same(value("$ecx"), left, "still to be stored")
    run("stepi")
    same(value("$pc"), address("step_end"), "after rep stosb")
    run("break *tick")
    run("stepi")
    has(run("info symbol $pc"), "guest_main")
    run("continue")
    run("nexti")
    same(value("$pc") != address("tick"), True, "stepped off a breakpoint")


def case_memory():
    connect()
    go_to("tick")
    run("set var looked_at = 0x5a5a")
    same(value("looked_at"), 0x5A5A, "looked_at")
    go_to("look")
    run("stepi")
    same(value("$rax"), 0x5A5A, "what the guest reads")
    code = run(f"maintenance packet m{address('change'):x},4")
    run("break *change")
    run("continue")
    same(run(f"maintenance packet m{address('change'):x},4"), code, "code under a breakpoint")
    run("delete")
    # mov $0x77, %eax; ret
    for i, byte in enumerate((0xB8, 0x77, 0, 0, 0, 0xC3)):
        run(f"set var *((unsigned char *)&look + {i}) = {byte}")
    go_to("look")
    run("stepi")
    same(value("$rax"), 0x77, "code that has been written")
    for command in "x/x 0x8000000000000000", "set var *(int *)0xffff800000000000 = 1":
        try:
            run(command)
        except gdb.MemoryError:
            continue
        except gdb.error as error:
            has(str(error), "annot access memory")
            continue
        raise AssertionError(command)
    has(run("maintenance packet qqemu.PhyMemMode"), '"0"')
    run("maintenance packet Qqemu.PhyMemMode:1")
    has(run("maintenance packet m8000000000000000,4"), 'received: "E')
    has(run(f"maintenance packet m{address('pattern'):x},4"), '"01020304"')


def case_interrupt():
    connect()
    timer = interrupt_after(0.5)
    same(go_on(), "SIGINT", "stopped by")
    timer.join()
    first = value("counter")
    same(first > 0, True, "it has run")
    timer = interrupt_after(0.3)
    same(go_on(), "SIGINT", "stopped by")
    timer.join()
    same(value("counter") > first, True, "it has gone on")


def case_threads():
    connect("debuggee", "-smp 2")
    go_to("tick")
    run("watch others if others > 50")
    run("continue")
    run("delete")
    has(run("info threads"), "CPU#1")
    run("thread 2")
    has(run("bt"), "other")
    run("set scheduler-locking on")
    before = value("counter")
    for _ in range(10):
        run("stepi")
        has(run("bt 1"), "other")
    same(value("counter"), before, "the other one stands")
    run("thread 1")
    run("set scheduler-locking off")
    run("break *look")
    run("continue")
    same(value("$pc"), address("look"), "look")
    has(run("thread"), "is 1 ")


def case_masked():
    connect()
    go_to("tick")
    run("set var timer = 1")
    go_to("tick")
    go_to("tick")
    has(run("maintenance packet qqemu.sstepbits"), "ENABLE=1,NOIRQ=2,NOTIMER=4")
    has(run("maintenance packet qqemu.sstep"), "0x7")
    taken = value("((unsigned *)&interrupts)[0x40]")
    for _ in range(100):
        run("stepi")
    same(value("((unsigned *)&interrupts)[0x40]"), taken, "interrupts while stepping")
    has(run("maintenance packet Qqemu.sstep=0x1"), "OK")
    for _ in range(60):
        run("stepi 50")
        if value("((unsigned *)&interrupts)[0x40]") > taken:
            return
    raise AssertionError("no interrupt comes while stepping, where it may")


def counted(disturb):
    """What a guest under -icount that is disturbed on its way has come to at its milestone."""
    connect("debuggee", "-icount shift=3,sleep=off")
    run("set var timer = 1")
    run("set var milestone = 1000000")
    disturb()
    run("delete")
    if value("$pc") != address("arrived"):
        go_to("arrived")
    run("finish")
    found = [value(x) for x in ("when", "((unsigned *)&interrupts)[0x40]", "interrupt_rip", "counter")]
    run("kill")
    return found


def many_stops():
    run("maintenance packet Qqemu.sstep=0x1")
    for command in "break *look", "hbreak *change", "watch watched", "rwatch looked_at":
        run(command)
    for _ in range(40):
        run("continue")
        run("stepi 7")
    run("delete")
    run("stepi 5000")
    run("hbreak *arrived")
    timer = interrupt_after(0.05)
    try:
        if go_on() != "SIGINT":  # it was there before
            timer.cancel()
    except KeyboardInterrupt:  # on a busy host it comes before gdb has let the guest go on
        pass
    timer.join()
    run("info registers")


def case_counted():
    """What is counted is the same with a debugger's stops."""
    undisturbed = counted(lambda: None)
    same(undisturbed[1] > 2, True, "interrupts")
    same(undisturbed[3], 1000000, "counter")
    same(counted(lambda: None), undisturbed, "once more")
    same(counted(many_stops), undisturbed, "with many stops")


def case_own():
    connect()
    run("break *breakpoint_of_its_own")
    run("hbreak *tick")
    run("continue")
    run("set var own_int3 = 1")
    run("disable $bpnum")
    run("continue")
    same(value("$pc"), address("breakpoint_of_its_own"), "stopped at")
    run("watch own_breaks")
    has(go_on(), "own_breaks")
    same(value("own_breaks"), 1, "its own breakpoints")


def case_undisturbed():
    """A program that tries all there is to the guest's own debug registers."""
    connect("soft-debug", "-cpu max")
    run("watch *(char *)0x700000")
    run("hbreak *0x12345678")
    same(go_on(), "exited with 33", "the end")


def case_end():
    connect()
    go_to("tick")
    run("set var over = 1")
    same(go_on(), "exited with 33", "the end")


def case_monitor():
    connect()
    has(run("monitor info version"), "Tenon")
    has(run("monitor nonsense"), "unknown command: 'nonsense'")
    if len(run("monitor help")) < 100:
        raise AssertionError("no help")
    go_to("tick")


@contextlib.contextmanager
def guest(*arguments):
    """A debuggee with a monitor on its standard input and output."""
    line = [TENON, *arguments, "-S", "-monitor", "stdio", *options("debuggee").split()]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        run(f"file {GUESTS}/debuggee.elf")
        yield process
    finally:
        process.kill()
        process.wait()


def chardev(process, name):
    """What "info chardev" says of it."""
    process.stdin.write("info chardev\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith(f"{name}: filename="):
            return line.split("=", 1)[1].strip()
    raise AssertionError(f"no {name} in info chardev")


def debug_over(end):
    """A breakpoint, memory, Ctrl-C and the end, by the device that gdb is given."""
    gdb.execute(f"target remote {end}")
    go_to("guest_main")
    run("break *tick")
    run("continue")
    same(value("counter"), 0, "counter")
    run("delete")
    timer = interrupt_after(0.2)
    same(go_on(), "SIGINT", "stopped by")
    timer.join()
    same(value("counter") > 0, True, "it has run")
    run("set var over = 1")
    same(go_on(), "exited with 33", "the end")


def case_tcp():
    with guest("-gdb", "tcp:127.0.0.1:0") as process:
        debug_over("tcp:127.0.0.1:" + re.search(r"127\.0\.0\.1:(\d+)", chardev(process, "gdb"))[1])
        same(process.wait(20), 33, "exit status")


def case_pty():
    with guest("-gdb", "pty") as process:
        debug_over(chardev(process, "gdb").removeprefix("pty:"))
        same(process.wait(20), 33, "exit status")


def case_chardev():
    with guest("-chardev", "socket,id=far,path=far.sock,server=on,wait=off", "-gdb", "chardev:far") as process:
        has(chardev(process, "far"), "far.sock")
        debug_over("far.sock")
        same(process.wait(20), 33, "exit status")


def case_short():
    """-s, where the port is free."""
    try:
        socket.create_server(("", 1234)).close()
    except OSError as error:
        print(f"SKIPPED port 1234: {error.strerror}")
        return
    with guest("-s") as process:
        has(chardev(process, "gdb"), ":1234,")
        debug_over(":1234")


def relay(inner, outer):
    """Between tenon, which answers to one port only, and gdb, which chooses its own anew."""
    last = None
    while True:
        for near in select.select([inner, outer], [], [])[0]:
            data, sender = near.recvfrom(65536)
            if near is outer:
                last = sender
                inner.send(data)
            elif last:
                outer.sendto(data, last)


def case_udp():
    ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for end in ends:
        end.bind(("127.0.0.1", 0))
    ports = [end.getsockname()[1] for end in ends]
    with guest("-gdb", f"udp:127.0.0.1:{ports[0]}@127.0.0.1:0") as process:
        ends[0].connect(("127.0.0.1", int(chardev(process, "gdb").rpartition(":")[2])))
        threading.Thread(target=relay, args=ends, daemon=True).start()
        debug_over(f"udp:127.0.0.1:{ports[1]}")
        same(process.wait(20), 33, "exit status")


def case_reattach():
    """Over a socket: the guest goes on when a debugger leaves, and the next one may come."""
    with guest("-gdb", "unix:gdb.sock") as process:
        has(chardev(process, "gdb"), "gdb.sock")
        gdb.execute("target remote gdb.sock")
        go_to("guest_main")
        run("break *tick")
        run("continue")
        same(value("counter"), 0, "counter")
        run("detach")
        time.sleep(0.3)
        run("delete")
        gdb.execute("target remote gdb.sock")
        counter = value("counter")
        same(counter > 0, True, "it has gone on without a debugger")
        go_to("look")
        run("disconnect")
        time.sleep(0.3)
        gdb.execute("target remote gdb.sock")
        same(value("counter") > counter, True, "it has gone on without a connection")
        run("set var over = 1")
        same(go_on(), "exited with 33", "the end")
        same(process.wait(20), 33, "exit status")


def case_bits32():
    connect("multiboot", "-cpu qemu32")
    same(gdb.parse_and_eval("$eip").type.sizeof, 4, "bytes of eip")
    same(value("(unsigned)$cr0") & 0x80000001, 1, "cr0")
    same(value("$cs_base"), 0, "base of cs")
    run("set $eax = 0x89abcdef")
    run("maintenance flush register-cache")
    same(value("(unsigned)$eax"), 0x89ABCDEF, "eax")
    pc = value("$eip")
    run("stepi")
    same(value("$eip") != pc, True, "a step")


def case_bits16():
    gdb.execute("set architecture i8086", to_string=True)
    attach(f"{common()} -cpu qemu32 -bios {GUESTS}/bios16")
    has(run("x/i $cs_base + $eip"), "ljmp")
    run("stepi")
    same(value("$cs_base + $eip"), 0xF0000, "after the jump")
    has(run("x/i 0xf0000"), "cli")
    symbols = dict(reversed(line.split()[::2]) for line in os.popen(f"nm {GUESTS}/bios16.elf"))
    show = 0xF0000 + int(symbols["print"], 16)
    run(f"break *{show}")
    run("continue")
    same(value("$cs_base + $eip"), show, "the breakpoint")
    same(value("$ss_base"), 0x90000, "base of ss")
    same(value("$pc"), show - 0xF0000, "pc")
    letters = value("$esi")
    for turn in 1, 2:  # the loop comes to it again
        run("continue")
        same(value("$cs_base + $eip"), show, "the breakpoint, again")
        same(value("$esi"), letters + turn, "it has gone round")
    run("stepi")
    same(value("$cs_base + $eip"), show + 1, "after lodsb")
    run("delete")
    run(f"hbreak *{show}")
    for turn in 4, 5:
        run("continue")
        same(value("$esi"), letters + turn - 1, "a hardware breakpoint")
    run("stepi 2")
    same(value("$esi"), letters + 5, "two steps")
    run("delete")
    run("stepi")
    run("set $ds = 0x1234")
    run("maintenance flush register-cache")
    same(value("$ds_base"), 0x12340, "base of ds, set")


def main():
    name = os.environ["CASE"]
    for setting in "pagination off", "confirm off", "width 0", "remotetimeout 60", "tcp connect-timeout 60":
        gdb.execute("set " + setting)
    gdb.events.stop.connect(remember)
    gdb.events.exited.connect(remember)
    try:
        globals()["case_" + name]()
        print("PASSED")
    except BaseException:  # whatever it is, gdb must not ask anybody
        import traceback

        traceback.print_exc(file=sys.stdout)
    if gdb.selected_inferior().pid:
        gdb.execute("kill", to_string=True)
    sys.stdout.flush()
    os._exit(0)


main()
