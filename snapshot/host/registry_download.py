"""One blob on its way from a registry, through broken connections; whatever arrives is checked."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from snapshot import digest as digests
from snapshot.errors import IntegrityError, NetworkError
from snapshot.host.download import Progress
from snapshot.host.files import disk_errors
from snapshot.host.registry_answer import Answer, refusal
from snapshot.host.registry_connection import BrokenError, Connection

if TYPE_CHECKING:
    import requests


class Download:
    """The fetching of one blob from `url`."""

    def __init__(self, connection: Connection, url: str, blob: str, size: int, progress: Progress) -> None:
        self.connection = connection
        self.url = url
        self.blob = blob
        self.size = size
        self.progress = progress
        self.hasher = hashlib.sha256()

    def into(self, target: Path) -> None:
        """Make it the file `target`. Raises IntegrityError for other bytes, NetworkError, HostError for a full disk."""
        with disk_errors(target):
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    self._fetch(file)
                    file.flush()
                    os.fchmod(descriptor, 0o644)
                    os.fsync(descriptor)
                Path(name).replace(target)
            except BaseException:
                with suppress(OSError):
                    Path(name).unlink()
                raise

    def bytes(self) -> bytes:
        """It in memory. Raises IntegrityError, NetworkError."""
        answer = self.connection.patiently(lambda: self.connection.once("GET", self.url, limit=self.size))
        if answer.status != 200:
            raise self._missing(answer)
        self._check(digests.of_bytes(answer.body), len(answer.body))
        return answer.body

    def _fetch(self, file: BinaryIO) -> None:
        if self.size:
            self.connection.patiently(lambda: self._go_on(file), file.tell)
        self._check(digests.PREFIX + self.hasher.hexdigest(), file.tell())

    def _go_on(self, file: BinaryIO) -> None:
        """Append what is missing in `file`; from the start where the registry does not know how to go on."""
        start = file.tell()
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self.connection.open("GET", self.url, headers=headers) as response, self.connection.failures():
            if response.status_code == 200 and start:
                self.progress(-start)
                file.seek(0)
                file.truncate()
                self.hasher = hashlib.sha256()
            elif response.status_code != (206 if start else 200):
                raise self._missing(_head(response))
            for chunk in response.iter_content(digests.CHUNK):
                if file.tell() + len(chunk) > self.size:
                    raise different(self.connection.registry, f"{self.blob} with {self.size} bytes", "more")
                file.write(chunk)
                self.hasher.update(chunk)
                self.progress(len(chunk))
        if file.tell() < self.size:
            raise BrokenError(
                f"{self.connection.registry} sent {file.tell()} of {self.size} bytes of `{self.blob}`", hint="try again"
            )

    def _check(self, own: str, length: int) -> None:
        if length != self.size:
            raise different(self.connection.registry, f"{self.blob} with {self.size} bytes", f"{length} bytes")
        if own != self.blob:
            raise different(self.connection.registry, self.blob, own)

    def _missing(self, answer: Answer) -> NetworkError:
        registry, repository = self.connection.registry, self.connection.repository
        if answer.status != 404:
            return refusal(answer, f"`{self.blob}`", registry=registry, repository=repository)
        return NetworkError(
            f"{registry}/{repository} does not have `{self.blob}`", hint="push it anew from where it was made"
        )


def different(registry: str, asked: str, got: str) -> IntegrityError:
    """That a registry did not send what it was asked for."""
    return IntegrityError(
        f"{registry} sent other bytes than asked: {got} instead of {asked}",
        hint="the registry, or a proxy before it, is damaged; push it anew from where it was made",
    )


def _head(response: requests.Response) -> Answer:
    body = next(response.iter_content(1 << 16), b"")
    return Answer(
        status=response.status_code, reason=response.reason, headers=response.headers, body=body, url=response.url
    )
