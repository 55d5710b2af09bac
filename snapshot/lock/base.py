"""The base image: which one, and what exactly it is."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from snapshot import digest
from snapshot.errors import NetworkError, ResolveError, UsageError
from snapshot.host.engine import Image
from snapshot.lock.document import Base, Lock
from snapshot.lock.wanted import Wanted, because, is_asked
from snapshot.project import python_version
from snapshot.project.python_version import VERSION_FILE, PythonChoice

LABEL_PYTHON = "org.snapshot-ml.base.python"
CONFIGURED = "configuration"
CHOSEN = "chosen"
OLDEST_EPOCH = 315532800
"""1980: the oldest time that a zip file can hold, for images that say no time of their own."""

# https://github.com/distribution/reference/blob/main/regexp.go
_WORD = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_WORD}(?:\.{_WORD})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DIGEST = r"(?:sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128})"
_REFERENCE = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{_DIGEST})?")

_NUMBER = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?")


class Engine(Protocol):
    """What choosing needs of `snapshot.host.engine.Engine`."""

    def image(self, reference: str) -> Image | None:
        """The image of that name, or None."""

    def images(self, *, repository: str, label: str) -> tuple[Image, ...]:
        """The images of that name that carry the label, newest first."""

    def pull(self, reference: str) -> Image:
        """Fetch it; raises NetworkError."""


def said(reference: str, because: str) -> str:
    """How `sources.base` of the lock names a choice."""
    return f"{reference} ({because})"


REPOSITORY = "snapshot-base"
"""What `scripts/build-base` names its images."""


def local(engine: Engine) -> dict[str, Image]:
    """The bases of `scripts/build-base` at hand: Python version → the newest, by the name that tells its content."""
    found: dict[str, list[Image]] = {}
    for image in engine.images(repository=REPOSITORY, label=LABEL_PYTHON):
        found.setdefault(image.labels[LABEL_PYTHON], []).append(image)
    return {python: _best(images) for python, images in found.items()}


def _best(images: Sequence[Image]) -> Image:
    """Of several: the newest, of these the one that also has the plain tag; by its content's tag where it has one."""
    newest = [image for image in images if image.created == max(i.created for i in images)]
    plain = {image.id for image in newest if not _tells_content(image)}
    current = [image for image in newest if image.id in plain] or newest
    return next((image for image in current if _tells_content(image)), current[0])


def _tells_content(image: Image) -> bool:
    return bool(image.layers) and image.reference.endswith("-" + digest.short(image.layers[0]))


def choose(
    engine: Engine, *, configured: str | None, python: PythonChoice, old: Base | None, at_hand: dict[str, Image]
) -> Image:
    """The base to lock on: the configured one, else the `old` lock's, else one at hand, else Docker Hub's.

    Raises NetworkError or ResolveError, with what to do, when it can't be had.
    """
    if configured:
        check_reference(configured)
        return kept(engine, old, configured) or engine.image(configured) or engine.pull(configured)
    if old and (image := kept(engine, old, old.reference)):
        return image
    if python.minor in at_hand:
        return at_hand[python.minor]
    # What pyenv happened to have may be on no registry.
    versions = dict.fromkeys([python.version, *([python.minor] if python.because == VERSION_FILE else [])])
    for version in versions:
        reference = f"python:{version}-slim-bookworm"
        try:
            return engine.image(reference) or engine.pull(reference)
        except NetworkError as problem:
            message = problem.message
    raise ResolveError(
        f"no base image with Python {python.version} at hand, and {message}", hint=_hint(python, at_hand)
    )


def check_reference(reference: str) -> None:
    """Raise UsageError when no engine or registry can have an image of that name."""
    if _REFERENCE.fullmatch(reference):
        return
    name = reference.partition("@")[0]
    lower = re.sub(r"^[^:@]*", lambda found: found[0].lower(), reference)
    hint = 'write it as in `base = "python:3.12-slim-bookworm"`'
    if "@" in reference and _REFERENCE.fullmatch(name):
        hint = "a digest is `sha256:` and 64 hexadecimal digits"
    elif _REFERENCE.fullmatch(lower):
        hint = f"names of images are lower case: `{lower}`"
    raise UsageError(f"the base `{reference}` is not an image reference", hint=hint)


def kept(engine: Engine, old: Base | None, reference: str) -> Image | None:
    """The image of `old`, if that has the name `reference` and is here, by tag or by digest, with the same layers."""
    if old is None or old.reference != reference:
        return None
    names = [reference, *([f"{reference.split('@')[0]}@{old.digest}"] if old.digest else [])]
    for name in names:
        image = engine.image(name)
        if image and image.layers == old.layers:
            return image
    return None


def pin(image: Image, reference: str) -> Base:
    """What the lock says of `image`."""
    if not image.layers:
        raise ResolveError(f"the base `{reference}` has no layers", hint="choose another `base`")
    return Base(
        reference=reference,
        digest=image.digest,
        layers=image.layers,
        os=image.os,
        architecture=image.architecture,
    )


def epoch(image: Image) -> int:
    """Seconds since 1970 of the image's making: no file of it is younger."""
    found = _NUMBER.match(image.created)
    if not found:
        return OLDEST_EPOCH
    moment = datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}{(found[3] or 'Z').replace('Z', '+00:00')}")
    return max(int(moment.timestamp()), OLDEST_EPOCH)


def _hint(python: PythonChoice, at_hand: dict[str, Image]) -> str:
    suites = {"3.11": "bookworm", "3.13": "trixie"}
    if python.minor in suites:
        return f"`scripts/build-base {suites[python.minor]}` in a checkout of snapshot makes one from Debian's packages"
    have = f"; at hand: Python {', '.join(sorted(at_hand))}" if at_hand else ""
    return f'`scripts/build-base` makes bases with Python 3.11 and 3.13, or name an image: `base = "…"`{have}'


def decide(
    wanted: Wanted, engine: Engine, old: Lock | None, environment: Mapping[str, str]
) -> tuple[Image, str, PythonChoice | None]:
    """The base's image, the name that the lock gives it, and the Python; None where a configured base decides."""
    requires = wanted.requirements.requires_python
    if wanted.base:
        python = wanted.python
        image = choose(
            engine,
            configured=wanted.base,
            python=python or PythonChoice(version="3", because="base"),
            old=old.base if old else None,
            at_hand={},
        )
        return image, wanted.base, python
    at_hand = local(engine)
    python = _again(old, wanted) or python_version.choose(
        wanted.python,
        requires_python=requires,
        bases=at_hand,
        current=None if wanted.python else python_version.in_use(environment),
    )
    same = old is not None and old.python.version.startswith(python.minor + ".")
    image = choose(engine, configured=None, python=python, old=old.base if old and same else None, at_hand=at_hand)
    return image, image.reference.split("@")[0], python


def _again(old: Lock | None, wanted: Wanted) -> PythonChoice | None:
    """The version that was picked before, where nothing asks for another: not what happens to be active today."""
    if (
        old is None
        or wanted.python
        or not python_version.allows(wanted.requirements.requires_python, old.python.version)
    ):
        return None
    chosen_by = because(old.sources.python)
    if chosen_by not in python_version.PICKED:
        return None
    return PythonChoice(version=old.sources.python.split(" ")[0], because=chosen_by)


def check_python(python: PythonChoice | None, version: str, reference: str, wanted: Wanted) -> None:
    """Raise when the base has another Python than is asked for or required."""
    if python and not f"{version}.".startswith(f"{python.minor}."):
        raise ResolveError(
            f"the base `{reference}` has Python {version}, and {python} is asked for",
            hint="change one of the two in the configuration",
        )
    if python and not is_asked(python, version):
        raise ResolveError(
            f"the base `{reference}` has Python {version}, and {python} is asked for",
            hint=f'write `python = "{python.minor}"`, or choose another base, '
            f'as in `base = "python:{python.version}-slim-bookworm"`',
        )
    if not python_version.allows(wanted.requirements.requires_python, version):
        raise ResolveError(
            f"the base `{reference}` has Python {version}, "
            f"and the project requires `{wanted.requirements.requires_python}`",
            hint="choose another `base` or `python` in the configuration",
        )


def expected(python: PythonChoice | None) -> str:
    """The Python as it can be told before the base is asked."""
    if python is None:
        return "of the base"
    return str(python) if python.because == python_version.CONFIGURED else f"{python.minor} ({python.because})"
