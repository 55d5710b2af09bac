from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from snapshot.errors import UsageError
from snapshot.run import outside


def targets(binds: list[outside.Bind]) -> dict[str, str]:
    return {bind.data.target: str(bind.source) for bind in binds}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "project" / "sub").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.npy").write_text("x")
    return tmp_path


def from_arguments(world: Path, *arguments: str, cwd: str = "project") -> dict[str, str]:
    here = world / cwd
    directory = PurePosixPath(here.relative_to(world / "project").as_posix())
    return targets(outside.from_arguments(arguments, cwd=here, root=world / "project", directory=directory))


def test_absolute_arguments_are_mounted_at_the_same_place(world: Path):
    path = str(world / "data")
    assert from_arguments(world, path) == {path: path}
    assert from_arguments(world, f"--data={path}") == {path: path}


def test_a_relative_argument_is_put_where_it_leads_in_the_container(world: Path):
    assert from_arguments(world, "../data/x.npy") == {"/data/x.npy": str(world / "data" / "x.npy")}
    assert from_arguments(world, "../../data", cwd="project/sub") == {"/data": str(world / "data")}


@pytest.mark.parametrize(
    "argument", ["x", "0.1", "--lr=0.1", "/nowhere/at/all", "/etc/passwd", "/", "/usr/lib", "sub", "..x"]
)
def test_what_is_no_path_or_belongs_to_the_platform_is_left_alone(world: Path, argument: str):
    assert from_arguments(world, argument) == {}


def test_the_project_itself_is_not_outside(world: Path):
    assert from_arguments(world, str(world / "project" / "sub")) == {}
    assert outside.needs_project_path([f"--out={world}/project/out"], world / "project")


def test_declared_data_must_exist_and_not_hide_the_platform(world: Path):
    with pytest.raises(UsageError, match="does not exist"):
        outside.declared(["nowhere"], cwd=world, reason="option")
    with pytest.raises(UsageError, match="would hide the image's own files"):
        outside.declared(["/usr/share"], cwd=world, reason="option")


def test_a_link_out_of_the_project_finds_its_end_where_its_text_leads(world: Path):
    end = str(world / "data")
    found = outside.from_links([("sub/a", "../../data", end), ("b", end, end), ("c", "/etc", "/etc")])
    assert targets(found) == {"/data": end, end: end}


def test_what_lies_in_something_mounted_is_not_mounted_again(world: Path):
    folder, file = str(world / "data"), str(world / "data" / "x.npy")
    binds = outside.declared([file, folder, folder], cwd=world, reason="option")
    assert targets(outside.distinct(binds)) == {folder: folder}


def test_the_home_of_nobody_is_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`~nobody-of-this-name/x` does not exist"):
        outside.declared(["~nobody-of-this-name/x"], cwd=tmp_path, reason="option")
