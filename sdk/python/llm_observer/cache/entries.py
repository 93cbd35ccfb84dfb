"""What does the provider keep of earlier prompts? Entries with their lifetimes, in bounded memory."""

from collections.abc import Collection
from typing import NamedTuple

from llm_observer.cache.prompt import Marker, Prompt
from llm_observer.cache.rules import Rule

__all__ = ["Entries", "Entry", "slot_of"]

ENTRY_BYTES = 480
"""Of an entry, its numbers and its place in the dictionary; measured with CPython 3.11, rounded up."""


class Entry(NamedTuple):
    """A prefix that the provider keeps.

    used_s: start of the request that last wrote or read it. visible_s: when the writer's answer began.
    is_exact: tokens is the provider's own count. is_short: too few tokens to be kept in truth; it is known
    here only to say so. is_end: it ends where a whole request ended. tag: the caller's number for the writer.
    """

    used_s: float
    visible_s: float
    ttl_s: float
    tokens: int
    is_exact: bool
    is_short: bool
    is_end: bool
    tag: int

    def is_live(self, now_s: float) -> bool:
        """Whether its lifetime lasts; it runs from the start of the request that last used the entry."""
        return now_s - self.used_s <= self.ttl_s

    def stands_open(self, now_s: float, relax: Collection[str] = ()) -> bool:
        """Whether a request that starts now could read it, obstacles in *relax* left out."""
        obstacles = {
            "ttl": not self.is_live(now_s),
            "concurrent": self.visible_s > now_s,
            "minimum": self.is_short,
        }
        return not any(stands and name not in relax for name, stands in obstacles.items())

    def written_again(self, new: "Entry") -> "Entry":
        """This live entry after another request has written it. The provider's count goes before ours."""
        counted = new if new.is_exact or not self.is_exact else self
        return self._replace(
            used_s=max(self.used_s, new.used_s),
            visible_s=min(self.visible_s, new.visible_s),
            tokens=counted.tokens,
            is_exact=counted.is_exact,
            is_short=self.is_short and new.is_short,
            is_end=self.is_end or new.is_end,
        )


def slot_of(key: int, rule: Rule, ttl_s: int) -> int:
    """Where an entry is kept: apart by lifetime where the provider does so."""
    return key << 20 | ttl_s if rule.keeps_ttls_apart else key << 20


class Entries:
    """Entries by slot, the longest unused first."""

    def __init__(self, max_bytes: int) -> None:
        self._max = max(64, max_bytes // ENTRY_BYTES)
        self._by_slot: dict[int, Entry] = {}

    def __len__(self) -> int:
        return len(self._by_slot)

    @property
    def nbytes(self) -> int:
        """Bytes of memory, about."""
        return ENTRY_BYTES * len(self._by_slot)

    def at(self, slot: int) -> Entry | None:
        """What is known there, live or not."""
        return self._by_slot.get(slot)

    def find(self, prompt: Prompt, rule: Rule, place: Marker, relax: Collection[str] = ()) -> Entry | None:
        """The entry that *prompt* finds at *place*, of the lifetime of the breakpoint that looks there."""
        lives = rule.ttls_s if "ttl_change" in relax else (place.ttl_s or 0,)
        key, now_s = prompt.keys[place.position], prompt.started_s
        entries = (self._by_slot.get(slot_of(key, rule, ttl)) for ttl in lives or (0,))
        usable = [entry for entry in entries if entry is not None and entry.stands_open(now_s, relax)]
        return max(usable, key=lambda entry: entry.used_s, default=None)

    def use(self, prompt: Prompt, rule: Rule, last: int) -> None:
        """Start the lifetimes anew of all that is open to *prompt* up to its piece *last*."""
        for at in range(last + 1):
            for ttl in rule.ttls_s if rule.keeps_ttls_apart else (0,):
                slot = slot_of(prompt.keys[at], rule, ttl)
                entry = self._by_slot.get(slot)
                if entry is not None and entry.stands_open(prompt.started_s):
                    self._keep(slot, entry._replace(used_s=max(entry.used_s, prompt.started_s)))

    def recount(self, prompt: Prompt, rule: Rule, position: int, tokens: int) -> None:
        """The provider counts *tokens* up to that piece."""
        for ttl in rule.ttls_s:
            slot = slot_of(prompt.keys[position], rule, ttl)
            entry = self._by_slot.get(slot)
            if entry is not None:
                self._by_slot[slot] = entry._replace(tokens=tokens, is_exact=True)

    def put(self, slot: int, new: Entry) -> None:
        """Write an entry; one that is there and live stays, and is used anew."""
        old = self._by_slot.get(slot)
        self._keep(slot, new if old is None or not old.is_live(new.used_s) else old.written_again(new))
        for _ in range(len(self._by_slot) - self._max):
            del self._by_slot[next(iter(self._by_slot))]

    def _keep(self, slot: int, entry: Entry) -> None:
        self._by_slot.pop(slot, None)
        self._by_slot[slot] = entry
