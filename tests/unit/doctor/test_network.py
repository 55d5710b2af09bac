"""Indexes, proxies, certificates: facts in, findings out."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.doctor import certificates, index, proxy
from snapshot.doctor.certificates import Bundle
from snapshot.doctor.info import Info

DAY = 86_400
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "severity", "remedy"),
    [
        (200, "ok", None), (0, "ok", None), (-1, "error", "pip config"), (401, "error", "credentials"),
        (403, "error", "credentials"), (407, "error", "credentials"), (404, "error", "/simple"),
        (410, "error", "/simple"),
        (429, "error", "later"), (500, "error", "later"), (503, "error", "later"), (302, "error", "pip config"),
    ],
)  # fmt: skip
def test_what_an_index_answers(code: int, severity: str, remedy: str | None) -> None:
    found = index.judge("https://me:secret@index.example/simple", code)
    assert found.severity == severity
    assert (remedy or "") in (found.remedy or "")
    assert "secret" not in f"{found}"


@given(st.integers(min_value=-1, max_value=999))
def test_every_status_means_something(code: int) -> None:
    found = index.judge("https://index.example/simple", code)
    assert (found.severity == "ok") == (found.remedy is None)


def test_an_index_is_asked_for_itself_where_it_has_no_pip() -> None:
    pages = {"http://i/simple/pip/": 404, "http://i/simple/": 200}
    assert index._answer("http://i/simple", pages.__getitem__) == 200
    assert index._answer("http://i/simple/", {"http://i/simple/pip/": 401}.__getitem__) == 401


def test_an_index_on_disk(tmp_path: Path) -> None:
    def never(_: str) -> int:
        raise AssertionError

    assert index._answer(tmp_path.as_uri(), never) == 0
    assert index._answer(f"{tmp_path.as_uri()}/none", never) == -1


def test_proxies_that_agree_are_no_finding() -> None:
    environment = {"http_proxy": "http://p:1", "HTTP_PROXY": "http://p:1", "no_proxy": "localhost"}
    assert list(proxy.consistency(environment)) == []
    assert list(proxy.consistency({})) == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"http_proxy": "http://a:1", "HTTP_PROXY": "http://b:1", "no_proxy": "*"}, "`http_proxy` and `HTTP_PROXY`"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "`no_proxy` and `NO_PROXY`"),
        ({"HTTPS_PROXY": "http://a:1"}, "`NO_PROXY` does not name"),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "example.org, 10.0.0.0/8"}, "`NO_PROXY` does not name"),
    ],
)
def test_proxies_that_disagree(environment: dict[str, str], said: str) -> None:
    (found,) = proxy.consistency(environment)
    assert found.severity == "warning" and said in found.message


def test_the_engine_has_another_proxy() -> None:
    (found,) = proxy.of_engine({"https": "http://me:secret@a:1"}, Info())
    assert found.severity == "warning" and "the engine none" in found.message and "secret" not in found.message
    (found,) = proxy.of_engine({}, Info(proxies={"http": "http://b:1"}))
    assert "this host none" in found.message


def test_the_engine_hides_the_password_of_the_same_proxy() -> None:
    assert list(proxy.of_engine({"http": "http://me:secret@a:1/"}, Info(proxies={"http": "http://xxxxx@a:1"}))) == []


@pytest.mark.parametrize("url", ["", "http://", "http://[", "http://h:x", "://"])
def test_a_proxy_that_is_no_url(url: str) -> None:
    (found,) = [one for one in proxy.look({"http_proxy": url or ":", "no_proxy": "*"}, None) if one.severity != "ok"]
    assert found.severity == "error" and "is no URL" in found.message


@pytest.mark.parametrize(
    ("days", "severities"),
    [([], ["ok"]), ([-1, -2], ["error"]), ([400], ["ok"]), ([400, -5], ["ok"]), ([400, 3], ["ok", "note"])],
)
def test_until_when_certificates_hold(days: list[int], severities: list[str]) -> None:
    authorities = tuple((f"authority {day}", float((1000 + day) * DAY)) for day in days)
    bundle = Bundle(number=len(days) + 1, authorities=authorities)
    found = list(certificates.findings(Path("/ca.pem"), "pip", bundle, 1000.0 * DAY))
    assert [one.severity for one in found] == severities


def test_the_certificate_that_expires_is_named() -> None:
    bundle = Bundle(number=1, authorities=(("Acme Root", 3.0 * DAY),))
    found = list(certificates.findings(Path("/ca.pem"), "pip", bundle, 0.0))
    assert found[1].message == "the certificate of `Acme Root` in it expires in 3 days"


HEAD, TAIL = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda inner: HEAD + inner + TAIL))
def test_no_bundle_is_too_strange(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ca.pem"
        path.write_bytes(content)
        (found,) = certificates.look({"SSL_CERT_FILE": str(path), "PIP_CERT": str(path)}, NOON)
    assert found.severity == "error" and str(path) in found.message
