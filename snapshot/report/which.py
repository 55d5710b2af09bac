"""The answers of `snap which`, as text for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from snapshot.digest import hex_of, short
from snapshot.document import to_builtins
from snapshot.record.document import Data, Parent, Run
from snapshot.record.lineage import Ancestor, Origin
from snapshot.report.lineage import Names, Tags, cut, metrics, place, step, summary
from snapshot.report.text import MOST, ago, command_line, count, on_a_line, outcome, shown

LONGEST = 500
"""Characters of a command."""
SEEN = {
    "from": "put there by `--from`",
    "read": "seen to be read",
    "argument": "named by an argument",
    "visible": "was there",
}


def answer(
    title: str, sha256: str, origins: Sequence[Origin], *, names: Names, now: datetime, tags: Tags | None = None
) -> str:
    """What `snap which` says of one file: the first run that wrote it in full, later ones in a line each."""
    first, later = origins[0], origins[1:]
    lines = [
        sha256 if title in (sha256, hex_of(sha256)) else f"{title}  {sha256}",
        *(f"  {key:<9}{text}" for key, text in _facts(first, names, now, (tags or {}).get(first.record.id, ()))),
        *(f"  also by  {_writer(origin, now)}" for origin in later[:MOST]),
        *([f"  {'':<9}… and {len(later) - MOST:,} more; see `--json`"] if len(later) > MOST else []),
    ]
    return "\n".join(on_a_line(line) for line in lines)


def _facts(origin: Origin, names: Names, now: datetime, tags: Sequence[str]) -> Iterator[tuple[str, str]]:
    run = origin.record
    yield "run", _writer(origin, now)
    if tags:
        yield "tags", ", ".join(tags)
    yield "command", cut(command_line(run), LONGEST, "…")
    yield "code", f"{run.code.identity} ({count(run.code.files - len(run.code.leftovers), 'file')})"
    if git := run.code.git:
        yield "git", f"{git.commit or 'no commit yet'}{', with uncommitted changes' if git.dirty else ''}"
    yield "lock", run.platform.lock
    yield "platform", ", ".join(_platform(run))
    yield from _several("data", [_data(data) for data in run.data])
    yield from _several("from", [_ancestor(ancestor, run, names) for ancestor in origin.ancestors])
    yield from _several("maybe", [f"{edge.relation} {place(edge, names)}: {_seen(edge)}" for edge in origin.maybe])
    if run.metrics:
        yield "metrics", metrics(run.metrics, MOST)


def _writer(origin: Origin, now: datetime) -> str:
    run = origin.record
    named = f" ({run.name})" if run.name else ""
    rest = len(origin.paths) - 1
    where = shown(origin.paths[0]) + (f" and {count(rest, 'other file')}" if rest else "")
    return ", ".join([f"{run.id}{named}", f"as {where}", outcome(run), ago(run.created, now)])


def _platform(run: Run) -> Iterator[str]:
    yield run.platform.base
    yield f"Python {run.platform.python}"
    if run.host and run.host.gpus:
        yield f"driver {run.host.gpus.driver}"
        yield from sorted({device.name for device in run.host.gpus.devices if device.name})


def _data(data: Data) -> str:
    said = [data.digest or "not identified", *([count(data.files, "file")] if data.files is not None else [])]
    if data.edits:
        said.append(f"{count(len(data.edits), 'edit')} while it ran")
    return f"{shown(data.path)}: {', '.join(said)}"


def _ancestor(ancestor: Ancestor, run: Run, names: Names) -> str:
    """One step back: what was taken over from which run, by which one if not by `run` itself."""
    record = ancestor.record
    said = [
        step(ancestor.edges, names),
        *([f"by {names(ancestor.child)}"] if ancestor.child != run.id else []),
        _seen(ancestor.edges[0]),
    ]
    if record is None:
        return ", ".join([*said, "no record"])
    code = "the same code" if record.code.identity == run.code.identity else f"code {short(record.code.identity)}"
    return ", ".join([*said, outcome(record), code])


def _seen(edge: Parent) -> str:
    return SEEN.get(edge.evidence, edge.evidence)


def _several(key: str, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    rest = len(lines) - MOST
    yield from ((key, line) for line in lines[:MOST])
    if rest > 0:
        yield key, f"… and {rest:,} more; see `--json`"


def object_of(asked: str, sha256: str, origins: Sequence[Origin], tags: Tags | None = None) -> dict[str, Any]:
    """One answer of `snap which --json`."""
    return {
        "asked": asked,
        "sha256": sha256,
        "runs": [_origin_object(origin, tags or {}) for origin in origins],
    }


def _origin_object(origin: Origin, tags: Tags) -> dict[str, Any]:
    run = origin.record
    return {
        "run": run.id,
        "paths": origin.paths,
        **summary(run, tags.get(run.id, ())),
        "data": to_builtins(run.data),
        "lock": run.platform.lock,
        "image": run.platform.image,
        "ancestors": [_ancestor_object(ancestor, tags.get(ancestor.run, ())) for ancestor in origin.ancestors],
        "maybe": to_builtins(origin.maybe),
    }


def _ancestor_object(ancestor: Ancestor, tags: Sequence[str]) -> dict[str, Any]:
    return {
        "run": ancestor.run,
        "child": ancestor.child,
        "edges": to_builtins(ancestor.edges),
        "recorded": ancestor.record is not None,
        **(summary(ancestor.record, tags) if ancestor.record else {}),
    }
