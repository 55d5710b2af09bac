"""Files over HTTP: the one place that opens a connection to an index."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from snapshot import digest
from snapshot.errors import NetworkError
from snapshot.host import trail
from snapshot.host.files import disk_errors
from snapshot.host.pip_config import PipConfig, strip_credentials

if TYPE_CHECKING:
    import requests

Progress = Callable[[int], None]
"""Called with the number of bytes that arrived since the last call; a negative one takes some back."""

ATTEMPTS = 5
CONNECTIONS = 6
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes that may be gone at the next attempt."""
_ERRNO = re.compile(r"\[Errno -?\d+\] ([^')\"]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How this host reaches packages; what it holds never gets into a lock, an image or a message."""

    folders: tuple[Path, ...] = ()
    """Find-links folders: a file of the right name and content there is not downloaded."""
    indexes: tuple[str, ...] = ()
    """URLs of indexes with their credentials."""
    root: Path = field(default_factory=Path)
    """Where relative paths of a lock start: the project."""
    bundle: Path | None = None
    """Certificate authorities; without it, those of REQUESTS_CA_BUNDLE or of certifi."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """By scheme; those of the environment hold in any case."""
    timeout: float = 60.0
    pause: float = 0.5
    """Seconds before the second attempt, doubled before each further one."""

    def with_credentials(self, url: str) -> str:
        """`url` with the user and password of the index that is on the same host."""
        parts = urllib.parse.urlsplit(url)
        for index in self.indexes:
            known = urllib.parse.urlsplit(index)
            user, at, host = known.netloc.rpartition("@")
            if at and (known.scheme, host) == (parts.scheme, parts.netloc):
                return parts._replace(netloc=f"{user}@{host}").geturl()
        return url


def access_of(config: PipConfig, root: Path = Path()) -> Access:
    """What the host's pip configuration says about reaching packages, for the project in `root`."""
    links = config.listed("find-links")
    folders = [Path(urllib.parse.unquote(link.removeprefix("file://"))) for link in links]
    proxy = config.options.get("proxy", "")
    return Access(
        folders=tuple(folder for folder in folders if folder.is_dir()),
        indexes=(config.options.get("index-url", ""), *config.listed("extra-index-url"), *links),
        root=root,
        bundle=config.bundle,
        proxies={"http": proxy, "https": proxy} if proxy else {},
    )


@contextmanager
def connections() -> Iterator[ThreadPoolExecutor]:
    """Threads that fetch side by side. Ctrl-C waits for none: what they have is where the next attempt goes on."""
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        yield pool
    except BaseException as problem:
        pool.shutdown(wait=not isinstance(problem, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()


def status(url: str, access: Access, *, timeout: float) -> int:
    """The status code that the server answers a GET of `url` with; nothing of the body is read.

    Raises NetworkError, once and after `timeout` seconds of silence at the latest, when there is no answer.
    """
    import requests

    try:
        urllib.parse.urlsplit(url)
    except ValueError:
        raise NetworkError(
            f"`{strip_credentials(url)}` is no URL", hint="correct it in pip's configuration, see `pip config debug`"
        ) from None
    try:
        with Downloader(dataclasses.replace(access, timeout=timeout))._request(url, 0) as response:
            return response.status_code
    except requests.exceptions.SSLError as failure:
        raise _untrusted(url, failure) from None
    except requests.exceptions.ProxyError as failure:
        raise NetworkError(
            f"{_host(url)} can't be reached through the proxy: {said(failure)}",
            hint="correct `HTTPS_PROXY`, or name the host in `NO_PROXY`",
        ) from None
    except requests.exceptions.RequestException as failure:
        raise NetworkError(
            f"{_host(url)} can't be reached: {said(failure)}",
            hint="check the address in pip's configuration, the network and the proxy settings",
        ) from None


class RefusedError(NetworkError):
    """The server answers, and does not give the file: it does not have it, or not to this user."""


class Downloader:
    """Connections that are kept open between files; may be used by several threads."""

    def __init__(self, access: Access) -> None:
        import requests.adapters

        self.access = access
        self.session = requests.Session()
        self.session.hooks["response"].append(trail.response)
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS)
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)

    def fetch(self, url: str, file: BinaryIO, *, where: Path, progress: Progress, attempts: int = ATTEMPTS) -> str:
        """Append what is missing of `url` to `file`, through broken connections; the digest of the whole.

        Raises RefusedError when the server refuses, another NetworkError when it can't be reached in several attempts,
        HostError when the disk of `where` is full.
        """
        import requests

        file.seek(0)
        hasher = hashlib.sha256()
        while chunk := file.read(digest.CHUNK):
            hasher.update(chunk)
        for attempt in range(attempts):
            if attempt:
                time.sleep(self.access.pause * 2 ** (attempt - 1))
            try:
                with self._request(url, file.tell()) as response:
                    if response.status_code != 206 and file.tell():
                        progress(-file.tell())
                        hasher = hashlib.sha256()
                        file.seek(0)
                        file.truncate()
                    if response.status_code in _PASSING or response.status_code == 416:
                        problem = f"{response.status_code} {response.reason}"
                        continue
                    if response.status_code not in (200, 206):
                        raise _refused(url, response)
                    for chunk in response.iter_content(digest.CHUNK):
                        with disk_errors(where):
                            file.write(chunk)
                        hasher.update(chunk)
                        progress(len(chunk))
                return digest.PREFIX + hasher.hexdigest()
            except requests.exceptions.SSLError as failure:
                raise _untrusted(url, failure) from None
            except requests.exceptions.RequestException as failure:
                problem = said(failure)
        raise NetworkError(
            f"{_host(url)} can't be reached for `{_name(url)}`: {problem}",
            hint="check the network and the proxy settings",
        )

    def _request(self, url: str, start: int) -> requests.Response:
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        return self.session.get(
            self.access.with_credentials(url),
            headers=headers,
            stream=True,
            timeout=self.access.timeout,
            verify=str(self.access.bundle) if self.access.bundle else None,
            proxies=dict(self.access.proxies),
        )


def _untrusted(url: str, failure: Exception) -> NetworkError:
    return NetworkError(
        f"the certificate of {_host(url)} is not trusted: {said(failure)}",
        hint="name your company's certificates with `pip config set global.cert FILE`",
    )


def _refused(url: str, response: requests.Response) -> RefusedError:
    hint = "run `snap lock`: the index does not have this file any more" if response.status_code in (404, 410) else None
    if response.status_code in (401, 403, 407):
        hint = "give pip credentials for it, in its configuration or in `~/.netrc`"
    return RefusedError(f"{_host(url)} refuses `{_name(url)}`: {response.status_code} {response.reason}", hint=hint)


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]


def _name(url: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])


def said(failure: Exception) -> str:
    """The innermost reason, without credentials; the system's own words where it is the system's."""
    reason: BaseException = failure
    while inner := next((a for a in (getattr(reason, "reason", None), *reason.args) if isinstance(a, Exception)), None):
        reason = inner
    text = str(reason)
    system = _ERRNO.search(text)
    return strip_credentials(system[1].lower() if system else text).rstrip(".")
