"""Kits that were spoiled, by accident and on purpose."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from snapshot.errors import IntegrityError, SnapshotError, StoreError, UsageError
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.share.kit import document, sums
from snapshot.share.kit.reading import Opened, opened
from tests.unit.share import kits


def read(path: Path, scratches: Path) -> Opened:
    with opened(path, scratches) as found:
        return found


def refused(path: Path, tmp_path: Path, kind: type[SnapshotError] = IntegrityError) -> str:
    """The words with which the kit is refused; nothing of it stays."""
    with pytest.raises(kind) as caught, opened(path, tmp_path / "scratch"):
        pass
    left = tmp_path / "scratch"
    assert not left.exists() or list(left.iterdir()) == []
    return caught.value.message


def test_a_folder_and_a_tar_say_the_same(kit: Path, packed: Path, run: Run, tmp_path: Path) -> None:
    one, two = read(kit, tmp_path / "s"), read(packed, tmp_path / "s")
    assert one.kit == two.kit
    assert one.kit.run == run.id
    assert one.sums == two.sums


def test_tars_of_a_run_are_the_same_whenever_they_are_written(store: Store, run: Run, packed: Path) -> None:
    again = kits.write(kits.entries(store, run), packed.with_name("again.tar"))
    assert again.read_bytes() == packed.read_bytes()
    with tarfile.open(packed) as archive:
        members = archive.getmembers()
    assert {(m.uid, m.gid, m.uname, m.mtime) for m in members} == {(0, 0, "", kits.EPOCH)}


def test_what_is_no_kit(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "is no kit" in refused(tmp_path / "empty", tmp_path, UsageError)
    assert "is not there" in refused(tmp_path / "nothing", tmp_path, UsageError)
    (tmp_path / "text").write_text("hello")
    assert "no tar that can be read" in refused(tmp_path / "text", tmp_path)


def test_one_that_is_newer(kit: Path, tmp_path: Path) -> None:
    kits.change_json(kit / document.FILE, lambda value: value.update(schema="snap.kit/2"))
    kits.resum(kit)
    with pytest.raises(StoreError) as caught, opened(kit, tmp_path / "s"):
        pass
    assert "upgrade" in (caught.value.hint or "")


def test_a_file_altered_or_gone(kit: Path, tmp_path: Path) -> None:
    changed = kit / "opt/snap/outputs/out/model.pt"
    changed.write_bytes(b"Weights")
    assert "`opt/snap/outputs/out/model.pt` of the kit is not what" in refused(kit, tmp_path)
    changed.unlink()
    assert "lacks `opt/snap/outputs/out/model.pt`" in refused(kit, tmp_path)


def test_a_link_in_the_place_of_a_file(kit: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"weights")
    inside = kit / "opt/snap/outputs/out/model.pt"
    inside.unlink()
    inside.symlink_to(secret)
    assert "lacks" in refused(kit, tmp_path)


def test_a_link_in_the_place_of_a_folder(kit: Path, tmp_path: Path) -> None:
    (kit / "opt/snap/outputs/out").rename(tmp_path / "out")
    (kit / "opt/snap/outputs/out").symlink_to(tmp_path / "out")
    assert "below a link" in refused(kit, tmp_path)


def test_a_named_pipe(kit: Path, tmp_path: Path) -> None:
    (kit / "workspace/train.py").unlink()
    os.mkfifo(kit / "workspace/train.py")
    assert "lacks `workspace/train.py`" in refused(kit, tmp_path)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "a//b", "./a"])
def test_sums_that_lead_out(kit: Path, tmp_path: Path, name: str) -> None:
    with (kit / document.SUMS).open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    assert "outside of the kit" in refused(kit, tmp_path)


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 63}  a", f"{'0' * 64} a", ""])
def test_sums_that_are_none(kit: Path, tmp_path: Path, line: str) -> None:
    with (kit / document.SUMS).open("a") as file:
        file.write(f"{line}\n")
    assert f"`{document.SUMS}` is damaged" in refused(kit, tmp_path)


def test_sums_that_name_a_file_twice(kit: Path, tmp_path: Path) -> None:
    text = (kit / document.SUMS).read_text()
    (kit / document.SUMS).write_text(text + text.splitlines()[0] + "\n")
    assert "is damaged" in refused(kit, tmp_path)


def test_a_file_that_the_sums_do_not_name_is_not_there(kit: Path, tmp_path: Path) -> None:
    (kit / "opt/snap/lineage").mkdir()
    (kit / "opt/snap/lineage/x.json").write_text("{}")
    found = read(kit, tmp_path / "s")
    assert "opt/snap/lineage/x.json" not in found.names()
    with pytest.raises(IntegrityError):
        found.file("opt/snap/lineage/x.json")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_tar_cut_short(packed: Path, tmp_path: Path, share: float) -> None:
    data = packed.read_bytes()
    packed.write_bytes(data[: int(len(data) * share)])
    refused(packed, tmp_path)


def test_a_tar_cut_between_two_files(packed: Path, tmp_path: Path) -> None:
    with tarfile.open(packed) as archive:
        last = archive.getmembers()[-1]
    packed.write_bytes(packed.read_bytes()[: last.offset])
    assert "its end is missing" in refused(packed, tmp_path)


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "workspace/../../out", "workspace/train.py"])
def test_a_member_that_leads_out_or_comes_twice(packed: Path, tmp_path: Path, name: str) -> None:
    spoiled = kits.with_member(packed, tmp_path / "spoiled.tar", tarfile.TarInfo(name), b"x")
    assert "which no kit of `snap` has" in refused(spoiled, tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_member_that_is_no_file(packed: Path, tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("workspace/device")
    member.type, member.linkname = kind, "/etc/passwd"
    assert "which no kit" in refused(kits.with_member(packed, tmp_path / "spoiled.tar", member), tmp_path)


def test_a_member_below_a_link(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    link = tarfile.TarInfo("workspace/away")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
    one = kits.with_member(packed, tmp_path / "one.tar", link)
    two = kits.with_member(one, tmp_path / "two.tar", tarfile.TarInfo("workspace/away/file"), b"x")
    assert "below a link" in refused(two, tmp_path)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_sparse_file_that_is_large_for_a_few_bytes(packed: Path, tmp_path: Path) -> None:
    huge = tarfile.TarInfo("workspace/huge")
    huge.pax_headers = {
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 50),
        "GNU.sparse.name": "workspace/huge",
    }  # fmt: skip
    data = b"0\n".ljust(512, b"\0")
    assert "which no kit" in refused(kits.with_member(packed, tmp_path / "spoiled.tar", huge, data), tmp_path)


def test_names_that_sha256sum_escapes(tmp_path: Path) -> None:
    found = {"a\nb": "0" * 64, "c\\d": "1" * 64, "plain": "2" * 64, os.fsdecode(b"caf\xe9"): "3" * 64}
    data = sums.dumps(found)
    assert sums.loads(data, where="x") == found
    assert b"\\" + b"0" * 64 + b"  a\\nb\n" in data


def test_sha256sum_itself_agrees(command, tmp_path: Path) -> None:
    names = ["a\nb", "c\\d", "plain", os.fsdecode(b"caf\xe9")]
    for name in names:
        (tmp_path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    found = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names}
    (tmp_path / "SHA256SUMS").write_bytes(sums.dumps(found))
    command("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS", cwd=tmp_path)


def test_an_archive_of_nothing(tmp_path: Path) -> None:
    out = io.BytesIO()
    tarfile.open(fileobj=out, mode="w").close()
    (tmp_path / "kit.tar").write_bytes(out.getvalue())
    assert "is no kit" in refused(tmp_path / "kit.tar", tmp_path, UsageError)
