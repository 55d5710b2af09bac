"""`pyproject.toml`: PEP 621, PEP 735, Poetry's and uv's tables."""

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.formats.poetry_versions import python_marker, specifier
from snapshot.project.requirements import Requirements
from snapshot.project.sources import read


def project(root: Path, text: str, **asked: tuple[str, ...]) -> Requirements:
    (root / "pyproject.toml").write_text(text)
    return read(root, **asked)


PEP_621 = """
[project]
name = "own"
dependencies = ["six"]
[project.optional-dependencies]
Plot = ["matplotlib"]
all = ["own[plot]", "idna"]
[dependency-groups]
test = ["pytest", {include-group = "typing"}]
typing = ["mypy"]
"""


def test_extras_and_groups_are_added(tmp_path: Path) -> None:
    assert project(tmp_path, PEP_621).lines == ("six",)
    found = project(tmp_path, PEP_621, extras=("all",), groups=("Test",))
    assert found.lines == ("six", "idna", "matplotlib", "pytest", "mypy")
    assert found.places["mypy"] == "pyproject.toml, group `typing`, item 1"


@pytest.mark.parametrize(
    ("text", "asked", "words"),
    [
        (PEP_621, {"extras": ("gpu",)}, "no extra `gpu`"),
        (PEP_621, {"groups": ("docs",)}, "no dependency group `docs`"),
        ("[project]\ndependencies = 'six'", {}, "`project.dependencies` in `pyproject.toml` is not a list"),
        ("project = 3", {}, "`project` is not a table"),
        (
            "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]",
            {"groups": ("a",)},
            "without end: `a` → `b` → `a`",
        ),
        ("[dependency-groups]\na = [{include-group = 'b'}]", {"groups": ("a",)}, "includes `b`, which is not there"),
        ("[dependency-groups]\na = [3]", {"groups": ("a",)}, "item 1 of the group `a` is no requirement"),
        ("[dependency-groups]\na = 3", {"groups": ("a",)}, "the group `a` is not a list"),
        ("[dependency-groups]\na-b = []\na_b = []", {"groups": ("a-b",)}, "have the same name"),
        ("[tool.poetry.dependencies]\na = '^1 || ^3'", {}, "`a`: `.*` has alternatives"),
        ("[tool.poetry.dependencies]\na = 'new'", {}, "`new` is not a version constraint"),
        ("[tool.poetry.dependencies]\na = 3", {}, "the dependency `a` is not a table"),
        ("[tool.poetry.dependencies]\na = {git = 3}", {}, "`git` of the dependency `a` is not a string"),
        ("[tool.poetry.dependencies]\na = {}", {}, "neither a version nor a place"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, text: str, asked: dict[str, tuple[str, ...]], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        project(tmp_path, text, **asked)
    assert caught.value.hint


def test_dynamic_dependencies_are_read_where_they_are_written(tmp_path: Path) -> None:
    head = "[project]\nname = 'own'\ndynamic = ['dependencies']\n"
    (tmp_path / "base.in").write_text("six  # it\n\nidna\n")
    found = project(tmp_path, head + "[tool.setuptools.dynamic]\ndependencies = {file = ['base.in']}\n")
    assert (found.lines, set(found.files)) == (("six", "idna"), {"base.in"})
    assert project(tmp_path, head + "[tool.poetry.dependencies]\nattrs = '*'\n").lines == ("attrs",)
    (tmp_path / "setup.cfg").write_text("[options]\ninstall_requires =\n    click>=8\n")
    assert project(tmp_path, head).source == "setup.cfg"


def test_poetrys_table_in_pips_notation(tmp_path: Path) -> None:
    text = """
[tool.poetry.dependencies]
python = "^3.10"
a = "^1.2"
b = "~0.3"
c = "*"
d = {version = ">=1,<2", extras = ["x"], markers = "os_name == 'posix'", python = "<3.12"}
e = {git = "https://h.example/e.git", tag = "v1", subdirectory = "lib"}
f = {path = "../f", develop = true}
g = {url = "https://h.example/g.whl"}
h = [{version = "1.0", platform = "linux"}, {version = "2.0", platform = "darwin"}]
i = {version = "1.*", optional = true}
[tool.poetry.extras]
more = ["i"]
[tool.poetry.group.dev.dependencies]
j = "2"
[[tool.poetry.source]]
name = "ours"
url = "https://ours.example/simple"
"""
    lines = (
        "--extra-index-url https://ours.example/simple",
        "a>=1.2,<2.0",
        "b>=0.3,<0.4",
        "c",
        "d[x]>=1,<2 ; os_name == 'posix' and python_version < \"3.12\"",
        "e @ git+https://h.example/e.git@v1#subdirectory=lib",
        "../f",
        "g @ https://h.example/g.whl",
        'h==1.0 ; sys_platform == "linux"',
        'h==2.0 ; sys_platform == "darwin"',
    )
    found = project(tmp_path, text)
    assert (found.lines, found.requires_python) == (lines, ">=3.10,<4.0")
    assert set(project(tmp_path, text, extras=("more",), groups=("dev",)).lines) == {*lines, "i==1.*", "j==2"}


@pytest.mark.parametrize(
    ("poetry", "pep440"),
    [
        ("^1.2.3", ">=1.2.3,<2.0.0"),
        ("^0.2.3", ">=0.2.3,<0.3.0"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3.0"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("1.*", "==1.*"),
        ("*", ""),
        ("1.2.3", "==1.2.3"),
        ("!=1.5", "!=1.5"),
        (">= 1.2, < 1.5", ">=1.2,<1.5"),
        (">=1.2 <1.5", ">=1.2,<1.5"),
        ("^2.0b1", ">=2.0b1,<3.0"),
        ("==2.1.0+cu121", "==2.1.0+cu121"),
    ],
)
def test_poetrys_constraints(poetry: str, pep440: str) -> None:
    """As in Poetry's documentation, "Dependency specification"."""
    assert specifier(poetry) == pep440


def test_constraints_on_python_become_markers() -> None:
    assert python_marker("^3.8") == 'python_version >= "3.8" and python_version < "4.0"'
    assert python_marker("<3.9 || >=3.11.2") == 'python_version < "3.9" or python_full_version >= "3.11.2"'
    assert python_marker("*") is None


def test_uvs_sources_are_where_packages_come_from(tmp_path: Path) -> None:
    (tmp_path / "members" / "inner").mkdir(parents=True)
    (tmp_path / "members" / "inner" / "pyproject.toml").write_text(
        "[project]\nname = 'inner'\ndependencies = ['attrs']\n"
    )
    found = project(
        tmp_path,
        """
[project]
name = "own"
dependencies = ["a>1", "b[x]", "c ; os_name == 'posix'", "inner", "torch"]
[tool.uv.sources]
a = {git = "https://h.example/a.git", rev = "c0"}
b = {path = "../b", editable = true}
c = [{url = "https://h.example/c.whl", marker = "sys_platform == 'linux'"}]
inner = {workspace = true}
torch = {index = "wheels"}
[[tool.uv.index]]
name = "wheels"
url = "https://wheels.example/cpu"
explicit = true
[tool.uv.workspace]
members = ["members/*"]
""",
    )
    assert found.lines == (
        "--extra-index-url https://wheels.example/cpu",
        "a @ git+https://h.example/a.git@c0",
        "../b[x]",
        "c @ https://h.example/c.whl ; os_name == 'posix' and sys_platform == 'linux'",
        "attrs",
        "torch",
    )
    assert found.import_roots == ("members/inner",)
