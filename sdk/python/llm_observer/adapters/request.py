"""What did the request ask for? Its settings and its segments, without decoding the prompt.

The body is decoded into slices (`msgspec.Raw`): messages, tools and system blocks stay bytes of the
body, in the order in which providers cache a prompt (tools, system, messages).
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from llm_observer.adapters.fields import Notes, Reader, loads
from llm_observer.adapters.forms import form_fields
from llm_observer.adapters.text import newest_user_text
from llm_observer.call import Request
from llm_observer.decoded import Segment
from llm_observer.wire import Exchange

__all__ = ["Asked", "read_request"]

_Raw = msgspec.Raw
_NONE = _Raw()
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "choice_count": ("n",),
    "max_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample"),
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "reasoning_effort": ("reasoning_effort", "reasoning.effort", "output_config.effort"),
    "service_tier": ("service_tier",),
    "previous_response_id": ("previous_response_id",),
    "conversation_id": ("conversation.id", "conversation"),
    "is_background": ("background",),
    "includes_usage": ("stream_options.include_usage",),
}
"""Fields of `Request` and where the wires have them."""
_KINDS = {
    "choice_count": "count",
    "max_tokens": "count",
    "temperature": "number",
    "top_p": "number",
    "is_background": "flag",
    "includes_usage": "flag",
}
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[{}\[\]]', re.DOTALL)
_TEXT_VALUE = re.compile(rb'\s*:\s*("(?:[^"\\]|\\.)*+")', re.DOTALL)
_DEPTHS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_SCANNED = 64 * 1024
_MISSING = {
    "not_kept": "request_not_kept",
    "undecodable": "request_undecodable",
    "truncated": "request_truncated",
}


class Body(msgspec.Struct):
    """The fields of a request that anybody needs; each a slice, so that one wrong type spoils no other."""

    model: _Raw = _NONE
    stream: _Raw = _NONE
    tools: _Raw = _NONE
    functions: _Raw = _NONE
    system: _Raw = _NONE
    instructions: _Raw = _NONE
    messages: _Raw = _NONE
    input: _Raw = _NONE
    prompt: _Raw = _NONE
    n: _Raw = _NONE
    max_tokens: _Raw = _NONE
    max_completion_tokens: _Raw = _NONE
    max_output_tokens: _Raw = _NONE
    max_tokens_to_sample: _Raw = _NONE
    temperature: _Raw = _NONE
    top_p: _Raw = _NONE
    reasoning_effort: _Raw = _NONE
    reasoning: _Raw = _NONE
    output_config: _Raw = _NONE
    service_tier: _Raw = _NONE
    previous_response_id: _Raw = _NONE
    conversation: _Raw = _NONE
    background: _Raw = _NONE
    stream_options: _Raw = _NONE
    prompt_cache_key: _Raw = _NONE
    prompt_cache_options: _Raw = _NONE
    prompt_cache_retention: _Raw = _NONE
    cache_control: _Raw = _NONE
    tool_choice: _Raw = _NONE
    parallel_tool_calls: _Raw = _NONE
    thinking: _Raw = _NONE
    text: _Raw = _NONE
    verbosity: _Raw = _NONE
    response_format: _Raw = _NONE
    output_format: _Raw = _NONE
    context_management: _Raw = _NONE
    speed: _Raw = _NONE
    anthropic_beta: _Raw = _NONE
    betas: _Raw = _NONE


_SEGMENTED = {"tools": "tool", "functions": "tool", "system": "system", "instructions": "system"}
_PROMPTS = {"messages": "message", "input": "input", "prompt": "input"}
_BULKY = {*_SEGMENTED, *_PROMPTS}
CACHE_SETTINGS = (
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "cache_control",
    "tool_choice",
    "parallel_tool_calls",
    "thinking",
    "text",
    "verbosity",
    "response_format",
    "output_format",
    "output_config",
    "reasoning",
    "reasoning_effort",
    "service_tier",
    "context_management",
    "speed",
    "anthropic_beta",
    "betas",
)
"""Fields that a prompt cache depends on, beside the prompt itself."""
_READ = {path.partition(".")[0] for paths in SETTINGS.values() for path in paths}
_SMALL = tuple(
    name for name in Body.__struct_fields__ if name in _READ | {"model", "stream", "prompt_cache_key"}
)
_bodies = msgspec.json.Decoder(Body)
_slices = msgspec.json.Decoder(list[msgspec.Raw])


class Asked(NamedTuple):
    """What the request said."""

    request: Request
    model: str | None = None
    is_stream: bool | None = None
    segments: tuple[Segment, ...] = ()
    cache_key: str | None = None
    text: str | None = None
    settings: Mapping[str, msgspec.Raw] = {}


def read_request(exchange: Exchange, notes: Notes, *, with_content: bool) -> Asked:
    """What the body of *exchange*'s request says; nothing but its size where it was not kept whole."""
    if missing := _MISSING.get(exchange.request_state):
        notes.add(missing)
    data = exchange.request_body or b""
    size = _size(exchange)
    if exchange.request_state == "truncated":
        return Asked(Request(body_bytes=size), _first_model(data))
    if not data:
        return Asked(Request(body_bytes=size))
    if data.startswith(b"--") or "multipart/" in (exchange.request_header("content-type") or ""):
        return _form(data, size)
    body = _decoded(data)
    if body is None:
        notes.add("request_not_json")
        return Asked(Request(body_bytes=size), _first_model(data))
    return _asked(body, size, notes, with_content=with_content)


def _size(exchange: Exchange) -> int | None:
    """Bytes of the body, by its header where not all of it was kept."""
    if exchange.request_state in {"kept", "empty"}:
        return len(exchange.request_body or b"")
    length = exchange.request_header("content-length") or ""
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None  # noqa: PLR2004 - exact in any reader


def _decoded(data: bytes) -> Body | None:
    try:
        return _bodies.decode(data)
    except (ValueError, RecursionError):  # no JSON object; nested too deeply
        return None


def _form(data: bytes, size: int | None) -> Asked:
    """A multipart form: names of its text fields are those of the JSON body."""
    fields = form_fields(data)
    stream = fields.get("stream")
    return Asked(
        Request(body_bytes=size),
        fields.get("model") or None,
        None if stream is None else stream.lower() == "true",
    )


def _asked(body: Body, size: int | None, notes: Notes, *, with_content: bool) -> Asked:
    reader = Reader(_small_values(body), notes, "request")
    segments = tuple(_segments(body))
    tools = [raw for name in ("tools", "functions") if (raw := _given(body, name))]
    request = Request(
        body_bytes=size,
        message_count=_message_count(body),
        tool_count=sum(len(_listed(raw)) for raw in tools) if tools else None,
        **{name: getattr(reader, _KINDS.get(name, "text"))(*paths) for name, paths in SETTINGS.items()},
    )
    return Asked(
        request,
        reader.text("model"),
        reader.flag("stream"),
        segments,
        reader.text("prompt_cache_key"),
        newest_user_text(_prompt_slices(body)) if with_content else None,
        {name: raw for name in CACHE_SETTINGS if (raw := _given(body, name))},
    )


def _small_values(body: Body) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in _SMALL:
        raw = getattr(body, name)
        if raw:
            values[name] = loads(bytes(raw))
    return values


def _given(body: Body, name: str) -> msgspec.Raw:
    """Field *name*; empty where it is absent or null."""
    raw: msgspec.Raw = getattr(body, name)
    return _NONE if bytes(memoryview(raw)[:4]) == b"null" else raw


def _listed(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The items of *raw*, if it is a list."""
    if not _is_list(raw):
        return []
    try:
        return _slices.decode(raw)
    except (ValueError, RecursionError):
        return []


def _message_count(body: Body) -> int | None:
    for name in _PROMPTS:
        raw = _given(body, name)
        if raw:
            items = _listed(raw)
            return len(items) if _is_list(raw) and not _are_numbers(items) else 1
    return None


def _is_list(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"["


def _are_numbers(items: list[msgspec.Raw]) -> bool:
    """One text as token numbers, as embeddings and text completions take it."""
    return bool(items) and bytes(memoryview(items[0])[:1]).isdigit()


def _segments(body: Body) -> Iterator[Segment]:
    for name, kind in {**_SEGMENTED, **_PROMPTS}.items():
        yield from _split(name, kind, _given(body, name))


def _split(name: str, kind: str, raw: msgspec.Raw) -> Iterator[Segment]:
    """One segment for each object in a list; one for anything else (a text, a list of token numbers)."""
    if not raw:
        return
    items = _listed(raw)
    if items and all(bytes(memoryview(item)[:1]) == b"{" for item in items):
        yield from (Segment(f"{name}[{place}]", kind, item) for place, item in enumerate(items))
    elif items or not _is_list(raw):
        yield Segment(name, kind, raw)


def _prompt_slices(body: Body) -> list[msgspec.Raw]:
    """The prompt's messages, or the one text that it is."""
    for name in _PROMPTS:
        raw = _given(body, name)
        if raw:
            return _listed(raw) or [raw]
    return []


def _first_model(data: bytes) -> str | None:
    """The top-level `model` of a body that was cut, if it stands in what was kept."""
    depth = 0
    for found in _TOKEN.finditer(data, 0, _SCANNED):
        depth += _DEPTHS.get(found[0], 0)
        if depth == 1 and found[0] == b'"model"':
            value = _TEXT_VALUE.match(data, found.end(), _SCANNED)
            if value is not None:
                return Reader(loads(b'{"model":%b}' % value[1]), Notes(), "request").text("model")
    return None
