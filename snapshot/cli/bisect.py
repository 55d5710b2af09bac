from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.errors import InterruptError, SnapshotError, UsageError
from snapshot.host import clock
from snapshot.host.container import check_host
from snapshot.project.names import display, from_text

if TYPE_CHECKING:
    from snapshot.cause.bisect import Budget
    from snapshot.cause.criterion import Criterion
    from snapshot.cause.document import Difference, Search, Trial
    from snapshot.cause.series import Make
    from snapshot.lock.document import Lock
    from snapshot.record.document import Run
    from snapshot.run.draft import Draft, Options

_TIME = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_SLOWER, _AT_LEAST = 3, 60
"""A hybrid may take so many times as long as the slower of the two runs, and so many seconds more."""


@click.command("bisect", short_help=COMMANDS["bisect"])
@click.argument("runs", nargs=-1, metavar="GOOD BAD | [RUN]", shell_complete=completing.runs)
@click.option(
    "--metric",
    metavar="NAME",
    shell_complete=completing.metrics,
    help="Tell them apart by this metric; `duration` is how long they took.",
)
@click.option(
    "--output", metavar="PATH", shell_complete=completing.outputs_of_newest, help="Tell them apart by this output."
)
@click.option(
    "--check", metavar="COMMAND", help="Tell them apart by a command in the folder of the outputs: 0 is good."
)
@click.option("--budget", metavar="RUNS|TIME", help="Stop after so many runs, or after a time, as in `20` or `2h`.")
@click.option(
    "--versions", nargs=2, metavar="PACKAGE A..B", help="Find the first bad release of a package; with `--check`."
)
@click.option("--commits", metavar="A..B", help="Find the first bad commit of the project; with `--check`.")
@click.option("--good-data", multiple=True, metavar="NAME=PATH", help="Data of GOOD that lie elsewhere now.")
@click.option("--bad-data", multiple=True, metavar="NAME=PATH", help="Data of BAD that lie elsewhere now.")
@click.option("--json", "as_json", is_flag=True, help="All of it, as it is stored.")
def command(
    runs: tuple[str, ...],
    metric: str | None,
    output: str | None,
    check: str | None,
    budget: str | None,
    versions: tuple[str, str] | None,
    commits: str | None,
    good_data: tuple[str, ...],
    bad_data: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find which of the differences between two runs makes their results differ: arguments, environment, code, data,
    packages, base. Hybrids of the two are run until the smallest set of differences is known that flips the result.

    Without an option they are told apart by how they ended, else by the metric that differs most, else by an output.
    With `--versions` or `--commits` all but the release or the code is that of RUN, by default of `latest`, and A is
    good and B is bad by the check. Interrupted, the same command goes on where it was. Exits with 0 when the cause is
    found, else with 1.

    \b
    Example:
      snap bisect baseline latest
      snap bisect baseline latest --metric accuracy --budget 30
      snap bisect old new --check 'python compare.py predictions.csv'
      snap bisect --versions torch 2.1..2.4 --check 'grep -q converged log.txt'
      snap bisect --commits v1.0..HEAD --check 'python compare.py predictions.csv'
    """
    from snapshot.cause.document import FOUND
    from snapshot.report import bisect as page

    if sum(option is not None for option in (metric, output, check)) > 1:
        raise UsageError("`--metric`, `--output` and `--check` are three ways to tell the two apart", hint="give one")
    if versions and commits:
        raise UsageError("`--versions` and `--commits` are two searches", hint="give one of them")
    spending = _budget(budget)
    place = Place.here()
    check_host()
    try:
        if versions or commits:
            if check is None or len(runs) > 1:
                raise UsageError(
                    "`--versions` and `--commits` take one run and a `--check`",
                    hint="write it as in `snap bisect RUN --commits A..B --check 'test -s model.pt'`",
                )
            run = _run(place, runs[0] if runs else "latest")
            search = _series(place, run, check, versions, commits, good_data)
        else:
            if len(runs) != 2:
                raise UsageError("it takes two runs", hint="write it as in `snap bisect GOOD BAD`")
            good, bad = (_run(place, name) for name in runs)
            if good.id == bad.id:
                names = " and ".join(f"`{display(name)}`" for name in runs)
                raise UsageError(f"{names} are the same run", hint="name two runs, see `snap ls`")
            search = _search(place, good, bad, (metric, output, check), spending, (good_data, bad_data))
    except KeyboardInterrupt:
        raise InterruptError("interrupted; the same command goes on where it was") from None
    click.echo(encode_json(search) if as_json else page.page(search), nl=not as_json)
    raise click.exceptions.Exit(0 if search.status == FOUND else 1)


def _run(place: Place, name: str) -> Run:
    run = place.store.read(place.store.find(name))
    if run.exit is None or run.started is None:
        raise UsageError(f"run `{run.id}` is not finished", hint=f"see `snap show {run.id}`")
    return run


def _budget(given: str | None) -> Budget:
    from snapshot.cause.bisect import Budget

    if given is None:
        return Budget()
    if given.isascii() and given.isdigit() and int(given) > 0:
        return Budget(runs=int(given))
    if match := _TIME.fullmatch(given):
        return Budget(seconds=float(match[1]) * _SECONDS[match[2]])
    raise UsageError(
        f"`--budget {display(given)}` is no number of runs and no time", hint="write it as in `20` or `90m`"
    )


def _search(
    place: Place,
    good: Run,
    bad: Run,
    asked: tuple[str | None, str | None, str | None],
    budget: Budget,
    data: tuple[tuple[str, ...], tuple[str, ...]],
) -> Search:
    from snapshot.cause import trial
    from snapshot.cause.bisect import Bisection
    from snapshot.cause.criterion import check
    from snapshot.cause.differences import Differences

    hands = _Hands(place, good, bad)
    criterion = _criterion(place, good, bad, *asked)
    check(criterion, good, bad)
    drafts = [hands.draft(run, given) for run, given in zip((good, bad), data, strict=True)]
    sides = [trial.side(place.store, run, drafted) for run, drafted in zip((good, bad), drafts, strict=True)]
    cache = _packages(place, [drafted.lock for drafted in drafts])
    differences = Differences(
        *sides,
        read=trial.reader(place.store),
        requires=lambda package: trial.requires(package, cache),
        edits=lambda old, new: trial.edits(place.store, old, new),
    )
    bisection = Bisection(
        place.store,
        good,
        bad,
        drafts[0],
        differences,
        criterion,
        hands,
        budget=budget,
        progress=_Shown(),
        unswappable=_unswappable(good, bad),
        now=clock.now(),
    )
    terminal.note(
        f"{criterion.name} tells them apart; {len(bisection.search.candidates)} differences may be the cause"
        + (f", {len(bisection.search.trials)} hybrids are known already" if bisection.search.trials else "")
    )
    return bisection.find()


def _series(
    place: Place,
    run: Run,
    check: str,
    versions: tuple[str, str] | None,
    commits: str | None,
    data: tuple[str, ...],
) -> Search:
    from snapshot.cause import points as along
    from snapshot.cause import trial
    from snapshot.cause.criterion import ByCommand
    from snapshot.cause.series import Series

    hands = _Hands(place, run, run)
    drafted = hands.draft(run, data)
    if versions:
        points, make = _releases(place, drafted, *versions)
    else:
        points, make = along.commits(place.root, _ends(commits or "", "--commits"))
    search = Series(
        place.store,
        trial.side(place.store, run, drafted),
        drafted,
        points,
        make,
        ByCommand(check, lambda command, tried: _asked(place.store.folder(tried.id) / "outputs", command)),
        hands,
        progress=_Shown(),
        now=clock.now(),
    )
    terminal.note(f"{len(points)} from {points[0].text} to {points[-1].text}")
    return search.find()


def _ends(given: str, option: str) -> tuple[str, str]:
    first, dots, last = given.partition("..")
    if not (first and dots and last) or last.startswith("."):
        raise UsageError(f"`{option} {display(given)}` is no `A..B`", hint="name the good one first, as in `1.0..2.0`")
    return first, last


def _releases(place: Place, drafted: Draft, package: str, given: str) -> tuple[list[Difference], Make]:
    from snapshot.cause import points
    from snapshot.cli.lock import image_for
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read

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


def _criterion(
    place: Place, good: Run, bad: Run, metric: str | None, output: str | None, check: str | None
) -> Criterion:
    from snapshot.cause import criterion as by
    from snapshot.cli.rerun import tolerances
    from snapshot.compare.unpickling import unpickle_in

    if check is not None:
        return by.ByCommand(check, lambda command, run: _asked(place.store.folder(run.id) / "outputs", command))
    if metric == by.DURATION:
        return by.duration(good, bad)
    if metric is not None:
        return by.metric(metric, good, bad)
    if output is None:
        if good.exit and bad.exit and good.exit.code != bad.exit.code:
            return by.ByExit(good, bad)
        if (name := by.chosen(good, bad)) is not None:
            return by.metric(name, good, bad)
    differing = by.differing(good, bad)
    path = differing[0] if output is None and differing else output
    if path is None or path not in differing:
        named = f"the output `{display(path)}`" if path else "no metric and no output"
        raise UsageError(
            f"{named} differs between the two runs" if path is None else f"{named} does not differ, or is not there",
            hint="see `snap diff`; `snap noise` says how far results are apart by themselves",
        )
    return by.ByOutput(
        from_text(path),
        good,
        lambda run_id: place.store.folder(run_id) / "outputs",
        tolerances(place.config, place.store, good),
        unpickle_in(good.platform.reference),
    )


def _asked(folder: Path, check: str) -> int:
    from snapshot.host import process

    return process.run(["sh", "-c", check], cwd=folder).code


def _packages(place: Place, locks: list[Lock]) -> Path:
    """The cache with the packages of both, as far as they can be had."""
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read
    from snapshot.image.fetch import fetch

    cache = place.make_cache()
    if locks[0].packages != locks[1].packages:
        with terminal.step("fetching packages"):
            for lock in locks:
                try:
                    fetch(lock, cache_dir=cache, access=access_of(read(os.environ), place.root))
                except SnapshotError as problem:
                    terminal.warn(f"not all packages can be had: {problem.message}")
    return cache


def _unswappable(good: Run, bad: Run) -> tuple[str, ...]:
    from snapshot.compare.platform import differences

    machine = {"CPU", "CPU flags", "threads", "architecture", "kernel", "engine", "driver", "GPUs"}
    return tuple(f"{d.what}: {d.first} → {d.second}" for d in differences(good, bad) if d.what in machine)


class _Hands:
    """What acts for a search."""

    def __init__(self, place: Place, good: Run, bad: Run) -> None:
        self._place, self._good = place, good
        self._limit = _SLOWER * max(good.seconds or 0, bad.seconds or 0) + _AT_LEAST

    def draft(self, run: Run, data: tuple[str, ...]) -> Draft:
        """The run as for a rerun: its data are there, and what they were."""
        from snapshot.cli.data import Identifying
        from snapshot.cli.rerun import places
        from snapshot.share import rerun
        from snapshot.share.rerun import Wanted

        lock, _ = rerun.lock_of(self._place.store, run)
        wanted = Wanted(data=places(data, self._place.cwd))
        options = self.options(None, lock)
        return rerun.draft(self._place.store, run, options, wanted, Identifying(self._place, trust_cache=True))

    def build(self, lock: Lock) -> None:
        from snapshot.cli.build import build_image
        from snapshot.image.build import present

        if present(self._place.engine, lock) is None:
            build_image(self._place, lock)

    def options(self, gpus: str | None, lock: Lock) -> Options:
        from snapshot.run.draft import Options

        grant = None
        if gpus:
            from snapshot.cli.gpus import Asked

            asked = Asked(self._place, gpus)
            asked.check(lock)
            grant = asked.grant()
        return Options(
            request=self._good.request,
            grant=grant,
            write_back=False,
            trace=False,
            output="none",
            limit=self._limit,
        )

    def train(self, drafting: Callable[[], Draft]) -> Run:
        from snapshot.cli.interrupts import Interrupts
        from snapshot.run.training import train

        place = self._place
        environment: Mapping[str, str] = {}
        with Interrupts() as interrupts, terminal.step("training a hybrid"):
            run = train(
                place.store,
                drafting,
                place.engine,
                build=lambda: None,
                environment=environment,
                warn=lambda said: None,
                hashing=place.hashing,
            )
            # A training that was ended says nothing of the hybrid.
            interrupts.check()
        return run


class _Shown:
    """A line for each hybrid."""

    def __init__(self) -> None:
        self._said, self._seconds = "", 0.0
        self._tried = 0

    def trying(self, number: int, chosen: Collection[str], candidates: int) -> None:
        (*rest, one) = chosen or ("none of the differences",)
        self._said = f"hybrid {number}, {f'{len(chosen)} of {candidates} differences' if rest else one}"

    def tried(self, trial: Trial, left: int) -> None:
        from snapshot.cause.criterion import text
        from snapshot.report.text import duration

        self._tried += 1
        self._seconds += trial.seconds
        values = f" ({text(trial.values[-1])})" if trial.values else f" ({trial.reason})" if trial.reason else ""
        # Halving, then the last one alone, and all others without it.
        more = math.ceil(math.log2(left)) + 2 if left > 1 else 0
        about = f"; {left} left, some {duration(more * self._seconds / self._tried)} to go" if more else ""
        terminal.note(f"{self._said}: {trial.outcome}{values}{about}")
