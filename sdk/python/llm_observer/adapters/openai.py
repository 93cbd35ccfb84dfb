"""What does an OpenAI-compatible answer say? Chat, Responses and all other routes, by dotted paths."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from llm_observer.adapters.answer import Answer, Format
from llm_observer.adapters.fields import Notes, Reader, as_name, at, dicts
from llm_observer.adapters.openai_stream import fold
from llm_observer.adapters.text import joined, plain
from llm_observer.adapters.usage import OPENAI
from llm_observer.call import ToolUse

__all__ = ["OPENAI_FORMAT"]

_USAGE_AT = ("usage", "x_groq.usage")
_REALTIME = "realtime.response"
_REASONS = ("response", "response.compaction", _REALTIME)
"""Values of `object` whose status says how the answer finished."""
_OWN_CALLS = {"function_call": "function", "custom_tool_call": "custom"}
"""Items of a Responses answer that ask the app to run a tool; other `…_call` items ran at the provider."""
_MCP = "mcp_call"
_RUN_BY_APP = frozenset({"computer_call", "local_shell_call", "apply_patch_call"})
_SEARCH = "web_search_call"
_BILLED: Mapping[str, tuple[str, tuple[str | None, ...]]] = {
    _SEARCH: ("action.type", (None, "search")),
    "shell_call": ("environment.type", ("container_reference",)),
}
"""Hosted tools of which not every call is billed: where an item tells, and what it says then."""
_COUNTED = frozenset({_SEARCH, "image_generation_call"})
"""Hosted tools that `tool_usage` counts; it is all zeros where none of them ran."""


def read(document: Mapping[str, object], notes: Notes, with_text: bool) -> Answer:  # noqa: FBT001 - the shape of `Format.read`
    """The answer that *document* is."""
    reader = Reader(document, notes, "response")
    choices, items = list(dicts(document.get("choices"))), list(dicts(document.get("output")))
    hosted = _hosted_counts(items)
    return Answer(
        model=reader.text("model"),
        response_id=reader.text("id"),
        finish_reasons=tuple(_finish_reasons(document, choices)),
        usage=_usage(document, choices),
        service_tier=reader.text("service_tier", "usage.service_tier"),
        tool_calls=(*_called_in(choices), *_called_by(items)),
        other_tools=tuple(_hosted(items)),
        error=document.get("error") or at(document, "status_details.error"),
        is_cancelled=document.get("object") == _REALTIME and document.get("status") == "cancelled",
        diagnosis=_diagnosis(reader),
        tool_usage=document.get("tool_usage") if hosted.keys() & _COUNTED else None,
        svg_usage=document.get("svg_usage"),
        hosted=hosted,
        is_background=document.get("background") is True,
        text=_text(choices, items) if with_text else None,
    )


def _usage(document: Mapping[str, object], choices: Iterable[dict[str, object]]) -> object:
    """The usage of the answer; Moonshot's streams have it in a choice alone (November 2026)."""
    stated = (*(at(document, path) for path in _USAGE_AT), *(choice.get("usage") for choice in choices))
    return next((usage for usage in stated if usage), None)


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
        paths = ("incomplete_details.reason", "status_details.reason", "status")
        reason = next((name for path in paths if (name := as_name(at(document, path))) is not None), None)
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
            yield ToolUse(name=kind, kind="mcp" if kind == _MCP else _runs_it(item, kind))


def _runs_it(item: Mapping[str, object], kind: str) -> Literal["builtin", "server"]:
    """Who runs one of OpenAI's own tools, by the fields of its item (openai 3.54 types, November 2026)."""
    is_at_home = kind == "shell_call" and at(item, "environment.type") != "container_reference"
    is_apps = is_at_home or kind in _RUN_BY_APP or item.get("execution") == "client"
    return "builtin" if is_apps else "server"


def _hosted_counts(items: Iterable[dict[str, object]]) -> dict[str, int]:
    """Hosted tool calls by type: of web searches those that search, of shells those in OpenAI's containers.

    "Search actions incur a tool call cost", opening a page does not; items from before there were actions
    are searches: https://developers.openai.com/api/docs/guides/tools-web-search (2026-09-30).
    """
    items = list(items)
    counts = Counter(tool.name for tool in _hosted(items) if tool.name is not None)
    for kind, (path, billed) in _BILLED.items():
        if kind in counts:
            values = (at(item, path) for item in items if item.get("type") == kind)
            counts[kind] = sum(value in billed for value in values)
    return dict(counts)


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
