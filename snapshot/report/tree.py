"""The trees of `snap log`, as text for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from snapshot.digest import short
from snapshot.document import Value, to_builtins
from snapshot.record.document import Run
from snapshot.record.forest import Node, Tree
from snapshot.record.lineage import is_weak
from snapshot.report.lineage import Names, Tags, cut, metrics, place, step, summary
from snapshot.report.text import ago, command_line, outcome, table

DEEPEST = 16
"""Levels that are indented; what is deeper says whose child it is, as every node does."""
FEW = 3
"""Other parents of a run that are named in a tree."""
NAME, FROM, METRICS, COMMAND = 40, 120, 60, 60
"""The most characters of what has no bounds of its own."""


class Signs(Value, frozen=True):
    """What trees are drawn with; every field but the last is two columns wide."""

    fork: str
    corner: str
    bar: str
    cut: str


BOX = Signs("├─", "└─", "│ ", "…")
ASCII = Signs("|-", "`-", "| ", "...")


def drawing(
    trees: Iterable[Tree],
    *,
    names: Names,
    now: datetime,
    signs: Signs = BOX,
    tags: Tags | None = None,
    marked: str | None = None,
    width: int | None = None,
) -> str:
    """The tables of `snap log`: a line for each run, and what made it its parent's child.

    `marked` has a `*`; lines are cut at `width` characters.
    """
    rows = [row for tree in trees for row in _rows(tree, names, now, signs, tags or {}, marked)]
    header = ("RUN", "STATUS", "CREATED", "FROM", "METRICS", "CODE", "COMMAND")
    used = [column for column, name in enumerate(header) if name not in ("FROM", "METRICS") or _any(rows, column)]
    lines = table([header[i] for i in used], ([row[i] for i in used] for row in rows))
    if width is None:
        return lines
    return "\n".join(cut(line, width, signs.cut) for line in lines.splitlines())


def _any(rows: Iterable[Sequence[str]], column: int) -> bool:
    return any(row[column] for row in rows)


def _rows(
    tree: Tree, names: Names, now: datetime, signs: Signs, tags: Tags, marked: str | None
) -> Iterator[tuple[str, ...]]:
    records = {node.run: node.record for node in tree}
    open_levels: list[bool] = []
    for node in tree:
        run = node.record
        known = [run.name] if run and run.name else []
        known += [f"#{tag}" for tag in tags.get(node.run, ())] + ["*"] * (node.run == marked)
        label = " ".join(
            [_branch(node, open_levels, signs) + names(node.run), *(cut(k, NAME, signs.cut) for k in known)]
        )
        if run is None:
            yield label, "no record", "", "", "", "", ""
            continue
        yield (
            label,
            outcome(run),
            ago(run.created, now),
            cut(_origin_of(node, records, names), FROM, signs.cut),
            cut(metrics(run.metrics, 2), METRICS, signs.cut),
            short(run.code.identity),
            cut(command_line(run), COMMAND, signs.cut),
        )


def _branch(node: Node, open_levels: list[bool], signs: Signs) -> str:
    """The lines that lead to a node; `open_levels` says at which levels others follow, and is kept up to date."""
    level = min(node.depth, DEEPEST)
    if level == 0:
        open_levels.clear()
        return ""
    del open_levels[level - 1 :]
    bars = "".join(signs.bar if is_open else "  " for is_open in open_levels)
    open_levels.append(not node.is_last)
    return bars + (signs.corner if node.is_last else signs.fork)


def _origin_of(node: Node, records: Mapping[str, Run | None], names: Names) -> str:
    """What made a node the child of its parents."""
    said = []
    if node.under:
        said.append(step(node.under, names))
        said += ["not seen to be read"] * is_weak(node.under[0])
        parent = records.get(node.under[0].run)
        if parent and node.record and parent.code.identity != node.record.code.identity:
            said.append("other code")
    said += [f"also from {place(edge, names)}" for edge in node.also[:FEW]]
    rest = len(node.also) - FEW
    return ", ".join([*said, *([f"{rest:,} more"] if rest > 0 else [])])


def objects(trees: Iterable[Tree], tags: Tags | None = None) -> list[dict[str, Any]]:
    """The runs of `snap log --json`, in the order of the drawing."""
    return [_object(node, (tags or {}).get(node.run, ())) for tree in trees for node in tree]


def _object(node: Node, tags: Sequence[str]) -> dict[str, Any]:
    run = node.record
    return {
        "run": node.run,
        "under": node.under[0].run if node.under else None,
        "depth": node.depth,
        "parents": to_builtins(run.parents) if run else [],
        "recorded": run is not None,
        **(summary(run, tags) if run else {}),
    }
