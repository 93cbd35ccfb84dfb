"""Do our own events come back as they were written, those of a newer schema too?"""

import io
import json

import msgspec
import pytest

from llm_observer import guard
from llm_observer.call_cache import CacheUse, Finding
from llm_observer.config import Config
from llm_observer.event import SCHEMA_VERSION, encode, to_dict
from llm_observer.offline import events_of, known
from llm_observer.recordings import Known, Recorded, Unreadable
from llm_observer.recordings.events import read
from llm_observer.recordings.plain import exchange_of
from recording import plain
from sessions import cost, event_of, tokens

NEWER = f"1.{int(SCHEMA_VERSION.partition('.')[2]) + 1}"
FINDING = Finding(
    kind="timestamp", path="system[0]", offset=37, length=24, confidence=0.9, tokens=900, usd="0.002"
)
CACHE = CacheUse(verdict="breaker", ideal_tokens=1000, actual_tokens=100, findings=(FINDING,))
EVENT = event_of(
    {"team": "a"}, cost=cost("0.5", input="0.5"), tokens=tokens(1000, 5, cache_read=100), cache=CACHE
)


def items_of(*lines):
    return list(read(io.BytesIO(b"\n".join(lines) + b"\n"), "f"))


def changed(version=NEWER, **fields):
    """The line of an event whose call has *fields* set to JSON values."""
    document = to_dict(EVENT)
    document["schema_version"] = version
    document["llm_call"] |= fields
    return json.dumps(document).encode()


def test_an_event_comes_back_as_it_was_written():
    assert items_of(encode(EVENT)) == [Known(0, EVENT, "f:1")]


def test_fields_of_a_newer_version_are_passed_over():
    (item,) = items_of(changed(weather={"is": "fine"}))
    assert msgspec.structs.replace(item.event, schema_version=EVENT.schema_version) == EVENT


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"wire": "smoke_signals"}, {"wire": "unknown"}),
        ({"ending": "postponed"}, {"ending": "complete"}),
        ({"cache": {"verdict": "cosmic"}}, {"cache": CacheUse(verdict="unknown")}),
        ({"cost": {"status": "haggled"}}, {"cost": None}),
        ({"tokens": {"input_total": "many", "output": 3}}, {"tokens": tokens(None, 3)}),
    ],
    ids=lambda value: next(iter(value)),
)
def test_values_of_a_newer_version_are_unknown_and_the_rest_of_the_event_stands(fields, expected):
    (item,) = items_of(changed(**fields))
    call = msgspec.structs.asdict(item.event.llm_call)
    assert call == {**msgspec.structs.asdict(EVENT.llm_call), **expected}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b"[]", "Expected `object`"),
        (changed("2.0"), "schema_version"),
        (changed("1.0", wire="canary-77"), "llm_call.wire"),
        (changed("1.0", tokens={"input_total": "canary-77"}), "input_total"),
        (changed(tool_calls=[{"kind": 7, "name": "canary-77"}] * 100), "tool_calls"),
        (b"[" * 5000, "nested|truncated|malformed|Expected"),
    ],
)
def test_a_bad_line_is_named_without_its_values_and_the_next_one_is_read(line, reason):
    bad, good = items_of(line, encode(EVENT))
    assert isinstance(bad, Unreadable)
    assert bad.place == "f:1"
    assert any(word in bad.reason for word in reason.split("|"))
    assert "canary" not in bad.reason
    assert good == Known(1, EVENT, "f:2")


def exchanges(*lines):
    return [
        Recorded(index, exchange_of(line.encode()), None, f"f:{index + 1}")
        for index, line in enumerate(lines)
    ]


def test_an_exchange_becomes_the_event_that_the_live_call_would_be():
    ((one, event),) = events_of(exchanges(plain()), Config(service_name="app", hash_key="k" * 16))
    call = event.llm_call
    assert (one.index, event.time, event.service.name) == (0, "2025-11-21T09:20:00.000000Z", "app")
    assert (call.call_site, call.cost.status, call.tokens.cache_read) == (None, "exact", 1920)


def test_the_same_answer_twice_is_billed_once():
    pairs = list(events_of(exchanges(plain(), plain()), Config(hash_key="k" * 16)))
    assert [event.llm_call.cost.status for _, event in pairs] == ["exact", "not_billed"]


def test_a_fault_of_ours_costs_one_record():
    broken, *_ = exchanges(plain())
    broken.exchange.started_ns = 10**22  # no reader gives a time beyond the year 9999
    guard.strict(False)
    first, second = known([broken, *exchanges(plain())], Config(hash_key="k" * 16))
    assert (first.place, "fault" in first.reason, type(second)) == ("f:1", True, Known)
