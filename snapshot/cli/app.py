"""The group of commands, loaded only when named: `snap --help` imports none of them.

Also the one boundary where errors become words and an exit code.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from snapshot import __version__
from snapshot.errors import AROUND_A_RUN, HostError, InterruptError, SnapshotError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "lock": "Write snap.lock: the whole stack of this project, pinned.",
    "build": "Build the image that snap.lock describes.",
    "run": "Run a script in the image, and keep code, platform and result.",
    "shell": "Open a shell in the image.",
    "rerun": "Run a run once more, and compare what comes out.",
    "noise": "Tell how far results are apart when nothing changes, and by what.",
    "ls": "List the runs of this project, or of a registry.",
    "show": "Show the record of a run.",
    "logs": "Print what a run printed.",
    "log": "Draw how runs descend from each other.",
    "diff": "Compare two runs: arguments, code, packages, platform, data, results.",
    "report": "Write all that is known of a run as one HTML file.",
    "ui": "Show the runs in the browser, and follow those that go on.",
    "bisect": "Find what makes the results of two runs differ.",
    "which": "Tell which run wrote a file, and what it was made of.",
    "data": "Data of runs: what they were, and what has changed since.",
    "tag": "Give a run a tag, or take it away.",
    "note": "Write a note about a run.",
    "track": "Log runs to MLflow or Weights & Biases.",
    "push": "Put a run into a registry, as an image that repeats it.",
    "pull": "Take in what `snap push` put into a registry.",
    "archive": "Write a run, and all that it takes to repeat it offline.",
    "import": "Take in what `snap archive` wrote.",
    "export": "Write what a run used for the public, built by plain Docker.",
    "verify": "Tell what of each run is still there, and whether others could go on.",
    "rm": "Remove runs, with their outputs.",
    "gc": "Remove what no run needs any more.",
    "fsck": "Check that everything kept is as it was.",
    "doctor": "Check this machine: engine, disk, network, GPU.",
    "completion": "Print what lets a shell complete all this at a Tab.",
}
"""In the order of the work; each is `snapshot.cli.NAME`, whose command has this line as its short help."""


ASKED = "_SNAP_COMPLETE"
"""The variable by which a shell asks what completes a line; see `shells`."""


def _talk(ctx: click.Context, option: click.Parameter, is_given: bool) -> None:
    if is_given and not ctx.resilient_parsing:
        from snapshot.cli.terminal import Level, talk

        talk(Level.QUIET if option.name == "quiet" else Level.VERBOSE)


EVERYWHERE = (
    click.Option(
        ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_talk, help="Say only what is wrong, and results."
    ),
    click.Option(
        ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_talk, help="Say what is asked of whom, too."
    ),
)
"""Options of every command, and of `snap` itself."""


def _with_options(command: click.Command) -> click.Command:
    """`command`, and those of it if it is a group, with the options that all have."""
    for one in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
        one.params += [option for option in EVERYWHERE if option not in one.params]
    return command


class Commands(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"snapshot.cli.{cmd_name}")
        return _with_options(module.command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            if args[0].endswith((".py", ".ipynb")):
                ctx.fail(f"No such command '{args[0]}'. Did you mean 'snap run {args[0]}'?")
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if near:
                ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The commands that begin so, none of which is imported, or the options."""
        from click.shell_completion import CompletionItem

        fitting = [name for name in COMMANDS if name.startswith(incomplete)]
        names = [CompletionItem(name, help=COMMANDS[name]) for name in fitting]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Like click's, with our errors and exit codes."""
        if ASKED in os.environ:
            from snapshot.cli import shells

            shells.answer(self)
            sys.exit(0)
        for number in (signal.SIGTERM, signal.SIGHUP):
            # As Ctrl-C: what is under way is cleared up. What the caller ignores (`nohup`) stays ignored.
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, signal.default_int_handler)
        try:
            # What it returns is the code of `Context.exit`, None where nothing was said.
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as problem:
            print(problem.format_message(), file=sys.stderr)
            sys.exit(2)
        except click.ClickException as problem:
            fail(_of_click(problem), code=_code(2))
        except (click.Abort, KeyboardInterrupt):
            fail(InterruptError("interrupted"))
        except SnapshotError as problem:
            fail(problem, code=_code(problem.exit_code))
        except BrokenPipeError:
            # The reader of our output (`| head`) has left.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        except OSError as problem:
            refused = _of_system(problem)
            fail(refused, code=_code(refused.exit_code))
        except Exception:
            import traceback

            traceback.print_exc()
            bug = SnapshotError("this is a bug of snap", hint="please report it with the lines above")
            fail(bug, code=_code(bug.exit_code))
        sys.exit(code)


def fail(problem: SnapshotError, *, code: int | None = None) -> NoReturn:
    """Print `error: …` and `hint: …`, and exit."""
    from snapshot.cli import terminal

    terminal.error(problem.message, problem.hint)
    sys.exit(problem.exit_code if code is None else code)


def _code(code: int) -> int:
    """`snap run` and `snap shell` exit with the code of what they run, so their own failures are all 125, as those of
    `docker run`."""
    command = next((a for a in sys.argv[1:] if not a.startswith("-")), None)
    return AROUND_A_RUN if command in ("run", "shell") and code != InterruptError.exit_code else code


def _of_click(problem: click.ClickException) -> SnapshotError:
    text = " ".join(problem.format_message().split()).replace("'", "`").rstrip(".")
    context = getattr(problem, "ctx", None)
    hint = f"see `snap{context.command_path[len(context.find_root().command_path) :]} --help`" if context else None
    return SnapshotError(text[:1].lower() + text[1:], hint=hint)


def _of_system(problem: OSError) -> HostError:
    """What the system refused and nobody foresaw, in its own words."""
    from snapshot.project.names import display

    reason = (problem.strerror or str(problem) or type(problem).__name__).lower()
    names = [os.fsdecode(name) for name in (problem.filename, problem.filename2) if isinstance(name, str | bytes)]
    if names:
        return HostError(f"{reason}: " + ", ".join(f"`{display(name)}`" for name in names))
    try:
        # What could not be written is still there, and is refused again.
        sys.stdout.flush()
    except OSError:
        return HostError(f"can't write the output: {reason}")
    return HostError(f"can't write the output: {reason}" if problem.errno == errno.ENOSPC else reason)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(__version__, prog_name="snap")
def snap() -> None:
    """Train inside an image that pins the whole platform, and keep code, platform and result as one record.

    \b
    Type `snap run train.py` instead of `python train.py`.
    """


_with_options(snap)
