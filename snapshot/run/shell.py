"""A shell in the project's image: the project itself in place of a view of it, and nothing is kept of what is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from snapshot.errors import AROUND_A_RUN
from snapshot.host.container import Container, ImageMissingError, Mount
from snapshot.host.engine import Engine
from snapshot.image.dockerfile import image_reference
from snapshot.lock import inside
from snapshot.project.names import from_text
from snapshot.run import draft, outside, trace
from snapshot.run.command import Invocation
from snapshot.run.draft import Options, Project
from snapshot.run.launch import launch
from snapshot.run.signals import Signals

_ROLE = "shell"
_PROCESS = "org.snapshot-ml.process"
"""The label with the ID of the process that looks after it."""
_SHELL = r"""
if command -v bash >/dev/null; then export PS1='(snap) \w\$ '; exec bash --norc; fi
export PS1='(snap) $ '; exec sh
"""
"""`--norc`, since Debian's sets another prompt."""


def container(project: Project, command: tuple[str, ...], options: Options, caller: Mapping[str, str]) -> Container:
    """What the engine is asked for: as for a run (`draft.container`), with the project's folder at its place.

    Without a `command` it is a shell. `caller` is the environment of `snap`. Raises UsageError for data that are not
    there.
    """
    directory = PurePosixPath(project.cwd.relative_to(project.root).as_posix())
    words = command or ("sh", "-c", _SHELL)
    asked = Invocation(kind="command", argv=words, arguments=command, script=None, directory=directory)
    binds = draft.binds(project, asked, options, draft.walk(project, asked))
    lock, request = project.lock, options.request
    environment = draft.environment_of(
        {},
        request.environment,
        lock.import_roots,
        gpus=options.grant is not None,
        terminal=caller.get("TERM") if options.terminal else None,
    )
    return Container(
        image=image_reference(lock),
        command=words,
        name=f"snap-shell-{os.urandom(6).hex()}",
        user=f"{os.getuid()}:{os.getgid()}",
        workdir=str(PurePosixPath(outside.WORKSPACE) / directory),
        environment=tuple(environment.items()),
        labels=((inside.LABEL, _ROLE), (_PROCESS, str(os.getpid()))),
        mounts=(
            Mount(source=str(project.root), target=outside.WORKSPACE),
            *(Mount(source=str(bind.source), target=from_text(bind.data.target), read_only=True) for bind in binds),
            *trace.mounts(project.root, lock.python, trace=False),
        ),
        network=request.network,
        terminal=options.terminal,
        stdin=True,
        options=(*(options.grant.options if options.grant else ()), *draft.engine_options(request)),
    )


def enter(container: Container, engine: Engine, *, build: Callable[[], None]) -> int:
    """Run it to its end, building the image first if the engine does not have it; the exit code of what ran.

    Raises EngineError when the engine refused.
    """
    assert container.name is not None
    _sweep(engine)
    try:
        try:
            _launch(container, engine)
        except ImageMissingError:
            build()
            _launch(container, engine)
        state = engine.container(container.name)
    finally:
        engine.remove(container.name)
    return state.exit_code if state else AROUND_A_RUN


def _sweep(engine: Engine) -> None:
    """Remove the shells that are over and whose `snap` was killed: what was written in them may be large."""
    for state in engine.ended(f"{inside.LABEL}={_ROLE}"):
        process = state.labels.get(_PROCESS, "")
        if process.isdecimal() and not Path(f"/proc/{process}").exists():
            engine.remove(state.id)


def _launch(container: Container, engine: Engine) -> None:
    with Signals(outlive=False) as signals:
        launch(
            container,
            engine,
            keep=(),
            output="both",
            started=lambda _: None,
            meanwhile=lambda: None,
            beside=lambda _: None,
            signals=signals,
        )
