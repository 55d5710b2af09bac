"""The versions that an index has, as its page lists them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from snapshot.errors import NetworkError
from snapshot.host.download import Access
from snapshot.lock.document import Package
from snapshot.lock.releases import releases

PAGE = """<!DOCTYPE html><html><body>
<a href="spam-1.0-py3-none-any.whl#sha256=0">spam-1.0-py3-none-any.whl</a><br/>
<a href="spam-1.0.tar.gz">spam-1.0.tar.gz</a>
<a href="spam-1.10-py3-none-any.whl">spam-1.10-py3-none-any.whl</a>
<a href="spam-1.9.zip" data-yanked="broken">spam-1.9.zip</a>
<a href="spam-1.2rc1.tar.gz">
  spam-1.2rc1.tar.gz
</a>
<a href="x">not a release</a>
</body></html>"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "simple/spam").mkdir(parents=True)
    (tmp_path / "simple/spam/index.html").write_text(PAGE)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    server.shutdown()


def test_versions_in_their_order_without_yanked_ones(index: str) -> None:
    found = releases(Package(name="spam", version="1.0", index=index), Access())
    assert [str(version) for version in found] == ["1.0", "1.2rc1", "1.10"]


def test_a_package_that_the_index_does_not_have(index: str) -> None:
    with pytest.raises(NetworkError, match="404"):
        releases(Package(name="eggs", version="1.0", index=index), Access())


def test_a_package_of_no_index() -> None:
    with pytest.raises(NetworkError, match="is of no index"):
        releases(Package(name="spam", version="1.0"), Access())
