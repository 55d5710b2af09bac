"""Locations of repositories, taken apart; and what lies beside the project."""

from pathlib import Path

import pytest

from snapshot.errors import ResolveError
from snapshot.host import git
from snapshot.lock import files, packed
from snapshot.lock.document import Sdist, Wheel


@pytest.mark.parametrize(
    ("location", "url", "revision"),
    [
        ("git+https://host/a/b", "https://host/a/b", None),
        ("git+https://host/a/b.git@main", "https://host/a/b.git", "main"),
        ("git+https://ada:s3cret@host/a/b@feature/x", "https://ada:s3cret@host/a/b", "feature/x"),
        ("git+ssh://git@host/a/b@v1.0", "ssh://git@host/a/b", "v1.0"),
        ("git+ssh://git@host:2222/a/b", "ssh://git@host:2222/a/b", None),
        ("git+file:///a/b@refs/pull/1/head", "file:///a/b", "refs/pull/1/head"),
    ],
)
def test_url_and_revision(location: str, url: str, revision: str | None) -> None:
    assert packed.split(location) == (url, revision)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://ada:s3cret@host/a", "https://host/a"),
        ("https://t0ken@host/a", "https://host/a"),
        ("ssh://git@host/a", "ssh://git@host/a"),
        ("ssh://git:s3cret@host/a", "ssh://git@host/a"),
        ("file:///a/b", "file:///a/b"),
    ],
)
def test_addresses_without_credentials(url: str, said: str) -> None:
    assert git.address(url) == said


def take(tmp_path: Path, location: str) -> packed.Packed:
    (tmp_path / "project").mkdir(exist_ok=True)
    return packed.take(location, root=tmp_path / "project", cache=tmp_path / "cache")


def test_files_beside_the_project(tmp_path: Path) -> None:
    for name, kind in {"spam-1.0-py3-none-any.whl": Wheel, "spam-1.0.tar.gz": Sdist}.items():
        (tmp_path / name).write_bytes(b"spam")
        found = take(tmp_path, f"../{name}").file
        assert isinstance(found, kind) and (found.path, found.size) == (f"../{name}", 4)
        assert files.cache_path(tmp_path / "cache", found).read_bytes() == b"spam"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("git+ext::sh -c x", "no address"),
        ("git+ext://x/y", "no address"),
        ("../nowhere", "is not there"),
        ("../empty", "no Python package"),
        ("../notes.txt", "no wheel"),
    ],
)
def test_what_can_not_be_taken(tmp_path: Path, location: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ResolveError, match=words):
        take(tmp_path, location)


def test_a_folder_beside_the_project(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "setup.py").write_text("")
    found = take(tmp_path, "../lib")
    assert isinstance(found.file, Sdist) and (found.file.name, found.file.path) == ("lib.tar", "../lib")
    assert take(tmp_path, "../lib") == found
