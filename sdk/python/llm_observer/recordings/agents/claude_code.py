"""Which calls does a transcript of Claude Code tell of? `~/.claude/projects/**/*.jsonl`, and `stream-json`.

A line for each block of an answer, each with the whole message's id and the usage so far: one call, whose
last line has the final count. A resumed or forked session begins with a copy of the earlier one's lines. The
sums that a `result` line or a sub-agent's `toolUseResult` has are of calls that have lines of their own.
https://code.claude.com/docs/en/headless (stream-json) and the lines of Claude Code 1.0 to 2.1, 2026-11-21.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_count, as_name, at
from llm_observer.recordings._form import Form, has, single, word
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import MESSAGES, Told, address, body_of, region_caveat, since

__all__ = ["FORM"]

_OWN_WORDS = "<synthetic>"
"""Model of a line that Claude Code wrote itself, such as an error of the API."""
_SESSIONS = ("sessionId", "session_id")
_KEPT = ("id", "type", "role", "model", "stop_reason", "usage")
_CLOUDS = {"msg_bdrk_": "bedrock", "msg_vrtx_": "vertex-ai"}
"""What a message's id says of who runs the model."""


def _fits(fields: Mapping[str, object]) -> bool:
    kind = word(fields, "type")
    if kind == "summary":
        return has(fields, "summary", "leafUuid")
    if kind == "file-history-snapshot":
        return has(fields, "messageId", "snapshot")
    if kind == "system" and fields.get("subtype") == "init":
        return has(fields, "session_id", "tools", "model")
    is_said = kind in {"assistant", "user"} and at(fields.get("message"), "role") == kind
    return is_said and "uuid" in fields and any(name in fields for name in _SESSIONS)


def _told(fields: Fields) -> Told | None:
    message = fields.get("message")
    if fields.get("type") != "assistant" or not isinstance(message, dict):
        return None
    usage = message.get("usage")
    if not isinstance(usage, dict) or message.get("model") == _OWN_WORDS:
        return None
    answer = as_name(message.get("id"))
    provider = _provider(answer)
    return Told(
        url=address(provider, MESSAGES),
        body=body_of(usage, **{name: message.get(name) for name in _KEPT if name != "usage"}),
        request_id=as_name(fields.get("requestId")),
        times=since(fields.get("timestamp")),
        answer=answer,
        merges=answer,
        weight=as_count(usage.get("output_tokens")) or 0,
        caveat=region_caveat(provider, message.get("model")),
    )


def _provider(answer: str | None) -> str:
    starts = (cloud for sign, cloud in _CLOUDS.items() if answer is not None and answer.startswith(sign))
    return next(starts, "anthropic")


FORM = Form("claude_code", _fits, single(_told), stranger=None)
