"""What a run wrote: hashed, and put back into the project folder as plain `python` would have left it.

Each output's bytes are read once: hashed while they are copied. A file that somebody changed since the launch is
never written over; the run keeps its own version under `outputs/`, and says so.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from snapshot.digest import CHUNK, PREFIX, of_file
from snapshot.document import Value
from snapshot.errors import HostError
from snapshot.host.files import disk_errors
from snapshot.project.names import display, to_text
from snapshot.record.document import Output
from snapshot.run.workspace import Written

_NEVER_BACK = frozenset({".git", ".hg", ".svn", ".snap"})
_CACHES = frozenset({"__pycache__", ".ipynb_checkpoints"})


class AtLaunch(Value, kw_only=True, frozen=True):
    """What the project looked like when the run began."""

    contents: Mapping[str, str]
    """Path of a code file → digest of its bytes, of a link → its text."""
    moment: int | None
    """Clock of the project's file system, ns, just before the project was looked at: later changes are younger. None
    when the code came from a record: the project is not looked at."""
    data_files: Mapping[str, tuple[int, int]]
    """Path → size and mtime in ns of the data files that were linked: linking alone changes their ctime."""


class Captured(msgspec.Struct):
    """What `capture` found and did."""

    outputs: list[Output] = msgspec.field(default_factory=list)
    deleted: list[str] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)


def capture(
    written: Iterable[Written],
    *,
    project: Path,
    launch: AtLaunch,
    run_id: str,
    write_back: bool,
    from_other_run: Callable[[str, str], bool],
) -> Captured:
    """Hash everything that was written, and write it back.

    Can be called again after a crash at any moment: what is back already is seen to be there.
    `from_other_run(path, digest)` says whether a run that ended since the launch left these bytes there: then nothing
    of the user's is lost by writing over them.
    """
    found = Captured()
    back = _Back(project, launch, run_id, from_other_run) if write_back else None
    items = [item for item in written if not _CACHES & set(item.path.split("/"))]
    for item in items:
        if item.kind in ("removed", "replaced"):
            gone = _gone(item, launch.contents)
            _delete(gone, items, back, found)
            if item.kind == "removed" and back:
                back.remove_folder(item)
    for item in items:
        if item.kind == "folder" or item.kind == "replaced":
            if back:
                back.folder(item)
        elif item.kind == "special":
            found.notes.append(f"`{display(item.path)}` is a socket, FIFO or device and was not kept")
        elif item.kind in ("file", "link"):
            output = _file(item, project, launch, back) if item.kind == "file" else _link(item, launch, back)
            if output:
                found.outputs.append(output)
    if back:
        back.folder_modes()
    return found


def _gone(item: Written, contents: Mapping[str, str]) -> list[str]:
    """The files that a whiteout or a replaced folder hides: itself, everything in a folder, or what only data have."""
    known = [path for path in contents if path == item.path or path.startswith(item.path + "/")]
    return known or ([item.path] if item.kind == "removed" else [])


def _delete(gone: Iterable[str], items: list[Written], back: _Back | None, found: Captured) -> None:
    still = {item.path for item in items if item.kind in ("file", "link")}
    for path in sorted(gone, reverse=True):
        if path in still:
            continue
        reason = back.delete(path) if back else None
        if reason:
            found.notes.append(f"the run removed `{display(path)}`, and it is still in the project: {reason}")
        found.deleted.append(to_text(path))
    found.deleted.sort()


def _is_older(path: Path, moment: int | None) -> bool:
    """Whether the project had the file before the run: data folders are not listed at the launch."""
    try:
        return moment is not None and path.lstat().st_ctime_ns < moment
    except OSError:
        return False


def _file(item: Written, project: Path, launch: AtLaunch, back: _Back | None) -> Output:
    status = item.source.lstat()
    known = launch.contents.get(item.path)
    existed = known is not None or item.path in launch.data_files or _is_older(project / item.path, launch.moment)
    digest, reason = back.file(item, status) if back else (of_file(item.source), "write-back was off")
    return Output(
        path=to_text(item.path),
        size=status.st_size,
        sha256=digest,
        mode=item.mode,
        change="rewritten" if digest == known else "changed" if existed else "created",
        kept_because=reason,
    )


def _link(item: Written, launch: AtLaunch, back: _Back | None) -> Output | None:
    target = os.readlink(item.source)
    if launch.contents.get(item.path) == target:
        return None
    reason = back.link(item, target) if back else "write-back was off"
    change = "changed" if item.path in launch.contents else "created"
    return Output(
        path=to_text(item.path),
        size=0,
        sha256=None,
        mode=0o777,
        change=change,
        link=to_text(target),
        kept_because=reason,
    )


class _Back:
    """Puts outputs into the project folder. Methods return why they did not, or None."""

    def __init__(
        self, project: Path, launch: AtLaunch, run_id: str, from_other_run: Callable[[str, str], bool]
    ) -> None:
        self.project = project
        self.launch = launch
        self.suffix = f".snap-{run_id}"
        self.from_other_run = from_other_run
        self.folders: list[Written] = []

    def file(self, item: Written, status: os.stat_result) -> tuple[str, str | None]:
        """Copy, hashing on the way; returns the digest too."""
        target = self.project / item.path
        refused = self._refused(item.path)
        if refused:
            return of_file(item.source), refused
        temporary = target.with_name(f".{target.name}"[:200] + self.suffix)
        try:
            with disk_errors(target):
                digest = _copy(item, temporary, status)
                reason = self._conflict(item.path, target, digest)
                if reason is None:
                    temporary.replace(target)
        except HostError as problem:
            if not isinstance(problem.__cause__, PermissionError):
                raise
            return of_file(item.source), "no permission to write there"
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return digest, reason

    def link(self, item: Written, text: str) -> str | None:
        """Make the symbolic link."""
        target = self.project / item.path
        reason = self._refused(item.path) or self._conflict(item.path, target, text)
        if reason:
            return reason
        temporary = target.with_name(f".{target.name}"[:200] + self.suffix)
        with disk_errors(target):
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(text)
            temporary.replace(target)
        return None

    def folder(self, item: Written) -> None:
        """Make the folder; its mode follows when everything is in it."""
        target = self.project / item.path
        if self._refused(item.path) or (target.is_symlink() or target.exists()):
            return
        with disk_errors(target):
            target.mkdir()
        self.folders.append(item)

    def folder_modes(self) -> None:
        """Give new folders the modes that the run gave them."""
        for item in reversed(self.folders):
            with suppress(OSError):
                (self.project / item.path).chmod(item.mode)

    def delete(self, path: str) -> str | None:
        """Remove what the run removed, and folders that become empty by it."""
        target = self.project / path
        if not os.path.lexists(target):
            return None
        reason = self._refused(path)
        if reason:
            return reason
        with disk_errors(target):
            if target.is_dir() and not target.is_symlink():
                return None  # a folder: `remove_folder` follows
            reason = self._conflict(path, target, None)
            if reason is None:
                target.unlink()
        return reason

    def remove_folder(self, item: Written) -> None:
        """Remove a folder that the run removed, and those in it, as far as nothing else is in them."""
        target = self.project / item.path
        if self._refused(item.path) is None and not target.is_symlink():
            for place, _, _ in os.walk(target, topdown=False):
                with suppress(OSError):
                    Path(place).rmdir()

    def _refused(self, path: str) -> str | None:
        parts = path.split("/")
        if _NEVER_BACK & set(parts):
            return "it belongs to git or to the store"
        current = self.project
        for part in parts[:-1]:
            current = current / part
            if current.is_symlink():
                return f"`{display(str(current.relative_to(self.project)))}` is a symbolic link now"
            if current.exists() and not current.is_dir():
                return f"`{display(str(current.relative_to(self.project)))}` is a file now"
        return None

    def _conflict(self, path: str, target: Path, new: str | None) -> str | None:
        """Why the file in the project is not ours to replace by `new` (digest or link text; None to remove it)."""
        try:
            status = target.lstat()
        except FileNotFoundError:
            return "it was removed from the project meanwhile" if path in self.launch.contents else None
        except NotADirectoryError:
            return "its folder is a file now"
        if stat.S_ISDIR(status.st_mode):
            return "it is a folder in the project now"
        if path in self.launch.data_files:
            same = (status.st_size, status.st_mtime_ns) == self.launch.data_files[path]
            return None if same else "it was changed meanwhile"
        moment = self.launch.moment
        if moment is not None and max(status.st_ctime_ns, status.st_mtime_ns) < moment:
            return None
        now = os.readlink(target) if stat.S_ISLNK(status.st_mode) else of_file(target)
        if now in (new, self.launch.contents.get(path)) or self.from_other_run(path, now):
            return None
        return "it was changed meanwhile" if path in self.launch.contents else "it was created meanwhile"


def _copy(item: Written, target: Path, status: os.stat_result) -> str:
    """Copy bytes, mode and times; returns the digest of what was read."""
    digest = hashlib.sha256()
    with item.source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
        os.fchmod(writer.fileno(), item.mode)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return PREFIX + digest.hexdigest()
