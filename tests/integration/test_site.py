"""The documentation as a site: built without a warning, and of nothing but this repository's own files."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import Command

FETCHED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?([^\" >]+)|<link\b[^>]*\brel=\"?stylesheet[^>]*")


# The environment that the tests run in has what builds it: nothing is set up anew.
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def site(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = command("scripts/docs", "build", "--strict", "--quiet", "--site-dir", folder, env=ENVIRONMENT)
    assert done.stderr == ""
    return folder


def test_every_page_is_on_the_site(site: Path, repository: Path) -> None:
    pages = {page.relative_to(repository / "docs").with_suffix("") for page in (repository / "docs").rglob("*.md")}
    built = {page.parent.relative_to(site) for page in site.rglob("index.html")}
    assert {Path() if page == Path("index") else page for page in pages} == built


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    found = [tag for page in site.rglob("*.html") for tag in FETCHED.finditer(page.read_text(encoding="utf-8"))]
    assert found
    assert [tag.group() for tag in found if "//" in tag.group()] == []


def test_a_page_left_out_and_links_that_lead_nowhere_are_errors(
    command: Command, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "mkdocs.yml").write_text(f"INHERIT: {repository}/mkdocs.yml\nnav: [index.md]\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/left-out.md").write_text("# Left out\n")
    (tmp_path / "docs/index.md").write_text("# Here\n\n[a](nowhere.md) [b](left-out.md#nothing) [c](#nothing)\n")
    build = ("build", "-f", tmp_path / "mkdocs.yml")
    done = command(repository / "scripts/docs", *build, check=False, env=ENVIRONMENT)
    assert done.returncode == 1
    warnings = [line for line in done.stderr.splitlines() if line.startswith(("WARNING", "  - "))]
    assert len(warnings) == 5, done.stderr  # the page is named on a line of its own
    for said in ("left-out.md", "nowhere.md", "left-out.md#nothing", "'#nothing'"):
        assert any(said in line for line in warnings), said
