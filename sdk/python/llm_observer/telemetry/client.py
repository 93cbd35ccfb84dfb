"""How does one request leave this process? Over httpcore, in time, and seen by nobody but its receiver.

httpcore is the layer below httpx: it has no redirects, no cookies, no log line per request, and what patches
HTTP clients (OpenTelemetry's instrumentation wraps `httpx.HTTPTransport`, others `httpx.Client.send`) does
not see it. Its timeouts are per read, which an answer that drips never meets: `_Stream` adds an end of all.
"""

from __future__ import annotations

import importlib
import logging
import math
import ssl
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from llm_observer._version import __version__
from llm_observer.config import is_loopback
from llm_observer.errors import ConfigError, LLMObserverError
from llm_observer.telemetry.codings import encode_body, takes_zstd

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Answer", "Client", "UnreachableError"]

_LIBRARIES = (("httpx2", "httpcore2"), ("httpx", "httpcore"))
_LOGGERS = ("connection", "http11", "http2", "proxy", "socks")
_NEEDS = "sending events needs: pip install 'llm-observer[http]'"
_MAX_ANSWER = 1 << 20
_SLICE_S = 0.25
_WRITE_BYTES = 1 << 14
_IDLE_S = 30.0


class Answer(NamedTuple):
    """What came back. headers: names in lower case. body: cut at 1 MiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UnreachableError(LLMObserverError):
    """No answer came. Its text is ours, and names no header and no address."""


class Client:
    """Posts bodies to one endpoint, over one connection that is kept. For one thread; made anew after a fork.

    Raises ConfigError where neither httpx2 nor httpx is installed, or a proxy needs what is not there.
    """

    def __init__(
        self,
        endpoint: str,
        api_key: str,
        *,
        attempt_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        httpx, self._core = _libraries()
        self._url = _core_url(httpx.URL(endpoint), self._core)
        self._authorization = f"Bearer {api_key}"
        self._attempt_timeout_s = attempt_timeout_s
        self._clock = clock
        self._end = _End(clock)
        self._takes_zstd = False
        is_private = endpoint.startswith("https:")
        context = httpx.create_ssl_context() if is_private else None
        self._pool = _pool(self._core, _proxy_of(endpoint), context, _Network(self._core, self._end))
        _quiet(self._core.__name__)

    def post(self, body: bytes, *, idempotency_key: str, deadline: float) -> Answer:
        """Send *body*, compressed; the answer, if one comes before *deadline* and the timeout of an attempt.

        Raises UnreachableError.
        """
        coded, coding = encode_body(body, zstd=self._takes_zstd)
        headers = self._headers(idempotency_key, coding)
        self._end.at = min(deadline, self._clock() + self._attempt_timeout_s, self._end.last)
        with _unseen(), self._failures():
            answer = self._exchange(headers, coded)
        self._takes_zstd = takes_zstd(answer.headers.get("accept-encoding"), answer.status, coding)
        return answer

    def _headers(self, idempotency_key: str, coding: str) -> list[tuple[str, str]]:
        return [
            ("Accept", "application/json"),
            ("Authorization", self._authorization),
            ("Content-Encoding", coding),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", idempotency_key),
            ("User-Agent", f"llm_observer/{__version__}"),
        ]

    def _exchange(self, headers: list[tuple[str, str]], body: bytes) -> Answer:
        left = self._end.left()
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), left)
        with self._pool.stream(
            "POST", self._url, headers=headers, content=body, extensions={"timeout": timeout}
        ) as response:
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answer(response.status, found, _bounded(response.iter_stream()))

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What httpcore and the system raise, as our own error."""
        core = self._core
        try:
            yield
        except (core.TimeoutException, core.NetworkError, core.ProtocolError, core.ProxyError, OSError) as exc:
            raise UnreachableError(_told(exc)) from None

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
    raise ConfigError(_NEEDS)


def _core_url(url: Any, core: Any) -> Any:
    return core.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _proxy_of(endpoint: str) -> str | None:
    """The proxy that the environment names for *endpoint*. What stays on this machine takes none."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _pool(core: Any, proxy: str | None, context: ssl.SSLContext | None, network: _Network) -> Any:
    common = {
        "ssl_context": context,
        "max_connections": 1,
        "keepalive_expiry": _IDLE_S,
        "network_backend": network,
    }
    if not proxy:
        return core.ConnectionPool(**common)
    parts = urlsplit(proxy)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    made = core.SOCKSProxy if parts.scheme.startswith("socks") else core.HTTPProxy
    scheme = "socks5" if parts.scheme.startswith("socks") else parts.scheme
    named = parts.username is not None
    auth = (unquote(parts.username or "").encode(), unquote(parts.password or "").encode()) if named else None
    try:
        return made(proxy_url=f"{scheme}://{host}{port}", proxy_auth=auth, **common)
    except (RuntimeError, ImportError):
        raise ConfigError("sending through a SOCKS proxy needs: pip install socksio") from None


def _bounded(pieces: Iterator[bytes]) -> bytes:
    """The first MiB of *pieces*: a receiver's answer is short."""
    kept = bytearray()
    for piece in pieces:
        kept += piece
        if len(kept) >= _MAX_ANSWER:
            break
    return bytes(kept[:_MAX_ANSWER])


def _told(exc: BaseException) -> str:
    """What went wrong, by class: the text of an error may hold an address with a name or a key in it."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the endpoint's certificate is not accepted ({cause.verify_message})"
        if isinstance(cause, OSError) and cause.strerror:
            return f"{type(exc).__name__}: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return type(exc).__name__


class _End:
    """When the current request ends at the latest, and all of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.at = math.inf
        self.last = math.inf

    def left(self) -> float:
        """Seconds, 0 where it has passed."""
        return max(min(self.at, self.last) - self._clock(), 0.0)


class _Network:
    """httpcore's own network, with streams that end in time."""

    def __init__(self, core: Any, end: _End) -> None:
        self._core = core
        self._end = end
        self._inner = core.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> _Stream:
        left = _least(timeout, _positive(self._end, self._core.ConnectTimeout))
        return _Stream(self._core, self._inner.connect_tcp(host, port, timeout=left, **options), self._end)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream:
    """A connection of which no reading or writing goes on beyond the end of the request."""

    def __init__(self, core: Any, inner: Any, end: _End) -> None:
        self._core = core
        self._inner = inner
        self._end = end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """In slices of time, since the end may be moved while it waits."""
        while True:
            left = _least(timeout, _positive(self._end, self._core.ReadTimeout))
            try:
                found: bytes = self._inner.read(max_bytes, timeout=min(left, _SLICE_S))
            except self._core.ReadTimeout:
                continue
            return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """In pieces, since a timeout is per system call, and a receiver may take a few bytes at a time."""
        for start in range(0, len(buffer), _WRITE_BYTES):
            left = _least(timeout, _positive(self._end, self._core.WriteTimeout))
            self._inner.write(buffer[start : start + _WRITE_BYTES], timeout=left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        left = _least(timeout, _positive(self._end, self._core.ConnectTimeout))
        inner = self._inner.start_tls(ssl_context, server_hostname=server_hostname, timeout=left)
        return _Stream(self._core, inner, self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _positive(end: _End, error: type[Exception]) -> float:
    left = end.left()
    if left <= 0:
        raise error
    return left


def _least(timeout: float | None, left: float) -> float:
    return left if timeout is None else min(timeout, left)
