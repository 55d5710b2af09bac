"""`--from RUN[:PATH[=TARGET]]`: outputs of earlier runs, put where the script expects them.

They become a lower layer of the run's view: the script may change or remove them there, and the earlier run keeps its
own. Nothing is put into the project, but for what the script itself writes.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from snapshot.document import Value
from snapshot.errors import StoreError, UsageError
from snapshot.host.files import disk_errors, make_dirs
from snapshot.project.names import display, from_text, to_text
from snapshot.record.document import Output, Run, Taken
from snapshot.record.store import Store

_NEVER = frozenset({".git", ".hg", ".svn", ".snap"})


class Source(Value, frozen=True):
    """A file of an earlier run, and where this one has it."""

    file: Path
    taken: Taken
    mode: int


def find(store: Store, texts: Iterable[str]) -> tuple[Source, ...]:
    """The files that `--from` names; of several for one place the last one counts.

    Raises UsageError for a run or a path that is not there, StoreError for an output that the store has lost.
    """
    found: dict[str, Source] = {}
    for text in texts:
        found |= {source.taken.target: source for source in _sources(store, text)}
    return tuple(found[target] for target in sorted(found))


def _sources(store: Store, text: str) -> Iterator[Source]:
    name, _, rest = text.partition(":")
    path, renamed, target = rest.partition("=")
    run = store.read(store.find(name))
    if run.exit is None:
        raise UsageError(
            f"run `{run.id}` of `--from` is not finished", hint=f"wait for it: `snap logs -f {run.id}` shows its output"
        )
    if renamed and not target:
        raise UsageError(f"`--from {display(text)}` names no target", hint="write `--from RUN:PATH=TARGET`")
    path = _plain(path) if path else ""
    chosen = [output for output in run.outputs if output.sha256 and _is_at(from_text(output.path), path)]
    if not chosen:
        raise _nothing(run, path)
    for output in chosen:
        place = from_text(output.path)
        if renamed:
            place = _plain(target + place[len(path) :])
        yield _source(store, run, output, _allowed(place))


def _is_at(output: str, path: str) -> bool:
    """Whether `output` is `path` or in it."""
    return not path or output == path or output.startswith(path + "/")


def _plain(path: str) -> str:
    return os.path.normpath(path)


def _allowed(target: str) -> str:
    """`target`, unless it is no place in the project."""
    parts = target.split("/")
    if os.path.isabs(target) or ".." in parts or target == "." or _NEVER & set(parts):
        raise UsageError(
            f"`--from` can't put a file at `{display(target)}`",
            hint="name a place in the project, relative to its root, as in `--from RUN:model.pt=weights/model.pt`",
        )
    return target


def _source(store: Store, run: Run, output: Output, target: str) -> Source:
    file = store.folder(run.id) / "outputs" / from_text(output.path)
    try:
        same = file.lstat().st_size == output.size
    except OSError:
        same = False
    if not same:
        raise StoreError(
            f"the output `{display(from_text(output.path))}` of run `{run.id}` is not what it was",
            hint="`snap fsck` tells what else is damaged",
        )
    taken = Taken(run=run.id, path=output.path, target=to_text(target), sha256=output.sha256 or "")
    return Source(file, taken, output.mode)


def _nothing(run: Run, path: str) -> UsageError:
    known = [from_text(output.path) for output in run.outputs if output.sha256]
    if not known:
        return UsageError(f"run `{run.id}` of `--from` has no outputs", hint=f"see `snap show {run.id}`")
    near = difflib.get_close_matches(path, known, n=3) or known[:3]
    listed = ", ".join(f"`{display(name)}`" for name in near)
    return UsageError(f"run `{run.id}` has no output `{display(path)}`", hint=f"it has {listed}")


def lay_out(folder: Path, sources: Sequence[Source]) -> Path | None:
    """A layer with the files in their places; None when there are none. They are hard links: nothing writes to it."""
    if not sources:
        return None
    for source in sources:
        place = folder / from_text(source.taken.target)
        make_dirs(place.parent)
        with disk_errors(place):
            os.link(source.file, place, follow_symlinks=False)
    return folder
