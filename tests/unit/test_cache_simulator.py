"""What a prompt could have read from the provider's cache, against the guides' examples and a brute force."""

from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.cache.prompt import Marker, Prompt
from llm_observer.cache.rules import rule_for
from llm_observer.cache.rules.anthropic import CLAUDE
from llm_observer.cache.rules.deepseek import UNITS
from llm_observer.cache.rules.generic import GENERIC
from llm_observer.cache.rules.openai import BREAKPOINTS, INCREMENTS
from llm_observer.cache.simulator import CacheState, Reading

OPUS = CLAUDE._replace(minimum=1024)
HAIKU = CLAUDE._replace(minimum=4096)
BEDROCK = OPUS._replace(merges_runs=False)
PIECE_TOKENS = 1000


def chain(pieces):
    """A number for each prefix."""
    return [
        int.from_bytes(blake2b(repr(pieces[: end + 1]).encode(), digest_size=7).digest())
        for end in range(len(pieces))
    ]


def prompt_of(  # noqa: PLR0913 - one for each side of a request
    pieces, *, at=0.0, took=1.0, markers=(), mode=None, ttl_s=None, sizes=None, messages=None
):
    """A prompt of (kind, content) pairs, or of letters for user text."""
    pieces = (
        [(piece, piece) if len(piece) > 1 else ("user", piece) for piece in pieces]
        if isinstance(pieces, str)
        else pieces
    )
    sizes = sizes or [PIECE_TOKENS] * len(pieces)
    return Prompt(
        provider="p",
        wire="w",
        model="m",
        started_s=at,
        first_byte_s=None if took is None else at + took,
        keys=chain(pieces),
        ends=[sum(sizes[: end + 1]) for end in range(len(pieces))],
        kinds=[kind for kind, _ in pieces],
        messages=messages if messages is not None else list(range(len(pieces))),
        markers=[Marker(*marker) if isinstance(marker, tuple) else Marker(marker) for marker in markers],
        mode=mode,
        ttl_s=ttl_s,
    )


def told(state, rule, prompt, *, tag=0, read=None, written=None, long=None):  # noqa: PLR0913 - the usage
    state.write(prompt, rule, tag=tag, read_tokens=read, written_tokens=written, long_tokens=long)


def blocks(count, kind="user", start=0):
    return [(kind, number) for number in range(start, start + count)]


def after(rule, *prompts):
    state = CacheState()
    for tag, prompt in enumerate(prompts):
        told(state, rule, prompt, tag=tag)
    return state


# Anthropic: the guide's own examples


def test_nothing_is_read_before_anything_was_written():
    assert CacheState().read(prompt_of("abc", markers=[2]), OPUS) == Reading()


def test_a_growing_conversation_reads_the_previous_turn_and_not_past_20_blocks():
    turns = [prompt_of(blocks(count), at=float(count), markers=[count - 1]) for count in (10, 15, 35)]
    state = CacheState()
    positions = []
    for turn in turns:
        positions.append(state.read(turn, OPUS).position)
        told(state, OPUS, turn)
    assert positions == [-1, 9, -1]  # 35 looks at blocks 35 to 16, the entry stands at 15


def test_the_twentieth_position_is_still_looked_at():
    state = after(OPUS, prompt_of(blocks(15), markers=[14]))
    readings = [
        state.read(prompt_of(blocks(count), at=9, markers=[count - 1]), OPUS).position for count in (34, 35)
    ]
    assert readings == [14, -1]


def test_a_second_breakpoint_resumes_the_search():
    state = after(OPUS, prompt_of(blocks(15), markers=[14]))
    assert state.read(prompt_of(blocks(35), at=9, markers=[14, 34]), OPUS).position == 14


@pytest.mark.parametrize(("rule", "position"), [(OPUS, 3), (BEDROCK, -1)], ids=["claude", "bedrock"])
def test_parallel_tool_calls_are_one_position_on_the_vendors_own_api(rule, position):
    first = blocks(4)
    state = after(rule, prompt_of(first, markers=[3]))
    tools = [*first, *blocks(15, "tool_use"), *blocks(15, "tool_result")]
    assert state.read(prompt_of(tools, at=9, markers=[33]), rule).position == position


def test_interleaved_tool_calls_are_no_run():
    first = blocks(4)
    state = after(OPUS, prompt_of(first, markers=[3]))
    turns = [("tool_use" if number % 2 else "tool_result", number) for number in range(30)]
    assert state.read(prompt_of([*first, *turns], at=9, markers=[33]), OPUS).position == -1


def test_a_change_behind_the_last_breakpoint_breaks_nothing():
    state = after(OPUS, prompt_of("abc", markers=[1]))
    assert state.read(prompt_of("abX", at=9, markers=[1]), OPUS).tokens == 2000


def test_a_change_loses_all_back_to_the_breakpoint_before_it():
    state = after(OPUS, prompt_of("abcde", markers=[1, 4]))
    assert state.read(prompt_of("abcXe", at=9, markers=[1, 4]), OPUS).tokens == 2000


def test_a_varying_last_block_with_the_only_breakpoint_is_never_read():
    state = after(OPUS, prompt_of("abX", markers=[2]), prompt_of("abY", at=5, markers=[2]))
    assert state.read(prompt_of("abZ", at=9, markers=[2]), OPUS).tokens == 0


def test_without_a_marker_nothing_is_kept():
    state = after(OPUS, prompt_of("abc"))
    prompt = prompt_of("abc", at=9, markers=[2])
    assert (state.read(prompt, OPUS).tokens, state.read(prompt, OPUS, relax={"markers"}).tokens) == (0, 3000)


def test_automatic_caching_follows_the_last_block_that_can_carry_a_breakpoint():
    state = after(OPUS, prompt_of([*blocks(3), ("thinking", 0)], mode="automatic"))
    grown = prompt_of([*blocks(3), ("thinking", 0), *blocks(2, start=9)], at=9, mode="automatic")
    assert (state.read(grown, OPUS).position, state.writes(grown, OPUS)) == (2, (Marker(5, 300),))


@pytest.mark.parametrize(
    ("markers", "mode", "ttl_s", "expected"),
    [
        ([0, 1], None, None, [(0, 300), (1, 300)]),
        ([(1, 300), (0, 3600)], None, None, [(0, 3600), (1, 300)]),
        ([0, 1, 2, 3, 4], None, None, []),
        ([0, 1, 2], "automatic", None, [(0, 300), (1, 300), (2, 300), (5, 300)]),
        ([0, 1, 2, 3], "automatic", None, []),
        ([0, 1, 2, 5], "automatic", None, [(0, 300), (1, 300), (2, 300), (5, 300)]),
        ([(5, 3600)], "automatic", None, []),
        ([(5, 3600)], "automatic", 3600, [(5, 3600)]),
        ([17], None, None, []),
    ],
)
def test_the_breakpoints_that_a_claude_request_really_has(markers, mode, ttl_s, expected):
    prompt = prompt_of("abcdef", markers=markers, mode=mode, ttl_s=ttl_s)
    assert expected == [tuple(marker) for marker in CacheState().writes(prompt, OPUS)]


def test_a_marker_on_a_thinking_block_is_none():
    prompt = prompt_of([("user", 1), ("thinking", 2)], markers=[1])
    assert CacheState().writes(prompt, OPUS) == ()


# Anthropic: lifetimes, concurrency, minimum


@pytest.mark.parametrize(
    ("ttl_s", "gap", "tokens"), [(None, 300, 3000), (None, 300.1, 0), (3600, 3600, 3000), (3600, 3601, 0)]
)
def test_a_lifetime_runs_from_the_start_of_the_request_that_wrote(ttl_s, gap, tokens):
    state = after(OPUS, prompt_of("abc", took=240.0, markers=[(2, ttl_s)]))
    assert state.read(prompt_of("abc", at=gap, markers=[(2, ttl_s)]), OPUS).tokens == tokens


def test_each_read_starts_the_lifetime_anew():
    state = after(OPUS, *[prompt_of("abc", at=at, markers=[2]) for at in (0, 250, 500)])
    found = state.read(prompt_of("abc", at=799, markers=[2]), OPUS)
    assert (found.tokens, found.written_s, found.by) == (3000, 500, 0)


def test_a_read_refreshes_shorter_prefixes_as_well():
    first = prompt_of("abcd", markers=[1, 3])
    state = after(OPUS, first, prompt_of("abcd", at=250, markers=[3]))
    assert state.read(prompt_of("abX", at=500, markers=[1]), OPUS).tokens == 2000


def test_a_hit_that_the_provider_denies_refreshes_nothing():
    state = after(OPUS, prompt_of("abc", markers=[2]))
    told(state, OPUS, prompt_of("abcd", at=200, markers=[3]), read=0, written=4000)
    assert state.read(prompt_of("abc", at=400, markers=[2]), OPUS).tokens == 0


def test_a_read_of_what_another_process_wrote_refreshes_what_lies_below():
    state = after(OPUS, prompt_of("abc", markers=[2]))
    told(state, OPUS, prompt_of(blocks(9), at=1, markers=[8]), read=6050, written=2950)
    told(state, OPUS, prompt_of("abcdefgh", at=200, markers=[7]), read=6050, written=1950)
    found = state.read(prompt_of("abcX", at=450, markers=[3]), OPUS)
    assert (found.tokens, found.is_exact, found.written_s) == (3000, False, 200)


def test_an_entry_of_another_lifetime_is_not_found():
    state = after(OPUS, prompt_of("abc", markers=[(2, 3600)]))
    flipped = prompt_of("abcd", at=9, markers=[3])
    readings = [state.read(flipped, OPUS, relax=relax).tokens for relax in ((), {"ttl_change"})]
    assert readings == [0, 3000]


@pytest.mark.parametrize(("started", "tokens"), [(9.9, 0), (10.0, 3000)])
def test_an_entry_can_be_read_once_its_writers_answer_has_begun(started, tokens):
    state = after(OPUS, prompt_of("abc", took=10.0, markers=[2]))
    late = prompt_of("abc", at=started, markers=[2])
    assert (state.read(late, OPUS).tokens, state.read(late, OPUS, relax={"concurrent"}).tokens) == (
        tokens,
        3000,
    )


def test_of_two_parallel_writers_the_first_to_answer_opens_the_entry():
    state = after(
        OPUS, prompt_of("abc", took=3.0, markers=[2]), prompt_of("abc", at=1, took=200.0, markers=[2])
    )
    assert state.read(prompt_of("abc", at=9, markers=[2]), OPUS).tokens == 3000


def test_a_call_whose_answer_never_began_leaves_nothing():
    state = after(OPUS, prompt_of("abc", took=None, markers=[2]))
    assert state.read(prompt_of("abc", at=9, markers=[2]), OPUS, relax={"markers"}).tokens == 0


def test_too_few_tokens_are_not_kept():
    state = after(OPUS, prompt_of("abc", markers=[0, 2]))
    found = [
        state.read(prompt_of("aXY", at=9, markers=[0]), OPUS, relax=relax).tokens
        for relax in ((), {"minimum"})
    ]
    assert found == [0, 1000]


def test_what_the_provider_says_it_did_not_cache_was_too_short():
    state = CacheState()
    told(state, OPUS, prompt_of("abc", markers=[2]), read=0, written=0)
    again = prompt_of("abc", at=9, markers=[2])
    assert (state.read(again, OPUS).tokens, state.read(again, OPUS, relax={"minimum"}).tokens) == (0, 3000)


# Anthropic: the provider's own counts


def test_what_was_read_and_written_ends_exactly_at_the_last_breakpoint():
    state = CacheState()
    told(state, OPUS, prompt_of("abc", markers=[2]), read=0, written=2871)
    told(state, OPUS, prompt_of("abcd", at=5, markers=[3]), read=2871, written=904)
    found = state.read(prompt_of("abcde", at=9, markers=[4]), OPUS)
    assert (found.tokens, found.is_exact) == (3775, True)


def test_the_one_hour_part_ends_exactly_at_the_last_one_hour_breakpoint():
    state = CacheState()
    told(state, OPUS, prompt_of("abcd", markers=[(1, 3600), 3]), read=0, written=3900, long=1950)
    found = state.read(prompt_of("abX", at=9, markers=[(1, 3600)]), OPUS)
    assert (found.tokens, found.is_exact) == (1950, True)


def test_a_breakpoint_between_is_interpolated():
    state = CacheState()
    told(state, OPUS, prompt_of("abcd", markers=[1, 3]), read=0, written=3900)
    found = state.read(prompt_of("abX", at=9, markers=[1]), OPUS)
    assert (found.tokens, found.is_exact) == (2000, False)


def test_a_read_counts_the_place_where_it_ended():
    state = CacheState()
    told(state, OPUS, prompt_of("abcd", markers=[1, 3]), read=0, written=3900)
    told(state, OPUS, prompt_of("abX", at=5, markers=[1, 2]), read=1960, written=900)
    found = state.read(prompt_of("abY", at=9, markers=[1]), OPUS)
    assert (found.tokens, found.is_exact) == (1960, True)


def examples(question, **fields):
    """A marked head, eight messages that all prompts have, and a marked question."""
    pieces = [("system", "S"), *blocks(8), ("user", question)]
    return prompt_of(pieces, markers=[0, 9], sizes=[2000] + [1000] * 9, **fields)


def test_a_read_that_can_only_have_ended_at_one_place_counts_it_however_far_our_guess_was():
    state = CacheState()
    told(state, OPUS, examples("a"), read=0, written=10_700)
    told(state, OPUS, examples("b", at=5), read=3050, written=7650)
    found = state.read(examples("c", at=9), OPUS)
    assert (found.tokens, found.position, found.is_exact) == (3050, 0, True)


def test_what_was_read_is_used_anew_even_where_our_guess_of_it_was_far_too_high():
    state = CacheState()
    told(state, OPUS, prompt_of("aX", markers=[0, 1], sizes=[9000, 100]), read=0, written=4100)
    told(state, OPUS, prompt_of("aY", at=200, markers=[0, 1], sizes=[9000, 100]), read=4000, written=100)
    found = state.read(prompt_of("aZ", at=450, markers=[0, 1], sizes=[9000, 100]), OPUS)
    assert (found.tokens, found.is_exact) == (4000, True)


def test_a_count_stays_with_the_text_when_the_entry_is_written_anew():
    state = CacheState()
    told(state, OPUS, examples("a"), read=0, written=10_700)
    told(state, OPUS, examples("b", at=5), read=3050, written=7650)
    told(state, OPUS, examples("c", at=900), read=0, written=10_700)
    assert state.read(examples("d", at=905), OPUS).tokens == 3050


def test_a_count_far_above_the_minimum_shows_that_the_place_was_long_enough():
    state = CacheState()
    told(state, HAIKU, prompt_of("aX", markers=[0, 1], sizes=[3900, 600]), read=0, written=4800)
    told(state, HAIKU, prompt_of("aY", at=5, markers=[0, 1], sizes=[3900, 600]), read=4200, written=600)
    found = state.read(prompt_of("aZ", at=9, markers=[0, 1], sizes=[3900, 600]), HAIKU)
    assert (found.tokens, found.is_exact) == (4200, True)


def test_a_head_that_another_process_wrote_is_counted_if_no_other_place_can_have_been_read():
    state = CacheState()
    told(state, OPUS, prompt_of("aX", markers=[0, 1]), read=1700, written=900)
    found = state.read(prompt_of("aY", at=5, markers=[0, 1]), OPUS)
    assert (found.tokens, found.is_exact) == (1700, True)


@pytest.mark.parametrize(
    "turns",
    [
        [{"question": "a", "read": 3050, "written": 7650}, {"question": "b", "read": 3050, "written": 7650}],
        [{"question": "a", "read": 0, "written": 10_700}, {"question": "b", "read": 10_700, "written": 0}],
    ],
    ids=["no call of ours wrote it", "the whole question was asked elsewhere"],
)
def test_a_read_that_can_have_ended_elsewhere_counts_no_place(turns):
    state = CacheState()
    for at, turn in enumerate(turns):
        told(state, OPUS, examples(turn["question"], at=at * 5), read=turn["read"], written=turn["written"])
    found = state.read(examples("c", at=20), OPUS)
    assert (found.tokens, found.is_exact) == (2000, False)


def test_turns_that_another_process_had_are_not_taken_for_the_head():
    state = CacheState()
    sizes = [2000] + [1000] * 7
    told(state, OPUS, prompt_of("SX", markers=[0, 1], sizes=sizes), read=0, written=3000)
    told(state, OPUS, prompt_of("SabcdefZ", at=5, markers=[0, 7], sizes=sizes), read=7000, written=2000)
    found = state.read(prompt_of("SY", at=9, markers=[0, 1], sizes=sizes), OPUS)
    assert (found.tokens, found.is_exact) == (2000, False)


def test_of_two_breakpoints_without_a_count_the_nearer_one_is_not_overruled():
    state = CacheState()
    sizes = [3000, 900, 500]
    told(state, OPUS, prompt_of("abX", markers=[0, 1, 2], sizes=sizes), read=0, written=4400)
    told(state, OPUS, prompt_of("abY", at=5, markers=[0, 1, 2], sizes=sizes), read=3200, written=1200)
    found = state.read(prompt_of("abZ", at=9, markers=[0, 1, 2], sizes=sizes), OPUS)
    assert (found.tokens, found.is_exact) == (3900, False)


@pytest.mark.parametrize(
    ("markers", "cached", "short", "long"),
    [
        ([(0, 3600), (2, 3600), 4], 0, 2000, 3000),
        ([(0, 3600), (2, 3600), 4], 1000, 2000, 2000),
        ([(0, 3600), (2, 3600), 4], 3000, 2000, 0),
        ([(0, 3600), (2, 3600), 4], 5000, 0, 0),
        ([4], 2000, 3000, 0),
        ([(4, 3600)], 2000, 0, 3000),
        ([], 0, 0, 0),
    ],
)
def test_a_write_is_split_by_lifetime_between_hit_and_breakpoints(markers, cached, short, long):
    prompt = prompt_of("abcde", markers=markers)
    read = Reading(cached, cached // PIECE_TOKENS - 1)
    rule = OPUS._replace(minimum=1)
    assert CacheState().split(prompt, rule, read) == (short, long)


def test_what_was_read_whole_is_not_written_even_if_the_provider_counts_less():
    prompt = prompt_of("abc", markers=[2])
    assert CacheState().split(prompt, OPUS, Reading(2871, 2, is_exact=True)) == (0, 0)


# Anthropic: a brute force straight from the guide


class Request(NamedTuple):
    base: int
    kept: int
    added: list
    gap: float
    took: float
    spots: list
    is_automatic: bool
    ttl: int


KINDS = st.sampled_from(
    ["user", "assistant", "thinking", "tool_use", "tool_use", "tool_result", "tool_result"]
)
RUN = st.tuples(KINDS, st.integers(0, 1), st.integers(1, 12)).map(
    lambda run: [(run[0], run[1] + n) for n in range(run[2])]
)
REQUEST = st.builds(
    Request,
    base=st.integers(0, 5),
    kept=st.integers(0, 60),
    added=st.lists(RUN, max_size=5).map(lambda runs: [piece for run in runs for piece in run]),
    gap=st.sampled_from([0.0, 1.0, 5.0, 60.0, 299.0, 300.0, 301.0, 3599.0, 3600.0, 3700.0]),
    took=st.sampled_from([0.0, 0.5, 3.0, 240.0]),
    spots=st.lists(st.tuples(st.floats(0, 0.999), st.sampled_from([None, 300, 3600])), max_size=5),
    is_automatic=st.booleans(),
    ttl=st.sampled_from([300, 3600]),
)


class Brute:
    """The guide, word by word, with whole prefixes instead of hashes and every entry looked at."""

    def __init__(self, rule):
        self.rule = rule
        self.entries = []

    def breakpoints(self, pieces, request):
        """Place to lifetime; None where the API answers 400."""
        spots = {int(share * len(pieces)): ttl or 300 for share, ttl in request.spots}
        spots = {place: ttl for place, ttl in spots.items() if pieces and pieces[place][0] != "thinking"}
        cacheable = [place for place, (kind, _) in enumerate(pieces) if kind != "thinking"]
        if request.is_automatic and cacheable:
            if spots.get(cacheable[-1], request.ttl) != request.ttl:
                return {}
            if cacheable[-1] not in spots and len(spots) == 4:
                return {}
            spots[cacheable[-1]] = request.ttl
        return spots if len(spots) <= 4 else {}

    def positions(self, pieces):
        """Number of the position that each piece stands on."""
        numbers, number = [], 0
        for kind, run in groupby(pieces, key=lambda piece: piece[0]):
            length = len(list(run))
            if kind in ("tool_use", "tool_result") and self.rule.merges_runs:
                numbers += [number] * length
                number += 1
            else:
                numbers += range(number, number + length)
                number += length
        return numbers

    def is_open(self, entry, now):
        return now - entry["used"] <= entry["ttl"] and entry["visible"] <= now

    def read(self, pieces, request, now):
        numbers = self.positions(pieces)
        found = []
        for place, ttl in self.breakpoints(pieces, request).items():
            for entry in self.entries:
                end = len(entry["prefix"]) - 1
                if (
                    end <= place
                    and entry["prefix"] == tuple(pieces[: end + 1])
                    and numbers[place] - numbers[end] < 20
                    and entry["ttl"] == ttl
                    and self.is_open(entry, now)
                    and (end + 1) * 100 >= self.rule.minimum
                ):
                    found.append(end)
        return max(found, default=-1)

    def write(self, pieces, request, now):
        hit = self.read(pieces, request, now)
        for entry in self.entries:
            size = len(entry["prefix"])
            if size <= hit + 1 and entry["prefix"] == tuple(pieces[:size]) and self.is_open(entry, now):
                entry["used"] = now
        for place, ttl in self.breakpoints(pieces, request).items():
            self.add(tuple(pieces[: place + 1]), ttl, now, now + request.took)

    def add(self, prefix, ttl, now, visible):
        for entry in self.entries:
            if entry["prefix"] == prefix and entry["ttl"] == ttl:
                if now - entry["used"] <= ttl:
                    entry.update(used=now, visible=min(entry["visible"], visible))
                else:
                    entry.update(used=now, visible=visible)
                return
        self.entries.append({"prefix": prefix, "ttl": ttl, "used": now, "visible": visible})

    def bill(self, pieces, request, hit):
        """A, B and C of the guide."""
        spots = self.breakpoints(pieces, request)
        a = (hit + 1) * 100
        ends = {
            (place + 1) * 100: ttl for place, ttl in spots.items() if (place + 1) * 100 >= self.rule.minimum
        }
        b = max([end for end, ttl in ends.items() if ttl == 3600 and end > a], default=a)
        c = max([*ends, b])
        return c - b, b - a


def prompt_from(request, pieces, now):
    return prompt_of(
        pieces,
        at=now,
        took=request.took,
        markers=[(int(share * len(pieces)), ttl) for share, ttl in request.spots],
        mode="automatic" if request.is_automatic else None,
        ttl_s=request.ttl,
        sizes=[100] * len(pieces),
    )


def unique(request, pieces):
    """Two markers at one place are one: the later one counts, as in the brute force."""
    spots = {int(share * len(pieces)): (share, ttl) for share, ttl in request.spots}
    return request._replace(spots=list(spots.values()))


@settings(max_examples=400, deadline=None)
@given(
    requests=st.lists(REQUEST, min_size=2, max_size=8),
    rule=st.sampled_from([OPUS, BEDROCK, OPUS._replace(minimum=100), OPUS._replace(minimum=2048)]),
)
def test_claudes_rule_equals_the_brute_force(requests, rule):
    state, brute, seen, now = CacheState(), Brute(rule), [], 0.0
    for request in requests:
        now += request.gap
        base = seen[request.base % len(seen)] if seen else []
        pieces = [*base[: request.kept], *request.added]
        asked = unique(request, pieces)
        prompt = prompt_from(asked, pieces, now)
        found = state.read(prompt, rule)
        expected = brute.read(pieces, asked, now)
        assert (expected, (expected + 1) * 100) == (found.position, found.tokens)
        assert brute.bill(pieces, asked, expected) == state.split(prompt, rule, found)
        told(state, rule, prompt)
        brute.write(pieces, asked, now)
        seen.append(pieces)


@settings(max_examples=200, deadline=None)
@given(
    requests=st.lists(REQUEST, min_size=2, max_size=8),
    rule=st.sampled_from([OPUS, BREAKPOINTS, UNITS, INCREMENTS]),
)
def test_an_obstacle_less_never_makes_a_reading_shorter(requests, rule):
    state, seen, now = CacheState(), [], 0.0
    order = ["ttl", "concurrent", "look_back", "ttl_change", "minimum", "markers"]
    for request in requests:
        now += request.gap
        base = seen[request.base % len(seen)] if seen else []
        pieces = [*base[: request.kept], *request.added]
        prompt = prompt_from(request, pieces, now)
        tokens = [state.read(prompt, rule, relax=order[:count]).tokens for count in range(len(order) + 1)]
        assert tokens == sorted(tokens)
        shared = max(
            (sum(a == b for a, b in zip(chain(pieces), chain(old), strict=False)) for old in seen), default=0
        )
        if rule is OPUS:
            assert tokens[-1] == shared * 100
        told(state, rule, prompt)
        seen.append(pieces)


# OpenAI from GPT-5.6


def chat(*turns):
    """A developer message, then user and assistant turns as letters."""
    kinds = {"d": "developer", "u": "user", "a": "assistant", "r": "tool_result", "c": "tool_use"}
    return [(kinds[turn[0]], turn) for turn in turns]


def test_an_implicit_breakpoint_reads_the_whole_earlier_turn():
    state = after(BREAKPOINTS, prompt_of(chat("d1", "u1")))
    assert state.read(prompt_of(chat("d1", "u1", "a1", "u2"), at=9), BREAKPOINTS).tokens == 2000


def test_a_shared_start_with_a_new_question_is_written_every_time_and_never_read():
    state = after(BREAKPOINTS, prompt_of(chat("d1", "u1")), prompt_of(chat("d1", "u2"), at=5))
    third = prompt_of(chat("d1", "u3"), at=9)
    readings = [state.read(third, BREAKPOINTS, relax=relax).tokens for relax in ((), {"minimum", "markers"})]
    assert readings == [0, 1000]


def test_an_explicit_breakpoint_behind_the_shared_start_is_read():
    sizes = [4012, 8]
    state = after(BREAKPOINTS, prompt_of(chat("d1", "u1"), markers=[0], mode="explicit", sizes=sizes))
    found = state.read(
        prompt_of(chat("d1", "u2"), at=9, markers=[0], mode="explicit", sizes=sizes), BREAKPOINTS
    )
    assert (found.tokens, found.position) == (4012, 0)


def test_explicit_mode_without_a_breakpoint_is_no_caching():
    state = after(BREAKPOINTS, prompt_of(chat("d1", "u1")))
    prompt = prompt_of(chat("d1", "u1"), at=9, mode="explicit")
    assert (state.writes(prompt, BREAKPOINTS), state.read(prompt, BREAKPOINTS).tokens) == ((), 0)


def test_a_switch_to_explicit_mode_loses_the_implicit_prefixes():
    state = after(BREAKPOINTS, prompt_of(chat("d1", "u1")))
    grown = chat("d1", "u1", "a1", "u2")
    assert state.read(prompt_of(grown, at=9, markers=[0], mode="explicit"), BREAKPOINTS).tokens == 0


def test_a_message_that_was_lengthened_has_lost_its_old_end():
    first = [("developer", 1), ("user", 1)]
    state = after(BREAKPOINTS, prompt_of(first, messages=[0, 1]))
    longer = prompt_of([*first, ("user", 2)], at=9, messages=[0, 1, 1])
    assert state.read(longer, BREAKPOINTS).tokens == 0


def test_a_developer_message_in_the_middle_is_no_boundary():
    prompt = prompt_of(chat("d1", "u1", "a1", "d2"))
    assert CacheState().writes(prompt, BREAKPOINTS) == (Marker(1, 1800),)


@pytest.mark.parametrize(
    ("turns", "markers", "mode", "expected"),
    [
        (("d1", "d2", "u1"), [], None, [2]),
        (("d1", "d2"), [], None, [1]),
        (("u1", "c1", "c2", "r1", "r2"), [], None, [4]),
        (("u1", "c1", "r1", "a1"), [], None, [2]),
        (("u1", "a1", "u2", "a2", "u3", "a3", "u4"), [0, 1, 2, 3, 4], None, [2, 3, 4, 6]),
        (("u1", "a1", "u2", "a2", "u3", "a3", "u4"), [0, 1, 2, 3, 4], "implicit", [2, 3, 4, 6]),
        (("u1", "a1", "u2", "a2", "u3", "a3", "u4"), [0, 1, 2, 3, 4], "explicit", [1, 2, 3, 4]),
        (("a1",), [], None, []),
    ],
)
def test_a_request_writes_at_most_four_breakpoints_the_latest_ones(turns, markers, mode, expected):
    prompt = prompt_of(chat(*turns), markers=markers, mode=mode)
    assert expected == [marker.position for marker in CacheState().writes(prompt, BREAKPOINTS)]


@pytest.mark.parametrize(("turns", "position"), [(20, 1), (21, -1)])
def test_twenty_earlier_message_ends_are_looked_up(turns, position):
    def conversation(count):
        return chat("u0", "u1", *[f"u{number}" for number in range(2, count)])

    state = after(BREAKPOINTS, prompt_of(conversation(2)))
    grown = prompt_of(conversation(2 + turns), at=9)
    assert (position, 1) == (
        state.read(grown, BREAKPOINTS).position,
        state.read(grown, BREAKPOINTS, relax={"look_back"}).position,
    )


def test_the_end_of_the_first_developer_block_is_always_looked_up():
    head = chat("d1", "d2")
    state = after(BREAKPOINTS, prompt_of(head))
    grown = prompt_of([*head, *chat(*[f"u{number}" for number in range(40)])], at=9)
    assert state.read(grown, BREAKPOINTS).position == 1


@pytest.mark.parametrize(("written", "tokens"), [(1, 2000), (2, 0), (49, 0), (50, 51000)])
def test_the_first_two_and_the_latest_fifty_explicit_breakpoints_are_looked_up(written, tokens):
    pieces = chat(*[f"u{number}" for number in range(100)])
    state = after(BREAKPOINTS, prompt_of(pieces[: written + 1], markers=[written], mode="explicit"))
    prompt = prompt_of(pieces, at=9, markers=range(100), mode="explicit")
    assert state.read(prompt, BREAKPOINTS).tokens == tokens


@pytest.mark.parametrize(
    ("ttl_s", "gap", "tokens"), [(None, 1800, 2000), (None, 1801, 0), (43200, 43200, 2000)]
)
def test_a_breakpoint_of_openais_lives_half_an_hour_or_twelve(ttl_s, gap, tokens):
    state = after(BREAKPOINTS, prompt_of(chat("d1", "u1"), ttl_s=ttl_s))
    assert state.read(prompt_of(chat("d1", "u1"), at=gap, ttl_s=ttl_s), BREAKPOINTS).tokens == tokens


def test_a_read_of_openais_is_counted_exactly():
    state = CacheState()
    sizes = [4000, 20]
    told(
        state,
        BREAKPOINTS,
        prompt_of(chat("u1", "u2"), markers=[0], mode="explicit", sizes=sizes),
        read=0,
        written=4012,
    )
    found = state.read(
        prompt_of(chat("u1", "u3"), at=9, markers=[0], mode="explicit", sizes=sizes), BREAKPOINTS
    )
    assert (found.tokens, found.is_exact) == (4012, True)


def test_counts_below_the_minimum_say_nothing_of_places():
    state = CacheState()
    told(state, BREAKPOINTS, prompt_of(chat("u1"), sizes=[115]), read=0, written=27)
    found = state.read(prompt_of(chat("u1"), at=9, sizes=[115]), BREAKPOINTS, relax={"minimum"})
    assert (found.tokens, found.is_exact) == (115, False)


# Plain prefixes


@pytest.mark.parametrize(
    ("sizes", "partial", "tokens"),
    [
        ([1000, 1000, 500], 0, 1920),
        ([1000, 1000, 500], 47, 1920),
        ([1000, 1000, 500], 48, 2048),
        ([500, 500, 500], 0, 0),
        ([500, 500, 500], 24, 1024),
    ],
)
def test_older_openai_models_read_multiples_of_128_from_1024(sizes, partial, tokens):
    state = after(INCREMENTS, prompt_of("abc", sizes=sizes))
    assert state.read(prompt_of("abX", at=9, sizes=sizes), INCREMENTS, partial=partial).tokens == tokens


def test_a_shared_start_of_the_first_piece_counts_alone():
    state = after(INCREMENTS, prompt_of("a", sizes=[3000]))
    found = state.read(prompt_of("X", at=9, sizes=[3000]), INCREMENTS, partial=2000)
    assert (found.tokens, found.position) == (1920, -1)


@pytest.mark.parametrize(
    ("provider", "size", "tokens"),
    [("x_ai", 320, 256), ("zai", 225, 224), ("vllm", 400, 384), ("groq", 384, 256)],
)
def test_the_last_token_is_always_computed(provider, size, tokens):
    rule = GENERIC[provider]
    state = after(rule, prompt_of("a", sizes=[size]))
    assert state.read(prompt_of("a", at=9, sizes=[size]), rule).tokens == tokens


@pytest.mark.parametrize(
    ("ttl_s", "gap", "tokens"), [(None, 300, 1920), (None, 301, 0), (86400, 1800, 1920), (86400, 1801, 0)]
)
def test_a_prefix_is_relied_on_for_the_shortest_time_that_the_guide_names(ttl_s, gap, tokens):
    state = after(INCREMENTS, prompt_of("abc", ttl_s=ttl_s))
    late = prompt_of("abX", at=gap, ttl_s=ttl_s)
    assert (state.read(late, INCREMENTS).tokens, state.read(late, INCREMENTS, relax={"ttl"}).tokens) == (
        tokens,
        1920,
    )


def test_a_prefix_can_be_read_once_its_writers_answer_has_begun():
    state = after(INCREMENTS, prompt_of("ab"), prompt_of("abcd", at=5, took=10.0))
    early = prompt_of("abcX", at=9)
    assert (
        state.read(early, INCREMENTS).tokens,
        state.read(early, INCREMENTS, relax={"concurrent"}).tokens,
    ) == (
        1920,
        2944,
    )


def test_keys_that_nobody_ever_had_end_the_prefix():
    state = after(INCREMENTS, prompt_of("abc"))
    prompt = prompt_of("abc", at=9)
    assert state.read(prompt._replace(keys=[*prompt.keys[:2], -3]), INCREMENTS).tokens == 1920


def test_a_prompt_of_nothing_reads_nothing():
    state = after(INCREMENTS, prompt_of([]))
    assert state.read(prompt_of([]), INCREMENTS) == state.read(prompt_of([]), OPUS) == Reading()


# DeepSeek


def test_deepseek_reads_a_shared_start_from_the_third_request_on():
    state, tokens = CacheState(), []
    for at, question in enumerate("BCD"):
        prompt = prompt_of([("system", "A"), ("user", question)], at=float(2 * at))
        tokens.append(state.read(prompt, UNITS).tokens)
        told(state, UNITS, prompt)
    assert tokens == [0, 0, 896]


@pytest.mark.parametrize(
    ("sizes", "tokens"),
    [
        ([348, 65, 38], 384),
        ([451, 21, 23], 384),
        ([495, 65, 38], 512),
        ([297, 35, 21], 256),
        ([875, 79, 22], 896),
    ],
)
def test_deepseek_reads_to_the_end_of_the_earlier_answer_in_steps_of_128(sizes, tokens):
    """Input, output, what came after: the counts of recorded calls, and what the follow-up call read."""
    state = after(UNITS, prompt_of([("user", 1)], sizes=sizes[:1]))
    grown = prompt_of([("user", 1), ("assistant", 2), ("tool_result", 3)], at=9, sizes=sizes)
    assert state.read(grown, UNITS).tokens == tokens


def test_a_unit_where_two_requests_parted_has_no_answer():
    head = [("system", 1), ("user", 1)]
    state = after(UNITS, *[prompt_of([*head, ("user", number)], at=float(5 * number)) for number in (1, 2)])
    grown = prompt_of([*head, ("assistant", 1), ("user", 9)], at=99)
    assert state.read(grown, UNITS).position == 1


# xAI

GROK, GROK_CODE = (rule_for("x_ai", "openai", model, 0) for model in ("grok-4-fast", "grok-code-fast-1"))


@pytest.mark.parametrize(
    ("rule", "sizes", "tokens"),
    [
        (GROK, [361, 120, 12], 481),
        (GROK_CODE, [470, 219, 52], 640),
        (GROK_CODE, [390, 103, 13], 448),
    ],
)
def test_xai_reads_to_the_end_of_the_earlier_answer(rule, sizes, tokens):
    """Input, output with reasoning (of two tool calls the first), what came after, and what was then read."""
    state = after(rule, prompt_of([("user", 1)], sizes=sizes[:1]))
    grown = prompt_of([("user", 1), ("tool_use", 2), ("tool_result", 3)], at=9, sizes=sizes)
    assert state.read(grown, rule).tokens == tokens


def test_what_follows_the_middle_of_an_earlier_prompt_is_no_answer_to_it():
    state = after(GROK, prompt_of([("user", 1), ("assistant", 2), ("user", 3)]))
    edited = prompt_of([("user", 1), ("assistant", 9), ("user", 3)], at=9)
    assert state.read(edited, GROK).tokens == PIECE_TOKENS
    assert state.read(edited, GROK, partial=300).tokens == PIECE_TOKENS + 300


def test_an_answer_is_kept_as_long_as_its_prompt():
    state = after(GROK, prompt_of([("user", 1)]))
    late = prompt_of([("user", 1), ("assistant", 2), ("user", 3)], at=GROK.ttl_s + 5)
    assert state.read(late, GROK).tokens == 0
    assert state.read(late, GROK, relax={"ttl"}).tokens == 2 * PIECE_TOKENS


def test_other_prefix_caches_keep_no_answers():
    state = after(INCREMENTS, prompt_of([("user", 1)], sizes=[1920]))
    grown = prompt_of([("user", 1), ("assistant", 2), ("user", 3)], at=9, sizes=[1920, 640, 640])
    assert state.read(grown, INCREMENTS).tokens == 1920


# Memory


@pytest.mark.parametrize("rule", [OPUS, INCREMENTS, UNITS, GROK])
def test_the_state_stays_within_its_bound(rule):
    state = CacheState(max_bytes=2 << 20)
    for number in range(3000):
        pieces = [("user", number), *blocks(5, start=number)]
        told(state, rule, prompt_of(pieces, at=float(number), markers=[1, 3, 5]), tag=number)
    assert state.nbytes <= 2 << 20
    newest = prompt_of(pieces, at=3001.0, markers=[1, 3, 5])
    assert state.read(newest, rule).tokens > 5000
