"""What installing OS packages leaves in an image, in folders that stand for it."""

import ast
import hashlib
import os
import stat
import struct
from pathlib import Path

import pytest

from snapshot.image import install_debs
from snapshot.image.install_debs import EMPTIED, LEFT_BEHIND, below, changed, matching, remake, settle, tidy, undate

EPOCH = 1_700_000_000


def now(folder: Path) -> dict[str, tuple[int, int]]:
    return dict(below(str(folder), folder.stat().st_dev))


def settled(folder: Path, before: dict[str, tuple[int, int]]) -> None:
    for path, (_, modified) in changed(before, now(folder)).items():
        settle(path, modified, before, EPOCH)


def test_it_is_python_3_8() -> None:
    ast.parse(Path(install_debs.__file__).read_text(), feature_version=(3, 8))


def test_what_is_new_and_what_was_written_to_has_changed(tmp_path: Path) -> None:
    for name in ("same", "written", "sub/same"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before = now(tmp_path)
    (tmp_path / "written").write_text("written")
    (tmp_path / "sub/new").symlink_to("nowhere")
    found = {os.path.relpath(path, tmp_path) for path in changed(before, now(tmp_path))}
    assert found == {"written", "sub", "sub/new"}


def test_times_tell_nothing_of_today(tmp_path: Path) -> None:
    before = now(tmp_path)
    (tmp_path / "made").write_text("today")
    (tmp_path / "unpacked").write_text("as old as its package says")
    os.utime(tmp_path / "unpacked", (1_600_000_000, 1_600_000_000))
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("gone")
    settled(tmp_path, before)
    times = {name: (tmp_path / name).lstat().st_mtime for name in ("made", "unpacked", "folder", "link")}
    assert times == {"made": EPOCH, "unpacked": 1_600_000_000, "folder": EPOCH, "link": EPOCH}


def test_what_was_written_again_has_another_time_than_before(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    file.write_text("")
    os.utime(file, (EPOCH, EPOCH))
    before = now(tmp_path)
    file.write_text("")
    settled(tmp_path, before)
    assert file.stat().st_mtime == EPOCH - 1


def test_a_folder_made_anew_is_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "sub/deep/file").write_text("text")
    os.link(folder / "sub/deep/file", folder / "hard")
    folder.chmod(0o2750)
    inode = folder.stat().st_ino
    remake(str(folder))
    assert folder.stat().st_ino != inode
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2750
    assert (folder / "sub/deep/file").stat().st_nlink == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "file", "folder", "hard", "sub"]


def test_logs_and_backups_go_and_what_packages_need_stays() -> None:
    needed = ["/etc/passwd", "/etc/ld.so.cache", "/etc/fonts/conf.d-", "/var/lib/dpkg/status", "/usr/share/x-old"]
    left = ["/etc/passwd-", "/var/lib/dpkg/status-old", "/var/cache/fontconfig/1.cache-7", "/etc/machine-id"]
    logs = ["/var/log/alternatives.log", "/var/log/apt/history.log", "/var/cache/ldconfig/aux-cache"]
    assert matching(LEFT_BEHIND, needed + left + logs) == left
    assert matching(EMPTIED, needed + left + logs) == logs


def test_files_of_the_base_are_emptied_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_debs, "LEFT_BEHIND", (f"{tmp_path}/*-old",))
    for name in ("base-old", "new-old", "needed"):
        (tmp_path / name).write_text("text")
    tidy([str(path) for path in tmp_path.iterdir()], {f"{tmp_path}/base-old"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"base-old": "", "needed": "text"}


def keystore(*times: int) -> bytes:
    """A Java keystore of as many certificates."""
    body = struct.pack(">III", 0xFEEDFEED, 2, len(times))
    for number, time in enumerate(times):
        alias, data = f"authority-{number}".encode(), bytes(range(number, 200))
        body += struct.pack(">IH", 2, len(alias)) + alias + struct.pack(">Q", time)
        body += struct.pack(">H", 5) + b"X.509" + struct.pack(">I", len(data)) + data
    return body + hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + body).digest()


def test_certificates_for_java_do_not_tell_when_they_were_added(tmp_path: Path) -> None:
    file = tmp_path / "cacerts"
    file.write_bytes(keystore(1_795_422_508_123, 1_795_422_508_456, 7))
    undate(str(file), EPOCH)
    assert file.read_bytes() == keystore(*[EPOCH * 1000] * 3)
    for other in (b"", b"no keystore at all, but long enough", keystore(1, 2)[:-1] + b"!"):
        file.write_bytes(other)
        undate(str(file), EPOCH)
        assert file.read_bytes() == other


def test_only_root_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(SystemExit, match="runs as another user"):
        install_debs.main(str(tmp_path))
