"""Is there anything to bill, and if its usage is missing, why? Decided before any price is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_observer.enrichers.bill import Doubt

if TYPE_CHECKING:
    from llm_observer.call import LLMCall, Tokens
    from llm_observer.wire import Exchange

__all__ = ["doubts_of_usage", "why_free", "why_no_usage", "why_paid_elsewhere"]

FREE = frozenset({"count_tokens", "models", "moderation", "moderations"})
"""Operations that cost nothing: counting tokens and listing models at both providers, moderation at OpenAI.

https://platform.claude.com/docs/en/build-with-claude/token-counting and
https://developers.openai.com/api/docs/guides/moderation, 2026-11-21.
"""

MODEL_RUNS = frozenset(
    {
        "audio",
        "chat",
        "completions",
        "embeddings",
        "image_generation",
        "images",
        "rerank",
        "responses",
        "text_completion",
        "unknown",
        "videos",
    }
)
"""Operations that run a model; other resources (`files:post`, `batches:get`) bill nothing by themselves."""

WITH_OUTPUT = frozenset({"chat", "responses", "text_completion"})
"""Operations whose answer always has output tokens."""

CUT_SHORT = frozenset({"cancelled", "closed_early", "error", "open_at_exit", "truncated"})


HTTP_ERROR = 400

PRICED_TOOLS = frozenset(
    {"code_interpreter_call", "file_search_call", "image_generation_call", "web_search_call"}
)
"""Hosted tools of the Responses API that are charged apart from tokens.

https://developers.openai.com/api/docs/pricing, 2026-11-21.
"""


def why_paid_elsewhere(call: LLMCall, exchange: Exchange) -> str | None:
    """Why whatever this answer says of its cost is not to be paid (again)."""
    if call.ending == "local" or exchange.closing == "local":
        return "answered without the provider"
    if call.is_usage_repeated:
        return "this usage is counted by another answer"
    return None


def why_free(call: LLMCall) -> str | None:
    """Why the call costs nothing; None if it may cost something."""
    if call.operation in FREE:
        return "the operation is free"
    return None if call.tokens is not None else _why_free_without_usage(call)


def _why_free_without_usage(call: LLMCall) -> str | None:
    if _is_refused(call):
        return "the provider refused the call"
    resource, _, method = call.operation.partition(":")
    if method and not (resource in MODEL_RUNS and method == "post"):
        return "the operation runs no model"
    if call.status is None and call.error is not None:
        return "no answer came"
    if call.error is not None and (call.error.type or call.error.code):
        return "the provider reported an error and no usage"
    if call.request is not None and call.request.is_background and not call.is_stream:
        return "a later answer brings the usage"
    return None


def _is_refused(call: LLMCall) -> bool:
    return call.status is not None and call.status >= HTTP_ERROR


def why_no_usage(call: LLMCall) -> str:
    """One line on an answer that has no usage, with the way to get it where there is one."""
    if call.is_stream and call.ending in CUT_SHORT:
        return "the stream ended before its usage"
    asked = call.request is not None and call.request.includes_usage
    if call.is_stream and call.wire == "openai" and call.operation != "responses" and not asked:
        return "ask for usage in streams: stream_options={'include_usage': True}"
    return "the answer has no usage"


def doubts_of_usage(call: LLMCall, tokens: Tokens) -> list[Doubt]:
    """What makes the counts themselves less than final, or less than all that is billed."""
    doubts = []
    if _is_refused(call):
        doubts.append(Doubt("estimated", "an error that names usage: whether it is billed is unknown"))
    if call.is_stream and call.ending in CUT_SHORT and not call.finish_reasons:
        doubts.append(Doubt("estimated", "the stream ended before its final usage: counted so far"))
    elif tokens.output is None and call.operation in WITH_OUTPUT:
        doubts.append(Doubt("estimated", "the output tokens are unknown"))
    hosted = sorted(_uncounted_tools(call))
    if hosted:
        doubts.append(Doubt("estimated", f"{', '.join(hosted)} not in the figure: the answer has no count"))
    return doubts


def _uncounted_tools(call: LLMCall) -> set[str]:
    """Hosted tools with a price of their own that ran, and that the provider's counts do not name."""
    counted = " ".join(call.server_tool_use or ())
    ran = {tool.name for tool in call.other_tools if tool.name in PRICED_TOOLS}
    return {name for name in ran if name is not None and name.removesuffix("_call") not in counted}
