"""Who is let in: every request that anybody else's page, program or machine could make is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from snapshot.ui.guard import Guard

TOKEN = "the-token"
HERE = "http://127.0.0.1:8790"


async def answering(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse(f"{Request(scope).method} {scope['path']}")(scope, receive, send)


@pytest.fixture
def client() -> TestClient:
    return TestClient(Guard(answering, token=TOKEN, port=8790), base_url=HERE)


@pytest.fixture
def known(client: TestClient) -> TestClient:
    """Who has come by the address with the token."""
    assert client.get(f"/?token={TOKEN}").status_code == 200
    return client


def test_the_token_becomes_a_cookie_and_leaves_the_address(client: TestClient) -> None:
    answer = client.get(f"/runs/x?a=%22%3E&token={TOKEN}")
    assert 'content="0;url=/runs/x?a=%22%3E"' in answer.text and TOKEN not in answer.text
    assert re.fullmatch(rf"snap-ui-8790={TOKEN}; HttpOnly; Path=/; SameSite=strict", answer.headers["set-cookie"])
    assert client.get("/runs/x").text == "GET /runs/x"


def test_it_leads_to_no_other_host(client: TestClient) -> None:
    assert 'content="0;url=/evil.example/"' in client.get(f"{HERE}//evil.example/?token={TOKEN}").text


@pytest.mark.parametrize("address", ["/", "/runs/x", "/?token=", "/?token=wrong", "/?token=%F0%9F", "/events"])
def test_without_the_token_nothing_is_read(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 403
    assert "open the address that `snap ui` printed" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["", "wrong", TOKEN + "x", '"', "é"])
def test_another_cookie_is_none(client: TestClient, cookie: str) -> None:
    assert client.get("/", headers={"cookie": f"snap-ui-8790={cookie}".encode()}).status_code == 403


@pytest.mark.parametrize(
    ("host", "code"),
    [
        *((name, 200) for name in ("127.0.0.1:8790", "localhost:8790", "localhost:9000", "localhost", "[::1]:8790")),
        *((name, 403) for name in ("evil.example", "evil.example:8790", "10.0.0.1", "127.0.0.1:8790@evil.example", "")),
        ("127.0.0.1.evil.example:8790", 403),
    ],
)
def test_only_names_of_this_machine_are_answered(known: TestClient, host: str, code: int) -> None:
    assert known.get("/", headers={"host": host}).status_code == code


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        (HERE, 200),
        *((name, 403) for name in ("http://localhost:8790", "http://127.0.0.1:9000", "https://127.0.0.1:8790", "null")),
        ("http://evil.example", 403),
        (None, 403),
    ],
)
def test_only_pages_of_this_server_write(known: TestClient, origin: str | None, code: int) -> None:
    headers = {} if origin is None else {"origin": origin}
    for method in ("POST", "PUT", "DELETE"):
        assert known.request(method, "/", headers=headers).status_code == code


def test_nothing_is_written_without_the_token(client: TestClient) -> None:
    for address in ("/", f"/?token={TOKEN}"):
        assert client.post(address, headers={"origin": HERE}).status_code == 403


def test_answers_are_for_this_page_alone(known: TestClient) -> None:
    for answer in (known.get("/"), known.get("/", headers={"host": "evil.example"})):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not [name for name in answer.headers if name.startswith("access-control")]
