"""A double of a registry: what real ones do not do when a test wants it. It has the spec's happy path, and faults.

The real one is in tests/integration/test_registry.py.
"""

import hashlib
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class RegistryDouble(ThreadingHTTPServer):
    """`faults` are asked first, each request once: one that returns True has answered and is used up."""

    daemon_threads = True
    request_queue_size = 64
    """Pushing opens several connections at once. Five, the default, overflow where this process gets no turn for a
    while, and the kernel lets a second pass before it tries again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.manifests: dict[str, bytes] = {}
        self.faults: list[Callable[[Handler], bool]] = []
        self.lock = threading.Lock()
        self.requests: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def asked(self, method: str) -> list[str]:
        return [path for asked, path in self.requests if asked == method]

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections break here on purpose."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: RegistryDouble

    def answer(self, status: int, body: bytes = b"", **headers: str) -> bool:
        self.send_response(status)
        length = headers.pop("Content_Length", str(len(body)))
        self.send_header("Content-Length", length)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return True

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def hang_up(self) -> bool:
        self.close_connection = True
        self.connection.close()
        return True

    def serve(self) -> None:
        if self.path == "/v2/":
            self.answer(200)
            return
        self.server.requests.append((self.command, self.path))
        self.server.authorizations.append(self.headers.get("Authorization"))
        if self.faulty():
            return
        kind = re.sub(r"/v2/team/digits/", "", self.path).split("?")[0]
        getattr(self, f"{self.command.lower()}_{kind.split('/')[0]}")(kind)

    def faulty(self) -> bool:
        # One after the other: the next request may come before the one that a fault answered is through here.
        with self.server.lock:
            for fault in list(self.server.faults):
                if fault(self):
                    self.server.faults.remove(fault)
                    return True
        return False

    def __getattr__(self, name: str) -> Callable[[], None]:
        """`do_GET` and so on."""
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def head_blobs(self, kind: str) -> None:
        data = self.server.blobs.get(kind.split("/")[1])
        self.answer(404) if data is None else self.answer(200, Content_Length=str(len(data)))

    def get_blobs(self, kind: str) -> None:
        if "/uploads/" in kind:
            got = self.server.uploads.get(kind)
            if got is None:
                self.answer(404)
            else:
                self.answer(204, Location=self.path, Range=f"0-{max(0, len(got) - 1)}")
            return
        data = self.server.blobs.get(kind.split("/")[1])
        if data is None:
            self.answer(404)
            return
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.answer(206 if start else 200, data[start:])

    def get_tags(self, kind: str) -> None:
        self.answer(200, b'{"name": "team/digits", "tags": ["best"]}')

    def post_blobs(self, kind: str) -> None:
        name = f"blobs/uploads/{len(self.server.uploads)}"
        self.server.uploads[name] = bytearray()
        self.answer(202, Location=f"/v2/team/digits/{name}?state=a")

    def patch_blobs(self, kind: str) -> None:
        self.server.uploads[kind] += self.body()
        self.answer(202, Location=self.path, Range=f"0-{len(self.server.uploads[kind]) - 1}")

    def put_blobs(self, kind: str) -> None:
        data = bytes(self.server.uploads.pop(kind)) + self.body()
        if f"digest={digest_of(data).replace(':', '%3A')}" not in self.path:
            self.answer(400, b'{"errors": [{"code": "DIGEST_INVALID"}]}')
            return
        self.server.blobs[digest_of(data)] = data
        self.answer(201, Docker_Content_Digest=digest_of(data))

    def put_manifests(self, kind: str) -> None:
        data = self.body()
        self.server.manifests[kind.split("/")[1]] = data
        self.answer(201, Docker_Content_Digest=digest_of(data))

    def get_manifests(self, kind: str) -> None:
        data = self.server.manifests.get(kind.split("/")[1])
        if data is None:
            self.answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}', Content_Type="application/json")
        else:
            self.answer(200, data, Content_Type="application/vnd.oci.image.manifest.v1+json")

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal of the tests."""


def on(method: str, part: str, act: Callable[[Handler], bool]) -> Callable[[Handler], bool]:
    """A fault at the first request of this method whose path has `part`."""
    return lambda request: request.command == method and part in request.path and act(request)


def keep_docker_config(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(text)
