"""A stream decodes to the call that the unstreamed answer of the same content gives."""

import copy
import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanging import (
    FRAMES_TYPE,
    anthropic_events,
    call_of,
    events_body,
    exchange,
    frames_body,
    stable,
    streamed,
)
from llm_observer.adapters import decode

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 7},
}
MESSAGE_USAGE = {
    "input_tokens": 12,
    "cache_read_input_tokens": 400,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "output_tokens": 55,
    "server_tool_use": {"web_search_requests": 2},
    "service_tier": "standard",
    "inference_geo": "us",
    "speed": "fast",
}


def chat(*choices, **more):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-5.6-mini",
        "service_tier": "default",
        "choices": [{"index": index, **choice} for index, choice in enumerate(choices)],
        "usage": USAGE,
        **more,
    }


def said(content, reason="stop", **message):
    return {"finish_reason": reason, "message": {"role": "assistant", "content": content, **message}}


def function(name, arguments, given="call_1"):
    return {"id": given, "type": "function", "function": {"name": name, "arguments": arguments}}


def custom(name, text, given="call_9"):
    return {"id": given, "type": "custom", "custom": {"name": name, "input": text}}


def chat_chunks(document, deltas):
    """Chunks of *document*: *deltas* are (choice, delta), then come the reasons, then the usage."""
    head = {name: document[name] for name in ("id", "model", "service_tier")}
    head["object"] = "chat.completion.chunk"
    for index, delta in deltas:
        yield {**head, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}
    for choice in document["choices"]:
        yield {**head, "choices": [{**choice, "message": None, "delta": {}}]}
    yield {**head, "choices": [], "usage": document["usage"]}


def call_delta(index, call=None, piece="", **more):
    """One delta of a tool call; *call*: the first one, with id and name."""
    if call is None:
        part = {"function": {"arguments": piece}}
    else:
        part = {"id": call["id"], "type": "function", "function": {**call["function"], "arguments": piece}}
    return {"tool_calls": [{**part, **({} if index is None else {"index": index}), **more}]}


WEATHER = function("weather", '{"city":"Zürich"}', "call_a")
CLOCK = function("clock", "{}", "call_b")


@dataclass
class Pair:
    """One content as a document and as the events of a stream."""

    document: dict
    events: list


TWO_CHOICES = chat(said("Hello"), said("Good day", "length"))
TWO_CALLS = chat(said(None, "tool_calls", tool_calls=[WEATHER, CLOCK]))
ONE_CUSTOM = chat(said(None, "tool_calls", tool_calls=[custom("patch", "*** Begin Patch é")]))
LEGACY = chat(said(None, "function_call", function_call={"name": "weather", "arguments": '{"city":"Bern"}'}))
TEXT = chat({"finish_reason": "stop", "text": "Once upon a time"}, object="text_completion")


def of_two_calls(*deltas):
    return Pair(TWO_CALLS, list(chat_chunks(TWO_CALLS, [(0, delta) for delta in deltas])))


CHATS = {
    "two choices, interleaved": Pair(
        TWO_CHOICES,
        list(
            chat_chunks(
                TWO_CHOICES,
                [
                    (1, {"role": "assistant", "content": "Good"}),
                    (0, {"content": "Hel"}),
                    (1, {"content": " day"}),
                    (0, {"content": "lo"}),
                ],
            )
        ),
    ),
    "parallel calls, one after the other": of_two_calls(
        call_delta(0, WEATHER, ""),
        call_delta(0, None, '{"city":'),
        call_delta(0, None, '"Zürich"}'),
        call_delta(1, CLOCK, "{"),
        call_delta(1, None, "}"),
    ),
    "parallel calls, interleaved": of_two_calls(
        call_delta(0, WEATHER, '{"city"'),
        call_delta(1, CLOCK, "{"),
        call_delta(0, None, ':"Zürich"}'),
        call_delta(1, None, "}"),
    ),
    "parallel calls that share an index and differ by id": of_two_calls(
        call_delta(0, WEATHER, '{"city":"Zürich"}'), call_delta(0, CLOCK, "{"), call_delta(0, None, "}")
    ),
    "parallel calls whose id is repeated in every delta": of_two_calls(
        call_delta(0, WEATHER, '{"city":'),
        call_delta(0, None, '"Zürich"}', id="call_a"),
        call_delta(1, CLOCK, "{"),
        call_delta(1, None, "}", id="call_b"),
    ),
    "calls without an index, whole": of_two_calls(
        call_delta(None, WEATHER, '{"city":"Zürich"}'), call_delta(None, CLOCK, "{}")
    ),
    "calls without an index, in pieces": of_two_calls(
        call_delta(None, WEATHER, '{"city":'),
        call_delta(None, None, '"Zürich"}'),
        call_delta(None, CLOCK, "{"),
        call_delta(None, None, "}"),
    ),
    "calls without an index whose id is repeated": of_two_calls(
        call_delta(None, WEATHER, '{"city":'),
        call_delta(None, None, '"Zürich"}', id="call_a"),
        call_delta(None, CLOCK, "{}"),
    ),
    "calls whose index stands in the first delta only": of_two_calls(
        call_delta(0, WEATHER, '{"city":'),
        call_delta(None, None, '"Zürich"}'),
        call_delta(1, CLOCK, "{"),
        call_delta(None, None, "}"),
    ),
    "both calls in one delta": of_two_calls(
        {
            "tool_calls": [{"index": 0, **WEATHER}, {"index": 1, **CLOCK}],
        }
    ),
    "a custom tool": Pair(
        ONE_CUSTOM,
        list(
            chat_chunks(
                ONE_CUSTOM,
                [
                    (0, {"tool_calls": [{"index": 0, **custom("patch", "*** Begin")}]}),
                    (0, {"tool_calls": [{"index": 0, "custom": {"input": " Patch é"}}]}),
                ],
            )
        ),
    ),
    "a legacy function": Pair(
        LEGACY,
        list(
            chat_chunks(
                LEGACY,
                [
                    (0, {"function_call": {"name": "weather", "arguments": ""}}),
                    (0, {"function_call": {"arguments": '{"city":'}}),
                    (0, {"function_call": {"arguments": '"Bern"}'}}),
                ],
            )
        ),
    ),
    "usage in every chunk, growing": Pair(
        TWO_CHOICES,
        [
            {**chunk, "usage": {**USAGE, "completion_tokens": place}} if chunk["choices"] else chunk
            for place, chunk in enumerate(
                chat_chunks(TWO_CHOICES, [(0, {"content": "Hello"}), (1, {"content": "Good day"})])
            )
        ],
    ),
    "an empty first chunk, as on Azure": Pair(
        TWO_CHOICES,
        [
            {"id": "", "model": "", "choices": [], "prompt_filter_results": []},
            *chat_chunks(TWO_CHOICES, [(0, {"content": "Hello"}), (1, {"content": "Good day"})]),
        ],
    ),
    "a content of parts, as of Mistral": Pair(
        chat(said([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}])),
        list(
            chat_chunks(
                chat(said(None)),
                [(0, {"content": [{"type": "text", "text": "Hel"}]}), (0, {"content": "lo"})],
            )
        ),
    ),
    "the finish reason in two chunks": Pair(
        chat(said("Hi")),
        [
            *chat_chunks(chat(said("Hi")), [(0, {"content": "Hi"})]),
            {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ],
    ),
}


@pytest.mark.parametrize("pair", CHATS.values(), ids=CHATS)
def test_a_streamed_chat_gives_the_call_of_the_unstreamed_one(pair):
    made = streamed(events_body(pair.events))
    assert stable(exchange(pair.document), with_content=True) == stable(made, with_content=True)
    assert call_of(made)["is_stream"]


def test_usage_under_x_groq_is_the_usage():
    chunks = list(chat_chunks(chat(said("Hi")), [(0, {"content": "Hi"})]))
    chunks[-1] = {**chunks[-1], "usage": None, "x_groq": {"id": "r", "usage": USAGE}}
    assert stable(exchange(chat(said("Hi")))) == stable(streamed(events_body(chunks)))


def test_usage_in_a_choice_is_the_usage_as_of_moonshot():
    chunks = list(chat_chunks(chat(said("Hi")), [(0, {"content": "Hi"})]))[:-1]
    chunks[-1]["choices"][0]["usage"] = USAGE
    assert stable(exchange(chat(said("Hi")))) == stable(streamed(events_body(chunks)))


@pytest.mark.parametrize("place", [0, -1], ids=["before", "after"])
def test_usage_of_the_answer_counts_more_than_that_of_a_choice(place):
    chunks = list(chat_chunks(chat(said("Hi")), [(0, {"content": "Hi"})]))
    chunks[1]["choices"][0]["usage"] = {**USAGE, "completion_tokens": 1}
    chunks[place]["usage"] = USAGE
    assert stable(exchange(chat(said("Hi")))) == stable(streamed(events_body(chunks)))


def test_usage_in_a_choice_of_an_unstreamed_answer_is_the_usage():
    document = chat({**said("Hi"), "usage": USAGE})
    assert stable(exchange(chat(said("Hi")))) == stable(exchange({**document, "usage": None}))


def test_an_empty_usage_behind_the_real_one_erases_nothing():
    chunks = [*chat_chunks(chat(said("Hi")), [(0, {"content": "Hi"})]), {"choices": [], "usage": {}}]
    assert stable(exchange(chat(said("Hi")))) == stable(streamed(events_body(chunks)))


def test_a_streamed_text_completion_gives_the_call_of_the_unstreamed_one():
    head = {name: TEXT[name] for name in ("id", "object", "model", "service_tier")}
    events = [
        {**head, "choices": [{"index": 0, "text": "Once upon", "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "text": " a time", "finish_reason": "stop"}]},
        {**head, "choices": [], "usage": USAGE},
    ]
    whole = exchange(TEXT, route="/completions")
    parts = streamed(events_body(events), route="/completions")
    assert stable(whole, with_content=True) == stable(parts, with_content=True)
    assert decode(parts, with_content=True).content.output == "Once upon a time"


RESPONSE_ITEMS = [
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"type": "mcp_call", "id": "mcp_1", "name": "search", "server_label": "docs", "arguments": "{}"},
    {"type": "file_search_call", "id": "fs_1", "status": "completed"},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": '{"a":1}'},
    {"type": "custom_tool_call", "id": "ct_1", "call_id": "c2", "name": "patch", "input": "é"},
    {"type": "message", "id": "m_1", "content": [{"type": "output_text", "text": "It rains."}]},
]
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt-5.6",
    "status": "completed",
    "service_tier": "priority",
    "error": None,
    "incomplete_details": None,
    "output": RESPONSE_ITEMS,
    "usage": {
        "input_tokens": 300,
        "input_tokens_details": {"cached_tokens": 128, "cache_write_tokens": 10},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 16},
        "total_tokens": 340,
    },
}
RESPONSES = {
    "completed": RESPONSE,
    "incomplete": {
        **RESPONSE,
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
    },
    "failed": {
        **RESPONSE,
        "status": "failed",
        "output": [],
        "error": {"code": "server_error", "message": "The model failed"},
    },
    "cancelled": {**RESPONSE, "status": "cancelled", "output": RESPONSE_ITEMS[:2], "usage": None},
}


def response_events(response, last):
    running = {**response, "status": "in_progress", "output": [], "usage": None, "error": None}
    running["incomplete_details"] = None
    yield {"type": "response.created", "response": running}
    yield {"type": "response.in_progress", "response": running}
    for place, item in enumerate(response["output"]):
        yield {"type": "response.output_item.added", "output_index": place, "item": {**item, "arguments": ""}}
        yield {"type": "response.output_text.delta", "output_index": place, "delta": "It"}
        yield {"type": "response.output_item.done", "output_index": place, "item": item}
    yield {"type": last, "response": response}


@pytest.mark.parametrize("status", RESPONSES)
def test_a_streamed_response_gives_the_call_of_the_unstreamed_one(status):
    response = RESPONSES[status]
    body = events_body(response_events(response, f"response.{status}"), named=True, is_done=False)
    whole = exchange(response, route="/responses")
    parts = streamed(body, route="/responses")
    assert stable(whole, with_content=True) == stable(parts, with_content=True)


def test_a_response_whose_last_event_leaves_the_items_out_has_those_that_were_sent():
    events = list(response_events(RESPONSE, "response.completed"))
    events[-1] = {"type": "response.completed", "response": {**RESPONSE, "output": []}}
    parts = streamed(events_body(events, named=True, is_done=False), route="/responses")
    assert stable(exchange(RESPONSE, route="/responses")) == stable(parts)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("completed", "completed"),
        ("incomplete", "max_output_tokens"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_response_finishes_with_the_reason_that_it_gives_or_its_status(status, reason):
    call = call_of(exchange(RESPONSES[status], route="/responses"))
    assert call["finish_reasons"] == [reason]
    assert call["ending"] == ("error" if status == "failed" else "complete")


def test_a_response_names_hosted_tools_by_kind_and_own_ones_by_name():
    call = call_of(exchange(RESPONSE, route="/responses"))
    assert [tool["name"] for tool in call["tool_calls"]] == ["weather", "patch"]
    assert [(tool["name"], tool["kind"]) for tool in call["other_tools"]] == [
        ("web_search_call", "server"),
        ("mcp_call", "mcp"),
        ("file_search_call", "server"),
    ]


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"type": "computer_call"}, "builtin"),
        ({"type": "local_shell_call"}, "builtin"),
        ({"type": "apply_patch_call"}, "builtin"),
        ({"type": "shell_call"}, "builtin"),
        ({"type": "shell_call", "environment": {"type": "local"}}, "builtin"),
        ({"type": "shell_call", "environment": {"type": "container_reference"}}, "server"),
        ({"type": "tool_search_call", "execution": "client"}, "builtin"),
        ({"type": "tool_search_call", "execution": "server"}, "server"),
        ({"type": "code_interpreter_call"}, "server"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_who_runs_one_of_the_providers_tools_is_told(item, kind):
    call = call_of(exchange({**RESPONSE, "output": [item]}, route="/responses"))
    assert [tool["kind"] for tool in call["other_tools"]] == [kind]


BLOCKS = [
    {"type": "thinking", "thinking": "Hm, weather", "signature": "sig"},
    {"type": "text", "text": "Let me look."},
    {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "weather in Zürich"}},
    {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []},
    {"type": "mcp_tool_use", "id": "mcp_1", "name": "lookup", "server_name": "s", "input": {"q": 1.5}},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Zürich", "days": [1, 2]}},
    {"type": "tool_use", "id": "toolu_2", "name": "clock", "input": {}},
]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5",
    "content": BLOCKS,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": MESSAGE_USAGE,
}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block['type']} {block.get('id', '')}")
def test_a_streamed_block_gives_the_call_of_the_unstreamed_one(block):
    message = {**MESSAGE, "content": [block]}
    body = events_body(anthropic_events(message), named=True, is_done=False)
    whole, parts = exchange(message, sdk="anthropic"), streamed(body, sdk="anthropic")
    assert stable(whole, with_content=True) == stable(parts, with_content=True)


def test_a_streamed_message_gives_the_call_of_the_unstreamed_one():
    body = events_body(anthropic_events(MESSAGE), named=True, is_done=False)
    whole, parts = exchange(MESSAGE, sdk="anthropic"), streamed(body, sdk="anthropic")
    assert stable(whole, with_content=True) == stable(parts, with_content=True)
    tokens = call_of(parts)["tokens"]
    assert (tokens["cache_write"], tokens["cache_write_5m"], tokens["cache_write_1h"]) == (30, 10, 20)
    call = call_of(parts)
    assert (call["inference_geo"], call["speed"], call["service_tier"]) == ("us", "fast", "standard")
    assert [tool["name"] for tool in call["tool_calls"]] == ["weather", "clock"]
    assert [tool["kind"] for tool in call["other_tools"]] == ["server", "mcp"]


def test_a_count_that_comes_again_replaces_the_earlier_one_unless_it_is_null():
    *events, last, stop = anthropic_events(MESSAGE)
    last["usage"] = {"input_tokens": None, "cache_read_input_tokens": 401, "output_tokens": 56}
    tokens = call_of(streamed(events_body([*events, last, stop]), sdk="anthropic"))["tokens"]
    assert (tokens["input_reported"], tokens["cache_read"], tokens["output"]) == (12, 401, 56)


INVOKED = {
    "sdk": "anthropic",
    "url": "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-sonnet-5/invoke",
}


def test_frames_of_bedrock_give_the_call_of_the_unstreamed_message():
    *events, last = anthropic_events(MESSAGE)
    last["amazon-bedrock-invocationMetrics"] = {"inputTokenCount": 1, "outputTokenCount": 2}
    whole = exchange(MESSAGE, **INVOKED)
    streaming = {**INVOKED, "url": f"{INVOKED['url']}-with-response-stream"}
    parts = streamed(frames_body([*events, last]), headers=(FRAMES_TYPE,), **streaming)
    assert stable(whole, with_content=True) == stable(parts, with_content=True)
    assert call_of(parts)["wire"] == "bedrock_invoke"


def test_frames_of_bedrock_without_usage_have_the_invocation_metrics():
    metrics = {"inputTokenCount": 11, "outputTokenCount": 7, "invocationLatency": 900}
    events = [{"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}]
    tokens = call_of(streamed(frames_body(events), headers=(FRAMES_TYPE,), **INVOKED))["tokens"]
    assert (tokens["input_reported"], tokens["output"]) == (11, 7)


def test_the_old_completions_of_anthropic_stream_the_same_call():
    whole = {"type": "completion", "id": "compl_1", "model": "claude-2.1", "stop_reason": "stop_sequence"}
    events = [
        {**whole, "completion": " Once", "stop_reason": None},
        {**whole, "completion": " upon"},
    ]
    made = {"sdk": "anthropic", "route": "/v1/complete"}
    document = exchange({**whole, "completion": " Once upon"}, **made)
    parts = streamed(events_body(events, named=True, is_done=False), **made)
    assert stable(document, with_content=True) == stable(parts, with_content=True)


def test_a_long_old_completion_is_content_too():
    long = "word " * 4000
    whole = exchange({"type": "completion", "completion": long}, sdk="anthropic", route="/v1/complete")
    assert decode(whole, with_content=True).content.output == long


SPOKEN = {"type": "tokens", "input_tokens": 40, "output_tokens": 9, "total_tokens": 49}
SPOKEN["input_token_details"] = {"audio_tokens": 30, "text_tokens": 10}


def test_a_streamed_transcription_gives_the_call_of_the_unstreamed_one():
    events = [
        {"type": "transcript.text.delta", "delta": "Hel"},
        {"type": "transcript.text.done", "text": "Hello", "usage": SPOKEN},
    ]
    whole = exchange({"text": "Hello", "usage": SPOKEN}, route="/audio/transcriptions")
    parts = streamed(events_body(events, is_done=False), route="/audio/transcriptions")
    assert stable(whole) == stable(parts)
    assert call_of(parts)["tokens"]["input_audio"] == 30


def test_streamed_speech_has_the_usage_that_a_sound_file_cannot_have():
    events = [
        {"type": "speech.audio.delta", "audio": "AAAA"},
        {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101}},
    ]
    sound = exchange(b"ID3\x04\x00" * 40, route="/audio/speech", headers=[("content-type", "audio/mpeg")])
    parts = streamed(events_body(events, is_done=False), route="/audio/speech")
    whole, now = stable(sound)[0], stable(parts)[0]
    assert "tokens" not in whole
    assert now.pop("tokens")["output"] == 101
    now.pop("usage")
    assert whole == now


ARGUMENTS = st.text(max_size=30)
NAMES = st.sampled_from(["weather", "clock", "größe", "a.b", "x" * 64])
CALLS = st.one_of(st.builds(function, NAMES, ARGUMENTS), st.builds(custom, NAMES, ARGUMENTS))


@st.composite
def chats(draw):
    """A chat answer of any content."""
    choices = []
    for _ in range(draw(st.integers(1, 3))):
        calls = draw(st.lists(CALLS, max_size=3))
        for place, call in enumerate(calls):
            call["id"] = f"call_{len(choices)}_{place}"
        message = {"tool_calls": calls} if calls else {}
        reason = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
        choices.append(said(draw(st.none() | st.text(max_size=40)), reason, **message))
    counts = st.integers(0, 10**6)
    usage = draw(
        st.fixed_dictionaries({}, optional={name: counts for name in USAGE if "details" not in name})
    )
    return chat(*choices, usage=usage or None)


def cut(rng, text):
    """*text* in one to four pieces, some of them empty."""
    borders = sorted(rng.choices(range(len(text) + 1), k=rng.randint(0, 3)))
    return [text[a:b] for a, b in zip([0, *borders], [*borders, len(text)], strict=True)]


def deltas_of(choice, rng):
    """The deltas of *choice*, the pieces of its calls interleaved at random."""
    content = choice["message"]["content"]
    lanes = [[{"content": piece} for piece in cut(rng, content)]] if content is not None else []
    calls = choice["message"].get("tool_calls", [])
    begun = [_first_and_rest(place, call, rng) for place, call in enumerate(calls)]
    lanes.append([{"tool_calls": [first]} for first, _ in begun])
    merged = merge(rng, lanes)
    return merged + merge(rng, [[{"tool_calls": [part]} for part in rest] for _, rest in begun])


def _first_and_rest(place, call, rng):
    kind = call["type"]
    given = "arguments" if kind == "function" else "input"
    head, *rest = cut(rng, call[kind][given])
    first = {"index": place, **copy.deepcopy(call)}
    first[kind][given] = head
    return first, [{"index": place, kind: {given: piece}} for piece in rest]


def merge(rng, lanes):
    """All items of *lanes*, those of one lane in their order."""
    lanes = [list(lane) for lane in lanes if lane]
    merged = []
    while lanes:
        lane = rng.choice(lanes)
        merged.append(lane.pop(0))
        lanes = [lane for lane in lanes if lane]
    return merged


@given(document=chats(), seed=st.integers(0, 2**32), named=st.booleans(), is_done=st.booleans())
def test_any_chat_in_any_pieces_gives_the_call_of_the_unstreamed_one(document, seed, named, is_done):
    rng = random.Random(seed)
    lanes = [[(choice["index"], delta) for delta in deltas_of(choice, rng)] for choice in document["choices"]]
    chunks = [{"type": "chunk", **chunk} for chunk in chat_chunks(document, merge(rng, lanes))]
    parts = streamed(events_body(chunks, named=named, is_done=is_done))
    assert stable(exchange(document), with_content=True) == stable(parts, with_content=True)


@given(
    blocks=st.lists(
        st.sampled_from(BLOCKS)
        | st.builds(lambda text: {"type": "text", "text": text}, st.text(max_size=30))
        | st.builds(
            lambda name, given: {"type": "tool_use", "id": "t", "name": name, "input": given},
            NAMES,
            st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=9), max_size=4),
        ),
        max_size=6,
    ),
    reason=st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal", "pause_turn"]),
)
def test_any_message_gives_the_call_of_the_unstreamed_one(blocks, reason):
    message = {**MESSAGE, "content": blocks, "stop_reason": reason}
    whole = stable(exchange(message, sdk="anthropic"), with_content=True)
    events = list(anthropic_events(message))
    named = events_body(events, named=True, is_done=False)
    assert whole == stable(streamed(named, sdk="anthropic"), with_content=True)
    framed = streamed(frames_body(events), sdk="anthropic", headers=(FRAMES_TYPE,))
    assert whole == stable(framed, with_content=True)


TOOL = {"city": "Bern"}
OPENAI_TURN = chat(
    said(None, "tool_calls", tool_calls=[function("weather", '{"city":"Bern"}')]),
    usage={
        "prompt_tokens": 500,
        "completion_tokens": 25,
        "prompt_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 60},
    },
)
ANTHROPIC_TURN = {
    **MESSAGE,
    "content": [{"type": "tool_use", "id": "t", "name": "weather", "input": TOOL}],
    "usage": {
        "input_tokens": 40,
        "cache_read_input_tokens": 400,
        "cache_creation_input_tokens": 60,
        "output_tokens": 25,
        "service_tier": "default",
    },
}
ASKED = {
    "max_tokens": 100,
    "temperature": 0.5,
    "messages": [{"role": "user", "content": "What is the weather in Bern?"}],
    "tools": [{"name": "weather"}],
}
ONLY_ON_ONE = {"input_reported", "total"}
"""Counts as each provider's own field gives them; the two views of input are what both share."""


def test_the_same_turn_fills_the_same_fields_with_the_same_meaning_on_both_wires():
    head = {"request_headers": (), "duration_ns": 2_000_000_000}
    first = exchange(
        OPENAI_TURN,
        request={**ASKED, "model": "gpt-5.6-mini"},
        headers=[("content-type", "application/json"), ("x-request-id", "req_1")],
        **head,
    )
    second = exchange(
        ANTHROPIC_TURN,
        sdk="anthropic",
        request={**ASKED, "model": "claude-sonnet-5"},
        headers=[("content-type", "application/json"), ("request-id", "req_1")],
        **head,
    )
    one, other = call_of(first), call_of(second)
    assert one.keys() == other.keys()
    tokens, others = one["tokens"], other["tokens"]
    assert tokens.keys() - ONLY_ON_ONE == others.keys() - ONLY_ON_ONE
    meant = {"input_total": 500, "input_uncached": 40, "cache_read": 400, "cache_write": 60, "output": 25}
    assert {name: tokens[name] for name in meant} == {name: others[name] for name in meant} == meant
    for name in ("operation", "tool_calls", "finish_reasons", "ending", "timing", "request_id", "status"):
        same = one[name] if name != "finish_reasons" else ["tool_use"]
        assert same == other[name], name
    shapes = [{k: v for k, v in call["request"].items() if k != "body_bytes"} for call in (one, other)]
    assert shapes[0] == shapes[1]
    assert [part.kind for part in decode(first).segments] == [part.kind for part in decode(second).segments]
