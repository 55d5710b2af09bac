"""What tells of the machine and of who uses it: places, names and values that are nobody else's business. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from snapshot.document import Value
from snapshot.record.document import Run

_HOMES = r"/(?:home|Users)/(?P<whose>[\w.-]+)"
_RUNS = r"\b\d{8}T\d{6,9}-[0-9a-f]{4,16}\b"
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
SECRET = frozenset({"environment_value", "password_in_url"})
"""The groups of the pattern whose finds are not to be shown either."""


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
        return any(not self.is_harmless(match.lastgroup or "", match[0]) for match in self.pattern.finditer(text))

    def is_harmless(self, rule: str, found: str) -> bool:
        """Whether what the pattern's group `rule` matched tells of nobody: the run itself, an example's home folder."""
        return found == self.run or (rule == "home_folder" and PurePosixPath(found).name.lower() in _EVERYBODYS)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds all of it; the group that matched is named after what it is."""
        return re.compile("|".join(self._parts()))

    def _parts(self) -> Iterator[str]:
        if values := [value for value in self.values if len(value) >= _SHORTEST_VALUE]:
            yield rf"(?P<environment_value>{_any(values)})"
        yield r"(?P<password_in_url>(?<=://)[^\s/:@\"'<>{}]*:[^\s/:@\"'<>{}]{3,}(?=@[\w.-]))"
        if folders := [folder for folder in self.folders if len(PurePosixPath(folder).parts) > 2]:
            yield rf"(?P<folder>(?:{_any(folders)})(?![\w-]))"
        yield rf"(?P<home_folder>(?<![\w/.-]){_HOMES})".replace("?P<whose>", "?:")
        yield rf"(?P<other_run>{_RUNS})"
        if hosts := [name for name in self.hosts if _is_telling(name)]:
            yield rf"(?P<host_name>(?<![\w.-])(?:{_any(hosts)})(?![\w-]))"
        if users := [name for name in self.users if _is_telling(name)]:
            yield rf"(?P<user_name>(?<![\w.-])(?:{_any(users)})(?![\w-]))"


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


def _any(texts: list[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(set(texts), key=len, reverse=True))
