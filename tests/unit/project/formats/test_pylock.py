"""`pylock.toml`, as PEP 751 has it."""

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.requirements import Pin, PinnedFile
from snapshot.project.sources import read

DIGITS = "ab" * 32
HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'
SIX = f"""
[[packages]]
name = "six"
version = "1.17.0"
wheels = [{{ path = "wheels/six-1.17.0-py2.py3-none-any.whl", size = 11, hashes = {{ sha256 = "{DIGITS}" }} }}]
sdist = {{ url = "https://files.example/a/six-1.17.0.tar.gz", hashes = {{ sha256 = "{DIGITS}" }} }}
"""


def lock(root: Path, text: str) -> Path:
    (root / "pylock.toml").write_text(text)
    return root


def pins(root: Path, **asked: tuple[str, ...]) -> dict[str, Pin]:
    found = read(root, **asked).pins
    assert found is not None and found.roots is None
    return {pin.name: pin for pin in found.packages}


def test_files_hashes_and_lines(tmp_path: Path) -> None:
    found = read(lock(tmp_path, HEAD + 'requires-python = ">=3.10"\n' + SIX))
    assert (found.source, found.lines, found.requires_python) == ("pylock.toml", ("six==1.17.0",), ">=3.10")
    assert set(found.files) == {"pylock.toml"}
    (pin,) = pins(tmp_path).values()
    assert (pin.name, pin.version, pin.hashes) == ("six", "1.17.0", (f"sha256:{DIGITS}",) * 2)
    assert pin.files == (
        PinnedFile(
            name="six-1.17.0-py2.py3-none-any.whl",
            path=tmp_path / "wheels/six-1.17.0-py2.py3-none-any.whl",
            size=11,
            sha256=DIGITS,
        ),
        PinnedFile(name="six-1.17.0.tar.gz", url="https://files.example/a/six-1.17.0.tar.gz", sha256=DIGITS),
    )


MARKED = """
extras = ["gpu"]
dependency-groups = ["dev", "docs"]
default-groups = ["docs"]
[[packages]]
name = "a"
marker = "'gpu' in extras and sys_platform == 'linux'"
directory = { path = "../a" }
[[packages]]
name = "b"
marker = "'dev' in dependency_groups or 'docs' in dependency_groups"
directory = { path = "../b" }
[[packages]]
name = "c"
marker = "sys_platform == 'win32' or 'dev' in dependency_groups"
directory = { path = "../c" }
"""


def test_extras_and_groups_are_decided_and_the_platform_is_not(tmp_path: Path) -> None:
    lock(tmp_path, HEAD + MARKED)
    assert {n: p.marker for n, p in pins(tmp_path).items()} == {"b": None, "c": 'sys_platform == "win32"'}
    found = pins(tmp_path, extras=("GPU",), groups=("dev",))
    assert {n: p.marker for n, p in found.items()} == {"a": 'sys_platform == "linux"', "b": None, "c": None}


def test_an_extra_that_was_not_locked_is_refused(tmp_path: Path) -> None:
    lock(tmp_path, HEAD + MARKED)
    with pytest.raises(UsageError, match="there is no extra `tpu`") as caught:
        read(tmp_path, extras=("tpu",))
    assert caught.value.hint == "choose of `gpu`"
    with pytest.raises(UsageError, match="there is no dependency group `tpu`"):
        read(tmp_path, groups=("tpu",))


def test_repositories_archives_and_folders(tmp_path: Path) -> None:
    (tmp_path / "p" / "inner" / "src" / "inner").mkdir(parents=True)
    (tmp_path / "p" / "inner" / "src" / "inner" / "__init__.py").touch()
    lock(
        tmp_path / "p",
        HEAD
        + '[[packages]]\nname = "a"\nvcs = {type = "git", url = "https://e.example/a.git", commit-id = "c0", '
        + 'subdirectory = "lib"}\n'
        + f'[[packages]]\nname = "b"\narchive = {{url = "https://e.example/b.zip", hashes = {{sha256 = "{DIGITS}"}}}}\n'
        + '[[packages]]\nname = "outer"\ndirectory = {path = "../outer"}\n'
        + '[[packages]]\nname = "inner"\ndirectory = {path = "inner", editable = true}\n',
    )
    found = read(tmp_path / "p")
    assert found.pins and {pin.name: pin.direct for pin in found.pins.packages} == {
        "a": "git+https://e.example/a.git@c0#subdirectory=lib",
        "b": "https://e.example/b.zip",
        "outer": f"file://{tmp_path}/outer",
    }
    assert found.pins.packages[1].hashes == (f"sha256:{DIGITS}",)
    assert found.import_roots == ("inner/src",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lock-version", "`pylock.toml` is not TOML"),
        ("", "missing required value in `lock-version`"),
        (HEAD.replace("1.0", "2.0") + "packages = []", r"version 2\.0 .* reads 1"),
        (HEAD + "packages = 3", "`packages`"),
        (HEAD + '[[packages]]\nname = "a"\nversion = 3', r"`packages\[0\].version` \(`a`\)"),
        (HEAD + '[[packages]]\nname = "a"\nmarker = "nonsense"\ndirectory = {path = "x"}', r"`packages\[0\].marker`"),
        (HEAD + '[[packages]]\nname = "a"\nvcs = {type = "hg", url = "x", commit-id = "c"}', "repositories of hg"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read(lock(tmp_path, text))
    assert "pylock.toml" in caught.value.message and caught.value.hint


def test_a_newer_version_is_named_whatever_else_is_new_in_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"it is of version 2\.0 of PEP 751's format") as caught:
        read(lock(tmp_path, 'lock-version = "2.0"\n'))
    assert "upgrade" in str(caught.value.hint)
