"""Resolving inside the base, with pip-tools' own API on pip's; imported by `in_base` once pip is configured.

Metadata is all that resolving needs: it is asked of the index (PEP 658), read out of the wheel with range requests
(pip's `fast-deps`), and kept by the wheel's sha256. Whole files are fetched only from servers that can do neither;
those are kept for the build. Hashes are the index's; a file is read to be hashed only where an index gives none.
"""

from __future__ import annotations

import functools
import mimetypes
import os
import re
import shlex
import shutil
import tarfile
import tempfile
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import in_base_distutils
import in_base_find
import in_base_sources
import piptools.logging
from in_base_links import described, has_hash, hash_of, held_at, keep, note_sizes
from in_base_said import FOLDERS, SAID, NeedsSources, NoHash, NotBuilt, NoVersion, OtherBytes, WrongHash, about, listen
from pip._internal import build_env
from pip._internal.exceptions import (
    DistributionNotFound,
    HashMismatch,
    InstallationSubprocessError,
    MetadataGenerationFailed,
)
from pip._internal.metadata import get_metadata_distribution
from pip._internal.req.constructors import install_req_from_line
from pip._internal.utils.temp_dir import global_tempdir_manager
from pip._vendor.packaging.utils import canonicalize_name
from piptools._compat import parse_requirements
from piptools.repositories import PyPIRepository
from piptools.resolver import BacktrackingResolver
from piptools.utils import drop_extras, key_from_ireq

HTTP_CACHE = "/snap/cache/pip"
METADATA = "/snap/cache/metadata"
PYPROJECT = import_module("pip._internal.pyproject")
BROKEN = (
    (getattr(PYPROJECT, "tomllib", None) or PYPROJECT.tomli).TOMLDecodeError,
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
)
"""What pip lets pass of a source archive that can't be read."""

_INCLUDE = re.compile(r"(\s*(?:-r|-c|--requirement|--constraint|-f|--find-links)(?:\s+|\s*=\s*))(\S.*)")


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """The packages that `question` leads to, each with its file; or what the host has to fetch."""
    sizes = note_sizes()
    piptools.logging.log.verbosity = 0
    arguments = ["--cache-dir", HTTP_CACHE, "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    repository = PyPIRepository([*arguments, "--use-feature=fast-deps"], cache_dir=HTTP_CACHE)
    listen()
    # pip starts itself to install what a build asks for. A newer one does not look here, nor need it.
    build_env.get_runnable_pip = lambda: in_base_distutils.__file__  # type: ignore[attr-defined]
    in_base_sources.use(question["sources"])
    packages: list[dict[str, Any]] = []
    needed: list[dict[str, str]] = []
    try:
        given = wanted(question, repository)
        if question["pins_to_find"]:
            packages = in_base_find.find(question["pins_to_find"], repository, sizes)
        else:
            packages = resolve(question, given, repository, sizes)
    except NeedsSources as problem:
        needed = problem.needed
    except DistributionNotFound as problem:
        raise NoVersion(problem, in_base_find.lacking(SAID, repository.finder)) from problem.__cause__
    return {
        "packages": sorted(packages, key=lambda package: str(package["name"])),
        "needed": needed,
        "warnings": list(
            dict.fromkeys(line for line in SAID if line.startswith("Could not fetch") and "404" not in line)
        ),
    }


def resolve(
    question: dict[str, Any], given: list[Any], repository: PyPIRepository, sizes: dict[str, int]
) -> list[dict[str, Any]]:
    """What `given` leads to."""
    prepared = watch_preparing(repository.command)
    demands = hash_demands(given, repository)
    with global_tempdir_manager():
        resolver = BacktrackingResolver(
            constraints=given,
            existing_constraints={name: pinned(name, version) for name, version in question["pins"].items()},
            repository=repository,
            allow_unsafe=True,
        )
        found = resolver.resolve(max_rounds=100)
        missing_hash(found, demands)
    needs = dependencies(found)
    return [describe(ireq, needs, sizes, prepared, repository, demands or {}) for ireq in found]


def wanted(question: dict[str, Any], repository: PyPIRepository) -> list[Any]:
    """The requirements as pip reads them, options in them applied."""
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name), question["file"]
        FOLDERS.append(f"{name}/")
        if not file:
            file = folder / Path(question["source"]).name
            write(file, "".join(f"{_INCLUDE.sub(rooted, line)}\n" for line in question["lines"]))
        upgrades, implied = folder / "upgrades", folder / "implied"
        write(upgrades, "\n".join(question["upgrades"]))
        write(implied, "\n".join(question["implied"]))
        out: list[Any] = []
        for path, constraint in ((file, False), (implied, False), (upgrades, True)):
            out += parse_requirements(
                str(path),
                finder=repository.finder,
                session=repository.session,
                options=repository.options,
                constraint=constraint,
            )
    # Hashes of one are asked of all, also where the one is not for this base.
    repository.options.require_hashes |= question["require_hashes"] or any(ireq.hash_options for ireq in out)
    out = [ireq for ireq in out if ireq.match_markers(())]
    for ireq in out:
        drop_extras(ireq)
    return out


def hash_demands(given: list[Any], repository: Any) -> dict[str, list[Any]] | None:
    """Name → the hashes that each requirement of it gives, and where; None where no hashes are demanded.

    pip's finder prefers files that have a hash given for them; its own check is left out, since it would fetch files.
    What is given is copied: pip adds the index's own hash to it when it prepares a file.
    """
    demanded = repository.options.require_hashes
    repository.options.require_hashes = False
    out: dict[str, list[Any]] = {}
    for ireq in given:
        if ireq.hash_options:
            allowed = {kind: {digits.lower() for digits in known} for kind, known in ireq.hash_options.items()}
            out.setdefault(key_from_ireq(ireq), []).append((allowed, ireq.comes_from))
    return out if demanded else None


def missing_hash(found: Any, demands: dict[str, list[Any]] | None) -> None:
    """Raise NoHash for packages that no requirement gives a hash of; a direct link may give its own."""
    if demands is None:
        return
    names = sorted(
        f"{key_from_ireq(ireq)}=={next(iter(ireq.specifier)).version}"
        for ireq in found
        if key_from_ireq(ireq) not in demands and not (ireq.original_link and hash_of(ireq.original_link))
    )
    if names:
        raise NoHash(", ".join(names))


def rooted(found: re.Match[str]) -> str:
    """A path in a line that stood in no file, from the project's folder."""
    return found[1] + (found[2] if "://" in found[2] else shlex.quote(str(Path.cwd() / found[2].strip("'\""))))


def pinned(name: str, version: str) -> Any:
    """A pin of the old lock."""
    return install_req_from_line(f"{name}=={version}", constraint=True)


def watch_preparing(command: Any) -> dict[str, Path]:
    """Let `command` make preparers that know our metadata and fetch nothing once resolving is done.

    Returns what they fetched all the same: URL → file. All that is changed are objects of this process.
    """
    make = command.make_requirement_preparer
    fetched: dict[str, Path] = {}

    @functools.wraps(make)
    def make_ours(*arguments: Any, **options: Any) -> Any:
        preparer = make(*arguments, **options)
        remember(preparer, fetched)
        # pip would now fetch every file that it knows by metadata only, which is the build's affair.
        preparer.prepare_linked_requirements_more = lambda *_, **__: None
        return preparer

    command.make_requirement_preparer = make_ours
    return fetched


def remember(preparer: Any, fetched: dict[str, Path]) -> None:
    """Let `preparer` look for a wheel's metadata under its sha256 first, and keep what it had to fetch."""
    fetch, prepare = preparer._fetch_metadata_only, preparer._prepare_linked_requirement
    plain = preparer._download

    def download_ours(link: Any, location: str) -> tuple[str, str]:
        held = held_at(link)
        if held is None:
            return tuple(plain(link, location))
        return shutil.copy(held, location), mimetypes.guess_type(link.filename)[0] or ""

    def fetch_ours(req: Any) -> Any:
        about(req.name)
        path = metadata_path(req)
        if path and path.exists():
            return get_metadata_distribution(path.read_bytes(), req.link.filename, canonicalize_name(req.req.name))
        return saved(fetch(req), path)

    def prepare_ours(req: Any, *arguments: Any, **options: Any) -> Any:
        about(req.name)
        path, link = metadata_path(req), req.link
        # pip's copies share these lists, and it adds to them.
        req.hash_options = {kind: list(known) for kind, known in req.hash_options.items()}
        try:
            distribution = saved(prepare(req, *arguments, **options), path)
        except (InstallationSubprocessError, MetadataGenerationFailed, *BROKEN) as problem:
            raise NotBuilt(in_base_sources.spoken(link)) from problem
        except HashMismatch as problem:
            if not req.hash_options:
                raise OtherBytes(in_base_sources.spoken(link)) from problem
            got = problem.gots.get("sha256")
            raise WrongHash(f"{link.filename} {got.hexdigest() if got else ''} ({req.comes_from})") from problem
        if not link.is_file and not link.is_vcs and req.local_file_path:
            fetched[link.url] = keep(link, Path(req.local_file_path))
        return distribution

    preparer._download = download_ours
    preparer._fetch_metadata_only = fetch_ours
    preparer._prepare_linked_requirement = prepare_ours


def metadata_path(req: Any) -> Path | None:
    """Where the metadata of the wheel behind `req` is kept; None for what has no hash or is no wheel."""
    sha256 = hash_of(req.link) if req.link and req.link.is_wheel and req.req else None
    return Path(METADATA, sha256[:2], sha256) if sha256 else None


def saved(distribution: Any, path: Path | None) -> Any:
    """`distribution`, its metadata written to `path`."""
    if distribution is not None and path and not path.exists():
        text = distribution.read_text("METADATA")
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
        Path(part).replace(path)
    return distribution


def describe(
    ireq: Any,
    needs: dict[str, set[str]],
    sizes: dict[str, int],
    prepared: dict[str, Path],
    repository: Any,
    demands: dict[str, list[Any]],
) -> dict[str, Any]:
    """One package of the lock."""
    link, name = ireq.link, key_from_ireq(ireq)
    version = next(iter(ireq.specifier)).version
    held = Path(link.file_path) if link.is_file else prepared.get(link.url)
    more = {"dependencies": sorted(needs.get(name, ()))}
    if link.is_vcs:
        return {**in_base_sources.described(name, version, link), **more}
    out: dict[str, Any] = described(name, version, link, held, repository, sizes)
    for allowed, comes_from in demands.get(name, ()):
        if not has_hash(link, out["sha256"], allowed, held, repository):
            raise WrongHash(f"{link.filename} {out['sha256']} ({comes_from})")
    if not link.is_wheel and link.is_file:
        # The build finds all source in one place.
        keep(link, Path(link.file_path))
    return {**out, **more}


def dependencies(found: Any) -> dict[str, set[str]]:
    """Name → the names that it needs, of the parents that pip-tools notes with each package."""
    out: dict[str, set[str]] = {}
    for ireq in found:
        for parent in getattr(ireq, "_required_by", ()):
            out.setdefault(parent, set()).add(key_from_ireq(ireq))
    return out


def write(path: Path, text: str) -> None:
    """Write a small file."""
    path.write_text(text, encoding="utf-8")
