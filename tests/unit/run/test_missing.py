"""What is said about paths that a run did not have."""

from __future__ import annotations

from pathlib import Path

from snapshot.run.missing import hints

PROJECT = Path("/home/me/project")


def said(*missing: str, folders: tuple[str, ...] = ()) -> tuple[str, ...]:
    return hints(missing, project=PROJECT, is_folder=lambda path: path in folders)


def test_a_file_is_told_with_the_folder_to_add():
    assert said("/mnt/other/x.npy") == (
        "`/mnt/other/x.npy` is on this machine and the run did not have it: add `--data /mnt/other`",
    )


def test_a_folder_is_to_be_added_itself():
    assert said("/mnt/other", folders=("/mnt/other",)) == (
        "`/mnt/other` is on this machine and the run did not have it: add `--data /mnt/other`",
    )


def test_files_of_one_folder_are_told_together():
    assert said("/mnt/other/x.npy", "/mnt/other/y.npy", "/mnt/other/z.npy", "/mnt/more/x") == (
        "`/mnt/other/x.npy` and 2 more are on this machine and the run did not have them: add `--data /mnt/other`",
        "`/mnt/more/x` is on this machine and the run did not have it: add `--data /mnt/more`",
    )


def test_a_folder_that_can_not_be_mounted_is_not_proposed():
    assert said("/mnt/x.npy") == (
        "`/mnt/x.npy` is on this machine and the run did not have it: add `--data /mnt/x.npy`",
    )
    assert said("/var", folders=("/var",)) == ()


def test_files_of_the_project_need_no_data():
    assert said("/home/me/project/data/x.npy") == (
        "`/home/me/project/data/x.npy` is on this machine and the run did not have it: "
        "name files of the project by relative paths",
    )


def test_names_are_harmless_and_can_be_typed():
    (hint,) = said("/mnt/my data/x\x1b[31m.npy")
    assert hint == (
        "`/mnt/my data/x\\x1b[31m.npy` is on this machine and the run did not have it: add `--data '/mnt/my data'`"
    )


def test_there_are_few():
    assert len(said(*(f"/mnt/{number}/x" for number in range(20)))) == 5
