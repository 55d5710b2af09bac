from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from snapshot.cli import check, completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.cli.ready import builder, locked, project_of
from snapshot.cli.request import options, stored
from snapshot.cli.request import request as request_of
from snapshot.errors import AROUND_A_RUN, UsageError
from snapshot.host.container import check_host
from snapshot.record import naming
from snapshot.record.document import Edit, Run
from snapshot.report import text
from snapshot.run.command import understand

if TYPE_CHECKING:
    from snapshot.record.document import Determinism, Request
    from snapshot.run.command import Invocation
    from snapshot.run.draft import Draft


class _Run(click.Command):
    """Options stop at the script; `--` before it means any command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        args = self._with_strict(ctx, args)
        if "--" in args:
            before = args[: args.index("--")]
            with click.Context(
                self, info_name=ctx.info_name, resilient_parsing=True, allow_interspersed_args=False
            ) as trial:
                found, _, _ = self.make_parser(trial).parse_args(list(before))
            # Without a value: None or a sentinel of click's, by its version.
            script = found.get("argv")
            ctx.meta["snapshot.verbatim"] = not (isinstance(script, tuple) and script)
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> completing.Items:
        """Options of `snap run`; behind the script they are the script's."""
        return [] if ctx.params.get("argv") else super().shell_complete(ctx, incomplete)

    def _with_strict(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`--deterministic=strict` as the flag that it is to click, whose options take a value always or never."""
        if "--deterministic=strict" not in args:
            return args
        spelled = ["--deterministic-strict" if arg == "--deterministic=strict" else arg for arg in args]
        with click.Context(
            self, info_name=ctx.info_name, resilient_parsing=True, allow_interspersed_args=False
        ) as trial:
            found, _, _ = self.make_parser(trial).parse_args(list(spelled))
        script = found.get("argv")
        after = len(script) if isinstance(script, tuple) else 0
        return [*spelled[: len(args) - after], *args[len(args) - after :]]


@click.command("run", cls=_Run, short_help=COMMANDS["run"], context_settings={"allow_interspersed_args": False})
@click.option("-m", "module", is_flag=True, help="Run a module, as `python -m` does.")
@options
@click.option(
    "--from",
    "earlier",
    multiple=True,
    metavar="RUN[:PATH]",
    shell_complete=completing.outputs,
    help="Outputs of an earlier run, in place.",
)
@click.option("--name", help="A name for the run, usable wherever RUN is.")
@click.option(
    "--no-write-back", is_flag=True, help="Leave what the run writes under .snap/, do not put it into the project."
)
@click.option("--trace/--no-trace", default=None, help="Whether to note which files the run opens; it does by default.")
@click.option(
    "--deterministic", is_flag=True, help="The same result each time; with `=strict` or an error where that can't be."
)
@click.option("--deterministic-strict", is_flag=True, hidden=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="Seed all generators with N.")
@click.option("-i", "--interactive", is_flag=True, help="Give the keyboard to the run, for a debugger or `input()`.")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="SCRIPT [ARGS]...", shell_complete=completing.script)
@click.pass_context
def command(ctx: click.Context, /, argv: tuple[str, ...], module: bool, **given: Any) -> None:
    """Run SCRIPT in the project's image; lock and build first if that is needed.

    The code that runs is a copy taken now. What the script writes is kept with the run and put back into the project
    when it ends. Exits with the script's own code; 125 when something went wrong around it.

    \b
    Example:
      snap run train.py --lr 0.1
      snap run --gpus all -m package.train
      snap run -- bash -c 'python prepare.py && python train.py'
    """
    from snapshot.run.draft import Options, draft
    from snapshot.run.training import train

    place = Place.here()
    check_host()
    if given["name"] is not None:
        naming.check(given["name"], "--name")
    check.data(given["data"], cwd=place.cwd, root=place.root)
    stored(str(place.cwd), what="the path of the project")
    stored(*argv, what="an argument")
    # Before what is run: an option without its value may have taken that.
    request = request_of(given, os.environ)
    invocation = _understood(place, argv, module=module, verbatim=ctx.meta.get("snapshot.verbatim", False))
    _ = place.store  # runs whose `snap` died are finished first
    if invocation.is_notebook:
        _look_at_notebook(place, invocation, interactive=given["interactive"])
    lock, grant = locked(place, request, offline=given["offline"], notebook=invocation.is_notebook)
    interactive = given["interactive"]
    asked = Options(
        request=request,
        determinism=_determinism(given, request),
        grant=grant,
        name=given["name"],
        data=given["data"],
        earlier=given["earlier"],
        trace=place.config.trace if given["trace"] is None else given["trace"],
        write_back=not given["no_write_back"],
        terminal=sys.stdout.isatty() and sys.stderr.isatty() and (not interactive or sys.stdin.isatty()),
        stdin=interactive,
    )

    def drafting() -> Draft:
        with terminal.step("looking at the project"):
            return draft(place.store, project, invocation, asked)

    project = project_of(place, lock)
    run = train(
        place.store,
        drafting,
        place.engine,
        build=builder(place, lock, offline=given["offline"]),
        environment=os.environ,
        warn=terminal.warn,
        hashing=place.hashing,
        ending=terminal.after_training,
    )
    _tell(run)
    assert run.exit is not None
    ctx.exit(AROUND_A_RUN if run.exit.code is None else run.exit.code)


def _understood(place: Place, argv: tuple[str, ...], *, module: bool, verbatim: bool) -> Invocation:
    """Raises UsageError for a script that is not there, or can't be started."""
    is_script = bool(argv) and not module and not verbatim
    if is_script:
        check.exists(argv[0], cwd=place.cwd)
    invocation = understand(argv, module=module, verbatim=verbatim, root=place.root, cwd=place.cwd)
    if is_script:
        check.startable(place.cwd / argv[0], argv[0])
    return invocation


def _look_at_notebook(place: Place, invocation: Invocation, *, interactive: bool) -> None:
    """Raises UsageError for a notebook that can't be run so; warns of parameters that it may not know."""
    from snapshot.run.notebook import code_of, look, unknown

    if interactive:
        raise UsageError("a notebook has no keyboard", hint="leave out `--interactive`")
    assert invocation.script is not None
    found = look(place.root, invocation.script)
    code_of(invocation.arguments)
    for sentence in unknown(found, invocation.arguments):
        terminal.warn(f"`{text.shown(invocation.script)}`: {sentence}")


def _determinism(given: Mapping[str, Any], request: Request) -> Determinism | None:
    """What `--deterministic` and `--seed` ask for; the machine is looked at only then."""
    mode = "strict" if given["deterministic_strict"] else "warn" if given["deterministic"] else None
    if mode is None and given["seed"] is None:
        return None
    from snapshot.host import machine
    from snapshot.run import determinism

    here = machine.probe()
    threads = determinism.threads_of(request, here.cores)
    return determinism.asked(mode, given["seed"], request.environment, threads=threads, cpu_flags=here.cpu_flags)


def _tell(run: Run) -> None:
    """One line in the end, and one for each thing that needs attention."""
    kept = [o for o in run.outputs if o.kept_because and run.write_back]
    for output in kept[:5]:
        terminal.warn(f"`{text.shown(output.path)}` stays with the run, not in the project: {output.kept_because}")
    if len(kept) > 5:
        terminal.warn(f"{len(kept) - 5} more files stay with the run; see `snap show {run.id}`")
    _tell_edits(run)
    for note in run.notes:
        terminal.warn(note)
    names = ", ".join(text.shown(o.path) for o in run.outputs[:3]) + (", …" if len(run.outputs) > 3 else "")
    outputs = text.count(len(run.outputs), "output") + (f": {names}" if names else "")
    removed = f"; {text.count(len(run.deleted), 'file')} removed" if run.deleted else ""
    terminal.note(f"run {run.id} {text.outcome(run)} in {text.duration(run.seconds)}, {outputs}{removed}")


def _tell_edits(run: Run) -> None:
    """What somebody changed while it went on."""
    if edited := run.code.edits:
        terminal.warn(f"edited meanwhile, which the run did not see: {_listed(edited)}")
    for data in run.data:
        if data.edits:
            terminal.warn(f"the data `{text.shown(data.path)}` changed while it ran: {_listed(data.edits)}")


def _listed(edits: Sequence[Edit]) -> str:
    """How many files, and the first of them."""
    if not edits[0].path:
        return edits[0].change
    names = ", ".join(f"{text.shown(edit.path)} ({edit.change})" for edit in edits[:3])
    return f"{text.count(len(edits), 'file')}: {names}" + (", …" if len(edits) > 3 else "")
