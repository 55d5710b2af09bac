"""Builds one wheel inside the base, without network and with pinned build requirements only (PEP 517).

JSON comes in through stdin, JSON goes out through stdout; the wheel is left in /snap/build/out. Everything that the
build sees is the same for everybody: paths, environment, times, and an environment of its own (`venv`) with nothing
in it but the wheels it is given. Not even the base's own packages are seen.
"""

from __future__ import annotations

import json
import os
import sys
import time
import venv
import zipfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import in_base_distutils
from build import ProjectBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pip._internal.utils.unpacking import unpack_file
from pyproject_hooks import quiet_subprocess_runner

WORK = Path("/snap/build")
SOURCE, ENVIRONMENT, OUT = WORK / "source", WORK / "environment", WORK / "out"
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
TOLD = 200
"""Lines of a failing build."""


def main() -> None:
    """Answer the one question that stdin asks."""
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.umask(0o022)
    answer: dict[str, Any] = {"wheel": None, "needed": [], "failure": None, "output": []}
    try:
        answer.update(built(json.load(sys.stdin)))
    except Exception as problem:
        answer.update(failure=f"{type(problem).__name__}: {problem}", output=output_of(problem))
    answer_to.write(json.dumps(answer))
    answer_to.flush()


def built(question: dict[str, Any]) -> dict[str, Any]:
    """The name of the wheel, or what else the build needs installed."""
    SOURCE.mkdir()
    OUT.mkdir()
    unpack_file(question["source"], str(SOURCE))
    # One time for all: versions of pip differ in what they give a file, and a wheel can't tell times before 1980.
    for path in sorted(SOURCE.rglob("*")):
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    project = SOURCE / (question["subdirectory"] or "")
    if not any((project / name).is_file() for name in ("pyproject.toml", "setup.py")):
        return {"failure": "NoProject"}
    python = environment(question["wheels"])
    os.environ.update(PATH=f"{python.parent}:{os.environ.get('PATH', os.defpath)}", VIRTUAL_ENV=str(ENVIRONMENT))
    builder = ProjectBuilder(project, python_executable=str(python), runner=quiet_subprocess_runner)
    needed = builder.get_requires_for_build("wheel")
    if missing := sorted(line for line in needed if not is_met(line)):
        return {"needed": missing}
    wheel = Path(builder.build("wheel", OUT))
    clamp(wheel)
    return {"wheel": wheel.name}


def environment(wheels: Sequence[str]) -> Path:
    """The interpreter of a new environment that has `wheels` installed."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(ENVIRONMENT)
    python = ENVIRONMENT / "bin" / "python"
    if wheels:
        options = ("--isolated", "--no-deps", "--no-index", "--no-compile", "--no-cache-dir", "-q")
        quiet_subprocess_runner([str(python), in_base_distutils.__file__, "install", *options, *wheels])
    return python


def output_of(problem: BaseException | None) -> list[str]:
    """What the program printed that failed."""
    while problem is not None:
        if text := getattr(problem, "output", None):
            return [line.rstrip() for line in text.decode(errors="replace").splitlines()][-TOLD:]
        problem = getattr(problem, "exception", None) or problem.__cause__
    return []


def is_met(line: str) -> bool:
    """Whether the requirement `line` is installed in the environment, with what it needs itself."""
    requirement = Requirement(line)
    if requirement.marker and not requirement.marker.evaluate():
        return True
    where = [str(path) for path in ENVIRONMENT.glob("lib/python*/site-packages")]
    found = {canonicalize_name(d.metadata["Name"]): d for d in distributions(path=where)}
    distribution = found.get(canonicalize_name(requirement.name))
    if distribution is None:
        return False
    return not requirement.extras and requirement.specifier.contains(distribution.version, prereleases=True)


def clamp(wheel: Path) -> None:
    """Give entries that are younger than SOURCE_DATE_EPOCH that time, where a backend paid it no heed.

    All other wheels stay as the backend made them, byte for byte.
    """
    latest = max(time.gmtime(EPOCH)[:6], (1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(wheel) as archive:
        if all(info.date_time <= latest for info in archive.infolist()):
            return
        part = wheel.with_suffix(".part")
        with zipfile.ZipFile(part, "w") as out:
            for info in archive.infolist():
                plain = zipfile.ZipInfo(info.filename, min(info.date_time, latest))
                plain.compress_type, plain.external_attr = info.compress_type, info.external_attr
                plain.create_system = info.create_system
                out.writestr(plain, archive.read(info))
    part.replace(wheel)


if __name__ == "__main__":
    main()
