"""What does the provider keep of earlier prompts? Entries with their lifetimes, in bounded memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import attrgetter

from llm_observer.cache.prompt import Marker, Prompt
from llm_observer.cache.rules import Rule

__all__ = ["Entries", "Entry", "slot_of"]

ENTRY_BYTES = 360
"""Of an entry, its numbers and its place in the dictionary; measured with CPython 3.11, rounded up."""
KEPT_SHARE = 0.75
"""Of the entries, when there are too many: the longest unused go, all at once."""


@dataclass(slots=True)
class Entry:
    """A prefix that the provider keeps.

    used_s: start of the request that last wrote or read it. visible_s: when the writer's answer began.
    is_exact: tokens is the provider's own count. is_short: too few tokens to be kept in truth; it is known
    here only to say so. is_end: it ends where a whole request ended. is_new: the provider wrote it for a
    request that we saw, as it had kept nothing up to there. tag: the caller's number for the writer.
    """

    used_s: float
    visible_s: float
    ttl_s: float
    tokens: int
    is_exact: bool
    is_short: bool
    is_end: bool
    is_new: bool
    tag: int

    def is_live(self, now_s: float) -> bool:
        """Whether its lifetime lasts; it runs from the start of the request that last used the entry."""
        return now_s - self.used_s <= self.ttl_s

    def stands_open(self, now_s: float, relax: Collection[str] = ()) -> bool:
        """Whether a request that starts now could read it, obstacles in *relax* left out."""
        if self.is_short and "minimum" not in relax:
            return False
        if self.visible_s > now_s and "concurrent" not in relax:
            return False
        return self.is_live(now_s) or "ttl" in relax

    def write_again(self, new: "Entry") -> None:
        """Another request has written this live entry. The provider's count goes before ours."""
        self.used_s = max(self.used_s, new.used_s)
        self.visible_s = min(self.visible_s, new.visible_s)
        self.is_short = self.is_short and new.is_short
        self.is_end = self.is_end or new.is_end
        self.is_new = self.is_new or new.is_new
        if new.is_exact or not self.is_exact:
            self.tokens, self.is_exact = new.tokens, new.is_exact


def slot_of(key: int, rule: Rule, ttl_s: int) -> int:
    """Where an entry is kept: apart by lifetime where the provider does so."""
    return key << 20 | ttl_s if rule.keeps_ttls_apart else key << 20


class Entries:
    """Entries by slot."""

    def __init__(self, max_bytes: int) -> None:
        self._max = max(64, max_bytes // ENTRY_BYTES)
        self._by_slot: dict[int, Entry] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of memory, about."""
        return ENTRY_BYTES * len(self._by_slot)

    def at(self, slot: int) -> Entry | None:
        """What is known there, live or not."""
        return self._by_slot.get(slot)

    def find(self, prompt: Prompt, rule: Rule, place: Marker, relax: Collection[str] = ()) -> Entry | None:
        """The entry that *prompt* finds at *place*, of the lifetime of the breakpoint that looks there."""
        key, now_s = prompt.keys[place.position], prompt.started_s
        if "ttl_change" not in relax:
            entry = self._by_slot.get(slot_of(key, rule, place.ttl_s or 0))
            return entry if entry is not None and entry.stands_open(now_s, relax) else None
        usable = [entry for entry in self.ending_at(key, rule) if entry.stands_open(now_s, relax)]
        return max(usable, key=attrgetter("used_s"), default=None)

    def use(self, keys: Sequence[int], rule: Rule, now_s: float) -> None:
        """Start the lifetimes anew of all entries that end with one of *keys* and are open now."""
        get = self._by_slot.get
        for ttl in _lives(rule):
            for key in keys:  # in place: a long conversation has hundreds, and each call comes by here
                entry = get(key << 20 | ttl)
                if entry is not None and entry.used_s < now_s and entry.stands_open(now_s):
                    entry.used_s = now_s

    def ending_at(self, key: int, rule: Rule) -> list[Entry]:
        """All that end there, live or not, of any lifetime."""
        found = (self._by_slot.get(slot_of(key, rule, ttl)) for ttl in _lives(rule))
        return [entry for entry in found if entry is not None]

    def size_of(self, key: int, rule: Rule) -> int | None:
        """The provider's count up to there, if it ever told one; it is that of the text, live or not."""
        return next((entry.tokens for entry in self.ending_at(key, rule) if entry.is_exact), None)

    def recount(self, key: int, rule: Rule, tokens: int) -> None:
        """The provider read *tokens* up to there: so many they are, and enough to be kept."""
        for entry in self.ending_at(key, rule):
            entry.tokens, entry.is_exact, entry.is_short = tokens, True, False

    def put(self, slot: int, new: Entry) -> None:
        """Write an entry; one that is there and live stays, and is used anew."""
        old = self._by_slot.get(slot)
        if old is not None and old.is_live(new.used_s):
            old.write_again(new)
            return
        self._by_slot[slot] = new
        if len(self._by_slot) > self._max:
            self._thin_out()

    def _thin_out(self) -> None:
        by_use = sorted(self._by_slot.items(), key=lambda item: item[1].used_s, reverse=True)
        self._by_slot = dict(by_use[: int(KEPT_SHARE * self._max)])


def _lives(rule: Rule) -> tuple[int, ...]:
    """The last part of the slots that entries of *rule* can have."""
    return rule.ttls_s if rule.keeps_ttls_apart else (0,)
