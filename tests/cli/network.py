#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""network.py BUILD - sockets as back ends, with other programs at the far end: a QMP monitor is the near one."""
import array
import asyncio
import base64
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from tap import check, finish, skip

TENON = os.path.join(os.path.realpath(sys.argv[1]), "tenon")
GREETING = b'{"QMP"'
HELLO = b'{"execute":"qmp_capabilities","id":"hello"}\n'
ANSWER = b'"id": "hello"'


def run(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, **more)


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.02)


class Tenon:
    """One with a QMP monitor at the chardev."""

    def __init__(self, chardev, *more, started=True):
        if os.path.exists("pid"):
            os.unlink("pid")
        with open("err", "wb") as err:
            self.process = subprocess.Popen(
                [TENON, "-machine", "none", "-pidfile", "pid", *more, "-chardev", chardev + ",id=c",
                 "-mon", "chardev=c,mode=control"], stdin=subprocess.DEVNULL, stderr=err)
        if started:
            until(self.is_started)

    @staticmethod
    def is_started():
        return os.path.exists("pid") and os.path.getsize("pid")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def said(self):
        with open("err") as err:
            return err.read()

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s*(\d+)", status.read())[1])

    def maps(self):
        with open(f"/proc/{self.process.pid}/maps") as maps:
            return maps.read()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(20)
    return s


def garbage(port, size):
    """A hundred clients that send bytes of no meaning."""
    for _ in range(100):
        with connect(port) as s:
            try:
                s.sendall(secrets.token_bytes(size))
            except OSError:
                pass


def talk(s, closing=True):
    """A dialogue with the monitor; what has come."""
    got = b""
    try:
        s.sendall(HELLO)
        while ANSWER not in got:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
    except (OSError, ssl.SSLError) as error:
        got += repr(error).encode()
    if closing:
        s.close()
    return got


def good(got):
    return GREETING in got and ANSWER in got


def refused(name, chardev, line, *more):
    result = run(TENON, "-machine", "none", *more, "-chardev", chardev + ",id=c")
    text = result.stdout.decode()
    check(name, result.returncode == 1 and text == f"tenon: -chardev {chardev},id=c: {line}\n", text)


# ---- plain ----

def plain():
    with Tenon("socket,path=s,server=on", started=False) as t:
        until(lambda: os.path.exists("s") and t.said())
        waits = not t.is_started()
        text = talk_unix()
        until(t.is_started)
        line = "tenon: -chardev socket,path=s,server=on,id=c: info: " \
            "Tenon waiting for connection on: disconnected:unix:s,server=on\n"
        check("server=on waits, says so, and goes on", waits and good(text) and t.said() == line, t.said())
    check("the socket goes with the program", not os.path.exists("s"))

    with Tenon("socket,path=s,server=on", started=False) as t:
        until(t.said)
        t.process.send_signal(signal.SIGTERM)
        check("one that waits ends when told to", t.process.wait(20) == 1, t.said())

    port = free_port()
    with Tenon(f"socket,host=127.0.0.1,port={port},server=on,wait=off") as t:
        got = run("socat", "-t1", "-", f"TCP:127.0.0.1:{port}", input=HELLO).stdout
        check("socat over TCP", good(got), got)
        before = t.memory()
        for _ in range(1000):
            with connect(port) as s:
                s.settimeout(20)
                s.recv(1)
        check("a thousand connections", good(talk(connect(port))) and t.memory() - before < 4096, t.said())
        with connect(port) as s:
            s.settimeout(20)
            many(s)
        check("a socket without TLS is without GnuTLS", "gnutls" not in t.maps())

    with Tenon(f"socket,host=127.0.0.1,port={port},to={port + 9},server=on,wait=off"), \
            Tenon(f"socket,host=127.0.0.1,port={port},to={port + 9},server=on,wait=off"):
        check("to= finds another port", all(good(talk(connect(p))) for p in (port, port + 1)))

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.settimeout(20)
    with Tenon(f"socket,host=localhost,ipv4=on,port={port}"):
        check("as a client", good(talk(listener.accept()[0])))
    with Tenon(f"socket,host=127.0.0.1,port={port},reconnect=1"):
        check("as a client that reconnects", all(good(talk(listener.accept()[0])) for _ in range(2)))
    listener.close()
    refused("a client without a server", f"socket,host=127.0.0.1,port={port}",
            f"cannot connect to 127.0.0.1 port {port}: Connection refused")
    refused("reconnect= with server=on", "socket,port=1,server=on,reconnect=1",
            "reconnect is for clients, not for server=on")
    refused("tn3270", "socket,port=1,server=on,tn3270=on", "tn3270=on: there is no device here that speaks 3270")


def handed_over():
    """getfd, and the descriptor's name in a chardev's fd="""
    with Tenon("socket,path=s,server=on,wait=off") as t, socket.socket(socket.AF_UNIX) as s:
        s.connect("s")
        s.settimeout(20)
        near, far = socket.socketpair()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [near.fileno()]))]
        backend = {"type": "socket", "data": {"addr": {"type": "fd", "data": {"str": "end"}}, "server": False}}
        s.sendall(HELLO)
        s.sendmsg([b'{"execute":"getfd","arguments":{"fdname":"end"}}'], rights)
        for execute, arguments in (("chardev-add", {"id": "d", "backend": backend}), ("query-chardev", {})):
            s.sendall(json.dumps({"execute": execute, "arguments": arguments, "id": execute}).encode())
        got = b""
        while b'"id": "query-chardev"' not in got:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
        near.close()
        check("fd= of a name that getfd gave", b'"error"' not in got and b'"label": "d"' in got, got)
        s.sendall(b'{"execute":"chardev-remove","arguments":{"id":"d"}}')
        far.settimeout(20)
        check("and it goes with the chardev", far.recv(1) == b"", t.said())


def talk_unix():
    return run("socat", "-t1", "-", "UNIX:s", input=HELLO).stdout


def many(s):
    """Replies to a client that does not read until it has asked for all of them."""
    asked, got = 200, b""
    s.sendall(HELLO)
    s.sendall(b'{"execute":"query-commands","id":"many"}\n' * asked)
    s.sendall(b'{"execute":"query-name","id":"last"}\n')
    time.sleep(0.3)
    while b'"id": "last"' not in got[-100:]:
        piece = s.recv(4096)
        if not piece:
            break
        got += piece
    lines = [json.loads(line) for line in got.splitlines()]
    count = sum(line.get("id") == "many" for line in lines)
    check("a slow reader gets everything, in order", count == asked and lines[-1].get("id") == "last", count)


# ---- telnet, websocket ----

def telnet():
    port = free_port()
    with Tenon(f"socket,host=127.0.0.1,port={port},server=on,wait=off,telnet=on") as t:
        client = subprocess.Popen(["telnet", "-E", "127.0.0.1", str(port)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        client.stdin.write(HELLO)
        client.stdin.flush()
        got = b""
        while ANSWER not in got:
            piece = os.read(client.stdout.fileno(), 65536)
            if not piece:
                break
            got += piece
        client.terminate()
        client.wait()
        client.stdin.close()
        check("telnet", good(got), got)
        before = t.memory()
        for _ in range(100):
            with connect(port) as s:
                try:
                    s.sendall(bytes([255, 253, 200, 255, 246]) * 2000)
                except OSError:
                    pass
        check("a peer that negotiates without end", good(talk(connect(port))) and t.memory() - before < 4096)


async def websocket_dialogue(port):
    import websockets
    async with websockets.connect(f"ws://127.0.0.1:{port}/", subprotocols=["binary"], max_size=None) as ws:
        got = b""
        await ws.send(HELLO[:10])
        await ws.send([HELLO[10:20], HELLO[20:]])
        while ANSWER not in got:
            got += await ws.recv()
        pong = await ws.ping()
        await asyncio.wait_for(pong, 10)
        return got


def websocket():
    port = free_port()
    with Tenon(f"socket,host=127.0.0.1,port={port},server=on,wait=off,websocket=on") as t:
        try:
            got = asyncio.run(asyncio.wait_for(websocket_dialogue(port), 20))
            check("a websocket, with fragments and a ping", good(got), got)
        except ImportError:
            skip("a websocket, with fragments and a ping", "python3-websockets is not installed")
        before = t.memory()
        with connect(port) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            check("a request that is none", s.recv(100).startswith(b"HTTP/1.1 400 "))
        garbage(port, 20000)
        with connect(port) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n")
            answer = s.recv(1000)
            frame = bytes([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
            s.sendall(frame + HELLO)
            got = answer
            while ANSWER not in got:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
            check("a giant frame is a stream", answer.startswith(b"HTTP/1.1 101 ") and good(got), got)
        check("garbage leaves nothing behind", t.memory() - before < 4096 and len(t.said().splitlines()) < 50, t.said())


# ---- TLS ----

PEOPLE = {
    "ca": "cn = CA\nca\ncert_signing_key\n",
    "server": "cn = server\ndns_name = localhost\nip_address = 127.0.0.1\ntls_www_server\nsigning_key\n",
    "client": "cn = client\norganization = Acme\ntls_www_client\nsigning_key\n",
    "old": 'cn = old\ntls_www_server\nactivation_date = "2020-01-01"\nexpiration_date = "2020-02-01"\n',
    "new": 'cn = new\ntls_www_server\nactivation_date = "2199-01-01"\nexpiration_date = "2199-02-01"\n',
    "stranger": "cn = stranger\nca\ncert_signing_key\n",
}


def certtool(*args):
    return run("certtool", *args, check=True)


def make_certificates():
    for name, text in PEOPLE.items():
        with open("template", "w") as file:
            file.write(text + ("" if "_date" in text else "expiration_days = 2\n"))
        key = ["--load-privkey", f"{name}-key.pem", "--template", "template", "--outfile", f"{name}-cert.pem"]
        certtool("--generate-privkey", "--ecc", "--outfile", f"{name}-key.pem")
        if name in ("ca", "stranger"):
            certtool("--generate-self-signed", *key)
        else:
            certtool("--generate-certificate", *key, "--load-ca-certificate", "ca-cert.pem",
                     "--load-ca-privkey", "ca-key.pem")


def over_tls(port, certificate=True):
    context = ssl.create_default_context(cafile="ca-cert.pem")
    if certificate:
        context.load_cert_chain("client-cert.pem", "client-key.pem")
    try:
        return context.wrap_socket(connect(port), server_hostname="localhost")
    except (OSError, ssl.SSLError):
        return None


def tls_server():
    port = free_port()
    chardev = f"socket,host=127.0.0.1,port={port},server=on,wait=off,tls-creds=t"
    x509 = "tls-creds-x509,id=t,dir=.,endpoint=server"
    with Tenon(chardev, "-object", x509) as t:
        check("TLS with both ends' certificates", good(talk(over_tls(port))), t.said())
        before = t.memory()
        garbage(port, 5000)
        check("garbage instead of TLS", good(talk(over_tls(port))) and t.memory() - before < 8192, t.memory() - before)
        with over_tls(port) as s:
            many(s)
        s = over_tls(port, certificate=False)
        got = talk(s) if s else b""
        check("a client without a certificate is refused", GREETING not in got, got)
        check("and that is said in a line", t.said().count("\n") == 2 and "TLS" in t.said(), t.said())
    authorized(port, chardev, x509)
    with Tenon(chardev, "-object", x509 + ",verify-peer=off"):
        got = run("openssl", "s_client", "-quiet", "-CAfile", "ca-cert.pem", "-verify_return_error",
                  "-connect", f"localhost:{port}", input=HELLO + b'{"execute":"quit"}\n').stdout
        check("verify-peer=off, and openssl", good(got), got)
    with Tenon(chardev + ",websocket=on", "-object", x509):
        with over_tls(port) as s:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            check("a websocket in TLS", s.recv(100).startswith(b"HTTP/1.1 400"))


def authorized(port, chardev, x509):
    """tls-authz: by the name of the client's certificate"""
    def lets_in(what, good, *objects, while_there=None):
        more = [word for one in objects for word in ("-object", one)]
        with Tenon(chardev + ",tls-authz=a", "-object", x509, *more) as t:
            for let_in, step in ((good, None), *(while_there or ())):
                if step:
                    step()
                s = over_tls(port)
                got = talk(s) if s else b""
                check(f"tls-authz: {what}", (GREETING in got) == let_in, f"{got}\n{t.said()}")
            return t.said()

    name = "O=Acme,CN=client"
    said = lets_in("one by name", True, "authz-simple,id=a,identity=" + name.replace(",", ",,"))
    check("and nothing is said of it", said == "", said)
    said = lets_in("one of another name", False, "authz-simple,id=a,identity=CN=client")
    check("who it was is said", said.endswith(f"a connection has failed: tls-authz does not let in '{name}'\n"), said)
    lets_in("an empty list", False, "authz-list,id=a")
    lets_in("a list that allows all others", True, "authz-list,id=a,policy=allow,rules.0.match=x,rules.0.policy=deny")
    lets_in("the first rule that matches", False, "authz-list,id=a,policy=allow,rules.0.match=*CN=cl?ent,"
            f"rules.0.format=glob,rules.0.policy=deny,rules.1.match={name.replace(',', ',,')},rules.1.policy=allow")
    rule = {"match": "*,CN=client", "policy": "allow", "format": "glob"}
    lets_in("a list in JSON", True, json.dumps({"qom-type": "authz-list", "id": "a", "rules": [rule]}))

    def write(text):
        with open("who.new", "w") as file:
            file.write(text)
        os.rename("who.new", "who")

    write(json.dumps({"policy": "deny", "rules": [rule]}))
    later = [(False, lambda: write('{"rules": []}')), (True, lambda: write('{"policy": "allow"}')),
             (False, lambda: write('{"policy":')), (False, lambda: os.unlink("who"))]
    said = lets_in("a file, and as it changes", True, "authz-listfile,id=a,filename=who", while_there=later)
    check("a file that is broken is told of", "who: line 1: " in said and "nobody may come in" in said, said)
    write('{"policy": "allow"}')
    lets_in("a file without refresh", True, "authz-list-file,id=a,filename=who,refresh=off",
            while_there=[(True, lambda: write("{}"))])
    if os.path.exists(os.path.join(os.path.dirname(TENON), "plugins-all", "object-authz-pam.so")):
        lets_in("a service that PAM does not know", False, "authz-pam,id=a,service=tenon-test")
    for option, line in (
            ("authz-simple,id=a", "identity is missing"),
            ("authz-list,id=a,rules.0.match=x", "rules.0 has no policy"),
            ("authz-list,id=a,rules.1.match=x,rules.1.policy=allow", "rules.0 has no match"),
            ("authz-list,id=a,rules.0.match=x,rules.0.policy=maybe", "rules.0.policy takes deny or allow, not 'maybe'"),
            ("authz-list,id=a,rules.x.match=x", "rules are rules.0.match= to rules.4095.match=, not rules.x.match"),
            ("authz-list,id=a,rules.0.who=x", "rules.0 has no 'who': it takes match, policy and format"),
            ("authz-list,id=a,rules=x", "rules is set by its members: rules.0"),
            ("authz-listfile,id=a", "filename is missing"),
            ("authz-listfile,id=a,filename=nowhere", "filename=nowhere: No such file or directory"),
            ("authz-listfile,id=a,filename=keys", "filename=keys: policy takes deny or allow")):
        with open("keys", "w") as file:
            file.write('{"policy": 1}')
        text = run(TENON, "-machine", "none", "-object", option).stdout.decode()
        check(f"refused: {option}", text == f"tenon: -object {option}: {line}\n", text)
    server = "socket,port=1,server=on,wait=off"
    refused("tls-authz without TLS", f"{server},tls-authz=a", "tls-authz needs tls-creds")
    refused("tls-authz of a client", "socket,port=1,tls-creds=t,tls-authz=a", "tls-authz is for server=on")
    refused("no such list", f"{server},tls-creds=t,tls-authz=a", "tls-authz=a: there is no object of that id",
            "-object", x509)
    refused("a list that is none", f"{server},tls-creds=t,tls-authz=t", "tls-authz=t is none of the authz objects",
            "-object", x509)
    refused("TLS on a unix socket, as in QEMU", "socket,path=s,server=on,tls-creds=t", "tls-creds is for TCP, not for path",
            "-object", x509)
    refused("a websocket as a client, as in QEMU", "socket,port=1,websocket=on", "websocket is for server=on")


def tls_client():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)
    port = listener.getsockname()[1]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile="ca-cert.pem")
    context.load_cert_chain("server-cert.pem", "server-key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    creds = "tls-creds-x509,id=t,dir=.,endpoint=client"
    for host in ("127.0.0.1", "localhost"):
        with Tenon(f"socket,host={host},ipv4=on,port={port},tls-creds=t", "-object", creds):
            check(f"as a client of {host}", good(talk(context.wrap_socket(listener.accept()[0], server_side=True))))
    other = socket.create_server(("127.0.0.2", 0))
    other.settimeout(20)
    with Tenon(f"socket,host=127.0.0.2,port={other.getsockname()[1]},tls-creds=t", "-object", creds) as t:
        try:
            talk(context.wrap_socket(other.accept()[0], server_side=True))
        except (OSError, ssl.SSLError):
            pass
        until(t.said)
        check("a certificate of another host is refused", "not trusted" in t.said(), t.said())
    listener.close()
    other.close()


def tls_others():
    port = free_port()
    chardev = f"socket,host=127.0.0.1,port={port},server=on,wait=off,tls-creds=t"
    key = secrets.token_hex(16)
    with open("keys.psk", "w") as file:
        file.write(f"other:00\nqemu:{key}\n")
    with Tenon(chardev, "-object", "tls-creds-psk,id=t,dir=.,endpoint=server"):
        got = run("gnutls-cli", "--no-ca-verification", "--pskusername", "qemu", "--pskkey", key, "--priority",
                  "NORMAL:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK", "-p", str(port), "127.0.0.1",
                  input=HELLO + b'{"execute":"quit"}\n').stdout
        check("a shared key", good(got), got)
    for kind in ("psk", "anon"):
        with Tenon(chardev, "-object", f"tls-creds-{kind},id=t,dir=.,endpoint=server") as server:
            command = [TENON, "-machine", "none", "-object", f"tls-creds-{kind},id=t,dir=.,endpoint=client",
                       "-chardev", f"socket,host=127.0.0.1,port={port},tls-creds=t,id=c,logfile=log-{kind}",
                       "-mon", "chardev=c,mode=control"]
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
                until(lambda: os.path.exists(f"log-{kind}") and os.path.getsize(f"log-{kind}"))
                client.terminate()
            check(f"one of us at each end, {kind}", server.said() == "", server.said())
    with Tenon(chardev, "-object", "tls-creds-anon,id=t,endpoint=server"):
        got = run("gnutls-cli", "--no-ca-verification", "--priority", "NORMAL:-VERS-TLS1.3:-KX-ALL:+ANON-ECDH:+ANON-DH",
                  "-p", str(port), "127.0.0.1", input=HELLO + b'{"execute":"quit"}\n').stdout
        check("nobody's credentials", good(got), got)


def encrypt(data, key, vector):
    return run("openssl", "enc", "-aes-256-cbc", "-K", key.hex(), "-iv", vector.hex(), "-base64", "-A",
               input=data, check=True).stdout.decode()


def secret_objects():
    port = free_port()
    key, vector = secrets.token_bytes(32), secrets.token_bytes(16)
    iv = base64.b64encode(vector).decode()
    os.mkdir("locked")
    for name in ("ca-cert.pem", "server-cert.pem"):
        shutil.copy(name, "locked")
    certtool("--to-p8", "--password", "open sesame", "--load-privkey", "server-key.pem", "--outfile",
             "locked/server-key.pem")
    with open("master", "wb") as file:
        file.write(key)
    objects = ["-object", "secret,id=master,format=raw,file=master",
               "-object", f"secret,id=password,format=base64,keyid=master,iv={iv},data="
               + encrypt(b"open sesame", key, vector),
               "-object", "tls-creds-x509,id=t,dir=locked,endpoint=server,passwordid=password"]
    with Tenon(f"socket,host=127.0.0.1,port={port},server=on,wait=off,tls-creds=t", *objects):
        check("a key that an encrypted secret opens", good(talk(over_tls(port))))
    for name, option, line in (
            ("no data", "secret,id=x", "takes one of data and file"),
            ("no base64", "secret,id=x,format=base64,data=%%%", "format=base64: the data is not in base64"),
            ("no key", f"secret,id=x,keyid=y,iv={iv},data=AAAA", "keyid=y: there is no secret of that id"),
            ("no file", "secret,id=x,file=nowhere", "file=nowhere: No such file or directory")):
        text = run(TENON, "-machine", "none", "-object", option).stdout.decode()
        check(f"a secret: {name}", text == f"tenon: -object {option}: {line}\n", text)
    wrong = base64.b64encode(bytes(15)).decode()
    text = run(TENON, "-machine", "none", *objects[:2], "-object",
               f"secret,id=x,format=base64,keyid=master,iv={wrong},data=AAAA").stdout.decode()
    check("a secret: a short iv", "iv takes 16 bytes in base64" in text, text)


def tls_faults():
    result = run(TENON, "-machine", "none", "-object", "tls-creds-x509,id=t,dir=nowhere,endpoint=server")
    check("no folder of certificates", b"nowhere/ca-cert.pem: No such file" in result.stdout, result.stdout)
    os.mkdir("odd")
    for name, files, line in (
            ("of no authority", ("server", "server", "server"), "ca-cert.pem: is not an authority's certificate"),
            ("of a client", ("ca", "client", "client"), "server-cert.pem: the certificate is not for a server"),
            ("of another authority", ("stranger", "server", "server"),
             "server-cert.pem: was not issued by the authority of ca-cert.pem"),
            ("that has expired", ("ca", "old", "old"), "server-cert.pem: the certificate has expired"),
            ("that is not valid yet", ("ca", "new", "new"), "server-cert.pem: the certificate is not valid yet"),
            ("with another's key", ("ca", "server", "client"), None)):
        for file, source in zip(("ca-cert", "server-cert", "server-key"), files):
            shutil.copy(f"{source}-{file[-4:].lstrip('-')}.pem", f"odd/{file}.pem")
        command = [TENON, "-machine", "none", "-object", "tls-creds-x509,id=t,dir=odd,endpoint=server"]
        result = run(*command)
        text = result.stdout.decode()
        line = f"tenon: -object {command[-1]}: odd/{line}\n" if line else text
        check(f"a certificate {name}", result.returncode == 1 and text == line and text.count("\n") == 1, text)
    shutil.copytree("locked", "shut")
    text = run(TENON, "-machine", "none", "-object", "secret,id=p,data=wrong", "-object",
               "tls-creds-x509,id=t,dir=shut,endpoint=server,passwordid=p").stdout
    check("a password that is wrong", b"server-key.pem: " in text and text.count(b"\n") == 1, text)
    text = run(TENON, "-machine", "none", "-object",
               "tls-creds-x509,id=t,dir=shut,endpoint=server,passwordid=p").stdout
    check("a password that is not there", b"passwordid=p: there is no secret of that id" in text, text)
    text = run(TENON, "-machine", "none", "-object",
               "tls-creds-psk,id=t,dir=.,endpoint=client,username=nobody").stdout
    check("a shared key that is not there", b"keys.psk: there is no key of 'nobody'" in text, text)
    refused("no such credentials", "socket,port=1,server=on,tls-creds=t", "tls-creds=t: there is no object of that id")
    refused("credentials that are none", "socket,port=1,server=on,tls-creds=s",
            "tls-creds=s is none of the tls-creds objects", "-object", "secret,id=s,data=x")
    refused("credentials of the other end", "socket,port=1,server=on,tls-creds=t", "tls-creds=t is for endpoint=client",
            "-object", "tls-creds-anon,id=t,endpoint=client")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        plain()
        handed_over()
        telnet()
        websocket()
        make_certificates()
        tls_server()
        tls_client()
        tls_others()
        secret_objects()
        tls_faults()
        os.chdir("/")
    finish()


main()
