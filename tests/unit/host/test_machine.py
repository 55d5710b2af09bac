"""What Linux says of this machine."""

from __future__ import annotations

from pathlib import Path

from snapshot.host.machine import free_memory, memory


def test_memory_that_there_is_and_that_programs_can_have(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  32 kB\nMemFree:  1 kB\nMemAvailable:  16 kB\n")
    assert (memory(tmp_path), free_memory(tmp_path)) == (32 * 1024, 16 * 1024)
    assert (memory(tmp_path / "none"), free_memory(tmp_path / "none")) == (0, 0)
    assert 0 < free_memory() < memory()
