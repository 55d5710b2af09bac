"""The likely reasons for another result."""

from __future__ import annotations

import msgspec

from snapshot.compare.platform import differences, unswappable
from snapshot.compare.verdict import Difference
from snapshot.host.machine import Machine
from snapshot.host.nvml import Device, Gpus
from snapshot.record.document import Data, Given, Host, Request, Run
from tests.unit.record.records import a_run, sha256

HOST = Host(
    machine=Machine(
        hostname="a", system="Debian", kernel="6.1", architecture="x86_64", cpu="EPYC", cpu_flags=("avx", "avx2"),
        cores=8, memory=1 << 34,
    ),
    engine="28.5.2",
    store="overlay2",
    gpus=None,
    user="1:1",
)  # fmt: skip


def on(**changes: object) -> Host:
    return msgspec.structs.replace(HOST, machine=msgspec.structs.replace(HOST.machine, **changes))


def told(first: Run, second: Run) -> list[tuple[str, str, str]]:
    return [(d.what, d.first, d.second) for d in differences(first, second)]


def test_two_runs_of_the_same_on_the_same_machine_differ_in_nothing():
    assert differences(a_run(1, host=HOST), a_run(2, host=HOST)) == ()


def test_of_the_cpu_flags_those_are_told_that_one_side_lacks():
    other = on(cpu="Xeon", cpu_flags=("avx", "avx512f"), hostname="b", memory=1, cores=4, kernel="6.2")
    assert told(a_run(host=HOST), a_run(host=other)) == [
        ("CPU", "EPYC", "Xeon"),
        ("CPU flags", "avx2", "avx512f"),
        ("threads", "8", "4"),
        ("kernel", "6.1", "6.2"),
    ]


def test_threads_are_those_that_were_asked_for():
    first = a_run(host=HOST, request=Request(cpus="2", environment={"OMP_NUM_THREADS": "2"}))
    assert told(first, a_run(host=HOST)) == [("environment OMP_NUM_THREADS", "2", "none"), ("threads", "2", "8")]


def test_what_is_the_machines_can_not_be_swapped():
    first = a_run(host=HOST, request=Request(environment={"A": "1"}))
    second = a_run(host=on(cpu="Xeon", kernel="6.2"))
    assert [d.what for d in differences(first, second)] == ["environment A", "CPU", "kernel"]
    assert [d.what for d in unswappable(first, second)] == ["CPU", "kernel"]


def test_the_driver_counts_where_there_was_a_gpu():
    gpus = Gpus(driver="550.1", cuda="12.4", devices=(device(0, "L4"), device(1, "H100")))
    newer = msgspec.structs.replace(gpus, driver="580.2")
    hosts = [msgspec.structs.replace(HOST, gpus=known) for known in (gpus, newer)]
    assert differences(a_run(host=hosts[0]), a_run(host=hosts[1])) == ()
    runs = [a_run(host=host, gpus=Given(way="cdi", devices=(n,))) for host, n in zip(hosts, "01", strict=True)]
    assert differences(*runs) == (
        Difference(what="driver", first="550.1", second="580.2"),
        Difference(what="GPUs", first="L4", second="H100"),
    )


def test_data_are_the_same_where_they_lie_elsewhere():
    def at(path: str, digit: str) -> Data:
        return Data(path=path, target="/data/train", kind="folder", reason="option", digest=sha256(digit))

    assert differences(a_run(data=(at("train", "a"),)), a_run(data=(at("/mnt/train", "a"),))) == ()
    assert told(a_run(data=(at("train", "a"),)), a_run(data=(at("/mnt/train", "b"),))) == [
        ("data train", "a" * 12, "b" * 12)
    ]


def device(index: int, name: str) -> Device:
    return Device(index=index, name=name, uuid=None, compute_capability=None, memory=None)
