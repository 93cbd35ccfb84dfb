"""What may the app do with each event? Look at it (`on_event`), and edit or drop it before it is sent.

Hooks run on the worker, never on the app's threads, and get a copy: nothing that they do to it changes what
is counted or written here. What a hook raises is counted, and the app does not notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from llm_observer.context import inside_hook
from llm_observer.errors import LLMObserverError, PolicyViolation
from llm_observer.event import Event, encode
from llm_observer.guard import guard
from llm_observer.threads import with_signals_of_app

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BeforeSend", "HookError", "OnEvent", "edited", "told"]

_events = msgspec.json.Decoder(Event)
_IDENTITY = ("event_id", "type", "trace_id", "span_id")
"""By these the receiver and the other sinks know an event again."""

Answer = TypeVar("Answer")


class OnEvent(Protocol):
    """`patch(on_event=…)`: called with each event, for alerts and metrics of the app's own."""

    def __call__(self, event: Event, /) -> object:
        """Look at *event*; what is returned does not matter."""
        ...


class BeforeSend(Protocol):
    """`patch(before_send=…)`: called with each event before it goes to another program, by HTTP or OTLP."""

    def __call__(self, event: Event, /) -> Event | None:
        """The event, an edited copy of it, or None: then it is not sent."""
        ...


class HookError(LLMObserverError):
    """A hook did what a hook cannot do."""


def told(hook: OnEvent, event: Event) -> None:
    """Call *hook* with a copy of *event*; a fault is counted as `on_event:…`."""
    with guard("on_event"):
        _asked(hook, event, "on_event")


def edited(hook: BeforeSend, event: Event) -> Event | None:
    """What *hook* makes of *event*, None for nothing. Raises what it raised, or why that cannot be sent."""
    answer = _asked(hook, event, "before_send")
    if answer is None:
        return None
    if not isinstance(answer, Event):
        raise HookError(f"before_send returns an Event or None, not {type(answer).__name__}")
    fitting = _events.decode(encode(answer))
    if any(getattr(fitting, name) != getattr(event, name) for name in _IDENTITY):
        raise HookError(f"before_send changes none of {', '.join(_IDENTITY)}")
    return fitting


def _asked(hook: Callable[[Event], Answer], event: Event, name: str) -> Answer:
    """Call *hook*. What would pass the guard, such as `sys.exit()`, must not end the worker."""
    copy = _events.decode(encode(event))
    try:
        with inside_hook(), with_signals_of_app():
            return hook(copy)
    except BaseException as exc:
        if not isinstance(exc, Exception) or isinstance(exc, PolicyViolation):
            raise HookError(f"{name} raised {type(exc).__name__}") from exc
        raise
