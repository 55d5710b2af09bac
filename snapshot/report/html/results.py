"""What a run wrote, as far as a report shows it: series of metrics, and images."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from snapshot.compare.pair import opened
from snapshot.compare.tally import IncomparableError
from snapshot.project.names import from_text
from snapshot.record.document import Metric, Output, Run
from snapshot.record.metrics import reading
from snapshot.report.html.material import Points

MOST_CURVES = 40
MOST_IMAGES = 40
IMAGE, IMAGES = 400_000, 1_200_000
"""Bytes of one image, and of all together."""
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
)


def curves(folder: Path, run: Run) -> tuple[Mapping[str, Points], int]:
    """The metrics of several points, each file read once; and how many more there are.

    A file that is not what the record says of it has none.
    """
    series = [metric for metric in run.metrics if metric.points > 1]
    sizes = {output.path: output for output in run.outputs}
    files: dict[str, list[Metric]] = {}
    for metric in series[:MOST_CURVES]:
        files.setdefault(metric.path, []).append(metric)
    found: dict[str, Points] = {}
    left = reading.ALTOGETHER
    for path, metrics in files.items():
        output = sizes.get(path)
        if output is None or output.size > min(left, reading.LARGEST) or not _is_there(folder, output):
            continue
        left -= output.size
        found |= reading.several(folder / from_text(path), [metric.name for metric in metrics])
    drawn = {metric.name: found[metric.name] for metric in series if found.get(metric.name)}
    return drawn, len(series) - len(drawn)


def _is_there(folder: Path, output: Output) -> bool:
    with suppress(IncomparableError):
        opened(folder, output).close()
        return True
    return False


def images(folder: Path, outputs: Iterable[Output]) -> Mapping[str, str]:
    """The small ones, told by their first bytes, as `data:` URIs."""
    found: dict[str, str] = {}
    left = IMAGES
    for output in outputs:
        if len(found) == MOST_IMAGES:
            break
        if not 0 < output.size <= min(IMAGE, left) or output.sha256 is None:
            continue
        with suppress(IncomparableError, OSError), opened(folder, output) as file:
            if kind := _kind(file.read(16)):
                file.seek(0)
                found[output.path] = f"data:image/{kind};base64,{base64.b64encode(file.read(IMAGE)).decode()}"
                left -= output.size
    return found


def _kind(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((kind for start, kind in _KINDS if head.startswith(start)), None)
