"""The base of a lock on an engine: under the name that FROM has, or the one that an archive brought it under."""

from __future__ import annotations

from snapshot import digest
from snapshot.errors import BuildError, IntegrityError, NetworkError
from snapshot.host.engine import Engine, Image
from snapshot.image.dockerfile import base_reference
from snapshot.lock.document import Lock

REPOSITORY = "snap-base"


def archived_reference(lock: Lock) -> str:
    """The name that an archive gives the base.

    Names by digest are the registry's to give: `docker load` can't bring them to every store.
    """
    if lock.base.digest is None:
        return lock.base.reference
    return f"{REPOSITORY}:{digest.hex_of(lock.base.digest)[:16]}"


def at_hand(engine: Engine, lock: Lock) -> Image | None:
    """The base as this engine has it: as FROM names it, or from an archive; whether it is the locked one is not said.

    An image of the archive's name counts only if it has the layers that were locked, since nothing else vouches for it.
    """
    named = engine.image(base_reference(lock))
    if named is not None or lock.base.digest is None:
        return named
    archived = engine.image(archived_reference(lock))
    return archived if archived is not None and archived.layers == lock.base.layers else None


def check(engine: Engine, lock: Lock, *, offline: bool = False) -> str:
    """Make sure that the engine has the base that was locked, and return its name; pulled when it is of a registry.

    Raises BuildError when it is not to be had, IntegrityError when the image of that name has other bytes.
    """
    reference, image = base_reference(lock), at_hand(engine, lock)
    if image is None and lock.base.digest is None:
        raise BuildError(
            f"the base image `{reference}` is not on this engine, and it is of no registry",
            hint="make it with `scripts/build-base`, bring it with `docker load`, or lock another with `snap lock`",
        )
    if image is None and offline:
        raise NetworkError(
            f"offline, and the base image `{reference}` is not on this engine",
            hint=f"run `docker pull {reference}` before",
        )
    image = image or engine.pull(reference)
    check_layers(lock, image)
    if lock.os_packages and image.user.partition(":")[0] not in ("", "root", "0"):
        raise BuildError(
            f"the base image `{reference}` runs as user `{image.user}`, and only root can install OS packages",
            hint="choose a base that runs as root, or one that has the packages already",
        )
    return image.reference


def check_layers(lock: Lock, image: Image) -> None:
    """Raise IntegrityError unless `image` begins with the layers of the base that was locked."""
    if image.layers[: len(lock.base.layers)] != lock.base.layers:
        raise IntegrityError(
            f"the base image `{lock.base.reference}` on this engine is not the one that was locked",
            hint="bring that one with `docker save` and `docker load`, or lock this one with `snap lock --upgrade`",
        )


def contexts(lock: Lock, name: str) -> dict[str, str]:
    """The build context that has FROM find the base under another `name` (`docker buildx build --build-context`)."""
    return {} if name == base_reference(lock) else {base_reference(lock): f"docker-image://{name}"}
