"""How does an event become a span with its own ids and times? Our provider, the app's processors."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from llm_observer._version import __version__
from llm_observer.event import Event
from llm_observer.otel_names import COMMIT, OURS
from llm_observer.sinks.otlp_names import Value, is_failed, span_name

__all__ = ["SCOPE", "SpanWriter", "mirrored", "started_ns"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Scope(NamedTuple):
    """Who wrote it, as OpenTelemetry names an instrumentation."""

    name: str
    version: str
    schema_url: None
    attributes: Mapping[str, str]


SCOPE = Scope("llm_observer", __version__, None, {f"{OURS}conventions": COMMIT})
"""No schema URL: the conventions have no release that one could name."""


def started_ns(event: Event) -> int:
    """Start of *event*, nanoseconds since the epoch."""
    return (datetime.fromisoformat(event.time) - _EPOCH) // timedelta(microseconds=1) * 1000


class _Ids:
    """Gives a provider the ids of the event that is being written; used on one thread only."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id

    def is_trace_id_random(self) -> bool:
        return True


class SpanWriter:
    """Writes finished spans through a provider: its sampler, its limits and its processors decide.

    With `ids` (a provider of ours) a span has the event's ids, else those that a foreign provider gives.
    """

    def __init__(self, provider: Any, ids: _Ids | None) -> None:
        self.provider = provider
        self._ids = ids
        self._tracer = provider.get_tracer(*SCOPE)

    def write(self, event: Event, attributes: Mapping[str, Value], above: Any) -> Any:
        """Write the span of *event*, below *above*; returns its context.

        above: context of the app's span, None where there was none.
        """
        from opentelemetry.trace import SpanKind, Status, StatusCode

        call, start = event.llm_call, started_ns(event)
        assert call is not None  # noqa: S101 - for the type checker
        context = self._context(event, above)
        if self._ids is not None:
            self._ids.trace_id, self._ids.span_id = int(event.trace_id, 16), int(event.span_id, 16)
        span = self._tracer.start_span(
            span_name(call), context, SpanKind.CLIENT, attributes=attributes, start_time=start
        )
        if is_failed(call):
            span.set_status(Status(StatusCode.ERROR))
        duration_ms = call.timing.duration_ms if call.timing else None
        span.end(start + round((duration_ms or 0.0) * 1e6))
        return span.get_span_context()

    def _context(self, event: Event, above: Any) -> Any:
        """A context in which the span above *event* is the current one, empty where there is none."""
        from opentelemetry.context import Context
        from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

        if event.parent_span_id is None:
            return Context()
        trace_id, span_id = int(event.trace_id, 16), int(event.parent_span_id, 16)
        flags = self._flags(trace_id) if above is None else above.trace_flags
        state = None if above is None else above.trace_state
        parent = SpanContext(trace_id, span_id, False, TraceFlags(flags), state)  # noqa: FBT003 - is_remote
        return set_span_in_context(NonRecordingSpan(parent), Context())

    def _flags(self, trace_id: int) -> int:
        """Whether a trace that began with a call of ours is sampled: as its first span was."""
        sampler = getattr(self.provider, "sampler", None)
        if sampler is None:
            return 1
        return int(sampler.should_sample(None, trace_id, "llm_observer").decision.is_sampled())


def mirrored(app: Any, resource: Any = None, processor: Any = None) -> SpanWriter:
    """Spans with ids of their own for *app*'s processors, sampler, limits and resource.

    The API has no way to say a span's id; a provider that shares all but the source of ids has. It is
    never set as the global one. app: the app's provider, None for none. processor: ours, for none of its.
    """
    from opentelemetry.sdk.trace import TracerProvider

    ids = _Ids()
    shared = getattr(app, "_active_span_processor", None) if processor is None else None
    provider = TracerProvider(
        sampler=getattr(app, "sampler", None),
        resource=getattr(app, "resource", resource),
        shutdown_on_exit=False,
        active_span_processor=shared,
        id_generator=ids,  # type: ignore[arg-type]  # it has the methods; the class is not imported for it
        span_limits=getattr(app, "_span_limits", None),
    )
    if processor is not None:
        provider.add_span_processor(processor)
    return SpanWriter(provider, ids)
