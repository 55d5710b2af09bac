from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.errors import HostError, StoreError, UsageError
from snapshot.host import clock
from snapshot.project.names import display
from snapshot.record.store import Store

if TYPE_CHECKING:
    from snapshot.compare.verdict import Verdict
    from snapshot.record.document import Run
    from snapshot.share.handover.board import Asked
    from snapshot.share.handover.document import Row

_NOW = "now"
_VERSION = re.compile(r"\d+(\.\d+)+")


@click.command("verify", short_help=COMMANDS["verify"])
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completing.runs)
@click.option("--all", "every", is_flag=True, help="Every run of the project.")
@click.option("--build", is_flag=True, help="Build each image from clean too: does the lock still give the same?")
@click.option("--train", is_flag=True, help="Train each run once more too: does it still give the same?")
@click.option(
    "--changed-since-driver",
    "driver",
    is_flag=False,
    flag_value=_NOW,
    metavar="[VERSION]",
    help="Only runs that used a GPU under another NVIDIA driver than VERSION, by default the one of this host.",
)
@click.option("--json", "as_json", is_flag=True, help="The board, as a JSON object.")
@click.pass_context
def command(
    ctx: click.Context, runs: tuple[str, ...], every: bool, build: bool, train: bool, driver: str | None, as_json: bool
) -> None:
    """Say of each RUN whether image, code, data, weights and results are still there and intact, whether a registry has
    it, and whether somebody else could train it again today. Exits with 1 if something is wrong.

    Changes nothing in the project, but for the reruns that `--train` keeps.

    \b
    Example:
      snap verify latest
      snap verify --all --json
      snap verify --build paper-v2
      snap verify --changed-since-driver
    """
    from snapshot.report.handover import board
    from snapshot.share.handover.board import rows
    from snapshot.share.handover.document import Handover

    if bool(runs) == every and (runs or driver is None):
        raise UsageError("`snap verify` takes either RUNs or `--all`", hint="`snap verify --all` looks at every run")
    place = Place.here()
    store = Store(place.root)  # not `place.store`, which finishes runs, and puts results into the project
    version = _driver(driver)
    chosen = _chosen(store, runs, version)
    asked = _asked(place, store)
    with terminal.step("looking at the runs") as step, store.lock_shared():
        found = tuple(rows(asked, chosen, step.update))
    if build:
        found = _built(place, asked, found)
    if train:
        found = _trained(place, store, found, reruns=not every)
    fine = not any(row.wrong for row in found)
    if as_json:
        now = clock.now()
        click.echo(encode_json(Handover(created=now, driver=version, fine=fine, runs=found)), nl=False)
    elif found:
        click.echo(board(found))
    elif version:
        terminal.say(f"no run used a GPU under another driver than {version}")
    else:
        terminal.say("no runs yet; start one with `snap run train.py`")
    ctx.exit(0 if fine else 1)


def _chosen(store: Store, runs: tuple[str, ...], driver: str | None) -> list[str]:
    """The IDs of the runs that are asked for, newest first where all are."""
    from snapshot.share.handover.board import kept
    from snapshot.share.handover.drivers import is_of_other_driver

    store.exists()
    chosen = list(dict.fromkeys(map(store.find, runs))) or kept(store)
    if not runs and (going := len(store.unfinished())):
        terminal.warn(f"{going} that {'is' if going == 1 else 'are'} not finished left out; see `snap ls`")
    if driver is None:
        return chosen
    of_other = []
    for run_id in chosen:
        try:
            if is_of_other_driver(store.read(run_id), driver):
                of_other.append(run_id)
        except (StoreError, OSError):
            of_other.append(run_id)
    return of_other


def _driver(asked: str | None) -> str | None:
    """The version of the driver that is asked about; None when none is."""
    from snapshot.host import nvml

    if asked is None or _VERSION.fullmatch(asked):
        return asked
    if asked != _NOW:
        raise UsageError(
            f"`{display(asked)}` is not the version of an NVIDIA driver",
            hint="write it as `nvidia-smi` does, as in `--changed-since-driver 580.65.06`",
        )
    found = nvml.look()
    if found.gpus is None or not found.gpus.driver:
        raise HostError(
            f"which driver is meant can't be told here: {found.message}",
            hint="name its version, as in `--changed-since-driver 580.65.06`",
        )
    return found.gpus.driver


def _asked(place: Place, store: Store) -> Asked:
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read
    from snapshot.share.handover.board import Asked

    try:
        cache = place.make_cache()
    except HostError as problem:
        terminal.warn(f"{problem.message}: all data are read anew")
        cache = None
    return Asked(
        store=store,
        engine=place.engine,
        cache=cache,
        access=access_of(read(os.environ), place.root),
        draw=terminal.hashing,
    )


def _built(place: Place, asked: Asked, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows with what became of building their images."""
    from snapshot.cli.build import Shown
    from snapshot.share.handover.image import Locks
    from snapshot.share.handover.proof import Builds

    cache = place.make_cache()
    with terminal.step("building the images from clean") as step:
        builds = Builds(asked.engine, Locks(asked.store), cache, asked.access, Shown(step))
        return tuple(builds.added(asked.store, row) for row in rows)


def _trained(place: Place, store: Store, rows: tuple[Row, ...], *, reruns: bool) -> tuple[Row, ...]:
    """The rows with what became of training the runs once more; `reruns` says whether reruns are, too."""
    from snapshot.cli.rerun import Rerun, tolerances
    from snapshot.host.container import check_host
    from snapshot.share.handover.proof import Trainings
    from snapshot.share.rerun import Wanted

    check_host()

    def train(run: Run) -> Verdict:
        terminal.note(f"training run {run.id} once more")
        again = Rerun(place, run, Wanted(data={}, trial="verify"))
        if again.foreign:
            again.say_whose()
        return again.judged(again.train(), tolerances(place.config, place.store, run))

    trainings = Trainings(train, reruns=reruns)
    return tuple(trainings.added(store, row) for row in rows)
