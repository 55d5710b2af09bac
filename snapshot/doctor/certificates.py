"""The certificates that servers are checked against: those of pip's configuration and of the environment."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from snapshot.doctor.checks import error, note, of_error, ok
from snapshot.document import Value
from snapshot.errors import SnapshotError
from snapshot.finding import Finding
from snapshot.host import pip_config
from snapshot.report.text import count

CHECK = "certificates"
SOON_DAYS = 30
DAY = 86_400
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_REMEDY = "name a PEM file with your company's certificates, as in `pip config set global.cert FILE`"


class Bundle(Value, kw_only=True, frozen=True):
    """What is in a file of certificates."""

    number: int
    """At least one."""
    authorities: tuple[tuple[str, float], ...]
    """Name and end (seconds since 1970) of those that may sign others; a server's own certificate may not."""


def look(environment: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    """Every bundle that is named, once."""
    named: dict[Path, str] = {}
    try:
        if bundle := pip_config.read(environment).bundle:
            named[bundle] = "pip"
    except SnapshotError as problem:
        yield of_error(CHECK, problem)
    for variable in VARIABLES:
        if environment.get(variable):
            named.setdefault(Path(os.path.expanduser(environment[variable])).absolute(), f"`{variable}`")
    for path, user in named.items():
        yield from _bundle(path, user, now)


def _bundle(path: Path, user: str, now: datetime) -> Iterator[Finding]:
    if path.is_dir():
        yield ok(CHECK, f"{user} uses the folder `{path}`")
        return
    try:
        bundle = _read(path)
    except FileNotFoundError:
        yield error(CHECK, f"{user} names the bundle `{path}`, which is not there", _REMEDY)
    except PermissionError:
        yield error(CHECK, f"no permission to read the bundle `{path}` of {user}", f"see `ls -l {path}`")
    except (OSError, ValueError) as problem:
        reason = str(getattr(problem, "reason", None) or problem).lower().replace("_", " ")
        yield error(CHECK, f"the bundle `{path}` of {user} holds no certificate that can be read: {reason}", _REMEDY)
    else:
        yield from findings(path, user, bundle, now.timestamp())


def findings(path: Path, user: str, bundle: Bundle, now: float) -> Iterator[Finding]:
    """What a bundle is worth at the time `now` (seconds since 1970)."""
    valid = [(name, end) for name, end in bundle.authorities if end > now]
    if bundle.authorities and not valid:
        yield error(CHECK, f"every authority in the bundle `{path}` of {user} has expired", _REMEDY)
        return
    yield ok(CHECK, f"{user} uses `{path}`, {count(bundle.number, 'certificate')}")
    for name, end in valid:
        if end < now + SOON_DAYS * DAY:
            yield note(CHECK, f"the certificate of `{name}` in it expires in {(end - now) / DAY:.0f} days")


def _read(path: Path) -> Bundle:
    """Raises OSError (ssl.SSLError is one) or ValueError where the file is no PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=path.read_text(encoding="ascii", errors="ignore"))
    ends = [(_name(one), float(ssl.cert_time_to_seconds(str(one["notAfter"])))) for one in context.get_ca_certs()]
    return Bundle(number=context.cert_store_stats()["x509"], authorities=tuple(ends))


def _name(certificate: Mapping[str, Any]) -> str:
    """The subject's common name, or what it has instead."""
    subject = {key: value for part in certificate.get("subject", ()) for key, value in part}
    return next((subject[key] for key in ("commonName", "organizationalUnitName") if key in subject), "an authority")
