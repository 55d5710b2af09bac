"""Where a path lies, by real and by malformed tables."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from snapshot.host.mounts import mount_of

TABLE = """\
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw
30 22 0:30 / /mnt/my\\040data rw,noexec - nfs4 server:/x rw,vers=4.2
31 22 0:31 / /mnt rw - tmpfs tmpfs rw
32 22 0:32 / /mnt rw - xfs /dev/sdb rw
"""


def table(folder: Path, text: str) -> Path:
    (folder / "self").mkdir()
    (folder / "self/mountinfo").write_text(text, encoding="utf-8", errors="surrogateescape")
    return folder


def test_the_nearest_mount_and_of_two_at_one_place_the_later(tmp_path: Path) -> None:
    proc = table(tmp_path, TABLE)
    kinds = {path: found.kind for path in ("/home/me", "/mnt", "/mnt/other", "/mnt/my data/x", "/mntx")
             if (found := mount_of(Path(path), proc))}  # fmt: skip
    assert kinds == {"/home/me": "ext4", "/mnt": "xfs", "/mnt/other": "xfs", "/mnt/my data/x": "nfs4", "/mntx": "ext4"}
    found = mount_of(Path("/mnt/my data"), proc)
    assert found is not None and "noexec" in found.options and found.source == "server:/x"


def test_this_machine_has_a_root() -> None:
    found = mount_of(Path("/"))
    assert found is not None and found.point == "/"


@given(st.text())
def test_no_table_is_too_strange(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mount_of(Path("/mnt"), table(Path(folder), text))


def test_no_table_at_all(tmp_path: Path) -> None:
    assert mount_of(Path("/"), tmp_path) is None
