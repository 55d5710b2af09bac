"""What a rerun costs beyond the run itself. Called by scripts/bench."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench_run import make_project, shell
from bench_table import Row, in_turns

TRAIN = """
import json
json.dump({"loss": 0.5}, open("metrics.json", "w"))
open("weights.bin", "wb").write(b"x" * 10_000_000)
"""


def measure(rounds: int = 11) -> list[Row]:
    """The row; needs an engine."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for files, data in ((200, 0), (200, 2_000)):
            project = make_project(Path(folder) / f"{files}-{data}", files)
            (project / "train.py").write_text(TRAIN)
            (project / ".gitignore").write_text("data/\n")
            for number in range(data):
                (project / "data").mkdir(exist_ok=True)
                (project / "data" / f"{number}.bin").write_bytes(b"%d" % number * 2_000)
            snap = [sys.executable, "-m", "snapshot"]
            shell([*snap, "run", "--name", "first", "train.py"], project)()
            # That of the name, which is found before the runs of these measurements.
            again, once = in_turns(
                rounds,
                shell([*snap, "rerun", "first", "--rtol", "0"], project),
                shell([*snap, "run", "--no-write-back", "train.py"], project),
            )
            what = f"`snap rerun` beyond the run itself, {files} files, data of {data:,}"
            rows.append(Row(what=what, ours=again - once, floor="", theirs=None, goal=0.5))
    return rows


if __name__ == "__main__":
    for row in measure():
        print(*row.cells())
