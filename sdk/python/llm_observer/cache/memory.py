"""Which earlier call does a prompt go on from? Conversations, found by their prefixes, in bounded memory."""

from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llm_observer.cache.facts import Facts
from llm_observer.cache.prompt import Marker

__all__ = ["Conversation", "Memory", "Record"]

MAX_BYTES = 32 * 1024 * 1024
ALL_KEPT = 8
"""Pieces at the start of a prompt of which each can be found by its key."""
ONE_IN = 8
"""Of the later ones, the share that can: which ones is said by the key, so that it is the same everywhere."""
PER_PIECE = 80
"""Bytes of a piece beside its facts: the object, its references, its places in the arrays."""
PER_ENTRY = 120
"""Bytes of a key in the dictionary, its number included."""
PER_CONVERSATION = 1200
"""All measured with CPython 3.11."""


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
    before: the call before the last one, where that only went on from it. counted: leading pieces that stood
    in a prompt whose tokens the provider counted.
    """

    __slots__ = (
        "anchors",
        "before",
        "counted",
        "ends",
        "facts",
        "facts_size",
        "key",
        "keys",
        "last",
        "size",
        "stable",
    )

    def __init__(self, key: str) -> None:
        self.key = key
        self.facts: list[Facts] = []
        self.facts_size = 0
        self.keys = array("Q")
        self.stable = array("Q")
        self.ends = array("Q")
        self.anchors: tuple[int, ...] = ()
        self.last: Record | None = None
        self.before: Record | None = None
        self.counted = 0
        self.size = PER_CONVERSATION

    def replace(self, facts: Sequence[Facts], keys: Sequence[int], stable: Sequence[int], kept: int) -> None:
        """The line has a newer prompt, whose first *kept* pieces are those that are here."""
        self.facts_size += sum(map(len, facts[kept:])) - sum(map(len, self.facts[kept:]))
        del self.facts[kept:], self.keys[kept:], self.stable[kept:]
        self.facts.extend(facts[kept:])
        self.keys.extend(keys[kept:])
        self.stable.extend(stable[kept:])

    def place(self, ends: Sequence[int], sure: int, *, is_counted: bool) -> None:
        """Tokens up to each piece of the newest prompt; those of the first *sure* ones stay."""
        del self.ends[sure:]
        self.ends.extend(ends[sure:])
        self.counted = len(ends) if is_counted else sure

    def correct(self, ends: Sequence[int]) -> None:
        """A count has placed the first pieces at *ends*: those behind share what is left."""
        at, last = len(ends), self.ends[-1]
        before, after = self.ends[at - 1], ends[-1]
        share = max(last - after, 0) / max(last - before, 1)
        self.ends[:at] = array("Q", ends)
        self.ends[at:] = array("Q", (after + round((end - before) * share) for end in self.ends[at:]))

    def fork(self, key: str, kept: int) -> "Conversation":
        """Another line, that begins with the first *kept* pieces of this one."""
        fork = Conversation(key)
        fork.replace(self.facts[:kept], self.keys[:kept], self.stable[:kept], 0)
        fork.ends.extend(self.ends[:kept])
        fork.counted = min(self.counted, kept)
        return fork

    def call_at(self, kept: int) -> Record | None:
        """The call that a prompt goes on from which has the first *kept* pieces of this line.

        A recap asks about a conversation at its end: what then goes on does so from the call before it.
        """
        return self.before if self.before and kept <= self.before.length else self.last


class Memory:
    """Conversations by the keys of their prompts; the least recently used go first.

    A key finds the line that had it last: the keys at the start and at the end of a prompt, and one in eight
    in between. Anchors find lines of which nothing else is equal.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._owners: dict[int, Conversation] = {}
        self._lines: OrderedDict[int, Conversation] = OrderedDict()
        self._held = 0

    @property
    def nbytes(self) -> int:
        """Bytes of memory, about; a piece that several lines have is counted with each."""
        return self._held + PER_ENTRY * len(self._owners)

    def __len__(self) -> int:
        return len(self._lines)

    def deepest(self, keys: Sequence[int]) -> tuple[int, Conversation | None]:
        """How many of *keys*, from the start, an earlier prompt had, and its line."""
        depth, line = self._nearest(keys)
        if line is not None:
            known = line.keys
            while depth < len(keys) and depth < len(known) and keys[depth] == known[depth]:
                depth += 1
        return depth, line

    def like(self, stable: Sequence[int]) -> Conversation | None:
        """The line that begins as *stable* does, as far as can be seen."""
        return self._nearest(stable)[1]

    def find(self, key: int) -> Conversation | None:
        """The line that has *key*."""
        return self._owners.get(key)

    def keep(self, line: Conversation, kept: int) -> None:
        """*line* has a newer prompt, with its first *kept* pieces as before."""
        self._owners.update(dict.fromkeys(line.anchors, line))
        for keys in (line.keys, line.stable):
            for place, key in enumerate(keys):
                is_found = _is_post(place, key) or place == len(keys) - 1
                if is_found and (place >= kept or key not in self._owners):
                    self._owners[key] = line
        self._held -= line.size if id(line) in self._lines else 0
        line.size = PER_CONVERSATION + PER_PIECE * len(line.facts) + line.facts_size
        self._held += line.size
        self._lines[id(line)] = line
        self._lines.move_to_end(id(line))
        while self.nbytes > self._max_bytes and len(self._lines) > 1:
            oldest = self._lines.popitem(last=False)[1]
            self._held -= oldest.size
            self.drop(oldest, 0)

    def drop(self, line: Conversation, kept: int) -> None:
        """The keys of *line* behind its first *kept* pieces stand for nothing any more."""
        ends = [
            keys[kept - 1]
            for keys in (line.keys, line.stable)
            if kept and not _is_post(kept - 1, keys[kept - 1])
        ]
        for keys in (line.keys[kept:], line.stable[kept:], line.anchors, ends):
            for key in keys:
                if self._owners.get(key) is line:
                    del self._owners[key]

    def _nearest(self, keys: Sequence[int]) -> tuple[int, Conversation | None]:
        owners = self._owners
        for place in range(len(keys) - 1, -1, -1):
            owner = owners.get(keys[place])
            if owner is not None:
                return place + 1, owner
        return 0, None


def _is_post(place: int, key: int) -> bool:
    """Whether a key can be found wherever it stands in a prompt."""
    return place < ALL_KEPT or not key % ONE_IN
