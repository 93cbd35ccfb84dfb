"""AWS event-stream frames: every sound one is read, whatever lies around it."""

import base64
import json
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm_observer.adapters.aws_stream import frames, looks_like_frames, model_event

EVENT = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hé"}}
CHUNK = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
THROTTLED = {
    ":exception-type": "throttlingException",
    ":content-type": "application/json",
    ":message-type": "exception",
}
OTHER_KINDS = [
    (0, b""),
    (1, b""),
    (2, b"\x07"),
    (3, b"\x00\x07"),
    (4, b"\x00\x00\x00\x07"),
    (5, bytes(8)),
    (6, b"\x00\x03abc"),
    (8, bytes(8)),
    (9, bytes(16)),
]


def _big(number, size=4):
    return number.to_bytes(size, "big")


def _text_header(name, value):
    name, value = name.encode(), value.encode()
    return _big(len(name), 1) + name + b"\x07" + _big(len(value), 2) + value


def frame(headers, payload, more=b""):
    """One message, encoded as https://smithy.io/2.0/aws/amazon-eventstream.html says."""
    block = more + b"".join(_text_header(name, value) for name, value in headers.items())
    start = _big(16 + len(block) + len(payload)) + _big(len(block))
    message = start + _big(zlib.crc32(start)) + block + payload
    return message + _big(zlib.crc32(message))


def chunk(event=EVENT, padding="abcd"):
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    return frame(CHUNK, json.dumps({"bytes": inner, "p": padding}).encode())


def numbered(count):
    return [chunk({"n": number}) for number in range(count)]


def read(body):
    return [model_event(found) for found in frames(body)]


HEADERS = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=5)


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=80)), max_size=5))
def test_frames_come_out_as_they_went_in(sent):
    body = b"".join(frame(headers, payload) for headers, payload in sent)
    assert [(found.headers, found.payload) for found in frames(body)] == sent


def test_the_encoder_of_these_tests_agrees_with_the_sdk_of_aws():
    buffer = EventStreamBuffer()
    buffer.add_data(chunk() + frame(THROTTLED, b"{}"))
    assert [(found.headers, found.payload) for found in buffer] == [
        (found.headers, found.payload) for found in frames(chunk() + frame(THROTTLED, b"{}"))
    ]


@pytest.mark.parametrize(("kind", "value"), OTHER_KINDS, ids=[str(kind) for kind, _ in OTHER_KINDS])
def test_headers_of_every_type_are_stepped_over(kind, value):
    body = frame({":event-type": "chunk"}, b"{}", more=b"\x01x" + bytes([kind]) + value)
    assert [found.headers for found in frames(body)] == [{":event-type": "chunk"}]


@pytest.mark.parametrize("padding", ["", "a", "x" * 500])
def test_the_models_event_comes_without_its_padding(padding):
    assert read(chunk(padding=padding)) == [EVENT]


@given(place=st.integers(0), bits=st.integers(1, 255))
@settings(deadline=None)
def test_one_damaged_byte_costs_no_more_than_its_own_frame(place, bits):
    sent = numbered(4)
    body = bytearray(b"".join(sent))
    place %= len(body)
    body[place] ^= bits
    borders = [sum(map(len, sent[:count])) for count in range(5)]
    hit = next(number for number in range(4) if borders[number] <= place < borders[number + 1])
    assert read(bytes(body)) == [{"n": number} for number in range(4) if number != hit]


@given(noise=st.binary(max_size=60), place=st.integers(0, 3))
@settings(deadline=None)
def test_noise_between_frames_is_skipped(noise, place):
    sent = numbered(3)
    sent.insert(place, noise)
    assert read(b"".join(sent)) == [{"n": 0}, {"n": 1}, {"n": 2}]


@given(first=st.integers(0), length=st.integers(1, 400))
@settings(deadline=None)
@example(first=1, length=len(chunk({"n": 0})))
def test_a_gap_costs_no_frame_that_is_still_whole(first, length):
    sent = numbered(5)
    body = b"".join(sent)
    first %= len(body)
    rest = body[:first] + body[first + length :]
    assert read(rest) == [{"n": number} for number in range(5) if sent[number] in rest]


@given(st.integers(0))
def test_a_stream_cut_anywhere_gives_the_frames_before_the_cut(place):
    sent = numbered(3)
    body = b"".join(sent)
    place %= len(body) + 1
    whole = [n for n in range(3) if sum(map(len, sent[: n + 1])) <= place]
    assert read(body[:place]) == [{"n": number} for number in whole]


@pytest.mark.parametrize(
    ("headers", "payload", "error"),
    [
        pytest.param(THROTTLED, b'{"message":"slow"}', ("throttlingException", "slow"), id="an exception"),
        pytest.param(THROTTLED, b"", ("throttlingException", None), id="without a payload"),
        pytest.param(THROTTLED, b"[1]", ("throttlingException", None), id="with another payload"),
        pytest.param(
            {":message-type": "error", ":error-code": "E7", ":error-message": "no"},
            b"",
            ("E7", "no"),
            id="an error without a model",
        ),
    ],
)
def test_an_exception_is_an_error_event(headers, payload, error):
    kind, message = error
    assert read(frame(headers, payload)) == [{"type": "error", "error": {"type": kind, "message": message}}]


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"7", b"{}", b'{"bytes":7}', b'{"bytes":"%%"}', b'{"bytes":"e"}', b'{"bytes":"e30"}',
     b'{"bytes":"W10="}', b'{"bytes":"\xc3\xa9"}'],
)  # fmt: skip
def test_a_payload_that_holds_no_event_gives_none(payload):
    assert read(frame(CHUNK, payload)) == [None]


def test_a_stream_is_told_by_a_valid_prelude():
    assert looks_like_frames(chunk())
    assert looks_like_frames(chunk()[:12])


@pytest.mark.parametrize(
    "body",
    [b"", chunk()[:11], b"data: x\n\n" * 3, b"\0" * 12, chunk()[1:], bytes([chunk()[0] ^ 1]) + chunk()[1:]],
    ids=["empty", "cut", "text", "zeros", "shifted", "damaged"],
)
def test_other_bodies_are_no_frames(body):
    assert not looks_like_frames(body)


def test_a_prelude_that_claims_too_much_is_none():
    start = _big(17 * 1024 * 1024) + _big(0)
    assert not looks_like_frames(start + _big(zlib.crc32(start)))
    start = _big(20) + _big(9)
    assert not looks_like_frames(start + _big(zlib.crc32(start)))


@given(st.binary(), st.binary(max_size=64))
def test_no_bytes_at_all_raise(body, block):
    assert read(body) == []
    start = _big(16 + len(block)) + _big(len(block))
    message = start + _big(zlib.crc32(start)) + block
    assert len(read(message + _big(zlib.crc32(message)))) == 1


@pytest.mark.timeout(20)
def test_ten_megabytes_without_a_frame_are_passed_quickly():
    assert read(b"\x0b:event-type\x07" * 800_000) == []
