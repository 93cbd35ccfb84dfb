"""Is a batch what its contract says, and what does an answer to one mean?"""

import gzip
import json
import re
from email.utils import formatdate
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer import schema
from llm_observer.sinks.sampling import is_sampled
from llm_observer.telemetry import codings
from llm_observer.telemetry.answers import outcome_of, retry_after_s
from llm_observer.telemetry.batch import BATCH_VERSION, batch_body, batch_key, halves, room_for_events
from llm_observer.telemetry.client import Answer
from llm_observer.telemetry.delivery import COUNTERS
from llm_observer.telemetry.spool import Entry

CONTRACT = json.loads(
    (Path(__file__).parents[2] / "shared/schema/telemetry_batch_v1.json").read_text("utf-8")
)
SENT_AT = "2026-01-02T03:04:05.000006Z"
NOW_S = 1_767_323_045.0
ids = st.text("0123456789abcdef-", min_size=1, max_size=36)
entries = st.lists(
    st.builds(
        lambda event_id, text: Entry(event_id, json.dumps({"event_id": event_id, "text": text}).encode()),
        ids,
        st.text(max_size=50),
    ),
    min_size=1,
    max_size=20,
)
hexes = st.text("0123456789abcdef", min_size=32, max_size=32)


def answer(status, body=b"", **headers):
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def rejecting(*event_ids):
    return json.dumps({"rejected": [{"event_id": name, "reason": "no\nroom"} for name in event_ids]}).encode()


def outcome(status, body=b"", *, event_ids=("a", "b"), **headers):
    return outcome_of(answer(status, body, **headers), event_ids, now_s=NOW_S)


# The body ----------------------------------------------------------------------------------------------


@given(entries)
def test_a_batch_follows_its_contract_and_holds_the_events_as_they_are(batch):
    body = json.loads(batch_body(batch, sent_at=SENT_AT))
    jsonschema.Draft202012Validator(CONTRACT).validate(body)
    assert body == {
        "schema_version": BATCH_VERSION,
        "sent_at": SENT_AT,
        "events": [json.loads(entry.body) for entry in batch],
    }


@given(entries)
def test_a_batch_of_events_that_fill_its_room_is_no_larger_than_allowed(batch):
    size = sum(len(entry.body) for entry in batch)
    body = batch_body(batch, sent_at=SENT_AT)
    assert room_for_events(len(body), len(batch)) <= size
    assert len(body) - size <= 200 - room_for_events(200, len(batch))


def test_the_idempotency_key_depends_on_the_events_and_their_order_only():
    one, two = Entry("a", b"{}"), Entry("b", b"{}")
    assert batch_key([one, two]) == batch_key((one, Entry("b", b'{"x":1}')))
    assert len({batch_key([one, two]), batch_key([two, one]), batch_key([one]), batch_key([two])}) == 4


@given(entries.filter(lambda batch: len(batch) > 1))
def test_halves_keep_all_events_in_order(batch):
    first, second = halves(batch)
    assert first
    assert second
    assert [*first, *second] == batch


# Answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "delivered"),
        (202, "delivered"),
        (204, "delivered"),
        (301, "redirected"),
        (308, "redirected"),
        (400, "refused"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "failed"),
        (408, "retry"),
        (409, "delivered"),
        (413, "split"),
        (415, "failed"),
        (422, "refused"),
        (425, "retry"),
        (429, "retry"),
        (500, "retry"),
        (501, "failed"),
        (502, "retry"),
        (503, "retry"),
        (504, "retry"),
        (529, "retry"),
    ],
)
def test_what_a_status_means(status, kind):
    assert outcome(status).kind == kind


@pytest.mark.parametrize(("status", "kind"), [(202, "partly"), (400, "refused"), (422, "refused")])
def test_events_that_the_receiver_names_are_refused_if_they_were_in_the_batch(status, kind):
    found = outcome(status, rejecting("b", "stranger"))
    assert (found.kind, found.refused) == (kind, {"b": "no room"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"<html>",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"rejected": 3}',
        b'{"rejected": [1]}',
        b'{"rejected": [{}]}',
    ],
)
def test_a_body_that_is_not_understood_names_no_event(body):
    assert (outcome(202, body).kind, outcome(202, body).refused) == ("delivered", {})


def test_duplicates_that_the_receiver_counts_are_told():
    assert outcome(202, b'{"accepted": 1, "duplicates": 3}').duplicates == 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", 0),
        (" 7 ", 7),
        ("86400", 3600),
        ("9" * 400, 3600),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        (formatdate(NOW_S + 90, usegmt=True), 90),
        (formatdate(NOW_S - 90, usegmt=True), 0),
        (formatdate(NOW_S + 90_000, usegmt=True), 3600),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most(value, expected):
    assert retry_after_s(value, now_s=NOW_S) == expected


@given(st.text(max_size=60))
def test_no_retry_after_raises(value):
    found = retry_after_s(value, now_s=NOW_S)
    assert found is None or 0 <= found <= 3600


# Codings -----------------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_a_body_is_compressed_with_gzip_and_alike_each_time(body):
    coded, coding = codings.encode_body(body, zstd=False)
    assert (gzip.decompress(coded), coding) == (body, "gzip")
    assert codings.encode_body(body, zstd=False) == (coded, coding)


def test_zstd_is_used_where_it_may_be():
    import zstandard

    coded, coding = codings.encode_body(b"hello" * 99, zstd=True)
    assert (zstandard.decompress(coded), coding) == (b"hello" * 99, "zstd")


@pytest.mark.parametrize(
    ("accepted", "status", "used", "expected"),
    [
        (None, 202, "gzip", False),
        ("gzip, deflate", 202, "gzip", False),
        ("gzip, ZSTD", 202, "gzip", True),
        ("zstd;q=0.5", 202, "gzip", True),
        ("zstd; q=0", 202, "gzip", False),
        ("zstd;q=0.000", 202, "gzip", False),
        (None, 202, "zstd", True),
        ("gzip", 202, "zstd", False),
        (None, 415, "zstd", False),
        ("zstd", 415, "zstd", False),
    ],
)
def test_zstd_needs_the_receivers_word_and_ends_when_it_takes_it_back(accepted, status, used, expected):
    assert codings.takes_zstd(accepted, status, used) is expected


# Sampling ----------------------------------------------------------------------------------------------


@given(hexes, st.floats(0, 1), st.floats(0, 1))
def test_a_trace_that_is_sampled_at_a_rate_is_sampled_at_every_higher_one(trace_id, one, other):
    low, high = sorted((one, other))
    assert is_sampled(trace_id, high) or not is_sampled(trace_id, low)
    assert is_sampled(trace_id, 1.0)
    assert not is_sampled(trace_id, 0.0)


@given(hexes, st.floats(0, 1))
def test_traces_are_sampled_as_opentelemetry_samples_them(trace_id, rate):
    from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

    found = TraceIdRatioBased(rate).should_sample(None, int(trace_id, 16), "span")
    assert is_sampled(trace_id, rate) == (found.decision is Decision.RECORD_AND_SAMPLE)


# Docs --------------------------------------------------------------------------------------------------


def test_the_batch_in_the_docs_follows_both_contracts():
    page = (Path(__file__).parents[2] / "docs/telemetry-opt-in.md").read_text("utf-8")
    batch = json.loads(re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0])
    jsonschema.Draft202012Validator(CONTRACT).validate(batch)
    assert [problem for event in batch["events"] for problem in schema.validate(event)] == []


def test_every_counter_is_in_the_docs():
    page = (Path(__file__).parents[2] / "docs/telemetry-opt-in.md").read_text("utf-8")
    assert [name for name in COUNTERS if f"`{name}`" not in page] == []
