"""What the lock files of other tools have in common: direct references, files, and packages that are code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from snapshot.project import local, markers
from snapshot.project.names import display
from snapshot.project.reading import Reading, is_name, normal
from snapshot.project.requirements import Need, Pin, PinnedFile, Pins, Requirements

T = TypeVar("T")

REMEDY = "make it anew with the tool that wrote it"

Code = Mapping[str, Callable[[Need], Sequence[Need]]]
"""Name of a package that is code of the project → what it needs itself, for the extras that are asked of it."""

_SHA256 = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE)
_OTHER_HASH = re.compile(r"(?!sha256:)\w+:", re.IGNORECASE)


def decoded(reading: Reading, path: Path, table: Mapping[str, Any], kind: type[T], remedy: str) -> list[T]:
    """The tables `[[package]]` of the lock file `path`, each as a `kind`; raises UsageError naming the package."""
    items = table.get("package", [])
    if not isinstance(items, list):
        raise reading.wrong(path, "`package` is not a list of tables", remedy)
    out = []
    for number, item in enumerate(items, start=1):
        name = item.get("name") if isinstance(item, dict) else None
        out.append(reading.decode(item, kind, path, f"package `{name}`" if name else f"package {number}"))
    return out


def pinned(
    reading: Reading,
    path: Path,
    packages: Iterable[Pin],
    *,
    roots: Sequence[Need] | None,
    code: Code | None = None,
    requires_python: str | None = None,
    python: str | None = None,
) -> Requirements:
    """The value for the pins of the lock file `path`; where `code` is needed, what that needs takes its place."""
    pins = tuple(_past(pin, code) for pin in packages) if code else tuple(packages)
    roots = without_code(roots, code) if roots and code else roots
    for pin in pins:
        if not is_name(pin.name) or not f"{pin.version} {pin.direct} {pin.index}".isprintable():
            raise reading.wrong(path, f"package `{display(pin.name)}`: its name, version or address can't be one")
        for value in pin.hashes:
            # To look for any file of that version instead would be to drop what the lock file is for.
            if not _SHA256.fullmatch(value):
                raise reading.wrong(path, f"package `{pin.name}`: `{display(value)}` is not a hash", REMEDY)
    listed = pins if roots is None else reachable(pins, roots)
    lines = tuple(dict.fromkeys(line(pin) for pin in listed))
    return Requirements(
        source=reading.name(path),
        lines=lines,
        pins=Pins(packages=pins, roots=None if roots is None else tuple(roots)),
        places={text: reading.name(path) for text in lines},
        requires_python=requires_python,
        python=python,
    )


def reachable(packages: Sequence[Pin], roots: Sequence[Need]) -> list[Pin]:
    """Those of `packages` that `roots` lead to on some platform: which extras are asked for shows in them."""
    by_name: dict[str, list[Pin]] = {}
    for pin in packages:
        by_name.setdefault(pin.name, []).append(pin)
    todo, seen, out = list(roots), set[Need](), set[int]()
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        for pin in by_name.get(one.name, ()):
            if one.version in (None, pin.version):
                out.add(id(pin))
                todo += [*pin.needs, *(inner for extra in one.extras for inner in pin.extras.get(extra, ()))]
    return [pin for pin in packages if id(pin) in out]


def line(pin: Pin) -> str:
    """A pin for people."""
    text = f"{pin.name} @ {pin.direct}" if pin.direct else pin.name + (f"=={pin.version}" if pin.version else "")
    return f"{text} ; {pin.marker}" if pin.marker else text


def hashes(values: Iterable[str]) -> tuple[str, ...]:
    """Those of `values` that are of the kind that a lock keeps, or malformed, which `pinned` refuses."""
    return tuple(dict.fromkeys(value.lower() for value in values if value and not _OTHER_HASH.match(value)))


def file(name: str | None, value: str | None, *, url: str | None = None, size: int | None = None) -> PinnedFile | None:
    """One file with the hash `value`; its name is that of `url` where it has none itself."""
    try:
        name = name or unquote(urlsplit(url or "").path.rpartition("/")[2])
    except ValueError:  # an address that is none
        return None
    found = _SHA256.fullmatch(value or "")
    return PinnedFile(name=name, url=url, size=size, sha256=found[1].lower() if found else None) if name else None


def direct_git(url: str, commit: str, subdirectory: str | None = None) -> str:
    """A commit of a git repository, as pip writes it."""
    url = url.removeprefix("git+")
    if "://" not in url and ":" in url:
        # `git@host:team/project`, which only git itself reads.
        user, _, place = url.partition(":")
        url = f"ssh://{user}/{place}"
    return direct_url(f"git+{url}@{commit}", subdirectory)


def direct_url(url: str, subdirectory: str | None = None) -> str:
    """An address with the folder in it that holds the project."""
    return f"{url}#subdirectory={subdirectory}" if subdirectory else url


def folder(reading: Reading, path: Path) -> str | None:
    """The reference to a folder beside the project; None for one in it, which is code: its import roots are noted."""
    path = Path(os.path.normpath(path))
    if local.is_inside(reading, path):
        if os.path.isdir(path):
            local.add_import_roots(reading, path)
        return None
    return f"file://{path}"


def merged(needs: Iterable[Need]) -> tuple[Need, ...]:
    """`needs`, each once."""
    return tuple(dict.fromkeys(needs))


def _past(pin: Pin, code: Code) -> Pin:
    return msgspec.structs.replace(
        pin,
        needs=without_code(pin.needs, code),
        extras={extra: without_code(needs, code) for extra, needs in pin.extras.items()},
    )


def without_code(needs: Sequence[Need], code: Code, within: tuple[str, ...] = ()) -> tuple[Need, ...]:
    """`needs` with those that name a package which is code replaced by what that one needs itself."""
    out: list[Need] = []
    for need in needs:
        inner = code.get(need.name)
        key = f"{need.name}[{','.join(need.extras)}]"
        if inner is None:
            out.append(need)
        elif key not in within:
            for one in without_code(inner(need), code, (*within, key)):
                out.append(msgspec.structs.replace(one, marker=markers.both(need.marker, one.marker)))
    return merged(out)


def need(text: str) -> Need:
    """The requirement `text` (PEP 508) taken apart; raises ValueError when it is none."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except InvalidRequirement as problem:
        raise ValueError(f"`{text}` is not a requirement: {str(problem).splitlines()[0]}") from None
    exact = [one.version for one in found.specifier if one.operator in ("==", "===") and not one.version.endswith(".*")]
    return Need(
        name=normal(found.name),
        version=exact[0] if len(exact) == 1 else None,
        extras=tuple(sorted(normal(extra) for extra in found.extras)),
        marker=str(found.marker) if found.marker else None,
    )
