"""`pylock.toml`, judged by the reader of the PyPA's own library."""

import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker

from snapshot.lock.document import Lock
from snapshot.lock.export import export

from .conftest import make_lock

pylock = pytest.importorskip("packaging.pylock", reason="packaging 26 is the first that reads pylock.toml")


def exported(lock: Lock) -> dict:
    return tomllib.loads(export(lock, "pylock", root=Path("/project")))


def test_it_is_valid(lock: Lock) -> None:
    found = pylock.Pylock.from_dict(exported(lock))
    found.validate()
    assert str(found.lock_version) == "1.0" and len(found.packages) == len(lock.packages)
    assert [Marker(str(marker)).evaluate() for marker in found.environments] == [True]


def test_every_source_is_expressed_as_what_it_is(lock: Lock) -> None:
    tables = {"wheels", "sdist", "archive", "vcs", "directory"}
    found = {package["name"]: package for package in exported(lock)["packages"]}
    assert {name: set(package) & tables for name, package in found.items()} == {
        "archived": {"archive"},
        "built": {"sdist"},
        "direct": {"wheels"},
        "found": {"wheels"},
        "local-file": {"archive"},
        "local-folder": {"directory"},
        "numpy": {"wheels"},
        "other-index": {"wheels"},
        "repository": {"vcs"},
    }
    assert found["archived"]["archive"] == {
        "url": "https://files.example/x.tar.gz",
        "size": 7,
        "hashes": {"sha256": "1" * 64},
    }
    assert found["local-folder"]["directory"] == {"path": "../local folder"}
    assert found["repository"]["vcs"] == {
        "type": "git",
        "url": "https://git.example/team/repository.git",
        "requested-revision": "main",
        "commit-id": "f" * 40,
        "subdirectory": "python",
    }
    assert "version" not in found["repository"] and found["built"]["version"] == "1.0"
    assert found["numpy"] == {
        "name": "numpy",
        "version": "2.4.6",
        "requires-python": ">=3.9",
        "dependencies": [{"name": "built"}, {"name": "direct"}],
        "index": "https://index.example/simple",
        "wheels": [
            {
                "name": "numpy-2.4.6-py3-none-any.whl",
                "url": "https://files.example/numpy.whl",
                "size": 123,
                "hashes": {"sha256": b"numpy".hex()[:2] * 32},
            }
        ],
    }


def test_an_empty_lock() -> None:
    found = pylock.Pylock.from_dict(exported(make_lock()))
    assert list(found.packages) == []
