"""Which versions of a package its index has: the simple repository API (PEP 503), as files for people with browsers."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from snapshot.errors import NetworkError
from snapshot.host.download import Access, Downloader
from snapshot.lock.document import Package


def releases(package: Package, access: Access) -> tuple[Version, ...]:
    """All versions that are not yanked (PEP 592), oldest first. Raises NetworkError when the index can't be had."""
    if package.index is None:
        raise NetworkError(
            f"`{package.name}` is of no index, so nobody knows its other versions", hint="name a package of an index"
        )
    page = io.BytesIO()
    url = f"{package.index.rstrip('/')}/{package.name}/"
    Downloader(access).fetch(url, page, where=Path(), progress=lambda size: None)
    links = _Links()
    links.feed(page.getvalue().decode(errors="replace"))
    return tuple(sorted({version for name in links.files if (version := _version(name)) is not None}))


class _Links(HTMLParser):
    """The names of the files that a page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []
        self._is_file = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_file = tag == "a" and "data-yanked" not in dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        self._is_file = False

    def handle_data(self, data: str) -> None:
        if self._is_file:
            self.files.append(data.strip())


def _version(file: str) -> Version | None:
    try:
        if file.endswith(".whl"):
            return parse_wheel_filename(file)[1]
        return parse_sdist_filename(file)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
