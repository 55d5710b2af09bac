"""What pip says when it fails, in our words: short, with pip's own reason and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from snapshot.document import Document
from snapshot.errors import NetworkError, ResolveError, SnapshotError, UsageError
from snapshot.host.pip_config import strip_credentials

_NOT_FETCHED = re.compile(r"Could not fetch URL (?P<url>\S+): (?P<reason>.*?)(?: - skipping)?$", re.DOTALL)
_NO_VERSION = re.compile(
    r"Could not find a version that satisfies the requirement (?P<what>.*?)(?: \(from (?P<where>(?!versions:).*?)\))? "
    r"\(from versions: (?P<versions>.*)\)$",
    re.DOTALL,
)
_LINE = re.compile(r"-[rc] (?P<file>.*?) \(line (?P<line>\d+)\)")
_INVALID = re.compile(r"Invalid requirement: (?P<what>'[^']*'|\"[^\"]*\"|[^\n]*?)(?= \(from line|: |\n|$)")
_ERRNO = re.compile(r"\[Errno -?\d+\] ([^')\"]+)")
_STATUS = re.compile(r"\b(?P<code>[45]\d\d) (?:Client|Server) Error: (?P<words>[^f]\S*(?: \S+)*?) for url")
_ENOUGH = 300


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


def error(failure: Failure, *, source: str, python: str, places: Mapping[str, str] | None = None) -> SnapshotError:
    """The error that `failure` is, for requirements of `source` and Python `python`.

    `places` tells where a line stands.
    """
    said = [strip_credentials(line) for line in failure.said]
    message = strip_credentials(failure.message)
    if failure.kind == "NoWheel":
        return no_wheel(message)
    if failure.kind == "NotAPackage":
        return not_a_package(message)
    network = [line for line in (*said, message) if is_network(line)]
    if failure.cause == "ResolutionImpossible" and "ResolutionImpossible" in message:
        return contradiction(said)
    if network and failure.kind not in ("RequirementsFileParseError", "UnsupportedPythonVersion"):
        return out_of_reach(network[0])
    if found := first(_NO_VERSION, said):
        return no_version(found, source, python, said)
    if failure.kind == "UnsupportedPythonVersion":
        return other_python(message, python)
    if found := _INVALID.search(message):
        return invalid(found, message, source, places or {})
    if failure.kind == "RequirementsFileParseError" or "requirements file" in message:
        return UsageError(f"{source}: {_short(message)}", hint=f"correct `{source}`")
    return ResolveError(f"the requirements of {source} can't be resolved: {_short(message) or failure.kind}")


def no_wheel(package: str) -> SnapshotError:
    """An index has `package` (name and version) as source only."""
    name, _, version = package.partition(" ")
    return ResolveError(
        f"`{name}` {version} is on the index as source only, without a wheel for this base",
        hint="ask for a version that has a wheel, or put one into a find-links folder: "
        f"`pip wheel --no-deps {name}=={version}`",
    )


def not_a_package(requirement: str) -> SnapshotError:
    """A path, an URL or a repository."""
    return ResolveError(
        f"`{_spoken(requirement)}` is no package of an index and can't be locked",
        hint="the project's own code needs no line (`-e .`); name other packages by name and version, "
        "or put their wheels into a find-links folder",
    )


def contradiction(said: Iterable[str]) -> SnapshotError:
    """No set of versions satisfies all requirements: pip's list of those in conflict."""
    lines = [line.strip() for text in said if "The conflict is caused by" in text for line in text.splitlines()]
    causes = [line for line in lines if "depends on" in line or "requested" in line]
    spoken = "; ".join(dict.fromkeys(line.replace("The user requested", "requested:") for line in causes))
    return ResolveError(
        f"the requirements contradict each other: {_short(spoken)}"
        if spoken
        else "the requirements contradict each other",
        hint="loosen one of them",
    )


def no_version(found: re.Match[str], source: str, python: str, said: Sequence[str] = ()) -> SnapshotError:
    """No version of a package fits."""
    what, where = found["what"], place(found["where"] or "")
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
    if "looks like a path" in message:
        return UsageError(f"{where}: `{what}` is a path that is not there", hint="name packages by name and version")
    return UsageError(f"{where}: `{what}` is not a requirement", hint="write it as in `numpy>=2,<3`")


def is_network(line: str) -> bool:
    """Whether `line` says that a server can't be reached or refuses, rather than that it lacks a page."""
    if _NOT_FETCHED.search(line):
        return "404" not in line and "[Errno 2]" not in line
    return any(
        word in line
        for word in ("Max retries exceeded", "CERTIFICATE_VERIFY_FAILED", "Connection refused", "Name or service")
    ) or bool(_STATUS.search(line) and "404" not in line)


def out_of_reach(line: str) -> SnapshotError:
    """A server's refusal, or its silence."""
    page = _NOT_FETCHED.search(line)
    url = page["url"] if page else next(iter(re.findall(r"https?://[^\s'\"),]+", line)), "the index")
    where = f"`{url}` can't be fetched"
    if "CERTIFICATE_VERIFY_FAILED" in line or "certificate verify failed" in line:
        return NetworkError(
            f"{where}: its certificate is not trusted (CERTIFICATE_VERIFY_FAILED)",
            hint="name your company's certificates: `pip config set global.cert FILE`",
        )
    if status := _STATUS.search(line):
        if status["code"] in ("401", "403", "407"):
            return NetworkError(
                f"{where}: {status['code']} {status['words']}",
                hint="give the index's credentials in pip's configuration (`index-url = https://USER:TOKEN@…`) "
                "or in `~/.netrc`",
            )
        return NetworkError(
            f"{where}: {status['code']} {status['words']}", hint="try again later, or use another index"
        )
    reason = _ERRNO.search(line)
    words = reason[1].strip().lower() if reason else "timed out" if "timed out" in line.lower() else "no connection"
    return NetworkError(
        f"{where}: {words}", hint="check the network, the proxy and pip's `index-url` (`pip config list`)"
    )


def warnings(lines: Sequence[str]) -> tuple[str, ...]:
    """What to tell of pages that could not be had although resolving went well."""
    return tuple(dict.fromkeys(out_of_reach(strip_credentials(line)).message for line in lines if is_network(line)))


def place(comes_from: str) -> str:
    """pip's `-r requirements.txt (line 2)` as `requirements.txt, line 2`."""
    return _LINE.sub(r"\g<file>, line \g<line>", comes_from)


def first(pattern: re.Pattern[str], lines: Iterable[str]) -> re.Match[str] | None:
    """The first match among `lines`."""
    return next((found for line in lines if (found := pattern.search(line))), None)


def _spoken(requirement: str) -> str:
    return place(requirement)


def _short(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    text = text if len(text) <= _ENOUGH else text[:_ENOUGH] + " …"
    return text[:1].lower() + text[1:]
