"""What keeps an export back, in files of every kind."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from pathlib import Path

import pytest

from snapshot.errors import LeakError, UsageError
from snapshot.share.entry import Entry
from snapshot.share.export import findings
from snapshot.share.export.findings import Finding, find
from snapshot.share.export.private import Private
from snapshot.share.export.redaction import check

AWS = "AKIAQYLPMN5HHHFPZAM2"
KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7bq98cQtN4z1\n" * 8 + "-----END RSA PRIVATE KEY-----\n"
ALICE = Private(folders=("/home/alice",), users=("alice",))


def found(path: str, content: bytes | str, private: Private = ALICE) -> list[tuple[int, str, int]]:
    source = content.encode() if isinstance(content, str) else content
    return [(one.line, one.rule, one.count) for one in find([Entry(path=path, source=source)], (), private)]


def file(folder: Path, content: bytes) -> Entry:
    (folder / "file").write_bytes(content)
    return Entry(path="results/file", source=folder / "file")


def test_secrets_by_file_and_line() -> None:
    assert (2, "aws-access-token", 1) in found("workspace/a.py", f"x = 1\naws = '{AWS}'\n")
    assert found("log", KEY) == [(1, "private-key", 1)]
    assert found("workspace/conf/.env", "A=1") == [(0, "file-name", 1)]
    assert found("workspace/a.py", "x = 1\n") == []


def test_the_same_place_in_many_lines_is_one_finding() -> None:
    assert found("log", "start\n" + "reading /home/alice/x\n" * 50) == [(2, "folder", 50)]


def test_names_and_links_tell_too() -> None:
    assert found("results/alice/x.txt", "") == [(0, "user-name", 1)]
    (one,) = find([Entry(path="workspace/data", link="/home/alice/data")], (), ALICE)
    assert (one.rule, one.masked) == ("folder", "/home/alice")


def test_what_is_no_text_is_looked_through_too() -> None:
    assert found("results/x.pkl", pickle.dumps({"home": "/home/alice/data", "x": b"\0" * 100})) == [(0, "folder", 1)]
    assert (0, "aws-access-token", 1) in found("results/x.bin", b"\0\1\2" + f"key = {AWS} ".encode() + b"\0")


def test_archives_are_opened() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0 /home/alice/data \0")
        archive.writestr("conf/.env", "A=1")
    (name, place) = find([Entry(path="results/model.pt", source=packed.getvalue())], (), ALICE)
    assert (name.path, name.rule) == ("results/model.pt!archive/data.pkl", "folder")
    assert (place.path, place.rule) == ("results/model.pt!conf/.env", "file-name")
    assert found("results/model.pt", packed.getvalue()[:-30] + b"/home/alice") == [(0, "folder", 1)]


def test_lists_of_data_tell_by_their_names() -> None:
    listed = gzip.compress(b"snap.data/1\n" + b"0" * 64 + b" 3 alice/a.csv\0")
    assert found("manifests/a.gz", listed) == [(0, "user-name", 1)]


@pytest.mark.parametrize("path", ["snap.lock", "workspace/snap.lock"])
def test_digests_that_we_write_are_no_keys(path: str) -> None:
    assert found(path, 'packages = ["libkey-dev 1.0 amd64 sha256:' + "908cd1f2" * 8 + '"]\n') == []


@pytest.mark.parametrize("place", [100, findings.BLOCK - 100, findings.BLOCK + 100, 2 * findings.BLOCK])
def test_large_files_are_looked_through_in_blocks(place: int, tmp_path: Path) -> None:
    lines = b"0123456789 abcde\n" * (place // 17)
    entry = file(tmp_path, lines + KEY.encode() + b"0123456789 abcde\n" * 100_000)
    assert [(one.line, one.rule) for one in find([entry], (), ALICE)] == [(place // 17 + 1, "private-key")]


def test_long_lines_are_looked_through(tmp_path: Path) -> None:
    entry = file(tmp_path, b"x" * (findings.BLOCK - 5) + b" /home/alice " + b"x" * findings.BLOCK)
    assert [(one.line, one.rule) for one in find([entry], (), ALICE)] == [(1, "folder")]


def test_files_that_stay_here_count_if_they_are_secrets_by_their_kind() -> None:
    assert [one.fingerprint for one in find((), ("workspace/.env", "workspace/notes.md"), ALICE)] == [
        "workspace/.env:file-name:0"
    ]


FOUND = (
    Finding(path="workspace/a.py", line=3, rule="aws-access-token", masked="AKIA… (20 characters)"),
    Finding(path="log", line=1, rule="folder", masked="/home/alice", count=7),
)


def test_they_keep_it_back_unless_each_is_let_through() -> None:
    with pytest.raises(LeakError) as caught:
        check(FOUND, ["log:folder:1"])
    assert caught.value.message.splitlines() == [
        "one finding keeps the export back:",
        "  workspace/a.py:aws-access-token:3  AKIA… (20 characters)",
    ]
    with pytest.raises(LeakError, match="2 findings keep"):
        check(FOUND, ())
    assert check(FOUND, ["log:folder:1", "workspace/a.py:aws-access-token:3"]) == FOUND
    assert check((), ()) == ()


def test_what_is_let_through_must_be_there() -> None:
    with pytest.raises(UsageError, match="no finding `x:y:1`"):
        check(FOUND[:1], ["workspace/a.py:aws-access-token:3", "x:y:1"])


def test_very_many_are_not_all_told() -> None:
    many = [Finding(path=f"f{number}", line=1, rule="r", masked="") for number in range(100)]
    with pytest.raises(LeakError, match="and 60 more"):
        check(many, ())
