"""What an enricher is: a callable that adds what the wire does not say."""

from typing import Protocol

from llm_observer.call import LLMCall
from llm_observer.decoded import Decoded
from llm_observer.wire import Exchange

__all__ = ["Enricher"]


class Enricher(Protocol):
    """Runs on the worker, one call at a time, in order."""

    def __call__(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:
        """*call* with more fields set."""
        ...
