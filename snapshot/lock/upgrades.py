"""What `--upgrade` and `--upgrade-package` let go of the old lock's pins."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.lock.document import FILE_NAME, Lock, Package
from snapshot.project.requirements import Requirements

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class Upgrades(Value, kw_only=True, frozen=True):
    """Which pins stay."""

    old: Lock | None = None
    """Whose pins stay; None with `--upgrade`."""
    lines: tuple[str, ...] = ()
    """Names, or requirements such as `numpy<2`, whose pins don't."""

    @property
    def names(self) -> tuple[str, ...]:
        """Those names."""
        return tuple(_normal(_name(line)) for line in self.lines)

    @property
    def kept(self) -> tuple[Package, ...]:
        """The packages that stay."""
        names = self.names
        return tuple(package for package in (self.old.packages if self.old else ()) if package.name not in names)

    @property
    def constraints(self) -> tuple[str, ...]:
        """The lines that say more than a name."""
        return tuple(line for line in self.lines if not _NAME.fullmatch(line.strip()))


def check(lines: Sequence[str], old: Lock, requirements: Requirements) -> None:
    """Raise UsageError for an upgrade of what is neither in the lock nor asked for."""
    asked = {_normal(found[0]) for line in requirements.lines for found in [_NAME.match(line)] if found}
    asked |= {_normal(found[0]) for line in requirements.places for found in [_NAME.match(line)] if found}
    known = sorted(asked | {package.name for package in old.packages})
    for line in lines:
        name = _name(line)
        if _normal(name) not in known:
            close = difflib.get_close_matches(_normal(name), known, n=3)
            raise UsageError(
                f"`{name}` is not in `{FILE_NAME}` and not asked for",
                hint=f"did you mean {' or '.join(f'`{near}`' for near in close)}?"
                if close
                else "name a package of the lock, or add it to the requirements",
            )


def _name(line: str) -> str:
    found = _NAME.match(line.strip())
    if not found:
        raise UsageError(f"`{line}` is not a package", hint="write it as in `--upgrade-package numpy`")
    return found[0]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
