"""What processes noted, as names of the project and its data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from snapshot.lock.document import Python
from snapshot.project.names import to_text
from snapshot.record import reads
from snapshot.record.document import Data, Reads
from snapshot.run import noted, trace

CODE = frozenset({"train.py", "model.py", "own/__init__.py", "own/part.py", os.fsdecode(b"caf\xe9.txt")})
DATA = (
    Data(path="images", target="/workspace/images", kind="folder", reason="ignored"),
    Data(path="big.npy", target="/workspace/big.npy", kind="file", reason="large"),
    Data(path="/mnt/set", target="/mnt/set", kind="folder", reason="option"),
    Data(path="link", target="/elsewhere/set", kind="folder", reason="link"),
)


def python(executable: str, version: str = "3.11.2") -> Python:
    return Python(version=version, implementation="cpython", build="", executable=executable, platform="x")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run that was traced."""
    run = tmp_path / "run"
    trace.mounts(run, python("/usr/bin/python3"))
    return run


def note(folder: Path, *entries: str | bytes, process: str = "1-abcd") -> None:
    data = b"".join((entry if isinstance(entry, bytes) else entry.encode()) + b"\0" for entry in entries)
    (folder / "trace" / process).write_bytes(data)


def gather(
    folder: Path, *, project: str = "/home/me/project", on_host: Sequence[str] = ()
) -> tuple[reads.ReadsFile, Reads]:
    found = trace.gather(folder, project=Path(project), code=CODE, data=DATA, exists=lambda path: path in on_host)
    assert found is not None
    return found


def test_files_are_of_the_project_of_the_data_or_of_neither(folder: Path):
    note(folder, "/workspace/train.py", "/workspace/images/1.png", "/mnt/set/a/b", "/opt/table.csv", "mnumpy")
    note(folder, "/workspace/train.py", "/workspace/big.npy", "/elsewhere/set/x", "mtorch", process="2-abcd")
    file, summary = gather(folder)
    assert file == reads.ReadsFile(
        processes=2,
        project=("train.py",),
        data=("/mnt/set/a/b", "big.npy", "images/1.png", "link/x"),
        outside=("/opt/table.csv",),
        modules=("numpy", "torch"),
    )
    assert summary == Reads(processes=2, project=1, data=4, modules=2)
    assert reads.read(folder) == file


def test_programs_are_named_as_they_were_started(folder: Path):
    note(folder, "xmake", "x/usr/bin/convert")
    note(folder, "xmake", process="2-abcd")
    assert gather(folder)[0].programs == ("/usr/bin/convert", "make")


def test_what_the_run_wrote_itself_is_not_of_the_project(folder: Path):
    note(folder, "/workspace/checkpoint.pt", "/tmp/cache/x", "/workspace")
    assert gather(folder)[0] == reads.ReadsFile(processes=1, outside=("/workspace",))


def test_byte_code_stands_for_its_module(folder: Path):
    note(folder, "/workspace/__pycache__/model.cpython-311.pyc", "/workspace/own/__pycache__/part.cpython-38.opt-1.pyc")
    assert gather(folder)[0].project == ("model.py", "own/part.py")


def test_the_project_by_its_own_path_is_the_project(folder: Path):
    note(folder, "/home/me/project/model.py", "/home/me/project/images/1.png", "/home/me/projects/x")
    file, _ = gather(folder)
    assert (file.project, file.data, file.outside) == (("model.py",), ("images/1.png",), ("/home/me/projects/x",))


def test_packages_have_the_names_that_are_imported(folder: Path):
    note(folder, "msix.py", "m_cffi_backend.cpython-311-x86_64-linux-gnu.so", "mnumpy.libs", "mnumpy", "mx.pth")
    note(folder, "mtorch-2.1.dist-info", "m__pycache__/typing_extensions.cpython-311.pyc", process="2-abcd")
    assert gather(folder)[0].modules == ("_cffi_backend", "numpy", "six", "typing_extensions")


def test_what_was_missing_is_told_if_this_machine_has_it(folder: Path):
    note(folder, "?/mnt/other/x.npy", "?/mnt/gone", "?/mnt/late", "/mnt/late")
    file, summary = gather(folder, on_host=["/mnt/other/x.npy", "/mnt/late"])
    assert file.missing == ("/mnt/gone", "/mnt/other/x.npy")
    assert summary.missing == ("/mnt/other/x.npy",)


def test_names_that_are_not_utf8_are_kept(folder: Path):
    note(folder, b"/workspace/caf\xe9.txt", b"/mnt/set/\xff\n\x1b[31m", b"?/mnt/\xe9")
    file, summary = gather(folder, on_host=[os.fsdecode(b"/mnt/\xe9")])
    assert file.project == (to_text(os.fsdecode(b"caf\xe9.txt")),)
    assert file.data == (to_text(os.fsdecode(b"/mnt/set/\xff\n\x1b[31m")),)
    assert summary.missing == (to_text(os.fsdecode(b"/mnt/\xe9")),)
    assert reads.read(folder) == file


def test_a_run_that_was_not_traced_has_nothing(tmp_path: Path):
    trace.mounts(tmp_path, python("/usr/bin/python3"), trace=False)
    assert trace.gather(tmp_path, project=tmp_path, code=CODE, data=DATA) is None
    assert reads.read(tmp_path) is None
    trace.discard(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_gathering_again_gives_the_same_before_and_after_the_notes_are_gone(folder: Path):
    note(folder, "/workspace/train.py", "?/mnt/x")
    first = gather(folder, on_host=["/mnt/x"])
    packed = (folder / reads.NAME).read_bytes()
    assert gather(folder, on_host=["/mnt/x"]) == first
    trace.discard(folder)
    assert gather(folder, on_host=["/mnt/x"]) == first
    assert (folder / reads.NAME).read_bytes() == packed
    assert [entry.name for entry in folder.iterdir()] == [reads.NAME]


def test_discarding_ends_what_a_crash_left_half_done(folder: Path):
    (folder / "trace").rename(folder / ".trace")
    trace.discard(folder)
    assert list(folder.iterdir()) == []


def test_an_entry_cut_short_and_one_too_many_are_told(folder: Path):
    (folder / "trace" / "1-a").write_bytes(b"/workspace/train.py\0r/workspace/mod")
    file, summary = gather(folder)
    assert (file.project, file.complete, summary.complete) == (("train.py",), False, False)
    note(folder, "/workspace/train.py", "!", process="1-a")
    assert not gather(folder)[0].complete


def test_what_a_hostile_run_leaves_there_is_survived(folder: Path):
    place = folder / "trace"
    note(
        folder,
        "",
        "p",
        "x",
        "relative",
        "/" + "a" * 9000,
        "m" + "b" * 9000,
        "m../../etc",
        "/workspace/../x",
    )
    os.mkfifo(place / "fifo")
    (place / "folder" / "deep").mkdir(parents=True)
    (place / "link").symlink_to("/etc/passwd")
    (place / "name\n\x1b[31m").write_bytes(b"/workspace/train.py\0")
    with (place / "sparse").open("wb") as file:
        file.truncate(2**26)
    found, _ = gather(folder)
    assert found.project == ("train.py",)
    assert found.outside == ("/x",)
    assert found.modules == ()
    assert not found.complete
    trace.discard(folder)
    assert not place.exists()


def test_the_names_that_are_kept_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(noted, "MOST_NAMES", 10)
    note(folder, *(f"/mnt/set/{number}" for number in range(20)))
    found, summary = gather(folder)
    assert (len(found.data), summary.complete) == (10, False)


@pytest.mark.parametrize(
    ("executable", "version", "folder"),
    [
        ("/usr/bin/python3", "3.11.2", "/usr/local/lib/python3.11/dist-packages"),
        ("/usr/local/bin/python3", "3.12.1", "/usr/local/lib/python3.12/site-packages"),
        ("/opt/conda/bin/python", "3.10.13", "/opt/conda/lib/python3.10/site-packages"),
    ],
)
def test_the_file_that_starts_the_tracer_goes_where_the_interpreter_looks(
    tmp_path: Path, executable: str, version: str, folder: str
):
    mounts = trace.mounts(tmp_path, python(executable, version))
    assert [mount.target for mount in mounts] == [
        f"{folder}/snapshot-run.pth",
        "/run/snapshot/lib/snapshot",
        "/run/snapshot/trace",
    ]
    assert [mount.read_only for mount in mounts] == [True, True, False]
    assert all(Path(mount.source or "").exists() for mount in mounts)
