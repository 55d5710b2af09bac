"""What a rerun is drafted from: the record alone, and nothing that a foreign record may not ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.errors import DifferentError, IntegrityError, SnapshotError, StoreError, UsageError
from snapshot.host.machine import probe
from snapshot.record import labels
from snapshot.record.data.identity import Identity
from snapshot.record.document import Data, Host, Request, Run
from snapshot.record.labels import Origin
from snapshot.record.store import Store
from snapshot.run.draft import Draft, Options
from snapshot.share import rerun
from snapshot.share.rerun import Wanted

SAME, OTHER = (f"sha256:{digit * 64}" for digit in "56")


def drafted(store: Store, run: Run, found: str | None = SAME, **wanted: Any) -> Draft:
    def identify(path: Path, method: str) -> Identity:
        return Identity(digest=found, files=1, bytes=1, method=method)

    options = Options(request=run.request, write_back=False)
    return rerun.draft(store, run, rerun.lock_of(store, run), options, Wanted(**{"data": {}, **wanted}), identify)


def refused(kind: type[SnapshotError], store: Store, run: Run, found: str | None = SAME, **wanted: Any) -> str:
    with pytest.raises(kind) as caught:
        drafted(store, run, found, **wanted)
    return caught.value.message


def with_data(run: Run, **changes: Any) -> Run:
    fields = {"path": "data", "target": "/workspace/data", "kind": "file", "reason": "ignored", "digest": SAME}
    return msgspec.structs.replace(run, data=(Data(**{**fields, **changes}),))


def test_what_ran_is_what_runs(store: Store, run: Run) -> None:
    found = drafted(store, run)
    assert (found.code.digest, found.rerun, found.lock.digest) == (run.code.digest, run.id, run.platform.lock)
    assert found.invocation.argv == run.command.argv
    assert found.seen is None


def test_a_lock_that_is_another_is_none(store: Store, run: Run) -> None:
    other = msgspec.structs.replace(run, platform=msgspec.structs.replace(run.platform, lock=OTHER))
    assert "has lost its lock" in refused(StoreError, store, other)


def test_data_are_where_they_were_or_where_they_are_said_to_be(store: Store, run: Run, tmp_path: Path) -> None:
    run = with_data(run)
    assert "the data `data` of run" in refused(UsageError, store, run)
    (store.project / "data").write_text("x")
    (here,) = drafted(store, run).data
    assert (here.at, here.digest) == (None, None)
    moved = tmp_path / "moved"
    moved.write_text("x")
    (there,) = drafted(store, run, data={"/workspace/data": moved}).data
    assert there.at == str(moved)
    assert there.place(store.project) == moved


def test_other_data_stop_it_unless_they_are_allowed(store: Store, run: Run) -> None:
    run = with_data(run)
    (store.project / "data").write_text("x")
    assert refused(DifferentError, store, run, OTHER) == (
        f"the data `data` are not what the run had: {OTHER} instead of {SAME}"
    )
    (note,) = drafted(store, run, OTHER, allow_different_data=True).notes
    assert "are not what the run had" in note
    assert "gone" in refused(DifferentError, store, run, None)


def test_data_that_nobody_identified_are_said_to_be_unknown(store: Store, run: Run) -> None:
    run = with_data(run, digest=None)
    (store.project / "data").write_text("x")
    assert "were not identified" in drafted(store, run).notes[0]


@pytest.mark.parametrize("target", ["/usr/lib", "/etc/passwd", "/workspace/x", "relative", "/data/../etc", "/"])
def test_nothing_is_mounted_over_the_platform(store: Store, run: Run, tmp_path: Path, target: str) -> None:
    outer = tmp_path / "outer"
    outer.write_text("x")
    run = with_data(run, path=str(outer), target=target, reason="option")
    assert "over the platform" in refused(StoreError, store, run)


@pytest.mark.parametrize("project", ["/usr", "/etc/x", "/workspace/../etc"])
def test_nor_is_the_project(store: Store, run: Run, project: str) -> None:
    command = msgspec.structs.replace(run.command, argv=("train.py", f"--out={project}/x"))
    assert "over the platform" in refused(
        StoreError, store, msgspec.structs.replace(run, project=project, command=command)
    )


def test_a_run_from_elsewhere_is_given_nothing_of_this_host_unasked(store: Store, run: Run, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.write_text("x")
    run = msgspec.structs.replace(
        with_data(run, path=str(outer), target=str(outer), reason="option"), request=Request(network="host")
    )
    drafted(store, run)
    labels.set_origin(store, run.id, Origin(reference="x", time="2026-01-01T00:00:00Z"))
    assert "was made elsewhere and had data outside its project" in refused(UsageError, store, run)
    assert len(drafted(store, run, data={"outer": outer}).data) == 1
    moved = with_data(run, path="images", target="/workspace/images", reason="ignored", at=str(outer))
    assert "was made elsewhere and had data outside its project" in refused(UsageError, store, moved)
    assert rerun.request_of(run, Wanted(data={}), foreign=True).network == "none"
    assert rerun.request_of(run, Wanted(data={}, network="bridge"), foreign=True).network == "bridge"
    assert rerun.request_of(run, Wanted(data={}), foreign=False).network == "host"


def test_gpus_are_those_of_the_run_unless_others_are_asked_for(run: Run) -> None:
    run = msgspec.structs.replace(run, request=Request(gpus="all"))
    asked = [rerun.request_of(run, Wanted(data={}, gpus=gpus), foreign=False).gpus for gpus in (None, "1", "none")]
    assert asked == ["all", "1", None]


@pytest.mark.parametrize("argv", [(), ("train.py",)])
def test_a_record_without_a_command(store: Store, run: Run, argv: tuple[str, ...]) -> None:
    kind = "shell" if argv else "script"
    command = msgspec.structs.replace(run.command, argv=argv, kind=kind)
    assert "has no command" in refused(StoreError, store, msgspec.structs.replace(run, command=command))


def test_the_image_is_the_runs_or_nothing_runs(run: Run) -> None:
    image, other = (f"sha256:{digit * 64}" for digit in "12")
    host = Host(machine=probe(), engine="28", store="overlay2", gpus=None, user="0:0")
    run = msgspec.structs.replace(run, host=host, platform=msgspec.structs.replace(run.platform, image=image))
    rerun.check_image(run, image, "overlay2")
    with pytest.raises(IntegrityError, match="the run had"):
        rerun.check_image(run, other, "overlay2")
    # The digest of a manifest says nothing about that of a configuration.
    rerun.check_image(run, other, "overlayfs")


def test_names_of_data(store: Store, run: Run, tmp_path: Path) -> None:
    first = Data(path="a/x", target="/workspace/a/x", kind="file", reason="ignored")
    second = msgspec.structs.replace(first, path="b/x", target="/workspace/b/x")
    run = msgspec.structs.replace(run, data=(first, second))
    place = tmp_path / "x"
    place.write_text("x")
    assert "had no data `x`" in refused(UsageError, store, run, data={"x": place})
    assert "had no data `y`" in refused(UsageError, store, run, data={"y": place})
    assert "is no file" in refused(UsageError, store, run, data={"a/x": tmp_path})
