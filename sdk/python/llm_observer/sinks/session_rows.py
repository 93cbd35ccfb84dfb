"""What was each call, in a line? A flat row of plain values, kept in some hundred bytes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, overload

import msgspec

from llm_observer.money import decimal_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_observer.call import LLMCall
    from llm_observer.event import Event
    from llm_observer.sinks.totals import Facts

__all__ = ["MAX_ROWS", "Row", "Rows", "unpacked"]

MAX_ROWS = 10_000
MAX_TEXT = 200
"""Characters of a text that are kept: names and attributes are short."""


class Row(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One call. None is unknown; tokens and money are what it adds to the sums: nothing if they were counted.

    model: that answered, or that was asked for. cost_usd and missed_usd: decimal strings. site: the app's own
    line. missed_tokens: what a stable prompt would have read from the cache.
    """

    time: str
    event_id: str
    trace_id: str
    provider: str
    operation: str
    model: str | None
    status: int | None
    ending: str
    error: str | None
    is_stream: bool
    retries: int
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: str | None
    cost_status: str
    cache_verdict: str | None
    missed_tokens: int | None
    missed_usd: str | None
    duration_ms: float | None
    time_to_first_chunk_ms: float | None
    site: str | None
    attributes: dict[str, str | int | float | bool]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Row).decode
_TOKENS = {
    "input_tokens": "input_total",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
}


class Rows:
    """The newest *most* rows, packed."""

    def __init__(self, most: int) -> None:
        self._packed: deque[bytes] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self._packed)

    @property
    def most(self) -> int:
        """How many rows there can be."""
        return self._packed.maxlen or 0

    def keep(self, most: int) -> None:
        """Hold *most* rows from now on."""
        self._packed = deque(self._packed, maxlen=most)

    def add(self, event: Event, call: LLMCall, facts: Facts, site: str | None) -> None:
        """Keep the row of *call*, the body of *event*."""
        if self.most:
            self._packed.append(_encode(_row(event, call, facts, site)))

    def packed(self) -> tuple[bytes, ...]:
        """The rows as they are kept, oldest first: `unpacked` reads them, without a lock."""
        return tuple(self._packed)


def unpacked(rows: tuple[bytes, ...]) -> list[dict[str, Any]]:
    """The *rows* as plain values."""
    return [msgspec.structs.asdict(_decode(row)) for row in rows]


def _row(event: Event, call: LLMCall, facts: Facts, site: str | None) -> Row:
    tokens, times, cache = dict(facts.tokens), dict(facts.times), call.cache
    error = call.error
    return Row(
        time=event.time,
        event_id=event.event_id,
        trace_id=event.trace_id,
        provider=_short(call.provider),
        operation=_short(call.operation),
        model=_short(call.model_responded or call.model_requested),
        status=call.status,
        ending=call.ending,
        error=None if error is None else _short(error.type or error.code or error.exception),
        is_stream=call.is_stream,
        retries=call.retries,
        **{name: tokens.get(field) for name, field in _TOKENS.items()},
        cost_usd=None if facts.cost_usd is None else decimal_text(facts.cost_usd),
        cost_status=facts.status,
        cache_verdict=None if cache is None else cache.verdict,
        missed_tokens=None if cache is None else cache.missed_tokens,
        missed_usd=None if cache is None else cache.missed_usd,
        duration_ms=times.get("duration_ms"),
        time_to_first_chunk_ms=times.get("time_to_first_chunk_ms"),
        site=site,
        attributes=_attributes(event.attributes),
    )


def _attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    return {_short(name): _short(value) if isinstance(value, str) else value for name, value in given.items()}


@overload
def _short(text: str) -> str: ...
@overload
def _short(text: str | None) -> str | None: ...
def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
