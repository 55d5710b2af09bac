"""OS packages, resolved: the base's own apt says what has to be installed, with each sha256 from a signed index."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from snapshot.document import Document
from snapshot.errors import HostError, IntegrityError, NetworkError, ResolveError, SnapshotError
from snapshot.host.apt_config import AptConfig
from snapshot.host.container import Container, Mount
from snapshot.host.files import make_dirs
from snapshot.host.pip_config import strip_credentials
from snapshot.lock import inside
from snapshot.lock.document import OsPackage
from snapshot.project.apt import OsRequest

CERTIFICATES = "/snap/certificates"
_ENOUGH = 400
_TOLD = 5


class _Unknown(Document, frozen=True, kw_only=True):
    name: str
    providers: tuple[str, ...] = ()
    close: tuple[str, ...] = ()


class Failure(Document, frozen=True, kw_only=True, tag_field="kind", tag=""):
    """Why the base's apt gave no answer; the kinds of `in_base_apt.Failure`."""


class NoApt(Failure, frozen=True, kw_only=True, tag="no apt"):
    """The base is not of Debian's family."""


class OtherArchitecture(Failure, frozen=True, kw_only=True, tag="architecture"):
    """Packages of an architecture that the base does not take."""

    names: tuple[str, ...]
    known: tuple[str, ...]


class Unknown(Failure, frozen=True, kw_only=True, tag="unknown"):
    """Names that the archive does not have, or that several packages provide."""

    names: tuple[_Unknown, ...]


class NoVersion(Failure, frozen=True, kw_only=True, tag="version"):
    """A version that the archive does not have."""

    name: str
    version: str
    versions: tuple[str, ...]


class NoUpdate(Failure, frozen=True, kw_only=True, tag="update"):
    """The lists can't be had, or are not to be trusted."""

    said: tuple[str, ...]


class NoInstall(Failure, frozen=True, kw_only=True, tag="install"):
    """What is asked for does not fit together, or with the base."""

    said: tuple[str, ...]


class _Found(Document, frozen=True, kw_only=True):
    name: str
    version: str
    architecture: str
    size: int
    sha256: str
    url: str
    snapshot: str | None


class _Answer(Document, frozen=True, kw_only=True):
    packages: tuple[_Found, ...] = ()
    failure: NoApt | OtherArchitecture | Unknown | NoVersion | NoUpdate | NoInstall | None = None


def resolve(
    image: str,
    request: OsRequest,
    *,
    apt: AptConfig,
    cache: Path,
    old: Sequence[OsPackage] = (),
    upgrade: bool = False,
    upgrades: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> tuple[OsPackage, ...]:
    """What `request` installs in the image `image`, with all that it pulls in, sorted by name.

    Versions of `old` stay where the archive has them and dependencies allow, but with `upgrade`, and for `upgrades`
    (names). What the base has already is not in the answer. `say` hears what moved all the same.
    Raises ResolveError, NetworkError or IntegrityError in apt's words and ours.
    """
    if not request.names:
        return ()
    container = _container(image, cache, apt)
    pinned = () if upgrade else tuple(package for package in old if package.name not in upgrades)
    question = _question(request, apt, pinned, upgrade, upgrades)
    answer = inside.ask(container, _Answer, question=json.dumps(question).encode(), doing="asking apt in", base=image)
    if answer.failure:
        raise error(answer.failure, request, image)
    packages = _packages(answer.packages, request, {(p.name, p.architecture): p for p in old})
    for sentence in _moved(packages, pinned):
        say(sentence)
    return packages


def _container(image: str, cache: Path, apt: AptConfig) -> Container:
    make_dirs(cache / "apt")
    mounts = [Mount(source=str((cache / "apt").resolve()), target="/snap/apt")]
    if apt.bundle:
        mounts.append(Mount(source=str(apt.bundle.resolve()), target=CERTIFICATES, read_only=True))
    return inside.container(image, "in_base_apt.py", cache=cache, role="apt", network="host", mounts=mounts)


def _question(
    request: OsRequest, apt: AptConfig, pinned: Sequence[OsPackage], upgrade: bool, upgrades: Sequence[str]
) -> dict[str, Any]:
    certificates = {"Acquire::https::CaInfo": CERTIFICATES} if apt.bundle else {}
    return {
        "names": [
            {"name": item.name, "architecture": item.architecture, "version": item.version} for item in request.names
        ],
        "pins": [{"name": p.name, "architecture": p.architecture, "version": p.version} for p in pinned],
        "upgrade": upgrade,
        "upgrades": list(upgrades),
        "settings": {**certificates, **apt.settings},
        "archives": list(apt.archives),
        "environment": dict(apt.proxies),
    }


def _packages(
    found: Sequence[_Found], request: OsRequest, old: dict[tuple[str, str], OsPackage]
) -> tuple[OsPackage, ...]:
    asked = {item.name for item in request.names}
    packages = []
    for item in found:
        if not item.url.startswith(("http://", "https://")):
            raise ResolveError(
                f"`{item.name}` is at `{strip_credentials(item.url)}`, where only the base itself could find it",
                hint="choose a base whose apt sources are of `http` or `https`",
            )
        package = OsPackage(
            name=item.name,
            version=item.version,
            architecture=item.architecture,
            size=item.size,
            sha256=item.sha256,
            url=strip_credentials(item.url),
            snapshot=item.snapshot,
            asked=item.name in asked,
        )
        before = old.get((item.name, item.architecture))
        if before and before.sha256 == package.sha256:
            # A release is signed anew every day; the same file keeps the places that are known.
            package = msgspec.structs.replace(before, asked=package.asked)
        packages.append(package)
    return tuple(sorted(packages, key=lambda package: (package.name, package.architecture)))


def _moved(packages: Sequence[OsPackage], pinned: Sequence[OsPackage]) -> list[str]:
    """What has another version although it was to stay: the archive dropped it, or a dependency forbids it."""
    before = {(package.name, package.architecture): package.version for package in pinned}
    moved = [p for p in packages if before.get((p.name, p.architecture), p.version) != p.version]
    told = [f"{p.name} {before[p.name, p.architecture]} → {p.version}: it can't stay" for p in moved[:_TOLD]]
    return [*told, f"and {len(moved) - _TOLD} more OS packages"] if len(moved) > _TOLD else told


_UNSIGNED = re.compile(
    r"NO_PUBKEY|EXPKEYSIG|BADSIG|KEYEXPIRED|REVKEYSIG|not signed|signature|clearsigned|Sub-process \S*sqv?",
    re.IGNORECASE,
)
_EXPIRED = re.compile(r"Release file .*(?:is expired|is not valid yet)")
_SYNCING = re.compile(r"Hash Sum mismatch|unexpected size|Mirror sync", re.IGNORECASE)
_FETCHED = re.compile(r"Failed to fetch (?P<url>\S+)\s+(?P<reason>.*)")


def error(failure: Failure, request: OsRequest, image: str) -> SnapshotError:
    """The error that `failure` is."""
    match failure:
        case NoApt():
            return ResolveError(
                f"the base `{image}` has no apt, and {request.source} asks for OS packages",
                hint="choose a `base` of Debian or Ubuntu, or one that has what is needed, and ask for no packages",
            )
        case OtherArchitecture():
            return ResolveError(
                f"{_listed(failure.names, request)}: the base `{image}` takes packages of {_words(failure.known)} only",
                hint="name the package without its architecture, or choose a base that has both",
            )
        case Unknown():
            return _unknown(failure.names, request)
        case NoVersion():
            there = f"it has {_words(failure.versions[:4])}" if failure.versions else "it has none"
            name = f"{failure.name}={failure.version}"
            return ResolveError(
                f"the base's archive does not have `{name}`{_where(failure.name, request)}; {there}",
                hint=f"ask for `{failure.name}={failure.versions[0]}`, or for `{failure.name}`"
                if failure.versions
                else None,
            )
        case NoUpdate():
            return _no_update(failure.said)
        case NoInstall():
            return ResolveError(
                f"the OS packages of {request.source} don't fit together, or not with the base: {_short(failure.said)}",
                hint="ask for fewer, or other versions; a lock's versions are given up with `snap lock --upgrade`",
            )
    raise AssertionError(failure)


def _unknown(names: Sequence[_Unknown], request: OsRequest) -> ResolveError:
    sentences, hints = [], []
    for item in names:
        where = _where(item.name, request)
        if item.providers:
            sentences.append(f"`{item.name}`{where} is provided by several packages")
            hints.append(f"name one of {_words(item.providers[:6])}")
        else:
            sentences.append(f"the base's archive has no package `{item.name}`{where}")
            hints += [f"did you mean {_words(item.close, 'or')}?"] if item.close else []
    return ResolveError(
        "; ".join(sentences),
        hint="; ".join(hints) or "look the name up in the distribution's package search",
    )


def _no_update(said: Sequence[str]) -> SnapshotError:
    text = "\n".join(said)
    if os.strerror(errno.ENOSPC) in text:
        return HostError(
            "no space left for the archive's lists in the cache",
            hint="free some on the disk of `~/.cache/snapshot`, or set `XDG_CACHE_HOME` to a larger one",
        )
    if _UNSIGNED.search(text):
        return IntegrityError(
            f"the base's archive is not signed by a key that the base trusts: {_short(said, _UNSIGNED)}",
            hint="take a newer base, whose keyring has the archive's keys; `trusted=yes` in its sources is not heeded",
        )
    if _EXPIRED.search(text):
        return NetworkError(
            f"the base's archive is of another time: {_short(said, _EXPIRED)}",
            hint="check this machine's clock and its mirror; for a dated archive, set `Acquire::Check-Valid-Until` "
            "to `false` in this machine's apt configuration",
        )
    if _SYNCING.search(text):
        return NetworkError(
            f"the base's archive is being updated: {_short(said, _SYNCING)}", hint="try again in some minutes"
        )
    return NetworkError(
        f"the base's archive can't be read: {_short(said)}",
        hint="check the network; apt's proxy settings and sources of this machine are used too, where it has apt",
    )


def _short(said: Sequence[str], sign: re.Pattern[str] | None = None) -> str:
    """apt's own words in one line, those that `sign` finds, without credentials."""
    lines = [re.sub(r"^(?:[WE]: |Err:\d+ )", "", line).strip() for line in said]
    lines = [line for line in lines if sign.search(line)] if sign else lines
    lines = [f"{m['url']}: {m['reason']}" if (m := _FETCHED.search(line)) else line for line in lines]
    lines = [line for line in lines if not line.startswith(("Some index files failed", "The repository '"))] or lines
    words = dict.fromkeys(" ".join(line.split()).rstrip(".") for line in lines)
    # What is said twice, with more words the second time, is told once.
    text = strip_credentials("; ".join(w for w in words if not any(w in other for other in words if other != w)))
    return text if len(text) <= _ENOUGH else text[: _ENOUGH - 1] + "…"


def _listed(names: Sequence[str], request: OsRequest) -> str:
    return ", ".join(f"`{name}`{_where(name.split(':')[0], request)}" for name in names)


def _where(name: str, request: OsRequest) -> str:
    place = next((item.where for item in request.names if item.name == name), None)
    return f" ({place})" if place else ""


def _words(names: Sequence[str], conjunction: str = "and") -> str:
    quoted = [f"`{name}`" for name in names]
    return f" {conjunction} ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
