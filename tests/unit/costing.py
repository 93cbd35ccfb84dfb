"""Calls with given counts, priced on a pinned day."""

from datetime import UTC, datetime
from functools import cache

from llm_observer.call import Cost, LLMCall, Tokens
from llm_observer.decoded import Decoded
from llm_observer.enrichers.cost import CostEnricher
from llm_observer.enrichers.price_cache import load_book
from llm_observer.wire import Exchange, Options

NOVEMBER = "2026-11-20T12:00:00"


@cache
def _book():
    return load_book(None)


def enricher(**settings) -> CostEnricher:
    """A `CostEnricher` on the installed price list, which the test process reads once."""
    made = CostEnricher(**settings)
    made._loaded = _book()
    return made


def exchange(at: str = NOVEMBER, **fields) -> Exchange:
    started_ns = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * 10**9
    options = Options(method="POST", route="/")
    return Exchange(**{"sdk": "openai", "options": options, "url": "", "started_ns": started_ns, **fields})


def call_of(model: str | None, tokens: Tokens | None, **fields) -> LLMCall:
    shape = {"provider": "openai", "wire": "openai", "operation": "responses", "status": 200}
    return LLMCall(**{**shape, "model_responded": model, "tokens": tokens, **fields})


def cost_of(call: LLMCall, settings=None, stated: str | None = None, **fields) -> Cost:
    """The cost of *call*; *fields* are the exchange's, *stated* is the provider's own figure."""
    decoded = Decoded(call=call, provider_cost_usd=stated)
    cost = enricher(**(settings or {}))(call, decoded, exchange(**fields)).cost
    assert cost is not None
    return cost


def openai_tokens(**counts) -> Tokens:
    """1,000 in and 100 out, unless told otherwise, as OpenAI counts them."""
    total = counts.pop("input_total", 1000)
    return Tokens(**{"input_reported": total, "input_total": total, "output": 100, **counts})


def claude_tokens(fresh: int = 1000, output: int = 100, **counts) -> Tokens:
    """Counts as Anthropic gives them: fresh input apart from the cache."""
    cached = counts.get("cache_read", 0) + counts.get("cache_write", 0)
    return Tokens(
        input_reported=fresh, input_total=fresh + cached, input_uncached=fresh, output=output, **counts
    )


def claude(model: str, tokens: Tokens | None, **fields) -> LLMCall:
    return call_of(
        model, tokens, **{"provider": "anthropic", "wire": "anthropic", "operation": "chat", **fields}
    )
