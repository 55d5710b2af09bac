"""Notebooks: the code in their cells, and the packages that `%pip install` and `!pip install` in them name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from snapshot.project.formats import requirements_txt
from snapshot.project.reading import Line, Reading, strings
from snapshot.project.requirements import Requirements

SUFFIX = ".ipynb"

_INSTALL = re.compile(
    r"^[ \t]*[%!]?[ \t]*(?:uv[ \t]+)?(?:(?:\S*python3?\S*|\{sys\.executable\})[ \t]+-m[ \t]+)?"
    r"pip3?[ \t]+install[ \t]+(?P<words>.*)$"
)
_TAKE = {"-r": "-r", "--requirement": "-r", "-c": "-c", "--constraint": "-c", "-e": "-e", "--editable": "-e",
         "-f": "-f", "--find-links": "-f", "--extra-index-url": "--extra-index-url"}  # fmt: skip
"""Options with a value that a requirements file can say too."""
_SKIP = frozenset({"-i", "--index-url", "-t", "--target", "--prefix", "--root", "--cache-dir", "--timeout",
                   "--trusted-host", "--progress-bar", "--python", "--platform", "--proxy", "--retries"})  # fmt: skip
"""Options with a value that are left out."""
_END = frozenset({"&&", "||", ";", "|", ">", ">>", "2>", "&>", "2>&1", "&", "#"})


def read(reading: Reading, paths: Iterable[Path]) -> Requirements | None:
    """What the notebooks `paths` install; None when they install nothing."""
    lines: list[Line] = []
    names: list[str] = []
    for path in paths:
        found = list(_installs(reading, path))
        lines += requirements_txt.taken_in(reading, found, path.parent)
        names += [reading.name(path)] if found else []
    if not lines:
        return None
    source = names[0] if len(names) == 1 else f"{len(names)} notebooks"
    return reading.requirements(source, lines)


def code(reading: Reading, path: Path) -> list[str]:
    """The text of each code cell; raises UsageError for what is no notebook."""
    document = reading.json(path, peek=True)
    cells = document.get("cells")
    if cells is None and isinstance(sheets := document.get("worksheets"), list):
        # Before version 4 of the format.
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or ()]
    if not isinstance(cells, list):
        raise reading.wrong(path, "it is no notebook: it has no list of `cells`")
    return [text for cell in cells for text in _source(cell)]


def _source(cell: Any) -> Iterator[str]:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return
    text = cell.get("source", cell.get("input"))
    parts = strings(text)
    if isinstance(text, str) or parts is not None:
        yield text if isinstance(text, str) else "".join(parts or ())


def python(cell: str) -> str:
    """The Python of a cell: without magics and shell commands, which IPython alone understands."""
    if cell.lstrip().startswith("%%"):
        return cell.partition("\n")[2] if cell.lstrip().startswith(("%%time", "%%capture", "%%timeit")) else ""
    kept = (
        "" if line.lstrip()[:1] in ("%", "!", "?") or line.rstrip().endswith("?") else line for line in cell.split("\n")
    )
    return "\n".join(kept)


def _installs(reading: Reading, path: Path) -> Iterator[Line]:
    for number, cell in enumerate(code(reading, path), start=1):
        for text in cell.replace("\\\n", " ").splitlines():
            found = _INSTALL.match(text)
            for requirement in _requirements(found["words"]) if found else ():
                yield Line(requirement, f"{reading.name(path)}, code cell {number}")


def _requirements(words: str) -> Iterator[str]:
    """The requirements among the words of a command line."""
    try:
        found = shlex.split(words, comments=True)
    except ValueError:
        return
    at = 0
    while at < len(found):
        word = found[at]
        option, equals, value = word.partition("=")
        at += 1
        if word in _END or word.endswith(";"):
            if word.endswith(";") and word != ";":
                yield word[:-1]
            return
        if option in _TAKE or option in _SKIP:
            if not equals:
                value, at = (found[at] if at < len(found) else ""), at + 1
            if option in _TAKE and value:
                yield f"{_TAKE[option]} {value}"
        elif not word.startswith("-") and "$" not in word and "{" not in word:
            yield word
