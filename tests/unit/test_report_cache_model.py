"""The numbers of a report: exact sums in flat memory, ranked fixes, and what is unknown named."""

import random
import tracemalloc
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_events import TTL_S, agent_app
from llm_observer.call import CallSite, SegmentPrint
from llm_observer.call_cache import CacheUse, Cause, Finding
from llm_observer.event import new_event_id
from llm_observer.report.bounded import Bounded
from llm_observer.report.cache_model import Reader, report_of, to_plain
from llm_observer.report.fixes import MAX_FIXES, general_path
from llm_observer.report.seen import Seen
from llm_observer.report.spend import MAX_BARS
from llm_observer.report.timeline import MAX_CONVERSATIONS, MAX_POINTS
from sessions import cost, event_of, tokens, unpriced

SITE = CallSite(file="app.py", line=42, function="ask")


@pytest.fixture(scope="module")
def events():
    return agent_app()


@pytest.fixture(scope="module")
def report(events):
    return report_of(events)


def cached(**fields):
    """A call with a cache part; *fields* are those of it."""
    used = {"verdict": "hit", "ideal_tokens": 100, "reusable_tokens": 100, "actual_tokens": 100}
    return event_of(
        tokens=tokens(200, 10, cache_read=100),
        cost=cost("0.01"),
        call_site=SITE,
        cache=CacheUse(**{**used, **fields}),
    )


def found(kind="timestamp", path="system[0]", usd="0.5", size=100, **fields):
    finding = Finding(kind=kind, path=path, confidence=0.9, tokens=size, usd=usd)
    return cached(findings=(msgspec.structs.replace(finding, **fields),), missed_tokens=size, missed_usd=usd)


def at(event, moment):
    return msgspec.structs.replace(event, time=moment)


def money(amounts):
    return sum(map(Decimal, amounts), Decimal(0))


def caches(events):
    return [event.llm_call.cache for event in events if event.llm_call.cache is not None]


def test_totals_are_the_sums_of_the_calls(events, report):
    calls = [event.llm_call for event in events]
    assert report.totals.calls == len(calls)
    assert report.totals.cost_usd == money(call.cost.total_usd for call in calls if call.cost.total_usd)
    assert report.totals.missed_usd == money(use.missed_usd for use in caches(events))
    assert report.totals.missed_tokens == sum(use.missed_tokens for use in caches(events))
    assert report.totals.input_tokens == sum(call.tokens.input_total for call in calls if call.tokens)


def test_causes_add_up_to_the_missed_tokens_and_their_money(report):
    assert sum(cause.tokens for cause in report.causes) == report.totals.missed_tokens
    assert sum(cause.usd for cause in report.causes) == report.totals.missed_usd


def test_every_breakdown_adds_up_to_the_totals(report):
    for groups in (report.models, report.sites):
        assert sum(group.figures.cost_usd for group in groups) == report.totals.cost_usd
        assert sum(group.figures.missed_usd for group in groups) == report.totals.missed_usd
        assert sum(group.figures.calls for group in groups) == report.totals.calls
    assert sum(bar.cost_usd for bar in report.spend.bars) == report.totals.cost_usd
    assert sum(bar.missed_usd for bar in report.spend.bars) == report.totals.missed_usd
    assert sum(report.verdicts.values()) == report.totals.calls - report.totals.without_verdict


def test_the_funnel_has_only_calls_whose_counts_are_all_known(events):
    report = report_of([*events, cached(ideal_tokens=None), event_of(cost=cost("1"))])
    uses = caches(events)
    assert report.funnel.ideal_tokens == sum(use.ideal_tokens for use in uses)
    assert report.funnel.actual_tokens == sum(use.actual_tokens for use in uses)
    assert report.funnel.calls == len(uses)
    assert report.funnel.no_verdict == len(events) - len(uses) + 2


def test_the_order_of_events_changes_no_sum(events, report):
    mixed = random.Random(3).sample(events, len(events))
    again = report_of(mixed)
    assert (again.totals, again.funnel, again.spend) == (report.totals, report.funnel, report.spend)
    assert {fix.kind: fix.usd for fix in again.fixes} == {fix.kind: fix.usd for fix in report.fixes}


def test_an_event_that_comes_twice_is_counted_once(events):
    reader = Reader()
    for name in ("a.jsonl", "b.jsonl"):
        for event in events:
            reader.add(event, name)
    report = reader.report()
    assert report.totals == report_of(events).totals
    assert [(file.calls, file.repeated) for file in report.files] == [(len(events), 0), (0, len(events))]


def test_files_without_cache_parts_are_counted():
    reader = Reader()
    reader.add(event_of(cost=cost("1")), "old.jsonl")
    reader.add(cached(), "new.jsonl")
    reader.add_unreadable("new.jsonl")
    reader.file("empty.jsonl")
    seen = [(file.name, file.calls, file.without_cache, file.unreadable) for file in reader.report().files]
    assert seen == [("old.jsonl", 1, 1, 0), ("new.jsonl", 1, 0, 1), ("empty.jsonl", 0, 0, 0)]


def test_unknown_cost_is_named_and_no_zero():
    report = report_of([event_of(cost=unpriced("unknown_model")), event_of(cost=None)])
    assert report.unpriced == {"unknown_model": 1, "not_priced": 1}
    assert report.totals.unpriced == 2
    assert report.totals.cached_tokens is None


def test_missed_tokens_without_a_price_are_counted():
    report = report_of([cached(missed_tokens=5, causes=(Cause(kind="uuid", tokens=5),)), found()])
    assert (report.totals.missed_unpriced, report.totals.missed_usd) == (1, Decimal("0.5"))
    assert {cause.kind: cause.unpriced for cause in report.causes} == {"uuid": 1}


@pytest.mark.parametrize(
    ("path", "general"),
    [
        ("messages[3].content[1]", "messages[*].content[1]"),
        ("input[12]", "input[*]"),
        ("tools[2].function.description", "tools[2].function.description"),
        ("system[0]", "system[0]"),
        ("model", "model"),
        (None, None),
    ],
)
def test_only_the_number_of_a_message_is_left_out(path, general):
    assert general_path(path) == general


def test_findings_of_one_kind_place_and_site_are_one_fix():
    report = report_of(
        [
            found("uuid", "messages[3].content", "0.1", 10, offset=4, confidence=0.5),
            found("uuid", "messages[5].content", "0.2", 20, offset=9, line=2, length=36, shape="9a"),
        ]
    )
    (fix,) = report.fixes
    assert (fix.count, fix.tokens, fix.usd, fix.confidence) == (2, 30, Decimal("0.3"), 0.9)
    assert fix.path == "messages[*].content"
    assert fix.example.path == "messages[5].content"
    assert (fix.example.offset, fix.example.line, fix.example.length, fix.example.shape) == (9, 2, 36, "9a")


@pytest.mark.parametrize("turn", [1, -1], ids=["suspected first", "suspected last"])
def test_a_fix_counts_suspicions_only_where_nothing_confirms_them(turn):
    suspected = [found(usd=None, size=None, confidence=confidence) for confidence in (0.3, 0.4)]
    (fix,) = report_of([*suspected, found(), found(), found()][::turn]).fixes
    assert (fix.count, fix.tokens, fix.usd) == (3, 300, Decimal("1.5"))
    (fix,) = report_of(suspected[::turn]).fixes
    assert (fix.count, fix.confidence) == (2, 0.4)


def test_fixes_are_ranked_by_money():
    report = report_of([found("uuid", usd="0.1"), found("nonce", usd="2"), found("counter", usd="0.30")])
    assert [fix.kind for fix in report.fixes] == ["nonce", "counter", "uuid"]


def test_too_many_fixes_are_folded_and_none_of_their_money_is_lost():
    report = report_of(found(path=f"system[{number}]", usd=f"{number}") for number in range(3 * MAX_FIXES))
    assert len(report.fixes) == MAX_FIXES
    assert report.folded_fixes == 2 * MAX_FIXES
    assert report.folded_fixes_usd + sum(fix.usd for fix in report.fixes) == report.totals.missed_usd
    assert report.fixes[0].path == f"system[{3 * MAX_FIXES - 1}]"


def segments(*sizes, first=0):
    places = enumerate(sizes, first)
    return tuple(
        SegmentPrint(path=f"system[{place}]", kind="system", bytes=1, hash="0" * 16, tokens=size)
        for place, size in places
    )


def prompts(*rows):
    """Calls of one site, each (segments, count, kept) and on top of the one before."""
    events, last = [], None
    for new, count, kept in rows:
        missed = 0 if last is None else 7
        use = CacheUse(verdict="hit", extends=last, kept_segments=kept, missed_tokens=missed, missed_usd="1")
        event = event_of(call_site=SITE, segments=new, segment_count=count, cache=use)
        events.append(event)
        last = event.event_id
    return events


def test_a_prefix_map_shows_where_calls_part():
    first = (segments(10, 20, 30), 3, None)
    parts = (segments(20, 30, first=1), 3, 1)
    grows = (segments(40, first=3), 4, 3)
    (found_map,) = report_of(prompts(first, parts, grows, parts)).prefixes
    assert (found_map.compared, found_map.grew) == (3, 1)
    shown = [(one.path, one.tokens, one.parted, round(one.reach, 2)) for one in found_map.stretches]
    assert shown == [
        ("system[0]", 10, 0, 1.0),
        ("system[1]", 20, 2, 0.33),
        ("system[2]", 30, 0, 0.33),
        ("system[3]", 40, 0, 0.33),
    ]
    assert [one.missed_tokens for one in found_map.stretches] == [0, 14, 0, 0]


def test_calls_that_part_or_grow_are_all_that_were_compared(report):
    for one in report.prefixes:
        assert one.grew + sum(stretch.parted for stretch in one.stretches) == one.compared


def test_pauses_longer_than_the_lifetime_are_marked(report):
    pauses = [pause for talk in report.conversations for pause in talk.pauses]
    assert pauses
    assert all(pause.end_s - pause.start_s > TTL_S for pause in pauses)
    assert any(pause.is_expired for pause in pauses)
    assert all(talk.is_ttl_known and talk.ttl_s == TTL_S for talk in report.conversations)


def test_a_conversation_s_calls_are_in_order_of_time(events):
    talks = report_of(reversed(events)).conversations
    assert talks
    for talk in talks:
        assert list(talk.calls) == sorted(talk.calls, key=lambda call: call.at_s)


@pytest.mark.parametrize(
    ("last", "width_s"),
    [("2026-11-21T12:40:00Z", 60), ("2026-11-22T12:00:00Z", 3600), ("2026-12-21T12:00:00Z", 86_400)],
)
def test_bars_are_as_wide_as_the_span_needs(last, width_s):
    spend = report_of([cached(), at(cached(), last)]).spend
    assert spend.width_s == width_s
    assert len(spend.bars) <= MAX_BARS


def test_bars_stay_few_over_a_century():
    moments = [f"{year}-01-01T00:00:00Z" for year in range(1970, 2070)]
    spend = report_of(at(cached(), moment) for moment in moments).spend
    assert len(spend.bars) <= MAX_BARS
    assert sum(bar.calls for bar in spend.bars) == 100


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=200))
def test_what_is_folded_away_stays_in_the_sum(pairs):
    sums = Bounded(Weight, 4)
    for key, amount in pairs:
        sums.of(key).amount += amount
    kept = [one.amount for _, one in sums.ranked()]
    assert len(kept) <= 4
    assert kept == sorted(kept, reverse=True)
    assert sum(kept) + sums.rest.amount == sum(amount for _, amount in pairs)


@dataclass
class Weight:
    amount: int = 0

    @property
    def weight(self):
        return (self.amount,)

    def merge(self, other):
        self.amount += other.amount


def test_an_id_is_known_again_after_a_hundred_thousand_others():
    seen = Seen()
    ids = [new_event_id(1_795_000_000_000_000_000 + number * 10**6) for number in range(140_000)]
    assert all(map(seen.add, ids))
    assert not any(map(seen.add, ids[::997]))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_events(events):
    def replayed(rounds):
        for number in range(rounds):
            for event in events[:120]:
                use = event.llm_call.cache
                if use is not None:
                    use = msgspec.structs.replace(use, conversation=f"{number:016x}")
                call = msgspec.structs.replace(event.llm_call, cache=use)
                yield msgspec.structs.replace(event, event_id=new_event_id(), llm_call=call)

    reader, sizes = Reader(), []
    tracemalloc.start()
    for number, event in enumerate(replayed(150)):
        reader.add(event)
        if number % 120 == 0:
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    report = reader.report()
    assert max(sizes[100:]) < max(sizes[50:100]) * 1.25
    assert len(report.conversations) <= MAX_CONVERSATIONS
    assert all(len(talk.calls) <= MAX_POINTS for talk in report.conversations)


def test_plain_values_have_money_as_decimal_strings():
    plain = to_plain(report_of([found(usd="0.00000001")]))
    assert plain["totals"]["missed_usd"] == "0.00000001"
    assert plain["fixes"][0]["usd"] == "0.00000001"


def test_nothing_at_all_is_a_report_too():
    report = report_of([])
    assert (report.totals.calls, report.start_s, report.spend.bars) == (0, None, ())
