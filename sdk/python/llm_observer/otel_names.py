"""Which OpenTelemetry attribute is each field of an event? A table, and a rule for the rest.

The GenAI conventions have no tagged release, so the commit is named instead:
https://github.com/open-telemetry/semantic-conventions-genai docs/gen-ai/client-inference.md, 2026-11-21.
What they lack (money, cache lifetimes, retries, call site) is ours, under `llm_observer.`.
"""

from typing import Literal, NamedTuple

__all__ = [
    "COMMIT",
    "INFERENCE",
    "METRICS",
    "NAMES",
    "OLD_NAMES",
    "OPERATIONS",
    "OURS",
    "Metric",
    "Name",
    "Vintage",
    "name_of",
]

COMMIT = "024a4f944a1291fcb627c9c47da69e79868dd15e"
OURS = "llm_observer."

Vintage = Literal["1.41", "latest", "both"]
"""Which names: those of 1.41.0, the last ones that were released, those of `COMMIT`, or both at once."""


class Name(NamedTuple):
    """An attribute, or a part of the span itself in brackets, and how its value differs from the field's."""

    key: str
    note: str = ""


NAMES: dict[str, Name] = {
    "time": Name("(start time of the span)"),
    "trace_id": Name("(trace id of the span)"),
    "span_id": Name("(span id of the span)"),
    "parent_span_id": Name("(parent of the span)"),
    "service.name": Name("service.name", "on the resource"),
    "service.version": Name("service.version", "on the resource"),
    "service.environment": Name("deployment.environment.name", "on the resource"),
    "service.instance": Name("service.instance.id", "on the resource"),
    "sdk.name": Name("(name of the instrumentation scope)"),
    "sdk.version": Name("(version of the instrumentation scope)"),
    "sdk.language": Name("telemetry.sdk.language", "on the resource"),
    "attributes": Name("(each under its own name)"),
    "llm_call.provider": Name("gen_ai.provider.name"),
    "llm_call.operation": Name("gen_ai.operation.name", "`responses` is `chat` there"),
    "llm_call.sdk": Name("llm_observer.sdk_name"),
    "llm_call.model_requested": Name("gen_ai.request.model"),
    "llm_call.model_responded": Name("gen_ai.response.model"),
    "llm_call.response_id": Name("gen_ai.response.id"),
    "llm_call.finish_reasons": Name("gen_ai.response.finish_reasons"),
    "llm_call.stream_requested": Name("gen_ai.request.stream", "only if true"),
    "llm_call.service_tier": Name("openai.response.service_tier", "OpenAI's wire only; else ours"),
    "llm_call.error.type": Name("error.type"),
    "llm_call.server.address": Name("server.address"),
    "llm_call.server.port": Name("server.port"),
    "llm_call.timing.duration_ms": Name("(end time of the span)"),
    "llm_call.timing.time_to_first_chunk_ms": Name("gen_ai.response.time_to_first_chunk", "in seconds"),
    "llm_call.request.choice_count": Name("gen_ai.request.choice.count", "only if not 1"),
    "llm_call.request.max_tokens": Name("gen_ai.request.max_tokens"),
    "llm_call.request.temperature": Name("gen_ai.request.temperature"),
    "llm_call.request.top_p": Name("gen_ai.request.top_p"),
    "llm_call.request.reasoning_effort": Name("gen_ai.request.reasoning.level"),
    "llm_call.request.previous_response_id": Name("gen_ai.request.previous_response.id"),
    "llm_call.request.conversation_id": Name("gen_ai.conversation.id"),
    "llm_call.request.service_tier": Name("openai.request.service_tier", "OpenAI's wire only; else ours"),
    "llm_call.tokens.input_total": Name("gen_ai.usage.input_tokens"),
    "llm_call.tokens.output": Name("gen_ai.usage.output_tokens"),
    "llm_call.tokens.cache_read": Name("gen_ai.usage.cache_read.input_tokens"),
    "llm_call.tokens.cache_write": Name("gen_ai.usage.cache_write.input_tokens"),
    "llm_call.tokens.reasoning": Name("gen_ai.usage.reasoning.output_tokens"),
    "llm_call.tokens.input_text": Name("gen_ai.usage.text.input_tokens"),
    "llm_call.tokens.output_text": Name("gen_ai.usage.text.output_tokens"),
    "llm_call.tokens.input_audio": Name("gen_ai.usage.audio.input_tokens"),
    "llm_call.tokens.output_audio": Name("gen_ai.usage.audio.output_tokens"),
    "llm_call.tokens.input_image": Name("gen_ai.usage.image.input_tokens"),
    "llm_call.tokens.output_image": Name("gen_ai.usage.image.output_tokens"),
    "llm_call.tokens.cache_read_audio": Name("gen_ai.usage.audio.cache_read.input_tokens"),
    "tool_call.name": Name("gen_ai.tool.name"),
    "tool_call.duration_ms": Name("(end time of the span)"),
    "tool_call.error_type": Name("error.type"),
    "agent_step.duration_ms": Name("(end time of the span)"),
    "agent_step.error_type": Name("error.type"),
    "function_call.duration_ms": Name("(end time of the span)"),
    "function_call.error_type": Name("error.type"),
    "metric.name": Name("(name of the metric)"),
    "metric.value": Name("(value of the metric)"),
    "metric.unit": Name("(unit of the metric)"),
}

OPERATIONS = {
    "responses": "chat",
    "invoke": "chat",  # Bedrock's InvokeModel, which the anthropic SDK sends messages to
    "responses:get": "fetch_response",
    "chat.completions:get": "fetch_response",
}
"""What the conventions call an operation of ours; any other keeps its name, which they allow."""
INFERENCE = frozenset({"chat", "text_completion", "generate_content"})
"""Their operations that the metrics of inference are about."""

OLD_NAMES = {
    "gen_ai.usage.cache_write.input_tokens": "gen_ai.usage.cache_creation.input_tokens",
}
"""Attributes that 1.41.0 called otherwise (semantic-conventions-genai pull request 440)."""

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = tuple(4**power for power in range(14))


class Metric(NamedTuple):
    """A metric of the standard's, and the fields of a call that it is made of.

    value: path of its value below the call; a path in `_ms` is recorded in seconds. text: what it is.
    bounds: of a histogram's buckets; () for a counter. since: whether `COMMIT` or 1.41.0 has it.
    by_modality: a counter of each modality, and which fields have the parts; None: not by modality.
    direction: its `gen_ai.token.type`.
    is_inference: about inference only; False: about all other operations only; None: about all.
    """

    name: str
    unit: str
    value: str
    text: str
    since: Literal["1.41", "latest"]
    bounds: tuple[float, ...] = ()
    by_modality: tuple[tuple[str, str], ...] | None = None
    direction: str | None = None
    is_inference: bool | None = True


_CLIENT = "gen_ai.client."
_USAGE = "gen_ai.client.inference.usage."
_INPUT = (("text", "tokens.input_text"), ("audio", "tokens.input_audio"), ("image", "tokens.input_image"))
_OUTPUT = (("text", "tokens.output_text"), ("audio", "tokens.output_audio"), ("image", "tokens.output_image"))
_TIME, _FIRST = "timing.duration_ms", "timing.time_to_first_chunk_ms"
_IN, _OUT = "tokens.input_total", "tokens.output"

METRICS = (
    Metric(f"{_CLIENT}inference.duration", "s", _TIME, "Duration of an inference.", "latest", SECONDS),
    Metric(
        f"{_CLIENT}operation.duration",
        "s",
        _TIME,
        "Duration of an operation.",
        "latest",
        SECONDS,
        is_inference=False,
    ),
    Metric(
        f"{_CLIENT}inference.time_to_first_chunk", "s", _FIRST, "Time to the first chunk.", "latest", SECONDS
    ),
    Metric(f"{_USAGE}input_tokens", "{token}", _IN, "Input, cached included.", "latest", by_modality=_INPUT),
    Metric(f"{_USAGE}output_tokens", "{token}", _OUT, "Output.", "latest", by_modality=_OUTPUT),
    Metric(
        f"{_USAGE}cache_read.input_tokens",
        "{token}",
        "tokens.cache_read",
        "Input read from a cache.",
        "latest",
        by_modality=(("audio", "tokens.cache_read_audio"),),
    ),
    Metric(
        f"{_USAGE}cache_write.input_tokens",
        "{token}",
        "tokens.cache_write",
        "Input written to a cache.",
        "latest",
        by_modality=(),
    ),
    Metric(
        f"{_USAGE}reasoning.output_tokens",
        "{token}",
        "tokens.reasoning",
        "Output used to reason.",
        "latest",
        by_modality=(),
    ),
    Metric(f"{_CLIENT}inference.operation.input_tokens", "{token}", _IN, "Input of one.", "latest", TOKENS),
    Metric(
        f"{_CLIENT}inference.operation.output_tokens", "{token}", _OUT, "Output of one.", "latest", TOKENS
    ),
    Metric(
        f"{_CLIENT}operation.duration",
        "s",
        _TIME,
        "Duration of an operation.",
        "1.41",
        SECONDS,
        is_inference=None,
    ),
    Metric(
        f"{_CLIENT}operation.time_to_first_chunk", "s", _FIRST, "Time to the first chunk.", "1.41", SECONDS
    ),
    Metric(
        f"{_CLIENT}token.usage",
        "{token}",
        _IN,
        "Tokens of one.",
        "1.41",
        TOKENS,
        direction="input",
        is_inference=None,
    ),
    Metric(
        f"{_CLIENT}token.usage",
        "{token}",
        _OUT,
        "Tokens of one.",
        "1.41",
        TOKENS,
        direction="output",
        is_inference=None,
    ),
)
"""Token counters replaced the old histogram (pull request 374), metrics of inference got names of their
own (521). `time_per_output_chunk` needs the time of each chunk, which is not kept."""


def name_of(path: str) -> Name:
    """The attribute of the field at *path* (`llm_call.tokens.output`); ours where there is no common one."""
    return NAMES.get(path) or Name(OURS + path.removeprefix("llm_call."))
