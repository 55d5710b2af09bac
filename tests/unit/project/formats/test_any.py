"""Whatever a file holds, it is read or refused in words, and never executed."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snapshot.errors import SnapshotError
from snapshot.project.sources import read
from tests.unit.project.formats import samples

KINDS = samples.KINDS


PLAIN: dict[str, Any] = {}
EVERYTHING = {"extras": ("gpu",), "groups": ("dev",)}


def attempt(root: Path, name: str, data: bytes, *ways: dict[str, Any]) -> None:
    (root / name).write_bytes(data)
    (root / "lib").mkdir(exist_ok=True)
    (root / "ran").unlink(missing_ok=True)
    for asked in ways or (PLAIN, EVERYTHING):
        try:
            read(root, chosen=name, **asked)
        except SnapshotError as problem:
            assert problem.message and problem.hint
    assert not (root / "ran").exists()


def folder(factory: pytest.TempPathFactory, name: str) -> Path:
    root = factory.getbasetemp() / f"any-{name}"
    root.mkdir(exist_ok=True)
    return root


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes) -> None:
    attempt(folder(tmp_path_factory, name), name, data)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_slip_of_the_pen(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    text = KINDS[name].encode()
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(len(text), at + 12)))
    attempt(folder(tmp_path_factory, name), name, text[:at] + data.draw(st.binary(max_size=4)) + text[end:])


WRONG = ("\0", "https://[::1", "x" * 300, "[", 0, [], {}, ["a"], [{}])
"""In place of any value: no path, no address, no name, no marker, no version, and of other types."""


@pytest.mark.parametrize("name", [name for name in KINDS if name.endswith((".toml", ".lock", "Pipfile", ".ipynb"))])
def test_any_value_replaced(tmp_path: Path, name: str) -> None:
    as_json = name in ("Pipfile.lock", "a.ipynb")
    document = json.loads(KINDS[name]) if as_json else tomllib.loads(KINDS[name])
    dump = json.dumps if as_json else tomli_w.dumps
    for place in places(document):
        for value in WRONG:
            attempt(tmp_path, name, dump(replaced(document, place, value)).encode(), EVERYTHING)


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each value is, as the keys on the way to it."""
    if at:
        yield at
    for key in document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ():
        yield from places(document[key], (*at, key))


def replaced(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """`document` with `value` at `place`."""
    if not place:
        return value
    changed = document.copy()
    changed[place[0]] = replaced(document[place[0]], place[1:], value)
    return changed
