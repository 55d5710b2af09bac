"""The door to OCI registries (OCI distribution spec 1.1): what the engine cannot ask them itself.

All that comes from there is untrusted: bytes are checked against their digests, words are cut and made printable.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from snapshot import digest as digests
from snapshot.document import Value
from snapshot.errors import IntegrityError, NetworkError, UsageError
from snapshot.host.download import Progress
from snapshot.host.registry_answer import LARGEST, Answer, is_page
from snapshot.host.registry_connection import Connection
from snapshot.host.registry_download import Download, different
from snapshot.host.registry_reference import Reference, clean, is_digest, is_tag, parse
from snapshot.host.registry_upload import Source, Upload

__all__ = ["Blob", "Manifest", "Reference", "Registry", "parse"]

_ACCEPTED = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_DIGITS = 20
_PAGES = 1000
"""Of a list of tags: what is longer is made up."""


class Blob(Value, frozen=True, kw_only=True):
    """Bytes in a registry."""

    digest: str
    size: int


class Manifest(Value, frozen=True, kw_only=True):
    """A manifest as the registry has it."""

    data: bytes
    digest: str
    """Of `data`, computed here."""
    media_type: str


def _silent(count: int) -> None:
    """For those who want no progress."""


class Registry:
    """One repository of a registry. Every method raises NetworkError where the registry is out of reach or refuses."""

    def __init__(
        self,
        reference: Reference,
        *,
        timeout: float = 30,
        retries: int = 5,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.reference = reference
        self._connection = Connection(reference, timeout=timeout, retries=retries, wait=wait)

    def has_blob(self, digest: str) -> int | None:
        """The size of a blob, None where the repository does not have it."""
        return self._connection.patiently(lambda: self._size(digest))

    def _size(self, digest: str) -> int | None:
        answer = self._connection.once("HEAD", self._blob(digest))
        if self._absent(answer):
            return None
        size = answer.headers.get("Content-Length", "")
        if answer.status != 200:
            raise self._connection.refusal(answer, f"to look for `{digest}`")
        # Without it, which the spec allows, nobody knows whether all of it is there.
        return int(size) if size.isdecimal() and len(size) < _DIGITS else None

    def put_blob(self, digest: str, size: int, source: Source, progress: Progress = _silent) -> bool:
        """Send what `source` opens; False when the repository had it.

        Raises IntegrityError when it is not what `digest` and `size` say.
        """
        if self.has_blob(digest) == size:
            return False
        Upload(self._connection, digest, size, source, progress, lambda: self._size(digest) == size).run()
        return True

    def mount_blob(self, digest: str, repository: str) -> bool:
        """Have the blob of another repository of the registry here too; False where that is not to be had."""
        query = urllib.parse.urlencode({"mount": digest, "from": repository})
        # Where that repository may not be seen, or is in another place, the blob is sent: nothing is lost.
        with suppress(NetworkError):
            answer = self._connection.once("POST", self._connection.url(f"blobs/uploads/?{query}"))
            if answer.status == 202 and (location := answer.headers.get("Location", "")):
                # An upload was begun instead, which nobody will go on with.
                self._connection.once("DELETE", self._connection.follow(answer, location))
            return answer.status == 201
        return False

    def get_blob(self, digest: str, size: int, target: Path, progress: Progress = _silent) -> None:
        """Fetch a blob into the file `target`, which is there whole or not at all.

        Raises IntegrityError for other bytes than asked, HostError for a full disk.
        """
        Download(self._connection, self._blob(digest), digest, size, progress).into(target)

    def read_blob(self, digest: str, size: int, limit: int) -> bytes:
        """A small blob. Raises IntegrityError for more than `limit` bytes, and for other bytes than asked."""
        if size > limit:
            raise IntegrityError(
                f"`{clean(digest)}` of {self.reference.registry} has {size} bytes, more than {limit}",
                hint="whoever pushed it did not do it with `snap push`",
            )
        return Download(self._connection, self._blob(digest), digest, size, _silent).bytes()

    def put_manifest(self, reference: str, data: bytes, media_type: str) -> str:
        """Keep `data` as the manifest of a tag or digest; its digest, on which the registry must agree."""
        own = digests.of_bytes(data)
        path = self._manifest(reference)
        if is_digest(reference) and reference != own:
            raise IntegrityError(f"the manifest to send is `{own}`, not `{reference}`")
        if len(data) > LARGEST:
            raise NetworkError(
                f"the manifest of `{self.reference.text}` has {len(data)} bytes, and registries take {LARGEST}",
                hint="push fewer things at once",
            )
        headers = {"Content-Type": media_type}
        answer = self._connection.ask("PUT", path, headers=headers, body=data)
        if answer.status not in (200, 201):
            raise self._connection.refusal(answer, f"the manifest `{reference}`")
        told = answer.headers.get("Docker-Content-Digest", own)
        if told != own:
            raise IntegrityError(
                f"{self.reference.registry} keeps the manifest `{own}` as `{clean(told)}`",
                hint="look at the registry's log",
            )
        return own

    def get_manifest(self, reference: str) -> Manifest | None:
        """The manifest of a tag or digest, None where there is none."""
        headers = {"Accept": ", ".join(_ACCEPTED)}
        answer = self._connection.ask("GET", self._manifest(reference), headers=headers)
        if self._absent(answer):
            return None
        if answer.status != 200:
            raise self._connection.refusal(answer, f"the manifest `{reference}`")
        self._object(answer, f"the manifest `{reference}`")
        own = digests.of_bytes(answer.body)
        told = reference if is_digest(reference) else answer.headers.get("Docker-Content-Digest", own)
        if told != own:
            raise different(self.reference.registry, clean(told), own)
        return Manifest(data=answer.body, digest=own, media_type=answer.media_type)

    def tags(self) -> tuple[str, ...]:
        """The names of all tags, sorted; none where there is no such repository."""
        found: set[str] = set()
        url = self._connection.url("tags/list?n=1000")
        for _ in range(_PAGES):
            answer = self._connection.patiently(lambda: self._connection.once("GET", url))  # noqa: B023
            if self._absent(answer):
                break
            if answer.status != 200:
                raise self._connection.refusal(answer, "a list of tags")
            said = self._object(answer, "a list of tags").get("tags") or []
            if not isinstance(said, list):
                raise self._no_registry()
            found.update(tag for tag in said if isinstance(tag, str) and is_tag(tag))
            following = _following(answer)
            if not following:
                break
            url = self._connection.follow(answer, following)
        return tuple(sorted(found))

    def _blob(self, digest: str) -> str:
        """The address of a blob, whose digest may come from anywhere."""
        if not is_digest(digest):
            raise IntegrityError(f"`{clean(digest)}` is no digest", hint="only sha256 is known here")
        return self._connection.url(f"blobs/{digest}")

    @staticmethod
    def _manifest(reference: str) -> str:
        if not is_digest(reference) and not is_tag(reference):
            raise UsageError(
                f"`{clean(reference)}` is neither a tag nor a digest", hint="use letters, digits, `_`, `.` and `-`"
            )
        return f"manifests/{reference}"

    def _absent(self, answer: Answer) -> bool:
        if answer.status == 404 and is_page(answer):
            raise self._no_registry()
        return answer.status == 404

    def _object(self, answer: Answer, what: str) -> dict[str, Any]:
        """The JSON object that the answer must be."""
        if len(answer.body) > LARGEST:
            raise NetworkError(
                f"{what} of {self.reference.name} has more than {LARGEST} bytes",
                hint="whoever pushed it did not do it with `snap push`",
            )
        try:
            said = json.loads(answer.body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise self._no_registry()
        return said

    def _no_registry(self) -> NetworkError:
        return NetworkError(
            f"{self.reference.registry} does not answer as a registry does",
            hint="check its name, and whether a proxy or a login page is before it",
        )


def _following(answer: Answer) -> str:
    """The address of the next page: header `Link`, RFC 8288, as the spec has it."""
    import requests.utils

    for link in requests.utils.parse_header_links(answer.headers.get("Link", "")):
        if link.get("rel") == "next":
            return str(link["url"])
    return ""
