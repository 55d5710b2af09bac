"""The runs of the project: those that nobody finished, and what they left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from snapshot.doctor.checks import note, ok, warning
from snapshot.doctor.filesystem import PREFIX
from snapshot.finding import Finding
from snapshot.record.store import Store
from snapshot.report.text import count

CHECK = "runs"
OLD_SECONDS = 60


def look(root: Path, now: datetime) -> Iterator[Finding]:
    """Read the store; nothing is finished or removed."""
    store = Store(root)
    if not store.exists():
        yield note(CHECK, "this folder has no runs yet")
        return
    abandoned = []
    for run_id, claim in store.abandoned():
        with claim:
            abandoned.append(run_id)
    left = [*store.runs.glob(".removed-*"), *store.path.glob(f"{PREFIX}*"), *root.glob(f"{PREFIX}*")]
    yield from findings(
        total=len(store.ids()),
        busy=len(store.unfinished()) - len(abandoned),
        abandoned=abandoned,
        damaged=[run_id for run_id in store.damaged() if run_id not in store.unfinished()],
        left=[path for path in left if _is_old(path, now.timestamp())],
    )


def _is_old(folder: Path, now: float) -> bool:
    """Whether nobody can be at work in it any more: this very examination has such a folder too."""
    try:
        return now - folder.stat().st_mtime > OLD_SECONDS
    except OSError:
        return False


def findings(*, total: int, busy: int, abandoned: list[str], damaged: list[str], left: list[Path]) -> Iterator[Finding]:
    """What the store holds that should not be there."""
    if abandoned:
        said = f"{count(len(abandoned), 'run')} lost the `snap` that looked after it: {_some(abandoned)}"
        yield warning(CHECK, said, "`snap ls` finishes the records of those that have ended")
    if damaged:
        said = f"{count(len(damaged), 'record')} can't be read: {_some(damaged)}"
        yield warning(CHECK, said, f"restore `.snap/runs/ID/run.json`, or remove the run: `snap rm {damaged[0]}`")
    if left:
        said = f"{count(len(left), 'folder')} left of what was removed or tried: {_some([str(p) for p in left])}"
        yield warning(CHECK, said, "remove them, if no other `snap` is at work")
    if not (abandoned or damaged or left):
        yield ok(CHECK, count(total, "run") + (f", {busy} of them going on" if busy else ""))


def _some(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:3]) + (", …" if len(names) > 3 else "")
