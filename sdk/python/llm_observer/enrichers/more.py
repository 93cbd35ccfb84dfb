"""Which calls does a call stand for? Each model that worked on it, and each answer of a batch, is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from llm_observer.decoded import Decoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_observer.call import LLMCall, Tokens
    from llm_observer.decoded import BatchResult, MoreUsage, Segment

__all__ = ["image_tokens", "more_call", "result_call"]

_IMAGES = "images."
BATCH = "batch"
_MODERATION = "moderation"


class _Tool(msgspec.Struct):
    type: str = ""
    model: str | None = None


def image_tokens(call: LLMCall, tokens: Tokens) -> Tokens:
    """*tokens*; on an image endpoint, output that is not split is images.

    "The number of image tokens in the output image": openai 3.52.0, types/image_gen_completed_event.py.
    """
    if not call.operation.startswith(_IMAGES) or tokens.output is None or tokens.output_image is not None:
        return tokens
    text = 0 if tokens.output_text is None else tokens.output_text
    return replace(tokens, output_image=max(tokens.output - text, 0))


def more_call(call: LLMCall, more: MoreUsage, segments: Sequence[Segment], model: str | None) -> LLMCall:
    """*more* as a call of its own. model: what priced *call*, and a compaction of it."""
    asked = {"compaction": model, "image_generation": _image_model(segments)}.get(more.kind, more.model)
    operation = "images.generations" if more.kind == "image_generation" else more.kind
    return _single(call, operation, asked, more.tokens)


def _image_model(segments: Sequence[Segment]) -> str | None:
    """The model that the request's image tool names; the default changes, and no answer tells it."""
    for segment in segments:
        if segment.kind == "tool" and b"image_generation" in bytes(segment.raw):
            tool = msgspec.json.decode(segment.raw, type=_Tool)
            if tool.type == "image_generation":
                return tool.model
    return None


def result_call(call: LLMCall, result: BatchResult) -> tuple[LLMCall, Decoded]:
    """One answer out of the results that *call* downloaded."""
    is_moderation = result.tokens is None and result.model is not None and _MODERATION in result.model
    single = _single(call, "moderations" if is_moderation else BATCH, result.model, result.tokens)
    single = replace(single, service_tier=BATCH, server_tool_use=result.server_tool_use)
    return single, Decoded(call=single, hosted=result.hosted, more_usage=result.more_usage)


def _single(call: LLMCall, operation: str, model: str | None, tokens: Tokens | None) -> LLMCall:
    return replace(
        call,
        operation=operation,
        model_requested=None,
        model_responded=model,
        tokens=tokens,
        server_tool_use=None,
        other_tools=(),
        is_stream=False,
    )
