"""Registries that misbehave, by a double; the real one is in tests/integration/test_registry.py."""

import base64
import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from snapshot.errors import IntegrityError, NetworkError, UsageError
from snapshot.host.registry import Registry, parse
from snapshot.host.registry_upload import CHUNK
from tests.unit.host.registry_double import RegistryDouble, digest_of, keep_docker_config, on

SMALL = b"a small blob"
LARGE = bytes(range(256)) * (20 << 12)  # 20 MiB
OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker"


@pytest.fixture
def double() -> Iterator[RegistryDouble]:
    server = RegistryDouble()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def registry(double: RegistryDouble, waits: list[float]) -> Registry:
    return Registry(parse(f"{double.address}/team/digits"), timeout=5, wait=waits.append)


def opener(data: bytes):
    def source(offset: int) -> io.BytesIO:
        file = io.BytesIO(data)
        file.seek(offset)
        return file

    return source


def put(registry: Registry, data: bytes, progress=lambda count: None) -> bool:
    return registry.put_blob(digest_of(data), len(data), opener(data), progress)


def status(code: int, body: bytes = b"", **headers: str):
    def act(request) -> bool:
        request.body()
        return request.answer(code, body, **headers)

    return act


class TestUpload:
    def test_a_small_blob_is_two_requests_and_is_not_sent_again(self, double, registry):
        assert put(registry, SMALL)
        assert double.blobs == {digest_of(SMALL): SMALL}
        assert [method for method, _ in double.requests] == ["HEAD", "POST", "PUT"]
        assert not put(registry, SMALL)
        assert len(double.asked("POST")) == 1

    def test_a_large_blob_goes_in_chunks(self, double, registry):
        counts: list[int] = []
        assert put(registry, LARGE, counts.append)
        assert double.blobs[digest_of(LARGE)] == LARGE
        assert counts == [CHUNK, CHUNK, len(LARGE) - 2 * CHUNK]

    @pytest.mark.parametrize("kept", [0, 1 << 20])
    def test_it_goes_on_where_the_registry_says(self, double, registry, kept):
        def break_second(request) -> bool:
            if not double.uploads["blobs/uploads/0"]:
                return False
            double.uploads["blobs/uploads/0"] += request.body()[:kept]
            return request.hang_up()

        double.faults.append(on("PATCH", "", break_second))
        counts: list[int] = []
        assert put(registry, LARGE, counts.append)
        assert double.blobs[digest_of(LARGE)] == LARGE
        assert len(double.asked("POST")) == 1
        assert sum(counts) == len(LARGE)

    def test_it_starts_anew_where_the_registry_forgot(self, double, registry):
        def forget(request) -> bool:
            if not double.uploads["blobs/uploads/0"]:
                return False
            double.faults.append(on("GET", "uploads/0", status(404)))
            return request.hang_up()

        double.faults.append(on("PATCH", "", forget))
        counts: list[int] = []
        assert put(registry, LARGE, counts.append)
        assert double.blobs[digest_of(LARGE)] == LARGE
        assert len(double.asked("POST")) == 2
        assert sum(counts) == len(LARGE)

    def test_a_registry_without_chunks_gets_all_in_one_request(self, double, registry):
        def refuse_second(request) -> bool:
            return bool(double.uploads["blobs/uploads/0"]) and status(416)(request)

        double.faults.append(on("PATCH", "", refuse_second))
        assert put(registry, LARGE)
        assert double.blobs[digest_of(LARGE)] == LARGE
        assert len(double.asked("PATCH")) == 3

    def test_a_lost_last_answer_is_no_second_upload(self, double, registry):
        def lose(request) -> bool:
            double.blobs[digest_of(SMALL)] = request.body()
            return request.hang_up()

        double.faults.append(on("PUT", "", lose))
        assert put(registry, SMALL)
        assert len(double.asked("POST")) == 1

    def test_it_gives_up_when_nothing_comes_forward(self, double, registry, waits):
        double.faults += [on("PATCH", "", lambda request: request.hang_up()) for _ in range(9)]
        with pytest.raises(NetworkError, match=f"{double.address} can't be reached"):
            put(registry, LARGE)
        assert waits == [0.5, 1, 2, 4]

    def test_a_blob_of_another_repository_is_mounted(self, double, registry):
        blob = digest_of(b"theirs")
        double.faults = [on("POST", "mount=", lambda r: r.answer(201))]
        assert registry.mount_blob(blob, "team/other")
        (asked,) = double.asked("POST")
        assert "from=team%2Fother" in asked and blob.replace(":", "%3A") in asked

    @pytest.mark.parametrize("status", [202, 401, 403, 404, 500, 503])
    def test_or_it_is_not_and_that_is_no_error(self, double, registry, status):
        double.faults = [on("POST", "mount=", lambda r: r.answer(status))]
        assert not registry.mount_blob(digest_of(b"theirs"), "team/other")

    def test_other_bytes_than_their_digest_are_refused(self, registry):
        with pytest.raises(IntegrityError, match="got other bytes"):
            registry.put_blob(digest_of(SMALL), len(LARGE), opener(LARGE))

    def test_a_file_that_became_shorter_is_no_endless_wait(self, registry):
        with pytest.raises(IntegrityError, match="ends 5 bytes too early"):
            registry.put_blob(digest_of(SMALL), len(SMALL) + 5, opener(SMALL))

    def test_another_digest_in_the_answer(self, double, registry):
        double.faults.append(on("PUT", "", status(201, Docker_Content_Digest=digest_of(b"\x1b[31m"))))
        with pytest.raises(IntegrityError, match=f"keeps `{digest_of(SMALL)}` as"):
            put(registry, SMALL)

    def test_a_location_on_another_host_gets_the_bytes_and_no_password(self, double, registry, docker_config):
        other = RegistryDouble()
        other.uploads["blobs/uploads/7"] = bytearray()
        login(docker_config, double.address)
        double.faults.append(on("HEAD", "", status(401, WWW_Authenticate='Basic realm="x"')))
        double.faults.append(
            on("POST", "", status(202, Location=f"http://{other.address}/v2/team/digits/blobs/uploads/7"))
        )
        assert put(registry, SMALL)
        assert other.blobs == {digest_of(SMALL): SMALL}
        assert double.authorizations[-1] == BASIC
        assert other.authorizations == [None]
        other.shutdown()

    def test_a_relative_location(self, double, registry):
        double.uploads["blobs/uploads/9"] = bytearray()
        double.faults.append(on("POST", "", status(202, Location="9")))
        assert put(registry, SMALL)

    @pytest.mark.parametrize("location", ["http://registry.example.com/upload", "file:///etc/passwd", "http://[/x"])
    def test_a_location_where_bytes_are_not_safe(self, double, registry, location):
        double.faults.append(on("POST", "", status(202, Location=location)))
        with pytest.raises(NetworkError, match="which is not safe"):
            put(registry, SMALL)

    @pytest.mark.parametrize("length", ["", "9" * 5000])
    def test_a_blob_of_which_the_size_is_not_said_is_sent(self, double, registry, length):
        double.faults.append(on("HEAD", "", status(200, Content_Length=length)))
        assert put(registry, SMALL)

    @pytest.mark.parametrize("host", ["127.0.0.1:99999", "a..b", "127.0.0.1:x", "a" * 70])
    def test_a_location_that_can_not_be(self, double, registry, host):
        double.faults += [on("POST", "", status(202, Location=f"https://{host}/upload")) for _ in range(5)]
        with pytest.raises(NetworkError, match="can't be reached"):
            put(registry, SMALL)

    def test_no_location(self, double, registry):
        double.faults.append(on("POST", "", status(202)))
        with pytest.raises(NetworkError, match="does not say where to upload"):
            put(registry, SMALL)


DENIED = b'{"errors": [{"code": "DENIED", "message": "not\\u001b[2J you"}]}'
ENOSPC = b'{"errors": [{"code": "UNKNOWN", "detail": {"Enclosed": {"Op": "write", "Err":28}}}]}'


@pytest.mark.parametrize(
    ("code", "body", "message", "hint"),
    [
        (403, DENIED, r"refuses an upload: DENIED: not\?\[2J you", "docker login"),
        (404, b"", "refuses an upload: 404", "create the repository"),
        (405, b"", "refuses an upload: 405", "mirror"),
        (413, b"", "refuses an upload: 413", "limit"),
        (500, ENOSPC, "the disk of .* is full", "free some"),
        (507, b"", "the disk of .* is full", "free some"),
        (500, b"<html>", "failed at an upload: 500", "log"),
        (418, b"[[[", "refuses an upload: 418", "is .* an OCI registry"),
    ],
)
def test_refusals_say_what_to_do(double, registry, waits, code, body, message, hint):
    double.faults.append(on("POST", "", status(code, body)))
    with pytest.raises(NetworkError, match=message) as caught:
        put(registry, SMALL)
    assert hint.split(".*")[0] in (caught.value.hint or "")
    assert not waits


class TestPatience:
    @pytest.mark.parametrize("code", [429, 502, 503, 504])
    def test_busy_registries_are_asked_again(self, double, registry, waits, code):
        double.blobs[digest_of(SMALL)] = SMALL
        double.faults += [on("HEAD", "", status(code)), on("HEAD", "", status(code, Retry_After="7"))]
        assert registry.has_blob(digest_of(SMALL)) == len(SMALL)
        assert waits == [0.5, 7]

    def test_not_longer_than_is_sensible(self, double, registry, waits):
        double.faults += [on("HEAD", "", status(429, Retry_After="86400")) for _ in range(9)]
        with pytest.raises(NetworkError, match="is busy: 429"):
            registry.has_blob(digest_of(SMALL))
        assert waits == [30] * 4

    def test_nobody_there_is_said_at_once(self, waits):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"  # bound, so that nobody else listens there meanwhile
            with pytest.raises(NetworkError, match=f"{address} can't be reached: connection refused"):
                Registry(parse(f"{address}/team/digits"), wait=waits.append).tags()
        assert not waits

    def test_an_unknown_host(self, waits):
        with pytest.raises(NetworkError, match=r"registry\.invalid can't be reached"):
            Registry(parse("registry.invalid/team/digits"), wait=waits.append).tags()
        assert not waits

    def test_silence(self, double, waits):
        def say_nothing(request) -> bool:
            request.connection.recv(1)
            return request.hang_up()

        double.faults += [on("GET", "", say_nothing) for _ in range(2)]
        slow = Registry(parse(f"{double.address}/team/digits"), timeout=0.2, retries=2, wait=waits.append)
        with pytest.raises(NetworkError, match=r"did not answer for 0\.2 s"):
            slow.tags()
        assert waits == [0.5]

    def test_a_silent_host_is_not_taken_for_one_with_tls(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            silent = Registry(parse(f"127.0.0.1:{mute.getsockname()[1]}/a"), timeout=0.2, retries=1)
            with pytest.raises(NetworkError, match=r"did not answer for 0\.2 s"):
                silent.tags()


class TestDownload:
    @pytest.fixture
    def there(self, double) -> str:
        double.blobs[digest_of(LARGE)] = LARGE
        return digest_of(LARGE)

    def test_a_blob_becomes_a_file(self, registry, there, tmp_path):
        counts: list[int] = []
        registry.get_blob(there, len(LARGE), tmp_path / "blob", counts.append)
        assert (tmp_path / "blob").read_bytes() == LARGE
        assert sum(counts) == len(LARGE)

    def test_it_goes_on_where_the_connection_broke(self, double, registry, there, tmp_path):
        def cut(request) -> bool:
            request.send_response(200)
            request.send_header("Content-Length", str(len(LARGE)))
            request.end_headers()
            request.wfile.write(LARGE[: 3 << 20])
            return request.hang_up()

        ranges: list[str | None] = []
        double.faults += [on("GET", "", cut), on("GET", "", lambda r: ranges.append(r.headers.get("Range")) or False)]
        registry.get_blob(there, len(LARGE), tmp_path / "blob")
        assert (tmp_path / "blob").read_bytes() == LARGE
        assert ranges[-1] is not None

    def test_a_registry_without_ranges_sends_it_anew(self, double, registry, there, tmp_path):
        counts: list[int] = []
        double.faults.append(on("GET", "", status(200, LARGE[:1000])))
        double.faults.append(on("GET", "", lambda r: r.headers.get("Range") is not None and r.answer(200, LARGE)))
        registry.get_blob(there, len(LARGE), tmp_path / "blob", counts.append)
        assert (tmp_path / "blob").read_bytes() == LARGE
        assert sum(counts) == len(LARGE)

    @pytest.mark.parametrize("wrong", [LARGE[:-1] + b"x", LARGE + b"x"], ids=["other", "longer"])
    def test_wrong_bytes_leave_no_file(self, double, registry, there, tmp_path, wrong):
        double.blobs[there] = wrong
        folder = tmp_path / "out"
        folder.mkdir()
        with pytest.raises(IntegrityError, match="sent other bytes than asked"):
            registry.get_blob(there, len(LARGE), folder / "blob")
        assert not list(folder.iterdir())

    def test_a_shorter_one_is_asked_for_again_and_given_up(self, double, registry, there, tmp_path):
        double.blobs[there] = LARGE[:1000]
        with pytest.raises(NetworkError, match="sent 1000 of"):
            registry.get_blob(there, len(LARGE), tmp_path / "blob")
        assert not (tmp_path / "blob").exists()

    def test_one_that_is_not_there(self, registry, tmp_path):
        with pytest.raises(NetworkError, match="does not have"):
            registry.get_blob(digest_of(b"?"), 1, tmp_path / "blob")

    def test_a_redirect_is_followed_without_the_password(self, double, registry, there, tmp_path, docker_config):
        other = RegistryDouble()
        other.blobs[there] = LARGE
        login(docker_config, double.address)
        double.faults.append(on("GET", "", status(401, WWW_Authenticate='Basic realm="x"')))
        double.faults.append(
            on("GET", "", status(307, Location=f"http://{other.address}/v2/team/digits/blobs/{there}"))
        )
        registry.get_blob(there, len(LARGE), tmp_path / "blob")
        assert double.authorizations == [None, BASIC]
        assert other.authorizations == [None]
        other.shutdown()

    @pytest.mark.parametrize("target", ["ftp://127.0.0.1/blob", "http://registry.example.com/blob", "http://[/x"])
    def test_a_redirect_to_where_bytes_are_not_safe(self, double, registry, there, target):
        double.faults.append(on("GET", "", status(307, Location=target)))
        with pytest.raises(NetworkError, match="which is not safe"):
            registry.read_blob(there, len(LARGE), len(LARGE))

    def test_small_ones_are_read_into_memory(self, double, registry):
        double.blobs[digest_of(SMALL)] = SMALL
        assert registry.read_blob(digest_of(SMALL), len(SMALL), 100) == SMALL
        with pytest.raises(IntegrityError, match="more than 5"):
            registry.read_blob(digest_of(SMALL), len(SMALL), 5)
        with pytest.raises(IntegrityError, match="instead of"):
            registry.read_blob(digest_of(SMALL), len(SMALL) - 1, 100)

    def test_a_digest_that_is_a_path(self, double, registry, tmp_path):
        for digest in ("../../v2/other", "sha256:" + "A" * 64, "sha512:" + "0" * 128):
            with pytest.raises(IntegrityError, match="is no digest"):
                registry.get_blob(digest, 1, tmp_path / "blob")
        assert not double.requests


class TestManifests:
    MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": OCI}).encode()

    def test_there_and_back(self, registry):
        assert registry.get_manifest("best") is None
        assert registry.put_manifest("best", self.MANIFEST, OCI) == digest_of(self.MANIFEST)
        manifest = registry.get_manifest("best")
        assert manifest is not None
        assert (manifest.data, manifest.digest, manifest.media_type) == (self.MANIFEST, digest_of(self.MANIFEST), OCI)

    def test_asked_by_digest_it_must_be_that(self, double, registry):
        double.manifests[digest_of(b"asked")] = self.MANIFEST
        with pytest.raises(IntegrityError, match="sent other bytes"):
            registry.get_manifest(digest_of(b"asked"))

    @pytest.mark.parametrize("method", ["PUT", "GET"])
    def test_the_registry_must_agree_on_the_digest(self, double, registry, method):
        double.manifests["best"] = self.MANIFEST
        answer = status(201 if method == "PUT" else 200, self.MANIFEST, Docker_Content_Digest=digest_of(b"other"))
        double.faults.append(on(method, "manifests", answer))
        with pytest.raises(IntegrityError, match=digest_of(b"other")):
            registry.put_manifest("best", self.MANIFEST, OCI) if method == "PUT" else registry.get_manifest("best")

    @pytest.mark.parametrize("code", [200, 404])
    def test_a_web_page_is_no_registry(self, double, registry, code):
        page = status(code, b"<html>please log in</html>", Content_Type="text/html; charset=utf-8")
        double.faults += [on("GET", "manifests", page), on("GET", "tags", page)]
        with pytest.raises(NetworkError, match="does not answer as a registry"):
            registry.get_manifest("best")
        with pytest.raises(NetworkError, match="does not answer as a registry"):
            registry.tags()

    def test_deep_nesting_is_no_crash(self, double, registry):
        double.manifests["best"] = b"[" * 100_000
        with pytest.raises(NetworkError, match="does not answer as a registry"):
            registry.get_manifest("best")

    def test_one_that_is_too_large(self, double, registry):
        large = b'{"a": "' + b"x" * (5 << 20) + b'"}'
        double.manifests["best"] = large
        with pytest.raises(NetworkError, match="more than 4194304 bytes"):
            registry.get_manifest("best")
        with pytest.raises(NetworkError, match="registries take 4194304"):
            registry.put_manifest("best", large, OCI)

    def test_names_that_are_paths(self, double, registry):
        with pytest.raises(UsageError, match="neither a tag nor a digest"):
            registry.get_manifest("../../other/manifests/best")
        assert not double.requests


class TestTags:
    def test_all_pages(self, double, registry):
        link = '</v2/team/digits/tags/list?last=b&n=1000>; rel="next"'
        double.faults += [
            on("GET", "last=b", status(200, b'{"name": "team/digits", "tags": ["a"]}')),
            on(
                "GET", "n=1000", status(200, b'{"name": "team/digits", "tags": ["c", "b", 5, "\\u001b[2J"]}', Link=link)
            ),
        ]
        assert registry.tags() == ("a", "b", "c")

    @pytest.mark.parametrize("answer", [(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}'), (200, b'{"tags": null}')])
    def test_none(self, double, registry, answer):
        double.faults.append(on("GET", "tags", status(*answer)))
        assert registry.tags() == ()

    @pytest.mark.parametrize("body", [b'{"tags": 5}', b'{"tags": {"a": 1}}', b"[]", b"", b"null"])
    def test_something_else(self, double, registry, body):
        double.faults.append(on("GET", "tags", status(200, body)))
        with pytest.raises(NetworkError, match="does not answer as a registry"):
            registry.tags()


BASIC = "Basic " + base64.b64encode(b"ada:s3cret").decode()


def login(folder: Path, registry: str, **more: str) -> None:
    entry = {"auth": base64.b64encode(b"ada:s3cret").decode(), **more}
    keep_docker_config(folder, json.dumps({"auths": {registry: entry}}))


class TestCredentials:
    def guard(self, double: RegistryDouble, tokens: list[str]) -> list[str]:
        """Lets in who has the newest token; gives `tokens` in order, then useless ones. Who asked for them."""
        asked: list[str] = []

        def look(request) -> bool:
            if request.path.startswith("/token"):
                asked.append(f"{request.path} {request.headers.get('Authorization')} {request.body().decode()}")
                token = tokens[len(asked) - 1] if len(asked) <= len(tokens) else "useless"
                return request.answer(200, json.dumps({"token": token}).encode())
            newest = tokens[len(asked) - 1] if 0 < len(asked) <= len(tokens) else None
            if newest and request.headers.get("Authorization") == f"Bearer {newest}":
                return False
            request.body()
            return request.answer(401, WWW_Authenticate=self.challenge(double))

        double.faults += [look] * 40
        return asked

    def challenge(self, double: RegistryDouble) -> str:
        scope = "repository:team/digits:pull"
        return f'Bearer realm="http://{double.address}/token",service="registry",scope="{scope}"'

    def test_a_token_is_had_for_the_password_and_kept(self, double, registry, docker_config):
        login(docker_config, double.address)
        double.blobs[digest_of(SMALL)] = SMALL
        seen = self.guard(double, ["one"])
        assert registry.has_blob(digest_of(SMALL)) == registry.has_blob(digest_of(SMALL)) == len(SMALL)
        assert seen == [f"/token?service=registry&scope=repository%3Ateam%2Fdigits%3Apull {BASIC} "]

    def test_an_identity_token_is_had_one_for(self, double, registry, docker_config):
        login(docker_config, double.address, identitytoken="refresh-me")
        seen = self.guard(double, ["one"])
        assert registry.has_blob(digest_of(SMALL)) is None
        assert "refresh_token=refresh-me" in seen[0]
        assert seen[0].startswith("/token None ")

    def test_anybody_gets_one_of_some(self, double, registry):
        seen = self.guard(double, ["one"])
        assert registry.has_blob(digest_of(SMALL)) is None
        assert seen[0].endswith(" None ")

    def test_it_is_renewed_in_mid_push(self, double, registry, docker_config):
        login(docker_config, double.address)
        seen = self.guard(double, ["one", "two"])

        def expire(request) -> bool:
            if len(double.uploads["blobs/uploads/0"]) < CHUNK or len(seen) > 1:
                return False
            request.body()
            return request.answer(401, WWW_Authenticate=self.challenge(double))

        double.faults.insert(0, on("PATCH", "", expire))
        assert put(registry, LARGE)
        assert double.blobs[digest_of(LARGE)] == LARGE
        assert len(seen) == 2

    def test_a_token_that_does_not_help_is_asked_for_once(self, double, registry, docker_config):
        login(docker_config, double.address)
        seen = self.guard(double, [])
        with pytest.raises(NetworkError, match="does not let docker's user for it do this in `team/digits`") as caught:
            put(registry, SMALL)
        assert caught.value.hint is not None
        assert f"`docker login {double.address}`" in caught.value.hint
        assert len(seen) == 1

    def test_a_wrong_password(self, double, registry, docker_config):
        login(docker_config, double.address)
        double.faults += [on("HEAD", "", status(401, WWW_Authenticate='Basic realm="x"')) for _ in range(3)]
        with pytest.raises(NetworkError, match="does not accept the password") as caught:
            registry.has_blob(digest_of(SMALL))
        assert caught.value.hint == f"`docker login {double.address}`"
        assert double.authorizations == [None, BASIC]

    def test_none(self, double, registry):
        double.faults.append(on("HEAD", "", status(401, WWW_Authenticate='Basic realm="x"')))
        with pytest.raises(NetworkError, match="wants a user and a password"):
            registry.has_blob(digest_of(SMALL))

    def test_of_a_helper(self, double, registry, docker_config, tmp_path, monkeypatch):
        helper = tmp_path / "docker-credential-test"
        helper.write_text('#!/bin/sh\necho \'{"Username": "ada", "Secret": "s3cret"}\'\n')
        helper.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        keep_docker_config(docker_config, json.dumps({"credHelpers": {double.address: "test"}}))
        double.faults.append(on("HEAD", "", status(401, WWW_Authenticate='Basic realm="x"')))
        assert registry.has_blob(digest_of(SMALL)) is None
        assert double.authorizations == [None, BASIC]

    @pytest.mark.parametrize("text", ['{"auths": {"%s": {"auth": "?"}}}', '{"credsStore": "is-not-there"}', "[]"])
    def test_broken_ones(self, double, registry, docker_config, text):
        keep_docker_config(docker_config, text.replace("%s", double.address))
        double.faults.append(on("HEAD", "", status(401, WWW_Authenticate='Basic realm="x"')))
        with pytest.raises(NetworkError, match=r"docker's credentials for .* can't be read"):
            registry.has_blob(digest_of(SMALL))

    @pytest.mark.parametrize("realm", ["http://registry.example.com/token", "ftp://127.0.0.1/", "", "http://["])
    def test_no_password_goes_where_it_would_be_read(self, double, registry, docker_config, realm):
        login(docker_config, double.address)
        double.faults.append(on("HEAD", "", status(401, WWW_Authenticate=f'Bearer realm="{realm}"')))
        with pytest.raises(NetworkError, match="would not be safe"):
            registry.has_blob(digest_of(SMALL))

    def test_netrc_is_not_asked(self, double, registry, tmp_path, monkeypatch):
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password other\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        registry.has_blob(digest_of(SMALL))
        assert double.authorizations == [None]


def test_a_proxy_is_not_asked_for_this_machine(double, registry, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert registry.tags() == ("best",)


def test_a_proxy_that_is_down(monkeypatch, waits):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with pytest.raises(NetworkError, match="can't be reached through the proxy"):
        Registry(parse("registry.example.com/team/digits"), retries=2, wait=waits.append).tags()
