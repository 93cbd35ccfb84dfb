"""Which metrics come out of a call? The standard's, from the one table of names, and sums of our own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from llm_observer.call import LLMCall
from llm_observer.otel_names import INFERENCE, METRICS, OURS, Metric, Vintage
from llm_observer.sinks.otlp_names import FETCH, Value, operation_of
from llm_observer.sinks.otlp_spans import SCOPE

__all__ = ["CallMetrics", "numbers", "watch"]

_KEYS = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "server.address",
    "server.port",
)
_ERROR = "error.type"
_COST, _MISSED = f"{OURS}cost.total_usd", f"{OURS}cache.missed_tokens"
_MISSED_USD = f"{OURS}cache.missed_usd"
_SUMS = {
    _COST: ("llm_observer.cost", "USD", "What calls cost, in US dollars."),
    _MISSED: ("llm_observer.cache.missed_tokens", "{token}", "Input that the prompt cache could have saved."),
    _MISSED_USD: ("llm_observer.cache.missed_cost", "USD", "What that cost beyond a cache read."),
}
_LEVELS = ("queued", "open_exchanges", "waiting", "leased", "quarantined", "oldest", "bytes", "state")
"""Words in names of our own numbers that go down, too: they are gauges."""


class CallMetrics:
    """The instruments of one meter provider."""

    def __init__(self, provider: Any, vintage: Vintage) -> None:
        self.provider = provider
        self._meter = provider.get_meter(*SCOPE)
        self._rows = [row for row in METRICS if vintage in {"both", row.since}]
        self._instruments = {row.name: self._instrument(row) for row in self._rows}
        self._sums = {
            key: self._meter.create_counter(name, unit, text) for key, (name, unit, text) in _SUMS.items()
        }

    def _instrument(self, row: Metric) -> Any:
        if not row.bounds:
            return self._meter.create_counter(row.name, row.unit, row.text)
        return self._meter.create_histogram(
            row.name, row.unit, row.text, explicit_bucket_boundaries_advisory=row.bounds
        )

    def record(self, call: LLMCall, attributes: Mapping[str, Value], context: Any) -> None:
        """The standard's metrics of *call*; *context* links them to its span."""
        shared = {key: attributes[key] for key in _KEYS if key in attributes}
        for row in self._rows:
            if _is_about(row, call):
                for value, extra in _points(row, call):
                    labels = {**shared, **extra, **_failure(row, attributes)}
                    instrument = self._instruments[row.name]
                    (instrument.record if row.bounds else instrument.add)(value, labels, context)

    def sum_up(self, attributes: Mapping[str, Value], context: Any) -> None:
        """Our own sums, of each call, whoever made its span."""
        shared = {key: attributes[key] for key in _KEYS if key in attributes}
        for key, counter in self._sums.items():
            value = attributes.get(key)
            if isinstance(value, (int, float)) and value >= 0:
                counter.add(value, shared, context)


def _is_about(row: Metric, call: LLMCall) -> bool:
    operation = operation_of(call)
    if row.unit == "{token}" and (operation == FETCH or call.is_usage_repeated):
        return False
    return row.is_inference is None or row.is_inference == (operation in INFERENCE)


def _points(row: Metric, call: LLMCall) -> Iterator[tuple[float, dict[str, str]]]:
    value = _at(call, row.value)
    extra = {} if row.direction is None else {"gen_ai.token.type": row.direction}
    if row.unit == "s":
        if value is not None:
            yield value / 1000, extra
    elif row.by_modality is not None:
        yield from _by_modality(row, call, value)
    elif value is not None or row.since == "latest":
        # "Instrumentations SHOULD record this metric for each inference operation, including failed ones",
        # 0 without usage (docs/gen-ai/gen-ai-token-metrics.md of the conventions, seen 2026-11-21).
        yield value or 0, extra


def _by_modality(row: Metric, call: LLMCall, value: float | None) -> Iterator[tuple[float, dict[str, str]]]:
    """The parts that the provider names, and the rest as `unknown`, so that they add up to the whole."""
    if value is None and row.value not in {"tokens.input_total", "tokens.output"}:
        return  # a part of the input or output that the wire does not have
    parts = {name: part for name, path in row.by_modality or () if (part := _at(call, path))}
    rest = (value or 0) - sum(parts.values())
    if rest < 0:  # the provider's parts are more than its whole
        parts, rest = {}, value or 0
    if rest or not parts:
        parts["unknown"] = rest
    for name, part in parts.items():
        yield part, {"gen_ai.token.modality": name}


def _failure(row: Metric, attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Histograms of the newest names and durations tell errors apart, counters of tokens do not."""
    is_told = row.unit == "s" or (row.bounds and row.since == "latest")
    return {_ERROR: attributes[_ERROR]} if is_told and _ERROR in attributes else {}


def _at(call: LLMCall, path: str) -> float | None:
    part: Any = call
    for name in path.split("."):
        part = getattr(part, name) if isinstance(part, msgspec.Struct) else None
    return part if isinstance(part, (int, float)) else None


def numbers(stats: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of `llm_observer.stats()` by dotted name."""
    found: dict[str, float] = {}
    for name, value in stats.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{below}": number for below, number in numbers(value).items()}
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = value
    return found


def watch(provider: Any, stats: Callable[[], Mapping[str, Any]]) -> None:
    """Show what the library itself counts: sums as a counter, levels as a gauge, told apart by name."""
    from opentelemetry.metrics import Observation

    def observe(*, is_level: bool) -> Callable[[Any], Iterator[Any]]:
        def observed(options: Any) -> Iterator[Any]:  # noqa: ARG001 - OpenTelemetry passes it
            for name, value in numbers(stats()).items():
                if any(word in name.rpartition(".")[2] for word in _LEVELS) == is_level:
                    yield Observation(value, {f"{OURS}stat": name})

        return observed

    meter = provider.get_meter(*SCOPE)
    meter.create_observable_counter(
        f"{OURS}stats", [observe(is_level=False)], "1", "Counts of the library's own."
    )
    meter.create_observable_gauge(
        f"{OURS}levels", [observe(is_level=True)], "1", "Levels of the library's own."
    )
