"""`uv.lock`: a graph, of which the project is the root."""

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.requirements import Need
from snapshot.project.sources import read

DIGITS = "ab" * 32
HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.10"\n'
REGISTRY = 'source = { registry = "https://index.example/simple" }\n'


def package(name: str, version: str = "1.0", more: str = "", source: str = REGISTRY) -> str:
    wheel = (
        f'{{ url = "https://index.example/f/{name}-{version}-py3-none-any.whl", hash = "sha256:{DIGITS}", size = 9 }}'
    )
    wheels = f"wheels = [{wheel}]\n" if source == REGISTRY else ""
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\n{source}{wheels}{more}\n'


PROJECT = """
[[package]]
name = "demo-one"
version = "0.1"
source = { editable = "." }
dependencies = [
    { name = "idna", version = "1.0", marker = "python_full_version < '3.11'" },
    { name = "idna", version = "2.0", marker = "python_full_version >= '3.11'" },
    { name = "httpx", extra = ["http2"] },
]
[package.optional-dependencies]
cpu = [{ name = "torch", version = "2.0+cpu", marker = "extra == 'extra-8-demo-one-cpu'" }]
gpu = [{ name = "torch", version = "2.0" }]
[package.dev-dependencies]
dev = [{ name = "pytest" }]
[package.metadata]
requires-dist = [{ name = "idna" }, { name = "httpx" }, { name = "torch" }]
"""
TREE = (
    HEAD
    + PROJECT
    + package("idna", "1.0")
    + package("idna", "2.0")
    + package("httpx", more='[package.optional-dependencies]\nhttp2 = [{ name = "h2" }]')
    + package("h2", more='dependencies = [{ name = "colorama", marker = "sys_platform == \'win32\'" }]')
    + package("colorama")
    + package("pytest")
    + package("torch", "2.0")
    + package("torch", "2.0+cpu")
)


def project(root: Path, lock: str, dependencies: str = '["idna", "httpx[http2]"]') -> Path:
    (root / "uv.lock").write_text(lock)
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "demo-one"\ndependencies = {dependencies}\n'
        '[project.optional-dependencies]\ncpu = ["torch"]\n'
    )
    return root


def test_the_graph_is_kept_with_its_markers(tmp_path: Path) -> None:
    (tmp_path / "src" / "demo").mkdir(parents=True)
    (tmp_path / "src" / "demo" / "__init__.py").touch()
    found = read(project(tmp_path, TREE))
    assert found.pins and found.pins.roots == (
        Need(name="idna", version="1.0", marker='python_full_version < "3.11"'),
        Need(name="idna", version="2.0", marker='python_full_version >= "3.11"'),
        Need(name="httpx", extras=("http2",)),
    )
    pins = {(pin.name, pin.version): pin for pin in found.pins.packages}
    assert ("demo-one", "0.1") not in pins and len(pins) == 8
    assert pins["httpx", "1.0"].extras == {"http2": (Need(name="h2"),)}
    assert pins["h2", "1.0"].needs == (Need(name="colorama", marker='sys_platform == "win32"'),)
    idna = pins["idna", "2.0"]
    assert (idna.hashes, idna.index) == ((f"sha256:{DIGITS}",), "https://index.example/simple")
    assert (idna.files[0].name, idna.files[0].size) == ("idna-2.0-py3-none-any.whl", 9)
    assert (found.import_roots, found.notes, found.requires_python) == (("src",), (), ">=3.10")


def test_lines_are_what_the_asked_extras_and_groups_lead_to(tmp_path: Path) -> None:
    project(tmp_path, TREE)
    base = {"idna==1.0", "idna==2.0", "httpx==1.0", "h2==1.0", "colorama==1.0"}
    assert set(read(tmp_path).lines) == base
    assert set(read(tmp_path, extras=("cpu",)).lines) == base | {"torch==2.0+cpu"}
    assert set(read(tmp_path, extras=("gpu",), groups=("dev",)).lines) == base | {"torch==2.0", "pytest==1.0"}


def test_extras_and_groups_that_are_not_there_are_refused(tmp_path: Path) -> None:
    project(tmp_path, TREE)
    with pytest.raises(UsageError, match="no extra `tpu`") as caught:
        read(tmp_path, extras=("tpu",))
    assert caught.value.hint == "choose of `cpu`, `gpu`"
    with pytest.raises(UsageError, match="no dependency group `docs`"):
        read(tmp_path, groups=("docs",))


def test_extras_that_exclude_each_other_are_decided(tmp_path: Path) -> None:
    marker = "extra == 'extra-8-demo-one-cpu' or (extra != 'extra-8-demo-one-gpu' and sys_platform == 'linux')"
    lock = TREE + package("later", more=f'dependencies = [{{ name = "torch", marker = "{marker}" }}]')
    project(tmp_path, lock)

    def needs(*extras: str) -> tuple[Need, ...]:
        pins = read(tmp_path, extras=extras).pins
        assert pins
        return next(pin.needs for pin in pins.packages if pin.name == "later")

    assert needs() == (Need(name="torch", marker='sys_platform == "linux"'),)
    assert needs("cpu") == (Need(name="torch"),)
    assert needs("gpu") == ()


def test_members_are_code_and_what_they_need_is_needed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "members" / name).mkdir(parents=True)
    lock = (
        HEAD
        + package("demo", source='source = { virtual = "." }\n', more='dependencies = [{ name = "one" }]')
        + package("one", source='source = { editable = "members/one" }\n', more='dependencies = [{name = "two"}]')
        + package(
            "two",
            source='source = { directory = "members/two" }\n',
            more="dependencies = [{name = 'one'}, {name = 'idna', marker = \"os_name == 'posix'\"}]",
        )
        + package("idna")
    )
    found = read(project(tmp_path, lock, "[]"))
    assert found.pins and found.pins.roots == (Need(name="idna", marker='os_name == "posix"'),)
    assert [pin.name for pin in found.pins.packages] == ["idna"]
    assert found.import_roots == ("members/one", "members/two")


@pytest.mark.parametrize(
    ("source", "direct"),
    [
        (
            'git = "https://h.example/a?subdirectory=lib&rev=main#c0ffee"',
            "git+https://h.example/a@c0ffee#subdirectory=lib",
        ),
        ('url = "https://h.example/a.whl"', "https://h.example/a.whl"),
        ('path = "../a.whl"', "file://{above}/a.whl"),
        ('editable = "../lib"', "file://{above}/lib"),
    ],
)
def test_sources_beside_an_index(tmp_path: Path, source: str, direct: str) -> None:
    (tmp_path / "p").mkdir()
    found = read(project(tmp_path / "p", HEAD + package("a", source=f"source = {{ {source} }}\n"), "[]")).pins
    assert found and found.packages[0].direct == direct.format(above=tmp_path)


def test_a_version_of_two_indexes_is_one_pin(tmp_path: Path) -> None:
    other = package("a").replace("index.example", "other.example").replace("ab", "cd")
    found = read(project(tmp_path, HEAD + package("a") + other, "[]")).pins
    assert found and len(found.packages) == 1
    assert (len(found.packages[0].hashes), found.packages[0].index) == (2, None)


def test_a_lock_file_older_than_its_manifest_is_told(tmp_path: Path) -> None:
    (note,) = read(project(tmp_path, TREE, '["idna", "pandas"]')).notes
    assert note == "`uv.lock` is older than `pyproject.toml`: they differ in `httpx`, `pandas`; run `uv lock`"


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("version = 2\n", "`uv.lock`: it is of version 2, and this version reads 1"),
        ("package = 3", "it is of version unknown"),
        ("version = 1\npackage = 3", "`package` is not a list"),
        ('version = 1\n[[package]]\nname = "six"\n', "package `six`: object missing required field `source`"),
        ("version = 1\n[[package]]\n", "package 1: object missing required field `name`"),
        ('version = 1\n[[package]]\nname = "six"\nsource = {}\n', "package `six`: its source .* of no known kind"),
        (HEAD + package("six", more="dependencies = [{name = 'a', marker = 'x'}]"), "package `six`, `a`"),
        (HEAD + package("six", more="dependencies = ['a']"), "package `six`: expected `object`"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, lock: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read(project(tmp_path, lock))
    assert caught.value.hint
