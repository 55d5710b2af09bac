"""Environment, options and determinism apart, and mixed."""

from __future__ import annotations

from snapshot.cause import settings
from snapshot.cause.settings import Settings
from snapshot.record.document import Determinism, Request


def keys(old: Settings, new: Settings) -> list[str]:
    return [candidate.key for candidate in settings.candidates(old, new)]


def test_each_variable_and_option() -> None:
    old = Settings(request=Request(environment={"A": "1", "B": "1"}, cpus="1"), determinism=None)
    new = Settings(request=Request(environment={"A": "2", "C": "1"}, memory="8g"), determinism=None)
    found = keys(old, new)
    assert found == ["environment A", "environment B", "environment C", "option cpus", "option memory"]
    assert settings.mixed(old, new, ()) == old
    assert settings.mixed(old, new, found) == new
    assert settings.mixed(old, new, ["environment B", "option cpus"]).request == Request(environment={"A": "1"})


def test_determinism_as_a_whole_where_one_has_none_else_each_setting() -> None:
    off = Settings(request=Request(), determinism=None)
    one = Settings(
        request=Request(), determinism=Determinism(mode="warn", seed=1, environment={"OMP_NUM_THREADS": "1"})
    )
    two = Settings(
        request=Request(), determinism=Determinism(mode="warn", seed=2, environment={"OMP_NUM_THREADS": "4"})
    )
    assert keys(off, one) == ["determinism"]
    assert settings.mixed(off, one, ["determinism"]) == one
    assert keys(one, two) == ["determinism OMP_NUM_THREADS", "determinism seed"]
    mixed = settings.mixed(one, two, ["determinism seed"])
    assert mixed.determinism == Determinism(mode="warn", seed=2, environment={"OMP_NUM_THREADS": "1"})
    assert keys(two, two) == []
