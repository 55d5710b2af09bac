"""The OS packages that a project asks for, and where it says so."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot import digest
from snapshot.errors import UsageError
from snapshot.project.apt import OsRequest, read


def write(root: Path, text: str, name: str = "apt.txt") -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)


def names(found: OsRequest) -> list[str]:
    return [item.text for item in found.names]


def test_a_name_a_line_and_comments(tmp_path: Path) -> None:
    write(tmp_path, "# for videos\nffmpeg\n\n  libgl1  # OpenCV\r\ng++\nlibfoo:i386=2:1.0~rc1-1+b2\n")
    found = read(tmp_path)
    assert names(found) == ["ffmpeg", "libgl1", "g++", "libfoo:i386=2:1.0~rc1-1+b2"]
    last = found.names[-1]
    assert (last.name, last.architecture, last.version, last.bare) == (
        "libfoo",
        "i386",
        "2:1.0~rc1-1+b2",
        "libfoo:i386",
    )
    assert last.where == "apt.txt, line 6"
    assert found.source == "apt.txt"
    assert found.files == {"apt.txt": digest.of_bytes((tmp_path / "apt.txt").read_bytes())}


def test_the_configuration_wins(tmp_path: Path) -> None:
    write(tmp_path, "ffmpeg\n")
    found = read(tmp_path, ("libgl1", "gfortran"))
    assert (names(found), dict(found.files)) == (["libgl1", "gfortran"], {})
    assert found.names[1].where == "the configuration, `packages`, item 2"


def test_binder_folders_are_looked_into(tmp_path: Path) -> None:
    assert read(tmp_path) == OsRequest()
    write(tmp_path, "git\n", ".binder/apt.txt")
    assert (names(read(tmp_path)), read(tmp_path).source) == (["git"], ".binder/apt.txt")
    write(tmp_path, "ffmpeg\n", "binder/apt.txt")
    assert read(tmp_path).source == "binder/apt.txt"
    write(tmp_path, "")
    assert (names(read(tmp_path)), set(read(tmp_path).files)) == ([], {"apt.txt"})


def test_a_name_twice_is_one(tmp_path: Path) -> None:
    write(tmp_path, "ffmpeg\nffmpeg\n")
    assert names(read(tmp_path)) == ["ffmpeg"]
    write(tmp_path, "ffmpeg=1.0\nlibgl1\nffmpeg=2.0\n")
    with pytest.raises(UsageError, match=r"apt\.txt, line 3: `ffmpeg=2\.0`, and `ffmpeg=1\.0` in apt\.txt, line 1"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("ffmpeg libgl1", "a line of its own"),
        ("-t bookworm-backports", "options of apt-get"),
        ("ffmpeg/bookworm-backports", "a suite or a file"),
        ("./some.deb", "a suite or a file"),
        ("FFmpeg", "did you mean `ffmpeg`?"),
        ("ffmpeg-", "write it as in"),
        ("lib*", "write it as in"),
        ("ffmpeg=", "write it as in"),
        ("$(id)", "write it as in"),
    ],
)
def test_what_is_no_name_is_told_with_its_line(tmp_path: Path, line: str, hint: str) -> None:
    write(tmp_path, f"git\n\n{line}\n")
    with pytest.raises(UsageError) as caught:
        read(tmp_path)
    assert caught.value.message == f"apt.txt, line 3: `{line}` is not the name of an OS package"
    assert hint in (caught.value.hint or "")


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "apt.txt").write_bytes(b"git\nff\xffmpeg\n")
    with pytest.raises(UsageError, match=r"apt\.txt, line 2 can't be read: it is not UTF-8"):
        read(tmp_path)
    (tmp_path / "apt.txt").unlink()
    (tmp_path / "apt.txt").mkdir()
    with pytest.raises(UsageError, match=r"`apt\.txt` can't be read: is a directory"):
        read(tmp_path)
    (tmp_path / "apt.txt").rmdir()
    (tmp_path / "apt.txt").symlink_to("gone.txt")
    with pytest.raises(UsageError, match=r"`apt\.txt` can't be read: no such file"):
        read(tmp_path)


@given(st.text())
def test_any_text_is_read_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.getbasetemp() / "any-apt"
    root.mkdir(exist_ok=True)
    (root / "apt.txt").write_bytes(text.encode(errors="surrogatepass"))
    try:
        found = read(root)
    except UsageError as problem:
        assert problem.message.startswith("apt.txt, line ")
        assert problem.message.isprintable() and problem.hint
    else:
        assert set(found.files) == {"apt.txt"}
        # What is read can be given to a command: no white space, no option, no pattern, no path.
        assert not any(set(item.text) & set(" \t/*$-`'\"") - {"-"} for item in found.names)
        assert not any(item.text.startswith("-") or item.name.endswith("-") for item in found.names)


@given(
    st.from_regex(r"[a-z0-9][a-z0-9+.-]{0,8}[a-z0-9+](:[a-z0-9]{1,6})?(=[0-9][A-Za-z0-9.+~-]{0,8})?", fullmatch=True)
)
def test_names_come_back_as_they_were_given(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.getbasetemp() / "names-apt"
    root.mkdir(exist_ok=True)
    write(root, f" {text} # why\n")
    assert names(read(root)) == [text]
