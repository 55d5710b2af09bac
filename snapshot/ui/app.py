"""The pages and what can be written from them, as an ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from snapshot.document import Value
from snapshot.errors import SnapshotError, UsageError
from snapshot.host.clock import now
from snapshot.record import labels, naming
from snapshot.record.store import Store
from snapshot.report.html import log, pages, parts
from snapshot.report.html.material import Log
from snapshot.report.html.render import Live, html
from snapshot.ui import state
from snapshot.ui.stream import events

MOST_WRITTEN = 20_000
"""Bytes of a form."""
LONGEST_NOTE = 4_000
"""Letters."""


class MessagePage(Value, kw_only=True, frozen=True):
    """A page that says one thing."""

    message: str
    hint: str = ""


class LogPage(Value, kw_only=True, frozen=True):
    """A piece of a log."""

    title: str
    id: str
    text: str
    start: int
    end: int
    size: int
    pieces: tuple[tuple[str, int], ...]
    """Where to go from here: words, and the byte at which that piece begins."""


def application(store: Store, is_over: Callable[[], bool]) -> Starlette:
    """The runs of `store`; `is_over` says when the server is to end, and with it what is followed."""
    site = Site(store, is_over)
    get, post = ["GET"], ["POST"]
    return Starlette(
        routes=[
            Route("/", site.runs, methods=get),
            Route("/events", site.runs_events, methods=get),
            Route("/pair", site.pair, methods=get),
            Route("/pair/events", site.pair_events, methods=get),
            Route("/runs/{run}", site.run, methods=get),
            Route("/runs/{run}/events", site.run_events, methods=get),
            Route("/runs/{run}/log", site.log, methods=get),
            Route("/runs/{run}/tag", site.tag, methods=post),
            Route("/runs/{run}/untag", site.untag, methods=post),
            Route("/runs/{run}/note", site.note, methods=post),
        ],
        exception_handlers={SnapshotError: _refused, HTTPException: _not_found},
    )


class Site:
    """The answers to all that can be asked; those that read the store are called in threads."""

    def __init__(self, store: Store, is_over: Callable[[], bool]) -> None:
        self._store, self._is_over = store, is_over

    def runs(self, request: Request) -> Response:
        """All runs."""
        live = Live(stream="/events", state=state.of_all(self._store))
        with self._store.lock_shared():  # what is shown is not swept away meanwhile
            return _page(pages.of_runs(self._store, None, now=now(), live=live))

    def run(self, request: Request) -> Response:
        """One run."""
        run_id = self._found(request.path_params["run"])
        if run_id != request.path_params["run"]:  # a tag, or `latest`
            return RedirectResponse(f"/runs/{quote(run_id)}", 303)
        live = Live(stream=f"/runs/{quote(run_id)}/events", state=self._state([run_id]))
        with self._store.lock_shared():
            return _page(pages.of_run(self._store, self._store.read(run_id), now=now(), live=live))

    def pair(self, request: Request) -> Response:
        """Two runs, the older one first."""
        ids = self._two(request)
        live = Live(stream=f"/pair/events?run={quote(ids[0])}&run={quote(ids[1])}", state=self._state(ids))
        with self._store.lock_shared():
            old, new = map(self._store.read, ids)
            return _page(pages.of_pair(self._store, old, new, now=now(), live=live))

    def log(self, request: Request) -> Response:
        """A piece of what a run printed."""
        record = self._store.read(self._found(request.path_params["run"]))
        at = request.query_params.get("at", "0")
        if not at.isdecimal() or len(at) > 18:
            raise UsageError("`at` is no number of bytes")
        found = log.piece(self._store.folder(record.id) / "log", int(at))
        if found is None:
            raise HTTPException(404, "this run has no log yet")
        page = _log_page(record.id, parts.title(record), found)
        return _page(html("log", page, now=now(), live=Live(stream="", state="")))

    async def runs_events(self, request: Request) -> Response:
        """What happens to the list of runs."""
        return self._events(request, partial(state.of_all, self._store))

    async def run_events(self, request: Request) -> Response:
        """What happens to a run, and what it prints."""
        run_id = await run_in_threadpool(self._found, request.path_params["run"])
        record = await run_in_threadpool(self._store.read, run_id)
        container = record.container if record.exit is None else None
        return self._events(request, partial(state.of_runs, self._store, [run_id]), container)

    async def pair_events(self, request: Request) -> Response:
        """What happens to either of two runs."""
        ids = await run_in_threadpool(self._two, request)
        return self._events(request, partial(state.of_runs, self._store, ids))

    async def tag(self, request: Request) -> Response:
        """Give a run a tag."""

        def write(run_id: str, text: str) -> None:
            naming.check(text, f"snap tag {run_id}")
            labels.tag(self._store, run_id, text, now())

        return await self._written(request, "tag", write)

    async def untag(self, request: Request) -> Response:
        """Take it away."""
        return await self._written(request, "tag", partial(labels.untag, self._store))

    async def note(self, request: Request) -> Response:
        """Write a note about a run."""

        def write(run_id: str, text: str) -> None:
            if not text or len(text) > LONGEST_NOTE:
                raise UsageError(f"a note has 1 to {LONGEST_NOTE:,} letters", hint="go back and write another")
            labels.add_note(self._store, run_id, text, now())

        return await self._written(request, "text", write)

    async def _written(self, request: Request, field: str, write: Callable[[str, str], None]) -> Response:
        data = b""
        async for chunk in request.stream():
            data += chunk
            if len(data) > MOST_WRITTEN:
                raise UsageError("that is too long", hint="go back and write less")
        text = _field(data, field)
        run_id = await run_in_threadpool(self._found, request.path_params["run"])
        await run_in_threadpool(write, run_id, text)
        return RedirectResponse(f"/runs/{quote(run_id)}", 303)

    def _events(
        self, request: Request, look: Callable[[], str | None], container: str | None = None
    ) -> StreamingResponse:
        async def is_over() -> bool:
            return self._is_over() or await request.is_disconnected()

        shown = request.query_params.get("state", "")
        return StreamingResponse(events(shown, look, is_over, container), media_type="text/event-stream")

    def _found(self, text: str) -> str:
        try:
            return self._store.find(text)
        except UsageError as problem:
            raise HTTPException(404, problem.message) from None

    def _two(self, request: Request) -> list[str]:
        asked = request.query_params.getlist("run")
        if len(set(asked)) != 2:
            raise UsageError("two runs are compared", hint="go back and tick two")
        return sorted(map(self._found, asked))

    def _state(self, ids: list[str]) -> str:
        """Asked before anything is read, so that what changes meanwhile is seen afterwards."""
        return state.of_runs(self._store, ids) or ""


def _field(data: bytes, name: str) -> str:
    """What a form has under `name`; empty where it has nothing."""
    try:
        fields = parse_qs(data.decode("ascii", "replace"), errors="replace", max_num_fields=5)
    except ValueError:
        raise UsageError("this is no form of this page") from None
    return fields.get(name, [""])[0].strip()


def _page(text: str, status: int = 200) -> Response:
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), status)


def _log_page(run_id: str, title: str, found: Log) -> LogPage:
    start, end = found.left_out, found.left_out + found.size
    size = end + found.after
    pieces = [("Begin", 0), ("Earlier", max(start - log.PIECE, 0))] if start else []
    pieces += [("Later", end), ("End", max(size - log.PIECE, 0))] if found.after else []
    return LogPage(title=title, id=run_id, text=found.text, start=start, end=end, size=size, pieces=tuple(pieces))


async def _refused(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, SnapshotError)
    return _message(problem.message, problem.hint or "", 400 if isinstance(problem, UsageError) else 500)


async def _not_found(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return _message(problem.detail, "", problem.status_code)


def _message(message: str, hint: str, status: int) -> Response:
    page = MessagePage(message=message, hint=hint)
    return _page(html("message", page, now=now(), live=Live(stream="", state="")), status)
