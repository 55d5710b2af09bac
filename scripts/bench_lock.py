"""Locking, side by side with `pip-compile` without hashes, metadata cached for both. Called by scripts/bench."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_table import Row, in_turns

PACKAGES = "numpy\npandas\nscikit-learn\n"


def measure(rounds: int = 7) -> list[Row]:
    """All rows, in the engine that the environment names."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "requirements.txt").write_text(PACKAGES)
        (project / "requirements.in").write_text(PACKAGES)
        compiled = project / "compiled.txt"
        snap = [sys.executable, "-m", "snapshot", "lock"]
        pip_compile = [str(Path(sys.executable).with_name("pip-compile")), "-q", "--no-header", "--strip-extras"]
        pip_compile += ["-o", str(compiled), "requirements.in"]

        def lock(_: object) -> None:
            (project / "snap.lock").unlink(missing_ok=True)
            command(snap, project)

        def theirs(_: object) -> None:
            compiled.unlink(missing_ok=True)
            command(pip_compile, project)

        lock(None)
        theirs(None)
        ours, floor = in_turns(rounds, lock, theirs)
        (nothing,) = in_turns(rounds, lambda _: command(snap, project))
    name = "`pip-compile` without hashes"
    return [
        Row(what="lock numpy, pandas, scikit-learn", ours=ours, floor=name, theirs=floor, goal=1.3),
        Row(what="lock with nothing changed", ours=nothing, floor="", theirs=None, goal=0.3),
    ]


def command(argv: list[str], cwd: Path) -> None:
    subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=True)
