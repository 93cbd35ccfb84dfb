"""Do the calls keep what is asked of them? Gates on structure, hit rate, cost and kinds of findings.

The cache ratio is structural: of the tokens that stable prompts would have reused, the share that these
prompts, as sent, could have reused. It does not depend on the provider's machines, so that it fits CI. The
hit rate is what the provider says it read of the same tokens, and differs from run to run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import msgspec

from llm_observer.cache.kinds import KINDS
from llm_observer.call import LLMCall
from llm_observer.call_cache import CacheUse, Finding
from llm_observer.event import Event
from llm_observer.money import ZERO, add, billed_usd, decimal_text, dollars
from llm_observer.report.bounded import Bounded
from llm_observer.report.fix_words import many, site_name
from llm_observer.report.fixes import MAX_FIXES, Fix, FixKey, FixSums, fix_key, ranked_fixes
from llm_observer.report.seen import Seen
from llm_observer.sinks.cache_sums import CacheTotals

__all__ = ["Gate", "Inspection", "Limits", "unknown_kinds"]

MAX_MODELS = 100
MAX_NAMED = 5
_NO_VERDICT = "no call has a verdict about its cache, so that nothing can be judged"


class Limits(NamedTuple):
    """What is asked; None or empty: not asked. Shares are from 0 to 1."""

    min_cache_ratio: Decimal | None = None
    min_hit_rate: Decimal | None = None
    max_cost: Decimal | None = None
    fail_on: Collection[str] = ()
    min_confidence: Decimal = Decimal("0.5")

    @property
    def is_any(self) -> bool:
        """Whether anything is asked."""
        shares = (self.min_cache_ratio, self.min_hit_rate, self.max_cost)
        return bool(self.fail_on) or any(limit is not None for limit in shares)


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One limit and whether it was kept. value: what was measured, None if it could not be.

    kinds: findings by kind. fixes: what to change to pass, the dearest first; empty where it passed.
    """

    name: str
    is_passed: bool
    message: str
    limit: str
    value: str | None = None
    kinds: dict[str, int] = {}
    fixes: tuple[Fix, ...] = ()


class _Share:
    """Part of the ideal tokens, over the calls that tell both. What goes beyond the ideal does not count."""

    def __init__(self) -> None:
        self.calls = self.part = self.ideal = 0

    def add(self, part: int | None, ideal: int | None) -> None:
        if part is None or ideal is None:
            return
        self.calls += 1
        self.part += min(part, ideal)
        self.ideal += ideal

    def reaches(self, least: Decimal) -> bool:
        """Exactly; also where there was nothing to reuse, but not where nothing is known."""
        return self.calls > 0 and self.part >= least * self.ideal

    def told(self, verb: str) -> str:
        """In words."""
        if not self.calls:
            return _NO_VERDICT
        if not self.ideal:
            return f"nothing could have been reused in {many(self.calls, 'call')}"
        counts = f"{self.part:,} of {self.ideal:,} tokens, {many(self.calls, 'call')}"
        return f"{_percent(self.part, self.ideal)} of what stable prompts reuse {verb} ({counts})"

    @property
    def value(self) -> str | None:
        """The share with four places, rounded down, so that no failure looks like a pass."""
        return decimal_text(Decimal(self.part * 10_000 // self.ideal).scaleb(-4)) if self.ideal else None


class _Cost:
    """What is known of the cost, and how many calls of which models it lacks."""

    def __init__(self) -> None:
        self.usd = ZERO
        self.unknown: Counter[str] = Counter()

    def add(self, call: LLMCall) -> None:
        usd = ZERO if call.is_usage_repeated else billed_usd(call.cost)
        if usd is not None:
            self.usd = add(self.usd, usd)
            return
        model = call.model_responded or call.model_requested or "(no model)"
        is_room = model in self.unknown or len(self.unknown) < MAX_MODELS
        self.unknown[model if is_room else "(other)"] += 1

    def told(self) -> str:
        """In words."""
        if not self.unknown:
            return f"{dollars(self.usd)} were spent"
        named = ", ".join(f'{many(calls, "call")} of "{model}"' for model, calls in self._named())
        more = len(self.unknown) - MAX_NAMED
        rest = f" and of {many(more, 'other model')}" if more > 0 else ""
        return f"at least {dollars(self.usd)} were spent: the cost of {named}{rest} is unknown"

    def _named(self) -> list[tuple[str, int]]:
        return self.unknown.most_common(MAX_NAMED)


class Inspection:
    """Takes events one by one and says in the end which of *limits* they keep."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen = Seen()
        self.calls = 0
        self.with_verdict = 0
        self.structure, self._hits, self._cost = _Share(), _Share(), _Cost()
        self._kinds: Counter[str] = Counter()
        sums = partial(FixSums, float(limits.min_confidence))
        self._refused: Bounded[FixKey, FixSums] = Bounded(sums, MAX_FIXES)
        self._found: Bounded[FixKey, FixSums] = Bounded(sums, MAX_FIXES)

    def add(self, event: Event) -> None:
        """Count *event*, if it is a call that was not counted before."""
        call = event.llm_call
        if call is None or not self._seen.add(event.event_id):
            return
        self.calls += 1
        self._cost.add(call)
        if call.cache is None:
            return
        self.with_verdict += 1
        self._add_cache(call.cache)
        site = site_name(call.call_site)
        for finding in call.cache.findings:
            self._add_finding(finding, event.event_id, site)

    def add_sums(self, cache: CacheTotals, calls: int) -> None:
        """Count *calls* of which only sums are left; hit rate and cost are not among them.

        Of findings of one place, all count as much as the surest of them.
        """
        self.calls += calls
        self.with_verdict += cache.calls
        self.structure.calls += cache.calls
        self.structure.part += min(cache.reusable_tokens, cache.ideal_tokens)
        self.structure.ideal += cache.ideal_tokens
        for fix in cache.findings:
            if Decimal(str(fix.confidence)) >= self._limits.min_confidence:
                self._add_fix(fix)

    def _add_fix(self, fix: Fix) -> None:
        key = (fix.kind, fix.path, fix.site)
        self._found.of(key).take(fix)
        if fix.kind in self._limits.fail_on:
            self._kinds[fix.kind] += fix.count
            self._refused.of(key).take(fix)

    def _add_cache(self, cache: CacheUse) -> None:
        self.structure.add(cache.reusable_tokens, cache.ideal_tokens)
        self._hits.add(cache.actual_tokens, cache.ideal_tokens)

    def _add_finding(self, finding: Finding, event_id: str, site: str) -> None:
        if Decimal(str(finding.confidence)) < self._limits.min_confidence:
            return
        key = fix_key(finding, site)
        self._found.of(key).add(finding, event_id)
        if finding.kind in self._limits.fail_on:
            self._kinds[finding.kind] += 1
            self._refused.of(key).add(finding, event_id)

    def gates(self) -> tuple[Gate, ...]:
        """One for each limit that was asked for."""
        return tuple(self._gates())

    def fixes(self) -> tuple[Fix, ...]:
        """All that is sure enough, the dearest first."""
        return tuple(ranked_fixes(self._found))

    def _gates(self) -> Iterator[Gate]:
        asked = self._limits
        if asked.min_cache_ratio is not None:
            yield self._share_gate(
                "min-cache-ratio", self.structure, "could be reused", asked.min_cache_ratio
            )
        if asked.min_hit_rate is not None:
            yield self._share_gate("min-hit-rate", self._hits, "was read from the cache", asked.min_hit_rate)
        if asked.max_cost is not None:
            yield self._cost_gate(asked.max_cost)
        if asked.fail_on:
            yield self._kinds_gate()

    def _share_gate(self, name: str, share: _Share, verb: str, least: Decimal) -> Gate:
        is_passed = share.reaches(least)
        return Gate(
            name=name,
            is_passed=is_passed,
            message=f"{share.told(verb)}; asked for: {decimal_text(least * 100)} % or more",
            limit=decimal_text(least),
            value=share.value,
            fixes=() if is_passed else self.fixes(),
        )

    def _cost_gate(self, most: Decimal) -> Gate:
        return Gate(
            name="max-cost",
            is_passed=self._cost.usd <= most,
            message=f"{self._cost.told()}; asked for: {dollars(most)} or less",
            limit=decimal_text(most),
            value=decimal_text(self._cost.usd),
        )

    def _kinds_gate(self) -> Gate:
        kinds = dict(self._kinds.most_common())
        found = ", ".join(f"{count:,} of {kind}" for kind, count in kinds.items())
        limit = ",".join(sorted(self._limits.fail_on))
        verdict = f"findings: {found}" if kinds else f"no finding of {limit}"
        return Gate(
            name="fail-on",
            is_passed=not kinds and self.with_verdict > 0,
            message=verdict if self.with_verdict else _NO_VERDICT,
            limit=limit,
            value=str(sum(kinds.values())) if self.with_verdict else None,
            kinds=kinds,
            fixes=tuple(ranked_fixes(self._refused)),
        )


def unknown_kinds(kinds: Iterable[str]) -> list[str]:
    """Those that no finding can have."""
    return sorted(set(kinds) - set(KINDS))


def _percent(part: int, whole: int) -> str:
    """With one place, rounded down, so that no failure looks like a pass."""
    return f"{part * 1000 // whole / 10:g} %"
