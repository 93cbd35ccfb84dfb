"""How does a report read as Markdown? For a pull request, a job summary or a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from llm_observer.money import known_dollars
from llm_observer.report.cache_model import Group, Report
from llm_observer.report.fix_words import many, money
from llm_observer.report.fixes import Fix
from llm_observer.report.wording import (
    cost_of,
    funnel_rows,
    headline,
    notes,
    percent,
    period,
    place_of,
    saving_of,
    sentence,
    share_of,
    sureness,
)

__all__ = ["render"]

MAX_FIXES = 10
MAX_ROWS = 12
_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")
_BREAKS = re.compile(r"\s+")


def render(report: Report) -> str:
    """The report, with a line break at its end."""
    return "\n".join([f"# {headline(report)}", "", *_parts(report)]).replace("\u00a0", " ").rstrip() + "\n"


def _parts(report: Report) -> Iterator[str]:
    if report.totals.calls:
        yield f"{many(report.totals.calls, 'call')} · {period(report)}\n"
    if report.fixes:
        yield from _titled("Fix these first", _table(_FIX_HEADERS, map(_fix, report.fixes[:MAX_FIXES])))
        yield from _advice(report.fixes[:MAX_FIXES])
    if report.funnel.calls:
        yield from _titled(
            "What the cache could have served", _table(("", "tokens", "share"), _funnel(report))
        )
    if report.causes:
        yield from _titled("Causes of missed tokens", _table(_CAUSE_HEADERS, _causes(report)))
    if report.totals.calls:
        yield from _titled("Call sites", _table(("call site", *_SUMS), map(_group, report.sites[:MAX_ROWS])))
        yield from _titled("Models", _table(("model", *_SUMS), map(_group, report.models[:MAX_ROWS])))
    if said := [f"- {_text(one)}" for one in notes(report)]:
        yield from _titled("What is not in the sums", said)


_FIX_HEADERS = ("#", "fix", "call site", "place", "times", "tokens", "money", "sure")
_CAUSE_HEADERS = ("cause", "calls", "tokens", "money")
_SUMS = ("calls", "input", "cached", "cost", "could be saved")


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"## {title}\n"
    yield from lines
    yield ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    numbers = {"times", "tokens", "money", "share", "calls", "input", "cached", "cost", "could be saved"}
    yield f"| {' | '.join(headers)} |"
    yield f"| {' | '.join('---:' if name in numbers else '---' for name in headers)} |"
    for number, row in enumerate(rows, 1):
        cells = (str(number), *row) if headers[0] == "#" else row
        yield f"| {' | '.join(cells)} |"


def _fix(fix: Fix) -> Sequence[str]:
    place = "whole request" if fix.path is None else ", ".join(filter(None, (_code(fix.path), place_of(fix))))
    title = f"{_text(sentence(fix.title))} {_code(fix.kind)}"
    return (
        title,
        _code(fix.site),
        place,
        f"{fix.count:,}",
        f"{fix.tokens:,}",
        money(fix),
        sureness(fix),
    )


def _advice(fixes: Sequence[Fix]) -> Iterator[str]:
    for number, fix in enumerate(fixes, 1):
        yield f"{number}. {_text(fix.advice or sentence(fix.title))}"
    yield ""


def _funnel(report: Report) -> Iterator[Sequence[str]]:
    for _, label, tokens, share in funnel_rows(report):
        yield label, f"{tokens:,}", percent(share)


def _causes(report: Report) -> Iterator[Sequence[str]]:
    for cause in report.causes[:MAX_ROWS]:
        title = f"{_text(sentence(cause.title))} {_code(cause.kind)}"
        yield title, f"{cause.count:,}", f"{cause.tokens:,}", known_dollars(cause.usd, cause.unpriced)


def _group(group: Group) -> Sequence[str]:
    sums = group.figures
    named = f"{group.folded:,} others" if group.folded else _code(group.name)
    cached = percent(share_of(sums))
    return named, f"{sums.calls:,}", f"{sums.input_tokens:,}", cached, cost_of(sums), saving_of(sums)


def _code(text: str) -> str:
    """*text* as code; it can end neither the code nor the cell."""
    return f"`{_BREAKS.sub(' ', text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _text(text: str) -> str:
    """*text* without any markup of its own."""
    return _MARKUP.sub(r"\\\1", _BREAKS.sub(" ", text))
