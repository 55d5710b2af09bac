"""OS packages get into the cache from the archive or its dated snapshot, and only the bytes that were locked."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from snapshot.errors import IntegrityError, NetworkError
from snapshot.host.download import Access
from snapshot.image.debs import cache_path, fetch, file_name, lacking, named
from snapshot.lock.document import OsPackage

CONTENT = {f"some{n}": bytes([n]) * (n + 1) * 5000 for n in range(8)}
QUICK = Access(pause=0.001, timeout=10)


class Server(ThreadingHTTPServer):
    """An archive at `/pool/NAME` and its snapshot at `/dated/NAME`; `says` is how each of them answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.says = {"pool": "well", "dated": "well"}
        self.asked: Counter[str] = Counter()
        self.enough = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        place, name = self.path.strip("/").split("/")
        self.server.asked[place] += 1
        data = CONTENT[name]
        match self.server.says[place]:
            case "404" | "500" as code:
                self.send_error(int(code))
                return
            case "other bytes":
                data = data[:-1] + b"!"
            case "slow":
                self.server.enough.wait(5)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if self.server.says[place] == "truncated" else data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.enough.set()
        running.shutdown()


def package(server: Server, name: str = "some3", *, snapshot: bool = True) -> OsPackage:
    data = CONTENT[name]
    return OsPackage(
        name=name,
        version="7:1.0-2+b1",
        architecture="amd64",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        # Two names, so that they are two servers.
        url=f"http://127.0.0.1:{server.server_port}/pool/{name}",
        snapshot=f"http://localhost:{server.server_port}/dated/{name}" if snapshot else None,
    )


def files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


def test_from_the_archive_several_at_once(server: Server, tmp_path: Path) -> None:
    wanted = [package(server, name) for name in CONTENT]
    arrived: list[int] = []
    got = fetch(wanted, cache_dir=tmp_path, access=QUICK, progress=arrived.append)
    assert {name: path.read_bytes() for name, path in got.items()} == {
        f"{name}_1.0-2+b1_amd64.deb": data for name, data in CONTENT.items()
    }
    assert sum(arrived) == sum(map(len, CONTENT.values()))
    assert server.asked == {"pool": len(CONTENT)}


def test_the_cache_is_asked_first(server: Server, tmp_path: Path) -> None:
    wanted = [package(server)]
    first = fetch(wanted, cache_dir=tmp_path, access=QUICK)
    server.says = {"pool": "404", "dated": "404"}
    assert fetch(wanted, cache_dir=tmp_path, access=QUICK) == first
    assert server.asked == {"pool": 1}
    assert first[file_name(wanted[0])] == cache_path(tmp_path, wanted[0])


@pytest.mark.parametrize("says", ["404", "500", "slow", "truncated", "other bytes"])
def test_what_the_archive_does_not_give_comes_from_its_snapshot(server: Server, tmp_path: Path, says: str) -> None:
    server.says["pool"] = says
    arrived: list[int] = []
    access = Access(pause=0.001, timeout=0.3) if says == "slow" else QUICK
    got = fetch([package(server)], cache_dir=tmp_path, access=access, progress=arrived.append)
    assert got["some3_1.0-2+b1_amd64.deb"].read_bytes() == CONTENT["some3"]
    assert sum(arrived) == len(CONTENT["some3"])
    assert files(tmp_path) == ["some3_1.0-2+b1_amd64.deb"]


def test_nobody_waits_twice_for_a_server_that_is_gone(server: Server, tmp_path: Path) -> None:
    server.says["pool"] = "500"
    fetch([package(server, name) for name in CONTENT], cache_dir=tmp_path, access=QUICK)
    # Several are under way when it is found out; of the others none is tried.
    assert server.asked["pool"] < 2 * len(CONTENT)
    assert server.asked["dated"] == len(CONTENT)


@pytest.mark.parametrize("says", ["404", "500", "truncated"])
def test_an_error_tells_all_that_can_not_be_had(server: Server, tmp_path: Path, says: str) -> None:
    server.says = {"pool": says, "dated": "404"}
    wanted = [package(server, name) for name in ("some1", "some2")]
    with pytest.raises(NetworkError, match=r"`some[12]=7:1\.0-2\+b1`, `some[12]=7:1\.0-2\+b1` can't be had") as caught:
        fetch(wanted, cache_dir=tmp_path, access=QUICK)
    assert "--upgrade-package some1" in (caught.value.hint or "")
    assert "404" in caught.value.message


def test_other_bytes_everywhere_are_an_error(server: Server, tmp_path: Path) -> None:
    server.says = {"pool": "other bytes", "dated": "other bytes"}
    with pytest.raises(IntegrityError, match=r"`some3=7:1\.0-2\+b1` is not the file that was locked.*other bytes"):
        fetch([package(server)], cache_dir=tmp_path, access=QUICK)
    assert files(tmp_path) == []


def test_what_this_host_lacks(server: Server, tmp_path: Path) -> None:
    fetch([package(server, "some1")], cache_dir=tmp_path, access=QUICK)
    missing = lacking([package(server, f"some{n}") for n in range(8)], cache_dir=tmp_path)
    assert [item.name for item in missing] == [f"some{n}" for n in range(8) if n != 1]
    said = named(missing)
    assert said.startswith("`some0=") and said.endswith(" and 2 more")


def test_a_damaged_file_in_the_cache_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    path = fetch([package(server)], cache_dir=tmp_path, access=QUICK)["some3_1.0-2+b1_amd64.deb"]
    path.write_bytes(b"damaged")
    fetch([package(server)], cache_dir=tmp_path, access=QUICK)
    assert path.read_bytes() == CONTENT["some3"]


def test_what_an_interrupted_download_left_is_no_harm(server: Server, tmp_path: Path) -> None:
    path = cache_path(tmp_path, package(server))
    path.parent.mkdir(parents=True)
    (path.parent / f".{path.name}.part").write_bytes(b"not the beginning of it")
    fetch([package(server)], cache_dir=tmp_path, access=QUICK)
    assert files(tmp_path) == [path.name]


def test_file_names_have_no_epoch(server: Server) -> None:
    with_epoch = package(server)
    assert file_name(with_epoch) == "some3_1.0-2+b1_amd64.deb"
    assert file_name(msgspec.structs.replace(with_epoch, version="1.0")) == "some3_1.0_amd64.deb"
