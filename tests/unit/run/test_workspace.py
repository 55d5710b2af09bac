"""The overlay's folders and marks, without mounting one: the integration tests do that."""

from __future__ import annotations

from pathlib import Path

from snapshot.run import workspace


def prepare(tmp_path: Path, **more: object) -> list[str]:
    options: dict[str, object] = {"data_folders": {}, "data_files": {}, "also_at": None, "name": "snap-x", **more}
    mounts = workspace.prepare(tmp_path / "run", code=tmp_path / "code", project=tmp_path / "project", **options)  # type: ignore[arg-type]
    return [mount.argument() for mount in mounts]


def test_a_path_with_the_overlay_s_own_separators_is_escaped(tmp_path: Path):
    place = tmp_path / "a,b:c\\d"
    (place / "project").mkdir(parents=True)
    (argument,) = prepare(place)
    assert "a\\,b\\:c\\\\d/code" in argument
    # The value of `--mount` is a CSV record: what holds a comma is quoted.
    assert argument.count('"') == 2


def test_data_are_linked_not_copied_and_each_folder_has_an_overlay_of_its_own(tmp_path: Path):
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "sub").mkdir()
    (project / "sub/w.bin").write_text("w")
    mounts = prepare(tmp_path, data_folders={"data": project / "data"}, data_files={"sub/w.bin": project / "sub/w.bin"})
    assert len(mounts) == 2
    assert "target=/workspace/data" in mounts[1]
    linked = tmp_path / "run/overlay/below/sub/w.bin"
    assert linked.stat().st_ino == (project / "sub/w.bin").stat().st_ino


def test_a_second_place_shows_the_same_volumes(tmp_path: Path):
    (tmp_path / "project/data").mkdir(parents=True)
    mounts = prepare(tmp_path, data_folders={"data": tmp_path / "project/data"}, also_at="/home/me/project")
    targets = [next(f for f in m.replace('"', "").split(",") if f.startswith("target=")) for m in mounts]
    assert targets == [
        *("target=/workspace", "target=/workspace/data"),
        *("target=/home/me/project", "target=/home/me/project/data"),
    ]


def test_what_was_written_to_a_data_folder_is_found_at_its_place_also_the_second_time(tmp_path: Path):
    (tmp_path / "project/data").mkdir(parents=True)
    prepare(tmp_path, data_folders={"data": tmp_path / "project/data"})
    run = tmp_path / "run"
    assert workspace.is_untouched(run)
    (run / "overlay/0/written/new.txt").write_text("x")
    assert not workspace.is_untouched(run)
    for _ in range(2):
        assert [w.path for w in workspace.collect(run, ["data"])] == ["data", "data/new.txt"]
    assert (run / "outputs/data/new.txt").read_text() == "x"
    assert workspace.discard(run)
    assert sorted(p.name for p in run.iterdir()) == ["outputs"]
