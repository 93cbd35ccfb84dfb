"""What a request asked for: settings and segments, as slices of its body."""

import json
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.adapters.fields import Notes
from llm_observer.adapters.forms import form_fields
from llm_observer.adapters.request import SETTINGS, read_request
from llm_observer.adapters.text import plain
from llm_observer.call import Request
from llm_observer.wire import Exchange, Options

CACHE_ORDER = ("tools", "functions", "system", "instructions", "messages", "input", "prompt")
KINDS = dict(zip(CACHE_ORDER, ("tool", "tool", "system", "system", "message", "input", "input"), strict=True))
NAMES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(NAMES, inside, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from([*CACHE_ORDER, "model", "stream", "n", "temperature", "stream_options", "user"])
SPACES = st.sampled_from(["", " ", "\n\t "])
SAMPLES = {
    "choice_count": 2,
    "max_tokens": 64,
    "temperature": 0.5,
    "top_p": 0.9,
    "reasoning_effort": "high",
    "service_tier": "flex",
    "previous_response_id": "resp_7",
    "conversation_id": "conv_7",
    "is_background": True,
    "includes_usage": False,
}
WRONG = {int: "7", float: "0.5", str: 7, bool: "true"}
ROWS = [pytest.param(name, path, id=path) for name, paths in SETTINGS.items() for path in paths]
FORM = (
    b'--b7\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--b7\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n'
    b'--b7\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n'
    b"Content-Type: audio/mpeg\r\n\r\n\x00\xff--b\r\n\r\n--b7--\r\n"
)


def read(body, *, with_content=False, state="kept", headers=()):
    """What is read of *body* (JSON, if it is not bytes), and the notes."""
    sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    exchange = Exchange(
        sdk="openai",
        options=Options(method="post", route="/chat/completions"),
        url="https://api.openai.com/v1/chat/completions",
        request_headers=headers,
        request_body=sent,
        request_state=state,
        started_ns=0,
    )
    notes = Notes()
    return read_request(exchange, notes, with_content=with_content), list(notes)


def segments(asked):
    return [(one.path, one.kind, bytes(one.raw)) for one in asked.segments]


def at(path, value):
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def spaced(value, space):
    """*value* as JSON with *space* wherever the grammar lets one stand."""
    if isinstance(value, dict):
        inside = ",".join(
            f"{space}{json.dumps(name)}{space}:{spaced(item, space)}" for name, item in value.items()
        )
        text = f"{{{inside}{space}}}"
    elif isinstance(value, list):
        text = f"[{','.join(spaced(item, space) for item in value)}{space}]"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return f"{space}{text}{space}"


@pytest.mark.parametrize(("name", "path"), ROWS)
def test_each_setting_is_read_where_the_wires_have_it(name, path):
    asked, notes = read(at(path, SAMPLES[name]))
    found = {setting: getattr(asked.request, setting) for setting in SETTINGS}
    assert found == {**dict.fromkeys(SETTINGS), name: SAMPLES[name]}
    assert notes == []


@pytest.mark.parametrize(("name", "path"), ROWS)
def test_a_setting_of_a_wrong_type_is_unknown_noted_and_spoils_no_other(name, path):
    asked, notes = read({**at(path, WRONG[type(SAMPLES[name])]), "model": "m"})
    assert (getattr(asked.request, name), asked.model, notes) == (None, "m", ["request_wrong_type"])


@pytest.mark.parametrize(("name", "path"), [row for row in ROWS if row.id != "conversation.id"])
def test_a_setting_that_is_null_is_unknown(name, path):
    asked, notes = read(at(path, None))
    assert (getattr(asked.request, name), notes) == (None, [])


def test_a_conversation_without_an_id_is_of_a_wrong_type():
    asked, notes = read({"conversation": {"id": None}})
    assert (asked.request.conversation_id, notes) == (None, ["request_wrong_type"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"max_completion_tokens": 64, "reasoning_effort": "low", "n": 2}, {"choice_count": 2}),
        (
            {"max_output_tokens": 64, "reasoning": {"effort": "low"}, "background": True},
            {"is_background": True},
        ),
        ({"max_tokens": 64, "output_config": {"effort": "low"}, "temperature": 1}, {"temperature": 1}),
        ({"max_tokens_to_sample": 64, "reasoning_effort": "low"}, {}),
    ],
    ids=["chat", "responses", "messages", "complete"],
)
def test_the_output_limit_and_the_effort_are_read_on_every_wire(body, expected):
    expected = {"max_tokens": 64, "reasoning_effort": "low", **expected}
    assert msgspec.to_builtins(read(body)[0].request).items() >= expected.items()


def test_model_stream_and_cache_key_are_read():
    asked, _ = read({"model": "gpt-x", "stream": False, "prompt_cache_key": "user-7"})
    assert (asked.model, asked.is_stream, asked.cache_key) == ("gpt-x", False, "user-7")


def test_segments_stand_in_the_order_in_which_a_prompt_is_cached():
    body = {name: [{"at": name}, {"at": "end"}] for name in reversed(CACHE_ORDER)}
    expected = [
        (f"{name}[{place}]", KINDS[name], json.dumps({"at": text}).encode())
        for name in CACHE_ORDER
        for place, text in enumerate((name, "end"))
    ]
    assert segments(read(body)[0]) == expected


@given(
    body=st.dictionaries(FIELDS, VALUES | st.lists(st.dictionaries(NAMES, VALUES), max_size=3), max_size=6),
    space=SPACES,
)
@settings(deadline=None)
def test_the_bytes_of_segments_are_slices_of_the_body(body, space):
    data = spaced(body, space).encode()
    asked, _ = read(data)
    after = {}
    for path, kind, raw in segments(asked):
        name, _, place = path.rstrip("]").partition("[")
        assert raw in data
        assert raw.strip() == raw
        assert json.loads(raw) == (body[name][int(place)] if place else body[name])
        assert kind == KINDS[name]
        after[name] = None
    assert list(after) == [name for name in CACHE_ORDER if body.get(name) not in (None, [])]


@pytest.mark.parametrize(
    ("value", "count", "paths"),
    [
        pytest.param("hi", 1, ["input"], id="a text"),
        pytest.param("", 1, ["input"], id="an empty text"),
        pytest.param(["a", "b"], 2, ["input"], id="texts"),
        pytest.param([1, 2, 3], 1, ["input"], id="token numbers"),
        pytest.param([[1, 2], [3]], 2, ["input"], id="lists of token numbers"),
        pytest.param([{"role": "user"}, {"role": "user"}], 2, ["input[0]", "input[1]"], id="items"),
        pytest.param([{"role": "user"}, "a"], 2, ["input"], id="items and texts"),
        pytest.param([], 0, [], id="an empty list"),
        pytest.param({"id": "pmpt_7"}, 1, ["input"], id="an object"),
        pytest.param(None, None, [], id="null"),
    ],
)
def test_an_input_of_any_form_is_counted_and_cut(value, count, paths):
    asked, notes = read({"input": value})
    assert (asked.request.message_count, [one.path for one in asked.segments]) == (count, paths)
    assert notes == []


def test_a_null_prompt_does_not_hide_the_next():
    asked, _ = read({"messages": None, "input": [{"role": "user", "content": "a"}] * 3}, with_content=True)
    assert (asked.request.message_count, asked.text) == (3, "a")


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"tools": [{}, {}]}, 2),
        ({"functions": [{}]}, 1),
        ({"tools": [{}], "functions": [{}]}, 2),
        ({"tools": []}, 0),
        ({"tools": None}, None),
        ({}, None),
    ],
)
def test_tools_are_counted_where_they_are_given(body, count):
    assert read(body)[0].request.tool_count == count


@pytest.mark.parametrize("data", [b"[1]", b"7", b"{", b'{"model":"m",', b"hello", b"null", b"\x00\xff"])
def test_a_body_that_is_no_object_is_noted(data):
    asked, notes = read(data)
    assert (asked.request, asked.segments, notes) == (Request(body_bytes=len(data)), (), ["request_not_json"])


@pytest.mark.parametrize("data", [b"", None])
def test_no_body_is_an_empty_one(data):
    assert read(data, state="empty") == ((Request(body_bytes=0), None, None, (), None, None, {}), [])


@pytest.mark.parametrize(
    ("state", "note"),
    [
        ("not_kept", "request_not_kept"),
        ("undecodable", "request_undecodable"),
        ("truncated", "request_truncated"),
    ],
)
@pytest.mark.parametrize(
    ("length", "size"),
    [("123", 123), ("", None), ("-1", None), ("1e9", None), ("\u0661", None), ("9" * 30, None)],
)
def test_the_size_of_a_body_that_was_not_kept_whole_is_its_headers(state, note, length, size):
    asked, notes = read(None, state=state, headers=(("Content-Length", length),))
    assert (asked.request, notes) == (Request(body_bytes=size), [note])


MESSAGE = {"role": "user", "content": 'x " } ] {"model": "evil"} \\'}


@pytest.mark.parametrize(
    "body",
    [
        {"model": "gpt-x", "messages": [MESSAGE] * 9},
        {"messages": [MESSAGE, {"model": "evil"}], "model": "gpt-x", "user": "model", "end": [1]},
        {"user": "model", "metadata": {"model": "evil"}, "model": "gpt-x", "end": 1},
        {"tools": [[["model"]], {"a": {"model": "evil"}}], "model": "gpt-x", "end": 1},
    ],
)
@pytest.mark.parametrize("space", ["", " ", "\n"])
def test_the_model_of_a_body_that_was_cut_is_the_one_at_the_top(body, space):
    data = spaced(body, space).encode()
    whole = data.index(b'"gpt-x"') + len(b'"gpt-x"')
    found = [read(data[:end], state="truncated")[0].model for end in range(len(data))]
    assert found == [None] * whole + ["gpt-x"] * (len(data) - whole)


@pytest.mark.parametrize(
    "data",
    [
        b'{"model":null,"user":"x"',
        b'{"model":["x"],"a',
        b'{"model":7,"x":"y"',
        b'{"x":"model","y":"z"',
        b'"model":"x"',
    ],
)
def test_what_only_looks_like_the_model_is_not_taken(data):
    assert read(data, state="truncated")[0].model is None


def test_the_model_of_a_cut_body_is_unescaped():
    assert read(rb'{"model":"gpt\u002d\u00e9", "x', state="truncated")[0].model == "gpt-é"


def test_a_form_says_its_model_and_whether_it_streams():
    asked, notes = read(FORM)
    assert (asked.model, asked.is_stream, asked.request, notes) == (
        "whisper-1",
        True,
        Request(body_bytes=len(FORM)),
        [],
    )


@pytest.mark.parametrize(("value", "is_stream"), [(b"true", True), (b"True", True), (b"false", False)])
def test_a_forms_stream_field_is_a_text(value, is_stream):
    assert read(FORM.replace(b"true", value))[0].is_stream is is_stream


def test_files_of_a_form_are_left_out():
    assert form_fields(FORM) == {"model": "whisper-1", "stream": "true"}


def test_line_feeds_alone_will_do_in_a_form():
    assert form_fields(FORM.replace(b"\r\n", b"\n"))["model"] == "whisper-1"


def test_a_long_value_of_a_form_is_no_name():
    assert form_fields(FORM.replace(b"whisper-1", b"x" * 513)) == {"stream": "true"}


def test_a_form_that_was_replaced_by_a_sentence_says_nothing():
    headers = (("content-type", "multipart/form-data; boundary=b7"),)
    asked, notes = read(b"<multipart body>", headers=headers)
    assert (asked.model, asked.is_stream, notes) == (None, None, [])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "a"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}, "b"),
        (
            {"input": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "x"}, "b"]}]},
            "ab",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "user", "content": [{"type": "tool_result", "content": "no"}]},
                ]
            },
            "a",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}, "a"),
        ({"input": "a"}, "a"),
        ({"prompt": ["a", "b"]}, "b"),
        ({"input": [1, 2]}, None),
        ({"messages": [{"role": "system", "content": "a"}]}, None),
        ({"messages": [{"role": "user", "content": [{"type": [], "text": "a"}]}]}, None),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_newest_user_text_is_read_where_it_is_asked_for(body, text):
    assert read(body, with_content=True)[0].text == text
    assert read(body)[0].text is None


@given(VALUES)
@settings(deadline=None)
def test_any_content_has_a_text_or_none(content):
    text = plain(content)
    assert text is None or (isinstance(text, str) and text)


@given(
    data=st.binary() | st.lists(st.sampled_from(b'{}[]":,\\-model \r\n\xff7')).map(bytes),
    state=st.sampled_from(["kept", "truncated", "not_kept", "undecodable", "empty"]),
    headers=st.sampled_from([(), (("content-type", "multipart/form-data"),)]),
    start=st.sampled_from([b"", b"--b\r\n", b'{"model":', b'{"messages":[', b'{"tools":null,"input":']),
)
@settings(deadline=None)
def test_no_bytes_at_all_raise(data, state, headers, start):
    asked, _ = read(start + data, with_content=True, state=state, headers=headers)
    assert asked.model is None or asked.model.encode()


@pytest.mark.parametrize("depth", [900, 100_000])
def test_a_deeply_nested_body_is_read_or_noted(depth):
    asked, notes = read(b'{"messages":' + b"[" * depth + b"]" * depth + b',"model":"m"}', with_content=True)
    assert (asked.model, notes) in [("m", []), (None, ["request_not_json"])]


def _ten_megabytes():
    message = json.dumps({"role": "user", "content": "word " * 200}).encode()
    body = b'{"messages":[' + b",".join([message] * 10_000) + b'],"model":"m"}'
    image = b'{"model":"m","messages":[{"role":"user","content":"' + b"QUJD" * 2_500_000 + b'"}]}'
    upload = FORM.replace(b"\x00\xff", b"\x00\xff\r\n" * 2_500_000)
    return {
        "messages": (body, "kept"),
        "an image": (image, "kept"),
        "not JSON": (body[:-1], "kept"),
        "cut": (body, "truncated"),
        "cut in a text of quotes": (b'{"a":"' + rb"\"" * 5_000_000, "truncated"),
        "cut in models": (b'{"a":1' + b',"model":7' * 1_000_000, "truncated"),
        "an upload": (upload, "kept"),
        "a form without a value": (b"--b\r\n" + b"content-disposition: " * 500_000, "kept"),
    }


BIG = _ten_megabytes()


@pytest.mark.parametrize("name", BIG)
def test_ten_megabytes_are_read_quickly(name):
    data, state = BIG[name]
    assert len(data) > 9_000_000
    started = time.process_time()
    read(data, state=state)
    # Some hundredths of a second; anything quadratic takes minutes.
    assert time.process_time() - started < 3
