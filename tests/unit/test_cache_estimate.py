"""About how many tokens is a text? Prose and JSON differ, and what a file costs does not go by its bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.cache.estimate import ATTACHMENT, estimate_of, estimated
from llm_observer.cache.facts import facts_of, with_estimate
from llm_observer.cache.pieces import Piece
from llm_observer.privacy import Hasher

PICTURE = "iVBORw0KGgo" * 2000


def of(value):
    return facts_of(Piece("", "user", "user", value), Hasher("a key", None)).estimate


# Tokens as cl100k_base counts them (tiktoken, its vocabulary as shipped in litellm, November 2026).
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            "The quick brown fox jumps over the lazy dog. It was not amused by the noise of the city.",
            21,
        ),
        (
            '{"flight_number": "HAT083", "origin": "SFO", "destination": "JFK", "price": 152}',
            29,
        ),
        ("def total(rows):\n    return sum(row.price for row in rows if row.price is not None)\n", 20),
    ],
    ids=["prose", "JSON", "code"],
)
def test_an_estimate_is_within_a_third_of_a_real_tokenizer(text, tokens):
    assert estimated(text.encode()) / 10 == pytest.approx(tokens, rel=0.34)


def test_data_has_more_tokens_for_its_bytes_than_prose():
    data = json.dumps([{"id": f"A{number}7X", "price": number * 1234567} for number in range(20)]).encode()
    prose = (b"Please tell the customer that the flight was cancelled and what can be done. " * 20)[
        : len(data)
    ]
    assert estimated(data) > 1.5 * estimated(prose)


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_an_estimate_does_not_depend_on_the_order_of_what_is_said(parts):
    assert abs(estimated(b"".join(parts)) - estimated(b"".join(reversed(parts)))) <= 1


@given(st.binary(max_size=500), st.binary(max_size=500))
def test_more_text_is_never_fewer_tokens(text, more):
    assert estimated(text + more) >= estimated(text)


@pytest.mark.parametrize(
    "value",
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
    ],
    ids=["anthropic", "chat", "a link"],
)
def test_a_picture_counts_as_a_picture_whatever_its_bytes(value):
    assert of(value) == ATTACHMENT


def test_a_picture_in_a_result_counts_beside_its_words():
    picture = {"type": "image", "source": {"type": "base64", "data": PICTURE}}
    words = {"type": "text", "text": "This is what the screen shows."}
    value = {"type": "tool_result", "tool_use_id": "t1", "content": [words, picture]}
    assert ATTACHMENT < of(value) < 1.1 * ATTACHMENT


def test_a_text_without_white_space_is_still_a_text():
    assert of({"type": "text", "text": PICTURE}) == estimated(PICTURE.encode())


def test_a_count_known_by_other_means_takes_the_place_of_an_estimate():
    facts = facts_of(
        Piece("", "assistant", "assistant", {"type": "text", "text": "Yes."}), Hasher("a key", None)
    )
    known = with_estimate(facts, 4200)
    assert (known.estimate, known.content, known.spans, known.units) == (
        4200, facts.content, facts.spans, facts.units
    )  # fmt: skip


def test_what_no_field_can_hold_is_cut():
    facts = facts_of(Piece("", "user", "user", "hello"), Hasher("a key", None))
    assert with_estimate(facts, 1 << 40).estimate == (1 << 32) - 1


def test_any_value_has_an_estimate():
    for value in (None, 3, [], {}, "text", {"type": ["image"]}, {"type": "image"}):
        assert estimate_of(value, b"abc") >= 0
