"""Do both sides of a comparison add up, whatever is in them, and agree where they are the same?"""

import json
import random
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.money import exact_sum
from llm_observer.reconcile.form import KINDS
from reconciling import EXPORTS, Call, compared, event, grouped, openai_costs, openai_usage

DAY_S = 86_400
EXPORTED = Path(__file__).parents[1] / "data/exports"
ANY_USD = st.none() | st.decimals(0, 100, places=9).map(lambda amount: format(amount, "f"))
CALLS = st.builds(
    Call,
    model=st.sampled_from(["gpt-4o-2024-08-06", "gpt-4o-mini", "o3-2025-04-16"]),
    at_s=st.integers(0, 4 * DAY_S - 1),
    uncached=st.integers(0, 10**9),
    read=st.integers(0, 10**9),
    written=st.integers(0, 10**6),
    output=st.integers(0, 10**9),
    usd=ANY_USD,
)
SOME = st.lists(CALLS, min_size=1, max_size=12)
FEW = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")

    def write(*texts):
        paths = [folder / f"{number}" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, "utf-8")
        return paths

    return write


def plain(sections):
    """All that a comparison says, without the objects that say it."""
    return [
        (section.name, section.totals, [(line.day, line.model, line.cells) for line in section.lines])
        for section in sections
    ]


@pytest.mark.parametrize("name", EXPORTS)
@given(calls=SOME)
@FEW
def test_an_export_of_these_very_calls_agrees_exactly(name, calls, written):
    provider, export = EXPORTS[name]
    priced = [call if call.usd is not None else call._replace(usd="0") for call in calls]
    events = [event(call, provider=provider) for call in priced]
    sections = compared(written(export(priced)), events, tolerance=Decimal(0))
    assert sections
    assert [cell for section in sections for line in section.lines for cell in line.gaps] == []
    assert all(cell.gap == 0 for section in sections for cell in section.totals)
    shares = {section.coverage(cell.kind) for section in sections for cell in section.totals}
    assert shares <= {Decimal(1), None}


@pytest.mark.parametrize("by", [{"day", "model"}, {"day"}, {"model"}, set()], ids=sorted)
@given(theirs=SOME, own=SOME)
@FEW
def test_rows_add_up_to_the_totals_of_both_sides(by, theirs, own, written):
    sections = compared(
        written(openai_usage(theirs), openai_costs(theirs)), [event(call) for call in own], by=frozenset(by)
    )
    days = {call.day for call in theirs}
    counted = [call for call in own if min(days) <= call.day <= max(days)]
    usage, money = sections
    totals = {cell.kind: (cell.export, cell.events) for section in sections for cell in section.totals}
    for section in sections:
        for kind in (cell.kind for cell in section.totals):
            cells = [cell for line in section.lines for cell in line.cells if cell.kind == kind]
            assert totals[kind] == (
                exact_sum(cell.export for cell in cells),
                exact_sum(cell.events for cell in cells),
            )
    assert totals["requests"] == (len(theirs), len(counted))
    for kind in ("input", "output"):
        assert totals[kind] == tuple(sum(getattr(call, kind) for call in side) for side in (theirs, counted))
    assert totals["usd"] == tuple(
        exact_sum(call.usd for call in side if call.usd is not None) for side in (theirs, counted)
    )
    assert (usage.name, money.name) == ("usage", "money")


@given(theirs=SOME, own=SOME, seed=st.integers())
@FEW
def test_the_order_of_rows_and_events_changes_nothing(theirs, own, seed, written):
    before = plain(compared(written(openai_usage(theirs), openai_costs(theirs)), map(event, own)))
    shuffled, shuffled_own = [some for _, some in grouped(theirs)], own.copy()
    random.Random(seed).shuffle(shuffled)
    random.Random(seed).shuffle(shuffled_own)
    usage = f"[{','.join(map(openai_usage, shuffled))}]"
    costs = openai_costs([call for some in shuffled for call in some])
    assert plain(compared(written(usage, costs), map(event, shuffled_own))) == before


def test_a_larger_tolerance_finds_fewer_gaps(written):
    paths = written(openai_usage([Call(output=1000)]))
    events = [event(Call(output=990))]
    gaps = [
        [
            cell.kind
            for line in compared(paths, events, tolerance=Decimal(share))[0].lines
            for cell in line.gaps
        ]
        for share in ("0.0099", "0.01")
    ]
    assert gaps == [["output"], []]


def test_what_one_row_has_too_much_does_not_cover_what_another_lacks(written):
    paths = written(openai_usage([Call(output=100), Call("o3-2025-04-16", output=100)]))
    (usage,) = compared(paths, [event(Call(output=200))])
    assert usage.coverage("output") == Decimal("0.5")


def test_an_export_without_models_is_compared_with_all_models(written):
    calls = [Call(), Call("o3-2025-04-16")]
    text = openai_usage([Call(), Call()]).replace("gpt-4o-2024-08-06", "")
    (usage,) = compared(written(text), map(event, calls), tolerance=Decimal(0))
    assert [(line.model, line.gaps) for line in usage.lines] == [("(all models)", ())]


@pytest.mark.parametrize(
    ("own", "theirs", "rule"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06", "same"),
        ("gpt-4o", "gpt-4o-2024-08-06", "snapshot"),
        ("gpt-4o-2024-08-06", "gpt-4o", "snapshot"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku-20241022", "snapshot"),
        ("openai/gpt-4.1", "openai/gpt-4.1-2025-04-14", "snapshot"),
        ("gpt-4o-2024-11-20", "gpt-4o-2024-08-06", None),
        ("gpt-4o-mini", "gpt-4o-2024-08-06", None),
        ("ft:gpt-4o-2024-08-06:acme::1", "gpt-4o-2024-08-06", None),
    ],
)
def test_names_are_joined_exactly_then_by_alias_and_the_rule_is_told(own, theirs, rule, written):
    (usage,) = compared(written(openai_usage([Call(theirs)])), [event(Call(own))])
    assert [match.rule for match in usage.names.values()] == ([] if rule is None else [rule])
    assert usage.unmatched == ((own,) if rule is None else ())
    assert len(usage.lines) == (2 if rule is None else 1)


def test_an_alias_of_two_snapshots_is_joined_with_neither(written):
    export = openai_usage([Call("gpt-4o-2024-08-06"), Call("gpt-4o-2024-11-20")])
    (usage,) = compared(written(export), [event(Call("gpt-4o"))])
    assert usage.unmatched == ("gpt-4o",)


def test_the_requested_name_is_taken_where_the_answers_is_unknown(written):
    (usage,) = compared(
        written(openai_usage([Call("deploy-1")])), [event(Call("gpt-4o"), model_requested="deploy-1")]
    )
    assert [match.rule for match in usage.names.values()] == ["requested"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"provider": "anthropic"}, "other_provider"),
        ({"operation": "embeddings"}, "other_operation"),
    ],
)
def test_calls_that_the_export_does_not_tell_are_counted_and_left_out(fields, reason, written):
    (usage,) = compared(written(openai_usage([Call()])), [event(), event(**fields)])
    assert usage.left_out == {reason: 1}
    assert usage.gaps == 0


def test_days_outside_the_export_are_left_out(written):
    (usage,) = compared(written(openai_usage([Call()])), [event(), event(Call(at_s=2 * DAY_S))])
    assert usage.left_out == {"other_day": 1}
    assert usage.gaps == 0


def test_repeated_usages_local_answers_and_events_that_come_twice_do_not_count(written):
    one = event()
    events = [one, one, event(is_usage_repeated=True), event(ending="local")]
    (usage,) = compared(written(openai_usage([Call()])), events)
    assert usage.gaps == 0


def test_failed_calls_are_no_requests(written):
    failed = event(status=429, ending="error", tokens=None, cost=None)
    (usage,) = compared(written(openai_usage([Call()])), [event(), failed])
    assert usage.gaps == 0


def test_a_cost_that_is_rounded_to_cents_agrees_within_half_a_cent_a_row(tmp_path):
    header = "usage_date_utc,model,token_type,cost_usd,cost_type"
    path = tmp_path / "cost.csv"
    path.write_text(f"{header}\n2026-11-01,Claude Haiku 4.5,output,0.01,token\n", "utf-8")

    def gaps(usd):
        call = Call("claude-haiku-4-5-20251001", usd=usd)
        (money,) = compared([path], [event(call, provider="anthropic")])
        return money.gaps

    assert [gaps(usd) for usd in ("0.0051", "0.0149", "0.0151", "0.0049")] == [0, 0, 1, 1]


def test_samples_are_scaled_only_where_that_is_asked(written):
    paths = written(openai_usage([Call()] * 10))
    sampled = event(sample_rate=0.1)
    own, scaled = compared(paths, [sampled]), compared(paths, [sampled], rate=1)
    assert own[0].gaps > 0
    assert own[0].sampled == 1
    assert scaled[0].gaps == 0


def test_scaled_counts_are_whole_ones(written):
    sampled = event(Call(uncached=50, read=0, output=100), sample_rate=0.3)
    usage, *_ = compared(written(openai_usage([Call()])), [sampled], rate=1)
    figures = {cell.kind: cell.events for cell in usage.totals}
    assert (figures["requests"], figures["input"], figures["output"]) == (3, 167, 333)


def test_a_day_that_the_export_covers_without_a_figure_has_none():
    path = EXPORTED / "openai_usage_csv.csv"
    usage, *_ = compared([path], [event(Call(at_s=DAY_S))], by=frozenset({"day"}))
    second = usage.lines[1]
    assert second.day == "2026-11-02"
    assert {cell.kind for cell in second.gaps} >= {"requests", "input", "output"}


def test_what_a_row_does_not_tell_is_not_compared(written):
    embeddings = (EXPORTED / "openai_usage_embeddings.json").read_text("utf-8")
    own = [event(Call("text-embedding-3-small", output=5), operation="embeddings"), event()]
    usage, *_ = compared(written(openai_usage([Call()]), embeddings), own)
    line = next(line for line in usage.lines if line.model == "text-embedding-3-small")
    assert {cell.kind for cell in line.cells} == {"requests", "input"}


def test_sums_of_money_lose_no_digit(written):
    small = "0.0000000000000000000000000001"
    calls = [Call(usd="1000000"), Call("o3-2025-04-16", usd=small)]
    (money,) = compared(written(openai_costs(calls)), map(event, calls))
    (total,) = money.totals
    assert total.export == total.events == Decimal("1000000.0000000000000000000000000001")


def openrouter_activity(*rows):
    shape = {"date": "2026-11-01", "endpoint_id": "e", "provider_name": "Anthropic", "usage": 0}
    counts = {"requests": 1, "prompt_tokens": 150, "completion_tokens": 10}
    return json.dumps({"data": [{**shape, **counts, **row} for row in rows]})


SONNET = {
    "model": "anthropic/claude-sonnet-4.5",
    "model_permaslug": "anthropic/claude-4.5-sonnet-20250929",
}


@pytest.mark.parametrize("name", SONNET.values(), ids=SONNET)
def test_a_model_has_both_of_its_names_at_openrouter(name, written):
    own = [event(Call(name, usd="0"), provider="openrouter")]
    usage, _ = compared(written(openrouter_activity(SONNET)), own, tolerance=Decimal(0))
    assert [(line.model, line.gaps) for line in usage.lines] == [(SONNET["model_permaslug"], ())]


def test_a_name_that_openrouter_has_for_two_models_is_joined_with_neither(written):
    auto = [{"model": "openrouter/auto", "model_permaslug": name} for name in ("a/one", "b/two")]
    own = [event(Call("openrouter/auto", usd="0"), provider="openrouter")]
    usage, _ = compared(written(openrouter_activity(*auto)), own)
    assert usage.unmatched == ("openrouter/auto",)


def test_every_kind_that_is_compared_has_a_name():
    assert all(KINDS.values())
