"""Code snapshots: what the project's code was at a launch, under `.snap/code/`.

A snapshot is a manifest, `<digest>.json`, that names each file with the sha256 of its content; contents are in `packs`.
Its identity is the digest of paths, types, the executable bit and contents: like git's, and for git's reason (the other
permission bits are the umask's), it is the same on every machine. Content goes to the disk before the manifest that
names it, so a manifest that is there is a snapshot that is whole.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Final, Literal

import msgspec

from snapshot import digest as digests
from snapshot.document import Document, check_schema, decode_json
from snapshot.errors import StoreError
from snapshot.host import files
from snapshot.project import names
from snapshot.project.tree import Scan, Skipped
from snapshot.record.code import index as indexes
from snapshot.record.code import packs
from snapshot.record.code.reader import Reader

SCHEMA = "snap.code/1"
FOLDER = "code"

FILE: Final = "100644"
EXECUTABLE: Final = "100755"
LINK: Final = "120000"
DIRECTORY: Final = "040000"


class CodeEntry(Document, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One file, link or folder of a snapshot."""

    path: str
    """As `project.names` writes it."""
    mode: Literal["100644", "100755", "120000", "040000"]
    """Type and permissions as git has them: file, executable file, link, folder."""
    size: int = 0
    sha256: str = ""
    """Of a file: the 64 hexadecimal digits."""
    target: str = ""
    """Of a link: its text, as `project.names` writes it."""


class Manifest(Document, frozen=True, kw_only=True):
    """The document `.snap/code/<digest>.json`."""

    schema: str = SCHEMA
    entries: tuple[CodeEntry, ...]
    """Sorted by the bytes of their paths."""


class Snapshot(Document, frozen=True, kw_only=True):
    """What `take` took."""

    digest: str
    files: int
    bytes: int
    unsettled: tuple[str, ...] = ()
    """Files that kept changing while they were read, or that vanished: kept as they were last read, or not at all."""
    skipped: tuple[Skipped, ...] = ()
    """Files that can't be read."""


def take(store: Path, root: Path, scan: Scan) -> Snapshot:
    """Keep the code that `scan` found in `root`; unchanged content is neither read nor written again.

    Raises HostError when the disk is full or can't be written; what was there before is then as it was.
    """
    place = os.path.realpath(root)
    sizes = [entry.size for entry in scan.entries if entry.kind == "file"]
    seen = indexes.encoded(scan)
    index = indexes.load(store, place)
    if index.settled and index.entries == seen and manifest_path(store, index.digest).exists():
        return Snapshot(digest=index.digest, files=len(sizes), bytes=sum(sizes))
    return _take(store, place, scan, seen, index)


def _take(store: Path, root: str, scan: Scan, seen: bytes, index: indexes.Index) -> Snapshot:
    since = indexes.clock(store)
    contents = packs.load(store)
    with files.disk_errors(store), packs.Writer(store) as writer:
        reader = Reader(root, writer, contents, index.known())
        entries = _canonical(_entries(scan, reader))
        pack = writer.finish()
    digest = identity(entries)
    finish(store, entries, digest)
    if pack:
        contents.add(pack, writer.places)
        packs.save(store, contents)
    indexes.save(store, root, seen, digest, reader.settled, scan, since)
    sizes = [entry.size for entry in entries if entry.sha256]
    return Snapshot(
        digest=digest,
        files=len(sizes),
        bytes=sum(sizes),
        unsettled=tuple(reader.unsettled),
        skipped=tuple(reader.skipped),
    )


def finish(store: Path, entries: Iterable[CodeEntry], digest: str) -> None:
    """Write the manifest of `entries`, sorted, whose contents are on the disk."""
    if not manifest_path(store, digest).exists():
        files.make_dirs(store / FOLDER, mode=0o700)
        files.write_atomic(manifest_path(store, digest), _encoded(Manifest(entries=tuple(entries))))
        packs.remove_leftovers(store / FOLDER)


def identity(entries: Iterable[CodeEntry]) -> str:
    """The digest of path, mode and content or target of each of `entries`, sorted by the bytes of the path."""
    rows = [
        (entry.path, entry.mode, entry.sha256 or entry.target)
        if entry.path[:1] != names.MARK and entry.target[:1] != names.MARK
        else (names.from_text(entry.path), entry.mode, entry.sha256 or names.from_text(entry.target))
        for entry in _canonical(entries)
    ]
    return digests.of_bytes(os.fsencode("\0".join([SCHEMA, *(part for row in rows for part in row)])))


def without(entries: Iterable[CodeEntry], paths: Collection[str]) -> tuple[CodeEntry, ...]:
    """`entries` but for the files at `paths`, as entries write paths, and the folders that these alone had filled."""
    kept = [entry for entry in entries if entry.path not in paths]
    emptied = {parent for path in paths for parent in _parents(path)}
    emptied -= {parent for entry in kept if entry.mode != DIRECTORY for parent in _parents(entry.path)}
    return tuple(entry for entry in kept if entry.mode != DIRECTORY or entry.path not in emptied)


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def manifest(store: Path, digest: str) -> Manifest:
    """The manifest of a snapshot; raises StoreError when it is not there or damaged."""
    path = manifest_path(store, digest)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(
            f"there is no code snapshot `{digest}`", hint="see `snap ls` for the runs that are here"
        ) from None
    return loads(data, where=path.name)


def loads(data: bytes, *, where: str) -> Manifest:
    """The manifest in `data`; raises StoreError when it is damaged."""
    check_schema(decode_json(data, dict, where=where), SCHEMA, where=where)
    return decode_json(data, Manifest, where=where)


def read_file(store: Path, digest: str, path: str) -> bytes:
    """The content of the file `path` in a snapshot, checked."""
    text = names.to_text(path)
    entry = next((entry for entry in manifest(store, digest).entries if entry.path == text), None)
    if entry is None or not entry.sha256:
        raise StoreError(f"the code snapshot {digests.short(digest)} has no file `{names.display(path)}`")
    return packs.read(store, packs.load(store), bytes.fromhex(entry.sha256))


def verify(store: Path, digest: str) -> tuple[str, ...]:
    """What is wrong with a snapshot, reading all of it; nothing when it is whole."""
    try:
        found = manifest(store, digest)
    except StoreError as problem:
        return (problem.message,)
    problems = [] if identity(found.entries) == digest else [f"the manifest of {digest} is not the one it was"]
    contents = packs.load(store)
    for sha256 in dict.fromkeys(entry.sha256 for entry in found.entries if entry.sha256):
        try:
            packs.read(store, contents, bytes.fromhex(sha256))
        except (StoreError, OSError) as problem:
            problems.append(str(problem))
    return tuple(problems)


def listed(store: Path) -> tuple[str, ...]:
    """The digests of the snapshots in `store`."""
    return tuple(sorted(digests.PREFIX + path.stem for path in (store / FOLDER).glob("[0-9a-f]*.json")))


def _entries(scan: Scan, reader: Reader) -> Iterable[CodeEntry]:
    for entry in scan.entries:
        path = names.to_text(entry.path)
        if entry.kind == "folder":
            yield CodeEntry(path=path, mode=DIRECTORY)
        elif entry.kind == "link":
            yield CodeEntry(path=path, mode=LINK, target=names.to_text(entry.target))
        elif kept := reader.keep(entry, path):
            mode: Literal["100644", "100755"] = EXECUTABLE if entry.mode & 0o100 else FILE
            yield CodeEntry(path=path, mode=mode, size=kept.size, sha256=kept.sha256.hex())


def _canonical(entries: Iterable[CodeEntry]) -> list[CodeEntry]:
    """`entries` sorted by the bytes of their paths, which text sorts like unless some are not UTF-8."""
    entries = list(entries)
    if "".join([entry.path for entry in entries]).isascii():
        return sorted(entries, key=attrgetter("path"))
    return sorted(entries, key=lambda entry: os.fsencode(names.from_text(entry.path)))


def _encoded(document: Manifest) -> bytes:
    """The manifest as JSON with one entry on each line, for people and `diff`; equal ones are equal bytes."""
    encode = msgspec.json.Encoder(order="sorted").encode
    lines = b",\n".join([encode(entry) for entry in document.entries])
    return b'{"schema": "%s", "entries": [\n%s\n]}\n' % (document.schema.encode(), lines)


def manifest_path(store: Path, digest: str) -> Path:
    """Where the manifest of a snapshot is."""
    return store / FOLDER / f"{digests.hex_of(digest)}.json"


def contents(store: Path, digest: str) -> dict[str, str]:
    """Path, as the file system functions take it, → digest of the bytes of a file, or text of a link."""
    return {
        names.from_text(entry.path): digests.PREFIX + entry.sha256 if entry.sha256 else names.from_text(entry.target)
        for entry in manifest(store, digest).entries
        if entry.mode != DIRECTORY
    }
