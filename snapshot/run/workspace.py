"""The view that a run has of the project, and the one place that chooses how it is made.

An overlay (kernel `Documentation/filesystems/overlayfs.rst`), mounted by the engine as a volume: the code snapshot
and the data are its lower layers, what the run writes lies, live, in a folder of the run. Each data folder of the
project has an overlay of its own, so that nothing of it is ever copied or listed. An engine that does not share the
host's files (Docker Desktop, remote) needs a second implementation with the same four functions.

The mount option `userxattr` makes the kernel mark replaced folders with `user.overlay.opaque`, which the owner can
read; without it the mark is `trusted.…`, for root alone.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from snapshot.document import Value
from snapshot.host.container import Mount
from snapshot.host.files import make_dirs
from snapshot.run.outside import WORKSPACE

_VOLUME = "volume"


class Layer(Value, frozen=True):
    """One overlay of a run."""

    path: str
    """Where in the project; empty for the project itself."""
    written: Path
    """Its upper directory."""
    work: Path


class Written(Value, frozen=True):
    """One thing that an overlay holds of what the run wrote."""

    path: str
    """Relative to the project."""
    source: Path
    """Where it lies now."""
    kind: str
    """file, link, folder, replaced (a folder that hides what was there), removed, or special."""
    mode: int = 0
    """Permission bits that the run gave it; the kept one can always be read by its owner."""


def layers(run_folder: Path, data_folders: Sequence[str]) -> list[Layer]:
    """The overlays of a run: the project's and one for each data folder in it."""
    found = [Layer("", run_folder / "outputs", run_folder / "overlay" / "work")]
    for number, path in enumerate(data_folders):
        place = run_folder / "overlay" / str(number)
        found.append(Layer(path, place / "written", place / "work"))
    return found


def prepare(
    run_folder: Path,
    *,
    code: Path,
    project: Path,
    data_folders: Mapping[str, Path],
    data_files: Mapping[str, Path],
    taken: Path | None = None,
    also_at: str | None,
    name: str,
) -> list[Mount]:
    """Make the folders of a run and say the mounts that give the container its view.

    The data are by their paths in the project, each with where it lies on the host. What the folder `taken` holds lies
    above code and data. `also_at` is a second place where the project appears. Data
    files that can't be linked, because they lie on another file system or belong to somebody else, are bound
    read-only.
    """
    made = layers(run_folder, list(data_folders))
    for layer in made:
        make_dirs(layer.written)
        make_dirs(layer.work)
    below = run_folder / "overlay" / "below"
    unlinked = _link_data(below, project, data_folders, data_files)
    lower = [*([taken] if taken else []), *([below] if data_folders or data_files else []), code]
    mounts = [_overlay(f"{name}", WORKSPACE, lower, made[0])]
    for number, layer in enumerate(made[1:]):
        above = [taken / layer.path] if taken and (taken / layer.path).is_dir() else []
        target = f"{WORKSPACE}/{layer.path}"
        mounts.append(_overlay(f"{name}-{number}", target, [*above, data_folders[layer.path]], layer))
    mounts += [Mount(source=str(data_files[path]), target=f"{WORKSPACE}/{path}", read_only=True) for path in unlinked]
    if also_at:
        prefix = len(WORKSPACE)
        mounts += [_moved(mount, also_at + mount.target[prefix:]) for mount in list(mounts)]
    return mounts


def collect(run_folder: Path, data_folders: Sequence[str]) -> Iterator[Written]:
    """What the run wrote, folders before what is in them, after its container has ended.

    What it wrote to data folders is moved to its place under `outputs/` first, so that a later call finds it there.
    """
    outputs = run_folder / "outputs"
    for layer in layers(run_folder, data_folders)[1:]:
        target = outputs / layer.path
        if layer.written.is_dir() and any(os.scandir(layer.written)):
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):
                target.rmdir()
            layer.written.rename(target)
    yield from _walk(outputs, "")


def is_untouched(run_folder: Path) -> bool:
    """Whether nothing was written through the overlays of a run."""
    written = [run_folder / "outputs", *(run_folder / "overlay").glob("*/written")]
    return not any(place.is_dir() and any(os.scandir(place)) for place in written)


def discard(run_folder: Path) -> bool:
    """Remove what only the mounted overlay needed; whether that was possible.

    The kernel makes `work/work` as root, without any permission: the caller can remove it only while it is empty, and
    it keeps a whiteout there that it has once needed.
    """
    overlay = run_folder / "overlay"
    for inner in overlay.glob("**/work/work"):
        with suppress(OSError):
            inner.rmdir()
    shutil.rmtree(overlay, ignore_errors=True)
    return not overlay.exists()


def drop_marks(written: Iterable[Written]) -> None:
    """Remove the overlay's own marks (whiteouts) from the kept outputs, once they are recorded."""
    for item in written:
        if item.kind == "removed":
            with suppress(OSError):
                item.source.unlink()


def _link_data(below: Path, project: Path, folders: Iterable[str], files: Mapping[str, Path]) -> list[str]:
    """A layer with the data files as hard links and a place for each data folder; returns what can't be linked.

    A link to the user's file is safe here: a lower layer is never written to, the kernel copies a file up first.
    """
    for path in folders:
        _copy_folder_modes(below, project, path)
    unlinked = []
    for path, source in files.items():
        _copy_folder_modes(below, project, os.path.dirname(path))
        try:
            os.link(source, below / path, follow_symlinks=False)
        except FileExistsError:
            pass
        except OSError:
            (below / path).touch()
            unlinked.append(path)
    return unlinked


def _copy_folder_modes(below: Path, project: Path, path: str) -> None:
    current, source = below, project
    current.mkdir(parents=True, exist_ok=True)
    for part in Path(path).parts:
        current, source = current / part, source / part
        if not current.exists():
            current.mkdir()
            with suppress(FileNotFoundError):  # the data lie elsewhere
                current.chmod(stat.S_IMODE(source.stat().st_mode) | 0o700)


def _overlay(name: str, target: str, lower: Sequence[Path], layer: Layer) -> Mount:
    paths = ":".join(_escape(path) for path in lower)
    options = f"userxattr,lowerdir={paths},upperdir={_escape(layer.written)},workdir={_escape(layer.work)}"
    return Mount(
        kind=_VOLUME,
        source=name,
        target=target,
        volume_options=(("type", "overlay"), ("device", "overlay"), ("o", options)),
    )


def _escape(path: Path) -> str:
    """`path` as overlayfs reads it: a back-slash before what separates options and layers."""
    return "".join("\\" + c if c in "\\,:" else c for c in str(path))


def _moved(mount: Mount, target: str) -> Mount:
    return Mount(
        kind=mount.kind,
        source=mount.source,
        target=target,
        read_only=mount.read_only,
        volume_options=mount.volume_options,
    )


def _walk(folder: Path, prefix: str) -> Iterator[Written]:
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        path = f"{prefix}{entry.name}"
        source = folder / entry.name
        status = entry.stat(follow_symlinks=False)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            if mode & 0o700 != 0o700:
                source.chmod(mode | 0o700)
            yield Written(path, source, "replaced" if _opaque(source) else "folder", mode)
            yield from _walk(source, path + "/")
        elif stat.S_ISREG(status.st_mode):
            if not mode & 0o400:
                source.chmod(mode | 0o400)
            yield Written(path, source, "file", mode)
        elif stat.S_ISLNK(status.st_mode):
            yield Written(path, source, "link")
        elif stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            yield Written(path, source, "removed")
        else:
            yield Written(path, source, "special")


def _opaque(folder: Path) -> bool:
    with suppress(OSError):
        return os.getxattr(folder, "user.overlay.opaque") == b"y"
    return False
