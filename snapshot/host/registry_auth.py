"""Who asks a registry: the credentials that `docker login` has kept, and the tokens that are had for them.

https://distribution.github.io/distribution/spec/auth/token/ (Bearer), .../auth/oauth/ (identity tokens).
"""

from __future__ import annotations

import base64
import re
import urllib.parse
from typing import TYPE_CHECKING

from snapshot.document import Value
from snapshot.errors import NetworkError
from snapshot.host.registry_reference import DOCKER, clean, is_loopback
from snapshot.host.registry_session import nobody

if TYPE_CHECKING:
    import requests

_PARAMETER = re.compile(r'([A-Za-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_CLIENT = "snapshot"
_LARGEST = 1 << 20


class Credentials(Value, frozen=True, kw_only=True):
    """What `docker login` kept for one registry; all empty where it kept nothing."""

    user: str = ""
    password: str = ""
    token: str = ""
    """An identity token: a refresh token in place of a password."""

    def __repr__(self) -> str:
        return "Credentials(…)"


class Challenge(Value, frozen=True, kw_only=True):
    """What a registry wants to see: the header `WWW-Authenticate` of a 401."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def credentials_of(registry: str) -> Credentials:
    """The docker CLI's: of its configuration, or of the helper that this names. Raises NetworkError for broken ones."""
    import warnings

    import docker.auth
    import docker.errors

    try:
        with warnings.catch_warnings():
            # That a helper is not installed is said below.
            warnings.simplefilter("ignore")
            found = docker.auth.resolve_authconfig(docker.auth.load_config(), registry) or {}
    except (docker.errors.DockerException, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise NetworkError(
            f"docker's credentials for {registry} can't be read: {type(problem).__name__}", hint=login(registry)
        ) from problem
    said = {key.lower(): value for key, value in found.items() if isinstance(value, str)}
    return Credentials(
        user=said.get("username", ""), password=said.get("password", ""), token=said.get("identitytoken", "")
    )


def login(registry: str) -> str:
    """The hint that helps where credentials are wrong or missing."""
    return "`docker login`" if registry == DOCKER else f"`docker login {registry}`"


def challenge_of(header: str) -> Challenge:
    """The challenge in `header`; its first one, for registries that offer several."""
    scheme, _, rest = header.strip().partition(" ")
    said = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    return Challenge(
        scheme=scheme.lower(),
        realm=said.get("realm", ""),
        service=said.get("service", ""),
        scope=said.get("scope", ""),
    )


def basic(credentials: Credentials) -> str:
    """The header `Authorization` that says user and password."""
    both = f"{credentials.user}:{credentials.password}".encode()
    return f"Basic {base64.b64encode(both).decode()}"


def bearer(
    session: requests.Session,
    challenge: Challenge,
    credentials: Credentials,
    *,
    registry: str,
    scope: str,
    timeout: float,
) -> str:
    """The header `Authorization` with a new token for what `challenge` asks, or for `scope` where it does not say.

    Raises NetworkError where the token server refuses; `requests` exceptions where it can't be reached.
    """
    _check_realm(challenge.realm, registry)
    asked = {"service": challenge.service, "scope": challenge.scope or scope}
    if credentials.token:
        form = {"grant_type": "refresh_token", "refresh_token": credentials.token, "client_id": _CLIENT, **asked}
        response = session.post(challenge.realm, data=form, timeout=timeout, auth=nobody, allow_redirects=False)
    else:
        said = {"Authorization": basic(credentials)} if credentials.user else {}
        response = session.get(
            challenge.realm, params=asked, headers=said, timeout=timeout, auth=nobody, allow_redirects=False
        )
    if response.status_code in (400, 401, 403):
        raise refused(registry, credentials)
    token = _token(response)
    if not token:
        raise NetworkError(f"{registry} gives no token: {response.status_code}", hint="try again later")
    return f"Bearer {token}"


def refused(registry: str, credentials: Credentials) -> NetworkError:
    """That nobody, or not this user, is let in."""
    known = credentials.user or credentials.token
    message = "does not accept the password that docker has for it" if known else "wants a user and a password"
    return NetworkError(f"{registry} {message}", hint=login(registry))


def forbidden(registry: str, repository: str, credentials: Credentials) -> NetworkError:
    """That a token was given, and is not enough."""
    if not (credentials.user or credentials.token):
        return refused(registry, credentials)
    return NetworkError(
        f"{registry} does not let docker's user for it do this in `{repository}`",
        hint=f"log in as a user who may, with {login(registry)}",
    )


def _check_realm(realm: str, registry: str) -> None:
    """A password goes over TLS, or stays on this machine."""
    try:
        parts = urllib.parse.urlsplit(realm)
    except ValueError:
        parts = urllib.parse.urlsplit("")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(registry) and is_loopback(parts.netloc)):
        return
    raise NetworkError(
        f"{registry} sends for a token to `{clean(realm)}`, where a password would not be safe",
        hint="ask who runs the registry for a token server with `https`",
    )


def _token(response: requests.Response) -> str:
    try:
        said = response.json()
    except ValueError:
        return ""
    if response.status_code != 200 or not isinstance(said, dict):
        return ""
    token = said.get("token") or said.get("access_token")
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""
