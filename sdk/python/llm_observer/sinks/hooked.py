"""How do the app's own hooks stand among the sinks? One is a sink, the other goes before those that send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_observer.event_hooks import BeforeSend, OnEvent, edited, told
from llm_observer.guard import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_observer.event import Event
    from llm_observer.sinks.http import HttpSink

__all__ = ["EditedHttp", "Leaving", "OnEventSink"]

_BEFORE_SEND = guard("before_send")


class OnEventSink:
    """Calls *hook* with each event."""

    name = "on_event"

    def __init__(self, hook: OnEvent) -> None:
        self._hook = hook

    def write(self, events: Sequence[Event]) -> None:
        """Tell the hook of *events*, each behind a guard of its own."""
        for event in events:
            told(self._hook, event)

    def close(self) -> None:
        """Nothing is open."""


class Leaving:
    """What *hook* makes of each event, asked once for all sinks that send; it stands before them.

    If it cannot be asked, nothing is sent: the hook may be there to keep something from others.
    """

    name = "before_send"

    def __init__(self, hook: BeforeSend) -> None:
        self._hook = hook
        self._counts = {"passed": 0, "dropped": 0, "failed": 0}
        self._asked: Sequence[Event] = ()
        self._answers: list[Event | None] = []

    def write(self, events: Sequence[Event]) -> None:
        """Ask the hook about *events*."""
        self._answers = []
        self._asked = events
        for event in events:
            self._answers.append(self._answer(event))

    def _answer(self, event: Event) -> Event | None:
        outcome, answer = "failed", None
        with _BEFORE_SEND:
            answer = edited(self._hook, event)
            outcome = "dropped" if answer is None else "passed"
        self._counts[outcome] += 1
        return answer

    def of(self, events: Sequence[Event]) -> Sequence[Event | None]:
        """What is sent in place of each of *events*, about which it was just asked; None for nothing."""
        if events is not self._asked or len(self._answers) != len(events):
            return [None] * len(events)
        return self._answers

    def close(self) -> None:
        """Let go of the last events."""
        self._asked, self._answers = (), []

    def deliver(self, *, deadline: float, is_last: bool) -> bool:  # noqa: ARG002 - as `Delivering` has it
        """Nothing waits here."""
        return True

    def stats(self) -> dict[str, Any]:
        """Events that the hook let pass or dropped, and those that a fault of its own kept back."""
        return dict(self._counts)


class EditedHttp:
    """The sink for the endpoint, behind *leaving*."""

    def __init__(self, sink: HttpSink, leaving: Leaving) -> None:
        self.name = sink.name
        self._sink = sink
        self._leaving = leaving
        self.close = sink.close
        self.deliver = sink.deliver
        self.stats = sink.stats

    def write(self, events: Sequence[Event]) -> None:
        """Store those of *events* that leave, as they leave."""
        self._sink.write([event for event in self._leaving.of(events) if event is not None])
