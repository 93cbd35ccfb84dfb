"""Which responses are open on a WebSocket? Each begins, its frames come, it ends exactly once.

Frames are told apart by type and id only (`frames.py`); `socket_steps.py` says what each type does.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from llm_observer.capture.frames import kind_of, lane_of, read_sent
from llm_observer.capture.handshake import head_of, upgrade_of
from llm_observer.capture.link import SocketExchange
from llm_observer.capture.socket_steps import STEPS

if TYPE_CHECKING:
    from llm_observer.capture.frames import Frame
    from llm_observer.capture.link import Link
    from llm_observer.wire import Closing

__all__ = ["OpenSocket"]

_RESPONSES = "/responses"
_REALTIME = "/realtime"
_MOST = 256
"""Responses that are open on one socket: of more, the oldest are let go."""


class OpenSocket:
    """What is open on one WebSocket. One thread may send while another receives.

    model, transcriber: of the session, where it has them. pending: responses that were asked for, in order;
    open: those that began, by id; session: the session itself, where that is what is billed.
    """

    is_over = False
    transcriber: str | None = None
    session: SocketExchange | None = None
    _left: Closing | None = None
    _error_type: str | None = None

    def __init__(self, link: Link, connection: Any) -> None:
        self.link = link
        self.pending: deque[SocketExchange] = deque()
        self.open: dict[str, SocketExchange] = {}
        self.commits: dict[str, tuple[int, int]] = {}
        self.head = head_of(connection)
        self._upgrade = upgrade_of(connection)
        self.model = self._upgrade.model

    @property
    def response_route(self) -> str:
        """What a response here is: those in a Live session are of the Responses API."""
        return _REALTIME if self.link.route == _REALTIME else _RESPONSES

    def sent(self, message: object) -> SocketExchange | None:
        """Note that *message* is going to be sent; the response that it asks for, if it does."""
        if self.is_over or not isinstance(message, str | bytes) or kind_of(message) != "response.create":
            return None
        exchange = self.begin(self.response_route, is_sent=True)
        if exchange is not None:
            self._ask(exchange, message.encode("utf-8", "replace") if isinstance(message, str) else message)
        return exchange

    def _ask(self, exchange: SocketExchange, frame: bytes) -> None:
        asked = read_sent(frame)
        if asked is not None:
            exchange.event_id, exchange.stream_id = asked.event_id, asked.stream_id
        if self.link.route == _RESPONSES:  # the body of the HTTP call, and a type
            exchange.body.hold(frame, None)
        elif asked is not None:
            exchange.body.hold(bytes(asked.response), None)
        self.pending.append(exchange)
        if len(self.pending) > _MOST:
            self.finish(self.pending.popleft(), "end_of_body")

    def unsent(self, exchange: SocketExchange, exc: BaseException) -> None:
        """The frame that asked for *exchange* could not be sent."""
        self._forget(exchange)
        self._error_type = exchange.error_type = type(exc).__name__
        self.finish(exchange, "failed" if isinstance(exc, Exception) else "cancelled")

    def received(self, message: object) -> None:
        """Note a frame that the app is about to get."""
        if self.is_over or not isinstance(message, str | bytes):
            return
        self._left = None
        frame = message.encode("utf-8", "replace") if isinstance(message, str) else message
        step = STEPS.get(kind_of(frame) or "")
        if step is not None:
            step(self, frame)
        elif self.open:
            self._count(frame)

    def stopped(self, exc: BaseException) -> None:
        """Note that no frame could be received: the connection is over, or only this attempt."""
        theirs = sys.modules.get("websockets.exceptions")
        if not isinstance(exc, Exception):
            self._left = "cancelled"
        elif theirs is None or not isinstance(exc, theirs.ConnectionClosed):
            return  # a timeout of the app's, or two threads at once
        elif isinstance(exc, theirs.ConnectionClosedOK):
            self.end("end_of_body")
        else:
            self._error_type = type(exc).__name__
            self.end("failed")

    def closed(self) -> None:
        """The app closed the connection."""
        self.end(self._left or ("closed" if self._error_type is None else "failed"))

    def end(self, closing: Closing) -> None:
        """End all that is open, the first time. With `collected` it runs in a finaliser: it takes no lock."""
        if self.is_over:
            return
        self.is_over = True
        session = self.session
        if session is not None and session.latest is not None and closing != "collected":
            session.keep(session.latest)
        for exchange in (*self.pending, *self.open.values(), *((session,) if session else ())):
            exchange.error_type = self._error_type
            self.finish(exchange, closing)
        self.pending.clear()
        self.open.clear()

    def begin(self, route: str, *, is_sent: bool = False) -> SocketExchange | None:
        """A response that begins now; None if nobody observes any more."""
        tracker = self.link.source.tracker
        if tracker is None:
            return None
        call = self.link.call(tracker, route, is_sent=is_sent)
        exchange = SocketExchange(call, tracker)
        exchange.head, exchange.request = self.head, self._upgrade
        exchange.opened()
        return exchange

    def keep_open(self, key: str, exchange: SocketExchange) -> None:
        """The response of id *key* began."""
        self.open[key] = exchange
        if len(self.open) > _MOST:
            self.finish(self.open.pop(next(iter(self.open))), "end_of_body")

    def say(self, exchange: SocketExchange | None, frame: bytes) -> None:
        """*frame* is the last one of *exchange*."""
        if exchange is not None:
            exchange.keep(frame)
            self.finish(exchange, "end_of_body")

    def finish(self, exchange: SocketExchange, closing: Closing) -> None:
        """End *exchange*; the session's model is that of its responses."""
        if exchange.call.route == self.link.route != _RESPONSES:
            exchange.call.model = self.model
        exchange.end(closing)

    def asked_by(self, frame: Frame) -> SocketExchange | None:
        """Take the oldest response that waits and that *frame* may answer: of its lane, if it names one."""
        lanes = {None, frame.stream_id}
        found = next((one for one in tuple(self.pending) if lanes == {None} or one.stream_id in lanes), None)
        return self._forget(found)

    def named_by(self, event_id: str) -> SocketExchange | None:
        """Take the response that the app asked for with *event_id*."""
        return self._forget(next((one for one in tuple(self.pending) if one.event_id == event_id), None))

    def _forget(self, exchange: SocketExchange | None) -> SocketExchange | None:
        if exchange is not None and exchange in self.pending:
            self.pending.remove(exchange)
        return exchange

    def _count(self, frame: bytes) -> None:
        """One more frame of an open response: of the only one, or of the one that it names."""
        owner = lane_of(frame) if len(self.open) > 1 else None
        for key, exchange in tuple(self.open.items()):
            if len(self.open) == 1 or (owner is not None and owner in {key, exchange.stream_id}):
                exchange.tick()
