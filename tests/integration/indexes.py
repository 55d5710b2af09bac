"""A package index on loopback, and packages small enough to be made for one test."""

import base64
import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USER, PASSWORD = "ada", "s3cret-t0ken"


def wheel(name: str, version: str, *requires: str, python: str | None = None, extras: Sequence[str] = ()) -> bytes:
    """A wheel that holds one module and its metadata."""
    info = f"{name}-{version}.dist-info"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    lines += [f"Requires-Python: {python}"] if python else []
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return out.getvalue()


BACKEND = """
import os, zipfile

NAME, VERSION, REQUIRES = {name!r}, {version!r}, {requires!r}
INFO = f"{{NAME}}-{{VERSION}}.dist-info"
LINES = ["Metadata-Version: 2.1", f"Name: {{NAME}}", f"Version: {{VERSION}}"]
LINES += [f"Requires-Dist: {{line}}" for line in REQUIRES]
TAGS = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
METADATA = "\\n".join(LINES) + "\\n"

def get_requires_for_build_wheel(config_settings=None):
    return {more!r}

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.mkdir(os.path.join(folder, INFO))
    with open(os.path.join(folder, INFO, "METADATA"), "w") as file:
        file.write(METADATA)
    return INFO

def build_wheel(folder, config_settings=None, metadata_directory=None):
    {body}
    name = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.write(NAME + ".py")
        wheel.writestr(INFO + "/METADATA", METADATA)
        wheel.writestr(INFO + "/WHEEL", TAGS)
        wheel.writestr(INFO + "/RECORD", "")
    return name
"""


def source(
    name: str,
    version: str = "1.0",
    *,
    requires: Sequence[str] = (),
    build: Sequence[str] = (),
    more: Sequence[str] = (),
    body: str = "pass",
) -> dict[str, str]:
    """The files of a project that brings its own build backend, which pays no heed to SOURCE_DATE_EPOCH.

    `build` is `[build-system].requires`, `more` what the backend asks for besides, `body` a line of its build.
    """
    settings = (
        f'[build-system]\nrequires = {json.dumps(list(build))}\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    backend = BACKEND.format(name=name, version=version, requires=list(requires), more=list(more), body=body)
    return {"pyproject.toml": settings, "backend.py": backend, f"{name}.py": "x = 1\n"}


def sdist(name: str, version: str = "1.0", *, mtime: int = 0, **more: Any) -> bytes:
    """That project as a source archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in source(name, version, **more).items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size, entry.mtime = len(text.encode()), mtime
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Make `files` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


@dataclass
class Index:
    """A package index on loopback, as simple as an old company mirror: no ranges, no metadata, no JSON."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    protected: bool = False
    with_hashes: bool = True
    attributes: dict[str, str] = field(default_factory=dict)
    """File → further attributes of its link (PEP 503, PEP 592)."""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """File → another answer than the file."""
    opened: threading.Event | None = None
    """Until it is set, files are not served."""

    def add(self, name: str, version: str, *requires: str, python: str | None = None) -> str:
        data = wheel(name, version, *requires, python=python)
        self.files[f"{name}-{version}-py3-none-any.whl"] = data
        return hashlib.sha256(data).hexdigest()

    @property
    def with_credentials(self) -> str:
        return self.url.replace("://", f"://{USER}:{PASSWORD}@")

    def page(self, name: str) -> bytes | None:
        files = [file for file in self.files if file.partition("-")[0] == name]
        ends = {
            file: "#sha256=" + hashlib.sha256(self.files[file]).hexdigest() if self.with_hashes else ""
            for file in files
        }
        return (
            "".join(
                f'<a href="/files/{file}{ends[file]}" {self.attributes.get(file, "")}>{file}</a>\n' for file in files
            ).encode()
            if files
            else None
        )

    def answer(self, path: str, authorization: str | None) -> tuple[int, str, bytes]:
        self.asked.append(path)
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.protected and authorization != wanted:
            return 401, "text/plain", b"who are you?"
        parts = path.strip("/").split("/")
        if self.opened and parts[0] == "files":
            self.opened.wait()
        if parts[-1] in self.answers:
            status, body = self.answers[parts[-1]]
            return status, "application/octet-stream", body
        body = self.page(parts[1]) if parts[0] == "simple" else self.files.get(parts[-1])
        kind = "text/html" if parts[0] == "simple" else "application/octet-stream"
        return (404, "text/plain", b"") if body is None else (200, kind, body)


def serve(served: Index) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = served.answer(self.path, self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server
