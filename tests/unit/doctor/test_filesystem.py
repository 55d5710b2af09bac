"""What a file system can, and what it means where it can't."""

from pathlib import Path

import pytest

from snapshot.doctor import filesystem
from snapshot.doctor.filesystem import Tried
from snapshot.host.mounts import Mounted


def mounted(kind: str, *options: str) -> Mounted:
    return Mounted(point="/", kind=kind, source="x", options=options)


@pytest.mark.parametrize("kind", ["nfs4", "9p", "fuse.sshfs", "fuseblk", "vfat", "overlay"])
def test_where_no_overlay_can_be_laid(kind: str) -> None:
    (found,) = filesystem.findings(Tried(), mounted(kind))
    assert found.severity == "error" and f"`{kind}`" in found.message


@pytest.mark.parametrize(
    ("tried", "severity"),
    [
        (Tried(locks=False), "error"),
        (Tried(attributes=False), "warning"),
        (Tried(modes=False), "warning"),
        (Tried(links=False), "warning"),
        (Tried(symlinks=False), "warning"),
        (Tried(cases=False), "warning"),
        (Tried(), "ok"),
    ],
)
def test_what_does_not_work(tried: Tried, severity: str) -> None:
    (found,) = filesystem.findings(tried, mounted("ext4"))
    assert found.severity == severity


def test_programs_that_can_not_be_started() -> None:
    (found,) = filesystem.findings(Tried(), mounted("ext4", "rw", "noexec"))
    assert found.severity == "warning" and "`noexec`" in found.message


def test_a_file_system_of_no_known_type_is_judged_by_what_works() -> None:
    assert [one.severity for one in filesystem.findings(Tried(), None)] == ["ok"]


def test_nothing_stays(tmp_path: Path) -> None:
    found = list(filesystem.look(tmp_path))
    assert found and list(tmp_path.iterdir()) == []


def test_the_store_is_the_place_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / ".snap").mkdir()
    with filesystem.scratch(tmp_path) as folder:
        assert folder.parent == tmp_path / ".snap"
    assert not folder.exists()
