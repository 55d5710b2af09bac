"""Where the image of a run is, and whether it can be had again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.digest import PREFIX
from snapshot.host import machine, package_cache
from snapshot.host.download import Access
from snapshot.lock.document import dumps
from snapshot.record.document import Host, Run
from snapshot.record.labels import NONE, Labels, Origin, Pushed
from snapshot.record.store import Store
from snapshot.share.handover.image import Images, Locks
from snapshot.share.handover.verdict import Image
from tests.unit.record.records import sha256
from tests.unit.share import kits
from tests.unit.share.engines import FakeEngine, an_image

RECORDED = sha256("e")
BASE = an_image("base:12", sha256("b"))
PUSHED = Labels(pushed=(Pushed(reference="r.example/a:1", digest=sha256("f"), time=""),))


def looked(store: Store, run: Run, engine: FakeEngine, cache: Path | None = None, labels: Labels = NONE) -> Image:
    return Images(engine, Locks(store), cache, Access()).of(run, labels)


def of_store(run: Run, store: str) -> Run:
    host = Host(machine=machine.probe(), engine="29", store=store, gpus=None, user="0:0")
    return msgspec.structs.replace(run, host=host)


def test_the_recorded_one_is_in_the_engine(store: Store, run: Run) -> None:
    found = looked(store, run, FakeEngine(an_image("snap:1", RECORDED)))
    assert (found.standing.state, found.again) == ("ok", "now")
    nameless = looked(store, run, FakeEngine(an_image(RECORDED, RECORDED)))
    assert (nameless.standing.state, nameless.again) == ("ok", "now")
    assert "has lost its name" in str(nameless.standing.reason)


def test_another_one_of_that_name_is_told(store: Store, run: Run) -> None:
    found = looked(store, run, FakeEngine(an_image("snap:1", sha256("0"), lock=run.platform.lock)))
    assert (found.standing.state, found.again) == ("changed", "unknown")
    assert "000000000000 instead of eeeeeeeeeeee" in str(found.standing.reason)


@pytest.mark.parametrize(("theirs", "ours", "state"), [
    ("overlay2", "overlayfs", "ok"), ("overlayfs", "overlay2", "ok"), ("overlay2", "overlay2", "changed"),
])  # fmt: skip
def test_the_other_kind_of_store_has_other_ids(store: Store, run: Run, theirs: str, ours: str, state: str) -> None:
    engine = FakeEngine(an_image("snap:1", sha256("0"), lock=run.platform.lock), driver=ours)
    assert looked(store, of_store(run, theirs), engine).standing.state == state


def cached(cache: Path, name: str = kits.WHEEL, data: bytes = b"a wheel") -> Path:
    path = package_cache.path(cache, PREFIX + hashlib.sha256(b"a wheel").hexdigest(), name)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def test_one_that_is_gone_can_be_built_of_what_is_here(store: Store, run: Run, tmp_path: Path) -> None:
    cached(tmp_path / "cache")
    found = looked(store, run, FakeEngine(BASE), tmp_path / "cache")
    assert (found.standing.state, found.again) == ("missing", "now")
    assert found.standing.hint == f"`snap build --run {run.id}`"
    pushed = looked(store, run, FakeEngine(BASE), tmp_path / "cache", PUSHED)
    assert str(pushed.standing.hint).startswith("`snap pull r.example/a:1`, or ")
    (store.folder(run.id) / "snap.lock").unlink()
    pulled = Labels(origin=Origin(reference=f"r.example/a:2@{sha256('f')}", time=""))
    lost = looked(store, run, FakeEngine(BASE), tmp_path / "cache", pulled)
    assert lost.standing.hint == f"`snap pull r.example/a:2@{sha256('f')}`"


def test_packages_that_are_not_here_would_have_to_be_downloaded(store: Store, run: Run, tmp_path: Path) -> None:
    cached(tmp_path / "cache", data=b"rotten")
    for cache, name in (
        (tmp_path / "cache", "`spam==1.0`"),
        (tmp_path / "none", "`spam==1.0`"),
        (None, "all packages"),
    ):
        found = looked(store, run, FakeEngine(BASE), cache)
        assert (found.standing.state, found.again) == ("missing", "fetch")
        assert f"it lacks {name}" in str(found.standing.reason)


@pytest.mark.parametrize(("images", "again", "said"), [
    ((), "never", "its base `base:12` is not there either, and of no registry"),
    ((an_image("base:12", sha256("b"), layers=(sha256("9"),)),), "never", "is not the one that was locked"),
])  # fmt: skip
def test_without_its_base_it_can_not(
    store: Store, run: Run, tmp_path: Path, images: Any, again: str, said: str
) -> None:
    found = looked(store, run, FakeEngine(*images), tmp_path / "cache")
    assert (found.standing.state, found.again) == ("missing", "never")
    assert said in str(found.standing.reason)


def test_a_base_of_a_registry_would_have_to_be_downloaded(store: Store, tmp_path: Path) -> None:
    run = kits.kept(store, 7, kits.a_lock(digest=sha256("7")))
    cached(tmp_path / "cache")
    found = looked(store, run, FakeEngine(), tmp_path / "cache")
    assert (found.again, "the base `base:12`" in str(found.standing.reason)) == ("fetch", True)


@pytest.mark.parametrize("damage", [None, "snap.lock is damaged", kits.a_lock(b"another")])
def test_without_its_lock_it_can_not(store: Store, run: Run, damage: Any) -> None:
    path = store.folder(run.id) / "snap.lock"
    if damage is None:
        path.unlink()
    else:
        path.write_text(damage if isinstance(damage, str) else dumps(damage))
    found = looked(store, run, FakeEngine(BASE))
    assert (found.standing.state, found.again) == ("missing", "never")


def test_an_engine_that_is_silent_is_asked_once(store: Store, run: Run) -> None:
    engine = FakeEngine(silent=True)
    images = Images(engine, Locks(store), None, Access())
    for _ in range(3):
        found = images.of(run, NONE)
        assert (found.standing.state, found.again) == ("unknown", "unknown")
        assert found.standing.hint == "start Docker"
    assert engine.asked == 1
