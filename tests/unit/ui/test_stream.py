"""What a page hears: from the state that it shows on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from snapshot.ui import stream


def heard(shown: str, states: Iterable[str | None], looks: int) -> list[str]:
    """The events while the state is looked at so often."""
    left = iter(states)
    seen = 0

    def look() -> str | None:
        nonlocal seen
        seen += 1
        return next(left)

    async def is_over() -> bool:
        return seen == looks

    async def collect() -> list[str]:
        return [event async for event in stream.events(shown, look, is_over)]

    return asyncio.run(collect())


def test_a_page_that_is_up_to_date_hears_nothing() -> None:
    assert heard("a", ["a"], 1) == []


def test_what_changed_before_it_began_to_listen_is_told() -> None:
    assert heard("a", ["b"], 1) == ["event: changed\ndata: b\n\n"]


def test_a_run_that_is_gone_is_the_end() -> None:
    assert heard("a", [None], 99) == ["event: gone\ndata: \n\n"]
