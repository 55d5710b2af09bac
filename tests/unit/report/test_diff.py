"""The page of `snap diff`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from snapshot.compare.code import Patch
from snapshot.compare.data import Edits
from snapshot.compare.runs import Side, difference
from snapshot.host.machine import Machine
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.document import Code, Data, Edit, Host, Metric, Output, Request, Run
from snapshot.report import diff
from tests.unit.record.records import a_run

NOW = datetime(2026, 1, 3, tzinfo=UTC)
CODE = (CodeEntry(path="a.py", mode="100644", size=1, sha256="a" * 64),)
OTHER = (CodeEntry(path="a.py", mode="100644", size=1, sha256="b" * 64),)


def page(
    old: Run,
    new: Run,
    patches: diff.Patches | None = None,
    edits: Edits | None = None,
    **limits: Any,
) -> str:
    found = difference(Side(run=old, lock=None, code=CODE), Side(run=new, lock=None, code=OTHER), edits)
    return diff.page(found, (old, new), patches or {}, NOW, **limits)


def block(text: str, name: str) -> list[str]:
    """The lines below a heading, without their indentation."""
    (found,) = re.findall(rf"^{name}\n((?:  .*\n?|\n(?=  ))+)", text, re.MULTILINE)
    return [line.removeprefix("  ") for line in found.rstrip("\n").split("\n")]


def other_code() -> Code:
    return Code(digest="sha256:1", files=1, bytes=1, git=None)


def metric(name: str, value: float | str) -> Metric:
    return Metric(name=name, value=value, points=1, path="m.json")


def test_a_page_from_the_runs_to_what_is_equal() -> None:
    old = a_run(parameters={"lr": "0.1"}, metrics=(metric("loss", 0.5), metric("acc", 0.9), metric("n", 3)))
    new = a_run(
        id="20260102T000000000-0001",
        name="b",
        created="2026-01-02T00:00:00.000Z",
        parameters={"lr": "0.01"},
        metrics=(metric("loss", 0.4), metric("acc", "nan"), metric("n", 3)),
    )
    assert page(old, new) == (
        "   RUN                      NAME  STATUS  CREATED  TIME    COMMAND\n"
        "A  20260101T000000000-0000        ok      2 d ago  58.0 s  train.py\n"
        "B  20260102T000000000-0001  b     ok      1 d ago  58.0 s  train.py\n"
        "\n"
        "arguments\n"
        "      A    B\n"
        "  lr  0.1  0.01\n"
        "\n"
        "results\n"
        "        A    B    DIFFERENCE\n"
        "  acc   0.9  nan\n"
        "  loss  0.5  0.4  -0.1        -20 %\n"
        "\n"
        "equal: command, base, Python, outcome, 1 code file, 1 metric"
    )


def test_runs_that_do_not_differ() -> None:
    assert "\nnothing differs\nequal: " in page(a_run(), a_run())
    unidentified = (Data(path="d", target="d", kind="file", reason="large"),)
    said = page(a_run(data=unidentified), a_run(data=unidentified))
    assert "\nnothing that is known differs\n" in said and said.endswith("\nnot known: d: not identified")


def test_code_as_a_table_and_the_beginning_of_its_patch() -> None:
    lines = tuple(b"+%d\n" % i for i in range(100))
    patches = {"a.py": Patch(head=(b"--- a/a.py\n", b"+++ b/a.py\n"), lines=lines, added=100, removed=7)}
    table = ["         FILE  ADDED  REMOVED", "changed  a.py  +100   -7"]
    said = block(page(a_run(), a_run(code=other_code()), patches), "code")
    assert said[:5] == [*table, "", "--- a/a.py", "+++ b/a.py"]
    assert said[-2:] == ["+57", "… 42 more lines; see `--full`, or `--code` for a patch"]
    full = block(page(a_run(), a_run(code=other_code()), patches, most=None, most_code=None), "code")
    assert full[-1] == "+99"
    assert block(page(a_run(), a_run(code=other_code()), patches, most_code=0), "code") == table


def test_code_that_the_store_has_lost_and_code_that_is_no_text() -> None:
    for patch, said in (("the pack is damaged", "the pack is damaged"), (Patch(head=(b"x",), binary=True), "binary")):
        assert block(page(a_run(), a_run(code=other_code()), {"a.py": patch}), "code")[1].endswith(said)


def test_data_with_the_names_of_the_first_files() -> None:
    def edits(old: str, new: str) -> list[Edit]:
        return [Edit(path=f"{i}.png", change="added") for i in range(30)]

    def data(letter: str, files: int) -> tuple[Data, ...]:
        return (
            Data(
                path="train", target="t", kind="folder", reason="ignored", digest=f"sha256:{letter}", files=files,
                bytes=1000 * files, identified="content",
            ),
        )  # fmt: skip

    said = block(page(a_run(data=data("a", 1)), a_run(data=data("b", 31)), edits=edits), "data")
    assert said[:2] == [
        "changed  train (1 file, 1.0 kB -> 31 files, 31.0 kB)",
        "         added    0.png",
    ]
    assert said[21:] == ["         … 10 more; see `--full`"]


def test_of_cpu_flags_only_those_that_differ() -> None:
    def host(*flags: str) -> Host:
        machine = Machine(
            hostname="h", system="", kernel="", architecture="", cpu="", cpu_flags=flags, cores=1, memory=1
        )
        return Host(machine=machine, engine="", store="", gpus=None, user="")

    said = block(page(a_run(host=host("avx", "sse")), a_run(host=host("amx", "avx", "avx2"))), "host")
    assert said[1].split("  ") == ["CPU flags", "sse", "amx avx2"]


def test_nothing_that_a_terminal_obeys_gets_through_and_nothing_is_endless() -> None:
    bad = "\x1b[31m\n" + "x" * 10_000
    old = a_run()
    new = a_run(
        name="\x1b[2J",
        parameters={bad: bad},
        request=Request(environment={bad: bad}),
        code=other_code(),
        data=tuple(Data(path=f"{bad}{i}", target="", kind="file", reason="") for i in range(100)),
        metrics=(metric(bad, bad),),
        outputs=(Output(path=bad, size=1, sha256=None, mode=0, change="created", link=bad),),
    )
    patches = {"a.py": Patch(head=(b"--- \x1b[31m\xff\n",), lines=(b"+\t\x1b[0m\r" + b"y" * 10_000 + b"\n",))}
    said = page(old, new, patches)
    assert "\x1b" not in said and "\r" not in said
    assert "--- \\x1b[31m\\xff" in said
    assert max(len(line) for line in said.splitlines()) < 600
    assert len(said.splitlines()) < 80


def test_names_that_are_no_utf_8_or_pretend_not_to_be() -> None:
    outputs = tuple(
        Output(path=path, size=1, sha256="sha256:0", mode=0, change="created") for path in ("\0caf\xe9", "\0模")
    )
    assert [line.split("  ")[1] for line in block(page(a_run(), a_run(outputs=outputs)), "outputs")[1:]] == [
        *("caf\\xe9", "?")
    ]
