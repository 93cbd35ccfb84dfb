"""Where do OpenTelemetry's users look? In their own traces and metrics: each call as a GenAI span there.

Spans go to the processors of the app's own provider, or, where it has none, over OTLP as the `OTEL_*`
variables say. No global provider is ever set, and nothing of OpenTelemetry is imported before this sink
is on.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llm_observer.event import Event
from llm_observer.otel_names import OURS, Vintage
from llm_observer.sinks import otlp_export as export
from llm_observer.sinks.otlp_names import attributes_of, told
from llm_observer.sinks.otlp_outlets import Outlets
from llm_observer.sinks.otlp_peers import Surroundings, peer_of
from llm_observer.sinks.otlp_spans import started_ns
from llm_observer.sinks.sampling import sampled

__all__ = ["OtlpSink"]

_MAX_WAITING = 1024


class OtlpSink:
    """One span per call, or, beside a span of somebody else's, one log record with what only we know.

    vintage: which names. stats: the library's own counts, shown as metrics. sample_rate: share of traces that
    has spans or log records; metrics are of all calls. leaving: what `before_send` makes of each event, None
    for nothing at all.
    Raises ImportError where the extra is not installed.
    """

    name = "otlp"

    def __init__(
        self,
        *,
        vintage: Vintage = "latest",
        stats: Callable[[], Mapping[str, Any]] | None = None,
        sample_rate: float = 1.0,
        leaving: Callable[[Sequence[Event]], Sequence[Event | None]] = list,
    ) -> None:
        import opentelemetry.sdk.trace  # noqa: F401 - says now that it is missing

        self._vintage = vintage
        self._stats = stats
        self._sample_rate = sample_rate
        self._leaving = leaving
        self._counts = {"spans": 0, "logs": 0, "unplaced": 0, "not_sampled": 0}
        self._around: dict[str, Surroundings] = {}
        self._renew()

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._outlets = Outlets(self._vintage, self._stats)

    def surround(self, span_id: str, around: Surroundings) -> None:
        """Note which spans stood around the call whose event has *span_id*, until it is written."""
        if len(self._around) >= _MAX_WAITING:  # events that never came: a fault stopped them
            self._around.clear()
        self._around[span_id] = around

    def write(self, events: Sequence[Event]) -> None:
        """Hand *events* to the processors and instruments; nothing here waits for the network."""
        if self._pid != os.getpid():
            self._renew()  # a forked child has connections and sums of its own
        all_around = [self._around.pop(event.span_id, Surroundings()) for event in events]
        for event, around in zip(self._leaving(events), all_around, strict=True):
            if event is not None and event.llm_call is not None and not export.is_disabled():
                self._outlets.connect(event.service)
                self._write(event, around)

    def close(self) -> None:
        """What was written is with the processors; `deliver` ends the sending."""

    def deliver(self, *, deadline: float, is_last: bool) -> bool:
        """Send what waits in pipelines of ours, before *deadline* of the monotonic clock.

        The app's own providers are the app's to flush. True if all was tried in time.
        """
        if self._pid != os.getpid():
            self._renew()
        steps = [sender.order(is_last=is_last) for sender in self._outlets.senders]
        if is_last:
            self._renew()  # a later write begins anew
        return all(step.wait(max(0.0, deadline - time.monotonic())) for step in steps)

    def stats(self) -> dict[str, Any]:
        """Calls that became a span, a log record beside somebody else's span, or neither, and why."""
        return dict(self._counts)

    def _write(self, event: Event, around: Surroundings) -> None:
        call, metrics = event.llm_call, self._outlets.metrics
        assert call is not None  # noqa: S101 - for the type checker
        peer = peer_of(call, around)
        above = None if around.above is None else around.above.get_span_context()
        spot = above if peer is None else peer.context or above
        kept = sampled((event,), self._sample_rate)
        attributes = attributes_of(kept[0] if kept else event, self._vintage)
        if not kept:
            self._counts["not_sampled"] += 1
        elif peer is None:
            spot = self._place(kept[0], attributes, above)
        else:
            self._tell(kept[0], told(attributes), _context(spot))
        if metrics is not None:
            metrics.sum_up(attributes, _context(spot))
            if peer is None or not peer.has_metrics:
                metrics.record(call, attributes, _context(spot))

    def _place(self, event: Event, attributes: Mapping[str, Any], above: Any) -> Any:
        """Write a span; returns where it is, None for nowhere."""
        spans = self._outlets.spans
        self._counts["unplaced" if spans is None else "spans"] += 1
        return None if spans is None else spans.write(event, attributes, above)

    def _tell(self, event: Event, attributes: Mapping[str, Any], context: Any) -> None:
        """One log record, as an event, beside the span that is there already."""
        logger = self._outlets.logger(event.service)
        self._counts["unplaced" if logger is None else "logs"] += 1
        if logger is None:
            return
        from opentelemetry._logs import LogRecord, SeverityNumber

        logger.emit(
            LogRecord(
                timestamp=started_ns(event),
                context=context,
                severity_number=SeverityNumber.INFO,
                attributes=attributes,
                event_name=f"{OURS}call",
            )
        )


def _context(spot: Any) -> Any:
    """A context with the span at *spot* as the current one, an empty one for None."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return Context() if spot is None else set_span_in_context(NonRecordingSpan(spot), Context())
