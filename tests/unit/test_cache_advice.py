"""Is the advice true? What-if runs against plain sums, best choices against all choices."""

import json
from decimal import Decimal
from itertools import combinations

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from caching import file_of
from diagnosing import CLAUDE, Clinic, counted, marked, said, words
from llm_observer.cache.advice import ask, best_ttl
from llm_observer.cache.charge import Charge
from llm_observer.cache.placement import Priced, best_placement, bound, cost_under, weights_of
from llm_observer.cache.prompt import Marker
from llm_observer.cache.replay import Replay
from llm_observer.cache.rules.openai import BREAKPOINTS
from llm_observer.cache.simulator import CacheState
from llm_observer.cache.slots import Placement, is_slot, places_of, words_of
from llm_observer.cache.what_if import Difference, parse
from llm_observer.cli import main
from llm_observer.errors import ConfigError
from replaying import RATES, RULE, call_of
from sessions import cost, event_of

WEIGHTS = weights_of(RATES)
SYSTEM = words(2500, seed=9)
UUID = "Ticket {:08x}-1f1e-4c7a-9a5e-3b2f1d0c{:04x}.\n"
TURNS = [said(("user", "assistant")[at % 2], words(90, seed=at)) for at in range(20)]


def noisy(turn, kinds):
    """A system text with what changes from call to call."""
    parts = []
    if "timestamp" in kinds:
        parts.append(f"It is 2026-11-21 10:{turn:02}:{7 * turn % 60:02}.\n")
    if "uuid" in kinds:
        parts.append(UUID.format(turn * 7919 + 1, turn + 1))
    return "".join(parts)


def body_of(turn, first="", second=""):
    *earlier, last = TURNS[: 2 * turn + 1]
    return {
        "model": CLAUDE,
        "system": [{"type": "text", "text": first + SYSTEM}, marked(second + SYSTEM)],
        "messages": [*earlier, said(last["role"], [marked(last["content"])])],
    }


def events_of(*, first=(), second=(), count=5, after_s=20.0):
    """A conversation whose first and second system block have these breakers; nothing of it is ever read."""
    clinic, events = Clinic(), []
    for turn in range(count):
        clinic.now_s += after_s
        body = body_of(turn, noisy(turn, first), noisy(turn, second))
        events.append(clinic.event(body, counted(written=8000 + 400 * turn, fresh=10)))
    return events


def answer(events, spec):
    replay = Replay()
    for event in events:
        replay.add(event)
    return ask(replay, parse(spec))


def reads(events, spec):
    total = answer(events, spec).total
    return total.sent.read, total.changed.read


def test_without_breakers_a_conversation_reads_what_it_wrote():
    sent, read = reads(events_of(first=["timestamp"]), "no-breakers")
    clean = answer(events_of(), "no-breakers").total
    assert (sent, clean.sent.read) == (0, clean.changed.read)
    assert read == pytest.approx(clean.sent.read, rel=0.02)


def test_a_kind_that_is_left_out_alone_gives_the_same_as_all_where_there_is_no_other():
    events = events_of(first=["timestamp"])
    assert reads(events, "without=timestamp") == reads(events, "no-breakers")


def test_leaving_out_a_kind_that_is_not_there_changes_nothing():
    events = events_of(first=["timestamp"])
    assert reads(events, "without=uuid") == (0, 0)


def test_leaving_out_one_of_two_kinds_reaches_as_far_as_the_other():
    events = events_of(first=["timestamp"], second=["uuid"])
    assert reads(events, "without=timestamp,breakpoints=system[0]+last")[1] > 0
    assert reads(events, "without=timestamp")[1] == 0
    assert reads(events, "without=timestamp+uuid") == reads(events, "no-breakers")


def test_a_break_of_another_kind_in_the_same_block_stays():
    events = events_of(first=["timestamp", "uuid"])
    assert reads(events, "without=timestamp") == (0, 0)
    assert reads(events, "without=timestamp,without=uuid") == reads(events, "no-breakers")


def test_money_is_tokens_times_the_prices_that_were_paid():
    events = events_of(first=["timestamp"])
    total = answer(events, "no-breakers").total
    assert total.unpriced == 0
    assert total.sent_usd == (total.sent.plain + Decimal("1.25") * total.sent.short) * 3 / 1_000_000
    changed = total.changed
    weighed = changed.plain + Decimal("1.25") * changed.short + Decimal("0.1") * changed.read
    assert total.changed_usd == weighed * 3 / 1_000_000
    assert total.saved_usd == total.sent_usd - total.changed_usd
    assert sum(total.sent) == sum(total.changed) == sum(8010 + 400 * turn for turn in range(5))


def test_an_hour_pays_its_premium_and_reads_over_pauses():
    total = answer(events_of(after_s=900.0), "ttl=1h").total
    assert (total.sent.read, total.sent.long) == (0, 0)
    assert total.changed.read > 0
    assert (total.changed.short, total.changed.long > 0) == (0, True)
    assert total.saved_usd > 0


def test_a_call_without_a_price_counts_with_its_tokens_only():
    first, *others = events_of()
    free = replace(first, llm_call=replace(first.llm_call, cost=None))
    total, priced = answer([free, *others], "ttl=1h").total, answer([first, *others], "ttl=1h").total
    assert (total.calls, total.unpriced, total.sent) == (5, 1, priced.sent)
    assert 0 < total.sent_usd < priced.sent_usd


def test_a_price_that_nobody_knows_makes_no_money():
    difference = Difference()
    rates = RATES._replace(read=None)
    difference.add(call_of("a"), Charge(100, 0, 0, 0), Charge(0, 100, 0, 0), rates)
    assert (difference.unpriced, difference.changed_usd, difference.sent_usd) == (1, 0, 0)
    assert (difference.sent.plain, difference.changed.read) == (100, 100)


# The best lifetime


def sums(gaps, ttl_s, write):
    """A growing conversation of 100 tokens a piece, with a breakpoint at its end, by plain sums."""
    cost, at_s, used_s = 0.0, 0.0, None
    for turn, gap in enumerate(gaps):
        at_s += gap
        read = 100 * turn if used_s is not None and at_s - used_s <= ttl_s else 0
        cost += 0.1 * read + write * (100 * (turn + 1) - read)
        used_s = at_s
    return cost


@given(st.lists(st.sampled_from([1, 60, 299, 301, 900, 3599, 3700]), min_size=1, max_size=12))
def test_the_best_lifetime_is_the_one_that_plain_sums_find(gaps):
    at_s, calls = 0, []
    for turn, gap in enumerate(gaps):
        at_s += gap
        calls.append(call_of([*range(turn + 1)], at_s=float(at_s), mode="automatic"))
    best = best_ttl(calls, lambda _call: RATES)
    expected = {300: sums(gaps, 300, 1.25), 3600: sums(gaps, 3600, 2.0)}
    assert {ttl: float(cost) for ttl, cost in best.costs.items()} == pytest.approx(expected)
    assert expected[best.ttl_s] == pytest.approx(min(expected.values()))


def test_of_two_lifetimes_that_cost_the_same_the_shorter_is_chosen():
    calls = [call_of(["a"], at_s=float(at)) for at in range(3)]
    assert best_ttl(calls, lambda _call: RATES).ttl_s == 300


def test_the_best_lifetime_is_told_for_the_call_site_and_for_each_conversation():
    found = answer(events_of(after_s=900.0) + events_of(after_s=30.0), "ttl=best")
    assert [one.choice.ttl_s for one in found.conversations] == [3600, 300]
    assert [one.choice.ttl_s for one in found.groups] == [3600]
    assert found.conversations[0].sentence == "Ask for a lifetime of 1h at every breakpoint."
    assert found.total.saved_usd == found.groups[0].difference.saved_usd > 0


# The best breakpoints


@st.composite
def talks(draw):
    """Up to six prompts of up to eight pieces, with some of their beginnings in common."""
    kinds = ["tool", "system", "system", "user", "assistant", "user", "user", "user"]
    calls, at_s = [], 0.0
    long = draw(st.sampled_from([50, 300, 1000]))
    for _ in range(draw(st.integers(1, 6))):
        count = draw(st.integers(1, 8))
        other = draw(st.integers(0, 12))
        names = [f"{at}{'x' * len(calls) if at >= other else ''}" for at in range(count)]
        at_s += draw(st.sampled_from([0.5, 10, 290, 400, 4000]))
        sizes = [long if at == 3 else 200 for at in range(count)]
        call = call_of(
            names,
            at_s=at_s,
            took_s=1.0,
            kinds=kinds[:count],
            sizes=sizes,
            messages=[-1, -1, -1, 0, 1, 2, 2, 3][:count],
        )
        calls.append(call)
    return calls


def priced(calls, rule=RULE, weights=WEIGHTS):
    return [Priced(call.prompt(), rule, weights) for call in calls]


def brute(calls, modes, ttl_s):
    """The least cost of all placements by rule, each simulated from the beginning."""
    slots = sorted({slot for call in calls for slot in places_of(call.prompt)})
    choices = (chosen for count in range(5) for chosen in combinations(slots, count))
    return min(plain_cost(calls, slots, mode, ttl_s) for slots in choices for mode in modes)


def plain_cost(calls, slots, mode, ttl_s):
    positions = [
        {places_of(call.prompt)[slot] for slot in slots if slot in places_of(call.prompt)} for call in calls
    ]
    return free_cost(calls, positions, mode, ttl_s)


def free_cost(calls, positions, mode, ttl_s):
    """What calls pay with breakpoints at any *positions*."""
    state, cost = CacheState(), 0.0
    for tag, (call, places) in enumerate(zip(calls, positions, strict=True)):
        markers = tuple(Marker(place, ttl_s) for place in sorted(places))
        prompt = call.prompt._replace(markers=markers, mode=mode, ttl_s=ttl_s)
        reading = state.read(prompt, call.rule)
        written = state.split(prompt, call.rule, reading)
        state.write(prompt, call.rule, tag=tag, read_tokens=None, written_tokens=None)
        rest = prompt.ends[-1] - reading.tokens - written.short_tokens - written.long_tokens
        cost += rest + 0.1 * reading.tokens + 1.25 * written.short_tokens + 2.0 * written.long_tokens
    return cost


@settings(max_examples=15, deadline=None)
@given(talks(), st.sampled_from([300, 3600]), st.sampled_from([1, 600]))
def test_the_best_breakpoints_are_those_that_trying_all_finds(calls, ttl_s, minimum):
    rule = RULE._replace(minimum=minimum)
    ready = priced([call._replace(rule=rule) for call in calls], rule)
    best = best_placement(ready, ttl_s=ttl_s, max_trials=10**9)
    assert best.is_exhaustive
    assert best.cost == pytest.approx(brute(ready, (None,), ttl_s))
    assert cost_under(ready, best.placement) == pytest.approx(best.cost)


@settings(max_examples=6, deadline=None)
@given(talks())
def test_openais_explicit_mode_is_tried_as_well(calls):
    rule = BREAKPOINTS._replace(minimum=1)
    ready = priced([call._replace(rule=rule) for call in calls], rule)
    best = best_placement(ready, max_trials=10**9)
    assert best.cost == pytest.approx(brute(ready, (None, "explicit"), None))


@settings(max_examples=15, deadline=None)
@given(talks(), st.sampled_from([300, 3600]))
def test_a_search_step_by_step_is_never_better_than_all_and_never_worse_than_one_breakpoint(calls, ttl_s):
    ready = priced(calls)
    quick = best_placement(ready, ttl_s=ttl_s, max_trials=0)
    singles = [Placement((), ttl_s=ttl_s)]
    singles += [Placement((slot,), ttl_s=ttl_s) for call in ready for slot in places_of(call.prompt)]
    assert not quick.is_exhaustive
    assert quick.cost >= best_placement(ready, ttl_s=ttl_s, max_trials=10**9).cost * (1 - 1e-9)
    assert quick.cost <= min(cost_under(ready, one) for one in singles) * (1 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(talks(), st.sampled_from([300, 3600]), st.data())
def test_no_breakpoints_at_all_go_below_the_bound(calls, ttl_s, data):
    ready = priced(calls)
    least = bound(ready, ttl_s=ttl_s) * (1 - 1e-9)
    places = st.sets(st.integers(0, 7), max_size=4)
    positions = [{at for at in data.draw(places) if at < len(call.prompt.keys)} for call in ready]
    assert least <= free_cost(ready, positions, None, ttl_s)
    assert least <= best_placement(ready, ttl_s=ttl_s).cost


def test_the_bound_is_reached_by_a_conversation_that_only_grows():
    calls = priced([call_of([*range(count)], at_s=float(count)) for count in range(1, 9)])
    best = best_placement(calls, ttl_s=300)
    assert best.placement.slots == ("last",)
    assert bound(calls, ttl_s=300) == pytest.approx(best.cost - 0.25 * 100)


def test_breakpoints_are_told_by_their_places_in_the_prompt():
    found = answer(events_of(second=["timestamp"]), "breakpoints=best")
    (advice,) = found.groups
    assert advice.choice.placement.slots == ("system[0]",)
    assert "the end of system block 0" in advice.sentence
    assert advice.choice.is_exhaustive
    assert 0 < advice.choice.bound <= 1
    assert found.total.saved_usd > 0


def test_automatic_breakpoints_read_what_grows():
    clinic, events = Clinic(), []
    for turn in range(4):
        body = {"model": CLAUDE, "system": SYSTEM, "messages": TURNS[: 2 * turn + 1]}
        clinic.now_s += 10
        events.append(clinic.event(body, counted(fresh=4000 + 400 * turn)))
    total = answer(events, "breakpoints=auto").total
    assert (total.sent.read, total.sent.short) == (0, 0)
    assert total.changed.read > 10_000
    assert answer(events, "breakpoints=last").total.changed == total.changed


def test_every_place_has_words():
    prompt = call_of([*range(60)], kinds=["tool", "system", "system", *["user"] * 57]).prompt()
    assert all(words_of(slot) and is_slot(slot) for slot in places_of(prompt))


def test_a_place_that_cannot_carry_a_marker_gives_it_to_the_one_before():
    prompt = call_of("abc", kinds=["system", "user", "thinking"]).prompt()
    assert places_of(prompt)["last"] == 1


# The command


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "faster",
        "no-breakers=yes",
        "without=",
        "without=tool_edited",
        "ttl=2h",
        "ttl=",
        "breakpoints=middle",
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(spec, tmp_path):
    with pytest.raises(ConfigError):
        parse(spec)
    result = CliRunner().invoke(main, ["cache", file_of(tmp_path / "e"), "--what-if", spec])
    assert result.exit_code == 2


def told(tmp_path, spec, *more):
    file = file_of(tmp_path / "e", *events_of(first=["timestamp"]))
    result = CliRunner().invoke(main, ["cache", file, "--what-if", spec, *more])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_tells_both_sides_per_model_and_what_to_do(tmp_path):
    text = told(tmp_path, "without=timestamp")
    assert text.startswith("What if without=timestamp: $0.")
    assert "less for input" in text
    assert f"anthropic/{CLAUDE}" in text
    assert "Move the time behind the last stable block" in text


def test_top_limits_the_models_to_those_with_the_largest_difference(tmp_path):
    other = [
        replace(one, llm_call=replace(one.llm_call, model_responded="other"))
        for one in events_of(first=["timestamp"], count=2)
    ]
    file = file_of(tmp_path / "e", *other, *events_of(first=["timestamp"]))
    text = CliRunner().invoke(main, ["cache", file, "--what-if", "no-breakers", "--top", "1"]).stdout
    assert f"anthropic/{CLAUDE}" in text
    assert "anthropic/other" not in text
    assert "1 more model: --top shows more" in text


def test_the_json_has_tokens_and_money_of_both_sides(tmp_path):
    found = json.loads(told(tmp_path, "no-breakers,ttl=1h", "--json"))
    (model,) = found["models"].values()
    assert model == found["total"]
    assert found["total"]["sent"]["input_tokens"] == found["total"]["what_if"]["input_tokens"]
    assert Decimal(found["total"]["saved_usd"]) == Decimal(found["total"]["sent"]["usd"]) - Decimal(
        found["total"]["what_if"]["usd"]
    )
    assert found["left_out"] == {}


def test_the_command_names_events_that_cannot_be_replayed(tmp_path):
    events = events_of(first=["timestamp"])
    file = file_of(tmp_path / "e", *events_of(count=3)[1:], *events)
    result = CliRunner().invoke(main, ["cache", file, "--what-if", "ttl=best,breakpoints=best"])
    assert "2 events not replayed: the event that it extends is not in the files" in result.stdout


def test_without_calls_there_is_nothing_to_tell(tmp_path):
    event = event_of(cost=cost("1"))
    result = CliRunner().invoke(main, ["cache", file_of(tmp_path / "e", event), "--what-if", "no-breakers"])
    assert result.exit_code == 0
    assert result.stdout == "No calls that can be replayed\n\n1 event not replayed: no cache part\n"
