"""Servers that can't be reached or refuse, as pip tells of them, in our words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from snapshot.errors import NetworkError, SnapshotError
from snapshot.host.pip_config import strip_credentials

_NOT_FETCHED = re.compile(r"Could not fetch URL (?P<url>\S+): (?P<reason>.*?)(?: - skipping)?$", re.DOTALL)
_ERRNO = re.compile(r"\[Errno -?\d+\] ([^')\"]+?)(?= - skipping|[')\"]|$)")
_STATUS = re.compile(r"\b(?P<code>[45]\d\d) (?:Client|Server) Error: (?P<words>[^f]\S*(?: \S+)*?) for url")
_SILENT = re.compile(r"timed out|(?:did not|didn't) respond within", re.IGNORECASE)


def is_network(line: str) -> bool:
    """Whether `line` says that a server can't be reached or refuses, rather than that it lacks a page."""
    if _NOT_FETCHED.search(line):
        return "404" not in line and "[Errno 2]" not in line
    return any(
        word in line
        for word in ("Max retries exceeded", "CERTIFICATE_VERIFY_FAILED", "Connection refused", "Name or service")
    ) or bool(_STATUS.search(line) and "404" not in line)


def out_of_reach(line: str) -> SnapshotError:
    """A server's refusal, or its silence."""
    page = _NOT_FETCHED.search(line)
    url = page["url"] if page else _address(line)
    where = f"`{url}` can't be fetched"
    if "CERTIFICATE_VERIFY_FAILED" in line or "certificate verify failed" in line:
        return NetworkError(
            f"{where}: its certificate is not trusted (CERTIFICATE_VERIFY_FAILED)",
            hint="name your company's certificates: `pip config set global.cert FILE`",
        )
    if "NO_CERTIFICATE_OR_CRL_FOUND" in line:
        return NetworkError(
            f"{where}: there are no certificates in the bundle that pip is configured with",
            hint="name your company's certificates, in PEM: `pip config set global.cert FILE`",
        )
    if status := _STATUS.search(line):
        if status["code"] in ("401", "403", "407"):
            return NetworkError(
                f"{where}: {status['code']} {status['words']}",
                hint="give the index's credentials in pip's configuration (`index-url = https://USER:TOKEN@…`) "
                "or in `~/.netrc`",
            )
        return NetworkError(
            f"{where}: {status['code']} {status['words']}", hint="try again later, or use another index"
        )
    if found := re.search(r"too many (\d{3}) error responses", line):
        return NetworkError(f"{where}: answers {found[1]}", hint="try again later, or use another index")
    reason = _ERRNO.search(line)
    words = reason[1].strip().lower() if reason else "timed out" if _SILENT.search(line) else "no connection"
    return NetworkError(
        f"{where}: {words}", hint="check the network, the proxy and pip's `index-url` (`pip config list`)"
    )


def _address(line: str) -> str:
    """The URL that `line` names, or the server, which is all that a failed connection names."""
    if found := re.search(r"https?://[^\s'\"),]+", line):
        return found[0]
    if found := re.search(r"(HTTPS?)ConnectionPool\(host='([^']+)', port=(\d+)\)", line):
        port = "" if found[3] in ("80", "443") else f":{found[3]}"
        path = re.search(r"with url: (\S+)", line)
        return f"{found[1].lower()}://{found[2]}{port}{path[1] if path else '/'}"
    return "the index"


def warnings(lines: Sequence[str]) -> tuple[str, ...]:
    """What to tell of pages that could not be had although resolving went well: of each index once."""
    silent = (strip_credentials(line) for line in lines if is_network(line))
    return tuple(dict.fromkeys(out_of_reach(_NOT_FETCHED.sub(_of_index, line)).message for line in silent))


def _of_index(found: re.Match[str]) -> str:
    """The line for the index rather than for its page of one package, which ends in `/`."""
    url = found["url"]
    index = url[: url.rstrip("/").rindex("/") + 1] if url.endswith("/") else url
    return f"Could not fetch URL {index}: {found['reason']}"
