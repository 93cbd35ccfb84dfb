"""Has a setting another value than ever before under the same head of a prompt, and does it always?

A conversation that goes on shows which setting broke it. Calls of one turn share their head (tools and
system text) only, and two features of an app may share that as well, each with settings of its own: such a
value comes back. One that nothing but the order of its keys tells from an earlier one, or that is new at
every call, is nobody's choice.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Literal

from llm_observer.cache.baseline import head_size
from llm_observer.cache.facts import Facts
from llm_observer.cache.settings import Settings, differs_in_order

__all__ = ["Habits", "News"]

News = Literal["order", "new", "restless"]
RESTLESS = 8
"""New values in a row from which on a setting is never the same: fewer may be features that take turns."""
MAX_HEADS, MAX_VALUES = 256, 16
_NO_HABITS = frozenset({"model", "prompt_cache_key"})
"""Another model is another cache, and a key is there to keep calls apart: both are chosen for each call."""


class _Seen:
    """values: that a setting had, oldest first. in_a_row: how many of the newest were new."""

    __slots__ = ("in_a_row", "values")

    def __init__(self) -> None:
        self.values: OrderedDict[int, None] = OrderedDict()
        self.in_a_row = 0

    def news(self, value: int) -> News | None:
        """What *value* would be; None for one that is known, and for the first one."""
        if not self.values or value in self.values:
            return None
        if any(differs_in_order(old, value) for old in self.values):
            return "order"
        return "restless" if self.in_a_row + 1 >= RESTLESS else "new"

    def add(self, value: int) -> None:
        self.in_a_row = 0 if value in self.values else self.in_a_row + 1
        self.values[value] = None
        self.values.move_to_end(value)
        if len(self.values) > MAX_VALUES:
            self.values.popitem(last=False)


class Habits:
    """The values that settings had, by model and head of the prompt; the least recent heads go first."""

    def __init__(self) -> None:
        self._heads: OrderedDict[int, dict[str, _Seen]] = OrderedDict()

    def news(self, scope: int, facts: list[Facts], settings: Settings) -> Mapping[str, News]:
        """The settings in the key of the head that no earlier prompt with it had so."""
        known = self._heads.get(_head(scope, facts, settings), {})
        news = {name: seen.news(settings.values[name]) for name, seen in known.items()}
        return {name: what for name, what in news.items() if what}

    def add(self, scope: int, facts: list[Facts], settings: Settings) -> None:
        """Take in the settings of a prompt."""
        if not head_size(facts):
            return
        head = _head(scope, facts, settings)
        known = self._heads.setdefault(head, {})
        for name, level in settings.levels.items():
            if level in {"tools", "system"} and name not in _NO_HABITS:
                known.setdefault(name, _Seen()).add(settings.values[name])
        self._heads.move_to_end(head)
        if len(self._heads) > MAX_HEADS:
            self._heads.popitem(last=False)


def _head(scope: int, facts: list[Facts], settings: Settings) -> int:
    """A key of all that stands before the messages, noise left out."""
    return hash((scope, settings.values["model"], *(piece.stable for piece in facts[: head_size(facts)])))
