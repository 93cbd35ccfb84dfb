"""Which calls does a session of Gemini CLI tell of? `~/.gemini/tmp/*/chats/session-*.json` and `.jsonl`.

A message is written again whenever more of it is known, so the same id is one call. google-gemini/gemini-cli,
packages/core/src/services/chatRecordingTypes.ts (`TokensSummary` names the API's counts), 2026-11-21.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_name
from llm_observer.recordings._form import Form, has, single
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since, told
from llm_observer.recordings._usage import Counts, count

__all__ = ["FORM"]


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, "sessionId", "projectHash") or (
        fields.get("type") == "gemini" and has(fields, "id", "timestamp", "tokens")
    )


def _told(fields: Fields) -> Told | None:
    tokens = fields.get("tokens")
    if fields.get("type") != "gemini" or not isinstance(tokens, dict):
        return None
    counts = _counts(tokens)
    answer = as_name(fields.get("id"))
    return told(
        counts,
        "gemini",
        as_name(fields.get("model")),
        times=since(fields.get("timestamp")),
        answer=None if answer is None else f"gemini\0{answer}",
        merges=answer,
        weight=counts.output or 0,
    )


def _counts(tokens: Fields) -> Counts:
    """`input` holds what is cached; results of tools that the API ran count apart, and so do thoughts."""
    asked, cached, of_tools = (count(tokens, name) for name in ("input", "cached", "tool"))
    output, thoughts = count(tokens, "output"), count(tokens, "thoughts")
    inputs = [part for part in (asked, of_tools) if part is not None]
    outputs = [part for part in (output, thoughts) if part is not None]
    whole = sum(inputs) if inputs else None
    is_split = whole is not None and cached is not None and cached <= whole
    return Counts(
        fresh=whole - cached if is_split and whole is not None and cached is not None else whole,
        output=sum(outputs) if outputs else None,
        read=cached if is_split else None,
        reasoning=thoughts,
    )


FORM = Form("gemini_cli", _fits, single(_told), lists=("messages",), stranger=None)
