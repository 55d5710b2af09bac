"""Run a training inside an image that pins the whole platform, and record code, platform and result as one.

A training finds this package at the end of its import path, with whatever Python from 3.8 on: `snapshot.log` is for it.
"""

from __future__ import annotations

__version__ = "0.1.0"


def log(*, step: int | None = None, **values: object) -> None:
    """Append a line to the metrics of the run: `snapshot.log(step=100, loss=0.3)`; does nothing outside a run.

    Values are numbers, also NumPy's and those of frameworks that have `item()`; anything else is a TypeError.
    OSError when the line can't be written.
    """
    import os

    if path := os.environ.get("SNAP_METRICS"):
        from snapshot.run.inside import metrics

        metrics.append(path, values if step is None else {"step": step, **values}, run=os.environ.get("SNAP_RUN", ""))
