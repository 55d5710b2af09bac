"""The script that runs in the base: what it tells of a system, with nothing but a standard library at hand."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from snapshot.lock import in_base, tools


def answer(tmp_path: Path) -> dict[str, dict[str, str]]:
    script = Path(in_base.__file__)
    done = subprocess.run(
        [sys.executable, "-I", "-S", script],
        input=json.dumps({"lines": [], "pins_to_find": []}),
        text=True,
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    return dict(json.loads(done.stdout))


def test_tells_the_interpreter_and_the_system(tmp_path: Path) -> None:
    found = answer(tmp_path)
    assert found["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert found["python"]["executable"] == sys.executable
    assert set(found["os"]) == {"id", "version", "name", "packages"}


@pytest.mark.parametrize("script", tools.SCRIPTS)
def test_is_python_3_9(script: str) -> None:
    source = Path(in_base.__file__).with_name(script).read_text()
    ast.parse(source, feature_version=(3, 9))
    assert source.index("from __future__ import annotations")
