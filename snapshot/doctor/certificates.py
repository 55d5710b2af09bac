"""The certificates that servers are checked against: those of pip's configuration and of the environment."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from snapshot.doctor.checks import error, note, of_error, ok
from snapshot.errors import SnapshotError
from snapshot.finding import Finding
from snapshot.host import pip_config

CHECK = "certificates"
SOON_DAYS = 30
DAY = 86_400
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_REMEDY = "name a PEM file with your company's certificates, as in `pip config set global.cert FILE`"


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
            named.setdefault(Path(environment[variable]).expanduser().absolute(), f"`{variable}`")
    for path, user in named.items():
        yield from _bundle(path, user, now)


def _bundle(path: Path, user: str, now: datetime) -> Iterator[Finding]:
    if path.is_dir():
        yield ok(CHECK, f"{user} uses the folder `{path}`")
        return
    try:
        ends = _ends(path)
    except FileNotFoundError:
        yield error(CHECK, f"{user} names the bundle `{path}`, which is not there", _REMEDY)
    except PermissionError:
        yield error(CHECK, f"no permission to read the bundle `{path}` of {user}", f"see `ls -l {path}`")
    except (OSError, ValueError) as problem:
        reason = str(getattr(problem, "reason", None) or problem).lower().replace("_", " ")
        yield error(CHECK, f"the bundle `{path}` of {user} holds no certificate that can be read: {reason}", _REMEDY)
    else:
        yield from findings(path, user, ends, now.timestamp())


def findings(path: Path, user: str, ends: Sequence[tuple[str, float]], now: float) -> Iterator[Finding]:
    """What a bundle is worth whose certificates (name, end in seconds since 1970) those are."""
    if not ends:
        yield error(CHECK, f"the bundle `{path}` of {user} holds no certificate of an authority", _REMEDY)
        return
    valid = [(name, end) for name, end in ends if end > now]
    if not valid:
        yield error(CHECK, f"every certificate in the bundle `{path}` of {user} has expired", _REMEDY)
        return
    yield ok(CHECK, f"{user} uses `{path}`, {len(valid)} certificate{'s' * (len(valid) != 1)}")
    for name, end in valid:
        if end < now + SOON_DAYS * DAY:
            yield note(CHECK, f"the certificate of `{name}` in it expires in {(end - now) / DAY:.0f} days")


def _ends(path: Path) -> list[tuple[str, float]]:
    """Until when each is valid; raises OSError (ssl.SSLError is one) or ValueError where the file is no PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=path.read_text(encoding="ascii", errors="ignore"))
    return [(_name(one), float(ssl.cert_time_to_seconds(str(one["notAfter"])))) for one in context.get_ca_certs()]


def _name(certificate: Mapping[str, Any]) -> str:
    """The subject's common name, or what it has instead."""
    subject = {key: value for part in certificate.get("subject", ()) for key, value in part}
    return next((subject[key] for key in ("commonName", "organizationalUnitName") if key in subject), "an authority")
