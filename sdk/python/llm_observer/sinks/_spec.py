"""What a sink is: where events go."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from llm_observer.event import Event

__all__ = ["Delivering", "Sink"]


class Sink(Protocol):
    """Called from the worker only, behind the guard."""

    name: str

    def write(self, events: Sequence[Event]) -> None:
        """Take a batch; the events are frozen and may be kept."""
        ...

    def close(self) -> None:
        """Write what is left and let go of resources; may be followed by more `write`s after a fork."""
        ...


@runtime_checkable
class Delivering(Protocol):
    """A sink that sends on a thread of its own what was written to it."""

    name: str

    def deliver(self, *, deadline: float, is_last: bool) -> bool:
        """Send what waits, before *deadline* (of the monotonic clock); is_last: and end the thread.

        Called by the app's threads. True if nothing is left.
        """
        ...

    def stats(self) -> dict[str, Any]:
        """What was sent, and what was not."""
        ...
