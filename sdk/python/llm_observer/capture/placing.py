"""Put a wrapper on a class, tell if it is still there, take it off: the only writer on foreign classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_observer.capture.tracker import Tracker

    Make = Callable[["Source"], Callable[..., Any]]

__all__ = ["Placed", "Source", "hook_of", "place_on", "restore"]

_DEEPEST = 100
"""Wrappers of others that are looked below: one may name itself as what it wraps."""


class Source:
    """Where the calls of one wrapper go. Taken off, it goes nowhere for good, whoever still calls it."""

    tracker: Tracker | None = None


class Placed(NamedTuple):
    """A wrapper on a class. make: gives the function in it. was_own: the class itself had that attribute."""

    owner: type
    name: str
    wrapper: Any
    original: Any
    was_own: bool
    source: Source
    make: Make

    @property
    def is_there(self) -> bool:
        """Whether the class carries the wrapper, or one of others that leads to it."""
        found, hook = vars(self.owner).get(self.name), hook_of(self.wrapper)
        for _ in range(_DEEPEST):
            if found is None or hook_of(found) is hook:
                return found is not None
            found = getattr(found, "__wrapped__", None)
        return False


def place_on(owner: type, name: str, make: Make, tracker: Tracker | None) -> Placed:
    """Wrap what *owner* has as *name*; the calls go to *tracker*."""
    from llm_observer.capture.wrapper import Hook

    source = Source()
    source.tracker = tracker
    was_own = name in vars(owner)
    # What is in the class itself: looking it up by attribute would bind a wrapper of somebody else's.
    original = vars(owner)[name] if was_own else getattr(owner, name)
    while type(original) is Hook and original.is_quiet:
        original = original.__wrapped__  # a mock that was put on ours went, and ours is quiet for good
    wrapper = Hook(original, make(source), source)
    setattr(owner, name, wrapper)
    return Placed(owner, name, wrapper, original, was_own, source, make)


def hook_of(wrapper: Any) -> Any:
    """The function in a wrapper made by wrapt, bound to a class or not; None for all else."""
    return getattr(wrapper, "_self_wrapper", None)


def restore(entry: Placed) -> None:
    """Put back what was there; below a wrapper of others ours stays, and is quiet."""
    entry.source.tracker = None
    if vars(entry.owner).get(entry.name) is not entry.wrapper:
        return
    if entry.was_own:
        setattr(entry.owner, entry.name, entry.original)
    else:
        delattr(entry.owner, entry.name)
