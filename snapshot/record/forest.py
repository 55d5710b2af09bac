"""Runs as trees, each run under the one that it most surely descends from. Pure, and linear in runs and edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from snapshot.document import Value
from snapshot.record.document import Parent, Run
from snapshot.record.lineage import by_run


class Node(Value, kw_only=True, frozen=True):
    """A run in a tree; the nodes of a tree are in the order in which they are drawn, from top to bottom."""

    run: str
    record: Run | None
    """None for one that was removed or can't be read."""
    depth: int
    """0 for the top of the tree."""
    is_last: bool
    """Whether none that has the same parent follows."""
    under: tuple[Parent, ...] = ()
    """The edges to the run that it is drawn under, the surest first."""
    also: tuple[Parent, ...] = ()
    """The surest edge to each of its other parents."""


Tree = tuple[Node, ...]


def with_parents(runs: Iterable[Run]) -> dict[str, Run | None]:
    """`runs` by their IDs, and None for each parent of theirs that is not among them."""
    records = {run.id: run for run in runs}
    return {**{edge.run: None for run in records.values() for edge in run.parents}, **records}


def forest(records: Mapping[str, Run | None], *, weak: bool = False) -> tuple[Tree, ...]:
    """Each run of `records` once, in trees; the tree with the newest run first, in a tree the oldest child first.

    Edges lead to parents in `records` only; others are still named in `Node.also`. Weak edges count only if `weak`.
    A run without a record is there only for those that descend from it. IDs sort by time.
    """
    edges = {run: by_run(record.parents if record else (), weak=weak) for run, record in records.items()}
    above = _without_cycles(
        {
            run: next((parent for parent in found if parent in records and parent != run), None)
            for run, found in edges.items()
        }
    )
    children: dict[str, list[str]] = {run: [] for run in records}
    for run in sorted(records):
        parent = above[run]
        if parent is not None:
            children[parent].append(run)
    tops = [run for run, record in records.items() if above[run] is None and (record is not None or children[run])]
    trees = [tuple(_tree(top, records, edges, children)) for top in tops]
    return tuple(sorted(trees, key=lambda tree: max(node.run for node in tree), reverse=True))


def _tree(
    top: str,
    records: Mapping[str, Run | None],
    edges: Mapping[str, Mapping[str, tuple[Parent, ...]]],
    children: Mapping[str, list[str]],
) -> Iterable[Node]:
    """From top to bottom; with a stack, since a chain of resumed runs may be longer than Python's own is deep."""
    stack: list[tuple[str, str | None, int, bool]] = [(top, None, 0, True)]
    while stack:
        run, parent, depth, is_last = stack.pop()
        yield Node(
            run=run,
            record=records[run],
            depth=depth,
            is_last=is_last,
            under=edges[run][parent] if parent is not None else (),
            also=tuple(found[0] for other, found in edges[run].items() if other not in (parent, run)),
        )
        below = children[run]
        stack.extend((child, run, depth + 1, child == below[-1]) for child in reversed(below))


def _without_cycles(above: Mapping[str, str | None]) -> dict[str, str | None]:
    """`above` with one edge taken out of each cycle, which only records that somebody wrote by hand have."""
    kept = dict(above)
    settled: set[str] = set()
    for start in sorted(above):
        path: set[str] = set()
        at: str | None = start
        while at is not None and at not in settled:
            if at in path:
                kept[at] = None
                break
            path.add(at)
            at = kept[at]
        settled |= path
    return kept
