"""Which runs are to be looked at after the NVIDIA driver was updated. Pure."""

from __future__ import annotations

from snapshot.record.document import Run


def is_of_other_driver(run: Run, driver: str) -> bool:
    """Whether the run used a GPU under another driver than `driver`, or one that its record does not name."""
    if run.gpus is None:
        return False
    return run.host is None or run.host.gpus is None or run.host.gpus.driver != driver
