"""Records as text for people. Pure: values in, lines out; nothing in a record can move the cursor or change colours."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from snapshot.project.names import display, from_text
from snapshot.record.document import Exit, GpuUsage, Output, Run
from snapshot.record.labels import NONE, Labels

if TYPE_CHECKING:
    from snapshot.lock.document import Lock
    from snapshot.record.summary import Summary

T = TypeVar("T")

MOST = 20
"""Lines of one kind on the page of `snap show`; the record itself has them all."""
_LONGEST_COMMAND = 500


def harmless(text: str) -> str:
    """`text` with control characters, which a terminal would obey, shown as escapes; new lines stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c == "\n" or unicodedata.category(c)[0] != "C" else c.encode("unicode_escape").decode() for c in text
    )


def shown(path: str) -> str:
    """A path of a record for people."""
    return display(from_text(path))


def size(number: int) -> str:
    """Bytes for people, in the units of 1000 that disks are sold in."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def count(number: int, thing: str) -> str:
    """So many of a thing."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def duration(seconds: float | None) -> str:
    """Seconds for people."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def ago(moment: str, now: datetime) -> str:
    """How long before `now`."""
    seconds = (now.astimezone(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return "just now"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns, left-aligned, two spaces apart."""
    lines = [row if "".join(row).isprintable() else [_on_a_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    layout = "  ".join(f"{{:{width}}}" for width in widths)
    return "\n".join([layout.format(*line).rstrip() for line in lines])


def _on_a_line(cell: str) -> str:
    return harmless(cell).replace("\n", "\\n")


def command_line(run: Run | Summary) -> str:
    """What was typed, as a shell would take it."""
    import shlex

    prefix = {"module": "-m ", "command": "-- "}.get(run.command.kind, "")
    return prefix + shlex.join(run.command.argv)


def outcome(run: Run | Summary) -> str:
    """In one or two words how the run stands."""
    if run.exit is None:
        return run.status
    return _ended(run.exit, run.status)


def _ended(end: Exit, status: str) -> str:
    if end.out_of_memory:
        return "out of memory"
    if end.signal:
        return end.signal
    if end.code is None:
        return "never ran" if status == "failed" else "end unknown"
    return "ok" if end.code == 0 else f"exit {end.code}"


def clip(text: str, width: int) -> str:
    """`text`, or as much of it as has `width` letters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def details(run: Run, lock: Lock | None = None, labels: Labels = NONE) -> str:
    """The page of `snap show`; `lock` is the one that the run was started with, `labels` what was said of it since."""
    pairs = [
        ("run", run.id + (f" ({run.name})" if run.name else "")),
        *([("tags", ", ".join(sorted(labels.tags)))] if labels.tags else []),
        ("command", clip(command_line(run), _LONGEST_COMMAND)),
        ("in", run.command.directory),
        ("status", outcome(run) + (f": {run.exit.error}" if run.exit and run.exit.error else "")),
        ("created", run.created),
        ("time", duration(run.seconds)),
        *_used(run),
        *_code(run),
        *_platform(run),
        *(_stack(lock) if lock else ()),
        *_host(run),
        *_gpus(run),
        *((f"env {key}", value) for key, value in sorted(run.request.environment.items())),
        *_some("data", run.data, lambda d: f"{shown(d.path)} ({d.kind}, {d.reason})"),
        *_some("skipped", run.code.skipped, lambda s: f"{shown(s.path)} ({s.reason})"),
        *_some("output", run.outputs, _output),
        *_some("deleted", run.deleted, shown),
        *(("note", text) for text in run.notes),
        *((f"note of {said.time[:10]}", said.text) for said in labels.notes),
    ]
    width = max(len(key) for key, _ in pairs)
    return "\n".join(f"{key.ljust(width)}  {harmless(value)}" for key, value in pairs)


def _some(key: str, values: Sequence[T], line: Callable[[T], str]) -> list[tuple[str, str]]:
    """The first of `values`, and how many more there are."""
    rest = len(values) - MOST
    return [(key, line(v)) for v in values[:MOST]] + ([(key, f"… and {rest:,} more; see `--json`")] * (rest > 0))


def _used(run: Run) -> list[tuple[str, str]]:
    usage = run.usage
    known = []
    if usage and usage.cpu_seconds is not None:
        known.append(f"{duration(usage.cpu_seconds)} of CPU")
    if usage and usage.peak_memory is not None:
        known.append(f"{size(usage.peak_memory)} of memory at most")
    return [("used", ", ".join(known))] if known else []


def _code(run: Run) -> list[tuple[str, str]]:
    lines = [("code", f"{run.code.digest} ({run.code.files} files, {size(run.code.bytes)})")]
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


def _gpus(run: Run) -> list[tuple[str, str]]:
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
