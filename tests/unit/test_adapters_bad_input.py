"""Whatever the bytes are, decoding gives an event that follows the schema, and what can be read is read."""

import json
import re
import time
from functools import cache

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from exchanging import (
    FRAMES_TYPE,
    JSON_TYPE,
    SSE_TYPE,
    anthropic_events,
    call_of,
    events_body,
    exchange,
    frame,
    frames_body,
    problems_of,
    recorded_exchange,
    streamed,
)
from integration.recordings import ALL, SOME, recorded, source_files
from llm_observer.adapters import decode
from llm_observer.wire import Options

MEGABYTE = 1024 * 1024
SECONDS = 10
"""Of the processor, for one body of 100 MB, on a slow machine: other work there does not count."""
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-sonnet-5",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 5},
}
SDKS = st.sampled_from(["openai", "anthropic", ""])
ROUTES = st.sampled_from([
    "/chat/completions", "/responses", "/completions", "/embeddings", "/v1/messages", "/v1/complete",
    "/audio/speech", "/threads/runs", "/files/f/content", "/batches/b", "",
])  # fmt: skip
TYPES = st.sampled_from([JSON_TYPE, SSE_TYPE, FRAMES_TYPE, ("content-type", "text/html"), ("x", "y")])


def chat(**changes):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": "gpt-5",
        "choices": [choice],
        "usage": USAGE,
    } | changes


def is_well_formed(made):
    """Nothing is raised, with text and without, and the schema has nothing against the event."""
    assert problems_of(made, with_content=True) == []
    assert decode(made).call == decode(made, with_content=True).call


# Any bytes, any values


@given(sent=st.binary(max_size=300), body=st.binary(max_size=600), sdk=SDKS, route=ROUTES, kind=TYPES)
def test_any_bytes_decode(sent, body, sdk, route, kind):
    made = exchange(body, sdk=sdk or "openai", route=route, request=sent, headers=[kind])
    is_well_formed(msgspec.structs.replace(made, sdk=sdk))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(st.characters(codec=None, categories=None), max_size=12)
    | st.sampled_from(["error", "function_call", "mcp_call", "message_stop", "x" * 10_000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KEYS = re.findall(
    r"\S+",
    """
    id model object type status choices index delta message content text tool_calls function custom name input
    arguments function_call finish_reason usage x_groq service_tier error code output item output_index
    response incomplete_details reason content_block partial_json stop_reason completion prompt_tokens
    input_tokens completion_tokens prompt_tokens_details cached_tokens cost is_byok cost_details stream
    cache_creation server_tool_use messages role tools system prompt prompt_cache_key stream_options reasoning
    n temperature max_tokens amazon-bedrock-invocationMetrics bytes detail __type
    """,
)
SHAPED = st.recursive(
    JUNK,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), SHAPED, max_size=8)
EVENT_TYPES = re.findall(
    r"\S+",
    """
    message_start message_delta message_stop content_block_start content_block_delta completion error ping
    response.created response.completed response.output_item.done transcript.text.done novel.kind
    """,
)
EVENTS = st.lists(
    st.builds(lambda kind, event: {"type": kind, **event}, st.sampled_from(EVENT_TYPES), OBJECTS), max_size=6
)


@given(request=OBJECTS, answer=OBJECTS, sdk=SDKS, route=ROUTES, status=st.sampled_from([None, 200, 404]))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_document_under_the_names_of_the_wires_decodes(request, answer, sdk, route, status):
    made = exchange(answer, sdk=sdk or "openai", route=route, request=request, status=status)
    is_well_formed(msgspec.structs.replace(made, sdk=sdk))


@given(events=EVENTS, sdk=SDKS, is_framed=st.booleans())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_events_under_the_names_of_the_wires_decode(events, sdk, is_framed):
    body = frames_body(events) if is_framed else events_body(events, named=False)
    is_well_formed(msgspec.structs.replace(streamed(body, headers=()), sdk=sdk))


HEADERS = re.findall(
    r"\S+",
    """
    content-type content-length x-request-id request-id x-amzn-requestid apim-request-id x-amzn-errortype
    x-amzn-bedrock-input-token-count x-amzn-bedrock-output-token-count
    """,
)
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=20)
HEADER_VALUES = ANY_TEXT | st.sampled_from(["9" * 20, "9" * 5000, "-1", "²", "x" * 10_000])


@given(
    headers=st.lists(st.tuples(st.sampled_from(HEADERS), HEADER_VALUES), max_size=6),
    is_invoke=st.booleans(),
    status=st.sampled_from([200, 500]),
)  # fmt: skip
def test_any_header_values_decode(headers, is_invoke, status):
    path = "/model/anthropic.claude-sonnet-5/invoke" if is_invoke else "/v1/messages"
    made = exchange({}, sdk="anthropic", route=path, headers=headers, status=status)
    is_well_formed(msgspec.structs.replace(made, request_headers=tuple(headers)))


@given(
    url=st.text(max_size=60) | st.builds("https://{}/{}".format, st.text(max_size=20), st.text(max_size=40)),
    route=st.text(max_size=40),
    model=st.none()
    | st.text(st.characters(codec=None, categories=None), max_size=20)
    | st.just("m" * 10_000),
)
def test_any_url_and_any_options_decode(url, route, model):
    options = Options(method="POST", route=route, model=model)
    is_well_formed(exchange(chat(), request={}, url=url, options=options))


# Real recordings, damaged


@cache
def recordings():
    """Some of every file: short ones, so that a change is likely to hit something."""
    folder = SOME if SOME.is_dir() else ALL
    found = [one for name in source_files(folder) for one in recorded(folder, name) if len(one.body) < 20_000]
    return [recorded_exchange(one) for one in found]


pytest_recordings = pytest.mark.skipif(
    not (SOME.is_dir() or ALL.is_dir()), reason="no recordings beside the tests"
)
DAMAGES = {
    "delete": lambda data, at, size, junk: data[:at] + data[at + size :],
    "duplicate": lambda data, at, size, junk: data[: at + size] + data[at:],
    "truncate": lambda data, at, size, junk: data[:at],
    "flip": lambda data, at, size, junk: data[:at] + junk + data[at + len(junk) :],
    "insert": lambda data, at, size, junk: data[:at] + junk + data[at:],
}


@pytest_recordings
@settings(max_examples=300, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_recording_with_damaged_bytes_decodes(damage, data):
    made = data.draw(st.sampled_from(recordings()))
    changed = {}
    for name in ("response_body", "request_body"):
        body = getattr(made, name) or b""
        at, size = data.draw(st.integers(0, len(body))), data.draw(st.integers(0, 400))
        changed[name] = DAMAGES[damage](body, at, size, data.draw(st.binary(min_size=1, max_size=4)))
    state = data.draw(st.sampled_from(["kept", "truncated"]))
    is_well_formed(msgspec.structs.replace(made, response_state=state, request_state=state, **changed))


def places(value, path=()):
    """The path of every value in *value*."""
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from places(inner, (*path, key))


def replaced(value, path, new):
    """*value* with *new* at *path*."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


OTHER = [None, True, -1, 0, 7.5, 1e300, 10**25, "", "text", "\ud800", [], ["a"], [[]], {}, {"a": []}, [{}]]


def mutated(data, body):
    """*body*, a document or a stream, with one value of one document in it replaced."""
    lines = body.split(b"\n")
    spots = [place for place, line in enumerate(lines) if line.startswith((b"data: {", b"{"))]
    spots = [place for place in spots if _document(lines[place]) is not None]
    if not spots:
        return body
    spot = data.draw(st.sampled_from(spots))
    document = _document(lines[spot])
    path = data.draw(st.sampled_from(list(places(document))))
    changed = json.dumps(replaced(document, path, data.draw(st.sampled_from(OTHER))))
    prefix = b"data: " if lines[spot].startswith(b"data: ") else b""
    return b"\n".join([*lines[:spot], prefix + changed.encode(), *lines[spot + 1 :]])


def _document(line):
    try:
        return json.loads(line.removeprefix(b"data: "))
    except ValueError:
        return None


@pytest_recordings
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_recording_with_a_value_of_another_type_decodes(data):
    made = data.draw(st.sampled_from(recordings()))
    body = _on_one_line(made.response_body)
    sent = _on_one_line(made.request_body or b"")
    which = data.draw(st.sampled_from(["response_body", "request_body"]))
    new = mutated(data, body if which == "response_body" else sent)
    assume(new)
    is_well_formed(msgspec.structs.replace(made, **{which: new}))


def _on_one_line(body):
    document = _document(body)
    return body if document is None else json.dumps(document).encode()


# Broken answers


BROKEN = {
    "no bytes": b"",
    "a blank": b" ",
    "html": b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>",
    "half a document": b'{"id": "c1", "model": "gpt-5", "choices": [{"index"',
    "not UTF-8": b"\xff\xfe\x00\x01\x80",
    "a list": b"[1, 2, 3]",
    "a text": b'"error"',
    "a number": b"42",
    "null": b"null",
    "two documents": b'{"id": "a"}\n{"id": "b"}',
}


@pytest.mark.parametrize("status", [200, 400, 502], ids=str)
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_no_document_has_no_tokens(body, sdk, status):
    made = exchange(body, sdk=sdk, status=status)
    is_well_formed(made)
    call = call_of(made)
    assert "tokens" not in call
    assert call["ending"] == ("complete" if status == 200 else "error")


def test_an_answer_of_json_that_is_none_is_noted():
    assert call_of(exchange(BROKEN["half a document"]))["notes"] == ["response_not_json"]
    assert call_of(exchange(BROKEN["html"]))["notes"] == ["response_not_json"]
    assert "notes" not in call_of(exchange(BROKEN["html"], headers=[("content-type", "text/html")]))


def test_half_an_answer_still_says_which_one_it_was():
    call = call_of(exchange(BROKEN["half a document"], closing="failed"))
    assert (call["response_id"], call["model_responded"], call["ending"]) == ("c1", "gpt-5", "error")


def test_bytes_that_are_not_utf_8_spoil_no_other_field():
    body = json.dumps(chat()).encode().replace(b"Hello", b"H\xff\xfe")
    call = call_of(exchange(body))
    assert (call["tokens"]["output"], call["finish_reasons"]) == (20, ["stop"])


@pytest.mark.parametrize(
    ("given", "also"),
    [
        pytest.param(b"NaN", {}, id="NaN"),
        pytest.param(b"Infinity", {}, id="infinity"),
        pytest.param(b"1e999", {}, id="too large a float"),
        pytest.param(b"-1", {}, id="negative"),
        pytest.param(b"1.5", {}, id="a fraction"),
        pytest.param(b"true", {}, id="true"),
        pytest.param(b'"20"', {}, id="a text"),
        pytest.param(b"[20]", {}, id="a list"),
        pytest.param(b"{}", {}, id="an object"),
        pytest.param(b"9" * 30, {}, id="30 digits"),
        pytest.param(b"9" * 500, {}, id="500 digits"),
        pytest.param(b"9" * 5000, {}, id="5000 digits"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True], ids=["document", "stream"])
def test_a_count_that_is_none_is_unknown_and_noted(given, also, is_stream):
    body = json.dumps(chat()).encode().replace(b'"completion_tokens": 20', b'"completion_tokens": ' + given)
    made = streamed(b"data: " + body + b"\n\ndata: [DONE]\n\n") if is_stream else exchange(body)
    is_well_formed(made)
    call = call_of(made)
    assert call["notes"] == ["usage_wrong_type"]
    assert "output" not in call["tokens"]
    assert (call["tokens"]["input_total"], call["tokens"]["total"]) == (100, 120)


@pytest.mark.parametrize("usage", [None, 7, "much", [], [USAGE], {}, True], ids=repr)
def test_usage_that_is_no_object_is_absent(usage):
    call = call_of(exchange(chat(usage=usage)))
    assert "tokens" not in call
    assert call["response_id"] == "c1"


MODELS = {
    "half a surrogate": (rb'"gpt\ud800"', "gpt�"),
    "a whole one": (rb'"gpt\ud83d\ude00"', "gpt😀"),
    "the longest": (b'"' + b"m" * 512 + b'"', "m" * 512),
    "too long": (b'"' + b"m" * 10_000 + b'"', None),
    "empty": (b'""', None),
    "a number": (b"5", None),
    "a list": (b'["gpt-5"]', None),
}


@pytest.mark.parametrize(("model", "name"), MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_odd_model_name_is_a_name_or_absent(model, name, sdk):
    body = json.dumps(chat() if sdk == "openai" else MESSAGE).encode()
    answer = body.replace(b'"gpt-5"', model).replace(b'"claude-sonnet-5"', model)
    made = exchange(answer, sdk=sdk, request=b'{"model": ' + model + b"}")
    is_well_formed(made)
    call = call_of(made)
    assert call.get("model_responded") == name
    assert call["finish_reasons"]


@pytest.mark.parametrize("model", ["\ud800", "m" * 10_000, ""], ids=["surrogate", "long", "empty"])
def test_an_odd_model_in_the_options_is_a_name_or_absent(model):
    made = exchange(b"", options=Options(method="POST", route="/chat/completions", model=model))
    is_well_formed(made)
    assert call_of(made).get("model_requested") == ("?" if model == "\ud800" else None)


LONG = "n" * 10_000
LONG_NAMES = {
    "tool": chat(choices=[{"message": {"tool_calls": [{"function": {"name": LONG, "arguments": "{}"}}]}}]),
    "finish reason": chat(choices=[{"finish_reason": LONG}]),
    "id": chat(id=LONG),
    "service tier": chat(service_tier=LONG),
    "hosted tool": {"object": "response", "output": [{"type": f"{LONG}_call"}]},
    "status": {"object": "response", "status": LONG},
    "error": {"error": {"type": LONG, "code": LONG, "message": LONG}},
}


@pytest.mark.parametrize("document", LONG_NAMES.values(), ids=LONG_NAMES)
def test_what_is_too_long_for_a_name_is_no_name(document):
    made = exchange(document, headers=[JSON_TYPE, ("x-request-id", LONG)])
    is_well_formed(made)
    assert LONG not in json.dumps(call_of(made))


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"usage":' * 100_000], ids=len)
@pytest.mark.parametrize("state", ["kept", "truncated"])
def test_nesting_without_end_decodes(body, state):
    is_well_formed(exchange(body, request=body, response_state=state, request_state=state))
    is_well_formed(streamed(b"data: " + body))


def test_one_field_that_is_nested_too_deeply_spoils_no_count():
    deep = b"[" * 5000 + b"]" * 5000
    body = json.dumps(chat(id="DEEP")).encode().replace(b'"DEEP"', deep)
    made = exchange(body)
    is_well_formed(made)
    assert call_of(made)["tokens"]["output"] == 20


HUGE = {
    "one text": lambda: b'{"id":"c1","choices":[{"message":{"content":"' + b"x" * (100 * MEGABYTE) + b'"}}]}',
    "cut": lambda: b'{"id":"c1","choices":[{"message":{"content":"' + b"x" * (100 * MEGABYTE),
    "zeros": lambda: bytes(100 * MEGABYTE),
    "blanks": lambda: b" " * (100 * MEGABYTE),
    "line ends": lambda: b"\n" * (4 * MEGABYTE),
    "vectors": lambda: b'{"data":[' + b"0.123456789," * (8 * MEGABYTE) + b"1]}",
    "events": lambda: b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n' * 200_000,
    "one event": lambda: b'data: {"choices":[{"delta":{"content":"' + b"x" * (100 * MEGABYTE) + b'"}}]}\n\n',
    "usages that were cut": lambda: b'{"usage":' * (2 * MEGABYTE),
    "frames that are none": lambda: bytes(range(256)) * (4096 * 100),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("state", ["kept", "truncated"])
@pytest.mark.parametrize("build", HUGE.values(), ids=HUGE)
def test_a_huge_answer_is_decoded_in_time(build, state):
    made = exchange(build(), response_state=state)
    started = time.thread_time()
    decode(made)
    assert time.thread_time() - started < SECONDS


@pytest.mark.slow
def test_a_huge_request_is_decoded_in_time():
    messages = b'{"role":"user","content":"' + b"x" * 1000 + b'"},'
    body = b'{"model":"m","messages":[' + messages * 100_000 + b'{"role":"user","content":"Hi"}]}'
    started = time.thread_time()
    decoded = decode(exchange(chat(), request=body), with_content=True)
    assert time.thread_time() - started < SECONDS
    assert decoded.call.request.message_count == 100_001
    assert decoded.content.input == "Hi"


# Answers of which the middle is missing


def without_the_middle(document, *, kept):
    body = json.dumps(document).encode()
    return body[:kept] + b"\x00" + body[-kept:]


@pytest.mark.parametrize(
    ("document", "sdk"),
    [
        pytest.param(chat(choices=[{"odd": 1}] * 500), "openai", id="chat"),
        pytest.param(MESSAGE | {"content": [{"odd": 1}] * 500}, "anthropic", id="message"),
    ],
)
def test_a_cut_answer_still_says_its_usage(document, sdk):
    head = {name: value for name, value in document.items() if name != "usage"}
    cut = without_the_middle({**head, "usage": document["usage"]}, kept=400)
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut)
    made = exchange(cut, sdk=sdk, response_state="truncated")
    is_well_formed(made)
    call = call_of(made)
    assert call["usage"] == document["usage"]
    assert call["notes"] == ["response_truncated"]
    assert (call["response_id"], call["model_responded"]) == (document["id"], document["model"])


def test_the_last_usage_of_a_cut_answer_counts_and_one_in_a_text_does_not():
    quoted = json.dumps({"text": json.dumps({"usage": {"prompt_tokens": 1}})})
    body = b'{"id": "c1", "usage": {"prompt_tokens": 5}, "x": [...' + quoted.encode()
    assert call_of(exchange(body, response_state="truncated"))["usage"] == {"prompt_tokens": 5}
    body += b', "usage": {"prompt_tokens": 100}, "tail": {"usage": {"prompt_tok'
    assert call_of(exchange(body, response_state="truncated"))["usage"] == {"prompt_tokens": 100}


@pytest.mark.parametrize("number", ["NaN", "1e999", "9" * 400, "-1"])
def test_an_odd_count_of_a_cut_answer_is_unknown(number):
    body = (
        f'{{"id": "c1", "cho...", "usage": {{"prompt_tokens": 5, "completion_tokens": {number}}}}}'.encode()
    )
    made = exchange(body + b"]", response_state="truncated")
    is_well_formed(made)
    assert call_of(made)["tokens"] == {"input_reported": 5, "input_total": 5}


# Broken streams


CHUNK = {"id": "c1", "model": "gpt-5", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
LAST = {"id": "c1", "choices": [], "usage": USAGE}


def test_events_that_are_no_json_are_left_out_and_noted():
    made = streamed(b"data: {half\n\n" + events_body([CHUNK, "nothing", LAST]))
    call = call_of(made)
    assert call["notes"] == ["stream_events_not_json"]
    assert call["tokens"]["output"] == 20
    assert call["ending"] == "complete"


@pytest.mark.parametrize("kept", range(0, 400, 7))
def test_a_stream_that_stops_anywhere_is_truncated(kept):
    whole = events_body(anthropic_events(MESSAGE), named=True, is_done=False)
    made = streamed(whole[:kept], sdk="anthropic")
    is_well_formed(made)
    assert call_of(made)["ending"] == "truncated"


def test_a_stream_whose_middle_is_missing_has_both_of_its_ends():
    events = events_body([CHUNK, *[{"choices": [], "pad": "x" * 100}] * 50, LAST])
    made = streamed(events[:150] + events[-200:], response_state="truncated")
    call = call_of(made)
    assert (call["response_id"], call["tokens"]["output"], call["ending"]) == ("c1", 20, "complete")
    assert call["notes"][0] == "response_truncated"


def test_events_of_an_unknown_type_say_nothing():
    novel = [{"type": "novel.kind", "novel": [1]}, {"novel": {}}, {"type": ["odd"]}, {"type": {}}]
    plain, mixed = [CHUNK, LAST], [*novel, CHUNK, *novel, LAST, *novel]
    assert call_of(streamed(events_body(plain))) == call_of(streamed(events_body(mixed)))
    events = list(anthropic_events(MESSAGE))
    mixed = [*novel, *events[:3], *novel, *events[3:]]
    first, second = (streamed(events_body(these), sdk="anthropic") for these in (events, mixed))
    assert call_of(first) == call_of(second)


@pytest.mark.parametrize("place", [[], {}, "0", None, 1.5], ids=repr)
def test_an_event_at_an_odd_place_decodes(place):
    item = {"type": "function_call", "name": "weather", "arguments": "{}"}
    response = {"type": "response.output_item.done", "output_index": place, "item": item}
    call = {"index": place, "id": place, "function": {"name": "weather", "arguments": "{}"}}
    chunk = {"choices": [{"index": place, "delta": {"tool_calls": [call]}}]}
    for event in (response, chunk):
        made = streamed(events_body([event]))
        is_well_formed(made)
        assert [tool["name"] for tool in call_of(made)["tool_calls"]] == ["weather"]
    block = {"type": "tool_use", "name": "weather", "input": {}}
    start = {"type": "content_block_start", "index": place, "content_block": block}
    delta = {"type": "content_block_delta", "index": place, "delta": {"partial_json": "{}"}}
    made = streamed(events_body([start, delta]), sdk="anthropic")
    is_well_formed(made)
    assert [tool["name"] for tool in call_of(made)["tool_calls"]] == ["weather"]


OVERLOADED = {"type": "overloaded_error", "message": "Overloaded"}
MID_STREAM = {
    "anthropic": ("anthropic", {"type": "error", "error": OVERLOADED}, "overloaded_error", None),
    "openai": ("openai", {"error": {"type": "oops", "code": 500, "message": "x"}}, "oops", "500"),
    "responses": ("openai", {"type": "error", "code": "rate_limit", "message": "x"}, None, "rate_limit"),
    "a text": ("openai", {"error": "out of memory"}, None, None),
}  # fmt: skip


@pytest.mark.parametrize(("sdk", "event", "kind", "code"), MID_STREAM.values(), ids=MID_STREAM)
def test_an_error_amid_a_stream_is_the_ending(sdk, event, kind, code):
    first = next(anthropic_events(MESSAGE)) if sdk == "anthropic" else CHUNK
    made = streamed(events_body([first, event], is_done=False), sdk=sdk)
    is_well_formed(made)
    call = call_of(made)
    assert call["ending"] == "error"
    assert (call["error"].get("type"), call["error"].get("code")) == (kind, code)
    assert call["error"]["message_present"] is True
    assert call["response_id"] in {"msg_1", "c1"}


def test_an_exception_frame_is_the_ending_of_a_bedrock_stream():
    first, *_ = anthropic_events(MESSAGE)
    broken = frame("throttlingException", {"message": "slow down"}, kind="exception")
    made = streamed(frames_body([first]) + broken, sdk="anthropic", headers=[FRAMES_TYPE])
    call = call_of(made)
    assert call["ending"] == "error"
    assert call["error"] == {"type": "throttlingException", "message_present": True}


def test_a_damaged_frame_is_skipped():
    first, *rest = anthropic_events(MESSAGE)
    bad = bytearray(frames_body([{"type": "ping"}]))
    bad[-1] ^= 1
    made = streamed(
        frames_body([first]) + bytes(bad) + frames_body(rest), headers=[FRAMES_TYPE], sdk="anthropic"
    )
    call = call_of(made)
    assert (call["tokens"]["output"], call["ending"]) == (5, "complete")


# Errors of any form


@pytest.mark.parametrize(
    "stated", ["text", 7, ["list"], [{"type": "x"}], True, {"type": 7, "code": []}, {"message": {}}], ids=repr
)
@pytest.mark.parametrize("status", [200, 400], ids=str)
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_error_of_any_type_is_an_error(stated, status, sdk):
    made = exchange({"error": stated}, sdk=sdk, status=status)
    is_well_formed(made)
    call = call_of(made)
    assert call["ending"] == "error"
    assert call["error"].keys() <= {"message_present"}


@pytest.mark.parametrize("stated", [None, "", 0, [], {}, False], ids=repr)
def test_an_empty_error_is_none(stated):
    call = call_of(exchange(chat(error=stated)))
    assert call["ending"] == "complete"
    assert "error" not in call


def test_a_document_under_the_type_of_a_stream_is_a_document():
    body = {"error": {"type": "invalid_request_error", "code": "no_stream", "message": "x"}}
    call = call_of(exchange(body, headers=[SSE_TYPE], status=400))
    assert call["error"] == {"type": "invalid_request_error", "code": "no_stream", "message_present": True}
    assert call["is_stream"] is False
