"""Which other instrumentations of the same SDKs are installed, and what is good to know beside ours?"""

import os
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

__all__ = ["Peer", "peers"]

_WRAPS = "wraps the same SDKs"
_KNOWN: Mapping[str, str] = {
    "agentops": _WRAPS,
    "braintrust": _WRAPS,
    "ddtrace": "asks OpenAI streams for their usage, so that the app sees a chunk more",
    "helicone": _WRAPS,
    "langfuse": _WRAPS,
    "langsmith": "wraps single clients; a call of an async one has no call site then",
    "litellm": "calls through it are seen where it uses the openai SDK",
    "logfire": "wraps the same SDKs; a client wrapped before `patch()` hides its failed calls",
    "mlflow": _WRAPS,
    "mlflow-tracing": _WRAPS,
    "newrelic": _WRAPS,
    "openinference-instrumentation-anthropic": _WRAPS,
    "openinference-instrumentation-openai": _WRAPS,
    "openlit": _WRAPS,
    "opentelemetry-instrumentation-anthropic": _WRAPS,
    "opentelemetry-instrumentation-genai-anthropic": _WRAPS,
    "opentelemetry-instrumentation-genai-openai": _WRAPS,
    "opentelemetry-instrumentation-httpx": "makes spans of the requests below the SDKs",
    "opentelemetry-instrumentation-openai": _WRAPS,
    "opentelemetry-instrumentation-openai-v2": "wraps the same SDKs; 2.4b0 needs opentelemetry-util-genai<1",
    "sentry-sdk": _WRAPS,
    "traceloop-sdk": _WRAPS,
    "weave": _WRAPS,
}
"""By name of the distribution."""
_ENVIRONMENT: Mapping[str, str] = {
    "ANTHROPIC_OPEN_TELEMETRY": "whether anthropic makes spans of its own",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "where OpenTelemetry exports to",
    "OTEL_SDK_DISABLED": "whether OpenTelemetry is switched off",
}


class Peer(NamedTuple):
    """A distribution that instruments too, or a variable that such a one reads; a value is never shown."""

    name: str
    version: str | None
    note: str


def peers() -> Iterator[Peer]:
    """All that are found here, by name."""
    for name, note in _KNOWN.items():
        found = _version_of(name)
        if found is not None:
            yield Peer(name, found, note)
    yield from (Peer(name, None, f"set: {note}") for name, note in _ENVIRONMENT.items() if name in os.environ)


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
