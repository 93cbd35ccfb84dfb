"""How does a log's own count become a provider's usage object? In parts, none counted twice."""

from collections.abc import Mapping
from typing import NamedTuple

from llm_observer.adapters.fields import as_count

__all__ = ["Counts", "count", "usage_of"]


class Counts(NamedTuple):
    """Tokens of one call, none counted twice. None is unknown.

    fresh: input neither read from nor written to the cache. output: with the reasoning, a part of it.
    """

    fresh: int | None
    output: int | None
    read: int | None = None
    written: int | None = None
    written_5m: int | None = None
    written_1h: int | None = None
    reasoning: int | None = None

    @property
    def is_nothing(self) -> bool:
        """All that is known is zero, as tools write for a call that broke off or is not billed by tokens."""
        return not any(self)


def count(fields: Mapping[str, object], *names: str) -> int | None:
    """The first count among *names*; a text of digits is one, as access logs write."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:17])
        found = as_count(value)
        if found is not None:
            return found
    return None


def usage_of(counts: Counts, *, is_anthropic: bool) -> dict[str, object]:
    """*counts* as the usage object of that wire."""
    return _known(_anthropic(counts) if is_anthropic else _openai(counts))


def _anthropic(counts: Counts) -> dict[str, object]:
    by_ttl = {
        "ephemeral_5m_input_tokens": counts.written_5m,
        "ephemeral_1h_input_tokens": counts.written_1h,
    }
    return {
        "input_tokens": counts.fresh,
        "cache_read_input_tokens": counts.read,
        "cache_creation_input_tokens": counts.written,
        "cache_creation": _known(by_ttl) or None,
        "output_tokens": counts.output,
    }


def _openai(counts: Counts) -> dict[str, object]:
    parts = [part for part in (counts.fresh, counts.read, counts.written) if part is not None]
    cached = {"cached_tokens": counts.read, "cache_write_tokens": counts.written}
    reasoning = {"reasoning_tokens": counts.reasoning}
    return {
        "prompt_tokens": sum(parts) if parts else None,
        "completion_tokens": counts.output,
        "prompt_tokens_details": _known(cached) or None,
        "completion_tokens_details": _known(reasoning) or None,
    }


def _known(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
