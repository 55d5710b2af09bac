"""`--from`, on a store that was made by hand."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from snapshot.errors import StoreError, UsageError
from snapshot.record.document import Output
from snapshot.record.store import Store
from snapshot.run import taken
from tests.unit.record.records import a_run, keep


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """With one run, `base`, that wrote three files and a link."""
    made = Store(tmp_path)
    files = {"model.pt": b"weights", "out/a.txt": b"a", "out/deep/b.txt": b"b"}
    outputs = [
        Output(
            path=path,
            size=len(data),
            sha256="sha256:" + hashlib.sha256(data).hexdigest(),
            mode=0o644,
            change="created",
        )
        for path, data in files.items()
    ]
    link = Output(path="latest", size=0, sha256=None, mode=0o777, change="created", link="model.pt")
    run = a_run(1, name="base", outputs=(*outputs, link))
    keep(made, run)
    for path, data in files.items():
        place = made.folder(run.id) / "outputs" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return made


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("base", ["model.pt", "out/a.txt", "out/deep/b.txt"]),
        ("base:model.pt", ["model.pt"]),
        ("base:./out/", ["out/a.txt", "out/deep/b.txt"]),
        ("base:out=in", ["in/a.txt", "in/deep/b.txt"]),
        ("base:out/deep/b.txt=c=d.txt", ["c=d.txt"]),
    ],
)
def test_what_is_named_is_found_and_where_it_goes(store: Store, text: str, targets: list[str]) -> None:
    assert [source.taken.target for source in taken.find(store, [text])] == targets


def test_the_last_one_for_a_place_counts(store: Store) -> None:
    (source,) = taken.find(store, ["base:model.pt", "base:out/a.txt=model.pt"])
    assert source.taken.path == "out/a.txt"


@pytest.mark.parametrize("text", ["base:nothing", "base:latest", "base:model.pt=", "base:model.pt=..", "nobody"])
def test_what_is_not_there_or_can_not_be_put_there_is_refused(store: Store, text: str) -> None:
    with pytest.raises(UsageError):
        taken.find(store, [text])


def test_a_near_miss_is_told(store: Store) -> None:
    with pytest.raises(UsageError) as caught:
        taken.find(store, ["base:modle.pt"])
    assert caught.value.hint == "it has `model.pt`"


def test_a_run_that_goes_on_has_nothing_to_give_yet(store: Store) -> None:
    keep(store, a_run(2, name="going", exit=None, status="running"))
    with pytest.raises(UsageError, match="not finished"):
        taken.find(store, ["going"])


def test_a_lost_output_is_told(store: Store) -> None:
    next(store.runs.glob("*/outputs/model.pt")).unlink()
    with pytest.raises(StoreError, match="not what it was"):
        taken.find(store, ["base"])


def test_the_layer_has_links_in_their_places(store: Store, tmp_path: Path) -> None:
    sources = taken.find(store, ["base:out=in"])
    layer = taken.lay_out(tmp_path / "layer", sources)
    assert layer is not None
    assert (layer / "in/deep/b.txt").read_bytes() == b"b"
    assert os.path.samefile(layer / "in/a.txt", sources[0].file)
    assert taken.lay_out(tmp_path / "none", ()) is None
