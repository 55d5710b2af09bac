"""Notebooks that can't be run, and what their parameters become."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from snapshot.errors import UsageError
from snapshot.run.notebook import code_of, executed, look, unknown


def cell(source: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source.splitlines(keepends=True)}


def write(folder: Path, *cells: Any, **document: Any) -> str:
    (folder / "a.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": cells, **document}))
    return "a.ipynb"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"cells": [cell("1")], "nbformat": 3}, "of format 3, and only 4 can be run"),
        ({"worksheets": [{"cells": []}], "nbformat": 3}, "of format 3"),
        ({"cells": [cell("1")]}, "of format None"),
        ({"cells": [], "nbformat": 4}, "it has no code"),
        ({"cells": [cell(" \n")], "nbformat": 4}, "it has no code"),
        ({"cells": [{"cell_type": "markdown", "source": "text"}], "nbformat": 4}, "it has no code"),
        ({"cells": 5, "nbformat": 4}, "it has no list of `cells`"),
        ({"cells": [cell("1"), 5], "nbformat": 4}, "one of its cells is none"),
        ({"cells": [cell("1"), {"cell_type": "code", "source": 5}], "nbformat": 4}, "one of its cells is none"),
        ({"cells": [cell("1"), {"source": ""}], "nbformat": 4}, "one of its cells is none"),
        ({"cells": [cell("1") | {"id": ["a"]}], "nbformat": 4}, "one of its cells is none"),
        ({"cells": [cell("1") | {"metadata": {"tags": 5}}], "nbformat": 4}, "one of its cells is none"),
        ({"worksheets": [{"cells": [{"cell_type": "code", "input": "1"}]}], "nbformat": 4}, "it has no code"),
        ({"cells": [cell("1")], "nbformat": 4, "metadata": {"kernelspec": {"language": "R"}}}, "is for `r`"),
        ({"cells": [cell("1")], "nbformat": 4, "metadata": {"language_info": {"name": "julia"}}}, "is for `julia`"),
    ],
)
def test_what_can_not_be_run(tmp_path: Path, document: dict[str, Any], words: str) -> None:
    (tmp_path / "a.ipynb").write_text(json.dumps(document))
    with pytest.raises(UsageError, match=words) as caught:
        look(tmp_path, "a.ipynb")
    assert caught.value.message.startswith("`a.ipynb`: ")
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"cells": '])
def test_what_is_no_notebook(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ipynb").write_text(text)
    with pytest.raises(UsageError, match=r"a\.ipynb"):
        look(tmp_path, "a.ipynb")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "conda-env-foo"}},
        {"kernelspec": {"name": "x", "language": "python"}},
        {"language_info": {"name": "python"}},
        {"kernelspec": 5},
        5,
    ],
)
def test_any_kernel_that_may_speak_python_will_do(tmp_path: Path, metadata: Any) -> None:
    assert look(tmp_path, write(tmp_path, cell("1"), metadata=metadata)).parameters is None


def test_parameters_are_looked_for_in_the_cell_that_is_tagged(tmp_path: Path) -> None:
    name = write(tmp_path, cell("x = 1"), cell("%matplotlib inline\nrate = 0.1\na, b = 1, 2\nprint(c)", "parameters"))
    found = look(tmp_path, name)
    assert found.parameters == {"rate", "a", "b"}
    assert list(unknown(found, ["--rate", "1", "b=2"])) == []
    assert list(unknown(found, [])) == []
    (said,) = unknown(found, ["--rat", "1"])
    assert said == "the cell that is tagged `parameters` has `a`, `b`, `rate`, and not `rat`"


def test_without_such_a_cell_it_is_said_where_they_stand(tmp_path: Path) -> None:
    (said,) = unknown(look(tmp_path, write(tmp_path, cell("1"))), ["--rate", "1"])
    assert said == "no cell is tagged `parameters`: `rate` stand before the first cell, which may change them"


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        (["--rate", "0.1", "epochs=3", "--amp", "--no-bias"], {"rate": 0.1, "epochs": 3, "amp": True, "bias": False}),
        (["--layers", "64", "64", "10"], {"layers": [64, 64, 10]}),
        (["--tag", "a", "--tag", "2"], {"tag": ["a", 2]}),
        (["--name", "hello world", "--learning-rate=1e-3"], {"name": "hello world", "learning_rate": 0.001}),
        (["x=[1, 'a']", "y={'b': None}", "q='s'", "e=", "n=None"],
         {"x": [1, "a"], "y": {"b": None}, "q": "s", "e": "", "n": None}),
        (["z=007", "c=1j", "d=2020-01-01", "w=__import__('os')"],
         {"z": "007", "c": "1j", "d": "2020-01-01", "w": "__import__('os')"}),
        (["--shift", "-0.1", "t=true", "s='"], {"shift": -0.1, "t": True, "s": "'"}),
        (["n=a\nimport os"], {"n": "a\nimport os"}),
    ],
)  # fmt: skip
def test_values_are_literals_where_they_are_some(arguments: list[str], values: dict[str, Any]) -> None:
    assignments = [node for node in ast.parse(code_of(arguments)).body if isinstance(node, ast.Assign)]
    assert {ast.unparse(each.targets[0]): ast.literal_eval(each.value) for each in assignments} == values
    assert len(assignments) == len(ast.parse(code_of(arguments)).body)


def test_infinite_numbers_stay_numbers() -> None:
    assert code_of(["--clip", "inf", "nan"]) == "clip = [float('inf'), float('nan')]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x"], "`x` has none"),
        (["--rate", "1", "--", "word"], "`word` has none"),
        (["--class", "1"], "`class` can't be a variable"),
        (["model.lr=1"], r"`model.lr` can't be a variable"),
    ],
)
def test_what_has_no_name_is_refused(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        code_of(arguments)


def test_the_executed_one_lies_beside_it() -> None:
    assert executed("nb/train.ipynb") == "nb/train.executed.ipynb"
