"""Which functions of an SDK make a WebSocket connection, and what stands around them?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_observer.capture.connecting import Connecting
from llm_observer.capture.link import Link
from llm_observer.capture.tracker import tracker_of
from llm_observer.guard import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from llm_observer.capture.targets import Sockets, Target
    from llm_observer.capture.tracker import TrackerSource

    Make = Callable[[TrackerSource, Target, Sockets], Callable[..., Any]]

__all__ = ["makers"]

_CONNECTION = guard("connection")


def makers(module: ModuleType, sockets: Sockets) -> Iterator[tuple[type, str, Make]]:
    """Class, method and wrapper: of what opens a WebSocket, and of the SDK's object around it."""
    for name in sockets.connections:
        connection, manager = getattr(module, name, None), getattr(module, f"{name}Manager", None)
        if isinstance(connection, type):
            yield connection, "__init__", _on_connection
        is_async = name.startswith("Async")
        for method in ("__aenter__" if is_async else "__enter__", "enter"):
            if isinstance(manager, type) and method in vars(manager):
                yield manager, method, _async_enter if is_async else _sync_enter


def _sync_enter(source: TrackerSource, target: Target, sockets: Sockets) -> Callable[..., Any]:
    def enter(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with Connecting(source, target, sockets.route, instance):
            return wrapped(*args, **kwargs)

    return enter


def _async_enter(source: TrackerSource, target: Target, sockets: Sockets) -> Callable[..., Any]:
    async def enter(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with Connecting(source, target, sockets.route, instance):
            return await wrapped(*args, **kwargs)

    return enter


def _on_connection(source: TrackerSource, target: Target, sockets: Sockets) -> Callable[..., Any]:
    def connection(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with _CONNECTION:
            kwargs = _heard(source, target, sockets.route, type(instance), args, kwargs)
        return wrapped(*args, **kwargs)

    return connection


def _heard(
    source: TrackerSource, target: Target, route: str, kind: type, args: Any, kwargs: dict[str, Any]
) -> dict[str, Any]:
    """*kwargs*, with which the SDK's object is made: its WebSocket is heard, and each that follows it."""
    tracker = tracker_of(source)
    if tracker is None:
        return kwargs
    from llm_observer.capture.socket_tap import listen, listening  # decodes: most apps never need that

    link = Link(source, tracker, target, route, kind)
    listen(args[0] if args else kwargs["connection"], link)
    make = kwargs.get("make_ws")
    return kwargs if make is None else {**kwargs, "make_ws": listening(make, link)}
