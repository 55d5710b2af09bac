"""The way to one registry: TLS or not, whom to trust, who asks, what is tried again, and what refusals mean."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from snapshot.errors import NetworkError
from snapshot.host.download import said
from snapshot.host.registry_answer import LARGEST, Answer, refusal
from snapshot.host.registry_auth import Credentials, basic, bearer, challenge_of, credentials_of, forbidden, refused
from snapshot.host.registry_reference import DOCKER, Reference, clean, is_loopback
from snapshot.host.registry_session import CERTIFICATES, check_target, join, nobody, session_for

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
Body = bytes | Iterable[bytes] | None

_PASSING = frozenset({429, 502, 503, 504})
_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_CONNECT = 10.0


class BrokenError(NetworkError):
    """The registry was out of reach, or busy: maybe it isn't the next time."""

    def __init__(self, message: str, *, hint: str | None = None, after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.after = after
        """Seconds after which the registry wants to be asked again."""


class Connection:
    """Connections to the registry of one repository; kept open between requests."""

    def __init__(
        self,
        reference: Reference,
        *,
        timeout: float,
        retries: int,
        wait: Callable[[float], None] = time.sleep,
        certificates: Iterable[Path] = CERTIFICATES,
    ) -> None:
        self.registry = reference.registry
        self.repository = reference.repository
        self.timeout = timeout
        self.retries = retries
        self.wait = wait
        self._certificates = tuple(certificates)
        self._session: requests.Session | None = None
        self._base = ""
        self._authorization = ""
        self._credentials: Credentials | None = None
        self._reached = False

    def url(self, path: str) -> str:
        """The address of `path` in the repository."""
        return f"{self._origin()}/v2/{self.repository}/{path}"

    def patiently(self, act: Callable[[], T], reached: Callable[[], int] = lambda: 0) -> T:
        """What `act` returns, tried again after BrokenErrors; those that brought `reached` forward do not count."""
        failures = 0
        while True:
            before = reached()
            try:
                return act()
            except BrokenError as broken:
                failures = 1 if reached() > before else failures + 1
                if failures >= self.retries:
                    raise
                pause = broken.after if broken.after is not None else _PAUSE * 2 ** (failures - 1)
                self.wait(min(_LONGEST_PAUSE, pause))

    def ask(self, method: str, path: str, **options: Any) -> Answer:
        """The registry's answer to a request that may be repeated; see `once`."""
        return self.patiently(lambda: self.once(method, self.url(path), **options))

    def once(
        self, method: str, url: str, *, timeout: float | None = None, limit: int = LARGEST, **options: Any
    ) -> Answer:
        """The answer to one request, not read much further than `limit` bytes. Raises BrokenError, NetworkError."""
        with self.open(method, url, timeout=timeout, **options) as response, self.failures(timeout):
            body = bytearray()
            for chunk in response.iter_content(1 << 16):
                body += chunk
                if len(body) > limit:
                    break
            return Answer(
                status=response.status_code,
                reason=response.reason or "",
                headers=response.headers,
                body=bytes(body),
                url=response.url,
            )

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        timeout: float | None = None,
    ) -> Iterator[requests.Response]:
        """A response whose body is not read yet, to a request by a user whom the registry has let in.

        Raises BrokenError where it may go better the next time, NetworkError where it will not.
        """
        for attempt in range(2):
            with self.failures(timeout):
                response = self._send(method, url, headers or {}, body, timeout or self.timeout)
            self._reached = True
            with response:
                if response.status_code == 401 and self._own(response.url):
                    self._authorize(response, again=bool(attempt))
                    continue
                if response.status_code in _PASSING:
                    raise self._busy(response)
                yield response
                return

    def follow(self, answer: Answer, location: str) -> str:
        """The URL that `location` in `answer` means: relative or of another host, but never less safe.

        Registries behind a proxy which speaks TLS for them may name themselves with `http`.
        """
        url = join(answer.url, location)
        origin = self._origin()
        plain = origin.replace("https:", "http:", 1) + "/"
        if origin.startswith("https:") and url.startswith(plain):
            return f"{origin}/{url.removeprefix(plain)}"
        check_target(url, secure=origin.startswith("https:"), registry=self.registry)
        return url

    def refusal(self, answer: Answer, doing: str) -> NetworkError:
        """What it means that the registry answered so to somebody `doing` something."""
        return refusal(answer, doing, registry=self.registry, repository=self.repository)

    def _origin(self) -> str:
        """Scheme and host; on this machine plain HTTP where TLS is not spoken, as the engine has it."""
        if not self._base:
            host = "registry-1.docker.io" if self.registry == DOCKER else self.registry
            plain = is_loopback(self.registry) and self._speaks_plain(f"http://{host}/v2/")
            self._base = f"{'http' if plain else 'https'}://{host}"
        return self._base

    def _speaks_plain(self, url: str) -> bool:
        """Asked without credentials. A server that wants TLS says 400, or something that is not HTTP."""
        import requests

        try:
            with self._send("GET", url, {}, None, self.timeout) as response:
                return response.status_code != 400
        except requests.exceptions.ConnectionError as failure:
            if _unconnected(failure):
                raise self._failed(failure, self.timeout) from None
            return False
        except requests.exceptions.RequestException:
            return True

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: Body, timeout: float) -> requests.Response:
        if self._session is None:
            self._session = session_for(self.registry, self._certificates)
        host = urllib.parse.urlsplit(url).hostname
        # The engine and the docker CLI ask no proxy for this machine, whatever `NO_PROXY` says.
        direct = {f"http://{host}": "", f"https://{host}": ""} if is_loopback(self.registry) else {}
        return self._session.request(
            method,
            url,
            headers={"Accept-Encoding": "identity", **headers},
            data=body,
            stream=True,
            timeout=(min(timeout, _CONNECT), timeout),
            auth=self._sign if self._base and self._own(url) else nobody,
            allow_redirects=method in ("GET", "HEAD"),
            proxies=direct,
        )

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._authorization:
            request.headers["Authorization"] = self._authorization
        return request

    def _own(self, url: str) -> bool:
        """Whether `url` is the registry's, who may see what proves the user; not a place where it keeps its blobs."""
        return url.startswith(self._origin() + "/")

    def _authorize(self, response: requests.Response, *, again: bool) -> None:
        """Answer the 401 in `response`, for the next request."""
        if self._credentials is None:
            self._credentials = credentials_of(self.registry)
        challenge = challenge_of(response.headers.get("WWW-Authenticate", ""))
        if again and challenge.scheme == "bearer":
            raise forbidden(self.registry, self.repository, self._credentials)
        if again or challenge.scheme not in ("basic", "bearer"):
            raise refused(self.registry, self._credentials)
        if challenge.scheme == "basic":
            if not self._credentials.user:
                raise refused(self.registry, self._credentials)
            self._authorization = basic(self._credentials)
            return
        assert self._session is not None
        with self.failures(None):
            self._authorization = bearer(
                self._session,
                challenge,
                self._credentials,
                registry=self.registry,
                scope=f"repository:{self.repository}:pull,push",
                timeout=self.timeout,
            )

    def _busy(self, response: requests.Response) -> BrokenError:
        after = response.headers.get("Retry-After", "")
        return BrokenError(
            f"{self.registry} is busy: {response.status_code} {clean(response.reason or '')}",
            hint="try again later",
            after=float(after) if after.isdecimal() and after.isascii() else None,
        )

    @contextmanager
    def failures(self, timeout: float | None = None) -> Iterator[None]:
        """What `requests` raises, as errors of this program."""
        import requests
        import urllib3

        try:
            yield
        # The latter two where a registry sends to a host or port that can't be.
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OverflowError) as failure:
            raise self._failed(failure, timeout or self.timeout) from None

    def _failed(self, failure: Exception, timeout: float) -> NetworkError:
        import requests

        problems = requests.exceptions
        if isinstance(failure, problems.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(failure):
            return NetworkError(
                f"the certificate of {self.registry} is not trusted: {said(failure)}",
                hint=f"put its authority into `/etc/docker/certs.d/{self.registry}/ca.crt`, where the engine looks too",
            )
        if isinstance(failure, problems.ProxyError):
            message, hint = (
                "can't be reached through the proxy",
                "correct `HTTPS_PROXY`, or name the host in `NO_PROXY`",
            )
            return BrokenError(f"{self.registry} {message}: {said(failure)}", hint=hint)
        if isinstance(failure, problems.Timeout):
            return BrokenError(
                f"{self.registry} did not answer for {timeout:g} s", hint="check the network, and try again"
            )
        # What was never there is not waited for: the name is wrong, more often than not.
        kind = BrokenError if self._reached or not _unconnected(failure) else NetworkError
        return kind(
            f"{self.registry} can't be reached: {said(failure)}",
            hint="check its name, the network and the proxy settings",
        )


def _unconnected(failure: Exception) -> bool:
    """Whether the host is unknown, or nobody listens there."""
    from urllib3.exceptions import NewConnectionError

    reason = failure.args[0] if failure.args else None
    return isinstance(getattr(reason, "reason", None), NewConnectionError)
