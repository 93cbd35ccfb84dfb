"""How is a call told in one line? Time, model, tokens, cost, verdict of the cache, ending, call site."""

from datetime import datetime
from typing import Any, NamedTuple

import click

from llm_observer.call import LLMCall
from llm_observer.event import Event
from llm_observer.money import billed_usd, decimal_text, dollars
from llm_observer.report.fix_words import site_name
from llm_observer.sinks.totals import is_error

__all__ = ["Row", "clean", "line", "row_of"]

_UNKNOWN = "?"
_MODEL = 26
_COLORS = {"hit": "green", "harmless": "green", "breaker": "yellow", "partial": "yellow", "ttl": "yellow"}


class Row(NamedTuple):
    """A call. None is unknown; cost_usd is a decimal string."""

    time: str
    event_id: str
    provider: str
    model: str | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    cost_usd: str | None
    cost_status: str | None
    verdict: str | None
    ending: str
    error: str | None
    site: str
    duration_ms: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self._asdict()


def row_of(event: Event, call: LLMCall) -> Row:
    """The line of *call*, the body of *event*."""
    usd, tokens = billed_usd(call.cost), call.tokens
    return Row(
        time=event.time,
        event_id=event.event_id,
        provider=call.provider,
        model=call.model_responded or call.model_requested,
        input_tokens=None if tokens is None else tokens.input_total,
        cached_tokens=None if tokens is None else tokens.cache_read,
        output_tokens=None if tokens is None else tokens.output,
        cost_usd=None if usd is None else decimal_text(usd),
        cost_status=None if call.cost is None else call.cost.status,
        verdict=None if call.cache is None else call.cache.verdict,
        ending=call.ending,
        error=_error(call),
        site=site_name(call.call_site),
        duration_ms=None if call.timing is None else call.timing.duration_ms,
    )


def _error(call: LLMCall) -> str | None:
    """`429 rate_limit_error`, or the class of the exception."""
    if not is_error(call):
        return None
    error = call.error
    name = None if error is None else error.type or error.code or error.exception
    status = None if call.status is None else str(call.status)
    return " ".join(filter(None, (status, name))) or "error"


def line(row: Row, call: LLMCall) -> str:
    """*row* in columns, the time being that of this machine; in colours, which `click.echo` takes out."""
    cost, verdict, error = billed_usd(call.cost), clean(row.verdict or "-"), clean(row.error or "")
    parts = (
        datetime.fromisoformat(row.time).astimezone().strftime("%H:%M:%S"),
        _cut(clean(row.model or _UNKNOWN)),
        f"{_count(row.input_tokens):>9} in",
        f"{_count(row.output_tokens):>7} out",
        f"{_UNKNOWN if cost is None else dollars(cost):>10}",
        click.style(f"{verdict:<12}", fg=_COLORS.get(verdict)),
        click.style(error, fg="red") if error else "",
        "" if row.ending in {"complete", "error"} else click.style(clean(row.ending), fg="yellow"),
        clean(row.site),
    )
    return "  ".join(part for part in parts if part)


def clean(text: str) -> str:
    """*text* without control characters: names of models and functions come from outside."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _cut(model: str) -> str:
    return f"{model if len(model) <= _MODEL else model[: _MODEL - 1] + '…':<{_MODEL}}"


def _count(count: int | None) -> str:
    return _UNKNOWN if count is None else f"{count:,}"
