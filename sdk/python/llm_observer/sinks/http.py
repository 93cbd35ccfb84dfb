"""How do events get to an endpoint? Into the spool first, durably; one thread sends them from there."""

from __future__ import annotations

import os
import threading
import time
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from llm_observer import log
from llm_observer.event import Event, encode
from llm_observer.sinks.sampling import sampled
from llm_observer.telemetry.batch import room_for_events
from llm_observer.telemetry.spool import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_observer.telemetry.delivery import Delivery
    from llm_observer.telemetry.spool import Spool

__all__ = ["HttpSink"]

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
        self._renew()

    def _renew(self) -> None:
        """Nothing in memory: at the start, and in a forked child (what waits there is its parent's)."""
        self._pid = os.getpid()
        self._storing = threading.Lock()
        self._unstored: list[Entry] = []

    def write(self, events: Sequence[Event]) -> None:
        """Store *events* before anything of them is sent."""
        if self._pid != os.getpid():
            self._renew()
        kept = sampled(events, self._sample_rate)
        entries = [Entry(event.event_id, encode(event)) for event in kept]
        fitting = [entry for entry in entries if len(entry.body) <= self._max_event_bytes]
        counts = self._delivery.counts
        counts["not_sampled"] += len(events) - len(kept)
        counts["oversized"] += len(entries) - len(fitting)
        if len(fitting) < len(entries):
            log.once("oversized", "events larger than a batch (%d bytes) are dropped", self._max_event_bytes)
        with self._storing:
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
        log.debug("spooled", events=stored, path=str(self._spool.path))
        self._delivery.notice(stored, sum(len(entry.body) for entry in waiting))

    def _keep(self, entries: Sequence[Entry], why: OSError) -> None:
        """The disk is full, or gone: the newest *entries* stay in memory until the next write."""
        totals = accumulate(len(entry.body) for entry in reversed(entries))
        room = sum(total <= _MAX_UNSTORED for total in totals)
        self._unstored = list(entries[len(entries) - room :])
        self._delivery.counts["not_stored"] += len(entries) - room
        log.once("spool", "events cannot be stored for sending, some stay in memory: %s", why.strerror)

    def close(self) -> None:
        """What was written is in the spool; `deliver` ends the sending."""

    def deliver(self, *, deadline: float, is_last: bool) -> bool:
        """Send what waits, before *deadline* of the monotonic clock; True if nothing is left."""
        if self._pid != os.getpid():
            self._renew()
        is_stored = self._store_rest(deadline, is_last=is_last)
        is_sent = self._delivery.close(deadline) if is_last else self._delivery.flush(deadline)
        return is_stored and is_sent

    def _store_rest(self, deadline: float, *, is_last: bool) -> bool:
        """Try once more to store what is in memory. False if it stays there, or (is_last) is lost."""
        if not self._storing.acquire(timeout=max(deadline - time.monotonic(), 0)):
            return False  # the disk hangs: the worker waits for it, with what it has
        try:
            self._store(())
            left = len(self._unstored)
            if left and is_last:
                self._unstored = []
                self._delivery.counts["not_stored"] += left
                log.once("not stored", "the disk took nothing until the end: %d events are not sent", left)
        finally:
            self._storing.release()
        return not left

    def stats(self) -> dict[str, Any]:
        """What was stored, sent and dropped, and what waits in memory for the disk."""
        in_memory = len(self._unstored) if self._pid == os.getpid() else 0
        return {**self._delivery.stats(), "waiting_in_memory": in_memory}
