"""Where was a WebSocket opened, and what is one response on it?"""

from __future__ import annotations

import os
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

from llm_observer.capture.exchange import OpenCall, OpenExchange

if TYPE_CHECKING:
    from llm_observer.capture.targets import Target
    from llm_observer.capture.tracker import Tracker, TrackerSource
    from llm_observer.wire import Closing

__all__ = ["Link", "SocketExchange"]


class _Asked(NamedTuple):
    """What `OpenCall.note` reads of an SDK's options."""

    url: str
    method: str = "POST"
    json_data: None = None
    extra_json: None = None


class Link:
    """One connection of the SDK's: where it was made, and where its calls go.

    route: what its frames ask for. kind: the SDK's class. Answers that nobody asked for (after the end of
    speech), and frames that are sent outside of any trace, belong where the connection was made.
    """

    def __init__(
        self, source: TrackerSource, tracker: Tracker, target: Target, route: str, kind: type
    ) -> None:
        self.source = source
        self.route = route
        self.kind = kind
        self._target = target
        self._home = self._noted(tracker, route)

    def call(self, tracker: Tracker, route: str, *, is_sent: bool) -> OpenCall:
        """A call that begins now. is_sent: the app asks for it here, with a frame."""
        call, home = self._noted(tracker, route), self._home
        if not is_sent or call.site is None:
            call.site = home.site
        if not is_sent or (call.above is None and call.observation is None):
            call.trace_id, call.parent_span_id = home.trace_id, home.parent_span_id
            call.above, call.observation = home.above, home.observation
        return call

    def _noted(self, tracker: Tracker, route: str) -> OpenCall:
        call = OpenCall.__new__(OpenCall)
        call.note(tracker, self._target, self.kind, _Asked(route), is_stream=True)
        call.client = self.kind.__name__
        return call


class SocketExchange(OpenExchange):
    """One response on a socket."""

    latest: bytes | None = None
    """The newest sum of a session that goes on."""

    def __init__(self, call: OpenCall, tracker: Tracker) -> None:
        super().__init__(call, tracker)
        self.event_id: str | None = None
        self.stream_id: str | None = None
        self._process = os.getpid()

    def tick(self) -> None:
        """Count one frame and note when it came."""
        now = perf_counter_ns()
        if self.first is None:
            self.first = now
        elif now - self.last > self.gap:
            self.gap = now - self.last
        self.last = now
        self.count += 1

    def keep(self, frame: bytes) -> None:
        """Keep *frame* as an event of a stream."""
        self.tick()
        self.body.add(b"data: %b\n\n" % b"\ndata: ".join(frame.splitlines()))

    def end(self, closing: Closing) -> None:
        """End it, the first time; a forked child has a copy, and lets the copy go."""
        if os.getpid() == self._process:
            super().end(closing)
        else:
            self.release()
