"""What a sink is: where events go."""

from collections.abc import Sequence
from typing import Protocol

from llm_observer.event import Event

__all__ = ["Sink"]


class Sink(Protocol):
    """Called from the worker only, behind the guard."""

    name: str

    def write(self, events: Sequence[Event]) -> None:
        """Take a batch; the events are frozen and may be kept."""
        ...

    def close(self) -> None:
        """Write what is left and let go of resources; may be followed by more `write`s after a fork."""
        ...
