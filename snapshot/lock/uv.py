"""Resolving with uv in place of pip-tools: on the host, for the base's Python and platform, in a second or less.

uv answers with a `pylock.toml` (PEP 751), which is read like anybody else's. It follows pip's configuration, not its
own, so that both resolvers see the same indexes. Source archives are not built to learn what they need: that would run
their code on the host. https://docs.astral.sh/uv/reference/cli/#uv-pip-compile
"""

from __future__ import annotations

import functools
import re
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snapshot.errors import HostError, NetworkError, ResolveError, SnapshotError, UsageError
from snapshot.host import process
from snapshot.host.pip_config import PipConfig, strip_credentials
from snapshot.lock import explain, explain_network
from snapshot.lock.upgrades import Upgrades

if TYPE_CHECKING:
    from snapshot.lock.facts import Facts
    from snapshot.project.requirements import PinnedFile, Pins, Requirements

_GLIBC = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
"""The minor versions that uv's `--python-platform` knows."""
_PLATFORM = re.compile(r"manylinux_2_(?P<minor>\d+)_(?P<machine>\w+)")
_OWN_INDEX = re.compile(r"-i\b|--(?:extra-)?index-url\b")
_REFUSED = (
    re.compile(r"\((?P<url>https?://[^\s)]+)\) could not be queried .*?\((?P<code>4\d\d) (?P<words>[A-Za-z ]+)\)"),
    re.compile(r"\((?P<url>https?://[^\s)]+)\) returned a (?P<code>4\d\d) (?P<words>[A-Za-z ]+) error"),
    re.compile(r"Failed to fetch: (?P<url>\S+) .*?HTTP status \w+ error \((?P<code>\d{3}) (?P<words>[A-Za-z ]+)\)"),
)
_CERTIFICATE = re.compile(r"(?P<url>https://[^\s)]+?):? .*invalid peer certificate")
_YANKED = re.compile(
    r"^warning: `(?P<name>[^`=]+)==(?P<version>[^`]+)` is yanked(?: \(reason: \"(?P<why>.*)\"\))?", re.MULTILINE
)
_NETWORK = re.compile(r"Failed to fetch|Request failed|error sending request|Could not connect", re.IGNORECASE)
_NOTHING_SAID = re.compile(
    r"No solution found when resolving dependencies(?=\s*cause:)"
    r"|(?:\. And because you require [^,]+)?, we can conclude that your requirements are unsatisfiable"
)
_HINTS = (
    (
        "not found in the package registry",
        "correct the name, or the `index-url` and its credentials in pip's configuration (`pip config list`)",
    ),
    ("requires Python", 'choose another version, or another Python: `python = "3.13"` in the configuration'),
    ("Wheels are available", "ask for another version, or choose another Python or base in the configuration"),
    ("has an invalid package format", "try again, use another index, or ask for another version"),
    ("Pre-releases are available", "name one, as in `spam==2.0rc1`, or take all: `pip config set global.pre true`"),
)


def compile(
    requirements: Requirements,
    facts: Facts,
    *,
    root: Path,
    pip: PipConfig,
    upgrades: Upgrades,
    environment: Mapping[str, str],
) -> tuple[Pins, str, tuple[str, ...]]:
    """What `requirements` lead to in the base, near to the old lock's pins, uv's version, and what to know of them.

    Raises HostError where uv is not installed, ResolveError or NetworkError with uv's reason.
    """
    from snapshot.project.formats import pylock
    from snapshot.project.reading import Reading

    _check(pip)
    program = _program()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answer = folder / "pylock.toml"
        answer.write_text(_old_pins(upgrades), encoding="utf-8")
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(upgrades.constraints), encoding="utf-8")
        arguments = [program, "pip", "compile", "--color=never", "--no-progress", "--no-build"]
        # uv does not start without an interpreter, and finds none where there is no PATH or an older one only.
        arguments += ["--python", sys.executable]
        arguments += ["--python-version", facts.python.version, "--python-platform", _platform(facts.python.platform)]
        arguments += ["--format=pylock.toml", "--no-sources", "--system-certs"]
        arguments += ["--output-file", str(answer), "--constraints", str(constraints), *_options(pip, requirements)]
        lines = "\n".join((*(() if requirements.file else requirements.lines), *requirements.implied)).encode()
        given = [str(requirements.file), "-"] if requirements.file else ["-"]
        uv = functools.partial(
            process.run,
            [*arguments, *given],
            env={**environment, **_indexes(pip), "UV_NO_CONFIG": "1"},
            stdin=lines,
            cwd=root,
        )
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(uv)
            version = _version(program)
            _get_ready()
            done = running.result()
        if done.code != 0:
            raise _error(done.stderr, requirements.source)
        pins = pylock.read(Reading(root), answer).pins
    assert pins is not None
    return _placed(pins, pip, requirements), version, tuple(_withdrawn(done.stderr))


def _withdrawn(stderr: str) -> Iterator[str]:
    for found in _YANKED.finditer(stderr):
        yield explain.yanked(found["name"], found["version"], found["why"] or "")


def _get_ready() -> None:
    """Import what comes next while uv waits for the index: 80 ms, a fifth of what uv takes for three packages."""
    import packaging.pylock
    import tomli_w

    from snapshot.lock import cuda, pinned, wheels

    _ = (packaging.pylock, tomli_w, cuda, pinned, wheels)


def _check(pip: PipConfig) -> None:
    """Raise UsageError for what pip is configured with and uv would not keep to while it resolves."""
    for option in ("no-binary", "require-hashes"):
        if option in pip.options and (option == "no-binary" or pip.is_on(option)):
            raise UsageError(
                f"pip is configured with `{option}`, which uv does not keep to",
                hint='leave `resolver = "uv"` out, or the option out of pip\'s configuration (`pip config list`)',
            )


def _program() -> str:
    try:
        from uv import find_uv_bin
    except ImportError:
        found = process.find("uv")
        if found is None:
            raise HostError(
                '`resolver = "uv"` is configured, and uv is not installed',
                hint="run `pip install 'snapshot-ml[uv]'`, or leave `resolver` out",
            ) from None
        return found
    return str(find_uv_bin())


def _version(program: str) -> str:
    return " ".join(process.run([program, "--version"]).stdout.split()[:2])


def _old_pins(upgrades: Upgrades) -> str:
    """A lock that uv takes its preferences from."""
    import tomli_w

    packages = [{"name": package.name, "version": package.version} for package in upgrades.kept]
    return tomli_w.dumps({"lock-version": "1.0", "created-by": "snapshot-ml", "packages": packages})


def _platform(platform: str) -> str:
    """uv's name for the base's platform: the newest glibc it knows that is not newer."""
    found = _PLATFORM.fullmatch(platform)
    known = [minor for minor in _GLIBC if found and minor <= int(found["minor"])]
    if found is None or not known:
        raise ResolveError(
            f"uv does not know the base's platform `{platform}`",
            hint='leave `resolver = "uv"` out: pip-tools resolves for any base',
        )
    return f"{found['machine']}-manylinux_2_{max(known)}"


def _options(pip: PipConfig, requirements: Requirements) -> Iterator[str]:
    if len(_servers(pip)) > 1 or _name_an_index(requirements):
        # As pip chooses among several; an index that refuses is one that has nothing then.
        yield "--index-strategy=unsafe-best-match"
    if pip.is_on("no-index"):
        yield "--no-index"
    if pip.is_on("pre"):
        yield "--prerelease=allow"
    if "uploaded-prior-to" in pip.options:
        yield f"--exclude-newer={pip.options['uploaded-prior-to']}"


def _indexes(pip: PipConfig) -> dict[str, str]:
    """pip's indexes as uv's environment has them: credentials are not for a command line.

    uv asks them in turn, and takes the first of those that have the best version; files on disk come last, since what a
    server has can be had elsewhere too.
    """
    out = {}
    if servers := sorted(_servers(pip), key=lambda url: url.startswith("file:")):
        # The default index is the last that uv asks.
        out["UV_DEFAULT_INDEX"] = servers[-1]
        out["UV_INDEX"] = " ".join(servers[:-1])
    if links := pip.listed("find-links"):
        out["UV_FIND_LINKS"] = ",".join(links)
    if hosts := pip.listed("trusted-host"):
        out["UV_INSECURE_HOST"] = " ".join(hosts)
    if pip.bundle:
        out["SSL_CERT_FILE"] = str(pip.bundle)
    if pip.netrc:
        out["NETRC"] = str(pip.netrc)
    if "timeout" in pip.options:
        out["UV_HTTP_TIMEOUT"] = str(int(float(pip.options["timeout"])))
    if "client-cert" in pip.options:
        out["SSL_CLIENT_CERT"] = pip.options["client-cert"]
    if "proxy" in pip.options:
        out["ALL_PROXY"] = out["HTTPS_PROXY"] = out["HTTP_PROXY"] = pip.options["proxy"]
    if "retries" in pip.options:
        out["UV_HTTP_RETRIES"] = pip.options["retries"]
    return out


def _name_an_index(requirements: Requirements) -> bool:
    return any(_OWN_INDEX.match(line.strip()) for line in requirements.lines)


def _placed(pins: Pins, pip: PipConfig, requirements: Requirements) -> Pins:
    """`pins` with a path in place of an URL for files that lie in a folder of this host, and the index of the others.

    uv tells no index; where there is but one that is no folder, it is known all the same.
    """
    servers = [url for url in _servers(pip) if not url.startswith("file:")]
    is_one = len(servers) == 1 and not _name_an_index(requirements)
    index = strip_credentials(servers[0]) if is_one else None

    def at(file: PinnedFile) -> PinnedFile:
        if not file.url or not file.url.startswith("file:"):
            return file
        path = Path(urllib.parse.unquote(urllib.parse.urlsplit(file.url).path))
        return msgspec.structs.replace(file, url=None, path=path)

    packages = []
    for pin in pins.packages:
        files = tuple(map(at, pin.files))
        from_index = index if any(file.url for file in files) and not pin.direct else None
        packages.append(msgspec.structs.replace(pin, files=files, index=pin.index or from_index))
    return msgspec.structs.replace(pins, packages=tuple(packages))


def _servers(pip: PipConfig) -> tuple[str, ...]:
    """The indexes that pip asks."""
    if pip.is_on("no-index"):
        return ()
    from pip._internal.models.index import PyPI

    return (pip.options.get("index-url", PyPI.simple_url), *pip.listed("extra-index-url"))


def _error(stderr: str, source: str) -> SnapshotError:
    stderr = stderr[max(stderr.find("error: "), 0) :]  # behind warnings
    text = strip_credentials(" ".join(line.strip() for line in stderr.splitlines() if line.strip()))
    reason, _, more = _NOTHING_SAID.sub("", text).partition("hint: ")
    parts = re.split(r"\s*(?:error|cause): ", " " + reason)
    reason = ": ".join(map(_lower, filter(str.strip, parts)))[:600].strip().rstrip(".")
    if "building from source is disabled" in more or "Building source distributions is disabled" in text:
        return ResolveError(
            f"the requirements of {source} need something that must be built from source, which uv is not asked to do: "
            + reason,
            hint='leave `resolver = "uv"` out: pip-tools resolves and builds it in the base',
        )
    if found := next(filter(None, (pattern.search(text) for pattern in _REFUSED)), None):
        said = f"{found['code']} Client Error: {found['words']} for url"
        return explain_network.out_of_reach(f"Could not fetch URL {found['url']}: {said}")
    if found := _CERTIFICATE.search(text):
        return explain_network.out_of_reach(f"Could not fetch URL {found['url']}: certificate verify failed")
    if _NETWORK.search(text):
        return NetworkError(reason, hint="check the network, the proxy and pip's `index-url` (`pip config list`)")
    hint = next((hint for sign, hint in _HINTS if sign in text), "loosen one of them")
    more = f"; {_lower(more)}" if more else ""
    return ResolveError(f"the requirements of {source} can't be resolved: {reason}{more}".rstrip("."), hint=hint)


def _lower(sentence: str) -> str:
    """`sentence` with a small letter in front, unless it begins with an abbreviation."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
