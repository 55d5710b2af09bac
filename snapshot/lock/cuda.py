"""The CUDA runtime that the locked packages bring along, and the driver that it expects.

Read from the pins, never from a framework's version: one version of a framework comes in several CUDA builds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any

from snapshot.finding import Finding
from snapshot.lock.document import Cuda, Package

_RUNTIMES = (
    "nvidia-cuda-runtime",
    "cuda-toolkit",
    "nvidia-cuda-runtime-cu13",
    "nvidia-cuda-runtime-cu12",
    "nvidia-cuda-runtime-cu11",
)
_LOCAL = re.compile(r"\+cu(?P<major>\d{2})(?P<minor>\d)\b")
FRAMEWORKS = (
    "catboost", "flax", "jax", "jaxlib", "keras", "lightgbm", "lightning", "mxnet", "onnxruntime", "onnxruntime-gpu",
    "paddlepaddle", "paddlepaddle-gpu", "pytorch-lightning", "scikit-learn", "tensorflow", "tensorflow-cpu", "torch",
    "torchvision", "transformers", "xgboost",
)  # fmt: skip


def runtime(packages: Iterable[Package]) -> Cuda | None:
    """The CUDA runtime among `packages`; the newest when there are several, None when there is none."""
    found = [
        (version, because) for package in packages if (version := version_of(package)) for because in [_said(package)]
    ]
    if not found:
        return None
    (major, minor), because = max(found)
    return Cuda(runtime=f"{major}.{minor}", driver_minimum=driver_floor(major), because=because)


def version_of(package: Package) -> tuple[int, int] | None:
    """The CUDA version that the pin of `package` tells, or None."""
    if package.name in _RUNTIMES:
        numbers = re.match(r"(\d+)\.(\d+)", package.version)
        return (int(numbers[1]), int(numbers[2])) if numbers else None
    local = _LOCAL.search(package.version)
    return (int(local["major"]), int(local["minor"])) if local else None


def driver_floor(major: int) -> str:
    """The oldest Linux driver that starts CUDA `major`; an unknown newer major has that of the newest known."""
    floors: dict[str, str] = _table()["driver-floor"]
    known = [int(number) for number in floors]
    return floors[str(major if major in known else max(known) if major > max(known) else min(known))]


def frameworks(packages: Iterable[Package]) -> dict[str, str]:
    """Name → version of the machine learning frameworks among `packages`."""
    return {package.name: package.version for package in packages if package.name in FRAMEWORKS}


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((resources.files("snapshot.lock") / "data/cuda.toml").read_text(encoding="utf-8"))


def _said(package: Package) -> str:
    return f"{package.name} {package.version}"


def driver_findings(driver: str, cuda: Cuda) -> tuple[Finding, ...]:
    """What `driver` (as in `535.104.05`) means for a lock's CUDA: `error` below the floor, `warning` below the full
    feature set, else one `ok`.
    """
    raise NotImplementedError


def covers(architectures: Sequence[str], capability: str) -> bool:
    """Whether code built for `architectures` (`sm_80`, `compute_90`) runs on a device of compute `capability` (`8.6`).

    Binary code runs on its major version from its minor one on, PTX (`compute_…`) on everything as new or newer;
    code for `sm_90a` and its like on exactly that. Nothing known covers everything.
    """
    raise NotImplementedError
