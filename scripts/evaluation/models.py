"""What do models cost, and how does each provider say what a call used?

Minimums and the prices of cache reads and writes: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
and https://developers.openai.com/api/docs/guides/prompt-caching. Prices: the providers' price pages, dollars
per million tokens. All as of November 2026.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["MODELS", "Model", "Reading", "money", "usage"]


class Model(NamedTuple):
    """family: anthropic; old (OpenAI before GPT-5.6); new. read, write: times the price of input."""

    family: str
    minimum: int
    input_usd: float
    read: float
    write: float = 1.0


MODELS: Mapping[str, Model] = {
    "claude-opus-5": Model("anthropic", 512, 5, 0.1, 1.25),
    "claude-opus-4-8": Model("anthropic", 1024, 5, 0.1, 1.25),
    "claude-sonnet-5": Model("anthropic", 1024, 2, 0.1, 1.25),
    "claude-sonnet-4-6": Model("anthropic", 1024, 3, 0.1, 1.25),
    "claude-sonnet-4-5": Model("anthropic", 1024, 3, 0.1, 1.25),
    "claude-opus-4-7": Model("anthropic", 2048, 5, 0.1, 1.25),
    "claude-haiku-4-5": Model("anthropic", 4096, 1, 0.1, 1.25),
    "gpt-4o": Model("old", 1024, 2.5, 0.5),
    "gpt-4o-mini": Model("old", 1024, 0.15, 0.5),
    "gpt-4.1": Model("old", 1024, 2, 0.25),
    "gpt-4.1-mini": Model("old", 1024, 0.4, 0.25),
    "gpt-5": Model("old", 1024, 1.25, 0.1),
    "gpt-5-mini": Model("old", 1024, 0.25, 0.1),
    "gpt-5.2": Model("old", 1024, 1.75, 0.1),
    "gpt-5.4": Model("old", 1024, 2.5, 0.1),
    "gpt-5.4-mini": Model("old", 1024, 0.75, 0.1),
    "gpt-5.6-sol": Model("new", 1024, 4, 0.1, 1.25),
    "gpt-5.6-terra": Model("new", 1024, 2, 0.1, 1.25),
    "gpt-6.1-sol": Model("new", 1024, 2, 0.05, 1.25),
}


class Reading(NamedTuple):
    """Input tokens: all, read from the cache, written to it. is_refused: answered by status 400."""

    total: int
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0
    is_refused: bool = False


def usage(wire: str, model: Model, reading: Reading, output: int) -> dict[str, Any]:
    """The counts in the provider's own form."""
    if wire == "anthropic":
        return _anthropic_usage(reading, output)
    details = {"cached_tokens": reading.read}
    if model.family == "new":
        details["cache_write_tokens"] = reading.write_5m
    sent, got = ("prompt", "completion") if wire == "chat" else ("input", "output")
    return {
        f"{sent}_tokens": reading.total,
        f"{sent}_tokens_details": details,
        f"{got}_tokens": output,
        "total_tokens": reading.total + output,
    }


def _anthropic_usage(reading: Reading, output: int) -> dict[str, Any]:
    written = reading.write_5m + reading.write_1h
    return {
        "input_tokens": reading.total - reading.read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": reading.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": reading.write_5m,
            "ephemeral_1h_input_tokens": reading.write_1h,
        },
        "output_tokens": output,
        "service_tier": "standard",
    }


def money(model: Model, reading: Reading, lost: int) -> float:
    """What *lost* tokens behind the read ones cost beyond the price of a cache read, dollars."""
    one_hour = min(lost, reading.write_1h)
    five_minutes = min(lost - one_hour, reading.write_5m)
    plain = lost - one_hour - five_minutes
    paid = 2 * one_hour + model.write * five_minutes + plain
    return (paid - lost * model.read) * model.input_usd / 1e6
