"""Where should up to four breakpoints stand? The simulator judges; what cannot win any more is left early.

Few calls and slots: all choices are tried. More: from the best single one on, slots are added, left out and
swapped until nothing gets cheaper. The bound tells what no placement at all could beat.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from llm_observer.cache.charge import charged
from llm_observer.cache.index import PrefixIndex
from llm_observer.cache.prompt import Mode, Prompt
from llm_observer.cache.rates import Rates
from llm_observer.cache.rules import Rule
from llm_observer.cache.simulator import CacheState
from llm_observer.cache.slots import Placement, places_of

__all__ = ["Best", "Priced", "best_placement", "bound", "cost_under", "weights_of"]

MAX_TRIALS = 24_000
"""Calls that may be simulated to try all choices."""
MAX_ROUNDS = 8
STATE_BYTES = 16 << 20
EQUAL = 1e-9
"""Costs closer than this share are equal: the placement with fewer breakpoints wins."""
PLACEABLE = frozenset({"anthropic", "openai_breakpoints"})
MODES: dict[str, tuple[Mode | None, ...]] = {"openai_breakpoints": (None, "explicit")}


class Priced(NamedTuple):
    """A prompt, and what a token of it costs: plain, read, written, and written for long; plain is 1."""

    prompt: Prompt
    rule: Rule
    weights: tuple[float, float, float, float]


class Best(NamedTuple):
    """The cheapest placement. cost: in tokens of uncached input. is_exhaustive: all choices were tried."""

    placement: Placement
    cost: float
    is_exhaustive: bool


def weights_of(rates: Rates) -> tuple[float, float, float, float] | None:
    """Prices as plain numbers, None if not known; a long write without a price is never cheapest."""
    if rates.read is None or rates.short is None:
        return None
    return 1.0, float(rates.read), float(rates.short), math.inf if rates.long is None else float(rates.long)


def best_placement(
    calls: Sequence[Priced], *, ttl_s: int | None = None, max_markers: int = 4, max_trials: int = MAX_TRIALS
) -> Best:
    """The placement under which *calls*, in order of their start, cost least. ttl_s: of all breakpoints."""
    return _Search(calls, ttl_s, max_markers, max_trials).best()


def cost_under(calls: Sequence[Priced], placement: Placement | None) -> float:
    """What *calls* cost together under *placement*, None: as sent; in tokens of uncached input."""
    return _cost(calls, placement, math.inf, [0.0] * (len(calls) + 1))


def bound(calls: Sequence[Priced], *, ttl_s: int | None = None) -> float:
    """A cost that no breakpoints can beat, not even free ones on every call, as many as it likes.

    Each piece is paid by whoever sends it first, or first after its lifetime, and is read by all others; it
    is written only where that pays.
    """
    index = PrefixIndex()
    open_pieces: dict[int, tuple[float, float]] = {}
    total = 0.0
    for call in calls:
        prompt, (_, read, short, long) = call.prompt, call.weights
        live_s = call.rule.live_s(ttl_s)
        write = long if live_s > call.rule.ttl_s else short
        known = index.match(prompt.keys, prompt.started_s, live_s)
        sizes = _sizes(prompt)
        for key, size in zip(prompt.keys[:known], sizes, strict=False):
            cached, plain = open_pieces[key]
            open_pieces[key] = cached + read * size, plain + size
        for key, size in zip(prompt.keys[known:], sizes[known:], strict=True):
            total += min(open_pieces.pop(key, (0.0, 0.0)))
            open_pieces[key] = write * size, float(size)
        index.touch(prompt.keys, prompt.started_s)
    return total + sum(map(min, open_pieces.values()))


def _sizes(prompt: Prompt) -> list[int]:
    return [end - start for start, end in zip((0, *prompt.ends), prompt.ends, strict=False)]


def _cost(calls: Sequence[Priced], placement: Placement | None, below: float, rest: Sequence[float]) -> float:
    """The cost; inf as soon as it can't be *below*. rest: what each call and all after it cost at least."""
    state = CacheState(max_bytes=STATE_BYTES)
    cost = 0.0
    for tag, call in enumerate(calls):
        prompt = call.prompt if placement is None else placement.on(call.prompt)
        charge = charged(state, prompt, call.rule, tag=tag)
        cost += sum(count * weight for count, weight in zip(charge, call.weights, strict=True) if count)
        if cost + rest[tag + 1] >= below:
            return math.inf
    return cost


def _least(calls: Sequence[Priced]) -> list[float]:
    """What each call and all after it cost at least: what any earlier one had is read, nothing is written."""
    ends: dict[int, int] = {}
    costs = []
    for call in calls:
        known = 0
        for key, end in zip(call.prompt.keys, call.prompt.ends, strict=True):
            if key not in ends:
                break
            known = max(end, ends[key])
        total = call.prompt.ends[-1]
        known = min(known, total)
        costs.append(total - known + known * call.weights[1])
        for key, end in zip(call.prompt.keys, call.prompt.ends, strict=True):
            ends[key] = max(end, ends.get(key, 0))
    rest = [0.0]
    for cost in reversed(costs):
        rest.append(rest[-1] + cost)
    return rest[::-1]


class _Search:
    """One search. A choice is some slots, and a mode of OpenAI's."""

    def __init__(self, calls: Sequence[Priced], ttl_s: int | None, most: int, max_trials: int) -> None:
        self._calls, self._ttl_s, self._most, self._max_trials = calls, ttl_s, most, max_trials
        self._rest = _least(calls)
        self._slots = _distinct(calls)
        self._tried: set[tuple[frozenset[str], Mode | None]] = set()
        self._best = Placement(ttl_s=ttl_s)
        self._cost = math.inf

    def best(self) -> Best:
        modes = MODES.get(self._calls[0].rule.id, (None,)) if self._calls else (None,)
        sizes = range(min(self._most, len(self._slots)) + 1)
        trials = len(modes) * len(self._calls) * sum(math.comb(len(self._slots), size) for size in sizes)
        is_exhaustive = trials <= self._max_trials
        for size in sizes if is_exhaustive else sizes[:2]:
            for slots in combinations(self._slots, size):
                for mode in modes:
                    self._try(slots, mode)
        for _ in range(0 if is_exhaustive else MAX_ROUNDS):
            before = self._best
            for slots in list(self._neighbours(before.slots)):
                for mode in modes:
                    self._try(slots, mode)
            if self._best == before:
                break
        return Best(self._best, self._cost, is_exhaustive)

    def _try(self, slots: Sequence[str], mode: Mode | None) -> None:
        choice = frozenset(slots), mode
        if choice in self._tried:
            return
        self._tried.add(choice)
        placement = Placement(tuple(slot for slot in self._slots if slot in slots), mode, self._ttl_s)
        cost = _cost(self._calls, placement, self._cost * (1 - EQUAL), self._rest)
        if cost < self._cost:
            self._best, self._cost = placement, cost

    def _neighbours(self, slots: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """One more, one less, one in the place of another."""
        others = [slot for slot in self._slots if slot not in slots]
        fewer = [tuple(slot for slot in slots if slot != gone) for gone in slots]
        yield from fewer
        bases = fewer if len(slots) >= self._most else [tuple(slots), *fewer]
        yield from ((*base, slot) for base in bases for slot in others)


def _distinct(calls: Sequence[Priced]) -> list[str]:
    """Slots that are no other one's place on every call; the first name stays."""
    places = [places_of(call.prompt) for call in calls]
    names = dict.fromkeys(slot for found in places for slot in found)
    seen: dict[tuple[int | None, ...], str] = {}
    for slot in names:
        seen.setdefault(tuple(found.get(slot) for found in places), slot)
    return list(seen.values())
