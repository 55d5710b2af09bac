"""The scripts that run in the base."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from snapshot.document import decode_json
from snapshot.lock import in_base, tools
from snapshot.lock.facts import Facts


def test_tells_the_interpreter_and_the_system(tmp_path: Path) -> None:
    script = Path(in_base.__file__).with_name("in_base_facts.py")
    done = subprocess.run([sys.executable, "-I", script], text=True, capture_output=True, check=True, cwd=tmp_path)
    found = decode_json(done.stdout.encode(), Facts, where="the answer")
    assert found.python.version == ".".join(map(str, sys.version_info[:3]))
    assert found.python.executable == sys.executable
    assert found.os.id and found.tags and found.markers["sys_platform"] == "linux"


@pytest.mark.parametrize("script", tools.SCRIPTS)
def test_is_python_3_9(script: str) -> None:
    source = Path(in_base.__file__).with_name(script).read_text()
    ast.parse(source, feature_version=(3, 9))
    assert source.index("from __future__ import annotations")
