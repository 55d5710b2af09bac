"""Repositories, and folders and files beside the project: the host fetches and packs them, and pip finds the archives.

What is not here yet is asked of the host (NeedsSources), which then asks its question anew. The host has the user's
git, ssh agent and credentials, and nothing of hers is written to. Imported by `in_base_pip`.
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from in_base_said import NeedsSources, NotAPackage
from pip._internal.exceptions import InstallationError
from pip._internal.models.link import Link
from pip._internal.req.req_file import ParsedRequirement
from pip._internal.utils.unpacking import unpack_file
from pip._internal.vcs.git import Git
from pip._internal.vcs.versioncontrol import vcs
from pip._vendor.packaging.markers import InvalidMarker, Marker
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement

_EXTRAS = re.compile(r"(?P<path>.+?)(?P<extras>\[[^\[\]]*\])")
_ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")
OTHER_VCS = ("hg+", "svn+", "bzr+")


def use(sources: dict[str, dict[str, Any]]) -> None:
    """Let pip take repositories and folders from `sources`: location as it is written → what the host packed."""
    reader: Any = import_module("piptools._compat.pip_compat")
    read = reader._parse_requirements

    def read_ours(*arguments: Any, **options: Any) -> Iterator[Any]:
        parsed = list(read(*arguments, **options))
        wanted = [(local(line), line) for line in parsed if holds(line.requirement)]
        if needed := [
            {"location": found.location, "where": line.comes_from}
            for found, line in wanted
            if found and found.location not in sources
        ]:
            raise NeedsSources(needed)
        for line in parsed:
            found = local(line) if holds(line.requirement) else None
            yield replaced(line, found, sources[found.location]) if found and not found.is_vcs else line

    # All that is changed are objects of this process.
    reader._parse_requirements = read_ours
    vcs.unregister("git")
    _Packed.taken = sources
    vcs.register(_Packed)


class _Packed(Git):
    """pip's git, but for a work tree that the host has packed."""

    taken: ClassVar[dict[str, dict[str, Any]]] = {}

    def unpack(self, location: str, url: Any, verbosity: int) -> None:
        """Unpack the work tree that is behind `url`."""
        found = self.taken.get(bare(url.secret))
        if found is None:
            raise NeedsSources([{"location": bare(url.secret), "where": ""}])
        unpack_file(found["file"], location)

    @classmethod
    def get_revision(cls, location: str, rev: str | None = None) -> str:
        """Nobody reads it: the host knows the commit."""
        return ""


class Local:
    """What a requirement names that is not of an index: `location` is what the host is asked for."""

    def __init__(self, location: str, *, name: str = "", extras: str = "", marker: str = "") -> None:
        self.location, self.name, self.extras, self.marker = location, name, extras, marker

    @property
    def is_vcs(self) -> bool:
        """Whether it is a repository."""
        return self.location.startswith("git+")


def local(line: Any) -> Local | None:
    """What the requirement names, if it is a repository or a place of the host that this container does not see."""
    text = line.requirement.strip()
    if text.startswith(OTHER_VCS) or re.search(rf"@\s*(?:{'|'.join(map(re.escape, OTHER_VCS))})", text):
        raise NotAPackage(f"{text} ({line.comes_from})")
    found = direct(text) or by_path(text)
    if found is None or found.is_vcs:
        return found
    place = Path(os.path.abspath(found.location))
    if Path.cwd() in (place, *place.parents):
        if line.is_editable or place.is_dir():
            raise NotAPackage(f"{text} ({line.comes_from})")
        return None
    return found


def direct(text: str) -> Local | None:
    """`name @ URL`, or an URL; None for what is neither, and for files of servers, which pip gets itself."""
    name, extras, marker, url = "", "", "", text
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        if not re.match(r"(?:git\+[a-z]+|file):", text):
            return None
        url, _, marker = (part.strip() for part in text.partition("; "))
    else:
        if not parsed.url:
            return None
        name, url, marker = parsed.name, parsed.url, str(parsed.marker or "")
        extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    plain, _, fragment = url.partition("#")
    if plain.startswith("git+"):
        # As pip spells it, who asks for it again when it is needed.
        return Local(bare(Link(plain).url), name=name)
    if not plain.startswith("file:"):
        return None
    parts = dict(urllib.parse.parse_qsl(fragment))
    path = urllib.parse.unquote(urllib.parse.urlsplit(plain).path)
    location = os.path.normpath(os.path.join(path, parts.get("subdirectory", "")))
    egg = _EXTRAS.fullmatch(parts.get("egg", ""))
    return Local(location, name=name, extras=extras or (egg["extras"] if egg else ""), marker=marker)


def by_path(text: str) -> Local | None:
    """`../lib[extra] ; marker`: None for what pip would not take for a path."""
    path, _, marker = (part.strip() for part in text.partition(";"))
    extras = ""
    if found := _EXTRAS.fullmatch(path):
        path, extras = found["path"].strip(), found["extras"]
    if "://" in path or not (os.sep in path or path.startswith(".") or path.endswith(_ARCHIVES)):
        return None
    return Local(os.path.normpath(path), extras=extras, marker=marker)


def holds(text: str) -> bool:
    """Whether the marker of a requirement holds; True for what has none or can't be read, which is pip's affair."""
    _, _, marker = text.partition(";")
    try:
        return not marker.strip() or Marker(marker.strip()).evaluate()
    except (InvalidMarker, InstallationError):
        return True


def replaced(line: Any, found: Local, source: dict[str, Any]) -> Any:
    """The requirement, of the archive that the host packed."""
    url = "file://" + urllib.parse.quote(source["file"])
    text = f"{found.name}{found.extras} @ {url}" if found.name else source["file"] + found.extras
    return ParsedRequirement(
        requirement=f"{text} ; {found.marker}" if found.marker else text,
        is_editable=False,
        comes_from=line.comes_from,
        constraint=line.constraint,
        options=line.options,
        line_source=line.line_source,
    )


def link_of(reference: str) -> Any:
    """The link of a direct reference, of what the host packed where it has to pack."""
    found = direct(reference)
    if found is None:
        return Link(reference)
    source = _Packed.taken.get(found.location)
    if source is None:
        raise NeedsSources([{"location": found.location, "where": ""}])
    return Link(reference if found.is_vcs else "file://" + urllib.parse.quote(source["file"]))


def described(name: str, version: str, link: Any) -> dict[str, Any]:
    """What is locked of a package of a repository; the host adds what it packed."""
    return {
        "name": name,
        "version": version,
        "file": "",
        "path": None,
        "url": None,
        "source": bare(link.url),
        "subdirectory": link.subdirectory_fragment,
        "index": None,
        "sha256": "",
        "size": None,
        "requires_python": None,
        "yanked": None,
    }


def spoken(link: Any) -> str:
    """What a link is of, for people: its file, or its repository without credentials."""
    return str(link.redacted_url if link.is_vcs else link.filename)


def bare(url: str) -> str:
    """`url` without its fragment."""
    return url.partition("#")[0]
