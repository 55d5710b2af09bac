from __future__ import annotations

from hypothesis import given

from snapshot.record.forest import forest, with_parents
from tests.unit.record.records import a_run, edge, run_id
from tests.unit.record.test_lineage import GRAPHS


def shape(*runs, **options) -> list[list[tuple[str, int]]]:
    trees = forest(with_parents(runs), **options)
    return [[(node.run.rpartition("-")[2], node.depth) for node in tree] for tree in trees]


def test_children_are_below_their_parent_oldest_first_and_the_tree_with_the_newest_run_is_on_top():
    runs = (
        a_run(1),
        a_run(2),
        a_run(3, parents=(edge(1),)),
        a_run(4, parents=(edge(1),)),
        a_run(5, parents=(edge(3),)),
    )
    assert shape(*runs) == [[("0001", 0), ("0003", 1), ("0005", 2), ("0004", 1)], [("0002", 0)]]


def test_a_run_is_drawn_under_its_strongest_parent_and_names_the_others():
    runs = (a_run(1), a_run(2), a_run(3, parents=(edge(1, evidence="argument"), edge(2), edge(2, "opt.pt"))))
    (node,) = (node for tree in forest(with_parents(runs)) for node in tree if node.run == run_id(3))
    assert [(e.run, e.path) for e in node.under] == [(run_id(2), "model.pt"), (run_id(2), "opt.pt")]
    assert [e.run for e in node.also] == [run_id(1)]


def test_a_parent_that_was_removed_keeps_its_children_together():
    assert shape(a_run(2, parents=(edge(1),)), a_run(3, parents=(edge(1),))) == [
        [("0001", 0), ("0002", 1), ("0003", 1)]
    ]


def test_weak_edges_are_drawn_only_when_asked_for_and_bring_no_removed_run():
    runs = (a_run(2, parents=(edge(1, evidence="visible"),)),)
    assert shape(*runs) == [[("0002", 0)]]
    assert shape(*runs, weak=True) == [[("0001", 0), ("0002", 1)]]


def test_in_a_part_of_the_runs_a_parent_outside_is_only_named():
    run = a_run(3, parents=(edge(1), edge(2, evidence="argument")))
    trees = forest({run_id(2): a_run(2), run.id: run})
    assert [(node.run, [e.run for e in node.also]) for node in trees[0]] == [(run_id(2), []), (run_id(3), [run_id(1)])]


def test_a_chain_is_as_long_as_it_likes():
    runs = [a_run(0), *(a_run(number, parents=(edge(number - 1),)) for number in range(1, 5000))]
    (chain,) = forest(with_parents(runs))
    assert [node.depth for node in chain] == list(range(5000))


@given(GRAPHS)
def test_every_run_is_drawn_exactly_once_below_the_parent_that_it_names(graph: list[list[int]]):
    runs = [a_run(number, parents=tuple(edge(p) for p in parents)) for number, parents in enumerate(graph)]
    trees = forest(with_parents(runs))
    drawn = [node.run for tree in trees for node in tree]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) >= {run.id for run in runs}
    for tree in trees:
        path: list[str] = []
        for node in tree:
            del path[node.depth :]
            assert [e.run for e in node.under[:1]] == path[-1:]
            path.append(node.run)
