"""What does an OpenAI-compatible answer say? Chat, Responses and all other routes, by dotted paths."""

from collections.abc import Iterable, Iterator, Mapping

from llm_observer.adapters.answer import Answer, Format
from llm_observer.adapters.fields import Notes, Reader, as_name, at, dicts
from llm_observer.adapters.openai_stream import fold
from llm_observer.adapters.text import joined, plain
from llm_observer.adapters.usage import OPENAI
from llm_observer.call import ToolUse

__all__ = ["OPENAI_FORMAT"]

_USAGE_AT = ("usage", "x_groq.usage")
_REASONS = ("response", "response.compaction")
"""Values of `object` whose status says how the answer finished."""
_OWN_CALLS = {"function_call": "function", "custom_tool_call": "custom"}
"""Items of a Responses answer that ask the app to run a tool; other `…_call` items ran at the provider."""
_MCP = "mcp_call"


def read(document: Mapping[str, object], notes: Notes, with_text: bool) -> Answer:  # noqa: FBT001 - the shape of `Format.read`
    """The answer that *document* is."""
    reader = Reader(document, notes, "response")
    choices, items = list(dicts(document.get("choices"))), list(dicts(document.get("output")))
    return Answer(
        model=reader.text("model"),
        response_id=reader.text("id"),
        finish_reasons=tuple(_finish_reasons(document, choices)),
        usage=next((usage for path in _USAGE_AT if (usage := at(document, path)) is not None), None),
        service_tier=reader.text("service_tier", "usage.service_tier"),
        tool_calls=(*_called_in(choices), *_called_by(items)),
        other_tools=tuple(_hosted(items)),
        error=document.get("error"),
        diagnosis=_diagnosis(reader),
        text=_text(choices, items) if with_text else None,
    )


def _diagnosis(reader: Reader) -> tuple[str, int | None] | None:
    """`prompt_cache_diagnostics` (openai 3.52 types, November 2026): a hit, or what changed first."""
    kind = reader.text("prompt_cache_diagnostics.type")
    if kind is None:
        return None
    reason = reader.text("prompt_cache_diagnostics.reason")
    return (kind if reason is None else reason), reader.count("prompt_cache_diagnostics.cache_missed_tokens")


def _finish_reasons(document: Mapping[str, object], choices: Iterable[dict[str, object]]) -> Iterator[str]:
    for choice in choices:
        reason = as_name(choice.get("finish_reason"))
        if reason is not None:
            yield reason
    if document.get("object") in _REASONS:
        reason = as_name(at(document, "incomplete_details.reason")) or as_name(document.get("status"))
        if reason is not None:
            yield reason


def _called_in(choices: Iterable[dict[str, object]]) -> Iterator[ToolUse]:
    for choice in choices:
        for call in dicts(at(choice, "message.tool_calls")):
            is_custom = isinstance(call.get("custom"), dict) and not at(call, "function.name")
            kind = "custom" if is_custom else "function"
            yield _tool(call.get(kind), kind)
        legacy = at(choice, "message.function_call")
        if isinstance(legacy, dict) and any(legacy.values()):  # Snowflake sends an empty one
            yield _tool(legacy, "function")


def _tool(value: object, kind: str) -> ToolUse:
    """A call with its name and the size of its arguments, wherever the wire has them."""
    given = at(value, "input" if kind == "custom" else "arguments")
    return ToolUse(
        name=as_name(at(value, "name")),
        kind="custom" if kind == "custom" else "function",
        arguments_bytes=len(given.encode("utf-8", "replace")) if isinstance(given, str) else None,
    )


def _called_by(items: Iterable[dict[str, object]]) -> Iterator[ToolUse]:
    for item in items:
        kind = _OWN_CALLS.get(str(item.get("type")))
        if kind is not None:
            yield _tool(item, kind)


def _hosted(items: Iterable[dict[str, object]]) -> Iterator[ToolUse]:
    for item in items:
        kind = as_name(item.get("type"))
        if kind is not None and kind.endswith("_call") and kind not in _OWN_CALLS:
            yield ToolUse(name=kind, kind="mcp" if kind == _MCP else "server")


def _text(choices: Iterable[dict[str, object]], items: Iterable[dict[str, object]]) -> str | None:
    said = [plain(at(choice, "message.content")) or plain(choice.get("text")) for choice in choices]
    return joined([*said, *(plain(item.get("content")) for item in items)])


OPENAI_FORMAT = Format(
    wire="openai",
    usage=OPENAI,
    request_id=("x-request-id", "apim-request-id", "x-amzn-requestid", "request-id"),
    read=read,
    fold=fold,
)
