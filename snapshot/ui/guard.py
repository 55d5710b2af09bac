"""Who may ask, and what for: whoever was told the token, from this server's own pages.

The token comes once in the address and is then a cookie, which no script reads and no other site's page sends. Names of
hosts other than this machine's own are refused, so that no page of another site can make a name of its own mean this
server (DNS rebinding); what writes is to come from a page of this server (`Origin`).
"""

from __future__ import annotations

import html
import re
import secrets
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HERE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
PARAMETER = "token"
_READ = frozenset({"GET", "HEAD"})
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class Guard:
    """In front of `app`."""

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app, self._token = app, token
        # Cookies are of a host, whatever the port: two servers would take each other's away.
        self._cookie = f"snap-ui-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await (self._refusal(Request(scope)) or self._app)(scope, receive, guarded)

    def _refusal(self, request: Request) -> Response | None:
        """What is answered instead of what was asked for."""
        host = request.headers.get("host", "")
        if not _HERE.fullmatch(host):
            return _no("this server answers to the names of this machine only: 127.0.0.1 and localhost")
        if request.method not in _READ and request.headers.get("origin") != f"http://{host}":
            return _no("this did not come from a page of this server")
        if PARAMETER in request.query_params:
            if request.method in _READ and self._is_right(request.query_params[PARAMETER]):
                return self._entrance(request)
            return _no("this token is not the one: open the address that `snap ui` printed")
        if not self._is_right(request.cookies.get(self._cookie, "")):
            return _no("open the address that `snap ui` printed: it has a token, which is missing here")
        return None

    def _is_right(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(errors="replace"), self._token.encode())

    def _entrance(self, request: Request) -> Response:
        """A page that leads on by itself, to the address without the token.

        A redirect of HTTP would not do for who comes by a link in another page, or from a file: the browser takes all
        of it for that page's doing, and does not send a strict cookie.
        """
        rest = [(key, value) for key, value in request.query_params.multi_items() if key != PARAMETER]
        # One slash: with two it would be the name of another host.
        to = "/" + quote(request.scope["path"].lstrip("/")) + ("?" + urlencode(rest) if rest else "")
        lead = f'<meta http-equiv="refresh" content="0;url={html.escape(to)}">'
        answer = HTMLResponse(f'<!doctype html><title>snap ui</title><link rel="icon" href="data:,">{lead}')
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return answer


def _no(why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status_code=403)
