"""A folder is packed to the same bytes wherever and whenever, and only what is code in it."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from snapshot import digest
from snapshot.errors import ResolveError
from snapshot.lock import pack


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    folder = tmp_path / "lib"
    (folder / "src" / "lib").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("")
    (folder / "src" / "lib" / "__init__.py").write_text("x = 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("run.sh")
    return folder


def packed(folder: Path, name: str = "lib") -> bytes:
    out = io.BytesIO()
    pack.folder(folder, out, name=name)
    return out.getvalue()


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: member for member in archive}


def test_the_bytes_depend_on_the_content_alone(lib: Path, tmp_path: Path) -> None:
    before = packed(lib)
    copy = tmp_path / "elsewhere"
    subprocess.run(["cp", "-r", lib, copy], check=True)
    for path in sorted(copy.rglob("*"), reverse=True):
        os.utime(path, (5, 5), follow_symlinks=False)
    (copy / "pyproject.toml").chmod(0o600)
    assert packed(copy) == before
    (copy / "pyproject.toml").write_text("#")
    assert packed(copy) != before


def test_what_an_archive_tells_of_each_file(lib: Path) -> None:
    found = members(packed(lib))
    assert list(found) == sorted(found)
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in found.values()} == {
        (pack.TIME, 0, 0, "")
    }
    assert found["lib/run.sh"].mode == 0o755 and found["lib/pyproject.toml"].mode == 0o644
    assert found["lib/link"].issym() and found["lib/link"].linkname == "run.sh"


def test_what_git_ignores_is_left_out(lib: Path) -> None:
    subprocess.run(["git", "init", "-q", lib], check=True)
    (lib / ".gitignore").write_text("*.bin\nbuild/\n")
    (lib / "weights.bin").write_bytes(bytes(20_000_000))
    (lib / "build").mkdir()
    (lib / "build" / "old.py").write_text("")
    (lib / "src" / "__pycache__").mkdir()
    assert set(members(packed(lib))) == {
        "lib", "lib/.gitignore", "lib/pyproject.toml", "lib/run.sh", "lib/link", "lib/src", "lib/src/lib",
        "lib/src/lib/__init__.py",
    }  # fmt: skip


def test_the_digest_is_that_of_the_archive_and_is_kept(lib: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    found = pack.packed_digest(lib, memory=memory)
    assert found == digest.of_bytes(packed(lib)) == pack.packed_digest(lib) == pack.packed_digest(lib, memory=memory)
    (lib / "pyproject.toml").write_text("changed = true\n")
    assert pack.packed_digest(lib, memory=memory) == digest.of_bytes(packed(lib)) != found


def test_a_kept_digest_spares_the_reading(lib: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    pack.packed_digest(lib, memory=memory)
    (kept,) = memory.iterdir()
    kept.write_text(kept.read_text().replace('"digest":"sha256:', '"digest":"sha256:kept'))
    os.utime(kept, (2**31, 2**31))
    assert pack.packed_digest(lib, memory=memory).startswith("sha256:kept")
    # One that is hardly younger than the files may have missed a change.
    os.utime(kept, (0, 0))
    assert pack.packed_digest(lib, memory=memory) == digest.of_bytes(packed(lib))
    kept.write_text("nonsense")
    os.utime(kept, (2**31, 2**31))
    assert pack.packed_digest(lib, memory=memory) == digest.of_bytes(packed(lib))


def test_a_file_has_its_own_digest(tmp_path: Path) -> None:
    (tmp_path / "spam.whl").write_bytes(b"spam")
    assert pack.packed_digest(tmp_path / "spam.whl", memory=tmp_path / "memory") == digest.of_bytes(b"spam")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResolveError, match="not there any more"):
        pack.packed_digest(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "said"), [("lib", "lib"), ("mein Projekt ñ", "mein-Projekt"), (".hidden", "hidden"), ("ñ", "source")]
)
def test_names_of_archives(name: str, said: str) -> None:
    assert pack.archive_name(Path(name)).rstrip("-") == said


def tar(**contents: str) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in contents.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    out.seek(0)
    return out


def unpacked(**parts: io.BytesIO) -> dict[str, bytes]:
    out = io.BytesIO()
    pack.work_tree(
        [(below.replace("_", "/").strip("/"), part) for below, part in parts.items()],
        out, name="repo", commit="c" * 40, described="v1.0-2-gcccccccccccc",
    )  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive if m.isreg()}  # type: ignore[union-attr]


def test_a_work_tree_has_its_submodules_and_tells_its_version() -> None:
    found = unpacked(_=tar(setup="x"), below_part=tar(part="y"))
    assert found["repo/setup"] == b"x" and found["repo/below/part/part"] == b"y"
    assert found["repo/.git_archival.txt"] == b"node: " + b"c" * 40 + b"\ndescribe-name: v1.0-2-gcccccccccccc\n"


def test_what_git_has_filled_in_stays() -> None:
    own = "node: ccc\ndescribe-name: v1.0\n"
    assert unpacked(_=tar(__git_archival__txt=own))["repo/.git_archival.txt"] == own.encode()
    template = "describe-name: $Format:%(describe)$\n"
    assert b"v1.0-2-g" in unpacked(_=tar(__git_archival__txt=template))["repo/.git_archival.txt"]


def test_links_to_what_is_not_packed_are_left_out(lib: Path) -> None:
    """pip refuses an archive that has one; where a wheel is built they lead nowhere in any case."""
    for name, target in {
        "data": "/mnt/data",
        "up": "../elsewhere",
        "gone": "nowhere",
        "self": ".",
        "in": "src",
    }.items():
        (lib / name).symlink_to(target)
    (lib / "src" / "lib" / "run").symlink_to("../../run.sh")
    found = members(packed(lib))
    assert {name for name, member in found.items() if member.issym()} == {
        "lib/link", "lib/self", "lib/in", "lib/src/lib/run",
    }  # fmt: skip


def test_a_file_that_shrinks_meanwhile_is_named(lib: Path) -> None:
    class Meddler(io.BytesIO):
        """Truncates a file of the folder while what comes before it is written."""

        def write(self, data) -> int:
            (lib / "run.sh").write_text("")
            return super().write(data)

    (lib / "first").write_bytes(bytes(100_000))
    with pytest.raises(ResolveError, match=r"`lib/run.sh` was changed while it was packed"):
        pack.folder(lib, Meddler(), name="lib")
