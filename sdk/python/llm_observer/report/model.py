"""Which numbers does a summary show? Rows out of a session, without any form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from llm_observer.money import ZERO, exact_sum
from llm_observer.sinks.breakdowns import NONE, Gap, Snapshot
from llm_observer.sinks.cache_sums import CONFIRMED, CacheTotals, Fix
from llm_observer.sinks.totals import TokenSums, Totals

__all__ = ["GapLine", "Row", "Rows", "Savings", "Summary", "cached_share", "summary_of"]

MAX_MODELS = 12
MAX_SITES = 5
MAX_NAMES = 6
MAX_VALUES = 5
MAX_ERRORS = 8
MAX_NAMED_MODELS = 3
MAX_SHOWN_FIXES = 3
"""Confidence from which a finding is more than a suspicion."""
LEAST_USD = Decimal("0.0001")
"""Less is not worth a line."""


class Row(NamedTuple):
    """One line of a table; None is unknown. cost_usd: what is known of it, None if nothing is."""

    labels: tuple[str, ...]
    calls: int
    errors: int
    input: int | None
    cached: float | None
    output: int | None
    cost_usd: Decimal | None
    unpriced: int
    p50_ms: float | None
    p90_ms: float | None


class Rows(NamedTuple):
    """A table: the dearest rows, and how many others their last row sums up (0: there is no such row)."""

    rows: tuple[Row, ...]
    folded: int


class GapLine(NamedTuple):
    """Calls whose cost is unknown for one reason. more_models: beyond those named."""

    reason: str
    calls: int
    models: tuple[str, ...]
    more_models: int


class Savings(NamedTuple):
    """What the prompt cache could have saved. fixes: the dearest confirmed ones, empty if little was lost.

    suspected: the likeliest finding that nothing confirms yet, only if nothing is confirmed at all.
    """

    sums: CacheTotals
    is_worth_it: bool
    fixes: tuple[Fix, ...]
    more_fixes: int
    suspected: Fix | None
    more_suspected: int


class Summary(NamedTuple):
    """All that a summary shows.

    split: parts of the cost that are not zero. bounds: calls whose cost is a bound, by what is unknown of it.
    savings: None where no call has a verdict about its cache.
    """

    totals: Totals
    models: Rows
    sites: Rows
    attributes: dict[str, Rows]
    more_names: int
    split: tuple[tuple[str, Decimal], ...]
    bounds: tuple[tuple[str, int], ...]
    gaps: tuple[GapLine, ...]
    errors: tuple[tuple[str, int], ...]
    more_errors: int
    savings: Savings | None
    sampled: dict[str, int]


def summary_of(taken: Snapshot) -> Summary:
    """The summary of *taken*."""
    models = [_row((key.provider, key.model), totals) for key, totals in taken.by_model.items()]
    sites = [_row((key,), totals) for key, totals in taken.by_site.items()]
    names = list(taken.by_attribute)[:MAX_NAMES]
    errors = list(taken.errors.items())
    return Summary(
        totals=taken.totals,
        models=_folded(models, MAX_MODELS),
        sites=Rows((), 0) if set(taken.by_site) == {NONE} else _folded(sites, MAX_SITES),
        attributes={name: _values(taken.by_attribute[name]) for name in names},
        more_names=len(taken.by_attribute) - len(names),
        split=_split(taken.totals),
        bounds=tuple(taken.bounds.items()),
        gaps=_gaps(taken.gaps),
        errors=tuple(errors[:MAX_ERRORS]),
        more_errors=sum(count for _, count in errors[MAX_ERRORS:]),
        savings=_savings(taken.cache) if taken.cache.calls else None,
        sampled=taken.sampled,
    )


def _savings(cache: CacheTotals) -> Savings:
    """Suspicions are told only as long as there is nothing better."""
    is_worth_it = cache.missed_usd >= LEAST_USD or cache.missed_unpriced > 0
    confirmed = [fix for fix in cache.findings if fix.confidence >= CONFIRMED]
    suspected = [] if confirmed else sorted(cache.findings, key=lambda fix: fix.confidence, reverse=True)
    shown = confirmed if is_worth_it else []
    return Savings(
        sums=cache,
        is_worth_it=is_worth_it,
        fixes=tuple(shown[:MAX_SHOWN_FIXES]),
        more_fixes=len(shown[MAX_SHOWN_FIXES:]),
        suspected=suspected[0] if suspected else None,
        more_suspected=len(suspected[1:]),
    )


def cached_share(tokens: TokenSums) -> float | None:
    """How much of the input was read from the cache; None if no call told of its cache."""
    if not tokens.input_total or tokens.cache_read is None:
        return None
    return min(tokens.cache_read / tokens.input_total, 1.0)


def _values(by_value: dict[str, Totals]) -> Rows:
    return _folded([_row((value,), totals) for value, totals in by_value.items()], MAX_VALUES)


def _row(labels: tuple[str, ...], totals: Totals) -> Row:
    unpriced = totals.unpriced_calls
    return Row(
        labels=labels,
        calls=totals.calls,
        errors=totals.errors,
        input=totals.tokens.input_total,
        cached=cached_share(totals.tokens),
        output=totals.tokens.output,
        cost_usd=None if unpriced == totals.calls else totals.cost_usd,
        unpriced=unpriced,
        p50_ms=totals.duration_ms.p50,
        p90_ms=totals.duration_ms.p90,
    )


def _folded(rows: Sequence[Row], most: int) -> Rows:
    """*rows*, with those that are too many in one last row."""
    if len(rows) <= most:
        return Rows(tuple(rows), 0)
    rest = rows[most - 1 :]
    priced = [row.cost_usd for row in rest if row.cost_usd is not None]
    folded = Row(
        labels=("",) * len(rows[0].labels),
        calls=sum(row.calls for row in rest),
        errors=sum(row.errors for row in rest),
        input=_sum([row.input for row in rest]),
        cached=None,
        output=_sum([row.output for row in rest]),
        cost_usd=exact_sum(priced) if priced else None,
        unpriced=sum(row.unpriced for row in rest),
        p50_ms=None,
        p90_ms=None,
    )
    return Rows((*rows[: most - 1], folded), len(rest))


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _split(totals: Totals) -> tuple[tuple[str, Decimal], ...]:
    parts = ((name, getattr(totals.cost_parts, name)) for name in totals.cost_parts.__struct_fields__)
    return tuple((name, amount) for name, amount in parts if amount != ZERO)


def _gaps(gaps: dict[Gap, int]) -> tuple[GapLine, ...]:
    calls: Counter[str] = Counter()
    models: dict[str, list[str]] = {}
    for gap, count in gaps.items():
        calls[gap.reason] += count
        models.setdefault(gap.reason, []).append(gap.model)
    return tuple(
        GapLine(reason, count, tuple(named[:MAX_NAMED_MODELS]), max(len(named) - MAX_NAMED_MODELS, 0))
        for reason, count in calls.most_common()
        for named in (models[reason],)
    )
