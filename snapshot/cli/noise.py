from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.errors import InterruptError, SnapshotError, UsageError
from snapshot.host import clock
from snapshot.host.container import check_host

if TYPE_CHECKING:
    from snapshot.cause.noise import Noise
    from snapshot.cause.switches import Switch
    from snapshot.cli.interrupts import Interrupts
    from snapshot.cli.rerun import Rerun
    from snapshot.compare.verdict import Compared
    from snapshot.record.document import Run
    from snapshot.share.rerun import Wanted


@click.command("noise", short_help=COMMANDS["noise"])
@click.argument("run", metavar="RUN|REF", shell_complete=completing.runs)
@click.option("--repeat", type=click.IntRange(min=2), default=5, metavar="N", help="Repeat it N times; 5 by default.")
@click.option("--no-causes", is_flag=True, help="Don't look for what makes the noise vanish.")
@click.option("--data", multiple=True, metavar="NAME=PATH", help="Data that lie elsewhere than they did.")
@click.option(
    "--network",
    shell_complete=completing.networks,
    help="Network, in place of what RUN had; one from elsewhere gets none.",
)
@click.option("--json", "as_json", is_flag=True, help="What was measured, as it is stored.")
def command(run: str, repeat: int, no_causes: bool, data: tuple[str, ...], network: str | None, as_json: bool) -> None:
    """Repeat RUN from its record, unchanged, and say of each metric and output how far apart they are: the noise floor.
    Where they differ, source by source of noise is switched off, for two runs each, until they don't.

    The project is left alone, as by `snap rerun`. After Ctrl-C what was run so far is used. What was measured is kept
    with RUN, for `snap show` and `snap rerun`.

    \b
    Example:
      snap noise latest
      snap noise baseline --repeat 10 --no-causes
    """
    from snapshot.cli.interrupts import Interrupts
    from snapshot.cli.rerun import found, places
    from snapshot.share.rerun import Wanted

    place = Place.here()
    check_host()
    first = found(place, run)
    _refuse_cut_off(first)
    problem: KeyboardInterrupt | SnapshotError | None = None
    with Interrupts() as interrupts:
        wanted = Wanted(data=places(data, place.cwd), network=network, trial="noise")
        measuring = _Measuring(place, first, wanted, interrupts)
        try:
            measuring.repeat(repeat)
        except (KeyboardInterrupt, SnapshotError) as stopped:
            problem = stopped
        measuring.sum_up(problem)
        if problem is None and not no_causes:
            try:
                measuring.look_for_causes()
            except (KeyboardInterrupt, SnapshotError) as stopped:
                problem = stopped
    _print(measuring.noise, as_json=as_json)
    if isinstance(problem, KeyboardInterrupt):
        raise InterruptError("interrupted; this is what was measured before")
    if problem:
        raise problem


def _refuse_cut_off(run: Run) -> None:
    """Raises UsageError for a run that did not come to its own end: nothing can repeat that."""
    from snapshot.report.text import outcome

    assert run.exit is not None
    if run.exit.code is None or run.exit.signal or run.exit.out_of_memory:
        raise UsageError(
            f"run `{run.id}` was cut off ({outcome(run)}): it has no result to measure noise of",
            hint=f"choose a run that came to its end, see `snap show {run.id}`",
        )


class _Measuring:
    """The repeats of a run, and what was made of them so far."""

    def __init__(self, place: Place, run: Run, wanted: Wanted, interrupts: Interrupts) -> None:
        from snapshot.cli.rerun import Rerun, tolerances

        self._place, self._run, self._wanted, self._interrupts = place, run, wanted, interrupts
        self._again = Rerun(place, run, wanted)
        if self._again.foreign:
            self._again.say_whose()
        self._tolerances = tolerances(place.config, place.store, run)
        self._repeats: list[Run] = []
        self.noise: Noise

    def repeat(self, times: int) -> None:
        """The run so many times, each judged as a rerun is."""
        from snapshot.compare.verdict import ending
        from snapshot.report.text import duration, outcome

        for number in range(times):
            took = f"; {duration(self._run.seconds)} each, as it took then" if number == 0 else ""
            terminal.note(f"repeat {number + 1} of {times}{took}")
            second = self._trained(self._again)
            if ending(second.exit) != ending(self._run.exit):
                terminal.warn(
                    f"repeat {number + 1} does not count: it ended with {outcome(second)}, and the run did not"
                )
            self._again.judged(second, self._tolerances, noise=False)
            self._repeats.append(second)

    def sum_up(self, problem: KeyboardInterrupt | SnapshotError | None) -> None:
        """Keep what was measured; raises DifferentError, or what stopped the repeats, when that is nothing."""
        from snapshot.cause import noise
        from snapshot.cause.measure import measured
        from snapshot.report.text import outcome
        from snapshot.share.bundle import lacks_results

        store = self._place.store
        now = clock.now()
        here = not lacks_results(store, self._run)
        try:
            self.noise = measured(self._run, self._repeats, self._compared, has_results=here, end=outcome, now=now)
        except SnapshotError:
            if isinstance(problem, SnapshotError):
                raise problem from None
            if problem:
                raise InterruptError("interrupted before anything was measured") from None
            raise
        if problem is None:
            noise.keep(store, self.noise)
        elif (kept := noise.keep_if_more(store, self._run, self.noise)) is not self.noise:
            terminal.note(f"what was measured over {len(kept.runs)} runs before stays")

    def look_for_causes(self) -> None:
        """Switch off what can be, as long as something differs of which the cause is not known."""
        from snapshot.cause import noise
        from snapshot.cause.sources import Trials
        from snapshot.cause.switches import switches
        from snapshot.host import machine
        from snapshot.report.text import outcome
        from snapshot.run.determinism import threads_of

        if not (self.noise.different_metrics or self.noise.different_outputs):
            return
        here = machine.probe()
        threads = threads_of(self._run.request, here.cores)
        known = switches(self._run, threads=threads, cpu_flags=here.cpu_flags)
        trials = Trials(run=self._run, attempt=self._attempted, compare=self._compared, end=outcome)
        for found in trials.search(self.noise, known):
            self.noise = found
            noise.keep(self._place.store, found)

    def _attempted(self, switch: Switch) -> Run:
        """One more run, with a source of noise switched off."""
        from snapshot.cli.rerun import Rerun

        terminal.note(f"once more {switch.text}")
        return self._trained(Rerun(self._place, self._run, switch.wanted(self._wanted, self._run)))

    def _trained(self, again: Rerun) -> Run:
        """One more run; one that was interrupted raises KeyboardInterrupt, however it ended."""
        run = again.train()
        self._interrupts.check()
        return run

    def _compared(self, first: Run, second: Run) -> Sequence[Compared]:
        """By the verdict, where that is what was compared."""
        from snapshot.compare import judge
        from snapshot.compare.unpickling import unpickle_in

        verdict = judge.known(self._place.store, second)
        if verdict and verdict.first == first.id:
            return verdict.outputs
        with terminal.step(f"comparing with run {first.id}"):
            return judge.outputs(self._place.store, first, second, unpickle=unpickle_in(second.platform.reference))


def _print(noise: Noise, *, as_json: bool) -> None:
    if as_json:
        click.echo(encode_json(noise), nl=False)
        return
    from snapshot.report.noise import page

    click.echo(page(noise))
