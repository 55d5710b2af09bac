"""What is left of a notebook that others get, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from snapshot.share.notebook import without_outputs


def notebook(**changed: Any) -> bytes:
    cell = {
        "cell_type": "code",
        "id": "a1",
        "execution_count": 7,
        "metadata": {"ExecuteTime": {"start": "2026-01-02"}},
        "outputs": [{"output_type": "stream", "name": "stdout", "text": ["/home/somebody/data\n"]}],
        "source": ["import this\n", "print('ü')"],
    }
    text = {"cell_type": "markdown", "metadata": {"tags": ["x", "parameters"]}, "source": "# Title"}
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "metadata": {"interpreter": "/home/somebody/py"}},
        "language_info": {"name": "python", "version": "3.11.7"},
        "vscode": {"interpreter": {"hash": "123"}},
    }
    return json.dumps(
        {"cells": [cell, text], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5, **changed}
    ).encode()


def test_sources_are_left_and_nothing_of_the_machine() -> None:
    bare = without_outputs(notebook())
    assert bare is not None
    code, text = json.loads(bare)["cells"]
    assert code == {
        "cell_type": "code", "id": "a1", "execution_count": None, "metadata": {}, "outputs": [],
        "source": ["import this\n", "print('ü')"],
    }  # fmt: skip
    assert text == {"cell_type": "markdown", "metadata": {"tags": ["parameters"]}, "source": "# Title"}
    assert json.loads(bare)["metadata"] == {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    assert b"somebody" not in bare


def test_same_source_is_the_same_bytes() -> None:
    bare = without_outputs(notebook())
    assert bare is not None
    assert without_outputs(bare) == bare


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b"[" * 100_000,
        notebook(nbformat="4"),
        notebook(cells={}),
        notebook(cells=[1]),
        notebook(cells=[{"cell_type": "code"}]),
        notebook(metadata=[]),
        notebook(metadata={"kernelspec": 3}),
        notebook(nbformat_minor={}),
    ],
)
def test_what_is_no_notebook(content: bytes) -> None:
    assert without_outputs(content) is None
