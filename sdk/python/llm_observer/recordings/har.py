"""Which exchanges are in a HAR file? One for each entry of the log.

A HAR is one JSON document, so the file is held in memory; its entries are slices that are decoded one by
one (http://www.softwareishard.com/blog/har-12-spec/, and what browsers and proxies write).
"""

from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from llm_observer.adapters.fields import as_count, as_number
from llm_observer.recordings._bodies import decoded, headers_of
from llm_observer.recordings._spec import Item, Recorded, Unreadable, UnreadableFileError
from llm_observer.recordings._times import Times, times_of
from llm_observer.wire import Exchange, Options

__all__ = ["read"]

_BEFORE_FIRST_BYTE = ("blocked", "dns", "connect", "send", "wait")
"""Parts of `timings` up to the first byte of the answer; `ssl` is a part of `connect`."""
_LONGEST_MS = 1e12


class _Text(msgspec.Struct):
    text: str | None = None
    encoding: str | None = None


class _Request(msgspec.Struct, rename="camel"):
    url: str
    method: str = "GET"
    headers: Any = None
    post_data: _Text | None = None


class _Response(msgspec.Struct):
    status: Any = None
    headers: Any = None
    content: _Text | None = None


class _Entry(msgspec.Struct, rename="camel"):
    """Of the fields beside address and bodies, a wrong type makes only that field unknown."""

    request: _Request
    response: _Response | None = None
    started_date_time: Any = None
    time: Any = None
    timings: Any = None


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
    status = _status(response.status)
    body, state = decoded(_bytes(response.content), headers, absent="not_kept")
    return Exchange(
        sdk="",
        options=Options(method=method, route=""),
        url=request.url,
        request_headers=sent_headers,
        request_body=sent or None,
        request_state=sent_state,
        status=status or None,  # 0: there was no answer
        response_headers=headers,
        response_body=body,
        response_state=state,
        closing="failed" if response.status is None or status == 0 else "end_of_body",
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
        return b64decode("".join(part.text.split()), validate=True)
    except NotBase64Error as exc:
        raise ValueError("`text` is not base64") from exc


def _status(value: object) -> int | None:
    """Some recorders write it as text."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    return as_count(value)


def _times(entry: _Entry) -> Times:
    """The times by the clock of the start, and what the entry says of the durations."""
    try:
        start = times_of(entry.started_date_time, None, None)
    except ValueError:
        start = Times()
    first = _first_ms(entry.timings if isinstance(entry.timings, dict) else {})
    return Times(start.started_ns, _ns(first), _ns(_milliseconds(entry.time)))


def _first_ms(timings: dict[str, Any]) -> int | float | None:
    """Milliseconds to the first byte; -1 stands for a part that there was not."""
    parts = {name: _milliseconds(timings.get(name)) for name in _BEFORE_FIRST_BYTE}
    return None if parts["wait"] is None else sum(part for part in parts.values() if part is not None)


def _milliseconds(value: object) -> int | float | None:
    number = as_number(value)
    return number if number is not None and 0 <= number < _LONGEST_MS else None


def _ns(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds * 1_000_000)
