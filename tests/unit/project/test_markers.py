"""Markers, decided as far as the extras and groups decide them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker

from snapshot.project.markers import asked, asked_of_uv, both, either, reduced

ATOMS = st.sampled_from(
    ["'a' in extras", "'b' in extras", "'g' in dependency_groups", "os_name == 'posix'", "os_name == 'nt'"]
)
MARKERS = st.recursive(
    ATOMS,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
    max_leaves=8,
)
CHOICES = st.sets(st.sampled_from(["a", "b"]))


@given(MARKERS, CHOICES, st.sampled_from([(), ("g",)]), st.sampled_from(["posix", "nt"]))
def test_what_is_left_holds_where_the_whole_does(
    marker: str, extras: set[str], groups: tuple[str, ...], os_name: str
) -> None:
    environment = {"os_name": os_name, "extras": frozenset(extras), "dependency_groups": frozenset(groups)}
    whole = Marker(marker).evaluate(environment, context="lock_file")
    left = reduced(marker, asked(extras, groups))
    assert "extras" not in str(left) and "groups" not in str(left)
    assert whole == (left is None or (isinstance(left, str) and Marker(left).evaluate({"os_name": os_name})))


@pytest.mark.parametrize(
    ("marker", "left"),
    [
        ("extra == 'extra-3-own-cpu'", None),
        ("extra != 'extra-3-own-cpu'", False),
        ("extra == 'extra-3-own-gpu' or os_name == 'nt'", 'os_name == "nt"'),
        ("extra == 'group-3-own-dev'", None),
        ("extra == 'extra-5-other-cpu'", False),
        ("extra == 'project-3-own'", None),
        ("extra == 'project-5-other'", False),
        ("extra == 'cpu'", None),
        (None, None),
    ],
)
def test_uvs_names_of_extras_that_exclude_each_other(marker: str | None, left: str | bool | None) -> None:
    assert reduced(marker, asked_of_uv("own", ("cpu",), ("dev",))) == left


def test_what_is_no_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        reduced("nonsense", asked((), ()))


def test_markers_joined() -> None:
    assert both("a == 1", None) == both(None, "a == 1") == both("a == 1", "a == 1") == "a == 1"
    assert both("a or b", "c") == "(a or b) and c"
    assert either(["a and b", "c", "c"]) == "(a and b) or c"
    assert either(["a", None]) is None
