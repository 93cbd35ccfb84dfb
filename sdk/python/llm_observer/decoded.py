"""What an adapter made of an exchange: a call, and what only the worker may see of it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from llm_observer.call import Content, LLMCall, Tokens

__all__ = ["COUNT_ONLY", "BatchResult", "Decoded", "Measures", "MoreUsage", "Segment"]

COUNT_ONLY = frozenset({"count_tokens", "responses.input_tokens"})
"""Operations that answer with a count of tokens, and use none."""


class Segment(msgspec.Struct, frozen=True):
    """One block of the prompt, as bytes of the request body; it keeps the whole body alive.

    path: JSON path (`tools[0]`, `system`, `system[1]`, `messages[3]`, `input[2]`, `input`, `instructions`).
    kind: `tool`, `system`, `message` or `input`. Segments stand in the provider's cache order.
    """

    path: str
    kind: str
    raw: msgspec.Raw


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """What a call used that is billed by another unit than tokens. None: unknown, or not of this call.

    size, quality: of the images or the video. is_stated: the provider says that it bills these seconds.
    is_ascii: all of the characters are ASCII.
    """

    images: int | None = None
    size: str | None = None
    quality: str | None = None
    audio_seconds: float | None = None
    is_stated: bool = False
    characters: int | None = None
    is_ascii: bool = False
    video_seconds: float | None = None


class MoreUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that are billed with a call and that its own counts leave out.

    model: None where the wire does not name it. tokens: None where they cannot be told apart.
    """

    kind: Literal["advisor", "compaction", "fallback", "image_generation", "svg"]
    model: str | None = None
    tokens: Tokens | None = None


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """One answer out of a file of batch results. tokens: None where it has no usage."""

    model: str | None = None
    tokens: Tokens | None = None
    server_tool_use: dict[str, int] | None = None
    hosted: Mapping[str, int] = {}
    more_usage: tuple[MoreUsage, ...] = ()


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """A call as the wire tells it. The rest never leaves the worker unhashed."""

    call: LLMCall
    segments: Sequence[Segment] = ()
    settings: Mapping[str, msgspec.Raw] = {}
    """Fields of the request that a prompt cache depends on beside the prompt, as sent, by wire name."""
    to_hash: Mapping[str, str] = {}
    """Texts that an event shows as keyed hashes only: `prompt_cache_key`, `host`."""
    content: Content | None = None
    """Newest user text and answer text, unbounded and unscrubbed; only if asked for."""
    provider_cost_usd: str | None = None
    """Cost that the provider itself returned (OpenRouter's `usage.cost`), as a decimal string."""
    diagnosis: tuple[str, int | None] | None = None
    """What the provider itself says of its prompt cache: a reason, and tokens that it counts as missed."""
    bills_separately: bool = True
    """False where the usage repeats or sums up other answers (retrieve, poll, run, batch total)."""
    is_late: bool = False
    """A background response that is fetched: its request, which may be another process's, had no usage."""
    measures: Measures | None = None
    """What is billed by the image, the second or the character."""
    more_usage: Sequence[MoreUsage] = ()
    """Tokens beside those of the call: an advisor model's, an image tool's."""
    hosted: Mapping[str, int] = {}
    """Hosted tool calls in the answer, by type; of web searches only those that searched."""
    results: Sequence[BatchResult] = ()
    """The answers in a downloaded file of batch results, in its order."""
    are_results_whole: bool = True
    """False where only a part of that file was read or kept."""
