"""The rules of gitleaks, which are data: `gitleaks.toml` is theirs unaltered (MIT, `gitleaks.LICENSE` beside it).

It is `config/gitleaks.toml` of commit b58d3f102cf3 of 22 July 2026. Of their allow lists those by path are left out:
a file that leaves the machine is looked at whatever its name is.
Format: https://github.com/gitleaks/gitleaks#configuration
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from snapshot.document import Value
from snapshot.share.secrets.re2 import compiled

_FILE = Path(__file__).with_name("gitleaks.toml")


class Allowed(Value, kw_only=True, frozen=True):
    """What a rule finds and what yet is no secret: a placeholder, an example of a manual."""

    target: str
    """What the patterns are held against: `secret`, `match` or `line`."""
    patterns: tuple[re.Pattern[str], ...]
    stopwords: tuple[str, ...]
    """Words within the secret, lower case."""

    def covers(self, secret: str, match: str, line: str) -> bool:
        """Whether one of the patterns or words is there."""
        text = {"secret": secret, "match": match, "line": line}[self.target]
        return any(pattern.search(text) for pattern in self.patterns) or any(
            word in secret.lower() for word in self.stopwords
        )


class Rule(Value, kw_only=True, frozen=True):
    """One kind of secret."""

    name: str
    pattern: re.Pattern[str] | None
    """None: the path alone tells."""
    path: re.Pattern[str] | None
    keywords: tuple[str, ...]
    """Lower case; a text that has none of them needs no search."""
    entropy: float
    """Bits for a character which a secret must exceed; 0: any."""
    group: int
    """The group of the pattern that is the secret; 0: the first that matched."""
    allowed: tuple[Allowed, ...]


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    everywhere = _allowed(table["allowlist"])
    return tuple(_rule(each, everywhere) for each in table["rules"])


def _rule(table: dict[str, Any], everywhere: Allowed) -> Rule:
    own = [_allowed(each) for each in table.get("allowlists", ()) if each.get("condition") != "AND"]
    return Rule(
        name=table["id"],
        pattern=compiled(table["regex"]) if "regex" in table else None,
        path=compiled(table["path"]) if "path" in table else None,
        keywords=tuple(word.lower() for word in table.get("keywords", ())),
        entropy=float(table.get("entropy", 0)),
        group=table.get("secretGroup", 0),
        allowed=(everywhere, *own),
    )


def _allowed(table: dict[str, Any]) -> Allowed:
    return Allowed(
        target=table.get("regexTarget", "secret"),
        patterns=tuple(compiled(each) for each in table.get("regexes", ())),
        stopwords=tuple(word.lower() for word in table.get("stopwords", ())),
    )
