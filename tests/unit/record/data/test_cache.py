from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from snapshot.record.data.cache import FILE, Cache, Settled

SETTLED = Settled("f", "sha256:0", 1, 2)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    cache = Cache(tmp_path)
    cache.keep_folder("content", b"/d\xff", b"entries", b"hashes")
    cache.settle("content", b"/d\xff", SETTLED)
    cache.commit()
    cache.close()
    return tmp_path


def test_what_was_kept_comes_back_and_methods_are_apart(filled):
    cache = Cache(filled)
    assert cache.folder("content", b"/d\xff") == (b"entries", b"hashes")
    assert cache.root("content", b"/d\xff") == SETTLED
    assert cache.folder("mtime", b"/d\xff") is None
    assert cache.root("content", b"/other") is None


def test_the_journal_is_one_that_nfs_can_have(filled):
    Cache(filled).folder("content", b"/d\xff")
    assert [p.name for p in filled.iterdir()] == [FILE]
    assert sqlite3.connect(filled / FILE).execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize("damage", [lambda b: b"garbage" * 1000, lambda b: b[:5000], lambda b: b[:100] + b"x" * 9000])
def test_a_damaged_one_is_made_anew(filled, damage):
    (filled / FILE).write_bytes(damage((filled / FILE).read_bytes()))
    cache = Cache(filled)
    cache.folder("content", b"/d\xff")
    cache.settle("content", b"/e", SETTLED)
    cache.commit()
    cache.close()
    again = Cache(filled)
    again.settle("content", b"/e", SETTLED)
    again.commit()
    assert Cache(filled).root("content", b"/e") == SETTLED


def test_a_row_with_a_bit_that_turned_is_not_believed(filled):
    content = (filled / FILE).read_bytes()
    (filled / FILE).write_bytes(content.replace(b"hashes", b"hashez"))
    assert Cache(filled).folder("content", b"/d\xff") is None


@pytest.mark.parametrize("value", ["'text'", "NULL", "7"])
def test_a_row_of_another_type_is_not_believed(filled, value):
    with sqlite3.connect(filled / FILE) as database:
        database.execute(f"UPDATE folders SET entries = {value}")
    assert Cache(filled).folder("content", b"/d\xff") is None


def test_one_that_is_locked_is_done_without(filled):
    other = sqlite3.connect(filled / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    cache = Cache(filled)
    assert cache.folder("content", b"/d\xff") is None
    other.execute("COMMIT")
    assert Cache(filled).folder("content", b"/d\xff") == (b"entries", b"hashes")


def test_one_of_another_version_is_made_anew(filled):
    with sqlite3.connect(filled / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    assert Cache(filled).folder("content", b"/d\xff") is None
    assert Cache(filled).root("content", b"/d\xff") is None


def test_where_none_can_be_it_knows_nothing(as_nobody):
    as_nobody.path.chmod(0o500)
    for cache in (Cache(None), Cache(as_nobody.path / "cache"), Cache(as_nobody.path)):
        cache.settle("content", b"/d", SETTLED)
        cache.commit()
        assert cache.root("content", b"/d") is None
        with cache.alone(b"/d", lambda: False) as waited:
            assert not waited


def test_waiting_for_another_process_ends_when_the_caller_wants_no_more(tmp_path):
    asked = iter([False, False])
    with Cache(tmp_path).alone(b"/d", lambda: False), Cache(tmp_path).alone(b"/d", lambda: next(asked, True)) as waited:
        assert waited
