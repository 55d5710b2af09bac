"""How much `snap run`, `snap --help` and the code snapshot cost, side by side with the floor. Called by scripts/bench."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from snapshot.host.container import Container
from snapshot.image.dockerfile import image_reference
from snapshot.lock import document
from snapshot.project.tree import scan
from snapshot.record import code
from snapshot.run import workspace

Row = tuple[str, str, str, str, str]
"""What, ours, the floor, ratio, goal."""


def alternate(*commands: Callable[[], None], rounds: int) -> list[float]:
    """The median seconds of each command; they take turns, so that noise of the machine hits all alike."""
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(rounds):
        for command, taken in zip(commands, times, strict=True):
            began = time.perf_counter()
            command()
            taken.append(time.perf_counter() - began)
    return [statistics.median(taken) for taken in times]


def shell(argv: Sequence[str], cwd: Path | None = None) -> Callable[[], None]:
    def run() -> None:
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
                    place, code=tree, project=project, data_folders=[], data_files=[], also_at=None, name=f"bench-{files}"
                )
            ),
            remove=True,
        )
        rounds = 21 if files < 1000 else 11
        ours, docker = alternate(shell(snap, project), shell(floor.arguments()), rounds=rounds)
        subprocess.run(["docker", "volume", "rm", f"bench-{files}"], stdout=subprocess.DEVNULL, check=True)
        rows.append(row(f"warm `snap run`, project of {files:,} files", ours, docker, "`docker run --rm`", goal))
    return rows


def start_up() -> list[Row]:
    """`snap --help` against an empty Python."""
    snap = Path(sys.executable).with_name("snap")
    ours, floor = alternate(shell([str(snap), "--help"]), shell([sys.executable, "-c", "pass"]), rounds=31)
    return [("`snap --help`", ms(ours), f"`python -c pass` {ms(floor)}", f"{ours / floor:.1f}", "≤ 60 ms")]


def snapshots(work: Path) -> list[Row]:
    """Scan and code snapshot, the first time and with nothing changed."""
    rows = []
    for files, goal in ((200, "≤ 30 ms"), (20_000, "≤ 500 ms")):
        project = make_project(work / f"code-{files}", files)
        first, again = [], []
        for _ in range(7):
            store = Path(tempfile.mkdtemp(dir=work)) / ".snap"
            store.mkdir()
            for times in (first, again):
                began = time.perf_counter()
                code.take(store, project, scan(project))
                times.append(time.perf_counter() - began)
            time.sleep(0.05)
            shutil.rmtree(store.parent)
        copy = work / "copy"
        (floor,) = alternate(lambda: (shutil.copytree(project, copy), shutil.rmtree(copy))[0], rounds=3)  # noqa: B023
        ratio = statistics.median(first) / floor
        rows.append(
            (f"code snapshot, {files:,} files, first", ms(statistics.median(first)), f"`copytree` {ms(floor)}", f"{ratio:.2f}", goal)
        )
        rows.append((f"code snapshot, {files:,} files, unchanged", ms(statistics.median(again)), "", "", ""))
    return rows


def row(what: str, ours: float, floor: float, name: str, goal: float) -> Row:
    return (what, ms(ours), f"{name} {ms(floor)}", f"{ours / floor:.2f}", f"≤ {goal}")


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def main() -> list[Row]:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        return [*warm_runs(work), *start_up(), *snapshots(work)]


if __name__ == "__main__":
    print(json.dumps(main(), ensure_ascii=False, indent=1))
