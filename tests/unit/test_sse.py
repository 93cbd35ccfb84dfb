"""Server-sent events: the same events whatever the line ends, comments and paddings around them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.adapters.sse import looks_like_events, server_events

ENDS = [b"\n", b"\r\n", b"\r"]
NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=20)
LINES = st.binary(max_size=20).filter(lambda line: b"\r" not in line and b"\n" not in line)
EVENTS = st.lists(st.tuples(NAMES, st.lists(LINES, min_size=1, max_size=3)), max_size=5)


def events(body):
    return [tuple(event) for event in server_events(body)]


def as_sent(sent, *, end, comment=b"", mark=b"", space=b" ", has_last_blank=True):
    """The bytes of *sent*, (name, lines) each, in one of the forms that the standard allows."""
    out = [mark]
    for name, lines in sent:
        out += [b":", comment, end]
        if name:
            out += [b"event:", space, name.encode(), end]
        for line in lines:
            out += [b"data:", space, line, end, b"id: 7", end]
        out.append(end)
    if sent and not has_last_blank:
        out.pop()
    return b"".join(out)


@pytest.mark.parametrize("end", ENDS, ids=["LF", "CRLF", "CR"])
@given(
    sent=EVENTS,
    comment=LINES,
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    has_last_blank=st.booleans(),
)
@settings(deadline=None)
def test_every_form_of_the_same_events_reads_the_same(end, sent, comment, mark, has_last_blank):
    body = as_sent(sent, end=end, comment=comment, mark=mark, has_last_blank=has_last_blank)
    assert events(body) == [(name, b"\n".join(lines)) for name, lines in sent]


@given(ends=st.lists(st.sampled_from(ENDS), min_size=6, max_size=6))
def test_line_ends_may_be_mixed_in_one_body(ends):
    lines = [b"event: a", b"data: 1", b"data: 2", b"", b"data: 3", b""]
    body = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    # A CR followed by an LF is one line end: the blank line between the two is not there then.
    is_joined = ends[2] == b"\r" and ends[3] == b"\n"
    assert events(body) == ([("a", b"1\n2\n3")] if is_joined else [("a", b"1\n2"), ("", b"3")])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"data:x\n\n", [("", b"x")], id="no space"),
        pytest.param(b"data:  x\n\n", [("", b" x")], id="one space only is dropped"),
        pytest.param(b"data\n\n", [("", b"")], id="a field without a colon is empty"),
        pytest.param(b"data: a: b\n\n", [("", b"a: b")], id="the first colon ends the name"),
        pytest.param(b"event: ping\n\ndata: x\n\n", [("", b"x")], id="an event without data is none"),
        pytest.param(b"event: a\ndata: x", [("a", b"x")], id="cut before the line's end"),
        pytest.param(b"event: a\nevent: b\ndata: x\n\n", [("b", b"x")], id="the last name counts"),
        pytest.param(b"DATA: x\n data: y\ndatum: z\n\n", [], id="other fields are ignored"),
        pytest.param(b"event: \xff\ndata: x\n\n", [("\ufffd", b"x")], id="a name that is no UTF-8"),
        pytest.param(b"\n\n\ndata: x\n\n\n\n", [("", b"x")], id="blank lines around"),
        pytest.param(b": OPENROUTER PROCESSING\n\ndata: x\n\n", [("", b"x")], id="a comment of its own"),
        pytest.param(b"\xef\xbb\xbfdata: x\n\n", [("", b"x")], id="a byte order mark"),
        pytest.param(
            b"data: x\n\n\xef\xbb\xbfdata: y\n\n", [("", b"x")], id="the mark counts at the start only"
        ),
    ],
)
def test_the_rules_of_the_standard(body, expected):
    assert events(body) == expected


@given(st.binary())
def test_no_bytes_at_all_raise(body):
    assert isinstance(looks_like_events(body), bool)
    assert all(isinstance(name, str) and isinstance(data, bytes) for name, data in events(body))


@given(st.lists(st.sampled_from([b"data", b"event", b":", b" ", b"\r", b"\n", b"x"])).map(b"".join))
def test_an_event_holds_no_line_end_but_those_that_join_its_lines(body):
    for name, data in events(body):
        assert b"\r" not in data
        assert "\n" not in name
        assert data.count(b"\n") < body.count(b"data")


@pytest.mark.parametrize(
    "start", [b"data: x", b"event: x", b": hi", b"id: 1", b"retry: 3", b"\xef\xbb\xbfdata:", b"\r\n\ndata:"]
)
def test_an_event_stream_is_told_by_its_start(start):
    assert looks_like_events(start)


@pytest.mark.parametrize("start", [b"", b'{"data": 1}', b"[1]", b"<html>", b"dataset", b"\x00\x00\x00\x6b"])
def test_other_bodies_are_no_event_streams(start):
    assert not looks_like_events(start)
