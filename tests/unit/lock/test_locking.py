"""When a lock is current, and what makes it stale. No engine is asked for any of this."""

from pathlib import Path
from typing import Any

import pytest

from snapshot import digest
from snapshot.errors import StoreError, UsageError
from snapshot.lock import document
from snapshot.lock.document import Base, Lock, OperatingSystem, Package, Python, Sources, Wheel
from snapshot.lock.locking import Settings, is_current, lock_project

TEXT = "numpy\n"


class NoEngine:
    """An engine that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the engine was asked for `{name}`")


def lock(**sources: Any) -> Lock:
    given = {
        "requirements": ("numpy",),
        "files": {"requirements.txt": digest.of_bytes(TEXT.encode())},
        "base": "snapshot-base:bookworm-1 (chosen)",
        "python": "3.11 (the interpreter in use)",
        "resolver": "pip-tools 7, pip 23",
    }
    wheel = Wheel(
        name="numpy-2.4.6-py3-none-any.whl", url="https://host/numpy.whl", size=3, hashes={"sha256": "0" * 64}
    )
    return Lock(
        source_date_epoch=1783764997,
        sources=Sources(**(given | sources)),
        base=Base(
            reference="snapshot-base:bookworm-1", layers=("sha256:" + "a" * 64,), os="linux", architecture="amd64"
        ),
        os=OperatingSystem(id="debian", version="12", name="Debian 12"),
        python=Python(
            version="3.11.2", implementation="cpython", build="", executable="/usr/bin/python3", platform="x"
        ),
        packages=(Package(name="numpy", version="2.4.6", wheels=(wheel,)),),
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text(TEXT)
    (tmp_path / "snap.lock").write_text(document.dumps(lock()))
    return tmp_path


def write(project: Path, lock: Lock) -> None:
    (project / "snap.lock").write_text(document.dumps(lock))


def test_nothing_changed(project: Path) -> None:
    assert is_current(project, Settings()) is None


def test_nothing_changed_asks_no_engine_and_changes_no_byte(project: Path) -> None:
    before = (project / "snap.lock").stat()
    found, changed = lock_project(project, Settings(), NoEngine())  # type: ignore[arg-type]
    assert (found, changed) == (lock(), False)
    assert (project / "snap.lock").stat() == before


def test_no_lock(project: Path) -> None:
    (project / "snap.lock").unlink()
    assert is_current(project, Settings()) == "there is no `snap.lock`"


def test_a_file_changed(project: Path) -> None:
    (project / "requirements.txt").write_text("numpy>2\n")
    assert is_current(project, Settings()) == "`requirements.txt` has changed"


def test_a_file_more(project: Path) -> None:
    (project / "requirements.txt").unlink()
    assert is_current(project, Settings()) == "`requirements.txt` has changed"


def test_configured_requirements_changed(project: Path) -> None:
    write(project, lock(files={}, requirements=("numpy",)))
    assert is_current(project, Settings(requirements=("numpy",))) is None
    assert (
        is_current(project, Settings(requirements=("numpy", "scipy")))
        == "the requirements of the configuration have changed"
    )


def test_the_base_is_configured_now_or_no_more(project: Path) -> None:
    assert is_current(project, Settings(base="python:3.12")) == "the base is to be `python:3.12`"
    write(project, lock(base="snapshot-base:bookworm-1 (configuration)"))
    assert is_current(project, Settings(base="snapshot-base:bookworm-1")) is None
    assert is_current(project, Settings()) == "the base is no longer configured"


def test_the_python_is_asked_for_now_or_no_more(project: Path) -> None:
    assert is_current(project, Settings(python="3.12")) == "the Python is to be 3.12 (configuration)"
    write(project, lock(python="3.11 (.python-version)"))
    assert is_current(project, Settings()) == "no Python version is asked for any more"
    (project / ".python-version").write_text("3.11\n")
    assert is_current(project, Settings()) is None


def test_requires_python_no_longer_allows_it(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.11"\n')
    assert is_current(project, Settings()) is None
    (project / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.12"\n')
    assert is_current(project, Settings()) == "`requires-python` is now `>=3.12`"


def test_credentials_in_requirements_are_neither_kept_nor_compared(project: Path) -> None:
    line = "--extra-index-url https://{}host/simple"
    write(project, lock(files={}, requirements=(line.format(""), "numpy")))
    assert is_current(project, Settings(requirements=(line.format("ada:s3cret@"), "numpy"))) is None


def test_a_lock_that_is_none_is_said_and_left_alone(project: Path) -> None:
    (project / "snap.lock").write_text("hello")
    with pytest.raises(StoreError, match="not TOML"):
        is_current(project, Settings())
    assert (project / "snap.lock").read_text() == "hello"


def test_an_upgrade_of_what_is_no_name(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    class Bare(NoEngine):
        def images(self, *, label: str) -> tuple[()]:
            return ()

        def image(self, reference: str) -> Any:
            from snapshot.host.engine import Image

            return Image(
                id="x", reference=reference, layers=("a",), digest=None, created="", os="linux", architecture="amd64"
            )

    with pytest.raises(UsageError, match="`==2` is not a package"):
        lock_project(project, Settings(), Bare(), upgrade_packages=("==2",), cache=tmp_path_factory.mktemp("cache"))  # type: ignore[arg-type]
