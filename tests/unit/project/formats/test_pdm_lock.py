"""`pdm.lock`, with groups in each package and without."""

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.requirements import Need
from snapshot.project.sources import read

DIGITS = "ab" * 32
HEAD = '[metadata]\ngroups = ["default", "dev", "gpu"]\nlock_version = "4.5.0"\n'


def package(name: str, more: str = "") -> str:
    files = f'files = [{{file = "{name}-1.0-py3-none-any.whl", hash = "sha256:{DIGITS}"}}]'
    return f'[[package]]\nname = "{name}"\nversion = "1.0"\n{files}\n{more}\n'


def project(root: Path, lock: str) -> Path:
    (root / "pdm.lock").write_text(lock)
    (root / "pyproject.toml").write_text(
        '[project]\nname = "demo"\nrequires-python = ">=3.9"\ndependencies = ["httpx[http2]>=0.2"]\n'
        '[dependency-groups]\ndev = ["pytest"]\n'
    )
    return root


def test_groups_and_markers_of_each_package(tmp_path: Path) -> None:
    project(
        tmp_path,
        HEAD
        + package("httpx", 'groups = ["default"]\nmarker = "python_version >= \'3.8\'"')
        + package("httpx", 'groups = ["default"]\nextras = ["http2"]\ndependencies = ["h2<5,>=3", "httpx==1.0"]')
        + package("pytest", 'groups = ["dev"]')
        + package("torch", 'groups = ["gpu", "dev"]'),
    )
    found = read(tmp_path)
    assert (found.source, found.lines) == ("pdm.lock", ('httpx==1.0 ; python_version >= "3.8"',))
    assert found.pins and found.pins.roots is None
    assert found.pins.packages[0].extras == {"http2": (Need(name="h2"),)}
    assert found.pins.packages[0].files[0].sha256 == DIGITS
    assert read(tmp_path, extras=("gpu",)).lines[1:] == ("torch==1.0",)
    assert read(tmp_path, groups=("dev",)).lines[1:] == ("pytest==1.0", "torch==1.0")
    with pytest.raises(UsageError, match="no extra `tpu`"):
        read(tmp_path, extras=("tpu",))


def test_without_groups_the_manifest_tells_the_roots(tmp_path: Path) -> None:
    lock = HEAD + package("httpx", "dependencies = [\"idna; os_name == 'nt'\"]") + package("idna") + package("pytest")
    found = read(project(tmp_path, lock)).pins
    assert found and found.roots == (Need(name="httpx", extras=("http2",)),)
    assert found.packages[0].needs == (Need(name="idna", marker='os_name == "nt"'),)


def test_sources_beside_an_index(tmp_path: Path) -> None:
    (tmp_path / "p" / "lib").mkdir(parents=True)
    groups = 'groups = ["default"]\n'
    lock = (
        HEAD
        + package("a", groups + 'git = "https://h.example/a.git"\nrevision = "c0ffee"')
        + package("b", groups + 'url = "https://h.example/b.whl"')
        + package("c", groups + 'path = "../c"')
        + package("d", groups + 'path = "./lib"\neditable = true')
    )
    found = read(project(tmp_path / "p", lock))
    assert found.pins and [pin.direct for pin in found.pins.packages] == [
        "git+https://h.example/a.git@c0ffee",
        "https://h.example/b.whl",
        f"file://{tmp_path}/c",
    ]
    assert found.import_roots == ("lib",)


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (HEAD.replace("4.5.0", "5.0"), r"lock_version 5\.0, and this version reads 4"),
        (HEAD + "[[package]]\nname = 'six'", "package `six`: object missing required field `version`"),
        (HEAD + package("six", "groups = []\ndependencies = ['?']"), "package `httpx`|`six`"),
        (HEAD + package("six", "groups = ['default']\ngit = 'x'"), "package `six`: `revision` is missing"),
        (HEAD + package("six", "groups = ['default']\nmarker = 'x'"), "package `six`"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, lock: str, words: str) -> None:
    lock = lock.replace("groups = []", "groups = ['default']")
    with pytest.raises(UsageError, match=words) as caught:
        read(project(tmp_path, lock))
    assert "pdm.lock" in caught.value.message and caught.value.hint
