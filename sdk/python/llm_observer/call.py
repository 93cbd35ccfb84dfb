"""LLMCall: what one answered (or failed) provider call was, used and cost. Absent means unknown.

Every field carries its description and its privacy class; `scripts/build_schema.py` turns both into
`shared/schema/telemetry_event_v1.json`. Token kinds follow the providers' usage objects; names follow
the OpenTelemetry GenAI conventions where they have one (docs/events.md has the table).
"""

from typing import Annotated, Literal

import msgspec

from llm_observer._fields import hashed, opt_in_content, public, written
from llm_observer.call_cache import CacheUse

__all__ = [
    "CallSite",
    "Content",
    "Cost",
    "CostStatus",
    "Ending",
    "ErrorInfo",
    "LLMCall",
    "Request",
    "SegmentPrint",
    "Server",
    "Timing",
    "Tokens",
    "ToolUse",
]

Count = Annotated[int, msgspec.Meta(ge=0)]
Money = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]

Ending = Literal["complete", "closed_early", "cancelled", "error", "truncated", "local", "open_at_exit"]
CostStatus = Literal[
    "exact", "estimated", "bound", "unknown_model", "usage_absent", "tier_unpriced", "not_billed"
]


class _Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of the parts of a call."""


class Tokens(_Part, frozen=True, kw_only=True):
    """Token counts exactly as the provider gave them, and the two views of input."""

    input_reported: Annotated[Count | None, public("Input as the provider's own field counts it.")] = None
    input_total: Annotated[Count | None, public("All input, cached tokens included.")] = None
    input_uncached: Annotated[
        Count | None,
        public("Input neither read from nor written to the cache; absent if the wire has no cache field."),
    ] = None
    output: Annotated[Count | None, public("Output as given by the provider.")] = None
    total: Annotated[Count | None, public("The provider's own total, where it gives one.")] = None
    cache_read: Annotated[Count | None, public("Input read from the prompt cache.")] = None
    cache_write: Annotated[Count | None, public("Input written to the prompt cache, any TTL.")] = None
    cache_write_5m: Annotated[Count | None, public("Cache writes that live 5 minutes (Anthropic).")] = None
    cache_write_30m: Annotated[Count | None, public("Cache writes that live 30 minutes (OpenAI).")] = None
    cache_write_1h: Annotated[Count | None, public("Cache writes that live 1 hour (Anthropic).")] = None
    cache_write_12h: Annotated[Count | None, public("Cache writes that live 12 hours (OpenAI).")] = None
    reasoning: Annotated[Count | None, public("Reasoning or thinking tokens.")] = None
    input_text: Annotated[Count | None, public("Text part of the input.")] = None
    output_text: Annotated[Count | None, public("Text part of the output.")] = None
    input_audio: Annotated[Count | None, public("Audio part of the input.")] = None
    output_audio: Annotated[Count | None, public("Audio part of the output.")] = None
    input_image: Annotated[Count | None, public("Image part of the input.")] = None
    output_image: Annotated[Count | None, public("Image part of the output.")] = None
    cache_read_audio: Annotated[Count | None, public("Audio part of the cache read.")] = None
    accepted_prediction: Annotated[Count | None, public("Predicted output tokens that were used.")] = None
    rejected_prediction: Annotated[Count | None, public("Predicted output tokens thrown away, billed.")] = (
        None
    )


class Cost(_Part, frozen=True, kw_only=True):
    """What the call cost, in US dollars as decimal strings. Unknown is absent, never zero."""

    status: Annotated[CostStatus, public("How sure the figures are.", is_open=True)]
    total_usd: Annotated[Money | None, public("Sum of the parts, discount applied.")] = None
    input_usd: Annotated[Money | None, public("Uncached input.")] = None
    cache_read_usd: Annotated[Money | None, public("Input read from the cache.")] = None
    cache_write_usd: Annotated[Money | None, public("Input written to the cache, all TTLs.")] = None
    cache_write_5m_usd: Annotated[Money | None, public("Cache writes of 5 minutes.")] = None
    cache_write_30m_usd: Annotated[Money | None, public("Cache writes of 30 minutes.")] = None
    cache_write_1h_usd: Annotated[Money | None, public("Cache writes of 1 hour.")] = None
    cache_write_12h_usd: Annotated[Money | None, public("Cache writes of 12 hours.")] = None
    output_usd: Annotated[Money | None, public("Output, reasoning included.")] = None
    server_tools_usd: Annotated[Money | None, public("Hosted tools such as web search.")] = None
    provider_usd: Annotated[
        Money | None, public("Cost that the provider itself returned; it wins in sums.")
    ] = None
    difference_usd: Annotated[Money | None, public("provider_usd less our own figure.")] = None
    tier: Annotated[str | None, public("Tier, speed or region that was priced, when not standard.")] = None
    source: Annotated[
        Literal["genai-prices", "override", "provider", "built-in"] | None,
        public("Where the price came from.", is_open=True),
    ] = None
    price_id: Annotated[str | None, public("`provider/model` of the price entry used.")] = None
    note: Annotated[str | None, public("One line that says why the status is not `exact`.")] = None


class ToolUse(_Part, frozen=True, kw_only=True):
    """A tool that the model called."""

    name: Annotated[
        str | None, public("Name of the tool, as the app defined it; absent if none was sent.")
    ] = None
    kind: Annotated[
        Literal["function", "custom", "builtin", "server", "mcp"], public("Who runs the tool.", is_open=True)
    ] = "function"
    arguments_bytes: Annotated[Count | None, public("UTF-8 size of the arguments.")] = None


class ErrorInfo(_Part, frozen=True, kw_only=True):
    """What went wrong, without any message text."""

    type: Annotated[str | None, public("The provider's error type, as given.")] = None
    code: Annotated[str | None, public("The provider's error code, as given; numbers as text.")] = None
    exception: Annotated[str | None, public("Class of the exception that the app got.")] = None
    message_present: Annotated[bool | None, public("The provider sent a message (never kept).")] = None


class Timing(_Part, frozen=True, kw_only=True):
    """Times in milliseconds, from the start of the logical call."""

    duration_ms: Annotated[float | None, public("To the end of the answer; a stream's last chunk.")] = None
    time_to_first_chunk_ms: Annotated[float | None, public("To the first body chunk; streams only.")] = None
    largest_gap_ms: Annotated[float | None, public("Longest wait between two chunks; streams only.")] = None
    chunk_count: Annotated[Count | None, public("Network chunks of a stream.")] = None
    output_tokens_per_second: Annotated[
        float | None,
        public("Output tokens over the time after the first chunk, or all of it if not streamed."),
    ] = None


class Server(_Part, frozen=True, kw_only=True):
    """Who was called."""

    address: Annotated[str | None, public("Host, if it is a known provider's or this machine's.")] = None
    address_hash: Annotated[str | None, hashed("Keyed hash of any other host.")] = None
    port: Annotated[Count | None, public("Port, if it is not the scheme's own.")] = None


class CallSite(_Part, frozen=True, kw_only=True):
    """The app's own line that made the call."""

    file: Annotated[str, public("Path relative to the working directory.")]
    line: Annotated[Count, public("Line number.")]
    function: Annotated[str | None, public("Name of the function.")] = None


class SegmentPrint(_Part, frozen=True, kw_only=True):
    """A keyed hash of one segment of the prompt, in the provider's cache order."""

    path: Annotated[str, public("JSON path of the segment, such as `messages[3]`.")]
    kind: Annotated[
        str,
        public(
            "`tool`, `system`, `developer`, `user`, `assistant`, `thinking`, `tool_use`, `tool_result`; "
            "where no caching rule is known: `message`, `input`."
        ),
    ]
    bytes: Annotated[Count, public("Size on the wire.")]
    hash: Annotated[str, hashed("Keyed BLAKE2b of the segment's bytes, 16 hex digits.")]
    tokens: Annotated[
        Count | None, public("Its tokens, by the provider's counts of this and earlier calls.")
    ] = None
    chain: Annotated[str | None, hashed("The same of all that the cache key holds up to its end.")] = None
    stable: Annotated[
        str | None, hashed("`chain` with volatile spans, key order and white space left out.")
    ] = None


class Request(_Part, frozen=True, kw_only=True):
    """Shape and settings of the request; numbers and names only."""

    body_bytes: Annotated[Count | None, public("Size of the request body.")] = None
    message_count: Annotated[Count | None, public("Messages, or input items.")] = None
    tool_count: Annotated[Count | None, public("Tools defined.")] = None
    choice_count: Annotated[Count | None, public("Choices asked for (`n`).")] = None
    max_tokens: Annotated[int | None, public("Output limit.")] = None
    temperature: Annotated[float | None, public("Sampling temperature.")] = None
    top_p: Annotated[float | None, public("Nucleus sampling limit.")] = None
    reasoning_effort: Annotated[str | None, public("Reasoning effort asked for.")] = None
    service_tier: Annotated[str | None, public("Service tier asked for.")] = None
    prompt_cache_key_hash: Annotated[str | None, hashed("Keyed hash of `prompt_cache_key`.")] = None
    previous_response_id: Annotated[str | None, public("`previous_response_id` of the request.")] = None
    conversation_id: Annotated[
        str | None, public("Id of the conversation that the provider keeps and puts in front (Responses).")
    ] = None
    is_background: Annotated[bool | None, public("The Responses API was asked to run in the background.")] = (
        None
    )
    includes_usage: Annotated[bool | None, public("`stream_options.include_usage` of the request.")] = None


class Content(_Part, frozen=True, kw_only=True):
    """Text, only if the app switched `capture_content` on: bounded and scrubbed."""

    input: Annotated[str | None, opt_in_content("Newest user text.")] = None
    output: Annotated[str | None, opt_in_content("Text of the answer.")] = None
    is_truncated: Annotated[bool | None, public("A text was longer than the bound.")] = None


class LLMCall(_Part, frozen=True, kw_only=True):
    """One provider answer, or one failed or local call."""

    provider: Annotated[str, public("OpenTelemetry provider name, else the vendor's plain name.")]
    wire: Annotated[
        Literal["openai", "anthropic", "bedrock_invoke", "unknown"],
        public("Wire format of the exchange.", is_open=True),
    ]
    operation: Annotated[str, public("`chat`, `responses`, `embeddings`, `files:post` …")]
    sdk: Annotated[str | None, public("Import name of the SDK.")] = None
    sdk_version: Annotated[str | None, public("Version of the SDK.")] = None
    client: Annotated[str | None, public("Class of the client.")] = None
    method: Annotated[str | None, public("HTTP method; `POST` for a response on a WebSocket.")] = None
    route: Annotated[str | None, public("Path with ids replaced by `{id}`; no query.")] = None
    server: Annotated[Server | None, public("Who was called.")] = None
    model_requested: Annotated[str | None, public("Model asked for.")] = None
    model_responded: Annotated[str | None, public("Model that answered.")] = None
    response_id: Annotated[str | None, public("The provider's id of the answer.")] = None
    request_id: Annotated[str | None, public("The provider's id of the request (header).")] = None
    call_id: Annotated[str | None, public("Shared by all answers of one logical SDK call.")] = None
    status: Annotated[Count | None, public("HTTP status.")] = None
    ending: Annotated[Ending, public("How the answer ended.", is_open=True)] = written("complete")
    error: Annotated[ErrorInfo | None, public("What went wrong.")] = None
    retries: Annotated[Count, public("Attempts before this one that failed.")] = written(0)
    is_stream: Annotated[bool, public("The answer is an event stream.")] = written(False)  # noqa: FBT003 - the default itself
    stream_requested: Annotated[bool | None, public("What the request said about streaming.")] = None
    finish_reasons: Annotated[tuple[str, ...], public("One per choice, in order.")] = ()
    service_tier: Annotated[str | None, public("Tier that the answer names.")] = None
    speed: Annotated[str | None, public("Speed mode that the answer names (Anthropic).")] = None
    inference_geo: Annotated[str | None, public("Region of inference that the answer names (Anthropic).")] = (
        None
    )
    tokens: Annotated[Tokens | None, public("Token counts; absent if the wire has no usage.")] = None
    usage: Annotated[
        dict[str, int | float] | None, public("The provider's usage numbers, flattened, untouched.")
    ] = None
    server_tool_use: Annotated[
        dict[str, int] | None, public("Hosted tool uses that the provider counted.")
    ] = None
    is_usage_repeated: Annotated[
        bool, public("This usage was already counted, or is part of another; it is not billed again.")
    ] = False
    tool_calls: Annotated[tuple[ToolUse, ...], public("Functions and custom tools called, in order.")] = ()
    other_tools: Annotated[tuple[ToolUse, ...], public("Hosted and MCP tools used, in order.")] = ()
    cost: Annotated[Cost | None, public("What it cost.")] = None
    timing: Annotated[Timing | None, public("Times.")] = None
    request: Annotated[Request | None, public("Shape and settings of the request.")] = None
    segments: Annotated[
        tuple[SegmentPrint, ...],
        public("Keyed hashes of the prompt's newest segments: all that `cache.extends` does not have."),
    ] = ()
    segment_count: Annotated[Count | None, public("Segments in the whole prompt.")] = None
    key_scope: Annotated[
        Literal["configured", "installation", "process"] | None,
        public("Where the hash key came from.", is_open=True),
    ] = None
    call_site: Annotated[CallSite | None, public("The app's own line.")] = None
    cache: Annotated[CacheUse | None, public("What the prompt cache did, and could have done.")] = None
    content: Annotated[Content | None, opt_in_content("Text, only if it was switched on.")] = None
    notes: Annotated[tuple[str, ...], public("What could not be read or kept, as short codes.")] = ()
