"""Where exchanges go when they end, which are open, and how many bytes they may keep."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from llm_observer.capture.budget import Budget
from llm_observer.context import in_hook

if TYPE_CHECKING:
    from llm_observer.capture.exchange import OpenExchange

__all__ = ["Tracker", "TrackerSource", "tracker_of"]


_trackers: WeakSet[Tracker] = WeakSet()


class Submit(Protocol):
    """Takes an ended exchange; never blocks, takes no lock when *wake* is False."""

    def __call__(self, exchange: OpenExchange, /, *, wake: bool) -> None:
        """Queue *exchange* for the worker."""
        ...


class Tracker:
    """Shared by all calls between one `patch()` and the next.

    submit: takes an ended exchange.
    max_exchange_bytes: bodies kept of one exchange, request and answer together.
    max_total_bytes: bodies kept of all exchanges that are open or queued.
    """

    def __init__(self, submit: Submit, *, max_exchange_bytes: int, max_total_bytes: int) -> None:
        self.submit = submit
        self.max_exchange_bytes = max_exchange_bytes
        self.budget = Budget(max_total_bytes)
        self.open: set[OpenExchange] = set()
        _trackers.add(self)

    def sweep(self) -> None:
        """End every open exchange: the process exits."""
        for exchange in self.open.copy():  # in one step: a finaliser may end one meanwhile
            exchange.end("exit")


def _after_fork() -> None:
    """What was open at the fork is the parent's to tell, unless the child reads it to its end."""
    for tracker in tuple(_trackers):
        tracker.open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class TrackerSource(Protocol):
    """Knows where calls go right now: nowhere (None) once its hook was taken off."""

    tracker: Tracker | None


def tracker_of(source: TrackerSource) -> Tracker | None:
    """Where what begins here and now goes: nowhere, if a hook of the app does it that we called."""
    return None if in_hook() else source.tracker
