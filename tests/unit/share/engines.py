"""An engine that has some images, or does not answer."""

from __future__ import annotations

from typing import Any

from snapshot.errors import EngineError
from snapshot.host.engine import Engine, Image
from snapshot.image.dockerfile import LOCK_LABEL
from tests.unit.share.kits import LAYER


class FakeEngine(Engine):
    """`asked` counts the questions."""

    def __init__(self, *images: Image, driver: str = "overlay2", silent: bool = False) -> None:
        super().__init__()
        self.images_here = {image.reference: image for image in images}
        self.driver, self.silent, self.asked = driver, silent, 0

    def image(self, reference: str) -> Image | None:
        self.asked += 1
        if self.silent:
            raise EngineError("no Docker engine answers", hint="start Docker")
        return self.images_here.get(reference)

    def untag(self, reference: str) -> None:
        self.images_here.pop(reference, None)

    def info(self) -> dict[str, Any]:
        return {"Driver": self.driver}


def an_image(reference: str, image_id: str, *, lock: str = "", layers: tuple[str, ...] = (LAYER,)) -> Image:
    return Image(
        id=image_id, reference=reference, layers=layers, digest=None, created="", os="linux", architecture="amd64",
        labels={LOCK_LABEL: lock},
    )  # fmt: skip
