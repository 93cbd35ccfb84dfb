"""What should be fixed first? Findings of many calls, put together by kind, place and call site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from llm_observer.cache.kinds import KINDS, advice_for
from llm_observer.call_cache import Finding
from llm_observer.report.bounded import Bounded
from llm_observer.report.tally import Amount

__all__ = ["Fix", "FixKey", "FixSums", "general_path", "ranked_fixes", "title_of"]

MAX_FIXES = 100
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
    """One thing to change. usd: what is known of what it cost; `unpriced` findings have no price."""

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
    """Adds up findings; the surest one is the example."""

    def __init__(self) -> None:
        self.amount = Amount()
        self.best: Finding | None = None
        self.event_id = ""

    def add(self, finding: Finding, event_id: str) -> None:
        """Count *finding*."""
        self.amount.add(finding.tokens, finding.usd)
        if self.best is None or finding.confidence > self.best.confidence:
            self.best, self.event_id = finding, event_id

    def merge(self, other: FixSums) -> None:
        """Add what *other* has."""
        self.amount.merge(other.amount)

    @property
    def weight(self) -> tuple[object, ...]:
        """Money first, then tokens, then how sure it is."""
        return (
            self.amount.usd,
            self.amount.tokens,
            self.best.confidence if self.best else 0,
            self.amount.count,
        )


def general_path(path: str | None) -> str | None:
    """*path* without the number of the message: `messages[*].content`."""
    return None if path is None else _MESSAGE.sub(r"\1[*]", path)


def title_of(kind: str) -> str:
    """The words for *kind*; those of its name where it is a newer one."""
    return KINDS[kind].title if kind in KINDS else kind.replace("_", " ")


def ranked_fixes(found: Bounded[FixKey, FixSums]) -> Iterator[Fix]:
    """The fixes, the one with the most money first."""
    for (kind, path, site), sums in found.ranked():
        best = sums.best
        if best is None:
            continue
        yield Fix(
            kind=kind,
            title=title_of(kind),
            path=path,
            site=site,
            count=sums.amount.count,
            tokens=sums.amount.tokens,
            usd=sums.amount.usd,
            unpriced=sums.amount.unpriced,
            confidence=best.confidence,
            advice=best.advice or advice_for(kind),
            docs=best.docs,
            example=_example(best, sums.event_id),
        )


def _example(finding: Finding, event_id: str) -> Example:
    return Example(
        event_id=event_id,
        path=finding.path,
        offset=finding.offset,
        line=finding.line,
        length=finding.length,
        shape=finding.shape,
    )
