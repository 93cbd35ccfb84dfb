"""How did a conversation go? Its calls in time, and the pauses that outlived the cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

import msgspec

from llm_observer.call import LLMCall
from llm_observer.call_cache import CacheUse
from llm_observer.report.bounded import Bounded
from llm_observer.report.tally import Tally

__all__ = ["Conversation", "ConversationSums", "Pause", "Point", "conversations"]

MAX_CONVERSATIONS = 40
MAX_POINTS = 400
DEFAULT_TTL_S = 300
"""Anthropic's default (docs/prompt-caching, 2026-11), the shortest of those that are documented."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A call. share: of its input, read from the cache; None if unknown."""

    at_s: float
    verdict: str
    share: float | None
    missed_tokens: int | None
    event_id: str


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Longer than the lifetime of the cache. is_expired: the next call says that it cost the cache."""

    start_s: float
    end_s: float
    is_expired: bool


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """Calls whose prompts go on from one another. more_calls: in the sums, and not in `calls`.

    missed_usd: what is known; `missed_unpriced` calls missed tokens without a price.
    """

    key: str
    site: str
    model: str
    ttl_s: int
    is_ttl_known: bool
    cost_usd: Decimal
    unpriced: int
    missed_tokens: int
    missed_usd: Decimal
    missed_unpriced: int
    call_count: int
    more_calls: int
    calls: tuple[Point, ...]
    pauses: tuple[Pause, ...]


class ConversationSums:
    """Adds up the calls of one conversation."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.site = ""
        self.model = ""
        self.ttl_s: int | None = None
        self.points: list[Point] = []

    def add(self, call: LLMCall, cache: CacheUse, at_s: float, *, event_id: str, site: str) -> None:
        """Count *call*."""
        self.tally.add(call)
        self.site, self.model = site, call.model_responded or call.model_requested or self.model
        lifetimes = [point.ttl_s for point in cache.breakpoints if point.ttl_s is not None]
        self.ttl_s = max([*lifetimes, *([] if self.ttl_s is None else [self.ttl_s])], default=None)
        if len(self.points) < MAX_POINTS:
            self.points.append(_point(call, cache, at_s, event_id))

    def merge(self, other: ConversationSums) -> None:
        """Add what *other* has, but for its calls: they are another conversation's."""
        self.tally.merge(other.tally)

    @property
    def weight(self) -> tuple[object, ...]:
        """A conversation of one call tells nothing of time; then missed money."""
        return (self.tally.counts["calls"] > 1, *self.tally.weight)

    def conversation(self, key: str) -> Conversation:
        """All of it."""
        figures = self.tally.figures()
        points = sorted(self.points, key=lambda point: point.at_s)
        ttl_s = DEFAULT_TTL_S if self.ttl_s is None else self.ttl_s
        return Conversation(
            key=key,
            site=self.site,
            model=self.model,
            ttl_s=ttl_s,
            is_ttl_known=self.ttl_s is not None,
            cost_usd=figures.cost_usd,
            unpriced=figures.unpriced,
            missed_tokens=figures.missed_tokens,
            missed_usd=figures.missed_usd,
            missed_unpriced=figures.missed_unpriced,
            call_count=figures.calls,
            more_calls=figures.calls - len(points),
            calls=tuple(points),
            pauses=tuple(_pauses(points, ttl_s)),
        )


def conversations(found: Bounded[str, ConversationSums]) -> Iterator[Conversation]:
    """Those of more than one call, the one with the most missed money first."""
    for key, sums in found.ranked():
        if sums.tally.counts["calls"] > 1:
            yield sums.conversation(key)


def _point(call: LLMCall, cache: CacheUse, at_s: float, event_id: str) -> Point:
    total = None if call.tokens is None else call.tokens.input_total
    read = cache.actual_tokens
    return Point(
        at_s=at_s,
        verdict=cache.verdict,
        share=min(read / total, 1.0) if total and read is not None else None,
        missed_tokens=cache.missed_tokens,
        event_id=event_id,
    )


def _pauses(points: Sequence[Point], ttl_s: int) -> Iterator[Pause]:
    for before, after in pairwise(points):
        if after.at_s - before.at_s > ttl_s:
            yield Pause(start_s=before.at_s, end_s=after.at_s, is_expired=after.verdict == "ttl")
