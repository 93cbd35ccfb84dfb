"""Turn an ended exchange into data, on the worker: headers to text, bodies without content coding."""

import sys
from collections.abc import Iterable
from typing import Any

from llm_observer.capture.exchange import Head, OpenCall, OpenExchange
from llm_observer.capture.tap import response_class
from llm_observer.capture.targets import version_of
from llm_observer.context import CallContext
from llm_observer.wire import BodyState, Exchange, Headers, Options

__all__ = ["context_of", "finish"]

_DECODED_LIMIT = 64 * 1024 * 1024
"""Decoded bytes read of one answer: a small compressed body can hold any amount."""


def finish(ended: OpenExchange) -> Exchange:
    """Everything that the adapters need of *ended*, and no object of the SDK's."""
    call, head, request = ended.call, ended.head, ended.request
    body, state = _body(ended)
    sent, sent_state = ended.body.request_body, ended.body.request_state
    streamed = ended.count > 0
    return Exchange(
        sdk=call.target.sdk,
        sdk_version=version_of(call.target.sdk),
        client=call.client,
        options=_options(call),
        url=str(request.url) if request is not None else "",
        request_headers=() if request is None else _headers(request.headers),
        request_body=sent,
        request_state="empty" if not sent and sent_state == "kept" else sent_state,
        status=None if head is None else head.status,
        response_headers=() if head is None else _headers(head.headers),
        response_body=body,
        response_state=state,
        stream_requested=call.is_stream,
        closing=ended.closing,
        error_type=ended.error_type,
        started_ns=call.started_ns,
        duration_ns=_duration(ended),
        first_chunk_ns=None if ended.first is None else ended.first - call.started,
        last_chunk_ns=ended.last - call.started if streamed else None,
        largest_gap_ns=ended.gap if ended.count > 1 else None,
        chunk_count=ended.count if streamed else None,
        retries=ended.retries,
    )


def context_of(ended: OpenExchange) -> CallContext:
    """Where *ended* belongs."""
    call = ended.call
    if ended.span_id is None:
        span, parent = call.span_id, call.parent_span_id
    else:
        span, parent = ended.span_id, call.span_id
    return CallContext(call.trace_id, span, parent, call.span_id, call.observation, call.site)


def _options(call: OpenCall) -> Options:
    model = call.model if isinstance(call.model, str) else None
    return Options(method=call.method.upper(), route=call.route, model=model)


def _duration(ended: OpenExchange) -> int | None:
    end = ended.last if ended.count else ended.ended_at
    return None if end is None else end - ended.call.started


def _headers(headers: Any) -> Headers:
    return tuple((name.lower(), value) for name, value in headers.multi_items())


def _body(ended: OpenExchange) -> tuple[bytes, BodyState]:
    raw = b"".join(ended.body.parts())
    state = ended.body.state
    if not raw:
        return raw, "empty"
    if ended.is_read or ended.head is None or not _is_coded(ended.head):
        return raw, state
    if state == "truncated":
        return b"", "undecodable"
    return _decoded(ended.head, raw)


def _is_coded(head: Head) -> bool:
    coding: str = head.headers.get("content-encoding", "identity")
    return coding.strip().lower() not in {"", "identity"}


def _decoded(head: Head, raw: bytes) -> tuple[bytes, BodyState]:
    """*raw* through the transport's own decoders; what a cut stream still holds is kept."""
    given: Any = head.kind
    kind = response_class(given)
    if kind is None:
        return b"", "undecodable"
    transport: Any = sys.modules[kind.__module__.partition(".")[0]]
    copy: Any = kind(200, headers=head.headers, stream=transport.ByteStream(raw))
    body, failed = _read(copy.iter_bytes(_DECODED_LIMIT // 64), transport.DecodingError)
    if not body or body == raw:  # a coding that the transport does not know is passed through as it is
        return b"", "undecodable"
    return body, "truncated" if failed else "kept"


def _read(parts: Iterable[bytes], broken: type[Exception]) -> tuple[bytes, bool]:
    kept, size = [], 0
    try:
        for part in parts:
            kept.append(part)
            size += len(part)
            if size >= _DECODED_LIMIT:
                return b"".join(kept), True
    except broken:
        return b"".join(kept), True
    return b"".join(kept), False
