"""What is read of a repository, against git itself."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project import git


def run(root: Path, *arguments: str) -> str:
    identity = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "protocol.file.allow=always",
    ]
    done = subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    root = tmp_path / "work tree"
    root.mkdir()
    run(root, "init", "-q")
    (root / "a").write_text("1")
    run(root, "add", "a")
    run(root, "commit", "-qm", "one")
    return root


def commit(root: Path) -> str:
    return run(root, "rev-parse", "HEAD")


def test_outside_of_a_repository(tmp_path: Path) -> None:
    assert git.head(tmp_path) is None
    assert git.dirty(tmp_path) is None


def test_on_a_branch_from_below(repository: Path) -> None:
    (repository / "sub").mkdir()
    assert git.head(repository / "sub") == (commit(repository), "main")


def test_a_branch_with_slashes_that_is_packed(repository: Path) -> None:
    run(repository, "checkout", "-qb", "feature/x")
    run(repository, "pack-refs", "--all")
    assert not (repository / ".git/refs/heads/feature/x").exists()
    assert git.head(repository) == (commit(repository), "feature/x")


def test_a_loose_ref_is_newer_than_the_packed_one(repository: Path) -> None:
    run(repository, "pack-refs", "--all")
    run(repository, "commit", "-q", "--allow-empty", "-m", "two")
    assert git.head(repository) == (commit(repository), "main")


def test_a_detached_head(repository: Path) -> None:
    run(repository, "checkout", "-q", "--detach")
    assert git.head(repository) == (commit(repository), None)


def test_before_the_first_commit(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q")
    assert git.head(tmp_path) == (None, "main")


def test_a_worktree(repository: Path, tmp_path: Path) -> None:
    run(repository, "worktree", "add", "-q", str(tmp_path / "other"), "-b", "side")
    run(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "side")
    assert git.head(tmp_path / "other") == (commit(tmp_path / "other"), "side")
    assert commit(repository) != commit(tmp_path / "other")


def test_a_symbolic_branch(repository: Path) -> None:
    run(repository, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    run(repository, "symbolic-ref", "HEAD", "refs/heads/alias")
    assert git.head(repository) == (commit(repository), "alias")


@pytest.mark.parametrize(
    "text", [b"", b"ref: refs/heads/gone\n", b"nonsense\n", b"\xff\xfe", b"ref: refs/heads/loop\n"]
)
def test_a_broken_head_is_no_commit(repository: Path, text: bytes) -> None:
    (repository / ".git/refs/heads/loop").write_text("ref: refs/heads/loop")
    (repository / ".git/HEAD").write_bytes(text)
    head = git.head(repository)
    assert head is not None
    assert head.commit is None


def test_a_broken_repository_is_none(repository: Path) -> None:
    (repository / ".git/HEAD").unlink()
    assert git.head(repository) is None
    assert git.dirty(repository) is None


def test_a_git_file_that_points_nowhere_is_none(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere/at/all")
    assert git.head(tmp_path) is None


def test_dirty(repository: Path) -> None:
    assert git.dirty(repository) is False
    (repository / ".snap").mkdir()
    (repository / ".snap" / "x").touch()
    assert git.dirty(repository) is False
    (repository / "new").touch()
    assert git.dirty(repository) is True
    (repository / "new").unlink()
    (repository / "a").write_text("22")
    assert git.dirty(repository) is True


def test_dirt_outside_of_the_project_does_not_count(repository: Path) -> None:
    (repository / "sub").mkdir()
    (repository / "a").write_text("22")
    assert git.dirty(repository / "sub") is False


def test_a_history_and_what_its_commits_have(repository: Path) -> None:
    (repository / "sub").mkdir()
    for number in range(3):
        (repository / "sub/file").write_text(str(number))
        run(repository, "add", "--all")
        run(repository, "commit", "-qm", f"change {number}: a\tb")
    found = git.commits(repository, "HEAD~3", "HEAD")
    assert [one.subject for one in found] == ["one", *(f"change {number}: a\tb" for number in range(3))]
    assert found[-1].id == commit(repository)
    with tarfile.open(fileobj=io.BytesIO(git.archive(repository / "sub", found[1].id))) as tar:
        assert tar.getnames() == ["file"]
        file = tar.extractfile("file")
        assert file is not None
        assert file.read() == b"0"
    with pytest.raises(UsageError, match="there are no commits between"):
        git.commits(repository, "HEAD", "HEAD")
    for wrong in ("nowhere", "--output=x"):
        with pytest.raises(UsageError, match="git says"):
            git.commits(repository, wrong, "HEAD")
