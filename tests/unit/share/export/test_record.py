"""The public record: what decides the result, and nothing of who and where."""

from __future__ import annotations

from snapshot.document import encode_json
from snapshot.host.machine import Machine
from snapshot.record.document import Code, Data, Git, Host, Parent, Request
from snapshot.share.export import data, record
from snapshot.share.export import lock as locks
from tests.unit.record.records import a_run, command, run_id, sha256
from tests.unit.share.kits import a_lock

MACHINE = Machine(
    hostname="gpu-box7", system="Debian 12", kernel="6.1", architecture="x86_64", cpu="EPYC", cpu_flags=("avx2",),
    cores=8, memory=2**34,
)  # fmt: skip
HOST = Host(machine=MACHINE, engine="28.0", store="overlay2", gpus=None, user="1000:1000")


def test_nothing_of_who_and_where() -> None:
    run = a_run(
        1,
        name="paper",
        project="/home/alice/p",
        host=HOST,
        container="snap-alice",
        command=command("train.py", "--out=/home/alice/p/out", "/home/alice/mnist"),
        parameters={"out": "/home/alice/p/out", "arg1": "/home/alice/mnist"},
        request=Request(environment={"TOKEN": "s3cret", "SEED": "7"}),
        data=(Data(path="/home/alice/mnist", target="/home/alice/mnist", kind="folder", reason="argument"),),
        parents=(
            Parent(run=run_id(9), path="m", input="m", sha256=sha256("a"), relation="used", evidence="read"),
        ),
        notes=("ask alice",),
        code=Code(digest=sha256("c"), files=1, bytes=9, git=Git(commit="c0ffee" * 6, branch="secret-idea", dirty=True)),
    )  # fmt: skip
    placed = data.placed(run, (), None, lambda text: "alice" in text)
    public = record.public(
        run, locks.public(a_lock()), code=(), traced=True, placed=placed, published=frozenset({"SEED"})
    )
    text = encode_json(public).decode()
    assert [
        word
        for word in ("alice", "gpu-box7", "s3cret", run_id(9), "1000", "avx2", "c0ffee", "secret-idea")
        if word in text
    ] == []
    assert public.command.argv == ("train.py", "--out=/workspace/out", "/data/mnist")
    assert public.command.process == ("/usr/bin/python3", *public.command.argv)
    assert public.parameters == {"out": "/workspace/out", "arg1": "/data/mnist"}
    assert (public.environment["SEED"], public.environment["HOME"], public.unset) == ("7", "/tmp", ("TOKEN",))
    assert "TOKEN" not in public.environment
    assert public.host is not None and public.host.cores == 8
