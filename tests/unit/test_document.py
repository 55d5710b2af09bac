from __future__ import annotations

from collections.abc import Callable

import pytest

from snapshot.document import Document, check_schema, decode, decode_json, encode_json
from snapshot.errors import StoreError, UsageError
from snapshot.lock import document as lock
from snapshot.record import document as record


class Inner(Document, kw_only=True, frozen=True):
    size: int


class Outer(Document, kw_only=True, rename="kebab"):
    large_file: str = ""
    parts: tuple[Inner, ...] = ()


def test_an_unknown_key_is_an_error_that_says_which_was_meant():
    with pytest.raises(UsageError) as caught:
        decode({"large-fil": "1"}, Outer, where="snap.toml", error=UsageError)
    assert caught.value.message == "snap.toml: unknown key `large-fil`"
    assert caught.value.hint == "did you mean `large-file`?"


def test_an_unknown_key_deep_inside_is_named_with_its_place_and_its_own_neighbours():
    with pytest.raises(StoreError) as caught:
        decode({"parts": [{"size": 1}, {"siz": 2}]}, Outer, where="x")
    assert "`siz`" in caught.value.message
    assert "parts" in caught.value.message
    assert caught.value.hint == "did you mean `size`?"


def test_a_key_that_resembles_nothing_lists_what_there_is():
    with pytest.raises(StoreError) as caught:
        decode({"zzz": 1}, Outer, where="x")
    assert caught.value.hint == "known keys: `large-file`, `parts`"


def test_a_wrong_type_names_its_place():
    with pytest.raises(StoreError, match=r"x: expected `int`, got `str` - at `\$\.parts\[0\]\.size`"):
        decode({"parts": [{"size": "big"}]}, Outer, where="x")


def test_what_is_no_json_says_so():
    with pytest.raises(StoreError, match=r"run.json is not a JSON document"):
        decode_json(b"{", Outer, where="run.json")


DEEP = 100_000


@pytest.mark.parametrize(
    "read",
    [
        lambda: decode_json(b'{"parts": ' + b"[" * DEEP + b"]" * DEEP + b"}", dict, where="x"),
        lambda: record.loads(b'{"schema": "snap.run/1", "id": ' + b"[" * DEEP + b"]" * DEEP + b"}", where="x"),
        lambda: lock.loads('schema = "snap.lock/2"\na = ' + "[" * DEEP + "]" * DEEP, where="x"),
    ],
    ids=["any", "record", "lock"],
)
def test_what_nests_without_end_is_refused(read: Callable[[], object]) -> None:
    with pytest.raises(StoreError, match=r"^x "):
        read()


def test_equal_values_are_equal_bytes_and_come_back():
    value = Outer(large_file="1 MB", parts=(Inner(size=1),))
    assert encode_json(value) == encode_json(Outer(parts=(Inner(size=1),), large_file="1 MB"))
    assert decode_json(encode_json(value), Outer, where="x") == value


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("snap.run/2", "this version reads `snap.run/1`"),
        ("other/1", "not a `snap.run` document"),
        (None, "not a `snap.run` document"),
    ],
)
def test_another_kind_or_version_is_refused(schema: str | None, said: str):
    with pytest.raises(StoreError, match=said):
        check_schema({"schema": schema}, "snap.run/1", where="run.json")


def test_a_newer_version_says_to_upgrade():
    with pytest.raises(StoreError) as caught:
        check_schema({"schema": "snap.run/2"}, "snap.run/1", where="run.json")
    assert "upgrade" in (caught.value.hint or "")
