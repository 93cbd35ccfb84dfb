"""Which name and attributes has the OpenTelemetry span of an event? Pure data from the one table of names."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from llm_observer.call import ErrorInfo, LLMCall
from llm_observer.call_cache import Finding
from llm_observer.event import Event, Service
from llm_observer.otel_names import INFERENCE, OLD_NAMES, OPERATIONS, OURS, Vintage, name_of

__all__ = [
    "Value",
    "attributes_of",
    "is_failed",
    "operation_of",
    "renamed",
    "resource_of",
    "span_name",
    "told",
]

Value = str | bool | int | float | Sequence[str]

FETCH = "fetch_response"
_OTHER = "_OTHER"
"""What the conventions call an error of an unknown kind."""
_HTTPS = 443
_UNFINISHED = frozenset({"error", "cancelled", "truncated", "closed_early", "open_at_exit"})
_LEFT_OUT = frozenset({"llm_call.content", "llm_call.usage", "llm_call.error.message_present"})
"""Text that the app asked for stays in its own sinks; the provider's raw numbers stand in the event."""
_UNTOLD = {
    "llm_call.stream_requested": False,
    "llm_call.is_usage_repeated": False,
    "llm_call.request.choice_count": 1,
}
"""Values that go without saying."""
_TIER = ("llm_call.service_tier", "llm_call.request.service_tier")
_API_TYPES = {"chat": "chat_completions", "responses": "responses"}
_IDENTITY = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.response.id",
    "error.type",
)


def operation_of(call: LLMCall) -> str:
    """The conventions' word for what *call* did."""
    named = OPERATIONS.get(call.operation, call.operation)
    if named == FETCH and not (call.route or "").endswith("{id}"):
        return call.operation  # a list of responses is none
    return named


def span_name(call: LLMCall) -> str:
    """`{operation} {model}`."""
    return " ".join(part for part in (operation_of(call), call.model_requested) if part)


def attributes_of(event: Event, vintage: Vintage) -> dict[str, Value]:
    """All attributes of the span of *event*, with the app's own ones."""
    call = event.llm_call
    found: dict[str, Value] = {**event.attributes, name_of("event_id").key: event.event_id}
    if event.sample_rate is not None:
        found[name_of("sample_rate").key] = event.sample_rate
    if call is None:
        return found
    for path, value in _fields(call, "llm_call"):
        if not (key := _key(path, call)).startswith("("):  # a part of the span itself
            found[key] = value
    found |= _derived(call)
    if operation_of(call) == FETCH or call.is_usage_repeated:
        found = {key: value for key, value in found.items() if not key.startswith("gen_ai.usage.")}
    return renamed(found, vintage)


def renamed(attributes: Mapping[str, Value], vintage: Vintage) -> dict[str, Value]:
    """*attributes* with the names of *vintage*."""
    if vintage == "latest":
        return dict(attributes)
    old = {OLD_NAMES[key]: value for key, value in attributes.items() if key in OLD_NAMES}
    kept = {key: value for key, value in attributes.items() if vintage == "both" or key not in OLD_NAMES}
    return kept | old


def told(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """What stands beside a span of somebody else's: what is ours, and whose call it was; no token counts."""
    return {
        key: value
        for key, value in attributes.items()
        if key.startswith(OURS) or key in _IDENTITY or not key.startswith(("gen_ai.", "openai.", "server."))
    }


def resource_of(service: Service | None) -> dict[str, str]:
    """The app, as attributes of a resource."""
    if service is None:
        return {}
    return {
        name_of(f"service.{field}").key: value
        for field in service.__struct_fields__
        if (value := getattr(service, field)) is not None
    }


def is_failed(call: LLMCall) -> bool:
    """The operation ended in an error, whoever made it."""
    return call.error is not None or call.ending == "error"


def _fields(part: msgspec.Struct, path: str) -> Iterator[tuple[str, Value]]:
    for name in part.__struct_fields__:
        below, value = f"{path}.{name}", getattr(part, name)
        if value is None or below in _LEFT_OUT or _UNTOLD.get(below) == value:
            continue
        if isinstance(value, msgspec.Struct):
            yield from _fields(value, below)
        elif isinstance(value, dict):
            yield from ((f"{below}.{key}", number) for key, number in value.items())
        elif isinstance(value, tuple):
            names = [one for one in value if isinstance(one, str)] or _named(value)
            if names:
                yield below, names
        else:
            yield below, _measured(below, value)


def _named(entries: tuple[object, ...]) -> list[str]:
    """Names of the tools in a list of them; other lists of objects have no attribute."""
    return [name for entry in entries if isinstance(name := getattr(entry, "name", None), str)]


def _measured(path: str, value: str | float) -> Value:
    """*value* in the unit of its attribute: money as a number, so that a back end can sum it."""
    if path.endswith("_usd"):
        return float(value)
    if path.endswith(".time_to_first_chunk_ms"):
        return float(value) / 1000
    return value


def _key(path: str, call: LLMCall) -> str:
    if path in _TIER and call.wire != "openai":
        return OURS + path.removeprefix("llm_call.")
    return name_of(path).key


def _derived(call: LLMCall) -> dict[str, Value]:
    """What one field alone does not say."""
    found: dict[str, Value] = {name_of("llm_call.operation").key: operation_of(call)}
    if call.wire == "openai" and call.operation in _API_TYPES:
        found["openai.api.type"] = _API_TYPES[call.operation]
    if is_failed(call):
        found[name_of("llm_call.error.type").key] = _error_type(call.error)
    if reasons := _finish_reasons(call):
        found[name_of("llm_call.finish_reasons").key] = reasons
    if call.server is not None and call.server.port is None and _is_public(call.server.address):
        found[name_of("llm_call.server.port").key] = _HTTPS
    if call.cache is not None and call.cache.findings:
        found |= _finding(call.cache.findings)
    return found


def _error_type(error: ErrorInfo | None) -> str:
    if error is None:
        return _OTHER
    return error.type or error.exception or error.code or _OTHER


def _finish_reasons(call: LLMCall) -> list[str]:
    """One per choice; `error` where one was expected and did not come."""
    reasons = list(call.finish_reasons)
    if operation_of(call) in INFERENCE and call.ending in _UNFINISHED:
        asked = call.request.choice_count if call.request else None
        reasons += ["error"] * (max(asked or 1, 1) - len(reasons))
    return reasons


def _is_public(address: str | None) -> bool:
    """A provider's own host, which is called by https; any other is a hash, or this machine."""
    return address is not None and address != "localhost" and address.strip("[]:.0123456789") != ""


def _finding(findings: Sequence[Finding]) -> dict[str, Value]:
    """The finding that cost most: its kind and its place."""
    worst = max(findings, key=lambda finding: (float(finding.usd or 0), finding.tokens or 0))
    prefix = f"{OURS}cache.finding."
    found = {"kind": worst.kind, "path": worst.path, "confidence": worst.confidence, "docs": worst.docs}
    return {prefix + name: value for name, value in found.items() if value is not None}
