"""Event v1, the noun of the house: one envelope, one body named after its type.

The contract is `shared/schema/telemetry_event_v1.json`; these types are checked against it in both
directions (`scripts/build_schema.py --check`, tests/unit/test_schema.py).
"""

import os
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

import msgspec

from llm_observer._fields import hashed, public
from llm_observer.call import LLMCall

__all__ = ["SCHEMA_VERSION", "Event", "EventType", "Sdk", "Service", "encode", "new_event_id", "to_dict"]

SCHEMA_VERSION = "1.1"

EventType = Literal[
    "llm_call",
    "tool_call",
    "agent_step",
    "function_call",
    "diagnostic",
    "policy_violation",
    "policy_decision",
    "metric",
    "custom",
]
BODIES: tuple[str, ...] = get_args(EventType)
"""Every body of the envelope is named like the type that it belongs to."""
SpanId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_UTC = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$"
Attribute = str | int | float | bool
Severity = Literal["debug", "info", "warning", "error", "critical"]


class _Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of the envelope's parts."""


class Service(_Part, frozen=True, kw_only=True):
    """The app."""

    name: Annotated[str | None, public("Name of the app.")] = None
    version: Annotated[str | None, public("Version of the app.")] = None
    environment: Annotated[str | None, public("Where it runs, such as `production`.")] = None
    instance: Annotated[str | None, public("Random id of the process, the same on all of its events.")] = None


class Sdk(_Part, frozen=True, kw_only=True):
    """Who wrote the event."""

    name: Annotated[str, public("Always `llm_observer`.")]
    version: Annotated[str, public("Version of the library.")]
    language: Annotated[str, public("Always `python`.")] = "python"


class Step(_Part, frozen=True, kw_only=True):
    """Something that the app did around its provider calls."""

    name: Annotated[str, public("Name that the app gave it.")]
    duration_ms: Annotated[float | None, public("How long it took, milliseconds.")] = None
    error_type: Annotated[str | None, public("Class of the exception that it raised.")] = None
    input_hash: Annotated[str | None, hashed("Keyed hash of its input.")] = None
    output_hash: Annotated[str | None, hashed("Keyed hash of its result.")] = None
    input_bytes: Annotated[int | None, public("Size of its input.")] = None
    output_bytes: Annotated[int | None, public("Size of its result.")] = None


class Diagnostic(_Part, frozen=True, kw_only=True):
    """A warning, log record or exception of the app."""

    kind: Annotated[str, public("What it is, such as `warning` or `exception`.")]
    severity: Annotated[Severity, public("How bad it is.")] = "warning"
    code: Annotated[str | None, public("Stable code of the diagnostic.")] = None
    message_hash: Annotated[str | None, hashed("Keyed hash of its text.")] = None
    count: Annotated[int, public("How often it was seen.")] = 1


class Policy(_Part, frozen=True, kw_only=True):
    """What a policy found or decided."""

    policy: Annotated[str, public("Name of the policy.")]
    decision: Annotated[Literal["allow", "block", "log"], public("What was decided.")]
    reason: Annotated[str | None, public("Code of the reason.")] = None
    model: Annotated[str | None, public("Model of the call.")] = None


class Metric(_Part, frozen=True, kw_only=True):
    """One measured number."""

    name: Annotated[str, public("Name of the metric.")]
    value: Annotated[float, public("Its value.")]
    unit: Annotated[str | None, public("UCUM unit.")] = None


class Custom(_Part, frozen=True, kw_only=True):
    """An event of the app's own."""

    name: Annotated[str, public("Name that the app gave it.")]
    values: Annotated[dict[str, Attribute], public("Values that the app gave it.")] = {}


class Event(_Part, frozen=True, kw_only=True):
    """The envelope. Exactly one body is set: the one named like `type`."""

    schema_version: Annotated[str, public("MAJOR.MINOR of this contract.", pattern=r"^1\.[0-9]+$")]
    event_id: Annotated[str, public("UUIDv7, stable over every delivery.", pattern=_UUID7)]
    type: Annotated[EventType, public("Which body is set.", is_open=True)]
    time: Annotated[str, public("Start of what is told, RFC 3339, UTC.", pattern=_UTC)]
    trace_id: Annotated[str, public("W3C trace id.", pattern="^[0-9a-f]{32}$")]
    span_id: Annotated[SpanId, public("W3C span id.")]
    parent_span_id: Annotated[SpanId | None, public("W3C id of the span above.")] = None
    service: Annotated[Service | None, public("The app.")] = None
    sdk: Annotated[Sdk, public("Who wrote the event.")]
    attributes: Annotated[dict[str, Attribute], public("Set by the app with `observe()`.")] = {}
    sample_rate: Annotated[
        Share | None, public("Share of traces that was kept, this one among them; absent where all were.")
    ] = None
    llm_call: Annotated[LLMCall | None, public("Body of `llm_call`.")] = None
    tool_call: Annotated[Step | None, public("Body of `tool_call`.")] = None
    agent_step: Annotated[Step | None, public("Body of `agent_step`.")] = None
    function_call: Annotated[Step | None, public("Body of `function_call`.")] = None
    diagnostic: Annotated[Diagnostic | None, public("Body of `diagnostic`.")] = None
    policy_violation: Annotated[Policy | None, public("Body of `policy_violation`.")] = None
    policy_decision: Annotated[Policy | None, public("Body of `policy_decision`.")] = None
    metric: Annotated[Metric | None, public("Body of `metric`.")] = None
    custom: Annotated[Custom | None, public("Body of `custom`.")] = None

    def __post_init__(self) -> None:
        if [name for name in BODIES if getattr(self, name) is not None] != [self.type]:
            raise ValueError(f"an event of type {self.type} has the body {self.type}, and no other")


_encoder = msgspec.json.Encoder(order="deterministic")


def encode(event: Event) -> bytes:
    """One JSON object, keys sorted, no line break inside."""
    return _encoder.encode(event)


def to_dict(event: Event) -> dict[str, Any]:
    """The event as plain JSON values."""
    return msgspec.to_builtins(event)  # type: ignore[no-any-return]  # a Struct always gives a dict


def new_event_id(time_ns: int | None = None) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then random bits."""
    millis = (time.time_ns() if time_ns is None else time_ns) // 1_000_000
    value = (millis & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def rfc3339(time_ns: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 with microseconds."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000 // 1000:06d}Z"


def new_span_id() -> str:
    """Eight random bytes in hex, as W3C trace context wants them."""
    return secrets.token_hex(8)
