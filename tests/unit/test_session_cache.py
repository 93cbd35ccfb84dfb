"""A session adds up what the prompt cache did: exact sums, and the dearest fixes in bounded memory."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caching import APP, cached, finding
from llm_observer.call import CallSite
from llm_observer.call_cache import CacheUse, Cause, Finding
from llm_observer.money import exact_sum
from llm_observer.report.cache_model import report_of
from llm_observer.sinks import cache_sums
from llm_observer.sinks.cache_sums import CONFIRMED, CauseTotals
from sessions import cost, event_of, session_of, tokens

OTHER_SITE = CallSite(file="other.py", line=7)

counts = st.none() | st.integers(0, 10**6)
amounts = st.none() | st.decimals(0, 10, places=12).map(str)
kinds = st.sampled_from(["timestamp", "uuid", "tool_order", "routing"])
causes = st.lists(st.builds(Cause, kind=kinds, tokens=st.integers(0, 10**6), usd=amounts), max_size=3)
findings = st.lists(
    st.builds(
        Finding,
        kind=kinds,
        path=st.sampled_from(["system[0]", "messages[1].content", "messages[22].content", "tools[0]", None]),
        confidence=st.floats(0, 1),
        tokens=counts,
        usd=amounts,
    ),
    max_size=4,
)
uses = st.builds(
    CacheUse,
    verdict=st.sampled_from(["first", "hit", "breaker", "ttl", "unknown"]),
    ideal_tokens=counts,
    reusable_tokens=counts,
    actual_tokens=counts,
    missed_tokens=counts,
    missed_usd=amounts,
    causes=causes.map(tuple),
    findings=findings.map(tuple),
)
calls = st.builds(
    lambda use, site: event_of(tokens=tokens(2000, 10), cost=cost("0.01"), call_site=site, cache=use),
    st.none() | uses,
    st.sampled_from([APP, OTHER_SITE, None]),
)


def known(values):
    return [value for value in values if value is not None]


@given(st.lists(calls, max_size=30))
def test_the_sums_of_a_session_are_those_of_its_calls(events):
    cache = session_of(*events).cache
    parts = [event.llm_call.cache for event in events if event.llm_call.cache is not None]
    assert cache.calls == len(parts) == sum(cache.verdicts.values())
    for name in ("ideal_tokens", "reusable_tokens", "actual_tokens", "missed_tokens"):
        assert getattr(cache, name) == sum(known(getattr(part, name) for part in parts))
    assert cache.missed_usd == exact_sum(known(part.missed_usd for part in parts))
    assert cache.missed_unpriced == sum(
        bool(part.missed_tokens) and part.missed_usd is None for part in parts
    )
    every = [cause for part in parts for cause in part.causes]
    assert sum(each.tokens for each in cache.causes.values()) == sum(cause.tokens for cause in every)
    assert exact_sum(each.usd for each in cache.causes.values()) == exact_sum(
        known(cause.usd for cause in every)
    )
    found = [one for part in parts for one in part.findings]
    sure = sum(one.confidence >= CONFIRMED for one in found)
    assert sum(fix.count for fix in cache.findings if fix.confidence >= CONFIRMED) == sure
    assert sum(fix.tokens for fix in cache.findings) == sum(known(one.tokens for one in found))
    assert exact_sum(fix.usd for fix in cache.findings) == exact_sum(known(one.usd for one in found))


@given(st.lists(calls, max_size=30))
def test_a_session_and_a_report_of_its_file_rank_the_same_fixes(events):
    ours = [(fix.kind, fix.path, fix.count, fix.usd) for fix in session_of(*events).cache.findings]
    theirs = [(fix.kind, fix.path, fix.count, fix.usd) for fix in report_of(events).fixes]
    assert ours == theirs


def test_a_session_without_verdicts_has_no_calls_to_sum():
    cache = session_of(event_of(cost=cost("1"))).cache
    assert (cache.calls, cache.missed_usd, cache.verdicts, cache.findings) == (0, 0, {}, ())


def test_findings_of_one_kind_place_and_line_are_one_fix():
    near, far = "messages[3].content", "messages[40].content"
    session = session_of(
        cached(findings=[finding("uuid", near, confidence=0.7, usd="0.001", count=10)]),
        cached(findings=[finding("uuid", far, confidence=0.95, usd="0.002", count=20, offset=5, shape="9a")]),
        cached(findings=[finding("uuid", near, confidence=0.3, usd=None, count=None)]),
    )
    (fix,) = session.cache.findings
    assert (fix.kind, fix.path, fix.site) == ("uuid", "messages[*].content", "app.py:42 ask")
    assert (fix.count, fix.tokens, fix.usd, fix.confidence) == (2, 30, Decimal("0.003"), 0.95)
    assert (fix.example.path, fix.example.offset, fix.example.shape) == (far, 5, "9a")
    assert fix.advice == "Remove the UUID, or move it behind the last stable block."


def test_the_order_of_tools_is_one_fix_whichever_tool_comes_first():
    orders = [finding("tool_order", f"tools[{place}]", offset=None) for place in range(3)]
    (fix,) = session_of(*[cached(findings=[one]) for one in orders]).cache.findings
    assert (fix.path, fix.count, fix.example.path) == ("tools", 3, "tools[0]")


def test_fixes_of_two_call_sites_stay_apart_and_are_named_as_in_the_breakdown():
    session = session_of(cached(findings=[finding()]), cached(findings=[finding()], site=None))
    assert {fix.site for fix in session.cache.findings} == set(session.by_site)


def test_causes_are_summed_by_kind():
    lost = CacheUse(
        verdict="breaker",
        causes=(Cause(kind="uuid", tokens=5, usd="0.1"), Cause(kind="routing", tokens=7)),
    )
    assert session_of(event_of(cache=lost), event_of(cache=lost)).cache.causes == {
        "uuid": CauseTotals(calls=2, tokens=10, usd=Decimal("0.2"), unpriced=0),
        "routing": CauseTotals(calls=2, tokens=14, usd=Decimal(0), unpriced=2),
    }


@pytest.mark.parametrize("is_read_often", [False, True], ids=["read once", "read after every call"])
def test_the_dearest_fixes_stay_when_there_are_too_many(monkeypatch, is_read_often):
    monkeypatch.setattr(cache_sums, "MAX_FIXES", 10)
    session = session_of()
    for line in range(100):
        at = CallSite(file="app.py", line=line)
        session.add(cached(findings=[finding(usd=f"0.{(line * 37) % 100:02}")], site=at))
        if is_read_often:
            assert len(session.cache.findings) <= 10
    assert [fix.usd for fix in session.cache.findings] == [Decimal(99 - rank) / 100 for rank in range(10)]


def test_a_session_counts_calls_that_it_no_longer_keeps():
    session = session_of(*[cached(1000, 400, 400, findings=[finding()]) for _ in range(5)], max_calls=2)
    assert (len(session.latest), session.cache.calls, session.cache.findings[0].count) == (2, 5, 5)


def test_a_reset_forgets_the_cache_too():
    session = session_of(cached(findings=[finding()]))
    session.reset()
    assert (session.cache.calls, session.cache.findings) == (0, ())


def test_the_sums_are_json_values_with_money_as_text():
    session = session_of(cached(1000, 400, 400, findings=[finding()]))
    plain = json.loads(json.dumps(session.to_dict()))["cache"]
    assert plain["missed_usd"] == "0.0006"
    assert plain["verdicts"] == {"breaker": 1}
    (fix,) = plain["findings"]
    assert (fix["usd"], fix["example"]["offset"]) == ("0.002", 37)
