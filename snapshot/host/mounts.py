"""What is mounted where, as Linux tells it in /proc/self/mountinfo (proc(5))."""

from __future__ import annotations

import re
from pathlib import Path

from snapshot.document import Value

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mounted(Value, kw_only=True, frozen=True):
    """One mount."""

    point: str
    kind: str
    """Type of the file system, as in `ext4` or `fuse.sshfs`."""
    source: str
    """The device, or what stands for it: `C:\\` of a Windows drive."""
    options: tuple[str, ...]
    """Of the mount: `noexec`, `ro` …"""


def mount_of(path: Path, proc: Path = Path("/proc")) -> Mounted | None:
    """The mount that `path` (absolute, links resolved) lies on; None where that can't be read."""
    try:
        lines = (proc / "self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    found = [mount for line in lines if (mount := _parsed(line)) and path.is_relative_to(mount.point)]
    # Of several at one place the last one hides the others.
    return max(reversed(found), key=lambda mount: len(mount.point), default=None)


def _parsed(line: str) -> Mounted | None:
    before, _, after = line.partition(" - ")
    first, last = before.split(" "), after.split(" ")
    if len(first) < 6 or len(last) < 2:
        return None
    return Mounted(point=_plain(first[4]), kind=last[0], source=_plain(last[1]), options=tuple(first[5].split(",")))


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
