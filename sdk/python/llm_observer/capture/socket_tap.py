"""Listen to a WebSocket while the SDK uses it: same object, same frames, same exceptions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import wraps
from typing import TYPE_CHECKING, Any

from llm_observer.capture.sockets import OpenSocket
from llm_observer.guard import guard

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from llm_observer.capture.link import Link, SocketExchange

__all__ = ["is_websocket", "listen", "listening"]

_SOCKET = guard("socket")
_FRAME = guard("frame")


class _Sending(AbstractContextManager[None, None]):
    """Around the sending of one frame."""

    _exchange: SocketExchange | None = None

    def __init__(self, socket: OpenSocket, message: object) -> None:
        self._socket, self._message = socket, message

    def __enter__(self) -> None:
        with _FRAME:
            self._exchange = self._socket.sent(self._message)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is not None and self._exchange is not None:
            with _FRAME:
                self._socket.unsent(self._exchange, exc)


class _Receiving(AbstractContextManager[None, None]):
    """Around the receiving of each frame. It dies with the socket: what is open then was left."""

    def __init__(self, socket: OpenSocket) -> None:
        self._socket = socket

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is not None:
            with _FRAME:
                self._socket.stopped(exc)

    def __del__(self) -> None:
        socket = self.__dict__.get("_socket")
        if socket is not None:
            socket.end("collected")


class _Closing(AbstractContextManager[None, None]):
    """Around the closing handshake."""

    def __init__(self, socket: OpenSocket) -> None:
        self._socket = socket

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _FRAME:
            self._socket.closed()


def is_websocket(connection: Any) -> bool:
    """Whether *connection* is of the `websockets` package: a stand-in of the app's own is left alone."""
    return any(kind.__module__.startswith("websockets.") for kind in type(connection).__mro__)


def listen(connection: Any, link: Link) -> None:
    """Hear what is sent and received on *connection*: its own methods stay, and are called as before."""
    with _SOCKET:
        if is_websocket(connection):
            tap = _tap_async if link.kind.__name__.startswith("Async") else _tap_sync
            tap(connection, OpenSocket(link, connection))


def _tap_sync(connection: Any, socket: OpenSocket) -> None:
    recv, send, close = connection.recv, connection.send, connection.close
    receiving, closing = _Receiving(socket), _Closing(socket)

    @wraps(recv)
    def observed_recv(*args: Any, **kwargs: Any) -> Any:
        with receiving:
            message = recv(*args, **kwargs)
        with _FRAME:
            socket.received(message)
        return message

    @wraps(send)
    def observed_send(message: Any, *args: Any, **kwargs: Any) -> Any:
        with _Sending(socket, message):
            return send(message, *args, **kwargs)

    @wraps(close)
    def observed_close(*args: Any, **kwargs: Any) -> Any:
        with closing:
            return close(*args, **kwargs)

    connection.recv, connection.send, connection.close = observed_recv, observed_send, observed_close


def _tap_async(connection: Any, socket: OpenSocket) -> None:
    recv, send, close = connection.recv, connection.send, connection.close
    receiving, closing = _Receiving(socket), _Closing(socket)

    @wraps(recv)
    async def observed_recv(*args: Any, **kwargs: Any) -> Any:
        with receiving:
            message = await recv(*args, **kwargs)
        with _FRAME:
            socket.received(message)
        return message

    @wraps(send)
    async def observed_send(message: Any, *args: Any, **kwargs: Any) -> Any:
        with _Sending(socket, message):
            return await send(message, *args, **kwargs)

    @wraps(close)
    async def observed_close(*args: Any, **kwargs: Any) -> Any:
        with closing:
            return await close(*args, **kwargs)

    connection.recv, connection.send, connection.close = observed_recv, observed_send, observed_close


def listening(make: Callable[..., Any], link: Link) -> Callable[..., Any]:
    """*make*, which connects again after a failure; what it connects is heard too."""
    if link.kind.__name__.startswith("Async"):

        @wraps(make)
        async def made_async(*args: Any, **kwargs: Any) -> Any:
            connection = await make(*args, **kwargs)
            listen(connection, link)
            return connection

        return made_async

    @wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        connection = make(*args, **kwargs)
        listen(connection, link)
        return connection

    return made
