"""`SHA256SUMS` of a finished run, as `sha256sum -c` reads it: whether its files are those that the run left."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from snapshot.host.files import write_atomic

NAME = "SHA256SUMS"
FILES = ("run.json", "snap.lock", "log", "gpu.csv", "reads.json.gz")
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


def write_sums(folder: Path) -> None:
    """Write down the files of a run's folder as far as they are there; outputs have their digests in the record.

    Raises HostError as `write_atomic` does.
    """
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in FILES if (folder / name).is_file()]
    write_atomic(folder / NAME, "".join(lines).encode())


def check_sums(folder: Path) -> tuple[str, ...]:
    """What is not as it was written down, each with its file's name; nothing for a run of before there were sums."""
    try:
        text = (folder / NAME).read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as problem:
        return (f"`{NAME}` can't be read: {_reason(problem)}",)
    return tuple(said for line in text.splitlines() if (said := _wrong(folder, line)))


def _wrong(folder: Path, line: str) -> str | None:
    match = _LINE.fullmatch(line)
    if match is None or match[2] not in FILES:
        return f"`{NAME}` is damaged"
    try:
        return None if _sha256(folder / match[2]) == match[1] else f"`{match[2]}` is not the file that it was"
    except FileNotFoundError:
        return f"`{match[2]}` is gone"
    except OSError as problem:
        return f"`{match[2]}` can't be read: {_reason(problem)}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(problem: OSError) -> str:
    return (problem.strerror or str(problem)).lower()
