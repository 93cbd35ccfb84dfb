"""Text on an event: only if it was asked for, scrubbed, and within its bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.call import Content, LLMCall
from llm_observer.decoded import Decoded
from llm_observer.enrichers.redact import Redact
from llm_observer.wire import Exchange, Options

CALL = LLMCall(provider="openai", wire="openai", operation="chat")
EXCHANGE = Exchange(sdk="openai", options=Options(method="post", route="/x"), url="", started_ns=0)


def redacted(content, max_bytes=2048):
    return Redact(max_bytes=max_bytes)(CALL, Decoded(call=CALL, content=content), EXCHANGE).content


def test_without_text_there_is_none():
    assert redacted(None) is None


def test_text_is_scrubbed():
    content = redacted(Content(input="I am ada@example.org from 10.0.0.1", output="use sk-proj-abcdef123456"))
    assert content == Content(input="I am <email> from <ip>", output="use <secret>", is_truncated=False)


def test_a_missing_text_stays_missing():
    assert redacted(Content(output="hi")) == Content(output="hi", is_truncated=False)


@pytest.mark.parametrize(
    ("text", "expected", "is_truncated"),
    [
        ("abcd", "abcd", False),
        ("abcde", "abcd", True),
        ("aéé", "aé", True),
        ("€€", "€", True),
        ("", "", False),
    ],
)
def test_a_text_is_cut_between_characters(text, expected, is_truncated):
    assert redacted(Content(input=text), 4) == Content(input=expected, is_truncated=is_truncated)


@pytest.mark.parametrize("lead", range(4000, 4400, 7))
def test_a_secret_at_the_bound_is_never_shown_in_part(lead):
    text = "x" * 8 + " AIza" + "k" * lead + " 4111 1111 1111 1111 ada.lovelace@example.org " + "y" * 9000
    shown = redacted(Content(output=text), 256).output
    assert "4111" not in shown
    assert "lovelace" not in shown


@given(st.text(st.characters(), max_size=400), st.integers(1, 200))
def test_the_bound_holds_for_any_text(text, bound):
    shown = redacted(Content(input=text), bound).input
    assert len(shown.encode()) <= bound


def test_a_huge_text_costs_little_more_than_its_bound():
    content = redacted(Content(input="a@" * 10_000_000), 100)
    assert (len(content.input), content.is_truncated) == (100, True)
