"""Locking, side by side with `pip-compile` without hashes and with bare uv, all metadata cached. For scripts/bench."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_table import Row, in_turns

PACKAGES = "numpy\npandas\nscikit-learn\n"
CUDA = "torch\ntorchvision\nnumpy\ntransformers\n"
"""With a torch that brings CUDA along: some 60 packages, several GB of wheels, of which locking needs none."""


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
        _with_uv("lock the same with uv", PACKAGES, rounds, goal=1.5),
        _with_uv("lock CUDA torch, torchvision, transformers with uv", CUDA, rounds, goal=2.0),
    ]


def _with_uv(what: str, packages: str, rounds: int, *, goal: float) -> Row:
    """`resolver = "uv"` against what it starts."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "requirements.txt").write_text(packages)
        (project / "snap.toml").write_text('resolver = "uv"\n')
        snap = [sys.executable, "-m", "snapshot", "lock"]
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-q", "--no-build", "requirements.txt"]
        uv += ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_36", "-o", "compiled.txt"]

        def lock(_: object) -> None:
            (project / "snap.lock").unlink(missing_ok=True)
            command(snap, project)

        def theirs(_: object) -> None:
            (project / "compiled.txt").unlink(missing_ok=True)
            command(uv, project)

        lock(None)
        theirs(None)
        ours, floor = in_turns(rounds, lock, theirs)
    return Row(what=what, ours=ours, floor="`uv pip compile`", theirs=floor, goal=goal)


def command(argv: list[str], cwd: Path) -> None:
    subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=True)
