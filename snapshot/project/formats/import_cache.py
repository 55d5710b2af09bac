"""What was found in each file the last time, in `.snap/cache/imports.json`: a start of `snap run` reads no code twice.

Only where `.snap` is there already; a cache that can't be read or written is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from snapshot.document import encode_json

_VERSION = 1
_PLACE = (".snap", "cache", "imports.json")


class _Entry(msgspec.Struct, array_like=True):
    key: tuple[int, int, int]
    candidates: tuple[str, ...]
    modules: dict[str, bool] | None = None


class _Stored(msgspec.Struct):
    version: int
    files: dict[str, _Entry]


class Cache:
    """Path → what was found in the file, for as long as its size and times are the same."""

    def __init__(self, files: dict[str, _Entry]) -> None:
        self._files = files
        self._changed = False

    def candidates(self, path: str, key: tuple[int, int, int]) -> tuple[str, ...] | None:
        """The names that the file may import; None where that is not known."""
        entry = self._files.get(path)
        return entry.candidates if entry and entry.key == key else None

    def modules(self, path: str, key: tuple[int, int, int]) -> dict[str, bool] | None:
        """What the file imports; None where it was not parsed."""
        entry = self._files.get(path)
        return entry.modules if entry and entry.key == key else None

    def add(self, path: str, key: tuple[int, int, int], candidates: tuple[str, ...]) -> None:
        """Keep what a look at the file's bytes found."""
        self._files[path] = _Entry(key, candidates)
        self._changed = True

    def add_modules(self, path: str, modules: dict[str, bool]) -> None:
        """Keep what parsing the file found."""
        self._files[path].modules = modules
        self._changed = True

    def save(self, root: Path, paths: Iterable[str]) -> None:
        """Write what is known of `paths`, if that is news; not being able to does no harm."""
        if not self._changed or not (root / _PLACE[0]).is_dir():
            return
        from snapshot.errors import SnapshotError
        from snapshot.host.files import write_atomic

        kept = _Stored(_VERSION, {path: self._files[path] for path in paths if path in self._files})
        try:
            root.joinpath(*_PLACE[:2]).mkdir(exist_ok=True)
            write_atomic(root.joinpath(*_PLACE), encode_json(kept), durable=False)
        except (OSError, SnapshotError, ValueError, msgspec.MsgspecError):
            return


def load(root: Path) -> Cache:
    """The cache of the project in `root`, empty where there is none that can be read."""
    try:
        stored = msgspec.json.decode(root.joinpath(*_PLACE).read_bytes(), type=_Stored)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return Cache({})
    return Cache(stored.files if stored.version == _VERSION else {})
