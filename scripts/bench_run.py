"""What `snap run`, `snap --help` and the code snapshot cost, side by side with the floor. Called by scripts/bench."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench_table import Row, in_turns, seconds

from snapshot.host.container import Container
from snapshot.image.dockerfile import image_reference
from snapshot.lock import document
from snapshot.project.tree import scan
from snapshot.record.code import snapshots
from snapshot.run import workspace


def shell(argv: Sequence[str], cwd: Path | None = None) -> Callable[[object], None]:
    """A command that is run to its end, its output thrown away."""

    def run(_: object = None) -> None:
        subprocess.run(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    return run


def make_project(folder: Path, files: int) -> Path:
    """A project of `files` small modules, 100 in a folder, and an empty script."""
    for number in range(files - 2):
        place = folder / f"package{number // 100}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"module{number}.py").write_text(f"VALUE = {number}\n" * 40)
    folder.mkdir(exist_ok=True)
    (folder / "requirements.txt").write_text("")
    (folder / "train.py").write_text("")
    return folder


def warm_runs(work: Path) -> list[Row]:
    """`snap run` of an empty script against `docker run --rm` of the same image, mounts, user and init."""
    rows = []
    for files, goal in ((200, 1.5), (20_000, 2.5)):
        project = make_project(work / f"run-{files}", files)
        snap = [sys.executable, "-m", "snapshot", "run", "train.py"]
        shell(snap, project)()
        lock = document.read(project / document.FILE_NAME)
        assert lock is not None
        (tree,) = (project / ".snap/cache/trees").iterdir()
        place = work / f"floor-{files}"
        floor = Container(
            image=image_reference(lock),
            command=(lock.python.executable, "train.py"),
            user=f"{os.getuid()}:{os.getgid()}",
            workdir="/workspace",
            mounts=tuple(
                workspace.prepare(
                    place,
                    code=tree,
                    project=project,
                    data_folders={},
                    data_files={},
                    also_at=None,
                    name=f"bench-{files}",
                )
            ),
            remove=True,
        )
        rounds = 21 if files < 1000 else 11
        ours, theirs = in_turns(rounds, shell(snap, project), shell(floor.arguments()))
        subprocess.run(["docker", "volume", "rm", f"bench-{files}"], stdout=subprocess.DEVNULL, check=True)
        if files == 200:
            (nothing,) = in_turns(rounds, shell([*snap[:3], "build"], project))
            rows.append(Row(what="`snap build` with nothing to do", ours=nothing, floor="", theirs=None, goal=0.3))
        what = f"warm `snap run`, project of {files:,} files"
        rows.append(Row(what=what, ours=ours, floor="`docker run --rm`, same mounts", theirs=theirs, goal=goal))
    return rows


def start_up() -> list[Row]:
    """`snap --help` against an empty Python."""
    snap = Path(sys.executable).with_name("snap")
    ours, theirs = in_turns(31, shell([str(snap), "--help"]), shell([sys.executable, "-c", "pass"]))
    return [
        Row(what="`snap --help`", ours=ours, floor=f"(`python -c pass`: {seconds(theirs)})", theirs=None, goal=0.06)
    ]


def code_snapshot(work: Path, files: int, goal: float) -> list[Row]:
    """Scan and code snapshot of a project, the first time and with nothing changed."""
    project = make_project(work / f"code-{files}", files)
    store = work

    def first(_: object) -> None:
        nonlocal store
        store = Path(tempfile.mkdtemp(dir=work)) / ".snap"
        store.mkdir()
        snapshots.take(store, project, scan(project))

    def again(_: object) -> None:
        snapshots.take(store, project, scan(project))

    def copy(_: object) -> None:
        shutil.copytree(project, Path(tempfile.mkdtemp(dir=work)) / "copy")

    anew, unchanged, copied = in_turns(5, first, again, copy)
    floor = f"(`shutil.copytree`: {seconds(copied)})"
    what = f"code snapshot, {files:,} files"
    return [
        Row(what=what, ours=anew, floor=floor, theirs=None, goal=goal),
        Row(what=f"{what}, nothing changed", ours=unchanged, floor="", theirs=None, goal=goal),
    ]


def measure() -> list[Row]:
    """All rows, in the engine that the environment names."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        return [*warm_runs(work), *start_up(), *code_snapshot(work, 200, 0.03), *code_snapshot(work, 20_000, 0.5)]
