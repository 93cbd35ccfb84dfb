"""How do events get to an endpoint? Into the spool first, durably; one thread sends them from there."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec

from llm_observer import log
from llm_observer.event import Event, encode
from llm_observer.telemetry.batch import room_for_events
from llm_observer.telemetry.spool import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_observer.telemetry.delivery import Delivery
    from llm_observer.telemetry.spool import Spool

__all__ = ["SAMPLE_RATE", "HttpSink", "is_sampled"]

SAMPLE_RATE = "llm_observer.sample_rate"
"""Attribute of events that were sampled: each stands for 1 / rate of its kind. Absent means 1."""
_RANDOM_BITS = 64
_MAX_UNSTORED = 4 << 20


class HttpSink:
    """Puts events into *spool* and tells *delivery*.

    sample_rate: share of traces that is sent. max_bytes: of a batch; an event that fits in none is dropped
    alone. What the disk does not take stays in memory, bounded, and is tried again.
    """

    name = "http"

    def __init__(self, spool: Spool, delivery: Delivery, *, sample_rate: float, max_bytes: int) -> None:
        self._spool = spool
        self._delivery = delivery
        self._sample_rate = sample_rate
        self._max_event_bytes = room_for_events(max_bytes, 1)
        self._unstored: list[Entry] = []

    def write(self, events: Sequence[Event]) -> None:
        """Store *events* before anything of them is sent."""
        sampled = [event for event in events if is_sampled(event.trace_id, self._sample_rate)]
        entries = [Entry(event.event_id, encode(self._marked(event))) for event in sampled]
        fitting = [entry for entry in entries if len(entry.body) <= self._max_event_bytes]
        counts = self._delivery.counts
        counts["not_sampled"] += len(events) - len(sampled)
        counts["oversized"] += len(entries) - len(fitting)
        if len(fitting) < len(entries):
            log.once("oversized", "events larger than a batch (%d bytes) are dropped", self._max_event_bytes)
        self._store(fitting)

    def _store(self, entries: Sequence[Entry]) -> None:
        """Store *entries*, and before them what could not be stored the last time."""
        waiting = [*self._unstored, *entries]
        if not waiting:
            return
        try:
            stored = self._spool.put(waiting)
        except OSError as exc:
            self._keep(waiting, exc)
            return
        self._unstored = []
        self._delivery.counts["spooled"] += stored
        self._delivery.notice(stored, sum(len(entry.body) for entry in waiting))

    def _keep(self, entries: Sequence[Entry], why: OSError) -> None:
        """The disk is full, or gone: the newest *entries* stay in memory until the next write."""
        totals = accumulate(len(entry.body) for entry in reversed(entries))
        room = sum(total <= _MAX_UNSTORED for total in totals)
        self._unstored = list(entries[len(entries) - room :])
        self._delivery.counts["not_stored"] += len(entries) - room
        log.once("spool", "events cannot be stored for sending, some stay in memory: %s", why.strerror)

    def _marked(self, event: Event) -> Event:
        if self._sample_rate >= 1:
            return event
        return msgspec.structs.replace(event, attributes={**event.attributes, SAMPLE_RATE: self._sample_rate})

    def close(self) -> None:
        """What was written is in the spool; `deliver` ends the sending."""

    def deliver(self, *, deadline: float, is_last: bool) -> bool:
        """Send what waits, before *deadline* of the monotonic clock; True if nothing is left."""
        self._store(())
        return self._delivery.close(deadline) if is_last else self._delivery.flush(deadline)

    def stats(self) -> dict[str, Any]:
        """What was stored, sent and dropped."""
        return self._delivery.stats()


def is_sampled(trace_id: str, rate: float) -> bool:
    """Whether a trace is among the *rate* that is sent: decided by its id, so alike in every process.

    The rule is that of OpenTelemetry's `TraceIdRatioBased`, so that an app whose traces are sampled at the
    same rate sends the same ones.
    """
    bound = round(rate * (1 << _RANDOM_BITS))
    return int(trace_id, 16) & ((1 << _RANDOM_BITS) - 1) < bound
