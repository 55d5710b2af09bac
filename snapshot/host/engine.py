"""The Docker engine through the docker SDK: images, containers, volumes. Containers are started in `container`.

What is only asked of images needs no SDK, see `engine_socket`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from snapshot.document import Value
from snapshot.errors import EngineError, NetworkError
from snapshot.host import trail
from snapshot.host.container import UPGRADE_HINT, refused, said, silent, unreachable

if TYPE_CHECKING:
    import docker

OLDEST = 23
"""Docker 23 is the first whose `docker build` is BuildKit with named contexts and SOURCE_DATE_EPOCH."""


class Image(Value, kw_only=True, frozen=True):
    """An image as the engine has it."""

    id: str
    """Digest of the configuration (overlay2 store) or of the manifest (containerd store)."""
    reference: str
    layers: tuple[str, ...]
    """Diff IDs, base first: the same on every engine and store."""
    digest: str | None
    """Digest in the registry that it came from."""
    created: str
    """RFC 3339."""
    os: str
    architecture: str
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    user: str = ""
    """Who runs in it (`USER`); empty is root."""
    size: int = 0


class State(Value, kw_only=True, frozen=True):
    """A container's state as `docker inspect` tells it."""

    id: str
    name: str
    status: str
    """created, running, paused, restarting, removing, exited or dead."""
    pid: int
    exit_code: int
    oom_killed: bool
    error: str
    started: str
    finished: str
    image: str
    labels: Mapping[str, str]
    mounts: tuple[str, ...] = ()
    device_requests: int = 0
    """How many requests for devices, GPUs or CDI's, the engine took with it."""

    @property
    def has_started(self) -> bool:
        """Whether its process ever ran."""
        return not self.started.startswith("0001-")

    @property
    def is_over(self) -> bool:
        """Whether its process ran and has ended."""
        return self.status in ("exited", "dead")


class Followed:
    """What a container prints, in chunks as it prints them."""

    def __init__(self, stream: Any, asking: Callable[[], AbstractContextManager[Any]]) -> None:
        self._stream, self._asking = stream, asking

    def __iter__(self) -> Iterator[bytes]:
        """Raises EngineError when the engine says nothing any more."""
        with self._asking():
            yield from self._stream

    def close(self) -> None:
        """End it, from any thread."""
        with suppress(OSError, AttributeError):  # the latter where it has ended by itself
            self._stream.close()


class Engine:
    """The engine that DOCKER_HOST or the default socket names.

    Every method raises EngineError when no engine answers, or no longer, or not within `timeout` seconds.
    """

    def __init__(self, *, timeout: int = 120) -> None:
        self.timeout = timeout

    @cached_property
    def client(self) -> docker.DockerClient:
        """The SDK's client; raises EngineError also when the engine is too old."""
        import docker
        import docker.errors

        try:
            client = docker.from_env(timeout=self.timeout)
            client.api.hooks["response"].append(trail.response)
            version = str(client.version()["Version"])
        except (docker.errors.DockerException, OSError) as problem:
            if "Permission" in str(problem):
                raise refused("permission denied while talking to docker.sock") from None
            raise (silent(self.timeout) if "timed out" in str(problem) else unreachable()) from None
        except (LookupError, TypeError, ValueError):
            # Something answers, and not as an engine does.
            raise unreachable() from None
        # Builds from a source tree name no number.
        major = re.match(r"\d+", version)
        if major and int(major[0]) < OLDEST:
            raise EngineError(
                f"the Docker engine is version {version}, and {OLDEST} or newer is needed", hint=UPGRADE_HINT
            )
        return client

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        """The SDK's low-level client, its connection errors turned into ours."""
        api = self.client.api
        import docker.errors
        import requests
        import urllib3

        try:
            yield api
        except requests.exceptions.ReadTimeout:
            raise silent(self.timeout) from None
        except (requests.exceptions.ConnectionError, urllib3.exceptions.ProtocolError):
            raise unreachable() from None
        except docker.errors.APIError as problem:
            raise EngineError(f"the engine refused: {said(str(problem.explanation or problem))}") from None

    def info(self) -> dict[str, Any]:
        """`docker info`: version, storage driver, runtimes, devices."""
        from snapshot.host import engine_socket

        answer = engine_socket.info(timeout=self.timeout)
        if answer and answer.status == 200:
            return dict(answer.value)
        with self._asking() as api:
            return dict(api.info())

    def image(self, reference: str) -> Image | None:
        """The image that `reference` (name, tag, digest or ID) names here, or None."""
        from snapshot.host import engine_socket

        answer = engine_socket.image(reference, timeout=self.timeout)
        if answer and answer.status in (200, 404):
            return _image(reference, answer.value) if answer.status == 200 else None
        import docker.errors

        with self._asking() as api:
            try:
                return _image(reference, api.inspect_image(reference))
            except docker.errors.ImageNotFound:
                return None

    def images(self, *, repository: str, label: str) -> tuple[Image, ...]:
        """The images of that name, by their tags, that carry `label` (`key` or `key=value`), newest first."""
        # What is built on an image inherits its labels: there is one such image for each lock.
        found = self._listed({"label": [label], "reference": [repository]})
        tags = (tag for item in found for tag in item.get("RepoTags") or () if tag.startswith(f"{repository}:"))
        images = [image for image in map(self.image, tags) if image is not None]
        return tuple(sorted(images, key=lambda i: (i.created, i.reference), reverse=True))

    def _listed(self, filters: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
        """The images that `docker image ls --filter` lists."""
        from snapshot.host import engine_socket

        answer = engine_socket.images(filters, timeout=self.timeout)
        if answer and answer.status == 200:
            return list(answer.value)
        with self._asking() as api:
            return list(api.images(filters=filters))

    def pull(self, reference: str) -> Image:
        """Fetch `reference` from its registry; raises NetworkError when that can't be done."""
        import docker.errors

        with self._asking():
            try:
                self.client.images.pull(reference)
            except docker.errors.APIError as problem:
                raise NetworkError(
                    f"`{reference}` can't be pulled: {said(str(problem.explanation or problem))}",
                    hint="check the name and `docker login`; `scripts/build-base` makes a base without any registry",
                ) from None
        image = self.image(reference)
        assert image is not None
        return image

    def save(self, reference: str) -> Iterator[bytes]:
        """The image as `docker save` writes it, in chunks: a tar, from Docker 25 on an OCI layout.

        Raises EngineError also when there is no such image.
        """
        with self._asking() as api:
            yield from api.get_image(reference)

    def load(self, tar: Iterator[bytes]) -> None:
        """Take the images of a tar that `save` wrote, with their names."""
        with self._asking() as api:
            for line in api.load_image(tar, quiet=True):
                if "error" in line:
                    raise EngineError(f"the engine can't load the image: {said(str(line['error']))}")

    def ask_registry(self, reference: str) -> str:
        """The digest of `reference` in its registry, as the engine is told it with its own proxy and certificates;
        raises NetworkError when that can't be had. Nothing is pulled.
        """
        import docker.errors
        import requests

        with self._asking() as api:
            try:
                return str(api.inspect_distribution(reference)["Descriptor"]["digest"])
            except requests.exceptions.ReadTimeout:
                why = f"no answer within {self.timeout} s"
            except docker.errors.APIError as problem:
                why = said(str(problem.explanation or problem))
        raise NetworkError(f"the engine can't ask the registry for `{reference}`: {why}")

    def container(self, name: str) -> State | None:
        """The state of the container `name` (or ID), or None when there is none."""
        import docker.errors

        with self._asking() as api:
            try:
                return _state(api.inspect_container(name))
            except docker.errors.NotFound:
                return None

    def ended(self, label: str) -> tuple[State, ...]:
        """The containers with `label` (`key=value`) whose process has ended."""
        with self._asking() as api:
            found = api.containers(all=True, filters={"label": label, "status": "exited"})
        return tuple(state for one in found if (state := self.container(one["Id"])) is not None)

    def kill(self, name: str, signal: str) -> bool:
        """Send `signal`; False when the container does not run."""
        import docker.errors

        with self._asking() as api:
            try:
                api.kill(name, signal)
            except docker.errors.APIError:
                return False
        return True

    def logs(self, name: str, *, follow: bool = False) -> Iterator[bytes]:
        """What the container printed, both streams as the engine read them, in chunks; with `follow` to its end."""
        with self._asking():
            yield from self.client.containers.get(name).logs(stream=True, follow=follow)

    def follow(self, name: str, *, tail: int) -> Followed:
        """The same from its last `tail` pieces on, until the container ends or nobody wants more."""
        with self._asking():
            stream = self.client.containers.get(name).logs(stream=True, follow=True, tail=tail)
        return Followed(stream, self._asking)

    def remove(self, name: str) -> None:
        """Remove a container, running or not; nothing happens when it is gone."""
        import docker.errors

        with self._asking() as api:
            try:
                api.remove_container(name, v=True, force=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as problem:
                # 409: somebody else removes it at this moment.
                if problem.status_code != 409:
                    raise EngineError(f"container `{name}` can't be removed: {problem.explanation}") from None

    def remove_volume(self, name: str) -> None:
        """Remove a volume; nothing happens when it is gone or in use."""
        import docker.errors

        with self._asking() as api, suppress(docker.errors.APIError):
            api.remove_volume(name)

    def tag(self, image: str, reference: str) -> None:
        """Give `image` one more name."""
        repository, _, name = reference.rpartition(":")
        if not repository or "/" in name:
            repository, name = reference, "latest"
        with self._asking() as api:
            api.tag(image, repository, name)

    def untag(self, reference: str) -> None:
        """Take the name away, and the image with it when it has no other; nothing happens when there is none."""
        import docker.errors

        with self._asking() as api:
            try:
                api.remove_image(reference)
            except docker.errors.ImageNotFound:
                return
            except docker.errors.APIError as problem:
                raise EngineError(f"`{reference}` can't be removed: {problem.explanation}") from None


def _image(reference: str, found: Mapping[str, Any]) -> Image:
    config = found.get("Config") or {}
    digests: Sequence[str] = found.get("RepoDigests") or ()
    repository = (
        reference.split("@")[0].rsplit(":", 1)[0] if ":" in reference.split("/")[-1] else reference.split("@")[0]
    )
    digest = next((d.split("@")[1] for d in digests if d.split("@")[0] == repository), None)
    environment = dict(item.split("=", 1) for item in config.get("Env") or () if "=" in item)
    return Image(
        id=found["Id"],
        reference=reference,
        layers=tuple(found.get("RootFS", {}).get("Layers") or ()),
        digest=digest,
        created=found.get("Created") or "",
        os=found.get("Os", ""),
        architecture=found.get("Architecture", ""),
        environment=environment,
        labels=dict(config.get("Labels") or {}),
        user=config.get("User") or "",
        size=int(found.get("Size") or 0),
    )


def _state(found: Mapping[str, Any]) -> State:
    state = found["State"]
    return State(
        id=found["Id"],
        name=found["Name"].removeprefix("/"),
        status=state["Status"],
        pid=state["Pid"],
        exit_code=state["ExitCode"],
        oom_killed=state["OOMKilled"],
        error=state["Error"],
        started=state["StartedAt"],
        finished=state["FinishedAt"],
        image=found["Image"],
        labels=dict(found["Config"].get("Labels") or {}),
        device_requests=len(found["HostConfig"].get("DeviceRequests") or ()),
    )
