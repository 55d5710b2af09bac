"""What the engine is asked without the SDK. That both say the same is an integration test."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import ClassVar

import pytest

from snapshot.errors import EngineError
from snapshot.host.engine import Engine
from snapshot.host.engine_socket import image


class Server(ThreadingUnixStreamServer):
    """An engine that has one image."""

    daemon_threads = True
    version: ClassVar[str] = "1.51"
    body: ClassVar[bytes] = json.dumps({"Id": "sha256:1", "RootFS": {"Layers": ["sha256:2"]}}).encode()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        there = self.path == "/images/mine:1/json"
        self.send_response(200 if there else 404)
        self.send_header("Api-Version", Server.version)
        self.end_headers()
        self.wfile.write(Server.body if there else b'{"message": "no such image"}')

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    with Server(str(tmp_path / "s"), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Engine(timeout=5)
        server.shutdown()


def test_images_are_told_without_the_sdk(engine: Engine) -> None:
    known = set(sys.modules)
    found = engine.image("mine:1")
    assert found and (found.id, found.layers) == ("sha256:1", ("sha256:2",))
    assert engine.image("other:1") is None
    assert not {name for name in set(sys.modules) - known if name.startswith(("docker", "requests", "urllib3"))}


@pytest.mark.parametrize("version", ["1.41", "", "new", "1"])
def test_what_is_not_known_is_left_to_the_sdk(engine: Engine, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(Server, "version", version)
    assert image("mine:1", timeout=5) is None


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:1", "ssh://host", "junk", "unix:///nowhere", "unix://"])
def test_where_nothing_answers_the_sdk_says_why(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    assert image("mine:1", timeout=5) is None


def test_what_says_no_json_is_no_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "body", b"hello")
    assert image("mine:1", timeout=5) is None


def test_an_engine_that_is_silent_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "s"))
        server.listen()
        with pytest.raises(EngineError, match=r"did not answer within 0\.1 s"):
            image("mine:1", timeout=0.1)
