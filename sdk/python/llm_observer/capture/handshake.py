"""What did the handshake of a WebSocket say? Its URL, its headers, the model that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from llm_observer.capture.exchange import Head

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Upgrade", "head_of", "refusal_of", "upgrade_of", "url_of"]

_SWITCHED = 101
_MODEL = ("model", "deployment")
"""Names of it in a query, Azure's last."""
_STREAM = ("content-type", "text/event-stream")
_SECRET = frozenset({"authorization", "api-key"})


class _Headers(tuple[tuple[str, str], ...]):
    """Headers, in the form of the HTTP transports'."""

    __slots__ = ()

    def multi_items(self) -> Iterable[tuple[str, str]]:
        return self

    def get(self, name: str, default: str | None = None) -> str | None:
        return next((value for key, value in self if key.lower() == name), default)


class Upgrade(NamedTuple):
    """The request that opened a socket."""

    url: str
    headers: _Headers

    @property
    def model(self) -> str | None:
        """The model that the URL names."""
        from urllib.parse import parse_qs, urlsplit

        query = parse_qs(urlsplit(self.url).query)
        return next((query[name][0] for name in _MODEL if name in query), None)


def upgrade_of(connection: Any) -> Upgrade:
    """The request of *connection*, without its secrets."""
    request = getattr(connection, "request", None)
    headers = _headers(request)
    url = f"wss://{headers.get('host', '')}{getattr(request, 'path', '')}"
    return Upgrade(url, _Headers((name, value) for name, value in headers if name.lower() not in _SECRET))


def head_of(connection: Any) -> Head:
    """The answer to it. What is kept of the frames has the form of an event stream, and is called one."""
    headers = _headers(getattr(connection, "response", None))
    return Head(_SWITCHED, _Headers((*headers, _STREAM)), type(connection))


def url_of(manager: Any) -> Upgrade:
    """Where an SDK's *manager* wanted to connect, as far as it can be told without connecting."""
    prepare = getattr(manager, "_prepare_url", None)
    return Upgrade(str(prepare()) if prepare is not None else "wss:", _Headers())


def refusal_of(exc: BaseException) -> tuple[Head | None, bytes | None]:
    """The answer to a handshake that was refused, and its body."""
    response = getattr(exc, "response", None)
    status = getattr(response, "status_code", None)
    if not isinstance(status, int):
        return None, None
    body = getattr(response, "body", None)
    return Head(status, _headers(response), type(response)), bytes(body) if body else None


def _headers(message: Any) -> _Headers:
    found = getattr(message, "headers", None)
    return _Headers(() if found is None else found.raw_items())
