"""What trackers are told of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.errors import UsageError
from snapshot.integrations import material, wandb
from snapshot.integrations.moments import Point
from snapshot.record import labels
from snapshot.record.document import Exit, Git, Output, Request, Run
from snapshot.record.metrics.reading import metrics_of
from snapshot.record.store import Store
from tests.unit.record.records import a_run, command, run_id
from tests.unit.record.stores import trained

LINES = b'{"step": 10, "loss": 1.0}\n{"step": 20, "loss": 0.5}\n'
ENDED = 1767225659.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def gathered(store: Store, outputs: dict[str, bytes], *, send: bool = False, **changes: Any) -> material.Material:
    run = trained(store, 0, outputs, **changes)
    folder = store.folder(run.id) / "outputs"
    found = metrics_of(run.outputs, lambda path: folder / path)
    return material.gather(store, msgspec.structs.replace(run, metrics=found), outputs=send)


def test_curves_are_told_whole_and_single_numbers_at_step_0(store: Store) -> None:
    found = gathered(store, {"m.jsonl": LINES, "final.json": b'{"score": 0.75, "worst": NaN}'})
    assert found.series["loss"] == (Point(10, 1.0, ENDED), Point(20, 0.5, ENDED))
    assert found.series["score"] == (Point(0, 0.75, ENDED),)
    assert str(found.series["worst"][0].value) == "nan"
    assert found.said == ()


def test_without_its_file_a_curve_is_its_last_value(store: Store) -> None:
    run = trained(store, 0, {"m.jsonl": LINES})
    folder = store.folder(run.id) / "outputs"
    run = msgspec.structs.replace(run, metrics=metrics_of(run.outputs, lambda path: folder / path))
    (folder / "m.jsonl").unlink()
    found = material.gather(store, run, outputs=False)
    assert found.series == {"loss": (Point(1, 0.5, ENDED),)}
    assert found.said == ("of 1 metric only the last value is told: the file with the curve is not there",)


def test_values_that_look_like_secrets_stay_here(store: Store) -> None:
    secret = "s3cr3t-s3cr3t-s3cr3t"
    request = Request(environment={"API_TOKEN": secret, "MODE": "fast"})
    asked = command("train.py", "--api-key", secret)
    found = gathered(store, {}, request=request, command=asked, parameters={"api-key": secret})
    assert found.environment["MODE"] == "fast"
    assert secret not in repr(found)
    assert json.loads(found.record)["request"]["environment"]["MODE"] == "fast"
    assert found.said == (
        "1 value of environment variables held back: they look like secrets",
        "1 value of arguments held back: they look like secrets",
    )


def test_outputs_only_when_asked_for_and_only_files_of_the_run(store: Store, tmp_path: Path) -> None:
    assert gathered(store, {"model.pt": b"1"}).outputs == {}
    run = store.read(run_id(0))
    folder = store.folder(run.id) / "outputs"
    (tmp_path / "passwd").write_bytes(b"1")
    (folder / "link.pt").symlink_to(tmp_path / "passwd")
    more = (
        msgspec.structs.replace(run.outputs[0], path="link.pt"),
        Output(path="to", size=0, sha256=None, mode=0o777, change="created", link="model.pt"),
        msgspec.structs.replace(run.outputs[0], path="\0caf\xe9"),
    )
    found = material.gather(store, msgspec.structs.replace(run, outputs=(*run.outputs, *more)), outputs=True)
    assert found.outputs == {"model.pt": folder / "model.pt"}
    assert [line.partition("` is left out: ")[::2] for line in found.said] == [
        ("output `link.pt", "the store can't give it: too many levels of symbolic links"),
        ("output `to", "a link has no bytes of its own"),
        ("output `caf\\xe9", "its name is no UTF-8"),
    ]


@pytest.mark.parametrize(
    ("exit", "state"),
    [
        (Exit(code=0), "finished"),
        (Exit(code=3), "failed"),
        (Exit(code=137, signal="SIGKILL"), "killed"),
        (Exit(code=None, error="no such image"), "failed"),
    ],
)
def test_how_it_ended(exit: Exit, state: str) -> None:
    assert material.state(a_run(exit=exit)) == state


def test_a_run_that_never_began_has_the_time_it_was_asked_for() -> None:
    began, ended = material.times(a_run(started=None, ended=None))
    assert (began, ended) == (ENDED - 59, ENDED - 59)


def test_what_identifies_a_run(store: Store) -> None:
    run = trained(store, 0, {})
    run = msgspec.structs.replace(
        run, code=msgspec.structs.replace(run.code, git=Git(commit="f00", branch=None, dirty=True)), rerun="earlier"
    )
    found = dict(material.facts(run))
    assert {key: found[key] for key in ("run", "lock", "image", "code", "git.commit", "git.dirty", "rerun")} == {
        "run": run.id,
        "lock": run.platform.lock,
        "image": run.platform.image,
        "code": run.code.digest,
        "git.commit": "f00",
        "git.dirty": "true",
        "rerun": "earlier",
    }


def test_tags_and_notes_come_along(store: Store) -> None:
    run = trained(store, 0, {})
    labels.tag(store, run.id, "best", run.created)
    labels.add_note(store, run.id, "for the paper", run.created)
    found = material.gather(store, run, outputs=False)
    assert (found.tags, found.notes) == (("best",), "for the paper")


def test_a_run_that_goes_on_is_not_told(store: Store) -> None:
    trained(store, 0, {}, exit=None, status="running")
    with pytest.raises(UsageError, match="has not ended"):
        material.find("latest", store.project)


def test_wandb_takes_rows_upwards_and_of_two_points_at_a_step_the_later(store: Store) -> None:
    series = {
        "loss": (Point(5, 1.0, 10.0), Point(7, 0.9, 11.0), Point(5, 0.8, 12.0)),
        "_acc": (Point(-1, 0.1, 20.0), Point(7, 0.2, 20.0)),
        "acc": (Point(5, 0.5, 20.0), Point(7, 0.6, 20.0)),
        "alone": (Point(0, 1.0, 20.0),),
    }
    assert [(row.step, dict(row.values)) for row in wandb.rows(series)] == [
        (0, {"acc_2": 0.1, "_timestamp": 20.0}),
        (5, {"loss": 0.8, "acc": 0.5, "_timestamp": 10.0}),
        (7, {"loss": 0.9, "acc_2": 0.2, "acc": 0.6, "_timestamp": 11.0}),
    ]


def test_runs_are_told_of_as_they_are_recorded(store: Store) -> None:
    assert isinstance(msgspec.json.decode(gathered(store, {}).record, type=Run), Run)
