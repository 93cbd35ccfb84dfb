"""Values of decoded JSON: read by path and type; what is not what it should be is unknown, with a note."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.adapters.fields import (
    MAX_COUNT,
    MAX_TEXT,
    Notes,
    Reader,
    as_count,
    as_number,
    at,
    clean,
    dicts,
    loads,
)

LEAVES = [
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(blacklist_categories=["Cs"])),
]
JSON = st.recursive(
    st.one_of(LEAVES),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.text("ab", max_size=2), inside, max_size=4)
    ),
    max_leaves=12,
)
KINDS = ["text", "count", "flag", "number"]
GOOD = {"text": "abc", "count": 7, "flag": False, "number": 0.5}
WRONG = {
    "text": [7, True, [], {}, ["a"], "x" * (MAX_TEXT + 1)],
    "count": ["7", True, -1, 0.5, [], {}, MAX_COUNT + 1, 1e300],
    "flag": [0, 1, "true", [], {}],
    "number": ["7", True, [], {}, MAX_COUNT + 1, 1e300],
}


def read(kind, document, *paths):
    """What a reader gives for *paths*, and what it noted."""
    notes = Notes()
    return getattr(Reader(document, notes, "usage"), kind)(*paths), list(notes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_the_right_type_is_given_without_a_note(kind):
    assert read(kind, {"a": {"b": GOOD[kind]}}, "a.b") == (GOOD[kind], [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "document", [{}, {"a": None}, {"a": {"b": None}}, {"a": 7}, {"a": [1]}, None, 7, "a", []]
)
def test_what_is_not_there_or_null_is_unknown_without_a_note(kind, document):
    assert read(kind, document, "a.b") == (None, [])


@pytest.mark.parametrize(("kind", "wrong"), [(kind, wrong) for kind in KINDS for wrong in WRONG[kind]])
def test_a_wrong_type_is_unknown_and_noted_once(kind, wrong):
    document = {"a": wrong, "b": wrong}
    assert read(kind, document, "a", "b") == (None, ["usage_wrong_type"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_path_that_holds_a_value_wins(kind):
    document = {"none": None, "wrong": WRONG[kind][0], "good": GOOD[kind], "later": GOOD[kind]}
    assert read(kind, document, "absent", "none", "good", "wrong") == (GOOD[kind], [])
    assert read(kind, document, "wrong", "good") == (GOOD[kind], ["usage_wrong_type"])


def test_an_empty_text_is_passed_over_without_a_note():
    assert read("text", {"a": "", "b": "x"}, "a", "b") == ("x", [])


def test_zero_is_a_count_and_ends_the_search():
    assert read("count", {"a": 0, "b": 7}, "a", "b") == (0, [])


def test_notes_are_kept_once_and_in_order():
    notes = Notes()
    for code in ("b", "a", "b"):
        notes.add(code)
    assert list(notes) == ["b", "a"]


@given(st.integers(0, MAX_COUNT))
def test_a_count_is_exact_as_an_integer_and_as_an_integral_float(count):
    assert as_count(count) == count
    exact = as_count(float(count))
    assert exact == count
    assert type(exact) is int


@given(st.integers() | st.floats() | st.booleans() | st.text())
def test_a_count_is_a_whole_number_that_any_reader_holds_exactly(value):
    count = as_count(value)
    assert count is None or (type(count) is int and 0 <= count <= MAX_COUNT and count == value)


@given(st.integers() | st.floats() | st.booleans() | st.text())
def test_a_number_is_finite_and_untouched(value):
    number = as_number(value)
    assert number is None or (number is value and abs(number) <= MAX_COUNT and not math.isnan(number))


@given(JSON)
@settings(deadline=None)
def test_json_is_decoded_as_pythons_own_decoder_does(value):
    assert loads(json.dumps(value).encode()) == value
    assert loads(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary() | st.lists(st.sampled_from(b'{}[]",:\\ud8e1-.0 \xff')).map(bytes))
@settings(deadline=None)
def test_no_bytes_at_all_raise(data):
    value = loads(data)
    assert value is None or isinstance(value, dict | list | str | int | float | bool)


@pytest.mark.parametrize("data", [b"", b" ", b"{", b'{"a"', b"<html>", b"\x00", b"data: {}", b'{"a":1} x'])
def test_what_is_no_json_is_none(data):
    assert loads(data) is None


@pytest.mark.parametrize("depth", [100, 10_000, 1_000_000])
@pytest.mark.parametrize(("start", "end"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_deep_nesting_is_read_or_none(depth, start, end):
    value = loads(start * depth + b"1" + end * depth)
    assert value is None or isinstance(value, list | dict)


def test_bytes_that_are_no_utf8_are_replaced():
    assert loads(b'{"a":"x\xffy"}') == {"a": "x\ufffdy"}


@pytest.mark.parametrize("half", [r"\ud800", r"\uDC00", r"\ud800\ud800", r"\udc00\ud800"])
def test_half_a_surrogate_never_comes_out(half):
    value = loads(b'{"a":"x%by","b":1}' % half.encode())
    assert value is not None
    value["a"].encode()
    assert value["b"] == 1


def test_a_whole_surrogate_pair_is_its_character():
    assert loads(rb'"\ud83d\ude00"') == "\U0001f600"


@given(st.text(st.characters(categories=["Cs", "L"]), max_size=50))
def test_a_cleaned_text_can_be_written_and_is_else_the_same(text):
    cleaned = clean(text)
    cleaned.encode()
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert cleaned == text


@pytest.mark.parametrize("kind", KINDS)
@given(document=JSON)
@settings(deadline=None)
def test_any_document_can_be_read(kind, document):
    value, notes = read(kind, document, "a", "a.b", "b.a.a")
    assert value is None or isinstance(value, str | int | float)
    assert set(notes) <= {"usage_wrong_type"}


def test_a_lone_surrogate_is_cleaned_away():
    assert clean("a\ud800é") == "a?é"


def test_a_path_goes_through_objects_only():
    assert at({"a": {"b": 1}}, "a.b") == 1
    assert at({"a": [{"b": 1}]}, "a.0.b") is None
    assert at("a", "a") is None


@pytest.mark.parametrize("value", [None, 7, "ab", {"a": {}}])
def test_only_a_list_holds_objects(value):
    assert list(dicts(value)) == []


def test_what_is_no_object_in_a_list_is_passed_over():
    assert list(dicts([1, {"a": 1}, None, [{}], {}])) == [{"a": 1}, {}]
