"""The tutorial and the how-tos do what they say, word for word."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.indexes import PASSWORD, USER, Index
from tests.integration.scenario import Project
from tests.pages import follow
from tests.schemas import kinds_in, validate

LEFT = {
    "air-gapped": {"snap.kit/1", "snap.labels/1", "snap.verdict/1"},
    "publish-with-a-paper": {"snap.export/1", "snap.labels/1", "snap.verdict/1"},
}
"""Documents that pages leave, beside those of any run."""


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


@pytest.fixture
def images(engine: dict[str, str], command) -> Iterator[dict[str, str]]:
    """Names of images in the pages, and those that they have here, which are gone afterwards."""
    names = {"lab-base:1": "test-pages-lab-base:1", " digits-paper": " test-pages-digits-paper"}
    yield names
    command("docker", "rmi", "-f", *(name.strip() for name in names.values()), env=engine, check=False)


@pytest.mark.parametrize(
    "name",
    [
        "air-gapped",
        "from-cog",
        "from-conda",
        "from-mlflow-projects",
        "from-requirements-txt",
        "hpc-node",
        "migrate-from-docker",
        "publish-with-a-paper",
    ],
)
def test_a_how_to(name: str, repository: Path, engine: dict[str, str], tmp_path: Path, images: dict[str, str]) -> None:
    folder = tmp_path / "digits"
    folder.mkdir()
    page = repository / f"docs/how-to/{name}.md"
    used = {said: here for said, here in images.items() if said in page.read_text(encoding="utf-8")}
    follow(page, folder, engine, names=used)
    assert kinds_in(tmp_path) >= LEFT.get(name, {"snap.run/1", "snap.code/1", "snap.reads/1"})


def test_a_private_index(
    repository: Path, engine: dict[str, str], tmp_path: Path, index: Index, certified: tuple[str, Path]
) -> None:
    url, certificate = certified
    index.protected = True
    index.add("companytools", "1.2")
    page = repository / "docs/how-to/private-index.md"
    assert f"login {USER} password {PASSWORD}" in page.read_text(encoding="utf-8")
    home, folder = tmp_path / "home", tmp_path / "digits"
    home.mkdir()
    folder.mkdir()
    env = {key: value for key, value in engine.items() if not key.startswith("PIP_")}
    cache = env.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    env |= {"HOME": str(home), "XDG_CACHE_HOME": cache, "NO_PROXY": "127.0.0.1"}
    names = {"https://pypi.example.com/simple": url, "machine pypi.example.com": "machine 127.0.0.1"}
    follow(page, folder, env, names={**names, "/etc/ssl/certs/example-ca.pem": str(certificate)})
