"""Looks for secrets in a file: by its name, and in its text. Pure: path and bytes in, findings out."""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapshot.document import Value
from snapshot.share.secrets.rules import Rule, rules

_NAMES = re.compile(
    r"(?:^|/)(?:\.env(?:\..*)?|.*\.env|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|p12|pfx|key|kdbx|jks)|\.netrc|_netrc"
    r"|\.pypirc|\.htpasswd|\.pgpass|\.git-credentials|kubeconfig|(?:[^/]*/)*(?:credentials|\.kube/config|\.docker/config\.json))$",
    re.IGNORECASE,
)
"""Files that hold secrets by their kind, whatever is in them; gitleaks leaves most of these to its patterns."""

_LONG = 1 << 14
_TABLE = 1 << 16
_BINARY_WITHIN = 8000
"""Git's rule: a NUL among the first so many bytes makes a file binary."""


class Secret(Value, kw_only=True, frozen=True):
    """Something that looks like a secret; the secret itself is not in here."""

    path: str
    line: int
    """From 1; 0 where it's the file's name."""
    rule: str
    masked: str
    """Enough to recognize it by and no more: `AKIA… (20 characters)`."""

    @property
    def fingerprint(self) -> str:
        """What `--allow` takes."""
        return f"{self.path}:{self.rule}:{self.line}"


def scan(path: str, content: bytes) -> tuple[Secret, ...]:
    """What looks like a secret in the file, by line; the text of binary files is not looked at, their names are."""
    found = [] if _NAMES.search(path) is None else [Secret(path=path, line=0, rule="file-name", masked="")]
    text = text_of(content)
    if text is not None:
        lower = text.lower()
        words = _words(lower)
        for rule in rules():
            if _applies(rule, path, words):
                found += _found(rule, path, text)
    return tuple(sorted(set(found), key=lambda each: (each.line, each.rule, each.masked)))


def text_of(content: bytes) -> str | None:
    """The text of a file, None where it's binary; bytes that are no UTF-8 stand for themselves."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return None if b"\0" in content[:_BINARY_WITHIN] else content.decode("utf-8", "surrogateescape")


def _applies(rule: Rule, path: str, words: frozenset[str]) -> bool:
    if rule.path is not None and rule.path.search(path) is None:
        return False
    return not rule.keywords or not words.isdisjoint(rule.keywords)


def _words(lower: str) -> frozenset[str]:
    """The rules' keywords that are in the text.

    A long one is asked only for those whose triples of letters it has: logs and tables have next to none.
    """
    words = frozenset(word for rule in rules() for word in rule.keywords)
    if len(lower) > _LONG:
        triples = _triples(lower.encode(errors="replace"))
        has = np.zeros(_TABLE, dtype=bool)
        has[triples] = True
        words = frozenset(word for word in words if has[_triples(word.encode())].all())
    return frozenset(word for word in words if word in lower)


def _triples(text: bytes) -> NDArray[Any]:
    """A number below _TABLE for each three bytes on end."""
    letters = np.frombuffer(text, dtype=np.uint8).astype(np.uint32)
    return (letters[:-2] << 10 ^ letters[1:-1] << 5 ^ letters[2:]) % _TABLE


def _found(rule: Rule, path: str, text: str) -> Iterator[Secret]:
    if rule.pattern is None:
        yield Secret(path=path, line=0, rule=rule.name, masked="")
        return
    for match in rule.pattern.finditer(text):
        group = rule.group or next((at for at, each in enumerate(match.groups(), 1) if each), 0)
        secret = match[group] or ""
        if entropy(secret) > rule.entropy or not rule.entropy:
            start, line = match.start(group), _lines(text, match)
            if not any(each.covers(secret, match[0], line) for each in rule.allowed):
                yield Secret(path=path, line=text.count("\n", 0, start) + 1, rule=rule.name, masked=masked(secret))


def _lines(text: str, match: re.Match[str]) -> str:
    """The whole lines that the match lies in."""
    end = text.find("\n", match.end())
    return text[text.rfind("\n", 0, match.start()) + 1 : end if end >= 0 else len(text)]


def entropy(text: str) -> float:
    """Shannon's, in bits for a character, as gitleaks has it."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def masked(secret: str) -> str:
    """The first characters, at most four and never more than a fifth."""
    shown = "".join(c if c.isprintable() else "?" for c in secret[: min(4, len(secret) // 5)])
    return f"{shown}… ({len(secret)} characters)"
