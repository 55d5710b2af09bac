"""Names as MLflow takes them."""

import pytest

from snapshot.integrations import naming


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("loss", "loss"),
        ("val/loss.mean-1 a:b", "val/loss.mean-1 a:b"),
        ("größe", "größe"),
        ("acc%", "acc_"),
        ("a\nb", "a_b"),
        ("\0x", "_x"),
        ("a//b", "a__b"),
        ("a/../b", "a_.._b"),
        ("/abs", "_abs"),
        ("../x", "___x"),
        ("./x", "._x"),
        (".", "_"),
        ("..", "__"),
        ("", "_"),
        ("x" * 300, "x" * 250),
    ],
)
def test_what_mlflow_refuses_is_replaced_and_all_else_stays(name: str, taken: str) -> None:
    assert naming.names([name]) == {name: taken}


def test_two_names_stay_two_and_the_one_that_fits_keeps_its_own() -> None:
    assert naming.names(["a%", "a_", "a?"]) == {"a_": "a_", "a%": "a__2", "a?": "a__3"}
    long = naming.names(["x" * 300, "x" * 301])
    assert sorted(map(len, long.values())) == [250, 250] and len(set(long.values())) == 2


@pytest.mark.parametrize(
    ("name", "is_path"), [("a/b c é.pt", True), ("a#b", False), ("a?", False), ("a%20b", False), ("a\nb", False)]
)
def test_files_whose_names_mean_something_in_a_url_are_known(name: str, is_path: bool) -> None:
    assert naming.is_path(name) == is_path
