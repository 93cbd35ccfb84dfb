"""What an adapter is: a pure decoder of one wire format."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from llm_observer.call import Content, LLMCall
from llm_observer.wire import Exchange

__all__ = ["Adapter", "Decoded", "Segment"]


class Segment(msgspec.Struct, frozen=True):
    """One block of the prompt as bytes of the request body; it keeps the whole body alive."""

    path: str
    kind: str
    raw: msgspec.Raw


class Decoded(msgspec.Struct, frozen=True):
    """A call, and what only the worker may see of it."""

    call: LLMCall
    segments: Sequence[Segment] = ()
    content: Content | None = None
    """Newest user text and answer text, unbounded and unscrubbed; only if asked for."""


class Adapter(Protocol):
    """Decode exchanges of one wire format. Never raises on any bytes."""

    wire: str

    def decode(self, exchange: Exchange, *, with_content: bool = False) -> Decoded:
        """Read *exchange*; what cannot be read is absent, with a note."""
        ...
