"""What data are: a digest over the sorted (path, size, sha256) of their files, or of a file alone its sha256."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from snapshot.digest import PREFIX
from snapshot.document import Value
from snapshot.record.data import manifest
from snapshot.record.data.cache import Cache, Settled
from snapshot.record.data.survey import Progress, Survey, UnknownError
from snapshot.record.data.walk import SAMPLED, Look, Summary, stat_of
from snapshot.record.document import Edit

Method = Literal["content", "mtime", "sample"]
METHODS: Mapping[str | None, Method] = {"content": "content", "mtime": "mtime", "sample": "sample"}
"""By their names in a record, which another version may have written."""


class Identity(Value, kw_only=True, frozen=True):
    """What data were found to be."""

    digest: str | None
    """None when nothing could be read, or the caller stopped it."""
    files: int
    bytes: int
    method: str
    problems: tuple[str, ...] = ()
    changed_since: tuple[Edit, ...] = ()
    """Files that were not as the walk had seen them when they were hashed. The digest has them as they were then; a
    path of `` is the data as a whole.
    """


class Identifier:
    """Says what data are, reading only files that the cache does not know.

    `store` keeps the manifests; `cache` is the user's cache folder, without which all is read. `method` is what
    counts: content; mtime, which takes a file of known size and mtime for what it was; sample, which reads parts of
    large files. With `background` hashing leaves the cores to others.
    """

    def __init__(
        self,
        store: Path,
        cache: Path | None,
        *,
        method: Method = "content",
        background: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.store, self.method, self.background, self.clock = store, method, background, clock
        self.cache = Cache(cache)

    def known(self, seen: Look) -> Identity | None:
        """What the cache alone says the data are; None when a file would have to be read.

        The manifest is in the store then. Raises HostError when it can't be written there.
        """
        if not seen.fingerprint:
            return self._nothing(seen, seen.problems)
        settled = None if seen.is_file else self.cache.root(self.method, seen.path)
        if settled and settled.fingerprint == seen.fingerprint and self._has(settled.digest):
            return Identity(
                digest=settled.digest,
                files=settled.files,
                bytes=settled.bytes,
                method=self.method,
                problems=seen.problems,
            )
        if not seen.is_file and settled is None:
            return None
        try:
            return self._surveyed(Survey(seen, self.cache, self.method))
        except UnknownError:
            return None
        finally:
            self.cache.commit()

    def identify(
        self,
        seen: Look,
        *,
        progress: Callable[[Progress], None] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Identity:
        """What the data are, hashing what is not known; what was hashed is remembered also when `stopped` says so.

        A file that is not as `seen` saw it is taken as it is now and named in `changed_since`. Of several processes
        one hashes and the others wait for it. Raises HostError when the manifest can't be written.
        """
        if found := self.known(seen):
            return found
        with self.cache.alone(seen.path, stopped) as waited:
            if waited and (found := self.known(seen)):
                return found
            from snapshot.record.data.hashing import Hasher, StoppedError

            hasher = Hasher(
                sample=self.method == "sample", background=self.background, stopped=stopped, clock=self.clock
            )
            try:
                return self._surveyed(Survey(seen, self.cache, self.method, hasher, progress))
            except StoppedError:
                return self._nothing(seen, ("hashing was stopped",))
            finally:
                hasher.close()
                self.cache.commit()

    def touched(self, path: Path, before: os.stat_result, after: os.stat_result) -> None:
        """We (un)linked the data file ourselves, which changes its ctime: what is known of it holds on."""
        place = os.fsencode(path)
        found = self.cache.folder(self.method, place)
        old, new = stat_of(b"", before), stat_of(b"", after)
        same = (old.size, old.mtime, old.inode) == (new.size, new.mtime, new.inode)
        if found and same and found[0] == msgspec.msgpack.encode([old]):
            self.cache.keep_folder(self.method, place, msgspec.msgpack.encode([new]), found[1])
            self.cache.commit()

    def _has(self, digest: str) -> bool:
        return manifest.path(self.store, digest).exists()

    def _surveyed(self, survey: Survey) -> Identity:
        """What `survey` finds, with the manifest written and the cache filled."""
        digest = self._of_file(survey) if survey.seen.is_file else self._of_folder(survey)
        seen = survey.seen
        if survey.settled and digest and not seen.is_file:
            settled = Settled(seen.fingerprint, digest, survey.files, survey.bytes)
            self.cache.settle(self.method, seen.path, settled)
        return Identity(
            digest=digest,
            files=survey.files,
            bytes=survey.bytes,
            method=self.method,
            problems=(*seen.problems, *survey.problems),
            changed_since=tuple(survey.changed),
        )

    def _of_folder(self, survey: Survey) -> str:
        with manifest.Writer(self.store, self.method) as writer:
            for text in survey.lines():
                writer.add(text)
            return writer.finish()

    def _of_file(self, survey: Survey) -> str | None:
        """The digest of the file's bytes; that of a sample must not be the digest of some other file's bytes."""
        found = survey.only()
        if found is None:
            return None
        sha256, size = found
        if self.method == "sample" and size > SAMPLED:
            sha256 = hashlib.sha256(manifest.head(self.method) + sha256).digest()
        return PREFIX + sha256.hex()

    def _nothing(self, seen: Look, problems: tuple[str, ...]) -> Identity:
        return Identity(digest=None, files=seen.files, bytes=seen.bytes, method=self.method, problems=problems)


def edits(store: Path, launch: Summary, now: Look, before: Identity, identifier: Identifier) -> tuple[Edit, ...]:
    """What changed in the data between the walk `launch` and the walk `now`; `before` is what was found after `launch`.

    Reads nothing when both walks saw the same, but for files that had only just been written at the launch. A file that
    has other times but the same bytes was not edited. Where it can't be told which files were, one edit has the path
    ``, the data as a whole. Raises HostError, StoreError.
    """
    if launch.fingerprint == now.fingerprint and (before.digest is None or not launch.racy):
        return ()
    after = identifier.identify(now)
    if after.digest and after.digest == before.digest and not before.changed_since:
        return ()
    found = {edit.path: edit for edit in before.changed_since}
    if before.digest is None or after.digest is None or launch.is_file != now.is_file:
        return (Edit(path="", change="changed" if now.fingerprint else "removed"),)
    if after.digest != before.digest:
        if now.is_file:
            return (Edit(path="", change="changed"),)
        found |= {edit.path: edit for edit in manifest.diff(store, before.digest, after.digest)}
    return tuple(sorted(found.values(), key=lambda edit: edit.path))
