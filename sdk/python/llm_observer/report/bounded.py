"""How are sums kept by name in flat memory? The heaviest names stay, the others are added up in one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Bounded", "Sums"]


class Sums(Protocol):
    """What can be added up. weight: the heavier one stays longer."""

    @property
    def weight(self) -> tuple[Any, ...]:
        """What they are ranked by."""
        ...

    def merge(self, other: Any, /) -> None:
        """Add what *other* has."""
        ...


Key = TypeVar("Key", bound=Hashable)
One = TypeVar("One", bound=Sums)


class Bounded(Generic[Key, One]):
    """Sums by key, of which at most twice *most* are kept while counting and *most* are ranked in the end.

    A key that comes back after it was folded away starts anew, so that what is kept of it may be too small;
    all of them together with `rest` are always exact. folded: how many were put into `rest`.
    """

    def __init__(self, new: Callable[[], One], most: int) -> None:
        self._new = new
        self._most = most
        self._kept: dict[Key, One] = {}
        self.rest = new()
        self.folded = 0

    def of(self, key: Key) -> One:
        """The sums of *key*, made where there are none."""
        found = self._kept.get(key)
        if found is not None:
            return found
        if len(self._kept) >= 2 * self._most:
            self._fold()
        found = self._kept[key] = self._new()
        return found

    def ranked(self) -> list[tuple[Key, One]]:
        """The heaviest *most*, heaviest first."""
        self._fold()
        return list(self._kept.items())

    def _fold(self) -> None:
        ordered = sorted(self._kept.items(), key=lambda pair: pair[1].weight, reverse=True)
        self._kept = dict(ordered[: self._most])
        for _, light in ordered[self._most :]:
            self.rest.merge(light)
            self.folded += 1
