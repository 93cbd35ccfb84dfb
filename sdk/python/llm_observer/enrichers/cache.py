"""Add what the prompt cache did for a call, and what it should have done."""

from collections.abc import Callable

from llm_observer.cache.doctor import CacheDoctor
from llm_observer.cache.findings import Prices
from llm_observer.cache.memory import MAX_BYTES
from llm_observer.call import LLMCall
from llm_observer.decoded import Decoded
from llm_observer.privacy import Hasher
from llm_observer.threads import breathe
from llm_observer.wire import Exchange

__all__ = ["CacheEnricher"]


class CacheEnricher:
    """Adds `cache` and the prompt's new segments. It stands behind the cost.

    hasher: holds the key. prices: US dollars per token for a call, None where they are unknown.
    max_bytes: of all that is kept about earlier calls.
    """

    def __init__(
        self,
        hasher: Hasher,
        prices: Callable[[LLMCall, Exchange], Prices | None],
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._doctor = CacheDoctor(hasher, max_bytes=max_bytes, breathe=breathe)
        self._prices = prices

    def __call__(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:
        """*call* with its cache verdict, where a cache is involved."""
        return self._doctor.examine(call, decoded, exchange, self._prices(call, exchange))
