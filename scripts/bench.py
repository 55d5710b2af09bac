"""The table of docs/benchmarks.md. Called by scripts/bench."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import bench_bisect
import bench_build
import bench_compare
import bench_data
import bench_imports
import bench_lock
import bench_push
import bench_report
import bench_rerun
import bench_run
import bench_store
import bench_trace
import bench_verify
from bench_table import Row

from snapshot.host import machine
from snapshot.host.engine import Engine

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
HEAD = ("what", "ours", "measured against", "ratio", "goal", "reached")


def main() -> None:
    parts = (
        bench_run,
        bench_data,
        bench_lock,
        bench_imports,
        bench_store,
        bench_build,
        bench_trace,
        bench_rerun,
        bench_bisect,
        bench_compare,
        bench_verify,
        bench_push,
        bench_report,
    )
    rows = [row for part in parts for row in part.measure()]
    print(table(rows))
    if "--write" in sys.argv:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- table -->\n")
        _, _, after = rest.partition("<!-- end of table -->\n")
        PAGE.write_text(
            f"{before}<!-- table -->\n{where()}\n\n{table(rows)}\n<!-- end of table -->\n{after}", encoding="utf-8"
        )


def table(rows: list[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def where() -> str:
    """The machine, and how busy it was."""
    here, info = machine.probe(), Engine().info()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {here.cpu}, {here.cores} cores, {here.memory / 1e9:.0f} GB, {here.system}, "
        f"Linux {here.kernel}; Docker {info['ServerVersion']}, {info['Driver']} store; "
        f"load average at the end {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
