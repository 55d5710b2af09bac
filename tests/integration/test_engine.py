"""The engine, asked in the two ways that there are."""

from __future__ import annotations

import pytest

from snapshot.host.engine import Engine, Image
from snapshot.lock.base import LABEL_PYTHON, REPOSITORY


def asked(engine: Engine) -> tuple[Image | None, Image | None, tuple[Image, ...]]:
    name = "snapshot-base:bookworm"
    return engine.image(name), engine.image("nobody/has:this"), engine.images(repository=REPOSITORY, label=LABEL_PYTHON)


@pytest.mark.parametrize("store", ["engine", "second_engine"])
def test_images_are_told_the_same_with_and_without_the_sdk(
    store: str, request: pytest.FixtureRequest, use, monkeypatch: pytest.MonkeyPatch
):
    environment = request.getfixturevalue(store)
    quick = asked(use(environment))
    # What the SDK alone takes for a socket.
    monkeypatch.setenv("DOCKER_HOST", environment["DOCKER_HOST"].replace("unix://", "http+unix://"))
    assert asked(Engine()) == quick
    assert quick[0] and quick[1] is None and quick[0].id in {image.id for image in quick[2]}
