"""What an export is worth is shown before it is handed over: plain Docker builds it, and trains it again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snapshot import digest
from snapshot.compare.outputs import Side, compare
from snapshot.compare.unpickling import unpickle_in
from snapshot.compare.verdict import DIFFERENT, IDENTICAL, WITHIN, Compared, Tolerance, overall
from snapshot.document import Value
from snapshot.errors import DifferentError
from snapshot.host import buildx, container
from snapshot.host.engine import Engine
from snapshot.host.files import disk_errors, make_dirs
from snapshot.project.names import display, from_text, to_text
from snapshot.record.document import Exit, Output, Run
from snapshot.record.store import Store
from snapshot.share.export import recipe
from snapshot.share.export.content import Content
from snapshot.share.export.document import AGAIN, PublicData

_TAIL = 12
"""Lines of what a training printed that an error tells."""
_MOST = 20


class Judging(Value, kw_only=True, frozen=True):
    """What it takes to train again and compare."""

    environment: Mapping[str, str]
    """The caller's."""
    tolerances: tuple[Tolerance, ...] = ()


@contextmanager
def built(engine: Engine, folder: Path, run: Run) -> Iterator[str]:
    """The image of the export in `folder`, built as its README says, under a name that is taken away again.

    Raises BuildError, HostError or EngineError when that fails.
    """
    reference = f"{recipe.name(run)}:proof-{os.getpid()}"
    try:
        buildx.build_folder(folder, reference=reference)
        yield reference
    finally:
        engine.untag(reference)


def train(store: Store, run: Run, content: Content, image: str, scratch: Path, judging: Judging) -> str:
    """Train again in `image` with the README's options, in the empty folder `scratch`; the verdict.

    Raises DifferentError when it does not come to what the run came to.
    """
    results = scratch / AGAIN
    make_dirs(results)
    places = {data.place: str(place) for data, place in _places(store, content, scratch)}
    options = recipe.options(run, content.public, lambda data: places[data.place])
    environment = {**judging.environment, **run.request.environment}
    done = container.run_plain([*options, "-v", f"{results}:/{AGAIN}"], image, environment=environment)
    ended = Exit(code=done.code)
    if run.exit is None or ended.code != run.exit.code:
        said = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines()[-_TAIL:])
        raise DifferentError(
            f"trained again, it ends with exit code {done.code}" + (f":\n{said}" if said else ""),
            hint="the run may have used what its trace can't see: try `--all-code`",
        )
    kept = Side(outputs=run.outputs, folder=store.folder(run.id) / "outputs")
    written = Side(outputs=tuple(_outputs(results)), folder=results)
    compared = compare(kept, written, tolerances=judging.tolerances, unpickle=unpickle_in(image))
    verdict = overall(compared, run.exit, run.exit)
    if verdict == DIFFERENT:
        raise _other(compared)
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


def _other(compared: tuple[Compared, ...]) -> DifferentError:
    bad = [one for one in compared if one.verdict not in (IDENTICAL, WITHIN)]
    lines = [f"  {display(from_text(one.path))}: {one.verdict}" + _why(one) for one in bad[:_MOST]]
    if len(bad) > _MOST:
        lines.append(f"  and {len(bad) - _MOST} more")
    return DifferentError(
        "trained again, it comes to other results:\n" + "\n".join(lines),
        hint="see with `snap rerun` whether the run itself repeats; what may differ is for `tolerance` to say",
    )


def _why(one: Compared) -> str:
    if one.reason:
        return f", {one.reason}"
    return f", by up to {one.absolute}" if one.absolute is not None else ""
