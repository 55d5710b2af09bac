"""The pinned tools for old Pythons: fetched with pip, by hash."""

from pathlib import Path

import pytest

from snapshot.errors import IntegrityError, NetworkError, ResolveError
from snapshot.lock import old_tools, tools


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip looks into."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(folder), "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return folder


def name_of(project: str) -> str:
    return f"{project}-{old_tools.version(project)}-py3-none-any.whl"


def test_other_bytes_are_refused(index: Path, tmp_path: Path) -> None:
    (index / name_of("installer")).write_bytes(b"other bytes")
    with pytest.raises(IntegrityError, match="other bytes"):
        old_tools.wheels(tmp_path / "cache", "installer")


def test_what_no_index_has_is_told(index: Path, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="No matching distribution found for installer") as caught:
        old_tools.wheels(tmp_path / "cache", "installer")
    assert caught.value.hint and "pip download" in caught.value.hint


def test_offline_nothing_is_asked(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=f"offline, .*`{name_of('pip')}`"):
        old_tools.wheels(tmp_path, offline=True)


def test_a_base_decides_which_tools_it_gets(tmp_path: Path) -> None:
    assert tools.is_old("3.8.2") and tools.is_old("3.9.2+") and not tools.is_old("3.13.0rc1")
    assert tools.versions("3.8.2") == f"pip-tools {old_tools.version('pip-tools')}, pip {old_tools.version('pip')}"
    assert tools.versions("3.13.5") != tools.versions("3.8.2")
    assert tools.folder(tmp_path, "3.13.5") == tools.folder(tmp_path)


def test_older_than_all_tools_is_refused() -> None:
    old_tools.check("3.8.0", "base:1")
    for version in ("3.7.17", "3.6.9", "2.7.18"):
        with pytest.raises(ResolveError, match=f"`base:1` has Python {version}"):
            old_tools.check(version, "base:1")


def test_pins_what_installs_into_images() -> None:
    assert all(len(sha256) == 64 for sha256 in old_tools.pinned().values())
    assert {"pip", "pip_tools", "installer", "build"} <= {name.split("-")[0] for name in old_tools.pinned()}
