"""What runs need of the project's file system, tried out in a temporary folder of it.

A run's overlay has its upper layer there; the kernel refuses some file systems for that, network ones above all
(kernel `Documentation/filesystems/overlayfs.rst`, Upper and Lower).
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snapshot.doctor.checks import error, ok, warning
from snapshot.document import Value
from snapshot.errors import HostError
from snapshot.finding import Finding
from snapshot.host.files import disk_errors, remove_tree
from snapshot.host.mounts import Mounted, mount_of
from snapshot.record.store import FOLDER

CHECK = "file system"
NO_UPPER = frozenset(
    {"9p", "afs", "aufs", "ceph", "cifs", "drvfs", "exfat", "lustre", "msdos", "nfs", "nfs4", "ntfs", "ntfs3",
     "overlay", "smb3", "smbfs", "vboxsf", "vfat", "virtiofs"}
)  # fmt: skip
"""Those that the kernel does not take as an upper layer, or that can't mark there what was removed; and all of FUSE."""
PREFIX = ".snap-doctor-"
_LOCAL = "move the project to a disk of this machine with ext4, XFS or Btrfs"


class Tried(Value, kw_only=True, frozen=True):
    """What worked."""

    links: bool = True
    """Hard links: data files of a run are linked."""
    symlinks: bool = True
    locks: bool = True
    """flock(2): tells whether somebody looks after a run."""
    attributes: bool = True
    """Extended attributes of users: the overlay marks replaced folders with one."""
    modes: bool = True
    """Permission bits stay as they were set."""
    cases: bool = True
    """`a` and `A` are two files."""


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A folder where a run's would be, gone afterwards; raises HostError where none can be made."""
    store = root / FOLDER
    parent = store if store.is_dir() else root
    with disk_errors(root / FOLDER):
        try:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        except FileNotFoundError:
            # What the kernel says of /proc and its like.
            raise HostError(f"nothing can be made in `{parent}`", hint="work in a folder on a disk") from None
    try:
        yield folder
    finally:
        with suppress(HostError):
            remove_tree(folder)


def look(root: Path) -> Iterator[Finding]:
    """Try it out; a folder that can't be written to is the only finding then."""
    with scratch(root) as folder:
        yield from findings(_try(folder), mount_of(folder.resolve()))


def findings(tried: Tried, mount: Mounted | None) -> Iterator[Finding]:
    """What does not work, and what that means."""
    kind = mount.kind if mount else "unknown"
    found = list(_misses(tried, kind))
    if is_no_upper(kind):
        found.insert(
            0, error(CHECK, f"`{kind}` can't hold what a run writes: the kernel lays no overlay on it", _LOCAL)
        )
    if mount and "noexec" in mount.options:
        said = f"`{mount.point}` is mounted `noexec`: programs of the project, such as `./train.sh`, can't be started"
        found.append(warning(CHECK, said, f"`sudo mount -o remount,exec {mount.point}`; scripts in Python run anyway"))
    yield from found or [ok(CHECK, f"{kind}: hard links, locks, permissions and attributes work")]


def is_no_upper(kind: str) -> bool:
    """Whether the kernel does not take that type of file system as the upper layer of an overlay."""
    return kind in NO_UPPER or kind.startswith("fuse")


def _misses(tried: Tried, kind: str) -> Iterator[Finding]:
    if not tried.locks:
        yield error(CHECK, f"`{kind}` has no file locks, by which a run is known to be looked after", _LOCAL)
    if not tried.attributes:
        said = f"`{kind}` keeps no extended attributes: a run that replaces a folder fails, or leaves the old one"
        yield warning(CHECK, said, _LOCAL)
    if not tried.modes:
        yield warning(CHECK, f"`{kind}` keeps no permissions, as those that make a script executable", _LOCAL)
    if not tried.links:
        yield warning(CHECK, f"`{kind}` has no hard links: every data file becomes a mount of its own", _LOCAL)
    if not tried.symlinks:
        yield warning(CHECK, f"`{kind}` has no symbolic links", _LOCAL)
    if not tried.cases:
        yield warning(CHECK, f"`{kind}` does not tell `a` from `A`: files of code may hide each other", _LOCAL)


def _try(folder: Path) -> Tried:
    file = folder / "a"
    with disk_errors(file):
        file.write_bytes(b"x")
    return Tried(
        links=_works(lambda: os.link(file, folder / "link")),
        symlinks=_works(lambda: os.symlink("a", folder / "symlink")),
        locks=_works(lambda: _lock(file)),
        attributes=_works(lambda: os.setxattr(file, "user.overlay.test", b"y")),
        modes=all(_keeps(file, mode) for mode in (0o640, 0o700)),
        cases=not (folder / "A").exists(),
    )


def _works(call: Callable[[], object]) -> bool:
    try:
        call()
    except OSError:
        return False
    return True


def _lock(file: Path) -> None:
    with file.open("rb+") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _keeps(file: Path, mode: int) -> bool:
    return _works(lambda: file.chmod(mode)) and file.stat().st_mode & 0o777 == mode
