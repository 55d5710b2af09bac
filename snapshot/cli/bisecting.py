"""The searches of `snap bisect`, put together: between two runs, between a run and a variant of it, along a series."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snapshot.cli import terminal
from snapshot.cli.criterion import By, by_command, check_good, criterion
from snapshot.cli.hybrids import Hands, Shown, packages
from snapshot.cli.place import Place
from snapshot.document import Value
from snapshot.errors import StoreError, UsageError
from snapshot.host import clock
from snapshot.project.names import display

if TYPE_CHECKING:
    from snapshot.cause.criterion import Criterion
    from snapshot.cause.document import Difference, Search
    from snapshot.cause.experiment import Budget, Means
    from snapshot.cause.series import Make
    from snapshot.record.document import Run
    from snapshot.run.draft import Draft
    from snapshot.share.rerun import Locked, Wanted


class Effort(Value, kw_only=True, frozen=True):
    """What a search may take."""

    jobs: int | None
    """None for as many as there is room for."""
    budget: Budget


class Bisecting:
    """The searches of one command."""

    def __init__(self, place: Place, effort: Effort, good_data: tuple[str, ...]) -> None:
        self._place, self._effort, self._good_data = place, effort, good_data
        self._hands = Hands(place)
        self._said: set[str] = set()

    def between(self, good: Run, bad: Run, bad_data: tuple[str, ...], by: By) -> Search:
        """What makes the results of the two differ."""
        from snapshot.cause import trial
        from snapshot.cause.bisect import Bisection
        from snapshot.cause.differences import Differences
        from snapshot.compare.platform import unswappable
        from snapshot.report.text import count

        store, runs = self._place.store, (good, bad)
        self._say_whose(*runs)
        found = criterion(self._place, good, bad, by)
        wanted = (self._wanted(given, runs) for given in (self._good_data, bad_data))
        drafts = [self._hands.draft(run, one) for run, one in zip(runs, wanted, strict=True)]
        sides = [trial.side(store, run, drafted) for run, drafted in zip(runs, drafts, strict=True)]
        cache = packages(self._place, [drafted.lock for drafted in drafts])
        differences = Differences(
            *sides,
            read=trial.reader(store),
            requires=lambda package: trial.requires(package, cache),
            edits=lambda old, new: trial.edits(store, old, new),
        )
        bisection = Bisection(
            self._means(runs, drafts[0], found),
            good,
            bad,
            differences,
            unswappable=tuple(f"{one.what}: {one.first} → {one.second}" for one in unswappable(good, bad)),
            now=clock.now(),
        )
        known = bisection.search
        terminal.note(
            f"{found.name} tells them apart; {count(len(known.candidates), 'difference')} may be the cause"
            + (f"; known already: {count(len(known.trials), 'hybrid')}" if known.trials else "")
        )
        return bisection.find()

    def variant(self, run: Run, lock: str | None, bad_data: tuple[str, ...], by: By) -> Search:
        """The same for a run, and what it comes to on another lock or with other data: that is run first."""
        from snapshot.cause import variant
        from snapshot.cli.data import Identifying

        place, data = self._place, (*self._good_data, *bad_data)
        check_good(place, run, by)
        self._hands.draft(run, self._wanted(self._good_data, (run,)))  # whether it can be repeated itself
        wanted = msgspec.structs.replace(self._wanted(data, (run,)), allow_different_data=True)
        drafted = self._hands.draft(run, wanted, _locked(lock) if lock else None)
        identify = Identifying(place, trust_cache=True)
        digests = {one.target: identify(one.place(place.root), drafted.identify).digest for one in drafted.data}
        if variant.is_same(run, drafted, digests):
            raise UsageError(f"run `{run.id}` had that lock and these data itself", hint="name others")
        # The oldest one, which stays the same while hybrids come that are like it.
        bad = variant.known(reversed(list(place.store.all())), run, drafted, digests)
        if bad is None:
            names = (item.partition("=")[0] for item in bad_data)
            note = variant.note(run, drafted, names)
            self._say_whose(run)
            terminal.note(f"BAD comes first: {note.partition(': ')[2]}")
            bad = self._trained(msgspec.structs.replace(drafted, notes=(note, *drafted.notes), rerun=None))
        terminal.note(f"BAD is run {bad.id}")
        return self.between(run, bad, data, by)

    def _trained(self, drafted: Draft) -> Run:
        """The run of it; of one that was ended nothing stays, or it would be taken for what it came to."""
        from snapshot.run.signals import Signals

        store = self._place.store
        self._hands.build(drafted.lock)
        with terminal.step("training it"), Signals() as signals:
            run = self._hands.train(lambda: drafted, signals)
        try:
            signals.check()
        except KeyboardInterrupt:
            with store.lock_shared():
                store.remove(run.id)
            raise
        return run

    def along(self, run: Run, check: str, versions: tuple[str, str] | None, commits: str | None) -> Search:
        """The first bad release or commit."""
        from snapshot.cause import points as points_of
        from snapshot.cause import trial
        from snapshot.cause.series import Series

        place = self._place
        self._say_whose(run)
        drafted = self._hands.draft(run, self._wanted(self._good_data, (run,)))
        if versions:
            points, make = self._releases(drafted, *versions)
        else:
            points, make = points_of.commits(place.root, _ends(commits or "", "--commits"))
        means = self._means((run, run), drafted, by_command(place, check))
        search = Series(means, trial.side(place.store, run, drafted), points, make, now=clock.now())
        terminal.note(f"{len(points)} from {points[0].text} to {points[-1].text}")
        return search.find()

    def _releases(self, drafted: Draft, package: str, given: str) -> tuple[list[Difference], Make]:
        from snapshot.cause import points
        from snapshot.cli.lock import image_for
        from snapshot.host.download import access_of
        from snapshot.host.pip_config import read

        place = self._place
        ends, access = _ends(given, "--versions"), access_of(read(os.environ), place.root)
        with terminal.step(f"asking for the releases of {display(package)}"):
            found = points.releases(drafted.lock, package, ends, access)
        return found, points.relocked(
            place.store,
            drafted,
            package,
            place.engine,
            cache=place.make_cache(),
            build=image_for(place),
            say=lambda text: terminal.note(f"locking {text}"),
        )

    def _wanted(self, data: tuple[str, ...], runs: tuple[Run, ...]) -> Wanted:
        """Where data are. Hybrids have code of all `runs`: is one of them somebody else's, none gets a network."""
        from snapshot.cli.rerun import places
        from snapshot.share.rerun import Wanted, is_foreign

        is_any_foreign = any(is_foreign(self._place.store, run) for run in runs)
        return Wanted(data=places(data, self._place.cwd), network="none" if is_any_foreign else None)

    def _say_whose(self, *runs: Run) -> None:
        from snapshot.cli.rerun import say_whose
        from snapshot.share.rerun import is_foreign

        for run in runs:
            if run.id not in self._said and is_foreign(self._place.store, run):
                self._said.add(run.id)
                say_whose(self._place.store, run, "none")

    def _means(self, runs: tuple[Run, Run], drafted: Draft, found: Criterion) -> Means:
        from snapshot.cause.experiment import Means

        jobs = self._jobs(runs, found)
        self._hands.limit(*runs, jobs)
        return Means(
            store=self._place.store,
            base=drafted,
            criterion=found,
            hands=self._hands,
            progress=Shown(jobs),
            jobs=jobs,
            budget=self._effort.budget,
        )

    def _jobs(self, runs: tuple[Run, Run], found: Criterion) -> int:
        from snapshot.cause.jobs import jobs
        from snapshot.host import machine

        asked = self._effort.jobs
        if asked is not None:
            if asked > 1 and found.is_time:
                terminal.warn(f"{found.name} is a time, and trainings at the same time take each other's")
            return asked
        room = jobs(runs, is_time=found.is_time, cores=machine.probe().cores, memory=machine.free_memory())
        at_a_time = "one hybrid" if room.number == 1 else f"{room.number} hybrids"
        terminal.note(f"{at_a_time} at a time, {room.because}")
        return room.number


def _locked(path: str) -> Locked:
    """The lock in a file that she names; raises StoreError when it is none, or was edited."""
    from snapshot.lock.document import read

    file, hint = Path(path).absolute(), "name a file that `snap lock` wrote, as it wrote it"
    try:
        lock = read(file)
    except StoreError as problem:
        raise StoreError(problem.message, hint=hint) from None
    if lock is None:
        raise UsageError(f"`{display(path)}` does not exist", hint=hint)
    return lock, file.read_bytes()


def _ends(given: str, option: str) -> tuple[str, str]:
    first, dots, last = given.partition("..")
    if not (first and dots and last) or last.startswith("."):
        raise UsageError(f"`{option} {display(given)}` is no `A..B`", hint="name the good one first, as in `1.0..2.0`")
    return first, last
