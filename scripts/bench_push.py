"""Pushing a run whose platform has torch, side by side with `docker push` of that platform alone; and a second run.

In the engine that DOCKER_HOST names, to Debian's registry on this machine, empty each time. Called by scripts/bench.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_build import STACK, cache
from bench_table import Row, in_turns

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.integration.registries import RegistryProcess, registry_program

TRAIN = "import json, sys\njson.dump({'loss': float(sys.argv[1])}, open('metrics.json', 'w'))\n"
NEW = re.compile(r"(\d+(?:\.\d)?) (B|kB) were new")


def measure(rounds: int = 3) -> list[Row]:
    """All rows; fails when a second run sends more than 50 kB."""
    with tempfile.TemporaryDirectory(dir=cache()) as scratch:
        project = Path(scratch) / "project"
        project.mkdir()
        (project / "requirements.txt").write_text("\n".join(STACK))
        (project / "train.py").write_text(TRAIN)
        snap(project, "run", "train.py", "0.5")
        image = re.search(r'"reference": "(snap:.*?)"', snap(project, "show", "--json").stdout)
        assert image
        theirs, ours = in_turns(rounds, lambda _: docker_push(image[1]), lambda _: cold(project))
        with registry() as address:
            snap(project, "push", "latest", f"{address}/bench/run")
            second = second_push(project, address, rounds + 2)
    floor = "`docker push` of its platform"
    return [
        Row(what="first push of a run with torch, 1.1 GB", ours=ours, floor=floor, theirs=theirs, goal=0.3),
        Row(what="push of a second run of it", ours=second, floor="", theirs=None, goal=0.3),
    ]


def docker_push(image: str) -> None:
    """To a registry that has nothing; the engine does not know what it has sent elsewhere."""
    with registry() as address:
        docker("tag", image, f"{address}/bench/platform")
        docker("push", "--quiet", f"{address}/bench/platform")
        docker("image", "rm", f"{address}/bench/platform")


def cold(project: Path) -> None:
    """The same of a run, by somebody who has pushed nothing."""
    with registry() as address, tempfile.TemporaryDirectory(dir=cache()) as empty:
        snap(project, "push", "latest", f"{address}/bench/run", cache_home=empty)


def second_push(project: Path, address: str, rounds: int) -> float:
    """Median seconds of pushing a run whose platform is there."""

    def push(number: int) -> None:
        said = snap(project, "push", "latest", f"{address}/bench/run").stderr
        found = NEW.search(said)
        size = float(found[1]) * (1000 if found[2] == "kB" else 1) if found else 1e9
        assert size <= 50_000, said

    taken, _ = in_turns(rounds, push, lambda n: snap(project, "run", "train.py", f"{n + 1}"))
    return taken


@contextmanager
def registry() -> Iterator[str]:
    """`HOST:PORT` of an empty registry."""
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        served = RegistryProcess(registry_program(run), Path(folder))
        yield served.address
        served.stop()


def snap(project: Path, *arguments: str, cache_home: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **({"XDG_CACHE_HOME": cache_home} if cache_home else {})}
    return run(sys.executable, "-m", "snapshot", *arguments, cwd=project, env=env)


def docker(*arguments: str) -> None:
    run("docker", *arguments)


def run(*argv: object, check: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
    """A command that must do well; what it said."""
    return subprocess.run([*map(str, argv)], check=check, capture_output=True, text=True, **options)  # type: ignore[call-overload, no-any-return]


if __name__ == "__main__":
    for row in measure():
        print(" | ".join(row.cells()))
