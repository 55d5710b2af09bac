from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.record import lineage
from snapshot.record.document import Exit, Parent, Run, Taken
from snapshot.record.index import Written
from snapshot.record.lineage import Input
from tests.unit.record.records import CUT_OFF, a_run, command, edge, output, run_id, sha256

BYTES = sha256("a")
OTHER = sha256("b")


def found(run: Run, *inputs: Input, earlier: Sequence[Run]) -> tuple[Parent, ...]:
    """The edges of `run` in a store that has `earlier` and itself."""
    runs = {record.id: record for record in (*earlier, run)}
    writers: dict[str, list[Written]] = {}
    for record in sorted(runs.values(), key=lambda record: record.id):
        for made in record.outputs:
            if made.sha256 and made.size:
                writers.setdefault(made.sha256, []).append(Written(run=record.id, path=made.path, size=made.size))
    return lineage.parents(run, inputs, writers, runs.get)


def had(path: str, digest: str = BYTES, evidence: str = "read") -> Input:
    return msgspec.convert({"path": path, "sha256": digest, "evidence": evidence}, Input)


def test_an_input_whose_bytes_an_earlier_run_wrote_makes_an_edge_wherever_it_lies_now():
    wrote = a_run(1, outputs=(output("out/table.csv", BYTES),))
    (parent,) = found(a_run(2), had("/mnt/archive/renamed.csv"), had("mine.csv", OTHER), earlier=[wrote])
    assert parent == Parent(
        run=wrote.id, path="out/table.csv", input="/mnt/archive/renamed.csv", sha256=BYTES, relation="used",
        evidence="read",
    )  # fmt: skip


def test_what_only_later_runs_and_the_run_itself_wrote_makes_none():
    run = a_run(2, outputs=(output("model.pt", BYTES),))
    assert found(run, had("model.pt"), earlier=[a_run(3, outputs=(output("model.pt", BYTES),))]) == ()


@pytest.mark.parametrize(
    ("path", "writer"), [("model.pt", (3, "model.pt")), ("first.pt", (1, "first.pt")), ("moved.pt", (4, "last.pt"))]
)
def test_of_several_that_wrote_the_same_bytes_the_newest_at_the_same_path_is_it_else_the_newest(
    path: str, writer: tuple[int, str]
):
    names = ("first.pt", "model.pt", "model.pt", "last.pt")
    earlier = [a_run(number, outputs=(output(name, BYTES),)) for number, name in enumerate(names, 1)]
    (parent,) = found(a_run(9), had(path), earlier=earlier)
    assert (parent.run, parent.path) == (run_id(writer[0]), writer[1])


def test_a_run_that_went_on_at_the_time_is_not_taken_for_the_origin_if_another_had_ended():
    origin = a_run(1, outputs=(output("vocab.json", BYTES),))
    beside = a_run(2, outputs=(output("vocab.json", BYTES),), ended="2026-01-01T09:00:00.000Z")
    (parent,) = found(a_run(3), had("vocab.json"), earlier=[origin, beside])
    assert parent.run == origin.id


def test_what_from_names_is_the_parent_whoever_else_wrote_the_bytes_and_whatever_the_clock_said():
    taken = Taken(run=run_id(7), path="best.pt", target="init.pt", sha256=BYTES)
    earlier = [a_run(1, outputs=(output("init.pt", BYTES),)), a_run(7, outputs=(output("best.pt", BYTES),))]
    for inputs in ([], [had("init.pt")], [had("init.pt", evidence="visible")]):
        (parent,) = found(a_run(5, taken=(taken,)), *inputs, earlier=earlier)
        assert (parent.run, parent.path, parent.input, parent.evidence) == (run_id(7), "best.pt", "init.pt", "from")


def test_one_output_seen_at_two_places_is_one_edge_with_the_best_evidence():
    wrote = a_run(1, outputs=(output("model.pt", BYTES),))
    inputs = [had("copy.pt", evidence="visible"), had("model.pt", evidence="argument")]
    (parent,) = found(a_run(2), *inputs, earlier=[wrote])
    assert (parent.input, parent.evidence) == ("model.pt", "argument")


def test_what_was_merely_there_and_is_written_over_is_a_leftover_and_no_input():
    wrote = a_run(1, outputs=(output("model.pt", BYTES),))
    run = a_run(2, outputs=(output("model.pt", OTHER, change="changed"),))
    assert found(run, had("model.pt", evidence="visible"), earlier=[wrote]) == ()
    assert len(found(run, had("model.pt"), earlier=[wrote])) == 1
    assert len(found(a_run(2), had("model.pt", evidence="visible"), earlier=[wrote])) == 1


def test_an_argument_may_name_what_is_to_be_written_so_a_file_written_over_is_a_weak_edge():
    wrote = a_run(1, outputs=(output("model.pt", BYTES),))
    run = a_run(2, outputs=(output("model.pt", OTHER, change="changed"),))
    (weak,) = found(run, had("model.pt", evidence="argument"), earlier=[wrote])
    assert lineage.is_weak(weak)
    (sure,) = found(a_run(2), had("model.pt", evidence="argument"), earlier=[wrote])
    assert not lineage.is_weak(sure)


@pytest.mark.parametrize(
    ("parent", "child", "path", "written", "relation"),
    [
        ({"exit": CUT_OFF}, {}, "state.json", None, "resumed-from"),
        ({"exit": Exit(code=1)}, {}, "model.pt", None, "resumed-from"),
        ({"exit": Exit(code=None, error="gone")}, {}, "model.pt", None, "resumed-from"),
        ({"exit": CUT_OFF, "command": command("other.py")}, {}, "model.pt", None, "fine-tuned-from"),
        ({}, {}, "model.pt", None, "fine-tuned-from"),
        ({}, {}, "state.json", None, "used"),
        ({}, {}, "state.json", OTHER, "resumed-from"),
        ({}, {}, "vocab.json", BYTES, "used"),
        ({"command": command("other.py")}, {}, "model.pt", OTHER, "fine-tuned-from"),
        ({"exit": CUT_OFF}, {"command": command("./train.py", "--resume")}, "a.pt", None, "resumed-from"),
        ({"exit": CUT_OFF}, {"command": command("train.py", directory="sub")}, "a.pt", None, "fine-tuned-from"),
    ],
)
def test_the_relation_tells_what_was_made_of_it(
    parent: Mapping[str, object], child: Mapping[str, object], path: str, written: str | None, relation: str
):
    wrote = a_run(1, outputs=(output(path, BYTES),), **parent)
    outputs = (output(path, written, change="changed"),) if written else ()
    (got,) = found(a_run(2, outputs=outputs, **child), had(path), earlier=[wrote])
    assert got.relation == relation


def test_of_a_folder_that_an_earlier_run_prepared_the_surest_edges_are_kept():
    names = [f"{number:03}.png" for number in range(300)]
    digests = [f"sha256:{number:064x}" for number in range(300)]
    wrote = a_run(1, outputs=tuple(map(output, [*names, "z.pt"], [*digests, BYTES])))
    edges = found(a_run(2), *map(had, [*names, "z.pt"], [*digests, BYTES]), earlier=[wrote])
    assert [e.path for e in edges] == ["z.pt", *names[:99]]


def test_commands_run_the_same_program_if_only_options_differ():
    def program(*argv: str) -> tuple[str, str]:
        return lineage.program(command(*argv, kind="command"))

    assert program("python", "train.py", "--lr", "1") == program("python", "train.py")
    assert program("python", "train.py") != program("python", "other.py")
    assert program("bash", "-c", "a") != program("bash", "-c", "b")
    assert lineage.program(command("pkg.train", "--x", kind="module")) == ("module", "pkg.train")


@pytest.mark.parametrize(
    "path", ["model.pt", "a/B.SafeTensors", "w.weights.h5", "model.ckpt-100.index", "x.pkl", "pytorch_model.bin"]
)
def test_weights_are_told_by_their_names(path: str):
    assert lineage.looks_like_weights(path)


@pytest.mark.parametrize("path", ["metrics.json", "model.pt/readme.md", "pt", "part.ptx", "data.csv", "model.txt"])
def test_other_names_are_no_weights(path: str):
    assert not lineage.looks_like_weights(path)


def test_ancestors_are_told_nearest_first_and_each_once():
    runs = {
        record.id: record
        for record in (
            a_run(1),
            a_run(2, parents=(edge(1),)),
            a_run(3, parents=(edge(1, "base.pt"),)),
            a_run(4, parents=(edge(2), edge(3, "opt.pt"), edge(3, "model.pt"), edge(8, "x", evidence="visible"))),
        )
    }
    told = lineage.ancestors(runs[run_id(4)], runs.get)
    assert [(a.run, a.child) for a in told] == [
        (run_id(3), run_id(4)),
        (run_id(2), run_id(4)),
        (run_id(1), run_id(3)),
    ]
    assert [e.path for e in told[0].edges] == ["model.pt", "opt.pt"]
    assert run_id(8) in [a.run for a in lineage.ancestors(runs[run_id(4)], runs.get, weak=True)]


def test_an_ancestor_that_was_removed_is_told_and_ends_the_way():
    run = a_run(2, parents=(edge(1),))
    (gone,) = lineage.ancestors(run, {}.get)
    assert (gone.run, gone.record) == (run_id(1), None)


def test_which_tells_the_runs_that_wrote_the_bytes_and_what_they_descend_from():
    records = {r.id: r for r in (a_run(1), a_run(2, parents=(edge(1), edge(0, "old.pt", evidence="visible"))))}
    writers = [Written(run=run_id(2), path=path, size=1) for path in ("a.pt", "b.pt")]
    (origin,) = lineage.which([*writers, Written(run=run_id(7), path="gone", size=1)], records.get)
    assert (origin.record.id, origin.paths) == (run_id(2), ("a.pt", "b.pt"))
    assert [ancestor.run for ancestor in origin.ancestors] == [run_id(1)]
    assert [maybe.path for maybe in origin.maybe] == ["old.pt"]


GRAPHS = st.lists(st.lists(st.integers(0, 11), max_size=4), min_size=1, max_size=10)
"""The parents of each run, by number: cycles, runs that are their own parents, and runs that are not there too."""


@given(GRAPHS)
def test_walks_end_and_meet_no_run_twice(graph: list[list[int]]):
    runs = {
        run_id(number): a_run(number, parents=tuple(edge(p) for p in parents)) for number, parents in enumerate(graph)
    }
    for run in runs.values():
        up = [ancestor.run for ancestor in lineage.ancestors(run, runs.get)]
        assert len(up) == len({*up, run.id}) - 1
        down = lineage.descendants(
            run.id, lambda p: [r.id for r in runs.values() if any(e.run == p for e in r.parents)]
        )
        assert len(down) == len({*down, run.id}) - 1
        assert all(run.id in [a.run for a in lineage.ancestors(runs[below], runs.get)] for below in down)
    assert len(lineage.ancestors(runs[run_id(0)], runs.get, most=1)) <= 1


@given(st.data())
def test_edges_lead_back_in_time_so_there_is_no_cycle(data: st.DataObject):
    digests = [sha256(digit) for digit in "0123"]
    runs: list[Run] = []
    for number in range(data.draw(st.integers(1, 6))):
        made = data.draw(st.lists(st.sampled_from(digests), max_size=3, unique=True))
        inputs = data.draw(
            st.lists(st.builds(had, st.sampled_from(["a", "b.pt"]), st.sampled_from(digests)), max_size=3)
        )
        run = a_run(number, outputs=tuple(output(f"o{d[-1]}", d) for d in made))
        edges = found(run, *inputs, earlier=runs)
        assert all(e.run < run.id for e in edges)
        assert len({(e.run, e.path) for e in edges}) == len(edges)
        runs.append(msgspec.structs.replace(run, parents=edges))
