"""What an engine must say of itself before it is asked for anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from snapshot.errors import EngineError
from snapshot.host.engine import Engine


@pytest.fixture
def answer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DOCKER_HOST is a server that answers everything with the test's parameter."""
    body: bytes = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


@pytest.mark.parametrize(
    "answer",
    [b"hello", b"[]", b"{}", b'{"ApiVersion": "1.45"}', b'{"ApiVersion": "x"}', b'{"ApiVersion": 1}'],
    indirect=True,
)
def test_what_answers_and_is_no_engine_is_none(answer: None) -> None:
    with pytest.raises(EngineError, match="no Docker engine answers at tcp://127"):
        Engine(timeout=5).info()


@pytest.mark.parametrize("answer", [b'{"ApiVersion": "1.41", "Version": "20.10.24"}'], indirect=True)
def test_an_engine_that_is_too_old_says_so(answer: None) -> None:
    with pytest.raises(EngineError, match=r"is version 20\.10\.24, and 23 or newer is needed"):
        Engine(timeout=5).info()
