"""What `--deterministic` and `--seed` set, and what of it comes into the record."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec

from snapshot.record.document import Determinism, Run
from snapshot.run import determinism
from tests.unit.record.records import a_run

CPU = {"threads": 4, "cpu_flags": ("avx2", "fma")}


def test_nothing_asked_is_nothing_set() -> None:
    assert determinism.asked(None, None, {}, threads=4, cpu_flags=()) is None


def test_a_seed_alone_leaves_algorithms_and_threads_alone() -> None:
    found = determinism.asked(None, 7, {}, threads=4, cpu_flags=())
    assert found == Determinism(mode="seeds", seed=7, environment={"PYTHONHASHSEED": "7"})


def test_threads_and_code_paths_are_written_down_so_that_another_machine_has_the_same() -> None:
    new = determinism.asked("warn", None, {}, threads=4, cpu_flags=("avx2",))
    old = determinism.asked("strict", None, {}, threads=1, cpu_flags=("sse4_1",))
    assert new and old
    assert (new.seed, new.environment["OMP_NUM_THREADS"], new.environment["ATEN_CPU_CAPABILITY"]) == (0, "4", "avx2")
    assert (old.mode, old.environment["MKL_NUM_THREADS"], old.environment["MKL_CBWR"]) == ("strict", "1", "COMPATIBLE")


def test_what_she_gave_comes_first_but_for_xla_whose_options_are_joined() -> None:
    given = {"OMP_NUM_THREADS": "3", "XLA_FLAGS": "--xla_dump_to=/tmp/x"}
    found = determinism.asked("warn", 1, given, threads=4, cpu_flags=())
    assert found
    assert "OMP_NUM_THREADS" not in found.environment
    env = determinism.variables(found, given)
    assert env["OMP_NUM_THREADS"] == "3"
    assert env["XLA_FLAGS"].startswith("--xla_dump_to=/tmp/x --xla_gpu_deterministic_ops=true")
    assert env["SNAP_DETERMINISM"] == "warn:1"


def asked() -> Run:
    return msgspec.structs.replace(
        a_run(), determinism=determinism.asked("warn", 1, {}, threads=4, cpu_flags=()), notes=("one",)
    )


def note(folder: Path, name: str, *entries: object) -> None:
    determinism.mounts(folder)
    (folder / determinism.FOLDER / name).write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_what_processes_noted_is_summed_up(tmp_path: Path) -> None:
    warning = {"warning": "no deterministic scatter", "stack": ["/workspace/train.py:3 step"]}
    note(tmp_path, "1", {"framework": "torch", "version": "2.1"}, warning, warning)
    note(
        tmp_path, "2", {"framework": "torch", "version": "2.1"}, warning, {"framework": "tensorflow", "problem": "E: x"}
    )
    for _ in range(2):
        found = determinism.gathered(tmp_path, asked())
        assert found.determinism
        assert found.determinism.frameworks == ("torch 2.1",)
        (only,) = found.determinism.warnings
        assert (only.message, only.stack, only.times) == (
            "no deterministic scatter",
            ("/workspace/train.py:3 step",),
            3,
        )
        assert found.notes == ("one", "`tensorflow` could not be set up: E: x")
    determinism.discard(tmp_path)
    determinism.discard(tmp_path)
    assert determinism.gathered(tmp_path, asked()).determinism == asked().determinism


def test_what_the_training_itself_put_there_does_no_harm(tmp_path: Path) -> None:
    determinism.mounts(tmp_path)
    folder = tmp_path / determinism.FOLDER
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "folder").mkdir()
    (folder / "wrong").write_bytes(
        b'\xff\n{"warning": 1}\n{"stack": "x"}\n[]\n{"framework": "a", "version": "b"}\n{"version"'
    )
    found = determinism.gathered(tmp_path, asked()).determinism
    assert found is not None
    assert (found.frameworks, found.warnings) == (("a b",), ())


def test_the_same_line_starts_it_in_an_image_that_was_pushed() -> None:
    line = determinism.start("/opt/snap/lib")
    assert "/opt/snap/lib/snapshot/run/inside/determined.py" in line
    assert determinism.PLACE not in line
    compile(line, "x.pth", "exec")
