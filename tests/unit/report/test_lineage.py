from __future__ import annotations

from snapshot.record.store import Store
from snapshot.report.lineage import Names, cut
from tests.unit.record.records import a_run, keep, run_id


def test_short_names_are_those_of_one_run_alone():
    names = Names(["20260101T1-aaaa", "20260101T2-bbbb", "20260101T3-bbbb", "20260101T4-2026"])
    assert names("20260101T1-aaaa") == "aaaa"
    assert names("20260101T2-bbbb") == "20260101T2-bbbb"
    assert names("20260101T4-2026") == "20260101T4-2026"  # every ID begins so


def test_a_short_name_is_one_that_the_store_finds(tmp_path):
    store = Store(tmp_path)
    keep(store, *(a_run(number) for number in (1, 2, 0x2026)))
    names = Names(store.ids())
    assert [store.find(names(run)) for run in store.ids()] == store.ids()
    assert names(run_id(1)) == "0001"


def test_what_is_cut_has_a_mark_and_is_no_wider():
    assert [cut("abcdef", width, "...") for width in (6, 5, 2)] == ["abcdef", "ab...", "..."]
