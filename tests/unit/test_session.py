"""A session adds up its calls: known money exactly, unknown money by its reason, in bounded memory."""

import gc
import json
import os
import threading
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.call import CallSite, Content, Cost, ErrorInfo, Request, Tokens
from llm_observer.event import Event, Metric, Sdk, new_event_id
from llm_observer.money import exact_sum
from llm_observer.report.text import render
from llm_observer.sinks import breakdowns
from llm_observer.sinks.breakdowns import NONE, OTHER, Gap, ModelKey
from llm_observer.sinks.session import Session, SessionSink
from llm_observer.sinks.totals import CostParts, TokenSums
from sessions import cost, event_of, session_of, tokens, took, unpriced

SPLIT = cost("0.0123", input="0.01", cache_read="0.0003", output="0.002")


def test_totals_are_the_sums_of_all_calls():
    session = session_of(
        event_of(tokens=tokens(1000, 50, cache_read=600, input_uncached=400), cost=SPLIT, retries=2),
        event_of(tokens=tokens(10, 5, reasoning=3), cost=cost("0.1", input="0.02", output="0.08")),
    )
    totals = session.totals
    assert (totals.calls, totals.retries, totals.errors) == (2, 2, 0)
    assert totals.tokens == TokenSums(
        input_total=1010, input_uncached=400, output=55, cache_read=600, reasoning=3
    )
    assert totals.cost_usd == Decimal("0.1123")
    # 0.01 + 0.0003 + 0.002 = 0.0123, and 0.02 + 0.08 = 0.1
    assert totals.cost_parts == CostParts(
        input=Decimal("0.03"), cache_read=Decimal("0.0003"), output=Decimal("0.082")
    )
    assert totals.cost_status == {"exact": 2}
    assert totals.unpriced == {}


def test_the_cost_that_the_provider_states_wins_over_ours():
    both = Cost(status="exact", total_usd="0.5", input_usd="0.5", provider_usd="0.25")
    totals = session_of(event_of(cost=both)).totals
    assert totals.cost_usd == Decimal("0.25")
    assert totals.cost_parts == CostParts(unsplit=Decimal("0.25"))


def test_the_difference_of_stated_costs_from_ours_is_summed_and_shown():
    dearer = Cost(status="exact", total_usd="0.5", provider_usd="0.75", difference_usd="0.25")
    cheaper = Cost(status="exact", total_usd="0.5", provider_usd="0.4", difference_usd="-0.1")
    session = session_of(event_of(cost=dearer), event_of(cost=cheaper), event_of(cost=cost("1")))
    assert session.totals.provider_priced == 2
    assert session.totals.provider_difference_usd == Decimal("0.15")
    line = "the provider stated the cost of 2 calls, $0.1500 more than by price list"
    assert line in render(session, width=200, color=False)
    assert "stated" not in render(session_of(event_of(cost=cost("1"))), width=200, color=False)


def test_a_stated_cost_prices_a_call_that_we_could_not():
    totals = session_of(event_of(cost=Cost(status="unknown_model", provider_usd="0.25"))).totals
    assert (totals.cost_usd, totals.unpriced) == (Decimal("0.25"), {})


def test_an_unknown_cost_is_counted_by_its_status_and_is_not_zero():
    events = [
        event_of(cost=cost("1")),
        event_of(cost=unpriced("unknown_model"), model="foo"),
        event_of(cost=unpriced("unknown_model"), model="foo"),
        event_of(cost=unpriced("tier_unpriced")),
        event_of(cost=None),
    ]
    session = session_of(*events)
    assert session.totals.unpriced == {"unknown_model": 2, "tier_unpriced": 1, "not_priced": 1}
    assert (session.totals.unpriced_calls, session.totals.cost_usd) == (4, 1)
    assert session.snapshot().gaps == {
        Gap("unknown_model", "foo"): 2,
        Gap("tier_unpriced", "gpt-4o"): 1,
        Gap("not_priced", "gpt-4o"): 1,
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"is_stream": True}, "usage_not_requested"),
        ({"is_stream": True, "request": Request(includes_usage=True)}, "usage_absent"),
        ({"is_stream": True, "operation": "responses"}, "usage_absent"),
        ({"is_stream": True, "wire": "anthropic"}, "usage_absent"),
        ({"is_stream": True, "ending": "closed_early"}, "stream_cut_short"),
        ({"is_stream": False}, "usage_absent"),
    ],
)
def test_an_absent_usage_has_a_reason(fields, reason):
    session = session_of(event_of(cost=unpriced("usage_absent"), **fields))
    assert session.snapshot().gaps == {Gap(reason, "gpt-4o"): 1}
    assert session.totals.usage_absent == 1


def test_usage_that_was_counted_already_adds_a_call_and_nothing_else():
    free = Cost(status="not_billed", total_usd="0")
    session = session_of(
        event_of(tokens=tokens(100, 10), cost=cost("0.5")),
        event_of(tokens=tokens(100, 10), cost=free, is_usage_repeated=True),
    )
    totals = session.totals
    assert (totals.calls, totals.tokens.input_total, totals.tokens.output) == (2, 100, 10)
    assert (totals.cost_usd, totals.unpriced) == (Decimal("0.5"), {})
    assert totals.cost_status == {"exact": 1, "not_billed": 1}


def test_tokens_that_no_call_told_are_unknown():
    assert session_of(event_of(tokens=Tokens(output=0))).totals.tokens == TokenSums(output=0)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"error": ErrorInfo(type="rate_limit_error", code="x"), "status": 429}, "rate_limit_error"),
        ({"error": ErrorInfo(code="E7")}, "E7"),
        ({"error": ErrorInfo(exception="APITimeoutError"), "status": None}, "APITimeoutError"),
        ({"status": 503}, "HTTP 503"),
        ({"ending": "error", "status": None}, NONE),
    ],
)
def test_a_failed_call_is_an_error_by_its_type_and_costs_nothing_known(fields, name):
    session = session_of(event_of(cost=Cost(status="not_billed", total_usd="0"), **fields))
    assert session.snapshot().errors == {name: 1}
    assert (session.totals.errors, session.totals.cost_usd, session.totals.unpriced) == (1, 0, {})


def test_percentiles_are_of_the_calls_that_told_a_time():
    timed = [
        event_of(timing=took(float(time_ms), output_tokens_per_second=40.0)) for time_ms in range(1, 101)
    ]
    totals = session_of(event_of(), *timed).totals
    assert totals.duration_ms.count == 100
    assert totals.duration_ms.p50 == pytest.approx(50, rel=0.01)
    assert totals.duration_ms.p90 == pytest.approx(90, rel=0.01)
    assert totals.duration_ms.p99 == pytest.approx(99, rel=0.01)
    assert totals.output_tokens_per_second.p50 == 40
    assert totals.time_to_first_chunk_ms.p50 is None


def test_breakdowns_are_ordered_by_cost():
    session = session_of(
        event_of(model="cheap", cost=cost("0.1")),
        event_of(model="unknown", cost=unpriced("unknown_model")),
        event_of(model="dear", cost=cost("3")),
        event_of(model="middle", cost=cost("0.2"), provider="azure.ai.openai"),
    )
    assert list(session.by_model) == ["dear", "middle", "cheap", "unknown"]
    assert list(session.by_provider) == ["openai", "azure.ai.openai"]
    assert session.by_provider["openai"].cost_usd == Decimal("3.1")
    assert next(iter(session.snapshot().by_model)) == ModelKey("openai", "dear")


def test_a_call_counts_for_the_model_that_answered_else_for_the_one_asked_for():
    session = session_of(
        event_of(model="gpt-4o-2024-08-06", model_requested="gpt-4o"),
        event_of(model=None, model_requested="gpt-4o"),
        event_of(model=None),
    )
    assert set(session.by_model) == {"gpt-4o-2024-08-06", "gpt-4o", NONE}


def test_calls_are_broken_down_by_the_app_s_line():
    site = CallSite(file="app/agent.py", line=12, function="answer")
    session = session_of(event_of(call_site=site), event_of(call_site=site), event_of())
    assert {key: totals.calls for key, totals in session.by_site.items()} == {
        "app/agent.py:12 answer": 2,
        NONE: 1,
    }


def test_a_breakdown_by_attribute_has_all_calls_those_before_it_too():
    session = session_of(
        event_of(cost=cost("1")),
        event_of({"user": "ada"}, cost=cost("2")),
        event_of({"user": 7, "is_test": True}, cost=cost("4")),
    )
    by_user = {key: totals.cost_usd for key, totals in session.by_attribute("user").items()}
    assert by_user == {"7": 4, "ada": 2, NONE: 1}
    assert {key: totals.calls for key, totals in session.by_attribute("is_test").items()} == {
        "true": 1,
        NONE: 2,
    }
    assert session.by_attribute("never") == {}


def test_keys_beyond_the_bound_are_summed_as_other():
    events = [event_of(model=f"m{number}", cost=cost("0.01")) for number in range(1200)]
    by_model = session_of(*events).by_model
    assert len(by_model) == 1001
    assert by_model[OTHER].calls == 200
    assert by_model[OTHER].cost_usd == 2
    assert list(by_model)[-1] == OTHER


def test_names_of_attributes_are_bounded():
    session = session_of(*[event_of({f"name{number}": 1}) for number in range(100)])
    assert len(session.snapshot().by_attribute) == breakdowns.MAX_ATTRIBUTE_NAMES


def test_a_key_is_cut():
    (key,) = session_of(event_of(model="m" * 5000)).by_model
    assert len(key) == breakdowns.MAX_KEY_LENGTH


def test_the_newest_events_are_kept_oldest_first():
    events = [event_of() for _ in range(1200)]
    session = session_of(*events)
    assert session.latest == tuple(events[200:])
    assert session.calls == 1200


def test_max_calls_says_how_many_events_are_kept():
    events = [event_of() for _ in range(5)]
    assert session_of(*events, max_calls=2).latest == tuple(events[3:])


def test_events_that_are_no_calls_do_not_count():
    metric = Event(
        schema_version="1.0",
        event_id=new_event_id(),
        type="metric",
        time="2026-11-21T12:00:00Z",
        trace_id="1" * 32,
        span_id="2" * 16,
        sdk=Sdk(name="llm_observer", version="0"),
        metric=Metric(name="m", value=1.0),
    )
    session = session_of(metric)
    assert (session.calls, session.latest) == (0, ())


def test_every_read_settles_first():
    waiting = [event_of(cost=cost("1")) for _ in range(9)]
    session = Session(settle=lambda: session.add(waiting.pop()))
    reads = [
        lambda: session.calls,
        lambda: len(session.latest),
        lambda: session.totals.calls,
        lambda: session.by_model["gpt-4o"].calls,
        lambda: session.by_provider["openai"].calls,
        lambda: session.by_site[NONE].calls,
        lambda: session.to_dict()["totals"]["calls"],
        lambda: session.summary().count("calls=8"),
    ]
    assert [read() for read in reads] == [1, 2, 3, 4, 5, 6, 7, 1]
    session.reset()
    assert waiting == []
    assert session._state.all.calls == 0


def test_summary_is_what_render_makes_of_the_session():
    session = Session(render=lambda rendered: f"{rendered.calls} of {rendered is session}")
    assert session.summary() == "0 of True"


def test_repr_is_one_line_with_the_cost_and_what_is_unknown():
    session = session_of(event_of(cost=cost("0.0421")), event_of(cost=unpriced("unknown_model")))
    assert repr(session) == "<Session calls=2 cost=$0.0421 unpriced=1 errors=0>"


def test_to_dict_is_json_with_money_as_plain_decimal_strings():
    session = session_of(
        event_of({"user": "ada"}, cost=cost("0.0000000100"), timing=took(5.0)),
        event_of(cost=unpriced("unknown_model"), status=500),
    )
    told = json.loads(json.dumps(session.to_dict()))
    assert told["totals"]["cost_usd"] == "0.00000001"
    assert told["by_model"]["openai/gpt-4o"]["unpriced"] == {"unknown_model": 1}
    assert told["by_attribute"]["user"]["ada"]["duration_ms"] == {
        "count": 1,
        "p50": 5.0,
        "p90": 5.0,
        "p99": 5.0,
    }
    assert told["gaps"] == [{"reason": "unknown_model", "model": "gpt-4o", "calls": 1}]
    assert told["errors"] == {"HTTP 500": 1}


def test_no_text_of_a_call_is_in_what_a_session_tells():
    session = session_of(event_of(content=Content(input="CANARY", output="CANARY")))
    assert "CANARY" not in json.dumps(session.to_dict()) + session.summary() + repr(session)


def test_the_sink_puts_a_batch_into_its_session():
    session = Session()
    sink = SessionSink(session)
    sink.write([event_of(), event_of()])
    sink.close()
    sink.write([event_of()])
    assert (sink.name, session.calls) == ("session", 3)


AMOUNT = st.decimals(min_value=0, max_value=1000, places=9).map(lambda amount: format(amount, "f"))
COSTS = st.one_of(
    st.none(),
    AMOUNT.map(cost),
    st.builds(lambda ours, theirs: Cost(status="exact", total_usd=ours, provider_usd=theirs), AMOUNT, AMOUNT),
    st.sampled_from(["unknown_model", "usage_absent", "tier_unpriced"]).map(unpriced),
)
EVENTS = st.builds(
    event_of,
    st.dictionaries(st.sampled_from(["user", "feature"]), st.sampled_from(["a", "b", 1, True])),
    model=st.sampled_from(["m1", "m2", None]),
    provider=st.sampled_from(["openai", "anthropic"]),
    cost=COSTS,
    tokens=st.none() | st.builds(tokens, st.integers(0, 10**6), st.integers(0, 10**6)),
    timing=st.none() | st.builds(took, st.floats(0.1, 1e6)),
    call_site=st.none() | st.builds(CallSite, file=st.just("a.py"), line=st.integers(1, 3)),
    is_usage_repeated=st.booleans(),
    status=st.sampled_from([200, 500]),
)


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=30))
def test_every_breakdown_sums_to_the_totals(events):
    taken = session_of(*events).snapshot()
    tables = [taken.by_model, taken.by_provider, taken.by_site, *taken.by_attribute.values()]
    for table in tables:
        parts = table.values()
        assert sum(part.calls for part in parts) == taken.totals.calls
        assert sum(part.errors for part in parts) == taken.totals.errors
        assert sum(part.unpriced_calls for part in parts) == taken.totals.unpriced_calls
        assert exact_sum(part.cost_usd for part in parts) == taken.totals.cost_usd
        assert sum(part.duration_ms.count for part in parts) == taken.totals.duration_ms.count
        assert _sum_of(part.tokens.input_total for part in parts) == taken.totals.tokens.input_total
    split = taken.totals.cost_parts
    assert exact_sum(getattr(split, name) for name in split.__struct_fields__) == taken.totals.cost_usd
    assert sum(taken.gaps.values()) == taken.totals.unpriced_calls
    assert sum(taken.errors.values()) == taken.totals.errors


def _sum_of(counts):
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def test_threads_that_add_and_read_at_once_lose_nothing():
    session = Session()
    event = event_of({"user": "ada"}, cost=cost("0.001"), timing=took(3.0))
    threads = [threading.Thread(target=lambda: [session.add(event) for _ in range(300)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken = session.snapshot()
        assert sum(totals.calls for totals in taken.by_model.values()) == taken.totals.calls
        assert exact_sum(totals.cost_usd for totals in taken.by_site.values()) == taken.totals.cost_usd
    assert (session.calls, session.totals.cost_usd) == (1200, Decimal("1.2"))


def test_memory_is_flat_however_many_calls():
    varied = [
        event_of(
            {"user": f"u{number % 2000}"},
            model=f"m{number % 3000}",
            cost=cost("0.0001"),
            timing=took(1.0 + number % 97),
            call_site=CallSite(file="a.py", line=number % 1500),
        )
        for number in range(2500)
    ]
    session = session_of(*varied, max_rows=1000)
    tracemalloc.start()
    try:
        for _ in range(2):
            for event in varied:
                session.add(event)
        gc.collect()
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(4):
            for event in varied:
                session.add(event)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - first < 500_000
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_reads_although_a_thread_held_the_lock():
    session = session_of(event_of())
    is_held, may_go = threading.Event(), threading.Event()

    def hold():
        with session._lock:
            is_held.set()
            may_go.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait(30)
    child = os.fork()
    if not child:
        taken = session._lock.acquire(timeout=5)
        os._exit(0 if taken else 1)
    may_go.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
