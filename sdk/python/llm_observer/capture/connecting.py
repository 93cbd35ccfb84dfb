"""Did a WebSocket open at all? A handshake that fails is an event, like a call that fails."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from llm_observer.capture.exchange import closing_of
from llm_observer.capture.handshake import refusal_of, url_of
from llm_observer.capture.link import Link, SocketExchange
from llm_observer.capture.tracker import tracker_of
from llm_observer.guard import guard

if TYPE_CHECKING:
    from types import TracebackType

    from llm_observer.capture.targets import Target
    from llm_observer.capture.tracker import TrackerSource

__all__ = ["Connecting"]

_CONNECT = guard("connect")


class Connecting(AbstractContextManager[None, None]):
    """Around the SDK's own connecting. manager: its object that connects."""

    _exchange: SocketExchange | None = None

    def __init__(self, source: TrackerSource, target: Target, route: str, manager: Any) -> None:
        self._given = source, target, route
        self._manager = manager

    def __enter__(self) -> None:
        with _CONNECT:
            source, target, route = self._given
            tracker = tracker_of(source)
            if tracker is not None:
                link = Link(source, tracker, target, route, type(self._manager))
                self._exchange = SocketExchange(link.call(tracker, route, is_sent=True), tracker)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is not None and self._exchange is not None:
            with _CONNECT:
                self._failed(self._exchange, exc)

    def _failed(self, exchange: SocketExchange, exc: BaseException) -> None:
        exchange.error_type = type(exc).__name__
        exchange.request = url_of(self._manager)
        exchange.head, body = refusal_of(exc)
        exchange.body.hold(None, body)
        exchange.end(closing_of(exc))
