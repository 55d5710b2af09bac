"""A run between the runs that it descends from and those that descend from it, as a drawing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snapshot.document import Value
from snapshot.record.document import Run
from snapshot.record.lineage import by_run
from snapshot.report import lineage, text
from snapshot.report.html.material import Family

MOST = 8
"""Runs on top of each other."""
DEEPEST = 4
"""Steps in each direction."""
WIDE, HIGH, GAP, BETWEEN = 168, 46, 14, 70


class Node(Value, kw_only=True, frozen=True):
    """A run as a box."""

    x: int
    y: int
    name: str
    detail: str
    id: str
    is_self: bool


class Edge(Value, kw_only=True, frozen=True):
    """What leads from an earlier run to a later one."""

    path: str
    """Of SVG."""
    said: str
    dashed: bool
    """Whether the later one repeats the earlier one, rather than having something of it."""


class Graph(Value, kw_only=True, frozen=True):
    """The drawing, in user units of SVG."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    more: bool
    """Whether there are more runs than are drawn."""


def graph(run: Run, family: Family) -> Graph | None:
    """None for a run without family."""
    columns: dict[int, list[str]] = {0: [run.id]}
    records: dict[str, Run | None] = {run.id: run}
    for sign, found in ((-1, family.ancestors), (1, family.descendants)):
        for one, (step, record) in found.items():
            column = columns.setdefault(sign * step, []) if step <= DEEPEST else []
            if step <= DEEPEST and len(column) < MOST:
                column.append(one)
                records[one] = record
    if len(records) == 1:
        return None
    tallest = max(map(len, columns.values()))
    height = tallest * (HIGH + GAP) + GAP
    places = dict(_places(columns, height))
    return Graph(
        width=(max(columns) - min(columns) + 1) * (WIDE + BETWEEN) - BETWEEN + 2 * GAP,
        height=height,
        nodes=tuple(_node(one, records[one], places[one], family, run) for one in records),
        edges=tuple(_edges(records, places, family)),
        more=family.left_out or len(records) < 1 + len(family.ancestors) + len(family.descendants),
    )


def _places(columns: Mapping[int, list[str]], height: int) -> Iterator[tuple[str, tuple[int, int]]]:
    first = min(columns)
    for column, runs in columns.items():
        top = (height - len(runs) * (HIGH + GAP) + GAP) // 2
        for row, run in enumerate(sorted(runs)):
            yield run, (GAP + (column - first) * (WIDE + BETWEEN), top + row * (HIGH + GAP))


def _node(one: str, record: Run | None, place: tuple[int, int], family: Family, run: Run) -> Node:
    name = record.name if record and record.name else family.names.get(one, one)
    detail = "no record here" if record is None else f"{text.outcome(record)}, {text.duration(_seconds(record))}"
    return Node(
        x=place[0], y=place[1], name=text.clip(name, 20), detail=text.clip(detail, 24), id=one, is_self=one == run.id
    )  # fmt: skip


def _seconds(run: Run) -> float | None:
    try:
        return run.seconds
    except ValueError:  # a time that is none
        return None


def _edges(records: Mapping[str, Run | None], places: Mapping[str, tuple[int, int]], family: Family) -> Iterator[Edge]:
    def name(run: str) -> str:
        return family.names.get(run, run)

    for child, record in records.items():
        if record is None:
            continue
        for parent, edges in by_run(record.parents).items():
            if parent in places and parent != child:
                said = f"{name(child)}: {lineage.step(edges, name)}"
                yield Edge(path=_curve(places[parent], places[child]), said=said, dashed=False)
        if record.rerun in places and record.rerun is not None:
            said = f"{name(child)} repeats {name(record.rerun)}"
            yield Edge(path=_curve(places[record.rerun], places[child]), said=said, dashed=True)


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    x, y = start[0] + WIDE, start[1] + HIGH // 2
    to_x, to_y = end[0], end[1] + HIGH // 2
    middle = (x + to_x) // 2
    return f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"
