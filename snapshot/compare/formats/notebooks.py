"""Jupyter notebooks: the source of their cells and what these put out. Metadata and IDs are of editors."""

from __future__ import annotations

from typing import Any, BinaryIO

from snapshot.compare.formats import objects
from snapshot.compare.tally import Tally

_OF_EDITORS = frozenset({"metadata", "id", "nbformat_minor"})


def compare(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Cell by cell, as JSON is compared."""
    documents = objects.both(first, second)
    was, now = (_told(document, "cells", "outputs") for document in documents)
    if was == now and documents[0] != documents[1]:
        tally.ignore("metadata")
    objects.values(was, now, tally, "$")


def _told(value: Any, *below: str) -> Any:
    """An object without what editors write into it, and so those in the lists that `below` names."""
    if not isinstance(value, dict):
        return value
    told = {key: part for key, part in value.items() if key not in _OF_EDITORS}
    if below and isinstance(parts := told.get(below[0]), list):
        told[below[0]] = [_told(part, *below[1:]) for part in parts]
    return told
