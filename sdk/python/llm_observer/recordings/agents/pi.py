"""Which calls does a session of pi tell of? `~/.pi/agent/sessions/**/*.jsonl`.

pi takes cached tokens out of `input` for every provider. A call that was broken off has a usage of zeros,
which means that it is unknown. @earendil-works/pi-ai 0.74.2, types.d.ts (`Usage`, `AssistantMessage`), and
the session of badlogic/pi-mono, packages/coding-agent/test/fixtures, 2026-11-21.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_name, at
from llm_observer.recordings._form import Form, has, single, word
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since, told
from llm_observer.recordings._usage import Counts, count
from llm_observer.wire import Closing

__all__ = ["FORM"]

_CLOSINGS: Mapping[str, Closing] = {"aborted": "cancelled", "error": "failed"}
"""By `stopReason`; any other one is an answer."""


def _fits(fields: Mapping[str, object]) -> bool:
    if fields.get("type") == "session":
        return has(fields, "id", "timestamp", "cwd")
    usage = at(fields.get("message"), "usage")
    return (
        fields.get("type") == "message" and isinstance(usage, dict) and has(usage, "cacheRead", "cacheWrite")
    )


def _told(fields: Fields) -> Told | None:
    message = fields.get("message")
    usage = at(message, "usage")
    if fields.get("type") != "message" or not isinstance(message, dict) or not isinstance(usage, dict):
        return None
    counts = Counts(
        fresh=count(usage, "input"),
        output=count(usage, "output"),
        read=count(usage, "cacheRead"),
        written=count(usage, "cacheWrite"),
    )
    return told(
        counts,
        message.get("provider"),
        as_name(message.get("responseModel")) or as_name(message.get("model")),
        response_id=as_name(message.get("responseId")),
        model=as_name(message.get("model")),
        closing=_CLOSINGS.get(word(message, "stopReason"), "end_of_body"),
        times=since(message.get("timestamp"), ended=fields.get("timestamp")),
        answer=as_name(message.get("responseId")) or _own_name(message, usage),
    )


def _own_name(message: Fields, usage: Fields) -> str:
    """Names an answer without an id: a branched session begins with a copy of the other one's lines."""
    return (
        f"pi\0{message.get('timestamp')}\0{[usage.get(name) for name in ('input', 'output', 'totalTokens')]}"
    )


FORM = Form("pi", _fits, single(_told), stranger=None)
