"""Packages get into the cache from wherever they are, and only the bytes that were locked."""

import functools
import http.server
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from snapshot.errors import IntegrityError, NetworkError
from snapshot.host.download import Access
from snapshot.image.fetch import fetch
from snapshot.lock.document import BuildPackage, OsPackage, Sdist
from snapshot.lock.files import cache_path


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def index(wheels: Path, monkeypatch: pytest.MonkeyPatch):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = functools.partial(Quiet, directory=str(wheels))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


def test_from_the_path_of_the_lock(wheels, cache, make_wheel, package_of, lock_of) -> None:
    package = package_of(make_wheel(wheels, "some"))
    arrived: list[int] = []
    got = fetch(lock_of(package), cache_dir=cache, access=Access(), offline=True, progress=arrived.append)
    path = got[package.wheel.name].path
    assert path == cache_path(cache, package.wheel)
    assert path.read_bytes() == (wheels / package.wheel.name).read_bytes()
    assert got[package.wheel.name].size == package.wheel.size == sum(arrived)
    assert files(cache) == [package.wheel.name]


def test_from_the_cache_when_the_origin_is_gone(wheels, cache, make_wheel, package_of, lock_of) -> None:
    wheel = make_wheel(wheels, "some")
    lock = lock_of(package_of(wheel))
    first = fetch(lock, cache_dir=cache, access=Access())
    wheel.unlink()
    assert fetch(lock, cache_dir=cache, access=Access(), offline=True) == first


def test_from_a_find_links_folder(wheels, cache, make_wheel, package_of, lock_of) -> None:
    package = package_of(make_wheel(wheels, "some"), from_path=False)
    assert fetch(lock_of(package), cache_dir=cache, access=Access(folders=(wheels,)), offline=True)


def test_from_the_index_several_at_once(wheels, cache, index, make_wheel, package_of, lock_of) -> None:
    made = [make_wheel(wheels, f"some{n}") for n in range(12)]
    lock = lock_of(*(package_of(wheel, url=f"{index}/{wheel.name}", from_path=False) for wheel in made))
    got = fetch(lock, cache_dir=cache, access=Access())
    assert {name: item.path.read_bytes() for name, item in got.items()} == {w.name: w.read_bytes() for w in made}


def test_two_processes_fetch_the_same_at_once(wheels, cache, index, make_wheel, package_of, lock_of) -> None:
    wheel = make_wheel(wheels, "some", files={"some.py": "x = 1\n" * 300_000})
    lock = lock_of(package_of(wheel, url=f"{index}/{wheel.name}", from_path=False))
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: fetch(lock, cache_dir=cache, access=Access()), range(4)))
    assert all(item == got[0] for item in got)
    assert files(cache) == [wheel.name]


def test_a_damaged_file_in_the_cache_is_fetched_anew(wheels, cache, make_wheel, package_of, lock_of) -> None:
    package = package_of(make_wheel(wheels, "some"))
    path = fetch(lock_of(package), cache_dir=cache, access=Access())[package.wheel.name].path
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    fetch(lock_of(package), cache_dir=cache, access=Access())
    assert path.read_bytes() == good


def test_what_an_interrupted_download_left_is_no_harm(wheels, cache, index, make_wheel, package_of, lock_of) -> None:
    wheel = make_wheel(wheels, "some")
    package = package_of(wheel, url=f"{index}/{wheel.name}", from_path=False)
    path = cache_path(cache, package.wheel)
    path.parent.mkdir(parents=True)
    (path.parent / f".{path.name}.part").write_bytes(b"not the beginning of it")
    fetch(lock_of(package), cache_dir=cache, access=Access())
    assert files(cache) == [wheel.name]


def test_other_bytes_on_the_index_are_an_error(wheels, cache, index, make_wheel, package_of, lock_of) -> None:
    wheel = make_wheel(wheels, "some")
    package = package_of(wheel, url=f"{index}/{wheel.name}", from_path=False)
    make_wheel(wheels, "some", files={"some.py": "changed = True\n"})
    with pytest.raises(IntegrityError, match=r"some-1\.0.*wanted sha256:[0-9a-f]{64}, got sha256:") as error:
        fetch(lock_of(package), cache_dir=cache, access=Access())
    assert "--upgrade-package some" in (error.value.hint or "")
    assert files(cache) == []


def test_other_bytes_in_the_folder_are_an_error(wheels, cache, make_wheel, package_of, lock_of) -> None:
    package = package_of(make_wheel(wheels, "some"))
    make_wheel(wheels, "some", files={"some.py": "changed = True\n"})
    with pytest.raises(IntegrityError, match="wanted"):
        fetch(lock_of(package), cache_dir=cache, access=Access())
    assert files(cache) == []


def test_a_right_file_elsewhere_makes_up_for_a_wrong_one(
    tmp_path, wheels, cache, make_wheel, package_of, lock_of
) -> None:
    package = package_of(make_wheel(wheels, "some"))
    kept = tmp_path / "kept"
    kept.mkdir()
    (wheels / package.wheel.name).rename(kept / package.wheel.name)
    make_wheel(wheels, "some", files={"some.py": "changed = True\n"})
    assert fetch(lock_of(package), cache_dir=cache, access=Access(folders=(kept,)))


def test_offline_names_all_that_is_missing(wheels, cache, index, make_wheel, package_of, lock_of) -> None:
    made = [make_wheel(wheels, name) for name in ("one", "two", "three")]
    one, *others = [package_of(wheel, url=f"{index}/{wheel.name}", from_path=False) for wheel in made]
    fetch(lock_of(one), cache_dir=cache, access=Access())
    with pytest.raises(NetworkError, match=r"`two==1\.0`, `three==1\.0`") as error:
        fetch(lock_of(one, *others), cache_dir=cache, access=Access(), offline=True)
    assert "`one" not in error.value.message


def test_offline_names_os_packages_and_what_builds_too(wheels, cache, make_wheel, package_of, lock_of) -> None:
    """All at once: nobody has to find out one after the other."""
    part = package_of(make_wheel(wheels, "backend"), url="https://index/backend", from_path=False)
    built = msgspec.structs.replace(
        package_of(make_wheel(wheels, "spam"), from_path=False),
        sdist=Sdist(name="spam-1.0.tar.gz", url="https://index/spam-1.0.tar.gz", hashes={"sha256": "0" * 64}),
        build=(BuildPackage(name="backend", version="1.0", wheels=part.wheels),),
    )
    plain = package_of(make_wheel(wheels, "eggs"), url="https://index/eggs", from_path=False)
    gcc = OsPackage(name="gcc", version="12", architecture="amd64", size=1, sha256="0" * 64, url="https://archive/gcc")
    lock = msgspec.structs.replace(lock_of(built, plain), os_packages=(gcc,))
    with pytest.raises(NetworkError) as error:
        fetch(lock, cache_dir=cache, access=Access(), offline=True)
    message = error.value.message
    assert all(name in message for name in ("`gcc=12`", "`spam==1.0`", "`backend==1.0`", "`eggs==1.0`"))


def test_a_folder_that_is_gone_is_named(wheels, cache, make_wheel, package_of, lock_of) -> None:
    wheel = make_wheel(wheels, "some")
    lock = lock_of(package_of(wheel))
    wheel.unlink()
    with pytest.raises(NetworkError, match=str(wheel)):
        fetch(lock, cache_dir=cache, access=Access())


@pytest.mark.parametrize("name", ["../some-1.0-py3-none-any.whl", "a\nRUN evil.whl", "some.tar.gz", ".."])
def test_names_that_are_no_file_names_are_refused(name, cache, wheels, make_wheel, package_of, lock_of) -> None:
    import msgspec

    package = package_of(make_wheel(wheels, "some"))
    bad = msgspec.structs.replace(package, wheels=(msgspec.structs.replace(package.wheel, name=name),))
    with pytest.raises(IntegrityError, match="not the name of a wheel"):
        fetch(lock_of(bad), cache_dir=cache, access=Access())
