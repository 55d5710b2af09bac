"""Runs inside the base image, with its own Python (3.8 or newer): resolves for it.

JSON comes in through stdin, since it holds what must not be seen in a process list; JSON goes out through stdout.
Nothing but the standard library is imported here; `in_base_pip` beside it brings pip and pip-tools.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer the one question that stdin asks."""
    # Whatever pip or a package's build prints must not get between the JSON.
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    question = json.load(sys.stdin)
    answer: dict[str, Any] = {}
    prepare(question)
    in_base_pip = import_module("in_base_pip")
    try:
        answer["resolution"] = in_base_pip.answer(question)
    except Exception as problem:
        answer["failure"] = import_module("in_base_said").failure(problem)
    json.dump(answer, answer_to)
    answer_to.flush()
    # Resolving leaves some 100,000 objects behind, and nothing that needs to be tidied up.
    os._exit(0)


def prepare(question: dict[str, Any]) -> None:
    """The host's pip configuration in place of the base's, in a folder that goes with the container."""
    home = tempfile.mkdtemp(prefix="home-")
    file = Path(home, "pip.conf")
    file.touch(0o600)
    file.write_text(question["configuration"], encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        del os.environ[name]
    os.environ.update(question["environment"], HOME=home, PIP_CONFIG_FILE=str(file))
    os.chdir(question["root"])


if __name__ == "__main__":
    main()
