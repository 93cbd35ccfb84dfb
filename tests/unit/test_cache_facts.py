"""What is kept of a piece? Enough to name and place any difference, and nothing of its text."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnosing import HASHER, text, words
from llm_observer.cache.diff import shared_units
from llm_observer.cache.facts import MAX_SPANS, Facts, changed_spans, facts_of, share_before, units
from llm_observer.cache.pieces import Piece
from llm_observer.privacy import Hasher

CONTENT = "One. Two. It is 2026-11-21T12:00:00Z." + words(200)
STAMP = "2026-11-21T12:00:00Z"
OTHER = "2026-11-21T12:34:56Z"
UUID = "0b7ad6a0-7f8f-4a26-9d6c-0d7ad2a1e1f4"


def facts(value, kind="system", role="system", hasher=HASHER):
    """The facts of a block; a plain text is a text block."""
    block = text(value) if isinstance(value, str) else value
    return facts_of(Piece("", kind, role, block), hasher)


def shown(found):
    return [(span.kind, span.leaf, span.offset, span.length) for span in found.spans]


def test_facts_give_back_what_was_packed():
    found = facts(f"It is {STAMP}.")
    assert (found.kind, found.size, found.name) == (
        "system",
        len(msgspec.json.encode(text(f"It is {STAMP}."))),
        0,
    )
    assert shown(found) == [("timestamp", 0, 6, 20)]


def test_equal_pieces_have_equal_facts_and_others_have_others():
    assert facts("Hello") == facts("Hello")
    assert facts("Hello") != facts("hello")
    assert facts("Hello", role="user") != facts("Hello", role="assistant")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_facts_are_the_same_in_every_process(seed):
    script = f"from test_cache_facts import facts; print(facts({CONTENT!r}).hex())"
    env = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == facts(CONTENT).hex()


def test_facts_of_another_key_tell_nothing_about_these():
    other = facts("Hello", hasher=Hasher("another-key-0123456789abcdef0123", None))
    assert facts("Hello").content != other.content
    assert facts("Hello").stable != other.stable


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"name": "find", "input_schema": {}}, "find"),
        ({"type": "function", "function": {"name": "find"}}, "find"),
        ({"type": "tool_use", "id": "t1", "name": "find", "input": {}}, "find"),
        ({"type": "tool_result", "tool_use_id": "t1", "content": []}, "t1"),
    ],
    ids=["Anthropic's tool", "OpenAI's tool", "a call", "a result"],
)
def test_tools_are_known_by_name_and_results_by_their_call(value, name):
    assert facts(value).name == facts({"name": name}).name != 0


def test_offsets_are_bytes_in_the_text_of_their_leaf():
    found = facts({"type": "tool_use", "id": "t", "name": "n", "input": {"a": "ü", "b": f"äöü {STAMP}"}})
    assert shown(found) == [("timestamp", 0, 7, 20)]


def test_spans_beyond_the_limit_are_left_out():
    assert len(facts(" ".join([UUID] * (MAX_SPANS + 5))).spans) == MAX_SPANS
    assert len(facts({"a": " ".join([UUID] * 60), "b": " ".join([UUID] * 60)}).spans) == MAX_SPANS


def test_changed_spans_are_those_with_another_content():
    old, new = facts(f"{UUID} at {STAMP}"), facts(f"{UUID} at {OTHER}")
    assert [span.kind for span in changed_spans(old.spans, new.spans)] == ["timestamp"]
    assert changed_spans(old.spans, old.spans) == ()


def test_all_spans_are_changed_where_one_is_new():
    old, new = facts(f"at {STAMP}"), facts(f"{UUID} at {STAMP}")
    assert [span.kind for span in changed_spans(old.spans, new.spans)] == ["uuid", "timestamp"]


def test_units_begin_small_and_end_with_the_text():
    ends = units(b"x" * 5000)
    assert ends[:3] == [32, 64, 96]
    assert ends[-1] == 5000


def test_a_unit_ends_after_a_line():
    assert units(b"A line of some bytes\n" + b"y" * 100)[0] == 21


@given(st.binary(max_size=4000))
def test_units_cover_every_text_without_a_gap(data):
    ends = units(data)
    assert ends == sorted(set(ends))
    assert (ends[-1] if ends else 0) == len(data)


@given(st.text("ab \n", max_size=900), st.text("ab \n", max_size=300), st.text("ab \n", max_size=300))
def test_shared_units_never_reach_beyond_the_first_difference(start, one, other):
    old, new = start + "x" + one, start + "y" + other
    shared = shared_units(facts(old), facts(new))
    assert [0, *units(new.encode())][shared] <= len(start)


def test_shared_units_come_close_to_the_first_difference():
    before = words(2000)
    old, new = facts(before + "one" + words(50)), facts(before + "two" + words(50))
    ends = [0, *units((before + "two").encode())]
    assert len(before) - ends[shared_units(old, new)] < 256


def test_the_share_before_a_unit_goes_from_0_to_1():
    found = facts(words(3000))
    shares = [share_before(found, unit) for unit in range(len(found.units) // 2 + 1)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_facts_are_small_and_hold_no_text():
    content = words(4000)
    found = facts(content)
    assert isinstance(found, Facts)
    assert len(found) < len(content) / 30
    assert not any(content[at : at + 8].encode() in found for at in range(len(content) - 8))


def changed_places(old, new, **options):
    """Kind and offset of the spans that changed between two texts."""
    found = changed_spans(facts(old).spans, facts(new).spans, **options)
    return [(span.kind, span.offset) for span in found]


def test_the_same_spans_in_other_places_are_not_changed():
    assert changed_places(f"{UUID} at {STAMP}, not {OTHER}", f"{UUID} at {OTHER}, not {STAMP}") == []
    assert changed_places(f"{UUID} at {STAMP}", f"{STAMP} at {UUID}") == []


def test_spans_move_on_in_place():
    later = "2026-11-21T12:59:59Z"
    assert changed_places(f"{STAMP}, {OTHER}", f"{OTHER}, {later}") == [("timestamp", 0), ("timestamp", 22)]


def test_in_another_text_only_those_are_changed_that_were_nowhere():
    later = "2026-11-21T12:59:59Z"
    places = changed_places(f"a {STAMP} b {OTHER}", f"b {later} a {STAMP}", is_in_place=False)
    assert places == [("timestamp", 2)]


def test_the_role_is_part_of_every_form():
    user, assistant = facts("Hello", role="user"), facts("Hello", role="assistant")
    assert not set(user.forms) & set(assistant.forms)
