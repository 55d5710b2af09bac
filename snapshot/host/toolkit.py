"""By which ways the engine can give GPUs to a container: NVIDIA's container toolkit as its runtime hook, or CDI.

- The hook: `docker run --gpus`. The engine knows it if `nvidia-container-runtime-hook` is on its PATH when it starts
  (moby `daemon/nvidia_linux.go`), and tells nobody; `docker info` names a runtime `nvidia` only if one was configured.
- CDI, the Container Device Interface: `docker run --device nvidia.com/gpu=0`, from Docker 25 on, for devices of the
  specifications in the folders that `docker info` names. With these alone `--gpus` fails on Docker 28.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from snapshot.document import Value

KIND = "nvidia.com/gpu"
_HOOK = "nvidia-container-runtime-hook"
_SERVICE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What systemd gives to services."""
_NAME = re.compile(r"""(?<!\w)["']?name["']?\s*:\s*["']?([\w.:-]+)""")


class Toolkit(Value, kw_only=True, frozen=True):
    """What can be seen of these ways."""

    hook: bool | None
    """Whether `--gpus` works; None when the engine is elsewhere, and its programs can't be looked for."""
    cdi: tuple[str, ...]
    """The CDI devices of NVIDIA's, as in `nvidia.com/gpu=0`."""
    is_here: bool = True
    """Whether the engine is on this host."""


def probe(info: Mapping[str, Any], environment: Mapping[str, str]) -> Toolkit:
    """What `info` (`docker info`), the caller's `environment` and this host's files say."""
    is_here = (environment.get("DOCKER_HOST") or "unix:").startswith("unix:")
    path = f"{environment.get('PATH', '')}:{_SERVICE_PATH}"
    has_hook = "nvidia" in (info.get("Runtimes") or {}) or (
        shutil.which(_HOOK, path=path) is not None if is_here else None
    )
    discovered = info.get("DiscoveredDevices")
    if discovered is None and is_here:
        # Engines that know CDI and do not list devices yet: the field came with version 1.50 of the API, Docker 28.2.
        cdi = [f"{KIND}={name}" for folder in info.get("CDISpecDirs") or () for name in _specified(Path(folder))]
    else:
        cdi = [device["ID"] for device in discovered or () if str(device.get("ID", "")).startswith(f"{KIND}=")]
    return Toolkit(hook=has_hook, cdi=tuple(dict.fromkeys(cdi)), is_here=is_here)


def _specified(folder: Path) -> list[str]:
    """The names of the devices in the specifications of NVIDIA's GPUs in `folder`, JSON or YAML."""
    names: list[str] = []
    with suppress(OSError, ValueError):  # the engine's word for it may be no path at all
        for file in sorted(folder.iterdir()):
            if file.suffix in (".json", ".yaml", ".yml"):
                words = file.read_text(encoding="utf-8", errors="replace")
                if KIND in words:
                    names += _NAME.findall(words)
    return names
