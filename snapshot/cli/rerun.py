from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.errors import StoreError, UsageError
from snapshot.host import clock
from snapshot.host.container import check_host
from snapshot.project.names import display

if TYPE_CHECKING:
    from snapshot.compare.verdict import Tolerance, Verdict
    from snapshot.lock.document import Lock
    from snapshot.project.config import Configuration
    from snapshot.record.document import Run
    from snapshot.record.store import Store
    from snapshot.run.draft import Draft, Options
    from snapshot.share.rerun import Wanted


@click.command("rerun", short_help=COMMANDS["rerun"])
@click.argument("run", metavar="RUN|REF", shell_complete=completing.runs)
@click.option("--data", multiple=True, metavar="NAME=PATH", help="Data that lie elsewhere than they did.")
@click.option("--allow-different-data", is_flag=True, help="Go on though the data are not what they were.")
@click.option("--rtol", type=click.FloatRange(min=0), metavar="R", help="Relative tolerance for all numbers.")
@click.option("--atol", type=click.FloatRange(min=0), metavar="A", help="Absolute tolerance for all numbers.")
@click.option(
    "--repeat", type=click.IntRange(min=1), default=1, metavar="N", help="Do it N times; see `snap noise`, too."
)
@click.option("--edit", is_flag=True, help="Run the project's code as it is now, on the platform of RUN.")
@click.option(
    "--gpus",
    metavar="none|all|N|device=…",
    shell_complete=completing.gpus,
    help="GPUs, in place of those that RUN asked for.",
)
@click.option(
    "--network",
    shell_complete=completing.networks,
    help="Network, in place of what RUN had; one from elsewhere gets none.",
)
@click.option("--json", "as_json", is_flag=True, help="The verdict as it is stored; with `--repeat` a JSON list.")
def command(
    run: str,
    data: tuple[str, ...],
    allow_different_data: bool,
    rtol: float | None,
    atol: float | None,
    repeat: int,
    edit: bool,
    gpus: str | None,
    network: str | None,
    as_json: bool,
) -> None:
    """Run RUN once more, from its record: image, code, data, arguments, environment and devices as they were. Then
    compare what it wrote, output by output. REF is that of a run in a registry, which is pulled first.

    The image is the run's, bit for bit, or nothing runs. The project is left alone: what the rerun writes stays with
    it under .snap/. What it prints goes to stderr, the verdict to stdout. Exits with 0 if all is identical or within
    tolerance, with 1 if something is different or can't be compared.

    \b
    Example:
      snap rerun latest
      snap rerun paper-v2 --data images=/mnt/sets/images --rtol 1e-5
      snap rerun 127.0.0.1:5000/team/digits:best
      snap rerun latest --repeat 5
      snap rerun baseline --edit
    """
    from snapshot.cli.interrupts import Interrupts
    from snapshot.share.rerun import Wanted

    place = Place.here()
    check_host()
    wanted = Wanted(data=places(data, place.cwd), allow_different_data=allow_different_data, network=network, gpus=gpus)
    again = Rerun(place, found(place, run), wanted, edit=edit)
    if again.foreign:
        again.say_whose()
    allowed = _tolerances(place, again, rtol, atol)
    verdicts = []
    with Interrupts() as interrupts:
        for number in range(repeat):
            if repeat > 1:
                terminal.note(f"rerun {number + 1} of {repeat}")
            second = again.train()
            interrupts.check()  # how far it came says nothing of the run
            verdicts.append(again.judged(second, allowed))
    _print(verdicts, as_json=as_json)
    raise click.exceptions.Exit(0 if all(verdict.same for verdict in verdicts) else 1)


def places(given: Sequence[str], cwd: Path) -> Mapping[str, Path]:
    found = {}
    for item in given:
        name, equals, path = item.partition("=")
        if not equals or not name or not path:
            raise UsageError(
                f"`--data {display(item)}` is not `NAME=PATH`", hint="write it as in `--data images=/mnt/sets/images`"
            )
        found[name] = Path(os.path.abspath(cwd / os.path.expanduser(path)))
    return found


def found(place: Place, name: str) -> Run:
    """The run of that name here, else the one that is pulled from a registry."""
    try:
        run = place.store.read(place.store.find(name))
    except UsageError:
        if "/" not in name:
            raise
        from snapshot.cli.pull import pulled

        run = pulled(place, name)
    if run.exit is None:
        raise UsageError(f"run `{run.id}` is not finished", hint=f"wait for it: `snap logs -f {run.id}`")
    if run.started is None:
        raise UsageError(f"run `{run.id}` never ran", hint=f"see `snap show {run.id}`")
    return run


def _tolerances(place: Place, again: Rerun, rtol: float | None, atol: float | None) -> tuple[Tolerance, ...]:
    """Those of the command line for all, else by the configuration."""
    from snapshot.compare.verdict import Tolerance

    if rtol is None and atol is None:
        return tolerances(place.config, place.store, again.run)
    return (Tolerance(rtol=rtol or 0.0, atol=atol or 0.0),)


def tolerances(config: Configuration, store: Store, run: Run) -> tuple[Tolerance, ...]:
    """Those of the project's configuration, else of the run's own."""
    from snapshot.compare.tolerance import configured
    from snapshot.project.config import load
    from snapshot.record.code.trees import checkout

    return configured(config) or configured(load(checkout(store.path, run.code.digest)))


def say_whose(store: Store, run: Run, network: str | None) -> None:
    """Whose code it is that is going to run, and which network it gets."""
    from snapshot.record import labels

    origin = labels.of(store, run.id).origin
    terminal.note(
        f"this runs code that was not made here, taken in from {origin.reference if origin else 'elsewhere'}; "
        f"network: {network or 'as docker gives it'}"
    )


class Rerun:
    """A run that is repeated, once or several times."""

    def __init__(self, place: Place, run: Run, wanted: Wanted, *, edit: bool = False) -> None:
        from snapshot.share import rerun

        self._place, self.run, self._wanted, self._edit = place, run, wanted, edit
        self.foreign = rerun.is_foreign(place.store, run)
        self._locked = rerun.lock_of(place.store, run)
        self._lock, _ = self._locked
        self._request = rerun.request_of(run, wanted, foreign=self.foreign)

    def say_whose(self) -> None:
        """Before foreign code runs: whose it is, and what it gets."""
        say_whose(self._place.store, self.run, self._request.network)

    def train(self) -> Run:
        """Run it, and return its record."""
        from snapshot.run.training import train

        place, options = self._place, self._options()
        self._have_image()
        return train(
            place.store,
            lambda: self._draft(options),
            place.engine,
            build=self._have_image,
            environment=os.environ,
            warn=terminal.warn,
            hashing=place.hashing,
            ending=terminal.after_training,
        )

    def judged(self, second: Run, tolerances: tuple[Tolerance, ...], *, noise: bool = True) -> Verdict:
        """The verdict on a rerun; `noise` as in the function."""
        return judged(self._place.store, self.run, second, tolerances, noise=noise)

    def _options(self) -> Options:
        from snapshot.cli.gpus import Asked, tell
        from snapshot.run.draft import Options
        from snapshot.share.rerun import determinism_of

        asked = Asked(self._place, self._request.gpus) if self._request.gpus else None
        if asked:
            tell(asked.check(self._lock))
        return Options(
            request=self._request,
            determinism=determinism_of(self.run, self._wanted),
            grant=asked.grant() if asked else None,
            write_back=False,
            trace=self._place.config.trace,
            terminal=sys.stderr.isatty(),
            output="stderr",
            trial=self._wanted.trial,
        )

    def _draft(self, options: Options) -> Draft:
        from snapshot.cli.data import Identifying
        from snapshot.share import rerun

        place = self._place
        if self._edit:
            return rerun.edited(place.store, self.run, self._locked, options, place.config, self._wanted)
        identify = Identifying(place, trust_cache=True)
        return rerun.draft(place.store, self.run, self._locked, options, self._wanted, identify)

    def _have_image(self) -> None:
        """The image of the run: the engine's own, else of the registry that has the run, else built again."""
        from snapshot.image.build import present
        from snapshot.share import rerun

        place = self._place
        image = present(place.engine, self._lock)
        if image is None:
            _obtain(place, self.run, self._lock)
            image = present(place.engine, self._lock)
        if image is not None:
            rerun.check_image(self.run, image.id, place.engine.info()["Driver"])


def _obtain(place: Place, run: Run, lock: Lock) -> None:
    from snapshot.cli.build import build_image
    from snapshot.cli.pull import fetched_platform

    if not fetched_platform(place, run):
        build_image(place, lock)


def judged(store: Store, first: Run, second: Run, tolerances: tuple[Tolerance, ...], *, noise: bool = True) -> Verdict:
    """Compare, and keep the verdict; `noise` says whether with what is known of that of `first`."""
    from snapshot.compare.judge import judge
    from snapshot.compare.unpickling import unpickle_in

    now = clock.now()
    unpickle = unpickle_in(second.platform.reference)
    remark = _noise(store, first, second) if noise else None
    with terminal.step(f"comparing with run {first.id}"):
        return judge(store, first, second, tolerances=tolerances, unpickle=unpickle, now=now, remark=remark)


def _noise(store: Store, first: Run, second: Run) -> Callable[[Verdict], Verdict] | None:
    from snapshot.cause.noise import known
    from snapshot.cause.within import told

    try:
        noise = known(store, first)
    except StoreError as problem:
        terminal.warn(f"the noise of run {first.id} can't be read: {problem.message}")
        return None
    return None if noise is None else lambda verdict: told(verdict, noise, first, second)


def _print(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    if as_json:
        click.echo(encode_json(verdicts[0] if len(verdicts) == 1 else verdicts), nl=False)
        return
    from snapshot.report import verdict as text

    click.echo("\n\n".join(terminal.judged(text.page(verdict)) for verdict in verdicts))
    if len(verdicts) > 1:
        click.echo(f"\n{text.spread(verdicts)}")
