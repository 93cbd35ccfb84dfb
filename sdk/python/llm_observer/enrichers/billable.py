"""Is there anything to bill, and if its usage is missing, why? Decided before any price is looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llm_observer.decoded import COUNT_ONLY
from llm_observer.enrichers.bill import Doubt
from llm_observer.enrichers.usage_once import ASKED_ELSEWHERE

if TYPE_CHECKING:
    from llm_observer.call import LLMCall, Tokens
    from llm_observer.decoded import Measures
    from llm_observer.wire import Exchange

__all__ = ["doubts_of_usage", "why_free", "why_no_usage", "why_paid_elsewhere"]

FREE = COUNT_ONLY | {"models"}
"""Operations that cost nothing: counting tokens and listing models at both providers.

https://platform.claude.com/docs/en/build-with-claude/token-counting and, where no price is named,
https://developers.openai.com/api/docs/guides/token-counting, 2026-11-21.
"""

MODERATION = frozenset({"moderation", "moderations"})
FREE_MODERATION = re.compile(r"(omni|text)-moderation-")
"""OpenAI's moderation models, which are free; other vendors charge for theirs (Mistral).

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

_ASKED = frozenset({"chat", "text_completion"})
"""Operations whose streams have usage only where it was asked for."""
WITH_OUTPUT = frozenset({"chat", "responses", "text_completion"})
"""Operations whose answer always has output tokens."""

WAYS_TO_UNITS = {
    "audio.speech": "the answer has no usage: stream_format='sse' has it (not with tts-1)",
    "audio.transcriptions": "the answer has no usage: response_format='verbose_json' has the length",
    "audio.translations": "the answer has no usage: response_format='verbose_json' has the length",
}
"""How to get usage from OpenAI's audio endpoints (openai 3.52.0, types/audio)."""

CUT_SHORT = frozenset({"cancelled", "closed_early", "error", "open_at_exit", "truncated"})


HTTP_ERROR = 400


def why_paid_elsewhere(call: LLMCall, exchange: Exchange) -> str | None:
    """Why whatever this answer says of its cost is not to be paid (again)."""
    if call.ending == "local" or exchange.closing == "local":
        return "answered without the provider"
    if call.is_usage_repeated:
        return "this usage is counted by another answer"
    return None


def why_free(call: LLMCall, *, is_measured: bool = False) -> str | None:
    """Why the call costs nothing; None if it may cost something. is_measured: its units are known."""
    if call.operation in FREE or (call.operation in MODERATION and _is_free_moderation(call)):
        return "the operation is free"
    return None if call.tokens is not None else _why_free_without_usage(call, is_measured=is_measured)


def _is_free_moderation(call: LLMCall) -> bool:
    model = call.model_responded or call.model_requested
    return call.provider == "openai" or (model is not None and FREE_MODERATION.match(model) is not None)


def _why_free_without_usage(call: LLMCall, *, is_measured: bool) -> str | None:
    if _is_refused(call):
        return "the provider refused the call"
    resource, _, method = call.operation.partition(":")
    if method and not is_measured and not (resource in MODEL_RUNS and method == "post"):
        return "the operation runs no model"
    if call.status is None and call.error is not None:
        return "no answer came"
    if call.error is not None and (call.error.type or call.error.code):
        return "the provider reported an error and no usage"
    return "a later answer brings the usage" if _answers_later(call) else None


def _answers_later(call: LLMCall) -> bool:
    """Whether this only starts the work: a video, a background response."""
    is_background = call.request is not None and call.request.is_background and not call.is_stream
    return call.operation == "videos:post" or bool(is_background)


def _is_refused(call: LLMCall) -> bool:
    return call.status is not None and call.status >= HTTP_ERROR


def why_no_usage(call: LLMCall) -> str:
    """One line on an answer that has no usage, with the way to get it where there is one."""
    if call.is_stream and call.ending in CUT_SHORT:
        return "the stream ended before its usage"
    if call.provider == "openai" and call.operation in WAYS_TO_UNITS:
        return WAYS_TO_UNITS[call.operation]
    asked = call.request is not None and call.request.includes_usage
    if call.is_stream and call.wire == "openai" and call.operation in _ASKED and not asked:
        return "ask for usage in streams: stream_options={'include_usage': True}"
    return "the answer has no usage"


def doubts_of_usage(call: LLMCall, tokens: Tokens, measures: Measures | None = None) -> list[Doubt]:
    """What makes the counts themselves less than final, or less than all that is billed."""
    doubts = []
    images = None if measures is None else measures.images
    if call.is_stream and images is not None and images > 1:
        doubts.append(Doubt("estimated", f"the usage is that of the last of {images} images"))
    if ASKED_ELSEWHERE in call.notes:
        doubts.append(Doubt("estimated", "asked in another process: counted twice if that fetched it too"))
    if _is_refused(call):
        doubts.append(Doubt("estimated", "an error that names usage: whether it is billed is unknown"))
    if call.is_stream and call.ending in CUT_SHORT and not call.finish_reasons:
        doubts.append(Doubt("estimated", "the stream ended before its final usage: counted so far"))
    elif tokens.output is None and call.operation in WITH_OUTPUT:
        doubts.append(Doubt("estimated", "the output tokens are unknown"))
    return doubts
