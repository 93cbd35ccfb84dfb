"""What would the same calls have paid with other prompts? A short specification, and the replay of it.

`no-breakers` · `without=timestamp` · `ttl=1h` · `ttl=best` · `breakpoints=auto` · `breakpoints=best` ·
`breakpoints=tools+system+last`; several of them with commas between.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from llm_observer.cache.charge import Charge, charged, cost_of
from llm_observer.cache.kinds import KINDS
from llm_observer.cache.pieces import TTLS
from llm_observer.cache.placement import PLACEABLE
from llm_observer.cache.prompt import Prompt
from llm_observer.cache.rates import Rates
from llm_observer.cache.replayed import ReplayedCall
from llm_observer.cache.simulator import CacheState
from llm_observer.cache.slots import Placement, is_slot
from llm_observer.errors import ConfigError

__all__ = ["REMOVABLE", "Difference", "Variant", "WhatIf", "as_sent", "parse", "replayed_with", "variant_of"]

STATE_BYTES = 64 << 20
LIFETIMES: Mapping[str, int] = {**TTLS, "24h": 86400}
OBSTACLES: Mapping[str, str] = {
    "ttl_expired": "ttl",
    "ttl_changed": "ttl_change",
    "look_back_exceeded": "look_back",
    "parallel_calls": "concurrent",
}
"""Kinds that are no change of the prompt: the simulator leaves the obstacle out."""
FORM = frozenset({"whitespace", "unicode", "key_order"})
REMOVABLE: frozenset[str] = frozenset(
    {*OBSTACLES, *FORM, *(kind.name for kind in KINDS.values() if kind.family == "volatile")}
)
"""Kinds that stored hashes can be freed of; for the others they would have to be hashed anew."""
BEST, AUTO, NONE = "best", "auto", "none"


class WhatIf(NamedTuple):
    """What is changed. ttl_s: None as sent. is_ttl_best, is_placed_best: the best is to be found first.

    slots: places of breakpoints, None as sent.
    """

    is_stable: bool = False
    without: frozenset[str] = frozenset()
    relax: frozenset[str] = frozenset()
    ttl_s: int | None = None
    is_ttl_best: bool = False
    slots: tuple[str, ...] | None = None
    is_automatic: bool = False
    is_placed_best: bool = False


class Variant(NamedTuple):
    """Calls as they would have been. change: from a call, its prompt and its stable keys to that prompt."""

    change: Callable[[ReplayedCall, Prompt, Sequence[int]], Prompt]
    relax: frozenset[str] = frozenset()


@dataclass(slots=True)
class Difference:
    """What calls pay as sent, and as changed. Costs are in tokens of uncached input.

    unpriced: calls of which a price is unknown, either way; their tokens count, their money does not.
    reported_read: tokens from the cache by the provider's own counts, to be compared with `sent.read`.
    """

    calls: int = 0
    sent: Charge = field(default_factory=lambda: Charge(0, 0, 0, 0))
    changed: Charge = field(default_factory=lambda: Charge(0, 0, 0, 0))
    sent_cost: Decimal = Decimal(0)
    changed_cost: Decimal = Decimal(0)
    sent_usd: Decimal = Decimal(0)
    changed_usd: Decimal = Decimal(0)
    unpriced: int = 0
    reported_read: int = 0

    def add(self, call: ReplayedCall, sent: Charge, changed: Charge, rates: Rates) -> None:
        """Count *call*."""
        self.calls += 1
        self.reported_read += 0 if call.read is None else call.read
        self.sent, self.changed = _sum(self.sent, sent), _sum(self.changed, changed)
        before, after = cost_of(sent, rates), cost_of(changed, rates)
        if before is None or after is None:
            self.unpriced += 1
            return
        self.sent_cost += before
        self.changed_cost += after
        if rates.input_usd is None:
            self.unpriced += 1
            return
        self.sent_usd += before * rates.input_usd
        self.changed_usd += after * rates.input_usd

    @property
    def saved_usd(self) -> Decimal:
        """Less than zero if the change costs more."""
        return self.sent_usd - self.changed_usd

    @property
    def saved_cost(self) -> Decimal:
        """The same in tokens of uncached input."""
        return self.sent_cost - self.changed_cost


def parse(text: str) -> WhatIf:
    """The change that *text* asks for; ConfigError if it is none."""
    found = WhatIf()
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        read = _PARTS.get(name)
        if read is None:
            raise ConfigError(f"what-if {name!r} is not known: {', '.join(sorted(_PARTS))}")
        found = read(found, value)
    return found


def _no_breakers(what: WhatIf, value: str) -> WhatIf:
    if value:
        raise ConfigError("what-if no-breakers takes no value")
    return what._replace(is_stable=True)


def _without(what: WhatIf, value: str) -> WhatIf:
    kinds = frozenset(value.split("+"))
    if wrong := kinds - REMOVABLE:
        raise ConfigError(f"what-if without={min(wrong)!r}: one of {', '.join(sorted(REMOVABLE))}")
    relax = {OBSTACLES[kind] for kind in kinds if kind in OBSTACLES}
    return what._replace(without=what.without | (kinds - OBSTACLES.keys()), relax=what.relax | relax)


def _ttl(what: WhatIf, value: str) -> WhatIf:
    if value == BEST:
        return what._replace(is_ttl_best=True, ttl_s=None)
    if value not in LIFETIMES:
        raise ConfigError(f"what-if ttl={value!r}: best, {', '.join(LIFETIMES)}")
    return what._replace(ttl_s=LIFETIMES[value], is_ttl_best=False)


def _breakpoints(what: WhatIf, value: str) -> WhatIf:
    what = what._replace(slots=None, is_automatic=value == AUTO, is_placed_best=value == BEST)
    if value in {AUTO, BEST}:
        return what
    slots = () if value == NONE else tuple(value.split("+"))
    if wrong := [slot for slot in slots if not is_slot(slot)]:
        raise ConfigError(
            f"what-if breakpoints={wrong[0]!r}: auto, best, none, or places such as system+last"
        )
    return what._replace(slots=slots)


_PARTS: Mapping[str, Callable[[WhatIf, str], WhatIf]] = {
    "no-breakers": _no_breakers,
    "without": _without,
    "ttl": _ttl,
    "breakpoints": _breakpoints,
}


def replayed_with(
    calls: Iterable[ReplayedCall], variants: Sequence[Variant]
) -> Iterator[tuple[ReplayedCall, list[Charge]]]:
    """*calls*, in order of their start, each with what it pays under every one of *variants*."""
    states = [CacheState(max_bytes=STATE_BYTES // len(variants)) for _ in variants]
    for tag, call in enumerate(calls):
        prompt, stable = call.prompt_and_stable()
        yield (
            call,
            [
                charged(state, one.change(call, prompt, stable), call.rule, tag=tag, relax=one.relax)
                for state, one in zip(states, variants, strict=True)
            ],
        )


def as_sent() -> Variant:
    """No change."""
    return Variant(lambda _call, prompt, _stable: prompt)


def variant_of(
    what: WhatIf, placements: Mapping[str, Placement] | None = None, ttls: Mapping[str, int] | None = None
) -> Variant:
    """The calls under *what*. placements, ttls: the best ones, by the key of a call's group."""
    steadier = _Steadier(what.without)

    def change(call: ReplayedCall, prompt: Prompt, stable: Sequence[int]) -> Prompt:
        if what.is_stable:
            prompt = prompt._replace(keys=stable)
        elif what.without:
            prompt = prompt._replace(keys=steadier.keys(call, prompt.keys, stable))
        prompt = _placed(call, prompt, what, (placements or {}).get(call.group))
        return _with_ttl(call, prompt, (ttls or {}).get(call.group, what.ttl_s))

    return Variant(change, what.relax)


def _placed(call: ReplayedCall, prompt: Prompt, what: WhatIf, best: Placement | None) -> Prompt:
    if call.rule.id not in PLACEABLE:
        return prompt
    asked = max((marker.ttl_s or 0 for marker in prompt.markers), default=0) or prompt.ttl_s
    if what.is_automatic:
        mode = "automatic" if call.rule.id == "anthropic" else None
        return Placement((), mode, asked).on(prompt)  # type: ignore[arg-type]  # one of the two
    if what.slots is not None:
        return Placement(what.slots, "explicit" if not call.rule.is_opt_in else None, asked).on(prompt)
    return prompt if best is None else best._replace(ttl_s=best.ttl_s or asked).on(prompt)


def _with_ttl(call: ReplayedCall, prompt: Prompt, ttl_s: int | None) -> Prompt:
    """*prompt* with all its breakpoints asking for *ttl_s*, if its provider has that."""
    if ttl_s is None or ttl_s not in call.rule.ttls_s:
        return prompt
    markers = tuple(marker._replace(ttl_s=ttl_s) for marker in prompt.markers)
    return prompt._replace(markers=markers, ttl_s=ttl_s)


class _Steadier:
    """Gives prompts the keys that they would have without breaks of some kinds.

    A call whose breaks are all of these kinds gets the keys that the first prompt of the same stable form
    had, up to its first break of another kind; behind that it keeps its own. A piece that has breaks of these
    kinds and of others so stays as sent.
    """

    def __init__(self, kinds: frozenset[str]) -> None:
        self._kinds = kinds
        self._new: dict[int, int] = {}
        self._first: dict[int, int] = {}

    def keys(self, call: ReplayedCall, sent: Sequence[int], stable: Sequence[int]) -> list[int]:
        """The keys of *call*."""
        others = [piece for kind, piece in call.breaks if kind not in self._kinds and kind in REMOVABLE]
        until = min(others, default=len(sent)) if len(others) < len(call.breaks) else 0
        keys = []
        for place, (key, soft) in enumerate(zip(sent, stable, strict=True)):
            own = self._new.get(key, key)
            keys.append(self._first.get(soft, own) if place < until else own)
            if keys[-1] != key:
                self._new[key] = keys[-1]
            self._first.setdefault(soft, keys[-1])
        return keys


def _sum(left: Charge, right: Charge) -> Charge:
    return Charge(*(mine + theirs for mine, theirs in zip(left, right, strict=True)))
