"""Which code an export has: what the run was seen to use, and what a trace can't see."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.document import Code, Run, Taken
from snapshot.record.reads import ReadsFile
from snapshot.share.export.selection import folders, select
from tests.unit.record.records import a_run, command, output, run_id, sha256

FILES = ("train.py", "notes.md", "pkg/__init__.py", "pkg/model.py", "pkg/other.py", "lib/deep/util.py", "LICENSE")


def code(*files: str, links: dict[str, str] | None = None, empty: tuple[str, ...] = ()) -> tuple[CodeEntry, ...]:
    above = {"/".join(file.split("/")[:n]) for file in files for n in range(1, file.count("/") + 1)} | set(empty)
    return (
        *(CodeEntry(path=path, mode="100644", sha256="a" * 64) for path in files),
        *(CodeEntry(path=path, mode="040000") for path in sorted(above)),
        *(CodeEntry(path=path, mode="120000", target=target) for path, target in (links or {}).items()),
    )


def reads(*project: str, **changes: Any) -> ReadsFile:
    return msgspec.structs.replace(ReadsFile(processes=1, project=project), **changes)


def chosen(run: Run, entries: tuple[CodeEntry, ...], seen: ReadsFile | None, **options: Any) -> list[str]:
    return sorted(select(run, entries, seen, **options).paths)


def test_what_was_opened_and_the_packages_above_it() -> None:
    assert chosen(a_run(), code(*FILES), reads("train.py", "pkg/model.py")) == [
        *("LICENSE", "pkg/__init__.py", "pkg/model.py", "train.py"),
    ]


def test_a_notebook_is_a_python_program() -> None:
    run = a_run(command=command("a.ipynb", directory="nb"), project="/p")
    files = ("nb/a.ipynb", "nb/own.py", "nb/other.py")
    found = select(run, code(*files), reads("nb/a.ipynb", "nb/own.py"))
    assert (sorted(found.paths), found.traced) == (["nb/a.ipynb", "nb/own.py"], True)


def test_what_says_how_it_may_be_used_goes_along() -> None:
    about = ("COPYING", "LICENSE-MIT", "licence.txt", "UNLICENSE", "NOTICE.md", "CITATION.cff")
    others = ("license.py", "notices", "doc/LICENSE", "licensed.md", "license_check.py")
    assert chosen(a_run(), code("train.py", *about, *others), reads("train.py")) == sorted(("train.py", *about))


def test_the_script_and_files_that_arguments_name_though_nobody_saw_them_opened() -> None:
    run = a_run(command=command("../train.py", "--config=a.bin", "b.bin", "/p/c.bin", directory="conf"), project="/p")
    files = ("train.py", "conf/a.bin", "conf/b.bin", "c.bin", "d.bin")
    assert chosen(run, code(*files), reads("x.py")) == ["c.bin", "conf/a.bin", "conf/b.bin", "train.py"]


@pytest.mark.parametrize(
    ("run", "seen", "why"),
    [
        (a_run(), None, "not traced"),
        (a_run(), reads("train.py", processes=0), "not traced"),
        (a_run(), reads("train.py", complete=False), "more files"),
        (a_run(command=command("run.sh")), reads("train.py"), "no Python"),
        (a_run(command=command("make", "train", kind="command")), reads("train.py"), "no Python"),
        (a_run(), reads("train.py", programs=("/usr/bin/uname", "tools/convert")), "started `convert`"),
    ],
)
def test_all_of_it_where_the_trace_does_not_tell(run: Run, seen: ReadsFile | None, why: str) -> None:
    found = select(run, code(*FILES), seen)
    assert (found.paths, found.traced) == (frozenset(FILES), False)
    assert why in found.reason


def test_programs_that_open_nothing_of_the_project_do_not_count() -> None:
    seen = reads("train.py", programs=("uname", "/sbin/ldconfig", "/usr/bin/python3.11", "gcc", "python3"))
    assert select(a_run(), code(*FILES), seen).traced
    run = a_run(command=command("torchrun", "train.py", kind="command"))
    assert chosen(run, code("train.py", "x.py"), seen) == ["train.py"]


def test_all_of_it_when_that_is_asked_for_but_not_what_earlier_runs_left() -> None:
    run = a_run(code=Code(digest=sha256("c"), files=3, bytes=9, git=None, leftovers=("model.pt", "old.pt")))
    entries = code("train.py", "model.pt", "old.pt", "notes.md")
    assert chosen(run, entries, reads("train.py", "model.pt"), all_code=True) == ["model.pt", "notes.md", "train.py"]


def test_what_libraries_open_past_python_only_where_one_was_imported() -> None:
    entries = code("train.py", "in.safetensors", "in.h5")
    assert chosen(a_run(), entries, reads("train.py", modules=("safetensors",))) == ["in.safetensors", "train.py"]
    found = select(a_run(), entries, reads("train.py", modules=("safetensors", "numpy")))
    assert found.reason == "safetensors can open them unseen"


def test_what_was_taken_of_another_run_is_needed() -> None:
    taken = Taken(run=run_id(7), path="model.pt", target="start.pt", sha256=sha256("a"))
    assert chosen(a_run(taken=(taken,)), code("train.py"), reads("train.py")) == ["start.pt", "train.py"]


def test_links_lead_where_they_led() -> None:
    entries = code("train.py", "v2/a.py", "v2/b.py", "v1/a.py", links={"current": "v2", "alias.py": "v1/a.py"})
    assert chosen(a_run(), entries, reads("train.py")) == ["current", "train.py", "v2/a.py", "v2/b.py"]
    assert "v1/a.py" in chosen(a_run(), entries, reads("train.py", "alias.py"))


def test_folders_that_results_went_into_are_there() -> None:
    run = a_run(outputs=(output("out/deep/model.pt", sha256("a")),))
    entries = code("train.py", empty=("out", "out/deep", "ideas"))
    assert folders(run, entries, select(run, entries, reads("train.py"))) == {"out", "out/deep"}
    assert folders(run, entries, select(run, entries, None)) == {"out", "out/deep", "ideas"}
