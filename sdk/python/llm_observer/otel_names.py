"""Which OpenTelemetry attribute is each field of an event? A table, and a rule for the rest.

The GenAI conventions have no tagged release, so the commit is named instead:
https://github.com/open-telemetry/semantic-conventions-genai docs/gen-ai/client-inference.md, 2026-11-21.
What they lack (money, cache lifetimes, retries, call site) is ours, under `llm_observer.`.
"""

from typing import NamedTuple

__all__ = ["COMMIT", "NAMES", "Name", "name_of"]

COMMIT = "024a4f944a1291fcb627c9c47da69e79868dd15e"
OURS = "llm_observer."


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


def name_of(path: str) -> Name:
    """The attribute of the field at *path* (`llm_call.tokens.output`); ours where there is no common one."""
    return NAMES.get(path) or Name(OURS + path.removeprefix("llm_call."))
