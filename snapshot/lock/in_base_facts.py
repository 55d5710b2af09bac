"""Runs inside the base image: tells what it is, and which markers and wheels hold in it (PEP 508, PEP 425).

It has pip at hand and nothing else beside the standard library of Python 3.9.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from pip._vendor.packaging.markers import default_environment
from pip._vendor.packaging.tags import sys_tags

BASE_PACKAGES = "/usr/share/snapshot/debian-packages.tsv"
"""Where our own bases list their packages with the sha256 of each."""


def main() -> None:
    """Answer all of it."""
    answer = {
        "python": interpreter(),
        "os": operating_system(),
        "markers": dict(default_environment()),
        "tags": [str(tag) for tag in sys_tags()],
    }
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


def interpreter() -> dict[str, str]:
    """The Python that runs this."""
    return {
        "version": platform.python_version(),
        "implementation": sys.implementation.name,
        "build": " ".join(sys.version.split()),
        "executable": sys.executable,
        "platform": newest_platform(),
    }


def newest_platform() -> str:
    """The newest wheel platform that this base accepts (PEP 600), or the plain one where there is no glibc."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        libc = ""
    found = re.match(r"glibc (\d+)\.(\d+)", libc)
    return f"manylinux_{found[1]}_{found[2]}_{platform.machine()}" if found else f"linux_{platform.machine()}"


def operating_system() -> dict[str, Any]:
    """What /etc/os-release and dpkg say."""
    release: dict[str, str] = {}
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in read(path).splitlines():
            key, equals, value = line.partition("=")
            if equals:
                release.setdefault(key.strip(), value.strip().strip("\"'"))
    return {
        "id": release.get("ID", "linux"),
        "version": release.get("VERSION_ID", ""),
        "name": release.get("PRETTY_NAME", release.get("NAME", "")),
        "packages": sorted(listed_packages() or dpkg_packages()),
    }


def listed_packages() -> list[str]:
    """`name version architecture sha256:…`, of the table that our bases carry."""
    rows = [line.split("\t") for line in read(BASE_PACKAGES).splitlines()[1:]]
    return [f"{row[0]} {row[1]} {row[2]} sha256:{row[3]}" for row in rows if len(row) == 4]


def dpkg_packages() -> list[str]:
    """`name version architecture`, of dpkg's own status file."""
    out = []
    for block in read("/var/lib/dpkg/status").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version|Architecture): (.*)$", block, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            out.append(f"{fields['Package']} {fields['Version']} {fields['Architecture']}")
    return out


def read(path: str) -> str:
    """The text of a file; empty when there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    main()
