"""Images built from locks by real engines: the same from everywhere, quickly, and without network."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from snapshot.errors import BuildError, EngineError, IntegrityError, NetworkError
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.image.build import Event, build, build_folder, check, present
from snapshot.image.dockerfile import base_reference, image_reference, layers
from snapshot.image.fetch import fetch
from snapshot.image.tools import folder as tools_folder
from snapshot.lock.document import Base, Lock, OperatingSystem, Package, Python, Sources, Wheel
from snapshot.lock.files import cache_path

BASE = "snapshot-base:bookworm"
Use = Callable[[dict[str, str]], Engine]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """numpy in a layer of the middle, the others in the last ones."""
    folder = tmp_path_factory.mktemp("wheels")
    names = ["numpy==2.2.6", "joblib==1.4.2", "click==8.1.8", "six==1.17.0"]
    options = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.11", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *options, *names]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def lock_of(engine: Engine, wheels: Path, *names: str, reference: str = BASE) -> Lock:
    base = engine.image(reference)
    assert base is not None
    packages = []
    for name in names:
        (file,) = wheels.glob(f"{name}-*.whl")
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        wheel = Wheel(name=file.name, path=str(file), size=file.stat().st_size, hashes={"sha256": sha256})
        packages.append(Package(name=name, version=file.name.split("-")[1], wheels=(wheel,)))
    return Lock(
        source_date_epoch=int(base.labels["org.snapshot-ml.base.epoch"]),
        sources=Sources(requirements=names, base=reference, python="3.11", resolver="none"),
        base=Base(reference=reference, layers=base.layers, os=base.os, architecture=base.architecture),
        os=OperatingSystem(id="debian", version="12", name="Debian GNU/Linux 12"),
        python=Python(
            version="3.11.2",
            implementation="cpython",
            build="",
            executable="/usr/bin/python3",
            platform="manylinux_2_36_x86_64",
        ),
        packages=tuple(packages),
    )


def inside(reference: str, *command: str) -> str:
    argv = ["docker", "run", "--rm", "--network=none", reference, *command]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_the_packages_work_and_are_compiled(here: Engine, wheels: Path, cache: Path) -> None:
    lock = lock_of(here, wheels, "numpy", "click", "six")
    built = build(here, lock, cache_dir=cache)
    assert built.reference == image_reference(lock)
    code = "import numpy, click, six, os; print(numpy.ones(3).sum(), os.path.exists(six.__cached__))"
    assert inside(built.reference, "python3", "-c", code) == "3.0 True\n"
    image = present(here, lock)
    assert image is not None
    assert image.labels["org.snapshot-ml.lock"] == lock.digest
    assert image.layers[: len(lock.base.layers)] == lock.base.layers
    assert inside(built.reference, "ls", "-A", "/mnt") == ""


def test_what_is_there_is_not_built(here: Engine, wheels: Path, cache: Path) -> None:
    lock = lock_of(here, wheels, "six")
    build(here, lock, cache_dir=cache)
    events: list[Event] = []
    again = build(here, lock, cache_dir=cache, progress=events.append, tag="snap-test:named")
    assert again.was_there
    assert not events
    assert again.seconds < 0.3
    named = here.image("snap-test:named")
    assert named is not None and named.id == again.id
    here.untag("snap-test:named")


def test_the_same_from_clean(here: Engine, wheels: Path, cache: Path, tmp_path: Path) -> None:
    lock = lock_of(here, wheels, "numpy", "joblib", "six")
    first = build(here, lock, cache_dir=cache, no_cache=True)
    result = check(here, lock, cache_dir=tmp_path)
    assert result.same, result
    assert result.differing == ()
    again = build(here, lock, cache_dir=cache, no_cache=True)
    assert again.id == first.id and not again.was_there
    tags = [tag for image in here.client.images.list("snap") for tag in image.tags]
    assert not [tag for tag in tags if "-check-" in tag]
    assert list((tmp_path / "builds").iterdir()) == []


def test_the_same_on_both_stores(
    use: Use, engine: dict[str, str], second_engine: dict[str, str], wheels: Path, cache: Path, tmp_path: Path
) -> None:
    one = use(engine)
    lock = lock_of(one, wheels, "numpy", "joblib", "click")
    build(one, lock, cache_dir=cache, no_cache=True)
    first = present(one, lock)
    other = use(second_engine)
    if lock_of(other, wheels).base.layers != lock.base.layers:
        pytest.skip("the engines' bases are of different states of the archive")
    built = build(other, lock, cache_dir=tmp_path, no_cache=True)
    second = present(other, lock)
    assert first is not None and second is not None
    assert second.layers == first.layers
    assert build(other, lock, cache_dir=tmp_path, no_cache=True).id == built.id


def test_a_small_package_more_leaves_the_large_layers(here: Engine, wheels: Path, cache: Path) -> None:
    before = lock_of(here, wheels, "numpy", "joblib", "click")
    after = lock_of(here, wheels, "numpy", "joblib", "click", "six")
    build(here, before, cache_dir=cache)
    events: list[Event] = []
    here.untag(image_reference(after))
    build(here, after, cache_dir=cache, progress=events.append)
    one, other = present(here, before), present(here, after)
    assert one is not None and other is not None
    assert one.layers[:-1] == other.layers[:-1]
    assert one.layers[-1] != other.layers[-1]
    states = {(event.step, event.state) for event in events}
    assert {("numpy 2.2.6", "cached"), ("image", "done")} <= states
    # Of an earlier session the engine may still know that one too.
    assert {("2 tiny packages", "done"), ("2 tiny packages", "cached")} & states


def test_docker_alone_builds_the_same(here: Engine, wheels: Path, cache: Path) -> None:
    lock = lock_of(here, wheels, "joblib", "six")
    built = build(here, lock, cache_dir=cache)
    files = fetch(lock, cache_dir=cache, access=Access(), offline=True)
    parts = layers(lock, {name: file.size for name, file in files.items()})
    with build_folder(lock, cache, parts, files) as folder:
        contexts = [f"--build-context={part.context}={folder}/wheels/{part.context}" for part in parts]
        contexts.append(f"--build-context=tools={tools_folder(cache)}")
        epoch = f"--build-arg=SOURCE_DATE_EPOCH={lock.source_date_epoch}"
        output = "--output=type=image,name=snap-test:by-hand,compression=uncompressed"
        options = [*contexts, epoch, "--provenance=false", output]
        with (folder / "Dockerfile").open() as dockerfile:
            subprocess.run(["docker", "buildx", "build", "--no-cache", *options, "-"], stdin=dockerfile, check=True)
    by_hand = here.image("snap-test:by-hand")
    assert by_hand is not None and by_hand.id == built.id
    here.untag("snap-test:by-hand")


def test_two_builds_at_once(here: Engine, wheels: Path, cache: Path) -> None:
    lock = lock_of(here, wheels, "joblib", "click", "six")
    here.untag(image_reference(lock))
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: build(Engine(), lock, cache_dir=cache), range(2))
    assert one.id == other.id


def test_offline_builds_from_the_cache_alone(here: Engine, wheels: Path, tmp_path: Path) -> None:
    lock = lock_of(here, wheels, "six")
    here.untag(image_reference(lock))
    package = lock.packages[0]
    moved = msgspec.structs.replace(package.wheel, path="/not/there/six.whl")
    lost = msgspec.structs.replace(lock, packages=(msgspec.structs.replace(package, wheels=(moved,)),))
    with pytest.raises(NetworkError, match=r"`six==1\.17\.0`"):
        build(here, lost, cache_dir=tmp_path, offline=True)
    assert present(here, lock) is None
    fetch(lock, cache_dir=tmp_path, access=Access())
    assert not build(here, lost, cache_dir=tmp_path, offline=True).was_there


def test_other_bytes_than_locked_build_nothing(here: Engine, wheels: Path, tmp_path: Path) -> None:
    lock = lock_of(here, wheels, "six")
    package = lock.packages[0]
    wrong = msgspec.structs.replace(package.wheel, hashes={"sha256": "0" * 64})
    bad = msgspec.structs.replace(lock, packages=(msgspec.structs.replace(package, wheels=(wrong,)),))
    with pytest.raises(IntegrityError, match="six-1"):
        build(here, bad, cache_dir=tmp_path)
    assert present(here, bad) is None
    assert not cache_path(tmp_path, bad.packages[0].wheel).exists()


def test_a_base_that_changed_is_refused(here: Engine, wheels: Path, tmp_path: Path) -> None:
    lock = lock_of(here, wheels, "six")
    other = msgspec.structs.replace(lock, base=msgspec.structs.replace(lock.base, layers=("sha256:" + "1" * 64,)))
    with pytest.raises(IntegrityError, match="not the one that was locked"):
        build(here, other, cache_dir=tmp_path)


def test_a_base_that_is_missing_is_said(here: Engine, wheels: Path, tmp_path: Path) -> None:
    lock = lock_of(here, wheels, "six")
    other = msgspec.structs.replace(
        lock, base=msgspec.structs.replace(lock.base, reference="snapshot-base:never", layers=("sha256:" + "2" * 64,))
    )
    with pytest.raises(BuildError, match="snapshot-base:never") as error:
        build(here, other, cache_dir=tmp_path)
    assert "scripts/build-base" in (error.value.hint or "")


def test_a_base_of_a_registry_is_pulled_by_digest(
    here: Engine, use: Use, second_engine: dict[str, str], registry: str, wheels: Path, cache: Path
) -> None:
    reference = f"{registry}/base:1"
    assert here.client.images.get(BASE).tag(f"{registry}/base", "1")
    pushed = here.client.api.push(f"{registry}/base", "1", stream=True, decode=True)
    digest = next(line["aux"]["Digest"] for line in pushed if "aux" in line)
    lock = lock_of(here, wheels, "six", reference=reference)
    lock = msgspec.structs.replace(lock, base=msgspec.structs.replace(lock.base, digest=digest))
    here.untag(reference)
    here.untag(image_reference(lock))
    with pytest.raises(NetworkError, match="offline"):
        build(here, lock, cache_dir=cache, offline=True)
    first = build(here, lock, cache_dir=cache)
    other = use(second_engine)
    build(other, lock, cache_dir=cache)
    one, two = use_layers(here, lock), use_layers(other, lock)
    assert one == two
    assert first.reference == image_reference(lock)
    here.untag(base_reference(lock))


def use_layers(engine: Engine, lock: Lock) -> tuple[str, ...]:
    image = present(engine, lock)
    assert image is not None
    return image.layers


def test_a_step_that_fails_is_quoted(here: Engine, wheels: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken-1.0-py3-none-any.whl"
    broken.write_bytes(b"this is no archive")
    lock = lock_of(here, tmp_path, "broken")
    with pytest.raises(BuildError, match="not a zip file"):
        build(here, lock, cache_dir=tmp_path / "cache")
    assert present(here, lock) is None
    assert list((tmp_path / "cache" / "builds").iterdir()) == []


def test_without_buildx_it_says_what_to_install(
    here: Engine, wheels: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = lock_of(here, wheels, "six")
    here.untag(image_reference(lock))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0:
        pytest.skip("this system has buildx for everybody")
    with pytest.raises(EngineError, match="buildx"):
        build(here, lock, cache_dir=cache)


def test_without_an_engine_it_says_so(
    use: Use, engine: dict[str, str], here: Engine, wheels: Path, tmp_path: Path
) -> None:
    lock = lock_of(here, wheels, "six")
    gone = use({**engine, "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})
    with pytest.raises(EngineError, match="no Docker engine answers"):
        build(gone, lock, cache_dir=tmp_path)


def test_ctrl_c_leaves_nothing(here: Engine, wheels: Path, tmp_path: Path) -> None:
    lock = lock_of(here, wheels, "numpy")
    here.untag(image_reference(lock))

    def interrupt(event: Event) -> None:
        if event == Event(step="numpy 2.2.6", state="started"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(here, lock, cache_dir=tmp_path, no_cache=True, progress=interrupt)
    assert present(here, lock) is None
    assert list((tmp_path / "builds").iterdir()) == []
    assert os.listdir(tmp_path / "packages" / "sha256")
