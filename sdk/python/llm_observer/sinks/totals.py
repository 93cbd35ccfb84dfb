"""What do calls add up to? Sums in which unknown is counted by itself, never as zero."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

import msgspec

from llm_observer.call import LLMCall, Timing, Tokens
from llm_observer.money import ZERO, Amount, add, billed_usd
from llm_observer.sinks.sketch import Sketch

__all__ = [
    "NOT_PRICED",
    "CostParts",
    "Facts",
    "Percentiles",
    "Sums",
    "TokenSums",
    "Totals",
    "facts_of",
]

NOT_PRICED = "not_priced"
"""Stands for the status of a call that has no `cost` at all."""
_ERROR_STATUS = 400
_NO_TOKENS = Tokens()
_NO_TIMING = Timing()
_TOKENS = ("input_total", "input_uncached", "output", "cache_read", "cache_write", "reasoning")
_PARTS = ("input", "cache_read", "cache_write", "output", "server_tools")
_TIMES = ("duration_ms", "time_to_first_chunk_ms", "output_tokens_per_second")


class TokenSums(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that were counted once. None where no call told a count."""

    input_total: int | None = None
    input_uncached: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


class CostParts(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars by part; they sum to the total. unsplit: what the provider stated as one figure."""

    input: Decimal = ZERO
    cache_read: Decimal = ZERO
    cache_write: Decimal = ZERO
    output: Decimal = ZERO
    server_tools: Decimal = ZERO
    unsplit: Decimal = ZERO


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Of `count` calls, at most 1 % off. None where no call told a value."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of some calls.

    cost_usd: all that is known. unpriced: calls beyond it, by cost status. cost_status: all calls.
    usage_absent: calls whose usage the provider did not tell. provider_priced: calls of which the provider
    stated a cost, and we have one of our own; provider_difference_usd: its figures less ours.
    """

    calls: int
    errors: int
    retries: int
    tokens: TokenSums
    cost_usd: Decimal
    cost_parts: CostParts
    cost_status: dict[str, int]
    unpriced: dict[str, int]
    usage_absent: int
    provider_priced: int
    provider_difference_usd: Decimal
    duration_ms: Percentiles
    time_to_first_chunk_ms: Percentiles
    output_tokens_per_second: Percentiles

    @property
    def unpriced_calls(self) -> int:
        """Calls whose cost is unknown."""
        return sum(self.unpriced.values())


class Facts(NamedTuple):
    """What one call adds. cost_usd is None where it is unknown, difference_usd without two figures."""

    is_error: bool
    retries: int
    status: str
    cost_usd: Decimal | None
    difference_usd: Decimal | None
    parts: tuple[tuple[str, Decimal], ...]
    tokens: tuple[tuple[str, int], ...]
    times: tuple[tuple[str, float], ...]


def facts_of(call: LLMCall) -> Facts:
    """What *call* adds to every sum that it belongs to. Usage that was counted already adds no tokens."""
    cost = ZERO if call.is_usage_repeated else billed_usd(call.cost)
    tokens = _NO_TOKENS if call.is_usage_repeated or call.tokens is None else call.tokens
    return Facts(
        is_error=is_error(call),
        retries=call.retries,
        status=NOT_PRICED if call.cost is None else call.cost.status,
        cost_usd=cost,
        difference_usd=_difference(call),
        parts=_parts(call, cost),
        tokens=_known(tokens, _TOKENS),
        times=_known(_NO_TIMING if call.timing is None else call.timing, _TIMES),
    )


def _difference(call: LLMCall) -> Decimal | None:
    if call.cost is None or call.cost.difference_usd is None or call.is_usage_repeated:
        return None
    return Decimal(call.cost.difference_usd)


def is_error(call: LLMCall) -> bool:
    """Whether the app, or its reader of the stream, got an error."""
    refused = call.status is not None and call.status >= _ERROR_STATUS
    return refused or call.error is not None or call.ending == "error"


def _known(part: Tokens | Timing, names: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Those of *names* that have a value."""
    values = ((name, getattr(part, name)) for name in names)
    return tuple((name, value) for name, value in values if value is not None)


def _parts(call: LLMCall, total: Decimal | None) -> tuple[tuple[str, Decimal], ...]:
    """The parts of *total*, which they sum to: our own split, or none if the figure is the provider's."""
    if call.cost is None or not total:
        return ()
    if call.cost.provider_usd is not None:
        return (("unsplit", total),)
    amounts = ((part, getattr(call.cost, f"{part}_usd")) for part in _PARTS)
    parts = [(part, Decimal(amount)) for part, amount in amounts if amount is not None]
    rest = total
    for _, amount in parts:
        rest = add(rest, amount.copy_negate())
    return (*parts, ("unsplit", rest)) if rest else tuple(parts)


class Sums:
    """Sums that grow; `totals()` is how they stand."""

    __slots__ = (
        "calls",
        "cost_usd",
        "difference",
        "errors",
        "parts",
        "retries",
        "statuses",
        "times",
        "tokens",
        "unpriced",
    )

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.retries = 0
        self.cost_usd = ZERO
        self.difference = Amount()
        self.parts: dict[str, Decimal] = {}
        self.tokens: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.unpriced: Counter[str] = Counter()
        self.times: dict[str, Sketch] = {}

    def add(self, facts: Facts) -> None:
        """Count one call."""
        self.calls += 1
        self.errors += facts.is_error
        self.retries += facts.retries
        self.statuses[facts.status] += 1
        if facts.cost_usd is None:
            self.unpriced[facts.status] += 1
        else:
            self.cost_usd = add(self.cost_usd, facts.cost_usd)
        if facts.difference_usd is not None:
            self.difference.add(None, str(facts.difference_usd))
        for part, amount in facts.parts:
            self._pay(part, amount)
        for name, count in facts.tokens:
            self.tokens[name] += count
        for name, value in facts.times:
            self._sketch(name).add(value)

    def _pay(self, part: str, amount: Decimal) -> None:
        self.parts[part] = add(self.parts.get(part, ZERO), amount)

    def _sketch(self, name: str) -> Sketch:
        sketch = self.times.get(name)
        if sketch is None:
            sketch = self.times[name] = Sketch()
        return sketch

    def merge(self, other: Sums) -> None:
        """Count all calls of *other* too."""
        self.calls += other.calls
        self.errors += other.errors
        self.retries += other.retries
        self.cost_usd = add(self.cost_usd, other.cost_usd)
        self.difference.merge(other.difference)
        self.statuses.update(other.statuses)
        self.unpriced.update(other.unpriced)
        self.tokens.update(other.tokens)
        for part, amount in other.parts.items():
            self._pay(part, amount)
        for name, sketch in other.times.items():
            self._sketch(name).merge(sketch)

    def totals(self) -> Totals:
        """How the sums stand."""
        return Totals(
            calls=self.calls,
            errors=self.errors,
            retries=self.retries,
            tokens=TokenSums(**self.tokens),
            cost_usd=self.cost_usd,
            cost_parts=CostParts(**self.parts),
            cost_status=dict(self.statuses),
            unpriced=dict(self.unpriced),
            usage_absent=self.statuses["usage_absent"],
            provider_priced=self.difference.count,
            provider_difference_usd=self.difference.usd,
            **{name: _percentiles(self.times.get(name)) for name in _TIMES},
        )


def _percentiles(sketch: Sketch | None) -> Percentiles:
    if sketch is None:
        return Percentiles(count=0, p50=None, p90=None, p99=None)
    p50, p90, p99 = sketch.quantiles(0.5, 0.9, 0.99)
    return Percentiles(count=sketch.count, p50=p50, p90=p90, p99=p99)
