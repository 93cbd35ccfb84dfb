"""Which other instrumentations of the SDKs are there, and how is each switched on and off? Data.

Nothing here leaves the machine: spans go to a list, or nowhere.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

Off = Callable[[], object]
SDKS = {"openai": "OpenAI", "anthropic": "Anthropic"}


class Peer(NamedTuple):
    """packages: the distribution for each SDK that it instruments. more: what it needs and does not say.

    on: switches it on for some of them, and gives what switches it off. wrap: what the app does with each
    new client. is_launched: `opentelemetry-instrument` switches it on, too.
    """

    packages: dict[str, str]
    on: Callable[[Sequence[str]], Off]
    wrap: Callable[[Any], Any] | None = None
    is_launched: bool = False
    more: tuple[str, ...] = ()

    @property
    def sdks(self):
        """What it instruments, of what is installed here."""
        return tuple(sdk for sdk, package in self.packages.items() if _is_installed(package))


def _is_installed(package):
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _instrumentors(module):
    def on(sdks):
        provide_spans()
        made = [getattr(import_module(module.format(sdk)), f"{SDKS[sdk]}Instrumentor")() for sdk in sdks]
        for one in made:
            if not one.is_instrumented_by_opentelemetry:  # the launcher has done it
                one.instrument()
        return lambda: [one.uninstrument() for one in reversed(made)]

    return on


def provide_spans():
    """A provider for the process that keeps spans to itself, once."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
        trace.set_tracer_provider(provider)


def _logfire(_):
    import logfire

    logfire.configure(send_to_logfire=False, console=False, inspect_arguments=False)
    # Both stay on until the context that they give is left.
    undo = ExitStack()
    undo.enter_context(logfire.instrument_openai())
    undo.enter_context(logfire.instrument_anthropic())
    return undo.close


def _ddtrace(_):
    os.environ.update(
        DD_TRACE_AGENT_URL="http://127.0.0.1:9",
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
        DD_TRACE_ENABLED="true",
    )
    import logging

    import ddtrace
    from ddtrace.contrib.internal.anthropic.patch import unpatch as unpatch_anthropic
    from ddtrace.contrib.internal.openai.patch import unpatch as unpatch_openai

    logging.getLogger("ddtrace").setLevel(logging.CRITICAL)  # that there is no agent
    ddtrace.patch(openai=True, anthropic=True)
    return lambda: (unpatch_openai(), unpatch_anthropic())


def _sentry(_):
    import sentry_sdk
    from sentry_sdk.integrations.anthropic import AnthropicIntegration
    from sentry_sdk.integrations.openai import OpenAIIntegration
    from sentry_sdk.transport import Transport

    class Nowhere(Transport):
        def capture_envelope(self, envelope):
            """It goes nowhere."""

    sentry_sdk.init(
        dsn="https://none@sentry.invalid/1",
        transport=Nowhere,
        traces_sample_rate=1.0,
        send_default_pii=True,
        integrations=[OpenAIIntegration(), AnthropicIntegration()],
    )
    # Its wrappers stay; without a client they do nothing.
    return lambda: sentry_sdk.get_global_scope().set_client(None)


_langsmith_is_on = []


def _langsmith(_):
    os.environ.update(
        LANGSMITH_TRACING="true", LANGSMITH_ENDPOINT="http://127.0.0.1:9", LANGSMITH_API_KEY="none"
    )
    import logging

    import langsmith  # noqa: F401 - its loggers are made here

    logging.getLogger("langsmith").setLevel(logging.CRITICAL)  # that nobody listens
    _langsmith_is_on.append(True)
    return _langsmith_is_on.clear


def _langsmith_wrap(client):
    from langsmith.wrappers import wrap_anthropic, wrap_openai

    if not _langsmith_is_on:
        return client
    return wrap_openai(client) if hasattr(client, "chat") else wrap_anthropic(client)


def _instrumentation(module, sdks=tuple(SDKS), more=("opentelemetry-sdk",)):
    """An OpenTelemetry instrumentation; *module* has the SDK's name in it, and so has its distribution."""
    distribution = module.replace(".", "-").replace("_", "-")
    packages = {sdk: distribution.format(sdk) for sdk in sdks}
    return Peer(packages, _instrumentors(module), is_launched=True, more=more)


PEERS = {
    # 2.4b0 imports httpx, which openai 3 does not bring, and what opentelemetry-util-genai 1 does not have.
    "OpenTelemetry, openai-v2": _instrumentation(
        "opentelemetry.instrumentation.{}_v2",
        ("openai",),
        ("opentelemetry-sdk", "httpx", "opentelemetry-util-genai<1"),
    ),
    "OpenTelemetry, genai": _instrumentation("opentelemetry.instrumentation.genai.{}"),
    "OpenLLMetry": _instrumentation("opentelemetry.instrumentation.{}"),
    "OpenInference": _instrumentation("openinference.instrumentation.{}"),
    "Logfire": Peer(dict.fromkeys(SDKS, "logfire"), _logfire),
    "ddtrace": Peer(dict.fromkeys(SDKS, "ddtrace"), _ddtrace),
    "Sentry": Peer(dict.fromkeys(SDKS, "sentry-sdk"), _sentry),
    "LangSmith": Peer(dict.fromkeys(SDKS, "langsmith"), _langsmith, wrap=_langsmith_wrap),
}
