"""File names in documents."""

from __future__ import annotations

import json
import os

from hypothesis import given
from hypothesis import strategies as st

from snapshot.project import names

FILE_NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name).map(os.fsdecode)


@given(FILE_NAMES)
def test_every_name_goes_through_a_document_and_back(name: str) -> None:
    stored = json.loads(json.dumps(names.to_text(name)).encode())
    assert names.from_text(stored) == name


@given(FILE_NAMES, FILE_NAMES)
def test_two_names_are_never_one(one: str, other: str) -> None:
    assert (names.to_text(one) == names.to_text(other)) == (one == other)


def test_names_that_are_utf8_stay_as_they_are() -> None:
    assert names.to_text("données/ü.py") == "données/ü.py"


def test_names_that_are_not_stay_legible() -> None:
    name = os.fsdecode("données".encode("latin-1"))
    assert names.to_text(name) == "\0données"
    assert names.display(name) == r"donn\xe9es"


@given(FILE_NAMES)
def test_what_is_shown_can_be_printed(name: str) -> None:
    assert names.display(name).isprintable()
