"""The hand-over board of 500 runs: 20 files of code, two of results and two folders of data each. Called by
scripts/bench.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from bench_store import a_run
from bench_table import Row, in_turns, seconds

from snapshot.document import encode_json
from snapshot.host.files import write_atomic
from snapshot.project.tree import scan
from snapshot.record.code import snapshots
from snapshot.record.data.identity import Identifier
from snapshot.record.data.walk import look
from snapshot.record.document import Code, Data, Output
from snapshot.record.store import Store
from snapshot.record.sums import write_sums

RUNS, FILES, IMAGES = 500, 20, 2000
SIZE = 100_000
"""Bytes of an output."""


def measure(rounds: int = 3) -> list[Row]:
    """The rows of the board; no engine is asked."""
    with tempfile.TemporaryDirectory() as folder:
        project, cache = Path(folder) / "project", Path(folder) / "cache"
        generate(project)

        def board(_: object) -> None:
            verify(project, cache)

        board(None)  # the data are hashed once
        (all_of_it,) = in_turns(rounds, board)
    return [
        Row(
            what=f"`snap verify --all`, {RUNS} runs, each with code, results and data of its own",
            ours=all_of_it,
            floor="",
            theirs=None,
            goal=1.0,
        )
    ]


def verify(project: Path, cache: Path) -> None:
    env = {**os.environ, "XDG_CACHE_HOME": str(cache), "DOCKER_HOST": "unix:///nowhere"}
    command = [sys.executable, "-m", "snapshot", "verify", "--all", "--json"]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, check=False)
    found = msgspec.json.decode(done.stdout)["runs"]
    fine = [row for row in found if row["data"]["state"] == row["code"]["state"] == row["results"]["state"] == "ok"]
    assert len(fine) == RUNS, done.stderr.decode()


def generate(project: Path) -> None:
    """A project with runs of which each had another version of one file of its code."""
    store = Store(project)
    for place in ("src", "data/one", "data/two"):
        (project / place).mkdir(parents=True)
    store.create()
    (project / ".gitignore").write_text("data/\n")
    for number in range(FILES - 1):
        (project / f"src/part{number}.py").write_text(f"# {number}\n" * 200)
    for number in range(IMAGES):
        (project / f"data/{('one', 'two')[number % 2]}/{number}").write_bytes(b"%d" % number * 500)
    data = tuple(identified(store, f"data/{name}") for name in ("one", "two"))
    for number in range(RUNS):
        (project / "train.py").write_text(f"rate = {number}\n")
        taken = snapshots.take(store.path, project, scan(project))
        run = a_run(number, range(0), random.Random(number))
        contents = {f"{name}-{number}.pt": os.urandom(SIZE) for name in ("best", "last")}
        code = Code(digest=taken.digest, files=taken.files, bytes=taken.bytes, git=None)
        outputs = tuple(output(name, content) for name, content in contents.items())
        run = msgspec.structs.replace(run, code=code, data=data, outputs=outputs, parents=(), taken=())
        (store.folder(run.id) / "outputs").mkdir(parents=True)
        for name, content in contents.items():
            (store.folder(run.id) / "outputs" / name).write_bytes(content)
        write_atomic(store.folder(run.id) / "run.json", encode_json(run), durable=False)
        (store.folder(run.id) / "log").write_text("step\n" * 1000)
        write_sums(store.folder(run.id))


def identified(store: Store, path: str) -> Data:
    found = Identifier(store.path, None).identify(look(store.project / path))
    return Data(
        path=path, target=f"/workspace/{path}", kind="folder", reason="ignored", digest=found.digest,
        files=found.files, bytes=found.bytes, identified="content",
    )  # fmt: skip


def output(path: str, content: bytes) -> Output:
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return Output(path=path, size=len(content), sha256=digest, mode=0o644, change="created")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        generate(Path(sys.argv[1]))
    else:
        for row in measure():
            print(f"{row.what}: {seconds(row.ours)} (goal {seconds(row.goal)})")
