"""The configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.config import Configuration, load, parse_size


def failure(root: Path, text: str) -> UsageError:
    (root / "snap.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load(root)
    return caught.value


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    configuration = load(tmp_path)
    assert configuration == Configuration()
    assert (configuration.large_file_bytes, configuration.large_folder_bytes) == (10_000_000, 100_000_000)


FULL = """
base = "python:3.12-slim-bookworm"
python = "3.12"
requirements = ["numpy>=2"]
data = ["images", "/mnt/big"]
large-file = "1 MiB"
large-folder = "2 GB"
"""


@pytest.mark.parametrize(("name", "head"), [("snap.toml", ""), ("pyproject.toml", "[tool.snap]\n")])
def test_everything_that_can_be_said_is_read(tmp_path: Path, name: str, head: str) -> None:
    (tmp_path / name).write_text(head + FULL)
    configuration = load(tmp_path)
    assert configuration.base == "python:3.12-slim-bookworm"
    assert configuration.python == "3.12"
    assert configuration.requirements == ("numpy>=2",)
    assert configuration.data == ("images", "/mnt/big")
    assert (configuration.large_file_bytes, configuration.large_folder_bytes) == (1 << 20, 2 * 10**9)


def test_a_pyproject_that_speaks_of_something_else_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "snappy"\n')
    assert load(tmp_path) == Configuration()


def test_one_place_for_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.snap]\n")
    problem = failure(tmp_path, "")
    assert "`snap.toml`" in problem.message
    assert "`pyproject.toml`" in problem.message
    assert problem.exit_code == 2


def test_an_unknown_key_says_which_one_was_meant(tmp_path: Path) -> None:
    problem = failure(tmp_path, 'large_file = "1 MB"\n')
    assert problem.message == "snap.toml: unknown key `large_file`"
    assert problem.hint == "did you mean `large-file`?"


def test_all_findings_are_told_at_once(tmp_path: Path) -> None:
    problem = failure(tmp_path, 'python = "3.x"\nlarge-file = "ten"\nbasis = "x"\ndata = "images"\nbase = "a b"\n')
    for word in ("`python`: `3.x`", "`large-file`: `ten`", "`basis`", "data", "`base`: `a b`"):
        assert word in problem.message


@pytest.mark.parametrize("text", ["python = ", "\x00", 'python = "3.11'])
def test_what_is_not_toml_says_so(tmp_path: Path, text: str) -> None:
    assert failure(tmp_path, text).message.startswith("`snap.toml` is not TOML: ")


def test_an_empty_data_path_is_refused(tmp_path: Path) -> None:
    assert "empty path" in failure(tmp_path, 'data = ["images", ""]').message


@pytest.mark.parametrize("text", ["3.11", "3.13.1"])
def test_python_versions(tmp_path: Path, text: str) -> None:
    (tmp_path / "snap.toml").write_text(f'python = "{text}"')
    assert load(tmp_path).python == text


@pytest.mark.parametrize("text", ["3", "3.x", ">=3.11", "3.11.1.2", "", "٣.11"])
def test_what_is_no_python_version(tmp_path: Path, text: str) -> None:
    assert "is not a version" in failure(tmp_path, f'python = "{text}"').message


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10 MB", 10**7),
        ("1.5 GiB", 3 << 29),
        ("4096", 4096),
        ("0", 0),
        ("1kb", 1000),
        (" 2 TB ", 2 * 10**12),
        ("7 B", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1 MB", "1 M B", "1,5 GB", "1 GBit", "1e9", "٣ MB", "nan", "1. MB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


def test_a_misspelt_unit_has_a_hint(tmp_path: Path) -> None:
    assert failure(tmp_path, 'large-file = "10 MBs"').hint == "did you mean `MB`?"


def test_tolerances_are_patterns_with_finite_numbers(tmp_path: Path) -> None:
    (tmp_path / "snap.toml").write_text('[tolerance]\n"*.json" = {rtol = 1e-6}\n"out/" = {atol = 1, rtol = 0.5}\n')
    found = load(tmp_path).tolerance
    assert [(name, allowed.rtol, allowed.atol) for name, allowed in found.items()] == [
        ("*.json", 1e-6, 0.0),
        ("out/", 0.5, 1.0),
    ]


@pytest.mark.parametrize("line", ['"*" = {rtol = -1}', '"*" = {atol = nan}', '"!x" = {}', '"" = {}'])
def test_a_tolerance_that_can_not_be_is_refused(tmp_path: Path, line: str) -> None:
    assert failure(tmp_path, f"[tolerance]\n{line}\n").message.startswith("snap.toml: `tolerance`: ")
