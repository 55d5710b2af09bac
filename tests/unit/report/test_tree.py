from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given

from snapshot.document import encode_json
from snapshot.record.document import Code, Metric, Run
from snapshot.record.forest import forest, with_parents
from snapshot.report import tree
from snapshot.report.lineage import Names
from tests.unit.record.records import CUT_OFF, a_run, command, edge, run_id, sha256
from tests.unit.record.test_lineage import GRAPHS

NOW = datetime(2026, 1, 3, tzinfo=UTC)
OTHER_CODE = Code(digest=sha256("9"), files=2, bytes=9, git=None)


def metric(name: str, value: float | str, points: int = 1) -> Metric:
    return Metric(name=name, value=value, points=points, path="metrics.json")


FAMILY = (
    a_run(1, name="base", exit=CUT_OFF, metrics=(metric("loss", 0.51234, 9),)),
    a_run(
        2, code=OTHER_CODE, parents=(edge(1, "checkpoint.pt", relation="resumed-from"),),
        metrics=(metric("epochs", 3), metric("loss", "nan", 9), metric("acc", 0.5, 2)),
    ),
    a_run(3, command=command("tune.py"), parents=(edge(2, relation="fine-tuned-from"), edge(2, "opt.pt"))),
    a_run(4, code=OTHER_CODE, parents=(edge(2), edge(1, "vocab.json", evidence="argument"))),
)  # fmt: skip


def drawn(*runs: Run, weak: bool = False, **options: Any) -> list[str]:
    records = with_parents(runs)
    return tree.drawing(forest(records, weak=weak), names=Names(records), now=NOW, **options).splitlines()


def column(lines: list[str], name: str) -> list[str]:
    """What the lines have in a column, by where it begins and ends in the header."""
    start = lines[0].index(name)
    after = lines[0][start:].removeprefix(name)
    end = None if not after.strip() else start + len(name) + len(after) - len(after.lstrip())
    return [line[start:end].rstrip() for line in lines[1:]]


def test_a_run_that_was_cut_off_and_resumed_with_other_code_shows_as_two_segments():
    lines = drawn(*FAMILY)
    assert column(lines, "RUN") == ["0001 base", "└─0002", "  ├─0003", "  └─0004"]
    assert column(lines, "STATUS") == ["SIGKILL", "ok", "ok", "ok"]
    assert column(lines, "CODE") == ["c" * 12, "9" * 12, "c" * 12, "9" * 12]
    assert column(lines, "FROM") == [
        "",
        "resumed-from 0001:checkpoint.pt, other code",
        "fine-tuned-from 0002:model.pt and 1 more file, other code",
        "used 0002:model.pt, also from 0001:vocab.json",
    ]
    assert column(lines, "METRICS") == ["loss 0.5123", "loss nan, acc 0.5", "", ""]
    assert column(lines, "COMMAND") == ["train.py", "train.py", "tune.py", "train.py"]


def test_runs_that_have_nothing_to_do_with_each_other_need_no_column_for_it():
    assert drawn(a_run(1))[0].split() == ["RUN", "STATUS", "CREATED", "CODE", "COMMAND"]


def test_a_level_has_a_bar_as_long_as_others_follow_in_it():
    runs = (a_run(1), a_run(2, parents=(edge(1),)), a_run(3, parents=(edge(2),)), a_run(4, parents=(edge(1),)))
    assert column(drawn(*runs), "RUN") == ["0001", "├─0002", "│ └─0003", "└─0004"]
    assert column(drawn(*runs, signs=tree.ASCII), "RUN") == ["0001", "|-0002", "| `-0003", "`-0004"]


def test_one_run_is_marked_and_has_its_tags():
    lines = drawn(*FAMILY, marked=run_id(3), tags={run_id(3): ("best", "paper")})
    assert column(lines, "RUN")[2] == "  ├─0003 #best #paper *"


def test_a_run_that_was_removed_is_a_line_of_its_own():
    lines = drawn(a_run(2, parents=(edge(1),)))
    assert lines[1].split() == ["0001", "no", "record"]


def test_an_edge_that_nobody_saw_says_so():
    (line,) = column(drawn(a_run(1), a_run(2, parents=(edge(1, evidence="visible"),)), weak=True), "FROM")[1:]
    assert line == "used 0001:model.pt, not seen to be read"


def test_of_many_parents_the_first_are_named():
    runs = [a_run(number) for number in range(1, 8)]
    (line,) = column(drawn(*runs, a_run(8, parents=tuple(edge(number) for number in range(1, 8)))), "FROM")[1:2]
    assert line == "used 0007:model.pt, " + ", ".join(f"also from 000{i}:model.pt" for i in (6, 5, 4)) + ", 3 more"


def test_lines_are_cut_where_the_terminal_ends():
    lines = drawn(*FAMILY, width=40)
    assert all(len(line) <= 40 for line in lines)
    assert lines[2].endswith("…")


def test_nothing_in_a_record_can_break_a_line_or_move_the_cursor():
    hostile = "a\nb\x1b[2J\u202e"
    run = a_run(
        2, name=hostile, command=command(hostile), metrics=(metric(hostile, hostile),),
        parents=(edge(1, hostile, run=hostile, relation=hostile), edge(1, "\0\xff")),
    )  # fmt: skip
    lines = drawn(run, weak=True)
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_what_is_endless_in_a_record_is_cut():
    endless = "x" * 10_000
    run = a_run(
        2, name=endless, command=command(endless), metrics=(metric(endless, 1.0),), parents=(edge(1, endless),)
    )  # fmt: skip
    assert max(len(line) for line in drawn(a_run(1), run)) < 400


def test_thousands_of_runs_are_drawn_however_deep():
    chain = [a_run(0), *(a_run(number, parents=(edge(number - 1),)) for number in range(1, 2500))]
    alone = [a_run(number) for number in range(2500, 5000)]
    lines = drawn(*chain, *alone)
    assert len(lines) == 5001
    assert max(len(line) for line in lines) < 200
    assert lines[-1].split()[0].endswith(f"{2499:04x}")


def test_json_tells_the_runs_in_the_order_of_the_drawing():
    run = a_run(2, parents=(edge(1),), metrics=(metric("loss", 0.5),))
    told = json.loads(encode_json(tree.objects(forest(with_parents([run])), {run.id: ("best",)})))
    assert [(one["run"], one["under"], one["depth"], one["recorded"]) for one in told] == [
        (run_id(1), None, 0, False),
        (run_id(2), run_id(1), 1, True),
    ]
    assert told[1]["parents"][0]["relation"] == "used"
    assert (told[1]["tags"], told[1]["metrics"][0]["name"]) == (["best"], "loss")


@given(GRAPHS)
def test_there_is_one_line_for_each_run(graph: list[list[int]]):
    runs = [a_run(number, parents=tuple(edge(p) for p in parents)) for number, parents in enumerate(graph)]
    named = [cell.lstrip("├─└│ ") for cell in column(drawn(*runs), "RUN")]
    assert len(named) == len(set(named))
    assert {run.id.rpartition("-")[2] for run in runs} <= set(named)
