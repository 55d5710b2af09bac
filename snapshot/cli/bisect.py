from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing
from snapshot.cli.app import COMMANDS
from snapshot.cli.bisecting import Bisecting, Effort
from snapshot.cli.criterion import By
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.errors import InterruptError, UsageError
from snapshot.host.container import check_host
from snapshot.project.names import display

if TYPE_CHECKING:
    from snapshot.cause.experiment import Budget
    from snapshot.record.document import Run

_TIME = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


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
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Hybrids at a time; as there is room if not given."
)
@click.option("--budget", metavar="RUNS|TIME", help="Stop after so many runs, or after a time, as in `20` or `2h`.")
@click.option(
    "--lock", type=click.Path(), metavar="FILE", help="Take for BAD what RUN comes to on the platform of this lock."
)
@click.option(
    "--versions", nargs=2, metavar="PACKAGE A..B", help="Find the first bad release of a package; with `--check`."
)
@click.option("--commits", metavar="A..B", help="Find the first bad commit of the project; with `--check`.")
@click.option("--good-data", multiple=True, metavar="NAME=PATH", help="Data of GOOD that lie elsewhere now.")
@click.option(
    "--bad-data", multiple=True, metavar="NAME=PATH", help="Data of BAD that lie elsewhere; or BAD is RUN with these."
)
@click.option("--json", "as_json", is_flag=True, help="All of it, as it is stored.")
def command(
    runs: tuple[str, ...],
    metric: str | None,
    output: str | None,
    check: str | None,
    jobs: int | None,
    budget: str | None,
    lock: str | None,
    versions: tuple[str, str] | None,
    commits: str | None,
    good_data: tuple[str, ...],
    bad_data: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find which of the differences between two runs makes their results differ: arguments, environment, code, data,
    packages, base. Hybrids of the two are run until the smallest set of differences is known that flips the result.

    Without an option they are told apart by how they ended, else by the metric that differs most, else by an output.
    With `--lock`, or one run and `--bad-data`, BAD is RUN on that lock and with these data, and is run first. With
    `--versions` or `--commits` all but the release or the code is that of RUN, and A is good and B is bad by the check.
    RUN is `latest` by default. Interrupted, the same command goes on where it was. Exits with 0 when the cause is
    found, else with 1.

    \b
    Example:
      snap bisect baseline latest
      snap bisect baseline latest --metric accuracy --budget 30
      snap bisect old new --check 'python compare.py predictions.csv'
      snap bisect baseline --lock upgraded.lock
      snap bisect --versions torch 2.1..2.4 --check 'grep -q converged log.txt'
      snap bisect --commits v1.0..HEAD --check 'python compare.py predictions.csv'
    """
    from snapshot.cause.document import FOUND
    from snapshot.report import bisect as page

    if sum(option is not None for option in (metric, output, check)) > 1:
        raise UsageError("`--metric`, `--output` and `--check` are three ways to tell the two apart", hint="give one")
    is_variant = bool(lock or (bad_data and len(runs) < 2))
    if sum(map(bool, (versions, commits, is_variant))) > 1:
        raise UsageError(
            "`--versions`, `--commits` and `--lock` or `--bad-data` are three searches", hint="give one of them"
        )
    if lock and len(runs) > 1:
        raise UsageError("`--lock` makes a BAD of its own", hint="name one run, as in `snap bisect RUN --lock FILE`")
    effort = Effort(jobs=jobs, budget=_budget(budget))
    place = Place.here()
    check_host()
    bisecting = Bisecting(place, effort, good_data)
    by = By(metric=metric, output=output, check=check)
    try:
        if versions or commits:
            if check is None or len(runs) > 1:
                raise UsageError(
                    "`--versions` and `--commits` take one run and a `--check`",
                    hint="write it as in `snap bisect RUN --commits A..B --check 'test -s model.pt'`",
                )
            search = bisecting.along(_run(place, *runs), check, versions, commits)
        elif is_variant:
            search = bisecting.variant(_run(place, *runs), lock, bad_data, by)
        else:
            search = bisecting.between(*_two(place, runs), bad_data, by)
    except KeyboardInterrupt:
        raise InterruptError("interrupted; the same command goes on where it was") from None
    click.echo(encode_json(search) if as_json else page.page(search), nl=not as_json)
    raise click.exceptions.Exit(0 if search.status == FOUND else 1)


def _two(place: Place, names: tuple[str, ...]) -> tuple[Run, Run]:
    if len(names) != 2:
        raise UsageError(
            "it takes two runs, or one and `--lock`, `--bad-data`, `--versions` or `--commits`",
            hint="write it as in `snap bisect GOOD BAD`",
        )
    good, bad = (_run(place, name) for name in names)
    if good.id == bad.id:
        named = " and ".join(f"`{display(name)}`" for name in names)
        raise UsageError(f"{named} are the same run", hint="name two runs, see `snap ls`")
    return good, bad


def _run(place: Place, name: str = "latest") -> Run:
    run = place.store.read(place.store.find(name))
    if run.exit is None or run.started is None:
        raise UsageError(f"run `{run.id}` is not finished", hint=f"see `snap show {run.id}`")
    return run


def _budget(given: str | None) -> Budget:
    from snapshot.cause.experiment import Budget

    if given is None:
        return Budget()
    if given.isascii() and given.isdigit() and int(given) > 0:
        return Budget(runs=int(given))
    if match := _TIME.fullmatch(given):
        return Budget(seconds=float(match[1]) * _SECONDS[match[2]])
    raise UsageError(
        f"`--budget {display(given)}` is no number of runs and no time", hint="write it as in `20` or `90m`"
    )
