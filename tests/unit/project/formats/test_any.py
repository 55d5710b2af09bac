"""Whatever a file holds, it is read or refused in words, and never executed."""

import tomllib
from collections.abc import Mapping
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
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["", ".", "a", "x==1", "../a", "file:.", "\0", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "name", "path", "git"]), inner),
    max_leaves=4,
)


def attempt(root: Path, name: str, data: bytes) -> None:
    (root / name).write_bytes(data)
    (root / "lib").mkdir(exist_ok=True)
    (root / "ran").unlink(missing_ok=True)
    for asked in ({}, {"extras": ("gpu",), "groups": ("dev",)}):
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


@pytest.mark.parametrize("name", [name for name in KINDS if name.endswith((".toml", ".lock", "Pipfile"))])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_value_of_another_type(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    if name == "Pipfile.lock":
        import json

        document = json.loads(KINDS[name])
        changed = json.dumps(replaced(document, data)).encode()
    else:
        document = replaced(tomllib.loads(KINDS[name]), data)
        changed = tomli_w.dumps(without_none(document if isinstance(document, dict) else {})).encode()
    attempt(folder(tmp_path_factory, name), name, changed)


def replaced(document: Any, data: st.DataObject) -> Any:
    """`document` with one value in it, at whatever depth, replaced."""
    if isinstance(document, Mapping) and document and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from(sorted(document)))
        return {**document, key: replaced(document[key], data)}
    if isinstance(document, list) and document and data.draw(st.integers(0, 9)):
        at = data.draw(st.integers(0, len(document) - 1))
        return [*document[:at], replaced(document[at], data), *document[at + 1 :]]
    return data.draw(JUNK)


def without_none(value: Any) -> Any:
    """`value` as TOML can hold it."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_none(item) for item in value if item is not None]
    return {} if value is None else value
