"""Whom a connection to a registry trusts: authorities, redirects; and what it does not tell."""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapshot.errors import NetworkError
from snapshot.host import trail
from snapshot.host.registry_reference import clean, is_loopback

if TYPE_CHECKING:
    import ssl

    import requests

CERTIFICATES = (Path("/etc/docker/certs.d"),)
"""Where the engine looks."""


def check_target(url: str, *, secure: bool, registry: str) -> None:
    """Raises NetworkError where `registry` sends to a `url` that is less safe than itself."""
    try:
        parts = urllib.parse.urlsplit(url)
        here = parts.scheme == "http" and not secure and is_loopback(parts.netloc.rpartition("@")[2])
        safe = parts.scheme == "https" or here
    except ValueError:
        safe = False
    if not safe:
        raise NetworkError(
            f"{registry} sends to `{clean(url)}`, which is not safe",
            hint="ask who runs the registry for an address with `https`",
        )


def join(url: str, location: str) -> str:
    """What `location`, in an answer to a request for `url`, means."""
    try:
        return urllib.parse.urljoin(url, location)
    except ValueError:
        return location


def session_for(registry: str, certificates: Iterable[Path]) -> requests.Session:
    """Connections to `registry` that trust what `certificates`, folders as the engine has one, say of it."""
    import requests.adapters

    context = functools.cache(lambda: _trust(registry, certificates))

    class Adapter(requests.adapters.HTTPAdapter):
        """`requests` adds its own authorities, or those of REQUESTS_CA_BUNDLE, to those of the context.

        Which takes 30 ms to be made, and not every registry speaks TLS.
        """

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            self._later: tuple[tuple[Any, ...], dict[str, Any]] | None = arguments, options

        def send(self, *arguments: Any, **options: Any) -> requests.Response:
            if self._later is not None:
                (first, named), self._later = self._later, None
                super().init_poolmanager(*first, ssl_context=context(), **named)
            return super().send(*arguments, **options)

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            return super().proxy_manager_for(proxy, ssl_context=context(), **options)

    def look(response: requests.Response, *_: Any, **__: Any) -> None:
        if response.is_redirect:
            check_target(
                join(response.url, response.headers["Location"]),
                secure=response.url.startswith("https:"),
                registry=registry,
            )

    session = requests.Session()
    session.mount("https://", Adapter())
    session.hooks["response"] += [trail.response, look]
    return session


def _trust(registry: str, certificates: Iterable[Path]) -> ssl.SSLContext:
    """The system's authorities (or SSL_CERT_FILE's), and what the engine has for this registry.

    https://docs.docker.com/engine/security/certificates/: `*.crt` are authorities; `.cert` and `.key` the client's.
    """
    import ssl

    context = ssl.create_default_context()
    for folder in certificates:
        for file in sorted((folder / registry).glob("*.c*rt")):
            try:
                if file.suffix == ".crt":
                    context.load_verify_locations(file)
                elif file.suffix == ".cert":
                    context.load_cert_chain(file, file.with_suffix(".key"))
            except OSError as problem:
                raise NetworkError(
                    f"`{file}` can't be used: {problem.strerror or problem}",
                    hint=f"correct it, or remove it: `ls -l {file}`",
                ) from None
    return context


def nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps `requests` from adding what `~/.netrc` says: the docker CLI does not read it."""
    return request
