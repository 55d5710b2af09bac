"""The apt configuration of the host, where it has one: how this machine reaches an archive.

Proxies, credentials and mirrors are the user's affair: they go into a container through its stdin, and never into
arguments, labels, locks or messages. What is trusted is not taken over: that is the base's own affair.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from snapshot.host import process
from snapshot.host.download import Access
from snapshot.host.pip_config import PipConfig

_SETTING = re.compile(r'(?P<name>Acquire::[^ "]+) "(?P<value>[^"\\]*)";', re.IGNORECASE)
_KEPT = re.compile(
    r"Acquire::(?:https?::(?!.*(?:Auto-?Detect|SslCert|SslKey|CaInfo|CaPath|CrlFile|IssuerCert|Verify))\S+|Retries"
    r"|ForceIPv[46]|Check-Date|Check-Valid-Until|(?:Min|Max)-ValidTime(?:::\S+)?)",
    re.IGNORECASE,
)
"""What of apt.conf(5) is about reaching archives from this machine. Files that it names are not in a container, and
whether certificates are checked is not to be switched off from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AptConfig:
    """apt's settings on this host, those that decide how an archive is reached; empty where there is no apt."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """`Acquire::…` → value, as apt.conf(5) has them."""
    archives: tuple[str, ...] = ()
    """URLs of the archives that the host's own sources name; may hold credentials."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """`http_proxy` and its like of the environment, in lower case, as apt reads them."""
    bundle: Path | None = None
    """The certificates that servers are checked against."""


def read(environment: Mapping[str, str] | None = None, *, pip: PipConfig | None = None) -> AptConfig:
    """The configuration of this host; certificates and proxies of the environment are those that `pip` uses too."""
    from snapshot.host import pip_config

    pip = pip or pip_config.read(os.environ if environment is None else environment)
    dump, archives = "", ""
    if process.find("apt-config") and process.find("apt-get"):
        dump = process.run(("apt-config", "dump", "--format", '%F "%v";%n')).stdout
        targets = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
        archives = process.run(targets).stdout
    return AptConfig(
        settings=settings(dump),
        archives=tuple(url for url in dict.fromkeys(archives.split()) if url.startswith(("http://", "https://"))),
        proxies={name.lower(): value for name, value in pip.proxies.items()},
        bundle=pip.bundle,
    )


def settings(dump: str) -> dict[str, str]:
    """What of `apt-config dump` is about reaching archives."""
    found = (_SETTING.fullmatch(line.strip()) for line in dump.splitlines())
    return {m["name"]: m["value"] for m in found if m and m["value"] and _KEPT.fullmatch(m["name"])}


def access(config: AptConfig, of: Access) -> Access:
    """`of`, which is pip's, with what apt is told in another way: proxies, and credentials in its sources."""
    known = {name.lower(): value for name, value in config.settings.items()}
    proxies = {scheme: known[f"acquire::{scheme}::proxy"] for scheme in ("http", "https") if _proxy(known, scheme)}
    return replace(of, proxies={**of.proxies, **proxies}, indexes=(*of.indexes, *config.archives))


def _proxy(known: Mapping[str, str], scheme: str) -> bool:
    return known.get(f"acquire::{scheme}::proxy", "DIRECT").upper() != "DIRECT"
