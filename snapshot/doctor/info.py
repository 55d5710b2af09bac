"""What an engine says of itself (`docker info`), read so that nothing which it leaves out or gets wrong is in the way.

The fields: https://docs.docker.com/reference/api/engine/, `GET /info`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from snapshot.document import Value


class Info(Value, kw_only=True, frozen=True):
    """The part of it that decides something here; what is not known is empty."""

    id: str = ""
    name: str = ""
    """The host name of its machine."""
    version: str = ""
    system: str = ""
    """Of its machine: `Debian GNU/Linux 12 (bookworm)`, `Docker Desktop`."""
    kernel: str = ""
    driver: str = ""
    """Where images are kept: `overlay2`, `overlayfs` (containerd) …"""
    root: str = ""
    """The folder of its data, on its machine."""
    cgroup: str = ""
    """1 or 2."""
    cgroup_driver: str = ""
    security: tuple[str, ...] = ()
    """As in `name=rootless`, `name=seccomp,profile=builtin`."""
    runtimes: tuple[str, ...] = ()
    devices: tuple[str, ...] | None = None
    """CDI devices, as in `nvidia.com/gpu=all`; None of an engine that does not list them."""
    cdi_folders: tuple[str, ...] = ()
    proxies: Mapping[str, str] = msgspec.field(default_factory=dict)
    """`http`, `https`, `no`: those that it pulls through."""
    time: str = ""
    """RFC 3339."""
    warnings: tuple[str, ...] = ()

    def is_secured_by(self, name: str) -> bool:
        """Whether `name` (rootless, userns, seccomp …) is among its security options."""
        return any(option.split(",")[0] == f"name={name}" for option in self.security)


def read(found: object) -> Info:
    """The answer to `GET /info`, or what stands in its place."""
    said = found if isinstance(found, Mapping) else {}
    proxies = {"http": _text(said, "HttpProxy"), "https": _text(said, "HttpsProxy"), "no": _text(said, "NoProxy")}
    runtimes = said.get("Runtimes")
    devices = said.get("DiscoveredDevices")
    return Info(
        id=_text(said, "ID"),
        name=_text(said, "Name"),
        version=_text(said, "ServerVersion"),
        system=_text(said, "OperatingSystem"),
        kernel=_text(said, "KernelVersion"),
        driver=_text(said, "Driver"),
        root=_text(said, "DockerRootDir"),
        cgroup=_text(said, "CgroupVersion"),
        cgroup_driver=_text(said, "CgroupDriver"),
        security=_texts(said.get("SecurityOptions")),
        runtimes=tuple(str(name) for name in runtimes) if isinstance(runtimes, Mapping) else (),
        devices=tuple(_text(item, "ID") for item in devices if isinstance(item, Mapping))
        if isinstance(devices, list)
        else None,
        cdi_folders=_texts(said.get("CDISpecDirs")),
        proxies={scheme: value for scheme, value in proxies.items() if value},
        time=_text(said, "SystemTime"),
        warnings=_texts(said.get("Warnings")),
    )


def _text(said: Mapping[object, object], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
