"""When are two pieces the same but for noise? Each noise leaves exactly the forms alone that are blind to it.

Each of spaced, unified, ordered and stable is blind to what the one before it is, and to one noise more.

`similarity` by example: two prompts with pieces of 1,000 and 3,000 bytes that share only the first have 0.25.
"""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosing import CLAUDE, facts_of, marked, said, text, words
from llm_observer.cache.canonical import UNTOUCHED, Leaf, forms_of, leaves
from llm_observer.cache.diff import similarity
from llm_observer.cache.volatile import find_spans

PLAIN = text(
    'Straße 5: say “yes”. Then {"b": 1, "a": [2, {"d": 3, "c": 4}]} is sent at 2026-11-21T12:00:00Z.'
)
SCHEMA = {"name": "find", "input_schema": {"properties": {"b": {"type": "string"}, "a": {"type": "number"}}}}
FORMS = ("exact", "masked", "spaced", "unified", "ordered", "stable")


def changed(old, new):
    """The forms in which two blocks differ."""
    one, other = forms_of(old), forms_of(new)
    return {name for name in FORMS if getattr(one, name) != getattr(other, name)}


def edited(*, block=PLAIN, **replaced):
    """The text with each of *replaced*: `{what}={with what}`, as pairs."""
    content = block["text"]
    for old, new in replaced.values():
        assert old in content
        content = content.replace(old, new)
    return text(content)


ALL = set(FORMS)
UNSPACED = {"exact", "masked"}
LADDER = {
    "nothing": (PLAIN, set()),
    "white space": (edited(a=(" Then", "  \n Then")), UNSPACED),
    "white space at an end": (text(PLAIN["text"] + "\n"), UNSPACED),
    "a line end": (edited(a=(": say", ":\r\nsay")), UNSPACED),
    "another Unicode form": (
        edited(a=("Straße", unicodedata.normalize("NFD", "Straße")), b=("say", "sa\u200by")),
        UNSPACED | {"spaced"},
    ),
    "plain quotation marks": (edited(a=("“", '"'), b=("”", '"')), UNSPACED | {"spaced"}),
    "keys of JSON in the text": (
        edited(a=('{"b": 1, "a"', '{"a"'), b=("4}]}", '4}], "b": 1}')),
        ALL - {"ordered", "stable"},
    ),
    "another time": (edited(a=("T12:00:00Z", "T12:34:56Z")), ALL - {"masked", "stable"}),
    "another word": (edited(a=("Then", "Than")), ALL),
    "another number": (edited(a=('"c": 4', '"c": 40')), ALL),
    "upper case": (edited(a=("Then", "then")), ALL),
}


@pytest.mark.parametrize(("block", "expected"), LADDER.values(), ids=LADDER)
def test_a_noise_changes_exactly_the_forms_that_see_it(block, expected):
    assert changed(PLAIN, block) == expected


def test_the_order_of_keys_in_a_schema_is_significant_yet_the_same_when_ordered():
    properties = SCHEMA["input_schema"]["properties"]
    other = {"name": "find", "input_schema": {"properties": dict(reversed(properties.items()))}}
    assert changed(SCHEMA, other) == ALL - {"ordered", "stable"}


def test_the_order_of_a_list_is_never_noise():
    assert changed({"enum": ["a", "b"]}, {"enum": ["b", "a"]}) == ALL


def test_two_noises_at_once_are_equal_in_the_stable_form_only():
    block = edited(a=(" Then", "  Then"), b=("T12:00:00Z", "T12:34:56Z"))
    assert changed(PLAIN, block) == ALL - {"stable"}


@pytest.mark.parametrize(
    "content",
    ["{", '{"a": ', "[[[[[[", '{"a": 1', "{" * 3000, '{"a": NaN}', "[1, 2", '{"a": "\\ud800"}', "\\ud800"],
    ids=range(9),
)
def test_what_only_looks_like_json_stays_as_it_is(content):
    assert changed(text(content), text(content)) == set()
    assert changed(text(content), text(content + "x")) == ALL


def test_an_attachment_is_left_alone():
    data = "data:image/png;base64," + "QUJD" * 2000
    assert changed(text(data), text(data + " ")) == ALL
    assert list(leaves(text(data))) == []


def test_leaves_are_the_texts_of_a_block_with_their_paths():
    block = {"type": "tool_use", "id": "t1", "input": {"a": "x", "list": ["y", {"b": "z"}]}}
    expected = [
        Leaf(".id", "t1"),
        Leaf(".input.*", "x"),
        Leaf(".input.*[0]", "y"),
        Leaf(".input.*[1].*", "z"),
    ]
    assert list(leaves(block)) == expected


@pytest.mark.parametrize("field", ["file_id", "file_data", "signature", "encrypted_content"])
def test_a_field_whose_value_stands_for_content_is_no_noise(field):
    one, other = "0b7ad6a0-7f8f-4a26-9d6c-0d7ad2a1e1f4", "5c1f2e7a-31c5-4b89-8d3f-7e9b1c4d2a6f"
    assert changed({"type": "file", field: one}, {"type": "file", field: other}) == ALL
    assert forms_of({"type": "file", field: one}).spans == ()


# Properties

NAMES = st.text("abcdeü", min_size=1, max_size=4)
PLAIN_WORDS = st.text("abcdefgh äöüéßñ“”", min_size=1, max_size=12).filter(lambda word: word.strip())
SENTENCES = st.lists(PLAIN_WORDS, min_size=1, max_size=8).map(" ".join)
DOCUMENTS = st.recursive(
    st.integers(0, 99) | PLAIN_WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
SPACES = st.sampled_from([" ", "  ", "\n", "\t ", "\r\n"])


def shuffled(value, draw):
    """The same document with its keys in another order."""
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {key: shuffled(value[key], draw) for key in keys}
    return [shuffled(one, draw) for one in value] if isinstance(value, list) else value


@st.composite
def requests_and_noise(draw):
    """A request, and the same with noise in its forms, its blocks and its markers."""
    sentences = draw(st.lists(SENTENCES, min_size=1, max_size=4))
    documents = draw(st.lists(st.dictionaries(NAMES, DOCUMENTS, max_size=4), min_size=1, max_size=2))
    one = {"model": CLAUDE, "tools": [], "messages": []}
    other = {"model": CLAUDE, "tools": [], "messages": []}
    for number, document in enumerate(documents):
        tool = {"name": f"tool_{'abc'[number]}", "description": "d", "input_schema": document}
        one["tools"].append(tool)
        other["tools"].append(shuffled(tool, draw))
    for sentence in sentences:
        noisy = draw(SPACES).join(sentence.split())
        noisy = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), noisy) + draw(SPACES)
        wrapped = draw(st.sampled_from([lambda it: it, lambda it: [text(it)], lambda it: [marked(it)]]))
        one["messages"].append(said("user", sentence))
        other["messages"].append(said("user", wrapped(noisy)))
    return one, other


@settings(max_examples=60, deadline=None)
@given(requests_and_noise())
def test_no_noise_changes_the_stable_form_and_all_of_it_has_similarity_1(pair):
    one, other = map(facts_of, pair)
    assert [facts.stable for facts in one] == [facts.stable for facts in other]
    assert similarity(one, other) == 1.0


@settings(max_examples=60, deadline=None)
@given(st.lists(SENTENCES, min_size=1, max_size=5), st.data())
def test_any_other_word_makes_the_similarity_less_than_1(sentences, data):
    place = data.draw(st.integers(0, len(sentences) - 1))
    other = [*sentences]
    other[place] += " x"
    assert similarity(prompt(*sentences), prompt(*other)) < 1.0


@settings(max_examples=60, deadline=None)
@given(st.lists(SENTENCES, min_size=1, max_size=6))
def test_similarity_grows_with_the_prefix_that_is_shared(sentences):
    old = prompt(*sentences)
    seen = []
    for shared in range(len(sentences) + 1):
        new = prompt(*sentences[:shared], *(one + " x" for one in sentences[shared:]))
        seen.append(similarity(old, new))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert all(0 <= one <= 1 for one in seen)


def prompt(*sentences):
    """The facts of a request of these user messages."""
    return facts_of({"model": CLAUDE, "messages": [said("user", one) for one in sentences]})


def sized(count, mark):
    """A sentence whose block is *count* bytes long."""
    return mark * (count - len(json.dumps(text(""), separators=(",", ":"))))


GOLDEN = {
    "nothing in common": (("a", "b"), ("c", "b"), 0.0),
    "the first of 1,000 and 3,000": (("a", "bbb"), ("a", "ccc"), 0.25),
    "the first of 3,000 and 1,000": (("aaa", "b"), ("aaa", "c"), 0.75),
    "one more": (("a", "b"), ("a", "b", "cc"), 0.5),
    "one less": (("a", "b", "cc"), ("a", "b"), 0.5),
    "the same": (("a", "bb"), ("a", "bb"), 1.0),
    "nothing at all": ((), (), 1.0),
}


@pytest.mark.parametrize(("old", "new", "expected"), GOLDEN.values(), ids=GOLDEN)
def test_similarity_is_the_share_of_the_longer_prompt_that_both_begin_with(old, new, expected):
    one, other = (prompt(*(sized(1000 * len(name), name[0]) for name in names)) for names in (old, new))
    assert similarity(one, other) == expected


def test_another_time_is_no_formatting():
    old, new = (prompt(f"It is {time} now.", words(100)) for time in ("12:00:05", "12:00:07"))
    assert similarity(old, new) == 0.0


def test_names_in_what_a_model_wrote_are_not_in_paths():
    block = {"type": "tool_use", "name": "look", "input": {"ada@example.com": {"at": "2026-11-21T10:20:30Z"}}}
    assert [leaf.path for leaf in leaves(block)] == [".name", ".input.*.*"]


def test_a_name_that_is_no_name_is_not_in_paths():
    assert [leaf.path for leaf in leaves({"a b": "x", "ok": "y"})] == [".*", ".ok"]


# JSON in a text

ORDER = {
    "name": "Zoë",
    "tags": ["a b", "c"],
    "since": "2025-03-14",
    "id": "5f0c8a52-3a53-4c1e-9f0e-0c9d5b7e2a11",
    "at": 1731000000,
    "place": [52.520008, 13.404954],
}


def in_words(document, **layout):
    """A text with *document* in it; the letters beyond ASCII as they are."""
    return text(f"Record: {json.dumps(document, **{'ensure_ascii': False} | layout)} Take note.")


def turned(document, **values):
    """The same object with its keys the other way round, and some with another value."""
    return dict(reversed((document | values).items()))


LAYOUTS = {
    "indented": (in_words(ORDER, indent=2), UNSPACED),
    "indented by tabs": (in_words(ORDER, indent="\t"), UNSPACED),
    "other separators": (in_words(ORDER, separators=(",", ":")), UNSPACED),
    "letters as escapes": (in_words(ORDER, ensure_ascii=True), UNSPACED | {"spaced"}),
    "both": (in_words(ORDER, ensure_ascii=True, indent=2), UNSPACED | {"spaced"}),
    "another order": (in_words(turned(ORDER)), ALL - {"ordered", "stable"}),
    "another order, indented": (in_words(turned(ORDER), indent=2), ALL - {"ordered", "stable"}),
}


@pytest.mark.parametrize(("block", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_layout_of_json_is_form_whatever_values_are_in_it(block, expected):
    assert changed(in_words(ORDER), block) - {"stable"} == expected - {"stable"}
    assert similarity(prompt(in_words(ORDER)["text"]), prompt(block["text"])) == 1.0


@pytest.mark.parametrize("field", ["since", "id", "at"])
def test_keys_are_sorted_around_values_that_change_by_themselves(field):
    value = {"since": "2025-03-15", "id": "6f0c8a52-3a53-4c1e-9f0e-0c9d5b7e2a12", "at": 1731000099}[field]
    assert changed(in_words(ORDER), in_words(turned(ORDER, **{field: value}))) == ALL - {"stable"}


def test_keys_that_change_by_themselves_leave_the_others_in_order():
    one, other = "0b7ad6a0-7f8f-4a26-9d6c-0d7ad2a1e1f4", "f0c8a525-3a53-4c1e-9f0e-0c9d5b7e2a11"
    assert changed(in_words({"c": 1, one: 2}), in_words({"c": 1, other: 2})) == ALL - {"masked", "stable"}
    assert changed(in_words({one: 1, other: 2}), in_words({other: 2})) == ALL


def test_a_number_in_another_spelling_is_another_text():
    assert changed(text('{"a": 1.50}'), text('{"a": 1.5}')) == ALL


def test_compact_json_is_no_attachment_however_long():
    document = {f"key{number}": number for number in range(500)}
    one, other = (text(json.dumps(it, separators=(",", ":"))) for it in (document, turned(document)))
    assert len(one["text"]) > UNTOUCHED
    assert changed(one, other) == ALL - {"ordered", "stable"}


def test_a_long_text_is_read_with_pauses():
    rests = []
    forms_of(text("word " * UNTOUCHED), lambda: rests.append(1))
    searched = len(rests)
    find_spans("word " * UNTOUCHED, breathe=lambda: rests.append(1))
    assert searched > len(rests) - searched


JSON_DOCUMENTS = st.dictionaries(
    NAMES | st.sampled_from(list(ORDER)),
    st.sampled_from(
        [*ORDER.values(), "2026-11-21T12:00:00Z", 0.12345678, "turn 7", "\n\u200b“ü”", {"b": 1, "a": 2}]
    )
    | DOCUMENTS,
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(JSON_DOCUMENTS, st.data())
def test_no_way_to_write_json_changes_the_ordered_form(document, data):
    layout = {
        "indent": data.draw(st.sampled_from([None, 1, 2, "\t"])),
        "ensure_ascii": data.draw(st.booleans()),
    }
    if layout["indent"] is None and data.draw(st.booleans()):
        layout["separators"] = (",", ":")
    old, new = in_words(document)["text"], in_words(shuffled(document, data.draw), **layout)["text"]
    assert similarity(prompt(old), prompt(new)) == 1.0
