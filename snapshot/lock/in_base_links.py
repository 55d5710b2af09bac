"""Files that an index or a folder offers, as pip knows them (`Link`): what is locked of each; used by `in_base_pip`."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

from pip._internal.models.link import Link
from pip._internal.network.download import Downloader
from pip._vendor.packaging.utils import canonicalize_name

PACKAGES = "/snap/packages"


def has_hash(link: Any, sha256: str, allowed: dict[str, set[str]], held: Path | None, repository: Any) -> bool:
    """Whether the file of `link` has one of the `allowed` hashes."""
    if sha256 in allowed.get("sha256", ()):
        return True
    others = {kind: digits for kind, digits in allowed.items() if kind != "sha256"}
    if not others:
        return False
    # Indexes give no other hash than sha256: the file itself must be read.
    path = held or download(link, repository)
    return any(hash_file(path, kind) in digits for kind, digits in others.items())


def held_at(link: Any) -> Path | None:
    """Where an earlier resolution has kept the file of `link`; None where it has not, or its hash is not known."""
    sha256 = hash_of(link)
    path = Path(PACKAGES, "sha256", sha256[:2], sha256, link.filename) if sha256 else None
    return path if path and path.exists() else None


def keep(link: Any, path: Path) -> Path:
    """Copy a file out of the folder that pip will remove, to where packages lie by content."""
    sha256 = hash_file(path)
    target = Path(PACKAGES, "sha256", sha256[:2], sha256, link.filename)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent)
        os.close(descriptor)
        part = Path(name)
        shutil.copyfile(path, part)
        part.chmod(0o644)
        part.replace(target)
    return target


def elsewhere(link: Any, name: str, sha256: str, repository: Any) -> Any:
    """The link of a server to the file that `link` finds in a folder, if the index vouches that it is the same."""
    for candidate in repository.find_all_candidates(name):
        other = candidate.link
        if not other.is_file and other.filename == link.filename and hash_of(other) == sha256:
            return other
    return None


def index_of(link: Any, indexes: list[str]) -> str | None:
    """The index whose page named `link`; None for find-links."""
    page = link.comes_from if isinstance(link.comes_from, str) else None
    if not page or "://" not in page:
        return None
    page = page[: -len("/index.html")] if page.endswith("/index.html") else page.rstrip("/")
    base, _, _ = page.rpartition("/")
    plain = {without_user(index).rstrip("/") for index in indexes}
    # An index may answer from another place than it was asked at.
    return (
        base
        if without_user(base) in plain or page.rpartition("/")[2] == canonicalize_name(page.rpartition("/")[2])
        else None
    )


def without_user(url: str) -> str:
    """`url` without user name and password."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def hash_of(link: Any) -> str | None:
    """The sha256 that the index gives."""
    found = link.as_hashes()._allowed.get("sha256")
    return str(found[0]) if found else None


def hash_file(path: Path, kind: str = "sha256") -> str:
    """The sha256, or another hash, of a file."""
    digest = hashlib.new(kind)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def download(link: Any, repository: Any) -> Path:
    """Fetch the file of an index that gives no sha256."""
    with tempfile.TemporaryDirectory() as folder:
        path, _ = Downloader(repository.session, "off")(link, folder)
        return keep(link, Path(path))


def note_sizes() -> dict[str, int]:
    """URL → size, filled while pip reads JSON pages: pip itself drops them."""
    sizes: dict[str, int] = {}
    plain = Link.from_json

    def noting(file_data: dict[str, Any], page_url: str) -> Any:
        link = plain(file_data, page_url)
        if link is not None and isinstance(file_data.get("size"), int):
            sizes[link.url_without_fragment] = file_data["size"]
        return link

    Link.from_json = staticmethod(noting)  # type: ignore[method-assign]
    return sizes


def described(
    name: str, version: str, link: Any, held: Path | None, repository: Any, sizes: dict[str, int]
) -> dict[str, Any]:
    """What is locked of the file behind `link`, which lies at `held` if it was fetched already."""
    path = Path(link.file_path) if link.is_file else None
    sha256 = hash_of(link) or hash_file(path or held or download(link, repository))
    # The same bytes at an index that other machines reach too.
    shared = elsewhere(link, name, sha256, repository) if path else link
    return {
        "name": name,
        "version": version,
        "file": link.filename,
        "path": str(path) if path else None,
        "url": shared.url_without_fragment if shared else None,
        "subdirectory": link.subdirectory_fragment,
        "index": index_of(shared or link, repository.finder.index_urls),
        "sha256": sha256,
        # As the index says it, not as it happens to be known: the same requirements are to give the same lock.
        "size": path.stat().st_size if path else sizes.get(link.url_without_fragment),
        "requires_python": link.requires_python or None,
        "yanked": link.yanked_reason,
    }
