"""What another tool has pinned, for one base: which of its packages hold there, and which file of each is installed.

Nothing is resolved and nothing is asked of an index. Markers are PEP 508's, the order of wheels is PEP 425's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from snapshot.errors import UsageError
from snapshot.lock.document import Package, Sdist, Wheel
from snapshot.lock.facts import Facts
from snapshot.project.requirements import Need, Pin, PinnedFile, Pins


def applicable(pins: Pins, facts: Facts, *, source: str) -> tuple[Pin, ...]:
    """The pins that hold in the base, sorted by name; where there are roots, those that can be reached from them.

    Raises UsageError naming `source` when it has two versions of one package for this base, or lacks one.
    """
    holding = [pin for pin in pins.packages if _holds(pin.marker, facts.markers)]
    found = holding if pins.roots is None else _reached(pins.roots, holding, facts.markers, source)
    by_name: dict[str, Pin] = {}
    for pin in found:
        other = by_name.setdefault(pin.name, pin)
        if other is not pin:
            raise UsageError(
                f"{source} has `{pin.name}` in versions {other.version} and {pin.version} for this base",
                hint="make it anew with the tool that wrote it",
            )
    return tuple(by_name[name] for name in sorted(by_name))


def package_of(pin: Pin, facts: Facts) -> Package | None:
    """The package with the best of the pin's files; None where the pin does not say where they are."""
    if pin.version is None or pin.direct:
        return None
    wheel = _best(pin.files, facts)
    if wheel is not None:
        return _package(pin, wheels=(_wheel(wheel),)) if _is_at_hand(wheel) else None
    sdist = next((file for file in pin.files if not file.name.endswith(".whl") and _is_at_hand(file)), None)
    if sdist is None or sdist.sha256 is None:
        return None
    path = str(sdist.path) if sdist.path else None
    return _package(
        pin,
        sdist=Sdist(name=sdist.name, url=sdist.url, path=path, size=sdist.size, hashes={"sha256": sdist.sha256}),
    )


def dependencies(packages: Iterable[Package], pins: Mapping[str, Pin], facts: Facts) -> tuple[Package, ...]:
    """`packages` with the names of those among them that each needs, as far as the pins tell."""
    import msgspec

    packages = tuple(packages)
    names = {package.name for package in packages}
    out = []
    for package in packages:
        needs = pins[package.name].needs if package.name in pins else ()
        held = {need.name for need in needs if _holds(need.marker, facts.markers)} & names
        out.append(msgspec.structs.replace(package, dependencies=tuple(sorted(held))) if held else package)
    return tuple(out)


def _package(pin: Pin, *, wheels: tuple[Wheel, ...] = (), sdist: Sdist | None = None) -> Package:
    assert pin.version is not None
    return Package(name=pin.name, version=pin.version, index=pin.index, wheels=wheels, sdist=sdist)


def _reached(roots: Sequence[Need], pins: Sequence[Pin], markers: Mapping[str, str], source: str) -> list[Pin]:
    """The pins that `roots` lead to, each once."""
    known: dict[str, list[Pin]] = {}
    for pin in pins:
        known.setdefault(pin.name, []).append(pin)
    found: dict[int, Pin] = {}
    seen: set[tuple[int, str]] = set()
    waiting = [need for need in roots if _holds(need.marker, markers)]
    while waiting:
        need = waiting.pop()
        for pin in _of(need, known, source):
            found[id(pin)] = pin
            for part in ("", *need.extras):
                if (id(pin), part) not in seen:
                    seen.add((id(pin), part))
                    more = pin.extras.get(part, ()) if part else pin.needs
                    waiting += [next_ for next_ in more if _holds(next_.marker, markers, part)]
    return list(found.values())


def _of(need: Need, known: Mapping[str, list[Pin]], source: str) -> list[Pin]:
    pins = known.get(need.name, [])
    if need.version is not None:
        pins = [pin for pin in pins if pin.version in (need.version, None)]
    if not pins:
        what = f"{need.name} {need.version}" if need.version else need.name
        raise UsageError(
            f"{source} needs `{what}` and has no such package for this base",
            hint="make it anew with the tool that wrote it",
        )
    return pins


def _holds(marker: str | None, environment: Mapping[str, str], extra: str = "") -> bool:
    if not marker:
        return True
    from packaging.markers import Marker

    return Marker(marker).evaluate({**environment, "extra": extra})


def _best(files: Sequence[PinnedFile], facts: Facts) -> PinnedFile | None:
    """The wheel that pip would take: of the newest build number among those with the best tag."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    order = {tag: number for number, tag in enumerate(facts.tags)}
    ranked = []
    for file in files:
        if not file.name.endswith(".whl"):
            continue
        try:
            _, _, build, tags = parse_wheel_filename(file.name)
        except InvalidWheelFilename:
            continue
        ranks = [order[str(tag)] for tag in tags if str(tag) in order]
        if ranks:
            ranked.append(((min(ranks), tuple(-part if isinstance(part, int) else 0 for part in build)), file))
    return min(ranked, key=lambda item: item[0])[1] if ranked else None


def _is_at_hand(file: PinnedFile) -> bool:
    """Whether it is known where the file is, and what is in it."""
    return bool(file.sha256 and (file.url or file.path))


def _wheel(file: PinnedFile) -> Wheel:
    assert file.sha256
    path = str(file.path) if file.path else None
    return Wheel(name=file.name, url=file.url, path=path, size=file.size, hashes={"sha256": file.sha256})
