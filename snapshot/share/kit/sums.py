"""`SHA256SUMS` of a kit, as `sha256sum` writes and checks it: names with a backslash or a line break are escaped."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from snapshot.errors import IntegrityError

_LINE = re.compile(rb"(?P<mark>\\?)(?P<sha256>[0-9a-f]{64}) [ *](?P<name>[^\0]+)")
_ESCAPES = ((b"\\", b"\\\\"), (b"\n", b"\\n"), (b"\r", b"\\r"))
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_MEANING = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def dumps(sums: Mapping[str, str]) -> bytes:
    """The file; `sums` has the sha256 in hexadecimal digits by path."""
    return b"".join(_line(os.fsencode(path), sums[path]) for path in sorted(sums))


def _line(name: bytes, sha256: str) -> bytes:
    escaped = name
    for one, other in _ESCAPES:
        escaped = escaped.replace(one, other)
    return b"%b%b  %b\n" % (b"\\" * (escaped != name), sha256.encode(), escaped)


def loads(data: bytes, *, where: str) -> dict[str, str]:
    """The sha256 by path; raises IntegrityError when it is none of ours or names a file twice."""
    found: dict[str, str] = {}
    for line in data.removesuffix(b"\n").split(b"\n"):
        match = _LINE.fullmatch(line)
        name = os.fsdecode(_name(match["name"], bool(match["mark"]))) if match else ""
        if match is None or name in found:
            raise IntegrityError(f"`{where}` is damaged", hint="get another copy of the kit")
        found[name] = match["sha256"].decode()
    return found


def _name(written: bytes, is_escaped: bool) -> bytes:
    return _ESCAPED.sub(lambda found: _MEANING.get(found[1], found[0]), written) if is_escaped else written
