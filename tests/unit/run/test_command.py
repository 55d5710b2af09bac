from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from snapshot.errors import UsageError
from snapshot.run.command import Invocation, recorded, understand
from tests.unit.record.records import command


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name in ("train.py", "run.sh", "sub/deep.py", "sub/a.ipynb"):
        (tmp_path / name).write_text("")
    return tmp_path


def ask(project: Path, *argv: str, cwd: str = ".", module: bool = False, verbatim: bool = False) -> Invocation:
    return understand(argv, module=module, verbatim=verbatim, root=project, cwd=(project / cwd).resolve())


def test_a_script_runs_with_the_interpreter_of_the_image(project: Path):
    found = ask(project, "train.py", "--lr", "0.1")
    assert found.in_container("/usr/bin/python3") == ("/usr/bin/python3", "train.py", "--lr", "0.1")
    assert (found.script, found.kind) == ("train.py", "script")


def test_a_script_of_another_kind_runs_itself(project: Path):
    assert ask(project, "run.sh", "x").in_container("python3") == ("./run.sh", "x")


def test_a_module_and_any_command(project: Path):
    assert ask(project, "pkg.train", "-x", module=True).in_container("py") == ("py", "-m", "pkg.train", "-x")
    assert ask(project, "ls", "-l", verbatim=True).in_container("py") == ("ls", "-l")


def test_from_a_subfolder_the_working_directory_is_the_same_subfolder(project: Path):
    found = ask(project, "deep.py", cwd="sub")
    assert str(found.directory) == "sub"
    assert found.script == "sub/deep.py"
    assert found.in_container("py") == ("py", "deep.py")


def test_a_script_above_the_working_directory_stays_a_relative_path(project: Path):
    assert ask(project, "../train.py", cwd="sub").in_container("py") == ("py", "../train.py")


def test_an_absolute_script_path_becomes_one_that_is_true_in_the_container(project: Path):
    found = ask(project, str(project / "train.py"), cwd="sub")
    assert found.in_container("py") == ("py", "./../train.py")


@pytest.mark.parametrize(
    ("argv", "said", "hint"),
    [
        (("trian.py",), "there is no script `trian.py`", "did you mean `train.py`?"),
        (("python",), "there is no script `python`", "`snap run -- python`"),
        (("sub",), "`sub` is a folder", "snap run -m sub"),
        (("/etc/passwd",), "is not in the project", "cd /etc"),
        ((), "nothing to run", "snap run train.py"),
    ],
)
def test_what_can_not_run_says_what_to_type(project: Path, argv: tuple[str, ...], said: str, hint: str):
    with pytest.raises(UsageError) as caught:
        ask(project, *argv)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["script", "module", "command"])
def test_what_was_typed_is_understood_as_it_was(kind: str) -> None:
    argv = ("a.py", "b")
    found = recorded(command(*argv, kind=kind))
    arguments = argv if kind == "command" else argv[1:]
    assert found == Invocation(
        kind=kind, argv=argv, arguments=arguments, script=None, directory=PurePosixPath(".")
    )  # fmt: skip


def test_a_notebook_runs_in_its_own_folder_with_its_arguments_as_code(project: Path):
    found = ask(project, "sub/a.ipynb", "--rate", "0.1")
    assert (found.argv, found.directory) == (("a.ipynb", "--rate", "0.1"), PurePosixPath("sub"))
    assert (found.script, found.kind, found.is_notebook) == ("sub/a.ipynb", "script", True)
    assert found.in_container("py", "/lib") == (
        "py",
        "/lib/snapshot/run/inside/notebook.py",
        "a.ipynb",
        "a.executed.ipynb",
        "rate = 0.1",
    )
    assert ask(project, "a.ipynb", cwd="sub").argv == ("a.ipynb",)
    again = recorded(command("a.ipynb", directory="sub"))
    assert again.in_container("py") == ask(project, "sub/a.ipynb").in_container("py")


def test_of_other_kinds_a_name_like_that_says_nothing(project: Path):
    assert not ask(project, "jupyter", "a.ipynb", verbatim=True).is_notebook
