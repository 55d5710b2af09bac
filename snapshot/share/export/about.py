"""How an export may be used and cited, in its top folder: the project's own files, and what archives of data read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec

from snapshot.share.entry import Entry
from snapshot.share.export import citation, crate
from snapshot.share.export.document import CODE, README, PublicRun
from snapshot.share.export.selection import is_about


def entries(public: PublicRun, there: tuple[Entry, ...]) -> Iterator[Entry]:
    """Licence, citation and crate of an export that has `there` besides."""
    project = {entry.path.removeprefix(f"{CODE}/"): entry for entry in there if entry.path.startswith(f"{CODE}/")}
    own = tuple(msgspec.structs.replace(project[path], path=path) for path in project if is_about(path))
    title = f"Training: {shlex.join(public.command.argv)}"
    cited = next((one for one in own if one.path == citation.FILE and isinstance(one.source, Path)), None)
    if cited is None:
        yield (cited := Entry(path=citation.FILE, source=citation.dumps(public, title)))
    elif isinstance(cited.source, Path):
        title = citation.title_of(cited.source.read_bytes()) or title
    yield from own
    about = crate.About(
        title=title,
        description=f"Code, platform and results of a training, which plain Docker repeats: see {README}",
        license=next((one.path for one in own if one.path.lower().startswith(("licen", "copying"))), None),
    )
    files = {entry.path: entry for entry in (*there, *own, cited)}
    yield Entry(path=crate.NAME, source=crate.dumps(public, files.values(), about))
