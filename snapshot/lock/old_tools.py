"""pip, pip-tools, installer and what they need, for a base whose Python our own do not run on: pinned, fetched once."""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path

from snapshot import digest
from snapshot.errors import IntegrityError, NetworkError, ResolveError
from snapshot.host import package_cache, process
from snapshot.host.pip_config import strip_credentials
from snapshot.lock import files

OLDEST = "3.8"
"""The oldest Python that they run on."""
_DATA = "data/old_tools.toml"
_LIMIT = 600
"""Seconds that pip has to fetch 3 MB."""


def wheels(cache_dir: Path, *projects: str, offline: bool = False) -> tuple[Path, ...]:
    """The pinned wheels of `projects`, or all of them, in the cache.

    What is missing there is fetched by our pip, as she has configured it.

    Raises NetworkError when they can't be had, IntegrityError when they are not those that were pinned.
    """
    known = {
        name: digest.PREFIX + sha256
        for name, sha256 in pinned().items()
        if not projects or name.split("-")[0] in projects
    }
    paths = {name: package_cache.path(cache_dir, sha256, name) for name, sha256 in known.items()}
    missing = [name for name in known if not files.is_held(paths[name], known[name])]
    if missing and offline:
        raise NetworkError(
            f"offline, and not on this host: {', '.join(f'`{name}`' for name in missing)}, "
            "which a base with an old Python takes",
            hint="run `snap build` once without `--offline`",
        )
    if missing:
        _fetch({name: pinned()[name] for name in missing}, cache_dir)
    return tuple(paths.values())


def version(project: str) -> str:
    """The pinned version of `project`."""
    return next(parts[1] for name in pinned() if (parts := name.split("-"))[0] == project.replace("-", "_"))


def check(python: str, base: str) -> None:
    """Raise ResolveError when `python`, the version that `base` has, is too old for these as well."""
    if minor(python) < minor(OLDEST):
        raise ResolveError(
            f"the base `{base}` has Python {python}, and Python {OLDEST} or newer is needed",
            hint="choose a newer `base`",
        )


def minor(python: str) -> tuple[int, ...]:
    """`(3, 8)` of the version `3.8.10`."""
    return tuple(int(part) for part in re.findall(r"\d+", python, re.ASCII)[:2])


@cache
def pinned() -> dict[str, str]:
    """The wheels' sha256 by their file names."""
    table: dict[str, str] = tomllib.loads((resources.files("snapshot.lock") / _DATA).read_text(encoding="utf-8"))
    return table


def _fetch(wanted: dict[str, str], cache_dir: Path) -> None:
    lines = []
    for name, sha256 in wanted.items():
        project, number = name.split("-")[:2]
        lines.append(f"{project}=={number} --hash=sha256:{sha256}\n")
    with tempfile.TemporaryDirectory(prefix="snap-tools-") as folder:
        asked = Path(folder, "requirements.txt")
        asked.write_text("".join(lines), encoding="utf-8")
        options = ["--no-deps", "--only-binary=:all:", f"--python-version={OLDEST}", "--require-hashes", "--no-input"]
        command = [sys.executable, "-m", "pip", "download", *options, f"--dest={folder}", f"--requirement={asked}"]
        done = process.run(command, timeout=_LIMIT)
        for name, sha256 in wanted.items():
            if not Path(folder, name).is_file():
                raise _failed(done, name)
            got, _ = files.keep(Path(folder, name), cache_dir, name)
            assert got == sha256


def _failed(done: process.Finished, name: str) -> NetworkError | IntegrityError:
    if "DO NOT MATCH THE HASHES" in done.stderr:
        return IntegrityError(
            f"`{name}`, which a base with an old Python takes, has other bytes on the index than were pinned",
            hint="find out who changed it; `pip config debug` tells which indexes are asked",
        )
    said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    reason = strip_credentials(said[-1]) if said else f"pip ended with {done.code}"
    project, number = name.split("-")[:2]
    return NetworkError(
        f"`{name}`, which a base with an old Python takes, can't be fetched: {reason}",
        hint=f"does `pip download --no-deps {project}=={number}` work on this machine?",
    )
