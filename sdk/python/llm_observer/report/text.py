"""How does a summary read in a terminal? A headline, tables, and a line for each thing that is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_observer.money import dollars
from llm_observer.report.fix_words import money
from llm_observer.report.model import Row, Rows, Savings, Summary, cached_share, summary_of
from llm_observer.report.sample import sample_note
from llm_observer.report.table import Lines, Table, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llm_observer.report.model import GapLine
    from llm_observer.sinks.cache_sums import Fix
    from llm_observer.sinks.session import Session
    from llm_observer.sinks.totals import Totals

__all__ = ["render", "render_savings"]

UNKNOWN = "?"
_SECOND_MS = 1000
_TEN_MS = 9.95

_ASK = 'stream_options={{"include_usage": True}}'
_GAPS = {
    "unknown_model": "{calls} {has} no price: {models}",
    "tier_unpriced": "{calls} {has} no price for {its} tier: {models}",
    "usage_not_requested": "{streams} without usage: pass " + _ASK + " to see {its} cost",
    "stream_cut_short": "{streams} ended before {its} usage: {models}",
    "usage_absent": "{calls} without usage in the answer: {models}",
    "not_priced": "{calls} without a cost: {models}",
}
_OTHER_GAP = "{calls} {has} no known cost ({reason}): {models}"
_ESTIMATED = "{calls} {is} estimated, and in the sums"
_BOUND = "{calls} {is} in the sums with a lower bound{reason}"
_PARTS = {
    "input": "input",
    "cache_read": "cache reads",
    "cache_write": "cache writes",
    "output": "output",
    "server_tools": "server tools",
    "unsplit": "not split by the provider",
}


def render(session: Session, *, width: int | None, color: bool) -> str:
    """The summary of *session*, in lines of at most *width* (None: as wide as it gets).

    It is drawn with rich where that is installed, else plainly. It has no text of any prompt.
    """
    summary = summary_of(session.snapshot())
    blocks: list[Lines | Table] = [Lines((_headline(summary),), "bold")]
    if summary.totals.calls:
        blocks += [*_tables(summary), *_lines(summary)]
    return draw(blocks, width=width, color=color)


def render_savings(session: Session, *, width: int | None, color: bool) -> str:
    """Only the totals of *session* and what the prompt cache could have saved, in the same form."""
    summary = summary_of(session.snapshot())
    blocks = [Lines((_headline(summary),), "bold")]
    if summary.savings is not None:
        blocks += _cache(summary, summary.savings)
    return draw(blocks, width=width, color=color)


def _headline(summary: Summary) -> str:
    """`12 calls · $0.0421 · 18,204 tokens in (62 % from cache) · 3,011 out`."""
    totals = summary.totals
    parts = [_calls(totals.calls)]
    if totals.calls:
        parts += [_total_cost(summary), *_tokens(summary)]
    if totals.errors:
        parts.append(_many(totals.errors, "error"))
    if totals.retries:
        parts.append(_many(totals.retries, "retry", "retries"))
    return " · ".join(parts)


def _total_cost(summary: Summary) -> str:
    totals, unpriced = summary.totals, summary.totals.unpriced_calls
    if unpriced == totals.calls:
        return "cost unknown"
    more = f" + {_calls(unpriced)} of unknown cost" if unpriced else ""
    return f"{dollars(totals.cost_usd)}{more}"


def _tokens(summary: Summary) -> Iterator[str]:
    tokens = summary.totals.tokens
    if tokens.input_total is not None:
        cached = cached_share(tokens)
        share = "" if cached is None else f" ({_percent(cached)} from cache)"
        yield f"{tokens.input_total:,} tokens in{share}"
    if tokens.output is not None:
        yield f"{tokens.output:,} out"


def _tables(summary: Summary) -> Iterator[Table]:
    yield _table(("provider", "model"), summary.models, tuple(_NUMBERS), ("p50 / p90", "cached", "provider"))
    if summary.sites.rows:
        yield _table(("call site",), summary.sites, _FEW)
    for name, rows in summary.attributes.items():
        yield _table((name,), rows, _FEW)


def _table(
    labels: tuple[str, ...], table: Rows, numbers: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Table:
    """The rows of *table*; the last one may sum up many."""
    named = [row.labels for row in table.rows]
    if table.folded:
        named[-1] = ("",) * (len(labels) - 1) + (f"({table.folded:,} more)",)
    cells = (
        (*label, *(_NUMBERS[number](row) for number in numbers))
        for label, row in zip(named, table.rows, strict=True)
    )
    return Table(
        headers=(*labels, *numbers),
        rows=tuple(cells),
        labels=len(labels),
        optional=(*optional, "errors", "input", "output"),
    )


def _lines(summary: Summary) -> Iterator[Lines]:
    if summary.split:
        parts = (f"{_PARTS[name]} {dollars(amount)}" for name, amount in summary.split)
        yield Lines((f"Cost: {' · '.join(parts)}",))
    if summary.savings is not None:
        yield from _cache(summary, summary.savings)
    estimated = summary.totals.cost_status.get("estimated", 0)
    unknown = (
        *map(_gap, summary.gaps),
        *([_doubt(_ESTIMATED, estimated)] if estimated else []),
        *(_doubt(_BOUND, calls, f": {reason}" if reason else "") for reason, calls in summary.bounds),
        *filter(None, (_stated(summary.totals), sample_note(summary.sampled))),
    )
    if unknown:
        yield Lines(unknown, "yellow")
    if summary.errors:
        yield Lines((_errors(summary),), "red")
    if summary.more_names:
        yield Lines((f"{_many(summary.more_names, 'more attribute')}: session.by_attribute(name)",))


def _cache(summary: Summary, savings: Savings) -> Iterator[Lines]:
    """What could have been saved, how, and how much was."""
    if savings.is_worth_it:
        fixes = (line for fix in savings.fixes for line in _fix(fix))
        more = (f"{_many(savings.more_fixes, 'more finding')}: session.cache.findings",)
        yield Lines((_saving(summary, savings), *fixes, *(more if savings.more_fixes else ())), "cyan")
    if savings.suspected is not None:
        yield Lines((_suspicion(savings.suspected, savings.more_suspected),))
    if rate := _hit_rate(savings):
        yield Lines((rate,))


def _saving(summary: Summary, savings: Savings) -> str:
    """`$0.41 of $0.98 could have been saved by the prompt cache`."""
    sums, could = savings.sums, "could have been saved by the prompt cache"
    if not sums.missed_usd:
        return f"{sums.missed_tokens:,} input tokens {could}, at a price that is unknown"
    missed = dollars(sums.missed_usd) + (f" + {UNKNOWN}" if sums.missed_unpriced else "")
    is_known = summary.totals.unpriced_calls < summary.totals.calls
    return f"{missed} of {_total_cost(summary)} {could}" if is_known else f"{missed} {could}"


def _fix(fix: Fix) -> Iterator[str]:
    """Money, where, what; and what to change. A finding without tokens stands in the way behind another."""
    yield f"{money(fix) if fix.tokens else 'also'}: {_where(fix)}: {fix.title}"
    if fix.advice:
        yield f"  {fix.advice}"


def _suspicion(fix: Fix, more: int) -> str:
    others = f" (and {_many(more, 'more')})" if more else ""
    return f"Suspected: {_where(fix)}: {fix.title}{others}. {fix.advice or ''}".rstrip()


def _where(fix: Fix) -> str:
    """`app.py:42 ask, system[0] offset 37`."""
    offset = "" if fix.example.offset is None else f" offset {fix.example.offset}"
    return f"{fix.site}, {fix.path or 'the request'}{offset}"


def _hit_rate(savings: Savings) -> str:
    """Of the calls of which all counts are known: input, what a stable prompt reuses, what was reused."""
    funnel = savings.sums.funnel
    if not funnel.input_tokens or not (funnel.ideal_tokens or funnel.actual_tokens):
        return ""
    could, did = (
        f"{count:,} ({_percent(count / funnel.input_tokens)})"
        for count in (funnel.ideal_tokens, funnel.actual_tokens)
    )
    return f"Prompt cache: {funnel.input_tokens:,} tokens in, {could} could have been reused, {did} were"


def _gap(gap: GapLine) -> str:
    wording = _GAPS.get(gap.reason, _OTHER_GAP)
    return wording.format(
        calls=_calls(gap.calls),
        streams=_many(gap.calls, "stream"),
        has="has" if gap.calls == 1 else "have",
        its="its" if gap.calls == 1 else "their",
        reason=gap.reason,
        models=_models(gap),
    )


def _models(gap: GapLine) -> str:
    named = ", ".join(f'"{model}"' for model in gap.models)
    more = f" and {gap.more_models:,} more" if gap.more_models else ""
    return f"{'model' if len(gap.models) == 1 else 'models'} {named}{more}"


def _doubt(wording: str, calls: int, reason: str = "") -> str:
    return wording.format(calls=_calls(calls), reason=reason, **{"is": "is" if calls == 1 else "are"})


def _stated(totals: Totals) -> str:
    """The providers' own figures beside ours, where they differ."""
    difference = totals.provider_difference_usd
    if not difference:
        return ""
    way = "more" if difference > 0 else "less"
    figures = f"the provider stated the cost of {_calls(totals.provider_priced)}"
    return (
        f"{figures}, {dollars(difference.copy_abs())} {way} than by price list: its figures are in the sums"
    )


def _errors(summary: Summary) -> str:
    named = [f"{count:,} {name}" for name, count in summary.errors]
    if summary.more_errors:
        named.append(f"{summary.more_errors:,} of other types")
    return f"Errors: {', '.join(named)}"


def _cost(row: Row) -> str:
    """The cost that is known; a question mark stands for the rest of it."""
    if row.cost_usd is None:
        return UNKNOWN
    return f"{dollars(row.cost_usd)} + {UNKNOWN}" if row.unpriced else dollars(row.cost_usd)


def _count(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count:,}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _times(row: Row) -> str:
    """`312 / 840 ms`, or `0.84 / 12.40 s`."""
    if row.p50_ms is None or row.p90_ms is None:
        return ""
    if row.p90_ms < _SECOND_MS:
        return f"{_short(row.p50_ms)} / {_short(row.p90_ms)} ms"
    return f"{row.p50_ms / _SECOND_MS:,.2f} / {row.p90_ms / _SECOND_MS:,.2f} s"


def _short(time_ms: float) -> str:
    return f"{time_ms:.1f}" if time_ms < _TEN_MS else f"{time_ms:.0f}"


def _calls(count: int) -> str:
    return _many(count, "call")


def _many(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


_NUMBERS: dict[str, Callable[[Row], str]] = {
    "calls": lambda row: f"{row.calls:,}",
    "errors": lambda row: f"{row.errors:,}" if row.errors else "-",
    "input": lambda row: _count(row.input),
    "cached": lambda row: "" if row.cached is None else _percent(row.cached),
    "output": lambda row: _count(row.output),
    "cost": _cost,
    "p50 / p90": _times,
}
_FEW = ("calls", "errors", "input", "output", "cost")
