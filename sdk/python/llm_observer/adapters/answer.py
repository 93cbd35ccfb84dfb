"""What does an answer say? The fields that all wires share, and how the bytes of a body are read.

A wire's own module turns its document, or the fold of its events, into an `Answer`.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from json import JSONDecoder
from typing import NamedTuple

import msgspec

from llm_observer.adapters.aws_stream import frames, looks_like_frames, model_event
from llm_observer.adapters.fields import Notes, loads
from llm_observer.adapters.sse import server_events
from llm_observer.adapters.usage import UsageTable
from llm_observer.call import ToolUse
from llm_observer.wire import Exchange

__all__ = ["Answer", "Events", "Format", "document_of", "fields_of", "is_event_stream"]

DONE = b"[DONE]"
BULKY = frozenset({"data", "results", "embeddings", "audio_data", "b64_json", "text"})
"""Fields that may be large, and that nothing is read from: they stay bytes."""
_LARGE = 4096
_BLANKS = 4096
"""Blanks that may stand before a document: OpenRouter sends some while it waits."""
_TRIED = 8
"""Usage objects of a cut document that are tried, the last one first."""
_STREAM_TYPES = ("text/event-stream", "application/vnd.amazon.eventstream")
_FIRST_LINE = re.compile(rb"(\xef\xbb\xbf)?\s*(data|event|id|retry)?:")
_USAGE = re.compile(r'(?<!\\)"usage"\s*:\s*(?=\{)')
_NAMED = {name: re.compile(rf'(?<!\\)"{name}"\s*:\s*("(?:[^"\\]|\\.){{1,512}}")') for name in ("id", "model")}
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Answer(msgspec.Struct, kw_only=True):
    """What the body of an answer says. None where it says nothing."""

    model: str | None = None
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    usage: object = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    tool_calls: tuple[ToolUse, ...] = ()
    other_tools: tuple[ToolUse, ...] = ()
    error: object = None
    """The provider's error: an object, or a text."""
    is_terminal: bool = False
    """The last event of a stream was seen."""
    is_cancelled: bool = False
    """The app, or a user who began to speak, cut a Realtime answer short."""
    text: str | None = None
    """Only if it was asked for."""
    diagnosis: tuple[str, int | None] | None = None
    """What the provider says of its prompt cache, if it was asked: a reason, and missed tokens."""
    tool_usage: object = None
    """What hosted tools used, where one ran and this stands beside the usage (Responses)."""
    svg_usage: object = None
    """What the author model of an SVG image used, which stands beside the usage (Images)."""
    hosted: Mapping[str, int] = {}
    """Hosted tool calls by type; of web searches only those that searched."""
    is_background: bool = False
    """It was made in the background (Responses)."""


class Events:
    """The events of a stream as objects, read once, in order.

    is_done: `[DONE]` was seen. not_json: events that are none.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.is_done = False
        self.not_json = 0

    def __iter__(self) -> Iterator[dict[str, object]]:
        if looks_like_frames(self._body):
            found = (model_event(frame) for frame in frames(self._body))
            yield from (event for event in found if event is not None)
            return
        for event in server_events(self._body):
            if event.data.strip() == DONE:
                self.is_done = True
                continue
            value = loads(event.data)
            if isinstance(value, dict):
                yield value
            else:
                self.not_json += 1


class Format(NamedTuple):
    """A wire: how its documents and its streams are read.

    read: an `Answer` of a document; fold: the document that a stream amounts to, and whether its last event
    was seen. request_id: headers that may hold the request's id, best first.
    """

    wire: str
    usage: UsageTable
    request_id: tuple[str, ...]
    read: Callable[[Mapping[str, object], Notes, bool], Answer]
    fold: Callable[[Events, bool], tuple[dict[str, object], bool]]


def is_event_stream(exchange: Exchange) -> bool:
    """Whether the answer is a stream of events, by its type or by its first bytes."""
    kind = (exchange.header("content-type") or "").lower()
    body = exchange.response_body
    if body[:_BLANKS].lstrip()[:1] in {b"{", b"["}:  # an error, sent under the type that was asked for
        return False
    return (
        kind.startswith(_STREAM_TYPES)
        or _FIRST_LINE.match(body, 0, _BLANKS) is not None
        or looks_like_frames(body)
    )


def document_of(exchange: Exchange, notes: Notes) -> dict[str, object]:
    """The fields of a JSON answer; of one that was cut, what its ends still say. Empty if it is no JSON."""
    body = exchange.response_body
    document = fields_of(body)
    return _document_of_odd(exchange, body, notes) if document is None else document


def fields_of(body: bytes | msgspec.Raw) -> dict[str, object] | None:
    """The fields of a JSON object but for the large ones that nothing is read from; None if it is none."""
    try:
        fields = _fields.decode(body)
    except (ValueError, RecursionError):  # not an object, not UTF-8, or cut
        return None
    return {name: loads(bytes(raw)) for name, raw in fields.items() if not _is_skipped(name, raw)}


def _is_skipped(name: str, raw: msgspec.Raw) -> bool:
    return name in BULKY and memoryview(raw).nbytes > _LARGE


def _document_of_odd(exchange: Exchange, body: bytes, notes: Notes) -> dict[str, object]:
    is_cut = exchange.response_state == "truncated"
    value = None if is_cut else loads(body)
    if value is not None:
        return value if isinstance(value, dict) else {}
    is_object = body[:_BLANKS].lstrip().startswith(b"{")
    if not is_cut and (is_object or "json" in (exchange.header("content-type") or "")):
        notes.add("response_not_json")
    return _salvaged(body.decode("utf-8", "replace")) if is_cut or is_object else {}


def _salvaged(text: str) -> dict[str, object]:
    """Id and model from the start of a cut document, and the last usage in it."""
    found = {name: loads(match[1].encode()) for name, rule in _NAMED.items() if (match := rule.search(text))}
    for match in reversed(deque(_USAGE.finditer(text), maxlen=_TRIED)):
        try:
            return {**found, "usage": JSONDecoder().raw_decode(text, match.end())[0]}
        except (ValueError, RecursionError):  # this one was cut too
            continue
    return found
