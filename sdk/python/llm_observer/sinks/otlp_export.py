"""Which exporters do the `OTEL_*` variables ask for? Pipelines of our own, where the app has none."""

import importlib
import os
from queue import SimpleQueue
from threading import Event
from typing import Any, Literal

from llm_observer import log
from llm_observer.guard import guard
from llm_observer.threads import OwnThread

__all__ = ["Sender", "Signal", "is_disabled", "is_named", "log_provider", "meter_provider", "span_processor"]

Signal = Literal["traces", "metrics", "logs"]

_SEND = guard("otlp send")
_DEFAULT = "http/protobuf"
_MODULES = {
    ("traces", "http/protobuf"): "opentelemetry.exporter.otlp.proto.http.trace_exporter:OTLPSpanExporter",
    ("metrics", "http/protobuf"): "opentelemetry.exporter.otlp.proto.http.metric_exporter:OTLPMetricExporter",
    ("logs", "http/protobuf"): "opentelemetry.exporter.otlp.proto.http._log_exporter:OTLPLogExporter",
    ("traces", "grpc"): "opentelemetry.exporter.otlp.proto.grpc.trace_exporter:OTLPSpanExporter",
    ("metrics", "grpc"): "opentelemetry.exporter.otlp.proto.grpc.metric_exporter:OTLPMetricExporter",
    ("logs", "grpc"): "opentelemetry.exporter.otlp.proto.grpc._log_exporter:OTLPLogExporter",
}


def is_disabled() -> bool:
    """`OTEL_SDK_DISABLED` is set."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def is_named(signal: Signal) -> bool:
    """The environment says where *signal* goes."""
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    return any(os.environ.get(name) for name in names)


def span_processor() -> Any:
    """Batches spans and sends them; None where nothing can or may."""
    exporter = _exporter("traces")
    if exporter is None:
        return None
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    sending = exporter()
    try:
        return BatchSpanProcessor(sending)
    except RuntimeError:  # the process ends, and no thread can be started any more
        return SimpleSpanProcessor(sending)


def meter_provider(resource: Any) -> Any:
    """Sends metrics from time to time; None where nothing can or may."""
    exporter = _exporter("metrics")
    if exporter is None:
        return None
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    try:
        reader = PeriodicExportingMetricReader(_of_one_process(exporter)())
    except RuntimeError:  # as above: a metric of a process that ends at once says little
        return None
    return MeterProvider([reader], resource, shutdown_on_exit=False)


def log_provider(resource: Any) -> Any:
    """Batches log records and sends them; None where nothing can or may."""
    exporter = _exporter("logs")
    if exporter is None:
        return None
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, SimpleLogRecordProcessor

    provider, sending = LoggerProvider(resource, shutdown_on_exit=False), exporter()
    try:
        provider.add_log_record_processor(BatchLogRecordProcessor(sending))
    except RuntimeError:  # as above
        provider.add_log_record_processor(SimpleLogRecordProcessor(sending))
    return provider


class Sender:
    """A provider of ours, and the thread that flushes it: at exit it is too late to start one."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._orders: SimpleQueue[tuple[str, Event]] = SimpleQueue()
        OwnThread(self._run, "llm_observer otlp").start()

    def _run(self) -> None:
        step = ""
        while step != "shutdown":
            step, is_done = self._orders.get()
            with _SEND:
                getattr(self._provider, step)()
            is_done.set()

    def order(self, *, is_last: bool) -> Event:
        """Send what waits; is_last: and end. The event is set when that was tried."""
        is_done = Event()
        self._orders.put(("shutdown" if is_last else "force_flush", is_done))
        return is_done


def _exporter(signal: Signal) -> Any:
    """The class that sends *signal* by the protocol that the environment names."""
    if os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower() == "none":
        return None
    protocol = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL") or os.environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", _DEFAULT
    )
    found = _MODULES.get((signal, protocol.strip().lower()))
    if found is None:
        log.once(f"otlp:{signal}", "%s are not exported: the protocol %s is not known", signal, protocol)
        return None
    module, _, name = found.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError:
        package = f"opentelemetry-exporter-otlp-proto-{'grpc' if protocol == 'grpc' else 'http'}"
        log.once(f"otlp:{signal}", "%s are not exported: pip install %s", signal, package)
    except RuntimeError:  # what it imports wants to be told of the process's end, which has begun
        log.once(f"otlp:{signal}", "%s are not exported: the process ends", signal)
    return None


def _of_one_process(kind: type[Any]) -> type[Any]:
    """*kind*, quiet in a forked child: OpenTelemetry would send the parent's sums again from there."""
    home = os.getpid()

    class Exporter(kind):  # type: ignore[misc]  # a class that is only known at run time
        def export(self, metrics_data: Any, *args: Any, **kwargs: Any) -> Any:
            if os.getpid() == home:
                return super().export(metrics_data, *args, **kwargs)
            from opentelemetry.sdk.metrics.export import MetricExportResult

            return MetricExportResult.SUCCESS

    return Exporter
