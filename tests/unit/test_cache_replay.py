"""Do stored events give back the very prompts that were sent, and is it said which of them cannot?"""

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from diagnosing import CLAUDE, NEW_GPT, START_S, Clinic, chat_usage, counted, marked, said, words
from llm_observer.cache.prompt import Marker
from llm_observer.cache.rates import Paid, RateBook, documented, paid_by
from llm_observer.cache.replay import GAPS, Replay
from llm_observer.cache.replayed import Chain, Pieces
from llm_observer.cache.rules import rule_for
from llm_observer.cache.rules.openai import INCREMENTS
from replaying import columns, keys_of

SYSTEM = words(2000, seed=3)
TURNS = [said(("user", "assistant")[at % 2], words(60, seed=at)) for at in range(80)]


def claude(messages, system=SYSTEM, **fields):
    *earlier, last = messages
    return {
        "model": CLAUDE,
        "system": [marked(system)],
        "messages": [*earlier, said(last["role"], [marked(last["content"])])],
        **fields,
    }


def size(body):
    return 2000 + 100 * len(body["messages"])


def asked(clinic, body, *, after_s=20.0):
    clinic.now_s += after_s
    return clinic.event(body, counted(written=size(body)))


def replay_of(*events, **limits):
    replay = Replay(**limits)
    for event in events:
        replay.add(event)
    return replay


def changed(event, **fields):
    return replace(event, llm_call=replace(event.llm_call, **fields))


def told_alone(body):
    """The event of a call that nothing came before: it has all of its segments."""
    return asked(Clinic(), body).llm_call.segments


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["grow", "edit", "new system"])), max_size=12))
def test_a_prompt_is_put_together_again_from_what_each_event_adds(walk):
    clinic, bodies = Clinic(), []
    for step, (count, how) in enumerate([(1, "grow"), *walk]):
        messages = TURNS[:count]
        if how == "edit":
            messages = [said("user", f"other {step}"), *messages]
        bodies.append(claude(messages, f"{step} {SYSTEM}" if how == "new system" else SYSTEM))
    replay = replay_of(*(asked(clinic, body) for body in bodies))
    assert not replay.gaps
    for call, body in zip(replay.calls(), bodies, strict=True):
        prompt, stable = call.prompt_and_stable()
        whole = told_alone(body)
        assert [int(segment.chain, 16) for segment in whole] == prompt.keys
        assert [int(segment.stable, 16) for segment in whole] == stable
        assert [segment.kind for segment in whole] == prompt.kinds
        assert prompt.messages == [-1, *range(len(body["messages"]))]
        assert prompt.ends[-1] == call.total


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=90))
def test_a_chain_of_any_depth_has_the_pieces_of_a_plain_list(steps):
    names, chain = [], None
    for number, (most, new) in enumerate(steps):
        kept = min(most, len(names))
        names = [*names[:kept], *(f"{number}.{at}" for at in range(new))]
        own = Pieces(*(column[kept:] for column in columns(names)))
        chain = Chain(chain if kept else None, kept, own)
        assert chain.pieces().keys.tolist() == keys_of(names)
        assert len(chain) == len(names)


def test_times_breakpoints_and_lifetimes_are_those_of_the_request():
    body = claude(TURNS[:1])
    body["system"][0]["cache_control"] = {"type": "ephemeral", "ttl": "1h"}
    (call,) = replay_of(asked(Clinic(), body, after_s=5)).calls()
    prompt = call.prompt()
    assert prompt.started_s == pytest.approx(START_S + 5)
    assert prompt.first_byte_s == pytest.approx(START_S + 6)
    assert prompt.markers == (Marker(0, 3600), Marker(1, None))
    assert (prompt.mode, prompt.model) == (None, CLAUDE)


def test_usage_shows_that_the_cache_was_automatic_and_reads_have_the_lifetime_of_the_call_before():
    clinic = Clinic()
    first = {"model": CLAUDE, "system": SYSTEM, "messages": TURNS[:1], "cache_control": {"type": "ephemeral"}}
    usage = counted(written=2100) | {
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 2100}
    }
    events = [clinic.event(first, usage), clinic.event(first, counted(read=2100))]
    prompts = [call.prompt() for call in replay_of(*events).calls()]
    assert [(prompt.mode, prompt.ttl_s) for prompt in prompts] == [("automatic", 3600)] * 2


@pytest.mark.parametrize(("written", "mode"), [(0, "explicit"), (1990, None)])
def test_a_newer_gpt_that_caches_nothing_was_in_explicit_mode(written, mode):
    event = Clinic().event(
        {"model": NEW_GPT, "messages": [said("system", SYSTEM), TURNS[0]]},
        chat_usage(2000, read=0, written=written),
        wire="chat",
    )
    assert replay_of(event).calls()[0].prompt().mode == mode


def test_an_event_whose_parent_is_not_there_is_named_and_so_are_those_that_go_on_from_it():
    clinic = Clinic()
    events = [asked(clinic, claude(TURNS[:count])) for count in (1, 3, 5)]
    replay = replay_of(*events[1:])
    assert replay.gaps == {"no_parent": 2}
    assert replay.left_out == {"no_parent": [event.event_id for event in events[1:]]}


def lacking():
    event = asked(Clinic(), claude(TURNS[:1]))
    segments = event.llm_call.segments
    yield "no_cache", changed(event, cache=None)
    yield "no_segments", changed(event, segments=(), segment_count=None)
    yield "no_segments", changed(event, segments=tuple(replace(one, chain=None) for one in segments))
    yield "too_long", changed(event, segment_count=len(segments) + 1)
    yield "no_rule", changed(event, model_requested="text-embedding-3-small")
    yield "not_counted", changed(event, tokens=None, ending="cancelled")


@pytest.mark.parametrize(
    ("gap", "event"), list(lacking()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_an_event_lacks_is_counted(gap, event):
    replay = replay_of(event)
    assert (replay.gaps, len(replay)) == ({gap: 1}, 0)
    assert gap in GAPS


def test_an_event_that_comes_twice_counts_once():
    event = asked(Clinic(), claude(TURNS[:1]))
    replay = replay_of(event, event)
    assert (replay.gaps, len(replay)) == ({"repeated": 1}, 1)


def test_calls_are_in_the_order_of_their_start():
    clinic = Clinic()
    events = [asked(clinic, claude([said("user", words(80, seed=seed))], str(seed))) for seed in range(5)]
    found = [call.event_id for call in replay_of(*reversed(events)).calls()]
    assert found == [event.event_id for event in events]


@pytest.mark.parametrize("limits", [{"max_calls": 3}, {"max_bytes": 3 * 2060}], ids=["calls", "bytes"])
def test_memory_is_bounded_and_the_newest_stay(limits):
    clinic = Clinic()
    events = [asked(clinic, claude([said("user", words(80, seed=seed))], str(seed))) for seed in range(7)]
    replay = replay_of(*events, **limits)
    assert [call.event_id for call in replay.calls()] == [event.event_id for event in events[4:]]
    assert replay.gaps == {"dropped": 4}
    assert replay.nbytes == sum(call.nbytes for call in replay.calls())


def test_tokens_cost_what_the_call_itself_paid():
    clinic = Clinic()
    call = clinic.event(claude(TURNS[:1]), counted(read=1000, written=500, fresh=50)).llm_call
    paid, cost = paid_by(call), call.cost
    assert paid.input * 50 == Decimal(cost.input_usd)
    assert paid.read * 1000 == Decimal(cost.cache_read_usd)
    assert paid.short * 500 == Decimal(cost.cache_write_usd)


def test_what_a_call_did_not_pay_is_taken_from_others_of_its_model_then_from_the_rule():
    rule, book = rule_for("anthropic", "anthropic", CLAUDE, START_S), RateBook()
    book.learn("m", Paid(Decimal(2), read=Decimal("0.3")))
    rates = book.rates("m", rule, Paid(input=Decimal(4)))
    assert rates == (Decimal(4), Decimal("0.15"), Decimal("1.25"), Decimal(2))


def test_the_price_of_input_follows_from_that_of_reads():
    rule = rule_for("anthropic", "anthropic", CLAUDE, START_S)
    assert RateBook().rates("m", rule, Paid(read=Decimal("0.3"))).input_usd == 3


def test_a_call_that_paid_nothing_has_no_price_and_still_its_ratios():
    rule = rule_for("anthropic", "anthropic", CLAUDE, START_S)
    assert RateBook().rates("m", rule, Paid()) == documented(rule, "m")
    assert documented(rule, "m").input_usd is None


@pytest.mark.parametrize(
    ("model", "read"),
    [("gpt-4o-mini", "0.5"), ("o3", "0.25"), ("o3-mini", "0.5"), ("gpt-5", "0.1"), ("o1-pro", "1")],
)
def test_reads_of_older_gpts_have_the_discount_of_their_model(model, read):
    assert documented(INCREMENTS, model).read == Decimal(read)


def test_a_time_with_a_fraction_is_kept():
    event = asked(Clinic(), claude(TURNS[:1]), after_s=0.25)
    (call,) = replay_of(event).calls()
    assert call.bare.started_s == datetime.fromisoformat(event.time).timestamp()
