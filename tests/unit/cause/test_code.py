"""Code apart into hunks and files, and mixed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from snapshot.cause.code import Code
from snapshot.record.code.snapshots import DIRECTORY, EXECUTABLE, FILE, LINK, CodeEntry

Files = Mapping[str, bytes]


class Contents:
    """What a store holds."""

    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}

    def entries(self, files: Files, mode: str = FILE) -> list[CodeEntry]:
        found = {
            parent: CodeEntry(path=parent, mode=DIRECTORY) for path in files if (parent := path.rpartition("/")[0])
        }
        for path, data in files.items():
            sha256 = hashlib.sha256(data).hexdigest()
            self.known[sha256] = data
            found[path] = CodeEntry(path=path, mode=mode, size=len(data), sha256=sha256)  # type: ignore[arg-type]
        return [found[path] for path in sorted(found)]

    def read(self, entry: CodeEntry) -> bytes:
        return self.known[entry.sha256]


def made(old: Files, new: Files) -> tuple[Code, Contents]:
    contents = Contents()
    return Code(contents.entries(old), contents.entries(new), contents.read), contents


def mixed(code: Code, contents: Contents, chosen: set[str]) -> dict[str, bytes]:
    entries, ours = code.mixed(chosen)
    known = {**contents.known, **ours}
    return {entry.path: known[entry.sha256] for entry in entries if entry.sha256}


def test_hunks_of_a_text_and_files_that_come_and_go() -> None:
    old = {"a.py": b"1\n2\n3\n4\n5\n", "gone.py": b"x\n", "same.py": b"s\n", "image.bin": b"\0a"}
    new = {"a.py": b"one\n2\n3\n4\n5\n6", "new/b.py": b"y\n", "same.py": b"s\n", "image.bin": b"\0b"}
    code, contents = made(old, new)
    assert {candidate.key: candidate.text for candidate in code.candidates()} == {
        "code a.py:1": "a.py:1 (-1 +1 lines)",
        "code a.py:6": "a.py:6 (-0 +1 lines)",
        "code gone.py": "gone.py (removed)",
        "code image.bin": "image.bin (changed)",
        "code new/b.py": "new/b.py (added)",
    }
    assert mixed(code, contents, set()) == old
    assert mixed(code, contents, {candidate.key for candidate in code.candidates()}) == new
    half = mixed(code, contents, {"code a.py:6", "code gone.py"})
    assert half == {**{path: old[path] for path in ("same.py", "image.bin")}, "a.py": b"1\n2\n3\n4\n5\n6"}
    entries, _ = code.mixed({"code new/b.py"})
    assert CodeEntry(path="new", mode=DIRECTORY) in entries


def test_modes_and_links_are_swapped_whole() -> None:
    contents = Contents()
    file, program = contents.entries({"a": b"1\n2\n"})[0], contents.entries({"a": b"1\n3\n"}, EXECUTABLE)[0]
    link = CodeEntry(path="a", mode=LINK, target="b")
    for other in (program, link):
        code = Code([file], [other], contents.read)
        assert [candidate.key for candidate in code.candidates()] == ["code a"]
        assert code.mixed({"code a"})[0] == (other,)


def test_requirements_are_swapped_as_packages_and_their_file_whole() -> None:
    code, _ = made({"requirements.txt": b"a==1\nb\nc==1\n"}, {"requirements.txt": b"a==2\nb\nc==2\n"})
    assert [candidate.key for candidate in code.candidates()] == ["code requirements.txt"]


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\r\n", b"\n"]), max_size=12).map(b"".join)


@given(LINES, LINES, st.integers(0, 99))
def test_whatever_the_texts_none_is_the_first_and_all_is_the_second(old: bytes, new: bytes, seed: int) -> None:
    code, contents = made({"f": old}, {"f": new})
    keys = [candidate.key for candidate in code.candidates()]
    assert mixed(code, contents, set()) == {"f": old}
    assert mixed(code, contents, set(keys)) == {"f": new}
    some = {key for key in keys if random.Random(f"{seed}{key}").random() < 0.5}
    assert set(mixed(code, contents, some)) == {"f"}
