"""A store of 10,000 runs, and one of 100,000 outputs: listing and looking up. Called by scripts/bench."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_table import Row, in_turns, seconds

from snapshot.document import encode_json
from snapshot.host.files import write_atomic
from snapshot.record.document import Code, Command, Exit, Metric, Output, Platform, Request, Run
from snapshot.record.index import Index
from snapshot.record.labels import Labels
from snapshot.record.store import Store

RUNS = 10_000
OUTPUTS = 100_000
TAGGED = 300
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def measure(rounds: int = 7) -> list[Row]:
    """The rows of the store; no engine is needed."""
    with tempfile.TemporaryDirectory() as folder:
        store = generate(Path(folder), RUNS, OUTPUTS)
        index = store.cache / "index.sqlite"

        def made_anew(_: object) -> None:
            index.unlink(missing_ok=True)
            Index(store).refresh()

        (anew,) = in_turns(2, made_anew)
        plain, chosen, which = in_turns(
            rounds,
            lambda _: snap(store.project, "ls"),
            lambda _: snap(store.project, "ls", "--sort", "-accuracy", "--filter", "lr<0.1"),
            lambda n: look_up(store, n),
        )
    return [
        Row(what=f"`snap ls`, {RUNS:,} runs", ours=plain, floor="", theirs=None, goal=0.3),
        Row(what="the same, sorted and filtered by metric and parameter", ours=chosen, floor="", theirs=None, goal=0.3),
        Row(what=f"finding who wrote a file among {OUTPUTS:,} outputs", ours=which, floor="", theirs=None, goal=0.2),
        Row(what=f"making the index of {RUNS:,} runs anew", ours=anew, floor="", theirs=None, goal=5.0),
    ]


def snap(project: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "snapshot", *arguments], cwd=project, stdout=subprocess.DEVNULL, check=True)


def look_up(store: Store, number: int) -> None:
    """What `snap which` asks, in a process of its own, as a command is."""
    code = (
        "import sys; from pathlib import Path; from snapshot.record.store import Store; "
        "from snapshot.record.index import Index; index = Index(Store(Path(sys.argv[1]))); index.refresh(); "
        "assert index.writers([sys.argv[2]])"
    )
    subprocess.run([sys.executable, "-c", code, str(store.project), sha256(number * 7)], check=True)


def generate(project: Path, runs: int, outputs: int) -> Store:
    """A store of finished runs with so many outputs together, some of them tagged."""
    store = Store(project)
    store.create()
    chance = random.Random(4)
    (store.path / "labels").mkdir()
    for number in range(runs):
        first = number * outputs // runs
        run = a_run(number, range(first, (number + 1) * outputs // runs), chance)
        store.folder(run.id).mkdir()
        write_atomic(store.folder(run.id) / "run.json", encode_json(run), durable=False)
        if number % (runs // TAGGED or 1) == 0:
            labels = Labels(tags={f"tag-{number}": run.created})
            write_atomic(store.path / "labels" / f"{run.id}.json", encode_json(labels), durable=False)
    return store


def a_run(number: int, outputs: range, chance: random.Random) -> Run:
    moment = BEGAN + timedelta(seconds=97 * number)
    rate = 10 ** -chance.uniform(0, 4)
    return Run(
        id=f"{moment:%Y%m%dT%H%M%S}000-{number % 65536:04x}",
        name=f"run-{number}" if number % 3 == 0 else None,
        status="finished",
        project="/home/she/project",
        command=Command(argv=("train.py", "--lr", f"{rate:.4g}"), kind="script", directory="."),
        request=Request(),
        code=Code(digest=sha256(number), files=20, bytes=100_000, git=None),
        parameters={"lr": f"{rate:.4g}", "epochs": "10"},
        platform=Platform(
            lock=sha256(1), image=sha256(2), reference="snap:1", base="b", base_digest=None, base_layers=(), python="3"
        ),
        container="c",
        write_back=True,
        created=moment.isoformat().replace("+00:00", ".000Z"),
        started=moment.isoformat().replace("+00:00", ".500Z"),
        ended=(moment + timedelta(seconds=60)).isoformat().replace("+00:00", ".500Z"),
        exit=Exit(code=0 if number % 9 else 1),
        outputs=tuple(
            Output(path=f"checkpoints/step-{n}.pt", size=1000 + n, sha256=sha256(n), mode=0o644, change="created")
            for n in outputs
        ),
        metrics=tuple(
            Metric(name=name, value=chance.random(), points=10, path="metrics.jsonl") for name in ("accuracy", "loss")
        ),
    )


def sha256(number: int) -> str:
    return "sha256:" + hashlib.sha256(b"%d" % number).hexdigest()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        shutil.rmtree(sys.argv[1], ignore_errors=True)
        Path(sys.argv[1]).mkdir()
        generate(Path(sys.argv[1]), RUNS, OUTPUTS)
    else:
        for row in measure():
            print(f"{row.what}: {seconds(row.ours)} (goal {seconds(row.goal)})")
