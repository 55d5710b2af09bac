"""The proxy that this host uses, and the one that the engine does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from snapshot.doctor.checks import error, note, ok, warning
from snapshot.doctor.info import Info
from snapshot.errors import NetworkError, SnapshotError
from snapshot.finding import Finding
from snapshot.host import pip_config
from snapshot.host.pip_config import strip_credentials
from snapshot.host.reach import reach

CHECK = "proxy"
SECONDS = 4
_SCHEMES = ("http", "https", "all")
_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


def look(environment: Mapping[str, str], info: Info | None) -> Iterator[Finding]:
    """Read the environment, and knock at every proxy that it names."""
    proxies = used(environment)
    own = _of_pip(environment)
    if not proxies and not own:
        yield note(CHECK, "no proxy is set")
    yield from consistency(environment)
    if info:
        yield from of_engine(proxies, info)
    for url in dict.fromkeys([*proxies.values(), *own]):
        yield _knock(url)


def _of_pip(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The proxy that pip alone is configured with; a configuration that can't be read is another check's affair."""
    try:
        return pip_config.read(environment).listed("proxy")
    except SnapshotError:
        return ()


def used(environment: Mapping[str, str]) -> dict[str, str]:
    """Scheme → proxy; the lower-case variable wins, as with pip and curl."""
    found = {s: environment.get(f"{s}_proxy") or environment.get(f"{s.upper()}_PROXY") or "" for s in _SCHEMES}
    return {scheme: url for scheme, url in found.items() if url}


def consistency(environment: Mapping[str, str]) -> Iterator[Finding]:
    """What programs would understand differently."""
    for scheme in (*_SCHEMES, "no"):
        lower, upper = f"{scheme}_proxy", f"{scheme.upper()}_PROXY"
        if environment.get(lower) and environment.get(upper) and environment[lower] != environment[upper]:
            said = f"`{lower}` and `{upper}` differ: some programs use the one, some the other"
            yield warning(CHECK, said, "set both to the same")
    if used(environment) and not spares_localhost(environment):
        yield warning(
            CHECK,
            "`NO_PROXY` does not name `localhost`: what listens on this host is asked through the proxy",
            "`export NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1`, with what is there already",
        )


def spares_localhost(environment: Mapping[str, str]) -> bool:
    """Whether connections to this host go past the proxy."""
    value = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    names = {name.strip().lower() for name in value.split(",")}
    return "*" in names or "localhost" in names


def of_engine(proxies: Mapping[str, str], info: Info) -> Iterator[Finding]:
    """Whether the engine, which pulls images by itself, goes the same way."""
    for scheme in ("http", "https"):
        here, there = proxies.get(scheme, ""), info.proxies.get(scheme, "")
        # The engine does not show passwords: `http://xxxxx:xxxxx@proxy`.
        if strip_credentials(here).rstrip("/") == strip_credentials(there).rstrip("/"):
            continue
        ways = (f"this host uses the {scheme} proxy {_shown(here)}", f"the engine {_shown(there)}")
        yield warning(
            CHECK,
            f"{ways[0]} and {ways[1]}"
            if here
            else f"the engine uses the {scheme} proxy {_shown(there)} and this host none",
            'set `"proxies"` in `/etc/docker/daemon.json` to the proxy that is right, and restart Docker',
        )


def _shown(url: str) -> str:
    return strip_credentials(url) or "none"


def _knock(url: str) -> Finding:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 80)
    except ValueError:
        host, port = None, 0
    if not host:
        return error(CHECK, f"the proxy `{strip_credentials(url)}` is no URL", "write it as in `http://proxy:3128`")
    try:
        reach(host, port, timeout=SECONDS)
    except NetworkError as problem:
        return error(CHECK, f"the proxy {problem.message}", "correct or unset `HTTP_PROXY` and `HTTPS_PROXY`")
    return ok(CHECK, f"the proxy {host}:{port} takes connections")
