"""Is there anything to bill, and if its usage is missing, why? Decided before any price is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_observer.enrichers.bill import Doubt

if TYPE_CHECKING:
    from llm_observer.call import LLMCall, Tokens
    from llm_observer.wire import Exchange

__all__ = ["doubts_of_usage", "why_no_usage", "why_not_billed"]

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


def why_not_billed(call: LLMCall, exchange: Exchange) -> str | None:
    """Why the call costs nothing; None if it may cost something."""
    if call.ending == "local" or exchange.closing == "local":
        return "answered without the provider"
    if call.is_usage_repeated:
        return "this usage is counted by another answer"
    if call.status is not None and call.status >= 400:  # noqa: PLR2004 - an HTTP error
        return "the provider refused the call"
    if call.operation in FREE:
        return "the operation is free"
    return None if call.tokens is not None else _why_free_without_usage(call)


def _why_free_without_usage(call: LLMCall) -> str | None:
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


def why_no_usage(call: LLMCall) -> str:
    """One line on an answer that has no usage, with the way to get it where there is one."""
    if call.is_stream and call.ending in CUT_SHORT:
        return "the stream ended before its usage"
    asked = call.request is not None and call.request.includes_usage
    if call.is_stream and call.wire == "openai" and call.operation != "responses" and not asked:
        return "ask for usage in streams: stream_options={'include_usage': True}"
    return "the answer has no usage"


def doubts_of_usage(call: LLMCall, tokens: Tokens) -> list[Doubt]:
    """What makes the counts themselves less than final."""
    if call.is_stream and call.ending in CUT_SHORT and not call.finish_reasons:
        return [Doubt("estimated", "the stream ended before its final usage: counted so far")]
    if tokens.output is None and call.operation in WITH_OUTPUT:
        return [Doubt("estimated", "the output tokens are unknown")]
    return []
