"""One blob on its way to a registry (OCI distribution spec, "Pushing blobs"), through broken connections.

Chunks, since a registry keeps those that are whole when the connection breaks; Debian's gives up a broken one.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterator
from typing import BinaryIO

from snapshot.errors import IntegrityError, NetworkError
from snapshot.host.download import Progress
from snapshot.host.registry_answer import Answer, said_in
from snapshot.host.registry_connection import BrokenError, Connection
from snapshot.host.registry_reference import clean

CHUNK = 8 << 20
Source = Callable[[int], BinaryIO]
"""Opens what is to be sent, at an offset."""

_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})", re.ASCII)
_PIECE = 1 << 17
"""Bytes that are sent at once: each has the time of a connection's start to get into the network."""
_SLOWEST = 20_000_000
"""Bytes a second that a registry looks through, at the end of an upload, before it answers."""


class Part:
    """A piece of a blob as the body of a request: of known length, read while it is sent, and again when sent again."""

    def __init__(self, source: Source, start: int, length: int) -> None:
        self.source = source
        self.start = start
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[bytes]:
        left = self.length
        with self.source(self.start) as file:
            while left:
                piece = file.read(min(left, _PIECE))
                if not piece:
                    raise IntegrityError(
                        f"what is sent ends {left} bytes too early", hint="look for damage with `snap fsck`"
                    )
                left -= len(piece)
                yield piece


class Upload:
    """The sending of one blob."""

    def __init__(
        self,
        connection: Connection,
        blob: str,
        size: int,
        source: Source,
        progress: Progress,
        there: Callable[[], bool],
    ) -> None:
        self.connection = connection
        self.blob = blob
        self.size = size
        self.source = source
        self.progress = progress
        self.there = there
        self.location = ""
        self.offset = 0
        self.chunk = CHUNK
        self.broken = False
        """Whether an attempt failed: then it is not known how far the upload is."""

    def run(self) -> None:
        """Send it. Raises NetworkError when several attempts in a row brought nothing forward."""
        self.connection.patiently(self._attempt, lambda: self.offset)

    def _attempt(self) -> None:
        if self.broken and self._recover():
            return
        self.broken = True
        if not self.location:
            self._begin()
        self._send()

    def _begin(self) -> None:
        answer = self.connection.once("POST", self.connection.url("blobs/uploads/"))
        if answer.status != 202:
            raise self.connection.refusal(answer, "an upload")
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        if least.isdecimal() and least.isascii() and len(least) < 12:
            self.chunk = max(self.chunk, int(least))
        self._move(0)
        self._go(answer)

    def _send(self) -> None:
        """The rest, from the offset on: small blobs in one request, others in chunks."""
        while self.size > CHUNK and self.offset < self.size:
            self._patch(min(self.chunk, self.size - self.offset))
        self._finish()

    def _patch(self, length: int) -> None:
        end = self.offset + length
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{self.offset}-{end - 1}"}
        body = Part(self.source, self.offset, length)
        answer = self.connection.once("PATCH", self.location, headers=headers, body=body)
        if answer.status not in (201, 202, 204):
            raise self._refused(answer)
        reached = _reached(answer)
        if reached is not None and not self.offset < reached <= end:
            raise BrokenError(f"{self.connection.registry} did not take a part of the upload", hint="try again")
        self._move(reached or end)
        self._go(answer)

    def _refused(self, answer: Answer) -> NetworkError:
        refusal = self.connection.refusal(answer, "an upload")
        if not self.offset or answer.status not in (400, 404, 405, 416, 501):
            return refusal
        # The upload is lost, or this registry takes no chunks: then all in one request, as the docker CLI does it.
        self.location = ""
        self.chunk = self.size
        return BrokenError(refusal.message, hint=refusal.hint)

    def _finish(self) -> None:
        left = self.size - self.offset
        url = self.location + ("&" if urllib.parse.urlsplit(self.location).query else "?")
        url += urllib.parse.urlencode({"digest": self.blob})
        headers = {"Content-Type": "application/octet-stream"} if left else {}
        body = Part(self.source, self.offset, left) if left else None
        # The registry may first read and copy all of it.
        patience = self.connection.timeout + self.size / _SLOWEST
        answer = self.connection.once("PUT", url, headers=headers, body=body, timeout=patience)
        if answer.status == 404:
            raise BrokenError(f"{self.connection.registry} lost the upload: {said_in(answer)}", hint="try again")
        if answer.status == 400 and b"DIGEST_INVALID" in answer.body:
            raise IntegrityError(
                f"{self.connection.registry} got other bytes than `{self.blob}` is of",
                hint="look for damage with `snap fsck`",
            )
        if answer.status not in (201, 204):
            raise self.connection.refusal(answer, "an upload")
        told = answer.headers.get("Docker-Content-Digest", self.blob)
        if told != self.blob:
            raise IntegrityError(
                f"{self.connection.registry} keeps `{self.blob}` as `{clean(told)}`", hint="look at the registry's log"
            )
        self._move(self.size)

    def _recover(self) -> bool:
        """Go on where the registry says, or from the start. Whether all is there: only the last answer was lost."""
        if self.location and self.size > CHUNK:
            answer = self.connection.once("GET", self.location)
            reached = _reached(answer) if answer.status == 204 else None
            if reached is not None and reached <= self.size:
                self._move(reached)
                self._go(answer)
                return False
        self.location = ""
        done = self.there()
        self._move(self.size if done else 0)
        return done

    def _move(self, offset: int) -> None:
        if offset != self.offset:
            self.progress(offset - self.offset)
        self.offset = offset

    def _go(self, answer: Answer) -> None:
        location = answer.headers.get("Location", "")
        if not location and not self.location:
            raise NetworkError(
                f"{self.connection.registry} does not say where to upload to",
                hint=f"is {self.connection.registry} an OCI registry?",
            )
        if location:
            self.location = self.connection.follow(answer, location)


def _reached(answer: Answer) -> int | None:
    """The bytes that the registry has, by the header `Range`. `0-0` is none: Debian's registry counts so."""
    match = _RANGE.fullmatch(answer.headers.get("Range", ""))
    if not match:
        return None
    return int(match[1]) + 1 if int(match[1]) else 0
