"""TensorBoard's event files as points, where the `tensorboard` package is installed beside this program."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from snapshot.record.metrics.points import NotMetricsError, Point


def available() -> bool:
    """Whether event files can be read; `tbparse` brings the same package."""
    return find_spec("tensorboard") is not None


def of_events(path: Path) -> Iterator[Point]:
    """Every scalar of an event file, with its step. Raises NotMetricsError for whatever the package can't read."""
    for point, _ in timed(path):
        yield point


def timed(path: Path) -> Iterator[tuple[Point, float]]:
    """The same with the time at which each was written, Unix time."""
    try:
        yield from _scalars(path)
    except Exception as problem:  # what it raises is documented nowhere
        raise NotMetricsError from problem


def _scalars(path: Path) -> Iterator[tuple[Point, float]]:
    import logging

    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    logging.getLogger("tensorboard").disabled = True
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars" and value.HasField("tensor"):
                number = float(make_ndarray(value.tensor).item())
                yield (value.tag, float(event.step), number), float(event.wall_time)
