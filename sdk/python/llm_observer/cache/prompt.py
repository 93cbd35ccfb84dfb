"""What is a request to a prompt cache? A list of pieces in the provider's cache order, as numbers."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

__all__ = ["KINDS", "Marker", "Mode", "PieceKind", "Prompt"]

PieceKind = Literal[
    "tool",
    "schema",
    "system",
    "developer",
    "user",
    "assistant",
    "thinking",
    "tool_use",
    "tool_result",
]
KINDS: tuple[PieceKind, ...] = (
    "tool",
    "schema",
    "system",
    "developer",
    "user",
    "assistant",
    "thinking",
    "tool_use",
    "tool_result",
)
"""Tools come first, then output schema, system and messages: the order in which providers cache."""

Mode = Literal["automatic", "implicit", "explicit"]
"""`automatic`: Anthropic's top-level `cache_control`. The others: OpenAI's `prompt_cache_options`."""


class Marker(NamedTuple):
    """A breakpoint that the app set. position: of the piece it stands on. ttl_s: asked for, else None."""

    position: int
    ttl_s: int | None = None


class Prompt(NamedTuple):
    """One request. The sequences have an entry for each piece, in cache order.

    keys: chained hashes, each of all that the provider's cache key holds up to the end of the piece (settings
    included), so that two prompts with the same key at a piece are the same up to there.
    ends: tokens up to the end of the piece.
    messages: which message the piece belongs to, counted from 0; -1 for tools, schema and system.
    """

    provider: str
    """OpenTelemetry provider name: `anthropic`, `openai`, `aws.bedrock`, `deepseek` …"""
    wire: str
    model: str
    started_s: float
    """Seconds since the epoch."""
    first_byte_s: float | None
    """When the answer began; None if it never did."""
    keys: Sequence[int]
    ends: Sequence[int]
    kinds: Sequence[PieceKind]
    messages: Sequence[int]
    markers: Sequence[Marker] = ()
    mode: Mode | None = None
    """None: nothing was said."""
    ttl_s: int | None = None
    """Of the mode: the lifetime that the request asks for as a whole (`ttl`, `prompt_cache_retention`)."""
