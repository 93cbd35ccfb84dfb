"""Which lifetime, and which breakpoints, would have been cheapest? Tried out on the calls themselves."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from llm_observer.cache.charge import cost_of
from llm_observer.cache.kinds import KINDS
from llm_observer.cache.placement import (
    PLACEABLE,
    Best,
    Priced,
    best_placement,
    bound,
    cost_under,
    weights_of,
)
from llm_observer.cache.rates import Rates
from llm_observer.cache.replay import Replay
from llm_observer.cache.replayed import ReplayedCall
from llm_observer.cache.slots import Placement, words_of
from llm_observer.cache.what_if import LIFETIMES, Difference, WhatIf, as_sent, replayed_with, variant_of

__all__ = ["Advice", "Answer", "BestTtl", "ask", "best_ttl", "what_to_do"]

MAX_SAMPLE = 80
"""Newest calls of a group on which placements are tried; what is found is then applied to all."""
MAX_SEARCHES = 8
"""Groups with the most input for which placements are searched."""
_NAMES = {seconds: name for name, seconds in LIFETIMES.items()}
RatesOf = Callable[[ReplayedCall], Rates]


class BestTtl(NamedTuple):
    """The cheapest lifetime for some calls. costs: of each lifetime, in tokens of uncached input."""

    ttl_s: int
    costs: Mapping[int, Decimal]
    difference: Difference


class Advice(NamedTuple):
    """One thing to change for a group of calls. bound: share of their cost that no placement can go below."""

    scope: str
    name: str
    sentence: str
    difference: Difference
    ttl_s: int | None = None
    placement: Placement | None = None
    is_exhaustive: bool | None = None
    bound: float | None = None


class Answer(NamedTuple):
    """What became of the calls. groups, conversations: what is best for each, most money first."""

    total: Difference
    models: Mapping[str, Difference]
    groups: list[Advice]
    conversations: list[Advice]


def ask(replay: Replay, what: WhatIf) -> Answer:
    """The calls of *replay* under *what*, beside the calls as they were sent."""
    calls = replay.calls()
    groups = _by(calls, lambda call: call.group)
    talks = _by(calls, lambda call: call.conversation) if what.is_ttl_best else {}
    placements = _placements(groups, replay.rates_of, what) if what.is_placed_best else {}
    is_ttl_open = what.is_ttl_best and not what.is_placed_best
    ttls = _ttls(groups, replay.rates_of) if is_ttl_open else {}
    change = variant_of(
        what,
        {name: best.placement for name, (best, _) in placements.items()},
        {name: best.ttl_s for name, best in ttls.items()},
    )
    total = Difference()
    models: dict[str, Difference] = {}
    by_group: dict[str, Difference] = {}
    for call, (sent, changed) in replayed_with(calls, (as_sent(), change)):
        rates = replay.rates_of(call)
        for sums in (
            total,
            models.setdefault(call.model, Difference()),
            by_group.setdefault(call.group, Difference()),
        ):
            sums.add(call, sent, changed, rates)
    advice = [_placed(name, *found, by_group[name]) for name, found in placements.items()]
    advice += [_lasting("call site", name, best) for name, best in ttls.items()]
    told = [_lasting("conversation", name, best) for name, best in _ttls(talks, replay.rates_of).items()]
    return Answer(total, models, _ranked(advice), _ranked(told))


def best_ttl(calls: Sequence[ReplayedCall], rates_of: RatesOf) -> BestTtl | None:
    """The lifetime under which *calls* cost least by themselves; None where nothing is known to choose from.

    calls: in the order of their start. If two cost the same, the shorter one.
    """
    ttls = calls[0].rule.ttls_s
    variants = [as_sent(), *(variant_of(WhatIf(ttl_s=ttl)) for ttl in ttls)]
    differences = [Difference() for _ in ttls]
    is_priced = [True for _ in ttls]
    for call, (sent, *changed) in replayed_with(calls, variants):
        rates = rates_of(call)
        for place, charge in enumerate(changed):
            is_priced[place] &= cost_of(charge, rates) is not None
            differences[place].add(call, sent, charge, rates)
    found = {ttl: one for ttl, one, is_known in zip(ttls, differences, is_priced, strict=True) if is_known}
    if not found:
        return None
    best = min(found, key=lambda ttl: (found[ttl].changed_cost, ttl))
    return BestTtl(best, {ttl: one.changed_cost for ttl, one in found.items()}, found[best])


def what_to_do(what: WhatIf) -> str:
    """The change in a sentence or a few."""
    parts = []
    if what.is_stable:
        parts.append("Remove what changes from call to call: `llm-observer cache` ranks where.")
    parts += [KINDS[kind].advice for kind in sorted(what.without)]
    if what.relax:
        parts.append("The obstacles named are left out; what keeps them off is in docs/cache-breakers.md.")
    if what.ttl_s is not None:
        parts.append(_ttl_words(what.ttl_s))
    if what.is_automatic:
        parts.append(
            'Send the top-level `cache_control: {"type": "ephemeral"}` (OpenAI: no mode), and no markers.'
        )
    if what.slots is not None:
        parts.append(_slot_words(Placement(what.slots)))
    return " ".join(parts)


def _ttls(groups: Mapping[str, Sequence[ReplayedCall]], rates_of: RatesOf) -> dict[str, BestTtl]:
    """The best lifetime of each group that has a choice."""
    found = {
        name: best_ttl(calls, rates_of) for name, calls in groups.items() if len(calls[0].rule.ttls_s) > 1
    }
    return {name: best for name, best in found.items() if best is not None}


def _placements(
    groups: Mapping[str, Sequence[ReplayedCall]], rates_of: RatesOf, what: WhatIf
) -> dict[str, tuple[Best, float]]:
    """The best breakpoints of the largest groups, and the share of the cost that none can go below."""
    able = {name: calls for name, calls in groups.items() if calls[0].rule.id in PLACEABLE}
    largest = sorted(able, key=lambda name: _input(able[name]), reverse=True)[:MAX_SEARCHES]
    found = {name: _searched(able[name][-MAX_SAMPLE:], rates_of, what) for name in largest}
    return {name: best for name, best in found.items() if best is not None}


def _searched(calls: Sequence[ReplayedCall], rates_of: RatesOf, what: WhatIf) -> tuple[Best, float] | None:
    """The best placement for *calls*; None if none is cheaper than what they have."""
    change = variant_of(what).change
    priced = []
    for call in calls:
        weights = weights_of(rates_of(call))
        if weights is not None:
            priced.append(Priced(change(call, *call.prompt_and_stable()), call.rule, weights))
    if not priced:
        return None
    ttls = calls[0].rule.ttls_s if what.is_ttl_best else (what.ttl_s or _asked(priced),)
    best = min((best_placement(priced, ttl_s=ttl) for ttl in ttls), key=lambda found: found.cost)
    if best.cost >= cost_under(priced, None):
        return None
    return best, bound(priced, ttl_s=best.placement.ttl_s) / best.cost if best.cost else 1.0


def _asked(calls: Sequence[Priced]) -> int | None:
    """The lifetime that is mostly asked for."""
    asked = Counter(
        ttl
        for call in calls
        for ttl in ([marker.ttl_s for marker in call.prompt.markers] or [call.prompt.ttl_s])
    )
    return asked.most_common(1)[0][0]


def _input(calls: Iterable[ReplayedCall]) -> int:
    return sum(call.total for call in calls if call.total is not None)


def _by(calls: Iterable[ReplayedCall], key: Callable[[ReplayedCall], str]) -> dict[str, list[ReplayedCall]]:
    found: dict[str, list[ReplayedCall]] = {}
    for call in calls:
        found.setdefault(key(call), []).append(call)
    return found


def _placed(name: str, best: Best, share: float, difference: Difference) -> Advice:
    return Advice(
        "call site",
        name,
        _slot_words(best.placement),
        difference,
        ttl_s=best.placement.ttl_s,
        placement=best.placement,
        is_exhaustive=best.is_exhaustive,
        bound=share,
    )


def _lasting(scope: str, name: str, best: BestTtl) -> Advice:
    return Advice(scope, name, _ttl_words(best.ttl_s), best.difference, ttl_s=best.ttl_s)


def _ttl_words(ttl_s: int) -> str:
    return f"Ask for a lifetime of {_NAMES[ttl_s]} at every breakpoint."


def _slot_words(placement: Placement) -> str:
    """What to do for a placement, in a sentence."""
    mode = " and switch to the mode `explicit`" if placement.mode == "explicit" else ""
    if not placement.slots:
        return f"Set no breakpoints{mode}."
    places = [words_of(slot) for slot in placement.slots]
    ttl = "" if placement.ttl_s is None else f" with a lifetime of {_NAMES[placement.ttl_s]}"
    many = "a breakpoint" if len(places) == 1 else f"{len(places)} breakpoints"
    listed = places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"
    return f"Set {many}{ttl} on {listed}{mode}, and no others."


def _ranked(advice: Iterable[Advice]) -> list[Advice]:
    return sorted(advice, key=lambda one: (one.difference.saved_usd, one.difference.saved_cost), reverse=True)
