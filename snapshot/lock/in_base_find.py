"""Files for pins: of exactly these versions, the one that pip would install in this base; imported by `in_base_pip`."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import in_base_sources
from in_base_links import described, download, hash_file
from in_base_said import SAID, NotFound, about
from pip._internal.models.link import Link
from pip._internal.models.search_scope import SearchScope
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from pip._vendor.packaging.version import InvalidVersion, Version

CONNECTIONS = 6
USER = re.compile(r"//[^/@\s]*@")
NO_VERSION = re.compile(r"Could not find a version that satisfies the requirement (?P<what>.*?)(?: \(from |$)")
SHOWN = 40
"""File names that are told of a version whose files do not fit."""


def find(wanted: list[dict[str, Any]], repository: Any, sizes: dict[str, int]) -> list[dict[str, Any]]:
    """The file of each pin in `wanted`; raises NotFound with all that have none."""
    finder = repository.finder
    known = {url.rstrip("/") for url in finder.index_urls}
    more = {pin["index"] for pin in wanted if pin["index"] and pin["index"].rstrip("/") not in known}
    finder.search_scope = SearchScope.create(
        find_links=finder.find_links, index_urls=[*finder.index_urls, *sorted(more)], no_index=False
    )
    found = [of_link(pin, repository, sizes) for pin in wanted if pin["direct"]]
    wanted, missing = [pin for pin in wanted if not pin["direct"]], []
    names = sorted({pin["name"] for pin in wanted})
    pages = {name: offered(name, finder) for name in names[:1]}
    # pip asks a server that does not answer six times, and would do so for every name.
    leave_out_silent(finder)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        pages.update(pool.map(lambda name: (name, offered(name, finder)), names[1:]))
    for pin in wanted:
        link = best(pin, pages[pin["name"]], repository) or best(pin, placed(pin, finder), repository)
        if link is None:
            missing.append(miss(pin, pages[pin["name"]], finder))
        else:
            found.append(described(pin["name"], pin["version"], link, None, repository, sizes))
    if missing:
        raise NotFound(missing)
    return found


def of_link(pin: dict[str, Any], repository: Any, sizes: dict[str, int]) -> dict[str, Any]:
    """The file of a direct reference; its version may be known only when it is built."""
    link = in_base_sources.link_of(pin["direct"])
    version = pin["version"] or version_of(link.filename) or ""
    if link.is_vcs:
        return dict(in_base_sources.described(pin["name"], version, link))
    if not is_allowed(link, pin["hashes"], repository):
        raise NotFound([pin_missed(pin, "hash")])
    held = None if link.is_file else download(link, repository)
    return dict(described(pin["name"], version, link, held, repository, sizes))


def offered(name: str, finder: Any) -> list[Any]:
    """What the indexes and folders have of `name` for this base."""
    about(name)
    return list(finder.find_all_candidates(name))


def leave_out_silent(finder: Any) -> None:
    """Ask no index any more that there was no connection to, as pip `SAID`."""
    said = [USER.sub("//", line) for line in SAID if "connection error" in line or "timed out" in line]
    heard = [
        url for url in finder.index_urls if not any(f"{USER.sub('//', url.rstrip('/'))}/" in line for line in said)
    ]
    finder.search_scope = SearchScope.create(find_links=finder.find_links, index_urls=heard, no_index=False)


def placed(pin: dict[str, Any], finder: Any) -> list[Any]:
    """The files whose places the pin itself tells, those that fit this base."""
    links = [Link(place) for place in pin["places"]]
    return list(finder.evaluate_links(finder.make_link_evaluator(pin["name"]), links))


def best(pin: dict[str, Any], candidates: list[Any], repository: Any) -> Any:
    """The link of the best file that the pin allows; None when there is none."""
    fit = [candidate for candidate in candidates if is_version(str(candidate.version), pin["version"])]
    evaluator = repository.finder.make_candidate_evaluator(pin["name"])
    while fit:
        candidate = evaluator.sort_best_candidate(fit)
        if is_allowed(candidate.link, pin["hashes"], repository):
            return candidate.link
        fit.remove(candidate)
    return None


def is_allowed(link: Any, hashes: list[str], repository: Any) -> bool:
    """Whether the file of `link` has one of the hashes, which are in OCI notation; none given allow all."""
    if not hashes:
        return True
    given = link.as_hashes()._allowed
    if any(f"{kind}:{digits}" in hashes for kind, known in given.items() for digits in known):
        return True
    kinds = {text.partition(":")[0] for text in hashes}
    if kinds <= set(given):
        return False
    # The index says nothing of the kind of hash that the pin has: the file itself must be read.
    path = download(link, repository)
    return any(f"{kind}:{hash_file(path, kind)}" in hashes for kind in sorted(kinds))


def miss(pin: dict[str, Any], candidates: list[Any], finder: Any) -> dict[str, Any]:
    """Why there is no file for the pin."""
    fit = [candidate for candidate in candidates if is_version(str(candidate.version), pin["version"])]
    links = all_links(pin["name"], finder)
    files = [link for link in links if is_version(version_of(link.filename), pin["version"])]
    reason = "hash" if fit else "platform" if files else "version" if links else "name"
    return {
        **pin_missed(pin, reason),
        "files": sorted(link.filename for link in files)[:SHOWN],
        "requires_python": next((link.requires_python for link in files if link.requires_python), None),
        "versions": sorted({version_of(link.filename) or "" for link in links} - {""}, key=Version)[-8:],
    }


def lacking(said: list[str], finder: Any) -> list[dict[str, Any]]:
    """Of a requirement that no version fits, as pip `said`: what there is for other platforms and Pythons."""
    found = next((match for line in said if (match := NO_VERSION.search(line))), None)
    if found is None:
        return []
    requirement = Requirement(found["what"])
    links = all_links(str(canonicalize_name(requirement.name)), finder)
    versions = {version_of(link.filename) or "" for link in links} - {""}
    fit = sorted(requirement.specifier.filter(versions), key=Version)
    pin = {"name": requirement.name, "version": fit[-1] if fit else "", "index": None}
    return [miss(pin, [], finder)] if fit else []


def pin_missed(pin: dict[str, Any], reason: str) -> dict[str, Any]:
    """A pin, and what of it there is not."""
    return {"name": pin["name"], "version": pin["version"], "index": pin["index"], "reason": reason}


def all_links(name: str, finder: Any) -> list[Any]:
    """Every file of `name`, for whatever platform and Python; the pages are in pip's cache."""
    out: list[Any] = []

    def noting(_: Any, links: Any) -> list[Any]:
        out.extend(links)
        return []

    plain, known = finder.evaluate_links, getattr(finder, "_all_candidates", {})
    finder.evaluate_links = noting
    before = known.pop(name, None)
    clear = getattr(finder.find_all_candidates, "cache_clear", lambda: None)
    try:
        clear()
        finder.find_all_candidates(name)
    finally:
        finder.evaluate_links = plain
        clear()
        known.pop(name, None)
        if before is not None:
            known[name] = before
    return [link for link in out if name_of(link.filename) == name]


def name_of(file: str) -> str | None:
    """The normalized name of the package that `file` is of."""
    parsed = parsed_name(file)
    return parsed[0] if parsed else None


def version_of(file: str) -> str | None:
    """The version of the package that `file` is of."""
    parsed = parsed_name(file)
    return parsed[1] if parsed else None


def parsed_name(file: str) -> tuple[str, str] | None:
    """Name and version, of the name of a wheel or of a source archive."""
    try:
        if file.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(file)
        else:
            name, version = parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return str(canonicalize_name(name)), str(version)


def is_version(text: str | None, wanted: str) -> bool:
    """Whether `text` is the version `wanted`, its local part included."""
    try:
        return text is not None and Version(text) == Version(wanted)
    except InvalidVersion:
        return text == wanted
