"""Which lifetime, and which breakpoints, would have been cheapest? Tried out on the calls themselves."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from llm_observer.cache.charge import cost_of
from llm_observer.cache.kinds import KINDS
from llm_observer.cache.placement import (
    PLACEABLE,
    Priced,
    best_placement,
    bound,
    weights_of,
)
from llm_observer.cache.rates import Rates
from llm_observer.cache.replay import Replay
from llm_observer.cache.replayed import ReplayedCall
from llm_observer.cache.slots import Placement, words_of
from llm_observer.cache.what_if import LIFETIMES, Difference, WhatIf, as_sent, replayed_with, variant_of

__all__ = ["Advice", "Answer", "BestTtl", "Choice", "ask", "best_ttl", "what_to_do"]

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


class Choice(NamedTuple):
    """Breakpoints and lifetime for a group; None: as sent.

    is_exhaustive: all breakpoints by rule were tried. bound: the share of the tried calls' cost that no
    breakpoints at all can go below.
    """

    ttl_s: int | None
    placement: Placement | None = None
    is_exhaustive: bool | None = None
    bound: float | None = None


class Advice(NamedTuple):
    """What to choose for a conversation, or for the calls of a call site, and what comes of it."""

    scope: str
    name: str
    choice: Choice
    difference: Difference

    @property
    def sentence(self) -> str:
        """What to do."""
        if self.choice.placement is not None:
            return _slot_words(self.choice.placement)
        ttl_s = self.choice.ttl_s
        return "Leave the breakpoints as they are." if ttl_s is None else _ttl_words(ttl_s)


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
    choices = _choices(groups, replay.rates_of, what)
    change = variant_of(
        what,
        {name: one.placement for name, one in choices.items() if one.placement is not None},
        {name: one.ttl_s for name, one in choices.items() if one.ttl_s is not None},
    )
    total = Difference()
    models: dict[str, Difference] = {}
    by_group: dict[str, Difference] = {}
    for call, (sent, changed) in replayed_with(calls, (as_sent(), change)):
        for sums in (
            total,
            models.setdefault(call.model, Difference()),
            by_group.setdefault(call.group, Difference()),
        ):
            sums.add(call, sent, changed, replay.rates_of(call))
    told = [Advice("call site", name, one, by_group[name]) for name, one in choices.items()]
    return Answer(total, models, _ranked(told), _ranked(_lifetimes(calls, replay.rates_of, what)))


def best_ttl(
    calls: Sequence[ReplayedCall],
    rates_of: RatesOf,
    what: WhatIf = WhatIf(),  # noqa: B008 - immutable
) -> BestTtl | None:
    """The lifetime under which *calls* cost least by themselves; None where nothing is known to choose from.

    calls: in the order of their start. what: else to be changed. If two cost the same, the shorter one.
    """
    ttls = calls[0].rule.ttls_s
    open_what = what._replace(is_ttl_best=False, is_placed_best=False)
    variants = [as_sent(), *(variant_of(open_what._replace(ttl_s=ttl)) for ttl in ttls)]
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


def _lifetimes(calls: Sequence[ReplayedCall], rates_of: RatesOf, what: WhatIf) -> Iterator[Advice]:
    """The best lifetime of each conversation by itself."""
    talks = _by(calls, lambda call: call.talk) if what.is_ttl_best else {}
    for key, best in _ttls(talks, rates_of, what).items():
        yield Advice("conversation", talks[key][0].conversation, Choice(best.ttl_s), best.difference)


def _choices(
    groups: Mapping[str, Sequence[ReplayedCall]], rates_of: RatesOf, what: WhatIf
) -> dict[str, Choice]:
    """What is best for each group, of that which *what* leaves open; only the largest are searched."""
    if what.is_placed_best:
        able = {name: calls for name, calls in groups.items() if calls[0].rule.id in PLACEABLE}
        largest = sorted(able, key=lambda name: _input(able[name]), reverse=True)[:MAX_SEARCHES]
        return {name: _chosen(able[name], rates_of, what) for name in largest}
    ttls = _ttls(groups, rates_of, what) if what.is_ttl_best else {}
    return {name: Choice(best.ttl_s) for name, best in ttls.items()}


def _ttls(
    groups: Mapping[str, Sequence[ReplayedCall]], rates_of: RatesOf, what: WhatIf
) -> dict[str, BestTtl]:
    """The best lifetime of each group that has a choice."""
    open_ones = {name: calls for name, calls in groups.items() if len(calls[0].rule.ttls_s) > 1}
    found = {name: best_ttl(calls, rates_of, what) for name, calls in open_ones.items()}
    return {name: best for name, best in found.items() if best is not None}


def _chosen(calls: Sequence[ReplayedCall], rates_of: RatesOf, what: WhatIf) -> Choice:
    """The best breakpoints: found on a sample for each lifetime, then compared on all calls."""
    bare = what._replace(is_placed_best=False, is_ttl_best=False)
    sample = _priced(_sample(calls), rates_of, bare)
    ttls = calls[0].rule.ttls_s if what.is_ttl_best else (what.ttl_s,)
    choices = [Choice(ttl) for ttl in dict.fromkeys((what.ttl_s, *ttls))]
    choices += [_searched(sample, ttl) for ttl in (ttls if sample else ())]
    variants = [
        variant_of(
            bare,
            {} if one.placement is None else {calls[0].group: one.placement},
            {} if one.ttl_s is None else {calls[0].group: one.ttl_s},
        )
        for one in choices
    ]
    costs = [Decimal(0) for _ in choices]
    for call, charges in replayed_with(calls, variants):
        rates = rates_of(call)
        for place, charge in enumerate(charges):
            cost = cost_of(charge, rates)
            costs[place] += Decimal("Infinity") if cost is None and rates.read is not None else cost or 0
    return choices[costs.index(min(costs))]


def _searched(sample: Sequence[Priced], ttl_s: int | None) -> Choice:
    asked = ttl_s or _asked(sample)
    best = best_placement(sample, ttl_s=asked)
    share = min(bound(sample, ttl_s=asked) / best.cost, 1.0) if best.cost else 1.0
    return Choice(asked, best.placement, best.is_exhaustive, share)


def _sample(calls: Sequence[ReplayedCall]) -> list[ReplayedCall]:
    """The newest conversations, from their start, up to MAX_SAMPLE calls; in the order of their start."""
    talks = _by(calls, lambda call: call.talk)
    newest = sorted(talks.values(), key=lambda talk: talk[-1].bare.started_s, reverse=True)
    found: list[ReplayedCall] = []
    for talk in newest:
        found += talk[: MAX_SAMPLE - len(found)]
        if len(found) >= MAX_SAMPLE:
            break
    return sorted(found, key=lambda call: call.bare.started_s)


def _priced(calls: Iterable[ReplayedCall], rates_of: RatesOf, what: WhatIf) -> list[Priced]:
    change = variant_of(what).change
    rows = ((call, weights_of(rates_of(call))) for call in calls)
    return [
        Priced(change(call, *call.prompt_and_stable()), call.rule, weights)
        for call, weights in rows
        if weights is not None
    ]


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
