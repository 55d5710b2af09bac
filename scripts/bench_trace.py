"""What tracing costs the PyTorch example. Called by scripts/bench; alone it says what both sides took."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from bench_run import shell
from bench_table import Row, in_turns, seconds

EXAMPLE = Path(__file__).parent.parent / "examples" / "torch"


def measure(rounds: int = 15) -> list[Row]:
    """The row; needs an engine, and the example's packages in the cache or an index."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "torch"
        shutil.copytree(EXAMPLE, project)
        snap = [sys.executable, "-m", "snapshot"]
        shell([*snap, "build"], project)()
        plain = shell([*snap, "run", "--no-trace", "train.py"], project)
        plain()
        traced, untraced = in_turns(rounds, shell([*snap, "run", "train.py"], project), plain)
    what = "`snap run` of `examples/torch`, traced"
    return [Row(what=what, ours=traced, floor="`snap run --no-trace`", theirs=untraced, goal=1.02)]


if __name__ == "__main__":
    for row in measure():
        assert row.theirs is not None
        print(f"{row.what}: {seconds(row.ours)}, without {seconds(row.theirs)}, {row.ours / row.theirs:.3f}")
