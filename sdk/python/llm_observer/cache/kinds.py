"""What kinds of cache breaker are there, and what should be changed to be rid of each?

What a change invalidates is the providers' own word: Anthropic's table of invalidations
(https://platform.claude.com/docs/en/build-with-claude/prompt-caching, 2026-11) and OpenAI's list of settings that are
part of the cache key (https://developers.openai.com/api/docs/guides/prompt-caching, 2026-09-20).
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

__all__ = ["DOCS_PAGE", "KINDS", "VOLATILE", "Family", "Kind", "advice", "docs_url", "title"]

DOCS_PAGE = "docs/cache-breakers.md"

Family = Literal["volatile", "form", "tools", "text", "settings", "breakpoints", "time", "size"]


class Kind(NamedTuple):
    """A kind of finding. title: what it is, without a verb. advice: one sentence that says what to change."""

    name: str
    family: Family
    title: str
    advice: str


_ROWS = (
    # Spans that differ at every call
    Kind(
        "timestamp",
        "volatile",
        "a time of day",
        "Move the time behind the last stable block, such as into the newest user message, or leave it out.",
    ),
    Kind(
        "date",
        "volatile",
        "a date",
        "Move the date into the newest user message: at the front it makes every prompt new once a day.",
    ),
    Kind(
        "relative_time",
        "volatile",
        "a relative time",
        'Replace words such as "3 minutes ago" by a fixed time, or move them into the newest user message.',
    ),
    Kind("uuid", "volatile", "a UUID", "Remove the UUID, or move it behind the last stable block."),
    Kind("ulid", "volatile", "a ULID", "Remove the ULID, or move it behind the last stable block."),
    Kind("ksuid", "volatile", "a KSUID", "Remove the KSUID, or move it behind the last stable block."),
    Kind(
        "object_id",
        "volatile",
        "an ObjectId",
        "Remove the ObjectId, or move it behind the last stable block.",
    ),
    Kind(
        "snowflake",
        "volatile",
        "a snowflake id",
        "Remove the snowflake id, or move it behind the last stable block.",
    ),
    Kind(
        "request_id",
        "volatile",
        "a request, session or trace id",
        "Send the id as metadata or a header instead of text, or move it behind the last stable block.",
    ),
    Kind(
        "counter",
        "volatile",
        "a counter",
        "Move the counter into the newest user message: every new value makes all that follows it new.",
    ),
    Kind(
        "nonce",
        "volatile",
        "a random token",
        "Remove the random token, or derive it from the content so that it stays the same over calls.",
    ),
    Kind(
        "random_number",
        "volatile",
        "a random number",
        "Remove the random number, or draw it once per conversation instead of once per call.",
    ),
    Kind(
        "signed_url",
        "volatile",
        "a signed URL",
        "Sign the URL once per conversation, or pass the file by id or content: a new signature is a new prompt.",
    ),
    # The same content in another form
    Kind(
        "whitespace",
        "form",
        "other white space",
        "Render the prompt by one template, so that spaces and line ends are the same at every call.",
    ),
    Kind(
        "unicode",
        "form",
        "another Unicode form",
        "Normalise the text once where it enters the app, as with unicodedata.normalize('NFC', text).",
    ),
    Kind(
        "key_order",
        "form",
        "another order of JSON keys",
        "Serialise with a fixed key order, as with json.dumps(value, sort_keys=True): providers compare bytes.",
    ),
    # Tools, which come first in every prompt
    Kind(
        "tool_order",
        "tools",
        "another order of tools",
        "Sort the tools by name before each call: they come first, so another order re-pays the whole prompt.",
    ),
    Kind(
        "tool_added",
        "tools",
        "a tool added",
        "Send all tools from the first call on, or add late ones by tool search: a new one re-pays the prompt.",
    ),
    Kind(
        "tool_removed",
        "tools",
        "a tool removed",
        "Keep the tool in the list and forbid its use by tool_choice (allowed_tools) or by instruction.",
    ),
    Kind(
        "tool_edited",
        "tools",
        "a tool edited",
        "Build each tool definition once, from constants: a changed name, description or schema re-pays all.",
    ),
    # Text
    Kind(
        "system_changed",
        "text",
        "a changed system prompt",
        "Keep the system prompt constant and put what changes into a later message: all behind it is re-paid.",
    ),
    Kind(
        "few_shot_order",
        "text",
        "another order of examples",
        "Sort or freeze the few-shot examples, and put those chosen per call behind the stable ones.",
    ),
    Kind(
        "first_message_edited",
        "text",
        "an edited first message",
        "Leave the first message as it was sent, and append what is new as a later message.",
    ),
    Kind(
        "history_edited",
        "text",
        "an edited history",
        "Append to the history instead of rewriting it: everything from the edited message on is re-paid.",
    ),
    Kind(
        "compaction",
        "text",
        "a compacted history",
        "Compact seldom and by much: the summary costs one re-write, so let it save more calls than that.",
    ),
    Kind(
        "history_truncated",
        "text",
        "a history cut from the front",
        "Cut many old messages at once instead of one per call: each cut from the front re-pays all that is left.",
    ),
    Kind(
        "tool_result_trimmed",
        "text",
        "a trimmed tool result",
        "Trim a tool result before it is first sent, not afterwards: a later trim re-pays all behind it.",
    ),
    Kind(
        "message_lengthened",
        "text",
        "a message made longer",
        "Send the addition as a new message or block: text added to an old one moves the end that was cached.",
    ),
    # Settings, which are part of the cache key
    Kind(
        "model_changed",
        "settings",
        "another model",
        "Keep one model per conversation: a cache belongs to a model, so each switch re-pays the whole prompt.",
    ),
    Kind(
        "effort_changed",
        "settings",
        "another reasoning effort",
        "Keep the effort fixed per conversation: a change re-pays the messages (Anthropic) or all (OpenAI).",
    ),
    Kind(
        "verbosity_changed",
        "settings",
        "another verbosity",
        "Keep text.verbosity fixed per conversation, or ask for length in the newest message: it is in the key.",
    ),
    Kind(
        "output_schema_changed",
        "settings",
        "another output schema",
        "Use one output schema per conversation, built once: it stands before the messages in the cache key.",
    ),
    Kind(
        "tool_choice_changed",
        "settings",
        "another tool_choice",
        "Keep tool_choice fixed: a change re-pays the messages (Anthropic), while tools and system stay cached.",
    ),
    Kind(
        "thinking_changed",
        "settings",
        "other thinking parameters",
        "Keep thinking and its budget fixed: a change re-pays the messages, while tools and system stay cached.",
    ),
    Kind(
        "beta_headers_changed",
        "settings",
        "other beta headers",
        "Send the same set of anthropic-beta headers with every call of a conversation.",
    ),
    Kind(
        "service_tier_changed",
        "settings",
        "another service tier",
        "Keep service_tier (and speed) fixed per conversation: another tier need not see the same cache.",
    ),
    Kind(
        "cache_key_changed",
        "settings",
        "another prompt_cache_key",
        "Give all calls with the same prefix the same prompt_cache_key, such as one per conversation or tenant.",
    ),
    Kind(
        "settings_changed",
        "settings",
        "another setting of the cache key",
        "Keep the settings of a conversation fixed: parallel_tool_calls, context_management and the like count.",
    ),
    # Breakpoints
    Kind(
        "breakpoint_missing",
        "breakpoints",
        "no breakpoint",
        "Set cache_control (Anthropic) or prompt_cache_breakpoint (OpenAI) on the last block that stays the same.",
    ),
    Kind(
        "breakpoint_moved",
        "breakpoints",
        "a breakpoint taken away",
        "Leave a breakpoint at the end of the stable part: only ends that were written can be read.",
    ),
    Kind(
        "too_many_breakpoints",
        "breakpoints",
        "more than four breakpoints",
        "Set at most four breakpoints: after tools, after system, and at the end of the two newest turns.",
    ),
    Kind(
        "explicit_without_breakpoint",
        "breakpoints",
        "explicit mode without a breakpoint",
        "Add a prompt_cache_breakpoint, or drop mode: explicit: without one nothing is cached (OpenAI).",
    ),
    Kind(
        "look_back_exceeded",
        "breakpoints",
        "more blocks than the look-back",
        "Set one more breakpoint within 20 blocks before the newest: a read looks no further back (Anthropic).",
    ),
    # Time
    Kind(
        "ttl_changed",
        "time",
        "another lifetime",
        "Ask for the same lifetime at every call: another ttl (or prompt_cache_retention) writes anew.",
    ),
    Kind(
        "ttl_expired",
        "time",
        "a pause longer than the lifetime",
        "Ask for a longer lifetime (ttl 1h, prompt_cache_retention 24h), or call again before it ends.",
    ),
    Kind(
        "parallel_calls",
        "time",
        "calls before the first one answered",
        "Await the first byte of one call before you start its siblings: until then nothing can be read.",
    ),
    # Size and use
    Kind(
        "below_minimum",
        "size",
        "a prompt below the minimum",
        "Put more stable text before the breakpoint, or drop it: below the model's minimum nothing is cached.",
    ),
    Kind(
        "unread_writes",
        "size",
        "writes that nobody reads",
        "End the cached part where the calls agree, by an explicit breakpoint: writes that nobody reads cost extra.",
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ROWS}
"""Every kind, in the order of the docs."""

VOLATILE = frozenset(kind.name for kind in _ROWS if kind.family == "volatile")
"""Kinds of spans that differ at every call, and can be masked."""


def advice(kind: str) -> str | None:
    """What to change; None for a name that is no finding's, such as `routing`."""
    return KINDS[kind].advice if kind in KINDS else None


def title(kind: str) -> str:
    """What *kind* is, in words; its name where it is no finding's."""
    return KINDS[kind].title if kind in KINDS else kind


def docs_url(kind: str) -> str:
    """Where *kind* is explained: a path in the repository, with the anchor of its section."""
    return f"{DOCS_PAGE}#{kind}"
