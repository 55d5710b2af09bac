"""`Pipfile` and `Pipfile.lock`."""

import json
from pathlib import Path
from typing import Any

import pytest

from snapshot.errors import UsageError
from snapshot.project.sources import read

PIPFILE = """
[[source]]
name = "first"
url = "https://first.example/simple"
verify_ssl = true
[[source]]
name = "second"
url = "https://second.example/simple"
[packages]
any = "*"
exact = "==1.0"
bare = "1.2"
more = {version = ">=1", extras = ["x", "y"], markers = "os_name == 'posix'", sys_platform = "== 'linux'"}
repository = {git = "https://h.example/a.git", ref = "v1", editable = true}
beside = {path = "../beside"}
[dev-packages]
pytest = "*"
[requires]
python_version = "3.11"
"""
PIPENV_HAS = "1014d0a3943ec1be3560c902a4c4085682938d11683e8122578a1b93e403743d"


def locked(root: Path, **parts: Any) -> Path:
    meta = {
        "pipfile-spec": 6,
        "requires": {"python_version": "3.11"},
        "sources": [{"name": "s", "url": "https://s.example"}],
    }
    (root / "Pipfile").write_text(PIPFILE)
    (root / "Pipfile.lock").write_text(json.dumps({"_meta": meta, **parts}))
    return root


def test_packages_in_pips_notation(tmp_path: Path) -> None:
    (tmp_path / "Pipfile").write_text(PIPFILE)
    found = read(tmp_path)
    assert found.lines == (
        "--extra-index-url https://second.example/simple",
        "any",
        "exact==1.0",
        "bare==1.2",
        "more[x,y]>=1 ; os_name == 'posix' and sys_platform == 'linux'",
        "repository @ git+https://h.example/a.git@v1",
        "../beside",
    )
    assert (found.source, found.python, set(found.files)) == ("Pipfile", "3.11", {"Pipfile"})
    assert found.places["any"] == "Pipfile, packages, `any`"
    assert "pytest" in read(tmp_path, groups=("dev-packages",)).lines


def test_the_lock_file_pins(tmp_path: Path) -> None:
    digest = "sha256:" + "ab" * 32
    locked(
        tmp_path,
        default={
            "Six": {"version": "==1.17.0", "hashes": [digest], "markers": "os_name == 'posix'", "index": "s"},
            "a": {"git": "https://h.example/a.git", "ref": "c0ffee"},
            "b": {"file": "https://h.example/b.whl", "hashes": [digest]},
        },
        develop={"pytest": {"version": "==8.0"}},
    )
    found = read(tmp_path)
    assert found.lines == (
        'six==1.17.0 ; os_name == "posix"',
        "a @ git+https://h.example/a.git@c0ffee",
        "b @ https://h.example/b.whl",
    )
    assert found.pins and found.pins.roots is None
    six = found.pins.packages[0]
    assert (six.hashes, six.index, six.marker) == ((digest,), "https://s.example", 'os_name == "posix"')
    assert found.python == "3.11" and found.passed_over == ()
    assert "pytest==8.0" in read(tmp_path, groups=("develop",)).lines


def test_a_lock_file_older_than_its_manifest_is_told(tmp_path: Path) -> None:
    """The first hash is what pipenv 2026.10.3 has for this Pipfile."""
    (tmp_path / "Pipfile").write_text(
        '[[source]]\nname="a"\nurl="https://index.example/simple"\nverify_ssl=true\n[packages]\nclick="*"\n'
    )
    for digits, notes in ((PIPENV_HAS, 0), ("0" * 64, 1)):
        meta = {"hash": {"sha256": digits}, "pipfile-spec": 6}
        (tmp_path / "Pipfile.lock").write_text(json.dumps({"_meta": meta, "default": {}, "develop": {}}))
        assert len(read(tmp_path).notes) == notes


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"default": []}, "`default` is not a table"),
        ({"default": {"six": {"version": 1}}}, "package `six`: expected `str"),
        ({"default": {"six": {}}}, "package `six`: it has no version"),
        ({"default": {"six": {"git": "x"}}}, "package `six`: `ref` is missing"),
        ({"default": {"six": {"version": "==1", "markers": "x"}}}, "package `six`"),
        ({"_meta": {"pipfile-spec": 7}}, "pipfile-spec 7, and this version reads 6"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, value: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read(locked(tmp_path, **value))
    assert "Pipfile.lock" in caught.value.message and caught.value.hint
