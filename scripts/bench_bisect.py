"""What a search for a cause costs beside the trainings. Called by scripts/bench."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench_run import shell
from bench_table import Row

SNAP = [sys.executable, "-m", "snapshot"]
OLD = {"wcwidth": "0.2.5", "six": "1.15.0", "idna": "3.3", "zipp": "3.7.0", "toml": "0.10.1", "colorama": "0.4.3"}
NEW = {"wcwidth": "0.2.13", "six": "1.16.0", "idna": "3.10", "zipp": "3.20.0", "toml": "0.10.2", "colorama": "0.4.6"}
WIDTH = """
import json, wcwidth
json.dump({"width": wcwidth.wcwidth(chr(0x1F6DC))}, open("metrics.json", "w"))
"""
SLOW = """
import json, os, time
time.sleep(10)
json.dump({"score": int(os.environ["V3"])}, open("metrics.json", "w"))
"""


def measure() -> list[Row]:
    """The rows; needs an engine and an index."""
    with tempfile.TemporaryDirectory() as folder:
        return [_package(Path(folder) / "package"), *_overhead(Path(folder) / "overhead")]


def _package(project: Path) -> Row:
    project.mkdir()
    (project / "train.py").write_text(WIDTH)
    for name, pins in (("good", OLD), ("bad", NEW)):
        (project / "requirements.txt").write_text("".join(f"{p}=={version}\n" for p, version in pins.items()))
        shell([*SNAP, "run", "--name", name, "train.py"], project)()
    found, _ = _bisect(project)
    built = [trial for trial in found["trials"] if 0 < len(trial["chosen"]) < len(found["candidates"])]
    ready = statistics.median(trial["seconds"] - trial["training"] for trial in built)
    return Row(
        what="hybrid with other small packages, beside its training", ours=ready, floor="", theirs=None, goal=3.0
    )


def _overhead(project: Path) -> list[Row]:
    project.mkdir()
    (project / "train.py").write_text(SLOW)
    (project / "requirements.txt").write_text("")
    for name, value in (("good", "0"), ("bad", "1")):
        options = [word for number in range(8) for word in ("-e", f"V{number}={value}")]
        shell([*SNAP, "run", *options, "--name", name, "train.py"], project)()
    found, took = _bisect(project)
    training = sum(trial["training"] for trial in found["trials"])
    what = f"`snap bisect` of 8 differences, {len(found['trials'])} runs"
    shutil.rmtree(project / ".snap" / "bisect")
    _, together = _bisect(project, jobs=2)
    return [
        Row(what=what, ours=took, floor="these runs themselves", theirs=training, goal=1.15),
        Row(what="the same, two at a time", ours=together, floor="one at a time", theirs=took, goal=0.75),
    ]


def _bisect(project: Path, *, jobs: int = 1) -> tuple[dict[str, Any], float]:
    began = time.perf_counter()
    command = [*SNAP, "bisect", "good", "bad", "--json", "--jobs", str(jobs)]
    done = subprocess.run(command, cwd=project, capture_output=True, check=True)
    return json.loads(done.stdout), time.perf_counter() - began


if __name__ == "__main__":
    for row in measure():
        print(*row.cells())
