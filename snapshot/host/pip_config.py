"""The pip configuration of the host, as pip itself sees it, and what a container needs to act by it.

Indexes, credentials, proxies and certificates are the user's affair: they go into a container through its stdin and
read-only mounts, and never into arguments, labels, locks or messages.
https://pip.pypa.io/en/stable/topics/configuration/
"""

from __future__ import annotations

import configparser
import os
import re
import sys
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from snapshot.errors import HostError, UsageError
from snapshot.host.container import Mount

LISTS = ("extra-index-url", "find-links", "trusted-host")
OPTIONS = (
    "index-url", "no-index", "cert", "client-cert", "proxy", "timeout", "retries", "pre", "prefer-binary",
    "no-binary", "only-binary", "uploaded-prior-to", "require-hashes", *LISTS,
)  # fmt: skip
"""What decides where packages come from and which; the rest (`user`, `target` …) is about installing."""
_ALIASES = {"default-timeout": "timeout", "pypi-url": "index-url"}
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/'\"`]*@")

INSIDE = "/snap"
"""Where a container finds the files that have no need to be at their own place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipConfig:
    """pip's options on this host, those that decide where packages come from."""

    options: Mapping[str, str] = field(default_factory=dict)
    """Long option without dashes → value as a configuration file has it; lists are separated by newlines."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """`HTTP_PROXY` and its like, as they are set."""
    bundle: Path | None = None
    """The certificates that servers are checked against."""
    netrc: Path | None = None

    @property
    def requires_hashes(self) -> bool:
        """Whether every requirement is to give hashes."""
        return self.is_on("require-hashes")

    def is_on(self, option: str) -> bool:
        """Whether an option without a value is given; by the words that pip takes for yes."""
        return self.options.get(option, "").lower() in ("y", "yes", "t", "true", "on", "1")

    def listed(self, option: str) -> tuple[str, ...]:
        """The values of an option that may be given several times."""
        return tuple(self.options.get(option, "").split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What a container needs to use pip as the host does."""

    configuration: str
    """Text of the configuration file; holds credentials, so it goes through stdin."""
    environment: Mapping[str, str]
    """Holds credentials too."""
    mounts: tuple[Mount, ...]


def read(
    environment: Mapping[str, str] | None = None, *, home: Path | None = None, etc: Path = Path("/etc")
) -> PipConfig:
    """The configuration of the user whose environment and home folder are given (by default, the caller's).

    Raises UsageError when a configuration file is malformed, HostError when a certificate bundle is not there.
    """
    environment = os.environ if environment is None else environment
    # Of a user without a home folder it stays `~`, where there is nothing.
    home = Path(os.path.expanduser("~")) if home is None else home
    tables = [_sections(path) for path in _files(environment, home, etc)]
    options: dict[str, str] = {}
    for section in ("global", "install"):
        for table in tables:
            options |= table.get(section, {})
    options |= _normal({key[4:]: value for key, value in environment.items() if key.startswith("PIP_")})
    return PipConfig(
        options=options,
        proxies={key: value for key, value in environment.items() if key.lower() in _PROXIES and value},
        bundle=_bundle(options, environment, home),
        netrc=_first_file(environment.get("NETRC"), home / ".netrc", home / "_netrc"),
    )


def equip(config: PipConfig, *, root: Path, folders: Iterable[Path] = ()) -> Equipment:
    """What a container needs to act by `config`, with the project in `root` and further find-links `folders`.

    Folders of the host are mounted read-only at their own place, since paths to them may stand in requirements.
    """
    options, visible, mounts = dict(config.options), [*folders], []
    # Of the project's requirements, not of what pip installs to build one.
    options.pop("require-hashes", None)
    if config.bundle:
        options["cert"] = f"{INSIDE}/certificates"
        mounts.append(_file_mount(config.bundle, options["cert"]))
    if "client-cert" in options:
        source = _there(Path(os.path.expanduser(options["client-cert"])), "client certificate")
        options["client-cert"] = f"{INSIDE}/client-certificate"
        mounts.append(_file_mount(source, options["client-cert"]))
    environment = dict(config.proxies)
    if config.netrc:
        environment["NETRC"] = f"{INSIDE}/netrc"
        mounts.append(_file_mount(config.netrc, environment["NETRC"]))
    links = [_absolute(link, root) for link in config.listed("find-links")]
    if links:
        options["find-links"] = "\n".join(link for link, _ in links)
    visible += [path for _, path in links if path]
    for url in (*config.listed("index-url"), *config.listed("extra-index-url")):
        visible += files_of_index(url)
    mounts += [_file_mount(path, str(path)) for path in _outermost(visible)]
    return Equipment(configuration=_text(options), environment=environment, mounts=tuple(mounts))


def files_of_index(url: str) -> list[Path]:
    """The folder that holds the files of an index on disk: they lie beside its pages more often than below them."""
    path = _path(url)
    if path is None:
        return []
    return [path if path.parent == path.parent.parent else path.parent]


def strip_credentials(text: str) -> str:
    """`text` with user name and password taken out of every URL in it."""
    return _CREDENTIALS.sub(r"\g<scheme>", text)


def _files(environment: Mapping[str, str], home: Path, etc: Path) -> list[Path]:
    """The files that pip reads, weakest first."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    folders = environment.get("XDG_CONFIG_DIRS") or str(etc / "xdg")
    out = [Path(folder) / "pip/pip.conf" for folder in folders.split(":") if folder] + [etc / "pip.conf"]
    if not (named and Path(named).exists()):
        out += [home / ".pip/pip.conf", Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"]
    prefix = environment.get("VIRTUAL_ENV") or environment.get("CONDA_PREFIX") or sys.prefix
    return [*out, Path(prefix) / "pip.conf", *([Path(named)] if named else [])]


def _sections(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=path.name)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    except PermissionError:
        raise HostError(f"no permission to read pip's configuration `{path}`", hint=f"see `ls -l {path}`") from None
    except (configparser.Error, UnicodeDecodeError) as problem:
        # Not the line itself: it may hold a password.
        raise UsageError(
            f"pip's configuration `{path}` is malformed: {type(problem).__name__}", hint="see `pip config debug`"
        ) from None
    return {section: _normal(dict(parser.items(section))) for section in parser.sections()}


def _normal(values: Mapping[str, str]) -> dict[str, str]:
    """Options under their long names, lists one value a line, empty values and what doesn't concern us left out."""
    out = {}
    for key, value in values.items():
        name = key.lower().replace("_", "-").removeprefix("--")
        name = _ALIASES.get(name, name)
        if name in OPTIONS and value.strip():
            out[name] = "\n".join(value.split()) if name in LISTS else value.strip()
    return out


def _bundle(options: Mapping[str, str], environment: Mapping[str, str], home: Path) -> Path | None:
    named = options.get("cert") or next((environment[name] for name in _BUNDLES if environment.get(name)), None)
    if named:
        path = home / named.removeprefix("~/") if named.startswith("~/") else Path(named)
        return _there(path, "certificate bundle")
    import ssl

    # A recent pip trusts what the system trusts.
    return _first_file(ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt")


def _there(path: Path, what: str) -> Path:
    if not path.exists():
        raise HostError(f"the {what} `{path}` that pip is configured with is not there", hint="see `pip config debug`")
    if not os.access(path, os.R_OK):
        raise HostError(
            f"no permission to read the {what} `{path}` that pip is configured with", hint=f"see `ls -l {path}`"
        )
    return path.absolute()


def _first_file(*names: str | Path | None) -> Path | None:
    return next((Path(name) for name in names if name and Path(name).is_file()), None)


def _path(location: str) -> Path | None:
    """The folder or file that a file: URL names."""
    if not location.startswith("file:"):
        return None
    path = Path(urllib.parse.unquote(urllib.parse.urlsplit(location).path))
    return path if path.exists() else None


def _absolute(link: str, root: Path) -> tuple[str, Path | None]:
    """A find-links value that holds in any working directory, and the folder that it needs."""
    if "://" in link:
        path = _path(link)
        return link, path if path is None or path.is_dir() else path.parent
    # pip takes relative ones from the folder it was started in.
    path = Path(os.path.normpath(root / os.path.expanduser(link)))
    return str(path), (path if path.is_dir() else path.parent) if path.exists() else None


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """`paths` without those inside another, and without the root, which can't be mounted over."""
    found = sorted({Path(os.path.normpath(path.absolute())) for path in paths if path.is_dir()} - {Path("/")})
    return [path for path in found if not any(other in path.parents for other in found)]


def _file_mount(source: Path, target: str) -> Mount:
    return Mount(source=str(source.resolve()), target=target, read_only=True)


def _text(options: Mapping[str, str]) -> str:
    """A configuration file in pip's format; values of several lines are indented."""
    lines = [f"{name} = {value}".replace("\n", "\n    ") for name, value in sorted(options.items())]
    return "\n".join(["[global]", *lines, ""])
