"""What requirements name that is of no index: repositories, and folders and files beside the project.

They are fetched and packed on the host, into the cache of packages; the base that resolves is given the archives.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from snapshot.document import Value
from snapshot.errors import ResolveError, SnapshotError
from snapshot.host import git
from snapshot.host.files import disk_errors, scratch
from snapshot.lock import files, pack
from snapshot.lock.document import Package, Sdist, Vcs, Wheel

SCHEMES = frozenset({"https", "http", "ssh", "git", "file"})
"""Transports that pip takes; others of git's run programs."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")


class Packed(Value, kw_only=True, frozen=True):
    """What one location holds, in the cache."""

    file: Sdist | Wheel
    vcs: Vcs | None = None
    """Without subdirectory: that is the requirement's affair."""
    is_folder: bool = False


def take(
    location: str,
    *,
    root: Path,
    cache: Path,
    kept: Sequence[Package] = (),
    environment: Mapping[str, str] | None = None,
) -> Packed:
    """Fetch and pack what `location` names: `git+URL[@REVISION]`, or a path, where relative ones start in `root`.

    A repository that `kept` has the commit of stays there. Raises what `git.checkout` and `pack.folder` raise, and
    ResolveError for a path that is not there or no package.
    """
    if location.startswith("git+"):
        return _repository(location, cache, kept, environment)
    path = root / location
    if path.is_dir():
        return _folder(path, location, cache)
    if not path.exists():
        raise ResolveError(f"`{location}` is not there", hint="correct the path, or remove the requirement")
    if path.name.endswith(".whl"):
        sha256, size = files.keep(path, cache, path.name)
        return Packed(file=Wheel(name=path.name, path=location, size=size, hashes={"sha256": sha256}))
    if not path.name.endswith(ARCHIVES):
        raise ResolveError(
            f"`{location}` is no folder, no wheel and no source archive",
            hint="name a folder with a `pyproject.toml`, a `.whl` or a `.tar.gz`",
        )
    sha256, size = files.keep(path, cache, path.name)
    return Packed(file=Sdist(name=path.name, path=location, size=size, hashes={"sha256": sha256}))


def restore(package: Package, *, root: Path, cache: Path, environment: Mapping[str, str] | None = None) -> None:
    """Bring what the wheel of the locked `package` is built from back into the cache, where it is of no index.

    Raises IntegrityError when it is not what was locked any more, and what `take` raises.
    """
    sdist, vcs = package.sdist, package.vcs
    assert sdist
    if vcs:
        found = take(f"git+{vcs.url}@{vcs.commit_id}", root=root, cache=cache, environment=environment)
    else:
        found = take(str(sdist.path), root=root, cache=cache)
    if found.file.hashes != sdist.hashes:
        what = f"commit {vcs.commit_id[:12]} of `{vcs.url}`" if vcs else f"`{sdist.path}`"
        raise files.other_source(package, what, found.file.hashes["sha256"])


def split(location: str) -> tuple[str, str | None]:
    """URL and revision of `git+URL@REVISION`: what is behind the last `@` of its path (PEP 440, direct references)."""
    parts = urllib.parse.urlsplit(location.removeprefix("git+"))
    path, at, revision = parts.path.rpartition("@")
    if not at:
        return urllib.parse.urlunsplit(parts), None
    return urllib.parse.urlunsplit(parts._replace(path=path)), revision or None


def _repository(location: str, cache: Path, kept: Sequence[Package], environment: Mapping[str, str] | None) -> Packed:
    url, revision = split(location)
    if urllib.parse.urlsplit(url).scheme not in SCHEMES or not url.isprintable():
        raise ResolveError(
            f"`{git.address(url)}` is no address of a repository", hint="write it as in `git+https://host/lib@main`"
        )
    plain = git.address(url)
    old = next((p for p in kept if p.vcs and (p.vcs.url, p.vcs.requested_revision) == (plain, revision)), None)
    commit = old.vcs.commit_id if old and old.vcs else None
    if old and old.sdist and old.vcs and files.is_held(files.cache_path(cache, old.sdist), files.sdist_of(old).sha256):
        vcs = Vcs(type="git", url=plain, requested_revision=revision, commit_id=old.vcs.commit_id)
        return Packed(file=old.sdist, vcs=vcs)
    with scratch(cache / "builds", "git-") as folder, disk_errors(folder), ExitStack() as stack:
        found = git.checkout(url, commit or revision, folder, environment=environment)
        name = pack.archive_name(Path(urllib.parse.urlsplit(url).path.rstrip("/").removesuffix(".git")))
        archive = folder / f"{name}-{found.commit[:12]}.tar"
        parts = [(part.below, stack.enter_context(part.path.open("rb"))) for part in found.archives]
        with archive.open("xb") as out:
            pack.work_tree(parts, out, name=name, commit=found.commit, described=found.described)
        sdist = _kept(archive, cache)
        vcs = Vcs(type="git", url=plain, requested_revision=revision, commit_id=found.commit)
    return Packed(file=sdist, vcs=vcs)


def _folder(path: Path, location: str, cache: Path) -> Packed:
    if not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise ResolveError(
            f"`{location}` is no Python package: it has neither `pyproject.toml` nor `setup.py`",
            hint="correct the path; for code without either, put it into the project",
        )
    name = pack.archive_name(path.resolve())
    with scratch(cache / "builds", "folder-") as folder, disk_errors(folder):
        archive = folder / f"{name}.tar"
        with archive.open("xb") as out:
            pack.folder(path, out, name=name)
        sdist = _kept(archive, cache)
    return Packed(file=Sdist(name=sdist.name, path=location, size=sdist.size, hashes=sdist.hashes), is_folder=True)


def _kept(archive: Path, cache: Path) -> Sdist:
    sha256, size = files.keep(archive, cache, archive.name)
    return Sdist(name=archive.name, size=size, hashes={"sha256": sha256})


def at(place: str, problem: SnapshotError) -> SnapshotError:
    """`problem`, saying where the requirement stands."""
    return type(problem)(f"{place}: {problem.message}" if place else problem.message, hint=problem.hint)
