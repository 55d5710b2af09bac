"""What tells of the machine and of who uses it: places, names and values that are nobody else's business. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from snapshot.document import Value
from snapshot.record.document import Run

_HOMES = r"/(?:home|Users)/[\w.-]+"
_EVERYBODYS = frozenset(
    {
        *("root", "user", "users", "admin", "ubuntu", "debian", "centos", "docker", "jovyan", "student", "guest"),
        *("localhost", "server", "worker", "workstation", "desktop", "laptop", "container", "machine", "cluster"),
        *("runner", "vscode", "training", "python", "linux", "default", "master", "login", "tests"),
        *("username", "you", "me", "name", "someone", "your_name", "your-name", "yourname"),
    }
)
_SHORTEST = 5
"""Letters of a name that stands for itself; shorter ones are words of any text, and count in paths only."""
_SHORTEST_VALUE = 8
SECRET = frozenset({"environment-value", "password-in-url"})
"""The rules whose finds are not to be shown either."""


class Told(Value, frozen=True):
    """Something private in a text."""

    start: int
    rule: str
    text: str


class _Pattern(Value, frozen=True):
    """Begins with a letter that must be there, which makes a search fast; what must stand before it comes behind."""

    rule: str
    expression: re.Pattern[str]
    back: int = 0
    """How far before the match that begins which is meant."""


class Private(Value, kw_only=True, frozen=True, dict=True):
    """Of the machine that made a run, and of the one that exports it."""

    run: str = ""
    """The ID of the run, which may be told; those of others may not."""
    folders: tuple[str, ...] = ()
    """The project and home folders, absolute."""
    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """Of environment variables that are not to be published."""

    def tells(self, text: str) -> bool:
        """Whether something of it is in `text`."""
        return bool(self.find(text))

    def find(self, text: str) -> list[Told]:
        """All of it that is in `text`, in order; of what overlaps, what begins first, or is longer."""
        found = [
            Told(start, pattern.rule, text[start : match.end()])
            for pattern in self._patterns
            for match in pattern.expression.finditer(text)
            if (start := match.start() - pattern.back) >= 0
        ]
        kept: list[Told] = []
        for one in sorted(found, key=lambda one: (one.start, -len(one.text))):
            if not (kept and one.start < kept[-1].start + len(kept[-1].text)) and not self._is_harmless(one):
                kept.append(one)
        return kept

    def _is_harmless(self, one: Told) -> bool:
        """Whether it tells of nobody: the run itself, an example's home folder."""
        return one.text == self.run or (
            one.rule == "home-folder" and PurePosixPath(one.text).name.lower() in _EVERYBODYS
        )

    @cached_property
    def _patterns(self) -> tuple[_Pattern, ...]:
        values = [value for value in self.values if len(value) >= _SHORTEST_VALUE]
        folders = [folder for folder in self.folders if len(PurePosixPath(folder).parts) > 2]
        return (
            *(_literal("environment-value", value, after="") for value in values),
            *(_literal("folder", folder, after=r"(?![\w-])") for folder in folders),
            *(_word("host-name", name) for name in self.hosts if _is_telling(name)),
            *(_word("user-name", name) for name in self.users if _is_telling(name)),
            _Pattern("home-folder", re.compile(rf"/(?<![\w/.-]/){_HOMES.removeprefix('/')}")),
            _Pattern("other-run", re.compile(r"T(?<=\b\d{8}T)\d{6,9}-[0-9a-f]{4,16}\b"), 8),
            _Pattern("password-in-url", re.compile(r"://[^\s/:@\"'<>{}]*:[^\s/:@\"'<>{}]{3,}(?=@[\w.-])")),
        )


def _literal(rule: str, text: str, *, after: str) -> _Pattern:
    return _Pattern(rule, re.compile(re.escape(text) + after))


def _word(rule: str, name: str) -> _Pattern:
    name = re.escape(name)
    return _Pattern(rule, re.compile(rf"{name}(?<![\w.-]{name})(?![\w-])"))


def of(run: Run, project: Path, environment: Mapping[str, str], published: frozenset[str] = frozenset()) -> Private:
    """What is known of the machine of `run`, and of this one, whose caller has `environment`.

    `published` are variables of the run whose values may be told.
    """
    import platform

    homes = {environment.get("HOME", ""), *(match[0] for match in re.finditer(_HOMES, f"{run.project} {project}"))}
    homes -= {"", "/root"}
    hosts = {platform.node(), *([run.host.machine.hostname] if run.host else [])}
    given = run.request.environment
    return Private(
        run=run.id,
        folders=tuple(sorted({run.project, str(project), *homes})),
        hosts=tuple(sorted({name for host in hosts for name in (host, host.partition(".")[0])})),
        users=tuple(sorted({environment.get("USER", ""), *(PurePosixPath(home).name for home in homes)})),
        values=tuple(sorted(value for name, value in given.items() if name not in published)),
    )


def _is_telling(name: str) -> bool:
    return len(name) >= _SHORTEST and name.lower() not in _EVERYBODYS
