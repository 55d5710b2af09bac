"""Two runs side by side, as text for people. Pure; nothing in a record can move the cursor or change colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from snapshot import digest
from snapshot.compare.change import Change
from snapshot.compare.code import FileChange, Patch
from snapshot.compare.data import DataChange
from snapshot.compare.results import Number
from snapshot.compare.runs import RunDifference
from snapshot.record.document import Data, Run
from snapshot.report import lock, text

MOST = 20
"""Lines of one kind, unless all are asked for."""
MOST_CODE = 60
"""Lines of the code's patch, likewise."""
WIDEST = 60
"""Characters of a value."""
WIDEST_PATH = 120
LONGEST = 300
"""Characters of a line of code, or of a reason."""
ORDER = (
    *("command", "arguments", "options", "environment", "code", "platform", "packages", "OS packages", "GPUs"),
    *("host", "data", "inputs", "outcome", "results", "outputs"),
)
VERSIONS = ("platform", "packages", "OS packages")

Patches = Mapping[str, Patch | str]
"""Path of a file → its patch, or why there is none."""


def page(
    found: RunDifference,
    runs: tuple[Run, Run],
    patches: Patches,
    now: datetime,
    *,
    most: int | None = MOST,
    most_code: int | None = MOST_CODE,
) -> str:
    """The page of `snap diff`: the runs, what differs, and in a line or two what does not and what is not known.

    `most` and `most_code` are numbers of lines, None for all; with 0 of code its files are only named.
    """
    blocks = {section.name: _section(section.name, section.changes, most) for section in found.sections}
    if found.code:
        blocks["code"] = _code(found.code, patches, most, most_code)
    if found.data:
        lines = [line for change in found.data[:most] for line in _data(change, most)]
        blocks["data"] = "\n".join([*lines, *_more(len(found.data), most)])
    if found.results:
        blocks["results"] = _results(found.results, most)
    parts = [_runs(runs, now), *(f"{name}\n{_indented(blocks[name])}" for name in ORDER if name in blocks)]
    return "\n\n".join([*parts, "\n".join(_summary(found))])


def patch(lines: Sequence[bytes]) -> str:
    """Lines of a patch for a terminal."""
    return "\n".join(_code_line(part) for line in lines for part in line.rstrip(b"\n").split(b"\n"))


def _runs(runs: tuple[Run, Run], now: datetime) -> str:
    rows = [
        (letter, run.id, run.name or "", text.outcome(run), text.ago(run.created, now), text.duration(run.seconds))
        for letter, run in zip("AB", runs, strict=True)
    ]
    commands = [_clipped(text.command_line(run)) for run in runs]
    header = ("", "RUN", "NAME", "STATUS", "CREATED", "TIME", "COMMAND")
    return text.table(header, [(*row, command) for row, command in zip(rows, commands, strict=True)])


def _section(name: str, changes: Sequence[Change], most: int | None) -> str:
    if name in VERSIONS:
        return lock.table(changes, most=most)
    if name in ("outputs", "inputs"):
        rows = [(_word(c), _path(c.name), _digest(c.old), _digest(c.new)) for c in changes]
        return _table(("", "FILE", "A", "B"), rows, most)
    return _table(("", "A", "B"), [(_clipped(text.shown(c.name)), *_cells(c)) for c in changes], most)


def _word(change: Change) -> str:
    return "only A" if change.new is None else "only B" if change.old is None else "differs"


def _digest(value: str | None) -> str:
    return digest.short(value) if value and value.startswith(digest.PREFIX) else _cell(value)


def _cells(change: Change) -> tuple[str, str]:
    old, new = change.old, change.new
    if change.name == "CPU flags" and old is not None and new is not None:
        was, now = set(old.split()), set(new.split())
        old, new = " ".join(sorted(was - now)), " ".join(sorted(now - was))
    return _cell(old), _cell(new)


def _cell(value: str | None) -> str:
    return "-" if value is None else _clipped(text.shown(value))


def _code(changes: Sequence[FileChange], patches: Patches, most: int | None, most_code: int | None) -> str:
    rows = [(c.word, _path(c.path), *_counts(patches.get(c.path, ""))) for c in changes]
    table = _table(("", "FILE", "ADDED", "REMOVED", ""), rows, most)
    if most_code == 0:
        return table
    known = (patches[c.path] for c in changes if c.path in patches)
    lines = [line for one in known if isinstance(one, Patch) for line in (*one.head, *one.lines)]
    rest = 0 if most_code is None else len(lines) - most_code
    more = f"\n… {text.count(rest, 'more line')}; see `--full`, or `--code` for a patch" if rest > 0 else ""
    return f"{table}\n\n{patch(lines[:most_code])}{more}" if lines else table


def _counts(patch: Patch | str) -> tuple[str, str, str]:
    if isinstance(patch, str):
        return "", "", patch
    if not patch.lines:
        return "", "", "binary" if patch.binary else "" if patch.head else "folder"
    return f"+{patch.added}", f"-{patch.removed}", ""


def _code_line(line: bytes) -> str:
    return _clipped(text.harmless(line.decode(errors="backslashreplace").expandtabs()), LONGEST)


def _data(change: DataChange, most: int | None) -> Iterator[str]:
    was, now = change.old, change.new
    if change.word == "moved" and was and now:
        yield f"moved    {_path(was.path)} -> {_path(now.path)}: the same content"
        return
    sizes = [size for size in map(amount, (was, now)) if size]
    yield f"{change.word:<7}  {_path(change.path)}" + (f" ({' -> '.join(sizes)})" if sizes else "")
    if change.unknown:
        yield f"         its files are not known: {_reason(change.unknown)}"
    for edit in change.files[:most]:
        yield f"         {_clipped(text.shown(edit.change)):<7}  {_path(edit.path)}"
    yield from (f"         {line}" for line in _more(len(change.files), most))
    if not change.complete:
        yield "         … and others"


def amount(data: Data | None) -> str:
    """How much it is; empty where that is not known."""
    if data is None or data.bytes is None:
        return ""
    files = f"{text.count(data.files, 'file')}, " if data.files is not None and data.kind == "folder" else ""
    return files + text.size(data.bytes)


def _results(numbers: Sequence[Number], most: int | None) -> str:
    rows = [
        (_clipped(n.name), _value(n.old), _value(n.new), _part(n.difference, "+.4g"), _percent(n.relative))
        for n in numbers
    ]
    return _table(("", "A", "B", "DIFFERENCE", ""), rows, most)


def _value(value: float | str | None) -> str:
    return "-" if value is None else _clipped(value) if isinstance(value, str) else f"{value:.6g}"


def _part(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:+.3g} %"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], most: int | None) -> str:
    return "\n".join([text.table(header, rows[:most]), *_more(len(rows), most)])


def _more(number: int, most: int | None) -> Iterator[str]:
    if most is not None and number > most:
        yield f"… {number - most:,} more; see `--full`"


def _summary(found: RunDifference) -> Iterator[str]:
    if found.same:
        yield "nothing that is known differs" if found.unknown else "nothing differs"
    if said := equal(found):
        yield said
    for reason in found.unknown[:MOST]:
        yield f"not known: {_path(reason.name)}: {_reason(reason.reason)}"
    yield from _more(len(found.unknown), MOST)


def equal(found: RunDifference) -> str:
    """What is the same, in a line; empty where nothing is."""
    same = (text.count(e.number, e.name) if e.number is not None else e.name for e in found.equal)
    return "equal: " + ", ".join(same) if found.equal else ""


def _indented(block: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in block.split("\n"))


def _path(path: str) -> str:
    """A path, of which the end says most."""
    legible = text.shown(path)
    return legible if len(legible) <= WIDEST_PATH else "…" + legible[1 - WIDEST_PATH :]


def _reason(sentence: str) -> str:
    return _clipped(text.on_a_line(sentence), LONGEST)


def _clipped(cell: str, width: int = WIDEST) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"
