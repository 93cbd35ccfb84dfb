"""Which exchanges are in a cassette? One for each interaction.

VCR.py, pytest-recording, the VCRs of Ruby and R and go-vcr write them, each with its own spellings. A
cassette is one document of YAML or JSON, so it is held in memory.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import msgspec

from llm_observer.recordings._bodies import decoded, headers_of
from llm_observer.recordings._spec import Item, Recorded, Unreadable, UnreadableFileError
from llm_observer.recordings._times import times_of
from llm_observer.wire import Exchange, Options

__all__ = ["read_json", "read_yaml"]

_LISTS = ("interactions", "http_interactions")
_IN_BASE64 = ("base64_string", "base64")
_GO_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s|us|µs|ns)")
_GO_UNITS_NS = {"h": 3.6e12, "m": 6e10, "s": 1e9, "ms": 1e6, "us": 1e3, "µs": 1e3, "ns": 1.0}
_Fields = Mapping[Any, Any]


def read_json(file: BinaryIO, name: str) -> Iterator[Item]:
    """The exchanges of *file*, a cassette in JSON."""
    try:
        document = msgspec.json.decode(file.read().removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as exc:
        raise UnreadableFileError(f"{name} is no whole cassette ({exc}): record it again") from exc
    yield from _interactions(document, name)


def read_yaml(file: BinaryIO, name: str) -> Iterator[Item]:
    """The exchanges of *file*, a cassette in YAML."""
    try:
        import yaml

        from llm_observer.recordings._yaml import loader
    except ImportError as exc:
        raise UnreadableFileError(
            f"{name} is YAML, and reading it needs: pip install 'llm-observer[recordings]'"
        ) from exc
    try:
        document = yaml.load(file, loader())  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        where = getattr(exc, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise UnreadableFileError(f"{name} is no whole YAML{line}: record it again") from exc
    yield from _interactions(document, name)


def _interactions(document: object, name: str) -> Iterator[Item]:
    fields = document if isinstance(document, dict) else {}
    found = next((fields[key] for key in _LISTS if key in fields), None)
    if not isinstance(found, list):
        raise UnreadableFileError(f"{name} is no cassette: it has no list of `interactions`")
    for index, interaction in enumerate(found):
        place = f"{name}#{index}"
        try:
            exchange = _exchange(interaction)
        except ValueError as exc:
            yield Unreadable(place, str(exc))
            continue
        yield Recorded(index, exchange, None, place)


def _exchange(interaction: object) -> Exchange:
    fields = _map(interaction, "interaction")
    request, response = _map(fields.get("request"), "request"), _map(fields.get("response"), "response")
    url = str(request.get("uri") or request.get("url") or "")
    if not url:
        raise ValueError("the request has no `uri`")
    sent_headers, headers = headers_of(request.get("headers")), headers_of(response.get("headers"))
    method = str(request.get("method") or "GET").upper()
    sent, sent_state = decoded(_body(request), sent_headers, absent="empty")
    body, state = decoded(_body(response), headers, absent="empty")
    return Exchange(
        sdk="",
        options=Options(method=method, route=""),
        url=url,
        request_headers=sent_headers,
        request_body=sent or None,
        request_state=sent_state,
        status=_status(response),
        response_headers=headers,
        response_body=body,
        response_state=state,
        started_ns=times_of(fields.get("recorded_at"), None, None).started_ns,
        duration_ns=_duration_ns(response.get("duration")),
    )


def _map(value: object, what: str) -> _Fields:
    if not isinstance(value, dict):
        raise ValueError(f"the {what} is missing")  # noqa: TRY004 - a bad value in a file
    return value


def _status(response: _Fields) -> int | None:
    """VCR.py and Ruby: `status: {code}`; Go: `code`; R: `status`, or `status: {status_code}`."""
    status = response.get("status")
    if isinstance(status, dict):
        status = status.get("code") or status.get("status_code")
    elif not isinstance(status, int):
        status = response.get("code")
    return int(status) if isinstance(status, int | str) and str(status).isdecimal() else None


def _body(message: _Fields) -> bytes | None:
    """The body as bytes: as it is, below `string` or in base64; what was kept as data is written anew."""
    if message.get("parsed_body") is not None:
        return msgspec.json.encode(message["parsed_body"])
    body = message.get("body")
    if isinstance(body, dict):
        coded = next((body[name] for name in _IN_BASE64 if body.get(name) is not None), None)
        if coded is not None:
            return coded if isinstance(coded, bytes) and not _is_base64(coded) else _plain(coded)
        if "string" not in body:
            return msgspec.json.encode(body) if body and "encoding" not in body else None
        body = body["string"]
    if body is None or isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)


def _is_base64(data: bytes) -> bool:
    return re.fullmatch(rb"[A-Za-z0-9+/=\s]*", data) is not None


def _plain(coded: str | bytes) -> bytes:
    try:
        return b64decode(coded)
    except (NotBase64Error, TypeError) as exc:
        raise ValueError("a body is not base64") from exc


def _duration_ns(text: object) -> int | None:
    """Go's spelling of a duration, such as `1.2s` or `605.9ms`; None where there is none."""
    found = _GO_DURATION.findall(text) if isinstance(text, str) else []
    return round(sum(float(count) * _GO_UNITS_NS[unit] for count, unit in found)) if found else None
