"""The door to registries against the real one of Debian: plain, secured, killed, full."""

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snapshot import digest
from snapshot.errors import HostError, IntegrityError, NetworkError
from snapshot.host.registry import Registry, parse
from snapshot.host.registry_upload import CHUNK
from tests.integration.registries import PASSWORD, USER, RegistryProcess, Secured, log_in, registry_program

OCI = "application/vnd.oci.image.manifest.v1+json"
SMALL = b"a small blob"


def opener(data: bytes) -> Callable[[int], io.BytesIO]:
    def source(offset: int) -> io.BytesIO:
        file = io.BytesIO(data)
        file.seek(offset)
        return file

    return source


def manifest_of(*blobs: bytes) -> bytes:
    layers = [
        {"mediaType": "application/vnd.example", "digest": digest.of_bytes(blob), "size": len(blob)} for blob in blobs
    ]
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest.of_bytes(b"{}"), "size": 2}
    return json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": empty, "layers": layers}).encode()


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker"


@pytest.fixture(scope="module")
def large() -> bytes:
    return os.urandom(5 * CHUNK + 12_345)


@pytest.fixture
def own(command, tmp_path: Path) -> Iterator[RegistryProcess]:
    """A registry that a test may kill."""
    (tmp_path / "own").mkdir()
    process = RegistryProcess(registry_program(command), tmp_path / "own")
    yield process
    process.stop()


def there_and_back(registry: Registry, folder: Path, large: bytes) -> None:
    manifest = manifest_of(SMALL, large)
    for blob in (b"{}", SMALL, b"", large):
        assert registry.has_blob(digest.of_bytes(blob)) is None
        assert registry.put_blob(digest.of_bytes(blob), len(blob), opener(blob))
        assert not registry.put_blob(digest.of_bytes(blob), len(blob), opener(blob))
        registry.get_blob(digest.of_bytes(blob), len(blob), folder / "blob")
        assert (folder / "blob").read_bytes() == blob
    assert registry.read_blob(digest.of_bytes(SMALL), len(SMALL), 100) == SMALL
    assert registry.tags() == ()
    assert registry.get_manifest("best") is None
    for tag in ("best", "first"):
        assert registry.put_manifest(tag, manifest, OCI) == digest.of_bytes(manifest)
    for asked in ("best", digest.of_bytes(manifest)):
        got = registry.get_manifest(asked)
        assert got is not None
        assert (got.data, got.media_type, got.digest) == (manifest, OCI, digest.of_bytes(manifest))
    assert registry.tags() == ("best", "first")


def test_there_and_back(registry, tmp_path, large):
    there_and_back(Registry(parse(f"{registry}/plain/digits")), tmp_path, large)


def test_what_is_not_there(registry, tmp_path):
    asked = Registry(parse(f"{registry}/plain/nothing"))
    assert asked.tags() == ()
    with pytest.raises(NetworkError, match="does not have `sha256:"):
        asked.get_blob(digest.of_bytes(b"?"), 1, tmp_path / "blob")


def test_other_bytes_than_their_digest(registry):
    asked = Registry(parse(f"{registry}/plain/wrong"))
    with pytest.raises(IntegrityError, match="got other bytes"):
        asked.put_blob(digest.of_bytes(b"others bytes"), len(SMALL), opener(SMALL))


def test_a_manifest_whose_blobs_are_not_there(registry):
    with pytest.raises(NetworkError, match="MANIFEST_BLOB_UNKNOWN") as caught:
        Registry(parse(f"{registry}/plain/empty")).put_manifest("best", manifest_of(b"never sent"), OCI)
    assert caught.value.hint


class TestSecured:
    @pytest.fixture
    def trusted(self, secure_registry: Secured, monkeypatch: pytest.MonkeyPatch) -> Secured:
        monkeypatch.setenv("SSL_CERT_FILE", str(secure_registry.authority))
        return secure_registry

    def test_with_the_password_of_docker_login(self, trusted, monkeypatch, tmp_path, large):
        monkeypatch.setenv("DOCKER_CONFIG", str(trusted.docker_config))
        there_and_back(Registry(parse(f"{trusted.address}/secure/digits")), tmp_path, large)

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_authorities_of_the_environment(self, secure_registry, monkeypatch, variable):
        monkeypatch.setenv(variable, str(secure_registry.authority))
        monkeypatch.setenv("DOCKER_CONFIG", str(secure_registry.docker_config))
        assert Registry(parse(f"{secure_registry.address}/secure/nothing")).tags() == ()

    def test_authorities_of_the_engine(self, secure_registry, monkeypatch, tmp_path):
        from snapshot.host.registry_connection import Connection

        folder = tmp_path / "certs.d" / secure_registry.address
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(secure_registry.authority.read_bytes())
        monkeypatch.setenv("DOCKER_CONFIG", str(secure_registry.docker_config))
        connection = Connection(
            parse(f"{secure_registry.address}/secure/nothing"),
            timeout=30,
            retries=1,
            certificates=[tmp_path / "certs.d"],
        )
        assert connection.ask("GET", "tags/list").status == 404

    def test_nobody_vouches_for_it(self, secure_registry):
        with pytest.raises(NetworkError, match=r"certificate of .* is not trusted") as caught:
            Registry(parse(f"{secure_registry.address}/secure/digits")).tags()
        assert f"/etc/docker/certs.d/{secure_registry.address}/ca.crt" in (caught.value.hint or "")

    def test_without_a_password(self, trusted):
        with pytest.raises(NetworkError, match="wants a user and a password") as caught:
            Registry(parse(f"{trusted.address}/secure/digits")).tags()
        assert caught.value.hint == f"`docker login {trusted.address}`"

    def test_with_a_wrong_one(self, trusted, docker_config):
        log_in(docker_config, trusted.address, USER, PASSWORD + "?")
        with pytest.raises(NetworkError, match="does not accept the password"):
            Registry(parse(f"{trusted.address}/secure/digits")).put_blob(
                digest.of_bytes(SMALL), len(SMALL), opener(SMALL)
            )


class TestKilled:
    def test_between_chunks_it_goes_on_where_it_was(self, own, large, tmp_path):
        opened: list[int] = []

        def source(offset: int) -> io.BytesIO:
            opened.append(offset)
            if opened == [0, CHUNK, 2 * CHUNK]:
                own.kill()
            return opener(large)(offset)

        registry = Registry(parse(f"{own.address}/team/digits"), wait=lambda _: own.alive() or own.start())
        assert registry.put_blob(digest.of_bytes(large), len(large), source)
        assert opened == [0, CHUNK, 2 * CHUNK, 2 * CHUNK, 3 * CHUNK, 4 * CHUNK, 5 * CHUNK]
        registry.get_blob(digest.of_bytes(large), len(large), tmp_path / "blob")
        assert digest.of_file(tmp_path / "blob") == digest.of_bytes(large)

    def test_within_a_chunk_all_arrives_too(self, own, large, tmp_path):
        class Killer(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if own.alive() and self.tell() > 2 * CHUNK + CHUNK // 2 and not killed:
                    killed.append(self.tell())
                    own.kill()
                return super().read(size)

        def source(offset: int) -> io.BytesIO:
            file = Killer(large)
            file.seek(offset)
            return file

        killed: list[int] = []
        counts: list[int] = []
        registry = Registry(parse(f"{own.address}/team/digits"), wait=lambda _: own.alive() or own.start())
        assert registry.put_blob(digest.of_bytes(large), len(large), source, counts.append)
        assert killed
        assert sum(counts) == len(large)
        registry.get_blob(digest.of_bytes(large), len(large), tmp_path / "blob")
        assert digest.of_file(tmp_path / "blob") == digest.of_bytes(large)

    def test_for_good(self, own, large):
        def source(offset: int) -> io.BytesIO:
            if offset == CHUNK:
                own.kill()
            return opener(large)(offset)

        registry = Registry(parse(f"{own.address}/team/digits"), wait=lambda _: None)
        with pytest.raises(NetworkError, match="can't be reached: connection refused"):
            registry.put_blob(digest.of_bytes(large), len(large), source)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_the_disk_of_the_registry_is_full(command, disk, tmp_path, large):
    process = RegistryProcess(registry_program(command), tmp_path, storage=disk)
    registry = Registry(parse(f"{process.address}/team/digits"))
    try:
        with pytest.raises(NetworkError, match=f"the disk of {process.address} is full") as caught:
            registry.put_blob(digest.of_bytes(large), len(large), opener(large))
        assert "free some space" in (caught.value.hint or "")
    finally:
        process.stop()


def test_the_disk_here_is_full(registry, disk, large):
    asked = Registry(parse(f"{registry}/plain/large"))
    asked.put_blob(digest.of_bytes(large), len(large), opener(large))
    with pytest.raises(HostError, match="no space left on the disk"):
        asked.get_blob(digest.of_bytes(large), len(large), disk / "blob")
    assert not list(disk.iterdir())
