"""What an export is worth is shown before it is handed over: plain Docker builds it, and trains it again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snapshot import digest
from snapshot.compare.outputs import Side, compare
from snapshot.compare.unpickling import unpickle_in
from snapshot.compare.verdict import DIFFERENT, IDENTICAL, MISSING, WITHIN, Compared, Tolerance, overall
from snapshot.errors import BuildError, DifferentError, UsageError
from snapshot.host import buildx, container
from snapshot.host.engine import Engine
from snapshot.host.files import disk_errors, make_dirs
from snapshot.host.process import Finished
from snapshot.project.names import display, from_text, to_text
from snapshot.record import labels
from snapshot.record.document import Exit, Output, Run
from snapshot.record.store import Store
from snapshot.share.export import recipe
from snapshot.share.export.content import Content
from snapshot.share.export.document import AGAIN, PublicData

_TAIL = 12
"""Lines of what a training printed that an error tells."""
_MOST = 20
_NO_NETWORK = "where builds have no network, `--with-packages` takes the packages along"


@contextmanager
def built(engine: Engine, folder: Path, run: Run) -> Iterator[str]:
    """The image of the export in `folder`, built as its README says, under a name that is taken away again.

    Raises BuildError, HostError or EngineError when that fails.
    """
    reference = f"{recipe.name(run)}:proof-{os.getpid()}"
    try:
        try:
            buildx.build_folder(folder, reference=reference)
        except BuildError as problem:
            hint = _NO_NETWORK if "error: http" in problem.message else problem.hint
            raise BuildError(problem.message, hint=hint) from None
        yield reference
    finally:
        engine.untag(reference)


def other_layers(engine: Engine, run: Run, image: str) -> int | None:
    """How many layers of the run's platform, above its base, the export's `image` does not have.

    None when this engine has no image of the run to compare with.
    """
    was, now = engine.image(run.platform.image), engine.image(image)
    if was is None or now is None:
        return None
    return len(set(was.layers[len(run.platform.base_layers) :]) - set(now.layers))


def check(store: Store, run: Run, content: Content) -> None:
    """Raise UsageError when a run of somebody else would have to be shown files of this machine to be trained again."""
    if content.public.data and labels.of(store, run.id).origin is not None:
        raise UsageError(
            f"run `{run.id}` was made elsewhere: which files of this machine it may see is for you to say",
            hint="see `snap rerun --data`, and export without `--prove`, or export that rerun",
        )


def train(
    store: Store, run: Run, content: Content, image: str, scratch: Path, tolerances: tuple[Tolerance, ...]
) -> str:
    """Train again in `image` with the README's options, in the empty folder `scratch`; the verdict.

    A run that was made elsewhere gets no network. Raises DifferentError when it does not come to what the run came to.
    """
    results = scratch / AGAIN
    make_dirs(results)
    places = {data.place: str(place) for data, place in _places(store, content, scratch)}
    given = run.request.environment
    options = recipe.options(run, content.public, lambda data: places[data.place], lambda name: f"{name}={given[name]}")
    apart = ("--network=none",) if labels.of(store, run.id).origin is not None else ()
    done = container.run_plain([*options, *apart, "-v", f"{results}:/{AGAIN}"], image)
    ended = Exit(code=done.code)
    if run.exit is None or ended.code != run.exit.code:
        raise DifferentError(
            f"trained again, it ends with exit code {done.code}{_printed(done)}",
            hint="the run may have used what its trace can't see: try `--all-code`",
        )
    kept = Side(outputs=run.outputs, folder=store.folder(run.id) / "outputs")
    written = Side(outputs=tuple(_outputs(results)), folder=results)
    compared = compare(kept, written, tolerances=tolerances, unpickle=unpickle_in(image))
    verdict = overall(compared, run.exit, run.exit)
    if verdict == DIFFERENT:
        raise _other(compared, done)
    return verdict


def _places(store: Store, content: Content, scratch: Path) -> Iterator[tuple[PublicData, Path]]:
    """Where the data are for the proof: where the run had them; copies of those that the training writes among."""
    for number, (placed, data) in enumerate(zip(content.placed, content.public.data, strict=True)):
        place = placed.data.place(store.project)
        if data.written:
            copy = scratch / "data" / str(number)
            make_dirs(copy.parent)
            with disk_errors(copy):
                place = Path(shutil.copytree(place, copy, symlinks=True))
        yield data, place


def _outputs(folder: Path) -> Iterator[Output]:
    for path in sorted(folder.rglob("*")):
        name = to_text(str(path.relative_to(folder)))
        if path.is_symlink():
            yield Output(path=name, size=0, sha256=None, mode=0o777, change="created", link=to_text(os.readlink(path)))
        elif path.is_file():
            status = path.stat()
            yield Output(
                path=name, size=status.st_size, sha256=digest.of_file(path), mode=status.st_mode & 0o777,
                change="created",
            )  # fmt: skip


def _printed(done: Finished) -> str:
    """The last lines of what it printed, below a message."""
    return "".join(f"\n  | {display(line)}" for line in (done.stdout + done.stderr).splitlines()[-_TAIL:])


def _other(compared: tuple[Compared, ...], done: Finished) -> DifferentError:
    bad = [one for one in compared if one.verdict not in (IDENTICAL, WITHIN)]
    lines = [f"  {display(from_text(one.path))}: {one.verdict}" + _why(one) for one in bad[:_MOST]]
    if len(bad) > _MOST:
        lines.append(f"  and {len(bad) - _MOST} more")
    return DifferentError(
        "trained again, it comes to other results:\n"
        + "\n".join(lines)
        + _printed(done) * any(one.verdict == MISSING for one in bad),
        hint="see with `snap rerun` whether the run itself repeats; what may differ is for `tolerance` to say",
    )


def _why(one: Compared) -> str:
    if one.reason:
        return f", {one.reason}"
    return f", by up to {one.absolute}" if one.absolute is not None else ""
