"""What registries say, and what it means when they say no.

Nothing of it is trusted: their words are cut, and made printable, before anybody sees them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from snapshot.document import Value
from snapshot.errors import NetworkError
from snapshot.host.registry_auth import login
from snapshot.host.registry_reference import clean

LARGEST = 4 << 20
"""Bytes of an answer that is kept in memory: what registries must take for a manifest, and no more."""


class Answer(Value, frozen=True, kw_only=True):
    """What a registry said."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def media_type(self) -> str:
        """Without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def refusal(answer: Answer, doing: str, *, registry: str, repository: str) -> NetworkError:
    """The error for somebody `doing` something to whom `registry` answered so."""
    words = said_in(answer) or clean(f"{answer.status} {answer.reason}")
    if answer.status == 507 or (answer.status >= 500 and _full(answer.body)):
        return NetworkError(
            f"the disk of {registry} is full: {doing} failed", hint="free some space on the registry's machine"
        )
    if answer.status >= 500:
        return NetworkError(
            f"{registry} failed at {doing}: {words}", hint="look at the registry's log, or try again later"
        )
    hints = {
        403: f"log in as a user who may, with {login(registry)}",
        404: f"create the repository `{repository}` there",
        405: "it may be a mirror that takes nothing: name another registry",
        413: "raise the limit of the registry, or of the proxy before it",
    }
    return NetworkError(
        f"{registry} refuses {doing}: {words}", hint=hints.get(answer.status, f"is {registry} an OCI registry?")
    )


def said_in(answer: Answer) -> str:
    """The registry's own words for an error (OCI distribution spec, "Error Codes"), fit for a terminal."""
    try:
        first = json.loads(answer.body)["errors"][0]
        words = [first.get("code", ""), first.get("message", "")]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return clean(": ".join(str(word) for word in words if word))


def is_page(answer: Answer) -> bool:
    """Whether the answer is for a browser: what was asked is no registry, or a proxy's page is before it."""
    return answer.media_type in ("text/html", "application/xhtml+xml")


def _full(body: bytes) -> bool:
    # Debian's registry gives the number of ENOSPC alone: `"Err":28`.
    return b"no space left" in body.lower() or b'"Err":28' in body
