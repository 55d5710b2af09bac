"""The scripts that run in the base."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from snapshot.document import decode_json
from snapshot.lock import in_base, tools
from snapshot.lock.facts import Answer


def test_tells_the_interpreter_and_the_system(tmp_path: Path) -> None:
    found = answer("3.8", tmp_path).facts
    assert found
    assert found.python.version == ".".join(map(str, sys.version_info[:3]))
    assert found.python.executable == sys.executable
    assert found.os.id and found.tags and found.markers["sys_platform"] == "linux"


def test_tells_the_version_alone_where_tools_do_not_run(tmp_path: Path) -> None:
    found = answer("3.99", tmp_path)
    assert found.facts is None
    assert found.version.startswith(".".join(map(str, sys.version_info[:3])))


@pytest.mark.parametrize("script", tools.SCRIPTS)
def test_is_python_3_8(script: str) -> None:
    source = Path(in_base.__file__).with_name(script).read_text()
    ast.parse(source, feature_version=(3, 8))
    # A Python that is too old is told so, in a syntax that it knows.
    assert ("from __future__ import annotations" in source) == (script != "in_base_python.py")


def answer(oldest: str, folder: Path) -> Answer:
    script = Path(in_base.__file__).with_name("in_base_python.py")
    done = subprocess.run([sys.executable, script, oldest], text=True, capture_output=True, check=True, cwd=folder)
    return decode_json(done.stdout.encode(), Answer, where="the answer")
