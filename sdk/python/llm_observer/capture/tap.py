"""Listen to an answer's byte stream while the SDK reads it: same base class, same bytes, same end."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

from llm_observer.capture.exchange import OpenExchange
from llm_observer.guard import guard

__all__ = ["response_class", "tap"]

_CHUNK = guard("chunk")
_CLOSE = guard("close")


class _Tap:
    """What the sync and the async tap share: the stream below, its attributes, and its finaliser."""

    def __init__(self, stream: Any, exchange: OpenExchange) -> None:
        self._stream = stream
        self._exchange = exchange

    def __getattr__(self, name: str) -> Any:
        if name in {"_stream", "_exchange"}:
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __del__(self) -> None:
        exchange = self.__dict__.get("_exchange")
        if exchange is not None:
            exchange.end("collected")


class _SyncTap(_Tap):
    def __iter__(self) -> Iterator[bytes]:
        stream = iter(self._stream)
        with self._exchange:
            for chunk in stream:
                with _CHUNK:
                    self._exchange.chunk(chunk, id(stream))
                yield chunk

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            with _CLOSE:
                self._exchange.end("closed")


class _AsyncTap(_Tap):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream = self._stream.__aiter__()
        with self._exchange:
            try:
                async for chunk in stream:
                    with _CHUNK:
                        self._exchange.chunk(chunk, id(stream))
                    yield chunk
            finally:
                # As the transport's own streams do: the one below is closed now, not when it is collected.
                if isinstance(stream, AsyncGenerator):
                    await stream.aclose()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            with _CLOSE:
                self._exchange.end("closed")


@lru_cache
def _tap_classes(transport: str) -> tuple[tuple[type, type], ...]:
    """(base, tap) for sync and async streams of *transport*, `httpx` or `httpx2`: unrelated modules."""
    module = sys.modules[transport]
    sync, asynchronous = module.SyncByteStream, module.AsyncByteStream
    return (
        (sync, type("SyncTap", (_SyncTap, sync), {})),
        (asynchronous, type("AsyncTap", (_AsyncTap, asynchronous), {})),
    )


@lru_cache
def response_class(kind: type) -> type | None:
    """The transport's own class of responses among the bases of *kind*, which may be the app's."""
    for base in kind.__mro__:
        if hasattr(sys.modules.get(_top_of(base)), "SyncByteStream"):
            return base
    return None


def _top_of(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def tap(response: Any, exchange: OpenExchange) -> bool:
    """Put a tap under *response*, whose body nobody has read; False if its stream is of no known kind."""
    given: Any = type(response)
    kind = response_class(given)
    for base, tap_class in () if kind is None else _tap_classes(_top_of(kind)):
        if isinstance(response.stream, base):
            response.stream = tap_class(response.stream, exchange)
            return True
    return False
