"""What does a notebook show of a session? Some figures, where tokens went, the best fix; no script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_observer.money import dollars
from llm_observer.report.fix_words import docs_of, many, place, price
from llm_observer.report.markup import Child, Html, el, joined
from llm_observer.report.model import Summary, cached_share, summary_of
from llm_observer.report.sample import sample_note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_observer.sinks.cache_sums import Fix
    from llm_observer.sinks.session import Session
    from llm_observer.sinks.totals import Totals

__all__ = ["render"]

MAX_MODELS = 5
UNKNOWN = "?"
_MORE = f"The dearest {MAX_MODELS} models: session.summary() has more."
_PAD = "padding:2px 12px 2px 0;text-align:left;vertical-align:top"
_NUMBER = "padding:2px 0 2px 12px;text-align:right;font-variant-numeric:tabular-nums"
_LINE = "border-bottom:1px solid rgba(128,128,128,.4)"
_CARD = "font-family:inherit;color:inherit;background:transparent;max-width:60em"
_TABLE = "border-collapse:collapse;color:inherit;background:transparent;margin:4px 0"
_TRACK = "background:rgba(128,128,128,.25);width:12em;height:.7em;border-radius:2px"
_BAR = "background:#2a9d8f;height:.7em;border-radius:2px"
_HEADERS = ("model", "calls", "input", "cached", "output", "cost")
_FUNNEL = (
    ("input", "input_tokens"),
    ("a stable prompt would have read", "ideal_tokens"),
    ("the prompts as sent could have read", "reusable_tokens"),
    ("read from the cache", "actual_tokens"),
)


def render(session: Session) -> str:
    """HTML that needs nothing else, and takes the colours of the page: it is read in light and dark alike."""
    summary = summary_of(session.snapshot())
    parts: list[Child] = [el("p", el("strong", _headline(summary.totals)), style="margin:4px 0")]
    if summary.totals.calls:
        parts += [_models(summary), *_cache(summary), *_notes(session, summary)]
    return el("div", *parts, style=_CARD)


def _headline(totals: Totals) -> str:
    if not totals.calls:
        return "llm_observer: no calls yet"
    errors = f" · {many(totals.errors, 'error')}" if totals.errors else ""
    return f"{many(totals.calls, 'call')} · {_cost(totals)}{errors}"


def _cost(totals: Totals) -> str:
    unpriced = totals.unpriced_calls
    if unpriced == totals.calls:
        return "cost unknown"
    return dollars(totals.cost_usd) + (f" + {many(unpriced, 'call')} of unknown cost" if unpriced else "")


def _models(summary: Summary) -> Html:
    cells = (
        (
            "/".join(row.labels),
            f"{row.calls:,}",
            _count(row.input),
            "" if row.cached is None else _percent(row.cached),
            _count(row.output),
            UNKNOWN
            if row.cost_usd is None
            else dollars(row.cost_usd) + (f" + {UNKNOWN}" if row.unpriced else ""),
        )
        for row in summary.models.rows[:MAX_MODELS]
    )
    body = joined(*(_row("td", row) for row in cells))
    return el("table", _row("th", _HEADERS), body, _totals(summary.totals), style=_TABLE)


def _totals(totals: Totals) -> Html:
    share = cached_share(totals.tokens)
    cost = UNKNOWN if totals.unpriced_calls == totals.calls else dollars(totals.cost_usd)
    cells = (
        "all",
        f"{totals.calls:,}",
        _count(totals.tokens.input_total),
        "" if share is None else _percent(share),
        _count(totals.tokens.output),
        cost + (f" + {UNKNOWN}" if 0 < totals.unpriced_calls < totals.calls else ""),
    )
    return _row("th", cells)


def _row(name: str, cells: tuple[str, ...]) -> Html:
    first, *others = cells
    numbers = (el(name, cell, style=f"{_NUMBER};{_LINE}") for cell in others)
    return el("tr", el(name, first, style=f"{_PAD};{_LINE}"), *numbers, style="background:transparent")


def _cache(summary: Summary) -> Iterator[Child]:
    savings = summary.savings
    if savings is None:
        return
    funnel = savings.sums.funnel
    if funnel.input_tokens and (funnel.ideal_tokens or funnel.actual_tokens):
        steps = (_step(label, getattr(funnel, field), funnel.input_tokens) for label, field in _FUNNEL)
        yield el("table", *steps, style=_TABLE)
    best = next(iter(savings.fixes), savings.suspected)
    if best is not None:
        yield _fix("Fix first" if savings.fixes else "Suspected", best)


def _step(label: str, tokens: int, of: int) -> Html:
    share = min(tokens / of, 1.0)
    bar = el("div", el("div", style=f"{_BAR};width:{share * 100:.1f}%"), style=_TRACK)
    return el(
        "tr",
        el("td", label, style=_PAD),
        el("td", bar, style=_PAD),
        el("td", f"{tokens:,} tokens", style=_NUMBER),
        el("td", _percent(share), style=_NUMBER),
        style="background:transparent",
    )


def _fix(title: str, fix: Fix) -> Html:
    return el(
        "p",
        el("strong", f"{title}: {fix.title}"),
        f" in {place(fix)} ({fix.site}): {price(fix)}. {fix.advice or ''} ",
        el("a", "how", href=docs_of(fix), style="color:inherit"),
        style="margin:4px 0",
    )


def _notes(session: Session, summary: Summary) -> Iterator[Child]:
    """What the figures leave out."""
    rows, calls = session.rows, summary.totals.calls
    said = (
        sample_note(summary.sampled),
        _MORE if len(summary.models.rows) > MAX_MODELS else "",
        f"to_dicts() has the newest {rows:,} of {many(calls, 'call')}." if 0 < rows < calls else "",
    )
    for note in filter(None, said):
        yield el("p", el("small", note), style="margin:4px 0")


def _count(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count:,}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
