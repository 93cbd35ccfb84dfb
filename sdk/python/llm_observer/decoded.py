"""What an adapter made of an exchange: a call, and what only the worker may see of it."""

from collections.abc import Mapping, Sequence

import msgspec

from llm_observer.call import Content, LLMCall

__all__ = ["Decoded", "Segment"]


class Segment(msgspec.Struct, frozen=True):
    """One block of the prompt, as bytes of the request body; it keeps the whole body alive.

    path: JSON path (`tools[0]`, `system`, `system[1]`, `messages[3]`, `input[2]`, `input`, `instructions`).
    kind: `tool`, `system`, `message` or `input`. Segments stand in the provider's cache order.
    """

    path: str
    kind: str
    raw: msgspec.Raw


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
