"""What kinds of cache breaker are there, and what should be changed to be rid of each?

What a change invalidates is the providers' own word: Anthropic's table of invalidations
(https://platform.claude.com/docs/en/build-with-claude/prompt-caching, 2026-11) and OpenAI's list of
settings in the cache key (https://developers.openai.com/api/docs/guides/prompt-caching, 2026-09-20).
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

__all__ = ["DOCS_PAGE", "KINDS", "Family", "Kind", "advice_for", "docs_url"]

DOCS_PAGE = "docs/cache-breakers.md"

Family = Literal["volatile", "form", "tools", "text", "settings", "breakpoints", "time", "size"]


class Kind(NamedTuple):
    """A kind of finding. title: what it is, in words. advice: one sentence that says what to change."""

    name: str
    family: Family
    title: str
    advice: str


_ROWS: Mapping[Family, tuple[tuple[str, str, str], ...]] = {
    "volatile": (
        (
            "timestamp",
            "a time of day",
            "Move the time behind the last stable block, such as into the newest user message.",
        ),
        (
            "date",
            "a date",
            "Move the date into the newest user message: up front it makes every prompt new once a day.",
        ),
        (
            "relative_time",
            "a relative time",
            'Write a fixed time instead of "3 minutes ago", or move it into the newest user message.',
        ),
        ("uuid", "a UUID", "Remove the UUID, or move it behind the last stable block."),
        ("ulid", "a ULID", "Remove the ULID, or move it behind the last stable block."),
        ("ksuid", "a KSUID", "Remove the KSUID, or move it behind the last stable block."),
        ("object_id", "an ObjectId", "Remove the ObjectId, or move it behind the last stable block."),
        ("snowflake", "a snowflake id", "Remove the snowflake id, or move it behind the last stable block."),
        (
            "request_id",
            "a request, session or trace id",
            "Send the id as metadata or a header, or move it behind the last stable block.",
        ),
        ("counter", "a counter", "Move the counter into the newest user message, or remove it."),
        (
            "nonce",
            "a random token",
            "Remove the random token, or derive it from the content so that it stays the same.",
        ),
        (
            "random_number",
            "a random number",
            "Remove the random number, or draw it once per conversation and not once per call.",
        ),
        (
            "signed_url",
            "a signed URL",
            "Sign the URL once per conversation, or pass the file by its id: a new signature is new text.",
        ),
    ),
    "form": (
        (
            "whitespace",
            "other white space",
            "Render the text by one template, so that spaces and line ends are the same at every call.",
        ),
        (
            "unicode",
            "another Unicode form",
            "Normalise the text: unicodedata.normalize('NFC', text); escape JSON's letters always or never.",
        ),
        (
            "key_order",
            "another order of JSON keys",
            "Serialise with json.dumps(value, sort_keys=True): providers compare what was sent.",
        ),
    ),
    "tools": (
        (
            "tool_order",
            "another order of tools",
            "Sort the tools by name: they come first, so that another order re-pays the whole prompt.",
        ),
        (
            "tool_added",
            "a tool added",
            "Send all tools from the first call on: one added later re-pays the whole prompt.",
        ),
        (
            "tool_removed",
            "a tool removed",
            "Keep the tool in the list, and forbid its use in a message or by allowed_tools (OpenAI).",
        ),
        (
            "tool_edited",
            "a tool edited",
            "Build tool definitions once, from constants: a changed one re-pays the whole prompt.",
        ),
    ),
    "text": (
        (
            "system_changed",
            "a changed system prompt",
            "Keep the system prompt constant, and put what changes into a later message.",
        ),
        (
            "few_shot_order",
            "another order of examples",
            "Sort or freeze the examples, and put those chosen per call behind the stable ones.",
        ),
        (
            "first_message_edited",
            "an edited first message",
            "Leave the first message as it was sent, and append what is new as a later message.",
        ),
        (
            "history_edited",
            "an edited history",
            "Append to the history instead of rewriting it: all from the edited message on is re-paid.",
        ),
        (
            "compaction",
            "a compacted history",
            "Compact seldom and by much, so that the shorter history saves more than its rewrite costs.",
        ),
        (
            "history_truncated",
            "a history cut from the front",
            "Cut many old messages at once, not one per call: each cut re-pays all that is left.",
        ),
        (
            "thinking_dropped",
            "thinking that was left out",
            "Send thinking (reasoning) blocks back as they came: without them the prompt is another one.",
        ),
        (
            "tool_result_trimmed",
            "a trimmed tool result",
            "Trim a tool result before it is first sent: a later trim re-pays all that follows.",
        ),
        (
            "message_lengthened",
            "a message made longer",
            "Send the addition as a new message or block: the cached end of a longer one is gone.",
        ),
    ),
    "settings": (
        (
            "model_changed",
            "another model",
            "Keep one model per conversation: a switch re-pays the whole prompt.",
        ),
        (
            "effort_changed",
            "another reasoning effort",
            "Keep the effort per conversation: a change re-pays the messages (Anthropic) or all (OpenAI).",
        ),
        (
            "verbosity_changed",
            "another verbosity",
            "Keep text.verbosity per conversation, and ask for length in the newest message instead.",
        ),
        (
            "output_schema_changed",
            "another output schema",
            "Build one output schema per conversation: it stands in front of the messages.",
        ),
        (
            "tool_choice_changed",
            "another tool_choice",
            "Keep tool_choice: a change re-pays the messages; tools and system stay cached (Anthropic).",
        ),
        (
            "thinking_changed",
            "other thinking parameters",
            "Keep thinking: a change re-pays the messages; tools and system stay cached (Anthropic).",
        ),
        (
            "beta_headers_changed",
            "other beta headers",
            "Send the same set of anthropic-beta headers with every call of a conversation.",
        ),
        (
            "service_tier_changed",
            "another service tier",
            "Keep service_tier and speed per conversation: another one may find nothing cached.",
        ),
        (
            "cache_key_changed",
            "another prompt_cache_key",
            "Give all calls with the same prefix the same prompt_cache_key.",
        ),
        (
            "settings_changed",
            "another setting of the cache key",
            "Keep all settings per conversation, such as parallel_tool_calls and context_management.",
        ),
    ),
    "breakpoints": (
        (
            "breakpoint_missing",
            "no breakpoint",
            "Set cache_control (Anthropic) or prompt_cache_breakpoint (OpenAI) on the last stable block.",
        ),
        (
            "breakpoint_moved",
            "a breakpoint taken away",
            "Leave a breakpoint at the end of the stable part: only ends that were written can be read.",
        ),
        (
            "too_many_breakpoints",
            "more than four breakpoints",
            "Set at most four breakpoints: behind tools, system and the two newest turns.",
        ),
        (
            "explicit_without_breakpoint",
            "explicit mode without a breakpoint",
            "Set a prompt_cache_breakpoint, or leave out the explicit mode: else nothing is cached (OpenAI).",
        ),
        (
            "look_back_exceeded",
            "more blocks than the look-back",
            "Set one more breakpoint before the newest: a read looks back 20 blocks at most (Anthropic).",
        ),
    ),
    "time": (
        (
            "ttl_changed",
            "another lifetime",
            "Ask for the same lifetime at every call: what was written with another is written anew.",
        ),
        (
            "ttl_expired",
            "a pause longer than the lifetime",
            "Ask for a longer lifetime (cache_control ttl, prompt_cache_retention), or call before it ends.",
        ),
        (
            "parallel_calls",
            "calls before the first one answered",
            "Wait for the first byte of one call before you start its siblings: until then none can read.",
        ),
    ),
    "size": (
        (
            "below_minimum",
            "a prompt below the minimum",
            "Put more stable text before the breakpoint: below the model's minimum nothing is cached.",
        ),
        (
            "unread_writes",
            "writes that nobody reads",
            "End the cached part by an explicit breakpoint where calls agree: writes cost extra.",
        ),
    ),
}

KINDS: Mapping[str, Kind] = {
    row[0]: Kind(row[0], family, *row[1:]) for family, rows in _ROWS.items() for row in rows
}
"""Every kind of finding, in the order of the docs. The cause `routing` is none: nothing can be changed."""


def advice_for(kind: str) -> str | None:
    """What to change; None for a name that is no finding's, such as `routing`."""
    return KINDS[kind].advice if kind in KINDS else None


def docs_url(kind: str) -> str:
    """Where *kind* is explained: a path in the repository, with the anchor of its section."""
    return f"{DOCS_PAGE}#{kind}"
