"""Which Python a project is locked for."""

from pathlib import Path

import pytest

from snapshot.errors import ResolveError, UsageError
from snapshot.project.python_version import PythonChoice, allows, asked, choose, in_use, of_environment


def test_configuration_wins_over_the_version_file(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.12\n")
    assert str(asked(tmp_path, "3.11")) == "3.11 (configuration)"


@pytest.mark.parametrize(
    ("text", "version"),
    [("3.11.7\n", "3.11.7"), ("3.12", "3.12"), ("# ours\n\n3.13\n3.12\n", "3.13"), ("pypy3.10\n3.11\n", "3.11")],
)
def test_the_version_file(tmp_path: Path, text: str, version: str) -> None:
    (tmp_path / ".python-version").write_text(text)
    assert asked(tmp_path, None) == PythonChoice(version=version, because=".python-version")


@pytest.mark.parametrize("text", ["", "my-environment\n", "pypy3.10\n"])
def test_a_version_file_without_a_version_asks_for_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".python-version").write_text(text)
    assert asked(tmp_path, None) is None


def test_a_configured_version_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a version of Python 3"):
        asked(tmp_path, "2.7")


def pick(**given: object) -> str:
    defaults = {"requires_python": None, "bases": (), "current": None}
    return choose(None, **(defaults | given)).version  # type: ignore[arg-type]


def test_the_interpreter_in_use_is_preferred() -> None:
    assert pick(bases=("3.11", "3.13"), current="3.11") == "3.11"


def test_else_the_newest_base_at_hand() -> None:
    assert pick(bases=("3.9", "3.13", "3.11"), current="3.12") == "3.13"


def test_requires_python_narrows_the_bases() -> None:
    assert pick(bases=("3.11", "3.13"), current="3.13", requires_python=">=3.9,<3.12") == "3.11"


def test_without_a_base_that_fits_the_interpreter_in_use() -> None:
    assert pick(bases=("3.11",), current="3.12", requires_python=">=3.12") == "3.12"


def test_without_a_base_and_an_interpreter_the_newest_allowed() -> None:
    assert pick(requires_python="<3.13") == "3.12"


def test_nothing_fits() -> None:
    with pytest.raises(ResolveError, match="no Python that can be had fits") as caught:
        pick(bases=("3.11",), requires_python=">=4")
    assert caught.value.exit_code == 4


def test_a_wish_against_requires_python_is_refused() -> None:
    with pytest.raises(ResolveError, match=r"Python 3\.11 \(configuration\) is not what the project requires"):
        choose(
            PythonChoice(version="3.11", because="configuration"),
            requires_python=">=3.12",
            bases=("3.11",),
            current=None,
        )


def test_a_wish_needs_no_base_at_hand() -> None:
    wish = PythonChoice(version="3.10.4", because=".python-version")
    assert choose(wish, requires_python=">=3.10", bases=(), current=None) is wish
    assert wish.minor == "3.10"


@pytest.mark.parametrize(
    ("requires", "version", "fits"),
    [
        (">=3.10", "3.10", True),
        (">=3.11.4", "3.11", True),
        (">=3.11.4", "3.11.2", False),
        ("<3.11", "3.11", False),
        ("!=3.11.0", "3.11", True),
        (None, "3.11", True),
    ],
)
def test_what_requires_python_allows(requires: str | None, version: str, fits: bool) -> None:
    assert allows(requires, version) is fits


def test_a_malformed_requires_python_is_refused() -> None:
    with pytest.raises(UsageError, match="not a version specifier"):
        allows("three", "3.11")


@pytest.mark.parametrize("line", ["version = 3.12.1", "version_info = 3.12.1.final.0", "version_info = 3.12.1"])
def test_the_virtual_environment_in_use(tmp_path: Path, line: str) -> None:
    (tmp_path / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\n")
    assert in_use({"VIRTUAL_ENV": str(tmp_path)}) == "3.12"


def test_a_conda_environment(tmp_path: Path) -> None:
    (tmp_path / "lib" / "python3.10").mkdir(parents=True)
    assert of_environment(tmp_path) == "3.10"


@pytest.mark.parametrize("kind", ["link", "script"])
def test_the_interpreter_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    python = tmp_path / ("python3.9" if kind == "link" else "python3")
    python.write_text("#!/bin/sh\necho 3.9\n")
    python.chmod(0o755)
    if kind == "link":
        (tmp_path / "python3").symlink_to(python)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert in_use({}) == "3.9"


def test_no_interpreter_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert in_use({}) is None
