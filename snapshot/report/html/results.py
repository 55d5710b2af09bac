"""What a run wrote, as far as a report shows it: series of metrics, and images."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from math import inf
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
MOST_PIXELS = 25_000_000
"""Of all frames of an image."""
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"RIFF", "webp"),
)


def curves(folder: Path, run: Run, *, most: int = MOST_CURVES) -> tuple[Mapping[str, Points], int]:
    """The first `most` metrics of several points, each file read once; and how many more there are.

    A file that is not what the record says of it has none.
    """
    series = [metric for metric in run.metrics if metric.points > 1]
    sizes = {output.path: output for output in run.outputs}
    files: dict[str, list[Metric]] = {}
    for metric in series[:most]:
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
            data = file.read(IMAGE)
            if kind := _kind(data):
                found[output.path] = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
                left -= len(data)
    return found


def _kind(data: bytes) -> str | None:
    """The name that browsers have for it; None for no image, and for one that would fill a browser's memory."""
    kind = next((kind for start, kind in _KINDS if data.startswith(start)), None)
    return kind if kind and _pixels(data, kind) <= MOST_PIXELS else None


def _pixels(data: bytes, kind: str) -> float:
    """How many it has, by its head alone; infinite for what is damaged."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data), formats=[kind.upper()]) as image:
            return image.width * image.height * getattr(image, "n_frames", 1)
    except Exception:  # what Pillow raises of damaged files is documented nowhere
        return inf
