"""When a lock keeps, takes or forgets the architectures of its framework. Asking itself needs an image."""

from pathlib import Path

import msgspec
import pytest

from snapshot.lock import document
from snapshot.lock.architectures import are_to_ask, ask, carried, note
from snapshot.lock.document import Base, Cuda, Lock, OperatingSystem, Package, Python, Sources, Wheel

BUILT = ("sm_80", "compute_90")


def lock(name: str = "torch", version: str = "2.4.1", sha256: str = "0" * 64, cuda: str | None = "12.1") -> Lock:
    wheel = Wheel(name=f"{name}-{version}-py3-none-any.whl", hashes={"sha256": sha256})
    return Lock(
        source_date_epoch=1783764997,
        sources=Sources(requirements=(name,), base="b (chosen)", python="3.11 (base)", resolver="none"),
        base=Base(reference="b", layers=("sha256:" + "a" * 64,), os="linux", architecture="amd64"),
        os=OperatingSystem(id="debian", version="12", name="Debian 12"),
        python=Python(
            version="3.11.2", implementation="cpython", build="", executable="/usr/bin/python3", platform="x"
        ),
        cuda=Cuda(runtime=cuda, because="x", driver_minimum="525.60.13") if cuda else None,
        packages=(Package(name=name, version=version, wheels=(wheel,)),),
    )


def told(lock: Lock) -> Lock:
    assert lock.cuda
    return msgspec.structs.replace(lock, cuda=msgspec.structs.replace(lock.cuda, architectures=BUILT))


@pytest.mark.parametrize("found", [lock("jax"), lock("cupy-cuda12x", "13.6.0"), lock(cuda=None)])
def test_nobody_is_asked_where_nothing_is_told(found: Lock) -> None:
    assert ask("no-such-image", found, warn=pytest.fail) == ()
    assert not are_to_ask(found)


def test_a_framework_is_asked_until_it_has_told() -> None:
    assert are_to_ask(lock()) and are_to_ask(lock("tensorflow", "2.21.0"))
    assert not are_to_ask(told(lock()))


def test_noting_changes_the_file_and_not_the_identity(tmp_path: Path) -> None:
    path = tmp_path / "snap.lock"
    path.write_text(document.dumps(lock()))
    noted = note(tmp_path, lock(), BUILT)
    assert noted == told(lock()) == document.read(path)
    assert noted.digest == lock().digest


def test_what_is_not_the_lock_of_the_project_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "snap.lock"
    assert note(tmp_path, lock(), BUILT) == told(lock())
    assert not path.exists()
    path.write_text(text := document.dumps(lock(version="2.5.0")))
    note(tmp_path, lock(), BUILT)
    assert path.read_text() == text


def test_nothing_found_is_nothing_to_note(tmp_path: Path) -> None:
    assert note(tmp_path, lock(), ()) == lock()
    assert note(tmp_path, lock(cuda=None), BUILT) == lock(cuda=None)


def test_the_same_wheel_has_the_same_architectures() -> None:
    assert carried(told(lock()), lock()) == told(lock())


@pytest.mark.parametrize("new", [lock(version="2.5.0", sha256="1" * 64), lock("jax"), lock(cuda=None)])
def test_another_wheel_has_to_be_asked(new: Lock) -> None:
    assert carried(told(lock()), new) == new
    assert carried(None, new) == new
