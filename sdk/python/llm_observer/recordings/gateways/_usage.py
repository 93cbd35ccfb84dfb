"""What does a usage object say that a gateway has passed on or rewritten? Disjoint counts."""

from collections.abc import Mapping

from llm_observer.adapters.fields import at, loads
from llm_observer.recordings._usage import Counts, count

__all__ = ["counts_of", "is_anthropic_words", "object_of", "without_tokens"]

_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_THOUGHT = ("completion_tokens_details", "output_tokens_details")
_OPENAI_WORDS = ("prompt_tokens", "prompt_token", "total_tokens", *_DETAILS)
_TOKENS = frozenset(
    {
        *_OPENAI_WORDS,
        *_THOUGHT,
        "completion_tokens",
        "input_tokens",
        "output_tokens",
        "cache_creation",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
    }
)


def object_of(value: object) -> dict[str, object]:
    """*value* as an object; databases write one as its text. Empty if it is none."""
    if isinstance(value, str):
        value = loads(value.encode("utf-8", "replace"))
    return value if isinstance(value, dict) else {}


def is_anthropic_words(usage: Mapping[str, object]) -> bool:
    """Whether *usage* is in Anthropic's words, whose input leaves out what is cached."""
    return "input_tokens" in usage and not any(name in usage for name in _OPENAI_WORDS)


def without_tokens(usage: Mapping[str, object]) -> dict[str, object]:
    """What *usage* says beside tokens: a tier, a region, searches, seconds of audio, a cost."""
    return {name: value for name, value in usage.items() if name not in _TOKENS}


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
