"""Which events does a body of server-sent events hold? The WHATWG rules, on the whole body at once.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (2026-11-21):
lines end in LF, CRLF or CR, a leading byte order mark and comments are dropped, several `data` lines
are joined. One rule differs: an event that no blank line ends is kept, as providers send such.
"""

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["ServerEvent", "looks_like_events", "server_events"]

_MARK = b"\xef\xbb\xbf"
_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")


class ServerEvent(NamedTuple):
    """One event. name: empty where the stream gives none. data: its lines joined by LF."""

    name: str
    data: bytes


def looks_like_events(body: bytes) -> bool:
    """Whether the first bytes of *body* are those of an event stream."""
    return body[:64].removeprefix(_MARK).lstrip(b"\r\n").startswith(_STARTS)


def server_events(body: bytes) -> Iterator[ServerEvent]:
    """The events of *body* that have data, in order."""
    name = ""
    data: list[bytes] = []
    for line in _lines(body):
        if not line:
            if data:
                yield ServerEvent(name, b"\n".join(data))
            name, data = "", []
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    if data:
        yield ServerEvent(name, b"\n".join(data))


def _lines(body: bytes) -> list[bytes]:
    body = body.removeprefix(_MARK)
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return body.split(b"\n")
