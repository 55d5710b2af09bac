"""What pip says when it fails, in our words: short, with pip's own reason and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import canonicalize_name

from snapshot.document import Document
from snapshot.errors import IntegrityError, ResolveError, SnapshotError, UsageError
from snapshot.host.pip_config import strip_credentials
from snapshot.lock import explain_build
from snapshot.lock.explain_network import is_network, out_of_reach
from snapshot.project.sources import CONFIGURED, PROJECT_FILE

_NO_VERSION = re.compile(
    r"Could not find a version that satisfies the requirement (?P<what>.*?)(?: \(from (?P<where>(?!versions:).*?)\))? "
    r"\(from versions: (?P<versions>.*)\)$",
    re.DOTALL,
)
_LINE = re.compile(r"-[rc] (?P<file>.*?) \(line (?P<line>\d+)\)")
_INVALID = re.compile(r"Invalid requirement: (?P<what>'[^']*'|\"[^\"]*\"|[^\n]*?)(?= \(from line|: |\n|$)")
_OTHER_NAME = re.compile(
    r"Discarding (?:\[blue underline\])?(?P<where>.*?)(?:\[/\])?: .*inconsistent name: expected '(?P<wanted>[^']*)', "
    r"but metadata has '(?P<found>[^']*)'",
    re.DOTALL | re.IGNORECASE,
)
_NO_PROJECT = re.compile(
    r"^(?P<what>.*?)(?: from \S+)?(?: \(from (?P<where>.*?)\))? does not appear to be a Python project", re.DOTALL
)
_NO_WHEEL = re.compile(r"located at \S*?(?P<file>[^/\s]+\.whl) is invalid")
_NOT_THERE = re.compile(r"HTTP error 404 .*?for url: (?P<url>\S+)", re.DOTALL)
_ENOUGH = 300
_NETWORK_KINDS = frozenset(
    {
        "ConnectionFailedError",
        "ConnectionTimeoutError",
        "NetworkConnectionError",
        "ProxyConnectionError",
        "SSLVerificationError",
    }
)
"""What pip raises: `NetworkConnectionError` also for a file that an index lists and does not have."""


class Miss(Document, frozen=True, kw_only=True):
    """Why there is no file for a pin."""

    name: str
    version: str
    reason: str
    """`name`, `version`, `platform` or `hash`: what of it the indexes do not have."""
    files: tuple[str, ...] = ()
    """Of that version, for whatever platform."""
    versions: tuple[str, ...] = ()
    """The newest that there are."""
    requires_python: str | None = None
    index: str | None = None


class Failure(Document, frozen=True, kw_only=True):
    """How resolving in the base ended, when not well."""

    kind: str
    """Name of pip's exception."""
    bases: tuple[str, ...] = ()
    """Names of the classes that it derives from."""
    message: str = ""
    cause: str = ""
    said: tuple[str, ...] = ()
    """What pip logged before."""
    output: tuple[str, ...] = ()
    """What a package's own build printed last."""
    missing: tuple[Miss, ...] = ()
    """Pins that have no file."""


def error(failure: Failure, *, source: str, python: str, places: Mapping[str, str] | None = None) -> SnapshotError:
    """The error that `failure` is, for requirements of `source` and Python `python`.

    `places` tells where a line stands.
    """
    said = [strip_credentials(line) for line in failure.said]
    message = strip_credentials(failure.message)
    if failure.kind == "NotFound":
        return not_found(failure.missing, python)
    if failure.kind == "NotAPackage":
        return not_a_package(_items(message, source))
    if failure.kind == "WrongHash":
        return wrong_hash(_items(message, source))
    if failure.kind == "NoHash":
        return no_hash(message, source)
    if failure.kind == "OtherBytes":
        return IntegrityError(
            f"`{message}` is not the file whose hash its index or its link gives",
            hint="try again, or use another index; if it stays so, find out who changed it",
        )
    if found := _NO_WHEEL.search(message):
        return IntegrityError(
            f"`{found['file']}` is no wheel, or only a part of one",
            hint="try again, use another index, or ask for another version",
        )
    if failure.kind == "NotBuilt":
        told = [re.sub(r"^\s*ERROR: ", "", strip_credentials(line)) for line in failure.output]
        if found := first(_NO_VERSION, told):
            return no_version(found, f"the build requirements of `{message}`", python, told)
        if not any(is_network(line) for line in told):
            return explain_build.metadata_failed(f"`{message}`", told)
        said += told
    if found := first(_OTHER_NAME, said):
        return ResolveError(
            f"`{found['wanted']}` is asked for at `{found['where']}`, and what is there is `{found['found']}`",
            hint=f"write `{found['found']} @ …`",
        )
    if found := _NO_PROJECT.search(message):
        what = f"`{found['what']}` ({_items(place(found['where']), source)})"
        return explain_build.failed(what, explain_build.NO_PROJECT, (), kind=ResolveError)
    network = [line for line in (*said, message) if is_network(line)]
    if failure.kind in _NETWORK_KINDS:
        network = network or [message]
    if failure.cause == "ResolutionImpossible" and "ResolutionImpossible" in message:
        return contradiction(said, places or {})
    if network and failure.kind not in ("RequirementsFileParseError", "UnsupportedPythonVersion"):
        return out_of_reach(network[0])
    if found := first(_NO_VERSION, said):
        miss = failure.missing[0] if failure.missing else None
        if miss and miss.reason == "platform" and not miss.requires_python and platforms(miss.files):
            where = _items(place(found["where"] or ""), source)
            return other_platforms(found["what"], where, python, miss)
        return no_version(found, source, python, said)
    if found := _NOT_THERE.search(message):
        return ResolveError(f"`{found['url']}` is not there (404)", hint="correct the address")
    if failure.kind == "UnsupportedPythonVersion":
        return other_python(message, python)
    if found := _INVALID.search(message):
        return invalid(found, message, source, places or {})
    if failure.kind == "RequirementsFileParseError" or "requirements file" in message:
        return UsageError(f"{source}: {_short(message)}", hint=f"correct `{source}`")
    return ResolveError(f"the requirements of {source} can't be resolved: {_short(message) or failure.kind}")


def not_found(missing: Sequence[Miss], python: str) -> SnapshotError:
    """Pins without a file, all at once."""
    spoken = "; ".join(_missed(miss, python) for miss in missing)
    kinds = {miss.reason for miss in missing}
    if kinds == {"hash"}:
        return IntegrityError(spoken, hint="find out whose files they are; then lock anew with the tool that pins them")
    return ResolveError(
        spoken,
        hint="add the index that has them to pip's configuration (`extra-index-url`)"
        if kinds <= {"name", "version"}
        else "lock anew with the tool that pins them, for Linux and this Python",
    )


def other_platforms(what: str, where: str, python: str, miss: Miss) -> SnapshotError:
    """A package that has wheels, for others."""
    where = f" ({where})" if where else ""
    hint = (
        "ask for another version, or choose another Python or base in the configuration: "
        '`python = "3.12"`, `base = "python:3.12-slim-bookworm"`'
    )
    if system := _only_system(miss.files):
        hint = f"it is for another system only: write `{what}; sys_platform == '{system}'`, or leave it out"
    return ResolveError(
        f"`{what}`{where} has no file for Python {python} on this base: "
        f"of {miss.name} {miss.version}, {platforms(miss.files)}",
        hint=hint,
    )


def _only_system(names: Sequence[str]) -> str | None:
    """`win32` or `darwin`, as `sys_platform` has it, where all the files `names` are wheels for that system."""
    for system, mark in (("win32", r"[-.]win(?:32|_\w+)\.whl"), ("darwin", r"[-.]macosx_\w+\.whl")):
        if all(re.search(mark, name) for name in names):
            return system
    return None


def _missed(miss: Miss, python: str) -> str:
    what = f"`{miss.name}=={miss.version}`"
    if miss.reason == "name":
        return f"{what} is not on the indexes"
    if miss.reason == "version":
        some = f"; there are {', '.join(miss.versions)}" if miss.versions else ""
        return f"{what} is not on the indexes{some}"
    if miss.reason == "hash":
        return f"no file of {what} on the indexes has a hash that was pinned"
    needs = f", which needs Python {miss.requires_python}," if miss.requires_python else ""
    return (
        f"{what}{needs} has no file for Python {python} on this base: {platforms(miss.files) or 'none that pip reads'}"
    )


def platforms(names: Sequence[str]) -> str:
    """For which Pythons and platforms there are wheels among the files `names`, for people."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    found: dict[str, set[str]] = {}
    for name in names:
        if not name.endswith(".whl"):
            continue
        try:
            tags = parse_wheel_filename(name)[3]
        except InvalidWheelFilename:
            continue
        for tag in tags:
            found.setdefault(tag.interpreter, set()).add(tag.platform)
    shown = [f"{interpreter} on {', '.join(sorted(found[interpreter])[:4])}" for interpreter in sorted(found)]
    return f"wheels are for {'; '.join(shown[-4:])}" if shown else ""


def yanked(name: str, version: str, reason: str) -> str:
    """A package that its index has withdrawn (PEP 592), and is used all the same since it is asked for by version."""
    return f"{name} {version} was withdrawn from its index" + (f": {_short(reason)}" if reason.strip() else "")


def stands(comes_from: str, source: str) -> str:
    """Where a requirement stands, of pip's words for it."""
    return _items(place(comes_from), source) if comes_from else source


def not_a_package(requirement: str) -> SnapshotError:
    """A path, an URL or a repository."""
    return ResolveError(
        f"`{_spoken(requirement)}` is no package of an index and can't be locked",
        hint="the project's own code needs no line (`-e .`); name other packages by name and version, "
        "or put their wheels into a find-links folder",
    )


def wrong_hash(text: str) -> SnapshotError:
    """The hashes of a requirement are those of other files: `text` is file name, sha256 and where it stands."""
    name, _, rest = text.partition(" ")
    sha256, _, comes_from = rest.partition(" ")
    has = f"has sha256:{sha256}, which" if sha256 else "has a hash that"
    return IntegrityError(
        f"{place(comes_from).strip('()')}: `{name}` {has} is not among the hashes given",
        hint="find out whose file it is; if it is the one that you want, write its hash: "
        f"`--hash=sha256:{sha256 or '…'}`",
    )


def no_hash(packages: str, source: str) -> SnapshotError:
    """Hashes are demanded, by `--require-hashes` or since one requirement has one, and some packages have none."""
    return ResolveError(
        f"{source} demands hashes, and gives none for {_short(packages)}",
        hint="give every package its version and `--hash`, as `pip-compile --generate-hashes` does, "
        "or none: `snap.lock` has a hash of each file in any case",
    )


def contradiction(said: Iterable[str], places: Mapping[str, str]) -> SnapshotError:
    """No set of versions satisfies all requirements: pip's list of those in conflict, and where each stands."""
    lines = [line.strip() for text in said if "The conflict is caused by" in text for line in text.splitlines()]
    causes = [line for line in lines if "depends on" in line or "requested" in line]
    spoken = "; ".join(dict.fromkeys(_requested(line, places) for line in causes))
    return ResolveError(
        f"the requirements contradict each other: {_short(spoken)}"
        if spoken
        else "the requirements contradict each other",
        hint="loosen one of them",
    )


def no_version(found: re.Match[str], source: str, python: str, said: Sequence[str] = ()) -> SnapshotError:
    """No version of a package fits."""
    what, where = found["what"], _items(place(found["where"] or ""), source)
    where = where or (source if source.startswith("the build requirements") else "")
    where = f" ({where})" if where else ""
    versions = [version for version in found["versions"].split(", ") if version != "none"]
    if other := [
        needs[1] for version, needs in _other_pythons(said).items() if re.search(rf"==\s*{re.escape(version)}$", what)
    ]:
        return ResolveError(
            f"`{what}`{where} needs another Python than {python}: {other[0]}",
            hint='choose another version, or another Python: `python = "3.13"` in the configuration',
        )
    if not versions:
        return ResolveError(
            f"no version of `{what}`{where} for Python {python} is on the indexes",
            hint="check its name, or add the index that has it to pip's configuration (`extra-index-url`)",
        )
    some = ", ".join(versions[-8:])
    return ResolveError(
        f"no version of `{what}`{where} fits Python {python}; there are {'… ' if len(versions) > 8 else ''}{some}",
        hint=f"change the version in {source}",
    )


def other_python(message: str, python: str) -> SnapshotError:
    """The only version there is needs another Python."""
    found = re.search(r"Package '(?P<what>[^']*)' requires a different Python: \S+ not in '(?P<needs>[^']*)'", message)
    said = f"`{found['what']}` needs another Python than {python}: {found['needs']}" if found else _short(message)
    return ResolveError(said, hint='choose another version, or another Python: `python = "3.13"` in the configuration')


def _other_pythons(said: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Version → what Python it needs, of pip's list of versions that it ignored for that."""
    text = " ".join(line for line in said if "require a different python version" in line.lower())
    return {found[0]: found for found in re.findall(r"(\S+) Requires-Python ([^;\n]+)", text)}


def invalid(found: re.Match[str], message: str, source: str, places: Mapping[str, str]) -> SnapshotError:
    """A line that pip can't read."""
    what = found["what"].strip("'\"")
    line = re.search(r"(?:line (?P<a>\d+) of (?P<b>[^)\n]+)|-[rc] (?P<d>[^)\n]+?) \(line (?P<c>\d+)\))", message)
    where = places.get(what) or (f"{line['b'] or line['d']}, line {line['a'] or line['c']}" if line else source)
    where = _items(where, source)
    if "looks like a path" in message:
        return UsageError(f"{where}: `{what}` is a path that is not there", hint="name packages by name and version")
    return UsageError(f"{where}: `{what}` is not a requirement", hint="write it as in `numpy>=2,<3`")


def _requested(line: str, places: Mapping[str, str]) -> str:
    """`The user requested numpy<2`, with the line that says so."""
    what = line.removeprefix("The user requested").removeprefix(" (constraint)").strip()
    if what == line:
        return line
    where = [name for text, name in places.items() if _same(text, what)]
    return f"requested: {what}" + (f" ({', '.join(where)})" if where else "")


def _same(line: str, what: str) -> bool:
    """Whether `line` asks for the package and versions that pip names as `what`."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        a, b = Requirement(re.sub(r"\s--.*", "", line)), Requirement(what)
    except InvalidRequirement:
        return False
    return (canonicalize_name(a.name), a.specifier, a.url) == (canonicalize_name(b.name), b.specifier, b.url)


def place(comes_from: str) -> str:
    """pip's `-r requirements.txt (line 2)` as `requirements.txt, line 2`."""
    return _LINE.sub(r"\g<file>, line \g<line>", comes_from)


def _items(text: str, source: str) -> str:
    """`text`, where what stood in no requirements file has items rather than lines."""
    if source not in (CONFIGURED, PROJECT_FILE):
        return text
    return re.sub(rf"(?:-r )?({re.escape(source)})(?:, line (\d+)| \(line (\d+)\))", _item, text)


def _item(found: re.Match[str]) -> str:
    return f"{found[1]}, item {found[2] or found[3]}"


def first(pattern: re.Pattern[str], lines: Iterable[str]) -> re.Match[str] | None:
    """The first match among `lines`."""
    return next((found for line in lines if (found := pattern.search(line))), None)


def _spoken(requirement: str) -> str:
    return place(requirement)


def _short(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    text = text if len(text) <= _ENOUGH else text[:_ENOUGH] + " …"
    return text[:1].lower() + text[1:]
