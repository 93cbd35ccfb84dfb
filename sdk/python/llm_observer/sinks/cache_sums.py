"""What did the prompt cache save and miss over many calls, and what should be fixed first?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from llm_observer.cache.kinds import KINDS, advice_for
from llm_observer.call import LLMCall
from llm_observer.call_cache import Finding
from llm_observer.money import Amount, known
from llm_observer.sinks.funnel_sums import Funnel, FunnelSums

__all__ = [
    "CONFIRMED",
    "MAX_FIXES",
    "Bounded",
    "CacheSums",
    "CacheTotals",
    "CauseTotals",
    "Fix",
    "FixKey",
    "FixSums",
    "Weighted",
    "fix_key",
    "general_path",
    "ranked_fixes",
    "title_of",
]

CONFIRMED = 0.5
"""Confidence from which on a finding is confirmed, and below which it is suspected."""
MAX_FIXES = 100
MAX_CAUSES = 100
_COUNTS = ("ideal_tokens", "reusable_tokens", "actual_tokens")
_PLACE = ("path", "offset", "line", "length", "shape")
_WHOLE = {"tool_order": "tools"}
"""Kinds that are about a list, whichever of its entries stands elsewhere first."""
_MESSAGE = re.compile(r"^(messages|input|contents)\[\d+\]")

FixKey = tuple[str, str | None, str]
"""Kind, general path, call site."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was seen once, the text never being kept."""

    event_id: str
    path: str | None
    offset: int | None
    line: int | None
    length: int | None
    shape: str | None


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to change. count: how often it was confirmed, or suspected where it never was.

    usd: what is known of what it cost; `unpriced` findings have no price.
    """

    kind: str
    title: str
    path: str | None
    site: str
    count: int
    tokens: int
    usd: Decimal
    unpriced: int
    confidence: float
    advice: str | None
    docs: str | None
    example: Example


class FixSums:
    """Adds up findings; the surest one is the example.

    least: confidence from which on one is confirmed.
    """

    def __init__(self, least: float = CONFIRMED) -> None:
        self._least = least
        self._confirmed = 0
        self.amount = Amount()
        self.best: Finding | None = None
        self.event_id = ""

    def add(self, finding: Finding, event_id: str) -> None:
        """Count *finding*."""
        self._confirmed += finding.confidence >= self._least
        self.amount.add(finding.tokens, finding.usd)
        if self.best is None or finding.confidence > self.best.confidence:
            self.best, self.event_id = finding, event_id

    def merge(self, other: FixSums) -> None:
        """Add what *other* has."""
        self._confirmed += other._confirmed
        self.amount.merge(other.amount)

    def take(self, fix: Fix) -> None:
        """Count all that *fix* sums up."""
        self._confirmed += fix.count if fix.confidence >= self._least else 0
        self.amount.merge(Amount.of(fix.count, fix.tokens, fix.usd, fix.unpriced))
        seen = {name: getattr(fix.example, name) for name in _PLACE}
        self.best = Finding(
            kind=fix.kind, confidence=fix.confidence, advice=fix.advice, docs=fix.docs, **seen
        )
        self.event_id = fix.example.event_id

    @property
    def count(self) -> int:
        """How often it was confirmed; how often it was suspected only where it never was."""
        return self._confirmed or self.amount.count

    @property
    def weight(self) -> tuple[object, ...]:
        """Money first, then tokens, then how sure it is."""
        return (
            self.amount.usd,
            self.amount.tokens,
            self.best.confidence if self.best else 0,
            self.count,
        )


def general_path(path: str | None) -> str | None:
    """*path* without the number of the message: `messages[*].content`."""
    return None if path is None else _MESSAGE.sub(r"\1[*]", path)


def fix_key(finding: Finding, site: str) -> FixKey:
    """What *finding*, of a call made from *site*, has in common with others that one change mends."""
    return finding.kind, _WHOLE.get(finding.kind) or general_path(finding.path), site


def title_of(kind: str) -> str:
    """The words for *kind*; those of its name where it is a newer one."""
    return KINDS[kind].title if kind in KINDS else kind.replace("_", " ")


def ranked_fixes(found: Bounded[FixKey, FixSums]) -> Iterator[Fix]:
    """The fixes, the one with the most money first; what is too much for a ranking is folded away."""
    return _fixes(found.ranked())


def _fixes(ranked: Iterable[tuple[FixKey, FixSums]]) -> Iterator[Fix]:
    for (kind, path, site), sums in ranked:
        best = sums.best
        if best is None:
            continue
        yield Fix(
            kind=kind,
            title=title_of(kind),
            path=path,
            site=site,
            count=sums.count,
            tokens=sums.amount.tokens,
            usd=sums.amount.usd,
            unpriced=sums.amount.unpriced,
            confidence=best.confidence,
            advice=best.advice or advice_for(kind),
            docs=best.docs,
            example=_example(best, sums.event_id),
        )


def _example(finding: Finding, event_id: str) -> Example:
    return Example(event_id=event_id, **{name: getattr(finding, name) for name in _PLACE})


class CauseTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Missed tokens of one cause. usd: what is known of their price; `unpriced` calls have none."""

    calls: int
    tokens: int
    usd: Decimal
    unpriced: int


class CacheTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of the calls that have a verdict; of counts, what is known of them.

    missed_usd: what stable prompts would have saved; `missed_unpriced` calls missed tokens without a price.
    funnel: only calls of which all counts are known. findings: the dearest fix first.
    """

    calls: int
    ideal_tokens: int
    reusable_tokens: int
    actual_tokens: int
    missed_tokens: int
    missed_usd: Decimal
    missed_unpriced: int
    verdicts: dict[str, int]
    causes: dict[str, CauseTotals]
    funnel: Funnel
    findings: tuple[Fix, ...]


class CacheSums:
    """Sums that grow; `totals()` is how they stand."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._missed = Amount()
        self._causes: Bounded[str, Amount] = Bounded(Amount, MAX_CAUSES)
        self._funnel = FunnelSums()
        self._fixes: Bounded[FixKey, FixSums] = Bounded(FixSums, MAX_FIXES)

    def add(self, call: LLMCall, event_id: str, site: str) -> None:
        """Count *call*, made from *site*, if it has a verdict."""
        cache = call.cache
        if cache is None:
            return
        self._verdicts[cache.verdict] += 1
        for name in _COUNTS:
            self._tokens[name] += known(getattr(cache, name))
        self._missed.add(cache.missed_tokens, cache.missed_usd)
        self._funnel.add(call)
        for cause in cache.causes:
            self._causes.of(cause.kind).add(cause.tokens, cause.usd)
        for finding in cache.findings:
            self._fixes.of(fix_key(finding, site)).add(finding, event_id)

    def totals(self) -> CacheTotals:
        """How the sums stand."""
        missed = self._missed
        return CacheTotals(
            calls=self._verdicts.total(),
            **{name: self._tokens[name] for name in _COUNTS},
            missed_tokens=missed.tokens,
            missed_usd=missed.usd,
            missed_unpriced=missed.unpriced,
            verdicts=dict(self._verdicts.most_common()),
            causes={kind: _cause(amount) for kind, amount in self._causes.heaviest()},
            funnel=self._funnel.funnel(),
            findings=tuple(_fixes(self._fixes.heaviest())),
        )


def _cause(amount: Amount) -> CauseTotals:
    return CauseTotals(calls=amount.count, tokens=amount.tokens, usd=amount.usd, unpriced=amount.unpriced)


class Weighted(Protocol):
    """What can be added up. weight: the heavier one stays longer."""

    @property
    def weight(self) -> tuple[Any, ...]:
        """What they are ranked by."""
        ...

    def merge(self, other: Any, /) -> None:
        """Add what *other* has."""
        ...


Key = TypeVar("Key", bound=Hashable)
One = TypeVar("One", bound=Weighted)


class Bounded(Generic[Key, One]):
    """Sums by key, of which at most twice *most* are kept while counting and *most* are ranked in the end.

    A key that comes back after it was folded away starts anew, so that what is kept of it may be too small;
    all of them together with `rest` are always exact. folded: how many were put into `rest`.
    """

    def __init__(self, new: Callable[[], One], most: int) -> None:
        self._new = new
        self._most = most
        self._kept: dict[Key, One] = {}
        self.rest = new()
        self.folded = 0

    def of(self, key: Key) -> One:
        """The sums of *key*, made where there are none."""
        found = self._kept.get(key)
        if found is not None:
            return found
        if len(self._kept) >= 2 * self._most:
            self._fold()
        found = self._kept[key] = self._new()
        return found

    def ranked(self) -> list[tuple[Key, One]]:
        """The heaviest *most*, heaviest first."""
        self._fold()
        return self.heaviest()

    def heaviest(self) -> list[tuple[Key, One]]:
        """The same, but all that was kept stays kept."""
        return self._ordered()[: self._most]

    def _ordered(self) -> list[tuple[Key, One]]:
        return sorted(self._kept.items(), key=lambda pair: pair[1].weight, reverse=True)

    def _fold(self) -> None:
        ordered = self._ordered()
        self._kept = dict(ordered[: self._most])
        for _, light in ordered[self._most :]:
            self.rest.merge(light)
            self.folded += 1
