# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that a monitor can be asked, asked of several machines: nothing of it ends the program."""

import os
import re

import pytest

from tenon_qtest import Machine, QMPError

MACHINES = {
    "none": ("-nodefaults", "-machine", "none"),
    "pc": (),
    "full": ("-smp", "2,maxcpus=4", "-device", "virtio-serial-pci,id=vs", "-chardev", "null,id=n0",
             "-device", "virtconsole,chardev=n0", "-device", "pci-serial,chardev=n1,id=ps",
             "-chardev", "null,id=n1", "-object", "secret,id=s,data=x", "-object",
             "memory-backend-ram,id=mem,size=4M", "-device", "pc-testdev", "-device", "pvpanic"),
}


@pytest.fixture(params=MACHINES)
def m(request, tmp_path, monkeypatch):
    """In a folder of its own: some commands make files."""
    monkeypatch.setenv("TENON", os.path.abspath(os.environ.get("TENON", "tenon")))
    monkeypatch.chdir(tmp_path)
    with Machine(*MACHINES[request.param]) as machine:
        yield machine


def hmp(m, line):
    return m.qmp("human-monitor-command", command_line=line)


def schema(m):
    return {entry["name"]: entry for entry in m.qmp("query-qmp-schema")}


def test_every_type_of_the_schema_is_there(m):
    known = schema(m)
    for entry in known.values():
        used = [entry[key] for key in ("arg-type", "ret-type", "element-type") if key in entry]
        used += [one["type"] for key in ("members", "variants") for one in entry.get(key, ())
                 if "type" in one]
        assert set(used) <= set(known), entry
    commands = {name for name, entry in known.items() if entry["meta-type"] == "command"}
    assert commands == {command["name"] for command in m.qmp("query-commands")}


def test_queries_without_arguments_succeed(m):
    known = schema(m)
    for name, entry in known.items():
        if entry["meta-type"] != "command" or name in ("add-fd", "x-query-jit"):
            continue
        returns = known[entry["ret-type"]]
        if all("default" in member for member in known[entry["arg-type"]]["members"]) and (
                returns["meta-type"] != "object" or returns["members"]):
            m.qmp(name)


def test_commands_with_nonsense_are_refused(m):
    for command in m.qmp("query-commands"):
        for arguments in ({"nonsense": 1}, {"id": [1]}, {"path": {}, "property": None}):
            with pytest.raises(QMPError):
                m.qmp(command["name"], **arguments)


def test_all_properties_can_be_read(m):
    def walk(path):
        seen = 0
        for entry in m.qmp("qom-list", path=path):
            assert set(entry) <= {"name", "type", "description", "default-value"}
            if entry["type"].startswith("child<"):
                seen += walk(path.rstrip("/") + "/" + entry["name"])
            m.qmp("qom-get", path=path, property=entry["name"])
            seen += 1
        return seen

    assert walk("/") > 20


def test_types_have_parents_and_properties(m):
    types = {t["name"]: t for t in m.qmp("qom-list-types", abstract=True)}
    concrete = {t["name"] for t in m.qmp("qom-list-types", abstract=False)}
    assert concrete == {name for name, t in types.items() if not t.get("abstract")}
    for name, entry in types.items():
        assert set(entry) <= {"name", "parent", "abstract"}
        assert "parent" not in entry or entry["parent"] in types
        m.qmp("qom-list-properties", typename=name)
    devices = {t["name"] for t in m.qmp("qom-list-types", implements="device", abstract=True)}
    for name, entry in types.items():
        while "parent" in entry and entry["name"] != "device":
            entry = types[entry["parent"]]
        assert (entry["name"] == "device") == (name in devices), name


def test_introspection_changes_nothing(m):
    before = hmp(m, "info qtree"), hmp(m, "info qom-tree")
    assert "name" in hmp(m, "device_add help")
    for entry in m.qmp("qom-list-types", implements="device", abstract=False):
        name = entry["name"]
        properties = m.qmp("device-list-properties", typename=name)
        assert all(set(p) <= {"name", "type", "description", "default-value"} for p in properties)
        said = hmp(m, f"device_add {name},help")
        assert re.match(r"\S+ options:|There are no options for \S+\.", said) \
            or "-x86_64-cpu" in name, said
    for name in ("device", "nondevice", ""):
        with pytest.raises(QMPError):
            m.qmp("device-list-properties", typename=name)
    assert (hmp(m, "info qtree"), hmp(m, "info qom-tree")) == before


LINES = """
    chardev-add null,id=hx
    chardev-change hx ringbuf
    chardev-send-break hx
    ringbuf_write hx text
    ringbuf_read hx 4
    chardev-remove hx
    cpu 0
    dfilter 0x1000+0x100
    device_add nosuch
    device_del nosuch
    gdbserver none
    getfd x
    closefd x
    gpa2hva 0
    gva2gpa 0
    i /w 0xcf8
    log all
    log none
    memsave 0 4096 /dev/null
    pmemsave 0 4096 /dev/null
    mouse_move 1 1
    mouse_move 1 1 -1
    mouse_button 7
    nmi
    o /w 0xcf8 0x80000000
    p $pc + 8
    p 1/0
    print /x 0xffffffffffffffff * 2
    qom-list /
    qom-get /machine type
    qom-set /machine type x
    stop
    sum 0 512
    trace-event runstate_set on
    trace-event * off
    x 8x 0
    xp /16xb 0
    xp /2i 0
    xp /99999999xg 0xffffffffffffffff
    cont
    system_powerdown
    system_wakeup
"""


def names_of_commands(m):
    for line in (hmp(m, "help") + hmp(m, "help info")).splitlines():
        names = re.match(r"(info \S+|\S+)", line)[0]
        yield from names.split("|")


def test_every_line_is_survived(m):
    for line in LINES.splitlines():
        hmp(m, line.strip())
    names = [name for name in names_of_commands(m) if name not in ("quit", "q")]
    assert len(names) > 50
    for name in names:
        for rest in ("", " ", " x", " -x", ' "', " 1 2 3 4 5", " /x", " $rip", " ,", " =", " \u00e9",
                     " " + "9" * 400, ",help"):
            hmp(m, name + rest)
        assert " -- " in hmp(m, "help " + name)
    m.qmp("query-status")
