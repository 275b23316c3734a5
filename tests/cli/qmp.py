#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""qmp.py BUILD - QMP as programs use it: over real sockets, with good and bad manners."""

import array
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.join(sys.argv[1], "tenon")
NONE = ["-machine", "none,accel=qtest", "-nodefaults", "-display", "none"]
PC = ["-machine", "pc,accel=qtest", "-nodefaults", "-display", "none"]
failed = number = 0


class Client:
    """One connection: commands, their replies, and the events that came before them."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(1500):  # the program may be slow to start
            with contextlib.suppress(OSError):
                self.socket.connect(path)
                break
            time.sleep(0.02)
        self.file = self.socket.makefile("rb")
        self.events = []
        self.greeting = self.read()

    def read(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), line
        return json.loads(line)

    def reply(self):
        """The next object that is no event."""
        while True:
            answer = self.read()
            if "event" not in answer:
                return answer
            self.events.append(answer)

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def ask(self, command, fds=(), **arguments):
        text = json.dumps({"execute": command, "arguments": arguments}).encode() + b"\r\n"
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([text], rights)
        return self.reply()

    def do(self, command, **arguments):
        answer = self.ask(command, **arguments)
        assert "return" in answer, answer
        return answer["return"]

    def fails(self, command, text, kind="GenericError", **arguments):
        error = self.ask(command, **arguments).get("error")
        assert error and error["class"] == kind and text in error["desc"], error

    def event(self, name):
        """Waits for an event, and forgets those before it."""
        while True:
            answer = self.events.pop(0) if self.events else self.read()
            if answer.get("event") == name:
                return answer


@contextlib.contextmanager
def running(*arguments, machine=NONE, negotiate=True, status=0):
    """A program with a QMP socket, and a client of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "qmp")
        program = subprocess.Popen([PROGRAM, *machine, "-qmp", f"unix:{path},server=on,wait=off",
                                    *arguments], stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            client = Client(path)
            client.path, client.folder, client.program = path, folder, program
            if negotiate:
                assert client.ask("qmp_capabilities") == {"return": {}}
            yield client
        finally:
            program.terminate()
            assert program.wait() == status


def test(function):
    global failed, number
    number += 1
    try:
        function()
        print(f"ok {number} - {function.__doc__}", flush=True)
    except Exception as error:  # whatever it was, the test has failed
        failed += 1
        print(f"not ok {number} - {function.__doc__}\n# {type(error).__name__}: {error}", flush=True)


def negotiation():
    """greeting, nothing before the negotiation, and it comes once"""
    with running(negotiate=False) as qmp:
        assert qmp.greeting["QMP"]["capabilities"] == ["oob"]
        assert qmp.greeting["QMP"]["version"]["qemu"]["major"] >= 7
        qmp.fails("query-version", "qmp_capabilities", kind="CommandNotFound")
        qmp.fails("qmp_capabilities", "does not accept value 'x'", enable=["x"])
        assert qmp.do("qmp_capabilities", enable=["oob"]) == {}
        qmp.fails("qmp_capabilities", "already", kind="CommandNotFound")


MALFORMED = [b"{]", b"\xff", b"\x01", b'{"execute": "a\xff"}', b'{"execute": "a\n"}', b'{"a": %p}',
             b"null\n", b"{}", b'{"execute": true}', b'{"execute": "query-name", "arguments": "x"}',
             b'{"execute": "query-name", "extra": {}}', b"[" * 1025]


def malformed():
    """what is malformed gives one error, before the negotiation too, and the next command is done"""
    for negotiate in (False, True):
        with running(negotiate=negotiate) as qmp:
            for bad in MALFORMED:
                qmp.send(bad + b"\n")
                error = qmp.reply()["error"]
                assert error["class"] == "GenericError", (bad, error)
                qmp.fails("no-such-command", "", kind="CommandNotFound")


def ids():
    """an id of any kind comes back, with errors too; single quotes do"""
    with running() as qmp:
        for name in [1, "a", None, [1, {"b": 2}], {"c": []}, 1.5, True]:
            qmp.send(json.dumps({"id": name, "execute": "query-name"}))
            answer = qmp.reply()
            assert answer["id"] == name and "return" in answer
        qmp.send('{"execute": "human-monitor-command", "id": 2}')
        answer = qmp.reply()
        assert answer["id"] == 2 and "'command-line' is missing" in answer["error"]["desc"]
        qmp.send("{'execute':\n'query-name'}{'execute': 'query-name'}")
        assert "return" in qmp.reply() and "return" in qmp.reply()


def out_of_band():
    """exec-oob is for those that agreed to it, and for commands that allow it"""
    with running(negotiate=False) as qmp:
        qmp.do("qmp_capabilities", enable=["oob"])
        qmp.send('{"exec-oob": "query-status", "id": 1}')
        assert qmp.reply()["return"]["status"] == "running"
        qmp.send('{"exec-oob": "query-cpus-fast"}')
        assert "does not support OOB" in qmp.reply()["error"]["desc"]
    with running() as qmp:
        qmp.send('{"exec-oob": "query-status"}')
        assert "unexpected" in qmp.reply()["error"]["desc"]


@contextlib.contextmanager
def waiting_chardev():
    """A client whose in-band command waits for somebody to connect to a socket."""
    with running(negotiate=False) as qmp:
        qmp.do("qmp_capabilities", enable=["oob"])
        path = os.path.join(qmp.folder, "c")
        qmp.send(json.dumps({"execute": "chardev-add", "id": "add", "arguments": {
            "id": "c", "backend": {"type": "socket", "data": {
                "addr": {"type": "unix", "data": {"path": path}}, "wait": True}}}}))
        yield qmp, path


def passing():
    """a command that waits holds up those in its band, and no other; then all are answered in order"""
    with waiting_chardev() as (qmp, path):
        qmp.send('{"execute": "query-name", "id": "name"} {"exec-oob": "query-status", "id": "oob"}')
        assert qmp.reply()["id"] == "oob"
        qmp.send('{"execute": 1, "id": "bad"} {"exec-oob": "query-yank", "id": "yank"}')
        listed = qmp.reply()
        assert listed["id"] == "yank" and {"type": "chardev", "id": "c"} in listed["return"]
        with socket.socket(socket.AF_UNIX) as far:
            far.connect(path)
            added = qmp.reply()
            assert added == {"return": {}, "id": "add"}, added
            assert qmp.reply()["id"] == "name"
            assert "error" in qmp.reply()
            label = next(c for c in qmp.do("query-chardev") if c["label"] == "c")
            assert "disconnected" not in label["filename"], label
            qmp.do("yank", instances=[{"type": "chardev", "id": "c"}])
            assert far.recv(1) == b""
        qmp.do("chardev-remove", id="c")


def yanking():
    """what waits for a connection can be ended, and leaves nothing; all instances or none"""
    with waiting_chardev() as (qmp, path):
        for bad in ("nobody", "compat_monitor"):
            qmp.send(json.dumps({"exec-oob": "yank", "arguments": {"instances": [
                {"type": "chardev", "id": "c"}, {"type": "chardev", "id": bad}]}}))
            assert qmp.reply()["error"]["class"] == "DeviceNotFound"
        qmp.send('{"exec-oob": "yank", "id": "y", "arguments": {"instances": '
                 '[{"type": "chardev", "id": "c"}]}}')
        assert qmp.reply() == {"return": {}, "id": "y"}
        failed_one = qmp.reply()
        assert failed_one["id"] == "add" and "yanked" in failed_one["error"]["desc"]
        assert [c["label"] for c in qmp.do("query-chardev")] == ["compat_monitor0"]
        assert not os.path.exists(path)
    with waiting_chardev() as (qmp, _):
        pass  # SIGTERM ends the program all the same


def clients():
    """a socket that connects: refused in a line, or there; the loop waits for neither"""
    with running() as qmp:
        backend = {"type": "socket", "data": {"server": False, "addr": {
            "type": "unix", "data": {"path": os.path.join(qmp.folder, "far")}}}}
        qmp.fails("chardev-add", "No such file", id="c", backend=backend)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(qmp.folder, "far"))
            qmp.fails("chardev-add", "refused", id="c", backend=backend)
            listener.listen(0)
            qmp.do("chardev-add", id="c", backend=backend)
            qmp.send(json.dumps({"execute": "chardev-add", "arguments": {
                "id": "d", "backend": backend}}))  # the listener's queue is full
            time.sleep(0.3)
            for _ in range(2):
                listener.accept()[0].close()
            assert "return" in qmp.reply()
        inet = {"type": "socket", "data": {"server": False, "addr": {
            "type": "inet", "data": {"host": "127.0.0.1", "port": "1"}}}}
        qmp.fails("chardev-add", "refused", id="e", backend=inet)
        qmp.fails("chardev-add", "", id="e", backend={"type": "file", "data": {
            "out": os.path.join(qmp.folder, "no", "file")}})
        os.mkfifo(os.path.join(qmp.folder, "fifo"))
        qmp.fails("chardev-add", "No such device", id="e", backend={"type": "file", "data": {
            "out": os.path.join(qmp.folder, "fifo")}})


def waiting_person():
    """HMP's gdbserver and chardev-add do not hold up the machine either"""
    with running(machine=PC) as qmp:
        def say(line):
            return qmp.do("human-monitor-command", **{"command-line": line})
        for bad in (f"unix:{qmp.folder}/g,server=on", f"unix:{qmp.folder}/g,server=off",
                    f"unix:{qmp.folder}/no/g", "chardev:none", "chardev:compat_monitor0",
                    "file:/nonexistent/x", "nonsense", "tcp:", '""'):
            answer = say(f"gdbserver {bad}")
            assert answer.startswith("Error: gdbserver: "), (bad, answer)
        assert "Waiting for gdb" in say(f"gdbserver unix:{qmp.folder}/g")
        assert "Disabled" in say("gdbserver none")
        assert [c["label"] for c in qmp.do("query-chardev")] == ["compat_monitor0"]


def run_state():
    """stop, cont, reset, power button: states, events, and their order"""
    with running("-S", machine=PC) as qmp:
        assert qmp.do("query-status")["status"] == "prelaunch"
        qmp.do("cont")
        assert [e["event"] for e in qmp.events] == ["RESUME"]
        assert qmp.do("query-status") == {"running": True, "singlestep": False, "status": "running"}
        qmp.do("stop")
        qmp.do("stop")
        assert [e["event"] for e in qmp.events] == ["RESUME", "STOP"]
        assert qmp.do("query-status")["status"] == "paused"
        qmp.do("system_reset")
        assert qmp.event("RESET")["data"] == {"guest": False, "reason": "host-qmp-system-reset"}
        qmp.do("system_powerdown")
        assert "data" not in qmp.event("POWERDOWN")
        qmp.fails("system_wakeup", "not in suspended state")
        qmp.do("cont")
        stamp = qmp.event("RESUME")["timestamp"]
        assert abs(stamp["seconds"] - time.time()) < 60 and 0 <= stamp["microseconds"] < 1000000


def preconfig():
    """--preconfig: a word before the board is built; x-exit-preconfig builds it and starts it, once"""
    with running("--preconfig", "-device", "isa-serial,chardev=made", machine=PC) as qmp:
        assert qmp.do("query-status")["status"] == "prelaunch"
        assert qmp.do("query-commands")
        for early in ("query-cpus-fast", "cont", "system_reset", "device_add"):
            qmp.fails(early, "isn't permitted in 'preconfig' state")
        qmp.do("chardev-add", id="made", backend={"type": "ringbuf", "data": {}})
        qmp.do("x-exit-preconfig")
        assert [e["event"] for e in qmp.events] == ["RESUME"]
        assert qmp.do("query-status")["status"] == "running"
        assert next(c for c in qmp.do("query-chardev") if c["label"] == "made")["frontend-open"]
        assert len(qmp.do("query-cpus-fast")) == 1
        qmp.fails("x-exit-preconfig", "only before machine initialization")
    with running("-preconfig", "-S", machine=PC) as qmp:
        qmp.do("x-exit-preconfig")
        assert qmp.events == [] and qmp.do("query-status")["status"] == "prelaunch"
    with running("-preconfig") as qmp:
        pass  # SIGTERM ends it


def bad_board():
    """a board that cannot be built after all ends the program, which says why"""
    with running("--preconfig", "-device", "isa-serial,chardev=nobody", machine=PC,
                 status=1) as qmp:
        qmp.send('{"execute": "x-exit-preconfig"}{"execute": "x-exit-preconfig"}')
        assert "no chardev of that id" in qmp.reply()["error"]["desc"]
        assert qmp.event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-error"}
        assert qmp.program.wait(10) == 1


def panic():
    """a guest's panic is told before the stop that it causes"""
    with running("-device", "pvpanic", "-action", "panic=pause", "-monitor", "null",
                 machine=PC) as qmp:
        qmp.do("human-monitor-command", **{"command-line": "o 0x505 1"})
        assert qmp.event("GUEST_PANICKED")["data"] == {"action": "pause"}
        qmp.event("STOP")
        assert qmp.do("query-status")["status"] == "guest-panicked"


def ends():
    """quit and SIGTERM: SHUTDOWN says why, the status is 0"""
    with running() as qmp:
        qmp.do("quit")
        assert qmp.event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-qmp-quit"}
        assert qmp.program.wait(10) == 0
        assert not qmp.file.read(), "the last word was SHUTDOWN"
    with running() as qmp:
        qmp.program.terminate()
        assert qmp.event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-signal"}
        assert qmp.program.wait(10) == 0
        assert not qmp.file.read()


def second_client():
    """one client after another, each with a greeting and a negotiation of its own"""
    with running() as qmp:
        for _ in range(3):
            qmp.socket.shutdown(socket.SHUT_RDWR)
            qmp.file.close()
            qmp.socket.close()
            again = Client(qmp.path)
            assert "QMP" in again.greeting
            again.fails("query-name", "", kind="CommandNotFound")
            again.do("qmp_capabilities")
            qmp.socket, qmp.file = again.socket, again.file


def thousand_connections():
    """a thousand connections leave the program as it was"""
    with running() as qmp:
        qmp.socket.close()
        qmp.file.close()
        before = os.listdir(f"/proc/{qmp.program.pid}/fd")
        for _ in range(1000):
            s = socket.socket(socket.AF_UNIX)
            s.connect(qmp.path)
            s.sendall(b'{"execute": "qmp_cap')
            s.close()
        again = Client(qmp.path)
        again.do("qmp_capabilities")
        again.do("query-name")
        assert len(os.listdir(f"/proc/{qmp.program.pid}/fd")) <= len(before) + 2


def memory(program, key):
    with open(f"/proc/{program.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key)) / 1024


def endless_line():
    """100 MB without a newline: an error, and the memory is given back"""
    with running() as qmp:
        before = memory(qmp.program, "VmRSS:")
        chunk = b"a" * (1 << 20)
        qmp.send(b'{"execute": "')
        for _ in range(100):
            qmp.send(chunk)
        assert "too long" in qmp.reply()["error"]["desc"]
        qmp.send(b"\n")
        qmp.do("query-name")
        assert memory(qmp.program, "VmHWM:") - before < 160
        assert memory(qmp.program, "VmRSS:") - before < 16


def deaf_client():
    """a client that never reads holds up itself alone, and then loses nothing"""
    line = b'{"execute": "query-commands"}\n'
    with running("-S") as qmp:
        before = memory(qmp.program, "VmRSS:")
        qmp.socket.setblocking(False)
        sent = tries = 0
        while tries < 50:
            try:
                sent += qmp.socket.send((line * 1000)[sent % len(line):])
            except BlockingIOError:
                tries += 1
                time.sleep(0.01)
        assert memory(qmp.program, "VmRSS:") - before < 4
        qmp.socket.setblocking(True)
        for _ in range(sent // len(line)):
            assert "return" in qmp.reply()
        if sent % len(line):
            qmp.send(line[sent % len(line):])
            assert "return" in qmp.reply()
        qmp.do("query-name")


def schema():
    """every command that needs no argument is done, and answers as the schema says"""
    with running() as qmp:
        infos = {info["name"]: info for info in qmp.do("query-qmp-schema")}
        listed = {command["name"] for command in qmp.do("query-commands")}
        commands = {n for n, info in infos.items() if info["meta-type"] == "command"}
        assert listed == commands
        for name in sorted(commands - {"quit", "qmp_capabilities", "add-fd", "x-query-jit"}):
            info = infos[name]
            needs = [m for m in infos[info["arg-type"]]["members"] if "default" not in m]
            if not needs and info["ret-type"] != "Empty":
                fits(infos, info["ret-type"], qmp.do(name), name)


KINDS = {"string": str, "int": int, "number": (int, float), "boolean": bool, "value": object,
         "null": type(None)}


def fits(infos, name, value, where):
    """Whether a value is of the type that the schema describes."""
    info = infos[name]
    meta = info["meta-type"]
    if meta == "builtin":
        assert isinstance(value, KINDS[info["json-type"]]), (where, value)
    elif meta == "enum":
        assert value in info["values"], (where, value)
    elif meta == "array":
        for one in value:
            fits(infos, info["element-type"], one, where + "[]")
    elif meta == "object":
        members = {m["name"]: m for m in info["members"]}
        for variant in info.get("variants", []):
            if variant["case"] == value[info["tag"]]:
                members |= {m["name"]: m for m in infos[variant["type"]]["members"]}
        assert set(value) <= set(members), (where, set(value) - set(members))
        for member in members.values():
            if member["name"] in value:
                fits(infos, member["type"], value[member["name"]], f"{where}.{member['name']}")
            else:
                assert "default" in member, (where, member)


def machine_answers():
    """a PC's answers fit the schema, too; its processors have threads"""
    with running("-smp", "3", "-uuid", "01234567-89ab-cdef-0123-456789abcdef", "-name", "x",
                 machine=PC) as qmp:
        infos = {info["name"]: info for info in qmp.do("query-qmp-schema")}
        for name in ["query-cpus-fast", "query-pci", "query-chardev", "query-machines",
                     "query-cpu-definitions", "query-memdev", "query-fdsets"]:
            fits(infos, infos[name]["ret-type"], qmp.do(name), name)
        threads = {cpu["thread-id"] for cpu in qmp.do("query-cpus-fast")}
        assert threads <= set(map(int, os.listdir(f"/proc/{qmp.program.pid}/task")))
        assert len(threads) == 3
        assert qmp.do("query-uuid") == {"UUID": "01234567-89ab-cdef-0123-456789abcdef"}
        assert qmp.do("query-name") == {"name": "x"}
        machines = {m["name"]: m for m in qmp.do("query-machines")}
        assert [m["alias"] for m in machines.values() if m.get("is-default")] == ["pc"]


def descriptors():
    """descriptors come in by SCM_RIGHTS, by name and in sets, and go again"""
    with running() as qmp, open(os.path.join(qmp.folder, "out"), "w+b") as out:
        fd = out.fileno()
        qmp.fails("getfd", "SCM_RIGHTS", fdname="a")
        qmp.fails("getfd", "digit", fdname="1", fds=[fd])
        qmp.do("getfd", fdname="a", fds=[fd])
        qmp.do("closefd", fdname="a")
        qmp.fails("closefd", "not found", fdname="a")
        number = qmp.do("add-fd", opaque="o", fds=[fd])
        assert qmp.do("query-fdsets") == [{"fdset-id": number["fdset-id"],
                                           "fds": [{"fd": number["fd"], "opaque": "o"}]}]
        qmp.fails("chardev-add", "No such file", id="c", backend={
            "type": "file", "data": {"out": "/dev/fdset/77"}})
        qmp.do("remove-fd", **{"fdset-id": number["fdset-id"]})
        assert qmp.do("query-fdsets") == []


def inherited():
    """-add-fd, and a listening socket that is handed down, as libvirt does"""
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(folder, "s"))
        listener.listen(1)
        with open(os.path.join(folder, "out"), "wb") as out:
            program = subprocess.Popen(
                [PROGRAM, *NONE, "-chardev", f"socket,id=m,fd={listener.fileno()},server=on,wait=off",
                 "-mon", "chardev=m,mode=control,pretty=on", "-add-fd",
                 f"fd={out.fileno()},set=2,opaque=x", "-chardev", "file,id=f,path=/dev/fdset/2"],
                pass_fds=[listener.fileno(), out.fileno()])
        client = socket.socket(socket.AF_UNIX)
        client.connect(os.path.join(folder, "s"))
        client.sendall(b'{"execute": "qmp_capabilities"} {"execute": "query-fdsets"}'
                       b' {"execute": "quit"}')
        text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        assert program.wait(10) == 0
        assert "\n    " in text  # pretty
        assert '"opaque": "x"' in text


def daemon():
    """-daemonize: when the parent ends, the socket listens and the pid file is there"""
    with tempfile.TemporaryDirectory() as folder:
        path, pidfile = os.path.join(folder, "qmp"), os.path.join(folder, "pid")
        subprocess.run([PROGRAM, *NONE, "-S", "-qmp", f"unix:{path},server=on,wait=off", "-pidfile",
                        pidfile, "-daemonize"], check=True)
        assert os.stat(path).st_mode & 0o777 == 0o600
        with open(pidfile, encoding="ascii") as text:
            pid = int(text.read())
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)  # no second attempt
        assert s.recv(4096).startswith(b'{"QMP"')
        s.sendall(b'{"execute": "qmp_capabilities"}{"execute": "quit"}')
        while s.recv(4096):
            pass
        for _ in range(200):
            if not os.path.exists(f"/proc/{pid}"):
                return
            time.sleep(0.05)
        raise AssertionError("it goes on")


def quick():
    """10000 commands, one after another, each answered"""
    with running() as qmp:
        for _ in range(100):
            qmp.send(b'{"execute": "query-status"}\r\n' * 100)
            for _ in range(100):
                assert "return" in qmp.reply()


def run_all(tests):
    print(f"1..{len(tests)}")
    for each in tests:
        test(each)
    sys.exit(failed != 0)


resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if __name__ == "__main__":
    run_all([negotiation, malformed, ids, out_of_band, passing, yanking, clients, waiting_person,
             run_state, preconfig, bad_board, panic, ends, second_client, thousand_connections, endless_line,
             deaf_client, schema, machine_answers, descriptors, inherited, daemon, quick])
