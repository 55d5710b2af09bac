"""Files written so that a crash at any moment leaves the old ones or the new ones, never half of them."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from snapshot.errors import HostError


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Write `data` to `path` through a temporary file beside it.

    `durable` waits until the bytes are on the disk (fsync) before the name changes; without it a power cut may
    leave the old content, but still no half of the new.
    Raises HostError on a full disk, a read-only file system or missing permission.
    """
    with disk_errors(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(descriptor, mode)
                if durable:
                    os.fsync(descriptor)
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns what a disk can refuse into a HostError that names `path` and says what to do."""
    try:
        yield
    except OSError as problem:
        if problem.errno == errno.ENOSPC or problem.errno == errno.EDQUOT:
            raise HostError(
                f"no space left on the disk of `{path}`",
                hint="free some, for instance with `snap gc`, `snap rm` or `docker system prune`",
            ) from problem
        if problem.errno == errno.EROFS:
            raise HostError(
                f"`{path}` is on a read-only file system", hint="copy the project to a folder that can be written to"
            ) from problem
        if isinstance(problem, PermissionError):
            raise HostError(f"no permission to write `{path}`", hint=f"see `ls -ld {path.parent}`") from problem
        raise


def user_cache() -> Path:
    """The user's cache folder: packages, tools; can be removed at any time. Raises HostError where she has no home."""
    import platformdirs

    try:
        path = platformdirs.user_cache_path("snapshot")
    except RuntimeError:
        path = Path("~")
    if not path.is_absolute():
        # Older versions of platformdirs leave it to the caller.
        raise HostError("this user has no home folder for a cache", hint="set `HOME` or `XDG_CACHE_HOME` to a folder")
    return path


@contextmanager
def scratch(parent: Path, prefix: str = "") -> Iterator[Path]:
    """A new folder in `parent`, gone afterwards; with it goes what killed processes have left there.

    `.lock` in each is locked (flock) while its process lives. Raises HostError as `write_atomic` does.
    """
    make_dirs(parent)
    with disk_errors(parent), _locked(parent.with_name(f".{parent.name}.lock")):
        # So nobody takes a folder that is not locked yet for one that was left.
        for left in parent.iterdir():
            with suppress(OSError, HostError):
                _sweep(left)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        lock = _locked(folder / ".lock")
    try:
        yield folder
    finally:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)
        remove_tree(folder)


def _locked(path: Path, how: int = fcntl.LOCK_EX) -> BinaryIO:
    # A file, since not every network's file system locks folders.
    file = path.open("ab")
    try:
        fcntl.flock(file, how)
    except OSError:
        file.close()
        raise
    return file


def _sweep(left: Path) -> None:
    """Remove the folder `left`, or raise OSError where its process lives."""
    if left.is_dir():
        _locked(left / ".lock", fcntl.LOCK_EX | fcntl.LOCK_NB).close()
        remove_tree(left)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """A hard link, or a copy where there can be none: on another file system, or one without links."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def remove_tree(path: Path) -> None:
    """Remove a folder with all that is in it, also what its owner has no permission to change.

    Raises HostError when something stays, as files of somebody else.
    """

    if not path.exists():
        return

    def permit(function: Callable[..., object], name: str, _: object) -> None:
        """Once more, with all permissions on the folder and on what could not be listed."""
        with suppress(OSError):
            if name != str(path):
                Path(name).parent.chmod(0o700)
            if function is os.unlink or function is os.rmdir:
                function(name)
            else:
                Path(name).chmod(0o700)
                shutil.rmtree(name, ignore_errors=True)

    shutil.rmtree(path, onerror=permit)
    if path.exists():
        raise HostError(f"`{path}` can't be removed entirely", hint=f"see `ls -lR {path}`; `sudo rm -r` removes it")


def make_dirs(path: Path, *, mode: int = 0o777) -> None:
    """Create `path` and its parents; raises HostError as `write_atomic` does."""
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True, mode=mode)
