"""How does one request leave this process? Over httpcore, in time, and seen by nobody but its receiver.

httpcore is the layer below httpx: it follows no redirects, keeps no cookies, writes no log line per request,
and what patches HTTP clients (OpenTelemetry wraps `httpx.HTTPTransport`, others `httpx.Client.send`) stays
above it.
"""

from __future__ import annotations

import importlib
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from llm_observer._version import __version__
from llm_observer.config import is_loopback
from llm_observer.errors import ConfigError, LLMObserverError
from llm_observer.telemetry.codings import encode_body, takes_zstd
from llm_observer.telemetry.network import End, Network
from llm_observer.telemetry.unseen import quiet, unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Answer", "Client", "UnreachableError"]

_LIBRARIES = (("httpx2", "httpcore2"), ("httpx", "httpcore"))
_MAX_ANSWER = 1 << 20
_IDLE_S = 30.0
_AGENT = f"llm_observer/{__version__}"


class Answer(NamedTuple):
    """What came back. headers: names in lower case. body: its first MiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UnreachableError(LLMObserverError):
    """No answer came. Its text is ours, and holds no header and no address."""


class Client:
    """Posts bodies to one endpoint, over one connection that is kept. For one thread; made anew after a fork.

    TLS is verified, as httpx does it (`SSL_CERT_FILE` and `SSL_CERT_DIR` count). Raises ConfigError where
    neither httpx2 nor httpx is installed, or where the proxy needs something that is not.
    """

    def __init__(
        self,
        endpoint: str,
        api_key: str,
        *,
        attempt_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        httpx, core = _libraries()
        url = httpx.URL(endpoint)
        self._core = core
        self._url = core.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        self._authorization = f"Bearer {api_key}"
        self._attempt_timeout_s = attempt_timeout_s
        self._clock = clock
        self._end = End(clock)
        self._takes_zstd = False
        context = httpx.create_ssl_context() if url.scheme == "https" else None
        self._pool = _pool(core, _proxy_of(endpoint), context, Network(core, self._end))
        quiet(core.__name__)

    def post(self, body: bytes, *, idempotency_key: str, deadline: float) -> Answer:
        """Send *body*, compressed; the answer, if one comes before *deadline* and an attempt's timeout.

        Raises UnreachableError.
        """
        coded, coding = encode_body(body, zstd=self._takes_zstd)
        self._end.at = min(deadline, self._clock() + self._attempt_timeout_s)
        with unseen(), self._told():
            answer = self._exchange(self._headers(idempotency_key, coding), coded)
        self._takes_zstd = takes_zstd(answer.headers.get("accept-encoding"), answer.status, coding)
        return answer

    def _headers(self, idempotency_key: str, coding: str) -> list[tuple[str, str]]:
        return [
            ("Accept", "application/json"),
            ("Authorization", self._authorization),
            ("Content-Encoding", coding),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", idempotency_key),
            ("User-Agent", _AGENT),
        ]

    def _exchange(self, headers: list[tuple[str, str]], body: bytes) -> Answer:
        with self._pool.stream("POST", self._url, headers=headers, content=body) as response:
            pairs = ((name.lower(), value) for name, value in response.headers)
            found = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
            return Answer(response.status, found, _first_mib(response.iter_stream()))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What httpcore and the system raise, as our own error."""
        core = self._core
        known = (core.TimeoutException, core.NetworkError, core.ProtocolError, core.ProxyError, OSError)
        try:
            yield
        except known as exc:
            raise UnreachableError(_words(exc)) from None

    def stop_by(self, at: float) -> None:
        """Let no request, nor the one that is under way, last beyond *at*. Any thread may call this."""
        self._end.last = min(self._end.last, at)

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.close()


def _libraries() -> tuple[Any, Any]:
    """httpx2 or httpx, and the httpcore below it."""
    for names in _LIBRARIES:
        try:
            httpx, core = map(importlib.import_module, names)
        except ImportError:
            continue
        return httpx, core
    raise ConfigError("sending events needs: pip install 'llm-observer[http]'")


def _proxy_of(endpoint: str) -> SplitResult | None:
    """The proxy that the environment names for *endpoint*; none for this machine: http would show the key."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(endpoint)
    host = parts.hostname
    if host is None or is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme, proxies.get("all"))
    if not proxy:
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def _pool(core: Any, proxy: SplitResult | None, context: ssl.SSLContext | None, network: Network) -> Any:
    common = {
        "ssl_context": context,
        "max_connections": 1,
        "keepalive_expiry": _IDLE_S,
        "network_backend": network,
    }
    if proxy is None:
        return core.ConnectionPool(**common)
    is_socks = proxy.scheme.startswith("socks")
    address = proxy._replace(scheme="socks5" if is_socks else proxy.scheme, path="", query="", fragment="")
    url = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    made = core.SOCKSProxy if is_socks else core.HTTPProxy
    try:
        return made(proxy_url=url, proxy_auth=_name_and_password(proxy), **common)
    except (ImportError, RuntimeError):
        raise ConfigError("sending through a SOCKS proxy needs: pip install socksio") from None


def _name_and_password(proxy: SplitResult) -> tuple[bytes, bytes] | None:
    if proxy.username is None:
        return None
    return unquote(proxy.username).encode(), unquote(proxy.password or "").encode()


def _first_mib(pieces: Iterator[bytes]) -> bytes:
    """An answer is short; of one that is not, the rest is left."""
    kept = bytearray()
    for piece in pieces:
        kept += piece
        if len(kept) >= _MAX_ANSWER:
            break
    return bytes(kept[:_MAX_ANSWER])


def _words(exc: BaseException) -> str:
    """What went wrong, by class and code: the text of an error may hold an address, and a key in it."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return f"{type(exc).__name__}: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return type(exc).__name__
