"""The lock of a run as everybody may have it, and where everybody finds the packages in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from snapshot.image import debs
from snapshot.image.dockerfile import Layer
from snapshot.lock.document import Base, BuildPackage, Lock, OsPackage, Package, Sdist, Sources, Wheel
from snapshot.share.export.places import is_public, is_public_image

LEFT_OUT = "(left out)"
_BASE = "base"
"""What a base is called whose registry is not everybody's."""
_LOCAL = re.compile(r"(?:^|[\s=@])(?:~|/|\.\./|file:)")
_ADDRESS = re.compile(r"(?:[a-z]+\+)?([a-z]+://[^\s;#]+)")


def public(lock: Lock) -> Lock:
    """`lock` without addresses that only some can reach, and without paths of this machine.

    It makes the same image: what decides that are names, versions and digests. Only a base of a registry that is not
    everybody's is called otherwise.
    """
    return msgspec.structs.replace(
        lock,
        base=_base(lock.base),
        sources=_sources(lock.sources),
        packages=tuple(_package(package) for package in lock.packages),
        os_packages=tuple(_os_package(package) for package in lock.os_packages),
    )


def is_base_public(lock: Lock) -> bool:
    """Whether plain Docker gets the base from a registry, wherever it is."""
    return lock.base.digest is not None and is_public_image(lock.base.reference)


def _base(base: Base) -> Base:
    if is_public_image(base.reference):
        return base
    return msgspec.structs.replace(base, reference=f"{_BASE}:{base.layers[-1].rpartition(':')[2][:16]}", digest=None)


def _package(package: Package) -> Package:
    vcs = package.vcs if package.vcs and is_public(package.vcs.url) else None
    return msgspec.structs.replace(
        package,
        index=_url(package.index),
        wheels=_wheels(package.wheels),
        sdist=_sdist(package.sdist) if package.sdist else None,
        vcs=vcs,
        build=tuple(_build(one) for one in package.build),
    )


def _build(package: BuildPackage) -> BuildPackage:
    return msgspec.structs.replace(package, index=_url(package.index), wheels=_wheels(package.wheels))


def _wheels(wheels: tuple[Wheel, ...]) -> tuple[Wheel, ...]:
    return tuple(msgspec.structs.replace(wheel, url=_url(wheel.url), path=None) for wheel in wheels)


def _sdist(sdist: Sdist) -> Sdist:
    return msgspec.structs.replace(sdist, url=_url(sdist.url), path=sdist.name if sdist.path else None)


def _os_package(package: OsPackage) -> OsPackage:
    snapshot = _url(package.snapshot)
    # The address is a must (RFC 2606 has this one for none).
    url = _url(package.url) or snapshot or f"https://left-out.invalid/{debs.file_name(package)}"
    return msgspec.structs.replace(package, url=url, snapshot=snapshot)


def _url(url: str | None) -> str | None:
    return url if is_public(url) else None


def _sources(sources: Sources) -> Sources:
    return msgspec.structs.replace(
        sources,
        source=_plain(sources.source),
        passed_over=tuple(_plain(text) for text in sources.passed_over),
        requirements=tuple(_plain(text) for text in sources.requirements),
        files={path: sha256 for path, sha256 in sources.files.items() if _plain(path) == path},
        base=sources.base if is_public_image(sources.base.partition(" ")[0] or _BASE) else LEFT_OUT,
        python=_plain(sources.python),
    )


def _plain(text: str) -> str:
    """`text`, unless it names a place that is not everybody's."""
    foreign = any(not is_public(url) for url in _ADDRESS.findall(text))
    return LEFT_OUT if foreign or _LOCAL.search(text) else text


def addresses(lock: Lock, layers: tuple[Layer, ...]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Of each package file its place in the export, its sha256, and where everybody can fetch it: nowhere, maybe."""
    for layer in layers:
        for package in layer.packages:
            place = f"wheels/{layer.context}/{package.wheel.name}"
            yield place, package.wheel.hashes["sha256"], _reached(package.wheel.url)
    for os_package in lock.os_packages:
        urls = _reached(os_package.url, os_package.snapshot)
        yield f"debs/{debs.file_name(os_package)}", os_package.sha256, urls


def _reached(*urls: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(url for url in urls if url is not None and is_public(url)))


def requirements(lock: Lock, carried: frozenset[str]) -> str:
    """The Python packages as pip writes them, for people; `carried` are the wheels that no public index has."""
    python = ".".join(lock.python.version.split(".")[:2])
    lines = [f"# The packages of the training, for Python {python} on {lock.python.platform}."]
    for package in lock.packages:
        note = "  # in `wheels`, of no public index" if package.wheel.name in carried else ""
        lines += [f"{package.name}=={package.version} \\", f"    --hash={package.wheel.sha256}{note}"]
    return "\n".join(lines) + "\n"
