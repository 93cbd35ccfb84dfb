"""What an adapter is: a pure decoder of one wire format."""

from typing import Protocol

from llm_observer.decoded import Decoded
from llm_observer.wire import Exchange

__all__ = ["Adapter"]


class Adapter(Protocol):
    """Decodes exchanges of one wire format."""

    wire: str

    def accepts(self, exchange: Exchange) -> bool:
        """Whether *exchange* is of this wire."""
        ...

    def decode(self, exchange: Exchange, *, with_content: bool = False) -> Decoded:
        """What *exchange* says; what cannot be read is absent, with a note. Never raises on any bytes."""
        ...
