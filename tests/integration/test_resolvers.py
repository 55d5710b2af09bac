"""uv in place of pip-tools gives the same pins."""

import os
import shutil
import socket
import threading
from pathlib import Path

import msgspec
import pytest

from snapshot.errors import NetworkError
from snapshot.host.engine import Engine
from snapshot.lock.document import Lock
from snapshot.lock.locking import Settings, lock_project
from snapshot.lock.wanted import settings_of
from snapshot.project import config
from tests.integration.indexes import PASSWORD, USER, Index, wheel

PROJECTS = Path(__file__).resolve().parents[1] / "projects"
RESOLVED = (
    "conda",
    "editable-src",
    "imports",
    "notebook",
    "pep621",
    "pipfile-only",
    "poetry-table",
    "requirements-folder",
    "requirements-include",
    "setup-cfg",
    "setup-py",
)
"""Those that no lock file pins."""


class Locking:
    """Locks the same project with each resolver."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache
        self.said: list[str] = []

    def __call__(self, resolver: str, *requirements: str, **more: object) -> Lock:
        """Lock `requirements`, those of `environment` alone deciding where packages are found."""
        root = self.folder / resolver
        root.mkdir(exist_ok=True)
        if requirements:
            (root / "requirements.txt").write_text("\n".join(requirements) + "\n")
        return self.project(root, resolver, Settings(), **more)

    def project(self, root: Path, resolver: str, settings: Settings, **more: object) -> Lock:
        settings = msgspec.structs.replace(settings, base="snapshot-base:bookworm", resolver=resolver)
        lock, _ = lock_project(
            root,
            settings,
            Engine(),
            build=lambda lock: lock.base.reference,
            cache=self.cache,
            say=self.said.append,
            warn=self.said.append,
            **more,  # type: ignore[arg-type]
        )
        return lock

    def both(self, *requirements: str, **more: object) -> dict[str, str]:
        """The pins of pip-tools, which are those of uv too."""
        first, second = (pins(self(resolver, *requirements, **more)) for resolver in ("pip-tools", "uv"))
        assert first == second
        return {name: version for name, (version, *_) in first.items()}


def pins(lock: Lock) -> dict[str, tuple[str, str, str]]:
    return {package.name: (package.version, package.wheel.name, package.wheel.sha256) for package in lock.packages}


@pytest.fixture
def locking(engine: dict[str, str], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Locking:
    for name in ("DOCKER_HOST", "DOCKER_CONFIG", "PATH"):
        if name in engine:
            monkeypatch.setenv(name, engine[name])
    return Locking(tmp_path, cache)


def environment(index: Index, **more: str) -> dict[str, str]:
    alone = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url, "PIP_RETRIES": "0", "NO_PROXY": "127.0.0.1"}
    return alone | {"HOME": os.environ["HOME"]} | more


@pytest.mark.parametrize("kind", RESOLVED)
def test_projects_of_every_kind(locking: Locking, tmp_path: Path, kind: str) -> None:
    locks = []
    for resolver in ("pip-tools", "uv"):
        root = tmp_path / resolver
        shutil.copytree(PROJECTS / kind, root)
        locks.append(locking.project(root, resolver, settings_of(config.load(root))))
    assert pins(locks[0]) == pins(locks[1]) and locks[0].packages
    assert locks[0].sources.resolver.startswith("pip-tools ") and locks[1].sources.resolver.startswith("uv ")
    assert locks[0].import_roots == locks[1].import_roots


def test_what_is_kept_and_what_is_let_go(locking: Locking, index: Index) -> None:
    for name in ("spam", "eggs"):
        index.add(name, "1.0")
    of = {"environment": environment(index)}
    assert locking.both("spam", "eggs", **of) == {"spam": "1.0", "eggs": "1.0"}
    for name in ("spam", "eggs"):
        index.add(name, "2.0"), index.add(name, "3.0")
    index.add("ham", "1.0")
    assert locking.both("spam", "eggs", "ham", **of) == {"spam": "1.0", "eggs": "1.0", "ham": "1.0"}
    assert locking.both(upgrade_packages=["Spam<3"], **of) == {"spam": "2.0", "eggs": "1.0", "ham": "1.0"}
    assert locking.both(upgrade_packages=["spam"], **of) == {"spam": "3.0", "eggs": "1.0", "ham": "1.0"}
    assert locking.both("spam<3", "eggs", "ham", **of) == {"spam": "2.0", "eggs": "1.0", "ham": "1.0"}
    assert locking.both(upgrade=True, **of) == {"spam": "2.0", "eggs": "3.0", "ham": "1.0"}


def test_extras_markers_constraints_and_folders(locking: Locking, index: Index, tmp_path: Path) -> None:
    needs = ("eggs; extra == 'more'", "ham; extra == 'other'")
    index.files["spam-1.0-py3-none-any.whl"] = wheel("spam", "1.0", *needs, extras=("more", "other"))
    index.files["spam-2.0rc1-py3-none-any.whl"] = wheel("spam", "2.0rc1")
    index.add("eggs", "1.0"), index.add("eggs", "2.0"), index.add("ham", "1.0"), index.add("local", "3.0")
    (tmp_path / "limits.txt").write_text("eggs<2\nham<1\n")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "local-3.0+cpu-py3-none-any.whl").write_bytes(wheel("local", "3.0+cpu"))
    lines = ("-c ../limits.txt", "--find-links ../wheels", "spam[more]", "local==3.0", "ham; sys_platform == 'win32'")
    assert locking.both(*lines, environment=environment(index)) == {"spam": "1.0", "eggs": "1.0", "local": "3.0+cpu"}


def test_a_withdrawn_version_is_told_by_both(locking: Locking, index: Index) -> None:
    index.add("spam", "1.0")
    index.attributes["spam-1.0-py3-none-any.whl"] = 'data-yanked="eats files"'
    assert locking.both("spam==1.0", environment=environment(index)) == {"spam": "1.0"}
    assert locking.said.count("spam 1.0 was withdrawn from its index: eats files") == 2


def test_credentials_are_used_by_uv_and_shown_to_nobody(locking: Locking, index: Index, tmp_path: Path) -> None:
    index.protected = True
    index.add("spam", "1.0")
    seen: list[str] = []
    plain = index.answer

    def look(path: str, authorization: str | None) -> tuple[int, str, bytes]:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                seen.append((process / "cmdline").read_text(errors="replace"))
            except OSError:
                continue
        return plain(path, authorization)

    index.answer = look  # type: ignore[method-assign]
    lock = locking("uv", "spam", environment=environment(index, PIP_INDEX_URL=index.with_credentials))
    assert any("uv\0pip\0compile" in text for text in seen) and not any(PASSWORD in text for text in seen)
    assert lock.packages[0].index == index.url
    text = (tmp_path / "uv" / "snap.lock").read_text()
    assert PASSWORD not in text and f"{USER}:" not in text and PASSWORD not in "".join(locking.said)
    (tmp_path / "uv" / "snap.lock").unlink()
    wrong = index.url.replace("://", "://ada:wr0ng@")
    with pytest.raises(NetworkError, match="401 Unauthorized") as caught:
        locking("uv", "spam", environment=environment(index, PIP_INDEX_URL=wrong))
    assert "wr0ng" not in caught.value.message and "netrc" in str(caught.value.hint)


def test_an_index_that_is_silent_is_not_asked_for_every_pin(locking: Locking, index: Index) -> None:
    """The pins say themselves where their files are."""
    names = ("eggs", "ham", "spam")
    lines = ['lock-version = "1.0"', 'created-by = "hand"']
    for name in names:
        sha256 = index.add(name, "1.0")
        url = index.url.replace("/simple", f"/files/{name}-1.0-py3-none-any.whl")
        lines += ["[[packages]]", f'name = "{name}"', 'version = "1.0"']
        lines += [f'wheels = [{{url = "{url}", hashes = {{sha256 = "{sha256}"}}}}]']
    root = locking.folder / "pip-tools"
    root.mkdir()
    (root / "pylock.toml").write_text("\n".join(lines) + "\n")
    silent = socket.create_server(("127.0.0.1", 0))
    came: list[object] = []

    def hang_up() -> None:
        while True:
            try:
                connection, peer = silent.accept()
            except OSError:
                return
            came.append(peer)
            connection.close()

    threading.Thread(target=hang_up, daemon=True).start()
    where = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
    lock = locking("pip-tools", environment=environment(index, PIP_INDEX_URL=where))
    silent.close()
    assert set(pins(lock)) == set(names) and len(came) == 1
    assert [text for text in locking.said if text.startswith(f"went without an index: `{where}/`")]
