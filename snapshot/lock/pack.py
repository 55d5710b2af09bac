"""Folders and work trees as archives whose bytes depend on nothing but what is in them.

An uncompressed tar archive (compressed ones differ between versions of zlib): one folder, entries sorted, each with
the same time and nobody's name, files with the permissions 644 or 755. So a folder has one digest on every machine.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import ResolveError
from snapshot.host.files import make_dirs, write_atomic
from snapshot.project import tree

TIME = 315_532_800
"""1980-01-01, the first day that a zip archive, as a wheel is one, can tell."""
ARCHIVAL = ".git_archival.txt"
"""What setuptools-scm reads of a work tree without git. https://setuptools-scm.readthedocs.io/en/stable/usage/"""
_ENDLESS = 1 << 62


class _Item(NamedTuple):
    """One entry of an archive."""

    name: str
    kind: bytes
    executable: bool = False
    link: str = ""
    data: Callable[[], BinaryIO] = io.BytesIO
    size: int = 0


class _Memo(Value, kw_only=True, frozen=True):
    """The digest of a folder, and how its files looked when it was computed."""

    looks: str
    digest: str


def folder(path: Path, out: BinaryIO, *, name: str) -> None:
    """Pack the folder `path`, under `name`: what is code in it, so neither `.git` nor what git ignores.

    Raises ResolveError when something in it can't be read.
    """
    scan = _scan(path)
    if scan.skipped and any(item.path == "" for item in scan.skipped):
        raise ResolveError(f"`{path}` can't be read: {scan.skipped[0].reason}", hint=f"see `ls -ld {path}`")
    _write(out, name, (_of_entry(path, entry) for entry in scan.entries))


def work_tree(
    parts: Iterable[tuple[str, BinaryIO]], out: BinaryIO, *, name: str, commit: str, described: str | None
) -> None:
    """Pack the tar archives `parts`, each with where it belongs, under `name`, as one work tree.

    With it goes what tells setuptools-scm the version (`.git_archival.txt`), which asks git otherwise.
    """
    items: dict[str, _Item] = {}
    for below, stream in parts:
        archive = tarfile.open(fileobj=stream)  # noqa: SIM115
        for member in archive:
            item = _of_member(archive, member, below)
            if item:
                items[item.name] = item
    text = _archival(items.get(ARCHIVAL), commit, described)
    items[ARCHIVAL] = _Item(ARCHIVAL, tarfile.REGTYPE, data=lambda: io.BytesIO(text), size=len(text))
    _write(out, name, items.values())


def packed_digest(path: Path, *, memory: Path | None = None) -> str:
    """The sha256, in OCI notation, of the file `path`, or of what `folder` makes of the folder `path`.

    `memory` is a folder where digests are kept beside how the files looked (size, times, inode): nothing is read where
    nothing has changed. Raises ResolveError when there is no such file or folder.
    """
    if path.is_file():
        looks = repr([(s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for s in [path.stat()]])
        newest = path.stat().st_ctime_ns
    elif path.is_dir():
        entries = _scan(path).entries
        looks, newest = repr(entries), max((entry.ctime_ns for entry in entries), default=0)
    else:
        raise ResolveError(f"`{path}` is not there any more", hint="correct the path, or remove the requirement")
    looks = digest.of_bytes(looks.encode(errors="surrogateescape"))
    place = memory / f"{digest.short(digest.of_bytes(os.fsencode(os.path.abspath(path))))}.json" if memory else None
    if place and (known := _recall(place, newest)) and known.looks == looks:
        return known.digest
    found = _digest(path)
    if place:
        make_dirs(place.parent)
        write_atomic(place, msgspec.json.encode(_Memo(looks=looks, digest=found)), durable=False)
    return found


def _recall(place: Path, newest: int) -> _Memo | None:
    """What is kept, unless a file was changed so shortly before that a later change may have left its times alone."""
    try:
        if place.stat().st_mtime_ns - newest < 20_000_000:
            return None
        return msgspec.json.decode(place.read_bytes(), type=_Memo)
    except (OSError, msgspec.MsgspecError):
        return None


def _digest(path: Path) -> str:
    if path.is_file():
        with path.open("rb") as file:
            return digest.of_stream(file)
    sink = _Hashing()
    folder(path, sink, name=archive_name(path.resolve()))  # type: ignore[arg-type]
    return digest.PREFIX + sink.sha256.hexdigest()


def archive_name(path: Path) -> str:
    """What the archive of the folder `path` holds it under: of its own name what a file name of the lock may have."""
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in path.name
    )
    return kept.lstrip("._-") or "source"


class _Hashing:
    """A file that is only hashed."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.at = 0

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.at += len(data)
        return len(data)

    def tell(self) -> int:
        return self.at


def _scan(path: Path) -> tree.Scan:
    return tree.scan(path, large_file=_ENDLESS, large_folder=_ENDLESS)


def _of_entry(root: Path, entry: tree.Entry) -> _Item:
    place = root / entry.path
    if entry.kind == "link":
        return _Item(entry.path, tarfile.SYMTYPE, link=entry.target)
    if entry.kind == "folder":
        return _Item(entry.path, tarfile.DIRTYPE)
    return _Item(entry.path, tarfile.REGTYPE, bool(entry.mode & 0o100), data=lambda: place.open("rb"), size=entry.size)


def _of_member(archive: tarfile.TarFile, member: tarfile.TarInfo, below: str) -> _Item | None:
    name = f"{below}/{member.name}" if below else member.name
    if member.isdir() and not member.name.strip("/"):
        return None
    if member.issym():
        return _Item(name.rstrip("/"), tarfile.SYMTYPE, link=member.linkname)
    if member.isdir():
        return _Item(name.rstrip("/"), tarfile.DIRTYPE)
    if not member.isreg():
        return None

    def data() -> BinaryIO:
        found = archive.extractfile(member)
        assert found
        return found  # type: ignore[return-value]

    return _Item(name, tarfile.REGTYPE, bool(member.mode & 0o100), data=data, size=member.size)


def _write(out: BinaryIO, name: str, items: Iterable[_Item]) -> None:
    ordered = sorted(items, key=lambda item: os.fsencode(item.name))
    known = {"", *(item.name for item in ordered)}
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8") as archive:
        archive.addfile(_info(_Item("", tarfile.DIRTYPE), name))
        for item in ordered:
            # pip refuses an archive with a link to what is not in it; and where it is unpacked, there is nothing else.
            if item.kind == tarfile.SYMTYPE and _leads_to(item) not in known:
                continue
            info = _info(item, name)
            with _reading(item) as data:
                _add(archive, info, data)


def _add(archive: tarfile.TarFile, info: tarfile.TarInfo, data: BinaryIO) -> None:
    try:
        archive.addfile(info, data if info.isreg() else None)
    except OSError as problem:
        if problem.errno is not None:
            raise
        # The file ends before its size of a moment ago.
        raise ResolveError(
            f"`{info.name}` was changed while it was packed", hint="try again when nothing writes to it"
        ) from None


def _leads_to(link: _Item) -> str:
    """What `link` names, as items are named; absolute, or above all of them, it is none of theirs."""
    path = os.path.normpath(os.path.join(os.path.dirname(link.name), link.link))
    return "" if path == "." else path


def _reading(item: _Item) -> BinaryIO:
    try:
        return item.data()
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise ResolveError(f"`{item.name}` can't be packed: {reason}", hint=f"see `ls -l {item.name}`") from None


def _info(item: _Item, below: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(f"{below}/{item.name}".rstrip("/"))
    info.type, info.linkname, info.size, info.mtime = item.kind, item.link, item.size, TIME
    info.mode = 0o755 if item.executable or item.kind != tarfile.REGTYPE else 0o644
    return info


def _archival(item: _Item | None, commit: str, described: str | None) -> bytes:
    """The project's own file where git has filled it in."""
    if item is not None and item.kind == tarfile.REGTYPE:
        with item.data() as file:
            text = file.read()
        if b"$Format:" not in text and b"describe-name:" in text:
            return text
    lines = [f"node: {commit}", *([f"describe-name: {described}"] if described else [])]
    return "\n".join([*lines, ""]).encode()
