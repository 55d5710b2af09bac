"""Runs inside the base image, with its own Python (3.9 or newer): tells what the base is, and resolves for it.

JSON comes in through stdin, since it holds what must not be seen in a process list; JSON goes out through stdout.
Nothing but the standard library is imported here; `in_base_pip` beside it brings pip and pip-tools.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

BASE_PACKAGES = "/usr/share/snapshot/debian-packages.tsv"
"""Where our own bases list their packages with the sha256 of each."""


def main() -> None:
    """Answer the one question that stdin asks."""
    # Whatever pip or a package's build prints must not get between the JSON.
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    question = json.load(sys.stdin)
    answer: dict[str, Any] = {"python": interpreter(), "os": operating_system()}
    if question["lines"] or question["pins_to_find"]:
        prepare(question)
        in_base_pip = import_module("in_base_pip")
        try:
            answer["resolution"] = in_base_pip.answer(question)
        except Exception as problem:
            answer["failure"] = import_module("in_base_said").failure(problem)
    json.dump(answer, answer_to)
    answer_to.flush()
    # Resolving leaves some 100,000 objects behind, and nothing that needs to be tidied up.
    os._exit(0)


def prepare(question: dict[str, Any]) -> None:
    """The host's pip configuration in place of the base's, in a folder that goes with the container."""
    home = tempfile.mkdtemp(prefix="home-")
    file = Path(home, "pip.conf")
    file.touch(0o600)
    file.write_text(question["configuration"], encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        del os.environ[name]
    os.environ.update(question["environment"], HOME=home, PIP_CONFIG_FILE=str(file))
    os.chdir(question["root"])


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
