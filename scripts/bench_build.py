"""Building, side by side with a plain Dockerfile that `pip install`s the same files in one RUN.

On numpy, pandas, scikit-learn, matplotlib and torch, in the engine that DOCKER_HOST names. Called by scripts/bench.
"""

from __future__ import annotations

import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import platformdirs
from bench_table import Row, in_turns

from snapshot.host.engine import Engine
from snapshot.image.build import build
from snapshot.image.dockerfile import image_reference
from snapshot.lock.document import Base, Lock, OperatingSystem, Package, Python, Sources, Wheel

BASE = "snapshot-base:bookworm"
STACK = ["numpy", "pandas", "scikit-learn", "matplotlib", "torch==2.13.0"]
PIP = "snap-bench:pip"
PLAIN = "snap-bench:plain"
WITH_PIP = f"""\
FROM {BASE}
RUN --mount=type=bind,from=wheels,target=/mnt \\
    python3 /mnt/pip.whl/pip install --no-index --ignore-installed --break-system-packages /mnt/pip-*.whl
"""
WITH_STACK = f"""\
FROM {PIP}
RUN --network=none --mount=type=bind,from=wheels,target=/mnt \\
    pip install --no-index --no-deps --no-cache-dir --break-system-packages --root-user-action=ignore /mnt/*.whl
"""
IMPORT = "import time; t = time.perf_counter(); import torch; print(time.perf_counter() - t)"


def measure(rounds: int = 3) -> list[Row]:
    """All rows, in the engine that the environment names."""
    engine = Engine()
    stack, pip = download("stack", *STACK), download("pip", "pip")
    with tempfile.TemporaryDirectory(dir=cache()) as scratch:
        work = Path(scratch)
        (work / "pip").mkdir()
        for name in ("pip.whl", pip[0].name):
            (work / "pip" / name).hardlink_to(pip[0])
        docker_build(WITH_PIP, PIP, work / "pip")
        lock = lock_of(engine, stack)
        build(engine, lock, cache_dir=cache() / "snap")
        plain, cold = in_turns(
            rounds,
            lambda _: docker_build(WITH_STACK, PLAIN, stack[0].parent, "--no-cache"),
            lambda _: build(engine, lock, cache_dir=cache() / "snap", no_cache=True),
        )
        more = [lock_of(engine, [*stack, tiny(work, n)]) for n in range(rounds)]
        (added,) = in_turns(rounds, lambda n: build(engine, more[n], cache_dir=cache() / "snap"))
        theirs, ours = [], []
        for _ in range(rounds * 2 + 1):
            theirs.append(importing(PLAIN))
            ours.append(importing(image_reference(lock)))
        for reference in (PLAIN, PIP, *map(image_reference, more)):
            engine.untag(reference)
    # The first of each kind warms the page cache.
    first, second = statistics.median(ours[1:]), statistics.median(theirs[1:])
    floor = "plain Dockerfile, pip in one RUN"
    return [
        Row(what="cold build of 28 wheels with torch", ours=cold, floor=floor, theirs=plain, goal=0.4),
        Row(what="build after one small package is added", ours=added, floor=floor, theirs=plain, goal=0.05),
        Row(what="`import torch` in a fresh container", ours=first, floor="with pip's `.pyc`", theirs=second, goal=1.0),
    ]


def cache() -> Path:
    folder = Path(platformdirs.user_cache_dir("snapshot")) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def download(name: str, *requirements: str) -> list[Path]:
    """The wheels of `requirements` with all that they need, for the base's Python; downloaded once."""
    folder = cache() / name
    if not folder.is_dir():
        partial = folder.with_suffix(".partial")
        options = ["--only-binary", ":all:", "--python-version", "3.11", "--dest", str(partial)]
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *options, *requirements], check=True)
        partial.rename(folder)
    return sorted(folder.glob("*.whl"))


def docker_build(dockerfile: str, tag: str, wheels: Path, *options: str) -> None:
    command = ["docker", "buildx", "build", "--quiet", "--provenance=false", *options]
    subprocess.run(
        [*command, "--tag", tag, "--load", f"--build-context=wheels={wheels}", "-"],
        input=dockerfile.encode(), check=True, capture_output=True,
    )  # fmt: skip


def importing(image: str) -> float:
    """Seconds that `import torch` takes in a container of `image` that has just been made."""
    command = ["docker", "run", "--rm", "--network=none", image, "python3", "-c", IMPORT]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def tiny(folder: Path, number: int) -> Path:
    """A small pure-Python wheel that was never installed before."""
    version = f"{time.time_ns()}.{number}"
    wheel = folder / f"bench_tiny-{version}-py3-none-any.whl"
    info = f"bench_tiny-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(20):
            archive.writestr(f"bench_tiny/m{n}.py", f"def f():\n    return {n}\n" * 100)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: bench-tiny\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def lock_of(engine: Engine, wheels: list[Path]) -> Lock:
    base = engine.image(BASE)
    if base is None:
        sys.exit(f"error: there is no `{BASE}` on this engine\nhint: run `scripts/build-base`")
    return Lock(
        source_date_epoch=int(base.labels["org.snapshot-ml.base.epoch"]),
        sources=Sources(requirements=(), base=BASE, python="3.11", resolver="none"),
        base=Base(reference=BASE, layers=base.layers, os=base.os, architecture=base.architecture),
        os=OperatingSystem(id="debian", version="12", name="Debian GNU/Linux 12"),
        python=Python(version="3.11.2", implementation="cpython", build="", executable="/usr/bin/python3", platform=""),
        packages=tuple(map(package_of, wheels)),
    )


def package_of(file: Path) -> Package:
    name, version = file.name.split("-")[:2]
    hashes = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    wheel = Wheel(name=file.name, path=str(file), size=file.stat().st_size, hashes=hashes)
    return Package(name=name.lower().replace("_", "-"), version=version, wheels=(wheel,))
