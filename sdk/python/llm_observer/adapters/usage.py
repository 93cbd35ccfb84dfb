"""How many tokens did the provider count? Its own numbers, found by tables of dotted paths.

A table gives for each kind of token the places where providers write it; the first one that holds a
count is it. Nothing is estimated, and what is not on the wire stays unknown.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache

from llm_observer.adapters.fields import Notes, Reader, as_count, as_number, at
from llm_observer.call import Tokens

__all__ = [
    "ANTHROPIC",
    "OPENAI",
    "UsageTable",
    "flat_numbers",
    "server_tool_counts",
    "stated_cost",
    "tokens_of",
]

UsageTable = Mapping[str, tuple[str, ...]]
MAX_NUMBERS = 64
_KEY = re.compile(r"[A-Za-z0-9_.]{1,80}")
_MAX_DEPTH = 8
_INPUT = ("prompt_tokens_details", "input_tokens_details", "prompt_token_details", "input_token_details")
_OUTPUT = ("completion_tokens_details", "output_tokens_details", "output_token_details")


def _in(parents: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(f"{parent}.{name}" for parent in parents)


OPENAI: UsageTable = {
    "input_reported": ("prompt_tokens", "input_tokens"),
    "output": ("completion_tokens", "output_tokens"),
    "total": ("total_tokens",),
    "reasoning": (*_in(_OUTPUT, "reasoning_tokens"), "reasoning_tokens"),
    "cache_read": (
        *_in(_INPUT, "cached_tokens"),
        "cached_tokens",
        "num_cached_tokens",  # Mistral
        "prompt_cache_hit_tokens",  # DeepSeek
        "cache_read_input_tokens",  # Claude on Databricks
    ),
    "cache_write": (*_in(_INPUT, "cache_write_tokens"), "cache_creation_input_tokens"),
    "cache_write_30m": _in(_INPUT, "cache_write_tokens_details.ttl_30m_tokens"),
    "cache_write_12h": _in(_INPUT, "cache_write_tokens_details.ttl_12h_tokens"),
    "input_text": _in(_INPUT, "text_tokens"),
    "output_text": _in(_OUTPUT, "text_tokens"),
    "input_audio": _in(_INPUT, "audio_tokens"),
    "output_audio": _in(_OUTPUT, "audio_tokens"),
    "input_image": _in(_INPUT, "image_tokens"),
    "output_image": _in(_OUTPUT, "image_tokens"),
    "cache_read_audio": _in(_INPUT, "cached_tokens_details.audio_tokens"),
    "accepted_prediction": _in(_OUTPUT, "accepted_prediction_tokens"),
    "rejected_prediction": _in(_OUTPUT, "rejected_prediction_tokens"),
}
ANTHROPIC: UsageTable = {
    "input_reported": ("input_tokens", "inputTokenCount", "x-amzn-bedrock-input-token-count"),
    "output": ("output_tokens", "outputTokenCount", "x-amzn-bedrock-output-token-count"),
    "reasoning": ("output_tokens_details.thinking_tokens",),
    "cache_read": (
        "cache_read_input_tokens",
        "cacheReadInputTokenCount",
        "x-amzn-bedrock-cache-read-input-token-count",
    ),
    "cache_write": (
        "cache_creation_input_tokens",
        "cacheWriteInputTokenCount",
        "x-amzn-bedrock-cache-write-input-token-count",
    ),
    "cache_write_5m": ("cache_creation.ephemeral_5m_input_tokens",),
    "cache_write_1h": ("cache_creation.ephemeral_1h_input_tokens",),
}
_TTLS = ("cache_write_5m", "cache_write_1h", "cache_write_30m", "cache_write_12h")
_SEARCHES = "web_search.num_requests"
"""Zero says something here: the searches that ran are not billed."""
_TICKS = -10
"""Power of ten of xAI's unit of money."""
_SERVER_TOOLS = ("server_tool_use", "server_tool_use_details", "server_side_tool_usage_details")


def tokens_of(
    usage: object, table: UsageTable, notes: Notes, *, is_input_only: bool = False
) -> Tokens | None:
    """The counts that *usage* holds, and the two views of input; None where it holds none.

    is_input_only: the operation has no output, so that a lone total is its input (embeddings).
    """
    if not isinstance(usage, dict):
        return None
    reader = Reader(usage, notes, "usage")
    is_anthropic = table is ANTHROPIC
    counts: dict[str, int | None] = dict.fromkeys(table)
    counts |= {
        kind: reader.count(*paths) for kind, paths in _open_paths(frozenset(usage), is_anthropic=is_anthropic)
    }
    if counts["cache_write"] is None:
        counts["cache_write"] = _sum_of(counts, *_TTLS)
    if is_anthropic:
        view = _with_cache_apart(counts, is_own="input_tokens" in usage)
    else:
        given = counts["input_reported"]
        view = _with_cache_inside(counts, counts["total"] if given is None and is_input_only else given)
    tokens = Tokens(**counts, **view)
    return None if tokens == Tokens() else tokens


@lru_cache(maxsize=256)
def _open_paths(names: frozenset[str], *, is_anthropic: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The rows of a table that start with one of *names*: providers fill a few of many, always the same."""
    table = ANTHROPIC if is_anthropic else OPENAI
    found = (
        (kind, tuple(path for path in paths if path.partition(".")[0] in names))
        for kind, paths in table.items()
    )
    return tuple((kind, paths) for kind, paths in found if paths)


def _with_cache_apart(counts: Mapping[str, int | None], *, is_own: bool) -> dict[str, int | None]:
    """Anthropic's `input_tokens` leaves out what was read from or written to the cache.

    is_own: it is that field; a count of Bedrock's own says nothing of the cache. Source:
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching (2026-11-21)
    """
    given = counts["input_reported"]
    total = None if given is None else _sum_of(counts, "input_reported", "cache_read", "cache_write")
    is_known = is_own or counts["cache_read"] is not None or counts["cache_write"] is not None
    return {"input_total": total, "input_uncached": given if is_known else None}


def _with_cache_inside(counts: Mapping[str, int | None], total: int | None) -> dict[str, int | None]:
    """OpenAI's `prompt_tokens` and `input_tokens` hold the cached ones.

    https://developers.openai.com/api/docs/guides/prompt-caching (2026-11-21). Some vendors report more
    cached tokens than input; what was not cached is unknown then.
    """
    cached = _sum_of(counts, "cache_read", "cache_write")
    if total is None or cached is None or cached > total:
        return {"input_total": total, "input_uncached": None}
    return {"input_total": total, "input_uncached": total - cached}


def _sum_of(counts: Mapping[str, int | None], *kinds: str) -> int | None:
    """The sum of those of *kinds* that are known; None if none is."""
    known = [count for kind in kinds if (count := counts.get(kind)) is not None]
    return sum(known) if known else None


def flat_numbers(usage: object) -> dict[str, int | float] | None:
    """The numbers in *usage* under dotted keys, untouched; None where there is no usage."""
    if not isinstance(usage, dict):
        return None
    numbers: dict[str, int | float] = {}
    for key, value in _leaves(usage, "", _MAX_DEPTH):
        number = as_number(value)
        if number is not None and _KEY.fullmatch(key):
            numbers[key] = number
            if len(numbers) == MAX_NUMBERS:
                break
    return numbers


def _leaves(node: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for key, value in node.items():
        if not isinstance(value, dict):
            yield prefix + key, value
        elif depth:
            yield from _leaves(value, f"{prefix}{key}.", depth - 1)


def server_tool_counts(usage: object, tool_usage: object = None) -> dict[str, int] | None:
    """How often hosted tools were used, as the provider counted it; None if it did not.

    tool_usage: what stands beside the usage of a Responses answer. Most of it is zero, and left out.
    """
    for name in _SERVER_TOOLS:
        group = at(usage, name)
        if isinstance(group, dict):
            counts = {key: as_count(value) for key, value in group.items() if _KEY.fullmatch(key)}
            return {key: count for key, count in counts.items() if count is not None} or None
    numbers = flat_numbers(tool_usage)
    if numbers is None:
        return None
    return {key: int(number) for key, number in numbers.items() if number or key == _SEARCHES} or None


def stated_cost(usage: object) -> str | None:
    """What the provider says that the call cost, in US dollars; None where it does not.

    OpenRouter and Vercel give `cost`, Perplexity `cost.total_cost`. With a key of one's own OpenRouter's
    `cost` is its fee alone, and the upstream provider bills the rest:
    https://openrouter.ai/docs/use-cases/usage-accounting (2026-11-21). xAI counts in ticks, tools included:
    "1 USD = 10,000,000,000 ticks", https://docs.x.ai/developers/cost-tracking (2026-11-21); Azure sends
    zero with its Grok models, which says nothing of what Azure bills.
    """
    ticks = as_count(at(usage, "cost_in_usd_ticks"))
    if ticks:
        return f"{Decimal(ticks).scaleb(_TICKS):f}"
    cost = as_number(at(usage, "cost"))
    if cost is None:
        cost = as_number(at(usage, "cost.total_cost"))
    if cost is None:
        return None
    total = Decimal(str(cost))
    if at(usage, "is_byok") is True:
        upstream = as_number(at(usage, "cost_details.upstream_inference_cost"))
        total += Decimal(str(upstream)) if upstream is not None else 0
    return f"{total:f}"
