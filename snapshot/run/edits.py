"""What was edited in the project while a run went on. The run did not see it: this says that it was so."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from snapshot.digest import of_file
from snapshot.project.names import to_text
from snapshot.record.document import Edit

OtherRuns = Callable[[str, str], bool]
"""Whether a run that ended meanwhile left these bytes (digest, or text of a link) at this path."""


def edits(project: Path, contents: Mapping[str, str], moment: int, from_other_run: OtherRuns) -> tuple[Edit, ...]:
    """The files of the code, `contents` as in `capture.AtLaunch`, that are not in the project as they were.

    Only what was touched since `moment` is read; what another run put there is no edit. Files that are new are not
    looked for: they are not of the code that ran. To be asked before anything is put back into the project.
    """
    return tuple(sorted(_edits(project, contents, moment, from_other_run), key=lambda edit: edit.path))


def _edits(project: Path, contents: Mapping[str, str], moment: int, from_other_run: OtherRuns) -> Iterator[Edit]:
    root = str(project) + "/"
    for path, content in contents.items():
        try:
            status = os.lstat(root + path)
        except OSError:
            yield Edit(path=to_text(path), change="removed")
            continue
        if max(status.st_ctime_ns, status.st_mtime_ns) < moment:
            continue
        now = _content(project / path, status)
        if now != content and not from_other_run(path, now):
            yield Edit(path=to_text(path), change="changed")


def _content(path: Path, status: os.stat_result) -> str:
    """As in `contents`; empty for what can't be read any more."""
    try:
        return os.readlink(path) if stat.S_ISLNK(status.st_mode) else of_file(path)
    except OSError:
        return ""
