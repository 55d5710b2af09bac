"""What is typed after `snap run`, as what runs in the container. Pure but for asking whether a script is there."""

from __future__ import annotations

import difflib
from pathlib import Path, PurePosixPath

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.project.names import from_text
from snapshot.record.document import Command
from snapshot.run.trace import PLACE

_NOTEBOOK = ".ipynb"


class Invocation(Value, kw_only=True, frozen=True):
    """A command line, understood."""

    kind: str
    """script, module or command."""
    argv: tuple[str, ...]
    """As it was typed."""
    arguments: tuple[str, ...]
    """What follows the script or module; all of a command."""
    script: str | None
    """The script's path in the project, which is code whatever its size."""
    directory: PurePosixPath
    """Working directory, relative to the project."""

    @property
    def is_notebook(self) -> bool:
        """Whether the script is one."""
        return self.kind == "script" and self.argv[0].endswith(_NOTEBOOK)

    def in_container(self, python: str, library: str = f"{PLACE}/lib") -> tuple[str, ...]:
        """The process's argv; `python` is the interpreter of the image, `library` where our package is in it.

        Raises UsageError for arguments that are no parameters of a notebook.
        """
        if self.is_notebook:
            from snapshot.run.notebook import code_of, executed

            inside = f"{library}/snapshot/run/inside/notebook.py"
            return (python, inside, self.argv[0], executed(self.argv[0]), code_of(self.arguments))
        if self.kind == "module":
            return (python, "-m", self.argv[0], *self.arguments)
        if self.kind == "script" and self.argv[0].endswith(".py"):
            return (python, *self.argv)
        return self.argv


def recorded(command: Command) -> Invocation:
    """What a record says was typed, understood as it was then; the project is not asked for its script."""
    return Invocation(
        kind=command.kind,
        argv=command.argv,
        arguments=command.argv if command.kind == "command" else command.argv[1:],
        script=None,
        directory=PurePosixPath(from_text(command.directory)),
    )


def understand(argv: tuple[str, ...], *, module: bool, verbatim: bool, root: Path, cwd: Path) -> Invocation:
    """Raises UsageError when a script is asked for that is not in the project.

    `module` is `-m`, `verbatim` is `--`: any command, taken as it is. `root` and `cwd` are absolute.
    """
    if not argv:
        raise UsageError("nothing to run", hint="name a script, as in `snap run train.py`")
    directory = PurePosixPath(cwd.relative_to(root).as_posix())
    if module or verbatim:
        kind = "module" if module else "command"
        arguments = argv[1:] if module else argv
        return Invocation(kind=kind, argv=argv, arguments=arguments, script=None, directory=directory)
    script = _inside(argv[0], root=root, cwd=cwd)
    if script.endswith(_NOTEBOOK):
        # In its own folder, as Jupyter runs it, wherever it is named from.
        directory = PurePosixPath(script).parent
        argv = (PurePosixPath(script).name, *argv[1:])
        return Invocation(kind="script", argv=argv, arguments=argv[1:], script=script, directory=directory)
    return Invocation(
        kind="script", argv=_relative(argv, script, cwd, root), arguments=argv[1:], script=script, directory=directory
    )


def _relative(argv: tuple[str, ...], script: str, cwd: Path, root: Path) -> tuple[str, ...]:
    """The script as a path that is true in the container too: one below the project stays as typed."""
    if not Path(argv[0]).is_absolute():
        return argv if "/" in argv[0] or argv[0].endswith(".py") else (f"./{argv[0]}", *argv[1:])
    import os.path

    return (os.path.join(".", os.path.relpath(root / script, cwd)), *argv[1:])


def _inside(text: str, *, root: Path, cwd: Path) -> str:
    import os.path

    path = Path(os.path.normpath(cwd / text))
    if not path.exists():
        near = difflib.get_close_matches(
            path.name, [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else [], n=1
        )
        if near:
            hint = f"did you mean `{Path(text).parent / near[0]}`?"
        else:
            hint = f"to run a program of the image, put `--` before it: `snap run -- {text}`"
        raise UsageError(f"there is no script `{text}`", hint=hint)
    if path.is_dir():
        raise UsageError(
            f"`{text}` is a folder", hint=f"run a script in it, or a package with `snap run -m {path.name}`"
        )
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        raise UsageError(
            f"the script `{text}` is not in the project `{root}`",
            hint=f"run it from its own folder: `cd {path.parent}`",
        ) from None
