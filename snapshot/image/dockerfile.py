"""The Dockerfile of a lock: pure, the same lock always gives the same text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from snapshot import digest, resources
from snapshot.document import Value
from snapshot.lock.document import Lock, Package

REPOSITORY = "snap"
LOCK_LABEL = "org.snapshot-ml.lock"

LARGE = 40_000_000
"""From this size on, in bytes, a wheel has a layer of its own."""
TIERS = (("medium", 1_000_000), ("small", 200_000), ("tiny", 0))
"""The other layers and the size from which a wheel belongs to them. What comes after a changed layer is built anew,
and most packages are small: adding one touches the last layers only."""


class Layer(Value, kw_only=True, frozen=True):
    """What one RUN installs."""

    context: str
    """Name of the build context that holds its wheels. Each layer has one of its own: out of a common one, BuildKit
    now and then fetches again what it has, since it keeps files by the name of the context."""
    packages: tuple[Package, ...]

    @property
    def title(self) -> str:
        """For people: the package, or how many."""
        if len(self.packages) == 1:
            return f"{self.packages[0].name} {self.packages[0].version}"
        return f"{len(self.packages)} {self.context.removeprefix('wheels-')} packages"


def image_reference(lock: Lock) -> str:
    """Name and tag of the image of `lock`."""
    return reference_of(lock.digest)


def reference_of(lock: str) -> str:
    """The same, of the lock with that identity."""
    return f"{REPOSITORY}:{digest.hex_of(lock)[:16]}"


def base_reference(lock: Lock) -> str:
    """The base as FROM names it: by digest if it is of a registry, by its tag if only the engine has it."""
    return f"{lock.base.reference.split('@')[0]}@{lock.base.digest}" if lock.base.digest else lock.base.reference


def layers(lock: Lock, sizes: Mapping[str, int]) -> tuple[Layer, ...]:
    """The layers of the image, largest wheels first; `sizes` has the size of every file by its name."""
    by_size = sorted(lock.packages, key=lambda p: (-sizes[p.wheel.name], p.name))
    out = [Layer(context=f"wheel-{p.name}", packages=(p,)) for p in by_size if sizes[p.wheel.name] >= LARGE]
    upper = LARGE
    for tier, lower in TIERS:
        group = [p for p in by_size if lower <= sizes[p.wheel.name] < upper]
        if group:
            out.append(Layer(context=f"wheels-{tier}", packages=tuple(sorted(group, key=lambda p: p.name))))
        upper = lower
    return tuple(out)


def titles(lock: Lock, sizes: Mapping[str, int]) -> tuple[str, ...]:
    """What each RUN installs, in their order, for people."""
    count = len(lock.os_packages)
    debs = (f"{count} OS package{'s' * (count > 1)}",) if count else ()
    return (*debs, *(layer.title for layer in layers(lock, sizes)))


def render(lock: Lock, sizes: Mapping[str, int]) -> str:
    """The Dockerfile of `lock`; `sizes` has the size of every file by its name."""
    return resources.render("Dockerfile.j2", **_values(lock, layers(lock, sizes)), tag=image_reference(lock))


def platform(lock: Lock, steps: tuple[Layer, ...], *, base: str) -> str:
    """The part of it that makes the platform, for a Dockerfile that has more: `base` is what FROM names.

    The layers come out as those of `render`; stages of that Dockerfile can be the build contexts.
    """
    return resources.render("platform.j2", **{**_values(lock, steps), "base": base})


def _values(lock: Lock, steps: tuple[Layer, ...]) -> dict[str, object]:
    return {
        "digest": lock.digest,
        "epoch": lock.source_date_epoch,
        "base": base_reference(lock),
        "python": json.dumps(lock.python.executable),
        "debs": [(f"{p.name}={p.version} {p.architecture}", f"sha256:{p.sha256}") for p in lock.os_packages],
        "layers": steps,
        "environment": [f"{key}={json.dumps(value)}" for key, value in _environment(lock)],
        "labels": [f"{key}={json.dumps(value)}" for key, value in _labels(lock)],
    }


def _environment(lock: Lock) -> list[tuple[str, str]]:
    """What NVIDIA's container toolkit reads."""
    if lock.cuda is None:
        return []
    return [("NVIDIA_REQUIRE_CUDA", f"cuda>={lock.cuda.major}.0"), ("NVIDIA_DRIVER_CAPABILITIES", "compute,utility")]


def _labels(lock: Lock) -> list[tuple[str, str]]:
    """The OCI image-spec's annotations, and what `snap` finds its images by."""
    created = datetime.fromtimestamp(lock.source_date_epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = [
        ("org.opencontainers.image.title", image_reference(lock)),
        ("org.opencontainers.image.description", "Platform of a training, made by snapshot from its lock"),
        ("org.opencontainers.image.created", created),
        ("org.opencontainers.image.base.name", lock.base.reference),
    ]
    if lock.base.digest:
        labels.append(("org.opencontainers.image.base.digest", lock.base.digest))
    return [*labels, (LOCK_LABEL, lock.digest)]
