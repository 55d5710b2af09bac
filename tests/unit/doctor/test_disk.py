"""Space, and what too little of it means."""

from pathlib import Path

import pytest

from snapshot.doctor import disk
from snapshot.doctor.disk import Space

GB = 10**9


def space(free: int, *, device: int = 1, used_for: str = "the project", inodes: int | None = None) -> Space:
    return Space(device=device, used_for=used_for, free=free, inodes=inodes)


@pytest.mark.parametrize(
    ("free", "severity"),
    [(0, "error"), (2 * GB - 1, "error"), (2 * GB, "warning"), (20 * GB - 1, "warning"), (20 * GB, "ok")],
)
def test_little_space(free: int, severity: str) -> None:
    (found,) = disk.findings([space(free)])
    assert found.severity == severity


def test_one_disk_is_one_finding() -> None:
    found = list(disk.findings([space(50 * GB), space(50 * GB, used_for="the engine"), space(1, device=2)]))
    assert [one.severity for one in found] == ["ok", "error"]
    assert "the project, the engine" in found[0].message


def test_what_is_no_disk_has_no_space_to_be_free(tmp_path: Path) -> None:
    found = list(disk.look(root=Path("/proc"), cache=tmp_path, engine_root=""))
    assert found and all("the cache" in one.message and "the project" not in one.message for one in found)


@pytest.mark.parametrize(
    ("inodes", "severities"),
    [(None, ["ok"]), (10**6, ["ok"]), (50_000, ["ok", "warning"]), (10, ["ok", "error"])],
)
def test_a_disk_that_can_not_have_more_files(inodes: int | None, severities: list[str]) -> None:
    assert [one.severity for one in disk.findings([space(50 * GB, inodes=inodes)])] == severities


def test_the_cache_need_not_be_there_and_stays_away(tmp_path: Path) -> None:
    assert [one.severity for one in disk.cache(tmp_path / "a" / "b")] == ["ok"]
    assert list(tmp_path.iterdir()) == []


def test_a_cache_where_nothing_can_be_made() -> None:
    (found,) = disk.cache(Path("/proc/snapshot"))
    assert found.severity == "error" and "XDG_CACHE_HOME" in (found.remedy or "")


def test_the_cache_has_a_size_without_the_engine_in_it(tmp_path: Path) -> None:
    for name, length in (("packages", 2000), ("engine", 10**6)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(bytes(length))
    assert [one.message for one in disk.cache(tmp_path)][1].startswith("it holds 2.0 kB")
