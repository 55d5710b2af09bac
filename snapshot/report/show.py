"""The page of `snap show`: one record as text for people. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from snapshot.record.document import Data, Edit, Metric, Output, Parent, Run, Taken
from snapshot.record.labels import NONE, Labels
from snapshot.record.usage import GpuUsage
from snapshot.report.lineage import number
from snapshot.report.text import MOST, clip, command_line, count, duration, harmless, on_a_line, outcome, shown, size
from snapshot.run.outside import WORKSPACE

if TYPE_CHECKING:
    from snapshot.cause.noise import Noise
    from snapshot.compare.verdict import Verdict
    from snapshot.lock.document import Lock

T = TypeVar("T")

_LONGEST_COMMAND = 500


def details(
    run: Run,
    lock: Lock | None = None,
    labels: Labels = NONE,
    verdict: Verdict | None = None,
    noise: Noise | None = None,
) -> str:
    """The page of `snap show`; `lock` is the one that the run was started with, `labels` what was said of it since.

    `verdict` is what came out of comparing it with the run that it repeats, `noise` how far its own repeats are apart.
    """
    pairs = [
        ("run", run.id + (f" ({run.name})" if run.name else "")),
        *([("tags", ", ".join(sorted(labels.tags)))] if labels.tags else []),
        *([("made", f"elsewhere, taken in from {labels.origin.reference}")] if labels.origin else []),
        *_repeats(run, verdict),
        ("command", clip(command_line(run), _LONGEST_COMMAND)),
        ("in", run.command.directory),
        ("status", outcome(run) + (f": {run.exit.error}" if run.exit and run.exit.error else "")),
        ("created", run.created),
        ("time", duration(run.seconds)),
        *used(run),
        *code(run),
        *_platform(run),
        *(_stack(lock) if lock else ()),
        *_host(run),
        *gpus(run),
        *deterministic(run),
        *((f"env {key}", value) for key, value in sorted(run.request.environment.items())),
        *_some("data", run.data, _data),
        *_some("edited", edits(run), lambda line: line),
        *_some("taken", run.taken, _taken),
        *opened(run),
        *_some("from", run.parents, _parent),
        *_some("skipped", run.code.skipped, lambda s: f"{shown(s.path)} ({s.reason})"),
        *_some("metric", run.metrics, _metric),
        *_noise(noise),
        *([("results", "not here: they were not pushed")] if labels.origin and not labels.origin.results else []),
        *_some("output", run.outputs, _output),
        *_some("deleted", run.deleted, shown),
        *(("note", text) for text in run.notes),
        *((f"note of {said.time[:10]}", said.text) for said in labels.notes),
    ]
    keys = [on_a_line(key) for key, _ in pairs]
    width = max(map(len, keys))
    # What is on several lines stays below its beginning, so that it looks like no other line of the page.
    values = [harmless(value).replace("\n", "\n" + " " * (width + 2)) for _, value in pairs]
    return "\n".join(f"{key.ljust(width)}  {value}" for key, value in zip(keys, values, strict=True))


def _some(key: str, values: Sequence[T], line: Callable[[T], str]) -> list[tuple[str, str]]:
    """The first of `values`, and how many more there are."""
    rest = len(values) - MOST
    return [(key, line(v)) for v in values[:MOST]] + ([(key, f"… and {rest:,} more; see `--json`")] * (rest > 0))


def _repeats(run: Run, verdict: Verdict | None) -> list[tuple[str, str]]:
    if run.rerun is None:
        return []
    return [("repeats", f"run {run.rerun}: {verdict.verdict if verdict else 'not compared'}")]


def _noise(noise: Noise | None) -> list[tuple[str, str]]:
    if noise is None:
        return []
    from snapshot.report.noise import line

    return [("noise", line(noise))]


def deterministic(run: Run) -> Iterator[tuple[str, str]]:
    """What was set, and what may come out otherwise all the same."""
    if (found := run.determinism) is None:
        return
    mode = {"seeds": "seeds alone", "warn": "warnings", "strict": "strict"}.get(found.mode, found.mode)
    threads = found.environment.get("OMP_NUM_THREADS")
    parts = [mode, f"seed {found.seed}", *([f"{threads} threads"] if threads else []), *found.frameworks]
    yield "determinism", ", ".join(parts)
    for warning in found.warnings[:MOST]:
        # Where her own code calls it says more than the depths of the framework.
        own = [frame for frame in warning.stack if frame.startswith(f"{WORKSPACE}/")] or warning.stack
        place = f" at {own[-1]}" if own else ""
        yield "not deterministic", clip(f"{count(warning.times, 'time')}{place}: {warning.message}", 300)


def used(run: Run) -> list[tuple[str, str]]:
    """What the training used, as far as it is known."""
    usage = run.usage
    known = []
    if usage and usage.cpu_seconds is not None:
        known.append(f"{duration(usage.cpu_seconds)} of CPU")
    if usage and usage.peak_memory is not None:
        known.append(f"{size(usage.peak_memory)} of memory at most")
    return [("used", ", ".join(known))] if known else []


def code(run: Run) -> list[tuple[str, str]]:
    """Which code it was."""
    left = f", {len(run.code.leftovers)} of them left by earlier runs" if run.code.leftovers else ""
    lines = [("code", f"{run.code.digest} ({run.code.files} files, {size(run.code.bytes)}{left})")]
    if run.code.git:
        dirty = {True: ", with uncommitted changes", False: "", None: ""}[run.code.git.dirty]
        lines.append(
            ("git", f"{run.code.git.commit or 'no commit yet'} on {run.code.git.branch or 'no branch'}{dirty}")
        )
    return lines


def _platform(run: Run) -> list[tuple[str, str]]:
    platform = run.platform
    return [
        ("image", platform.image or f"{platform.reference} (not started)"),
        ("lock", platform.lock),
        ("base", platform.base + (f"@{platform.base_digest}" if platform.base_digest else "")),
        ("python", platform.python),
    ]


def _stack(lock: Lock) -> Iterator[tuple[str, str]]:
    """What the lock adds to the base."""
    if cuda := lock.cuda:
        parts = (("cuDNN", cuda.cudnn), ("NCCL", cuda.nccl))
        known = [f"{name} {version}" for name, version in parts if version]
        yield "cuda", ", ".join([cuda.runtime, *known, f"driver {cuda.driver_minimum} or newer"])
    asked = [f"{package.name} {package.version}" for package in lock.os_packages if package.asked]
    needed = len(lock.os_packages) - len(asked)
    if lock.os_packages:
        yield "os packages", ", ".join([*asked, *([f"{needed:,} more that these need"] if needed else [])])
    if lock.packages:
        yield "packages", ", ".join(f"{package.name} {package.version}" for package in lock.packages)


def _host(run: Run) -> list[tuple[str, str]]:
    if run.host is None:
        return []
    host = run.host
    lines = [
        ("host", f"{host.machine.hostname}: {host.machine.system}, Linux {host.machine.kernel}"),
        ("cpu", f"{host.machine.cpu}, {host.machine.cores} cores, {size(host.machine.memory)}"),
        ("engine", f"Docker {host.engine}, {host.store}"),
    ]
    if host.gpus:
        lines.append(("driver", f"NVIDIA {host.gpus.driver}, CUDA up to {host.gpus.cuda}"))
    return lines


def gpus(run: Run) -> list[tuple[str, str]]:
    """The devices that the run was given, each with what it did."""
    if run.gpus is None:
        return []
    known = run.host.gpus.devices if run.host and run.host.gpus else ()
    names = {str(device.index): device.name or "" for device in known}
    used = {usage.gpu: usage for usage in run.usage.gpus} if run.usage else {}
    lines = []
    for label in run.gpus.devices or (run.request.gpus or "",):
        name = f"{label} {names.get(label.partition(':')[0], '')}".strip()
        lines.append(("gpu", ", ".join([f"{name} ({run.gpus.way})", *(_did(used[label]) if label in used else ())])))
    return lines


def _did(usage: GpuUsage) -> list[str]:
    said = []
    if usage.utilization_mean is not None:
        said.append(f"{usage.utilization_mean:.0f} % busy (at most {usage.utilization_max} %)")
    if usage.peak_memory is not None:
        own = f", {size(usage.run_peak_memory)} of it the run's" if usage.run_peak_memory is not None else ""
        said.append(f"{size(usage.peak_memory)} of memory at most{own}")
    if usage.power_mean is not None:
        said.append(f"{usage.power_mean:.0f} W (at most {usage.power_max:.0f} W)")
    if usage.energy is not None:
        said.append(f"{usage.energy:,.0f} J")
    if usage.temperature_max is not None:
        said.append(f"{usage.temperature_max} °C at most")
    if usage.throttle_reasons:
        said.append(f"slowed down by {', '.join(usage.throttle_reasons)}")
    if usage.ecc_corrected:
        said.append(f"{usage.ecc_corrected} memory errors corrected")
    return said


def _output(output: Output) -> str:
    what = f"-> {output.link}" if output.link else f"{size(output.size)}, {output.sha256}"
    kept = f"; only with the run: {output.kept_because}" if output.kept_because else ""
    return f"{shown(output.path)} ({output.change}, {what}{kept})"


def _data(data: Data) -> str:
    return f"{shown(data.path)} ({data_detail(data)})"


def data_detail(data: Data) -> str:
    """What data were."""
    known = [data.kind, data.reason]
    if data.digest is not None:
        files = [count(data.files or 0, "file")] if data.kind == "folder" else []
        known += [*files, size(data.bytes or 0), data.digest]
    if data.identified not in (None, "content"):
        known.append(f"told by {data.identified}")
    return ", ".join(known)


def edits(run: Run) -> list[str]:
    """What somebody changed while it went on."""
    code = [f"{_edit(edit)} in the project, which the run did not see" for edit in run.code.edits]
    return code + [f"{_edit(edit)} in {shown(data.path)}" for data in run.data for edit in data.edits]


def _edit(edit: Edit) -> str:
    return f"{shown(edit.path) or 'all of it'} ({edit.change})"


def _taken(taken: Taken) -> str:
    return f"{shown(taken.target)} ({taken.run}:{shown(taken.path)}, {taken.sha256})"


def _parent(parent: Parent) -> str:
    return f"{parent.run}:{shown(parent.path)} ({parent.relation}, {parent.evidence}) as {shown(parent.input)}"


def _metric(metric: Metric) -> str:
    series = f", last of {count(metric.points, 'point')}" if metric.points > 1 else ""
    return f"{metric.name} {number(metric.value)} ({shown(metric.path)}{series})"


def opened(run: Run) -> list[tuple[str, str]]:
    """What it was seen to open."""
    if run.reads is None:
        return []
    project, modules = count(run.reads.project, "file"), count(run.reads.modules, "module")
    incomplete = "" if run.reads.complete else "; not all names were kept"
    return [("opened", f"{project} of the project, {run.reads.data:,} of the data, {modules}{incomplete}")]
