"""What do calls sum up to? Money, tokens, and how much of both the prompt cache could have saved."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import msgspec

from llm_observer.call import LLMCall
from llm_observer.call_cache import CacheUse
from llm_observer.money import ZERO, Amount, add, billed_usd, known

__all__ = ["Amount", "Figures", "Tally", "known"]

_FAILED = 400


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of calls. cost_usd is what is known of it: `unpriced` calls have no known cost.

    missed_usd: what a stable prompt would have saved; `missed_unpriced` calls missed tokens without a price.
    input_unknown: calls of unknown input, not in `input_tokens`. cached_tokens: None if none tells.
    """

    calls: int
    errors: int
    cost_usd: Decimal
    unpriced: int
    input_tokens: int
    input_unknown: int
    cached_tokens: int | None
    output_tokens: int
    missed_tokens: int
    missed_usd: Decimal
    missed_unpriced: int
    without_verdict: int


class Tally:
    """Counts calls."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.cost_usd = ZERO
        self.missed = Amount()

    def add(self, call: LLMCall) -> None:
        """Count *call*."""
        self.counts["calls"] += 1
        self.counts["errors"] += _is_failed(call)
        self._add_cost(call)
        self._add_tokens(call)
        self._add_missed(call.cache)

    def _add_cost(self, call: LLMCall) -> None:
        cost = billed_usd(call.cost)
        if cost is None:
            self.counts["unpriced"] += 1
        else:
            self.cost_usd = add(self.cost_usd, cost)

    def _add_tokens(self, call: LLMCall) -> None:
        tokens = call.tokens
        if tokens is None or tokens.input_total is None:
            self.counts["input_unknown"] += 1
        if tokens is None or call.is_usage_repeated:
            return
        self.counts["input_tokens"] += known(tokens.input_total)
        self.counts["cached_tokens"] += known(tokens.cache_read)
        self.counts["cache_told"] += tokens.cache_read is not None
        self.counts["output_tokens"] += known(tokens.output)

    def _add_missed(self, cache: CacheUse | None) -> None:
        if cache is None:
            self.counts["without_verdict"] += 1
        elif cache.missed_tokens is not None or cache.missed_usd is not None:
            self.missed.add(cache.missed_tokens, cache.missed_usd)

    def merge(self, other: Tally) -> None:
        """Add what *other* has."""
        self.counts.update(other.counts)
        self.cost_usd = add(self.cost_usd, other.cost_usd)
        self.missed.merge(other.missed)

    @property
    def weight(self) -> tuple[Decimal, Decimal, int]:
        """What could be saved first, then what it cost."""
        return (self.missed.usd, self.cost_usd, self.counts["calls"])

    def figures(self) -> Figures:
        """The sums."""
        sums = {name: self.counts[name] for name in _COUNTED}
        missed = self.missed
        return Figures(
            **sums,
            cached_tokens=self.counts["cached_tokens"] if self.counts["cache_told"] else None,
            cost_usd=self.cost_usd,
            missed_tokens=missed.tokens,
            missed_usd=missed.usd,
            missed_unpriced=missed.unpriced,
        )


_COUNTED = (
    "calls",
    "errors",
    "unpriced",
    "input_tokens",
    "input_unknown",
    "output_tokens",
    "without_verdict",
)


def _is_failed(call: LLMCall) -> bool:
    return call.error is not None or (call.status is not None and call.status >= _FAILED)
