"""Every recorded exchange, decoded from its bytes alone, says what is true of it."""

import json
import re
from typing import NamedTuple

import msgspec
import pytest

from exchanging import call_of, problems_of, recorded_exchange
from integration.recordings import ALL, SOME, recorded, source_files
from integration.truth import expected, said

_SHOWN = 40


class Source(NamedTuple):
    """One file of recordings."""

    folder: object
    name: str


SOURCES = [
    pytest.param(Source(folder, name), id=f"{label} {name}")
    for label, folder in (("repository", SOME), ("whole set", ALL))
    if folder.is_dir()
    for name in source_files(folder)
]


def differences(one):
    """Where the decoded *one* is not what is true: (name, expected, said)."""
    call = call_of(recorded_exchange(one))
    wanted = {**expected(one.truth), "wire": one.truth["wire"]}
    found = {**said(call), "wire": call["wire"]}
    return [(name, wanted[name], found[name]) for name in wanted if wanted[name] != found[name]]


def listed(lines):
    return "\n".join([f"{len(lines)} differences", *lines[:_SHOWN]]) if lines else ""


@pytest.mark.parametrize("source", SOURCES)
def test_every_recording_decodes_to_the_ground_truth(source):
    lines = [
        f"{one.id} {one.truth['operation']} {name}: must be {a!r}, is {b!r}"
        for one in recorded(*source)
        for name, a, b in differences(one)
    ]
    assert listed(lines) == ""


@pytest.mark.parametrize("source", SOURCES)
def test_the_event_of_every_recording_follows_the_schema(source):
    lines = [
        f"{one.id} {problem.path}: {problem.message}"
        for one in recorded(*source)
        for problem in problems_of(recorded_exchange(one), with_content=True)
    ]
    assert listed(lines) == ""


def with_keepalives(body):
    """A comment and an event of an unknown type between any two events, as gateways send them."""
    gap = b': keep-alive\n\nevent: ping\ndata: {"type": "ping"}\n\n'
    return gap + re.sub(rb"\n\n", b"\n\n" + gap, body)


def with_crlf(body):
    return body.replace(b"\n", b"\r\n")


def with_a_byte_order_mark(body):
    return b"\xef\xbb\xbf" + body


def without_the_last_blank_line(body):
    return body.rstrip(b"\n")


def with_each_event_but_the_last_doubled_blank(body):
    return body.replace(b"\n\n", b"\n\n\n\n")


GAPS = [
    with_keepalives,
    with_crlf,
    with_a_byte_order_mark,
    without_the_last_blank_line,
    with_each_event_but_the_last_doubled_blank,
]


@pytest.mark.parametrize("change", GAPS, ids=lambda change: change.__name__)
@pytest.mark.parametrize("source", SOURCES)
def test_what_stands_between_the_events_of_a_stream_says_nothing(source, change):
    lines = []
    for one in recorded(*source):
        made = recorded_exchange(one)
        if not one.truth["is_stream"] or made.response_body.startswith(b"\0"):
            continue
        plain = made.response_body.replace(b"\r\n", b"\n")
        changed = msgspec.structs.replace(made, response_body=change(plain))
        was, now = call_of(made, with_content=True), call_of(changed, with_content=True)
        lines += [f"{one.id} {json.dumps(was)} became {json.dumps(now)}"] if was != now else []
    assert listed(lines) == ""


@pytest.mark.parametrize("source", SOURCES)
def test_the_network_chunks_of_a_stream_change_its_times_only(source):
    timed = {"duration_ns": 9_000_000, "first_chunk_ns": 1_000_000, "largest_gap_ns": 5, "chunk_count": 2}
    for one in recorded(*source):
        made = recorded_exchange(one)
        was, now = call_of(made), call_of(msgspec.structs.replace(made, **timed))
        assert now.pop("timing")["duration_ms"] == 9
        was.pop("timing", None)
        assert was == now, one.id


def test_the_repository_has_recordings_of_every_wire():
    if not SOME.is_dir():
        pytest.skip("no recordings in tests/data")
    found = {one.truth["wire"] for name in source_files(SOME) for one in recorded(SOME, name)}
    assert {"openai", "anthropic", "bedrock_invoke"} <= found
