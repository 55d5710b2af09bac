"""What a page hears while somebody looks at it, as server-sent events (HTML standard, 9.2).

`changed` has the new state, `log` what the run has printed since, `gone` says that there is nothing to follow any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from starlette.concurrency import run_in_threadpool

from snapshot.report.text import harmless
from snapshot.ui.log import Follower, News

BEAT = 0.25
"""Seconds between two looks at what was printed: nothing but this process is asked."""
RESTS = 9
"""A look at the files that took so long is followed by so many times as long without one, or a second."""
_SILENCE = 15.0
"""Seconds after which something is sent all the same, so that whoever has left is noticed."""


async def events(
    state: str, look: Callable[[], str | None], is_over: Callable[[], Awaitable[bool]], container: str | None = None
) -> AsyncIterator[str]:
    """The events from the one on after `state`, which the page shows; `look` says how things stand now.

    With `container`, also what that prints.
    """
    clock = asyncio.get_running_loop().time
    next_look, said = 0.0, clock()
    follower = Follower(container) if container else None
    try:
        while not await is_over():
            if clock() >= next_look:
                began = clock()
                now = await run_in_threadpool(look)
                next_look = clock() + max(1.0, RESTS * (clock() - began))
                if now is None:
                    yield _event("gone", "")
                    return
                if now != state:
                    state, said = now, clock()
                    yield _event("changed", state)
            if follower and (printed := follower.take()):
                said = clock()
                yield _event("log", _encoded(printed))
            if clock() - said > _SILENCE:
                said = clock()
                yield ":\n\n"
            await asyncio.sleep(BEAT)
    finally:
        if follower:
            follower.close()


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"


def _encoded(printed: News) -> str:
    """On one line, as JSON is."""
    texts = {name: harmless(getattr(printed, name)) for name in ("text", "open", "problem")}
    return msgspec.json.encode(msgspec.structs.replace(printed, **texts)).decode()
