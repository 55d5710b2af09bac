"""What runs can be called, and what could not be asked for."""

from __future__ import annotations

import pytest

from snapshot.errors import UsageError
from snapshot.record import naming


@pytest.mark.parametrize("text", ["baseline", "lr 0.1", "v2", "beef", "模型", "latest-2", "x" * 64, "2026-best"])
def test_names(text: str) -> None:
    naming.check(text, "--name")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a ", "a\nb", "a\x1b[2J", "x" * 65, "\udcff", "-x", "123"),
        *("latest", "latest~1", "latest~x", "20261123T053741467-230c", "20261123T0537"),
    ],
)
def test_names_that_could_not_be_asked_for(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        naming.check(text, "--name")
    assert caught.value.hint is not None and "1 to 64 printable characters" in caught.value.hint
    assert caught.value.message.isprintable()
