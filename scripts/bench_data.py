"""What identifying data costs, side by side with reading them, with a walk of stat calls, and with DVC. Called by
scripts/bench.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench_table import Row, in_turns

from snapshot.record.data.identity import Identifier
from snapshot.record.data.walk import RACY, look

FILES, SIZE = 20_000, 20_000
LARGE = 4 << 30
IDENTIFY = """
import sys
from pathlib import Path
from snapshot.record.data.identity import Identifier
from snapshot.record.data.walk import look
data, store, cache = map(Path, sys.argv[1:])
Identifier(store, cache).identify(look(data))
"""


def make_data(folder: Path) -> Path:
    """Random files, 100 in a folder."""
    for number in range(FILES):
        place = folder / f"{number // 100:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05}.bin").write_bytes(random.randbytes(SIZE))
    return folder


def files(root: str) -> Iterator[os.DirEntry[str]]:
    """A bare walk: one listing for each folder, one stat for each file."""
    ahead = [root]
    while ahead:
        with os.scandir(ahead.pop()) as found:
            for child in found:
                child.stat(follow_symlinks=False)
                if child.is_dir(follow_symlinks=False):
                    ahead.append(child.path)
                else:
                    yield child


def walk(root: Path) -> None:
    for _ in files(str(root)):
        pass


def read(root: Path) -> None:
    """Read all of it once, in the order in which the folders list it."""
    for file in files(str(root)):
        with open(file.path, "rb", buffering=0) as opened:
            while opened.read(1 << 20):
                pass


def forget(root: Path) -> None:
    """Let the kernel's cache forget what is in the files; no permission is needed."""
    for place in [root] if root.is_file() else [Path(file.path) for file in files(str(root))]:
        descriptor = os.open(place, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def identify(data: Path, place: Path) -> None:
    Identifier(place / "store", place / "cache").identify(look(data))


def many(work: Path, data: Path) -> list[Row]:
    """Many small files: for the first time, warm and cold, and with nothing changed."""

    def first(_: object) -> None:
        identify(data, Path(tempfile.mkdtemp(dir=work)))

    def again(_: object) -> None:
        identify(data, work)

    again(0)
    (warm,) = in_turns(7, first)
    cold, reading = in_turns(5, first, lambda _: read(data), before=lambda: forget(data))
    unchanged, bare = in_turns(15, again, lambda _: walk(data))
    what = f"data of {FILES:,} × {SIZE // 1000} kB"
    return [
        Row(what=f"first hash of {what}, warm", ours=warm, floor="", theirs=None, goal=0.35),
        Row(what="the same, cold", ours=cold, floor="reading it, cold", theirs=reading, goal=1.3),
        Row(what=f"{what}, nothing changed", ours=unchanged, floor="`scandir` and `stat`", theirs=bare, goal=2),
    ]


def large(work: Path) -> list[Row]:
    """One large file."""
    place = work / "large"
    with place.open("wb") as file:
        for _ in range(LARGE >> 24):
            file.write(random.randbytes(1 << 24))
        os.fsync(file.fileno())

    def cat(_: object) -> None:
        subprocess.run(["cat", place], stdout=subprocess.DEVNULL, check=True)

    ours, theirs = in_turns(
        3, lambda _: Identifier(work, None).identify(look(place)), cat, before=lambda: forget(place)
    )
    place.unlink()
    return [Row(what="hash of one file of 4 GiB, cold", ours=ours, floor="`cat`, cold", theirs=theirs, goal=1.15)]


def against_dvc(work: Path, data: Path) -> list[Row]:
    """The same with DVC, each from a start of the program to its end."""
    dvc = _dvc(work)
    if dvc is None:
        return []
    rounds = 3
    places = [_repository(dvc, work / f"dvc-{number}", data) for number in range(rounds)]

    def ours(number: int) -> None:
        place = work / f"ours-{number}"
        argv = [sys.executable, "-c", IDENTIFY, data, place / "store", place / "cache"]
        subprocess.run(argv, check=True)

    def add(number: int) -> None:
        _run(dvc, places[number], "add", "--quiet", "data")

    def status(number: int) -> None:
        _run(dvc, places[number], "status", "--quiet")

    first, theirs_first = in_turns(rounds, ours, add)
    again, theirs_again = in_turns(rounds, ours, status)
    what = f"data of {FILES:,} × {SIZE // 1000} kB"
    return [
        Row(what=f"first hash of {what}, as a program", ours=first, floor="`dvc add`", theirs=theirs_first, goal=0.05),
        Row(what="the same, nothing changed", ours=again, floor="`dvc status`", theirs=theirs_again, goal=0.2),
    ]


def _dvc(work: Path) -> Path | None:
    """DVC in an environment of its own; None, said on stderr, where it can't be had."""
    place = work / "environment"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    done = subprocess.run([place / "bin/pip", "install", "--quiet", "dvc"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"bench: no rows against dvc: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return place / "bin/dvc"


def _repository(dvc: Path, place: Path, data: Path) -> Path:
    shutil.copytree(data, place / "data")
    _run(dvc, place, "init", "--no-scm", "--quiet")
    return place


def _run(dvc: Path, place: Path, *arguments: str) -> None:
    env = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(place / "site")}
    subprocess.run([dvc, *arguments], cwd=place, env=env, stdout=subprocess.DEVNULL, check=True)


def measure() -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = make_data(work / "data")
        os.sync()
        time.sleep(RACY / 1e9 + 0.1)  # what is younger is read again
        return [*many(work, data), *large(work), *against_dvc(work, data)]


if __name__ == "__main__":
    for row in measure():
        print(*row.cells(), sep=" | ")
