"""`poetry.lock`, with groups and markers of its own and without."""

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.requirements import Need, Pins
from snapshot.project.sources import read

DIGITS = "ab" * 32
PYPROJECT = """
[tool.poetry]
name = "demo"
[tool.poetry.dependencies]
python = "^3.10"
six = "^1.16"
httpx = {version = "*", extras = ["http2"], optional = true}
[tool.poetry.extras]
web = ["httpx"]
[tool.poetry.group.dev.dependencies]
attrs = "*"
"""
HASH = "0" * 64


def package(name: str, more: str = "", after: str = "") -> str:
    return (
        f'[[package]]\nname = "{name}"\nversion = "1.0"\noptional = false\npython-versions = ">=3.8"\n{more}\n'
        f'files = [{{file = "{name}-1.0-py3-none-any.whl", hash = "sha256:{DIGITS}"}}]\n{after}\n'
    )


def tail(version: str) -> str:
    return f'[extras]\nweb = ["httpx"]\n[metadata]\nlock-version = "{version}"\ncontent-hash = "{HASH}"\n'


def pins(root: Path, lock: str, **asked: tuple[str, ...]) -> Pins:
    (root / "poetry.lock").write_text(lock)
    (root / "pyproject.toml").write_text(PYPROJECT)
    found = read(root, **asked)
    assert found.pins is not None and found.source == "poetry.lock"
    assert found.requires_python == ">=3.10,<4.0"
    return found.pins


NEW = (
    package("six", 'groups = ["main", "dev"]')
    + package("attrs", 'groups = ["dev"]')
    + package("httpx", 'groups = ["main"]\nmarkers = "extra == \\"web\\" and python_version >= \\"3.10\\""')
    + package("colorama", 'groups = ["main", "dev"]', "").replace(
        "files",
        'markers = {main = "sys_platform == \\"win32\\"", dev = "os_name == \\"nt\\""}\nfiles',
    )
    + tail("2.1")
)


def test_groups_and_markers_of_each_package(tmp_path: Path) -> None:
    def found(**asked: tuple[str, ...]) -> dict[str, str | None]:
        told = pins(tmp_path, NEW, **asked)
        assert told.roots is None
        return {pin.name: pin.marker for pin in told.packages}

    assert found() == {"six": None, "colorama": 'sys_platform == "win32"'}
    assert found(extras=("web",)) == {
        "six": None,
        "httpx": 'python_version >= "3.10"',
        "colorama": 'sys_platform == "win32"',
    }
    assert found(groups=("dev",)) == {
        "six": None,
        "attrs": None,
        "colorama": 'sys_platform == "win32" or os_name == "nt"',
    }
    with pytest.raises(UsageError, match="no extra `gpu`"):
        found(extras=("gpu",))


OLD = (
    package("six")
    + package("attrs")
    + package(
        "httpx",
        after='[package.dependencies]\nidna = [{version = "*", markers = "os_name == \\"nt\\""}]\n'
        'h2 = {version = ">=3", optional = true, markers = "extra == \\"http2\\""}\n'
        '[package.extras]\nhttp2 = ["h2 (>=3)"]',
    )
    + tail("2.0")
)


def test_older_ones_are_walked_from_the_manifest(tmp_path: Path) -> None:
    found = pins(tmp_path, OLD)
    assert found.roots == (Need(name="six"),)
    httpx = next(pin for pin in found.packages if pin.name == "httpx")
    assert httpx.needs == (Need(name="idna", marker='os_name == "nt"'),)
    assert httpx.extras == {"http2": (Need(name="h2"),)}
    assert httpx.hashes == (f"sha256:{DIGITS}",)
    assert pins(tmp_path, OLD, groups=("dev",), extras=("web",)).roots == (
        Need(name="six"),
        Need(name="httpx", extras=("http2",)),
        Need(name="attrs"),
    )


def test_a_folder_in_the_project_is_code_and_what_it_needs_is_needed(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.poetry.dependencies]\nlib = {path = 'lib', extras = ['x']}\n")
    lib = package(
        "lib",
        after="[package.dependencies]\nsix = '*'\nattrs = {version = '*', optional = true}\n[package.extras]\n"
        "x = ['attrs']\n[package.source]\ntype = 'directory'\nurl = 'lib'",
    )
    (tmp_path / "poetry.lock").write_text(lib + package("six") + package("attrs") + tail("2.0"))
    found = read(tmp_path)
    assert found.pins and found.pins.roots == (Need(name="six"), Need(name="attrs"))
    assert (found.lines, found.import_roots) == (("six==1.0", "attrs==1.0"), ("lib",))


def test_the_oldest_keep_files_and_categories_apart(tmp_path: Path) -> None:
    six, dev = (
        f'[[package]]\nname = "{name}"\nversion = "1.0"\ncategory = "{category}"\noptional = false\n'
        for name, category in (("six", "main"), ("pytest", "dev"))
    )
    files = f'[metadata.files]\nsix = [{{file = "six-1.0.tar.gz", hash = "sha256:{DIGITS}"}}]\npytest = []\n'
    (tmp_path / "poetry.lock").write_text(six + dev + '[metadata]\nlock-version = "1.1"\n' + files)
    found = read(tmp_path).pins
    assert found and [(pin.name, pin.files[0].name) for pin in found.packages] == [("six", "six-1.0.tar.gz")]


def test_sources_beside_an_index(tmp_path: Path) -> None:
    (tmp_path / "p" / "lib").mkdir(parents=True)

    def source(kind: str, url: str, more: str = "") -> str:
        return f'[package.source]\ntype = "{kind}"\nurl = "{url}"\n{more}'

    groups = 'groups = ["main"]'
    commit = 'reference = "main"\nresolved_reference = "c0ffee"\nsubdirectory = "x"\n'
    found = pins(
        tmp_path / "p",
        package("a", groups, source("git", "git@h.example:t/a.git", commit))
        + package("b", groups, source("url", "https://h.example/b.whl"))
        + package("c", groups, source("directory", "../c"))
        + package("d", groups, source("directory", "lib"))
        + package("e", groups, source("legacy", "https://index.example/simple"))
        + tail("2.1"),
    )
    assert {pin.name: pin.direct or pin.index for pin in found.packages} == {
        "a": "git+ssh://git@h.example/t/a.git@c0ffee#subdirectory=x",
        "b": "https://h.example/b.whl",
        "c": f"file://{tmp_path}/c",
        "e": "https://index.example/simple",
    }


def test_a_lock_file_older_than_its_manifest_is_told(tmp_path: Path) -> None:
    pins(tmp_path, NEW)
    (note,) = read(tmp_path).notes
    assert "`poetry.lock` is older than `pyproject.toml`" in note


@pytest.mark.parametrize(
    ("pyproject", "digits"),
    [
        (
            '[tool.poetry]\nname="d"\n[tool.poetry.dependencies]\npython="^3.10"\nsix="^1.16"\n',
            "27471b1d252bc89f9361882eee33f3cc4cd9e29c1267a3b0cb549dfbcc4f04d7",
        ),
        (
            '[project]\nname="d"\ndependencies=["six"]\nrequires-python=">=3.9"\n[dependency-groups]\ndev=["attrs"]\n'
            '[tool.poetry]\npackage-mode=false\n[tool.poetry.group.x.dependencies]\nidna="*"\n',
            "3cfa0c0fc93fd24876699a1e927caf49e3ef0adebb7d495177af3c548bf50b74",
        ),
        (
            '[project]\nname="d"\ndependencies=["six"]\n',
            "76324c4c066347416183eeb87c880f0428988dd083916dbb2e6288c7c93c200b",
        ),
    ],
)
def test_one_that_is_as_old_is_not(tmp_path: Path, pyproject: str, digits: str) -> None:
    """The hashes are what Poetry 2.5.1 has for these files."""
    (tmp_path / "pyproject.toml").write_text(pyproject)
    (tmp_path / "poetry.lock").write_text(NEW.replace(HASH, digits))
    assert read(tmp_path).notes == ()


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ('[metadata]\nlock-version = "3.0"\n', r"lock-version 3\.0, and this version reads 1 and 2"),
        ("package = 3", "`package` is not a list"),
        ("[[package]]\nname = 'six'\nversion = 1", r"package `six`: expected `str`, got `int` - at `\$.version`"),
        (package("six", 'groups = ["main"]\nmarkers = "x"'), "package `six`"),
        (package("six", after='[package.source]\ntype = "cvs"\nurl = "x"\n'), "package `six`: .* unknown kind `cvs`"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, lock: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        pins(tmp_path, lock)
    assert "poetry.lock" in caught.value.message and caught.value.hint
