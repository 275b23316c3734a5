#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""spice.py BUILD - the SPICE server and its back ends, with the client library of GNOME and virt-viewer at the far end."""
import ctypes
import json
import os
import random
import secrets
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
import time

try:
    import gi
    gi.require_version("SpiceClientGLib", "2.0")
    from gi.repository import GLib, GObject, SpiceClientGLib
except (ImportError, ValueError) as error:
    print(f"1..0 # SKIP gir1.2-spiceclientglib-2.0 and python3-gi are not installed ({error})")
    sys.exit(0)

BUILD = os.path.realpath(sys.argv[1])
os.environ["TENON"] = os.path.join(BUILD, "tenon")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "qtest"))
sys.dont_write_bytecode = True
from tap import check, finish  # noqa: E402
from tenon_qtest import Machine  # noqa: E402

if not os.path.exists(os.path.join(BUILD, "plugins-all", "spice-server.so")):
    print("1..0 # SKIP this build has no SPICE server")
    sys.exit(0)

PATIENCE = 20
COM1 = 0x3f8
library = ctypes.CDLL("libspice-client-glib-2.0.so.8")
DATA, IER, LCR, LSR = 0, 1, 3, 5
RECEIVED, BREAK, EMPTY = 1, 0x10, 0x20


def until(condition):
    """Lets the client work until it is so; False: it never was."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        GLib.MainContext.default().iteration(False)
        time.sleep(0.001)
    return True


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- The far end ----

class Client:
    """A session; got is what has come through each port, by its name."""

    def __init__(self, **properties):
        self.session = SpiceClientGLib.Session()
        self.channels, self.got, self.events, self.opened, self.kept = [], {}, [], {}, []
        self.agent = False
        self.ended = False
        self.n_opened = 0
        self.grabbed = 0
        for name, value in properties.items():
            self.session.set_property(name.replace("_", "-"), value)
        GObject.Object.connect(self.session, "channel-new", self.new)
        SpiceClientGLib.Session.connect(self.session)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        """Not before all channels are there: one whose client has gone by then is the end of libspice-server 0.15."""
        until(lambda: self.ended or self.n_opened == len(self.channels))
        self.session.disconnect()
        until(lambda: not self.session.get_channels())

    def new(self, session, channel):
        self.channels.append(channel)
        GObject.Object.connect(channel, "channel-event", self.event)
        if isinstance(channel, SpiceClientGLib.MainChannel):
            self.main = channel
            GObject.Object.connect(channel, "notify::agent-connected", self.set_agent)
            GObject.Object.connect(channel, "main-clipboard-selection-grab", self.set_grabbed)
            return
        if isinstance(channel, SpiceClientGLib.PortChannel):
            GObject.Object.connect(channel, "port-data", self.data)
            GObject.Object.connect(channel, "port-event", lambda c, e: self.events.append((self.name(c), e)))
            GObject.Object.connect(channel, "notify::port-opened", self.set_opened)
        SpiceClientGLib.Channel.connect(channel)

    @staticmethod
    def name(channel):
        return channel.get_property("port-name")

    def event(self, channel, event):
        self.n_opened += event == SpiceClientGLib.ChannelEvent.OPENED
        self.ended |= event not in (SpiceClientGLib.ChannelEvent.OPENED, SpiceClientGLib.ChannelEvent.SWITCHING)

    def set_agent(self, channel, what):
        self.agent = channel.get_property("agent-connected")

    def set_grabbed(self, *what):
        self.grabbed += 1

    def set_opened(self, channel, what):
        self.opened[self.name(channel)] = channel.get_property("port-opened")
        self.got.setdefault(self.name(channel), bytearray())

    def data(self, channel, pointer, size):
        self.got.setdefault(self.name(channel), bytearray()).extend(ctypes.string_at(pointer, size))

    def port(self, name):
        until(lambda: name in self.opened)
        return next(c for c in self.channels if isinstance(c, SpiceClientGLib.PortChannel) and self.name(c) == name)

    def send(self, name, data):
        """In the background. The binding of write_async() frees what is still to be sent, so it is called without it."""
        buffer = ctypes.create_string_buffer(data, len(data))
        self.kept.append(buffer)
        library.spice_port_channel_write_async(ctypes.c_void_p(hash(self.port(name))), buffer,
                                               ctypes.c_size_t(len(data)), None, None, None)

    def has(self, kind):
        return any(isinstance(c, kind) for c in self.channels)


# ---- A monitor at a port ----

class Tenon:
    """One with a QMP monitor at the port org.tenon.qmp."""

    def __init__(self, spice, *more):
        with open("err", "wb") as err:
            self.process = subprocess.Popen(
                [os.environ["TENON"], "-machine", "none", "-pidfile", "pid", *more, "-spice", spice, "-chardev",
                 "spiceport,id=c,name=org.tenon.qmp", "-mon", "chardev=c,mode=control"],
                stdin=subprocess.DEVNULL, stderr=err)
        until(lambda: os.path.exists("pid") or self.process.poll() is not None)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        check("and it ends in order", status == 0 and not os.path.exists("pid"), f"{status}\n{self.said()}")

    @staticmethod
    def said():
        with open("err") as err:
            return err.read()

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def talks(client, name="org.tenon.qmp"):
    until(lambda: name in client.opened or client.ended)
    if client.ended:
        return False
    client.send(name, b'{"execute":"qmp_capabilities","id":"hello"}\n')
    return until(lambda: b'"id": "hello"' in client.got[name]) and client.got[name].startswith(b'{"QMP"')


def monitor():
    port = free_port()
    with Tenon(f"port={port},addr=127.0.0.1,disable-ticketing=on") as t:
        for what in ("a monitor at a port", "the next client is greeted as well"):
            with Client(host="127.0.0.1", port=str(port)) as client:
                check(what, talks(client), client.got)
        with Client(host="127.0.0.1", port=str(port)) as client:
            talks(client)
            many(client)
            check("a port that is in use stays open to others", client.opened["org.tenon.qmp"])
        before = t.memory()
        garbage(port)
        with Client(host="127.0.0.1", port=str(port)) as client:
            check("garbage and a thousand connections", talks(client) and t.memory() - before < 16384,
                  t.memory() - before)
        check("and of those it does not say much", len(t.said().splitlines()) < 30, t.said())


def many(client):
    """Much in both directions, the client not listening at first."""
    asked, got = 300, client.got["org.tenon.qmp"]
    client.send("org.tenon.qmp", b'{"execute":"query-commands","id":"many"}\n' * asked
                + b'{"execute":"query-name","id":"last"}\n')
    until(lambda: len(got) > 1000)
    time.sleep(0.5)
    until(lambda: b'"id": "last"' in got[-100:])
    lines = [json.loads(line) for line in got.splitlines()]
    check("nothing is lost, and all in order", sum(line.get("id") == "many" for line in lines) == asked
          and lines[-1].get("id") == "last", f"{len(got)} bytes, {len(lines)} lines")


def garbage(port):
    for i in range(1000):
        with socket.create_connection(("127.0.0.1", port)) as s:
            try:
                if i % 10 == 0:
                    s.sendall(secrets.token_bytes(5000))
                elif i % 10 == 1:
                    s.sendall(b"REDQ" + struct.pack("<III", 2, 2, random.choice((0, 18, 4096, 2 ** 32 - 1))) + bytes(200))
            except OSError:
                pass


# ---- Who comes in ----

def doors():
    with Tenon("unix=on,addr=s,disable-ticketing=on"):
        mode = os.stat("s").st_mode
        with Client(unix_path="s") as client:
            check("a unix socket, which is the user's alone", talks(client) and stat.S_IMODE(mode) == 0o600, oct(mode))
    check("it goes with the program", not os.path.exists("s"))
    port = free_port()
    with Tenon(f"port={port},addr=127.0.0.1,password-secret=p", "-object", "secret,id=p,data=sesame"):
        for word, good in (("sesame", True), ("barley", False)):
            with Client(host="127.0.0.1", port=str(port), password=word) as client:
                check(f"a password that is {'right' if good else 'wrong'}", talks(client) == good)
    certificates()
    with Tenon(f"tls-port={port},addr=127.0.0.1,disable-ticketing=on,x509-dir=.,tls-channel=main,tls-channel=port"):
        with Client(host="127.0.0.1", tls_port=str(port), ca_file="ca-cert.pem", cert_subject="CN=server") as client:
            check("over TLS", talks(client))
        with Client(host="127.0.0.1", tls_port=str(port), ca_file="other-cert.pem") as client:
            check("a client that trusts somebody else does not come in", not talks(client))


def certificates():
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-days", "2",
                "-keyout", f"{name}-key.pem", "-out", f"{name}-cert.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server", "-keyout", "server-key.pem", "-out", "csr")
    openssl("x509", "-req", "-in", "csr", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2",
            "-out", "server-cert.pem")


# ---- A guest's serial port ----

def serial():
    with Machine("-nodefaults", "-spice", "unix=on,addr=s,disable-ticketing=on",
                 "-chardev", "spiceport,id=c,name=org.tenon.com1", "-device", "isa-serial,chardev=c",
                 "-chardev", "spicevmc,id=u,name=usbredir", "-chardev", "spicevmc,id=k,name=smartcard",
                 "-device", "pci-serial-2x,chardev1=u,chardev2=k") as m:
        for byte in b"nobody hears this":
            m.outb(COM1 + DATA, byte)
        check("without a client the guest's transmitter does not stick", m.inb(COM1 + LSR) & EMPTY)
        with Client(unix_path="s", enable_smartcard=True) as client:
            port = client.port("org.tenon.com1")
            sent = secrets.token_bytes(3000)
            for byte in sent:
                m.outb(COM1 + DATA, byte)
            check("what the guest sends", until(lambda: len(client.got["org.tenon.com1"]) >= len(sent))
                  and client.got["org.tenon.com1"] == sent, len(client.got["org.tenon.com1"]))
            coming = secrets.token_bytes(3000)
            client.send("org.tenon.com1", coming)
            got = bytearray()
            until(lambda: len(got) == len(coming) or (got.append(m.inb(COM1 + DATA)) if m.inb(COM1 + LSR) & RECEIVED
                                                      else None))
            check("what the guest reads, a byte at a time", got == coming, len(got))
            m.inb(COM1 + LSR)
            port.event(SpiceClientGLib.PortEvent.BREAK) if hasattr(SpiceClientGLib, "PortEvent") else port.event(2)
            check("a break for the guest", until(lambda: m.inb(COM1 + LSR) & BREAK))
            m.outb(COM1 + LCR, 0x43)
            check("a break of the guest's", until(lambda: ("org.tenon.com1", 2) in client.events), client.events)
            check("channels of USB and smart cards", client.has(SpiceClientGLib.UsbredirChannel)
                  and client.has(SpiceClientGLib.SmartcardChannel), client.channels)
            m.qmp("system_reset")
            m.event("RESET")
            m.outb(COM1 + DATA, 0x55)
            check("after a reset as before", until(lambda: client.got["org.tenon.com1"][-1:] == b"\x55"))
        added = m.qmp("chardev-add", id="later", backend={"type": "spiceport", "data": {"fqdn": "org.tenon.later"}})
        with Client(unix_path="s") as client:
            check("chardev-add makes a port", added == {} and until(lambda: "org.tenon.later" in client.got
                                                                     or any(Client.name(c) == "org.tenon.later" for c in client.channels
                                                                            if isinstance(c, SpiceClientGLib.PortChannel))))
        m.qmp("chardev-remove", id="later")
        check("chardev-remove takes it away", "later" not in [c["label"] for c in m.qmp("query-chardev")])


# ---- An agent at a virtio port ----

class Queue:
    """A split virtqueue as drivers of before 1.0 place it: virtio 1.2, 2.7 and 4.1.5.1.3."""

    def __init__(self, driver, number, at):
        m = driver.m
        m.outw(driver.io + 14, number)
        self.size = m.inw(driver.io + 12)
        self.m, self.driver, self.number, self.at = m, driver, number, at
        self.avail = at + 16 * self.size
        self.used = (self.avail + 6 + 2 * self.size + 4095) & ~4095
        self.buffers = self.used + 8192
        self.given = self.seen = 0
        m.outl(driver.io + 8, at >> 12)

    def give(self, data=None, room=4096):
        """A buffer with data for the device, or with room for what it sends."""
        slot, where = self.given % self.size, self.buffers + self.given % self.size * 4096
        if data is not None:
            self.m.write(where, data)
        self.m.write(self.at + 16 * slot, struct.pack("<QIHH", where, len(data) if data is not None else room,
                                                      0 if data is not None else 2, 0))
        self.m.writew(self.avail + 4 + 2 * slot, slot)
        self.given += 1
        self.m.writew(self.avail + 2, self.given & 0xffff)
        self.m.outw(self.driver.io + 16, self.number)

    def taken(self):
        """What the device has put into the buffers it has given back."""
        got = b""
        while self.m.readw(self.used + 2) != self.seen & 0xffff:
            slot, length = struct.unpack("<II", self.m.read(self.used + 4 + 8 * (self.seen % self.size), 8))
            self.seen += 1
            if length:
                got += self.m.read(self.buffers + slot * 4096, length)
                self.give()
        return got


class SerialDriver:
    """Of virtio-serial-pci with one port, number 1: virtio 1.2, 5.3."""

    READY, PORT_READY, PORT_OPEN = 0, 3, 6

    def __init__(self, m):
        self.m, self.io = m, 0xc000
        card = m.find_pci(0x1af4, 0x1003)
        card.map_bar(0, self.io)
        card.enable()
        for status in (0, 1, 3):
            m.outb(self.io + 18, status)
        m.outl(self.io + 4, m.inl(self.io) & 2)
        self.queues = {n: Queue(self, n, 0x100000 + i * 0x200000) for i, n in enumerate((2, 3, 4, 5))}
        m.outb(self.io + 18, 7)
        for n in (2, 4):
            for _ in range(16):
                self.queues[n].give()
        self.tell(self.READY, 0, 1)
        self.tell(self.PORT_READY, 1, 1)

    def tell(self, event, port, value):
        self.queues[3].give(struct.pack("<IHH", port, event, value))


def chunk(message, body):
    """A message of the agent's: of VDIChunkHeader for the server, and VDAgentMessage."""
    return struct.pack("<II", 1, 20 + len(body)) + struct.pack("<IIQI", 1, message, 0, len(body)) + body


def agent():
    with Machine("-nodefaults", "-m", "64", "-spice", "unix=on,addr=s,disable-ticketing=on",
                 "-device", "virtio-serial-pci,vectors=0",
                 "-chardev", "spicevmc,id=v,name=vdagent",
                 "-device", "virtserialport,nr=1,chardev=v,name=com.redhat.spice.0") as m:
        with Client(unix_path="s") as client:
            until(lambda: client.channels and client.has(SpiceClientGLib.InputsChannel))
            check("no agent before the guest opens its port", not client.agent)
            driver = SerialDriver(m)
            driver.tell(driver.PORT_OPEN, 1, 1)
            check("an agent when it has", until(lambda: client.agent))
            got = bytearray()
            good = until(lambda: got.extend(driver.queues[4].taken()) or len(got) >= 28)
            check("the client announces to it what it can do", good and struct.unpack_from("<I", got, 12)[0] == 6, got)
            driver.queues[5].give(chunk(6, struct.pack("<II", 0, 1 << 5 | 1 << 6)))
            driver.queues[5].give(chunk(7, struct.pack("<II", 0, 1)))
            check("it offers the client its clipboard", until(lambda: client.grabbed))
            driver.tell(driver.PORT_OPEN, 1, 0)
            check("no agent any more when it closes the port", until(lambda: not client.agent))
            driver.tell(driver.PORT_OPEN, 1, 1)
            check("and one again", until(lambda: client.agent))


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        monitor()
        doors()
        serial()
        agent()
        os.chdir("/")
    finish()


main()
