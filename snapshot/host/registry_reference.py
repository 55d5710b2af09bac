"""Names of what registries hold, as docker has them: `127.0.0.1:5000/team/digits:best`."""

from __future__ import annotations

import re

from snapshot.document import Value
from snapshot.errors import UsageError

DOCKER = "docker.io"
"""What a name without a registry means."""

# https://github.com/distribution/reference/blob/main/regexp.go; the OCI distribution spec has the same for its part.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::([0-9]{{1,5}}))?", re.ASCII)
_PORTS = 65535
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_LONGEST = 255
_EXAMPLE = "name it as in `registry.example.com/team/digits:best`"


class Reference(Value, frozen=True, kw_only=True):
    """A repository of a registry, and maybe one manifest in it."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def text(self) -> str:
        """As it is typed."""
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Reference:
    """The reference that `text` is; raises UsageError, which says what is wrong with it."""
    if "://" in text:
        raise UsageError(f"`{text}` is a URL, not a name in a registry", hint="leave out what is before the host")
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise UsageError(f"`{digest}` in `{text}` is no digest", hint="write `sha256:` and 64 hexadecimal digits")
    registry, path = _split(rest, text)
    repository, colon, tag = path.partition(":")
    if colon and not is_tag(tag):
        raise UsageError(
            f"`{tag}` in `{text}` is no tag", hint="use letters, digits, `_`, `.` and `-`, 128 of them at most"
        )
    host = _HOST.fullmatch(registry)
    if not host or int(host[1] or 1) not in range(1, _PORTS + 1):
        raise UsageError(f"`{registry}` in `{text}` is no host", hint=_EXAMPLE)
    _check_repository(repository, text)
    if registry == DOCKER and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(registry=registry, repository=repository, tag=tag or None, digest=digest or None)


def is_tag(text: str) -> bool:
    """Whether a registry can have `text` as a tag."""
    return bool(_TAG.fullmatch(text))


def is_digest(text: str) -> bool:
    """Whether `text` is the digest of bytes: `sha256:` and 64 digits."""
    return bool(_DIGEST.fullmatch(text))


def is_loopback(registry: str) -> bool:
    """Whether the host of `registry` (`HOST[:PORT]`) is this one, by its name."""
    import ipaddress

    host = registry.rpartition(":")[0] if re.search(r":[0-9]+$", registry) else registry
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def clean(text: str) -> str:
    """What a registry said, short and fit for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:200]).strip()


def _split(rest: str, text: str) -> tuple[str, str]:
    """Registry and path: the first part is a registry where it can't be a user of Docker Hub."""
    first, slash, path = rest.partition("/")
    host = any(mark in first for mark in ".:[") or first == "localhost"
    if slash and host:
        return ("docker.io", path) if first == "index.docker.io" else (first, path)
    if not slash and (first.partition(":")[0] == "localhost" or "." in first.partition(":")[0]):
        raise UsageError(f"`{text}` names a registry and no repository", hint=f"add one, as in `{first}/team/digits`")
    if rest.startswith(("/", ":")):
        raise UsageError(f"`{text}` names no registry", hint=_EXAMPLE)
    return DOCKER, rest


def _check_repository(repository: str, text: str) -> None:
    if not repository:
        raise UsageError(f"`{text}` names no repository", hint=_EXAMPLE)
    if repository != repository.lower():
        raise UsageError(f"`{text}` has upper case in its repository", hint=f"write `{repository.lower()}`")
    if not _PATH.fullmatch(repository):
        raise UsageError(
            f"`{text}` is no name in a registry",
            hint="repositories have lower-case letters and digits, with `.`, `_`, `-` and `/` between them",
        )
    if len(repository) > _LONGEST:
        raise UsageError(f"`{repository[:40]}…` is longer than {_LONGEST} characters", hint="choose a shorter one")
