#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""qom.py BUILD - the machine as a tree of objects, and devices that come and go."""

from qmp import PC, run_all, running

SOFT = ["-machine", "pc,accel=tcg", "-nodefaults", "-display", "none"]
SERIAL = ["-chardev", "null,id=n0", "-chardev", "null,id=n1"]
HOSTILE = ["", "/", "//", "machine/", "/machine//peripheral/", "x" * 5000, "/" * 5000, "device[",
           "/machine/unattached/device[99999999999999999999]", "\u00e9", "../..", "%s%n"]


def names(qmp, path):
    return {each["name"]: each["type"] for each in qmp.do("qom-list", path=path)}


def value(qmp, path, name):
    return qmp.do("qom-get", path=path, property=name)


def tree():
    """what there is has its place: named, anonymous, the board's own, processors, chardevs, objects"""
    devices = ["-device", "isa-serial,chardev=n0,id=ser0", "-device", "isa-debug-exit", "-device",
               "isa-debug-exit,iobase=0x600", "-smp", "2", "-cpu", "qemu64,-nx",
               "-object", "secret,id=s0,data=x", "-object", "memory-backend-ram,id=ram0,size=64M",
               "-machine", "memory-backend=ram0", "-m", "64"]
    with running(*SERIAL, *devices, machine=PC) as qmp:
        assert {"machine", "objects", "chardevs"} <= set(names(qmp, "/"))
        assert names(qmp, "/machine/peripheral") == {"type": "string",
                                                     "ser0": "child<isa-serial>"}
        anonymous = names(qmp, "/machine/peripheral-anon")
        assert anonymous["device[0]"] == anonymous["device[1]"] == "child<isa-debug-exit>"
        unattached = names(qmp, "/machine/unattached")
        assert unattached["device[1]"] == "child<qemu64-x86_64-cpu>", unattached
        assert "child<PIIX3>" in unattached.values()
        assert names(qmp, "/objects") == {"type": "string", "s0": "child<secret>",
                                          "ram0": "child<memory-backend-ram>"}
        assert names(qmp, "/chardevs")["n0"] == "child<chardev-null>"
        assert value(qmp, "/machine", "type") == "pc-i440fx-7.2-machine"
        assert value(qmp, "/machine", "peripheral") == "/machine/peripheral"
        assert value(qmp, "/objects/ram0", "size") == 64 << 20
        text = qmp.do("human-monitor-command", **{"command-line": "info qom-tree"})
        assert "  /peripheral (container)\r\n    /ser0 (isa-serial)\r\n" in text, text


def properties():
    """properties are what the state holds, and of the types that are told"""
    with running(*SERIAL, "-device", "isa-serial,chardev=n0,id=ser0,index=1", "-device",
                 "pci-serial,chardev=n1,id=ser1,addr=9", machine=PC) as qmp:
        kinds = {"bool": bool, "uint8": int, "uint32": int, "str": str, "string": str}
        for path in ["/machine/peripheral/ser0", "/machine/peripheral/ser1"]:
            for name, kind in names(qmp, path).items():
                assert isinstance(value(qmp, path, name), kinds[kind]), (name, kind)
        assert value(qmp, "ser0", "chardev") == "n0" and value(qmp, "ser0", "index") == 1
        assert value(qmp, "ser0", "iobase") == 0x2f8 and value(qmp, "ser0", "bus") == "isa.0"
        assert value(qmp, "ser1", "addr") == "09.0" and value(qmp, "ser1", "bus") == "pci.0"
        assert value(qmp, "ser0", "realized") is True and value(qmp, "ser0", "hotplugged") is False
        qmp.fails("qom-get", "'isa-serial.x' not found", path="ser0", property="x")
        text = qmp.do("human-monitor-command", **{"command-line": "info qtree"})
        assert 'bus: isa.0\r\n' in text and 'dev: isa-serial, id "ser0"\r\n' in text
        assert 'pio 00000000000002f8/0000000000000008\r\n' in text


def changes():
    """a property that may change while the machine runs is set, for the guest to see; no other is"""
    with running("-device", "isa-debugcon,id=d,chardev=n0", "-qtest-log", "none", *SERIAL,
                 machine=PC) as qmp:
        def port():
            return qmp.do("human-monitor-command", **{"command-line": "i /b 0xe9"})

        assert "0xe9" in port().split("=")[1]
        assert qmp.do("qom-set", path="d", property="readback", value=0x5a) == {}
        assert value(qmp, "d", "readback") == 0x5a and "0x5a" in port(), port()
        qmp.fails("qom-set", "from 0 to 255", path="d", property="readback", value=256)
        qmp.fails("qom-set", "parameter type", path="d", property="readback", value=[1])
        qmp.fails("qom-set", "cannot be set", path="d", property="iobase", value=1)
        qmp.fails("qom-set", "not found", path="d", property="none", value=1)
        qmp.fails("qom-set", "'value' is missing", path="d", property="readback")
        assert value(qmp, "d", "readback") == 0x5a


def processors():
    """a processor's properties are those of its CPUID"""
    with running("-cpu", "Haswell,level=5,-avx2", "-smp", "3,sockets=3", machine=SOFT) as qmp:
        cpus = qmp.do("query-cpus-fast")
        path = cpus[2]["qom-path"]
        assert value(qmp, path, "type") == "Haswell-x86_64-cpu"
        assert value(qmp, path, "socket-id") == 2 and value(qmp, path, "apic-id") == 2
        assert value(qmp, path, "level") == 5 and value(qmp, path, "xlevel") >= 0x80000008
        assert value(qmp, path, "xlevel2") == 0
        assert value(qmp, path, "avx2") is False and value(qmp, path, "lm") is True
        words = {(word["cpuid-input-eax"], word["cpuid-register"]): word["features"]
                 for word in value(qmp, path, "feature-words")}
        assert words[1, "EDX"] & 1 << 25 and not words[7, "EBX"] & 1 << 5
        missing = value(qmp, path, "unavailable-features")
        assert isinstance(missing, list) and all(not value(qmp, path, each) for each in missing)
        filtered = sum(bin(word["features"]).count("1")
                       for word in value(qmp, path, "filtered-features"))
        assert filtered == len(missing), (filtered, missing)


def paths():
    """relative paths lead to one object or are refused, hostile ones do no harm"""
    with running(*SERIAL, "-smp", "2", "-device", "isa-serial,chardev=n0,id=ser0",
                 machine=SOFT) as qmp:
        for path in ["ser0", "peripheral/ser0", "isa-serial", "machine/peripheral/ser0"]:
            assert value(qmp, path, "type") == "isa-serial"
        assert value(qmp, "ioapic", "type") == "ioapic"
        qmp.fails("qom-list", "not found", kind="DeviceNotFound", path="/machine/peripheral/none")
        qmp.fails("qom-list", "not found", kind="DeviceNotFound", path="er0")
        for path in HOSTILE:
            answer = qmp.ask("qom-list", path=path)
            assert "return" in answer or answer["error"]["class"] == "DeviceNotFound", answer
    with running("-device", "isa-debug-exit", machine=PC) as qmp:
        qmp.fails("qom-list", "does not uniquely identify", path="device[0]")


def types():
    """types: what works, a parent for each, and the questions that libvirt asks of them"""
    with running() as qmp:
        every = {each["name"]: each for each in qmp.do("qom-list-types", abstract=True)}
        for each in every.values():
            assert set(each) <= {"name", "parent", "abstract"}
            assert each["name"] == "object" or each["parent"] in every, each
        assert len(every) > len(qmp.do("qom-list-types"))
        concrete = {each["name"] for each in qmp.do("qom-list-types")}
        assert {"tcg-accel", "kvm-accel", "max-x86_64-cpu", "isa-serial", "none-machine",
                "pc-i440fx-7.2-machine", "secret", "memory-backend-memfd"} <= concrete
        assert not {"virtio-blk-pci", "sev-guest", "sgx-epc", "device"} & concrete
        devices = [each["name"] for each in qmp.do("qom-list-types", implements="device")]
        assert "isa-serial" in devices and "qemu64-x86_64-cpu" in devices
        assert "secret" not in devices
        for name in devices:
            for prop in qmp.do("device-list-properties", typename=name):
                assert set(prop) <= {"name", "type", "description", "default-value"}
        for name in ["memory-backend-file", "none-machine", "generic-pc-machine", "max-x86_64-cpu"]:
            assert isinstance(qmp.do("qom-list-properties", typename=name), list)
        qmp.fails("device-list-properties", "not found", kind="DeviceNotFound", typename="x-ccw")
        qmp.fails("device-list-properties", "non-abstract device", typename="secret")
        qmp.fails("qom-list-properties", "not found", typename="x-ccw")


def in_running_guests():
    """devices come while the guest runs; they go at its next reset, and that is told"""
    with running(*SERIAL, "-device", "isa-serial,chardev=n0,id=ser0", "-smp", "2",
                 machine=SOFT) as qmp:
        assert qmp.do("device_add", driver="pci-serial", id="p", chardev="n1", addr="7") == {}
        assert value(qmp, "p", "hotplugged") is True
        pci = qmp.do("query-pci")[0]["devices"]
        assert [each["slot"] for each in pci if each["qdev_id"] == "p"] == [7]
        qmp.fails("device_add", "a device called 'p' already", driver="pci-serial", id="p")
        qmp.fails("device_add", "in use by pci-serial", driver="pci-serial", addr="7")
        qmp.fails("device_add", "no chardev of that id", driver="pci-serial", chardev="none")
        qmp.fails("device_add", "does not support hotplugging", driver="isa-serial")
        qmp.fails("device_add", "does not support hotplugging", driver="PIIX3")
        qmp.fails("device_add", "nonesuch", driver="nonesuch")
        qmp.fails("device_add", "must begin with a letter", driver="pci-serial", id="7")
        qmp.fails("device_del", "does not support hotplugging", id="ser0")
        qmp.fails("device_del", "part of the board", id="/machine/unattached/device[4]")
        qmp.fails("device_del", "not found", kind="DeviceNotFound", id="none")
        assert qmp.do("device_del", id="p") == {}
        qmp.fails("device_del", "already in the process", id="p")
        assert "p" in names(qmp, "/machine/peripheral")
        qmp.do("system_reset")
        assert qmp.event("DEVICE_DELETED")["data"] == {"device": "p",
                                                       "path": "/machine/peripheral/p"}
        assert "p" not in names(qmp, "/machine/peripheral")
        for _ in range(50):
            assert qmp.do("device_add", driver="pci-serial", chardev="n1") == {}
            qmp.do("device_del", id="/machine/peripheral-anon/device[0]")
            qmp.do("system_reset")
        assert qmp.do("query-status")["running"]


def buses_of_devices():
    """what is on a bus that a device brings comes and goes by itself, and goes with that device"""
    with running(*SERIAL, "-device", "virtio-serial-pci,id=vs0", machine=SOFT) as qmp:
        assert qmp.do("device_add", driver="virtserialport", id="p", bus="vs0.0", chardev="n0",
                      nr=3) == {}
        assert value(qmp, "p", "bus") == "vs0.0" and value(qmp, "vs0", "vectors") == 2
        assert qmp.do("query-chardev")[0]["frontend-open"] is False
        qmp.fails("device_add", "no bus 'vs1.0'", driver="virtconsole", bus="vs1.0")
        qmp.fails("device_add", "nr=3 is in use by p", driver="virtserialport", nr=3)
        text = qmp.do("human-monitor-command", **{"command-line": "info qtree"})
        assert "bus: vs0.0\r\n" in text and 'dev: virtserialport, id "p"\r\n' in text, text
        assert qmp.do("device_del", id="p") == {}
        assert qmp.event("DEVICE_DELETED")["data"]["device"] == "p"
        qmp.do("device_add", driver="virtio-serial-pci", id="vs1", packed=True)
        qmp.do("device_add", driver="virtconsole", id="c", bus="vs1.0")
        qmp.do("device_add", driver="virtserialport", id="d", bus="vs1.0")
        qmp.do("device_del", id="vs1")
        qmp.do("system_reset")
        for gone in ["c", "d", "vs1"]:
            assert qmp.event("DEVICE_DELETED")["data"]["device"] == gone
        assert set(names(qmp, "/machine/peripheral")) == {"type", "vs0"}


def before_the_start():
    """before the guest's first instruction a device goes at once"""
    with running("-S", *SERIAL, machine=PC) as qmp:
        qmp.do("device_add", driver="pci-serial", id="p", chardev="n0")
        qmp.do("device_del", id="p")
        assert qmp.event("DEVICE_DELETED")["data"]["device"] == "p"
        qmp.do("device_add", driver="pci-serial", id="q", chardev="n0")


def objects():
    """objects come and go, but not what is in use"""
    with running("-object", "memory-backend-ram,id=ram0,size=64M", "-machine",
                 "memory-backend=ram0", "-m", "64", machine=PC) as qmp:
        qmp.do("object-add", id="s", data="abc", **{"qom-type": "secret"})
        assert value(qmp, "/objects/s", "format") == "raw"
        qmp.fails("object-add", "'s' already", id="s", data="abc", **{"qom-type": "secret"})
        qmp.fails("object-add", "does not accept", id="t", **{"qom-type": "iothread"})
        qmp.do("object-add", id="t", endpoint="server", **{"qom-type": "tls-creds-anon"})
        address = {"type": "inet", "data": {"host": "127.0.0.1", "port": "0"}}
        qmp.do("chardev-add", id="c", backend={"type": "socket", "data": {
            "addr": address, "server": True, "wait": False, "tls-creds": "t"}})
        qmp.fails("object-del", "in use", id="t")
        qmp.do("chardev-remove", id="c")
        qmp.do("object-del", id="t")
        qmp.do("object-del", id="s")
        qmp.fails("object-del", "not found", id="s")
        qmp.fails("object-del", "in use", id="ram0")


def text():
    """HMP has them too, with lists of properties"""
    with running(*SERIAL, machine=PC) as qmp:
        def say(line):
            return qmp.do("human-monitor-command", **{"command-line": line})

        assert "chardev=<str>" in say("device_add pci-serial,help")
        assert 'name "pci-serial"' in say("device_add help")
        assert say("device_add ?") == say("device_add help")
        assert say("device_add pci-serial,?") == say("device_add pci-serial,help")
        assert say("object_add authz-simple,id=s,identity=a,,b") == ""
        assert say("qom-get s identity") == '"a,b"\r\n' and say("object_del s") == ""
        assert say("chardev-add socket,id=c,host=localhost,port=0,server,nowait") == ""
        assert say("chardev-add socket,id=d,host=localhost,port=0,server=on,nowait,telnet") == ""
        assert "disconnected:telnet:" in say("info chardev")
        assert say("device_add pci-serial,id=p,chardev=n0") == ""
        assert say("qom-get p chardev") == '"n0"\r\n'
        assert "hotplugged (bool)\r\n" in say("qom-list /machine/peripheral/p")
        assert say("device_del p") == "" and say("device_del q").startswith("Error: ")
        assert say("object_add secret,id=s,data=x") == "" and say("object_del s") == ""
        assert say("object_add memory-backend-ram,id=r,size=1M") == ""
        assert say("qom-get /objects/r size") == "1048576\r\n" and say("object_del r") == ""


if __name__ == "__main__":
    run_all([tree, properties, changes, processors, paths, types, in_running_guests,
             buses_of_devices, before_the_start, objects, text])
