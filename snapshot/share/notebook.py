"""A notebook without what running it has left: outputs, counters, and metadata, which tell of users and machines.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
from typing import Any

_KEPT = ("kernelspec", "language_info")
"""What a notebook needs to be run; the rest of its metadata is of editors and of whoever had them open."""

_TAGS = frozenset({"parameters", "injected-parameters", "raises-exception", "skip-execution"})
"""Tags of cells by which they are run in another way."""


def without_outputs(content: bytes) -> bytes | None:
    """The notebook with the source of its cells only, the same bytes for the same source; None if it isn't one."""
    try:
        notebook = json.loads(content)
        if not isinstance(notebook["cells"], list) or not isinstance(notebook["nbformat"], int):
            return None
        bare = {
            "cells": [_cell(each) for each in notebook["cells"]],
            "metadata": {key: _bare(value) for key, value in notebook.get("metadata", {}).items() if key in _KEPT},
            "nbformat": notebook["nbformat"],
            "nbformat_minor": int(notebook.get("nbformat_minor", 0)),
        }
        return (json.dumps(bare, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Kind, source and the `id` that nbformat 4.5 asks for; attachments are pictures within the text."""
    bare: dict[str, Any] = {key: cell[key] for key in ("id", "attachments") if key in cell}
    tags = [tag for tag in cell.get("metadata", {}).get("tags", ()) if tag in _TAGS]
    bare |= {"cell_type": cell["cell_type"], "source": cell["source"], "metadata": {"tags": tags} if tags else {}}
    return bare | ({"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {})


def _bare(value: dict[str, Any]) -> dict[str, Any]:
    """The names of a kernel and a language; a kernel's own metadata hold paths and the interpreter that was chosen."""
    return {key: value[key] for key in ("name", "display_name", "language", "file_extension") if key in value}
