"""The README of a kit: what a shell makes of its commands is what the run had."""

from __future__ import annotations

import shlex

import msgspec

from snapshot.record.document import Data, Request, Run
from snapshot.share.kit import commands
from tests.unit.record.records import a_run, command
from tests.unit.share import kits


def words(run: Run) -> list[str]:
    """The command as a shell in /kit takes it apart."""
    return [word.replace("$PWD", "/kit") for word in shlex.split(commands.repeat(run, kits.a_lock()))]


def test_the_command_is_the_last() -> None:
    run = a_run(command=command("train.py", "--name", "a b'c", "$HOME", "x\ny"))
    assert words(run)[-7:] == ["snap:" + _tag(), "/usr/bin/python3", "train.py", "--name", "a b'c", "$HOME", "x\ny"]
    module = a_run(command=command("pkg.train", "1", kind="module", directory="sub"))
    assert words(module)[-4:] == ["/usr/bin/python3", "-m", "pkg.train", "1"]
    assert "--workdir=/workspace/sub" in words(module)
    other = a_run(command=command("bash", "-c", "true", kind="command"))
    assert words(other)[-3:] == ["bash", "-c", "true"]


def test_what_was_asked_of_the_engine() -> None:
    request = Request(environment={"SEED": "1 2", "HOME": "/x"}, gpus="1", network="none", memory="8g", cpus="2")
    found = words(a_run(request=request))
    for word in ("--env=SEED=1 2", "--env=HOME=/x", "--gpus=all", "--network=none", "--memory=8g", "--cpus=2"):
        assert word in found
    assert not any(word.startswith(("--gpus", "--network", "--memory")) for word in words(a_run()))


def test_data_in_their_places() -> None:
    data = Data(path="/srv/a,b", target="/srv/a,b", kind="folder", reason="option")
    assert '--mount=type=bind,"target=/srv/a,b","source=/kit/data/srv/a,b",readonly' in words(a_run(data=(data,)))


def test_folders_that_are_on_the_import_path() -> None:
    lock = msgspec.structs.replace(kits.a_lock(), import_roots=("src",))
    run = a_run(request=Request(environment={"PYTHONPATH": "/x"}))
    assert "--env=PYTHONPATH=/x:/workspace/src" in shlex.split(commands.repeat(run, lock))


def test_a_base_of_a_registry_is_found_under_its_other_name() -> None:
    text = commands.build(kits.a_lock(digest="sha256:" + "5" * 64), ())
    name = "base:12@sha256:" + "5" * 64
    assert f"{name}=docker-image://snap-base:5555555555555555" in shlex.split(text)
    assert "docker-image" not in commands.build(kits.a_lock(), ())


def _tag() -> str:
    return kits.a_lock().digest.removeprefix("sha256:")[:16]
