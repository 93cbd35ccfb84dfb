"""Which exchanges are in a JSON-lines file? One a line, in the plain form of docs/recordings.md."""

from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import msgspec

from llm_observer.recordings._bodies import decoded, headers_of
from llm_observer.recordings._lines import LONGEST, lines_of
from llm_observer.recordings._spec import Item, Recorded, Unreadable
from llm_observer.recordings._times import times_of
from llm_observer.wire import BodyState, Exchange, Options

__all__ = ["exchange_of", "read"]

_Fields = Mapping[str, msgspec.Raw]
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL = msgspec.Raw(b"null")
_BODIES = ("body", "body_text", "body_b64")
_PAYLOADS = {
    "request": frozenset({"messages", "input", "prompt", "contents"}),
    "response": frozenset({"id", "object", "choices", "content", "output", "error"}),
}
"""Names that tell an object which is the body itself from one that holds a body."""
_FOR_ANSWER = ("status", "usage")
"""Fields of the answer that may stand in the line itself."""


def read(file: BinaryIO, name: str) -> Iterator[Item]:
    """The exchanges of *file*, line by line."""
    for line in lines_of(file):
        place = f"{name}:{line.number}"
        if line.data is None:
            yield Unreadable(place, f"is longer than {LONGEST >> 20} MiB")
            continue
        try:
            exchange = exchange_of(line.data)
        except (ValueError, RecursionError) as exc:  # not JSON, a wrong type, no time, nested too deeply
            yield Unreadable(place, _reason(exc))
            continue
        yield Recorded(line.index, exchange, exchange.account, place)


def _reason(exc: Exception) -> str:
    """Why a line is no exchange; msgspec's messages and ours name fields and places, never a value."""
    return "is nested too deeply" if isinstance(exc, RecursionError) else str(exc)


def exchange_of(line: bytes) -> Exchange:
    """The exchange that *line*, a JSON object, records. Raises ValueError where it records none."""
    fields = _fields.decode(line)
    request = {**fields, **_message(fields, "request")}
    outer = {name: fields[name] for name in _FOR_ANSWER if name in fields}
    answer = {**outer, **_message(fields, "response")}
    url = _value(request, "url", str | None)
    if not url:
        raise ValueError("has no `url`")
    method = (_value(request, "method", str | None) or "POST").upper()
    times = times_of(*(_value(fields, name, Any) for name in ("started_at", "first_byte_at", "ended_at")))
    sent_headers, headers = (headers_of(_value(one, "headers", Any)) for one in (request, answer))
    sent, sent_state = decoded(_body(request), sent_headers, absent=_absent(method))
    body, state = decoded(_answer_body(answer), headers, absent="not_kept")
    return Exchange(
        sdk="",  # the adapter is chosen by the URL, as no SDK is known
        options=Options(method=method, route="", model=_value(fields, "model", str | None)),
        url=url,
        request_headers=sent_headers,
        request_body=sent or None,
        request_state=sent_state,
        status=_value(answer, "status", int | None),
        response_headers=headers,
        response_body=body,
        response_state=state,
        started_ns=times.started_ns,
        duration_ns=times.duration_ns,
        first_chunk_ns=times.first_ns,
        account=_account(fields),
    )


def _absent(method: str) -> BodyState:
    return "not_kept" if method == "POST" else "empty"


def _message(fields: _Fields, side: str) -> _Fields:
    """What *fields* say of the `request` or `response`: in an object, as its text, or in flat names."""
    flat = {name.removeprefix(f"{side}_"): raw for name, raw in fields.items() if name.startswith(f"{side}_")}
    nested = fields.get(side, _NULL)
    start = bytes(memoryview(nested)[:1])
    if start == b'"':
        return {**flat, "body": nested}
    if start != b"{":
        return flat
    found = _fields.decode(nested)
    if not found.keys() & set(_BODIES) and found.keys() & _PAYLOADS[side]:
        return {**flat, "body": nested}
    return {**flat, **found}


def _value(fields: _Fields, name: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(fields.get(name, _NULL), type=kind)
    except msgspec.ValidationError as exc:
        raise ValueError(f"`{name}`: {exc}") from exc


def _body(message: _Fields) -> bytes | None:
    """The body as bytes, None where there is none: a text, base64, or JSON as it stands in the line."""
    name = next((name for name in _BODIES if name in message and message[name] != _NULL), None)
    if name is None:
        return None
    if bytes(memoryview(message[name])[:1]) in {b"{", b"["}:
        return bytes(message[name])
    text: str = _value(message, name, str)
    try:
        return b64decode(text, validate=True) if name == "body_b64" else text.encode()
    except NotBase64Error as exc:
        raise ValueError(f"`{name}` is not base64") from exc


def _answer_body(answer: _Fields) -> bytes | None:
    """The body, else one that holds just the usage: every wire has that under this name."""
    body = _body(answer)
    usage = answer.get("usage", _NULL)
    if body or usage == _NULL:
        return body
    return b'{"usage":%b}' % bytes(usage)


def _account(fields: _Fields) -> str | None:
    value = _value(fields, "account", str | int | None)
    return None if value is None else str(value)
