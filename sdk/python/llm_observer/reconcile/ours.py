"""What did our events count, by day and model? One pass, in memory that grows with days and models alone."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from llm_observer.call import LLMCall, Tokens
from llm_observer.enrichers.bill import billed_output, input_total, written
from llm_observer.enrichers.tiers import STANDARD_TIERS
from llm_observer.event import Event
from llm_observer.money import billed_usd
from llm_observer.reconcile.figures import USD, Figures
from llm_observer.report.seen import Seen

__all__ = ["Key", "Names", "Ours"]

_FAILED = 400
_CUT_SHORT = frozenset({"closed_early", "cancelled", "truncated", "open_at_exit"})
_SPLITS = ("cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_12h")
_BATCH = "batch"
_SEARCHES = "web_search_requests"
"""Anthropic's name; no other export tells searches."""
_STANDARD_REGIONS = frozenset({"global", "not_available"})


class Names(NamedTuple):
    """What a call's model was called: in the answer, and in the request."""

    responded: str | None
    requested: str | None


class Key(NamedTuple):
    """What is added up apart. rate: the share of all calls that these are; None if nothing says so."""

    provider: str
    operation: str
    day: date
    names: Names
    rate: Fraction | None


class Ours:
    """Sums of events.

    first, last: when the first and the last call began, RFC 3339. skipped: events that count for nothing
    here, by reason.
    """

    def __init__(self) -> None:
        self.sums: dict[Key, Figures] = {}
        self.skipped: Counter[str] = Counter()
        self.first: str | None = None
        self.last: str | None = None
        self._seen = Seen()

    def add(self, event: Event) -> None:
        """Count *event*."""
        call = event.llm_call
        reason = "no_call" if call is None else self._not_counted(event, call)
        if reason is not None or call is None:
            self.skipped[reason or "no_call"] += 1
            return
        self.first = event.time if self.first is None else min(self.first, event.time)
        self.last = event.time if self.last is None else max(self.last, event.time)
        self._figures(event, call).merge(_figures_of(call))

    def _not_counted(self, event: Event, call: LLMCall) -> str | None:
        if not self._seen.add(event.event_id):
            return "same_event"
        if call.is_usage_repeated:
            return "repeated"
        return "local" if call.ending == "local" else None

    def _figures(self, event: Event, call: LLMCall) -> Figures:
        names = Names(call.model_responded, call.model_requested)
        day = date.fromisoformat(event.time[:10])  # events are in UTC
        key = Key(call.provider, call.operation, day, names, _rate(event))
        return self.sums.setdefault(key, Figures())


def _rate(event: Event) -> Fraction | None:
    """The share of calls that was kept, where the event says so and it is one."""
    given = event.sample_rate
    return None if given is None or not 0 < given < 1 else Fraction(str(given))


def _figures_of(call: LLMCall) -> Figures:
    figures = Figures()
    figures.rows = 1
    figures.marks.update(_marks(call))
    if "failed" not in figures.marks:
        figures.add("requests", 1)
    if call.tokens is not None:
        _add_tokens(figures, call.tokens)
    searches = None if call.server_tool_use is None else call.server_tool_use.get(_SEARCHES)
    if searches is not None:
        figures.add("searches", searches)
    usd = billed_usd(call.cost)
    if usd is not None:
        figures.add(USD, usd)
    return figures


def _add_tokens(figures: Figures, tokens: Tokens) -> None:
    counts = {
        "input": input_total(tokens),
        "uncached": tokens.input_uncached,
        "cache_read": tokens.cache_read,
        "cache_write": written(tokens),
        **{kind: getattr(tokens, kind) for kind in _SPLITS},
        "output": billed_output(tokens),
    }
    for kind, count in counts.items():
        if count is not None:
            figures.add(kind, count)
    if counts["cache_write"] and all(counts[kind] is None for kind in _SPLITS):
        figures.marks["ttl_unknown"] += 1


def _marks(call: LLMCall) -> Iterable[str]:
    """What makes this call one that a provider may count otherwise."""
    cost, is_failed = call.cost, call.status is not None and call.status >= _FAILED
    marks = {
        "failed": is_failed,
        "unanswered": call.ending == "error" and not is_failed,
        "cut_short": call.ending in _CUT_SHORT,
        "usage_absent": call.tokens is None and not is_failed,
        "batch": call.service_tier == _BATCH or (cost is not None and cost.tier == _BATCH),
        "tier": (call.service_tier or "default") not in STANDARD_TIERS | {_BATCH}
        or (call.speed or "standard") != "standard",
        "region": (call.inference_geo or "global") not in _STANDARD_REGIONS,
        "unpriced": billed_usd(cost) is None and not is_failed,
        "unsure": cost is not None and cost.status in {"estimated", "bound"},
    }
    yield from (mark for mark, is_so in marks.items() if is_so)
    yield from ("retried" for _ in range(call.retries))
