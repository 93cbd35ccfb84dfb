"""Which calls does a task of Cline, Roo Code or Kilo Code tell of? `tasks/*/ui_messages.json`.

`tokensIn` is without cached tokens in Cline, but for the providers that pass OpenAI's count on; Roo Code
counts the whole prompt since 3.29.5, and says `apiProtocol`. Sums of deleted calls are no calls.
cline/cline, src/shared/getApiMetrics.ts; RooCodeInc/Roo-Code, src/core/task/Task.ts and pull request 8954,
2026-11-21.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_name, at, loads
from llm_observer.recordings._form import Form, has, single, word
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since, told
from llm_observer.recordings._usage import Counts, count

__all__ = ["FORM"]

_WHOLE_PROMPT = frozenset(
    {"openai", "litellm", "doubao", "fireworks", "hicap", "lmstudio", "qwen", "xai", "zai"}
)
"""Providers of which Cline passes on a count with cached tokens in it."""
_KINDS = ("say", "ask")


def _fits(fields: Mapping[str, object]) -> bool:
    kind = word(fields, "type")
    return has(fields, "ts") and kind in _KINDS and isinstance(fields.get(kind), str)


def _told(fields: Fields) -> Told | None:
    said = fields.get("say")
    if said == "deleted_api_reqs":
        raise ValueError("is the sum of calls that were deleted from the task")
    text = fields.get("text")
    request = (
        loads(text.encode("utf-8", "replace"))
        if said == "api_req_started" and isinstance(text, str)
        else None
    )
    if not isinstance(request, dict) or count(request, "tokensIn") is None:
        return None
    provider = word(fields, "modelInfo.providerId")
    counts = _counts(request, provider)
    return told(
        counts,
        provider,
        as_name(at(fields, "modelInfo.modelId")),
        closing="cancelled" if request.get("cancelReason") else "end_of_body",
        times=since(fields.get("ts")),
    )


def _counts(request: Fields, provider: str) -> Counts:
    asked, read, written = (count(request, name) for name in ("tokensIn", "cacheReads", "cacheWrites"))
    cached = sum(part for part in (read, written) if part is not None)
    is_whole = "apiProtocol" in request or provider in _WHOLE_PROMPT
    is_inside = is_whole and asked is not None and asked >= cached
    return Counts(
        fresh=asked - cached if is_inside and asked is not None else asked,
        output=count(request, "tokensOut"),
        read=read,
        written=written,
    )


FORM = Form("cline", _fits, single(_told), stranger=None)
