"""How does a call come out of an exchange? Route, request, answer, tokens, ending, error and times in one."""

from llm_observer.adapters.answer import Answer, Events, Format, document_of, is_event_stream
from llm_observer.adapters.batch_results import results_of
from llm_observer.adapters.failures import error_of
from llm_observer.adapters.fields import Notes, as_name
from llm_observer.adapters.measures import measures_of
from llm_observer.adapters.more_usage import more_usage_of
from llm_observer.adapters.providers import Place, place_of
from llm_observer.adapters.request import Asked, read_request
from llm_observer.adapters.routes import Route, route_of
from llm_observer.adapters.usage import flat_numbers, server_tool_counts, stated_cost, tokens_of
from llm_observer.call import Content, Ending, ErrorInfo, LLMCall, Timing, Tokens
from llm_observer.decoded import COUNT_ONLY, Decoded
from llm_observer.wire import Closing, Exchange

__all__ = ["build"]

DOWNLOADS = frozenset({"files.content:get", "containers.files.content:get", "videos.content:get"})
"""Operations whose answer is a file of the app's."""
SUMS = ("batches", "messages.batches", "fine_tuning", "organization", "evals")
"""Resources whose usage sums up calls that are billed by themselves."""
_FAILED = 400
_DIGITS = 16
"""A count of as many digits is none."""
_STATES = {"truncated": "response_truncated", "undecodable": "response_undecodable"}
_ENDINGS: dict[Closing, Ending] = {
    "failed": "error",
    "cancelled": "cancelled",
    "closed": "closed_early",
    "collected": "closed_early",
    "unread": "closed_early",
    "exit": "open_at_exit",
    "local": "local",
}


def build(exchange: Exchange, wire: Format, *, with_content: bool) -> Decoded:
    """The call that *exchange* is on *wire*. What cannot be read is absent, with a note."""
    notes = Notes()
    route = route_of(exchange)
    place = place_of(exchange.url, exchange.client)
    asked = read_request(exchange, notes, with_content=with_content)
    is_stream = is_event_stream(exchange)
    results = results_of(exchange, route.operation, wire, notes)
    answer = Answer()
    if results is None and route.operation not in DOWNLOADS:
        answer = _answer(exchange, wire, notes, is_stream=is_stream, with_text=with_content)
    usage = None if route.operation in COUNT_ONLY else answer.usage or _header_usage(exchange, route)
    tokens = tokens_of(usage, wire.usage, notes, is_input_only=route.operation == "embeddings")
    error = error_of(exchange, answer.error)
    call = LLMCall(
        provider=place.provider,
        wire="bedrock_invoke" if route.is_invoke else wire.wire,  # type: ignore[arg-type]  # an open enum: a plug-in names its own
        operation=route.operation,
        sdk=exchange.sdk or None,
        sdk_version=exchange.sdk_version,
        client=exchange.client,
        method=exchange.options.method.upper(),
        route=route.template or None,
        server=place.server,
        model_requested=as_name(asked.model) or as_name(route.model) or as_name(exchange.options.model),
        model_responded=answer.model,
        response_id=answer.response_id,
        request_id=as_name(exchange.header(*wire.request_id)),
        status=exchange.status,
        ending=_ending(exchange, answer, error, is_stream=is_stream),
        error=error,
        retries=exchange.retries,
        is_stream=is_stream,
        stream_requested=_stream_requested(exchange, asked, route),
        finish_reasons=answer.finish_reasons,
        service_tier=answer.service_tier,
        speed=answer.speed,
        inference_geo=answer.inference_geo,
        tokens=tokens,
        usage=flat_numbers(usage),
        server_tool_use=server_tool_counts(usage, answer.tool_usage),
        tool_calls=answer.tool_calls,
        other_tools=answer.other_tools,
        timing=_timing(exchange, tokens, is_stream=is_stream),
        request=asked.request,
        notes=tuple(notes),
    )
    return Decoded(
        call=call,
        segments=asked.segments,
        settings=asked.settings,
        to_hash=_to_hash(asked, place),
        content=Content(input=asked.text, output=answer.text) if with_content else None,
        provider_cost_usd=stated_cost(usage),
        diagnosis=answer.diagnosis,
        bills_separately=_bills_separately(route, call),
        is_late=answer.is_background and call.method == "GET",
        measures=measures_of(exchange, route.operation, usage),
        more_usage=more_usage_of(answer, wire.usage, notes),
        hosted=answer.hosted,
        results=() if results is None else results.answers,
        are_results_whole=results is None or results.is_whole,
    )


def _answer(exchange: Exchange, wire: Format, notes: Notes, *, is_stream: bool, with_text: bool) -> Answer:
    if code := _STATES.get(exchange.response_state):
        notes.add(code)
    if not is_stream:
        return wire.read(document_of(exchange, notes), notes, with_text)
    events = Events(exchange.response_body)
    document, is_terminal = wire.fold(events, with_text)
    answer = wire.read(document, notes, with_text)
    answer.is_terminal = is_terminal
    if events.not_json:
        notes.add("stream_events_not_json")
    return answer


def _stream_requested(exchange: Exchange, asked: Asked, route: Route) -> bool | None:
    """What the body says, else the path; of an upload, whose body is not kept, what the SDK was asked for."""
    said = route.is_stream if asked.is_stream is None else asked.is_stream
    if said is None and exchange.request_state == "not_kept" and exchange.stream_requested:
        return True
    return said


def _header_usage(exchange: Exchange, route: Route) -> dict[str, object] | None:
    """Bedrock's counts in headers, for models that say none in their answer."""
    if not route.is_invoke:
        return None
    return {
        name: int(value)
        for name, value in exchange.response_headers
        if name.startswith("x-amzn-bedrock-")
        and name.endswith("-token-count")
        and value.isascii()
        and value.isdigit()
        and len(value) < _DIGITS
    } or None


def _ending(exchange: Exchange, answer: Answer, error: ErrorInfo | None, *, is_stream: bool) -> Ending:
    """How the answer ended: by what its bytes say, else by how the reading of them stopped."""
    if exchange.closing == "local":
        return "local"
    is_error = error is not None and (exchange.status is None or exchange.status >= _FAILED or answer.error)
    if is_error:
        return "cancelled" if exchange.closing == "cancelled" else "error"
    is_whole = answer.is_terminal if is_stream else exchange.closing == "end_of_body"
    if is_whole:
        return "cancelled" if answer.is_cancelled else "complete"
    return _ENDINGS.get(exchange.closing, "truncated")


def _timing(exchange: Exchange, tokens: Tokens | None, *, is_stream: bool) -> Timing:
    first = exchange.first_chunk_ns if is_stream else None
    return Timing(
        duration_ms=_ms(exchange.duration_ns),
        time_to_first_chunk_ms=_ms(first),
        largest_gap_ms=_ms(exchange.largest_gap_ns) if is_stream else None,
        chunk_count=exchange.chunk_count if is_stream else None,
        output_tokens_per_second=_rate(exchange, tokens, first),
    )


def _ms(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1e6, 3)


def _rate(exchange: Exchange, tokens: Tokens | None, first_ns: int | None) -> float | None:
    """Output tokens over the time after the first chunk, or all of it if it was not streamed."""
    if tokens is None or tokens.output is None or exchange.duration_ns is None:
        return None
    spent_ns = exchange.duration_ns if first_ns is None else exchange.duration_ns - first_ns
    return round(tokens.output * 1e9 / spent_ns, 3) if spent_ns > 0 else None


def _to_hash(asked: Asked, place: Place) -> dict[str, str]:
    texts = {"prompt_cache_key": asked.cache_key, "host": place.hidden}
    return {name: text for name, text in texts.items() if text is not None}


def _bills_separately(route: Route, call: LLMCall) -> bool:
    """False for what is fetched again or changed, counts only, or sums up other calls."""
    is_changed = call.response_id is not None and call.response_id == route.end
    is_other = is_changed or route.operation in COUNT_ONLY or route.operation.startswith(SUMS)
    return call.method == "POST" and not is_other
