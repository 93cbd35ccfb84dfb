"""Is every line of a plain file an exchange, or named with what is wrong with it? In flat memory?"""

import io
import json
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.adapters import decode
from llm_observer.recordings import Recorded, Unreadable, in_order
from llm_observer.recordings._lines import LONGEST
from llm_observer.recordings.open import read_file, read_files
from llm_observer.recordings.plain import read
from recording import ANSWER_TEXT, REQUEST_TEXT, STARTED_S, URL, USAGE, plain

ANTHROPIC_USAGE = {
    "input_tokens": 21,
    "cache_read_input_tokens": 4096,
    "cache_creation_input_tokens": 100,
    "output_tokens": 7,
}
RESPONSES_USAGE = {"input_tokens": 4217, "input_tokens_details": {"cached_tokens": 4096}, "output_tokens": 7}


def items_of(*lines):
    text = "".join(f"{line}\n" for line in lines)
    return list(read(io.BytesIO(text.encode()), "f"))


def one(**changes):
    (item,) = items_of(plain(**changes))
    return item


@pytest.mark.parametrize(
    ("url", "model", "usage"),
    [
        (URL, "gpt-4o", USAGE),
        ("https://api.openai.com/v1/responses", "gpt-5", RESPONSES_USAGE),
        ("https://api.anthropic.com/v1/messages", "claude-sonnet-4-5", ANTHROPIC_USAGE),
    ],
)
@pytest.mark.parametrize("spelling", ["response", "usage"])
def test_just_the_usage_counts_like_the_whole_answer(url, model, usage, spelling):
    body = json.dumps({"model": model, "usage": usage})
    given_usage = (
        {"response": {"usage": usage}} if spelling == "response" else {"response": None, "usage": usage}
    )
    whole, short = (
        decode(one(url=url, request={"body": body}, **answer).exchange).call
        for answer in ({"response": {"body": body}}, given_usage)
    )
    assert short.tokens == whole.tokens
    assert short.tokens.cache_read in {1920, 4096}
    assert (short.model_requested, short.ending, short.wire) == (model, "complete", whole.wire)


def test_a_body_wins_over_a_usage_beside_it():
    item = one(usage={"prompt_tokens": 1})
    assert item.exchange.response_body == ANSWER_TEXT.encode()


def test_the_model_may_stand_beside_the_body():
    call = decode(one(request=None, model="gpt-4o", method="POST").exchange).call
    assert (call.model_requested, call.notes) == ("gpt-4o", ("request_not_kept",))


def test_an_absent_body_is_not_the_same_as_an_empty_one():
    absent, empty = one(request=None, response=None), one(request={"body": ""}, response={"body": ""})
    assert (absent.exchange.request_state, absent.exchange.response_state) == ("not_kept", "not_kept")
    assert (empty.exchange.request_state, empty.exchange.response_state) == ("empty", "empty")


def test_headers_of_the_request_are_read():
    item = one(headers={"Anthropic-Beta": "context-1m", "X": ["1", "2"]})
    assert item.exchange.request_headers == (("anthropic-beta", "context-1m"), ("x", "1"), ("x", "2"))


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        (STARTED_S, STARTED_S * 10**9),
        (STARTED_S + 0.25, STARTED_S * 10**9 + 250_000_000),
        (1763716800.123456, 1763716800_123456000),
        ("2025-11-21T09:20:00Z", 1763716800 * 10**9),
        ("2025-11-21T10:20:00.5+01:00", 1763716800 * 10**9 + 500_000_000),
        ("2025-11-21T09:20:00.123456789Z", 1763716800 * 10**9 + 123_456_000),
        ("2025-11-21 09:20:00", 1763716800 * 10**9),
        (0, 0),
    ],
)
def test_a_start_is_seconds_or_rfc_3339(started, expected):
    assert one(started_at=started).exchange.started_ns == expected


def test_the_other_times_count_from_the_start():
    exchange = one(first_byte_at=STARTED_S + 0.5, ended_at="2025-11-21T09:20:02Z").exchange
    assert (exchange.first_chunk_ns, exchange.duration_ns) == (500_000_000, 2_000_000_000)


def test_a_time_before_the_start_is_unknown():
    exchange = one(first_byte_at=STARTED_S - 1, ended_at=STARTED_S).exchange
    assert (exchange.first_chunk_ns, exchange.duration_ns) == (None, 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "malformed|truncated"),
        ("[1]", "Expected `object`"),
        ("{}", "no `url`"),
        (plain(url=7), "`url`"),
        (plain(status="fine"), "`status`"),
        (plain(started_at="yesterday"), "time"),
        (plain(started_at=-5), "time"),
        (plain(started_at=1e300), "time"),
        (plain(started_at=True), "time"),
        (plain(started_at="0001-01-01T00:00:00+05:00"), "time"),
        (plain(started_at={}), "time"),
        (plain(request={"body": 7}), "`body`"),
        (plain(response={"body_b64": "%%"}), "base64"),
        ("[" * 5000, "nested|malformed|truncated|Expected"),
    ],
)
def test_a_bad_line_is_named_and_the_next_one_is_read(line, reason):
    bad, good = items_of(line, plain())
    assert bad.place == "f:1"
    assert re.search(reason, bad.reason)
    assert (good.index, good.place) == (1, "f:2")


def test_blank_lines_and_a_byte_order_mark_say_nothing():
    items = list(read(io.BytesIO(b"\xef\xbb\xbf" + f"{plain()}\r\n\n \n{plain()}".encode()), "f"))
    assert [(item.index, item.place) for item in items] == [(0, "f:1"), (1, "f:4")]


def test_a_line_that_is_too_long_is_left_out_without_being_held():
    class Endless(io.RawIOBase):
        left = LONGEST + (3 << 20)

        def readable(self):
            return True

        def readinto(self, buffer):
            size = min(len(buffer), self.left)
            buffer[:size] = b"x" * size
            self.left -= size
            return size

    long, good = read(io.BufferedReader(_Then(Endless(), f"\n{plain()}\n".encode())), "f")
    assert (long.reason, good.place) == ("is longer than 128 MiB", "f:2")


class _Then(io.RawIOBase):
    """*first*, and then *rest*."""

    def __init__(self, first, rest):
        self.parts = [first, io.BytesIO(rest)]

    def readable(self):
        return True

    def readinto(self, buffer):
        for part in self.parts:
            if size := part.readinto(buffer):
                return size
        return 0


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(data):
    items = list(read(io.BytesIO(data + b"\n" + plain().encode()), "f"))
    assert isinstance(items[-1], Recorded) or items[-1].place.endswith(":1")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["body", "usage", "status", "headers", "url", "id"]), inner, max_size=4
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(
        ["request", "response", "usage", "headers", "model", "method", "account", "status", "ended_at"]
    ),
)
def test_no_value_of_a_field_breaks_the_reading(value, field):
    item = one(**{field: value})
    if isinstance(item, Recorded):
        item.exchange.started_ns = max(item.exchange.started_ns, 0)
        assert decode(item.exchange).call.operation


def test_no_reason_shows_what_the_record_says():
    secret = "canary-5f1e"
    bad = [plain(status=secret), plain(started_at=secret), plain(url=[secret]), f'{{"url": "{secret}', secret]
    reasons = [item.reason for item in items_of(*bad)]
    assert len(reasons) == len(bad)
    assert not any(secret in reason for reason in reasons)


def written(tmp_path, name, *lines):
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return str(path)


def test_the_file_is_the_account_of_lines_that_name_none(tmp_path):
    path = written(tmp_path, "a.jsonl", plain(), plain(account="team"), plain(account=7))
    accounts = [(item.account, item.exchange.account) for item in read_file(path)]
    assert accounts == [(path, path), ("team", "team"), ("7", "7")]


def test_lines_without_a_time_share_the_instant_of_the_line_before(tmp_path):
    path = written(tmp_path, "a.jsonl", plain(), plain(started_at=None), plain(started_at=STARTED_S + 9))
    starts = [item.exchange.started_ns // 10**9 - STARTED_S for item in read_file(path)]
    assert starts == [0, 0, 9]


def test_a_file_without_times_is_of_one_instant_in_its_own_order(tmp_path):
    bodies = [f'{{"model": "m{n}"}}' for n in range(20)]
    path = written(tmp_path, "a.jsonl", *(plain(started_at=None, request={"body": body}) for body in bodies))
    items = list(in_order(read_files([path])))
    assert len({item.exchange.started_ns for item in items}) == 1
    assert [item.exchange.request_body.decode() for item in items] == bodies


def test_calls_of_several_files_come_in_the_order_of_their_start(tmp_path):
    paths = [
        written(tmp_path, f"{first}.jsonl", *(plain(started_at=second) for second in range(first, 40, 2)))
        for first in (2, 1)
    ]
    starts = [item.exchange.started_ns // 10**9 for item in in_order(read_files(paths))]
    assert starts == list(range(1, 40))


def test_order_is_kept_within_bounds(tmp_path):
    path = written(tmp_path, "a.jsonl", *(plain(started_at=n) for n in (5, 4, 3, 9, 1, 2)))
    items = list(in_order(read_files([path]), max_records=2))
    assert sorted(item.index for item in items) == list(range(6))
    assert [item.exchange.started_ns // 10**9 for item in items] == [3, 4, 1, 2, 5, 9]
    by_bytes = in_order(read_files([path]), max_bytes=len(REQUEST_TEXT.encode() + ANSWER_TEXT.encode()))
    assert [item.exchange.started_ns // 10**9 for item in by_bytes] == [4, 3, 5, 1, 2, 9]


def test_a_file_that_cannot_be_read_does_not_hide_the_next(tmp_path):
    path = written(tmp_path, "a.jsonl", plain())
    missing, found = read_files([str(tmp_path / "none"), path])
    assert isinstance(missing, Unreadable)
    assert missing.reason == "No such file or directory"
    assert found.index == 0


def test_reading_holds_one_line_at_a_time():
    class Lines(io.RawIOBase):
        """4,000 lines of 50 kB, made as they are read."""

        line = f"{plain(request={'body': 'x' * 50_000})}\n".encode()
        at = 0

        def readable(self):
            return True

        def readinto(self, buffer):
            piece = self.line[self.at % len(self.line) :][: len(buffer)]
            if self.at >= 4000 * len(self.line):
                return 0
            buffer[: len(piece)] = piece
            self.at += len(piece)
            return len(piece)

    tracemalloc.start()
    try:
        count = sum(1 for _ in read(io.BufferedReader(Lines()), "f"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 4000
    assert peak < 2 << 20
