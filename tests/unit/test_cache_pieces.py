"""What are the pieces of a prompt? The same for equivalent requests, others for any other ones."""

import json

import msgspec
import pytest

from diagnosing import CLAUDE, EPHEMERAL, HASHER, facts_of, marked, pieces_of, said, text
from llm_observer.cache.facts import facts_of as packed
from llm_observer.cache.pieces import split
from llm_observer.cache.prompt import Marker
from llm_observer.decoded import Segment

TOOL = {"name": "search", "description": "Finds.", "input_schema": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}


def body(**fields):
    return {"model": CLAUDE, "max_tokens": 10, "messages": [said("user", "Hello")], **fields}


def shown(request, wire="anthropic"):
    """Path and kind of each piece."""
    pieces = pieces_of(request, wire)
    return [(pieces.path(place), facts.kind) for place, facts in enumerate(pieces.facts)]


def segment(value, kind="message", path="messages[0]"):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Segment(path, kind, msgspec.Raw(raw))


EQUIVALENT = {
    "Anthropic, a message": (
        "anthropic",
        body(),
        body(messages=[said("user", [text("Hello")])]),
    ),
    "Anthropic, the system text": (
        "anthropic",
        body(system="Be brief."),
        body(system=[text("Be brief.")]),
    ),
    "Anthropic, a marker": (
        "anthropic",
        body(system=[text("Be brief.")], messages=[said("user", [marked("Hello")])]),
        body(system=[marked("Be brief.", ttl="1h")], messages=[said("user", "Hello")]),
    ),
    "Anthropic, a marker on a tool": (
        "anthropic",
        body(tools=[TOOL]),
        body(tools=[{**TOOL, "cache_control": EPHEMERAL}]),
    ),
    "Anthropic, a tool result": (
        "anthropic",
        body(
            messages=[said("user", [{"type": "tool_result", "tool_use_id": "t1", "content": "42 degrees"}])]
        ),
        body(
            messages=[
                said(
                    "user", [{"type": "tool_result", "tool_use_id": "t1", "content": [marked("42 degrees")]}]
                )
            ]
        ),
    ),
    "chat, a message": (
        "chat",
        body(messages=[said("system", "Be brief."), said("user", "Hello")]),
        body(messages=[said("system", [text("Be brief.")]), said("user", [text("Hello")])]),
    ),
    "chat, a marker": (
        "chat",
        body(messages=[said("user", [text("Hello")])]),
        body(messages=[said("user", [text("Hello", prompt_cache_breakpoint={"mode": "explicit"})])]),
    ),
    "chat, a field that is null": (
        "chat",
        body(
            messages=[said("user", "Hi"), {**said("assistant", "Hello"), "refusal": None, "tool_calls": None}]
        ),
        body(messages=[said("user", "Hi"), said("assistant", "Hello")]),
    ),
    "Responses, an item": (
        "responses",
        {"model": "gpt-5", "input": [said("user", "Hello")]},
        {"model": "gpt-5", "input": [said("user", [{"type": "input_text", "text": "Hello"}])]},
    ),
    "Responses, the type of a message": (
        "responses",
        {"model": "gpt-5", "input": [said("user", "Hello")]},
        {"model": "gpt-5", "input": [{"type": "message", **said("user", "Hello")}]},
    ),
    "Responses, the whole input": (
        "responses",
        {"model": "gpt-5", "input": "Hello"},
        {"model": "gpt-5", "input": [said("user", "Hello")]},
    ),
}


@pytest.mark.parametrize(("wire", "one", "other"), EQUIVALENT.values(), ids=EQUIVALENT)
def test_equivalent_requests_have_the_same_pieces(wire, one, other):
    assert facts_of(one, wire) == facts_of(other, wire)


DIFFERENT = {
    "two blocks are not one": (
        "anthropic",
        body(messages=[said("user", [text("Hel"), text("lo")])]),
        body(messages=[said("user", [text("Hello")])]),
    ),
    "the role counts": (
        "anthropic",
        body(messages=[said("user", "Hello")]),
        body(messages=[said("assistant", "Hello")]),
    ),
    "a white space counts": (
        "anthropic",
        body(messages=[said("user", "Hello")]),
        body(messages=[said("user", "Hello ")]),
    ),
    "the order of keys in a tool's schema counts": (
        "anthropic",
        body(tools=[{**TOOL, "input_schema": SCHEMA}]),
        body(
            tools=[
                {
                    **TOOL,
                    "input_schema": {**SCHEMA, "properties": dict(reversed(SCHEMA["properties"].items()))},
                }
            ]
        ),
    ),
    "a name beside the content counts": (
        "chat",
        body(messages=[{**said("user", "Hello"), "name": "ann"}]),
        body(messages=[said("user", "Hello")]),
    ),
    "an error is no result": (
        "anthropic",
        body(messages=[said("user", [{"type": "tool_result", "tool_use_id": "t", "content": "no"}])]),
        body(
            messages=[
                said("user", [{"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": True}])
            ]
        ),
    ),
}


@pytest.mark.parametrize(("wire", "one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_is_not_proven_equivalent_is_another_piece(wire, one, other):
    assert facts_of(one, wire) != facts_of(other, wire)


def test_the_pieces_of_an_anthropic_request_stand_in_cache_order_with_path_and_kind():
    request = body(
        messages=[
            said("user", "Weather?"),
            said(
                "assistant",
                [
                    {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                    text("I look."),
                    {"type": "tool_use", "id": "t1", "name": "search", "input": {}},
                ],
            ),
            said("user", [{"type": "tool_result", "tool_use_id": "t1", "content": "Rain"}, text("And?")]),
        ],
        system=[text("One."), text("Two.")],
        tools=[TOOL],
    )
    assert shown(request) == [
        ("tools[0]", "tool"),
        ("system[0]", "system"),
        ("system[1]", "system"),
        ("messages[0].content", "user"),
        ("messages[1].content[0]", "thinking"),
        ("messages[1].content[1]", "assistant"),
        ("messages[1].content[2]", "tool_use"),
        ("messages[2].content[0]", "tool_result"),
        ("messages[2].content[1]", "user"),
    ]


def test_the_pieces_of_a_chat_request_tell_instructions_calls_and_results_apart():
    call = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    request = {
        "model": "gpt-4o",
        "messages": [
            said("system", "Be brief."),
            said("developer", "Use tools."),
            said("user", [text("Look"), {"type": "image_url", "image_url": {"url": "https://e.org/a.png"}}]),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
        ],
        "tools": [{"type": "function", "function": {"name": "search", "parameters": SCHEMA}}],
    }
    assert shown(request, "chat") == [
        ("tools[0]", "tool"),
        ("messages[0].content", "system"),
        ("messages[1].content", "developer"),
        ("messages[2].content[0]", "user"),
        ("messages[2].content[1]", "user"),
        ("messages[3].tool_calls[0]", "tool_use"),
        ("messages[4].content", "tool_result"),
    ]


def test_the_pieces_of_a_responses_request_are_its_items_and_their_blocks():
    request = {
        "model": "gpt-5",
        "instructions": "Be brief.",
        "input": [
            said("user", [{"type": "input_text", "text": "Look"}]),
            {"type": "reasoning", "id": "r1", "encrypted_content": "abc", "summary": []},
            {"type": "function_call", "call_id": "c1", "name": "search", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "Rain"},
            said("assistant", [{"type": "output_text", "text": "It rains."}]),
        ],
    }
    assert shown(request, "responses") == [
        ("instructions", "system"),
        ("input[0].content[0]", "user"),
        ("input[1]", "thinking"),
        ("input[2]", "tool_use"),
        ("input[3]", "tool_result"),
        ("input[4].content[0]", "assistant"),
    ]


@pytest.mark.parametrize(
    ("control", "ttl_s"),
    [(EPHEMERAL, None), ({**EPHEMERAL, "ttl": "5m"}, 300), ({**EPHEMERAL, "ttl": "1h"}, 3600)],
    ids=["default", "5m", "1h"],
)
def test_a_marker_is_known_by_its_piece_and_lifetime(control, ttl_s):
    blocks = [text("One."), text("Two.", cache_control=control), text("Three.")]
    assert pieces_of(body(messages=[said("user", blocks)])).markers == [Marker(1, ttl_s)]


def test_a_marker_inside_a_tool_result_stands_on_the_result():
    result = {"type": "tool_result", "tool_use_id": "t", "content": [marked("Rain")]}
    assert pieces_of(body(messages=[said("user", [text("a"), result])])).markers == [Marker(1, None)]


def test_a_marker_on_a_message_stands_on_its_last_block():
    message = {**said("user", [text("a"), text("b")]), "cache_control": EPHEMERAL}
    assert pieces_of(body(messages=[message])).markers == [Marker(1, None)]


def test_a_marker_that_is_null_is_none():
    assert pieces_of(body(messages=[said("user", [text("a", cache_control=None)])])).markers == []


@pytest.mark.parametrize(
    ("fields", "mode", "ttl_s"),
    [
        ({}, None, None),
        ({"cache_control": EPHEMERAL}, "automatic", None),
        ({"cache_control": {**EPHEMERAL, "ttl": "1h"}}, "automatic", 3600),
    ],
    ids=["nothing", "automatic", "automatic for an hour"],
)
def test_the_mode_of_an_anthropic_request_is_its_top_level_marker(fields, mode, ttl_s):
    pieces = pieces_of(body(**fields))
    assert (pieces.mode, pieces.ttl_s) == (mode, ttl_s)


@pytest.mark.parametrize(
    ("fields", "mode", "ttl_s"),
    [
        ({"prompt_cache_options": {"mode": "explicit"}}, "explicit", None),
        ({"prompt_cache_options": {"mode": "implicit", "ttl": "12h"}}, "implicit", 43200),
        ({"prompt_cache_retention": "24h"}, None, 86400),
        ({"prompt_cache_options": "explicit"}, None, None),
    ],
    ids=["explicit", "implicit for 12 hours", "retention", "no object"],
)
def test_the_mode_of_an_openai_request_is_what_its_options_say(fields, mode, ttl_s):
    pieces = pieces_of({"model": "gpt-5.6", "messages": [said("user", "Hi")], **fields}, "chat")
    assert (pieces.mode, pieces.ttl_s) == (mode, ttl_s)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"role":"user","content":"\\ud800"}',
        b"[" * 2000 + b"]" * 2000,
        b'{"role":"user","content":' + b"[" * 600 + b"]" * 600 + b"}",
        b'{"role": "user", "content": "\xff"}',
    ],
    ids=["half a character", "too deep", "too deep for Python", "no UTF-8"],
)
def test_what_cannot_be_decoded_is_still_one_piece(raw):
    (piece,) = split(segment(raw))
    assert piece.path == ""
    assert packed(piece, HASHER).size >= len(raw)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "message"),
        (5, "message"),
        ([], "message"),
        ({}, "message"),
        ({"role": 5}, "message"),
        ({"role": "user"}, "message"),
        ({"role": "user", "content": []}, "message"),
        ({"role": "user", "content": [None, 5, "text", {}]}, "message"),
        ({"role": "user", "content": {"type": "text"}, "tool_calls": 5}, "message"),
        (None, "system"),
        ("text", "tool"),
        ([1], "input"),
    ],
    ids=str,
)
def test_every_segment_has_a_piece_whatever_is_in_it(value, kind):
    assert len(split(segment(value, kind))) >= 1


def test_equal_segments_of_another_kind_are_other_pieces():
    assert facts_of(body(system="Hello"))[0] != facts_of(body())[0]
