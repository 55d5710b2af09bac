"""The way to one registry: TLS or not, whom to trust, who asks, what is tried again, and what refusals mean."""

from __future__ import annotations

import json
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from snapshot.document import Value
from snapshot.errors import NetworkError
from snapshot.host.download import said
from snapshot.host.registry_auth import Credentials, basic, bearer, challenge_of, credentials_of, login, refused
from snapshot.host.registry_reference import DOCKER, Reference, is_loopback

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
Body = bytes | Iterable[bytes] | None

_PASSING = frozenset({429, 502, 503, 504})
_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_CONNECT = 10.0
LARGEST = 4 << 20
"""Of an answer that is kept in memory: what registries must take for a manifest, and no more."""
_CERTIFICATES = (Path("/etc/docker/certs.d"),)


class BrokenError(NetworkError):
    """The registry was out of reach, or busy: maybe it isn't the next time."""

    def __init__(self, message: str, *, hint: str | None = None, after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.after = after
        """Seconds after which the registry wants to be asked again."""


class Answer(Value, frozen=True, kw_only=True):
    """What a registry said."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def media_type(self) -> str:
        """Without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Connection:
    """Connections to the registry of one repository; kept open between requests."""

    def __init__(
        self,
        reference: Reference,
        *,
        timeout: float,
        retries: int,
        wait: Callable[[float], None] = time.sleep,
        certificates: Iterable[Path] = _CERTIFICATES,
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
            body = b""
            for chunk in response.iter_content(1 << 16):
                body += chunk
                if len(body) > limit:
                    break
            return Answer(
                status=response.status_code,
                reason=response.reason or "",
                headers=response.headers,
                body=body,
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
        url = urllib.parse.urljoin(answer.url, location)
        parts = urllib.parse.urlsplit(url)
        secure = self._origin().startswith("https:")
        if secure and parts.scheme == "http" and parts.netloc == urllib.parse.urlsplit(self._origin()).netloc:
            return parts._replace(scheme="https").geturl()
        _check_target(url, secure=secure, registry=self.registry)
        return url

    def refusal(self, answer: Answer, doing: str) -> NetworkError:
        """What it means that the registry answered so to somebody `doing` something."""
        text = said_in(answer)
        status = f"{answer.status} {answer.reason}".strip()
        message = f"{self.registry} refuses {doing}: {text or status}"
        if answer.status == 507 or (answer.status >= 500 and _full(answer.body)):
            return NetworkError(
                f"the disk of {self.registry} is full: {doing} failed", hint="free some space on the registry's machine"
            )
        if answer.status >= 500:
            return NetworkError(
                f"{self.registry} failed at {doing}: {text or status}",
                hint="look at the registry's log; try again later",
            )
        hints = {
            403: f"log in as a user who may, with {login(self.registry)}",
            404: f"create the repository `{self.repository}` there",
            405: "it may be a mirror that takes nothing; name another registry",
            413: "raise the limit of the registry, or of the proxy before it",
        }
        return NetworkError(message, hint=hints.get(answer.status, f"is {self.registry} an OCI registry?"))

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
            self._session = _session(self.registry, self._certificates)
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
            auth=self._sign if self._base and self._own(url) else _nobody,
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
            f"{self.registry} is busy: {response.status_code} {response.reason}",
            hint="try again later",
            after=float(after) if after.isdecimal() and after.isascii() else None,
        )

    @contextmanager
    def failures(self, timeout: float | None = None) -> Iterator[None]:
        """What `requests` raises, as errors of this program."""
        import requests

        try:
            yield
        except requests.exceptions.RequestException as failure:
            raise self._failed(failure, timeout or self.timeout) from None

    def _failed(self, failure: requests.exceptions.RequestException, timeout: float) -> NetworkError:
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


def said_in(answer: Answer) -> str:
    """The registry's own words for an error (OCI distribution spec, "Error Codes"), fit for a terminal."""
    try:
        first = json.loads(answer.body)["errors"][0]
        words = [first.get("code", ""), first.get("message", "")]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    text = ": ".join(str(word) for word in words if word)
    return "".join(c if c.isprintable() else "?" for c in text)[:200]


def _unconnected(failure: Exception) -> bool:
    """Whether the host is unknown, or nobody listens there."""
    from urllib3.exceptions import NewConnectionError

    reason = failure.args[0] if failure.args else None
    return isinstance(getattr(reason, "reason", None), NewConnectionError)


def is_page(answer: Answer) -> bool:
    """Whether the answer is for a browser: what was asked is no registry, or a proxy's page is before it."""
    return answer.media_type in ("text/html", "application/xhtml+xml")


def _full(body: bytes) -> bool:
    # Debian's registry gives the number of ENOSPC alone: `"Err":28`.
    return b"no space left" in body.lower() or b'"Err":28' in body


def _check_target(url: str, *, secure: bool, registry: str) -> None:
    scheme = urllib.parse.urlsplit(url).scheme
    if scheme != "https" and (secure or scheme != "http"):
        raise NetworkError(
            f"{registry} sends to `{url[:200]}`, which is not safe",
            hint="ask who runs the registry for an address with `https`",
        )


def _session(registry: str, certificates: Iterable[Path]) -> requests.Session:
    import requests.adapters

    context = _trust(registry, certificates)

    class Adapter(requests.adapters.HTTPAdapter):
        """`requests` adds its own authorities, or those of REQUESTS_CA_BUNDLE, to those of the context."""

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=context, **options)

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            return super().proxy_manager_for(proxy, ssl_context=context, **options)

    def look(response: requests.Response, *_: Any, **__: Any) -> None:
        if response.is_redirect:
            target = urllib.parse.urljoin(response.url, response.headers["Location"])
            _check_target(target, secure=response.url.startswith("https:"), registry=registry)

    session = requests.Session()
    session.mount("https://", Adapter())
    session.hooks["response"].append(look)
    return session


def _trust(registry: str, certificates: Iterable[Path]) -> ssl.SSLContext:
    """The system's authorities (or SSL_CERT_FILE's), and what the engine has for this registry.

    https://docs.docker.com/engine/security/certificates/: `*.crt` are authorities; `.cert` and `.key` the client's.
    """
    context = ssl.create_default_context()
    for folder in certificates:
        for file in sorted((folder / registry).glob("*.c*rt")):
            try:
                if file.suffix == ".crt":
                    context.load_verify_locations(file)
                elif file.suffix == ".cert":
                    context.load_cert_chain(file, file.with_suffix(".key"))
            except OSError as problem:
                raise NetworkError(
                    f"`{file}` can't be used: {problem.strerror or problem}",
                    hint=f"correct it, or remove it: `ls -l {file}`",
                ) from None
    return context


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps `requests` from adding what `~/.netrc` says: the docker CLI does not read it."""
    return request
