"""When does a connection end? At the end of its request, however slowly the other side reads or writes.

httpcore's timeouts are per system call: an answer that drips a byte a second never meets them. These
streams stand between httpcore and its own network, and measure against one end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["End", "Network"]

_SLICE_S = 0.25
_WRITE_BYTES = 1 << 14


class End:
    """When the current request ends at the latest (`at`), and all of them (`last`)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.at = math.inf
        self.last = math.inf

    def left(self, error: type[Exception]) -> float:
        """Seconds that are left; raises *error* where there are none."""
        left = min(self.at, self.last) - self._clock()
        if left <= 0:
            raise error
        return left


class Network:
    """httpcore's own network (its `NetworkBackend`), with streams that end in time."""

    def __init__(self, core: Any, end: End) -> None:
        self._core = core
        self._end = end
        self._inner = core.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Stream:
        """A connection; *timeout* is not needed, the end is nearer."""
        del timeout
        left = self._end.left(self._core.ConnectTimeout)
        return Stream(self._core, self._inner.connect_tcp(host, port, timeout=left, **options), self._end)

    def sleep(self, seconds: float) -> None:
        """Part of httpcore's interface."""
        self._inner.sleep(seconds)


class Stream:
    """A connection (httpcore's `NetworkStream`) that neither reads nor writes beyond the end."""

    def __init__(self, core: Any, inner: Any, end: End) -> None:
        self._core = core
        self._inner = inner
        self._end = end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """In slices of time: the end may be moved while it waits."""
        del timeout
        while True:
            left = self._end.left(self._core.ReadTimeout)
            try:
                found: bytes = self._inner.read(max_bytes, timeout=min(left, _SLICE_S))
            except self._core.ReadTimeout:
                continue
            return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """In pieces: a receiver may take a few bytes at a time."""
        del timeout
        for start in range(0, len(buffer), _WRITE_BYTES):
            left = self._end.left(self._core.WriteTimeout)
            self._inner.write(buffer[start : start + _WRITE_BYTES], timeout=left)

    def close(self) -> None:
        """Let go of the socket."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """The same connection, encrypted."""
        del timeout
        left = self._end.left(self._core.ConnectTimeout)
        inner = self._inner.start_tls(ssl_context, server_hostname=server_hostname, timeout=left)
        return Stream(self._core, inner, self._end)

    def get_extra_info(self, info: str) -> Any:
        """Part of httpcore's interface."""
        return self._inner.get_extra_info(info)
