from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from snapshot.document import encode_json
from snapshot.record.document import Code, Data, Edit, Git, Metric, Run
from snapshot.record.index import Written
from snapshot.record.lineage import Origin, which
from snapshot.report.lineage import Names
from snapshot.report.which import answer, object_of
from tests.unit.record.records import CUT_OFF, a_run, edge, run_id, sha256

NOW = datetime(2026, 1, 3, tzinfo=UTC)


def origins(*runs: Run, by: list[int], path: str = "out/model.pt") -> tuple[Origin, ...]:
    return which([Written(run=run_id(n), path=path, size=1) for n in by], {run.id: run for run in runs}.get)


def told(found: tuple[Origin, ...], **options: Any) -> list[str]:
    names = Names([run_id(number) for number in range(50)])
    return answer("model.pt", sha256("a"), found, names=names, now=NOW, **options).splitlines()


def test_the_answer_has_code_data_platform_ancestors_and_metrics():
    runs = (
        a_run(1, exit=CUT_OFF),
        a_run(
            3, name="best", code=Code(
                digest=sha256("9"), files=1, bytes=9, git=Git(commit="f00d", branch="main", dirty=True)
            ),
            parents=(edge(2, "c.pt", relation="resumed-from"), edge(0, "old.json", evidence="visible")),
            data=(
                Data(
                    path="images", target="/workspace/images", kind="folder", reason="ignored", digest=sha256("f"),
                    files=20_000, bytes=1, identified="content", edits=(Edit(path="1.png", change="removed"),),
                ),
                Data(path="/mnt/x", target="/mnt/x", kind="folder", reason="argument"),
            ),
            metrics=(Metric(name="loss", value=0.25, points=9, path="m.json"),),
        ),
        a_run(2, exit=CUT_OFF, parents=(edge(1, "b.pt", relation="resumed-from"),)),
    )  # fmt: skip
    assert told(origins(*runs, by=[3]), tags={run_id(3): ("paper",)}) == [
        f"model.pt  {sha256('a')}",
        f"  run      {run_id(3)} (best), as out/model.pt, ok, 1 d ago",
        "  tags     paper",
        "  command  train.py",
        f"  code     {sha256('9')} (1 file)",
        "  git      f00d, with uncommitted changes",
        f"  lock     {sha256('d')}",
        "  platform debian:12, Python 3.11.2",
        f"  data     images: {sha256('f')}, 20,000 files, 1 edit while it ran",
        "  data     /mnt/x: not identified",
        "  from     resumed-from 0002:c.pt, seen to be read, SIGKILL, code cccccccccccc",
        "  from     resumed-from 0001:b.pt, by 0002, seen to be read, SIGKILL, code cccccccccccc",
        "  maybe    used 0000:old.json: was there",
        "  metrics  loss 0.25",
    ]


def test_the_first_run_that_wrote_the_bytes_is_told_in_full_and_the_later_ones_in_a_line():
    lines = told(origins(*(a_run(number) for number in range(40)), by=list(range(40))))
    assert [line for line in lines if line.startswith("  run ")] == [
        f"  run      {run_id(0)}, as out/model.pt, ok, 2 d ago"
    ]
    assert len([line for line in lines if line.startswith("  also by")]) == 20
    assert lines[-1].strip() == "… and 19 more; see `--json`"


def test_a_digest_that_was_asked_for_is_said_once():
    found = origins(a_run(1), by=[1])
    assert answer("a" * 64, sha256("a"), found, names=Names([]), now=NOW).splitlines()[0] == sha256("a")


def test_an_ancestor_without_a_record_is_named():
    lines = told(origins(a_run(2, parents=(edge(1),)), by=[2]))
    assert "  from     used 0001:model.pt, seen to be read, no record" in lines


def test_nothing_in_a_record_can_break_a_line_or_move_the_cursor():
    hostile = "a\nb\x1b[2J"
    run = a_run(1, name=hostile, parents=(edge(0, hostile, relation=hostile, evidence=hostile),))
    lines = told(origins(run, by=[1], path=hostile))
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 7


def test_json_has_every_run_that_wrote_the_bytes():
    runs = (a_run(1), a_run(2, parents=(edge(1), edge(0, evidence="visible"))))
    got = json.loads(encode_json(object_of("-", sha256("a"), origins(*runs, by=[1, 2]), {run_id(2): ("t",)})))
    assert (got["asked"], got["sha256"]) == ("-", sha256("a"))
    assert [(one["run"], one["paths"], one["tags"]) for one in got["runs"]] == [
        (run_id(1), ["out/model.pt"], []),
        (run_id(2), ["out/model.pt"], ["t"]),
    ]
    second = got["runs"][1]
    assert second["lock"] == sha256("d")
    assert [(one["run"], one["child"], one["recorded"]) for one in second["ancestors"]] == [
        (run_id(1), run_id(2), True)
    ]
    assert [one["evidence"] for one in second["maybe"]] == ["visible"]
