# SPDX-License-Identifier: LGPL-2.1-or-later
"""Objects that come and go by the monitors, and files nobody reads or writes at the other end."""

import os
import threading

import pytest

from tenon_qtest import QMPError

MIB = 1 << 20


def refusal(m, command, **arguments):
    with pytest.raises(QMPError) as error:
        m.qmp(command, **arguments)
    return str(error.value)


def objects(m):
    return {child["name"]: child["type"] for child in m.qmp("qom-list", path="/objects")
            if child["type"].startswith("child<")}


def test_memory_comes_and_goes(m):
    path = m.path("memory")
    m.qmp("object-add", qom_type="memory-backend-ram", id="m0", size=MIB)
    m.qmp("object-add", qom_type="memory-backend-memfd", id="m1", size=2 * MIB)
    m.qmp("object-add", qom_type="memory-backend-file", id="m2", size=MIB, mem_path=path, share=True,
          prealloc=True)
    assert objects(m) == {f"m{n}": f"child<memory-backend-{kind}>"
                          for n, kind in enumerate(("ram", "memfd", "file"))}
    assert os.path.getsize(path) == MIB and os.stat(path).st_blocks * 512 >= MIB
    shown = {dev["id"]: (dev["size"], dev["share"], dev["prealloc"]) for dev in m.qmp("query-memdev")}
    assert shown == {"m0": (MIB, False, False), "m1": (2 * MIB, True, False), "m2": (MIB, True, True)}
    assert m.qmp("qom-get", path="/objects/m2", property="mem-path") == path
    m.qmp("object-del", id="m1")
    assert m.qmp("human-monitor-command", command_line="object_del m2") == ""
    assert m.qmp("human-monitor-command",
                 command_line="object_add memory-backend-ram,id=m1,size=4k") == ""
    assert m.qmp("qom-get", path="/objects/m1", property="size") == 4096
    assert sorted(objects(m)) == ["m0", "m1"]


@pytest.mark.options("-m", "2", "-object", "memory-backend-memfd,id=r0,size=2M", "-object",
                     "memory-backend-ram,id=idle,size=1M", "-machine", "memory-backend=r0")
def test_memory_that_is_there_already(m):
    m.writel(0x1000, 0x12345678)
    assert [dev["id"] for dev in m.qmp("query-memdev")] == ["idle", "r0"]
    assert refusal(m, "object-del", id="r0") == "object 'r0' is in use, can not be deleted"
    assert refusal(m, "object-add", qom_type="memory-backend-ram", id="r0", size=MIB) == \
        "object-add memory-backend-ram: there is an object called 'r0' already"
    assert refusal(m, "object-add", qom_type="secret", id="idle", data="x") == \
        "object-add secret: there is an object called 'idle' already"
    m.qmp("object-del", id="idle")
    assert m.readl(0x1000) == 0x12345678


def test_memory_that_cannot_be(m):
    ram = {"qom-type": "memory-backend-ram", "id": "x"}
    for arguments, why in (
            ({"qom-type": "memory-backend-ram", "size": MIB}, "Parameter 'id' is missing"),
            (ram, "object-add memory-backend-ram: size is missing"),
            ({**ram, "size": 0}, ""), ({**ram, "size": "lots"}, ""), ({**ram, "size": 1 << 62}, ""),
            ({**ram, "size": MIB, "mem-path": "/tmp/x"}, ""), ({**ram, "size": MIB, "host-nodes": 0}, ""),
            ({**ram, "size": MIB, "policy": "bind"}, ""),
            ({**ram, "qom-type": "memory-backend-file", "size": MIB},
             "object-add memory-backend-file: mem-path is missing"),
            ({**ram, "qom-type": "memory-backend-file", "size": MIB, "mem-path": "/nowhere/x"}, ""),
            ({**ram, "qom-type": "memory-backend-epc", "size": MIB}, "")):
        assert refusal(m, "object-add", **arguments).startswith(why)
    assert objects(m) == {}


# ---- Pipes ----


@pytest.fixture
def pipe(m):
    path = m.path("pipe")
    os.mkfifo(path)
    return path


def test_nobody_at_the_other_end(m, pipe):
    for command in ({"command": "pmemsave", "val": 0, "size": 4096, "filename": pipe},
                    {"command": "memsave", "val": 0, "size": 4096, "filename": pipe},
                    {"command": "object-add", "qom-type": "secret", "id": "s", "file": pipe},
                    {"command": "object-add", "qom-type": "memory-backend-file", "id": "s",
                     "size": MIB, "mem-path": pipe, "readonly": True},
                    {"command": "chardev-add", "id": "c",
                     "backend": {"type": "file", "data": {"out": pipe}}},
                    {"command": "chardev-add", "id": "c",
                     "backend": {"type": "null", "data": {"logfile": pipe}}}):
        assert refusal(m, **command)
    assert "is a pipe" in m.qmp("human-monitor-command", command_line=f"logfile {pipe}")
    assert "nobody reads" in refusal(m, "pmemsave", val=0, size=1, filename=pipe)


def test_a_reader_that_does_not_read(m, pipe):
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert "nobody reads the other end" in refusal(m, "pmemsave", val=0, size=4 * MIB, filename=pipe)
    os.close(reader)
    m.qmp("query-status")


def test_a_reader_that_does(m, pipe):
    data = os.urandom(3000)
    m.write(0x100000, data)
    got = []

    def read():
        with open(pipe, "rb") as reader:
            got.append(reader.read())

    thread = threading.Thread(target=read)
    thread.start()
    while True:  # until it has opened its end
        try:
            m.qmp("pmemsave", val=0x100000, size=MIB, filename=pipe)
            break
        except QMPError:
            pass
    thread.join()
    assert got[0] == data + bytes(MIB - 3000)
