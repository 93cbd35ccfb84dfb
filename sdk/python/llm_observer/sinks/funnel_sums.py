"""How many input tokens could have come from the cache, and how many did? Sums of calls that tell."""

from collections import Counter

import msgspec

from llm_observer.call import LLMCall
from llm_observer.call_cache import CacheUse

__all__ = ["Funnel", "FunnelSums"]


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the calls of which all four counts are known.

    no_verdict: calls without a cache part, and those with one where a count is unknown. labels: how sure
    `ideal_tokens` is, by calls.
    """

    calls: int
    no_verdict: int
    input_tokens: int
    ideal_tokens: int
    reusable_tokens: int
    actual_tokens: int
    labels: dict[str, int]


class FunnelSums:
    """Adds up the four counts."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()

    def add(self, call: LLMCall) -> None:
        """Count *call*."""
        counts = _four_counts(call, call.cache)
        if counts is None:
            self._sums["no_verdict"] += 1
            return
        self._sums["calls"] += 1
        self._sums.update(counts)
        if call.cache is not None and call.cache.ideal_label is not None:
            self._labels[call.cache.ideal_label] += 1

    def funnel(self) -> Funnel:
        """The sums."""
        names = (name for name in Funnel.__struct_fields__ if name != "labels")
        return Funnel(**{name: self._sums[name] for name in names}, labels=dict(self._labels.most_common()))


def _four_counts(call: LLMCall, cache: CacheUse | None) -> dict[str, int] | None:
    """The four counts, or None if one is unknown."""
    if cache is None or call.tokens is None:
        return None
    counts = {
        "input_tokens": call.tokens.input_total,
        "ideal_tokens": cache.ideal_tokens,
        "reusable_tokens": cache.reusable_tokens,
        "actual_tokens": cache.actual_tokens,
    }
    known = {name: count for name, count in counts.items() if count is not None}
    return known if len(known) == len(counts) else None
