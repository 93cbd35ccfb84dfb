"""How are a report's numbers said? The same words in HTML and Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from llm_observer.money import ZERO, dollars, known_dollars
from llm_observer.report.cache_model import File, Report
from llm_observer.report.fix_words import many
from llm_observer.report.fixes import CONFIRMED, Fix
from llm_observer.report.sample import sample_note
from llm_observer.report.tally import Figures

__all__ = [
    "VERDICTS",
    "clock",
    "cost_of",
    "day",
    "funnel_rows",
    "headline",
    "lasted",
    "notes",
    "number_of",
    "percent",
    "period",
    "place_of",
    "rounded",
    "saving_of",
    "sentence",
    "share_of",
    "sureness",
]

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_UNITS = ((1e9, "B"), (1e6, "M"), (1e4, "k"))
_TINY = 0.005

VERDICTS = {
    "hit": "read all that it could",
    "partial": "read a part",
    "breaker": "something in the prompt changed",
    "ttl": "came after the cache had ended",
    "first": "nothing to read yet",
    "too_short": "below the minimum",
    "not_enabled": "caching was not asked for",
    "look_back": "beyond the look-back",
    "concurrent": "before the first one answered",
    "compaction": "the history was compacted",
    "harmless": "changed where it costs nothing",
    "key_accounting": "counted under another key",
    "unexplained": "nothing in the prompt explains it",
    "unknown": "not enough is known",
}
"""What each verdict says of a call."""

_UNPRICED = {
    "unknown_model": "model without a price",
    "usage_absent": "no usage in the answer",
    "tier_unpriced": "tier without a price",
    "not_priced": "never priced",
}
_FUNNEL = (
    ("input", "input_tokens", "All input"),
    ("ideal", "ideal_tokens", "A stable prompt would have reused"),
    ("reusable", "reusable_tokens", "These prompts could have reused"),
    ("actual", "actual_tokens", "Read from the cache"),
)


def headline(report: Report) -> str:
    """`$4.12 of $9.80 could have been saved`."""
    totals = report.totals
    if not totals.calls:
        return "No calls in what was read"
    if totals.without_verdict == totals.calls:
        return f"{cost_of(totals)} spent; nothing is known of the cache"
    if totals.missed_usd <= ZERO and totals.missed_unpriced:
        return f"{cost_of(totals)} spent, and what the cache missed has no known price"
    if totals.missed_usd <= ZERO:
        return f"{cost_of(totals)} spent, and the cache missed nothing that is priced"
    if totals.unpriced == totals.calls:
        return f"{dollars(totals.missed_usd)} could have been saved, of an unknown sum"
    return f"{dollars(totals.missed_usd)} of {dollars(totals.cost_usd)} could have been saved"


def notes(report: Report) -> Iterator[str]:
    """What is unknown, or not in the sums."""
    totals = report.totals
    if report.unpriced:
        reasons = ", ".join(
            f"{_UNPRICED.get(name, name)}: {count:,}" for name, count in report.unpriced.items()
        )
        yield f"{many(totals.unpriced, 'call')} of unknown cost, in no sum of money ({reasons})."
    if totals.missed_unpriced:
        calls = many(totals.missed_unpriced, "call")
        yield f"{calls} missed tokens whose price is unknown: more than the sum could have been saved."
    if report.funnel.no_verdict:
        yield f"{many(report.funnel.no_verdict, 'call')} with no verdict: not in the funnel."
    if totals.input_unknown:
        yield f"{many(totals.input_unknown, 'call')} of unknown input."
    if labels := report.funnel.labels:
        sure = ", ".join(f"{name} for {count:,}" for name, count in labels.items())
        yield f"What a stable prompt would have reused is {sure} of {many(report.funnel.calls, 'call')}."
    if report.sampled:
        yield sample_note(report.sampled)
    for file in report.files:
        yield from _file_notes(file)


def _file_notes(file: File) -> Iterator[str]:
    name = file.name or "The events"
    if not file.events:
        yield f"{name}: no events."
    elif file.calls and file.without_cache == file.calls:
        yield f"{name}: none of its {many(file.calls, 'call')} has a cache part, nothing can be said of it."
    elif file.without_cache:
        yield f"{name}: {file.without_cache:,} of {many(file.calls, 'call')} without a cache part."
    if file.repeated:
        yield f"{name}: {many(file.repeated, 'event')} counted before, left out."
    if file.unreadable:
        yield f"{name}: {many(file.unreadable, 'line')} that could not be read as an event."


def funnel_rows(report: Report) -> Iterator[tuple[str, str, int, float]]:
    """Name, label, tokens and share of the input."""
    funnel = report.funnel
    for name, field, label in _FUNNEL:
        tokens = getattr(funnel, field)
        yield name, label, tokens, tokens / funnel.input_tokens if funnel.input_tokens else 0.0


def place_of(fix: Fix) -> str:
    """Where in the request: `line 2, offset 37, 20 bytes`."""
    example = fix.example
    parts = (("line", example.line, ""), ("offset", example.offset, ""), ("", example.length, " bytes"))
    return ", ".join(
        f"{before} {count:,}{after}".strip() for before, count, after in parts if count is not None
    )


def sureness(fix: Fix) -> str:
    """`confirmed, 95 %`."""
    return f"{'confirmed' if fix.confidence >= CONFIRMED else 'suspected'}, {percent(fix.confidence)}"


def cost_of(figures: Figures) -> str:
    """The known cost; a question mark where none is known, and for the unknown part."""
    if figures.calls and figures.unpriced == figures.calls:
        return "?"
    return f"{dollars(figures.cost_usd)} + ?" if figures.unpriced else dollars(figures.cost_usd)


def saving_of(figures: Figures) -> str:
    """What could have been saved, as far as that is known."""
    if figures.without_verdict == figures.calls:
        return "?"
    return known_dollars(figures.missed_usd, figures.missed_unpriced)


def share_of(figures: Figures) -> float | None:
    """Share of the input that was read from the cache; None if no call tells of its cache."""
    if not figures.input_tokens or figures.cached_tokens is None:
        return None
    return min(figures.cached_tokens / figures.input_tokens, 1.0)


def percent(share: float | None) -> str:
    """`62 %`; small shares are not nothing."""
    if share is None:
        return "?"
    return "<\u00a01\u00a0%" if 0 < share < _TINY else f"{share * 100:.0f}\u00a0%"


def number_of(count: int | None) -> str:
    """All digits; a question mark for the unknown."""
    return "?" if count is None else f"{count:,}"


def rounded(count: int | None) -> str:
    """`1.08 M`."""
    for size, unit in _UNITS:
        if count is not None and count >= size:
            value = count / (1e3 if unit == "k" else size)
            return f"{value:.{0 if unit == 'k' else 2}f}\u00a0{unit}"
    return number_of(count)


def sentence(text: str) -> str:
    """*text* with a capital letter."""
    return text[:1].upper() + text[1:]


def lasted(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    minutes = round(seconds / _MINUTE_S)
    if seconds < _DAY_S:
        return f"{minutes // 60} h {minutes % 60} min".removesuffix(" 0 min")
    return f"{minutes // 1440} d {minutes % 1440 // 60} h".removesuffix(" 0 h")


def clock(at_s: float) -> str:
    """`09:12`, UTC."""
    return f"{datetime.fromtimestamp(at_s, UTC):%H:%M}"


def day(at_s: float) -> str:
    """`21 Nov 2026`, UTC."""
    moment = datetime.fromtimestamp(at_s, UTC)
    return f"{moment.day} {moment:%b %Y}"


def period(report: Report) -> str:
    """`21 Nov 2026, 09:00 to 15:12 UTC`."""
    start_s, end_s = report.start_s, report.end_s
    if start_s is None or end_s is None:
        return ""
    end_day = "" if day(start_s) == day(end_s) else f"{day(end_s)}, "
    return f"{day(start_s)}, {clock(start_s)} to {end_day}{clock(end_s)} UTC"
