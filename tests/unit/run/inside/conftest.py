"""A Python that starts as in the container of a run, with the places in it moved to a folder of the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
import venv
from pathlib import Path

import pytest

import snapshot
from snapshot.run import trace

PACKAGE = Path(snapshot.__file__).parent


class Inside:
    """The folders of a container, and programs that run in it."""

    def __init__(self, root: Path, python: Path) -> None:
        self.python = python
        self.place = root / "place"
        self.notes = self.place / "trace"
        self.workspace = root / "workspace"
        self.elsewhere = root / "elsewhere"
        for folder in (self.notes, self.workspace, self.elsewhere):
            folder.mkdir(parents=True)
        self.library = self.place / "lib" / "snapshot"
        (self.library / "run" / "inside").mkdir(parents=True)
        for name in ("__init__.py", "run/__init__.py"):
            shutil.copy(PACKAGE / name, self.library / name)
        for file in (PACKAGE / "run" / "inside").glob("*.py"):
            (self.library / "run" / "inside" / file.name).write_text(self.moved(file))
        site = next((python.parents[1] / "lib").glob("python*")) / "site-packages"
        (site / "snapshot-run.pth").write_text(self.moved(PACKAGE / "run" / "inside" / "snapshot-run.pth"))

    def moved(self, file: Path) -> str:
        text = file.read_text(encoding="ascii")
        places = {trace.PLACE: str(self.place), '"/run/"': f'"{self.place}/"', "/workspace/": f"{self.workspace}/"}
        for there, here in places.items():
            text = text.replace(there, here)
        return text

    def limit(self, size: int) -> None:
        """Let a process note so many bytes at most."""
        file = self.library / "run" / "inside" / "tracer.py"
        file.write_text(file.read_text().replace("MOST = 2**24", f"MOST = {size}"))

    def run(
        self, program: str, *options: str, code: int = 0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `program` as `train.py` in the workspace; its exit code must be `code`."""
        (self.workspace / "train.py").write_text(textwrap.dedent(program))
        done = subprocess.run(
            [self.python, *options, "train.py"],
            cwd=self.workspace,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        return done

    def module(self, name: str, text: str) -> None:
        """A module that the program can import."""
        (self.workspace / f"{name}.py").write_text(textwrap.dedent(text))

    def noted(self, file: Path | None = None) -> list[str]:
        """What all processes noted, or the one of `file`, with the workspace as `W` and the folder beside it as `E`.

        Left out are the script, byte code, which Python asks for before it looks whether it is there, and `.pth` files.
        """
        files = [file] if file else sorted(self.notes.iterdir())
        entries = [os.fsdecode(entry) for one in files for entry in one.read_bytes().split(b"\0") if entry]
        moved = [e.replace(str(self.workspace), "W", 1).replace(str(self.elsewhere), "E", 1) for e in entries]
        return [e for e in moved if e != "W/train.py" and not e.endswith((".pyc", ".pth"))]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment, into whose site-packages the test may put things."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    return folder


@pytest.fixture
def inside(tmp_path: Path, environment: Path) -> Inside:
    return Inside(tmp_path, environment / "bin" / "python")
