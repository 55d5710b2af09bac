"""Images by their pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from snapshot.compare.formats import images
from snapshot.compare.verdict import Tolerance
from tests.unit.compare.test_outputs import only


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def dotted(mode: str = "RGB", value: Any = (1, 2, 9)) -> Image.Image:
    image = Image.new(mode, (4, 3))
    image.putpixel((2, 1), value)
    return image


def test_the_pixel_and_channel_are_told(tmp_path: Path):
    found = only(tmp_path, "p.png", saved(dotted()), saved(dotted(value=(1, 2, 5))))
    assert (found.verdict, found.kind, found.values, found.beyond) == ("different", "image", 36, 1)
    assert (found.where, found.first, found.second, found.absolute) == ("pixel (2, 1), B", "9", "5", 4.0)
    allowed = (Tolerance(pattern="*.png", atol=4),)
    assert only(tmp_path, "p.png", saved(dotted()), saved(dotted(value=(1, 2, 5))), tolerances=allowed).verdict == (
        "within tolerance"
    )


def test_how_it_was_compressed_does_not_count(tmp_path: Path):
    found = only(tmp_path, "p.png", saved(dotted(), compress_level=0), saved(dotted(), compress_level=9))
    assert (found.verdict, found.reason) == ("identical", "the same values in other bytes")


def test_frames_and_palettes(tmp_path: Path):
    frames = [Image.new("L", (2, 2), value) for value in (0, 80)], [Image.new("L", (2, 2), value) for value in (0, 90)]
    first, second = (saved(a, "TIFF", save_all=True, append_images=[b]) for a, b in frames)
    assert only(tmp_path, "p.tif", first, second).where == "frame 1, pixel (0, 0)"
    found = only(tmp_path, "p.tif", first, saved(frames[0][0], "TIFF"))
    assert (found.reason, found.first, found.second) == ("another number of frames", "2", "1")
    one, other = (saved(dotted().quantize(8).remap_palette(order)) for order in ([0, 1], [1, 0]))
    assert only(tmp_path, "p.png", one, other).verdict == "identical"


@pytest.mark.parametrize(
    ("other", "reason"),
    [(Image.new("RGB", (3, 4)), "another size"), (Image.new("L", (4, 3)), "another kind of pixels")],
)
def test_other_images_are_different(tmp_path: Path, other: Image.Image, reason: str):
    found = only(tmp_path, "p.png", saved(dotted()), saved(other))
    assert (found.verdict, found.reason) == ("different", reason)


@pytest.mark.parametrize("bad", [b"", b"no image", saved(dotted())[:-30], b"%PDF-1.4"])
def test_what_is_none_is_not_compared(tmp_path: Path, bad: bytes):
    assert only(tmp_path, "p.png", saved(dotted()), bad).verdict == "not compared"


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 10)
    found = only(tmp_path, "p.png", saved(dotted()), saved(dotted(value=(0, 0, 0))))
    assert (found.verdict, found.reason) == ("not compared", "it has 12 pixels")
