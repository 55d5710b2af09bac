"""When a lock is current, and what makes it stale. No engine is asked for any of this."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot import digest
from snapshot.errors import StoreError, UsageError
from snapshot.lock import document
from snapshot.lock.document import Base, Lock, OperatingSystem, Package, Python, Sources, Wheel
from snapshot.lock.locking import Settings, is_current, lock_project
from snapshot.lock.wanted import lacks, want
from snapshot.project import sources

TEXT = "numpy\n"


def no_image(_: Lock) -> str:
    raise AssertionError("an image was to be built")


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
    found, changed = lock_project(project, Settings(), NoEngine(), build=no_image)  # type: ignore[arg-type]
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
        def images(self, *, repository: str, label: str) -> tuple[()]:
            return ()

        def image(self, reference: str) -> Any:
            from snapshot.host.engine import Image

            return Image(
                id="x", reference=reference, layers=("a",), digest=None, created="", os="linux", architecture="amd64"
            )

    with pytest.raises(UsageError, match="`==2` is not a package"):
        lock_project(  # type: ignore[arg-type]
            project,
            Settings(),
            Bare(),
            build=no_image,
            upgrade_packages=("==2",),
            cache=tmp_path_factory.mktemp("cache"),
        )


def edited(project: Path, old: str, new: str) -> None:
    text = (project / "snap.lock").read_text()
    assert old in text
    (project / "snap.lock").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('version = "2.4.6"', 'version = "2.4.7"', "`numpy-2.4.6-py3-none-any.whl` is not numpy 2.4.7"),
        ('name = "numpy"', 'name = "numpi"', "is not numpi 2.4.6"),
        ("numpy-2.4.6-py3-none-any.whl", "numpy-2.4.6.whl", "is not numpy 2.4.6"),
        ("numpy-2.4.6-py3-none-any.whl", "numpy-frob-py3-none-any.whl", "is not numpy 2.4.6"),
        ('"amd64"', '"pdp11"', "architecture 'pdp11'"),
        ('"linux"', '"windows"', "system 'windows'"),
        ("= 1783764997", "= -1", "source-date-epoch -1"),
        ("= 1783764997", "= 99999999999", "source-date-epoch 99999999999"),
        (f'    "sha256:{"a" * 64}",\n', "", "the base has no layers"),
        ('schema = "snap.lock/2"\n', "", 'does not begin with `schema = "snap.lock/2"`'),
        ('"snap.lock/2"', '"pylock/1"', 'does not begin with `schema = "snap.lock/2"`'),
        ('"snap.lock/2"', '"snap.lock/3"', "is a `snap.lock/3` document"),
        ("https://host/numpy.whl", "https://other/numpy.whl", "was edited by hand"),
        ('checksum = "sha256:', 'checksum = "sha256:0', "was edited by hand"),
        ("[base]", "[bass]", "unknown key"),
    ],
)
def test_an_edited_lock_is_refused(project: Path, old: str, new: str, words: str) -> None:
    edited(project, old, new)
    with pytest.raises(StoreError) as caught:
        document.read(project / "snap.lock")
    assert words in caught.value.message and caught.value.hint


def test_a_lock_of_the_first_version_is_read_and_keeps_its_identity(project: Path) -> None:
    text = (project / "snap.lock").read_text()
    text = re.sub("^checksum = .*\n", "", text, flags=re.MULTILINE).replace("snap.lock/2", "snap.lock/1")
    (project / "snap.lock").write_text(text)
    found = document.read(project / "snap.lock")
    assert found and found.schema == "snap.lock/1" and found.digest == lock().digest


def test_an_empty_lock_is_refused_with_a_remedy(project: Path) -> None:
    (project / "snap.lock").write_text("")
    with pytest.raises(StoreError) as caught:
        document.read(project / "snap.lock")
    assert caught.value.hint == "restore it, or remove it and run `snap lock`"


def test_a_lock_that_is_no_text_file_is_refused(project: Path) -> None:
    (project / "snap.lock").write_bytes(b"\xff\xfe")
    with pytest.raises(StoreError, match="UTF-8"):
        document.read(project / "snap.lock")
    (project / "snap.lock").unlink()
    (project / "snap.lock").mkdir()
    with pytest.raises(StoreError, match="is a folder"):
        document.read(project / "snap.lock")


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("Foo.Bar_baz-1.0-py3-none-any.whl", "foo-bar-baz", "1.0"),
        ("foo-1.0-2-py3-none-any.whl", "foo", "1.0"),
        ("foo-2023.03-py3-none-any.whl", "foo", "2023.3"),
        ("foo-1.0.0_1-py3-none-any.whl", "foo", "1.0.0.post1"),
        ("foo-2.0_cu118-py3-none-any.whl", "foo", "2.0+cu118"),
        ("foo-2.0+cu118-py3-none-any.whl", "foo", "2.0+cu118"),
    ],
)
def test_names_of_wheels_are_read_as_pip_reads_them(file: str, name: str, version: str) -> None:
    wheel = Wheel(name=file, hashes={"sha256": "0" * 64})
    package = Package(name=name, version=version, wheels=(wheel,))
    found = document.loads(document.dumps(msgspec.structs.replace(lock(), packages=(package,))))
    assert found and found.packages[0].wheel.name == file


def test_a_release_that_is_configured_is_meant(project: Path) -> None:
    write(project, lock(python="3.11.99 (configuration)"))
    reason = is_current(project, Settings(python="3.11.99"))
    assert reason == "the Python is to be 3.11.99 (configuration), and the lock has 3.11.2"


def test_a_release_in_python_version_is_not(project: Path) -> None:
    write(project, lock(python="3.11.77 (.python-version)"))
    (project / ".python-version").write_text("3.11.77\n")
    assert is_current(project, Settings()) is None


@pytest.mark.parametrize(("name", "hint"), [("numpi", "did you mean `numpy`?"), ("zzz", "name a package of the lock")])
def test_an_upgrade_of_what_nobody_asks_for(project: Path, name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"`{name}` is not in `snap.lock` and not asked for") as caught:
        lock_project(project, Settings(), NoEngine(), build=no_image, upgrade_packages=(name,))  # type: ignore[arg-type]
    assert caught.value.hint and hint in caught.value.hint


def test_a_mistake_in_requirements_asks_no_engine(project: Path) -> None:
    (project / "requirements.txt").write_text("numpy\nsi x\n")
    with pytest.raises(UsageError, match="line 2: `si x` is not a requirement"):
        lock_project(project, Settings(), NoEngine(), build=no_image)  # type: ignore[arg-type]


def test_nothing_is_asked_for_any_more(project: Path) -> None:
    write(project, lock(files={}))
    (project / "requirements.txt").unlink()
    assert is_current(project, Settings()) == "the project asks for no packages any more"


def test_a_file_that_was_named_is_named_again_or_let_go(project: Path) -> None:
    (project / "other.txt").write_text("numpy\n")
    files = {"other.txt": digest.of_bytes(b"numpy\n")}
    write(project, lock(source="other.txt (--from)", files=files, passed_over=("requirements.txt",)))
    assert is_current(project, Settings()) is None
    (project / "other.txt").unlink()
    assert is_current(project, Settings()) == "`other.txt` is gone, which it was made from"
    with pytest.raises(UsageError, match=r"`other\.txt`, which `snap\.lock` was made from") as caught:
        lock_project(project, Settings(), NoEngine(), build=no_image)  # type: ignore[arg-type]
    assert "`snap lock --from auto`" in str(caught.value.hint)
    assert is_current(project, Settings(source="auto")) == "`other.txt` has changed"


def test_packages_that_were_moved_to_src_are_found_there(tmp_path: Path) -> None:
    text = '[project]\nname = "own"\nversion = "1"\ndependencies = ["numpy"]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    write(tmp_path, lock(files=dict(sources.read(tmp_path).files)))
    assert is_current(tmp_path, Settings()) is None
    (tmp_path / "src" / "own").mkdir(parents=True)
    (tmp_path / "src" / "own" / "__init__.py").touch()
    assert is_current(tmp_path, Settings()) == "the import path is to have `src`, and the lock has no folders"


def test_a_conflict_of_git_is_named(project: Path) -> None:
    text = document.dumps(lock())
    head, _, rest = text.partition("[base]")
    (project / "snap.lock").write_text(f"{head}<<<<<<< HEAD\n[base]\n=======\n[base]\n>>>>>>> other\n{rest}")
    with pytest.raises(StoreError, match="in the middle of a merge") as caught:
        is_current(project, Settings())
    assert "`git checkout --ours snap.lock`" in str(caught.value.hint)


def test_a_lock_of_the_version_before(project: Path) -> None:
    """It has no checksum and does not say where its requirements stand."""
    text = re.sub(r"^checksum = .*\n", "", document.dumps(lock()), flags=re.MULTILINE)
    (project / "snap.lock").write_text(text.replace("snap.lock/2", "snap.lock/1"))
    before = (project / "snap.lock").read_bytes()
    found, changed = lock_project(project, Settings(), NoEngine(), build=no_image)  # type: ignore[arg-type]
    assert not changed and (project / "snap.lock").read_bytes() == before
    assert found.digest == lock().digest


def test_what_notebooks_take_is_asked_for_once_one_is_run_and_stays(project: Path) -> None:
    assert is_current(project, Settings()) is None
    reason = is_current(project, Settings(notebook=True))
    assert reason == "running notebooks takes `ipykernel`, `nbclient>=0.10`"
    made = lock(implied=("ipykernel", "nbclient>=0.10"))
    (project / "snap.lock").write_text(document.dumps(made))
    for settings in (Settings(), Settings(notebook=True)):
        assert is_current(project, settings) is None
        assert lock_project(project, settings, NoEngine(), build=no_image) == (made, False)
    assert is_current(project, Settings(source="auto")) == "what runs notebooks is no longer added"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pylock.toml", 'lock-version = "1.0"\ncreated-by = "pip"\npackages = []\n'),
        ("requirements.txt", f"numpy==2.4.6 --hash=sha256:{'0' * 64}\n"),
    ],
)
def test_to_what_is_pinned_elsewhere_nothing_is_added(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert want(tmp_path, Settings(notebook=True)).requirements.implied == ()


def test_a_lock_tells_what_it_lacks_for_notebooks() -> None:
    kernel = msgspec.structs.replace(lock().packages[0], name="ipykernel")
    assert lacks(lock()) == ("ipykernel", "nbclient")
    assert lacks(msgspec.structs.replace(lock(), packages=(kernel,))) == ("nbclient",)
