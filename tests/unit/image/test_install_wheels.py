"""The installer, run as the build runs it, by an interpreter of its own."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from snapshot.image import tools

EPOCH = 1_700_000_000


class Interpreter:
    """A virtual environment without packages."""

    def __init__(self, root: Path, cache: Path) -> None:
        venv.create(root, with_pip=False, symlinks=True)
        self.root = root
        self.python = root / "bin" / "python"
        self.tools = tools.folder(cache)
        (self.site,) = root.glob("lib/python*/site-packages")

    def install(self, wheels: Path) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(EPOCH)}
        command = [self.python, "-B", self.tools / tools.SCRIPT, wheels]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True)

    def tree(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.site)): path.read_bytes() for path in self.site.rglob("*") if path.is_file()}

    def run(self, *command: str) -> str:
        return subprocess.run([self.python, "-B", *command], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    return Interpreter(tmp_path / "env", tmp_path / "cache")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


def cached(source: str) -> str:
    return f"__pycache__/{source}.{sys.implementation.cache_tag}.pyc"


def test_a_package_is_installed_and_compiled(interpreter: Interpreter, wheels: Path, make_wheel) -> None:
    make_wheel(wheels, "some", files={"some/__init__.py": "x = 6 * 7\n", "some/data.txt": "data", "some/run.sh": "#!"})
    assert interpreter.install(wheels).stderr == ""
    assert interpreter.run("-c", "import some; print(some.x)") == "42\n"
    tree = interpreter.tree()
    assert f"some/{cached('__init__')}" in tree
    assert (interpreter.site / "some/run.sh").stat().st_mode & 0o777 == 0o755
    assert (interpreter.site / "some/data.txt").stat().st_mode & 0o777 == 0o644
    assert tree["some-1.0.dist-info/INSTALLER"] == b"snapshot\n"
    record = tree["some-1.0.dist-info/RECORD"].decode().splitlines()
    assert f"some/{cached('__init__')},," in record
    assert record == sorted(record)
    assert {line.split(",")[0] for line in record} == set(tree)


def test_compiled_files_are_not_checked_against_their_source(
    interpreter: Interpreter, wheels: Path, make_wheel
) -> None:
    make_wheel(wheels, "some", files={"some.py": "x = 1\n"})
    interpreter.install(wheels)
    pyc = (interpreter.site / cached("some")).read_bytes()
    assert pyc[4:8] == b"\1\0\0\0", "PEP 552: hash-based, unchecked"


def test_what_is_written_has_the_epoch_and_nothing_else_is_touched(
    interpreter: Interpreter, wheels: Path, make_wheel
) -> None:
    untouched = interpreter.site.parent.stat().st_mtime_ns
    make_wheel(wheels, "some", files={"some/sub/x.py": "", "some/__init__.py": ""})
    interpreter.install(wheels)
    for path in (interpreter.site, *interpreter.site.rglob("*")):
        assert path.stat().st_mtime == EPOCH, path
    assert interpreter.site.parent.stat().st_mtime_ns == untouched
    assert (interpreter.root / "bin").stat().st_mtime != EPOCH


def test_the_same_wheels_are_the_same_bytes(tmp_path: Path, wheels: Path, make_wheel) -> None:
    body = "".join(f"def f{n}(a, b={n}):\n    return {{'k{n}', a, None}}, 'shared', __name__\n" for n in range(50))
    make_wheel(wheels, "some", files={f"some/m{n}.py": body + f"y = {n}\n" for n in range(60)})
    make_wheel(wheels, "other", files={f"other/m{n}.py": body for n in range(60)})
    trees = []
    for name in ("one", "two"):
        # The path is in the compiled files, so both are made in the same place.
        here = Interpreter(tmp_path / "env", tmp_path / "cache")
        here.install(wheels)
        trees.append(here.tree())
        (tmp_path / "env").rename(tmp_path / name)
    assert trees[0] == trees[1]


def test_scripts_start_with_this_interpreter(interpreter: Interpreter, wheels: Path, make_wheel) -> None:
    make_wheel(
        wheels,
        "some",
        files={
            "some.py": "def main():\n    print('called')\n",
            "some-1.0.data/scripts/plain": "#!python\nprint('plain')\n",
            "some-1.0.data/data/share/some.txt": "shared",
        },
        metadata={"entry_points.txt": "[console_scripts]\nsome-main = some:main\n"},
    )
    interpreter.install(wheels)
    for script, said in (("some-main", "called\n"), ("plain", "plain\n")):
        path = interpreter.root / "bin" / script
        assert path.read_text().startswith(f"#!{interpreter.python}\n")
        if script == "some-main":
            assert subprocess.run([path], capture_output=True, text=True, check=True).stdout == said
        assert path.stat().st_mtime == EPOCH
    assert (interpreter.root / "share/some.txt").read_text() == "shared"
    record = interpreter.tree()["some-1.0.dist-info/RECORD"].decode()
    assert "../../../bin/some-main,sha256=" in record
    assert "../../../share/some.txt,sha256=" in record


def test_an_older_version_is_replaced(tmp_path: Path, interpreter: Interpreter, wheels: Path, make_wheel) -> None:
    files = {"some/__init__.py": "v = 1\n", "some/gone.py": "", "some/deep/x.py": ""}
    make_wheel(wheels, "Some_Thing", "1.0", files=files)
    interpreter.install(wheels)
    newer = tmp_path / "newer"
    newer.mkdir()
    make_wheel(newer, "some_thing", "2.0", files={"some/__init__.py": "v = 2\n"})
    interpreter.install(newer)
    assert interpreter.run("-c", "import some; print(some.v)") == "2\n"
    assert not [path for path in interpreter.site.rglob("*") if path.name in ("gone.py", "deep") or "1.0" in path.name]


def test_what_is_not_python_stays_uncompiled(interpreter: Interpreter, wheels: Path, make_wheel) -> None:
    files = {"some.py": "", "template.py": "print 'old'\n", "latin.py": "# \x00\n", "w.py": "'\\d'\n"}
    make_wheel(wheels, "some", files=files)
    done = interpreter.install(wheels)
    assert (done.stdout, done.stderr) == ("", "")
    tree = interpreter.tree()
    assert "template.py" in tree
    assert cached("template") not in tree
    assert cached("w") in tree


def test_the_later_of_two_wheels_wins(interpreter: Interpreter, wheels: Path, make_wheel) -> None:
    make_wheel(wheels, "a", files={"shared/__init__.py": "who = 'a'\n"})
    make_wheel(wheels, "b", files={"shared/__init__.py": "who = 'b'\n"})
    interpreter.install(wheels)
    assert interpreter.run("-c", "import shared; print(shared.who)") == "b\n"


def test_a_wheel_that_reaches_outside_is_refused(interpreter: Interpreter, wheels: Path, make_wheel) -> None:
    make_wheel(wheels, "evil", files={"../../../../evil.py": ""})
    with pytest.raises(subprocess.CalledProcessError) as error:
        interpreter.install(wheels)
    assert "outside of" in error.value.stderr
