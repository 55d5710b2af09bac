"""OS packages: resolved by the base's own apt, fetched, and installed without network into the same image each time."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from snapshot.errors import BuildError, IntegrityError, NetworkError, ResolveError
from snapshot.host import apt_config
from snapshot.host.apt_config import AptConfig
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.image import debs
from snapshot.image.build import BuiltImage, build, check, write_context
from snapshot.lock import apt
from snapshot.lock.document import Base, Lock, OperatingSystem, OsPackage, Python, Sources, dumps, loads
from snapshot.project.apt import read

BASE = "snapshot-base:bookworm"
STACK = ("dbus", "fontconfig", "libsndfile1", "nano", "python3-six")
"""Small ones whose scripts make what may come out otherwise the next time: a user, caches, alternatives, bytecode."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def host() -> AptConfig:
    return apt_config.read()


@pytest.fixture
def resolve(here: Engine, cache: Path, host: AptConfig, tmp_path: Path):
    """Resolve names in the base, with the archive of this machine."""

    def now(*names: str, image: str = BASE, apt_config: AptConfig = host, **options) -> tuple[OsPackage, ...]:
        return apt.resolve(image, read(tmp_path, names), apt=apt_config, cache=cache, **options)

    return now


@pytest.fixture(scope="module")
def library() -> dict[str, tuple[OsPackage, ...]]:
    """What resolving one library gave, once it was."""
    return {}


@pytest.fixture
def small(resolve, here: Engine, cache: Path, library: dict[str, tuple[OsPackage, ...]]) -> tuple[Lock, BuiltImage]:
    """An image with one library and what that needs; the first test that asks for it builds it."""
    lock = lock_of(here, *(library.get("sound") or library.setdefault("sound", resolve("libsndfile1"))))
    return lock, build(here, lock, cache_dir=cache)


def lock_of(engine: Engine, *packages: OsPackage, reference: str = BASE) -> Lock:
    base = engine.image(reference)
    assert base is not None
    return Lock(
        source_date_epoch=int(base.labels["org.snapshot-ml.base.epoch"]),
        sources=Sources(requirements=(), base=reference, python="3.11", resolver="none"),
        base=Base(reference=reference, layers=base.layers, os=base.os, architecture=base.architecture),
        os=OperatingSystem(id="debian", version="12", name="Debian GNU/Linux 12"),
        python=Python(
            version="3.11.2",
            implementation="cpython",
            build="",
            executable="/usr/bin/python3",
            platform="manylinux_2_36_x86_64",
        ),
        os_packages=packages,
    )


def inside(reference: str, *command: str) -> str:
    argv = ["docker", "run", "--rm", "--network=none", reference, *command]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The address of a server of this machine, and what it serves by path; anything else is 404."""
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.get(self.path)
            if data is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", files
        server.shutdown()


def test_resolved_fetched_and_built_without_network_twice_the_same(resolve, here: Engine, cache: Path) -> None:
    packages = resolve(*STACK)
    assert {p.name for p in packages if p.asked} == set(STACK)
    assert [p.name for p in packages] == sorted(p.name for p in packages)
    assert all(p.snapshot and p.snapshot.rsplit("/", 1)[1].startswith(p.name) for p in packages)
    lock = lock_of(here, *packages)
    assert loads(dumps(lock)) == lock
    debs.fetch(packages, cache_dir=cache, access=Access())
    built = build(here, lock, cache_dir=cache, no_cache=True, offline=True)
    assert "sans" in inside(built.reference, "fc-list", ":family=DejaVu Sans", "family").lower()
    assert inside(built.reference, "python3", "-c", "import ctypes, six; print(ctypes.CDLL('libsndfile.so.1')._name)")
    assert inside(built.reference, "sh", "-c", "getent passwd messagebus && readlink -e /usr/bin/editor")
    result = check(here, lock, cache_dir=cache, offline=True)
    assert result.same, result.differing


def test_nothing_of_installing_stays(small: tuple[Lock, BuiltImage]) -> None:
    lock, built = small
    young = f"find /usr /var /root /opt /home /srv /etc/alternatives -newermt @{lock.source_date_epoch}"
    left = "find /var/log /var/cache/apt /var/cache/ldconfig /var/lib/apt/lists /tmp /mnt -type f -size +0"
    assert inside(built.reference, "sh", "-c", young) == ""
    assert inside(built.reference, "sh", "-c", left) == ""
    gone = "ls /etc/machine-id /usr/sbin/policy-rc.d /etc/passwd- /var/lib/dpkg/status-old 2>/dev/null; true"
    assert inside(built.reference, "sh", "-c", gone) == ""
    assert inside(built.reference, "dpkg", "--audit") == ""


def test_the_same_on_both_stores(small: tuple[Lock, BuiltImage], use, engine, second_engine, cache: Path) -> None:
    lock, first = small
    layers = use(engine).image(first.reference).layers
    other = use(second_engine)
    if lock_of(other).base.layers != lock.base.layers:
        pytest.skip("the engines' bases are of different states of the archive")
    second = build(other, lock, cache_dir=cache, no_cache=True)
    assert other.image(second.reference).layers == layers  # type: ignore[union-attr]


def test_docker_alone_builds_the_same(
    small: tuple[Lock, BuiltImage], here: Engine, cache: Path, tmp_path: Path
) -> None:
    lock, built = small
    target = tmp_path / "context"
    write_context(here, lock, target, cache_dir=cache)
    head = (target / "Dockerfile").read_text().split("docker buildx build", 1)[1].split("< Dockerfile")[0]
    words = head.replace("\\\n#", "").replace(built.reference, "snap-test:by-hand").split()
    with (target / "Dockerfile").open() as dockerfile:
        command = ["docker", "buildx", "build", "--no-cache", *words]
        subprocess.run(command, stdin=dockerfile, cwd=target, check=True, capture_output=True)
    by_hand = here.image("snap-test:by-hand")
    assert by_hand is not None and by_hand.id == built.id
    here.untag("snap-test:by-hand")


def test_what_the_mirror_dropped_comes_from_the_snapshot_then_from_the_cache(
    resolve, here: Engine, cache: Path, tmp_path: Path, archive
) -> None:
    address, files = archive
    packages = resolve("hello")
    (path,) = debs.fetch(packages, cache_dir=cache, access=Access()).values()
    files["/20260101T000000Z/hello.deb"] = path.read_bytes()
    gone = tuple(
        msgspec.structs.replace(p, url=f"{address}/gone.deb", snapshot=f"{address}/20260101T000000Z/hello.deb")
        for p in packages
    )
    built = build(here, lock_of(here, *gone), cache_dir=tmp_path, no_cache=True)
    assert inside(built.reference, "hello") == "Hello, world!\n"
    files.clear()
    again = build(here, lock_of(here, *gone), cache_dir=tmp_path, no_cache=True)
    assert again.id == built.id
    with pytest.raises(NetworkError, match=rf"`hello={packages[0].version}` can't be had.*404") as caught:
        build(here, lock_of(here, *gone), cache_dir=tmp_path / "empty", no_cache=True)
    assert "snap lock --upgrade-package hello" in (caught.value.hint or "")


def test_what_was_locked_stays_and_what_is_new_joins_it(resolve) -> None:
    first = resolve("hello")
    # An older lock names the places by which it was found; the same file keeps them.
    known = tuple(msgspec.structs.replace(p, snapshot="https://dated.example/hello.deb") for p in first)
    both = resolve("hello", "libsndfile1", old=known)
    assert known[0] in both and len(both) > 5
    # A version that the archive does not have any more can't stay.
    said: list[str] = []
    old = (msgspec.structs.replace(first[0], version="1.0-1", sha256="0" * 64),)
    assert resolve("hello", old=old, say=said.append) == first
    assert said == [f"hello 1.0-1 → {first[0].version}: it can't stay"]


def test_what_the_base_has_is_not_installed_again(resolve) -> None:
    assert resolve("ca-certificates", "python3") == ()
    assert resolve() == ()


def test_names_that_the_archive_does_not_have(resolve) -> None:
    with pytest.raises(ResolveError, match=r"no package `ffmpegg` \(the configuration") as caught:
        resolve("libgl1", "ffmpegg")
    assert "`ffmpeg`" in (caught.value.hint or "")
    with pytest.raises(ResolveError, match=r"`libgl1:riscv64`.*takes packages of"):
        resolve("libgl1:riscv64")
    with pytest.raises(ResolveError, match=r"does not have `hello=0\.1`"):
        resolve("hello=0.1")
    with pytest.raises(ResolveError, match="provided by several packages"):
        resolve("mail-transport-agent")
    with pytest.raises(ResolveError, match="don't fit together, or not with the base"):
        # Both are `/usr/sbin/sendmail`, and conflict.
        resolve("postfix", "exim4-daemon-light")


@pytest.fixture
def base_of(here: Engine, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A base like ours but for what the lines of a Dockerfile change."""
    made: list[str] = []

    def make(lines: str) -> str:
        reference = f"snap-test:apt-{os.getpid()}-{len(made)}"
        text = f"FROM {BASE}\n{lines}\n"
        command = ["docker", "buildx", "build", "--load", "--quiet", "--tag", reference, "-"]
        subprocess.run(command, input=text.encode(), check=True, capture_output=True)
        made.append(reference)
        return reference

    yield make
    for reference in made:
        here.untag(reference)


def sources(line: str) -> str:
    return f"RUN rm /etc/apt/sources.list.d/* && echo '{line}' > /etc/apt/sources.list"


def test_archives_that_can_not_be_used(resolve, base_of, archive, host: AptConfig) -> None:
    address, files = archive
    image = base_of(sources(f"deb [trusted=yes] {address}/own bookworm main"))
    with pytest.raises(NetworkError, match=rf"can't be read: .*{address}/own .*404"):
        resolve("hello", image=image)
    files["/own/dists/bookworm/InRelease"] = b"nobody signed this"
    with pytest.raises((NetworkError, IntegrityError)):
        resolve("hello", image=image)
    files.clear()
    files["/own/dists/bookworm/Release"] = b"Origin: Own\nSuite: bookworm\nSHA256:\n"
    with pytest.raises(IntegrityError, match="not signed"):
        resolve("hello", image=image)
    closed = base_of(sources("deb http://127.0.0.1:9/debian bookworm main"))
    with pytest.raises(NetworkError, match="can't be read"):
        resolve("hello", image=closed, apt_config=replace(host, archives=()))


def test_the_mirror_of_this_machine_takes_the_place_of_an_archive_out_of_reach(
    resolve, base_of, host: AptConfig
) -> None:
    if not any(url.rstrip("/").endswith("/debian") for url in host.archives):
        pytest.skip("this machine's apt knows no archive of Debian")
    image = base_of(sources("deb http://127.0.0.1:9/debian bookworm main"))
    (hello,) = resolve("hello", image=image)
    assert "127.0.0.1" not in hello.url and hello.url.endswith(".deb")


def test_bases_without_apt_and_without_root(resolve, base_of, here: Engine, cache: Path) -> None:
    image = base_of("RUN rm /usr/bin/apt-get")
    with pytest.raises(ResolveError, match="has no apt"):
        resolve("hello", image=image)
    other = base_of("USER nobody")
    packages = resolve("hello", image=other)
    with pytest.raises(BuildError, match="runs as user `nobody`"):
        build(here, lock_of(here, *packages, reference=other), cache_dir=cache)


LIVED_IN = """\
RUN cp /var/lib/dpkg/status /var/lib/dpkg/status-old && touch /var/cache/apt/archives/left.deb \\
    && echo yesterday | tee /var/log/dpkg.log /var/log/alternatives.log \\
    && echo 0123456789abcdef0123456789abcdef > /etc/machine-id \\
    && echo 'DPkg::Post-Invoke { "rm /var/cache/apt/archives/*.deb"; };' > /etc/apt/apt.conf.d/docker-clean
"""


def test_a_base_with_traces_of_its_own_making(resolve, base_of, here: Engine, cache: Path) -> None:
    image = base_of(LIVED_IN)
    lock = lock_of(here, *resolve("nano", image=image), reference=image)
    built = build(here, lock, cache_dir=cache, no_cache=True)
    assert check(here, lock, cache_dir=cache).same
    # Its hooks are not run, and what is its own stays.
    words = "ls /var/cache/apt/archives/*.deb; cat /etc/machine-id /var/log/dpkg.log; nano --version | head -n 1"
    said = inside(built.reference, "sh", "-c", words).splitlines()
    assert said[:3] == ["/var/cache/apt/archives/left.deb", "0123456789abcdef0123456789abcdef", "yesterday"]
    assert "nano" in said[3]
