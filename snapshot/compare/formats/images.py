"""Images by their pixels; how they were compressed, and what is said of them beside, does not count."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from snapshot.compare import blocks
from snapshot.compare.elements import Numbers
from snapshot.compare.tally import IncomparableError, Tally

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
MOST_PIXELS = 1 << 25
"""Of one frame: a bomb has more, and two of these have room in memory."""
MOST_FRAMES = 1000


def compare(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Frame by frame, channel by channel."""
    # It would print what it finds wrong with a file.
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    try:
        with warnings.catch_warnings(action="ignore"):
            was, now = (Image.open(file, formats=FORMATS) for file in (first, second))
            _images(was, now, tally)
    except UnidentifiedImageError:
        raise IncomparableError("it is no image, or of a kind that can't be read") from None
    except IncomparableError:
        raise
    except Exception as problem:  # what Pillow raises of damaged files is documented nowhere
        raise IncomparableError(f"it can't be read as an image: {str(problem).lower()}") from None


def _images(first: Image.Image, second: Image.Image, tally: Tally) -> None:
    frames = [getattr(image, "n_frames", 1) for image in (first, second)]
    if frames[0] != frames[1]:
        tally.other("the image", "another number of frames", *map(str, frames))
    elif max(frames) > MOST_FRAMES:
        raise IncomparableError(f"it has {max(frames):,} frames")
    else:
        for number, (a, b) in enumerate(zip(*map(ImageSequence.Iterator, (first, second)), strict=True)):
            _frame(a, b, tally, f"frame {number}, " if max(frames) > 1 else "")


def _frame(a: Image.Image, b: Image.Image, tally: Tally, where: str) -> None:
    size = max(a.width * a.height, b.width * b.height)
    if size > MOST_PIXELS:
        raise IncomparableError(f"it has {size:,} pixels")
    if a.size != b.size or a.mode != b.mode:
        what = "size" if a.size != b.size else "kind of pixels"
        tally.other(f"{where}the image", f"another {what}", *(f"{i.width}x{i.height} {i.mode}" for i in (a, b)))
        return
    # The numbers in an image with a palette are places in the palette.
    bands = a.getbands() if a.mode != "P" else ("R", "G", "B", "A")
    old, new = (_pixels(image) for image in (a, b))
    tally.numbers(old.size, 0)
    found = blocks.compare(old, new, tally.tolerance)
    if found:
        tally.numbers(0, found.beyond)
        place = partial(_place, where, found.at, a.width, bands)
        tally.largest(found.absolute, found.relative, place, str(old[found.at]), str(new[found.at]))


def _pixels(image: Image.Image) -> Numbers:
    pixels = np.asarray(image.convert("RGBA") if image.mode == "P" else image)
    return (pixels.view("u1") if pixels.dtype == bool else pixels).ravel()


def _place(where: str, at: int, width: int, bands: Sequence[str]) -> str:
    pixel, band = divmod(at, len(bands))
    row, column = divmod(pixel, width)
    return f"{where}pixel ({column}, {row})" + (f", {bands[band]}" if len(bands) > 1 else "")
