"""The CUDA that the locked packages or the base bring along, and the driver that it expects.

Read from the pins, never from a framework's version: one version of a framework comes in several CUDA builds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from snapshot.document import Value
from snapshot.finding import Finding, Severity
from snapshot.lock import drivers
from snapshot.lock.document import Cuda, Package

FRAMEWORKS = (
    "catboost", "flax", "jax", "jaxlib", "keras", "lightgbm", "lightning", "mxnet", "onnxruntime", "onnxruntime-gpu",
    "paddlepaddle", "paddlepaddle-gpu", "pytorch-lightning", "scikit-learn", "tensorflow", "tensorflow-cpu", "torch",
    "torchvision", "transformers", "xgboost",
)  # fmt: skip

OLDEST = 7
"""What has a lower version and the name of a CUDA package only keeps that name from others."""

_RUNTIME = re.compile(r"nvidia-cuda-runtime(?:-cu(?P<major>\d\d))?")
"""Without the suffix from CUDA 13 on."""
_NAMED = re.compile(r"[a-z0-9-]+-cu(?:da)?(?P<digits>\d{2,3})x?(?:mkl|-plugin|-pjrt)?")
"""`cupy-cuda12x`, `cupy-cuda102`, `jax-cuda12-plugin`, `mxnet-cu112`, `cudf-cu12`."""
_LOCAL = re.compile(r"(?<![a-z])cu(?:da)?(?P<digits>\d{2,3})(?!\d)")
"""In a local version (PEP 440): `cu124`, `cu102`, `cuda12.cudnn89`, `pt24cu121`."""
_LINKED = re.compile(r"cupy-cuda\w+|jax-cuda\d+-plugin")
"""What loads CUDA's libraries and does not bring them along."""
_NUMBERS = re.compile(r"(\d{1,3})\.(\d{1,3})(?:[.+-][0-9A-Za-z.+-]*)?", re.ASCII)
_REQUIRED = re.compile(r"cuda>=(\d{1,3}\.\d{1,3})\b", re.ASCII)


class _Told(Value, kw_only=True, frozen=True):
    """A CUDA that one package or the base tells of."""

    major: int
    minor: int | None
    because: str
    rank: int
    """How directly it tells: 0 the runtime itself, 1 the toolkit, then versions and names of what is built for it."""
    linked: bool = False

    def __str__(self) -> str:
        return str(self.major) if self.minor is None else f"{self.major}.{self.minor}"


def expectation(
    packages: Iterable[Package], base_environment: Mapping[str, str], *, warn: Callable[[str], None]
) -> Cuda | None:
    """The CUDA that the packages bring, else the base's (by its environment); None where there is none.

    Of several the newest, since its driver starts the older ones too. `warn` hears what may not work.
    """
    packages = tuple(packages)
    told = [found for package in packages if (found := _told(package))]
    of_base = _of_base(base_environment)
    majors = sorted({found.major for found in told})
    if len(majors) > 1:
        both = " and ".join(f"CUDA {major} ({_first(told, major).because})" for major in majors)
        warn(f"the packages are for more than one CUDA: {both}; each needs libraries and memory of its own")
    best = _first(told, majors[-1]) if majors else of_base
    if best is None:
        return None
    if best.minor is None and of_base and of_base.major == best.major:
        best = of_base
    for found in told:
        if found.linked and not any(_brings(other, found.major) for other in (*told, of_base)):
            warn(f"{found.because} uses CUDA {found}, and neither the packages nor the base bring it along")
    needed = drivers.needed(best.major, best.minor)
    if not needed.known:
        warn(f"CUDA {best} ({best.because}) is not in NVIDIA's tables of this version of snapshot: "
             f"it is taken to start with the driver {needed.minimum} and newer")  # fmt: skip
    environment = base_environment if best is of_base else {}
    return Cuda(
        runtime=str(best),
        because=best.because,
        driver_minimum=needed.minimum,
        driver_full=needed.full,
        cudnn=_library("cudnn", best.major, packages, environment),
        nccl=_library("nccl", best.major, packages, environment),
    )


def frameworks(packages: Iterable[Package]) -> dict[str, str]:
    """Name → version of the machine learning frameworks among `packages`."""
    return {package.name: package.version for package in packages if package.name in FRAMEWORKS}


def _told(package: Package) -> _Told | None:
    """What `package` tells of the CUDA that it is for."""
    because = f"{package.name} {package.version}"
    runtime = _RUNTIME.fullmatch(package.name)
    if runtime or package.name == "cuda-toolkit":
        numbers = _NUMBERS.fullmatch(package.version)
        if numbers and int(numbers[1]) >= OLDEST:
            return _Told(major=int(numbers[1]), minor=int(numbers[2]), because=because, rank=0 if runtime else 1)
    local = _LOCAL.search(package.version.partition("+")[2])
    found = local or _NAMED.fullmatch(package.name)
    if not found:
        return None
    major, minor = _numbers(found["digits"])
    rank = 2 if local else 4 if package.name.startswith("nvidia-") else 3
    return _Told(major=major, minor=minor, because=because, rank=rank, linked=bool(_LINKED.fullmatch(package.name)))


def _numbers(digits: str) -> tuple[int, int | None]:
    """`124` is 12.4, `92` is 9.2, `12` is all of 12."""
    if len(digits) == 2 and int(digits) < 80:
        return int(digits), None
    return int(digits[:-1]), int(digits[-1])


def _first(told: Iterable[_Told], major: int) -> _Told:
    """Of what tells of CUDA `major`: the newest, as it is told most directly."""
    of_major = [found for found in told if found.major == major]
    return min(of_major, key=lambda found: (found.minor is None, -(found.minor or 0), found.rank, found.because))


def _brings(found: _Told | None, major: int) -> bool:
    """Whether CUDA's libraries come along."""
    return found is not None and found.rank < 2 and found.major == major


def _of_base(environment: Mapping[str, str]) -> _Told | None:
    """The CUDA of the base's own, as NVIDIA's images say it."""
    # NVIDIA's own images have both, what others make may have only what the container toolkit reads.
    version = environment.get("CUDA_VERSION", "")
    required = _REQUIRED.match(environment.get("NVIDIA_REQUIRE_CUDA", ""))
    for name, text in (("CUDA_VERSION", version), ("NVIDIA_REQUIRE_CUDA", required[1] if required else "")):
        numbers = _NUMBERS.fullmatch(text)
        if numbers and int(numbers[1]) >= OLDEST:
            because = f"{name} {text} of the base"
            return _Told(major=int(numbers[1]), minor=int(numbers[2]), because=because, rank=0)
    return None


def _library(name: str, major: int, packages: Iterable[Package], environment: Mapping[str, str]) -> str | None:
    """The version of `cudnn` or `nccl` that the packages bring for CUDA `major`, else the base's."""
    for package in packages:
        if package.name in (f"nvidia-{name}-cu{major}", f"nvidia-{name}"):
            return package.version
    for variable in (f"NV_{name.upper()}_VERSION", f"{name.upper()}_VERSION"):
        numbers = re.match(r"\d+(?:\.\d+)+", environment.get(variable, ""), re.ASCII)
        if numbers:
            return numbers[0]
    return None


def driver_findings(driver: str, cuda: Cuda) -> tuple[Finding, ...]:
    """What `driver` (as in `535.104.05`) means for a lock's CUDA: `error` below the floor, `warning` below the full
    feature set, else one `ok`.
    """
    has, floor = drivers.number(driver), drivers.number(cuda.driver_minimum)
    if has is None:
        shown = driver.strip()[:40] or "empty"
        return _finding("warning", f"the driver's version can't be read: it is {shown!r}", "see `nvidia-smi`")
    if floor is not None and has < floor:
        return _finding(
            "error",
            f"the driver {driver} is too old for CUDA {cuda.runtime} ({cuda.because}): "
            f"it needs {cuda.driver_minimum} or newer",
            f"update the NVIDIA driver{_or_older(has)}",
        )
    full = drivers.number(cuda.driver_full) if cuda.driver_full else None
    if full is not None and has < full:
        return _finding(
            "warning",
            f"the driver {driver} is older than CUDA {cuda.runtime} ({cuda.because}), which came with "
            f"{cuda.driver_full}: it starts, and what is new in that CUDA may fail",
            f"should it fail, update the NVIDIA driver to {cuda.driver_full} or newer",
        )
    return _finding("ok", f"the driver {driver} has all that CUDA {cuda.runtime} needs")


def _finding(severity: Severity, message: str, remedy: str | None = None) -> tuple[Finding]:
    return (Finding(check="driver", severity=severity, message=message, remedy=remedy),)


def _or_older(driver: tuple[int, ...]) -> str:
    newest = drivers.newest_for(driver)
    return f", or ask for packages that are built for CUDA {newest}" if newest else ""


_ARCHITECTURE = re.compile(r"(?P<kind>sm|compute)_(?P<major>\d{1,3})(?P<minor>\d)(?P<only>[af]?)", re.ASCII)


def covers(architectures: Sequence[str], capability: str) -> bool:
    """Whether code built for `architectures` (`sm_80`, `compute_90`) runs on a device of compute `capability` (`8.6`).

    Binary code runs on its major version from its minor one on, PTX (`compute_…`) on everything as new or newer;
    code for `sm_90a` and its like on exactly that, for `sm_100f` on its major version. Nothing known covers everything.
    """
    # CUDA C++ Programming Guide, "Binary Compatibility", "PTX Compatibility", "Architecture-Specific Features".
    device = re.fullmatch(r"(\d{1,3})\.(\d)", capability, re.ASCII)
    built = [found for name in architectures if (found := _ARCHITECTURE.fullmatch(name))]
    if not device or not built:
        return True
    has = int(device[1]), int(device[2])
    return any(_runs(found, has) for found in built)


def _runs(built: re.Match[str], has: tuple[int, int]) -> bool:
    needs = int(built["major"]), int(built["minor"])
    if built["only"] == "a":
        return has == needs
    if built["kind"] == "sm" or built["only"] == "f":
        return has[0] == needs[0] and has >= needs
    return has >= needs
