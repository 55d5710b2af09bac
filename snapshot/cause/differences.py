"""What two runs did not have in common, as candidates, and the hybrid that has some of it. Pure but for contents."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from snapshot.cause import settings
from snapshot.cause.arguments import Arguments
from snapshot.cause.candidate import KINDS, Candidate
from snapshot.cause.code import Code
from snapshot.cause.data import DataSets, Edits, Mixed
from snapshot.cause.packages import Packages, Requires
from snapshot.cause.settings import Settings
from snapshot.compare.code import Read
from snapshot.document import Value
from snapshot.lock.document import FILE_NAME, Lock
from snapshot.project.names import display, from_text
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.document import Command, Data, Run
from snapshot.run.taken import Source


class Side(Value, kw_only=True, frozen=True):
    """One of the two runs, with what it takes to repeat it."""

    run: Run
    lock: Lock
    code: tuple[CodeEntry, ...]
    data: tuple[Data, ...]
    """Where they lie now, with the digests of the record."""
    inputs: tuple[Source, ...]
    """What `--from` had put in place."""


class Hybrid(Value, kw_only=True, frozen=True):
    """What is run."""

    command: Command
    settings: Settings
    code: tuple[CodeEntry, ...]
    contents: Mapping[str, bytes]
    """Files that neither run has, by sha256."""
    lock: Lock
    data: tuple[Mixed, ...]
    inputs: tuple[Source, ...]


class Differences:
    """Of a good and a bad run."""

    def __init__(self, good: Side, bad: Side, *, read: Read, requires: Requires, edits: Edits) -> None:
        self._good, self._bad = good, bad
        self._settings = settings.of(good.run), settings.of(bad.run)
        self._arguments = Arguments(good.run.command.argv, bad.run.command.argv)
        self._code = Code(good.code, _without_leftovers(good, bad), read)
        self._data = DataSets(good.data, bad.data, edits)
        self._packages = Packages(good.lock, bad.lock, requires)

    @property
    def one_command(self) -> bool:
        """Whether both run the same in the same folder, so that their arguments can be mixed."""
        was, now = self._good.run.command, self._bad.run.command
        return (was.kind, was.directory, was.argv[:1]) == (now.kind, now.directory, now.argv[:1])

    def candidates(self) -> tuple[Candidate, ...]:
        """In the order in which they are to be tried."""
        found = [*self._commands(), *settings.candidates(*self._settings), *self._code.candidates()]
        found += [*self._inputs(), *self._data.candidates(), *self._packages.candidates()]
        return tuple(sorted(found, key=lambda candidate: KINDS.index(candidate.kind)))

    def hybrid(self, chosen: Collection[str]) -> Hybrid:
        """The good run with what was `chosen` from the bad one; `chosen` is closed."""
        code, contents = self._code.mixed(chosen)
        return Hybrid(
            command=self._command(chosen),
            settings=settings.mixed(*self._settings, chosen),
            code=code,
            contents=contents,
            lock=self._packages.mixed(chosen),
            data=tuple(self._data.mixed(chosen)),
            inputs=tuple(self._mixed_inputs(chosen)),
        )

    def _commands(self) -> Iterator[Candidate]:
        if self.one_command:
            yield from self._arguments.candidates()
        else:
            was, now = (" ".join(side.run.command.argv) for side in (self._good, self._bad))
            yield Candidate(key="command", kind="argument", text=f"{was} → {now}")

    def _command(self, chosen: Collection[str]) -> Command:
        if not self.one_command:
            return (self._bad if "command" in chosen else self._good).run.command
        return msgspec.structs.replace(self._good.run.command, argv=self._arguments.mixed(chosen))

    def _inputs(self) -> Iterator[Candidate]:
        was, now = ({source.taken.target: source.taken for source in side.inputs} for side in (self._good, self._bad))
        for target in sorted({*was, *now}):
            old, new = was.get(target), now.get(target)
            if (old and old.sha256) != (new and new.sha256):
                sources = (f"{taken.run}:{taken.path}" if taken else "nothing" for taken in (old, new))
                text = f"{display(from_text(target))}: {' → '.join(sources)}"
                yield Candidate(key=f"input {target}", kind="input", text=text)

    def _mixed_inputs(self, chosen: Collection[str]) -> Iterator[Source]:
        was, now = ({source.taken.target: source for source in side.inputs} for side in (self._good, self._bad))
        for target in sorted({*was, *now}):
            if found := (now if f"input {target}" in chosen else was).get(target):
                yield found


def _without_leftovers(good: Side, bad: Side) -> tuple[CodeEntry, ...]:
    """The code of the bad run, with the lock, and what earlier runs had left in either project, as the good one had
    it: these are the platform and results, and no code."""
    left = {FILE_NAME, *good.run.code.leftovers, *bad.run.code.leftovers}
    had = {entry.path: entry for entry in good.code}
    kept = {entry.path: entry for entry in bad.code if entry.path not in left}
    kept |= {path: had[path] for path in left if path in had}
    return tuple(kept.values())
