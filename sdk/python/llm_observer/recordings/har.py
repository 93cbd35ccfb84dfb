"""Which exchanges are in a HAR file? One for each entry of the log.

A HAR is one JSON document, so the file is held in memory; its entries are slices that are decoded one by
one (http://www.softwareishard.com/blog/har-12-spec/, and what browsers and proxies write).
"""

from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from llm_observer.recordings._bodies import decoded, headers_of
from llm_observer.recordings._spec import Item, Recorded, Unreadable, UnreadableFileError
from llm_observer.recordings._times import Times, times_of
from llm_observer.wire import Exchange, Options

__all__ = ["read"]

_BEFORE_FIRST_BYTE = ("blocked", "dns", "connect", "send", "wait")
"""Parts of `timings` up to the first byte of the answer; `ssl` is a part of `connect`."""


class _Text(msgspec.Struct):
    text: str | None = None
    encoding: str | None = None


class _Request(msgspec.Struct, rename="camel"):
    url: str
    method: str = "GET"
    headers: list[Any] = []
    post_data: _Text | None = None


class _Response(msgspec.Struct):
    status: int | None = None
    headers: list[Any] = []
    content: _Text | None = None


class _Entry(msgspec.Struct, rename="camel"):
    request: _Request
    response: _Response | None = None
    started_date_time: str | None = None
    time: float | None = None
    timings: dict[str, Any] | None = None


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]


class _Har(msgspec.Struct):
    log: _Log


_entries = msgspec.json.Decoder(_Entry)


def read(file: BinaryIO, name: str) -> Iterator[Item]:
    """The exchanges of *file*, entry by entry."""
    try:
        har = msgspec.json.decode(file.read().removeprefix(b"\xef\xbb\xbf"), type=_Har)
    except (ValueError, RecursionError) as exc:
        raise UnreadableFileError(f"{name} is no whole HAR file ({exc}): record it again") from exc
    for index, raw in enumerate(har.log.entries):
        place = f"{name}#{index}"
        try:
            exchange = _exchange(_entries.decode(raw))
        except (ValueError, RecursionError) as exc:
            yield Unreadable(place, str(exc))
            continue
        yield Recorded(index, exchange, None, place)


def _exchange(entry: _Entry) -> Exchange:
    request, response = entry.request, entry.response or _Response()
    sent_headers, headers = headers_of(request.headers), headers_of(response.headers)
    method, times = request.method.upper(), _times(entry)
    sent, sent_state = decoded(
        _bytes(request.post_data), sent_headers, absent="not_kept" if method == "POST" else "empty"
    )
    body, state = decoded(_bytes(response.content), headers, absent="not_kept")
    return Exchange(
        sdk="",
        options=Options(method=method, route=""),
        url=request.url,
        request_headers=sent_headers,
        request_body=sent or None,
        request_state=sent_state,
        status=response.status or None,  # 0: there was no answer
        response_headers=headers,
        response_body=body,
        response_state=state,
        closing="end_of_body" if response.status else "failed",
        started_ns=times.started_ns,
        duration_ns=times.duration_ns,
        first_chunk_ns=times.first_ns,
    )


def _bytes(part: _Text | None) -> bytes | None:
    if part is None or part.text is None:
        return None
    if part.encoding != "base64":
        return part.text.encode()
    try:
        return b64decode(part.text, validate=True)
    except NotBase64Error as exc:
        raise ValueError("`text` is not base64") from exc


def _times(entry: _Entry) -> Times:
    """The times by the clock of the start, and what the entry says of the durations."""
    start = times_of(entry.started_date_time, None, None)
    first = _first_ms(entry.timings or {})
    whole = entry.time if entry.time is not None and entry.time >= 0 else None
    return Times(start.started_ns, _ns(first), _ns(whole))


def _first_ms(timings: dict[str, Any]) -> float | None:
    """Milliseconds to the first byte; -1 stands for a part that there was not."""
    parts = [timings.get(name) for name in _BEFORE_FIRST_BYTE]
    known = [part for part in parts if isinstance(part, int | float) and part >= 0]
    return sum(known) if isinstance(timings.get("wait"), int | float) and timings["wait"] >= 0 else None


def _ns(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds * 1_000_000)
