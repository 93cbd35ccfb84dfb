"""What does a usage object say that a gateway has passed on or rewritten? Disjoint counts."""

from collections.abc import Mapping

from llm_observer.adapters.fields import at, loads
from llm_observer.recordings._usage import Counts, count

__all__ = ["counts_of", "has_cache_counts", "object_of"]

_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_THOUGHT = ("completion_tokens_details", "output_tokens_details")


def object_of(value: object) -> dict[str, object]:
    """*value* as an object; databases write one as its text. Empty if it is none."""
    if isinstance(value, str):
        value = loads(value.encode("utf-8", "replace"))
    return value if isinstance(value, dict) else {}


def has_cache_counts(counts: Counts) -> bool:
    """Whether anything is known of the cache."""
    return counts.read is not None or counts.written is not None


def counts_of(usage: Mapping[str, object]) -> Counts:
    """The counts of *usage*, in OpenAI's words or Anthropic's.

    OpenAI's input holds what is cached, Anthropic's does not: it names its input `input_tokens`, and has no
    details of it.
    """
    details, thought = _part(usage, _DETAILS), _part(usage, _THOUGHT)
    read = count({**usage, **details}, "cached_tokens", "cache_read_input_tokens")
    written = count(
        {**usage, **details}, "cache_creation_input_tokens", "cache_write_tokens", "cache_creation_tokens"
    )
    asked = count(usage, "prompt_tokens", "input_tokens", "prompt_token")
    cached = sum(part for part in (read, written) if part is not None)
    is_inside = asked is not None and asked >= cached and ("prompt_tokens" in usage or bool(details))
    by_ttl = at(usage, "cache_creation") or details.get("cache_creation_token_details")
    ttls = by_ttl if isinstance(by_ttl, dict) else {}
    return Counts(
        fresh=asked - cached if is_inside and asked is not None else asked,
        output=count(usage, "completion_tokens", "output_tokens", "completion_token"),
        read=read,
        written=written,
        written_5m=count(ttls, "ephemeral_5m_input_tokens"),
        written_1h=count(ttls, "ephemeral_1h_input_tokens"),
        reasoning=count(thought, "reasoning_tokens"),
    )


def _part(usage: Mapping[str, object], names: tuple[str, ...]) -> dict[str, object]:
    return next((part for name in names if isinstance(part := usage.get(name), dict)), {})
