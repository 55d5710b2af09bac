"""The page of one run. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from snapshot.compare.verdict import DIFFERENT, WITHIN, Verdict
from snapshot.digest import short
from snapshot.document import Value
from snapshot.record.document import Metric, Output, Run
from snapshot.report import lineage, noise, private, show, text, verdict
from snapshot.report.html import chart, devices, graph, stack
from snapshot.report.html.chart import Chart, Line
from snapshot.report.html.graph import Graph
from snapshot.report.html.material import Files, Log, Material
from snapshot.report.html.parts import (
    BAD,
    DOUBTFUL,
    GOOD,
    Fact,
    Image,
    State,
    Table,
    facts,
    moment,
    seconds,
    so_far,
    state,
    table,
    title,
)
from snapshot.report.html.stack import Layer
from snapshot.report.html.thin import arrays
from snapshot.report.html.tree import Folder, tree

TILES = 6
"""Metrics on top of the page."""


class Tile(Value, frozen=True):
    """A metric in large letters."""

    name: str
    value: str
    detail: str


class Listing(Value, frozen=True):
    """A tree of files."""

    title: str
    detail: str
    folder: Folder | None
    """None where its files are not known, or it is one file."""
    note: str


class RunPage(Value, kw_only=True, frozen=True):
    """All of the page, in its order."""

    title: str
    id: str
    state: State
    elapsed: float | None
    """Seconds for which it goes on; None for one that does not."""
    said: str
    """The same for people."""
    summary: tuple[Fact, ...]
    tags: tuple[str, ...]
    verdict: State | None
    tiles: tuple[Tile, ...]
    problems: tuple[str, ...]
    notes: tuple[Fact, ...]
    warnings: tuple[Fact, ...]
    """What of it is not deterministic."""
    judged: Table | None
    likely: Table | None
    """What was not the same beside the outputs."""
    noise: str
    metrics: Table | None
    charts: tuple[Chart, ...]
    undrawn: int
    gpus: tuple[Fact, ...]
    devices: tuple[Chart, ...]
    layers: tuple[Layer, ...]
    image: tuple[Fact, ...]
    code: Listing
    code_facts: tuple[Fact, ...]
    data: tuple[Listing, ...]
    images: tuple[Image, ...]
    outputs: Table | None
    deleted: tuple[str, ...]
    parameters: Table | None
    environment: Table | None
    conditions: tuple[Fact, ...]
    graph: Graph | None
    log: Log | None


def page(found: Material, now: str) -> RunPage:
    """Everything that is known of a run, what is asked for most on top; `now` as documents have it."""
    run = private.told(found.run)
    return RunPage(
        title=title(run),
        id=run.id,
        state=state(run),
        elapsed=so_far(run, now),
        said=text.duration(so_far(run, now)),
        summary=facts(_summary(run)),
        tags=tuple(sorted(found.labels.tags)),
        verdict=_verdict(run, found.verdict),
        tiles=tuple(_tile(metric, found) for metric in _chosen(run.metrics)),
        problems=found.problems,
        notes=facts(_notes(found)),
        warnings=facts(list(show.deterministic(run))[1:]),
        judged=judged(found.verdict),
        likely=_likely(found.verdict),
        noise=noise.headline(found.noise) if found.noise else "",
        metrics=_metrics(found),
        charts=tuple(_charts(found)),
        undrawn=found.undrawn,
        gpus=facts(show.gpus(run)),
        devices=devices.charts(found.devices),
        layers=stack.stack(run, found.lock),
        image=facts([("image", run.platform.image or "not started"), ("lock", run.platform.lock)]),
        code=_code(run, found.code),
        code_facts=facts(_code_facts(run)),
        data=tuple(_data(found)),
        images=tuple(Image(text.shown(path), uri) for path, uri in found.images.items()),
        outputs=outputs(run.outputs),
        deleted=tuple(map(text.shown, run.deleted[:1000])),
        parameters=_mapping("Arguments", run.parameters),
        environment=_mapping("Environment variables", _environment(run)),
        conditions=facts(_conditions(run)),
        graph=graph.graph(run, found.family),
        log=found.log,
    )


def _summary(run: Run) -> Iterator[tuple[str, str]]:
    yield "command", text.clip(text.command_line(run), 2000)
    yield "in", text.shown(run.command.directory)
    if run.exit and run.exit.error:
        yield "error", run.exit.error
    yield "created", moment(run.created)
    if run.exit is not None:
        yield "time", seconds(run)
    yield from show.used(run)


def _verdict(run: Run, found: Verdict | None) -> State | None:
    if run.rerun is None:
        return None
    if found is None:
        return State(f"repeats run {run.rerun}; not compared", DOUBTFUL)
    return State(verdict.headline(found), judgement(found.verdict))


def judgement(word: str) -> str:
    """How the word of a verdict stands."""
    return {DIFFERENT: BAD, WITHIN: DOUBTFUL}.get(word, GOOD)


def _chosen(metrics: Sequence[Metric]) -> list[Metric]:
    """The first ones; series come before single numbers, which may as well be settings."""
    return sorted(metrics, key=lambda metric: metric.points <= 1)[:TILES]


def _tile(metric: Metric, found: Material) -> Tile:
    known = [value for _, value in found.curves.get(metric.name, ()) if np.isfinite(value)]
    said = [f"last of {text.count(metric.points, 'point')}"] if metric.points > 1 else []
    said += [f"least {min(known):.4g}, greatest {max(known):.4g}"] if len(known) > 1 else []
    said += _scatter(metric.name, found)
    return Tile(text.shown(metric.name), lineage.number(metric.value), "; ".join(said))


def _scatter(name: str, found: Material) -> list[str]:
    """How far it is apart when nothing changes, if that was measured."""
    measured = found.noise.metrics if found.noise else ()
    known = [m.deviation for m in measured if m.name == name and m.deviation is not None]
    return [f"±{known[0]:.2g} of noise"] if known else []


def _notes(found: Material) -> Iterator[tuple[str, str]]:
    yield from (("note", note) for note in found.run.notes)
    yield from (("edited", line) for line in show.edits(found.run)[:100])
    yield from ((moment(said.time), said.text) for said in found.labels.notes)
    if origin := found.labels.origin:
        yield "made elsewhere", f"taken in from {origin.reference}"
        if not origin.results:
            yield "results", "not here: they were not pushed"


def judged(found: Verdict | None) -> Table | None:
    """Each output against that of the run that was repeated."""
    if found is None or not found.outputs:
        return None
    rows = [verdict.row(one) for one in verdict.worst_first(found.outputs)]
    head = tuple(word.capitalize() for word in verdict.HEADER)
    return table("What came out, output by output", head, rows, numeric=(3, 4, 5, 6))


def _likely(found: Verdict | None) -> Table | None:
    if found is None or not found.differences:
        return None
    rows = [(one.what, one.first, one.second) for one in found.differences]
    return table("What was not the same beside it", ("", "Run", "Rerun"), rows)


def _metrics(found: Material) -> Table | None:
    if not found.run.metrics:
        return None
    rows = [
        (text.shown(m.name), f"{m.value:.8g}" if not isinstance(m.value, str) else m.value, f"{m.points:,}",
         "".join(_scatter(m.name, found)), text.shown(m.path))
        for m in found.run.metrics
    ]  # fmt: skip
    return table("Last values", ("Metric", "Value", "Points", "Noise", "Output"), rows, numeric=(1, 2))


def _charts(found: Material) -> Iterator[Chart]:
    for name, points in found.curves.items():
        drawn = chart.chart(text.shown(name), [Line("", *arrays(points))])
        if drawn:
            yield drawn


def _code(run: Run, found: Files) -> Listing:
    said = f"{text.count(run.code.files, 'file')}, {text.size(run.code.bytes)}, {short(run.code.digest)}"
    return Listing("The project", said, tree(found.files) if found.files else None, _files_note(found))


def _code_facts(run: Run) -> Iterator[tuple[str, str]]:
    yield from show.code(run)
    yield from (("skipped", f"{text.shown(s.path)} ({s.reason})") for s in run.code.skipped[:100])
    yield from show.opened(run)


def _files_note(found: Files) -> str:
    if found.problem:
        return f"its files are not known: {found.problem}"
    return f"{text.count(found.left_out, 'more file')} not listed here" if found.left_out else ""


def _data(found: Material) -> Iterator[Listing]:
    for data in found.run.data[:200]:
        files = found.data.get(data.path)
        has_list = files is not None and files.files
        note = _files_note(files) if files else ""
        yield Listing(
            text.shown(data.path), show.data_detail(data), tree(files.files) if files and has_list else None, note
        )


def outputs(found: Sequence[Output]) -> Table | None:
    """What was written."""
    rows = [
        (
            text.shown(one.path),
            one.change + (f"; only with the run: {one.kept_because}" if one.kept_because else ""),
            text.size(one.size),
            f"-> {text.shown(one.link)}" if one.link else one.sha256 or "",
        )
        for one in found
    ]
    return table("Outputs", ("Path", "Change", "Size", "SHA-256"), rows, numeric=(2,)) if rows else None


def _mapping(caption: str, values: dict[str, str]) -> Table | None:
    rows = [(text.shown(name), value) for name, value in sorted(values.items())]
    return table(caption, ("Name", "Value"), rows, most=500) if rows else None


def _environment(run: Run) -> dict[str, str]:
    return {**(run.determinism.environment if run.determinism else {}), **run.request.environment}


def _conditions(run: Run) -> Iterator[tuple[str, str]]:
    asked = run.request
    pairs = (("--gpus", asked.gpus), ("--network", asked.network), ("--shm-size", asked.shm_size),
             ("--memory", asked.memory), ("--cpus", asked.cpus))  # fmt: skip
    yield from ((name, value) for name, value in pairs if value is not None)
    yield from list(show.deterministic(run))[:1]
    if run.host:
        yield "host", run.host.machine.hostname
        yield "user", run.host.user
    yield "project", text.shown(run.project)
    yield "container", run.container
    yield "started", moment(run.started)
    yield "ended", moment(run.ended)
