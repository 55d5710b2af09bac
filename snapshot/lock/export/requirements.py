"""`requirements.txt` with a hash for every file, for pip
(https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode).
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from snapshot.lock.document import Lock, Package
from snapshot.lock.export import source


def dumps(lock: Lock, *, root: Path) -> str:
    """`lock` for pip. Of repositories and folders pip checks no hash: those are told in a comment, to install apart."""
    python = ".".join(lock.python.version.split(".")[:2])
    head = f"# Made by `snap lock --export requirements`, for Python {python} on {lock.python.platform}."
    lines = [head, *_indexes(lock)]
    for package in lock.packages:
        lines += _lines(package, root)
    return "\n".join(lines) + "\n"


def _indexes(lock: Lock) -> list[str]:
    """The index of most packages, and the others; which one has a file does not matter, since hashes tell."""
    counted = Counter(package.index for package in lock.packages if package.index)
    urls = [_one_word(url) for url, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))]
    return [f"{'--extra-index-url' if number else '--index-url'} {url}" for number, url in enumerate(urls)]


def _lines(package: Package, root: Path) -> list[str]:
    kind = source.kind(package)
    if kind in ("vcs", "directory"):
        apart = f"{package.name} @ {_address(package, root)}"
        return [
            f"# {package.name} {package.version} has no hash that pip checks. Apart: pip install --no-deps '{apart}'"
        ]
    file = package.sdist if kind != "wheel" and package.sdist else package.wheel
    pin = f"{package.name}=={package.version}" if package.index else f"{package.name} @ {_address(package, root)}"
    return [f"{pin} \\", f"    --hash=sha256:{file.hashes['sha256']}"]


def _address(package: Package, root: Path) -> str:
    """A direct reference (PEP 508) to what the package is installed from."""
    if package.vcs and source.kind(package) == "vcs":
        inside = f"#subdirectory={_one_word(package.vcs.subdirectory)}" if package.vcs.subdirectory else ""
        return f"{package.vcs.type}+{_one_word(package.vcs.url)}@{package.vcs.commit_id}{inside}"
    file = package.wheel if source.kind(package) == "wheel" else package.sdist or package.wheel
    return _one_word(file.url) if file.url else Path(os.path.abspath(root / (file.path or file.name))).as_uri()


def _one_word(address: str) -> str:
    """A lock may come from anybody: no address of it ends a line or a shell's quotes, or is `${NAME}` to pip."""
    return quote(address, safe="/:?#[]@!$&()*+,;=%~")
