"""`snap track`: a real MLflow server, and Weights & Biases offline."""

from __future__ import annotations

import http.server
import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient

from snapshot.cli.app import snap
from snapshot.integrations.mlflow import track
from snapshot.integrations.transactions import records
from snapshot.record import labels
from snapshot.record.document import Data, Git, Request, Run
from snapshot.record.metrics.reading import metrics_of
from snapshot.record.store import Store
from tests.integration.trackers import mlflow_server
from tests.unit.record.records import CUT_OFF, run_id, sha256
from tests.unit.record.stores import trained

BEGAN, ENDED = 1767225601000, 1767225659000
"""Of the first run, in milliseconds."""
POINTS = 2500
SECRET = "s3cr3t-s3cr3t-s3cr3t"


@pytest.fixture(scope="module")
def server(command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(command, tmp_path_factory.mktemp("mlflow")) as address:
        yield address


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Two runs; the first has a curve with times, and names that trackers refuse."""
    place = tmp_path / "digits"
    place.mkdir()
    (place / "snap.toml").write_text("")
    store = Store(place)
    keep(store, 0, name="first", outputs={"m.jsonl": curve(), "sub/we#ird.bin": b"1", "model.pt": b"weights"})
    keep(store, 1, name="second", outputs={}, exit=CUT_OFF)
    labels.tag(store, run_id(0), "best", "2026-01-01T00:00:00.000Z")
    labels.add_note(store, run_id(0), "for the paper", "2026-01-01T00:00:00.000Z")
    monkeypatch.chdir(place)
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "WANDB_"))]:
        monkeypatch.delenv(name)
    return store


def curve() -> bytes:
    lines = [
        {"step": n * 10, "loss": 1 / (n + 1), "acc%": n / POINTS, "time": BEGAN / 1000 + n / 50} for n in range(POINTS)
    ]
    lines[0]["acc%"] = math.inf
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def keep(store: Store, number: int, **changes: Any) -> Run:
    run = trained(
        store, number, parameters={"lr": "0.1", "../x": "y"},
        request=Request(environment={"API_TOKEN": SECRET, "MODE": "fast"}),
        data=(Data(path="data", target="/d", kind="folder", reason="ignored", digest=sha256("a"), files=3, bytes=9),),
        **changes,
    )  # fmt: skip
    folder = store.folder(run.id)
    (folder / "snap.lock").write_text("# the lock\n")
    code = msgspec.structs.replace(run.code, git=Git(commit="f00ba5", branch="main", dirty=False))
    found = metrics_of(run.outputs, lambda path: folder / "outputs" / path)
    run = msgspec.structs.replace(run, metrics=found, code=code)
    store.write(run)
    return run


def tracked(*arguments: str) -> Result:
    return CliRunner().invoke(snap, ["track", *arguments], prog_name="snap")


def files(client: MlflowClient, run: str, folder: str | None = None) -> list[str]:
    """All artifacts of a run."""
    found: list[str] = []
    for each in client.list_artifacts(run, folder):
        found += files(client, run, each.path) if each.is_dir else [each.path]
    return sorted(found)


# MLflow


def test_a_run_is_in_mlflow_as_it_is_in_the_record(server: str, project: Store, tmp_path: Path) -> None:
    done = tracked("mlflow", "first", "--uri", server, "--experiment", "whole", "--outputs")
    assert done.exit_code == 0, done.output
    client = MlflowClient(server)
    found = client.get_run(done.stdout.strip().rpartition("/")[2])
    assert (found.info.run_name, found.info.status) == ("first", "FINISHED")
    assert (found.info.start_time, found.info.end_time) == (BEGAN, ENDED)
    assert client.get_experiment(found.info.experiment_id).name == "whole"
    assert done.stdout == f"{server}/#/experiments/{found.info.experiment_id}/runs/{found.info.run_id}\n"

    run = project.read(run_id(0))
    params = {key: value for key, value in found.data.params.items() if key != "env.API_TOKEN"}
    assert params == {"lr": "0.1", "___x": "y", "env.MODE": "fast"}
    tags = found.data.tags
    assert (tags["snap.run"], tags["snap.lock"], tags["snap.image"], tags["snap.code"]) == (
        run.id, run.platform.lock, run.platform.image, run.code.digest,
    )  # fmt: skip
    assert (tags["mlflow.source.git.commit"], tags["mlflow.source.name"]) == ("f00ba5", "train.py")
    assert (tags["snap.tags"], tags["mlflow.note.content"]) == ("best", "for the paper")

    history = client.get_metric_history(found.info.run_id, "loss")
    assert [(point.step, point.value, point.timestamp) for point in sorted(history, key=lambda p: p.step)] == [
        (n * 10, 1 / (n + 1), BEGAN + n * 20) for n in range(POINTS)
    ]
    assert {"loss", "acc_"} == set(found.data.metrics)
    (dataset,) = found.inputs.dataset_inputs
    assert (dataset.dataset.name, json.loads(dataset.dataset.profile)["digest"]) == ("data", sha256("a"))

    held = files(client, found.info.run_id)
    assert held == ["outputs/m.jsonl", "outputs/model.pt", "snap/log.txt", "snap/run.json", "snap/snap.lock"]

    def fetched(name: str) -> bytes:
        return Path(client.download_artifacts(found.info.run_id, name, str(tmp_path))).read_bytes()

    assert fetched("outputs/model.pt") == b"weights"
    record = fetched("snap/run.json").decode()
    assert json.loads(record)["id"] == run.id
    assert SECRET not in record + str(found.data.params)
    assert done.stderr.splitlines()[1:] == [
        "warning: 1 value of environment variables held back: they look like secrets",
        "warning: parameter `../x` is `___x` there",
        "warning: metric `acc%` is `acc_` there",
        "warning: output `sub/we#ird.bin` is left out: MLflow can't keep a file of this name",
        "snap: run 20260101T000000000-0000 is in the experiment `whole`",
    ]


def test_what_is_told_again_is_there_once(server: str, project: Store) -> None:
    first = tracked("mlflow", "first", "second", "--uri", server, "--experiment", "once")
    labels.tag(project, run_id(0), "later", "2026-01-02T00:00:00.000Z")
    again = tracked("mlflow", "first", "second", "--uri", server, "--experiment", "once")
    assert (first.exit_code, again.exit_code) == (0, 0), again.output
    assert again.stdout == first.stdout
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("once")
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert len(found) == 2
    assert found["second"].info.status == "KILLED"
    assert found["first"].data.tags["snap.tags"] == "best, later"
    assert files(client, found["first"].info.run_id) == ["snap/log.txt", "snap/run.json", "snap/snap.lock"]
    for tag in ("best", "later"):
        labels.untag(project, run_id(0), tag)
    # What comes with outputs is added to it.
    assert tracked("mlflow", "first", "--uri", server, "--experiment", "once", "--outputs").stdout in first.stdout
    assert "outputs/model.pt" in files(client, found["first"].info.run_id)
    assert client.get_run(found["first"].info.run_id).data.tags["snap.tags"] == ""
    assert len(client.get_metric_history(found["first"].info.run_id, "loss")) == POINTS


def test_what_was_interrupted_is_finished_the_next_time(server: str, project: Store) -> None:
    """A server with all of a run but the mark, and with half of a curve, is one that was left halfway."""
    client = MlflowClient(server)
    experiment = client.create_experiment("half")
    left = client.create_run(experiment, start_time=BEGAN, tags={"snap.run": run_id(0)}, run_name="first")
    client.log_metric(left.info.run_id, "loss", 1.0, timestamp=BEGAN, step=0)
    client.log_param(left.info.run_id, "lr", "0.1")
    done = tracked("mlflow", "first", "--uri", server, "--experiment", "half")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip().endswith(left.info.run_id)
    assert len(client.get_metric_history(left.info.run_id, "loss")) == POINTS
    found = client.get_run(left.info.run_id)
    assert (found.info.status, found.info.end_time) == ("FINISHED", ENDED)


def test_the_active_run_is_written_to(server: str, project: Store) -> None:
    import mlflow

    try:
        mlflow.set_tracking_uri(server)
        mlflow.set_experiment("active")
        with mlflow.start_run(run_name="mine") as active:
            mlflow.log_param("lr", "0.2")
            done = track("first")
            with pytest.raises(Exception, match=f"tells of run {run_id(0)} already"):
                track("second")
    finally:
        mlflow.set_tracking_uri(None)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
            os.environ.pop(name, None)
    assert (done.id, done.experiment) == (active.info.run_id, "active")
    assert "parameter `lr` is `0.2` there, and stays so" in done.said
    found = MlflowClient(server).get_run(done.id)
    assert (found.info.run_name, found.info.status) == ("mine", "FINISHED")
    assert found.info.start_time != BEGAN
    assert found.data.tags["snap.run"] == run_id(0)
    assert "loss" in found.data.metrics


def test_the_place_is_what_mlflow_s_own_variables_say(
    server: str, project: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    assert "experiment `digits`" in tracked("mlflow", "second").stderr
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "named")
    assert "experiment `named`" in tracked("mlflow", "second").stderr
    client = MlflowClient(server)
    client.delete_experiment(client.get_experiment_by_name("named").experiment_id)
    done = tracked("mlflow", "second")
    assert (done.exit_code, done.stderr.splitlines()[-2]) == (2, "error: the experiment `named` was deleted")


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Something that is no MLflow server, or one that does not want us."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "said", "hint"),
    [
        (404, b"<html>", "does not answer as MLflow does", "MLflow 2.4 or newer"),
        (200, b"<html>", "does not answer as MLflow does", "MLflow 2.4 or newer"),
        (404, b'{"error_code": "ENDPOINT_NOT_FOUND"}', "does not answer as MLflow does", "MLflow 2.4 or newer"),
        (401, b"", "does not let this user in", "MLFLOW_TRACKING_USERNAME"),
        (403, b'{"error_code": "PERMISSION_DENIED"}', "does not let this user in", "MLFLOW_TRACKING_USERNAME"),
        (500, b"", "can't be reached", "MLFLOW_TRACKING_URI"),
        (400, b'{"error_code": "BAD_REQUEST", "message": "a\\u001b[31mb"}', "refuses: BAD_REQUEST: a?[31mb", "log"),
    ],
)
def test_a_server_that_is_none_or_refuses(project: Store, status: int, body: bytes, said: str, hint: str) -> None:
    with answering(status, body) as address:
        done = tracked("mlflow", "--uri", address)
    assert done.exit_code == 7
    error, action = done.stderr.splitlines()[-2:]
    assert error.startswith("error: ") and address in error and said in error
    assert hint in action


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("http://127.0.0.1:1", 7, "error: the MLflow server `http://127.0.0.1:1` can't be reached: connection refused"),
        ("http://me:secret@127.0.0.1:1", 7, "error: the MLflow server `http://127.0.0.1:1` can't be reached"),
        ("http://[bad", 2, "error: `http://[bad` is no address"),
        ("nix://here", 2, "error: `nix://here` is no place that this MLflow writes to"),
        ("", 2, "is no place that this MLflow writes to"),
    ],
)
def test_an_address_where_nothing_is(project: Store, address: str, code: int, said: str) -> None:
    done = tracked("mlflow", "--uri", address)
    assert done.exit_code == code
    assert said in done.stderr and "secret" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("hint: ")


@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_a_library_that_is_not_there_is_named(command: Callable[..., Any], project: Store, tracker: str) -> None:
    import sys

    code = f"import sys; sys.modules[{tracker!r}] = None; from snapshot.cli import main; main()"
    done = command(sys.executable, "-c", code, "track", tracker, cwd=project.project, check=False)
    assert done.returncode == 3
    assert f"hint: install it with `pip install 'snapshot-ml[{tracker}]'`" in done.stderr


# Weights & Biases


def test_a_run_is_written_as_wandb_does_offline(project: Store, tmp_path: Path) -> None:
    done = tracked("wandb", "first", "--project", "di/gits", "--directory", str(tmp_path / "w"), "--outputs")
    assert done.exit_code == 0, done.output
    folder = Path(done.stdout.strip())
    assert folder.parent == tmp_path / "w/wandb"
    assert folder.name.startswith("offline-run-") and folder.name.endswith(run_id(0))
    told = wandb_records(folder)

    (about,) = [record.run for record in told if record.HasField("run")]
    assert (about.run_id, about.project, about.display_name, about.notes, list(about.tags)) == (
        run_id(0), "di_gits", "first", "for the paper", ["best"],
    )  # fmt: skip
    config = {update.key: json.loads(update.value_json) for update in about.config.update}
    run = project.read(run_id(0))
    assert (config["lr"], config["snap"]["lock"], config["snap"]["image"]) == (
        0.1,
        run.platform.lock,
        run.platform.image,
    )
    assert config["snap"]["data"] == {"data": sha256("a")}
    assert SECRET not in str(about)

    rows = [values(record.history.item) for record in told if record.HasField("history")]
    assert [(row["_step"], row["loss"], row["_timestamp"]) for row in rows] == [
        (n * 10, 1 / (n + 1), BEGAN / 1000 + n / 50) for n in range(POINTS)
    ]
    (exit,) = [record.exit for record in told if record.HasField("exit")]
    assert exit.exit_code == 0
    sent = [file.path for record in told if record.HasField("files") for file in record.files.files]
    outputs = ["outputs/m.jsonl", "outputs/model.pt", "outputs/sub/we#ird.bin"]
    assert sorted(sent) == ["output.log", *outputs, "snap/run.json", "snap/snap.lock"]
    assert (folder / "files/output.log").read_text() == "step 1\n"
    assert SECRET not in (folder / "files/snap/run.json").read_text()


def wandb_records(folder: Path) -> list[Any]:
    (path,) = folder.glob("*.wandb")
    return list(records(path))


def values(items: Any) -> dict[str, Any]:
    return {item.nested_key[0] if item.nested_key else item.key: json.loads(item.value_json) for item in items}


def test_what_is_written_is_not_written_again(project: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = tracked("wandb", "second"), tracked("wandb", "second")
    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert again.stdout == first.stdout
    assert Path(first.stdout.strip()).parent == project.cache / "wandb"
    (exit,) = [record.exit for record in wandb_records(Path(first.stdout.strip())) if record.HasField("exit")]
    assert exit.exit_code == 137
    monkeypatch.setenv("WANDB_DIR", str(project.project / "elsewhere"))
    third = tracked("wandb", "second")
    assert third.exit_code == 0, third.output
    assert Path(third.stdout.strip()).parent == project.project / "elsewhere/wandb"
    # Nothing that was half written is left.
    assert [path.name for path in (project.project / "elsewhere/wandb/.unfinished").iterdir()] == []


def test_what_could_not_be_written_whole_is_an_error(command: Callable[..., Any], project: Store) -> None:
    import sys

    snap = f'ulimit -f 40; exec "{sys.executable}" -m snapshot track wandb first'  # W&B itself says nothing of it
    done = command("bash", "-c", snap, cwd=project.project, check=False)
    assert done.returncode == 3
    error, hint = done.stderr.splitlines()[-2:]
    assert error == f"error: Weights & Biases could not write all of run {run_id(0)}"
    assert hint.startswith("hint: see whether the disk is full")
    assert list((project.cache / "wandb").glob("offline-run-*")) == []


def test_a_folder_that_can_not_be_written(project: Store) -> None:
    done = tracked("wandb", "--directory", "/proc/nix")
    assert done.exit_code == 3
    assert "/proc/nix" in done.stderr
