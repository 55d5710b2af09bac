"""The code of a run as files to look at, up to a bound."""

from __future__ import annotations

from pathlib import Path

from snapshot.digest import short
from snapshot.errors import StoreError
from snapshot.record.code import packs, snapshots
from snapshot.record.code.snapshots import DIRECTORY, EXECUTABLE, CodeEntry
from snapshot.record.document import Run
from snapshot.report import text
from snapshot.report.html.material import Files
from snapshot.report.html.tree import File

MOST = 2000
"""Files."""
FILE, ALTOGETHER = 60_000, 600_000
"""Bytes that are shown of one, and of all."""
_LOOKS = 8000


def files(store: Path, run: Run) -> Files:
    """The files of the snapshot; texts with what is in them, the run's own script and Python first."""
    try:
        entries = [e for e in snapshots.manifest(store, run.code.digest).entries if e.mode != DIRECTORY]
        contents = packs.load(store)
    except (StoreError, OSError) as problem:
        return Files(files=(), problem=problem.message if isinstance(problem, StoreError) else str(problem))
    shown = _contents(store, contents, sorted(entries, key=lambda entry: _rank(entry, run))[:MOST])
    found = tuple(File(e.path, e.size, _detail(e), shown.get(e.path)) for e in entries if e.path in shown)
    return Files(files=found, left_out=len(entries) - len(found))


def _rank(entry: CodeEntry, run: Run) -> tuple[bool, bool, int, str]:
    script = run.command.argv[0] if run.command.argv else ""
    return not script.endswith(entry.path), not entry.path.endswith(".py"), entry.path.count("/"), entry.path


def _contents(store: Path, contents: packs.Contents, entries: list[CodeEntry]) -> dict[str, str | None]:
    """What is in each, or None for what is not shown."""
    found: dict[str, str | None] = {}
    left = ALTOGETHER
    for entry in entries:
        found[entry.path] = None
        if entry.sha256 and left > 0 and entry.size <= 100 * FILE:
            found[entry.path] = _text(store, contents, entry, min(FILE, left))
            left -= min(entry.size, FILE) if found[entry.path] is not None else 0
    return found


def _text(store: Path, contents: packs.Contents, entry: CodeEntry, most: int) -> str | None:
    try:
        data = packs.read(store, contents, bytes.fromhex(entry.sha256))
    except (StoreError, ValueError, OSError) as problem:
        return f"… {problem}"
    if b"\0" in data[:_LOOKS]:
        return None
    more = f"\n… {text.count(len(data) - most, 'more byte')}" if len(data) > most else ""
    return data[:most].decode(errors="backslashreplace").replace("\r\n", "\n").expandtabs() + more


def _detail(entry: CodeEntry) -> str:
    if not entry.sha256:
        return f"-> {text.shown(entry.target)}"
    return short("sha256:" + entry.sha256) + (", executable" if entry.mode == EXECUTABLE else "")
