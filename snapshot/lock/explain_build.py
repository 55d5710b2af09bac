"""What a package's own build says when it fails, in a few lines, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from snapshot.errors import BuildError, ResolveError, SnapshotError
from snapshot.host.pip_config import strip_credentials

NO_PROJECT = "NoProject"
"""The source has nothing to build."""
_TELLING = re.compile(
    r"\b(?:\w*(?:Error|Exception)\b|error\b|fatal\b|not found|No such file|cannot find|Could not)", re.I
)
_NOISE = re.compile(
    r"exit (?:code|status)|subprocess-exited-with-error|^note: |originates from|end of output|^\s*File \"|^\s*raise |"
    r"^Traceback|^\s*[~^]+\s*$|CalledProcessError|"
    r"\s-I\S+ .*\s-c\s|metadata-generation-failed|Getting requirements to build|"
    r"did not run successfully|likely not a problem with pip|egg_info|hook",
)
_LINES = 3
_ENOUGH = 400
_CONFIGURE = "add to the configuration `packages = [{}]`, or the names to `apt.txt` if there is one"
_HINTS = (
    (r"(?:g\+\+|c\+\+|clang\+\+)['`\"]?(?: failed)?:? *(?:No such|not found|command not)|No such file or directory: "
     r"'[\w-]*(?:g|c)\+\+'|CMAKE_CXX_COMPILER", _CONFIGURE.format('"g++", "python3-dev"')),
    (r"(?:gcc|cc|clang)['`\"]?(?: failed)?:? *(?:No such|not found|command not)|No such file or directory: "
     r"'[\w-]*(?:gcc|cc|clang)'|unable to execute '[\w-]*(?:gcc|cc)|CMAKE_C_COMPILER|Unknown compiler|"
     r"no acceptable C compiler", _CONFIGURE.format('"gcc", "python3-dev"')),
    (r"Python\.h", _CONFIGURE.format('"gcc", "python3-dev"')),
    (r"(?:cargo|rustc|Rust toolchain)\b", _CONFIGURE.format('"cargo", "rustc"')),
    (r"pkg-config['`\"]?(?: failed)?:? *(?:No such|not found|command not)|Did not find pkg-config|"
     r"No such file or directory: 'pkg-config'", _CONFIGURE.format('"pkg-config"')),
    (r"No such file or directory: 'cmake'|cmake: not found|CMake must be installed", _CONFIGURE.format('"cmake"')),
    (r"setuptools[-_]scm was unable|unable to detect version|No such file or directory: 'git'",
     "it takes its version from git's tags: name a tag of its repository (`git+https://…@v1.0`), or ask for a wheel"),
    (r"No module named '?(?:distutils|imp|lib2to3)\b",
     "it is written for an older Python: ask for a newer version of it, or choose an older `python`"),
    (r"name resolution|Network is unreachable|NewConnectionError|Max retries exceeded|Could not resolve host",
     "builds have no network: ask for a version that has a wheel, or put one into a find-links folder of pip"),
)  # fmt: skip
_HEADER = re.compile(r"fatal error: (?P<name>\S+): No such file")
_CONFIG = re.compile(r"(?P<name>\w+[-_]config)\b.*not found")
_MODULE = re.compile(r"No module named '?(?P<name>[\w.]+)'?")


def failed(what: str, reason: str, output: Sequence[str], *, kind: type[SnapshotError] = BuildError) -> SnapshotError:
    """The error of a build of `what` that ended with `reason` and had printed `output`."""
    if reason == NO_PROJECT:
        return kind(
            f"{what} is no Python package: it has neither `pyproject.toml` nor `setup.py`",
            hint="name the folder that has: `…#subdirectory=python`",
        )
    lines = useful(output)
    said = strip_credentials("; ".join(lines)) or reason
    return kind(f"{what} can't be built: {_short(said)}", hint=_hint("\n".join((*output, reason))))


def metadata_failed(what: str, output: Sequence[str]) -> SnapshotError:
    """The same while its metadata was asked for, to resolve."""
    return failed(what, "no reason given", output, kind=ResolveError)


def useful(output: Sequence[str]) -> list[str]:
    """The last lines that tell why."""
    lines = [line.strip() for line in output if line.strip() and not _NOISE.search(line)]
    telling = [line for line in lines if _TELLING.search(line)]
    return list(dict.fromkeys((telling or lines)[-_LINES:]))


def _hint(text: str) -> str:
    for sign, hint in _HINTS:
        if re.search(sign, text):
            return hint
    if found := _HEADER.search(text) or _CONFIG.search(text):
        package = f"the OS package that has `{found['name']}`"
        return f'add {package} to the configuration: `packages = ["lib…-dev"]`, or to `apt.txt` if there is one'
    if found := _MODULE.search(text):
        name = found["name"].partition(".")[0]
        return f"its build needs `{name}` without saying so: put a wheel of it into a find-links folder of pip"
    return "ask for a version that has a wheel, or put one into a find-links folder of pip"


def _short(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _ENOUGH else "… " + text[-_ENOUGH:]
