"""Downloads through a real server that misbehaves as real ones do."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from snapshot.errors import NetworkError
from snapshot.host.download import ATTEMPTS, Access, Downloader, access_of, status
from snapshot.host.pip_config import PipConfig

CONTENT = bytes(range(256)) * 12_000
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `plan` says what goes wrong at each request, then all goes well."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan: list[str] = []
        self.always: str | None = None
        self.ranges: list[str | None] = []
        self.authorizations: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/files/some-1.0-py3-none-any.whl"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        self.server.authorizations.append(self.headers.get("Authorization"))
        trouble = self.server.always or (self.server.plan.pop(0) if self.server.plan else "")
        if trouble.isdigit():
            self.send_error(int(trouble))
            return
        if trouble == "reset":
            self.close_connection = True
            self.connection.close()
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and trouble != "no ranges" else 0
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if trouble == "truncate":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def fetch(server: Server, path: Path, access: Access | None = None, arrived: list[int] | None = None) -> str:
    downloader = Downloader(access or Access(pause=0.001))
    with path.open("ab+") as file:
        return downloader.fetch(server.url, file, where=path, progress=(arrived if arrived is not None else []).append)


def test_a_file_arrives_whole(server: Server, tmp_path: Path) -> None:
    arrived: list[int] = []
    assert fetch(server, tmp_path / "file", arrived=arrived) == DIGEST
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)


@pytest.mark.parametrize("trouble", ["truncate", "reset", "500", "503", "429"])
def test_what_may_pass_is_tried_again(server: Server, tmp_path: Path, trouble: str) -> None:
    server.plan = [trouble, trouble]
    assert fetch(server, tmp_path / "file") == DIGEST
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.plan = ["truncate"]
    fetch(server, tmp_path / "file")
    first, second = server.ranges
    assert first is None
    assert second is not None and int(second.removeprefix("bytes=").rstrip("-")) > 0


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    server.plan = ["truncate", "no ranges"]
    arrived: list[int] = []
    assert fetch(server, tmp_path / "file", arrived=arrived) == DIGEST
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)


def test_what_an_earlier_process_left_is_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT[:1000])
    assert fetch(server, tmp_path / "file") == DIGEST
    assert server.ranges == ["bytes=1000-"]


@pytest.mark.parametrize(("status", "hint"), [("404", "snap lock"), ("403", "credentials"), ("401", "credentials")])
def test_a_refusal_is_final(server: Server, tmp_path: Path, status: str, hint: str) -> None:
    server.always = status
    with pytest.raises(NetworkError, match=f"some-1.0-py3-none-any.whl.*{status}") as error:
        fetch(server, tmp_path / "file")
    assert hint in (error.value.hint or "")
    assert len(server.ranges) == 1


@pytest.mark.parametrize("trouble", ["500", "reset", "truncate"])
def test_it_gives_up_some_day(server: Server, tmp_path: Path, trouble: str) -> None:
    server.always = trouble
    with pytest.raises(NetworkError, match="can't be reached"):
        fetch(server, tmp_path / "file")
    assert len(server.ranges) == ATTEMPTS


def test_credentials_reach_the_server_and_no_message(server: Server, tmp_path: Path) -> None:
    index = server.url.replace("http://", "http://user:secret@").partition("/files")[0] + "/simple"
    access = Access(indexes=(index,), pause=0.001)
    fetch(server, tmp_path / "file", access)
    assert server.authorizations == ["Basic dXNlcjpzZWNyZXQ="]
    server.always = "reset"
    with pytest.raises(NetworkError) as error:
        fetch(server, tmp_path / "other", access)
    assert "secret" not in f"{error.value.message} {error.value.hint}"


def test_credentials_go_to_their_own_host_only() -> None:
    access = Access(indexes=("https://user:secret@index.example/simple",))
    assert access.with_credentials("https://index.example/f.whl") == "https://user:secret@index.example/f.whl"
    assert access.with_credentials("https://other.example/f.whl") == "https://other.example/f.whl"
    assert access.with_credentials("http://index.example/f.whl") == "http://index.example/f.whl"


def test_the_pip_configuration_is_honoured(tmp_path: Path) -> None:
    options = {"find-links": f"{tmp_path}\nfile://{tmp_path}\n/not/there", "index-url": "https://u:p@i.example/simple"}
    access = access_of(PipConfig(options=options, bundle=tmp_path / "ca.pem"))
    assert access.folders == (tmp_path, tmp_path)
    assert access.bundle == tmp_path / "ca.pem"
    assert access.with_credentials("https://i.example/x") == "https://u:p@i.example/x"


@pytest.mark.parametrize("code", [200, 404, 503])
def test_a_status_is_asked_once(server: Server, code: int) -> None:
    server.always = str(code) if code != 200 else None
    assert status(server.url, Access(), timeout=5) == code
    assert len(server.ranges) == 1


def test_a_status_that_there_is_none_of(server: Server) -> None:
    server.always = "reset"
    with pytest.raises(NetworkError, match="can't be reached") as error:
        status(server.url.replace("http://", "http://user:secret@"), Access(), timeout=5)
    assert "secret" not in f"{error.value.message} {error.value.hint}"


@pytest.mark.parametrize("url", ["http://[", "http://", "nonsense", "http://a b/", "http://127.0.0.1:99999/", "x://y/"])
def test_a_status_of_what_is_no_url(url: str) -> None:
    with pytest.raises(NetworkError):
        status(url, Access(), timeout=5)


def test_a_proxy_that_is_not_there_is_told_in_the_words_of_the_system() -> None:
    with pytest.raises(NetworkError) as error:
        status("https://index.test/simple/", Access(proxies={"https": "http://127.0.0.1:9"}), timeout=5)
    assert error.value.message == "index.test can't be reached through the proxy: connection refused"
