"""How runs descend from each other, by content: an input whose bytes an earlier run wrote makes an edge.

Pure: records in, edges out. Where the bytes lay when they were written decides nothing, so a file that was renamed,
moved, or brought back from another machine still leads to its run.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final, Literal, Protocol

from snapshot.document import Value
from snapshot.record.document import Command, Output, Parent, Run

FROM: Final = "from"
READ: Final = "read"
ARGUMENT: Final = "argument"
VISIBLE: Final = "visible"
EVIDENCE = (FROM, READ, ARGUMENT, VISIBLE)
"""How it is known that a run had its input, the surest first."""
RESUMED: Final = "resumed-from"
TUNED: Final = "fine-tuned-from"
USED: Final = "used"
RELATIONS = (RESUMED, TUNED, USED)
"""What a run made of an earlier one's output, the most telling first."""
MOST = 10_000
"""Runs that a walk visits; what is beyond is left out."""
MOST_EDGES = 100
"""Edges that a run keeps to one parent: data that an earlier run prepared may be a million files."""

_WEIGHTS = re.compile(
    r"\.(?:pt|pth|pt2|ckpt|checkpoint|safetensors|bin|gguf|ggml|distcp|nemo"  # PyTorch
    r"|h5|hdf5|keras|pb|tflite|weights|caffemodel"  # Keras, TensorFlow, Caffe
    r"|msgpack|eqx|npz|pdparams|pdopt|params|onnx"  # JAX, Paddle, MXNet
    r"|pkl|pickle|joblib|dill|model|ubj|cbm)(?=[-.]|$)"  # scikit-learn, XGBoost, CatBoost
)
"""In the names of files that hold what was learned; in `model.ckpt-100.index` too."""

Evidence = Literal["from", "read", "argument", "visible"]
RecordOf = Callable[[str], Run | None]
"""The record of a run; None for one that was removed or can't be read."""


class Input(Value, kw_only=True, frozen=True):
    """A file that a run had."""

    path: str
    """As `Parent.input`."""
    sha256: str
    evidence: Evidence


class Writer(Protocol):
    """A run that wrote some bytes, and where."""

    @property
    def run(self) -> str: ...

    @property
    def path(self) -> str: ...


class Ancestor(Value, kw_only=True, frozen=True):
    """A run that another one descends from."""

    run: str
    record: Run | None
    """None for one that was removed or can't be read."""
    child: str
    """The run by which it was come upon, the nearest one."""
    edges: tuple[Parent, ...]
    """The edges from that child to it, the surest first."""


class Origin(Value, kw_only=True, frozen=True):
    """A run that wrote the bytes asked for."""

    record: Run
    paths: tuple[str, ...]
    """Its outputs that have these bytes."""
    ancestors: tuple[Ancestor, ...]
    """Nearest first, without those known by weak edges alone."""
    maybe: tuple[Parent, ...]
    """Its own weak edges: files that were there, and that nobody saw it read."""


def parents(
    run: Run, inputs: Iterable[Input], writers: Mapping[str, Sequence[Writer]], record_of: RecordOf
) -> tuple[Parent, ...]:
    """The edges of `run` to the earlier runs that wrote its inputs, the surest first.

    `writers` has, for each sha256 that is known, the runs that wrote it, oldest first. What `--from` put in place
    needs none: it is in `run.taken`. An input that was merely there, and that the run wrote over, makes no edge: it is
    what the last run left behind.
    """
    outputs = {output.path: output for output in run.outputs}
    taken = {(found.target, found.sha256): found for found in run.taken}
    named = (Input(path=found.target, sha256=found.sha256, evidence=FROM) for found in run.taken)
    edges: dict[tuple[str, str], Parent] = {}
    for had in sorted([*named, *inputs], key=lambda had: EVIDENCE.index(had.evidence)):
        output = outputs.get(had.path)
        evidence = had.evidence if output is None else _WRITTEN_OVER.get(had.evidence, had.evidence)
        if evidence is None:
            continue
        writer = taken.get((had.path, had.sha256)) or _writer(run, had, writers.get(had.sha256, ()), record_of)
        if writer is not None and (writer.run, writer.path) not in edges:
            edges[writer.run, writer.path] = Parent(
                run=writer.run,
                path=writer.path,
                input=had.path,
                sha256=had.sha256,
                relation=_relation(run, had, output, writer.path, record_of(writer.run)),
                evidence=evidence,
            )
    kept = (group[:MOST_EDGES] for group in by_run(edges.values(), weak=True).values())
    return surest_first(chain.from_iterable(kept))


_WRITTEN_OVER = {ARGUMENT: VISIBLE, VISIBLE: None}
"""What evidence is worth once the run wrote over its input: `--out model.pt` names what is to be written."""


def surest_first(edges: Iterable[Parent]) -> tuple[Parent, ...]:
    """By evidence, then by relation, then the newest parent first; words that this version does not know come last."""
    found = sorted(edges, key=lambda edge: edge.path)
    found.sort(key=lambda edge: edge.run, reverse=True)
    found.sort(key=lambda edge: (_place(edge.evidence, EVIDENCE), _place(edge.relation, RELATIONS)))
    return tuple(found)


def is_weak(edge: Parent) -> bool:
    """Whether nothing but the file's being there speaks for the edge."""
    return _place(edge.evidence, EVIDENCE) >= EVIDENCE.index(VISIBLE)


def by_run(edges: Iterable[Parent], *, weak: bool = False) -> dict[str, tuple[Parent, ...]]:
    """The edges to each parent, the surest first, as are the parents; without weak ones unless `weak`."""
    found: defaultdict[str, list[Parent]] = defaultdict(list)
    for edge in surest_first(edges):
        if weak or not is_weak(edge):
            found[edge.run].append(edge)
    return {run: tuple(group) for run, group in found.items()}


def ancestors(run: Run, record_of: RecordOf, *, weak: bool = False, most: int = MOST) -> tuple[Ancestor, ...]:
    """The runs that `run` descends from, nearest first, each once; at most `most`.

    One without a record is told too, and is where the walk ends.
    """
    return tuple(islice(_ancestors(run, record_of, weak=weak), most))


def _ancestors(run: Run, record_of: RecordOf, *, weak: bool) -> Iterator[Ancestor]:
    seen, queue = {run.id}, deque([run])
    while queue:
        child = queue.popleft()
        for parent, edges in by_run(child.parents, weak=weak).items():
            if parent in seen:
                continue
            seen.add(parent)
            record = record_of(parent)
            yield Ancestor(run=parent, record=record, child=child.id, edges=edges)
            if record is not None:
                queue.append(record)


def descendants(run_id: str, children_of: Callable[[str], Iterable[str]], *, most: int = MOST) -> tuple[str, ...]:
    """The runs that descend from `run_id`, nearest first, each once; at most `most`."""
    return tuple(islice(_descendants(run_id, children_of), most))


def _descendants(run_id: str, children_of: Callable[[str], Iterable[str]]) -> Iterator[str]:
    seen, queue = {run_id}, deque([run_id])
    while queue:
        for child in children_of(queue.popleft()):
            if child not in seen:
                seen.add(child)
                yield child
                queue.append(child)


def which(writers: Iterable[Writer], record_of: RecordOf) -> tuple[Origin, ...]:
    """The runs among `writers` that have a record, in their order, with what they descend from."""
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for writer in writers:
        paths[writer.run].append(writer.path)
    found = ((record_of(run), there) for run, there in paths.items())
    return tuple(_origin(record, tuple(there), record_of) for record, there in found if record is not None)


def _origin(record: Run, paths: tuple[str, ...], record_of: RecordOf) -> Origin:
    known = ancestors(record, record_of)
    runs = {ancestor.run for ancestor in known}
    maybe = tuple(edge for edge in surest_first(record.parents) if is_weak(edge) and edge.run not in runs)
    return Origin(record=record, paths=paths, ancestors=known, maybe=maybe)


def _writer(run: Run, had: Input, writers: Sequence[Writer], record_of: RecordOf) -> Writer | None:
    """Of the earlier runs that wrote an input the one that it most probably is of.

    IDs sort by time. One that had not ended when `run` was asked for can hardly be it, and the newest is what lies
    under a path that several wrote.
    """
    earlier = [writer for writer in reversed(writers) if writer.run < run.id]
    earlier.sort(key=lambda writer: writer.path != had.path)
    ended = (writer for writer in earlier if _had_ended(record_of(writer.run), run))
    return next(ended, earlier[0] if earlier else None)


def _had_ended(record: Run | None, run: Run) -> bool:
    return record is not None and record.ended is not None and record.ended <= run.created


def _relation(run: Run, had: Input, output: Output | None, written: str, parent: Run | None) -> str:
    same_program = parent is not None and program(parent.command) == program(run.command)
    went_on = output is not None and output.sha256 != had.sha256
    if same_program and (went_on or (parent is not None and _was_cut_off(parent))):
        return RESUMED
    return TUNED if looks_like_weights(had.path) or looks_like_weights(written) else USED


def _was_cut_off(run: Run) -> bool:
    """Whether it ended otherwise than well, as far as is known; one that still goes on did not."""
    return run.exit is not None and (run.exit.code != 0 or run.exit.signal is not None or run.exit.out_of_memory)


def program(command: Command) -> tuple[str, str]:
    """What a command runs, whatever its arguments: kind, and script, module, or first words of a command."""
    first, *rest = command.argv or ("",)
    if command.kind == "script":
        return command.kind, posixpath.normpath(posixpath.join(command.directory, first))
    if command.kind == "module":
        return command.kind, first
    # `python train.py --lr 1` and `python train.py` are the same, `python other.py` is not.
    word = next((word for word in rest if not word.startswith("-")), "")
    return command.kind, f"{first} {word}"


def looks_like_weights(path: str) -> bool:
    """Whether a file's name is one that weights have."""
    return _WEIGHTS.search(posixpath.basename(path).lower()) is not None


def _place(word: str, words: Sequence[str]) -> int:
    return words.index(word) if word in words else len(words)
