"""Exchanges for tests of the adapters: built from plain values, or from a recording."""

import json
import struct
import zlib
from base64 import b64encode

import msgspec

from integration.recordings import Recorded
from integration.sending import _PLACEHOLDERS
from llm_observer._version import __version__
from llm_observer.adapters import decode
from llm_observer.event import SCHEMA_VERSION, Event, Sdk, encode, new_event_id, rfc3339
from llm_observer.recordings.plain import exchange_of
from llm_observer.schema import validate
from llm_observer.wire import Exchange, Options

STARTED_NS = 1_790_000_000_000_000_000
JSON_TYPE = ("content-type", "application/json")
SSE_TYPE = ("content-type", "text/event-stream; charset=utf-8")
FRAMES_TYPE = ("content-type", "application/vnd.amazon.eventstream")
HOSTS = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
ROUTES = {"openai": "/chat/completions", "anthropic": "/v1/messages"}


def exchange(answer=b"", *, sdk="openai", route=None, request=None, headers=None, **changes):
    """A POST of *request* to *route* and its *answer*; values that are not bytes are written as JSON."""
    route = ROUTES[sdk] if route is None else route
    sent, body = _bytes(request), _bytes(answer)
    fields = {
        "options": Options(method="POST", route=route),
        "url": f"{HOSTS[sdk]}{route}",
        "request_body": sent,
        "request_state": "kept" if sent else "empty",
        "status": 200,
        "response_headers": (JSON_TYPE,) if headers is None else tuple(headers),
        "response_body": body or b"",
        "response_state": "kept" if body else "empty",
        "started_ns": STARTED_NS,
    }
    return Exchange(sdk=sdk, **{**fields, **changes})


def _bytes(value):
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()


def recorded_exchange(one: Recorded):
    """The exchange that *one* is a recording of, as the reader of recordings knows it: without any SDK."""
    request = one.exchange["request"]
    url = request["url"]
    for placeholder, value in _PLACEHOLDERS.items():
        url = url.replace(placeholder, value)
    line = {**one.exchange, "request": {**request, "url": url}, "started_at": STARTED_NS // 10**9}
    return exchange_of(json.dumps(line).encode())


def call_of(made, **how):
    """The body of *made*'s event, as plain JSON values."""
    return json.loads(msgspec.json.encode(decode(made, **how).call))


def stable(made, *, with_content=False):
    """What the event of *made* says, less how the answer came: times, and whether it was a stream."""
    decoded = decode(made, with_content=with_content)
    call = json.loads(msgspec.json.encode(decoded.call))
    for name in ("timing", "is_stream", "stream_requested", "request"):
        call.pop(name, None)
    return call, decoded.content, decoded.provider_cost_usd, decoded.bills_separately


def problems_of(made, **how):
    """What the schema has against the event of *made*."""
    call = decode(made, **how).call
    event = Event(
        schema_version=SCHEMA_VERSION,
        event_id=new_event_id(made.started_ns),
        type="llm_call",
        time=rfc3339(made.started_ns),
        trace_id="0" * 31 + "1",
        span_id="0" * 15 + "1",
        sdk=Sdk(name="llm_observer", version=__version__),
        llm_call=call,
    )
    return validate(json.loads(encode(event)))


def events_body(events, *, named=False, is_done=True):
    """*events* as server-sent events; named: with their type as the name, as Anthropic and Responses do."""
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        lines.append(f"{name}data: {event if isinstance(event, str) else json.dumps(event)}\n\n")
    return "".join([*lines, "data: [DONE]\n\n" if is_done else ""]).encode()


def streamed(body, **how):
    """An exchange whose answer is the stream *body*."""
    return exchange(body, headers=how.pop("headers", (SSE_TYPE,)), **how)


def anthropic_events(message):
    """The stream that Anthropic would send for *message*: every block in two pieces."""
    start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        first, deltas = _begun(block)
        yield {"type": "content_block_start", "index": index, "content_block": first}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": message["usage"]}
    yield {"type": "message_stop"}


def _begun(block):
    """The first state of *block*, and what is sent after it."""
    if "input" in block:
        text = json.dumps(block["input"])
        pieces = ("", text[:3], text[3:])
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": one} for one in pieces]
    for name in ("text", "thinking"):
        if name in block:
            pieces = (block[name][:2], block[name][2:])
            return {**block, name: ""}, [{"type": f"{name}_delta", name: one} for one in pieces]
    return block, []


def frames_body(events):
    """*events* as frames of Amazon Bedrock."""
    return b"".join(
        frame("chunk", {"bytes": b64encode(json.dumps(event).encode()).decode(), "p": "abc"})
        for event in events
    )


def frame(name, payload, *, kind="event"):
    """One binary frame of an AWS event stream."""
    headers = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    block = b"".join(_frame_header(key, value) for key, value in headers.items())
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(block) + len(body), len(block))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + body
    return message + struct.pack(">I", zlib.crc32(message))


def _frame_header(name, value):
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
