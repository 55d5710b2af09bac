"""What tells of the machine and of who uses it: places and names that are nobody else's business. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
    }
)
_SHORTEST = 5
"""Letters of a name that stands for itself; shorter ones are words of any text, and count in paths and addresses."""


class Private(Value, kw_only=True, frozen=True, dict=True):
    """Of the machine that made a run, and of the one that exports it."""

    folders: tuple[str, ...] = ()
    """The project and home folders, absolute."""
    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    def tells(self, text: str) -> bool:
        """Whether something of it is in `text`."""
        return self.pattern.search(text) is not None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds a place or a name; the group that matched tells which: `home`, `place`, `host` or `user`."""
        return re.compile("|".join(self._parts()))

    def _parts(self) -> Iterator[str]:
        folders = [folder for folder in self.folders if len(PurePosixPath(folder).parts) > 2]
        if folders:
            yield rf"(?P<place>{_any(folders)})(?![\w-])"
        yield rf"(?P<home>(?<![\w/.-]){_HOMES})"
        if hosts := [name for name in self.hosts if _is_telling(name)]:
            yield rf"(?P<host>(?<![\w.-])(?:{_any(hosts)})(?![\w-]))"
        users = [name for name in self.users if _is_telling(name)]
        if users:
            yield rf"(?P<user>(?<![\w.-])(?:{_any(users)})(?![\w-]))"


def _is_telling(name: str) -> bool:
    return len(name) >= _SHORTEST and name.lower() not in _EVERYBODYS


def _any(texts: list[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(set(texts), key=len, reverse=True))


def of(run: Run, project: Path, environment: Mapping[str, str]) -> Private:
    """What is known of the machine of `run`, and of this one, whose caller has `environment`."""
    import platform

    homes = {environment.get("HOME", ""), *(match[0] for match in re.finditer(_HOMES, f"{run.project} {project}"))}
    homes -= {"", "/root"}
    hosts = {platform.node(), *([run.host.machine.hostname] if run.host else [])}
    return Private(
        folders=tuple(sorted({run.project, str(project), *homes})),
        hosts=tuple(sorted({name for host in hosts for name in (host, host.partition(".")[0])})),
        users=tuple(sorted({environment.get("USER", ""), *(PurePosixPath(home).name for home in homes)})),
    )
