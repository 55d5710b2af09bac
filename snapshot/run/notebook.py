"""A notebook that is to be run: what is wrong with it is said before anything is locked or built.

It runs in the image, by `inside/notebook.py`. Its parameters come from the arguments, by the names that the record has
for them, as code for a cell behind the one that is tagged `parameters` (papermill's convention).
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.project.formats import notebook
from snapshot.project.names import display
from snapshot.project.reading import Reading, strings
from snapshot.project.tree import EXECUTED
from snapshot.record.parameters import units, values_by_name

_PYTHON = frozenset({"python", "python3", "ipython"})
_WORDS = {"true": "True", "false": "False", "none": "None"}
_FORMAT = 4


class Notebook(Value, kw_only=True, frozen=True):
    """What of a notebook matters before it runs."""

    parameters: frozenset[str] | None
    """The names in the cell that is tagged `parameters`; None where no cell is."""


def executed(path: str) -> str:
    """Where the notebook is written with what came out: beside it."""
    return path.removesuffix(notebook.SUFFIX) + EXECUTED


def look(root: Path, script: str) -> Notebook:
    """The notebook `script` of the project in `root`; raises UsageError for what can't be run."""
    reading, path = Reading(root), root / script
    document = reading.json(path, peek=True)
    code = notebook.code(reading, path)
    form = document.get("nbformat")
    if form != _FORMAT:
        raise reading.wrong(
            path,
            f"it is of format {display(str(form))}, and only {_FORMAT} can be run",
            hint="open it in Jupyter and save it, or type `jupyter nbconvert --to notebook --inplace` and its name",
        )
    cells = document.get("cells", ())
    if not all(_is_cell(cell) for cell in cells):
        raise reading.wrong(path, "it is damaged: one of its cells is none", hint="open it in Jupyter and save it")
    if not cells or not any(text.strip() for text in code):
        raise reading.wrong(path, "it has no code", hint="write a cell, and save it")
    if (language := _language(document)) not in _PYTHON:
        raise reading.wrong(
            path,
            f"its kernel is for `{display(language)}`, and only notebooks in Python can be run",
            hint="choose a Python kernel, and save it",
        )
    return Notebook(parameters=_parameters(cells))


def _is_cell(cell: Any) -> bool:
    """Whether it has the form of one, as far as we go by it."""
    if not isinstance(cell, dict) or not isinstance(metadata := cell.get("metadata", {}), dict):
        return False
    return (
        isinstance(cell.get("cell_type"), str)
        and isinstance(cell.get("id", ""), str)
        and strings(metadata.get("tags", ())) is not None
        and (isinstance(cell.get("source"), str) or strings(cell.get("source")) is not None)
    )


def _language(document: dict[str, Any]) -> str:
    """What its kernel speaks; a notebook that does not say it is taken for Python, whatever its kernel is called."""
    metadata = document.get("metadata")
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        table = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(table, dict) and isinstance(found := table.get(name), str):
            return found.lower()
    return "python"


def _parameters(cells: Sequence[dict[str, Any]]) -> frozenset[str] | None:
    for cell in cells:
        if cell["cell_type"] == "code" and "parameters" in cell.get("metadata", {}).get("tags", ()):
            return frozenset(_assigned("".join(cell["source"])))
    return None


def _assigned(code: str) -> Iterator[str]:
    """The names that the code gives a value."""
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        for node in ast.walk(ast.parse(notebook.python(code))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def unknown(found: Notebook, arguments: Sequence[str]) -> Iterator[str]:
    """What to say of parameters that the notebook may not look at: a sentence each."""
    given = list(_values(arguments))
    if given and found.parameters is None:
        yield f"no cell is tagged `parameters`: {_listed(given)} stand before the first cell, which may change them"
    elif strange := [name for name in given if name not in (found.parameters or ())]:
        known = _listed(sorted(found.parameters or ())) or "no names"
        yield f"the cell that is tagged `parameters` has {known}, and not {_listed(strange)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def code_of(arguments: Sequence[str]) -> str:
    """The cell that sets the parameters of a command line, empty without any; raises UsageError for what has no name.

    A value is a literal of Python if it is one, else a string; several numbers, or several values, are a list.
    """
    return "\n".join(f"{name} = {_code(values)}" for name, values in _values(arguments).items())


def _values(arguments: Sequence[str]) -> dict[str, list[str]]:
    """What the arguments say by the names of variables: `--learning-rate` is `learning_rate`, as with argparse."""
    for word, *rest in units(arguments):
        if not rest and values_by_name([word]) == {"arg1": [word]}:
            raise UsageError(
                f"a notebook has its parameters by name, and `{display(word)}` has none",
                hint="write it as in `--rate 0.1` or `rate=0.1`",
            )
    found = {key.replace("-", "_"): values for key, values in values_by_name(arguments).items()}
    for name in found:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(
                f"`{display(name)}` can't be a variable of a notebook", hint="name its parameters as Python does"
            )
    return found


def _code(values: Sequence[str]) -> str:
    words = values[0].split() if len(values) == 1 else ()
    if len(words) > 1 and all(_number(word) for word in words):
        values = words
    literals = [_literal(text) for text in values]
    return f"[{', '.join(literals)}]" if len(literals) > 1 else literals[0]


def _literal(text: str) -> str:
    return _WORDS.get(text.lower()) or _number(text) or _collection(text) or repr(text)


def _number(text: str) -> str | None:
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        value = ast.literal_eval(text.strip())
        if type(value) in (int, float) and math.isfinite(value):
            return repr(value)
    with suppress(ValueError):
        if not math.isfinite(value := float(text)):
            return f"float({str(value)!r})"
    return None


def _collection(text: str) -> str | None:
    """A list, tuple, dictionary, set or quoted string."""
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        if isinstance(value := ast.literal_eval(text), list | tuple | dict | set | str):
            return repr(value)
    return None
