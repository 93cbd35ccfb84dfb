"""Which earlier call does a prompt go on from? Conversations, found by their prefixes, in bounded memory."""

from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llm_observer.cache.facts import Facts
from llm_observer.cache.prompt import Marker

__all__ = ["Conversation", "Memory", "Record"]

MAX_BYTES = 32 * 1024 * 1024
SHARED = 8
"""Bytes of a reference."""
PER_KEY = 130
"""Bytes of a key in a dictionary, its number included, and of its place in the arrays."""
PER_CONVERSATION = 1200


class Record(NamedTuple):
    """A call whose prompt is known. settings: 64-bit hashes by wire name. usage: None where it told none."""

    event_id: str
    tag: int
    length: int
    started_s: float
    first_byte_s: float | None
    settings: Mapping[str, int]
    markers: Sequence[Marker]
    total: int | None
    read: int | None
    written: int | None


class Conversation:
    """The newest prompt of a line of calls, and the call that sent it.

    key: hex name of the line, the same on each of its calls. keys, stable: chained hashes up to each piece.
    """

    __slots__ = ("anchors", "before", "ends", "facts", "key", "keys", "last", "size", "stable")

    def __init__(self, key: str) -> None:
        self.key = key
        self.facts: list[Facts] = []
        self.keys = array("Q")
        self.stable = array("Q")
        self.ends = array("Q")
        self.anchors: tuple[int, ...] = ()
        self.last: Record | None = None
        self.before: Record | None = None
        self.size = PER_CONVERSATION

    def replace(self, facts: Sequence[Facts], keys: Sequence[int], stable: Sequence[int], kept: int) -> None:
        """The line has a newer prompt, whose first *kept* pieces are those that are here."""
        del self.facts[kept:], self.keys[kept:], self.stable[kept:]
        self.facts.extend(facts[kept:])
        self.keys.extend(keys[kept:])
        self.stable.extend(stable[kept:])

    def fork(self, key: str, kept: int) -> "Conversation":
        """Another line, that begins with the first *kept* pieces of this one."""
        fork = Conversation(key)
        fork.replace(self.facts[:kept], self.keys[:kept], self.stable[:kept], 0)
        fork.ends.extend(self.ends[:kept])
        return fork

    def call_at(self, kept: int) -> Record | None:
        """The call that a prompt goes on from which has the first *kept* pieces of this line.

        A recap asks about a conversation at its end: what then goes on does so from the call before it.
        """
        if self.before is not None and self.last is not None and kept <= self.before.length < self.last.length:
            return self.before
        return self.last


class Memory:
    """Conversations by the keys of their prompts; the least recently used go first.

    A key finds the line that had it last. Keys of settings-free starts find lines of which nothing else
    is equal.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._owners: dict[int, Conversation] = {}
        self._lines: OrderedDict[int, Conversation] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def deepest(self, keys: Sequence[int]) -> tuple[int, Conversation | None]:
        """How many of *keys*, from the start, an earlier prompt had, and its line."""
        owners = self._owners
        for place in range(len(keys) - 1, -1, -1):
            owner = owners.get(keys[place])
            if owner is not None:
                return place + 1, owner
        return 0, None

    def find(self, key: int) -> Conversation | None:
        """The line that has *key*."""
        return self._owners.get(key)

    def keep(self, line: Conversation, kept: int) -> None:
        """*line* has a newer prompt, with its first *kept* pieces as before."""
        for keys in (line.keys, line.stable):
            for key in keys[kept:]:
                self._owners[key] = line
        for key in line.anchors:
            self._owners[key] = line
        for key in line.keys[:kept]:
            if key not in self._owners:
                self._owners[key] = line
        size = PER_CONVERSATION + sum(PER_KEY + len(facts) for facts in line.facts)
        self.nbytes += size - (line.size if id(line) in self._lines else 0)
        line.size = size
        self._lines[id(line)] = line
        self._lines.move_to_end(id(line))
        while self.nbytes > self._max_bytes and len(self._lines) > 1:
            self._forget(self._lines.popitem(last=False)[1])

    def drop(self, line: Conversation, kept: int) -> None:
        """The keys of *line* behind its first *kept* pieces stand for nothing any more."""
        for keys in (line.keys[kept:], line.stable[kept:], line.anchors):
            for key in keys:
                if self._owners.get(key) is line:
                    del self._owners[key]

    def _forget(self, line: Conversation) -> None:
        self.nbytes -= line.size
        for keys in (line.keys, line.stable, line.anchors):
            for key in keys:
                if self._owners.get(key) is line:
                    del self._owners[key]
