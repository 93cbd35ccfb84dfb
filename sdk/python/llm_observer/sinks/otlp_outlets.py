"""Which providers take spans, metrics and log records? The app's own ones, else pipelines of ours."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from llm_observer import log
from llm_observer.event import Service
from llm_observer.otel_names import Vintage
from llm_observer.sinks import otlp_export as export
from llm_observer.sinks.otlp_metrics import CallMetrics, watch
from llm_observer.sinks.otlp_names import resource_of
from llm_observer.sinks.otlp_spans import SCOPE, SpanWriter, mirrored

__all__ = ["Outlets"]

_API = ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs")
"""Modules of the API: a provider from there stands for one that was not set."""


class Outlets:
    """Where each signal goes, looked up anew whenever the app has set another provider.

    spans, metrics: None where the signal goes nowhere. stats: the library's own counts.
    """

    spans: SpanWriter | None = None
    metrics: CallMetrics | None = None

    def __init__(self, vintage: Vintage, stats: Callable[[], Mapping[str, Any]] | None) -> None:
        self._vintage = vintage
        self._stats = stats
        self._seen: tuple[Any, ...] = ()
        self._own: dict[str, Any] = {}
        self.senders: list[export.Sender] = []
        """Of the providers of ours, which nobody else flushes."""

    def connect(self, service: Service | None) -> None:
        """Look at the app's providers; *service* names the app where it names itself nowhere else."""
        from opentelemetry import metrics, trace
        from opentelemetry._logs import get_logger_provider

        providers: tuple[Any, ...] = (
            trace.get_tracer_provider(),
            metrics.get_meter_provider(),
            get_logger_provider(),
        )
        seen = tuple(None if _is_unset(provider) else provider for provider in providers)
        if self._seen and all(one is other for one, other in zip(seen, self._seen, strict=True)):
            return
        self._seen = seen
        tracer, meter, _ = seen
        self.spans = self._spans(tracer, service)
        meter = meter or self._pipeline("metrics", tracer, service)
        if meter is not None and (self.metrics is None or self.metrics.provider is not meter):
            self.metrics = CallMetrics(meter, self._vintage)
            if self._stats is not None:
                watch(meter, self._stats)

    def logger(self, service: Service | None) -> Any:
        """Takes log records, made when there is one; None where they go nowhere."""
        tracer, _, logger = self._seen
        logger = logger or self._pipeline("logs", tracer, service)
        return None if logger is None else logger.get_logger(*SCOPE)

    def _spans(self, app: Any, service: Service | None) -> SpanWriter | None:
        if app is not None and not hasattr(app, "_active_span_processor"):
            return SpanWriter(app, None)  # not the SDK's: it makes the ids
        if app is not None and getattr(app._active_span_processor, "_span_processors", True):  # noqa: SLF001 - nothing public says it
            return mirrored(app)
        if "traces" not in self._own:
            processor = export.span_processor()
            writer = None if processor is None else mirrored(app, _resource(app, service), processor)
            self._own["traces"] = writer
            self._watch(None if writer is None else writer.provider)
        return self._own["traces"]  # type: ignore[no-any-return]  # a writer stands there

    def _pipeline(self, signal: export.Signal, app: Any, service: Service | None) -> Any:
        """Ours for *signal*. An app that set up traces only is asked to say where the rest goes."""
        if signal not in self._own:
            if app is not None and not export.is_named(signal):
                log.debug("otlp", signal=signal, sent=False, reason="no provider and no endpoint")
                return None
            make = export.meter_provider if signal == "metrics" else export.log_provider
            self._own[signal] = make(_resource(app, service))
            self._watch(self._own[signal])
        return self._own[signal]

    def _watch(self, provider: Any) -> None:
        """Have *provider* flushed. At exit no thread can be started, and its processor does not wait."""
        if provider is not None:
            with suppress(RuntimeError):
                self.senders.append(export.Sender(provider))


def _is_unset(provider: Any) -> bool:
    kind = type(provider)
    return kind.__module__.startswith(_API) and "Proxy" in kind.__name__


def _resource(app: Any, service: Service | None) -> Any:
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    if app is not None and hasattr(app, "resource"):
        return app.resource
    own = resource_of(service)
    try:
        return Resource.create(own)
    except RuntimeError:  # it asks detectors on threads, and none can be started when the process ends
        return OTELResourceDetector().detect().merge(Resource(own))
