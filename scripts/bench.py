"""The table of docs/benchmarks.md, measured anew."""

from __future__ import annotations

import argparse
import os
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
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
HEAD = ("what", "ours", "measured against", "ratio", "goal", "reached")


PARTS = {
    "run": bench_run,
    "data": bench_data,
    "lock": bench_lock,
    "imports": bench_imports,
    "store": bench_store,
    "build": bench_build,
    "trace": bench_trace,
    "rerun": bench_rerun,
    "bisect": bench_bisect,
    "compare": bench_compare,
    "verify": bench_verify,
    "push": bench_push,
    "report": bench_report,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"measure these alone: {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="put the whole table into docs/benchmarks.md")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}: choose among {', '.join(PARTS)}")
    if asked.write and asked.parts:
        parser.error("only the whole table is written")
    rows = [row for name in asked.parts or PARTS for row in PARTS[name].measure()]
    print(table(rows))
    if asked.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        if not end:
            raise SystemExit(f"error: {PAGE} has no `{BEGIN}` before an `{END}`")
        PAGE.write_text(f"{before}{BEGIN}\n\n{where()}\n\n{table(rows)}\n\n{END}{after}", encoding="utf-8")


def table(rows: list[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def where() -> str:
    """The machine, and how busy it was."""
    here, info = machine.probe(), Engine().info()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {here.cpu}, {here.cores} cores, {here.memory / 1e9:.0f} GB, {here.system},\n"
        f"Linux {here.kernel}; Docker {info['ServerVersion']}, {info['Driver']} store; "
        f"load average at the end {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
