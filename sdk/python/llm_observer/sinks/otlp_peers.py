"""Does somebody else make a GenAI span of this call? Then ours would count its tokens twice."""

import os
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from llm_observer.call import LLMCall
from llm_observer.otel_names import INFERENCE
from llm_observer.sinks.otlp_names import is_failed, operation_of

__all__ = ["Peer", "Surroundings", "peer_of"]

_GENERATIONS = INFERENCE | {"embeddings", "fetch_response"}
_KINDS = frozenset({"LLM", "EMBEDDING"})
"""Values of OpenInference's own `openinference.span.kind` that are calls of a model."""
_SDK_SCOPE = "com.anthropic.sdk."
"""The anthropic SDK makes its own spans since 1.17 (its `_tracing.py`, read in 2.11, 2026-11)."""
_WITHOUT_METRICS = (_SDK_SCOPE, "openinference.")
"""Scopes whose instrumentation has no metrics: those of the standard come from us then."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


class Surroundings(NamedTuple):
    """The spans around a call.

    above: the app's active span when the call began. inside: the active span when the answer came.
    traceparent: the header that the request was sent with.
    """

    above: Any = None
    inside: Any = None
    traceparent: str | None = None


class Peer(NamedTuple):
    """A span that another instrumentation made of the same call.

    context: its ids, None where they are not known. has_metrics: it counts the tokens in metrics, too.
    """

    context: Any
    has_metrics: bool


def peer_of(call: LLMCall, around: Surroundings) -> Peer | None:
    """Who else made a span of *call*, None if nobody did."""
    for span in _spans(around):
        if _is_generation(span):
            return Peer(span.get_span_context(), not _scope(span).startswith(_WITHOUT_METRICS))
    if call.sdk == "anthropic" and is_failed(call) and (sent := _sent(around)) is not None:
        return Peer(sent, has_metrics=False)
    if operation_of(call) in _GENERATIONS and call.sdk in _instrumented():
        return Peer(None, has_metrics=True)
    return None


def _spans(around: Surroundings) -> Iterator[Any]:
    if around.inside is not None and not _is_same(around.inside, around.above):
        yield around.inside
    if around.above is not None:
        yield around.above


def _is_same(one: Any, other: Any) -> bool:
    return other is not None and one.get_span_context().span_id == other.get_span_context().span_id


def _scope(span: Any) -> str:
    return str(getattr(getattr(span, "instrumentation_scope", None), "name", ""))


def _is_generation(span: Any) -> bool:
    """Whether *span* is about one call of a model: not about an agent, a tool or a chain."""
    attributes = getattr(span, "attributes", None) or {}
    operation = attributes.get("gen_ai.operation.name")
    if operation is not None:
        return operation in _GENERATIONS
    if "openinference.span.kind" in attributes:
        return attributes["openinference.span.kind"] in _KINDS
    is_sdks_own = _scope(span).startswith(_SDK_SCOPE) and "http.request.method" in attributes
    return is_sdks_own or "gen_ai.request.model" in attributes or "llm.request.type" in attributes


def _sent(around: Surroundings) -> Any:
    """The span that the anthropic SDK sent with a request that failed: no answer was there to see it at."""
    found = _TRACEPARENT.fullmatch(around.traceparent or "")
    if found is None or not hasattr(sys.modules.get("anthropic"), "_tracing") or _is_switched_off():
        return None
    from opentelemetry.trace import SpanContext, TraceFlags

    trace, span, flags = (int(part, 16) for part in found.groups())
    if around.above is not None and span == around.above.get_span_context().span_id:
        return None
    return SpanContext(trace, span, is_remote=False, trace_flags=TraceFlags(flags))


def _is_switched_off() -> bool:
    return os.environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() == "false"


def _instrumented() -> set[str]:
    """Import names of the SDKs that a registered instrumentor says it is for, and has patched."""
    module = sys.modules.get("opentelemetry.instrumentation.instrumentor")
    if module is None:
        return set()
    return {
        match[0].lower().replace("-", "_")
        for kind in _below(module.BaseInstrumentor)
        if (one := kind.__dict__.get("_instance")) is not None and one.is_instrumented_by_opentelemetry
        for requirement in one.instrumentation_dependencies()
        if (match := _REQUIREMENT.match(requirement))
    }


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
