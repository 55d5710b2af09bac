"""The tutorial and the how-tos do what they say, word for word."""

import json
import tomllib
from pathlib import Path

from tests.integration.scenario import Project
from tests.pages import follow
from tests.schemas import kinds_in, validate


def test_the_tutorial_and_the_documents_that_it_leaves(
    repository: Path, engine: dict[str, str], tmp_path: Path
) -> None:
    project = Project(tmp_path / "digits", engine)
    follow(repository / "docs/tutorial.md", project.path, engine)
    assert kinds_in(project.path / ".snap") == {
        "snap.run/1",
        "snap.code/1",
        "snap.reads/1",
        "snap.verdict/1",
        "snap.bisect/1",
    }
    assert validate(tomllib.loads(project.read("snap.lock"))) == "snap.lock/2"
    for command in (("diff", "first", "latest"), ("verify", "first")):
        validate(json.loads(project.snap(*command, "--json").stdout))
